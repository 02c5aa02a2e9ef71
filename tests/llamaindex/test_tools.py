"""Tools: how they are offered, forced and kept to one; how calls are read back, good and bad."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace
from typing import Any, Generic, TypeVar

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, TextBlock, ToolCallBlock
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel, Field

from llamaindex_pollinations import NoToolCallError, Pollinations
from llamaindex_pollinations._tool_definitions import wire_tools
from pollinations_client import BadRequestError, InvalidRequestError, PollinationsWarning
from pollinations_client.emulator import Answer, Chunks, Emulator
from support.llamaindex import TAIL, blocks_of, delta, fragment

TOOL_WAYS = (
    "chat_with_tools",
    "achat_with_tools",
    "stream_chat_with_tools",
    "astream_chat_with_tools",
)
TWO_CALLS = [
    delta(tool_calls=[fragment(0, id="a", name="add", arguments='{"a": 1, "b": 2}')]),
    delta(tool_calls=[fragment(1, id="b", name="add", arguments='{"a": 3, "b": 4}')]),
    delta("tool_calls"),
    TAIL,
]
T = TypeVar("T")


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def count(start: int, step: int = 1) -> int:
    """Count on."""
    return start + step


def weather(city: str) -> str:
    """Look up the weather of a city."""
    return f"{city}: sunny"


ADD = FunctionTool.from_defaults(add)
COUNT = FunctionTool.from_defaults(count)
WEATHER = FunctionTool.from_defaults(weather)


@pytest.fixture(params=TOOL_WAYS)
def tool_way(request: pytest.FixtureRequest) -> str:
    """Each of the four calls with tools."""
    return str(request.param)


def replies(
    llm: Pollinations, tool_way: str, tools: Any, message: Any = "Add 3 and 4", **options: Any
) -> list[ChatResponse]:
    """All responses of a call with tools."""

    async def awaited() -> list[ChatResponse]:
        answered = await getattr(llm, tool_way)(tools, message, **options)
        return (
            [answered]
            if isinstance(answered, ChatResponse)
            else [response async for response in answered]
        )

    if tool_way.startswith("a"):
        return asyncio.run(awaited())
    answered = getattr(llm, tool_way)(tools, message, **options)
    return [answered] if isinstance(answered, ChatResponse) else list(answered)


def test_a_tool_is_called(make: Any, tool_way: str, gateway: Emulator) -> None:
    """Whole or streamed, the call has its arguments as an object, and stands in both forms."""
    llm = make()
    response = replies(llm, tool_way, [ADD, WEATHER])[-1]
    (block,) = blocks_of(response, ToolCallBlock)
    assert (block.tool_name, block.tool_kwargs) == ("add", {"a": 3, "b": 4})
    (plain,) = response.message.additional_kwargs["tool_calls"]
    assert (plain["id"], plain["function"]["name"]) == (block.tool_call_id, "add")
    (selected,) = llm.get_tool_calls_from_response(response)
    assert (selected.tool_id, selected.tool_name, selected.tool_kwargs) == (
        block.tool_call_id,
        "add",
        {"a": 3, "b": 4},
    )


CHOICES: list[tuple[dict[str, Any], Any]] = [
    ({}, "auto"),
    ({"tool_required": True}, "required"),
    ({"tool_choice": None}, "auto"),
    ({"tool_choice": None, "tool_required": True}, "required"),
    ({"tool_choice": "auto"}, "auto"),
    ({"tool_choice": "none"}, "none"),
    ({"tool_choice": "required"}, "required"),
    ({"tool_choice": "any"}, "required"),
    ({"tool_choice": True}, "required"),
    ({"tool_choice": "add"}, {"type": "function", "function": {"name": "add"}}),
    (
        {"tool_choice": {"type": "function", "function": {"name": "add"}}},
        {"type": "function", "function": {"name": "add"}},
    ),
    (
        {"tool_choice": {"type": "tool", "name": "add"}},
        {"type": "function", "function": {"name": "add"}},
    ),
]


@pytest.mark.parametrize(("options", "sent"), CHOICES, ids=[str(options) for options, _ in CHOICES])
def test_every_form_of_tool_choice(
    options: dict[str, Any], sent: Any, make: Any, tool_way: str, gateway: Emulator
) -> None:
    """By word, by name, by object, by LlamaIndex's ``tool_required``; ``None`` is not sent."""
    replies(make(), tool_way, [ADD, WEATHER], **options)
    assert gateway.requests[0].json["tool_choice"] == sent


