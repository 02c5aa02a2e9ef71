"""The translation of a conversation, as pure functions: every role, every block, nothing lost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)

from langchain_pollinations import ChatPollinations, _messages
from langchain_pollinations._content import part_from
from langchain_pollinations._messages import wire_messages
from langchain_pollinations._response_blocks import server_tool_block
from pollinations_client import InvalidRequestError, snapshot
from pollinations_client._adapter_support import AskedModel
from pollinations_client.emulator import Emulator

USER = HumanMessage("hi")


def sent(*messages: Any, model: str = "openai", **options: Any) -> list[dict[str, Any]]:
    """The conversation as it is sent."""
    return wire_messages(messages, lambda: AskedModel(model, snapshot()), **options)


@pytest.mark.parametrize(
    ("message", "wire"),
    [
        (SystemMessage("a"), {"role": "system", "content": "a"}),
        (
            SystemMessage("a", additional_kwargs={"__openai_role__": "developer"}),
            {"role": "developer", "content": "a"},
        ),
        (HumanMessage("a", name="Ada"), {"role": "user", "content": "a", "name": "Ada"}),
        (
            HumanMessage("a", additional_kwargs={"name": "Ada"}),
            {"role": "user", "content": "a", "name": "Ada"},
        ),
        (HumanMessage("a").model_copy(update={"content": []}), {"role": "user", "content": []}),
        (ChatMessage("a", role="developer"), {"role": "developer", "content": "a"}),
        (FunctionMessage("a", name="f"), {"role": "function", "content": "a", "name": "f"}),
        (AIMessage("a", name="Bee"), {"role": "assistant", "content": "a", "name": "Bee"}),
        (
            ToolMessage("a", tool_call_id="c", name="f"),
            {"role": "tool", "content": "a", "tool_call_id": "c", "name": "f"},
        ),
    ],
)
def test_every_role_and_name(message: Any, wire: dict[str, Any]) -> None:
    """System, developer, user, assistant, function and tool."""
    assert sent(message) == [wire]


def test_a_message_that_is_none_is_refused_by_name() -> None:
    """A removal belongs to a graph's state."""
    with pytest.raises(InvalidRequestError, match=r"messages\[1\]: a RemoveMessage"):
        sent(USER, RemoveMessage(id="1"))


@pytest.mark.parametrize(
    ("message", "where"),
    [
        (
            HumanMessage([{"type": "hologram", "data": "x"}]),
            r"messages\[1\].content\[0\]: a block of type 'hologram'",
        ),
        (
            HumanMessage(["a", {"type": "image"}]),
            r"messages\[1\].content\[1\]: .*neither url, base64 nor file_id",
        ),
        (HumanMessage([{"type": "audio"}]), r"content\[0\]: .*neither"),
        (HumanMessage([{"type": "video"}]), r"content\[0\]: .*neither"),
        (HumanMessage([{"type": "file"}]), r"content\[0\]: .*neither"),
        (HumanMessage([{"type": "text"}]), r"content\[0\]: the text block has no text"),
        (HumanMessage([{"type": "mcp_call", "id": "m"}]), "a block of type 'mcp_call'"),
        (HumanMessage([{"type": ["x"]}]), "a block of type"),
        (HumanMessage([{"type": "tool_result", "content": "1"}]), r"messages\[1\]: .*tool_use_id"),
        (SystemMessage([{"type": "reasoning", "reasoning": "x"}]), r"a block of type 'reasoning'"),
    ],
)
def test_what_cannot_be_sent_names_type_and_place(message: Any, where: str) -> None:
    """Before anything is sent."""
    with pytest.raises(InvalidRequestError, match=where):
        sent(USER, message)


