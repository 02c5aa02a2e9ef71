"""Tools for agents: pictures, videos, web search, voice, models, balance, and their toolkit.

What a model may decide is in the arguments, all else in fields. What is decided for both frameworks
is in ``pollinations_client/agent_tools``.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Unpack

from langchain_core.callbacks import AsyncCallbackManagerForToolRun, CallbackManagerForToolRun
from langchain_core.messages import ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, BaseToolkit, ToolException
from langchain_core.tools.base import ToolExceptionHandlerOutput
from pydantic import ConfigDict, PrivateAttr, ValidationError
from pydantic.v1 import ValidationError as ValidationErrorV1

from pollinations_client import MediaResult, Picture, PollinationsError
from pollinations_client._adapter_support import (
    BALANCE,
    DEFAULT_SPEECH_MODEL,
    DEFAULT_TRANSCRIPTION_MODEL,
    DESCRIPTIONS,
    MODELS,
    OTHER_MODELS,
    SEARCH,
    SPEAK,
    TRANSCRIBE,
    ArgumentAdvice,
    ConversationPictures,
    ListArguments,
    MediaAnswer,
    MediaTool,
    MediaToolOptions,
    NoArguments,
    SearchArguments,
    SoundFolder,
    TranscribeArguments,
    balance_text,
    check_kind,
    earlier_pictures,
    make_media,
    make_media_async,
    models_text,
    offered_models_text,
    search_answer,
    speak_arguments,
    spoken_answer,
    transcript_answer,
    with_secret_key,
)

from ._client import ClientMixin, other_name
from .errors import as_tool_error, model_errors

if TYPE_CHECKING:
    from ._option_types import (
        MakingToolOptions,
        ModelsToolOptions,
        SearchToolOptions,
        ToolkitOptions,
        ToolOptions,
        VoiceToolOptions,
    )

MADE_FIELDS = frozenset({"args_schema", "description", "handle_validation_error"})
FailureHandler = bool | str | Callable[[ToolException], ToolExceptionHandlerOutput] | None
ValidationHandler = bool | str | Callable[[ValidationError | ValidationErrorV1], str] | None
Content = str | list[str | dict[str, Any]]


@contextlib.contextmanager
def tool_errors() -> Iterator[None]:
    """Raise what the client raises inside as an error that an agent can read."""
    try:
        yield
    except PollinationsError as error:
        failure = as_tool_error(error)
    else:
        return
    raise failure


class GatewayTool(ClientMixin, BaseTool):
    """What the tools share: a connection, and failures that an agent can read and act on."""

    model_config = ConfigDict(
        arbitrary_types_allowed=True, extra="forbid", populate_by_name=True, defer_build=False
    )

    further_settings: ClassVar[tuple[str, ...]] = ("media_base_url",)

    media_base_url: str | None = None
    """Where pictures are uploaded, if not to the gateway's own store."""
    handle_tool_error: FailureHandler = True
    """Whether failures become the tool's answer, so that the agent goes on.

    With ``False`` they are raised, as errors that are both ``ToolException`` and LangChain's
    ``ModelError``, for middleware that retries.
    """
    handle_validation_error: ValidationHandler = ArgumentAdvice()
    """How bad arguments become the tool's answer: with the names of the good ones."""

    _has_own_schema: bool = PrivateAttr(default=False)

    def __init__(self, model: str | None = None, **options: Any) -> None:
        """Take options; open nothing."""
        options = with_secret_key(options)
        super().__init__(model, **options)
        self._has_own_schema = "args_schema" in self.model_fields_set
        with model_errors():
            self._describe()

    def _describe(self) -> None:
        """Describe the arguments to the model, as far as the operator has not."""
        fields = getattr(self.args_schema, "model_fields", {})
        if isinstance(self.handle_validation_error, ArgumentAdvice):
            self.handle_validation_error = ArgumentAdvice(tuple(fields))

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """What the operator set, not what the tool has made of it."""
        return [(name, value) for name, value in super().__repr_args__() if name not in MADE_FIELDS]

    def _output(self, content: Content, artifact: Any) -> Any:
        """What ``_run`` returns for the tool's ``response_format``."""
        # LangChain takes a pair apart with "content_and_artifact" only; else it would be one text.
        if self.response_format == "content":
            return content
        return content, artifact

    def _join(self, toolkit: PollinationsToolkit) -> GatewayTool:
        """Use the connection of a toolkit, and what it has refreshed."""
        self._clients = toolkit._connect()
        with model_errors():
            self._describe()
        return self

    def __getstate__(self) -> dict[Any, Any]:
        """What a pickle carries: not the class of the arguments, which is made again."""
        # It is made from the model's card, and pickle finds no class that no module has.
        state = super().__getstate__()
        if self._has_own_schema:
            return state
        return {**state, "__dict__": {**state["__dict__"], "args_schema": NoArguments}}

    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__(state)
        self._describe()