def test_a_function_that_is_no_tool_yet_is_named(
    make: Any, tool_way: str, gateway: Emulator
) -> None:
    """With what makes it one."""
    with pytest.raises(
        InvalidRequestError,
        match=r"tools\[1\]: add is no tool yet.*FunctionTool.from_defaults\(add\)",
    ):
        replies(make(), tool_way, [WEATHER, add])
    assert gateway.requests == []


def test_an_unknown_tool_choice_is_refused(make: Any, tool_way: str, gateway: Emulator) -> None:
    """With the names there are."""
    with pytest.raises(InvalidRequestError, match="add, weather"):
        replies(make(), tool_way, [ADD, WEATHER], tool_choice="subtract")
    assert gateway.requests == []


@pytest.mark.parametrize("parallel", [True, False])
def test_parallel_tool_calls_can_be_switched(
    parallel: bool, make: Any, tool_way: str, gateway: Emulator
) -> None:
    """LlamaIndex's argument is the gateway's option."""
    replies(make(), tool_way, [ADD], allow_parallel_tool_calls=parallel)
    assert gateway.requests[0].json["parallel_tool_calls"] is parallel


@pytest.mark.parametrize("parallel", [True, False])
def test_parallel_false_keeps_one_call(
    parallel: bool, make: Any, tool_way: str, gateway: Emulator
) -> None:
    """In blocks, in the plain dicts, in raw, and in every chunk of a stream."""
    gateway.script(Chunks(TWO_CALLS))
    responses = replies(make(), tool_way, [ADD], allow_parallel_tool_calls=parallel)
    for response in responses:
        blocks, plain = (
            blocks_of(response, ToolCallBlock),
            response.message.additional_kwargs.get("tool_calls", []),
        )
        assert len(blocks) == len(plain) <= (2 if parallel else 1)
    assert len(responses[-1].raw["choices"][0]["message"]["tool_calls"]) == (2 if parallel else 1)
    assert len(blocks) == (2 if parallel else 1)


def test_the_history_is_not_written_to(make: Any, tool_way: str) -> None:
    """The new message is in the request only."""
    history = [
        ChatMessage(role="user", content="Hello"),
        ChatMessage(role="assistant", content="Hi."),
    ]
    replies(make(), tool_way, [ADD], chat_history=history)
    assert len(history) == 2


def test_only_strict_closes_the_schema(make: Any, tool_way: str, gateway: Emulator) -> None:
    """Closed, with every property required, where strict was asked for; else as the tool says."""
    replies(make(), tool_way, [COUNT])
    replies(make(), tool_way, [COUNT], strict=True)
    replies(make(strict=True), tool_way, [COUNT])
    loose, strict, by_field = (request.json["tools"][0]["function"] for request in gateway.requests)
    assert "strict" not in loose
    assert "additionalProperties" not in loose["parameters"]
    assert loose["parameters"]["required"] == ["start"]
    assert strict == by_field
    assert (strict["strict"], strict["parameters"]["additionalProperties"]) == (True, False)
    assert strict["parameters"]["required"] == ["start", "step"]


