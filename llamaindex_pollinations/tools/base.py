"""The base of LlamaIndex tools that call the gateway: options, checks, and what a model reads."""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from llama_index.core.base.llms.types import TextBlock
from llama_index.core.tools import FunctionTool, ToolOutput
from pydantic import BaseModel

from pollinations_client import InvalidRequestError, PollinationsError
from pollinations_client._adapter_support import (
    AgentToolOptions,
    MediaAnswer,
    SearchAnswer,
    checked_arguments,
    message_for_model,
)

from .._client import ClientMixin
from .._fast_construct import image_block

__all__ = ["Arguments", "Blocks", "SpecOptions", "SpecTool", "ToolGroup", "blocks_of"]

Arguments = Mapping[str, Any]
Blocks = list[Any]  # short, because LlamaIndex writes the annotation out for the model


class SpecOptions(ClientMixin, AgentToolOptions):
    """The options of a spec as fields."""

    further_settings: ClassVar[tuple[str, ...]] = ("media_base_url",)

    model: str | None = None
    handle_tool_error: bool = False


class ToolGroup(ABC):
    """Tools of one kind: what a model is told of each, and how it is run."""

    names: ClassVar[tuple[str, ...]]

    def __init__(self, options: SpecOptions) -> None:
        self._options = options

    @abstractmethod
    def schema(self, name: str) -> tuple[str, type[BaseModel]]:
        """The description and the class of the arguments of a tool."""

    @abstractmethod
    def answer(self, name: str, arguments: Arguments) -> Any:
        """Run a tool with checked arguments."""

    @abstractmethod
    async def aanswer(self, name: str, arguments: Arguments) -> Any:
        """:meth:`answer`, awaited."""


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
        output.blocks = blocks_of(answer)
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


def blocks_of(answer: Any) -> Blocks:
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
