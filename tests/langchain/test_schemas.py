"""Schemas of classes, functions and tools as they are sent: recursive, strict, and no schema."""

from __future__ import annotations

import asyncio
import enum
import json
import re
from typing import Annotated, Any

import pytest
import typing_extensions as te
from langchain_core.tools import StructuredTool, tool
from pydantic import BaseModel, Field
from pydantic.v1 import BaseModel as BaseModelV1

from pollinations_client import InvalidRequestError, PollinationsWarning
from pollinations_client.emulator import Answer, Emulator
from support.langchain import Node

METHODS = ("function_calling", "json_schema", "json_mode")


def name_of(source: Any) -> str:
    """A name for a test's parameter, the same in every process."""
    return str(getattr(source, "__name__", type(source).__name__))


class Lax(BaseModel):
    """A class that contains itself, in one field."""

    name: str | None = None
    child: Lax | None = None


class TypedNode(te.TypedDict):
    """A node of a tree."""

    name: str
    children: list[TypedNode]


class OldNode(BaseModelV1):
    """A node of a tree."""

    name: str
    children: list[OldNode] = []


OldNode.update_forward_refs()


class Ping(BaseModel):
    """A class that reaches itself through another."""

    pong: Pong | None = None


class Pong(BaseModel):
    """The other."""

    ping: Ping


def keep(node: Node, depth: int = 3) -> str:
    """Keep a node."""
    return f"{node} {depth}"


@tool
def keep_all(nodes: list[Node]) -> str:
    """Keep nodes."""
    return str(nodes)


MCP_TOOL = StructuredTool(
    name="keep_mcp", description="Keep.", args_schema=Node.model_json_schema(), func=print
)
RECURSIVE = [Node, TypedNode, OldNode, Ping, keep, keep_all, MCP_TOOL, Node.model_json_schema()]


def schema_in(body: Any) -> Any:
    """The schema of the one tool, or of the response format, in a request."""
    if "tools" in body:
        return body["tools"][0]["function"]["parameters"]
    return body["response_format"]["json_schema"]["schema"]


def is_whole(schema: Any) -> bool:
    """Whether every reference leads somewhere and no part is empty."""
    if isinstance(schema, list):
        return all(map(is_whole, schema))
    if not isinstance(schema, dict):
        return True
    return schema != {} and all(
        is_whole(value) for key, value in schema.items() if key not in {"default", "properties"}
    )


@pytest.mark.parametrize("strict", [None, False, True])
@pytest.mark.parametrize("source", RECURSIVE, ids=name_of)
def test_recursive_schemas_of_tools_keep_their_inside(
    gateway: Emulator, make: Any, source: Any, strict: bool | None
) -> None:
    """Classes of every kind, functions, tools and MCP schemas that reach themselves."""
    make().bind_tools([source], strict=strict).invoke("x")
    sent = schema_in(gateway.requests[-1].json)
    references = re.findall(r'"\$ref": "#/(\$defs|definitions)/(\w+)"', json.dumps(sent))
    assert references
    for where, name in references:
        assert sent[where][name]["properties"]
    assert sent["type"] == "object"
    assert sent["properties"]
    assert is_whole(sent)
    assert ("strict" in gateway.requests[-1].json["tools"][0]["function"]) == (strict is not None)


@pytest.mark.parametrize("strict", [None, False, True])
@pytest.mark.parametrize("method", METHODS[:2])
@pytest.mark.parametrize("source", [Node, TypedNode, OldNode, Ping], ids=name_of)
def test_recursive_classes_are_asked_for_whole(
    gateway: Emulator, make: Any, source: Any, method: str, strict: bool | None
) -> None:
    """By either method, and the answer is an object of the class with all levels."""
    llm = make().with_structured_output(source, method=method, strict=strict)
    tree = {"name": "a", "children": [{"name": "b", "children": [{"name": "c", "children": []}]}]}
    data = {"pong": {"ping": {"pong": None}}} if source is Ping else tree
    gateway.script(Answer(text=json.dumps(data)))
    answer = llm.invoke("x")
    if isinstance(answer, BaseModel):
        assert answer.model_dump() == data
    else:
        assert (answer if isinstance(answer, dict) else answer.dict()) == data
    sent = schema_in(gateway.requests[-1].json)
    assert "$ref" in json.dumps(sent)
    assert is_whole(sent)


def test_a_class_without_recursion_is_sent_without_references(gateway: Emulator, make: Any) -> None:
    """Not every provider reads them."""

    class Pair(BaseModel):
        """Two of a kind."""

        left: Lax
        right: Lax

    class Leaf(BaseModel):
        """A leaf."""

        name: str

    class Twig(BaseModel):
        """Two leaves."""

        left: Leaf
        right: Leaf

    make().bind_tools([Twig]).invoke("x")
    assert "$ref" not in json.dumps(gateway.requests[-1].json)
    make().bind_tools([Pair]).invoke("x")
    assert "$ref" in json.dumps(gateway.requests[-1].json)


