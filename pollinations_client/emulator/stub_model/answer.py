"""What to say: from the request's own schema, tools and text.

No language model, and no table of known questions.
"""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING, Any

from PIL import Image, UnidentifiedImageError

from ..media.pictures import plot
from ..media.wav import spoken
from ..scripts import Answer
from . import formats
from .passages import grounded
from .schema_values import fill
from .source import Source
from .text import reply_to
from .tools import calls_for, tool_summary
from .words import retold

if TYPE_CHECKING:
    from ..gateway.chat_request import ChatRequest

Json = dict[str, Any]


def answer(request: ChatRequest) -> Answer:
    """The answer to a checked request."""
    calls = calls_for(request)
    text = "" if calls else fenced(request, text_answer(request))
    reasoning = reasoning_for(request)
    made = Answer(text=text, tool_calls=calls)
    if calls:
        return _with_reasoning(request, made, reasoning)
    text, reason = limited(request, text)
    made = Answer(text=text, finish_reason=reason, citations=_citations(request))
    if "audio" in (request.body.get("modalities") or ()):
        asked = request.body.get("audio") or {}
        made = Answer(
            text=None, audio=spoken(text, str(asked.get("format", "wav"))), finish_reason=reason
        )
    elif (pictures := _plots(request)) is not None:
        made = Answer(text=text, finish_reason=reason, images=pictures)
    return _with_reasoning(request, made, reasoning)


def _with_reasoning(request: ChatRequest, made: Answer, reasoning: str) -> Answer:
    """Reasoning where the model's family puts it."""
    if not reasoning:
        return made
    fields: Json = {name: getattr(made, name) for name in Answer.__dataclass_fields__}
    if request.model.family == "anthropic":
        thought = {
            "type": "thinking",
            "thinking": reasoning,
            "signature": base64.b64encode(b"emulated").decode(),
        }
        said = [{"type": "text", "text": made.text}] if made.text else []
        return Answer(**fields | {"content_blocks": [thought, *said]})
    field = "reasoning" if request.model.family == "mistral" else "reasoning_content"
    return Answer(**fields | {"reasoning": reasoning, "reasoning_field": field})


def reasoning_for(request: ChatRequest) -> str:
    """The thoughts of a model that thinks: by itself, or because an effort was asked for."""
    effort = request.body.get("reasoning_effort")
    thinks = request.model.has("R") or (request.model.family == "anthropic" and effort is not None)
    if request.era == "seed" and (request.body.get("thinking") or {}).get("type") == "disabled":
        thinks = False
    if not thinks or effort == "none":
        return ""
    steps = [f"The user {retold(request.goal)}"]
    if request.tools:
        steps.append(f"I can call {', '.join(tool.name for tool in request.tools[:4])}.")
    if request.results:
        steps.append("The tools have answered; I can use that.")
    if effort in ("medium", "high", "xhigh", "max"):
        steps.append("I look at what is given, compare it with what is asked, and keep to it.")
    return " ".join([*steps, "Now I answer."])


def text_answer(request: ChatRequest) -> str:
    """The answer in words, or in the JSON or other format that was asked for."""
    asked = request.json_format
    material = "\n".join(filter(None, [request.goal, *request.results]))
    if asked and asked["type"] == "json_schema":
        schema = asked["json_schema"]["schema"]
        return _dump(fill(schema, Source.of(grounded(material), keep_defaults=False), schema))
    if asked and request.model.has("J"):
        return "{}"
    whole = "\n\n".join(filter(None, [request.system, material]))
    formatted = formats.answer(whole, request.goal, json_wanted=asked is not None)
    if formatted is not None:
        return formatted
    if request.results:
        return tool_summary(request)
    seen = attachments(request)
    if seen and not request.earlier:
        return f"{seen} You {retold(request.goal)}" if request.goal.strip() else seen
    return reply_to(request)


def fenced(request: ChatRequest, text: str) -> str:
    """Claude of the seed era puts its JSON in a fence whatever the response format says."""
    wraps = (
        request.json_format is not None
        and request.era == "seed"
        and request.model.family == "anthropic"
    )
    return f"```json\n{text}\n```" if wraps else text


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def limited(request: ChatRequest, text: str) -> tuple[str, str | None]:
    """The text up to a stop string and within ``max_tokens``."""
    stop = request.body.get("stop")
    for word in [stop] if isinstance(stop, str) else stop or []:
        if word and word in text:
            text = text[: text.index(word)]
    most = request.body.get("max_tokens") or request.body.get("max_completion_tokens")
    if isinstance(most, int) and most > 0 and len(text.encode()) > 4 * most:
        return text.encode()[: 4 * most].decode(errors="ignore"), "length"
    return text, None


def _citations(request: ChatRequest) -> list[str] | None:
    if request.model.family != "perplexity":
        return None
    return [f"https://example.com/{n}" for n in (1, 2)]


def _plots(request: ChatRequest) -> list[bytes] | None:
    """A picture from Gemini's code execution, when a plot is asked for and the tool is on."""
    built_in = [
        tool["type"] for tool in request.body.get("tools") or [] if tool["type"] != "function"
    ]
    default = "tools" not in request.body and not request.model.name.endswith("search")
    if (
        request.model.family != "google"
        or request.json_format
        or not (default or "code_execution" in built_in)
    ):
        return None
    wanted = any(word in request.goal.lower() for word in ("plot", "chart", "graph"))
    return [plot(request.goal)] if wanted else None


def attachments(request: ChatRequest) -> str:
    """One sentence per attachment: what can be said of it without understanding it."""
    said = [_picture_words(part["image_url"]["url"]) for part in request.parts("image_url")]
    said += [
        f"The recording is {part['input_audio']['format']} audio."
        for part in request.parts("input_audio")
    ]
    said += [
        "A file came along."
        if not part["file"].get("file_name")
        else f"The file is {part['file']['file_name']}."
        for part in request.parts("file")
    ]
    said += ["A video came along." for _ in request.parts("video_url")]
    return " ".join(said)


def _picture_words(url: str) -> str:
    if not url.startswith("data:"):
        return f"The picture is at {url}."
    try:
        with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as picture:
            red, green, blue = picture.convert("RGB").resize((1, 1)).getpixel((0, 0))  # type: ignore[misc]
            size = f"{picture.width} by {picture.height} pixels"
    except (UnidentifiedImageError, ValueError, OSError):
        return "The picture could not be read."
    return f"The picture is {size} and mostly {_colour(red, green, blue)}."


def _colour(red: int, green: int, blue: int) -> str:
    low, high = min(red, green, blue), max(red, green, blue)
    if high - low < 40:
        return "white" if low > 200 else "black" if high < 60 else "grey"
    return (
        {red: "red", green: "green", blue: "blue"}[high]
        if [red, green, blue].count(high) == 1
        else "colourful"
    )
