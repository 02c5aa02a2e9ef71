"""``PollinationsToolSpec``: pictures, videos, web search, voice and balance as tools of an agent.

``pollinations_client/agent_tools`` decides what the tools of both frameworks share.
"""

# Annotations are objects in this file, not text: LlamaIndex writes a method's signature into the
# description of its tool, and a user's own ``spec_functions`` may name any method.

import asyncio
import base64
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Unpack

from llama_index.core.base.llms.types import TextBlock
from llama_index.core.tools import FunctionTool, ToolMetadata, ToolOutput
from llama_index.core.tools.tool_spec.base import SPEC_FUNCTION_TYPE, BaseToolSpec
from llama_index.core.tools.types import DefaultToolFnSchema
from pydantic import BaseModel

from pollinations_client import InvalidRequestError, Picture, PollinationsError
from pollinations_client._adapter_support import (
    BALANCE,
    DEFAULT_SPEECH_MODEL,
    DEFAULT_TRANSCRIPTION_MODEL,
    MODELS,
    OTHER_MODELS,
    SEARCH,
    SPEAK,
    TRANSCRIBE,
    ApiKey,
    CloseableMixin,
    ConversationPictures,
    ListArguments,
    MediaAnswer,
    MediaTool,
    MediaToolOptions,
    NoArguments,
    SearchAnswer,
    SearchArguments,
    SoundFolder,
    TranscribeArguments,
    as_secret,
    balance_text,
    check_kind,
    checked_arguments,
    make_media,
    make_media_async,
    message_for_model,
    models_text,
    offered_models_text,
    search_answer,
    speak_arguments,
    spoken_answer,
    transcript_answer,
    unknown_option,
)

from ._client import ClientMixin
from ._fast_construct import image_block
from ._options import with_own_names

if TYPE_CHECKING:
    from ._option_types import ToolSpecOptions

__all__ = ["PollinationsToolSpec"]

DEFAULT_IMAGE_MODEL = "flux"
MEDIA_KINDS: dict[str, Literal["image", "video"]] = {
    "generate_image": "image",
    "generate_video": "video",
}

Blocks = list[Any]  # short, because LlamaIndex writes the annotation out for the model


class _SpecOptions(ClientMixin, MediaToolOptions):
    """The options of a spec as fields."""

    further_settings: ClassVar[tuple[str, ...]] = ("media_base_url",)

    model: str | None = None
    video_model: str | None = None
    search_model: str | None = "sonar"
    voice: bool = False
    speech_model: str = DEFAULT_SPEECH_MODEL
    transcription_model: str = DEFAULT_TRANSCRIPTION_MODEL
    handle_tool_error: bool = False