class MakingTool(GatewayTool, MediaToolOptions):
    """What the picture and the video tool share.

    Its fields are the operator's; a call's arguments prevail.
    """

    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"

    kind: ClassVar[Literal["image", "video"]] = "image"
    door: ClassVar[str | None] = "extra_query"

    _pictures: ConversationPictures = PrivateAttr(default_factory=ConversationPictures)
    _is_of_toolkit: bool = PrivateAttr(default=False)

    @property
    def _media_tool(self) -> MediaTool:
        model = self.model
        if self.models and "model" not in self.model_fields_set:
            model = None  # then the first of the operator's, not the class's own default
        return MediaTool(
            self.kind,
            self.catalog,
            self,
            model=model,
            models=self.models,
            pictures=self._pictures,
            shared=self._is_of_toolkit,
        )

    def _describe(self) -> None:
        tool = self._media_tool
        if not self._has_own_schema:
            self.args_schema = tool.arguments()
            if "description" not in self.model_fields_set or self._has_usual_description:
                self.description = tool.description(self.args_schema)
        super()._describe()

    @property
    def _has_usual_description(self) -> bool:
        usual: str = type(self).model_fields["description"].default
        return self.description.startswith(usual)

    def _join(self, toolkit: PollinationsToolkit) -> GatewayTool:
        self._pictures, self._is_of_toolkit = toolkit._pictures, True
        return super()._join(toolkit)

    def _run(
        self,
        prompt: str,
        config: RunnableConfig,
        run_manager: CallbackManagerForToolRun | None = None,
        **arguments: Any,
    ) -> Any:
        with tool_errors():
            tool, thread = self._media_tool, self._conversation(config)
            request = tool.request({"prompt": prompt, **arguments}, thread)
            picture = make_media(self._client, request)
            cost = self._cost(picture, request.options)
            answer = tool.answer(picture, cost, thread)
            return self._output(*_parts(answer))

    async def _arun(
        self,
        prompt: str,
        config: RunnableConfig,
        run_manager: AsyncCallbackManagerForToolRun | None = None,
        **arguments: Any,
    ) -> Any:
        with tool_errors():
            tool, thread = self._media_tool, self._conversation(config)
            request = tool.request({"prompt": prompt, **arguments}, thread)
            picture = await make_media_async(self._async_client, request)
            cost = self._cost(picture, request.options)
            answer = await asyncio.to_thread(tool.answer, picture, cost, thread)
            return self._output(*_parts(answer))

    def _conversation(self, config: RunnableConfig) -> str | None:
        """The conversation that a call belongs to; earlier pictures of it are recalled."""
        thread = thread_of(config)
        if thread is not None and not self._pictures.knows(thread):
            answers = [
                (message.text, message.artifact)
                for message in messages_of(config)
                if isinstance(message, ToolMessage)
            ]
            self._pictures.resume(thread, earlier_pictures(answers, self.save_dir))
        return thread

    def _cost(self, picture: Picture, options: Mapping[str, Any]) -> Any:
        return self._client.cost(picture.info, options.get("model") or picture.model or "")


def thread_of(config: RunnableConfig | None) -> str | None:
    """The conversation that a call belongs to."""
    # LangGraph's checkpoints are filed under this key, so an agent with memory has it.
    thread = ((config or {}).get("configurable") or {}).get("thread_id")
    return None if thread is None else str(thread)


def messages_of(config: RunnableConfig) -> list[Any]:
    """The messages of the graph that a tool runs in; none outside of one."""
    # LangGraph's ToolNode reads the state by this key (langgraph/prebuilt/tool_node.py). An
    # injected argument would be the other way, and keeps a tool from being served by MCP.
    read = (config.get("configurable") or {}).get("__pregel_read")
    if read is None:
        return []
    try:
        return list(read("messages") or ())
    except KeyError:  # a graph of another state
        return []


