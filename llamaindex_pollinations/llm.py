"""``Pollinations``: every model of the gateway as a LlamaIndex LLM."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack, cast

import llama_index.core.instrumentation as instrument
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    LLMMetadata,
    MessageRole,
)
from llama_index.core.chat_engine.types import AgentChatResponse
from llama_index.core.instrumentation.events.llm import (
    LLMStructuredPredictEndEvent,
    LLMStructuredPredictStartEvent,
)
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.prompts import PromptTemplate
from llama_index.core.types import Model, PydanticProgramMode
from pydantic import BaseModel, ConfigDict, Field

from pollinations_client import ConfigurationError, InvalidRequestError, ModelOptions
from pollinations_client._adapter_support import (
    DEFAULT_KEEP_IMAGES,
    AskedModel,
    alias_of,
    with_model,
    with_secret_key,
)

from ._callbacks import chat_callback, completion_callback
from ._client import ClientMixin
from ._messages import wire_messages
from ._options import HiddenHeadersMixin, call_options
from ._responses import completion_from, response_context, response_from
from ._streaming import StreamDecoder
from ._structured_types import Mode
from ._tool_calls import selections_in
from ._tool_definitions import tool_options

if TYPE_CHECKING:
    from llama_index.core.program.utils import FlexibleModel

    from ._option_types import LLMOptions
    from ._structured_calls import StructuredCall
    from ._structured_llm import PollinationsStructuredLLM

__all__ = ["Pollinations"]

DEFAULT_CONTEXT_WINDOW = 128_000  # tokens; for models of whose window the catalogue says nothing
# The num_output of an answer whose length nobody limits. LlamaIndex's PromptHelper then plans with
# 256 tokens, and raises where a window leaves no room for a prompt beside them.
UNLIMITED = -1
MIN_ROOM = 256
# Programs of other packages, which guide a local model's tokens: LlamaIndex's own methods run them.
OTHER_PROGRAMS = frozenset({PydanticProgramMode.GUIDANCE, PydanticProgramMode.LM_FORMAT_ENFORCER})

dispatcher = instrument.get_dispatcher(__name__)  # type: ignore[attr-defined]


class Pollinations(ClientMixin, HiddenHeadersMixin, FunctionCallingLLM, ModelOptions):
    """Chat with the models of the Pollinations gateway: GPT, Claude, Gemini, DeepSeek, Grok...

    Every option of an answer can also be given to a call, as in ``llm.chat(messages, seed=7)``,
    where it goes before the constructor's. None means that the option is not sent. An unknown name
    raises, with the nearest one.

    Args:
        model: Name or alias of a model, ``"openai"`` by default; may come first, without its name.
            ``llm.catalog.names("text")`` lists many, ``llm.refresh_catalog()`` asks for all.
        temperature: Randomness, 0 to 2. A hint: several models ignore it.
        max_tokens: Most tokens of an answer, thinking included.
        reasoning_effort: How long a reasoning model thinks: ``"none"``, ``"minimal"``, ``"low"``,
            ``"medium"``, ``"high"``, ``"xhigh"`` or ``"max"``.
        stop: One to four strings that end an answer.
        seed: 0 to 2147483647. The gateway answers the same request with the same seed from a cache;
            -1 draws a new seed for each call.
        modalities, audio: ``["text", "audio"]`` and ``{"voice": ..., "format": ...}`` for speech.
        extra_body: Request fields that are no options here, sent as they are.
        additional_kwargs: Further options of every call, as LlamaIndex's other classes have them.
        api_key: ``sk_...`` or ``pk_...``, or a function that returns it; by default the environment
            variable ``POLLINATIONS_API_KEY``.
        api_base: Address of the gateway; by default ``POLLINATIONS_BASE_URL``, else the public one.
        timeout: Seconds to wait for an answer, or for the next bytes of a stream; 180 and 120 by
            default.
        max_retries: Repeats of a request that cannot be billed twice; 2 by default.
        context_window: Tokens; by default what the catalogue says, else 128,000.
        is_function_calling_model: By default what the catalogue says, True for unknown models.
        strict: Send schemas of tools and objects in OpenAI's strict form; False by default.
        structured_output_mode: ``"json_schema"``, ``"function"`` or ``"text"`` asks for objects in
            this way only; ``"auto"``, the default, tries them in turn.
        replay_reasoning: Send the model its earlier thinking again; True by default.
        keep_images: How many pictures of tools a prompt holds, the latest ones; 1 by default.

    Raises:
        ConfigurationError: At construction, for options that cannot work, such as no key.
        InvalidRequestError: Before sending, for an unknown option, a value out of bounds, or a
            message that cannot be sent.
        PollinationsError: For a call that failed; its subclasses say why, and ``status_code`` is
            the gateway's.

    Examples:
        `pip install "pollinations-adapters[llamaindex]"`

        ```python
        from llamaindex_pollinations import Pollinations

        llm = Pollinations("claude", temperature=0.2)
        print(llm.complete("Why do bees dance?"))
        ```

        Chat and stream. Tokens, cost in pollen and more are in ``additional_kwargs``:

        ```python
        from llama_index.core.llms import ChatMessage

        messages = [ChatMessage("Why do bees dance?")]
        for response in llm.stream_chat(messages, reasoning_effort="low"):
            print(response.delta, end="")
        print("\\nTokens and pollen:")
        print(response.additional_kwargs["total_tokens"], response.additional_kwargs["cost"])
        ```

        An object of a class, and an agent with tools:

        ```python
        import asyncio

        from llama_index.core.agent.workflow import FunctionAgent
        from pydantic import BaseModel


        class Bee(BaseModel):
            name: str
            legs: int


        print(llm.as_structured_llm(Bee).complete("Describe the bee Maya.").raw)


        def add(a: int, b: int) -> int:
            \"\"\"Add two numbers.\"\"\"
            return a + b


        async def main() -> None:
            print(await FunctionAgent(llm=llm, tools=[add]).run("What is 2 + 3?"))


        asyncio.run(main())
        ```
    """

    model_config = ConfigDict(defer_build=False)

    model: str = Field(default="openai", description="Any name or alias the gateway knows.")
    additional_kwargs: dict[str, Any] = Field(
        default_factory=dict,
        description="Further options of every call; unknown ones are sent as they are.",
    )
    context_window: int | None = Field(
        default=None, gt=0, description="Tokens, else what the catalogue says."
    )
    is_function_calling_model: bool | None = Field(
        default=None, description="Else what the catalogue says."
    )
    is_chat_model: bool = Field(
        default=True, description=LLMMetadata.model_fields["is_chat_model"].description
    )
    strict: bool = Field(
        default=False, description="Send schemas of tools and objects in OpenAI's strict form."
    )
    include_usage: bool = Field(default=True, description="Ask for token counts in streams.")
    replay_reasoning: bool = Field(
        default=True, description="Send the model its earlier thinking again."
    )
    keep_images: int = Field(
        default=DEFAULT_KEEP_IMAGES,
        ge=0,
        description=(
            "Pictures of tools that are sent, the latest and those not answered yet; 0 for none."
        ),
    )
    structured_output_mode: Mode = Field(
        default="auto",
        description=(
            "How objects are asked for: json_schema, function, text; auto tries them in turn."
        ),
    )

    model_name = alias_of("model")
    audio_config = alias_of("audio")

    def __init__(self, model_id: str | None = None, /, **options: Unpack[LLMOptions]) -> None:
        """Read the options; open nothing.

        ``base_url`` is another name of ``api_base``, ``audio_config`` of ``audio``, ``model_name``
        of ``model``, ``http_async_client`` of ``async_http_client``.
        """
        wrapped = with_secret_key(options)
        del options  # so that no frame of a traceback has the key as text
        super().__init__(**with_model(model_id, wrapped))
        room = self.max_tokens or self.max_completion_tokens or 0
        if self.context_window is not None and room >= self.context_window:
            raise ConfigurationError(
                f"max_tokens: {room} tokens of answer leave no room for a prompt in a"
                f" context_window of {self.context_window}; lower max_tokens or raise"
                " context_window.",
                param="max_tokens",
            )

    # -- what LlamaIndex asks about a model

    @classmethod
    def class_name(cls) -> str:
        """Return the name that dumps carry."""
        return "Pollinations_LLM"

    @property
    def metadata(self) -> LLMMetadata:
        """Tell window and abilities: your fields, else the catalogue, else safe guesses."""
        # Read with every call and eleven times in an agent's run of two steps, also inside event
        # loops: LlamaIndex's classes that ask their service here block the loop.
        card = self.catalog.get(self.model)
        window = self.context_window or (card and card.context_window) or DEFAULT_CONTEXT_WINDOW
        calls_functions = self.is_function_calling_model
        if calls_functions is None:
            calls_functions = card is None or card.tools is not False
        return LLMMetadata(
            context_window=window,
            num_output=_room_for_answer(self.max_tokens or self.max_completion_tokens, window),
            is_chat_model=self.is_chat_model,
            is_function_calling_model=calls_functions,
            model_name=self.model,
        )

    def to_payload(self) -> dict[str, Any]:
        """Return what observers get: metadata and address, never a key or a header."""
        payload = {"class_name": self.class_name(), **self.metadata.model_dump()}
        return {**payload, "api_base": self.api_base, "reasoning_effort": self.reasoning_effort}

    # -- calls

    @chat_callback
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer a conversation.

        Args:
            messages: The conversation, with any of LlamaIndex's content blocks.
            **kwargs: Options of this call, fields of :class:`~pollinations_client.ChatOptions`.

        Returns:
            Text, thinking, pictures, sound, citations and tool calls as blocks of the message.
            ``additional_kwargs`` has counts of tokens, ``cost`` in pollen, ``finish_reason`` and
            ``request_id``; ``raw`` is the gateway's answer.
        """
        return self._chat(messages, kwargs)

    @chat_callback
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Answer a conversation piece by piece; arguments are those of :meth:`chat`.

        The request is sent with the first ``next``. Closing the generator closes the connection.
        """
        return self._stream_chat(messages, kwargs)

    @completion_callback
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Answer one user message; options are those of :meth:`chat`."""
        # Not through self.chat: its decorator would report a second call, and token counters would
        # count twice.
        return completion_from(self._chat(self._prompt_messages(prompt, formatted), kwargs))

    @completion_callback
    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        """Answer one user message piece by piece."""

        # A real generator: LlamaIndex's decorator tells streams by their type. A closed one closes
        # the generator within at once, and does not leave it to the garbage collector.
        def gen() -> CompletionResponseGen:
            with contextlib.closing(
                self._stream_chat(self._prompt_messages(prompt, formatted), kwargs)
            ) as responses:
                for response in responses:
                    yield completion_from(response)

        return gen()

    @chat_callback
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """:meth:`chat`, awaited."""
        return await self._achat(messages, kwargs)

    @chat_callback
    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        """:meth:`stream_chat`, awaited."""
        return self._astream_chat(messages, kwargs)

    @completion_callback
    async def acomplete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponse:
        """:meth:`complete`, awaited."""
        return completion_from(await self._achat(self._prompt_messages(prompt, formatted), kwargs))

    @completion_callback
    async def astream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseAsyncGen:
        """:meth:`stream_complete`, awaited."""

        async def gen() -> CompletionResponseAsyncGen:
            async with contextlib.aclosing(
                self._astream_chat(self._prompt_messages(prompt, formatted), kwargs)
            ) as responses:
                async for response in responses:
                    yield completion_from(response)

        return gen()

    def _chat(self, messages: Sequence[ChatMessage], call: Mapping[str, Any]) -> ChatResponse:
        options = self._options(call)
        reply = self._client.chat(self._wire_messages(messages, options), **options)
        return response_from(reply, response_context(options, self._client.cost))

    async def _achat(
        self, messages: Sequence[ChatMessage], call: Mapping[str, Any]
    ) -> ChatResponse:
        options = self._options(call)
        reply = await self._async_client.chat(self._wire_messages(messages, options), **options)
        return response_from(reply, response_context(options, self._client.cost))

    def _stream_chat(
        self, messages: Sequence[ChatMessage], call: Mapping[str, Any]
    ) -> Generator[ChatResponse, None, None]:
        options = self._options(call)
        decode = StreamDecoder(response_context(options, self._client.cost)).decode
        with contextlib.closing(
            self._client.stream_chat_batches(self._wire_messages(messages, options), **options)
        ) as batches:
            for batch in batches:
                for event in batch:
                    if (response := decode(event)) is not None:
                        yield response

    async def _astream_chat(
        self, messages: Sequence[ChatMessage], call: Mapping[str, Any]
    ) -> AsyncGenerator[ChatResponse, None]:
        options = self._options(call)
        decode = StreamDecoder(response_context(options, self._client.cost)).decode
        async with contextlib.aclosing(
            self._async_client.stream_chat_batches(
                self._wire_messages(messages, options), **options
            )
        ) as batches:
            async for batch in batches:
                for event in batch:
                    if (response := decode(event)) is not None:
                        yield response

    def _prompt_messages(self, prompt: str, formatted: bool) -> list[ChatMessage]:
        if not formatted and self.completion_to_prompt is not None:
            prompt = self.completion_to_prompt(prompt)
        if not isinstance(prompt, str | list):  # a list of content blocks
            # ChatMessage makes no block of anything else, and it would be lost.
            raise InvalidRequestError(
                f"prompt: a text is needed, not {type(prompt).__name__}; chat() takes messages, and"
                " predict() a template.",
                param="prompt",
            )
        return [ChatMessage(role=MessageRole.USER, content=prompt)]

    def _wire_messages(
        self, messages: Sequence[ChatMessage], options: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        return wire_messages(
            messages,
            AskedModel(options.get("model") or "", self.catalog),
            replay_reasoning=self.replay_reasoning,
            keep_images=self.keep_images,
        )

    def _options(self, call: Mapping[str, Any]) -> dict[str, Any]:
        fields = self.__dict__
        base = {
            name: fields[name]
            for name in ("model", *ModelOptions.model_fields)
            if fields[name] is not None
        }
        if not self.include_usage:
            base["stream_options"] = {"include_usage": False}
        return call_options(base, self.additional_kwargs, call, strict=self.strict)

    # -- tools

    def _prepare_chat_with_tools(
        self,
        tools: Sequence[Any],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        tool_choice: str | bool | dict[str, Any] | None = None,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Make the arguments of ``chat`` for a call with tools, or with names of built-in ones."""
        messages = list(chat_history or [])
        if isinstance(user_msg, str):
            user_msg = ChatMessage(role=MessageRole.USER, content=user_msg)
        if user_msg is not None:
            messages.append(user_msg)
        if not tools:
            # The keys are there, as in LlamaIndex's own classes; but None would take back tools
            # that additional_kwargs has.
            names = {"tools", "tool_choice"} - self.additional_kwargs.keys()
            return {"messages": messages, **dict.fromkeys(names), **kwargs}
        if tool_choice is None:
            # LlamaIndex's programs give tool_choice=None beside tool_required=True.
            tool_choice = "required" if tool_required else "auto"
        if strict is None:
            strict = self.strict
        options = tool_options(
            tools, choice=tool_choice, strict=strict, parallel=allow_parallel_tool_calls
        )
        return {"messages": messages, **options, **kwargs}

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        """Return the tools that a response selects; works on the chunks of a stream as well.

        JSON that is no object counts as no arguments. Arguments that were cut or cannot be read
        select no tool: ``tool_name`` says so, and the text received stays in the message.

        Raises:
            NoToolCallError: If there is no call and ``error_on_no_tool_call``.
        """
        return selections_in(response, required=error_on_no_tool_call)

    def predict_and_call(
        self,
        tools: Sequence[Any],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        error_on_no_tool_call: bool = True,
        error_on_tool_error: bool = False,
        **kwargs: Any,
    ) -> AgentChatResponse:
        """Let the model choose tools, and call them.

        A call whose arguments were cut is not run: its output is an error.

        Raises:
            NoToolCallError: If the model calls no tool, or one that was not offered.
            ValueError: If a tool fails and ``error_on_tool_error``.
        """
        from . import _tool_runs  # at its first use: agents run tools themselves

        request: dict[str, Any] = {"user_msg": user_msg, "chat_history": chat_history}
        request["verbose"] = verbose
        if not self.metadata.is_function_calling_model:
            options = _tool_runs.with_react_parts(kwargs)
            return super().predict_and_call(tools, **request, **options)
        response = self.chat_with_tools(
            tools, **request, allow_parallel_tool_calls=allow_parallel_tool_calls, **kwargs
        )
        return _tool_runs.run_tools(
            response,
            tools,
            verbose=verbose,
            error_on_no_tool_call=error_on_no_tool_call,
            error_on_tool_error=error_on_tool_error,
        )

    async def apredict_and_call(
        self,
        tools: Sequence[Any],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        error_on_no_tool_call: bool = True,
        error_on_tool_error: bool = False,
        **kwargs: Any,
    ) -> AgentChatResponse:
        """:meth:`predict_and_call`, awaited; several tools run side by side."""
        from . import _tool_runs  # at its first use: agents run tools themselves

        request: dict[str, Any] = {"user_msg": user_msg, "chat_history": chat_history}
        request["verbose"] = verbose
        if not self.metadata.is_function_calling_model:
            return await super().apredict_and_call(
                tools, **request, **_tool_runs.with_react_parts(kwargs)
            )
        response = await self.achat_with_tools(
            tools, **request, allow_parallel_tool_calls=allow_parallel_tool_calls, **kwargs
        )
        return await _tool_runs.arun_tools(
            response,
            tools,
            verbose=verbose,
            error_on_no_tool_call=error_on_no_tool_call,
            error_on_tool_error=error_on_tool_error,
        )

    # -- objects

    def structured_predict(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Model:
        """Answer a prompt with an object.

        Args:
            output_cls: A Pydantic class; for a list or a choice a ``RootModel`` of it.
            prompt: The prompt's template.
            llm_kwargs: Options of the call, as of :meth:`chat`.
            **prompt_args: Values of the template's variables.

        Raises:
            StructuredOutputError: If no answer held such an object.
        """
        if self.pydantic_program_mode in OTHER_PROGRAMS:
            return cast(
                Model, super().structured_predict(output_cls, prompt, llm_kwargs, **prompt_args)
            )
        dispatcher.event(
            LLMStructuredPredictStartEvent(
                output_cls=output_cls, template=prompt, template_args=prompt_args
            )
        )
        call = self._structured_call(output_cls, prompt, llm_kwargs, prompt_args)
        answer = call.predict()
        dispatcher.event(LLMStructuredPredictEndEvent(output=answer))
        return cast(Model, answer)

    async def astructured_predict(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Model:
        """:meth:`structured_predict`, awaited."""
        if self.pydantic_program_mode in OTHER_PROGRAMS:
            return cast(
                Model,
                await super().astructured_predict(output_cls, prompt, llm_kwargs, **prompt_args),
            )
        dispatcher.event(
            LLMStructuredPredictStartEvent(
                output_cls=output_cls, template=prompt, template_args=prompt_args
            )
        )
        call = self._structured_call(output_cls, prompt, llm_kwargs, prompt_args)
        answer = await call.apredict()
        dispatcher.event(LLMStructuredPredictEndEvent(output=answer))
        return cast(Model, answer)

    if TYPE_CHECKING:
        # LlamaIndex's own two take any class, so that a checker knows nothing of the objects.

        def stream_structured_predict(
            self,
            output_cls: type[Model],
            prompt: PromptTemplate,
            llm_kwargs: dict[str, Any] | None = None,
            **prompt_args: Any,
        ) -> Generator[Model | FlexibleModel, None, None]:
            """The object as it grows; the last one is complete."""
            ...

        async def astream_structured_predict(
            self,
            output_cls: type[Model],
            prompt: PromptTemplate,
            llm_kwargs: dict[str, Any] | None = None,
            **prompt_args: Any,
        ) -> AsyncGenerator[Model | FlexibleModel, None]:
            """:meth:`stream_structured_predict`, awaited."""
            ...

    def _structured_stream_call(
        self,
        output_cls: type[Any],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Generator[Any, None, None]:
        if self.pydantic_program_mode in OTHER_PROGRAMS:
            return super()._structured_stream_call(output_cls, prompt, llm_kwargs, **prompt_args)
        call = self._structured_call(output_cls, prompt, llm_kwargs, prompt_args)
        return call.stream()

    async def _structured_astream_call(
        self,
        output_cls: type[Any],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> AsyncGenerator[Any, None]:
        if self.pydantic_program_mode in OTHER_PROGRAMS:
            return await super()._structured_astream_call(
                output_cls, prompt, llm_kwargs, **prompt_args
            )
        call = self._structured_call(output_cls, prompt, llm_kwargs, prompt_args)
        return call.astream()

    def as_structured_llm(
        self, output_cls: type[BaseModel], **kwargs: Any
    ) -> PollinationsStructuredLLM:
        """Make a model that answers with objects of ``output_cls`` only, in streams as well."""
        from ._structured_llm import PollinationsStructuredLLM  # 2 ms, at its first use
        from ._structured_output import check_output_cls

        check_output_cls(output_cls)
        return PollinationsStructuredLLM(llm=self, output_cls=output_cls, **kwargs)

    def _structured_call(
        self,
        output_cls: type[BaseModel],
        prompt: PromptTemplate,
        llm_kwargs: Mapping[str, Any] | None,
        prompt_args: Mapping[str, Any],
    ) -> StructuredCall:
        from ._structured_calls import StructuredCall  # 5 ms with the readers, at its first use
        from ._structured_output import attempts, options_left_to_callers

        model = (llm_kwargs or {}).get("model") or self.model
        card = self.catalog.get(model)
        calls_functions = self.metadata.is_function_calling_model
        if model != self.model and self.is_function_calling_model is None:
            calls_functions = card is None or card.tools is not False
        return StructuredCall(
            self,
            attempts(
                output_cls,
                program_mode=self.pydantic_program_mode,
                mode=self.structured_output_mode,
                card=card,
                calls_functions=calls_functions,
                strict=self.strict,
                has_default_tools=self.catalog.has_trait(model, "default_tools"),
            ),
            # Adds the system prompt, which LlamaIndex's own async calls lose.
            self._extend_messages(prompt.format_messages(llm=self, **prompt_args)),
            options_left_to_callers(llm_kwargs),
        )


def _room_for_answer(limit: int | None, window: int) -> int:
    """Return the ``num_output`` that LlamaIndex plans with: a prompt has room beside it."""
    if limit:
        return min(limit, max(window // 2, 1))
    if window > 2 * MIN_ROOM:
        return UNLIMITED
    return max(window // 4, 1)
