"""Content blocks of messages on their way to the gateway."""

from __future__ import annotations

from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.exceptions import (
    ModelInvalidRequestError,
)
from langchain_core.messages import (
    AIMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from langchain_pollinations import ChatPollinations, PollinationsImageTool
from pollinations_client import (
    BadRequestError,
)
from pollinations_client.emulator import Answer, Emulator
from support.langchain import add

PDF_DATA = "JVBERi0xLjQgaGk="
PDF_URL = f"data:application/pdf;base64,{PDF_DATA}"
PNG_BASE64 = "iVBORw0KGgo="


def picture(url: str) -> dict[str, Any]:
    """The gateway's part for a picture."""
    return {"type": "image_url", "image_url": {"url": url}}


def file(**fields: str) -> dict[str, Any]:
    """The gateway's part for a file."""
    return {"type": "file", "file": {"mime_type": "application/pdf", **fields}}


def sound(form: str) -> dict[str, Any]:
    """The gateway's part for sound."""
    return {"type": "input_audio", "input_audio": {"data": "AA==", "format": form}}


LINK, INLINE, PDF = "https://a.example/b", f"data:image/png;base64,{PNG_BASE64}", "application/pdf"


TEXT_SOURCE = {"type": "text", "media_type": "text/plain", "data": "Snow."}


INPUTS = [
    ({"type": "image", "base64": PNG_BASE64, "mime_type": "image/png"}, picture(INLINE)),
    ({"type": "image", "url": LINK}, picture(LINK)),
    (
        {"type": "image", "source_type": "base64", "data": PNG_BASE64, "mime_type": "image/png"},
        picture(INLINE),
    ),
    ({"type": "image", "source_type": "url", "url": LINK}, picture(LINK)),
    ({"type": "image_url", "image_url": LINK}, picture(LINK)),
    ({"type": "input_image", "image_url": LINK}, picture(LINK)),
    ({"type": "media", "mime_type": "image/png", "data": PNG_BASE64}, picture(INLINE)),
    (
        {
            "type": "file",
            "source_type": "base64",
            "data": "AA==",
            "mime_type": PDF,
            "filename": "a.pdf",
        },
        file(file_name="a.pdf", file_data=f"data:{PDF};base64,AA=="),
    ),
    (
        {"type": "file", "url": LINK, "mime_type": PDF},
        file(file_name="document.pdf", file_url=LINK),
    ),
    (
        {"type": "media", "mime_type": PDF, "file_uri": LINK},
        file(file_name="document.pdf", file_url=LINK),
    ),
    ({"type": "audio", "base64": "AA==", "mime_type": "audio/x-wav"}, sound("wav")),
    ({"type": "audio", "url": "data:audio/mpeg;base64,AA=="}, sound("mp3")),
    (
        {"type": "video", "url": LINK, "mime_type": "video/webm"},
        {"type": "video_url", "video_url": {"url": LINK, "mime_type": "video/webm"}},
    ),
    (
        {"type": "text-plain", "text": "Snow.", "title": "Notes", "mime_type": "text/plain"},
        {"type": "text", "text": "Notes\nSnow."},
    ),
    (
        {"type": "document", "source": TEXT_SOURCE, "title": "Notes"},
        {"type": "text", "text": "Notes\nSnow."},
    ),
]


@pytest.mark.parametrize(("block", "part"), INPUTS)
def test_every_kind_of_input_block_reaches_the_wire(
    gateway: Emulator, make: Any, block: Any, part: Any
) -> None:
    """Pictures, files, sound, video and text, in every form that LangChain's users write
    them in.
    """
    gateway.script(Answer(text="Seen."))
    make("gemini").invoke([HumanMessage(["What is it?", block])])
    assert gateway.requests[-1].json["messages"][0]["content"] in (
        [{"type": "text", "text": "What is it?"}, part],
        f"What is it?\n{part.get('text')}",
    )


def test_sound_in_a_format_nobody_takes_is_named(gateway: Emulator, make: Any) -> None:
    """Before sending."""
    with pytest.raises(ValueError, match=r"messages\[0\].content\[0\].*audio/midi"):
        make().invoke(
            [HumanMessage([{"type": "audio", "base64": "AA==", "mime_type": "audio/midi"}])]
        )


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image", "base64": PNG_BASE64, "mime_type": "image/png"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG_BASE64}"}},
        {"type": "file", "base64": "AA==", "mime_type": "application/pdf"},
    ],
)
def test_pictures_and_files_of_tools_follow_their_run(
    gateway: Emulator, make: Any, block: Any
) -> None:
    """Tool messages take text only; one user message after all of them holds the rest."""
    calls = [{"name": "add", "args": {"a": n}, "id": f"c{n}"} for n in (1, 2)]
    gateway.script(Answer(text="Seen."))
    make("gemini").bind_tools([add]).invoke(
        [
            HumanMessage("x"),
            AIMessage("", tool_calls=calls),
            ToolMessage([block], tool_call_id="c1"),
            ToolMessage([{"type": "text", "text": "Two."}, block], tool_call_id="c2"),
        ]
    )
    sent = gateway.requests[-1].json["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "tool", "tool", "user"]
    assert sent[2]["content"] == "[1 attachment follows in the next user message]"
    assert sent[3]["content"].startswith("Two.\n")
    assert "c1" in sent[4]["content"][0]["text"]
    assert len(sent[4]["content"]) == 4


@pytest.mark.filterwarnings("ignore::pollinations_client.PollinationsWarning")
def test_a_text_only_model_gets_a_note_in_place_of_a_picture(gateway: Emulator, make: Any) -> None:
    """The gateway would refuse the whole request, and end the run of an agent that has just paid
    for the picture.
    """
    picture = {"type": "image", "base64": PNG_BASE64, "mime_type": "image/png"}
    calls = [{"name": "add", "args": {"a": 1}, "id": "c1"}]
    history = [
        HumanMessage("x"),
        AIMessage([{"type": "text", "text": "Look."}, picture], tool_calls=calls),
        ToolMessage([{"type": "text", "text": "Done."}, picture], tool_call_id="c1"),
    ]
    make("deepseek").invoke(history)
    sent = gateway.requests[-1].json["messages"]
    note = "[1 attachment left out: this model takes no image input]"
    assert [message["role"] for message in sent] == ["user", "assistant", "tool"]
    assert [message["content"] for message in sent[1:]] == [f"Look.\n{note}", f"Done.\n{note}"]
    with pytest.raises(BadRequestError, match="image"):
        make("deepseek").invoke([HumanMessage([picture])])


def test_anthropics_tool_results_become_tool_messages(gateway: Emulator, make: Any) -> None:
    """With what else the user said in a message of its own after them."""
    call = {"type": "tool_use", "id": "t", "name": "add", "input": {"a": 1}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "3"}]}
    history = [
        HumanMessage("What is 1 + 2?"),
        AIMessage([{"type": "text", "text": "I add."}, call]),
        HumanMessage([result, {"type": "text", "text": "And?"}]),
    ]
    make().bind_tools([add]).invoke(history)
    sent = gateway.requests[-1].json["messages"]
    assert sent[1]["tool_calls"][0]["function"] == {"name": "add", "arguments": '{"a": 1}'}
    assert sent[2] == {"role": "tool", "tool_call_id": "t", "content": "3"}
    assert sent[3] == {"role": "user", "content": "And?"}