def test_a_block_that_is_no_block_is_refused() -> None:
    """A number, say, that slipped past LangChain's own check."""
    with pytest.raises(InvalidRequestError, match="not int"):
        part_from(3, "messages[0].content[0]")


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ({"type": "image", "file_id": "f"}, {"type": "file", "file": {"file_id": "f"}}),
        (
            {"type": "image", "source_type": "id", "id": "f"},
            {"type": "file", "file": {"file_id": "f"}},
        ),
        (
            {"type": "image", "source": {"type": "file", "file_id": "f"}},
            {"type": "file", "file": {"file_id": "f"}},
        ),
        ({"type": "audio", "file_id": "f"}, {"type": "file", "file": {"file_id": "f"}}),
        ({"type": "video", "file_id": "f"}, {"type": "file", "file": {"file_id": "f"}}),
        (
            {"type": "audio", "url": "https://a.example/b.mp3", "mime_type": "audio/mpeg"},
            {
                "type": "file",
                "file": {"file_url": "https://a.example/b.mp3", "mime_type": "audio/mpeg"},
            },
        ),
        ({"type": "text", "text": "a", "index": 0, "id": "x"}, {"type": "text", "text": "a"}),
        ({"type": "refusal", "refusal": "No."}, {"type": "text", "text": "No."}),
        ({"type": "output_text", "text": "a"}, {"type": "text", "text": "a"}),
        ({"text": "a"}, {"type": "text", "text": "a"}),
        (
            {
                "type": "non_standard",
                "value": {"type": "image_url", "image_url": {"url": "https://a.example"}},
            },
            {"type": "image_url", "image_url": {"url": "https://a.example"}},
        ),
        (
            {
                "type": "file",
                "source_type": "text",
                "text": "Snow.",
                "data": "Snow.",
                "mime_type": "text/plain",
            },
            {"type": "text", "text": "Snow."},
        ),
        (
            {"type": "text-plain", "base64": "U25vdw==", "mime_type": "text/plain"},
            {
                "type": "file",
                "file": {
                    "file_name": "document.txt",
                    "mime_type": "text/plain",
                    "file_data": "data:text/plain;base64,U25vdw==",
                },
            },
        ),
        (
            {
                "type": "document",
                "source": {"type": "content", "content": [{"type": "text", "text": "Snow."}]},
            },
            {"type": "text", "text": "Snow."},
        ),
        (
            {"type": "media", "mime_type": "audio/wav", "data": b"\x00\x00"},
            {"type": "input_audio", "input_audio": {"data": "AAA=", "format": "wav"}},
        ),
        (
            {"type": "media", "mime_type": "video/mp4", "file_uri": "gs://a/b.mp4"},
            {"type": "video_url", "video_url": {"url": "gs://a/b.mp4", "mime_type": "video/mp4"}},
        ),
    ],
)
def test_rarer_forms_of_blocks(block: Any, part: Any) -> None:
    """By file id, by address, as text, from other packages."""
    assert part_from(block, "messages[0].content[0]") == part


def test_unknown_blocks_of_tools_are_data() -> None:
    """They go as JSON text; a tool may say what it likes."""
    (result,) = sent(ToolMessage([{"type": "json", "json": {"a": "ä"}}], tool_call_id="c"))
    assert result["content"] == '{"type": "json", "json": {"a": "ä"}}'


def test_calls_go_back_however_they_are_kept() -> None:
    """In ``tool_calls``, as blocks of v1 or of Anthropic, in OpenAI's older fields."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": "ä"}'}}
    forms = [
        AIMessage("", tool_calls=[{"name": "f", "args": {"a": "ä"}, "id": "c"}]),
        AIMessage([{"type": "tool_call", "name": "f", "args": {"a": "ä"}, "id": "c"}]),
        AIMessage([{"type": "tool_use", "name": "f", "input": {"a": "ä"}, "id": "c"}]),
        AIMessage("", additional_kwargs={"tool_calls": [call]}),
    ]
    for message in forms:
        assert sent(USER, message)[1]["tool_calls"] == [call]
    older = AIMessage("", additional_kwargs={"function_call": {"name": "f", "arguments": "{}"}})
    assert sent(USER, older)[1]["function_call"] == {"name": "f", "arguments": "{}"}


def test_signatures_of_calls_go_back_in_their_places() -> None:
    """Beside the call, or beside its function, as they came."""
    extra = {"extra_content": {"google": {"thought_signature": "S"}}, "function": {"note": 1}}
    by_id = AIMessage(
        "",
        tool_calls=[{"name": "f", "args": {}, "id": "c"}],
        additional_kwargs={"tool_call_extras": {"c": extra}},
    )
    in_block = AIMessage(
        [{"type": "tool_call", "name": "f", "args": {}, "id": "c", "extras": extra}]
    )
    for message in (by_id, in_block):
        (call,) = sent(USER, message)[1]["tool_calls"]
        assert call["extra_content"] == extra["extra_content"]
        assert call["function"] == {"name": "f", "arguments": "{}", "note": 1}


def test_a_refusal_is_what_was_said() -> None:
    """An answer without text is not sent empty when it refused."""
    assert sent(USER, AIMessage("", additional_kwargs={"refusal": "No."}))[1]["content"] == "No."


@pytest.mark.parametrize(
    "message",
    [
        AIMessage([{"type": "redacted_thinking", "data": "R"}, {"type": "text", "text": "a"}]),
        AIMessage([{"type": "reasoning", "reasoning": "", "extras": {"redacted": "R"}}, "a"]),
        AIMessage(
            "a", additional_kwargs={"thinking_blocks": [{"type": "redacted_thinking", "data": "R"}]}
        ),
    ],
)
def test_encrypted_thinking_goes_back(message: AIMessage) -> None:
    """In Anthropic's form, in the standard form, and as our own messages keep it."""
    turn = sent(USER, message, HumanMessage("b"), model="claude")[1]
    assert turn["content_blocks"] == [{"type": "redacted_thinking", "data": "R"}]
    assert turn["content"] == [*turn["content_blocks"], {"type": "text", "text": "a"}]


