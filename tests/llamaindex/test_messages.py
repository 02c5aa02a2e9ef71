"""Every block in every role: what reaches the gateway, and how what cannot be sent is refused."""

from __future__ import annotations

import base64
import copy
import io
import json
from pathlib import Path
from types import SimpleNamespace
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
    VideoBlock,
)

from llamaindex_pollinations import Pollinations, _messages
from llamaindex_pollinations._messages import _Conversation
from pollinations_client import InvalidRequestError, PollinationsWarning, snapshot
from pollinations_client._adapter_support import AskedModel
from pollinations_client.emulator import Answer, Chunks, Emulator
from pollinations_client.request.endpoints import chat
from support.llamaindex import TAIL, delta

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGA"
    "WjR9awAAAABJRU5ErkJggg=="
)
PNG_URL = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
IMAGE_PART = {"type": "image_url", "image_url": {"url": PNG_URL}}
WAV = b"RIFF" + (36).to_bytes(4, "little") + b"WAVEfmt " + bytes(28)
PDF = b"%PDF-1.4 a page"
MP4 = b"\x00\x00\x00\x18ftypmp42" + bytes(16)
TEXT = TextBlock(text="Look:")
TEXT_PART = {"type": "text", "text": "Look:"}
LINK = "https://a.example/pic.png"
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "draw", "arguments": '{"of": "a fox"}'},
}


def wire_messages(
    messages: list[ChatMessage], *, model: str = "", **options: Any
) -> list[dict[str, Any]]:
    """The messages as they are sent to ``model``."""
    return _messages.wire_messages(messages, AskedModel(model, snapshot()), **options)


def base64_of(data: bytes) -> str:
    """As it stands in a request."""
    return base64.b64encode(data).decode()


MEDIA: dict[str, tuple[Any, dict[str, Any]]] = {
    "image from bytes": (ImageBlock(image=PNG), IMAGE_PART),
    "image from an open file": (
        ImageBlock(image=io.BytesIO(PNG), image_mimetype="image/png"),
        IMAGE_PART,
    ),
    "image by link": (ImageBlock(url=LINK), {"type": "image_url", "image_url": {"url": LINK}}),
    "image with detail": (
        ImageBlock(image=PNG, detail="low"),
        {"type": "image_url", "image_url": {"url": PNG_URL, "detail": "low"}},
    ),
    "audio": (
        AudioBlock(audio=WAV, format="wav"),
        {"type": "input_audio", "input_audio": {"data": base64_of(WAV), "format": "wav"}},
    ),
    "audio of unsaid format": (
        AudioBlock(audio=WAV),
        {"type": "input_audio", "input_audio": {"data": base64_of(WAV), "format": "wav"}},
    ),
    "video by link": (
        VideoBlock(url="https://a.example/v.mp4"),
        {
            "type": "video_url",
            "video_url": {"url": "https://a.example/v.mp4", "mime_type": "video/mp4"},
        },
    ),
    "video from bytes": (
        VideoBlock(video=MP4, video_mimetype="video/mp4"),
        {
            "type": "video_url",
            "video_url": {
                "url": f"data:video/mp4;base64,{base64_of(MP4)}",
                "mime_type": "video/mp4",
            },
        },
    ),
    "document": (
        DocumentBlock(data=PDF, title="paper.pdf", document_mimetype="application/pdf"),
        {
            "type": "file",
            "file": {
                "file_name": "paper.pdf",
                "file_data": f"data:application/pdf;base64,{base64_of(PDF)}",
                "mime_type": "application/pdf",
            },
        },
    ),
    "document of text": (
        DocumentBlock(data=b"a,b", title="table.csv"),
        {
            "type": "file",
            "file": {
                "file_name": "table.csv",
                "file_data": f"data:text/csv;base64,{base64_of(b'a,b')}",
                "mime_type": "text/csv",
            },
        },
    ),
    "document by link": (
        DocumentBlock(url="https://a.example/p.pdf", title="p.pdf"),
        {
            "type": "file",
            "file": {
                "file_name": "p.pdf",
                "file_url": "https://a.example/p.pdf",
                "mime_type": "application/pdf",
            },
        },
    ),
}