def test_strict_loses_no_free_form_argument(make: Any, gateway: Emulator) -> None:
    """Strict mode has no form for it: its tool goes as it is, a warning names it, other tools stay
    strict.
    """

    def tally(counts: dict[str, int], title: str) -> str:
        """Keep a tally."""
        return f"{title}: {sum(counts.values())}"

    tool = FunctionTool.from_defaults(tally)
    gateway.script(Answer(tool_calls=[("tally", {"counts": {"a": 1, "b": 2}, "title": "t"})]))
    with pytest.warns(
        PollinationsWarning, match=r"The tool tally is sent without strict.*\(counts\)"
    ):
        assert make(strict=True).predict_and_call([tool, COUNT], "Count").response == "t: 3"
    loose, strict = (tool["function"] for tool in gateway.requests[0].json["tools"])
    assert "strict" not in loose
    assert loose["parameters"]["properties"]["counts"]["additionalProperties"] == {
        "type": "integer"
    }
    assert strict["strict"] is True


def test_nulls_that_strict_asks_for_do_not_reach_the_tool(make: Any, gateway: Emulator) -> None:
    """In strict form an option is left out by saying null: the tool's own default holds, in any
    kind of call.
    """
    for way in TOOL_WAYS:
        gateway.script(Answer(tool_calls=[("count", {"start": 1, "step": None})]))
        last = replies(make(strict=True), way, [COUNT])[-1]
        (call,) = make().get_tool_calls_from_response(last)
        assert call.tool_kwargs == {"start": 1}
        assert (
            last.message.additional_kwargs["tool_calls"][0]["function"]["arguments"]
            == '{"start": 1, "step": null}'
        )
    gateway.script(Answer(tool_calls=[("count", {"start": 1, "step": None})]))
    assert make(strict=True).predict_and_call([COUNT], "Count").response == "2"
    gateway.script(Answer(tool_calls=[("count", {"start": 1, "step": None})]))
    (call,) = make().get_tool_calls_from_response(replies(make(), "chat_with_tools", [COUNT])[-1])
    assert call.tool_kwargs == {"start": 1, "step": None}


@pytest.mark.parametrize("tool", ["code_execution", {"type": "google_search"}])
def test_built_in_tools_are_offered(tool: Any, make: Any, tool_way: str, gateway: Emulator) -> None:
    """By name or as the gateway's object, also beside tools of your own."""
    replies(make("gemini"), tool_way, [tool, ADD])
    kind = tool if isinstance(tool, str) else tool["type"]
    assert [tool["type"] for tool in gateway.requests[0].json["tools"]] == [kind, "function"]


def test_chat_takes_tools_as_an_option(
    make: Any, say: Any, chat_way: str, gateway: Emulator
) -> None:
    """LlamaIndex tools are converted wherever they come."""
    say(make(), chat_way, "Add 3 and 4", tools=[ADD], tool_choice="add")
    assert gateway.requests[0].json["tools"][0]["function"]["name"] == "add"


def test_without_tools_no_tool_field_is_sent(make: Any, tool_way: str, gateway: Emulator) -> None:
    """An empty list is no tool."""
    replies(make(), tool_way, [])
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & gateway.requests[0].json.keys()


def test_a_models_own_tools_stay_where_a_call_has_none(
    make: Any, tool_way: str, gateway: Emulator
) -> None:
    """An agent without tools of its own still searches."""
    replies(make("gemini", additional_kwargs={"tools": ["google_search"]}), tool_way, [])
    assert gateway.requests[0].json["tools"] == [{"type": "google_search"}]


def test_long_descriptions_are_not_cut(make: Any, gateway: Emulator) -> None:
    """The gateway has no limit of 1,024 characters."""
    tool = FunctionTool.from_defaults(add, description="Adds. " * 500)
    make().chat_with_tools([tool], "Add 3 and 4")
    assert gateway.requests[0].json["tools"][0]["function"]["description"] == "Adds. " * 500


class Box(BaseModel, Generic[T]):
    """A box of something."""

    of: int


