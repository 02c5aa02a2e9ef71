"""Answers of the stub model that the demo and the notebooks show."""

from __future__ import annotations

import json

from pollinations_client import (
    PollinationsClient,
)
from pollinations_client.emulator import Emulator


def test_a_schema_is_filled_from_the_passage_that_answers_the_question(gateway: Emulator) -> None:
    """Not from the words of the template round it; and a heading is no answer."""
    context = (
        "# The waggle dance\n\nBees dance on the comb. Karl von Frisch decoded the dance in 1973."
    )
    prompt = (
        f"Context information is below.\n-----\n{context}\n-----\nQuery: Who decoded the waggle"
        " dance?\nAnswer: "
    )
    properties = {
        "name": {"type": "string"},
        "year": {"type": "integer"},
        "answer": {"type": "string"},
    }
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    reply_format = {"type": "json_schema", "json_schema": {"name": "found", "schema": schema}}
    with PollinationsClient(base_url=gateway.url) as client:
        filled = json.loads(client.chat(prompt, response_format=reply_format).text)
        assert client.chat(prompt).text == "Karl von Frisch decoded the dance in 1973."
    assert (filled["name"], filled["year"]) == ("Karl von Frisch", 1973)
    assert "decoded the dance" in filled["answer"]


def test_the_answer_names_the_model_it_stands_for(gateway: Emulator) -> None:
    """Or nobody could see that a swap of models works."""
    with PollinationsClient(base_url=gateway.url) as client:
        told = [client.chat("Why do bees dance?", model=name).text for name in ("openai", "claude")]
    assert all(one.startswith("You asked: Why do bees dance?") for one in told)
    assert "anthropic/claude" in told[1]
    assert told[0] != told[1]
