"""Answer a checked request from its own schema, tools and text; this is no language model."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PIL import Image, UnidentifiedImageError

from ..media.plot import plot
from ..media.wav import spoken
from ..scripts import Answer
from .passages import answer_first, from_passages, passages, question, ranking
from .schema_values import value_for
from .text import matter, quoted, request_in_words, sentences, shortened
from .text_values import TextValues
from .tools import calls_for, results_in_words

if TYPE_CHECKING:
    from ..gateway.chat_request import ChatRequest

Json = dict[str, Any]
MAX_PROMPT_CHARS = 60_000
LONG_SYSTEM_CHARS = 300
BYTES_PER_TOKEN = 4
SIGNATURE = base64.b64encode(b"emulated").decode()
REPEAT = re.compile(
    r"^\W*(?:please )?(?:just )?(?:say|repeat|(?:reply|answer) with)\b", re.IGNORECASE
)
JSON_IN_WORDS = re.compile(r"\bJSON\b", re.IGNORECASE)


def answer(request: ChatRequest) -> Answer:
    """The answer to a checked request."""
    reasoning = reasoning_for(request)
    if calls := calls_for(request):
        return _with_reasoning(request, Answer(tool_calls=calls), reasoning)
    text, reason = limited(request, fenced(request, text_answer(request)))
    reply = Answer(text=text, finish_reason=reason)
    if request.model.family == "perplexity":
        reply = replace(reply, citations=[f"https://example.com/{n}" for n in (1, 2)])
    if "audio" in (request.body.get("modalities") or ()):
        audio = spoken(text, str(request.body["audio"]["format"]))
        reply = Answer(text=None, audio=audio, finish_reason=reason)
    elif request.runs_code and re.search(r"\b(?:plot|chart|graph)\b", request.goal.lower()):
        reply = replace(reply, images=[plot()])
    return _with_reasoning(request, reply, reasoning)


def _with_reasoning(request: ChatRequest, reply: Answer, reasoning: str) -> Answer:
    """Put reasoning where the model's family puts it."""
    if not reasoning:
        return reply
    if request.model.family != "anthropic":
        field = "reasoning" if request.model.family == "mistral" else "reasoning_content"
        return replace(reply, reasoning=reasoning, reasoning_field=field)
    blocks: list[Json] = [{"type": "thinking", "thinking": reasoning, "signature": SIGNATURE}]
    if reply.text:
        blocks.append({"type": "text", "text": reply.text})
    return replace(reply, content_blocks=blocks)


def reasoning_for(request: ChatRequest) -> str:
    """The reasoning of a model that reasons, by itself or because an effort was asked for."""
    effort = request.body.get("reasoning_effort")
    is_claude = request.model.family == "anthropic"
    reasons = request.model.has("R") or (is_claude and effort is not None)
    if request.era == "seed" and (request.body.get("thinking") or {}).get("type") == "disabled":
        reasons = False
    if not reasons or effort == "none":
        return ""
    steps = [f"The user {request_in_words(request.goal)}"]
    if request.tools:
        steps.append(f"I can call {', '.join(tool.name for tool in request.tools[:4])}.")
    if request.results:
        steps.append("The tools have answered; I can use that.")
    if effort in ("medium", "high", "xhigh", "max"):
        steps.append("I compare what I have with what is wanted, and keep to it.")
    return " ".join([*steps, "Now I answer."])


def text_answer(request: ChatRequest) -> str:
    """The answer in words, or in JSON where that is asked for."""
    prompt = shortened("\n".join(filter(None, [request.goal, *request.results])), MAX_PROMPT_CHARS)
    form = request.json_format
    if form and form["type"] == "json_schema":
        return _json_for(form["json_schema"]["schema"], answer_first(prompt))
    if form and request.model.has("J"):
        return "{}"
    whole = "\n\n".join(filter(None, [request.system, prompt]))
    if form or JSON_IN_WORDS.search(request.goal):
        return _json_in_words(whole, prompt)
    if ranked := ranking(prompt):
        return ranked
    if request.results:
        return results_in_words(request)
    seen = attachments(request)
    if seen and not request.earlier:
        return f"{seen} You {request_in_words(request.goal)}" if request.goal.strip() else seen
    return _reply(request)


