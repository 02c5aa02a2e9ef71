"""Types of ``with_structured_output``, in a file that costs nothing to import."""

# Not among the imports for type checkers: ``with_fallbacks`` asks for the type hints of a method
# before it calls it on every model, and names that are missing then are a ``NameError``.

from __future__ import annotations

from typing import Generic, Literal, TypedDict, TypeVar

from langchain_core.messages import AIMessage

Method = Literal["function_calling", "json_schema", "json_mode"]
Parsed = TypeVar("Parsed")


class RawAndParsed(TypedDict, Generic[Parsed]):
    """What ``include_raw=True`` gives: the answer, and its object or why there is none."""

    raw: AIMessage
    parsed: Parsed | None
    parsing_error: BaseException | None
