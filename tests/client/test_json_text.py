"""JSON in the text of a model: the outermost value whole, or none."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pollinations_client.response.json_text import (
    MAX_DEPTH,
    JsonFinder,
    find_json,
    likeliest_first,
    parse_json,
    parse_partial_json,
)

LEAF = '{"name": "leaf"}'
BROKEN = {
    "cut": f'{{"name": "root", "children": [{LEAF}, {{"name": "le',
    "cut in a fence": f'```json\n{{"name": "root", "children": [{LEAF}\n```',
    "cut in doubled braces": f'{{{{"name": "root", "children": [{LEAF}, ',
    "cut list": f"[{LEAF}, {LEAF}, ",
    "missing comma": f'{{"name": "root" "children": [{LEAF}]}}',
    "trailing comma": f'{{"name": "root", "children": [{LEAF}],}}',
    "missing bracket": f'{{"name": "root", "children": [{LEAF}}}',
    "missing opening": f'"name": "root", "children": [{LEAF}]}}',
    "closed too early": f'{{"name": "root"}}, "children": [{LEAF}]}}',
    "stray quote": f'{{"name": "ro"ot", "x": "}}", "child": {LEAF}}}',
    "single quotes": f"{{'name': 'root', [{LEAF}]}}",
    "unquoted names": f"{{name: root, child: {LEAF}}}",
    "comment": f'{{// a tree\n"name": "root", "child": {LEAF}}}',
    "python list": f"['root', {LEAF}]",
    "list of words": f"[None, {LEAF}]",
}
WHOLE = {
    "alone": LEAF,
    "fenced": f"```json\n{LEAF}\n```",
    "fenced without a language": f"```\n{LEAF}\n```",
    "in prose": f"Sure: {LEAF} Anything else?",
    "after a set": f"The set {{1, 2}} and {{that}} aside, {LEAF}",
    "after an interval": f"p is in [0, 1), so {LEAF}",
    "after a citation": f"As [1] says: {LEAF}",
    "in a note": f"[Result: {LEAF}]",
    "in doubled braces": f"{{{LEAF}}}",
    "with a bracket too many": f"{LEAF}}}",
    "after a thought": f'<think>{{"name": "x"}}?</think>{LEAF}',
    "after a thought in capitals": f'<Thinking>{{"name": "x"}}</Thinking>\n{LEAF}',
    "after a broken one": f'First {{"name": "tree", "parts": [{{}}],}} then {LEAF}',
    "as a JSON string": json.dumps(LEAF),
}


def texts(finder: JsonFinder) -> list[str]:
    """The texts of the values that were found."""
    return [value.text for value in finder.values]


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_part_of_broken_json_is_not_found(text: str) -> None:
    """Cut or misspelt, the outermost value is none, and what is whole inside it is none either."""
    assert texts(find_json(text)) == []


@pytest.mark.parametrize("text", WHOLE.values(), ids=WHOLE)
def test_whole_json_is_found_in_its_surroundings(text: str) -> None:
    """Fences, prose, thoughts and small slips round it do no harm."""
    assert texts(find_json(text))[0] == LEAF


def test_json_in_an_unfinished_thought_is_not_found() -> None:
    """A model that is cut while it thinks has not answered."""
    assert texts(find_json(f"<reasoning>Maybe {LEAF}")) == []


def test_a_list_is_found_behind_objects_unless_it_stands_alone() -> None:
    """A citation is no answer where there is an object."""
    assert texts(find_json(f"See [1]. {LEAF}")) == [LEAF, "[1]"]
    assert texts(find_json(f"```json\n[1]\n```\n{LEAF}")) == ["[1]", LEAF]


def test_a_draft_is_not_the_answer_of_a_cut_text() -> None:
    """What the model was writing when it hit its limit was the answer."""
    finder = find_json(f'Draft: {LEAF}. Final: {{"name": "ro')
    assert [value.text for value in finder.answers(is_cut=False)] == [LEAF]
    assert finder.answers(is_cut=True) == []


def test_values_that_fit_the_schema_come_first() -> None:
    """Of several objects in one text the one with the required members is meant."""
    values = find_json('{"note": "see below"} {"name": "draft"} {"name": "Ada", "age": 36}').values
    schema = {"properties": {"name": {}, "age": {}}, "required": ["name", "age"]}
    ordered = likeliest_first(values, {"$ref": "#/$defs/P", "$defs": {"P": schema}})
    assert [value.data for value in ordered] == [
        {"name": "Ada", "age": 36},
        {"name": "draft"},
        {"note": "see below"},
    ]
    assert likeliest_first(values, {}) == values


@given(
    text=st.sampled_from([*BROKEN.values(), *list(WHOLE.values())[:-1]]),
    cuts=st.lists(st.integers(1, 30), max_size=40),
)
def test_any_pieces_of_a_text_give_the_same_values(text: str, cuts: list[int]) -> None:
    """A stream and a whole answer say the same, wherever the pieces end."""
    finder, position = JsonFinder(), 0
    for length in [*cuts, len(text)]:
        finder.feed(text[position : position + length])
        position += length
    whole = find_json(text)
    assert (texts(finder), finder.unfinished) == (texts(whole), whole.unfinished)


json_data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@settings(max_examples=50)
@given(data=st.dictionaries(st.text(), json_data), before=st.sampled_from(["", "Sure. ", "```\n"]))
def test_any_object_is_found_whole(data: dict[str, Any], before: str) -> None:
    """Brackets, quotes and escapes in an object's strings do not end it."""
    assert find_json(f"{before}{json.dumps(data, ensure_ascii=False)} Bye.").values[0].data == data