def test_signed_thinking_of_others_goes_only_where_it_can_be_read() -> None:
    """A history made with another package's Claude may go on with any model here."""
    thought = {"type": "thinking", "thinking": "hm", "signature": "S"}
    theirs = AIMessage(
        [thought, {"type": "text", "text": "a"}], response_metadata={"model_provider": "anthropic"}
    )
    ours = theirs.model_copy(update={"response_metadata": {"model_provider": "pollinations"}})
    assert sent(USER, theirs, USER)[1] == {
        "role": "assistant",
        "content": [{"type": "text", "text": "a"}],
    }
    assert sent(USER, theirs, USER, model="claude")[1]["content"][0] == thought
    assert sent(USER, ours, USER)[1]["content_blocks"] == [thought]


@pytest.mark.parametrize(
    "message",
    [
        AIMessage("a", additional_kwargs={"reasoning_content": "r"}),
        AIMessage([{"type": "reasoning", "reasoning": "r"}, {"type": "text", "text": "a"}]),
        AIMessage([{"type": "thinking", "thinking": "r"}, {"type": "text", "text": "a"}]),
        AIMessage([{"type": "reasoning", "summary": [{"type": "summary_text", "text": "r"}]}, "a"]),
        AIMessage([{"type": "reasoning_content", "reasoning_content": {"text": "r"}}, "a"]),
    ],
)
def test_plain_reasoning_goes_back_in_the_loop_only(message: AIMessage) -> None:
    """After the last user message, or with a call of a tool; a switch leaves all of it out."""
    assert sent(USER, message)[1]["reasoning_content"] == "r"
    assert "reasoning_content" not in sent(USER, message, USER)[1]
    assert "reasoning_content" not in sent(USER, message, replay_reasoning=False)[1]
    calling = message.model_copy(
        update={"tool_calls": [{"name": "f", "args": {}, "id": "c", "type": "tool_call"}]}
    )
    assert (
        sent(USER, calling, ToolMessage("1", tool_call_id="c"), USER)[1]["reasoning_content"] == "r"
    )


@pytest.mark.parametrize(
    "result", [ToolMessage("1", tool_call_id="c"), FunctionMessage("1", name="f")]
)
def test_reasoning_of_an_exchange_with_tools_goes_back_to_its_end(result: Any) -> None:
    """DeepSeek wants it with the last answer of the exchange too, in all later requests."""
    reasoning = {"reasoning_content": "r"}
    answer = AIMessage("a", additional_kwargs=reasoning)
    call = {"name": "f", "args": {}, "id": "c", "type": "tool_call"}
    calling = AIMessage("", additional_kwargs=reasoning, tool_calls=[call])
    plain = [USER, answer]
    history = sent(*plain, USER, calling, result, answer, *plain, USER)
    answers = [turn for turn in history if turn["role"] == "assistant"]
    assert ["reasoning_content" in turn for turn in answers] == [False, True, True, False]


def test_pictures_of_an_answer_wait_for_the_results_of_its_calls() -> None:
    """Nothing may stand between a call and its results."""
    picture = {"type": "image", "url": "https://a.example/b.png"}
    call = {"name": "f", "args": {}, "id": "c"}
    wire = sent(
        USER, AIMessage(["See:", picture], tool_calls=[call]), ToolMessage("1", tool_call_id="c")
    )
    assert [message["role"] for message in wire] == ["user", "assistant", "tool", "user"]
    assert wire[3]["content"][1]["image_url"]["url"] == picture["url"]