def test_names_with_brackets_come_back_as_they_were(
    make: Any, tool_way: str, gateway: Emulator
) -> None:
    """Names are cleaned for the wire; the tool is found again by its own, and by it in the history
    too.
    """
    tool = FunctionTool.from_defaults(
        lambda of: of, name="Box[int]", description="A box.", fn_schema=Box[int]
    )
    llm = make()
    response = replies(llm, tool_way, [tool], "Make a box of 5", tool_choice="Box[int]")[-1]
    assert gateway.requests[0].json["tool_choice"]["function"]["name"] == "Box_int_"
    (selected,) = llm.get_tool_calls_from_response(response)
    assert selected.tool_name == "Box[int]"
    result = ChatMessage(
        role="tool", content="5", additional_kwargs={"tool_call_id": selected.tool_id}
    )
    llm.chat([ChatMessage(role="user", content="x"), response.message, result])
    assert (
        gateway.requests[1].json["messages"][1]["tool_calls"][0]["function"]["name"] == "Box_int_"
    )


def called_with(arguments: str) -> Answer:
    """An answer that calls ``clean_up`` with this text for arguments."""
    function = {"name": "clean_up", "arguments": arguments}
    return Answer(tool_calls=[{"id": "a", "type": "function", "function": function}])


@pytest.mark.parametrize("arguments", ['"text"', "[]", "null", "[1]", '""'])
def test_json_that_is_no_object_counts_as_no_arguments(
    arguments: str, make: Any, tool_way: str, gateway: Emulator
) -> None:
    """Some models write a call without arguments so."""
    gateway.script(called_with(arguments))
    llm = make()
    (selected,) = llm.get_tool_calls_from_response(replies(llm, tool_way, [ADD])[-1])
    assert (selected.tool_name, selected.tool_kwargs) == ("clean_up", {})