def _parts(answer: MediaAnswer) -> tuple[Content, MediaResult]:
    """What the model reads, and the artifact."""
    # The picture itself only where the operator asked for it: it is paid for on every later turn.
    if answer.picture_for_model is None:
        return answer.text, answer.result
    block = {
        "type": "image",
        "base64": base64.b64encode(answer.picture_for_model.data).decode("ascii"),
        "mime_type": answer.picture_for_model.mime_type,
    }
    return [{"type": "text", "text": answer.text}, block], answer.result


class PollinationsImageTool(MakingTool):
    """Draws a picture from a description, or changes one, for agents and for people.

    The artifact is a :class:`~pollinations_client.MediaResult`.

    Examples:
        >>> from pollinations_client.emulator import Emulator
        >>> with Emulator() as gateway:
        ...     tool = PollinationsImageTool(width=64, height=64, base_url=gateway.url)
        ...     tool.invoke({"prompt": "a red fox in snow", "seed": 1})[:45]
        "Made a picture of 'a red fox in snow' (model "
    """

    name: str = "generate_image"
    description: str = DESCRIPTIONS["image"]
    args_schema: Any = NoArguments
    model: str | None = "flux"
    """The image model; see ``PollinationsClient().image_models()``."""

    if TYPE_CHECKING:  # what editors complete; GatewayTool takes it

        def __init__(self, model: str | None = None, **options: Unpack[MakingToolOptions]) -> None:
            """Take options; open nothing."""


class PollinationsVideoTool(MakingTool):
    """Makes a short video from a description, within seconds or minutes; an mp4 in the artifact."""

    kind: ClassVar[Literal["image", "video"]] = "video"

    name: str = "generate_video"
    description: str = DESCRIPTIONS["video"]
    args_schema: Any = NoArguments
    model: str | None = "veo"
    """The video model; see ``PollinationsClient().image_models()``."""

    if TYPE_CHECKING:  # what editors complete; GatewayTool takes it

        def __init__(self, model: str | None = None, **options: Unpack[MakingToolOptions]) -> None:
            """Take options; open nothing."""


class PollinationsSearchTool(GatewayTool):
    """Asks a model that searches the web, for agents whose own model cannot.

    The artifact is a list of the sources, each with ``title`` and ``url``.

    Examples:
        >>> from pollinations_client.emulator import Emulator
        >>> with Emulator() as gateway:
        ...     tool = PollinationsSearchTool(base_url=gateway.url)
        ...     "Sources:" in tool.invoke({"query": "Who won?"})
        True
    """

    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"
    name: str = "web_search"
    description: str = SEARCH
    args_schema: Any = SearchArguments
    model: str = "sonar"
    """A searching model: ``sonar``, ``gemini-search``."""
    return_search_results: bool = False
    """Give the sources as ``search_result`` blocks too, which Claude's own API cites from."""

    def _describe(self) -> None:
        check_kind(self.catalog, "text", self.model, param="model")
        super()._describe()

    if TYPE_CHECKING:  # what editors complete; GatewayTool takes it

        def __init__(self, model: str | None = None, **options: Unpack[SearchToolOptions]) -> None:
            """Take options; open nothing."""

    def _run(self, query: str, run_manager: CallbackManagerForToolRun | None = None) -> Any:
        with tool_errors():
            return self._answer(self._client.chat(query, model=self.model))

    async def _arun(
        self, query: str, run_manager: AsyncCallbackManagerForToolRun | None = None
    ) -> Any:
        with tool_errors():
            return self._answer(await self._async_client.chat(query, model=self.model))

    def _answer(self, reply: Any) -> Any:
        answer = search_answer(reply)
        if self.return_search_results and answer.sources:
            return self._output([*answer.search_results], answer.sources)
        return self._output(answer.text, answer.sources)


class VoiceTool(GatewayTool):
    """What the voice tools share: the folder of sounds."""

    save_dir: str | Path | None = None
    """The folder of sounds; without one a temporary one is made."""

    _sounds: SoundFolder = PrivateAttr(default_factory=SoundFolder)

    def _describe(self) -> None:
        check_kind(self.catalog, "audio", getattr(self, "model", None), param="model")
        super()._describe()

    def _join(self, toolkit: PollinationsToolkit) -> GatewayTool:
        self._sounds = toolkit._sounds
        return super()._join(toolkit)


