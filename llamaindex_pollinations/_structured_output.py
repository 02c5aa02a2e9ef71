"""Objects of a class from a model: by JSON schema, by a forced function, or by words; one after the
other if need be.

Each way is pure: what to send, and how to find the object in the response. ``attempts`` says which
ways are tried for a model in which order; driving them is the LLM's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole, TextBlock
from llama_index.core.output_parsers.pydantic import PydanticOutputParser
from llama_index.core.program.function_program import get_function_tool
from llama_index.core.types import PydanticProgramMode
from pydantic import BaseModel, RootModel, ValidationError, create_model

from pollinations_client import ModelCard, ReplyError

from ._parsers import NothingFound, object_from_data, object_from_text, partial_data
from ._tool_calls import INVALID, selections_in
from ._tool_definitions import strict_form

__all__ = ["Attempt", "Mode", "StructuredOutputError", "attempts", "cleaned", "last_failure"]

Mode = Literal["auto", "json_schema", "function", "text"]
Way = Literal["json_schema", "function", "text"]
# The program decides about tools: what callers pass along to every program does not apply.
DECIDED_HERE = frozenset(
    {
        "tools",
        "tool_choice",
        "tool_required",
        "allow_parallel_tool_calls",
        "parallel_tool_calls",
        "response_format",
    }
)
BAD_IN_NAMES = re.compile(r"[^a-zA-Z0-9_-]")
CUT_BY = frozenset({"length", "content_filter"})  # finish reasons that hold whichever way was asked
SHOWN = 300


class StructuredOutputError(ReplyError, ValueError):
    """No answer held an object of the class that was asked for; the message shows the last one's
    beginning.

    ``is_final`` says that asking in another way would not help: the model refused, a filter or
    ``max_tokens`` cut it.
    """

    is_final = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way to ask for an object of ``output_cls``."""

    way: Way
    output_cls: type[BaseModel]
    strict: bool = False
    has_default_tools: bool = (
        False  # the gateway adds tools of its own, which JSON formats do not go with
    )

    def options(self) -> dict[str, Any]:
        """What the call says beside its messages."""
        match self.way:
            case "json_schema":
                no_tools = {"default_tools": False} if self.has_default_tools else {}
                return {"response_format": self._response_format(), **no_tools}
            case "function":
                tool = get_function_tool(self._object_cls())
                return {
                    "tools": [tool],
                    "tool_choice": BAD_IN_NAMES.sub("_", tool.metadata.get_name()),
                    "parallel_tool_calls": False,
                    "strict": self.strict,
                }
            case "text":
                return {}

    def merged_options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The caller's options with this way's over them."""
        return {**options, **self.options()}

    def messages(self, messages: Sequence[ChatMessage]) -> list[ChatMessage]:
        """The messages of the call; asking by words adds the schema to the last of the user."""
        if self.way != "text":
            return list(messages)
        wanted = TextBlock(
            text=PydanticOutputParser(self._object_cls()).get_format_string(escape_json=False)
        )
        if not messages or messages[-1].role != MessageRole.USER:
            return [*messages, ChatMessage(role=MessageRole.USER, blocks=[wanted])]
        last = messages[-1]
        return [*messages[:-1], last.model_copy(update={"blocks": [*last.blocks, wanted]})]

    def object_in(self, response: ChatResponse) -> BaseModel:
        """The object in a whole response: a tool call's arguments, or JSON in the text, whichever
        is there.

        Raises :class:`StructuredOutputError`.
        """
        text = response.message.content or ""
        failure: ValueError = NothingFound("The answer holds no JSON.")
        broken = {call["id"]: call for call in response.message.additional_kwargs.get(INVALID, ())}
        for selection in selections_in(response, required=False):
            call = broken.get(selection.tool_id)
            try:
                if call is None:
                    return object_from_data(selection.tool_kwargs, self.output_cls)
                return object_from_text(call["arguments"], self.output_cls)
            except NothingFound as error:
                failure = NothingFound(call["error"]) if call else error
            except ValidationError as error:
                failure = error
        try:
            return object_from_text(text, self.output_cls)
        except NothingFound:
            pass
        except ValidationError as error:
            failure = error
        raise self._failed(response, text, failure)

    def partial_in(self, response: ChatResponse) -> dict[str, Any] | None:
        """What an unfinished response holds of the object, or ``None``."""
        selections = selections_in(response, required=False)
        if selections:
            return selections[0].tool_kwargs or None
        return partial_data(response.message.content or "")

    def _object_cls(self) -> type[BaseModel]:
        """The class to ask for: arguments and strict schemas are objects, so a list or a choice is
        a member of one.
        """
        if not issubclass(self.output_cls, RootModel):
            return self.output_cls
        return create_model(
            self.output_cls.__name__, __doc__=self.output_cls.__doc__, root=(self.output_cls, ...)
        )

    def _response_format(self) -> dict[str, Any]:
        schema = self._object_cls().model_json_schema()
        wanted: dict[str, Any] = {"name": BAD_IN_NAMES.sub("_", self.output_cls.__name__)[:64]}
        if isinstance(schema.get("description"), str):
            wanted["description"] = schema["description"]
        laid = (
            strict_form(schema, f"The schema of {self.output_cls.__name__}")
            if self.strict
            else None
        )
        wanted |= {"schema": schema} if laid is None else {"schema": laid, "strict": True}
        return {"type": "json_schema", "json_schema": wanted}

    def _failed(
        self, response: ChatResponse, text: str, failure: ValueError
    ) -> StructuredOutputError:
        about = response.additional_kwargs
        refusal = f" The model refused: {about['refusal']}" if about.get("refusal") else ""
        cut = (
            " The answer hit max_tokens before it was complete; raise it."
            if about.get("finish_reason") == "length"
            else ""
        )
        error = StructuredOutputError(
            f"No {self.output_cls.__name__} in the answer (asked by {self.way}):"
            f" {_reason(failure)}{cut}{refusal} It began: {text[:SHOWN]!r}.",
            request_id=about.get("request_id"),
        )
        error.is_final = bool(refusal) or about.get("finish_reason") in CUT_BY
        error.__cause__ = failure
        return error


def attempts(
    output_cls: type[BaseModel],
    *,
    program_mode: PydanticProgramMode,
    mode: Mode,
    card: ModelCard | None,
    calls_functions: bool,
    strict: bool,
    has_default_tools: bool = False,
) -> list[Attempt]:
    """The ways to try, in order. A program mode or a mode that names a way is the only one.

    LlamaIndex's OPENAI mode is function calling by a package that takes OpenAI's own class alone.
    """
    ways: Sequence[Way]
    if program_mode in {PydanticProgramMode.FUNCTION, PydanticProgramMode.OPENAI}:
        ways = ("function",)
    elif program_mode == PydanticProgramMode.LLM:
        ways = ("text",)
    elif mode != "auto":
        ways = (mode,)
    else:
        listed: list[Way] = ["json_schema", "function", "text"]
        if card is not None and card.structured_output is False:
            listed.remove("json_schema")
        if not calls_functions:
            listed.remove("function")
        ways = listed
    return [Attempt(way, output_cls, strict, has_default_tools) for way in ways]


def cleaned(llm_kwargs: Mapping[str, Any] | None) -> dict[str, Any]:
    """Call options without those that a structured call decides for itself."""
    return {name: value for name, value in (llm_kwargs or {}).items() if name not in DECIDED_HERE}


def last_failure(failures: Sequence[Exception]) -> Exception:
    """What to raise when every way failed: what the last answer lacked, rather than a refusal to
    answer.
    """
    return next(
        (one for one in reversed(failures) if isinstance(one, StructuredOutputError)), failures[-1]
    )


def _reason(failure: ValueError) -> str:
    if not isinstance(failure, ValidationError):
        return str(failure)
    faults = failure.errors(include_url=False, include_context=False, include_input=False)
    told = [
        f"{'.'.join(map(str, fault['loc'])) or 'the whole'}: {fault['msg']}" for fault in faults[:3]
    ]
    return "; ".join(told) + ("." if len(faults) <= 3 else f"; and {len(faults) - 3} more.")