@pytest.mark.parametrize(
    "arguments", ['{"folder": "/srv/old", "force": tr', "nonsense", '{"a": 1, ']
)
def test_unreadable_arguments_select_no_tool_and_stay_visible(
    arguments: str, make: Any, tool_way: str, gateway: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing of that name can be run; the block keeps the text, the reason is given and logged."""
    gateway.script(called_with(arguments))
    llm = make()
    with caplog.at_level(logging.WARNING):
        response = replies(llm, tool_way, [ADD])[-1]
    (selected,) = llm.get_tool_calls_from_response(response)
    assert (selected.tool_id, selected.tool_kwargs) == ("a", {})
    assert selected.tool_name.startswith("clean_up (not run")
    assert blocks_of(response, ToolCallBlock)[0].tool_kwargs == arguments
    assert response.message.additional_kwargs["invalid_tool_calls"][0]["arguments"] == arguments
    assert "Tool call a (clean_up)" in caplog.text


@pytest.mark.parametrize("way", ["predict_and_call", "apredict_and_call"])
def test_predict_and_call_runs_nothing_on_cut_arguments(
    way: str, make: Any, gateway: Emulator
) -> None:
    """The output is an error, as of a tool that failed; the whole calls beside it are run."""
    cleaned: list[str] = []

    def clean_up(folder: str = ".", force: bool = True) -> str:
        """Delete a folder."""
        cleaned.append(folder)
        return "Deleted."

    def call(**options: Any) -> Any:
        tools = [FunctionTool.from_defaults(clean_up), ADD]
        answer = getattr(make(), way)(tools, "Clean up", **options)
        return asyncio.run(answer) if asyncio.iscoroutine(answer) else answer

    cut = '{"folder": "/srv/old", "force": tr'
    good_call = ("add", {"a": 1, "b": 2})
    both = Answer(tool_calls=[good_call, *called_with(cut).tool_calls])
    gateway.script(called_with(cut), called_with(cut), both)
    answer = call()
    assert "clean_up was not run" in answer.response
    assert answer.sources[0].is_error
    with pytest.raises(ValueError, match="clean_up was not run"):
        call(error_on_tool_error=True)
    answer = call(allow_parallel_tool_calls=True)
    assert [source.is_error for source in answer.sources] == [False, True]
    assert answer.sources[0].content == "3"
    assert cleaned == []


@pytest.mark.parametrize("arguments", ["", "null", None])
def test_no_arguments_are_an_empty_object(
    arguments: Any, make: Any, tool_way: str, gateway: Emulator
) -> None:
    """That is how providers call a tool that takes nothing."""
    gateway.script(
        Chunks(
            [
                delta(tool_calls=[fragment(0, id="a", name="add", arguments=arguments)]),
                delta("tool_calls"),
            ]
        )
    )
    llm = make()
    assert llm.get_tool_calls_from_response(replies(llm, tool_way, [ADD])[-1])[0].tool_kwargs == {}


FOREIGN = SimpleNamespace(
    model_dump=lambda **_: {
        "id": "a",
        "type": "function",
        "function": {"name": "add", "arguments": '{"a": 1}'},
    }
)


@pytest.mark.parametrize(
    "message",
    [
        ChatMessage(
            role="assistant",
            blocks=[ToolCallBlock(tool_call_id="a", tool_name="add", tool_kwargs={"a": 1})],
        ),
        ChatMessage(
            role="assistant",
            blocks=[ToolCallBlock(tool_call_id="a", tool_name="add", tool_kwargs='{"a": 1}')],
        ),
        ChatMessage(role="assistant", additional_kwargs={"tool_calls": [FOREIGN.model_dump()]}),
        ChatMessage(role="assistant", additional_kwargs={"tool_calls": [FOREIGN]}),
    ],
    ids=["block", "block of text", "dict", "another library's object"],
)
def test_calls_are_read_from_every_form(message: ChatMessage, llm: Any) -> None:
    """Blocks first, then plain dicts, as they come back from JSON stores (section 5.2)."""
    (selected,) = llm.get_tool_calls_from_response(ChatResponse(message=message))
    assert (selected.tool_id, selected.tool_name, selected.tool_kwargs) == ("a", "add", {"a": 1})


def test_a_call_without_an_id_gets_one(llm: Any) -> None:
    """LlamaIndex needs text there."""
    message = ChatMessage(role="assistant", blocks=[ToolCallBlock(tool_name="add")])
    assert llm.get_tool_calls_from_response(ChatResponse(message=message))[0].tool_id


def test_a_missing_call_is_an_error_if_one_was_required(llm: Any) -> None:
    """A ``ValueError`` with LlamaIndex's words, and the model's answer."""
    response = ChatResponse(
        message=ChatMessage(role="assistant", blocks=[TextBlock(text="I'd rather not.")])
    )
    assert llm.get_tool_calls_from_response(response, error_on_no_tool_call=False) == []
    with pytest.raises(ValueError, match=r"Expected at least one tool call.*I'd rather not"):
        llm.get_tool_calls_from_response(response)


@pytest.mark.parametrize("parallel", [True, False])
def test_predict_and_call_calls_the_tool(parallel: bool, make: Any, gateway: Emulator) -> None:
    """Sync and async; two calls where one was allowed are one."""
    llm = make()
    gateway.script(Chunks(TWO_CALLS), Chunks(TWO_CALLS))
    options = {"allow_parallel_tool_calls": parallel}
    expected = "3\n\n7" if parallel else "3"
    assert llm.predict_and_call([ADD], "Add", **options).response == expected
    assert asyncio.run(llm.apredict_and_call([ADD], "Add", **options)).response == expected


@pytest.mark.filterwarnings(
    "ignore::pydantic.warnings.PydanticDeprecationWarning"
)  # LlamaIndex's own
def test_predict_and_call_by_words_where_the_model_has_no_tools(
    make: Any, gateway: Emulator
) -> None:
    """LlamaIndex falls back on ReAct."""
    react = 'Thought: I need to add.\nAction: add\nAction Input: {"a": 3, "b": 4}'
    gateway.script(Chunks([delta("stop", content=react)]))
    assert (
        make(is_function_calling_model=False).predict_and_call([ADD], "Add 3 and 4").response == "7"
    )


def test_an_invented_tool_is_named(make: Any, gateway: Emulator) -> None:
    """Not a bare ``KeyError``."""
    gateway.script(*[Answer(tool_calls=[("subtract", {"a": 1})])] * 2)
    llm = make()
    with pytest.raises(NoToolCallError, match=r"'subtract'.*add"):
        llm.predict_and_call([ADD], "Subtract")
    with pytest.raises(NoToolCallError, match=r"'subtract'.*add"):
        asyncio.run(llm.apredict_and_call([ADD], "Subtract"))


def test_a_model_that_refuses_force_is_asked_again(
    make: Any, tool_way: str, gateway: Emulator
) -> None:
    """Known refusers are asked with ``auto``, with a warning that says so."""
    with pytest.warns(UserWarning, match="forced tool choice"):
        response = replies(make("claude-opus-5.5"), tool_way, [ADD], tool_required=True)[-1]
    assert gateway.requests[-1].json["tool_choice"] == "auto"
    assert blocks_of(response, ToolCallBlock)


def test_prepared_arguments_are_plain(llm: Any) -> None:
    """``_prepare_chat_with_tools`` gives what ``chat`` takes."""
    prepared = llm._prepare_chat_with_tools(
        [ADD], user_msg="hi", tool_required=True, temperature=0.1
    )
    assert prepared["messages"] == [ChatMessage(role="user", content="hi")]
    assert (prepared["tool_choice"], prepared["parallel_tool_calls"], prepared["temperature"]) == (
        "required",
        False,
        0.1,
    )
    assert prepared["tools"][0]["function"]["name"] == "add"
    named = llm._prepare_chat_with_tools(
        [ADD], user_msg="hi", tool_required=True, tool_choice="add"
    )
    assert named["tool_choice"] == {"type": "function", "function": {"name": "add"}}
    without = llm._prepare_chat_with_tools([], user_msg="hi", tool_required=True)
    assert (without["tools"], without["tool_choice"]) == (None, None)


def test_tools_are_converted_once_per_tool() -> None:
    """LlamaIndex builds a JSON schema at each call; ours is built once."""
    (first,), (second,) = wire_tools([ADD], strict=False), wire_tools([ADD], strict=False)
    assert first is second
    (strict,) = wire_tools([ADD], strict=True)
    assert strict is not first


def test_a_changed_tool_is_converted_again() -> None:
    """The definition follows the tool's metadata."""
    tool = FunctionTool.from_defaults(add)
    wire_tools([tool], strict=False)
    tool.metadata.description = "Sums."
    assert wire_tools([tool], strict=False)[0]["function"]["description"] == "Sums."


class Deep(BaseModel):
    """A nested schema."""

    names: list[str] = Field(description="Names.")
    inner: Box[int] | None = None


def test_nested_schemas_reach_the_gateway_with_their_definitions(
    make: Any, gateway: Emulator
) -> None:
    """References stay resolvable."""
    tool = FunctionTool.from_defaults(
        lambda **kwargs: kwargs, name="deep", description="Deep.", fn_schema=Deep
    )
    make().chat_with_tools([tool], "Names 'a' and 'b'")
    parameters = gateway.requests[0].json["tools"][0]["function"]["parameters"]
    assert "Box_int_" in parameters["$defs"]


def test_a_refusal_of_the_gateway_is_not_swallowed(
    make: Any, tool_way: str, gateway: Emulator
) -> None:
    """A model without tools says so."""
    without = next(
        card.name for card in make().catalog if card.category == "text" and card.tools is False
    )
    with pytest.raises(BadRequestError):
        replies(make(without), tool_way, [ADD])
