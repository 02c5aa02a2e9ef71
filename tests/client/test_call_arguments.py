"""A call's arguments on the wire are the text that ``json.dumps`` would write."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from pollinations_client import InvalidRequestError
from pollinations_client.request.call_arguments import arguments_text

VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner)),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_arguments_are_written_as_json_dumps_writes_them(arguments: dict[str, Any]) -> None:
    """Byte for byte, so that a prompt which a provider has cached stays the same."""
    assert arguments_text(arguments) == json.dumps(arguments, ensure_ascii=False)


class Place(BaseModel):
    """A model among the arguments of a call."""

    name: str


def test_dates_and_models_are_written_as_pydantic_writes_them() -> None:
    """A program may have put them into its history."""
    arguments = {"day": datetime.date(2026, 11, 26), "place": Place(name="Oslo")}
    assert arguments_text(arguments) == '{"day": "2026-11-26", "place": {"name": "Oslo"}}'


def test_arguments_that_json_cannot_hold_are_refused() -> None:
    """In words, and not from inside the encoder."""
    itself: dict[str, Any] = {}
    itself["self"] = itself
    for arguments in (itself, {("a", "b"): 1}):
        with pytest.raises(InvalidRequestError, match="arguments of a tool call"):
            arguments_text(arguments)
