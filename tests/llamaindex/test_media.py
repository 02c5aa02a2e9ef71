"""Pictures, sound, video and documents in messages: what reaches the gateway."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    AudioBlock,
    ChatMessage,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    VideoBlock,
)

from llamaindex_pollinations import Pollinations
from pollinations_client import PollinationsWarning
from pollinations_client.emulator import Answer, Emulator
from pollinations_client.request.endpoints import chat
from support.llamaindex_messages import PNG, TEXT, TEXT_PART, tool_turn, wire_messages

PNG_URL = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
IMAGE_PART = {"type": "image_url", "image_url": {"url": PNG_URL}}
WAV = b"RIFF" + (36).to_bytes(4, "little") + b"WAVEfmt " + bytes(28)
PDF = b"%PDF-1.4 a page"
MP4 = b"\x00\x00\x00\x18ftypmp42" + bytes(16)


LINK = "https://a.example/pic.png"


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


def test_pictures_of_the_assistant_are_sent_again() -> None:
    """What it drew before is part of the conversation."""
    assert wire_messages([ChatMessage(role="assistant", blocks=[TEXT, ImageBlock(image=PNG)])]) == [
        {"role": "assistant", "content": [TEXT_PART, IMAGE_PART]}
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
    drawn = ChatMessage(role="assistant", blocks=[TextBlock(text="Look."), ImageBlock(image=PNG)])
    history = [*tool_turn([TextBlock(text="done"), ImageBlock(image=PNG)]), drawn]
    wire = wire_messages(history, model="deepseek")
    note = "[1 attachment left out: this model takes no image input]"
    assert [message["content"] for message in wire[2:]] == [f"done\n{note}", f"Look.\n{note}"]
    with pytest.warns(PollinationsWarning, match="deepseek takes no image input"):
        wire_messages(history, model="deepseek")
    film = wire_messages(tool_turn([TextBlock(text="done"), VideoBlock(video=MP4)]), model="openai")
    assert film[-1]["content"] == "done\n[1 attachment left out: this model takes no video input]"
    question = [ChatMessage(role="user", blocks=[ImageBlock(image=PNG)])]
    assert wire_messages(question, model="deepseek")[0]["content"] == [IMAGE_PART]


def test_pictures_follow_after_all_results_of_a_turn() -> None:
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


@pytest.mark.parametrize("kind", [kind for kind in MEDIA if kind.startswith(("video", "document"))])
def test_files_of_the_assistant_follow_as_the_users(
    kind: str, make: Any, gateway: Emulator
) -> None:
    """An assistant's message takes text and pictures only; sound and files follow it."""
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


def test_speech_is_sent_again_as_words_and_id(
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
    speech = say(llm, chat_way)[-1].message
    say(
        llm,
        chat_way,
        [
            ChatMessage(role="user", content="Hi"),
            speech,
            ChatMessage(role="user", content="Again?"),
        ],
    )
    assert gateway.requests[-1].json["messages"][1] == {
        "role": "assistant",
        "content": "Hello there",
        "audio": {"id": "audio_1"},
    }


def test_edited_speech_is_sent_without_the_id_of_its_sound(make: Any, gateway: Emulator) -> None:
    """The provider would read the words that were taken out."""
    sound = {"id": "audio_1", "data": base64_of(WAV), "transcript": "Ask ann@example.org"}
    gateway.script(Answer(text=None, audio=sound))
    speech = {"voice": "alloy", "format": "wav"}
    llm = make("openai-audio", modalities=["text", "audio"], audio=speech)
    speech = llm.chat([ChatMessage(role="user", content="Hi")]).message
    speech.blocks[0].text = "Ask [redacted]"
    llm.chat([speech, ChatMessage(role="user", content="Again?")])
    expected = {"role": "assistant", "content": "Ask [redacted]"}
    assert gateway.requests[-1].json["messages"][0] == expected


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


@pytest.mark.parametrize("prefix", ["", "data:application/pdf;base64,"])
def test_base64_in_place_of_a_documents_address_goes_as_data(
    gateway: Emulator, prefix: str
) -> None:
    """LlamaIndex's ``RichPromptTemplate`` puts a local file's bytes there."""
    encoded = base64.b64encode(PDF).decode()
    llm = Pollinations("openai", api_base=gateway.url)
    llm.chat([ChatMessage(role="user", blocks=[DocumentBlock(url=prefix + encoded)])])
    assert gateway.requests[0].json["messages"][0]["content"][0]["file"] == {
        "file_data": f"data:application/pdf;base64,{encoded}",
        "mime_type": "application/pdf",
        "file_name": "document.pdf",
    }


def test_a_large_picture_goes_out_as_it_is() -> None:
    """A large one is written apart from the rest of the body."""
    url = "data:image/png;base64," + "QUJD" * 300_000
    (wire,) = wire_messages([ChatMessage(role="user", blocks=[ImageBlock(url=url)])])
    assert json.loads(chat([wire], {}).body or b"")["messages"][0]["content"] == [
        {"type": "image_url", "image_url": {"url": url}}
    ]
