"""Give the client's errors LangChain's classes, which retries, middleware and traces know."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    ModelPermissionDeniedError,
    ModelRateLimitError,
    ModelTimeoutError,
)

import pollinations_client as client
from pollinations_client import PollinationsError

# The nearest ancestor of an error decides. 402 has no class in LangChain: a plain ModelError is not
# retried, while ``default_retry_on`` of its middleware retries what is no ModelError at all.
MODEL_ERRORS: dict[type[PollinationsError], type[ModelError]] = {
    client.InvalidRequestError: ModelInvalidRequestError,
    client.APITimeoutError: ModelTimeoutError,
    client.APIConnectionError: ModelConnectionError,
    client.UnknownModelError: ModelNotFoundError,
    client.ContextOverflowError: ContextOverflowError,
    client.BadRequestError: ModelInvalidRequestError,
    client.AuthenticationError: ModelAuthenticationError,
    client.PaymentRequiredError: ModelError,
    client.PermissionDeniedError: ModelPermissionDeniedError,
    client.NotFoundError: ModelNotFoundError,
    client.RateLimitError: ModelRateLimitError,
    client.ServerError: ModelAPIError,
    client.RedirectError: ModelAPIError,
    client.ReplyError: ModelAPIError,
    PollinationsError: ModelError,
}


class ErrorResponse:
    """What LangChain's tracing reads of a refusal: status, headers and body, without keys."""

    # ``_generate_response_from_error`` in core's chat_models.py reads these names.

    def __init__(self, error: PollinationsError) -> None:
        self.status_code = error.status_code
        headers = {"x-request-id": error.request_id, "retry-after": error.retry_after}
        self.headers = {name: str(value) for name, value in headers.items() if value is not None}
        self._body = error.body

    @property
    def text(self) -> str:
        """The body as text."""
        return json.dumps(self._body, ensure_ascii=False, default=str)

    def json(self) -> Any:
        """The body as it was parsed."""
        return self._body


class _HasResponse:
    """Gives an error the ``response`` that tracing looks for, where the gateway answered at all."""

    @property
    def response(self) -> ErrorResponse:
        assert isinstance(self, PollinationsError)
        if self.status_code is None:
            raise AttributeError("response")
        return ErrorResponse(self)


_twins: dict[type[PollinationsError], type[PollinationsError]] = {}
_tool_twins: dict[type[PollinationsError], type[PollinationsError]] = {}


def langchain_error_class(kind: type[PollinationsError]) -> type[PollinationsError]:
    """The class that is both ``kind`` and LangChain's class for it, under the same name."""
    # Made once for each kind, for ``except`` compares classes.
    if kind in _twins:
        return _twins[kind]
    model_error = next(
        MODEL_ERRORS[ancestor] for ancestor in kind.__mro__ if ancestor in MODEL_ERRORS
    )
    twin: type[PollinationsError] = type(
        kind.__name__,
        (kind, _HasResponse, model_error),
        {"__module__": __name__, "__doc__": kind.__doc__, "__reduce__": _reduce},
    )
    return _twins.setdefault(kind, twin)


def as_model_error(error: PollinationsError) -> PollinationsError:
    """``error`` as its twin, with everything it knows."""
    if isinstance(error, ModelError):
        return error
    twin = langchain_error_class(type(error))(*error.args)
    twin.__dict__.update(error.__dict__)
    twin.__cause__ = error.__cause__
    return twin


def _reduce(error: PollinationsError) -> tuple[Any, ...]:
    return _rebuilt, (type(error).__bases__[0], error.args, error.__dict__)


def _rebuilt(
    kind: type[PollinationsError], args: tuple[Any, ...], state: dict[str, Any]
) -> PollinationsError:
    error = langchain_error_class(kind)(*args)
    error.__dict__.update(state)
    return error


def as_tool_error(error: PollinationsError) -> Exception:
    """``error`` for an agent: a ``ToolException`` whose message says what to do, and still the
    error that it was.
    """
    from pollinations_client._adapter_support import message_for_model  # 2 ms, at its first use

    kind = type(as_model_error(error))
    failure = _tool_twin_of(kind)(message_for_model(error))
    failure.__dict__.update(error.__dict__)
    failure.__cause__ = error.__cause__
    return failure


def _tool_twin_of(kind: type[PollinationsError]) -> type[PollinationsError]:
    if kind not in _tool_twins:
        from langchain_core.tools import ToolException  # 5 ms, at its first use

        fields = {"__module__": __name__, "__doc__": kind.__doc__, "__reduce__": _reduce_tool_error}
        _tool_twins[kind] = type(kind.__name__, (kind, ToolException), fields)
    return _tool_twins[kind]


def _reduce_tool_error(error: PollinationsError) -> tuple[Any, ...]:
    return _rebuilt_tool_error, (type(error).__bases__[0].__bases__[0], error.args, error.__dict__)


def _rebuilt_tool_error(
    kind: type[PollinationsError], args: tuple[Any, ...], state: dict[str, Any]
) -> Exception:
    error = _tool_twin_of(langchain_error_class(kind))(*args)
    error.__dict__.update(state)
    return error


@contextlib.contextmanager
def model_errors() -> Iterator[None]:
    """Raise what the client raises inside as LangChain's."""
    try:
        yield
    except PollinationsError as error:
        failure = as_model_error(error)
    else:
        return
    raise failure
