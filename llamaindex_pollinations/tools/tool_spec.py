"""``PollinationsToolSpec``: the gateway's pictures, videos, search and voice as agents' tools."""

# Annotations are objects in this file, not text: LlamaIndex writes a method's signature into the
# description of its tool, and a user's own ``spec_functions`` may name any method.

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack

from llama_index.core.tools import FunctionTool, ToolMetadata
from llama_index.core.tools.tool_spec.base import SPEC_FUNCTION_TYPE, BaseToolSpec
from llama_index.core.tools.types import DefaultToolFnSchema
from pydantic import BaseModel

from pollinations_client import InvalidRequestError
from pollinations_client._adapter_support import (
    ApiKey,
    CloseableMixin,
    ListArguments,
    as_secret,
    checked_arguments,
    unknown_option,
    with_own_names,
)

from .._options import ALIASES
from .base import Blocks, SpecOptions, SpecTool, blocks_of
from .lookups import LookupTools
from .media import MediaTools
from .voice import VoiceTools

if TYPE_CHECKING:
    from .._option_types import ToolSpecOptions

__all__ = ["PollinationsToolSpec"]

DEFAULT_IMAGE_MODEL = "flux"


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
        if not model and not models:
            model = DEFAULT_IMAGE_MODEL
        own_names = with_own_names({"api_base": api_base, **settings}, ALIASES)
        known_names = SpecOptions.model_fields.keys() - {"callback_manager"}
        for name in own_names:
            if name not in known_names:
                raise unknown_option(name, known_names, door="extra_query")
        self._options = SpecOptions(
            model=model,
            models=models,
            video_model=video_model,
            voice=voice,
            save_dir=save_dir,
            return_image=return_image,
            api_key=secret,
            handle_tool_error=handle_tool_error,
            **own_names,
        )
        # Assigned, because None means the default in a constructor, and no search here.
        self._options.search_model = search_model
        self._options.check_other_models(self._options.catalog)
        groups = (MediaTools(self._options), LookupTools(self._options), VoiceTools(self._options))
        self._groups = {name: group for group in groups for name in group.names}
        # A subclass names its functions in a list of the class, as LlamaIndex's own specs do.
        self.spec_functions: list[SPEC_FUNCTION_TYPE] = getattr(
            type(self), "spec_functions", None
        ) or [(name, f"a{name}") for name in self._schemas()]

    @property
    def model(self) -> str | None:
        """The model that draws."""
        return self._options.model

    @model.setter
    def model(self, model: str | None) -> None:
        self._options.model = model

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
        return blocks_of(self._checked_answer("generate_image", locals()))

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
        return blocks_of(await self._checked_aanswer("generate_image", locals()))

    def generate_video(
        self,
        prompt: str,
        duration: int | None = None,
        aspect_ratio: str | None = None,
        seed: int | None = None,
        image: str | list[str] | None = None,
    ) -> Blocks:
        """Make a video, and return blocks that say where it is."""
        return blocks_of(self._checked_answer("generate_video", locals()))

    async def agenerate_video(
        self,
        prompt: str,
        duration: int | None = None,
        aspect_ratio: str | None = None,
        seed: int | None = None,
        image: str | list[str] | None = None,
    ) -> Blocks:
        """:meth:`generate_video`, awaited."""
        return blocks_of(await self._checked_aanswer("generate_video", locals()))

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
        # A constructor that failed has no options yet, and tracebacks ask for a repr.
        options = vars(self).get("_options")
        return f"{type(self).__name__}(model={options and options.model!r})"

    def _schemas(self) -> dict[str, tuple[str, type[BaseModel]]]:
        """Description and arguments of each tool that is offered."""
        return {name: self._groups[name].schema(name) for name in self._options.offered_tools()}

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
        return self._groups[name].answer(name, arguments)

    async def _aanswer(self, name: str, **arguments: Any) -> Any:
        """:meth:`_answer`, awaited."""
        return await self._groups[name].aanswer(name, arguments)
