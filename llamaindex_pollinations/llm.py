"""``Pollinations``: every model of the gateway as a LlamaIndex LLM."""

from __future__ import annotations

import asyncio
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
from llama_index.core.tools import ToolOutput
from llama_index.core.tools.calling import acall_tool_with_selection, call_tool_with_selection
from llama_index.core.types import Model, PydanticProgramMode
from pydantic import BaseModel, Field

from pollinations_client import ConfigurationError, ModelOptions
from pollinations_client._adapter_support import (
    DEFAULT_KEEP_IMAGES,
    AskedModel,
    with_model,
    with_secret_key,
)

from . import _structured_calls
from ._callbacks import chat_callback, completion_callback
from ._client import ClientMixin
from ._messages import wire_messages
from ._options import HiddenHeadersMixin, alias_of, call_options
from ._responses import completion_from, response_context, response_from
from ._streaming import Accumulator
from ._structured_llm import PollinationsStructuredLLM
from ._structured_output import Attempt, Mode, attempts, check_output_cls, cleaned
from ._tool_calls import agent_response, offered, refusals_in, selections_in
from ._tool_definitions import choice_among, wire_tools

if TYPE_CHECKING:
    from ._option_types import LLMOptions

__all__ = ["Pollinations"]

DEFAULT_CONTEXT_WINDOW = 128_000  # tokens; for models of whose window the catalogue says nothing
UNLIMITED = (
    -1
)  # LlamaIndex's word for an answer whose length nobody limits; it then plans with LEAST_ROOM
LEAST_ROOM = 256
OTHER_PROGRAMS = frozenset({PydanticProgramMode.GUIDANCE, PydanticProgramMode.LM_FORMAT_ENFORCER})

dispatcher = instrument.get_dispatcher(__name__)  # type: ignore[attr-defined]


