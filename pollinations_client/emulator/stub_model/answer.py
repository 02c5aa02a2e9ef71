"""Answer a checked request from its own schema, tools and text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..gateway.dialect import cut_at_limits, with_reasoning, with_seed_fence
from ..media.pictures import PictureSpec, picture
from ..media.reading import document_in_words, picture_in_words, sound_in_words
from ..media.wav import audio_of_message
from ..scripts import Answer
from .passages import answer_from_passages, passages_in, question_in, ranking_for, with_answer_first
from .schema_values import value_for
from .text import quoted_pieces, request_in_words, sentences, shortened, topic_of
from .text_values import TextValues
from .tools import calls_for, results_in_words

if TYPE_CHECKING:
    from ..gateway.chat_request import ChatRequest

Json = dict[str, Any]
MAX_PROMPT_CHARS = 60_000
ECHO = "You {} The local emulator answers in place of {}; it only repeats what it was asked."
REPEAT = re.compile(r"(?i)^\W*(?:please )?(?:just )?(?:say|repeat|(?:reply|answer) with)\b")
JSON_IN_WORDS = re.compile(r"\bJSON\b", re.IGNORECASE)


def answer(request: ChatRequest) -> Answer:
    """The answer to a checked request."""
    reasoning = reasoning_for(request)
    if calls := calls_for(request):
        return with_reasoning(request, Answer(tool_calls=calls), reasoning)
    text, reason = cut_at_limits(request, with_seed_fence(request, text_answer(request)))
    reply = Answer(text=text, finish_reason=reason)
    if request.model.family == "perplexity":
        reply = replace(reply, citations=[f"https://example.com/{n}" for n in (1, 2)])
    if "audio" in (request.body.get("modalities") or ()):
        audio = audio_of_message(text, str(request.body["audio"]["format"]))
        reply = Answer(text=None, audio=audio, finish_reason=reason)
    elif request.runs_code and re.search(r"\b(?:plot|chart|graph)\b", request.goal.lower()):
        # Gemini's code execution returns its charts as PNG among the content blocks.
        chart = PictureSpec(request.goal, request.model.name, 0, 480, 320, transparent=True)
        reply = replace(reply, images=[picture(chart)])
    return with_reasoning(request, reply, reasoning)


def reasoning_for(request: ChatRequest) -> str:
    """The reasoning of a model that reasons, by itself or because an effort was asked for."""
    effort = request.body.get("reasoning_effort")
    # Claude thinks only when an effort is sent (the gateway of October 2026).
    has_effort = request.model.family == "anthropic" and effort is not None
    reasons = has_effort or request.model.has("reasoning")
    is_disabled = (request.body.get("thinking") or {}).get("type") == "disabled"
    if not reasons or effort == "none" or (request.era == "seed" and is_disabled):
        return ""
    steps = [f"The user {request_in_words(request.goal)}"]
    if request.tools:
        steps.append(f"I can call {', '.join(tool.name for tool in request.tools[:4])}.")
    return " ".join([*steps, "Now I answer."])


def text_answer(request: ChatRequest) -> str:
    """The answer in words, or in JSON where that is asked for."""
    prompt = shortened("\n".join(filter(None, [request.goal, *request.results])), MAX_PROMPT_CHARS)
    form = request.json_format
    if form and form["type"] == "json_schema":
        return _json_for(form["json_schema"]["schema"], with_answer_first(prompt))
    if form and request.model.has("loose_json"):
        return "{}"  # what Perplexity answers to json_object; it follows a json_schema
    if form or JSON_IN_WORDS.search(request.goal):
        return _json_in_words("\n\n".join(filter(None, [request.system, prompt])), prompt)
    if ranked := ranking_for(prompt):
        return ranked
    if request.results:
        return results_in_words(request)
    if (facts := attachments_in_words(request)) and not request.earlier:
        return f"{facts} You {request_in_words(request.goal)}" if request.goal.strip() else facts
    return _reply(request)


def _json_for(schema: Json, prompt: str) -> str:
    value = value_for(schema, TextValues.of(prompt, keep_defaults=False), schema)
    return json.dumps(value, ensure_ascii=False)


def _json_in_words(prompt: str, goal: str) -> str:
    """JSON after the last schema in the prompt, else with the keys that stand there in quotes."""
    if "{{" in prompt:  # LlamaIndex doubles a schema's braces
        prompt = prompt.replace("{{", "{").replace("}}", "}")
    for schema, around in [*_schemas_in(prompt)][-1:]:
        lines = [line for line in around.splitlines() if not re.search(r"JSON|schema", line)]
        return _json_for(schema, "\n".join(lines))
    keys = [piece for piece in quoted_pieces(prompt) if re.fullmatch(r"[A-Za-z_]\w*", piece)]
    lines = [line for line in sentences(goal) if not JSON_IN_WORDS.search(line)]
    bare = " ".join(lines) or goal
    if not keys:
        return json.dumps({"answer": topic_of(bare)}, ensure_ascii=False)
    properties = {key: {"type": "string"} for key in keys}
    return _json_for({"type": "object", "properties": properties, "required": keys}, bare)


def _schemas_in(text: str) -> Iterator[tuple[Json, str]]:
    """The JSON schemas of objects in a text, not those inside one; each with the text around it."""
    decoder, end = json.JSONDecoder(), 0
    for match in re.finditer(r"\{", text):
        if match.start() < end:
            continue
        try:
            value, end = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            continue
        if isinstance(value.get("properties"), dict):
            yield value, f"{text[: match.start()]}\n{text[end:]}"


def _reply(request: ChatRequest) -> str:
    """What is to be said word for word, the sentence that answers, else an honest echo."""
    goal = request.goal.strip()
    if REPEAT.match(goal) and (pieces := quoted_pieces(goal)):
        return pieces[0]
    query = question_in(goal)
    material = passages_in(goal) or passages_in(request.system)
    if material:
        unknown = f"The context does not say anything about {topic_of(query)}."
        return answer_from_passages(material, query) or unknown
    earlier = "\n".join(text for role, text in request.earlier if role == "user")
    if goal.endswith("?") and (earlier_answer := answer_from_passages(earlier, query)):
        return earlier_answer
    return ECHO.format(request_in_words(query if "\n" in goal else goal), request.model.name)


def attachments_in_words(request: ChatRequest) -> str:
    """A sentence on what came with the prompt: what can be measured without understanding it."""
    lines = [picture_in_words(part["image_url"]["url"]) for part in request.parts("image_url")]
    lines += [document_in_words(part["file"]) for part in request.parts("file")]
    lines += [sound_in_words(part["input_audio"]["data"]) for part in request.parts("input_audio")]
    lines += ["A video came too; nothing here can watch it." for _ in request.parts("video_url")]
    return " ".join(lines)
