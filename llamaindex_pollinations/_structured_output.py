"""Ask for objects of a class by JSON schema, by a forced function or in words. Pure.

``attempts`` says which ways are tried for a model, and in which order; ``_structured_calls`` sends
them, and ``_output_parser`` reads the answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_origin

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole, TextBlock
from llama_index.core.output_parsers.pydantic import PydanticOutputParser
from llama_index.core.program.function_program import get_function_tool
from llama_index.core.types import PydanticProgramMode
from pydantic import BaseModel, RootModel, create_model

from pollinations_client import InvalidRequestError, ModelCard
from pollinations_client._adapter_support import (
    resolve_root,
    strict_form,
)

from ._output_parser import object_in_response
from ._structured_types import Mode, Way
from .errors import StructuredOutputError

__all__ = [
    "Attempt",
    "attempts",
    "check_output_cls",
    "last_failure",
    "options_left_to_callers",
]

# An attempt decides about these. Callers pass them along to every program: LlamaIndex's
# FunctionCallingProgram gives tool_choice=None and tool_required=True to each call.
DECIDED_HERE = {"tools", "tool_choice", "tool_required", "response_format"}
DECIDED_HERE |= {"allow_parallel_tool_calls", "parallel_tool_calls"}
# OpenAI refuses a schema whose name holds another character or more than 64.
BAD_IN_NAMES = re.compile(r"[^a-zA-Z0-9_-]")
MAX_NAME = 64


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way to ask for an object of ``output_cls``."""

    way: Way
    output_cls: type[BaseModel]
    strict: bool = False
    has_default_tools: bool = False

    def options(self) -> dict[str, Any]:
        """The options of the call."""
        match self.way:
            case "json_schema":
                options: dict[str, Any] = {"response_format": self._response_format()}
                if self.has_default_tools:
                    # The gateway gives Gemini code_execution or google_search, and Google's API
                    # answered 400 to these with a JSON format (gateway issues 6834 and 6876).
                    options["default_tools"] = False
                return options
            case "function":
                tool = get_function_tool(self._object_cls())
                return {
                    "tools": [tool],
                    "tool_choice": tool.metadata.get_name(),
                    "parallel_tool_calls": False,
                    # Takes back one of additional_kwargs: several providers refuse both at once.
                    "response_format": None,
                    "strict": self.strict,
                }
            case "text":
                return {}

    def merged_options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The caller's options, overruled by those of this attempt."""
        return {**options, **self.options()}

    def messages(self, messages: Sequence[ChatMessage]) -> list[ChatMessage]:
        """The messages of the call; asking by words adds the schema to the last user message."""
        if self.way != "text":
            return list(messages)
        instruction = TextBlock(
            text=PydanticOutputParser(self._object_cls()).get_format_string(escape_json=False)
        )
        if not messages or messages[-1].role != MessageRole.USER:
            return [*messages, ChatMessage(role=MessageRole.USER, blocks=[instruction])]
        last = messages[-1]
        return [*messages[:-1], last.model_copy(update={"blocks": [*last.blocks, instruction]})]

    def object_in(self, response: ChatResponse) -> BaseModel:
        """The object in a whole response. Raises :class:`StructuredOutputError` without one."""
        return object_in_response(response, self.output_cls, way=self.way)

    def _object_cls(self) -> type[BaseModel]:
        """The class to ask for."""
        # A tool's arguments and a strict schema must be objects, so what a RootModel holds, a list
        # or a choice, is asked for as the one member of an object.
        if not issubclass(self.output_cls, RootModel):
            return self.output_cls
        return create_model(
            self.output_cls.__name__, __doc__=self.output_cls.__doc__, root=(self.output_cls, ...)
        )

    def _response_format(self) -> dict[str, Any]:
        schema = resolve_root(self._object_cls().model_json_schema())
        name = self.output_cls.__name__
        json_schema: dict[str, Any] = {"name": BAD_IN_NAMES.sub("_", name)[:MAX_NAME]}
        if isinstance(schema.get("description"), str):
            json_schema["description"] = schema["description"]
        json_schema["schema"] = schema
        if self.strict:
            strict_schema = strict_form(schema, f"The schema of {name}")
            if strict_schema is not None:
                json_schema |= {"schema": strict_schema, "strict": True}
        return {"type": "json_schema", "json_schema": json_schema}


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
    """The attempts for a model, in order; a mode that names one way is the only one.

    Raises :class:`InvalidRequestError` if ``output_cls`` is no Pydantic class.
    """
    check_output_cls(output_cls)
    ways: list[Way]
    # LlamaIndex's OPENAI mode is function calling by a package that takes OpenAI's own class alone.
    if program_mode in {PydanticProgramMode.FUNCTION, PydanticProgramMode.OPENAI}:
        ways = ["function"]
    elif program_mode == PydanticProgramMode.LLM:
        ways = ["text"]
    elif mode != "auto":
        ways = [mode]
    else:
        # A schema comes first: some models refuse a forced call, and others think less for it.
        ways = ["json_schema", "function", "text"]
        if card is not None and card.takes_json_schema is False:
            ways.remove("json_schema")
        if not calls_functions:
            ways.remove("function")
    return [Attempt(way, output_cls, strict, has_default_tools) for way in ways]


def check_output_cls(output_cls: Any) -> None:
    """Raise :class:`InvalidRequestError`, with the remedy, for what is no Pydantic class."""
    # list[Person] is an instance of type as well, and has an origin.
    if isinstance(output_cls, type) and get_origin(output_cls) is None:
        if issubclass(output_cls, BaseModel):
            return
        name = output_cls.__name__
    else:
        name = str(output_cls)
    raise InvalidRequestError(
        f"output_cls: a Pydantic class is needed, and {name} is none; for a list or a choice give"
        " a RootModel of it, such as RootModel[list[Person]].",
        param="output_cls",
    )


def options_left_to_callers(llm_kwargs: Mapping[str, Any] | None) -> dict[str, Any]:
    """Call options without those that a structured call decides for itself."""
    return {name: value for name, value in (llm_kwargs or {}).items() if name not in DECIDED_HERE}


def last_failure(failures: Sequence[Exception]) -> Exception:
    """The error to raise when every attempt failed."""
    # What the last answer lacked says more than the 400 of a way that the model does not know.
    answers = [error for error in failures if isinstance(error, StructuredOutputError)]
    return [*failures, *answers][-1]