@pytest.mark.parametrize("kind", MEDIA)
def test_media_of_users_reach_the_gateway(kind: str) -> None:
    """Pictures, sound, video and documents are parts; links stay links."""
    block, part = MEDIA[kind]
    assert wire_messages([ChatMessage(role="user", blocks=[TEXT, block])]) == [
        {"role": "user", "content": [TEXT_PART, part]}
    ]


@pytest.mark.parametrize("kind", MEDIA)
def test_the_gateway_accepts_media_as_they_are_sent(
    kind: str, make: Any, gateway: Emulator
) -> None:
    """The strict double of the gateway takes every part."""
    model = "gemini" if not kind.startswith("audio") else "openai-audio"
    options = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}}
    make(model, **(options if model == "openai-audio" else {})).chat(
        [ChatMessage(role="user", blocks=[TEXT, MEDIA[kind][0]])]
    )
    assert len(gateway.requests) == 1


def test_an_image_by_path_is_read(tmp_path: Path) -> None:
    """A path is opened when the message is sent."""
    (tmp_path / "pic.png").write_bytes(PNG)
    block = ImageBlock(path=tmp_path / "pic.png")
    assert wire_messages([ChatMessage(role="user", blocks=[block])])[0]["content"] == [IMAGE_PART]


def test_an_image_assigned_later_is_sent_too() -> None:
    """Bytes that were put into the block after its making are raw, and are encoded."""
    block = ImageBlock(image_mimetype="image/png")
    block.image = PNG
    assert wire_messages([ChatMessage(role="user", blocks=[block])])[0]["content"] == [IMAGE_PART]


def test_an_open_file_is_left_where_it_stood() -> None:
    """Sending twice sends the same."""
    file = io.BytesIO(PNG)
    file.seek(5)
    message = ChatMessage(role="user", blocks=[ImageBlock(image=file, image_mimetype="image/png")])
    assert wire_messages([message]) == wire_messages([message])
    assert file.tell() == 5


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
    one = wire_messages([ChatMessage(role=role, content="Hi")])
    two = wire_messages(
        [ChatMessage(role=role, blocks=[TextBlock(text="Hi"), TextBlock(text="you")])]
    )
    assert one == [{"role": ROLES[role], "content": "Hi"}]
    assert two == [{"role": ROLES[role], "content": "Hi\nyou"}]


@pytest.mark.parametrize("role", ROLES)
def test_citable_blocks_are_told_as_text(role: str) -> None:
    """The gateway has no such block: title, source and content are words."""
    block = CitableBlock(title="Bees", source="bees.md", content="They dance.")
    assert (
        wire_messages([ChatMessage(role=role, blocks=[block])])[0]["content"]
        == "[Bees] (bees.md)\nThey dance."
    )


