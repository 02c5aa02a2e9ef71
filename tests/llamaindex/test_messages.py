"""Every block in every role: what reaches the gateway, and how what cannot be sent is refused."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llama_index.core.base.llms.types import (
    AudioBlock,
    CacheControl,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from llamaindex_pollinations._messages import _Conversation
from pollinations_client import InvalidRequestError, snapshot
from pollinations_client._adapter_support import AskedModel
from pollinations_client.emulator import Answer, Emulator
from support.llamaindex_messages import PNG, TEXT, TEXT_PART, THOUGHT, tool_turn, wire_messages

ROLES = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
    "chatbot": "assistant",
    "model": "assistant",
}


@pytest.mark.parametrize("role", ROLES)
def test_text_is_a_string_in_every_role(role: str) -> None:
    """The oldest gateway takes strings only outside user messages; several texts are joined by
    lines.
    """
    entry = wire_messages([ChatMessage(role=role, content="Hi")])
    two = wire_messages(
        [ChatMessage(role=role, blocks=[TextBlock(text="Hi"), TextBlock(text="you")])]
    )
    assert entry == [{"role": ROLES[role], "content": "Hi"}]
    assert two == [{"role": ROLES[role], "content": "Hi\nyou"}]


@pytest.mark.parametrize("role", ROLES)
def test_citable_blocks_are_sent_as_text(role: str) -> None:
    """The gateway has no such block: title, source and content are words."""
    block = CitableBlock(title="Bees", source="bees.md", content="They dance.")
    assert (
        wire_messages([ChatMessage(role=role, blocks=[block])])[0]["content"]
        == "[Bees] (bees.md)\nThey dance."
    )


@pytest.mark.parametrize("role", ROLES)
def test_citations_are_sent_as_text(role: str) -> None:
    """What was cited, and from where."""
    block = CitationBlock(
        cited_content="They dance.", source="bees.md", title="Bees", additional_location_info={}
    )
    assert (
        wire_messages([ChatMessage(role=role, blocks=[block])])[0]["content"]
        == "[Bees (bees.md)] They dance."
    )


@pytest.mark.parametrize("role", ["system", "user", "assistant", "developer"])
def test_a_cache_point_marks_the_part_before_it(role: str) -> None:
    """As in Anthropic's API; the default time to live is not sent."""
    point = CachePoint(cache_control=CacheControl(type="ephemeral"))
    after = TextBlock(text="And now?")
    assert wire_messages([ChatMessage(role=role, blocks=[TEXT, point, after])])[0]["content"] == [
        {**TEXT_PART, "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "And now?"},
    ]


def test_a_longer_cache_time_is_sent() -> None:
    """``ttl`` is sent unless it is the default, five minutes."""
    point = CachePoint(cache_control=CacheControl(type="ephemeral", ttl="1h"))
    part = wire_messages([ChatMessage(role="user", blocks=[TEXT, point])])[0]["content"][0]
    assert part["cache_control"] == {"type": "ephemeral", "ttl": "1h"}


BAD: dict[str, tuple[ChatMessage, str]] = {
    "picture in a system message": (
        ChatMessage(role="system", blocks=[ImageBlock(image=PNG)]),
        "ImageBlock",
    ),
    "picture in a developer message": (
        ChatMessage(role="developer", blocks=[ImageBlock(image=PNG)]),
        "ImageBlock",
    ),
    "thinking of a user": (
        ChatMessage(role="user", blocks=[ThinkingBlock(content="Hm.")]),
        "ThinkingBlock",
    ),
    "call of a user": (
        ChatMessage(role="user", blocks=[ToolCallBlock(tool_name="draw")]),
        "ToolCallBlock",
    ),
    "cache point before anything": (
        ChatMessage(role="user", blocks=[CachePoint(cache_control=CacheControl(type="ephemeral"))]),
        "CachePoint",
    ),
    "empty image": (ChatMessage(role="user", blocks=[ImageBlock()]), "ImageBlock"),
    "audio by link": (
        ChatMessage(role="user", blocks=[AudioBlock(url="https://a.example/a.wav")]),
        "AudioBlock",
    ),
    "audio of unknown format": (
        ChatMessage(role="user", blocks=[AudioBlock(audio=b"\x01\x02\x03\x04")]),
        "AudioBlock",
    ),
    "document that is not there": (
        ChatMessage(role="user", blocks=[DocumentBlock(path="no/such/file.pdf")]),
        "DocumentBlock",
    ),
}


def test_an_object_that_is_no_message_is_named_by_its_position() -> None:
    """Dicts among the messages, say."""
    with pytest.raises(
        InvalidRequestError, match=r"messages\[1\]: a ChatMessage is needed, not dict"
    ):
        mixed: list[Any] = [ChatMessage("hi"), {"role": "user", "content": "hi"}]
        wire_messages(mixed)


@pytest.mark.parametrize("role", ["user", "system", "developer", "assistant"])
def test_a_message_of_plain_text_may_be_cached(role: str, make: Any, gateway: Emulator) -> None:
    """As Anthropic's users write it, in additional_kwargs: sent on the last part."""
    marked = ChatMessage(
        role=role, content="hi", additional_kwargs={"cache_control": {"type": "ephemeral"}}
    )
    make().chat([marked, ChatMessage(role="user", content="ho")])
    (sent, _) = gateway.requests[0].json["messages"]
    mark = {"cache_control": {"type": "ephemeral"}}
    assert sent == {"role": role, "content": [{"type": "text", "text": "hi", **mark}]}


def test_a_cache_control_that_is_no_object_is_refused_by_its_place() -> None:
    """In a message's own additional_kwargs too."""
    message = ChatMessage(
        role="user", content="hi", additional_kwargs={"cache_control": "ephemeral"}
    )
    with pytest.raises(
        InvalidRequestError, match=r"messages\[0\] \(user\): cache_control: .* not 'ephemeral'"
    ):
        wire_messages([message])


@pytest.mark.parametrize("case", BAD)
def test_a_block_that_cannot_be_sent_names_type_role_and_position(case: str) -> None:
    """Nothing is dropped without a word."""
    message, kind = BAD[case]
    with pytest.raises(InvalidRequestError) as caught:
        wire_messages([ChatMessage(role="user", content="hi"), message])
    sentence = str(caught.value)
    assert f"messages[1] ({message.role.value}), block 0 ({kind})" in sentence
    assert caught.value.status_code is None


def test_the_callers_messages_are_not_changed(
    make: Any, gateway: Emulator, way: str, say: Any
) -> None:
    """Messages, history and options are read, never written."""
    messages = [
        *tool_turn([TextBlock(text="done"), ImageBlock(image=PNG)]),
        THOUGHT,
        ChatMessage(
            role="user", blocks=[TEXT, CachePoint(cache_control=CacheControl(type="ephemeral"))]
        ),
    ]
    options = {"stop": ["x"], "extra_body": {"top_k": 4}}
    before = copy.deepcopy((messages, options))
    say(make(), way, messages if "chat" in way else "hi", **options)
    assert (messages, options) == before


def test_names_are_sent() -> None:
    """A participant's name is the gateway's ``name``."""
    wire = wire_messages(
        [ChatMessage(role="user", content="hi", additional_kwargs={"name": "Ann", "other": 1})]
    )
    assert wire == [{"role": "user", "content": "hi", "name": "Ann"}]


def test_a_system_message_may_stand_anywhere(make: Any, gateway: Emulator) -> None:
    """AgentWorkflow ends with one (``early_stopping_method="generate"``)."""
    make().chat(
        [ChatMessage(role="user", content="hi"), ChatMessage(role="system", content="Be short.")]
    )
    assert [message["role"] for message in gateway.requests[0].json["messages"]] == [
        "user",
        "system",
    ]


def test_an_empty_system_message_is_left_out(make: Any, gateway: Emulator) -> None:
    """Some providers refuse it."""
    user = ChatMessage(role="user", content="Hi")
    for role in ("system", "developer"):
        for text in ("", " \n"):
            make().chat([ChatMessage(role=role, content=text), user])
            assert [entry["role"] for entry in gateway.requests[-1].json["messages"]] == ["user"]


def test_a_cache_point_of_a_tool_result_is_reported_not_sent(make: Any, gateway: Emulator) -> None:
    """A tool's text cannot bear it."""
    called = ChatMessage(
        role="assistant", blocks=[ToolCallBlock(tool_call_id="c", tool_name="draw")]
    )
    result = ChatMessage(
        role="tool",
        blocks=[TEXT, CachePoint(cache_control=CacheControl(type="ephemeral"))],
        additional_kwargs={"tool_call_id": "c"},
    )
    with pytest.warns(UserWarning, match="cache_control"):
        make().chat([ChatMessage(role="user", content="Draw"), called, result])
    assert gateway.requests[0].json["messages"][2]["content"] == TEXT.text


class CarefulConversation(_Conversation):
    """A conversation without the straight path."""

    def _text_turn(self, message: ChatMessage) -> None:
        return None


BLOCKS = st.one_of(
    st.builds(TextBlock, text=st.sampled_from(["", " ", "x", "ü"])),
    st.builds(ThinkingBlock, content=st.just("Hm.")),
    st.builds(
        ToolCallBlock,
        tool_call_id=st.sampled_from([None, "", "c0", "c1"]),
        tool_name=st.sampled_from(["f", "get.data"]),
        tool_kwargs=st.sampled_from([{}, {"a": "ü"}, {"a": {"b": [1.5, None]}}, "{", '{"a": 1}']),
    ),
)
ABOUT = st.sampled_from(
    [{}, {}, {"name": "Ada"}, {"tool_call_id": "c0"}, {"tool_call_id": "c1"}, {"tool_calls": []}]
)
MESSAGES = st.builds(
    ChatMessage,
    role=st.sampled_from(["user", "system", "developer", "assistant", "model", "tool", "function"]),
    blocks=st.lists(BLOCKS, max_size=2),
    additional_kwargs=ABOUT,
)
TOOL_LOOP = [
    ChatMessage(
        role="assistant",
        blocks=[ToolCallBlock(tool_call_id="c0", tool_name="f", tool_kwargs={"a": 1})],
    ),
    ChatMessage(role="tool", content="42", additional_kwargs={"tool_call_id": "c0"}),
]


ARGUMENTS = st.sampled_from(
    ['{"a": 1}', '{"a":1}', '{"a": 1, "b": null}', "{}", "", "{", "[]", None]
)


def _answer(text: str | None, calls: list[Any], blocks: list[Any], more: Any) -> ChatMessage:
    """An answer as this package gives it, if its parts fit together."""
    listed = [
        {"id": f"c{n}", "type": "function", "function": {"name": "f", "arguments": arguments}}
        for n, arguments in enumerate(calls)
    ]
    texts = [] if text is None else [TextBlock(text=text)]
    called = [
        ToolCallBlock(tool_call_id=f"c{n}", tool_name="f", tool_kwargs=kwargs)
        for n, kwargs in enumerate(blocks)
    ]
    about = {"tool_calls": listed, **more}
    return ChatMessage(role="assistant", blocks=[*texts, *called], additional_kwargs=about)


ANSWERS = st.builds(
    _answer,
    st.sampled_from([None, "", " ", "Let me see."]),
    st.lists(ARGUMENTS, max_size=2),
    st.lists(st.sampled_from([{"a": 1}, {}, {"a": 1, "b": None}, "{"]), max_size=2),
    st.sampled_from([{}, {}, {"name": "Ada"}, {"reasoning_content": "Hm."}]),
)


def _written(kind: type[_Conversation], messages: list[ChatMessage]) -> Any:
    try:
        return kind(AskedModel("openai", snapshot()), replay_reasoning=True).wire(messages)
    except InvalidRequestError as error:
        return str(error)


def test_an_answer_with_calls_goes_back_as_the_model_wrote_it(make: Any, gateway: Emulator) -> None:
    """The straight path takes the list of calls, whose arguments are the model's own text."""
    gateway.script(Answer(tool_calls=[("f", {"a": 1})]))
    answer = make().chat([ChatMessage(role="user", content="hi")]).message
    turn = _Conversation(AskedModel("openai", snapshot()), True)._text_turn(answer)
    assert turn is not None
    assert turn["tool_calls"] == answer.additional_kwargs["tool_calls"]


@given(
    st.lists(
        st.one_of(st.one_of(MESSAGES, ANSWERS).map(lambda entry: [entry]), st.just(TOOL_LOOP)),
        max_size=6,
    )
)
def test_the_fast_path_encodes_as_the_general_one_does(
    runs: list[list[ChatMessage]],
) -> None:
    """Messages that are one text or one call are recognised before all others."""
    messages = [message for run in runs for message in run]
    assert _written(_Conversation, messages) == _written(CarefulConversation, messages)
