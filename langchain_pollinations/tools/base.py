"""The base of LangChain tools that call the gateway, and the errors that agents read."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, NamedTuple

from langchain_core.tools import BaseTool, ToolException
from langchain_core.tools.base import ToolExceptionHandlerOutput
from pydantic import ConfigDict, PrivateAttr, ValidationError
from pydantic.v1 import ValidationError as ValidationErrorV1

from pollinations_client import PollinationsError
from pollinations_client._adapter_support import (
    ArgumentAdvice,
    ConversationPictures,
    LazyClients,
    NoArguments,
    SoundFolder,
    with_secret_key,
)

from .._client import ClientMixin
from ..errors import as_tool_error, model_errors

__all__ = [
    "Content",
    "FailureHandler",
    "GatewayTool",
    "SharedByToolkit",
    "ValidationHandler",
    "tool_errors",
]

MADE_FIELDS = frozenset({"args_schema", "description", "handle_validation_error"})
FailureHandler = bool | str | Callable[[ToolException], ToolExceptionHandlerOutput] | None
ValidationHandler = bool | str | Callable[[ValidationError | ValidationErrorV1], str] | None
Content = str | list[str | dict[str, Any]]


class SharedByToolkit(NamedTuple):
    """What the tools of one toolkit have in common."""

    clients: LazyClients
    pictures: ConversationPictures
    sounds: SoundFolder


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

    def _join(self, shared: SharedByToolkit) -> GatewayTool:
        """Use the connection of a toolkit, and the catalogue that it has refreshed."""
        self._clients = shared.clients
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