class PollinationsSpeechTool(VoiceTool):
    """Speaks a text into a file of the operator's folder.

    The model reads the file's path; the artifact is a :class:`~pollinations_client.MediaResult`.

    Examples:
        >>> from pollinations_client.emulator import Emulator
        >>> with Emulator() as gateway:
        ...     tool = PollinationsSpeechTool(base_url=gateway.url)
        ...     tool.invoke({"text": "Bees dance."})[:19]
        'Spoke 11 characters'
    """

    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"
    name: str = "speak"
    description: str = SPEAK
    args_schema: Any = NoArguments
    model: str = DEFAULT_SPEECH_MODEL
    """The model that speaks; see ``PollinationsClient().audio_models()``."""

    if TYPE_CHECKING:  # what editors complete; GatewayTool takes it

        def __init__(self, model: str | None = None, **options: Unpack[VoiceToolOptions]) -> None:
            """Take options; open nothing."""

    def _describe(self) -> None:
        if not self._has_own_schema:
            self.args_schema = speak_arguments(self.catalog, self.model)
        super()._describe()

    def _run(
        self, text: str, run_manager: CallbackManagerForToolRun | None = None, **arguments: Any
    ) -> Any:
        with tool_errors():
            target = self._sounds.target(self.save_dir)
            path = self._client.speech(text, **arguments, model=self.model, path=target)
            answer = spoken_answer(path, {"text": text, **arguments}, self.model)
        return self._output(answer.text, answer.result)

    async def _arun(
        self, text: str, run_manager: AsyncCallbackManagerForToolRun | None = None, **arguments: Any
    ) -> Any:
        with tool_errors():
            target = self._sounds.target(self.save_dir)
            path = await self._async_client.speech(text, **arguments, model=self.model, path=target)
            answer = spoken_answer(path, {"text": text, **arguments}, self.model)
        return self._output(answer.text, answer.result)


class PollinationsTranscriptionTool(VoiceTool):
    """Writes down what is said in a sound file of the operator's folder, and of no other."""

    name: str = "transcribe"
    description: str = TRANSCRIBE
    args_schema: Any = TranscribeArguments
    model: str = DEFAULT_TRANSCRIPTION_MODEL
    """The model that listens."""

    if TYPE_CHECKING:  # what editors complete; GatewayTool takes it

        def __init__(self, model: str | None = None, **options: Unpack[VoiceToolOptions]) -> None:
            """Take options; open nothing."""

    def _run(
        self,
        path: str,
        language: str | None = None,
        run_manager: CallbackManagerForToolRun | None = None,
    ) -> str:
        with tool_errors():
            file = self._sounds.file(self.save_dir, path)
            text = self._client.transcribe(file, language, model=self.model)
            return transcript_answer(text)

    async def _arun(
        self,
        path: str,
        language: str | None = None,
        run_manager: AsyncCallbackManagerForToolRun | None = None,
    ) -> str:
        with tool_errors():
            file = self._sounds.file(self.save_dir, path)
            text = await self._async_client.transcribe(file, language, model=self.model)
            return transcript_answer(text)


class PollinationsModelsTool(GatewayTool):
    """Lists the gateway's models with what each can do, or only those that an operator offers."""

    name: str = "list_models"
    description: str = MODELS
    args_schema: Any = ListArguments
    models: list[str] | None = None
    """Names to list; without them all of a kind, asked from the gateway."""
    models_kind: Literal["text", "image", "video", "audio"] = "image"
    """What ``models`` make."""

    if TYPE_CHECKING:  # what editors complete; GatewayTool takes it

        def __init__(self, **options: Unpack[ModelsToolOptions]) -> None:
            """Take options; open nothing."""

    def _describe(self) -> None:
        if not self._has_own_schema:
            self.args_schema = NoArguments if self.models else ListArguments
        super()._describe()

    def _run(self, kind: str = "text", run_manager: CallbackManagerForToolRun | None = None) -> str:
        if self.models:
            return offered_models_text(self.catalog, self.models, self.models_kind)
        client = self._client
        lists = {"text": client.text_models, "audio": client.audio_models}
        with tool_errors():
            return models_text(lists.get(kind, client.image_models)(), kind)

    async def _arun(
        self, kind: str = "text", run_manager: AsyncCallbackManagerForToolRun | None = None
    ) -> str:
        if self.models:
            return offered_models_text(self.catalog, self.models, self.models_kind)
        client = self._async_client
        lists = {"text": client.text_models, "audio": client.audio_models}
        with tool_errors():
            return models_text(await lists.get(kind, client.image_models)(), kind)