class Tally(BaseModel):
    """A tally."""

    counts: dict[str, int]


def count_all(counts: dict[str, int]) -> str:
    """Count."""
    return str(counts)


@pytest.mark.parametrize(
    "source", [Tally, count_all, tool(count_all), Tally.model_json_schema()], ids=name_of
)
def test_strict_loses_no_free_form_member(gateway: Emulator, make: Any, source: Any) -> None:
    """A free-form object has no strict form: it is sent whole, and a warning names the field."""
    with pytest.warns(PollinationsWarning, match=r"without strict.*\(counts\)"):
        llm = make().bind_tools([source], strict=True)
    llm.invoke("x")
    function = gateway.requests[-1].json["tools"][0]["function"]
    assert "strict" not in function
    assert function["parameters"]["properties"]["counts"]["additionalProperties"] == {
        "type": "integer"
    }


@pytest.mark.parametrize("method", METHODS[:2])
def test_strict_structured_output_loses_no_free_form_member(
    gateway: Emulator, make: Any, method: str
) -> None:
    """The same where one object is asked for."""
    with pytest.warns(PollinationsWarning, match=r"Tally.*without strict.*\(counts\)"):
        llm = make().with_structured_output(Tally, method=method, strict=True)
    gateway.script(Answer(text='{"counts": {"a": 1}}'))
    assert llm.invoke("x") == Tally(counts={"a": 1})
    assert '"strict"' not in json.dumps(gateway.requests[-1].json)


def test_strict_tools_are_closed_and_all_required(gateway: Emulator, make: Any) -> None:
    """What has a default gets a value from the model: LangChain's tools refuse a null there."""
    make().bind_tools([keep], strict=True).invoke("x")
    function = gateway.requests[-1].json["tools"][0]["function"]
    assert function["strict"] is True
    schema = function["parameters"]
    assert (schema["required"], schema["additionalProperties"]) == (["node", "depth"], False)
    assert schema["properties"]["depth"] == {"type": "integer"}
    assert "default" not in json.dumps(schema)


class Colour(enum.Enum):
    """A colour."""

    RED = "red"


class Plain:
    """A class that says nothing of its fields."""

    def __init__(self, x: int) -> None:
        self.x = x


class Unfinished(BaseModel):
    """A class with an annotation that nobody can read."""

    x: Missing  # type: ignore[name-defined]  # noqa: F821


def unfinished(x: Missing) -> None:  # type: ignore[name-defined]  # noqa: F821
    """A function with such an annotation."""


@pytest.mark.parametrize("method", [None, *METHODS])
@pytest.mark.parametrize(
    "wrong",
    [
        *(Colour, Plain, list, dict, int, list[Node], Node | None, Node(name="x"), 3),
        *(Unfinished, unfinished),
    ],
    ids=name_of,
)
def test_what_is_no_schema_is_refused(
    gateway: Emulator, make: Any, wrong: Any, method: str | None
) -> None:
    """In one sentence, before anything is sent; as a tool, too."""
    with pytest.raises(InvalidRequestError, match=r"^schema: "):
        make().with_structured_output(wrong, method=method)
    with pytest.raises(InvalidRequestError, match=r"^tools\[0\]: "):
        make().bind_tools([wrong])
    assert not gateway.requests


def test_a_refused_schema_says_what_to_give(make: Any) -> None:
    """It names the class and the remedy."""
    with pytest.raises(InvalidRequestError, match=r"Colour .* is an Enum.*Pydantic class"):
        make().with_structured_output(Colour)
    with pytest.raises(InvalidRequestError, match=r"Plain .* fields are.*Pydantic class"):
        make().with_structured_output(Plain)


@pytest.mark.parametrize("include_raw", [False, True])
def test_options_of_the_call_are_taken(gateway: Emulator, make: Any, include_raw: bool) -> None:
    """``model`` is asked and the method chosen for it; options hold over what the method sets."""
    llm = make()
    by_tool = llm.with_structured_output(
        Node,
        method="function_calling",
        tools=[keep],
        tool_choice="any",
        parallel_tool_calls=True,
        include_raw=include_raw,
    )
    by_tool.invoke("A node 'a'.")
    sent = gateway.requests[-1].json
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["Node", "keep"]
    assert (sent["tool_choice"], sent["parallel_tool_calls"]) == ("required", True)

    by_schema = make("no-such-model-yet").with_structured_output(
        Node, model="openai", include_raw=include_raw
    )
    by_schema.invoke("A node 'a'.")
    sent = gateway.requests[-1].json
    assert sent["model"] == "openai"
    assert sent["response_format"]["type"] == "json_schema"

    response_format = {"type": "json_object"}
    make().with_structured_output(
        Node, method="json_schema", response_format=response_format, include_raw=True
    ).invoke("x")
    assert gateway.requests[-1].json["response_format"] == response_format


