"""Share classes, prompts and calls among the tests of structured output."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from llama_index.core import PromptTemplate
from pydantic import BaseModel

from pollinations_client.emulator import Answer

METHODS = (
    "structured_predict",
    "astructured_predict",
    "stream_structured_predict",
    "astream_structured_predict",
)
WAYS = ("json_schema", "function", "text")


class Person(BaseModel):
    """A person."""

    name: str
    age: int


BOB = Person(name="Bob", age=42)
PROMPT = PromptTemplate("Who is 'Bob', aged 42? {hint}")


def ask_for(
    llm: Any, method: str, output_cls: Any = Person, prompt: Any = PROMPT, **options: Any
) -> list[Any]:
    """All objects a structured method gives, the last one being the answer."""
    arguments = {"hint": "Answer.", **options}

    async def awaited() -> list[Any]:
        answered = await getattr(llm, method)(output_cls, prompt, **arguments)
        return [item async for item in answered] if "stream" in method else [answered]

    if method.startswith("a"):
        return asyncio.run(awaited())
    answered = getattr(llm, method)(output_cls, prompt, **arguments)
    return list(answered) if "stream" in method else [answered]


def answer_by(way: str, **person: Any) -> Answer:
    """An answer that holds a person in the form of ``way``."""
    if way == "function":
        return Answer(tool_calls=[("Person", person)])
    return Answer(text=json.dumps(person))


class Branch(BaseModel):
    """A class within itself."""

    name: str
    parts: list[Branch] = []