class SpecTool(FunctionTool):
    """A tool that checks its arguments and words its errors for a model.

    ``raw_output`` is the :class:`~pollinations_client.MediaResult` of a picture or a video, the
    list of sources of a search, else the text.
    """

    returns_errors = False
    method: Callable[..., Any]

    @property
    def real_fn(self) -> Callable[..., Any]:
        """The method of the spec: a code-writing agent shows its signature to the model."""
        return self.method

    def call(self, *args: Any, **kwargs: Any) -> ToolOutput:
        """Run the tool, blocking."""
        try:
            arguments = self._checked(args, kwargs)
            return self._output(self.fn(**arguments), args, kwargs)
        except PollinationsError as error:
            failure = error
        # Raised out here, an error whose words were changed is not the context of itself.
        return self._failed(failure, args, kwargs)

    async def acall(self, *args: Any, **kwargs: Any) -> ToolOutput:
        """Run the tool, awaited."""
        try:
            arguments = self._checked(args, kwargs)
            return self._output(await self.async_fn(**arguments), args, kwargs)
        except PollinationsError as error:
            failure = error
        return self._failed(failure, args, kwargs)

    def _checked(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        schema = self.metadata.fn_schema
        assert schema is not None
        names = list(schema.model_fields)
        in_order = dict(zip(names, args, strict=False))
        if len(args) > len(names) or in_order.keys() & kwargs.keys():
            raise InvalidRequestError(
                f"{self.metadata.name}: {len(args)} arguments without names are too many beside"
                f" {', '.join(kwargs) or 'none'} with one. The order is: {', '.join(names)}."
            )
        return checked_arguments(schema, {**in_order, **kwargs})

    def _output(self, answer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> ToolOutput:
        raw = answer
        if isinstance(answer, MediaAnswer):
            raw = answer.result
        elif isinstance(answer, SearchAnswer):
            raw = answer.sources
        output = ToolOutput(
            tool_name=self.metadata.get_name(),
            raw_input={"args": args, "kwargs": kwargs},
            raw_output=raw,
        )
        # Assigned, because the constructor would copy the picture twice.
        output.blocks = _blocks(answer)
        return output

    def _failed(
        self, error: PollinationsError, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> ToolOutput:
        """Raise the error, worded for a model, or return it as an output."""
        # LlamaIndex's agents turn what a tool raises into an output with is_error.
        message = message_for_model(error)
        if not self.returns_errors:
            error.args = (message,)
            raise error
        return ToolOutput(
            content=message,
            tool_name=self.metadata.get_name(),
            raw_input={"args": args, "kwargs": kwargs},
            raw_output=message,
            is_error=True,
            exception=error,
        )


def _blocks(answer: Any) -> Blocks:
    """The blocks that a model reads."""
    # A video is never among them: 16 MB of video in a prompt make a body above the 20 MB that the
    # gateway takes, and the run would end with a 413.
    if isinstance(answer, str):
        return [TextBlock(text=answer)]
    blocks: Blocks = [TextBlock(text=answer.text)]
    if isinstance(answer, MediaAnswer) and answer.picture_for_model is not None:
        encoded = base64.b64encode(answer.picture_for_model.data)
        blocks.append(image_block(encoded, answer.picture_for_model.mime_type))
    return blocks


class PollinationsToolSpec(CloseableMixin, BaseToolSpec):
    """Tools for agents: draw and edit pictures, make videos, search the web, speak, read balances.

    A model sees a few typed arguments of each tool; the options here decide the rest. The tools
    have the names, texts and bounds of LangChain's ``PollinationsToolkit``.

    Args:
        model: The model that draws; by default the first of ``models``, else ``"flux"``.
        models: Models among which the agent may choose; by default it may not choose.
        video_model: The model that makes videos. By default ``generate_video`` is not offered: a
            video costs far more than a picture.
        search_model: The model that searches the web, ``"sonar"`` by default; None leaves
            ``web_search`` out.
        voice: Offer ``speak`` and ``transcribe``; False by default. The agent may name sounds in
            ``save_dir`` only, or in a temporary folder without one.
        save_dir: Folder for pictures, videos and sounds; the agent is told their paths. By default
            pictures and videos are not written.
        return_image: Also show each picture to the agent's model, if that reads pictures; False by
            default.
        api_key: ``sk_...`` or ``pk_...``; by default ``POLLINATIONS_API_KEY``.
        api_base: Address of the gateway; by default ``POLLINATIONS_BASE_URL``, else the public one.
        handle_tool_error: Return failures as outputs with ``is_error``. By default they are raised,
            and LlamaIndex's agents turn them into outputs.
        **settings: ``upload``, ``artifact_data``, ``timeout`` (seconds), ``max_retries``,
            ``http_client`` and others of :class:`Pollinations`; fields of
            :class:`~pollinations_client.ImageOptions` for every picture: ``safe``, ``width``
            (pixels), ``seed`` and others.

    Raises:
        InvalidRequestError: For an unknown or impossible option, and for a model that is known to
            make something else.
        ConfigurationError: Without a key.

    Examples:
        ```python
        import asyncio

        from llama_index.core.agent.workflow import FunctionAgent

        from llamaindex_pollinations import Pollinations, PollinationsToolSpec

        spec = PollinationsToolSpec("flux", save_dir="pictures")
        agent = FunctionAgent(llm=Pollinations("claude"), tools=spec.to_tool_list())


        async def main() -> None:
            print(await agent.run("Draw a bee on lavender."))


        asyncio.run(main())
        ```

        A tool by itself:

        ```python
        draw = spec.to_tool_list()[0]
        output = draw(prompt="a bee on lavender", width=512, height=512, seed=7)
        print(output.raw_output.path)
        ```
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        models: list[str] | None = None,
        video_model: str | None = None,
        search_model: str | None = "sonar",
        voice: bool = False,
        save_dir: str | Path | None = None,
        return_image: bool | Literal["auto"] = False,
        api_key: ApiKey | None = None,
        api_base: str | None = None,
        handle_tool_error: bool = False,
        **settings: "Unpack[ToolSpecOptions]",
    ) -> None:
        secret = as_secret(api_key)
        del api_key  # so that no frame of a traceback has the key as text
        self.model = model
        if not model and not models:
            self.model = DEFAULT_IMAGE_MODEL
        named = with_own_names({"api_base": api_base, **settings})
        names = _SpecOptions.model_fields.keys() - {"callback_manager"}
        for name in named:
            if name not in names:
                raise unknown_option(name, names, door="extra_query")
        self._options = _SpecOptions(
            model=self.model,
            models=models,
            video_model=video_model,
            voice=voice,
            save_dir=save_dir,
            return_image=return_image,
            api_key=secret,
            handle_tool_error=handle_tool_error,
            **named,
        )
        # Assigned, because None means the default in a constructor, and no search here.
        self._options.search_model = search_model
        self._pictures = ConversationPictures()
        self._sounds = SoundFolder()
        for name, kind in OTHER_MODELS.items():
            # None leaves a tool out.
            if (other := getattr(self._options, name)) is not None:
                check_kind(self._options.catalog, kind, other, param=name)
        # A subclass names its functions in a list of the class, as LlamaIndex's own specs do.
        self.spec_functions: list[SPEC_FUNCTION_TYPE] = getattr(
            type(self), "spec_functions", None
        ) or [(name, f"a{name}") for name in self._schemas()]

    @property
    def video_model(self) -> str | None:
        """The model that makes videos, where they are offered."""
        return self._options.video_model

    @property
    def save_dir(self) -> Any:
        """The folder of pictures and videos."""
        return self._options.save_dir

    def refresh_catalog(self) -> Any:
        """Ask the gateway for its models; tools that are listed afterwards know them."""
        return self._options.refresh_catalog()

    def to_tool_list(
        self,
        spec_functions: list[SPEC_FUNCTION_TYPE] | None = None,
        func_to_metadata_mapping: dict[str, ToolMetadata] | None = None,
    ) -> list[FunctionTool]:
        """The tools; their arguments are made from the cards of their models.

        Args:
            spec_functions: Names of tools to list, or pairs of a method's name and its async
                twin's; by default all that are offered.
            func_to_metadata_mapping: Metadata of your own by a tool's name.
        """
        schemas, own_metadata = self._schemas(), func_to_metadata_mapping or {}
        tools: list[FunctionTool] = []
        for function in spec_functions or self.spec_functions:
            name, *_ = (function,) if isinstance(function, str) else function
            if name not in schemas:
                # A method of a user's subclass.
                tools += super().to_tool_list([function], own_metadata)
                continue
            description, schema = schemas[name]
            metadata = own_metadata.get(name) or ToolMetadata(description, name, schema)
            if metadata.fn_schema in (None, DefaultToolFnSchema):
                # Metadata that change a name or a description say nothing of the arguments.
                metadata = replace(metadata, fn_schema=schema)
            tool = SpecTool(
                partial(self._answer, name), metadata, async_fn=partial(self._aanswer, name)
            )
            tool.method = getattr(self, name)
            tool.returns_errors = self._options.handle_tool_error
            tools.append(tool)
        return tools

    def generate_image(
        self,
        prompt: str,
        model: str | None = None,
        aspect_ratio: str | None = None,
        width: int | None = None,
        height: int | None = None,
        seed: int | None = None,
        image: str | list[str] | None = None,
    ) -> Blocks:
        """Draw a picture, and return the blocks that a model reads."""
        return _blocks(self._checked_answer("generate_image", locals()))

    async def agenerate_image(
        self,
        prompt: str,
        model: str | None = None,
        aspect_ratio: str | None = None,
        width: int | None = None,
        height: int | None = None,
        seed: int | None = None,
        image: str | list[str] | None = None,
    ) -> Blocks:
        """:meth:`generate_image`, awaited."""
        return _blocks(await self._checked_aanswer("generate_image", locals()))

    def generate_video(
        self,
        prompt: str,
        duration: int | None = None,
        aspect_ratio: str | None = None,
        seed: int | None = None,
        image: str | list[str] | None = None,
    ) -> Blocks:
        """Make a video, and return blocks that say where it is."""
        return _blocks(self._checked_answer("generate_video", locals()))

    async def agenerate_video(
        self,
        prompt: str,
        duration: int | None = None,
        aspect_ratio: str | None = None,
        seed: int | None = None,
        image: str | list[str] | None = None,
    ) -> Blocks:
        """:meth:`generate_video`, awaited."""
        return _blocks(await self._checked_aanswer("generate_video", locals()))

    def web_search(self, query: str) -> str:
        """Search the web, and return an answer with its sources."""
        return str(self._checked_answer("web_search", locals()).text)

    async def aweb_search(self, query: str) -> str:
        """:meth:`web_search`, awaited."""
        return str((await self._checked_aanswer("web_search", locals())).text)

    def speak(self, text: str, voice: str | None = None, speed: float | None = None) -> str:
        """Speak a text into a file, and return where it is."""
        return str(self._checked_answer("speak", locals()).text)

    async def aspeak(self, text: str, voice: str | None = None, speed: float | None = None) -> str:
        """:meth:`speak`, awaited."""
        return str((await self._checked_aanswer("speak", locals())).text)

    def transcribe(self, path: str, language: str | None = None) -> str:
        """Write down the words of a sound file of the folder."""
        return str(self._checked_answer("transcribe", locals()))

    async def atranscribe(self, path: str, language: str | None = None) -> str:
        """:meth:`transcribe`, awaited."""
        return str(await self._checked_aanswer("transcribe", locals()))

    def list_models(self, kind: str = "image") -> str:
        """List the models of ``models``, else all of a kind."""
        return str(self._answer("list_models", **checked_arguments(ListArguments, {"kind": kind})))

    async def alist_models(self, kind: str = "image") -> str:
        """:meth:`list_models`, awaited."""
        arguments = checked_arguments(ListArguments, {"kind": kind})
        return str(await self._aanswer("list_models", **arguments))

    def check_balance(self) -> str:
        """Tell how much pollen is left."""
        return str(self._answer("check_balance"))

    async def acheck_balance(self) -> str:
        """:meth:`check_balance`, awaited."""
        return str(await self._aanswer("check_balance"))

    def close(self) -> None:
        """Give the connections of blocking calls back."""
        self._options.close()

    async def aclose(self) -> None:
        """Give all connections back."""
        await self._options.aclose()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(model={self.model!r})"

    def _media_tool(self, kind: Literal["image", "video"]) -> MediaTool:
        options = self._options
        model, models = options.video_model, None
        if kind == "image":
            model, models = self.model, options.models
        return MediaTool(
            kind,
            options.catalog,
            options,
            model=model,
            models=models,
            pictures=self._pictures,
            shared=True,  # the options are those of all tools
        )

    def _schemas(self) -> dict[str, tuple[str, type[BaseModel]]]:
        """Description and arguments of each tool that is offered."""
        options = self._options
        schemas: dict[str, tuple[str, type[BaseModel]]] = {}
        kinds: list[Literal["image", "video"]] = ["image"]
        if options.video_model is not None:
            kinds.append("video")
        for kind in kinds:
            tool = self._media_tool(kind)
            arguments = tool.arguments()
            schemas[f"generate_{kind}"] = (tool.description(arguments), arguments)
        if options.search_model is not None:
            schemas["web_search"] = (SEARCH, SearchArguments)
        if options.models and len(options.models) > 1:
            schemas["list_models"] = (MODELS, NoArguments)
        if options.voice:
            schemas["speak"] = (SPEAK, speak_arguments(options.catalog, options.speech_model))
            schemas["transcribe"] = (TRANSCRIBE, TranscribeArguments)
        schemas["check_balance"] = (BALANCE, NoArguments)
        return schemas

    def _checked_answer(self, name: str, arguments: Mapping[str, Any]) -> Any:
        return self._answer(name, **self._checked(name, arguments))

    async def _checked_aanswer(self, name: str, arguments: Mapping[str, Any]) -> Any:
        return await self._aanswer(name, **self._checked(name, arguments))

    def _checked(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        schemas = self._schemas()
        if name not in schemas:
            option = {"generate_video": "video_model", "web_search": "search_model"}.get(name)
            if option is None:
                raise InvalidRequestError(f"{name}: voice=True offers it.", param="voice")
            raise InvalidRequestError(f"{name}: name a {option} to offer it.", param=option)
        _, schema = schemas[name]
        set_arguments = {
            field: value
            for field, value in arguments.items()
            if value is not None and field != "self"
        }
        return checked_arguments(schema, set_arguments)

    def _answer(self, name: str, **arguments: Any) -> Any:
        """Run a tool with checked arguments."""
        client, search_model = self._options._client, self._options.search_model
        match name:
            case "web_search":
                return search_answer(client.chat(arguments["query"], model=search_model))
            case "list_models":
                return self._offered() or models_text(
                    self._lister(client, arguments)(), arguments["kind"]
                )
            case "check_balance":
                return balance_text(client.balance())
            case "speak":
                path = client.speech(**arguments, **self._speech_target())
                return spoken_answer(path, arguments, self._options.speech_model)
            case "transcribe":
                return transcript_answer(client.transcribe(**self._transcription(arguments)))
        tool = self._media_tool(MEDIA_KINDS[name])
        request = tool.request(arguments)
        picture = make_media(client, request)
        return tool.answer(picture, self._cost(picture, request.options))

    async def _aanswer(self, name: str, **arguments: Any) -> Any:
        """:meth:`_answer`, awaited."""
        client, search_model = self._options._async_client, self._options.search_model
        match name:
            case "web_search":
                reply = await client.chat(arguments["query"], model=search_model)
                return search_answer(reply)
            case "list_models":
                return self._offered() or models_text(
                    await self._lister(client, arguments)(), arguments["kind"]
                )
            case "check_balance":
                return balance_text(await client.balance())
            case "speak":
                path = await client.speech(**arguments, **self._speech_target())
                return spoken_answer(path, arguments, self._options.speech_model)
            case "transcribe":
                text = await client.transcribe(**self._transcription(arguments))
                return transcript_answer(text)
        tool = self._media_tool(MEDIA_KINDS[name])
        request = tool.request(arguments)
        picture = await make_media_async(client, request)
        # In a thread: a video of megabytes is written to disk here.
        return await asyncio.to_thread(tool.answer, picture, self._cost(picture, request.options))

    def _speech_target(self) -> dict[str, Any]:
        options = self._options
        return {"model": options.speech_model, "path": self._sounds.target(options.save_dir)}

    def _transcription(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        options = self._options
        return {
            # Only a file inside the folder: a path of the model's choosing would be a way to carry
            # any file out.
            "path_or_bytes": self._sounds.file(options.save_dir, arguments["path"]),
            "language": arguments.get("language"),
            "model": options.transcription_model,
        }

    def _offered(self) -> str:
        return offered_models_text(self._options.catalog, self._options.models or (), "image")

    def _lister(self, client: Any, arguments: Mapping[str, Any]) -> Any:
        lists = {"text": client.text_models, "audio": client.audio_models}
        return lists.get(arguments["kind"], client.image_models)

    def _cost(self, picture: Picture, options: Mapping[str, Any]) -> Any:
        model = options.get("model") or picture.model or ""
        return self._options._client.cost(picture.info, model)