def test_marks_for_the_prompt_cache_are_passed(gateway: Emulator, make: Any) -> None:
    """On blocks and on messages."""
    mark = {"type": "ephemeral"}
    make("claude").invoke(
        [
            SystemMessage([{"type": "text", "text": "Long.", "cache_control": mark}]),
            HumanMessage(
                [{"type": "image", "url": "https://a.example/b.png", "cache_control": mark}, "x"]
            ),
        ]
    )
    system, user = gateway.requests[-1].json["messages"]
    assert system["content"][0]["cache_control"] == mark
    assert user["content"][0]["cache_control"] == mark


def increment(x: int) -> int:
    """Adds one."""
    return x + 1


def test_a_tool_call_turn_goes_back_with_empty_text(
    gateway: Emulator, llm: ChatPollinations
) -> None:
    """Gemini routes refuse null."""
    llm.invoke(
        [
            HumanMessage("a"),
            AIMessage("", tool_calls=[{"name": "increment", "args": {"x": 1}, "id": "1"}]),
            ToolMessage("2", tool_call_id="1"),
        ]
    )
    assert gateway.requests[-1].json["messages"][1]["content"] == ""


PICTURES = [
    {"type": "image", "base64": "AAAA", "mime_type": "image/png"},
    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    {"type": "image", "source_type": "base64", "data": "AAAA", "mime_type": "image/png"},
    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
]


@pytest.mark.parametrize("picture", PICTURES)
def test_pictures_of_tools_reach_the_model(
    gateway: Emulator, llm: ChatPollinations, picture: dict[str, Any]
) -> None:
    """In one user message after the whole run of results; the results stay text and never empty."""
    calls = [{"name": "look", "args": {}, "id": name} for name in ("1", "2")]
    llm.bind_tools([increment]).invoke(
        [
            HumanMessage("a"),
            AIMessage("", tool_calls=calls),
            ToolMessage([picture], tool_call_id="1"),
            ToolMessage("second", tool_call_id="2"),
        ]
    )
    user, assistant, first, second, after = gateway.requests[-1].json["messages"]
    assert [turn["role"] for turn in (user, assistant, first, second, after)] == [
        "user",
        "assistant",
        "tool",
        "tool",
        "user",
    ]
    assert isinstance(first["content"], str)
    assert first["content"]
    assert after["content"][-1] == {
        "type": "image_url",
        "image_url": {"url": "data:image/png;base64,AAAA"},
    }


