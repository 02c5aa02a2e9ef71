"""``ChatPollinations``: every model of the gateway as a LangChain chat model."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Unpack, cast, overload

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LangSmithParams, LanguageModelInput, ModelProfile
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableSerializable
from langchain_core.runnables.config import ContextThreadPoolExecutor
from langchain_core.runnables.utils import AnyConfigurableField
from pydantic import ConfigDict, Field, model_validator

from pollinations_client import (
    ConfigurationError,
    ModelOptions,
    PollinationsError,
    __version__,
)
from pollinations_client._adapter_support import (
    CALL_SETTINGS,
    DEFAULT_KEEP_IMAGES,
    ConnectionOptionsDict,
    alias_of,
)

from ._client import ClientMixin
from ._options import (
    ALIASES,
    CALL_ALIASES,
    MAX_N,
    audio_format_of,
    json_format_of,
    offers_functions,
    requests_for,
    result_from,
    sent_options,
    stream_request,
    summed_output,
    wire_for,
)
from ._profiles import known_profile
from ._streaming import StreamDecoder
from ._structured_types import Method, Parsed, RawAndParsed
from .errors import as_model_error, model_errors

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from ._option_types import ChatModelOptions
else:  # 5 ms, loaded with the first tool; ``with_fallbacks`` resolves the types of methods
    BaseTool = Any

# The words are there for editors; a tool's name is a string as well.
ToolChoice = Literal["auto", "none", "required", "any"] | str | bool | dict[str, Any]

# Fields of a model that change when an answer comes, and never what it says.
FIELDS_WITHOUT_EFFECT_ON_ANSWERS = ConnectionOptionsDict.__optional_keys__ | {
    *("name", "streaming", "disable_streaming"),
}


class ChatPollinations(ClientMixin, BaseChatModel, ModelOptions):
    """Chat models of the Pollinations gateway: GPT, Claude, Gemini, DeepSeek, Grok, all by name.

    Setup:
        Install from a clone of the repository, and set the environment variable
        ``POLLINATIONS_API_KEY`` (keys: <https://enter.pollinations.ai/keys>). Without a key, start
        ``pollinations emulator`` and set ``POLLINATIONS_BASE_URL`` to the address that it prints.

        ```bash
        pip install ".[langchain]"
        export POLLINATIONS_API_KEY="sk_..."
        ```

    Key init args - completion params:
        - ``model``: any name or alias; ``llm.catalog.names("text")`` knows many,
          ``llm.refresh_catalog()`` all of them
        - ``temperature`` 0 to 2, ``top_p`` 0 to 1, ``max_tokens``, ``stop``
        - ``seed``: equal seeds give equal answers from the gateway's cache; -1 draws one per call
        - ``reasoning_effort``: none, minimal, low, medium, high, xhigh, max
        - ``n``: answers per prompt, each of them paid
        - ``extra_body``, also ``model_kwargs``: fields of a request that are not listed below

        ``None`` is not sent. An unknown option is an error that names the nearest one.

    Key init args - client params:
        - ``api_key``: a string, a ``SecretStr`` or a function; else ``POLLINATIONS_API_KEY``
        - ``base_url``: else ``POLLINATIONS_BASE_URL``, else the public gateway
        - ``timeout`` in seconds, ``max_retries``
        - ``budget``: a ``PollenBudget`` that paid calls may not exceed
        - ``http_client``, ``http_async_client``: httpx clients of your own

    Instantiate:
        ```python
        from langchain_pollinations import ChatPollinations

        llm = ChatPollinations("claude", temperature=0.2, max_tokens=500, timeout=60)
        ```

        Another model for one call or for a chain: ``llm.invoke(messages, model="gemini")``,
        ``llm.bind(model="deepseek")``, ``llm.configurable_fields(...)``.

    Invoke:
        ```python
        messages = [
            ("system", "Answer in one sentence."),
            ("human", "Why do bees dance?"),
        ]
        answer = llm.invoke(messages)
        print(answer.text[:28])
        ```

        The answers shown are those of the emulator, which repeats what it was asked:

        ```output
        You asked: Why do bees dance
        ```

    Stream:
        ```python
        full = None
        for chunk in llm.stream(messages):
            print(chunk.text, end="")
            full = chunk if full is None else full + chunk
        ```

        Chunks can be added; the sum is the message that ``invoke`` gives, with tool calls, token
        counts and cost. ``llm.stream_events(messages, version="v3")`` gives LangChain's events.

    Async:
        ```python
        import asyncio


        async def main():
            await llm.ainvoke(messages)
            async for chunk in llm.astream(messages):
                print(chunk.text, end="")
            await llm.abatch([messages, messages])


        asyncio.run(main())
        ```

    Tool calling:
        ```python
        from pydantic import BaseModel, Field


        class GetWeather(BaseModel):
            '''Get the current weather in a place.'''

            place: str = Field(description="City and country")


        answer = llm.bind_tools([GetWeather]).invoke("What is the weather in 'Oslo, Norway'?")
        print(answer.tool_calls[0]["name"], answer.tool_calls[0]["args"])
        ```

        ```output
        GetWeather {'place': 'Oslo, Norway'}
        ```

        Agents: ``create_agent(llm, tools=[...])``; see ``PollinationsToolkit`` for tools that draw,
        search and speak. Tools that the provider has built in are offered by name:
        ``ChatPollinations("gemini").bind_tools(["google_search"])``.

    Structured output:
        ```python
        class Joke(BaseModel):
            '''A joke to tell.'''

            setup: str
            punchline: str


        joke = llm.with_structured_output(Joke).invoke("Tell me a joke about 'cats'")
        print(type(joke).__name__, joke.setup)
        ```

        ```output
        Joke cats
        ```

    Image input:
        ```python
        from langchain_core.messages import HumanMessage

        picture = {"type": "image", "url": "https://example.com/bee.jpg"}
        question = {"type": "text", "text": "What is in the picture?"}
        print(llm.invoke([HumanMessage([question, picture])]).text)
        ```

        ```output
        The picture is at https://example.com/bee.jpg. You asked: What is in the picture?
        ```

        ``"base64"`` with ``"mime_type"`` sends the bytes. Files, audio and video go in blocks of
        their own type, to the models that take them: ``llm.profile``.

    Reasoning:
        ```python
        thinker = ChatPollinations("deepseek", reasoning_effort="high")
        answer = thinker.invoke("Why do bees dance?")
        print([block["type"] for block in answer.content_blocks])
        ```

        ```output
        ['reasoning', 'text']
        ```

        It goes back to the model where the model needs it, in the loop of an agent say.

    Token usage:
        ```python
        usage = llm.invoke(messages).usage_metadata
        print(usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"])
        ```

        ```output
        True
        ```

        ``input_token_details`` and ``output_token_details`` tell of the cache, of reasoning, sound
        and pictures. A stream has the counts in its last chunk.

    Response metadata:
        ```python
        metadata = llm.invoke(messages).response_metadata
        print(metadata["model_name"], metadata["finish_reason"], metadata["cost"])
        ```

        ```output
        anthropic/claude-sonnet-4.6 stop [0.000555]
        ```

        ``cost`` is in pollen (1 pollen is 1 US dollar); a list, for the sum of several messages has
        several. ``cost_source`` says whether the gateway or the catalogue named the price.

    Raises:
        ConfigurationError: At construction, for settings that cannot work, a missing key among
            them.
        InvalidRequestError: For an unknown option or one out of bounds, before anything is sent.
        PollinationsError: For every other failure of a call. Each error is LangChain's
            ``ModelError`` of its kind, too, so that retries and fallbacks know it.
    """

    model_config = ConfigDict(
        extra="forbid",
        defer_build=False,
        arbitrary_types_allowed=True,
        populate_by_name=True,
        protected_namespaces=(),
        allow_inf_nan=False,
    )

    model: str = "openai"
    """Any name or alias of the gateway; an unknown one is the gateway's to refuse."""
    streaming: bool = False
    """Stream also where ``invoke`` is called, so that callbacks see tokens."""
    stream_usage: bool = True
    """Ask for token counts in streams."""
    n: int = Field(default=1, ge=1, le=MAX_N)
    """Answers per prompt: the gateway gives one, so ``n`` requests are sent, each with a seed of
    its own.
    """
    replay_reasoning: bool = True
    """Send reasoning back since the last user message and with every exchange in which a tool was
    called, where DeepSeek and Kimi demand it, and signed thinking always.
    """

    keep_images: int = Field(default=DEFAULT_KEEP_IMAGES, ge=0)
    """Pictures of tools that are sent: the latest, and those that the model has not answered yet.

    Of older ones, or of all at 0, the tool's text is sent alone. The user's own are always sent.
    """

    aliases: ClassVar[Mapping[str, str]] = {**ClientMixin.aliases, **ALIASES}

    model_name = alias_of("model")
    model_kwargs = alias_of("extra_body")
    stop_sequences = alias_of("stop")

    if TYPE_CHECKING:  # what editors complete; ClientMixin takes it

        def __init__(self, model: str | None = None, **options: Unpack[ChatModelOptions]) -> None:
            """Take options; open nothing."""

    def configurable_fields(self, **kwargs: AnyConfigurableField) -> RunnableSerializable[Any, Any]:
        """Let each call's ``config`` set fields, also under their names in other packages."""
        return super().configurable_fields(
            **{self.aliases.get(name, name): field for name, field in kwargs.items()}
        )

    def model_post_init(self, context: Any, /) -> None:
        """Add the version of this package to those of LangChain's that traces carry."""
        super().model_post_init(context)
        self._add_version("pollinations-adapters", __version__)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Show the model and what was set; neither the key nor what LangChain adds by itself."""
        fields = [
            (name, value)
            for name, value in super().__repr_args__()
            if name not in {"model", "profile", "metadata"}
        ]
        # Not the attribute: a constructor that failed has none, and tracebacks ask for a repr.
        return [("model", vars(self).get("model")), *fields]

    # -- what LangChain asks about a model

    @property
    def _llm_type(self) -> str:
        return "pollinations-chat"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "base_url": self._client.settings.base_url,
            "n": self.n,
            **sent_options(self),
        }

    @property
    def lc_secrets(self) -> dict[str, str]:
        """Name the environment variable that stands for the key in a serialised model."""
        return {"api_key": "POLLINATIONS_API_KEY"}

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Say that models can be dumped and loaded; the key comes from the environment."""
        return True

    def _get_invocation_params(
        self, stop: list[str] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        kwargs.pop("extra_headers", None)  # may hold a secret, and this goes to tracers
        params = {"_type": self._llm_type, "model": self.model, **sent_options(self), **kwargs}
        return {**params, "stop": stop or params.get("stop")}

    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: Any) -> str:
        """Return the cache key of a call, in which limits, retries and headers have no part."""
        options = {name: value for name, value in kwargs.items() if name not in CALL_SETTINGS}
        plain = self.model_copy(update=dict.fromkeys(FIELDS_WITHOUT_EFFECT_ON_ANSWERS))
        vars(plain).pop("_serialized", None)  # core computes it once, and a copy has it too
        return super(ChatPollinations, plain)._get_llm_string(stop, **options)

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        kwargs = {CALL_ALIASES.get(name, name): value for name, value in kwargs.items()}
        params = super()._get_ls_params(stop=stop, **kwargs)
        params["ls_provider"] = "pollinations"
        stop_words = stop or kwargs.get("stop") or self.stop
        if stop_words:
            if isinstance(stop_words, str):
                stop_words = [stop_words]
            params["ls_stop"] = list(stop_words)
        return params

    def _combine_llm_outputs(self, llm_outputs: list[dict[str, Any] | None]) -> dict[str, Any]:
        """Sum what the prompts of one ``generate`` used; one that a cache answered used nothing."""
        return summed_output(llm_outputs)

    def _resolve_model_profile(self) -> ModelProfile | None:
        profile = known_profile(self.model)
        return profile and profile.copy()

    @model_validator(mode="after")
    def _check_profile_keys(self) -> ChatPollinations:
        """Warn of fields that LangChain does not know, in a profile that a user gave."""
        # A profile made here has known fields only, and core reads the type hints of a profile anew
        # for each model, which was half the cost of making one.
        if self.profile != known_profile(self.model):
            cast(Any, super())._check_profile_keys()
        return self

    def get_num_tokens_from_messages(
        self, messages: Sequence[BaseMessage], tools: Any = None
    ) -> int:
        """Estimate the tokens of messages, or count them by ``custom_get_token_ids``.

        Nothing is downloaded or asked: 0.25 tokens a character, 0.58 for Chinese, 0.55 for
        Japanese and 0.47 for Korean. What an answer really used is in its ``usage_metadata``.
        """
        if self.custom_get_token_ids is not None:
            return super().get_num_tokens_from_messages(list(messages), tools)
        from ._token_counts import estimated_tokens_of_messages  # 2 ms, at its first use

        return estimated_tokens_of_messages(messages, tools)

    def get_num_tokens(self, text: str) -> int:
        """Estimate the tokens of a text, or count them by ``custom_get_token_ids``."""
        if self.custom_get_token_ids is not None:
            return len(self.custom_get_token_ids(text))
        from ._token_counts import estimated_tokens

        return estimated_tokens(text)

    def get_token_ids(self, text: str) -> list[int]:
        """Return token ids by ``custom_get_token_ids``.

        Raises:
            ConfigurationError: Where none is given: each model of the gateway has a tokenizer of
                its own, and numbers made up here would be taken for ids.
        """
        if self.custom_get_token_ids is not None:
            return self.custom_get_token_ids(text)
        with model_errors():
            raise ConfigurationError(
                "get_token_ids: the gateway tells no token ids. Give custom_get_token_ids=..., or"
                " estimate with get_num_tokens().",
                param="custom_get_token_ids",
            )

    # -- calls

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        try:
            requests = requests_for(self, stop, kwargs)
            wire = wire_for(self, messages, requests[0])
            client = self._client
            if len(requests) == 1:
                replies = [client.chat(wire, **requests[0])]
            else:
                # Context variables, such as a budget or a tracer's span, reach its threads.
                with ContextThreadPoolExecutor(len(requests)) as pool:
                    replies = list(pool.map(lambda options: client.chat(wire, **options), requests))
            return result_from(replies, requests[0], client.cost)
        except PollinationsError as error:
            failure = as_model_error(error)
        # Outside of the handler: the error of another class in ``__context__`` says it twice.
        raise failure

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        try:
            requests = requests_for(self, stop, kwargs)
            wire = wire_for(self, messages, requests[0])
            client = self._async_client
            if len(requests) == 1:
                replies = [await client.chat(wire, **requests[0])]
            else:
                replies = await asyncio.gather(
                    *(client.chat(wire, **options) for options in requests)
                )
            return result_from(replies, requests[0], client.cost)
        except PollinationsError as error:
            failure = as_model_error(error)
        raise failure

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        try:
            options = stream_request(self, stop, kwargs)
            wire = wire_for(self, messages, options)
            decoder = self._stream_decoder(options, kwargs)
            with contextlib.closing(self._client.stream_chat_batches(wire, **options)) as batches:
                for batch in batches:
                    for event in batch:
                        chunk = decoder.decode(event)
                        if run_manager is not None:
                            run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                        yield chunk
            return
        except PollinationsError as error:
            failure = as_model_error(error)
        raise failure

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        try:
            options = stream_request(self, stop, kwargs)
            wire = wire_for(self, messages, options)
            decoder = self._stream_decoder(options, kwargs)
            async with contextlib.aclosing(
                self._async_client.stream_chat_batches(wire, **options)
            ) as batches:
                async for batch in batches:
                    for event in batch:
                        chunk = decoder.decode(event)
                        if run_manager is not None:
                            await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                        yield chunk
            return
        except PollinationsError as error:
            failure = as_model_error(error)
        raise failure

    def _stream_decoder(self, options: dict[str, Any], kwargs: dict[str, Any]) -> StreamDecoder:
        counts_usage = bool(kwargs.get("stream_usage", self.stream_usage))
        return StreamDecoder(
            audio_format_of(options),
            model=options["model"],
            counts_usage=counts_usage,
            json_format=json_format_of(options),
            cost_of=self._client.cost,
            offers_functions=offers_functions(options),
        )

    # -- tools

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool | str],
        *,
        tool_choice: ToolChoice | None = None,
        strict: bool | None = None,
        parallel_tool_calls: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Offer tools.

        Args:
            tools: Functions, tools, classes, schemas; or built-in tools such as ``"google_search"``
                by name.
            tool_choice: ``auto``, ``none``, ``required``, ``any``, a name, ``True`` for any, or an
                object form.
            strict: Ask for arguments that follow the schema exactly, where the provider can.
            parallel_tool_calls: Whether one answer may hold several calls.
            **kwargs: Further options of the call.
        """
        from ._tool_definitions import tool_options  # 6 ms with LangChain's tools, at its first use

        with model_errors():
            options = tool_options(
                tools, choice=tool_choice, strict=strict, parallel=parallel_tool_calls
            )
        return self.bind(**options, **kwargs)

    # -- objects

    # mypy compares each overload alone with LangChain's signature, which gives a dict or a model.
    @overload  # type: ignore[override]
    def with_structured_output(
        self,
        schema: type[Parsed],
        *,
        method: Method | None = None,
        include_raw: Literal[False] = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Parsed]: ...
    @overload
    def with_structured_output(
        self,
        schema: dict[str, Any] | None = None,
        *,
        method: Method | None = None,
        include_raw: Literal[False] = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, dict[str, Any]]: ...
    @overload
    def with_structured_output(
        self,
        schema: type[Parsed],
        *,
        method: Method | None = None,
        include_raw: Literal[True],
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, RawAndParsed[Parsed]]: ...
    @overload
    def with_structured_output(
        self,
        schema: dict[str, Any] | type | None = None,
        *,
        method: Method | None = None,
        include_raw: bool,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]: ...
    def with_structured_output(
        self,
        schema: dict[str, Any] | type | None = None,
        *,
        method: Method | None = None,
        include_raw: bool = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """Make a runnable whose answers have the form of ``schema``.

        Args:
            schema: A Pydantic class, a TypedDict, a function or a JSON schema.
            method: ``json_schema`` (``response_format``), ``function_calling`` (a forced tool) or
                ``json_mode`` (describe the schema in the prompt). By default ``json_schema`` where
                the catalogue says that the model follows it or calls no tools, else
                ``function_calling``.
            include_raw: Return ``raw``, ``parsed`` and ``parsing_error`` in place of raising.
            strict: Ask for exactly the schema, where the provider can.
            **kwargs: Further options of the call.
        """
        from ._structured_output import method_for, structured_runnable  # 10 ms, at its first use

        with model_errors():
            if method is None:
                model = kwargs.get("model") or kwargs.get("model_name") or self.model
                method = method_for(model, self.catalog, has_tools=bool(kwargs.get("tools")))
            return structured_runnable(
                self, schema, method=method, include_raw=include_raw, strict=strict, **kwargs
            )