class PollinationsBalanceTool(GatewayTool):
    """Tells how much pollen, the gateway's credit, is left."""

    name: str = "check_balance"
    description: str = BALANCE
    args_schema: Any = NoArguments

    if TYPE_CHECKING:  # what editors complete; GatewayTool takes it

        def __init__(self, **options: Unpack[ToolOptions]) -> None:
            """Take options; open nothing."""

    def _run(self, run_manager: CallbackManagerForToolRun | None = None) -> str:
        with tool_errors():
            return balance_text(self._client.balance())

    async def _arun(self, run_manager: AsyncCallbackManagerForToolRun | None = None) -> str:
        with tool_errors():
            return balance_text(await self._async_client.balance())


class PollinationsToolkit(ClientMixin, MediaToolOptions, BaseToolkit):
    """The gateway's tools with one connection, one folder, and names for the pictures made.

    ``create_agent(llm, tools=PollinationsToolkit(save_dir="pictures").get_tools())``
    """

    model_config = ConfigDict(
        arbitrary_types_allowed=True, extra="forbid", populate_by_name=True, defer_build=False
    )

    door: ClassVar[str | None] = None
    aliases: ClassVar[Mapping[str, str]] = {**ClientMixin.aliases, "image_model": "model"}
    further_settings: ClassVar[tuple[str, ...]] = ("media_base_url",)

    model: str | None = "flux"
    """The model that draws, also ``image_model``; see ``PollinationsClient().image_models()``."""
    video_model: str | None = None
    """The model of videos. ``None`` leaves the tool out: a video costs as much as 100 pictures."""
    search_model: str | None = "sonar"
    """The model that searches the web. ``None`` leaves the tool out."""
    voice: bool = False
    """Offer ``speak`` and ``transcribe`` too; their files are in ``save_dir``."""
    speech_model: str = DEFAULT_SPEECH_MODEL
    """The model that speaks."""
    transcription_model: str = DEFAULT_TRANSCRIPTION_MODEL
    """The model that listens."""
    handle_tool_error: FailureHandler = True
    """See the same field of the tools."""
    handle_validation_error: ValidationHandler = ArgumentAdvice()
    """See the same field of the tools."""

    image_model = other_name("model")

    _pictures: ConversationPictures = PrivateAttr(default_factory=ConversationPictures)
    _sounds: SoundFolder = PrivateAttr(default_factory=SoundFolder)

    def __init__(self, model: str | None = None, **options: Unpack[ToolkitOptions]) -> None:
        """Take options; open nothing. Refuses models that are known to make something else."""
        safe_options = with_secret_key(options)
        del options  # so that no frame of a traceback has the key as text
        super().__init__(model, **safe_options)
        with model_errors():
            for name, kind in OTHER_MODELS.items():
                # None leaves a tool out.
                if (other := getattr(self, name)) is not None:
                    check_kind(self.catalog, kind, other, param=name)
        self.get_tools()

    def get_tools(self) -> list[BaseTool]:
        """The tools: pictures; video, if a model for it is named; web search; the models, if there
        is a choice; voice, if asked for; the balance.
        """
        common = self._fields(*ClientMixin.model_fields, "handle_tool_error")
        common["handle_validation_error"] = self.handle_validation_error
        common["media_base_url"] = self.media_base_url
        media = self._fields(*MediaToolOptions.model_fields)
        tools: list[GatewayTool] = [PollinationsImageTool(**{**common, **media})]
        if self.video_model is not None:
            video = {**media, "model": self.video_model, "models": None}
            tools.append(PollinationsVideoTool(**{**common, **video}))
        if self.search_model is not None:
            tools.append(PollinationsSearchTool(model=self.search_model, **common))
        if self.models and len(self.models) > 1:
            tools.append(PollinationsModelsTool(models=self.models, **common))
        if self.voice:
            sound: dict[str, Any] = {**common, "save_dir": self.save_dir}
            tools.append(PollinationsSpeechTool(self.speech_model, **sound))
            tools.append(PollinationsTranscriptionTool(self.transcription_model, **sound))
        tools.append(PollinationsBalanceTool(**common))
        return [tool._join(self) for tool in tools]

    def _fields(self, *names: str) -> dict[str, Any]:
        """Values of fields, but for a model that nobody chose: a tool has a default of its own."""
        defaults = {"model"} - self.model_fields_set
        return {name: self.__dict__[name] for name in names if name not in defaults}