@pytest.mark.parametrize(
    ("message", "where"),
    [
        (HumanMessage([{"type": "hologram"}]), r"content\[0\].*'hologram'"),
        (HumanMessage([{"type": "text", "text": "x"}, {"type": "image"}]), r"content\[1\].*image"),
        (SystemMessage([{"type": "tool_use", "id": "x"}]), r"content\[0\].*tool_use"),
    ],
)
def test_a_block_that_cannot_be_sent_names_type_and_position(
    llm: ChatPollinations, message: Any, where: str
) -> None:
    """Before anything is billed."""
    with pytest.raises(ModelInvalidRequestError, match=where):
        llm.invoke([message])


@pytest.mark.parametrize(
    ("block", "part"),
    [
        (
            {"type": "image", "url": "https://a.example/x.png"},
            {"type": "image_url", "image_url": {"url": "https://a.example/x.png"}},
        ),
        (
            {"type": "image", "source": {"type": "url", "url": "https://a.example/x.png"}},
            {"type": "image_url", "image_url": {"url": "https://a.example/x.png"}},
        ),
        (
            {"type": "audio", "base64": "AA==", "mime_type": "audio/mpeg"},
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}},
        ),
        (
            {"type": "video", "url": "https://a.example/x.mp4"},
            {
                "type": "video_url",
                "video_url": {"url": "https://a.example/x.mp4", "mime_type": "video/mp4"},
            },
        ),
        (
            {"type": "video", "base64": "AA==", "mime_type": "video/webm"},
            {
                "type": "video_url",
                "video_url": {"url": "data:video/webm;base64,AA==", "mime_type": "video/webm"},
            },
        ),
        (
            {"type": "file", "base64": "AA==", "mime_type": "application/pdf"},
            {
                "type": "file",
                "file": {
                    "file_name": "document.pdf",
                    "file_data": "data:application/pdf;base64,AA==",
                    "mime_type": "application/pdf",
                },
            },
        ),
        ({"type": "file", "file_id": "f1"}, {"type": "file", "file": {"file_id": "f1"}}),
        (
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "x"}},
            {"type": "file", "file": {"file_name": "a.pdf", "file_data": "x"}},
        ),
        (
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "AA=="},
                "title": "T.pdf",
            },
            {
                "type": "file",
                "file": {
                    "file_name": "T.pdf",
                    "file_data": "data:application/pdf;base64,AA==",
                    "mime_type": "application/pdf",
                },
            },
        ),
    ],
)
def test_every_kind_of_block_becomes_the_gateways_part(
    gateway: Emulator, make: Any, block: dict[str, Any], part: dict[str, Any]
) -> None:
    """LangChain's standard blocks, OpenAI's parts, Anthropic's."""
    gateway.script(Answer(text="ok"))
    make("gemini").invoke([HumanMessage([{"type": "text", "text": "look"}, block])])
    assert gateway.requests[-1].json["messages"][0]["content"][1] == part


def test_a_tools_picture_passes_toolnode_and_its_text_says_where_it_is(
    gateway: Emulator, make: Any
) -> None:
    """Blocks survive the agent, and the model is told what to say of the picture."""

    tool = PollinationsImageTool(
        model="flux", width=64, height=64, base_url=gateway.url, return_image=True
    )
    state = create_agent(make(), tools=[tool]).invoke(
        {"messages": [("user", "Generate an image of a bee")]}
    )
    result = next(message for message in state["messages"] if message.type == "tool")
    assert {block["type"] for block in result.content} == {"text", "image"}
    assert "picture-1" in result.text
    assert gateway.requests[-1].json["messages"][-1]["content"][-1]["type"] == "image_url"


PDF_URL = "data:application/pdf;base64,JVBERg=="


NAMED_PDF = {"file_name": "a.pdf", "mime_type": "application/pdf", "file_data": PDF_URL}