def _json_for(schema: Json, prompt: str) -> str:
    value = value_for(schema, TextValues.of(prompt, keep_defaults=False), schema)
    return json.dumps(value, ensure_ascii=False)


def _json_in_words(whole: str, prompt: str) -> str:
    """JSON after the last schema in the prompt, else with the keys that stand there in quotes."""
    if "{{" in whole:  # LlamaIndex escapes the braces of a schema in a prompt
        whole = whole.replace("{{", "{").replace("}}", "}")
    decoder, schema, rest, position = json.JSONDecoder(), None, "", whole.find("{")
    while position >= 0:
        try:
            value, end = decoder.raw_decode(whole, position)
        except (ValueError, RecursionError):
            value, end = None, position + 1
        if isinstance(value, dict) and isinstance(value.get("properties"), dict):
            schema, rest = value, f"{whole[:position]}\n{whole[end:]}"
        position = whole.find("{", end)
    if schema is not None:
        lines = [line for line in rest.splitlines() if not re.search(r"JSON|schema", line)]
        return _json_for(schema, "\n".join(lines))
    keys = [piece for piece in quoted(whole) if re.fullmatch(r"[A-Za-z_]\w*", piece)]
    lines = [line for line in sentences(prompt) if not JSON_IN_WORDS.search(line)]
    bare = " ".join(lines) or prompt
    if not keys:
        return json.dumps({"answer": matter(bare)}, ensure_ascii=False)
    properties = {key: {"type": "string"} for key in keys}
    return _json_for({"type": "object", "properties": properties, "required": keys}, bare)


def _reply(request: ChatRequest) -> str:
    """What is to be said word for word, the sentence that answers, else an honest echo."""
    goal = request.goal.strip()
    if REPEAT.match(goal) and (pieces := quoted(goal)):
        return pieces[0]
    query = question(goal)
    material = passages(goal) or passages(request.system)
    if not material and len(request.system) > LONG_SYSTEM_CHARS:
        material = request.system
    if material:
        about = f"The context does not say anything about {matter(query)}."
        return from_passages(material, query) or about
    earlier = "\n".join(text for role, text in request.earlier if role == "user")
    if goal.endswith("?") and (remembered := from_passages(earlier, query)):
        return remembered
    echoed = request_in_words(query if "\n" in goal else goal)
    return (
        f"You {echoed} The local emulator answers in place of {request.model.name}; it only"
        " repeats what it was asked."
    )


def fenced(request: ChatRequest, text: str) -> str:
    """The text in a fence where JSON was asked of a Claude of the seed era, as it did (#5184)."""
    is_claude = request.era == "seed" and request.model.family == "anthropic"
    return f"```json\n{text}\n```" if is_claude and request.json_format else text


def limited(request: ChatRequest, text: str) -> tuple[str, str | None]:
    """The text up to a stop string and within ``max_tokens``, and why it ends."""
    stop = request.body.get("stop") or []
    for word in [stop] if isinstance(stop, str) else stop:
        if word and word in text:
            text = text[: text.index(word)]
    limit = request.body.get("max_tokens") or request.body.get("max_completion_tokens")
    encoded = text.encode()
    if isinstance(limit, int) and 0 < limit * BYTES_PER_TOKEN < len(encoded):
        return encoded[: limit * BYTES_PER_TOKEN].decode(errors="ignore"), "length"
    return text, None


def attachments(request: ChatRequest) -> str:
    """A sentence on what came with the prompt: what can be measured without understanding it."""
    pictures = [picture_in_words(part["image_url"]["url"]) for part in request.parts("image_url")]
    others = ("input_audio", "file", "video_url")
    counts = {kind: len(request.parts(kind)) for kind in others}
    lines = [f"Attached: {number} x {kind}." for kind, number in counts.items() if number]
    return " ".join(pictures + lines)


def picture_in_words(url: str) -> str:
    """A sentence on a picture: what can be measured without understanding it."""
    if not url.startswith("data:"):
        return f"The picture is at {url}."
    try:
        with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as picture:
            return f"The picture is {picture.width} by {picture.height} pixels."
    except (UnidentifiedImageError, ValueError, OSError):
        return "The picture could not be read."