@settings(max_examples=50)
@given(data=st.dictionaries(st.text(), json_data, min_size=1), cut=st.floats(0, 0.999))
def test_no_cut_object_gives_a_value(data: dict[str, Any], cut: float) -> None:
    """Wherever an object is cut, nothing in it is the answer."""
    text = json.dumps(data)
    assert find_json(text[: int(len(text) * cut)]).values == []


@given(text=st.text() | st.text(st.sampled_from('{}[]":,\\<>/think1a \n'), max_size=80))
def test_any_text_is_read(text: str) -> None:
    """No text raises, and every value found is valid JSON in it."""
    for value in find_json(text).values:
        assert parse_json(value.text) == value.data
    parse_partial_json(text)


HOSTILE: dict[str, Callable[[int], str]] = {
    "open lists": lambda n: "[1," * n,
    "open objects": lambda n: '{"a":' * n,
    "open braces": lambda n: "{" * n,
    "open brackets": lambda n: "[" * n,
    "escaped quotes": lambda n: '{"' + '\\"' * n,
    "objects without values": lambda n: '{"a":}' * n,
    "empty objects and quotes": lambda n: '{},"' * n,
    "members": lambda n: '"a":' * n,
    "braces and words": lambda n: "{a " * n,
    "brace and spaces": lambda n: "{" + " " * n,
    "numbers": lambda n: "[0, " * n,
    "thoughts": lambda n: "<think>" * n,
    "ended thoughts": lambda n: "<think></think>" * n,
    "tags": lambda n: "<" * n,
    "fences": lambda n: "```json\n" * n,
    "citations": lambda n: "see [1] " * n,
}


def steps(read: Callable[[], object]) -> int:
    """How many lines of Python ``read`` runs."""
    count = 0

    def trace(frame: Any, event: str, argument: Any) -> Any:
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        read()
    finally:
        sys.settrace(before)
    return count


def in_pieces(text: str) -> None:
    """Read ``text`` as a stream of short pieces."""
    finder = JsonFinder()
    for start in range(0, len(text), 7):
        finder.feed(text[start : start + 7])


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("read", [find_json, in_pieces, parse_partial_json])
def test_ten_times_the_text_takes_ten_times_the_steps(
    hostile: Callable[[int], str], read: Callable[[str], object]
) -> None:
    """No text makes a reader quadratic."""
    few = steps(lambda: read(hostile(400)))
    assert steps(lambda: read(hostile(4_000))) < 12 * few + 500


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_large_hostile_texts_are_read(hostile: Callable[[int], str]) -> None:
    """Neither the stack nor a regular expression gives up; nothing is found in open brackets."""
    finder = find_json(hostile(20_000))
    assert finder.unfinished is None or parse_partial_json(finder.unfinished) in (None, {})


def test_values_nested_too_deep_are_not_found() -> None:
    """The limit is pydantic's; at the limit all is well."""
    nested = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert texts(find_json(nested)) == [nested]
    assert texts(find_json(f"[{nested}]")) == []
    with pytest.raises(ValueError, match="nested too deep"):
        parse_json("[" * 500_000)  # 50,000 are read by Python 3.14


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ('{"name": "Bo', {"name": "Bo"}),
        ('{"name": "a\nb', {"name": "a\nb"}),
        ('{"name":', {}),
        ("nothing", None),
    ],
)
def test_partial_json_gives_what_is_there(text: str, data: Any) -> None:
    """Strings may still grow, raw line breaks in them included."""
    assert parse_partial_json(text) == data