@pytest.mark.parametrize(
    ("block", "part"),
    [
        (
            {"type": "input_file", "file_data": PDF_URL, "filename": "a.pdf"},
            {"type": "file", "file": NAMED_PDF},
        ),
        ({"type": "input_file", "file_id": "f1"}, {"type": "file", "file": {"file_id": "f1"}}),
        (
            {"type": "input_file", "file_url": "https://x.example/a.pdf", "filename": "a.pdf"},
            {
                "type": "file",
                "file": {
                    "file_name": "a.pdf",
                    "mime_type": "application/pdf",
                    "file_url": "https://x.example/a.pdf",
                },
            },
        ),
        (
            {
                "type": "file",
                "source_type": "base64",
                "data": "JVBERg==",
                "mime_type": "application/pdf",
                "metadata": {"filename": "a.pdf", "cache_control": {"type": "ephemeral"}},
            },
            {"type": "file", "file": NAMED_PDF, "cache_control": {"type": "ephemeral"}},
        ),
        (
            {"type": "video_url", "video_url": "https://x.example/a.mp4"},
            {"type": "video_url", "video_url": {"url": "https://x.example/a.mp4"}},
        ),
    ],
)
def test_files_and_videos_in_more_forms(
    gateway: Emulator, make: Any, block: Any, part: Any
) -> None:
    """OpenAI's newer file part, LangChain's older metadata, a video as a bare address."""
    gateway.script(Answer(text="Seen."))
    make("gemini").invoke([HumanMessage(["What is this?", block])])
    assert gateway.requests[-1].json["messages"][0]["content"][1] == part


def test_nothing_of_an_answer_is_lost_on_its_way_back(gateway: Emulator, make: Any) -> None:
    """Speech without words, and pictures in any form: only a user message can carry them."""
    speech = {"type": "audio", "base64": "UklGRg==", "mime_type": "audio/wav"}
    picture = {"type": "input_image", "image_url": "https://x.example/a.png"}
    gateway.script(Answer(text="Yes."))
    make("gemini").invoke(
        [HumanMessage("Speak."), AIMessage([speech, picture, "Here."]), HumanMessage("Again?")]
    )
    answer, carried = gateway.requests[-1].json["messages"][1:3]
    assert answer == {"role": "assistant", "content": "Here."}
    assert [part["type"] for part in carried["content"]] == ["text", "input_audio", "image_url"]


@pytest.mark.parametrize("by_core", [False, True])
@pytest.mark.parametrize(
    ("block", "name", "mime_type"),
    [
        ({"file": {"file_name": "a.pdf", "file_data": PDF_URL}}, "a.pdf", PDF),
        ({"file": {"filename": "a.pdf", "file_data": PDF_URL}}, "a.pdf", PDF),
        (
            {"file": {"file_name": "a.txt", "file_data": "data:text/plain;base64,aGk="}},
            "a.txt",
            "text/plain",
        ),
        ({"file": {"file_name": "a.pdf", "file_id": "f1"}}, "a.pdf", None),
        ({"base64": PDF_DATA, "mime_type": PDF, "filename": "a.pdf"}, "a.pdf", PDF),
        ({"base64": PDF_DATA, "mime_type": PDF, "file_name": "a.txt"}, "a.txt", PDF),
        ({"base64": PDF_DATA, "mime_type": PDF, "name": "a.pdf"}, "a.pdf", PDF),
        ({"base64": PDF_DATA, "mime_type": PDF, "extras": {"filename": "a.pdf"}}, "a.pdf", PDF),
        ({"base64": PDF_DATA, "mime_type": PDF, "metadata": {"name": "a.pdf"}}, "a.pdf", PDF),
        ({"base64": "aGk=", "mime_type": "text/csv"}, "document.csv", "text/csv"),
        (
            {"source_type": "base64", "data": PDF_DATA, "mime_type": PDF, "filename": "a.pdf"},
            "a.pdf",
            PDF,
        ),
        ({"source_type": "id", "id": "f1", "filename": "a.pdf"}, "a.pdf", None),
        ({"file_id": "f1", "filename": "a.pdf"}, "a.pdf", None),
        ({"url": "https://a.example/b/c.pdf?x=1"}, "c.pdf", PDF),
        ({"url": "https://a.example/b/c.txt"}, "c.txt", "text/plain"),
        ({"url": "https://a.example/b"}, "document.pdf", PDF),
        (
            {"source_type": "url", "url": "https://a.example/b", "metadata": {"filename": "a.pdf"}},
            "a.pdf",
            PDF,
        ),
    ],
)
def test_a_file_keeps_its_name_and_type(
    gateway: Emulator, block: dict[str, Any], name: str, mime_type: str | None, by_core: bool
) -> None:
    """In every spelling, also after LangChain has turned it into its own form."""
    message = HumanMessage([{"type": "text", "text": "Read."}, {"type": "file", **block}])
    sent = HumanMessage(content_blocks=message.content_blocks) if by_core else message
    ChatPollinations("openai", base_url=gateway.url).invoke([sent])
    file = gateway.requests[0].json["messages"][0]["content"][1]["file"]
    assert (file["file_name"], file.get("mime_type")) == (name, mime_type)