@pytest.mark.parametrize("role", ROLES)
def test_citations_are_told_as_text(role: str) -> None:
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
    """As Anthropic has it; the usual time to live is left unsaid."""
    point = CachePoint(cache_control=CacheControl(type="ephemeral"))
    after = TextBlock(text="And now?")
    assert wire_messages([ChatMessage(role=role, blocks=[TEXT, point, after])])[0]["content"] == [
        {**TEXT_PART, "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "And now?"},
    ]


def test_a_longer_cache_is_said() -> None:
    """``ttl`` is sent where it is not the usual five minutes."""
    point = CachePoint(cache_control=CacheControl(type="ephemeral", ttl="1h"))
    part = wire_messages([ChatMessage(role="user", blocks=[TEXT, point])])[0]["content"][0]
    assert part["cache_control"] == {"type": "ephemeral", "ttl": "1h"}


def test_pictures_of_the_assistant_are_kept() -> None:
    """What it drew before is part of the conversation."""
    assert wire_messages([ChatMessage(role="assistant", blocks=[TEXT, ImageBlock(image=PNG)])]) == [
        {"role": "assistant", "content": [TEXT_PART, IMAGE_PART]}
    ]


def tool_turn(*results: Any, calls: int = 1) -> list[ChatMessage]:
    """A question, calls, and their results as given blocks."""
    made = [
        ToolCallBlock(tool_call_id=f"call_{n}", tool_name="draw", tool_kwargs={"of": "a fox"})
        for n in range(1, calls + 1)
    ]
    told = [
        ChatMessage(role="tool", blocks=blocks, additional_kwargs={"tool_call_id": f"call_{n}"})
        for n, blocks in enumerate(results, 1)
    ]
    return [
        ChatMessage(role="user", content="Draw."),
        ChatMessage(role="assistant", blocks=made),
        *told,
    ]


def test_pictures_of_tools_reach_the_model() -> None:
    """Tool messages take text only, so the picture follows in a message of the user."""
    wire = wire_messages(tool_turn([TextBlock(text="done"), ImageBlock(image=PNG)]))
    assert wire[2] == {"role": "tool", "tool_call_id": "call_1", "content": "done"}
    assert wire[3]["role"] == "user"
    assert wire[3]["content"][-1] == IMAGE_PART
    assert "draw" in wire[3]["content"][0]["text"]


@pytest.mark.filterwarnings("ignore::pollinations_client.PollinationsWarning")
def test_a_text_only_model_gets_a_note_in_place_of_a_picture() -> None:
    """The gateway would refuse the whole request, and end the run of an agent that has just paid
    for the picture.
    """
    shown = ChatMessage(role="assistant", blocks=[TextBlock(text="Look."), ImageBlock(image=PNG)])
    history = [*tool_turn([TextBlock(text="done"), ImageBlock(image=PNG)]), shown]
    wire = wire_messages(history, model="deepseek")
    note = "[1 attachment left out: this model takes no image input]"
    assert [message["content"] for message in wire[2:]] == [f"done\n{note}", f"Look.\n{note}"]
    with pytest.warns(PollinationsWarning, match="deepseek takes no image input"):
        wire_messages(history, model="deepseek")
    film = wire_messages(tool_turn([TextBlock(text="done"), VideoBlock(video=MP4)]), model="openai")
    assert film[-1]["content"] == "done\n[1 attachment left out: this model takes no video input]"
    asked = [ChatMessage(role="user", blocks=[ImageBlock(image=PNG)])]
    assert wire_messages(asked, model="deepseek")[0]["content"] == [IMAGE_PART]


def test_pictures_follow_after_the_whole_run_of_tool_results() -> None:
    """Nothing may stand between two results of one turn."""
    wire = wire_messages(
        [
            *tool_turn(
                [ImageBlock(image=PNG)], [TextBlock(text="two"), ImageBlock(url=LINK)], calls=2
            ),
            ChatMessage(role="user", content="Which is nicer?"),
        ]
    )
    assert [message["role"] for message in wire] == [
        "user",
        "assistant",
        "tool",
        "tool",
        "user",
        "user",
    ]
    assert [part["type"] for part in wire[4]["content"]] == [
        "text",
        "image_url",
        "text",
        "image_url",
    ]


def test_a_tool_result_that_is_only_a_picture_has_text_too() -> None:
    """An empty tool message is refused by some providers."""
    wire = wire_messages(tool_turn([ImageBlock(image=PNG)]))
    assert wire[2]["content"]


def test_the_gateway_accepts_pictures_of_tools(make: Any, gateway: Emulator) -> None:
    """The strict double, which refuses pictures in tool messages, takes the turn."""
    make().chat(tool_turn([TextBlock(text="done"), ImageBlock(image=PNG)]))
    assert [message["role"] for message in gateway.requests[0].json["messages"]] == [
        "user",
        "assistant",
        "tool",
        "user",
    ]


def test_results_keep_their_call_id() -> None:
    """The result names the call it answers."""
    assert wire_messages(tool_turn([TextBlock(text="done")]))[2]["tool_call_id"] == "call_1"


def test_calls_without_ids_are_paired_by_order() -> None:
    """Histories of other models have none; the results still find their calls."""
    wire = wire_messages(
        [
            ChatMessage(
                role="assistant",
                blocks=[ToolCallBlock(tool_name="a"), ToolCallBlock(tool_name="b")],
            ),
            ChatMessage(role="tool", content="1", additional_kwargs={"name": "a"}),
            ChatMessage(role="tool", content="2", additional_kwargs={"name": "b"}),
        ]
    )
    assert [call["id"] for call in wire[0]["tool_calls"]] == [
        wire[1]["tool_call_id"],
        wire[2]["tool_call_id"],
    ]


def test_an_orphaned_result_is_named() -> None:
    """Before the gateway refuses it with a sentence about something else."""
    orphan = ChatMessage(role="tool", content="done", additional_kwargs={"tool_call_id": "call_9"})
    with pytest.raises(InvalidRequestError, match=r"messages\[1\].*call_9"):
        wire_messages([ChatMessage(role="user", content="hi"), orphan])


def test_a_result_whose_calls_were_lost_is_told_as_the_users(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """CodeActAgent keeps only the words of the message that hands over, and then what the tool
    answered.
    """
    result = ChatMessage(
        role="tool",
        blocks=[TextBlock(text="Agent b is in charge."), ImageBlock(image=PNG)],
        additional_kwargs={"tool_call_id": "call_9"},
    )
    wire = wire_messages([ChatMessage(role="assistant", content="I hand over."), result])
    assert [message["role"] for message in wire] == ["assistant", "user"]
    assert [part.get("text") for part in wire[1]["content"]] == [
        "Result of tool call call_9:",
        "Agent b is in charge.",
        None,
    ]
    assert "call_9" in caplog.text


def test_dict_calls_of_a_reloaded_history_are_sent() -> None:
    """After a round trip through JSON the calls may be dicts only (section 5.2)."""
    message = ChatMessage(role="assistant", content="", additional_kwargs={"tool_calls": [CALL]})
    again = ChatMessage.model_validate_json(message.model_dump_json())
    assert wire_messages([again])[0]["tool_calls"] == [CALL]


def test_unknown_fields_of_calls_are_echoed() -> None:
    """Gemini refuses a history whose thought signatures are gone."""
    extra = {"extra_content": {"google": {"thought_signature": "abc"}}}
    message = ChatMessage(
        role="assistant",
        blocks=[
            ToolCallBlock(tool_call_id="call_1", tool_name="draw", tool_kwargs={"of": "a fox"})
        ],
        additional_kwargs={"tool_calls": [{**CALL, **extra}]},
    )
    (sent,) = wire_messages([message])[0]["tool_calls"]
    assert sent["extra_content"] == extra["extra_content"]
    assert sent["function"] == CALL["function"]


def test_signatures_survive_a_whole_tool_loop(
    make: Any, say: Any, chat_way: str, gateway: Emulator
) -> None:
    """From the answer through memory back to the gateway, verbatim."""
    signed = {**CALL, "extra_content": {"google": {"thought_signature": "abc"}}}
    gateway.script(Answer(tool_calls=[signed]))
    llm = make("gemini")
    answer = say(llm, chat_way, "Draw a fox")[-1].message
    remembered = ChatMessage.model_validate_json(answer.model_dump_json())
    result = ChatMessage(role="tool", content="done", additional_kwargs={"tool_call_id": "call_1"})
    say(llm, chat_way, [ChatMessage(role="user", content="Draw a fox"), remembered, result])
    (sent,) = gateway.requests[-1].json["messages"][1]["tool_calls"]
    assert sent["extra_content"] == signed["extra_content"]
    assert sent["function"] == CALL["function"]


@pytest.mark.parametrize("arguments", ["", "null", "[]", '{"of": "a', "nonsense"])
def test_broken_arguments_do_not_break_the_history(
    arguments: str, make: Any, gateway: Emulator
) -> None:
    """Providers parse what they are sent: what was no object is sent as an empty one."""
    block = ToolCallBlock(tool_call_id="call_1", tool_name="draw", tool_kwargs=arguments)
    result = ChatMessage(role="tool", content="no", additional_kwargs={"tool_call_id": "call_1"})
    make().chat(
        [
            ChatMessage(role="user", content="x"),
            ChatMessage(role="assistant", blocks=[block]),
            result,
        ]
    )
    assert gateway.requests[0].json["messages"][1]["tool_calls"][0]["function"]["arguments"] == "{}"


THOUGHT = ChatMessage(
    role="assistant", blocks=[ThinkingBlock(content="Hm."), TextBlock(text="Yes.")]
)


def test_thinking_goes_back() -> None:
    """DeepSeek refuses a tool loop without it."""
    assert wire_messages([THOUGHT]) == [
        {"role": "assistant", "content": "Yes.", "reasoning_content": "Hm."}
    ]


def test_thinking_can_be_kept_here(make: Any, gateway: Emulator) -> None:
    """``replay_reasoning=False`` leaves it out."""
    make(replay_reasoning=False).chat([THOUGHT, ChatMessage(role="user", content="Sure?")])
    assert gateway.requests[0].json["messages"][0] == {"role": "assistant", "content": "Yes."}


@pytest.mark.parametrize(
    ("model", "goes"),
    [("claude", True), ("anthropic/claude-opus-4.6", True), ("openai", False), (None, True)],
)
def test_signed_thinking_goes_only_to_who_signed_it(model: str | None, goes: bool) -> None:
    """A signature means nothing to another provider, and its part would be refused."""
    about = {"signature": "sig==", "model": "anthropic/claude-haiku-4.5"}
    message = ChatMessage(
        role="assistant",
        blocks=[ThinkingBlock(content="Hm.", additional_information=about), TextBlock(text="Yes.")],
    )
    content = wire_messages([message], model=model)[0]["content"]
    signed = {"type": "thinking", "thinking": "Hm.", "signature": "sig=="}
    assert content == ([signed, {"type": "text", "text": "Yes."}] if goes else "Yes.")


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


def test_a_deprecated_function_call_goes_back() -> None:
    """A stored conversation may hold the form before tool calls."""
    called = ChatMessage(
        role="assistant",
        content="",
        additional_kwargs={"function_call": {"name": "draw", "arguments": "{}"}},
    )
    result = ChatMessage(role="function", content="done", additional_kwargs={"name": "draw"})
    assert wire_messages([called, result]) == [
        {"role": "assistant", "content": "", "function_call": {"name": "draw", "arguments": "{}"}},
        {"role": "function", "content": "done", "name": "draw"},
    ]


def test_what_is_no_message_is_named_by_its_position() -> None:
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


def test_a_link_to_sound_that_a_tool_gave_stays_readable() -> None:
    """The gateway takes sound as data only: an agent's run is not lost over a link, which is told
    as text.
    """
    sound = AudioBlock(url="https://a.example/a.wav")
    wired = wire_messages(tool_turn([TextBlock(text="done"), sound]))
    assert wired[-1]["content"] == "done\n[audio: https://a.example/a.wav]"
    assert wire_messages([ChatMessage(role="assistant", blocks=[sound])])[0]["content"].startswith(
        "[audio: https"
    )


@pytest.mark.parametrize("case", BAD)
def test_a_block_that_cannot_be_sent_names_type_role_and_position(case: str) -> None:
    """Nothing is dropped without a word."""
    message, kind = BAD[case]
    with pytest.raises(InvalidRequestError) as caught:
        wire_messages([ChatMessage(role="user", content="hi"), message])
    told = str(caught.value)
    assert f"messages[1] ({message.role.value}), block 0 ({kind})" in told
    assert caught.value.status_code is None


def test_what_the_caller_gave_is_not_changed(
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


@pytest.mark.parametrize("kind", [kind for kind in MEDIA if kind.startswith(("video", "document"))])
def test_files_of_the_assistant_follow_as_the_users(
    kind: str, make: Any, gateway: Emulator
) -> None:
    """An assistant's message takes text and pictures; nothing is lost of the rest."""
    block, part = MEDIA[kind]
    history = [
        ChatMessage(role="assistant", blocks=[TEXT, block]),
        ChatMessage(role="user", content="And?"),
    ]
    wire = wire_messages(history)
    assert [message["role"] for message in wire] == ["assistant", "user", "user"]
    assert wire[0]["content"] == "Look:"
    assert wire[1]["content"][-1] == part
    make("gemini").chat(history)


def test_speech_goes_back_by_its_words_and_its_id(
    make: Any, say: Any, chat_way: str, gateway: Emulator
) -> None:
    """A spoken answer in the history is its transcript, and the id under which the provider keeps
    the sound.
    """
    sound = {"id": "audio_1", "data": base64_of(WAV), "transcript": "Hello there"}
    gateway.script(Answer(text=None, audio=sound))
    kind = "pcm16" if "stream" in chat_way else "wav"
    llm = make(
        "openai-audio", modalities=["text", "audio"], audio={"voice": "alloy", "format": kind}
    )
    spoken = say(llm, chat_way)[-1].message
    say(
        llm,
        chat_way,
        [
            ChatMessage(role="user", content="Hi"),
            spoken,
            ChatMessage(role="user", content="Again?"),
        ],
    )
    assert gateway.requests[-1].json["messages"][1] == {
        "role": "assistant",
        "content": "Hello there",
        "audio": {"id": "audio_1"},
    }


def test_edited_speech_goes_back_without_the_id_of_its_sound(make: Any, gateway: Emulator) -> None:
    """The provider would read the words that were taken out."""
    sound = {"id": "audio_1", "data": base64_of(WAV), "transcript": "Ask ann@example.org"}
    gateway.script(Answer(text=None, audio=sound))
    speech = {"voice": "alloy", "format": "wav"}
    llm = make("openai-audio", modalities=["text", "audio"], audio=speech)
    spoken = llm.chat([ChatMessage(role="user", content="Hi")]).message
    spoken.blocks[0].text = "Ask [redacted]"
    llm.chat([spoken, ChatMessage(role="user", content="Again?")])
    expected = {"role": "assistant", "content": "Ask [redacted]"}
    assert gateway.requests[-1].json["messages"][0] == expected


def test_calls_taken_out_of_an_answer_are_not_sent_again(
    make: Any, say: Any, chat_way: str, gateway: Emulator
) -> None:
    """Its blocks are the truth; ``additional_kwargs`` have the calls still."""
    gateway.script(Answer(text="Wait.", tool_calls=[("add", {"a": 1})]))
    answer = say(make(), chat_way)[-1].message
    answer.blocks = [block for block in answer.blocks if isinstance(block, TextBlock)]
    assert answer.additional_kwargs["tool_calls"]
    say(make(), chat_way, [answer, ChatMessage(role="user", content="Go on")])
    assert gateway.requests[-1].json["messages"][0] == {"role": "assistant", "content": "Wait."}


def test_calls_that_only_additional_kwargs_have_are_sent_with_their_results(
    make: Any, gateway: Emulator
) -> None:
    """Programs copy an answer's content and ``additional_kwargs`` alone."""
    gateway.script(Answer(text="Wait.", tool_calls=[("add", {"a": 1})]))
    answer = make().chat([ChatMessage(role="user", content="hi")]).message
    kwargs = answer.additional_kwargs
    copied = ChatMessage(role="assistant", content=answer.content, additional_kwargs=kwargs)
    call_id = kwargs["tool_calls"][0]["id"]
    result = ChatMessage(role="tool", content="1", additional_kwargs={"tool_call_id": call_id})
    make().chat([copied, result])
    assert gateway.requests[-1].json["messages"][0]["tool_calls"][0]["id"] == call_id


FOX = {"of": "a fox"}
CALLS_OF_OTHER_CLASSES = {
    "Anthropic": {"id": "c", "input": FOX, "name": "draw", "type": "tool_use"},
    "Anthropic, text": {"id": "c", "input": '{"of": "a fox"}', "name": "draw"},
    "Bedrock": {"toolUseId": "c", "name": "draw", "input": FOX},
    "Bedrock, wrapped": {"toolUse": {"toolUseId": "c", "name": "draw", "input": FOX}},
    "Gemini": {"name": "draw", "args": FOX},
    "Gemini, wrapped": {"functionCall": {"name": "draw", "args": FOX}},
    "Gemini, an object": SimpleNamespace(name="draw", args=FOX),
    "Cohere": {"name": "draw", "parameters": FOX},
    "Ollama": {"function": {"name": "draw", "arguments": FOX}},
    "OpenAI Responses": {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "c",
        "name": "draw",
        "arguments": '{"of": "a fox"}',
    },
    "LangChain": {"name": "draw", "args": FOX, "id": "c", "type": "tool_call"},
}


@pytest.mark.parametrize("call", CALLS_OF_OTHER_CLASSES.values(), ids=CALLS_OF_OTHER_CLASSES)
def test_histories_of_other_classes_are_read(call: Any, make: Any, gateway: Emulator) -> None:
    """The call as OpenAI writes it, and the result under its id; a class without ids names the tool
    in its results.
    """
    called = ChatMessage(role="assistant", additional_kwargs={"tool_calls": [call]})
    answered = ChatMessage(
        role="tool",
        content="Drawn.",
        additional_kwargs={"tool_call_id": "c" if "'c'" in str(call) else "draw"},
    )
    make().chat([ChatMessage(role="user", content="Draw a fox"), called, answered])
    _, turn, result = gateway.requests[0].json["messages"]
    (sent,) = turn["tool_calls"]
    assert sent["function"] == {"name": "draw", "arguments": json.dumps(FOX)}
    assert sent.keys() == {"id", "type", "function"}
    assert result["tool_call_id"] == sent["id"] != ""


def test_calls_without_ids_are_answered_one_by_one(make: Any, gateway: Emulator) -> None:
    """Ollama's results name the tool, here twice the same; an id that two calls share is split."""
    for call in ({"function": {"name": "draw", "arguments": FOX}}, {"id": "draw", "name": "draw"}):
        called = ChatMessage(role="assistant", additional_kwargs={"tool_calls": [call, call]})
        results = [
            ChatMessage(role="tool", content=text, additional_kwargs={"tool_call_id": "draw"})
            for text in ("First.", "Second.")
        ]
        make().chat([ChatMessage(role="user", content="Draw twice"), called, *results])
        _, turn, *answers = gateway.requests[-1].json["messages"]
        ids = [sent["id"] for sent in turn["tool_calls"]]
        assert len(set(ids)) == 2
        assert [answer["tool_call_id"] for answer in answers] == ids


ADDRESS = "bob@bees.example"


@pytest.mark.parametrize("way", ["chat", "stream_chat"])
def test_an_edited_answer_goes_out_in_its_new_words_only(
    way: str, make: Any, say: Any, gateway: Emulator
) -> None:
    """Blocks that somebody redacted hold over everything the answer came with."""
    details = [
        {"type": "reasoning.text", "text": f"Ask {ADDRESS}."},
        {"type": "reasoning.encrypted", "data": "sealed"},
    ]
    message = {
        "content": f"Write to {ADDRESS}.",
        "reasoning": f"Ask {ADDRESS}.",
        "reasoning_details": details,
    }
    llm = make()
    for redacts in (False, True):
        gateway.script(Chunks([delta("stop", **message), TAIL]))
        answer = say(llm, way)[-1].message
        if redacts:
            for block in answer.blocks:
                for name in {"text", "content"} & type(block).model_fields.keys():
                    setattr(block, name, getattr(block, name).replace(ADDRESS, "[address]"))
        llm.chat([ChatMessage(role="user", content="Hi"), answer])
        sent = gateway.requests[-1].json["messages"][1]
        assert (ADDRESS in json.dumps(sent)) != redacts
        assert sent["reasoning_details"] == (details[1:] if redacts else details)


def test_an_empty_system_message_is_left_out(make: Any, gateway: Emulator) -> None:
    """Some providers refuse it."""
    user = ChatMessage(role="user", content="Hi")
    for role in ("system", "developer"):
        for text in ("", " \n"):
            make().chat([ChatMessage(role=role, content=text), user])
            assert [one["role"] for one in gateway.requests[-1].json["messages"]] == ["user"]


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


def test_thinking_signed_by_an_unnamed_model_goes_to_claude_only(
    make: Any, gateway: Emulator
) -> None:
    """Anthropic's class of LlamaIndex keeps signatures without the model's name."""
    thinking = ThinkingBlock(content="Hm.", additional_information={"signature": "s"})
    answer = ChatMessage(role="assistant", blocks=[thinking, TextBlock(text="Hi")])
    for model, goes in (("claude", True), ("gemini", False)):
        make(model).chat([ChatMessage(role="user", content="Hi"), answer])
        assert ("signature" in json.dumps(gateway.requests[-1].json["messages"][1])) == goes


@pytest.mark.parametrize(
    ("block", "name", "mime_type"),
    [
        (DocumentBlock(data=PDF, title="paper.pdf"), "paper.pdf", "application/pdf"),
        (DocumentBlock(data=PDF), "document.pdf", "application/pdf"),
        (DocumentBlock(data=b"a,b", title="table.csv"), "table.csv", "text/csv"),
        (DocumentBlock(url="https://a.example/b/c.pdf?x=1"), "c.pdf", "application/pdf"),
        (DocumentBlock(url="https://a.example/b", title="p.pdf"), "p.pdf", "application/pdf"),
    ],
)
def test_a_document_keeps_its_name_and_type(
    gateway: Emulator, block: DocumentBlock, name: str, mime_type: str
) -> None:
    """Its title, else the end of its path or address, else a name by its type."""
    llm = Pollinations("openai", api_base=gateway.url)
    llm.chat([ChatMessage(role="user", blocks=[TextBlock(text="Read."), block])])
    file = gateway.requests[0].json["messages"][0]["content"][1]["file"]
    assert (file["file_name"], file["mime_type"]) == (name, mime_type)


def test_a_document_from_a_path_has_the_files_name(gateway: Emulator, tmp_path: Path) -> None:
    """And not LlamaIndex's ``input_document``."""
    path = tmp_path / "bees.pdf"
    path.write_bytes(PDF)
    llm = Pollinations("openai", api_base=gateway.url)
    llm.chat([ChatMessage(role="user", blocks=[DocumentBlock(path=path)])])
    assert gateway.requests[0].json["messages"][0]["content"][0]["file"]["file_name"] == "bees.pdf"


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


def _written(kind: type[_Conversation], messages: list[ChatMessage]) -> Any:
    try:
        return kind(AskedModel("openai", snapshot()), replay_reasoning=True).wire(messages)
    except InvalidRequestError as error:
        return str(error)


@given(st.lists(st.one_of(MESSAGES.map(lambda one: [one]), st.just(TOOL_LOOP)), max_size=6))
def test_the_straight_path_writes_what_the_careful_one_writes(
    runs: list[list[ChatMessage]],
) -> None:
    """Messages that are one text or one call are recognised before all others."""
    messages = [message for run in runs for message in run]
    assert _written(_Conversation, messages) == _written(CarefulConversation, messages)


def test_a_large_picture_is_written_without_a_copy_of_its_text() -> None:
    """And goes out as the same words: the encoder writes the address's own object."""
    url = "data:image/png;base64," + "QUJD" * 300_000
    (wire,) = wire_messages([ChatMessage(role="user", blocks=[ImageBlock(url=url)])])
    part = wire["content"][0]
    assert not isinstance(part["image_url"]["url"], str)
    assert json.loads(chat([wire], {}).body or b"")["messages"][0]["content"] == [
        {"type": "image_url", "image_url": {"url": url}}
    ]