class Pollinations(ClientMixin, HiddenHeadersMixin, FunctionCallingLLM, ModelOptions):
    """A model behind the Pollinations gateway: GPT, Claude, Gemini, DeepSeek, Grok and the rest, by
    name.

    Options are the fields below, by the same names in the constructor and in each call; a call's
    hold over the constructor's. ``None`` is not sent. An unknown one is refused with the nearest
    name; ``extra_body``, and in the constructor also ``additional_kwargs``, is the door for fields
    that are not listed. Those used most:

    - ``model``: any name or alias; ``llm.catalog.names("text")`` knows many,
      ``llm.refresh_catalog()`` all of them
    - ``temperature`` 0 to 2, ``max_tokens``, ``stop``, ``seed``; ``reasoning_effort``: none, low,
      medium, high, max
    - ``api_key`` or ``POLLINATIONS_API_KEY``; ``api_base`` or ``POLLINATIONS_BASE_URL``
    - ``context_window``, ``is_function_calling_model``: what the catalogue says, if not given

    Examples:
        >>> from pollinations_client.emulator import Emulator
        >>> gateway = Emulator().start()
        >>> llm = Pollinations(model="claude", temperature=0.2, api_base=gateway.url)
        >>> llm.complete("Say hello").additional_kwargs["finish_reason"]
        'stop'
        >>> gateway.stop()

    Raises:
        ConfigurationError: At construction, for settings that cannot work, a missing key among
            them.
        InvalidRequestError: For an unknown option, a value out of bounds, a block that cannot be
            sent.
        PollinationsError: From calls, by kind; each has ``status_code``.
    """

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
        """Take settings; open nothing. The model may come first, without its name.

        ``base_url`` is another name of ``api_base``, ``audio_config`` of ``audio``.
        """
        given = with_secret_key(options)
        del options  # so that no frame of a traceback has the key as text
        super().__init__(**with_model(model_id, given))
        room = self.max_tokens or self.max_completion_tokens or 0
        if self.context_window is not None and room >= self.context_window:
            raise ConfigurationError(
                f"max_tokens: {room} tokens of answer leave no room for a prompt in a"
                f" context_window of {self.context_window}; lower max_tokens or raise"
                " context_window.",
                param="max_tokens",
            )

    # -- what it is

    @classmethod
    def class_name(cls) -> str:
        """The name in dumps."""
        return "Pollinations_LLM"

    @property
    def metadata(self) -> LLMMetadata:
        """Window and abilities: your fields, then the catalogue, then safe guesses. Asks nobody."""
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
        """What observers are told: metadata and address, never a key or a header."""
        about = {"class_name": self.class_name(), **self.metadata.model_dump()}
        return {**about, "api_base": self.api_base, "reasoning_effort": self.reasoning_effort}

    # -- chat and completion

    @chat_callback
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The whole answer at once.

        ``kwargs`` are fields of :class:`~pollinations_client.ChatOptions`.
        """
        return self._chat(messages, kwargs)

    @chat_callback
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """The answer as it comes; sent with the first ``next``.

        Closing the generator closes the connection.
        """
        return self._stream_chat(messages, kwargs)

    @completion_callback
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """The answer to one user message."""
        return completion_from(self._chat(self._prompted(prompt, formatted), kwargs))

    @completion_callback
    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        """The answer to one user message as it comes."""

        def gen() -> CompletionResponseGen:
            with contextlib.closing(
                self._stream_chat(self._prompted(prompt, formatted), kwargs)
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
        return completion_from(await self._achat(self._prompted(prompt, formatted), kwargs))

    @completion_callback
    async def astream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseAsyncGen:
        """:meth:`stream_complete`, awaited."""

        async def gen() -> CompletionResponseAsyncGen:
            async with contextlib.aclosing(
                self._astream_chat(self._prompted(prompt, formatted), kwargs)
            ) as responses:
                async for response in responses:
                    yield completion_from(response)

        return gen()

    def _chat(self, messages: Sequence[ChatMessage], call: Mapping[str, Any]) -> ChatResponse:
        options = self._options(call)
        reply = self._client.chat(self._wire(messages, options), **options)
        return response_from(reply, response_context(options, self.catalog))

    async def _achat(
        self, messages: Sequence[ChatMessage], call: Mapping[str, Any]
    ) -> ChatResponse:
        options = self._options(call)
        reply = await self._async_client.chat(self._wire(messages, options), **options)
        return response_from(reply, response_context(options, self.catalog))

    def _stream_chat(
        self, messages: Sequence[ChatMessage], call: Mapping[str, Any]
    ) -> Generator[ChatResponse, None, None]:
        options = self._options(call)
        feed = Accumulator(response_context(options, self.catalog)).feed
        with contextlib.closing(
            self._client.stream_chat_batches(self._wire(messages, options), **options)
        ) as batches:
            for batch in batches:
                for event in batch:
                    if (response := feed(event)) is not None:
                        yield response

    async def _astream_chat(
        self, messages: Sequence[ChatMessage], call: Mapping[str, Any]
    ) -> AsyncGenerator[ChatResponse, None]:
        options = self._options(call)
        feed = Accumulator(response_context(options, self.catalog)).feed
        async with contextlib.aclosing(
            self._async_client.stream_chat_batches(self._wire(messages, options), **options)
        ) as batches:
            async for batch in batches:
                for event in batch:
                    if (response := feed(event)) is not None:
                        yield response

    def _prompted(self, prompt: str, formatted: bool) -> list[ChatMessage]:
        if not formatted and self.completion_to_prompt is not None:
            prompt = self.completion_to_prompt(prompt)
        return [ChatMessage(role=MessageRole.USER, content=prompt)]

    def _wire(
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
        """The arguments of ``chat`` for a call with tools.

        Tools may also be names of the gateway's built-in ones.
        """
        messages = list(chat_history or [])
        if user_msg is not None:
            asked = (
                ChatMessage(role=MessageRole.USER, content=user_msg)
                if isinstance(user_msg, str)
                else user_msg
            )
            messages.append(asked)
        if not tools:
            unsaid = {
                name: None
                for name in ("tools", "tool_choice")
                if name not in self.additional_kwargs
            }
            return {"messages": messages, **unsaid, **kwargs}
        definitions = wire_tools(tools, strict=self.strict if strict is None else strict)
        if tool_choice is None:
            tool_choice = "required" if tool_required else "auto"
        return {
            "messages": messages,
            "tools": definitions,
            "tool_choice": choice_among(definitions, tool_choice),
            "parallel_tool_calls": allow_parallel_tool_calls,
            **kwargs,
        }

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        """The tools a response selects, also from the chunks of a stream.

        Whole JSON that is no object counts as no arguments. Arguments that were cut or cannot be
        read select no tool: ``tool_name`` says so, and the text received stays in the message.

        Raises:
            NoToolCallError: Where a call was needed and there is none.
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
        """Let the model choose a tool, and call it.

        A call whose arguments were cut is not run: its output is an error. Raises
        :class:`NoToolCallError` for a tool that was not offered.
        """
        request: dict[str, Any] = {
            "user_msg": user_msg,
            "chat_history": chat_history,
            "verbose": verbose,
        }
        if not self.metadata.is_function_calling_model:
            return super().predict_and_call(tools, **request, **_with_reasoner(kwargs))
        response = self.chat_with_tools(
            tools, **request, allow_parallel_tool_calls=allow_parallel_tool_calls, **kwargs
        )
        refusals = refusals_in(response.message)
        outputs = [
            refusals.get(selection.tool_id)
            or call_tool_with_selection(offered(selection, tools), tools, verbose)
            for selection in selections_in(response, required=error_on_no_tool_call)
        ]
        return agent_response(response, outputs, error_on_tool_error=error_on_tool_error)

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
        request: dict[str, Any] = {
            "user_msg": user_msg,
            "chat_history": chat_history,
            "verbose": verbose,
        }
        if not self.metadata.is_function_calling_model:
            return await super().apredict_and_call(tools, **request, **_with_reasoner(kwargs))
        response = await self.achat_with_tools(
            tools, **request, allow_parallel_tool_calls=allow_parallel_tool_calls, **kwargs
        )
        refusals = refusals_in(response.message)

        async def output_of(selection: ToolSelection) -> ToolOutput:
            if refusal := refusals.get(selection.tool_id):
                return refusal
            return await acall_tool_with_selection(offered(selection, tools), tools, verbose)

        selections = selections_in(response, required=error_on_no_tool_call)
        outputs = await asyncio.gather(*map(output_of, selections))
        return agent_response(response, outputs, error_on_tool_error=error_on_tool_error)

    # -- objects

    def structured_predict(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Model:
        """An object of ``output_cls``; see ``structured_output_mode``, and
        ``pydantic_program_mode`` to insist.

        Raises:
            StructuredOutputError: When no answer held one.
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
        messages = self._asked(prompt, prompt_args)
        found = _structured_calls.predicted(
            self, self._attempts(output_cls, llm_kwargs), messages, cleaned(llm_kwargs)
        )
        dispatcher.event(LLMStructuredPredictEndEvent(output=found))
        return cast(Model, found)

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
        messages = self._asked(prompt, prompt_args)
        found = await _structured_calls.apredicted(
            self, self._attempts(output_cls, llm_kwargs), messages, cleaned(llm_kwargs)
        )
        dispatcher.event(LLMStructuredPredictEndEvent(output=found))
        return cast(Model, found)

    def _structured_stream_call(
        self,
        output_cls: type[Any],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Generator[Any, None, None]:
        if self.pydantic_program_mode in OTHER_PROGRAMS:
            return super()._structured_stream_call(output_cls, prompt, llm_kwargs, **prompt_args)
        messages = self._asked(prompt, prompt_args)
        return _structured_calls.streamed(
            self, self._attempts(output_cls, llm_kwargs), messages, cleaned(llm_kwargs)
        )

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
        messages = self._asked(prompt, prompt_args)
        return _structured_calls.astreamed(
            self, self._attempts(output_cls, llm_kwargs), messages, cleaned(llm_kwargs)
        )

    def as_structured_llm(
        self, output_cls: type[BaseModel], **kwargs: Any
    ) -> PollinationsStructuredLLM:
        """This model as one that answers with objects of ``output_cls`` only, streamed completions
        included.
        """
        check_output_cls(output_cls)
        return PollinationsStructuredLLM(llm=self, output_cls=output_cls, **kwargs)

    def _asked(self, prompt: PromptTemplate, prompt_args: Mapping[str, Any]) -> list[ChatMessage]:
        return self._extend_messages(prompt.format_messages(llm=self, **prompt_args))

    def _attempts(
        self, output_cls: type[BaseModel], llm_kwargs: Mapping[str, Any] | None
    ) -> list[Attempt]:
        model = (llm_kwargs or {}).get("model") or self.model
        card = self.catalog.get(model)
        calls_functions = self.metadata.is_function_calling_model
        if model != self.model and self.is_function_calling_model is None:
            calls_functions = card is None or card.tools is not False
        return attempts(
            output_cls,
            program_mode=self.pydantic_program_mode,
            mode=self.structured_output_mode,
            card=card,
            calls_functions=calls_functions,
            strict=self.strict,
            has_default_tools=self.catalog.has_trait(model, "default_tools"),
        )


def _with_reasoner(options: dict[str, Any]) -> dict[str, Any]:
    """Without tools LlamaIndex asks by words, but leaves out the formatter that its agent insists
    on.
    """
    from llama_index.core.agent.react import ReActChatFormatter, ReActOutputParser

    return {
        "react_chat_formatter": ReActChatFormatter(),
        "output_parser": ReActOutputParser(),
        **options,
    }


def _room_for_answer(limit: int | None, window: int) -> int:
    """Tokens of an answer, as LlamaIndex plans with them: never so many that no prompt is left."""
    if limit:
        return min(limit, max(window // 2, 1))
    return UNLIMITED if window > 2 * LEAST_ROOM else max(window // 4, 1)