def test_tools_beside_a_schema_may_be_called_instead(gateway: Emulator, make: Any) -> None:
    """There is no object then, and no error: the call is in the raw message, as with ChatOpenAI."""
    called = Answer(tool_calls=[("keep", {"node": {"name": "a"}})])
    for method in ("function_calling", "json_schema"):
        plain = make().with_structured_output(Node, method=method, tools=[keep])
        raw = make().with_structured_output(Node, method=method, tools=[keep], include_raw=True)
        gateway.script(*[called] * 5)
        assert plain.invoke("x") is None
        assert list(plain.stream("x")) == [None]
        assert asyncio.run(plain.ainvoke("x")) is None
        for answer in (raw.invoke("x"), asyncio.run(raw.ainvoke("x"))):
            assert (answer["parsed"], answer["parsing_error"]) == (None, None)
            assert answer["raw"].tool_calls[0]["name"] == "keep"
    assert {request.json.get("tool_choice") for request in gateway.requests} == {"required", None}


def test_a_schema_with_tools_beside_goes_to_gemini_as_a_tool(gateway: Emulator, make: Any) -> None:
    """Its gateway removes every tool where JSON is asked for."""
    make("gemini").with_structured_output(Node, tools=[keep]).invoke("A node 'a'.")
    sent = gateway.requests[-1].json
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["Node", "keep"]
    assert "response_format" not in sent


@pytest.mark.parametrize("method", METHODS)
def test_a_tool_in_the_flat_form_of_openais_responses_is_a_schema(
    gateway: Emulator, make: Any, method: str
) -> None:
    """As ``bind_tools`` takes it."""
    parameters = {"type": "object", "properties": {"value": {"type": "integer"}}}
    flat = {"type": "function", "name": "count", "description": "A.", "parameters": parameters}
    gateway.script(Answer('{"value": 3}', tool_calls=[("count", {"value": 3})]))
    llm = make().with_structured_output(flat, method=method)
    assert llm.invoke("Count to 3, as JSON.") == {"value": 3}


def test_the_method_is_chosen_for_the_model_of_the_call(gateway: Emulator, make: Any) -> None:
    """Not for the model that is not asked."""
    for model in ("perplexity-fast", "openai"):
        make("no-such-model-yet").with_structured_output(Node, model=model).invoke("A node 'a'.")
        assert "response_format" in gateway.requests[-1].json
        assert gateway.requests[-1].json["model"] == model


class Positive(BaseModel):
    """A positive number."""

    value: int = Field(gt=0)


def test_a_response_format_is_reduced_for_gemini(gateway: Emulator, make: Any) -> None:
    """As tools are: Vertex refuses ``exclusiveMinimum``; recursion is written out once more."""
    for model, bound in (("gemini", {"minimum": 1}), ("openai", {"exclusiveMinimum": 0})):
        gateway.script(Answer(text='{"value": 3}'))
        make(model).with_structured_output(Positive, method="json_schema").invoke("x")
        value = schema_in(gateway.requests[-1].json)["properties"]["value"]
        assert value == {"type": "integer", **bound}
    gateway.script(Answer(text='{"name": "a"}'))
    make("gemini").bind(response_format=Node).invoke("x")
    sent = schema_in(gateway.requests[-1].json)
    assert "$ref" not in json.dumps(sent)
    assert sent["properties"]["children"]["items"]["properties"]["name"] == {"type": "string"}


class Address(te.TypedDict):
    """Where somebody lives."""

    town: te.NotRequired[str]


class Contact(te.TypedDict):
    """A person."""

    name: Annotated[str, ..., "The whole name."]
    age: te.NotRequired[Annotated[int, ..., "In years."]]
    tags: te.Required[list[str]]
    address: te.NotRequired[Address]


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_a_typed_dict_may_leave_fields_out(gateway: Emulator, make: Any, method: str) -> None:
    """Which LangChain's own conversion refuses."""
    llm = make().with_structured_output(Contact, method=method)
    assert set(llm.invoke("A person, as JSON.")) >= {"name", "tags"}
    body = gateway.requests[-1].json
    schema = body["tools"][0]["function"] if "tools" in body else body["response_format"]
    schema = schema.get("json_schema", schema)
    assert (schema["name"], schema["description"]) == ("Contact", "A person.")
    fields = schema.get("schema", schema.get("parameters"))
    assert fields["required"] == ["name", "tags"]
    assert fields["properties"]["age"] == {"type": "integer", "description": "In years."}
    assert fields["properties"]["name"]["description"] == "The whole name."