def test_unknown_blocks_of_an_answer_go_back_as_they_came() -> None:
    """In the field that the gateway itself uses for them."""
    odd = {"type": "hologram", "depth": 3}
    turn = sent(USER, AIMessage(["a", {"type": "non_standard", "value": odd}]))[1]
    assert turn["content_blocks"] == [odd]


def test_the_messages_given_are_not_changed() -> None:
    """Translation makes new objects."""
    messages = [
        HumanMessage([{"type": "tool_result", "tool_use_id": "c", "content": "1"}, "a"]),
        AIMessage([{"type": "reasoning", "reasoning": "r", "extras": {"signature": "S"}}, "b"]),
        ToolMessage([{"type": "image", "url": "https://a.example/b.png"}], tool_call_id="c"),
    ]
    before = [message.model_copy(deep=True) for message in messages]
    sent(*messages, model="claude")
    assert messages == before


TRACES = {
    "openai": [
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        {"type": "file_search_call", "id": "fs_1", "queries": ["x"], "results": None},
        {"type": "code_interpreter_call", "id": "ci_1", "code": "1+1", "outputs": []},
        {"type": "image_generation_call", "id": "ig_1", "result": "aGk="},
        {"type": "computer_call", "id": "cu_1", "call_id": "c", "action": {"type": "click"}},
        {"type": "mcp_call", "id": "mcp_1", "name": "f", "arguments": "{}", "output": "1"},
        {"type": "mcp_list_tools", "id": "mcpl_1", "tools": []},
        {"type": "mcp_approval_request", "id": "mcpr_1", "name": "f", "arguments": "{}"},
        {"type": "local_shell_call", "id": "ls_1", "action": {"type": "exec"}},
        {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c", "input": "x"},
        {"type": "compaction", "encrypted_content": "x"},
    ],
    "anthropic": [
        {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {"query": "x"}},
        {"type": "web_search_tool_result", "tool_use_id": "srv_1", "content": []},
        {"type": "web_fetch_tool_result", "tool_use_id": "srv_1", "content": {}},
        {"type": "bash_code_execution_tool_result", "tool_use_id": "srv_1", "content": {}},
        {"type": "mcp_tool_use", "id": "m_1", "name": "f", "server_name": "s", "input": {}},
        {"type": "mcp_tool_result", "tool_use_id": "m_1", "is_error": False, "content": []},
        {"type": "container_upload", "file_id": "file_1"},
    ],
    "google_genai": [
        {"type": "executable_code", "executable_code": "1+1", "language": 1},
        {"type": "code_execution_result", "code_execution_result": "2", "outcome": 1},
    ],
    "bedrock_converse": [
        {"type": "reasoning_content", "reasoning_content": {"text": "hm", "signature": "S"}},
        {"type": "guard_content", "guard_content": {}},
        {"cachePoint": {"type": "default"}},
    ],
    "mistralai": [
        {"type": "reference", "reference_ids": [1]},
        {"type": "tool_reference", "tool": "web_search", "title": "x"},
    ],
    "groq": [
        {"type": "server_tool_call", "id": "s", "name": "web_search", "args": {}},
        {"type": "server_tool_result", "tool_call_id": "s", "status": "success", "output": "x"},
        {"type": "non_standard", "value": {"type": "web_search_call", "id": "w"}},
    ],
    "any": [{"type": ["x"]}, {"type": {"x": 1}}, {"type": 3}, {}],
}


@pytest.mark.parametrize(
    ("vendor", "trace"), [(vendor, trace) for vendor in TRACES for trace in TRACES[vendor]]
)
@pytest.mark.parametrize("names_vendor", [True, False])
def test_traces_of_another_vendors_tools_are_set_aside(
    vendor: str, trace: Any, names_vendor: bool
) -> None:
    """A conversation that began elsewhere goes on with the words of its answers."""
    metadata = {"model_provider": vendor} if names_vendor else {}
    answer = AIMessage([trace, {"type": "text", "text": "a"}], response_metadata=metadata)
    turn = sent(USER, answer, USER)[1]
    assert turn["content"] == [{"type": "text", "text": "a"}]
    if names_vendor:
        assert turn.keys() == {"role", "content"}


@pytest.mark.parametrize("vendor", TRACES)
def test_an_answer_of_nothing_but_traces_is_sent_empty(vendor: str) -> None:
    """And no message of the conversation is left out."""
    answer = AIMessage(TRACES[vendor], response_metadata={"model_provider": vendor})
    assert sent(USER, answer, USER)[1] == {"role": "assistant", "content": []}


def test_a_trace_that_was_edited_does_not_go_back_as_it_was() -> None:
    """The original is kept beside the standard form of what a built-in tool did."""
    raw = {"type": "web_search_tool_result", "tool_use_id": "s", "content": "ann@example.com"}
    result = {**(server_tool_block(raw) or {}), "index": 0}
    assert sent(USER, AIMessage([result, "a"]))[1]["content_blocks"] == [raw]
    edited = {**result, "output": "[REDACTED]"}
    assert "content_blocks" not in sent(USER, AIMessage([edited, "a"]))[1]


@pytest.mark.parametrize("nothing", ["", " \n", []])
def test_an_empty_system_message_is_left_out(nothing: Any) -> None:
    """Providers refuse it."""
    empty = SystemMessage("a").model_copy(update={"content": nothing})
    assert sent(empty, USER) == [{"role": "user", "content": "hi"}]


def half_a_character(message: Any) -> Any:
    """A conversation with a message that cannot be written as UTF-8."""
    calling = AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": "c"}])
    return [USER, calling, ToolMessage("a", tool_call_id="c"), message]


def test_half_a_character_in_a_tools_result_is_replaced(
    llm: ChatPollinations, gateway: Emulator
) -> None:
    """Tools read such texts from files; the conversation goes on."""
    conversation = half_a_character(USER)
    conversation[2] = ToolMessage("a\ud83d \U0001f600", tool_call_id="c")
    llm.invoke(conversation)
    assert gateway.requests[-1].json["messages"][2]["content"] == "a\ufffd \U0001f600"


@pytest.mark.parametrize(
    "message",
    [
        HumanMessage("a\ud83d"),
        HumanMessage([{"type": "text", "text": "\udc00"}]),
        AIMessage("", tool_calls=[{"name": "f", "args": {"q": "\ud83d"}, "id": "d"}]),
    ],
)
def test_half_a_character_elsewhere_is_refused_by_its_place(
    llm: ChatPollinations, message: Any
) -> None:
    """So that it can be taken out."""
    with pytest.raises(InvalidRequestError, match=r"messages\[3\]: .*half a character"):
        llm.invoke(half_a_character(message))
    with pytest.raises(InvalidRequestError, match=r"option .*half a character"):
        llm.invoke([USER], stop=["\ud83d"])


TEXTS = st.one_of(
    st.sampled_from(["", " ", "x", "ü"]), st.just([{"type": "text", "text": "in a block"}])
)
EXTRAS = st.sampled_from([{}, {}, {"name": "Ada"}, {"cache_control": {"type": "ephemeral"}}])
CALLS = st.lists(
    st.builds(
        lambda name, args, call_id: {"name": name, "args": args, "id": call_id},
        st.sampled_from(["f", "get.data"]),
        st.sampled_from([{}, {"a": "ü"}, {"a": {"b": [1.5, None]}}]),
        st.sampled_from(["c0", "c1"]),
    ),
    max_size=2,
)
INVALID = st.sampled_from([[], [], [{"name": "f", "args": "{", "id": "c0", "error": "cut"}]])


class OwnMessage(HumanMessage):
    """A program's own kind of message."""


MESSAGES = st.one_of(
    st.builds(HumanMessage, TEXTS, additional_kwargs=EXTRAS),
    st.builds(OwnMessage, TEXTS),
    st.builds(SystemMessage, TEXTS, additional_kwargs=EXTRAS),
    st.builds(ChatMessage, TEXTS, role=st.just("developer")),
    st.builds(ToolMessage, TEXTS, tool_call_id=st.sampled_from(["c0", "c1"])),
    st.builds(
        AIMessage,
        TEXTS,
        tool_calls=CALLS,
        invalid_tool_calls=INVALID,
        additional_kwargs=st.sampled_from([{}, {}, {"reasoning_content": "Hm."}]),
        response_metadata=st.sampled_from([{}, {"model_provider": "pollinations"}]),
    ),
    st.builds(AIMessageChunk, TEXTS, tool_calls=CALLS, invalid_tool_calls=INVALID),
)


@given(st.lists(MESSAGES, max_size=8), st.booleans())
def test_the_straight_path_writes_what_the_careful_one_writes(
    messages: list[Any], replay_reasoning: bool
) -> None:
    """Messages that are text and nothing else are recognised before all others."""
    straight = sent(*messages, replay_reasoning=replay_reasoning)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_messages, "_text_turn", lambda message: None)
        assert sent(*messages, replay_reasoning=replay_reasoning) == straight
