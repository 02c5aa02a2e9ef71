"""Write an answer as the gateway sends it: one completion, or the chunks of a stream.

Both depend on the era and on the family of the model.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ..media.pictures import data_url
from ..scripts import Answer
from .chat_request import ChatRequest, Json
from .model_tables import RESPONSES_ADAPTED

# In January 2026 a provider's own word went through in streams; a client had to know them all.
SEED_FINISH = {
    "google": {"stop": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"},
    "anthropic": {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"},
}
BYTES_PER_TOKEN = 4
SIGNATURE = base64.b64encode(b"emulated").decode()
# Azure's verdicts, which that gateway passed on with every answer of an OpenAI model.
NO_FILTER = {
    kind: {"filtered": False, "severity": "safe"}
    for kind in ("hate", "self_harm", "sexual", "violence")
}


@dataclass(frozen=True)
class Envelope:
    """What stands around an answer."""

    id: str
    created: int
    model: str

    @classmethod
    def around(cls, request: ChatRequest, answer: Answer) -> Envelope:
        """A stable id for a stable request."""
        digest = hashlib.sha256(json.dumps(request.body, sort_keys=True).encode()).hexdigest()
        # The model of January 2026 is what the provider calls it, not what was asked for.
        name, answer_id = request.model.provider_id or request.model.name, f"pllns_{digest[:32]}"
        if request.era == "today":
            name, answer_id = request.model.name, f"chatcmpl-{digest[:29]}"
        return cls(answer_id, int(time.time()), answer.model or name)

    def top(self, kind: str, today: bool) -> Json:
        """The fields above the choices; all say that this is an emulator."""
        top = {"id": self.id, "object": kind, "created": self.created, "model": self.model}
        top["system_fingerprint"] = "emulator"
        if today:
            top["provider"] = "emulator"
        return top


def stream_pieces(text: str, size: int = 12) -> list[str]:
    """Text in words, as a model would stream it; very long words come apart."""
    return [
        word[at : at + size]
        for word in re.findall(r"\s*\S+|\s+$", text)
        for at in range(0, len(word), size)
    ]


def wire_tool_calls(answer: Answer, envelope: Envelope) -> list[Json]:
    """The calls as the gateway writes them: arguments are a JSON string."""
    calls: list[Json] = []
    for at, call in enumerate(answer.tool_calls):
        if isinstance(call, Mapping) and "function" in call:
            calls.append(dict(call))
            continue
        if not isinstance(call, Mapping):
            name, arguments = call
            call = {"name": name, "arguments": arguments}
        arguments = call.get("arguments", call.get("args", {}))
        if not isinstance(arguments, str):
            arguments = json.dumps(arguments, ensure_ascii=False)
        function = {"name": call["name"], "arguments": arguments}
        token = hashlib.sha256(f"{envelope.id}{at}{call['name']}".encode()).hexdigest()[:24]
        own_id = f"call_{token}"
        if "mistral" in envelope.model:  # whose ids are nine letters and digits
            own_id = token[:9]
        call_id = call.get("id") or own_id
        calls.append({"id": call_id, "type": "function", "function": function})
    return calls


def blocks_of(answer: Answer) -> list[Json] | None:
    """The answer's content blocks: those given, or its text and pictures."""
    if answer.content_blocks is not None:
        return list(answer.content_blocks)
    if not answer.images:
        return None
    blocks: list[Json] = []
    if answer.text:
        blocks.append({"type": "text", "text": answer.text})
    for image in answer.images:
        url = data_url(image) if isinstance(image, bytes) else image
        blocks.append({"type": "image_url", "image_url": {"url": url}})
    return blocks


def text_of_answer(answer: Answer) -> str | None:
    """The answer's text; blocks alone give it theirs, as ``content`` repeats the text blocks."""
    if answer.text != "" or answer.content_blocks is None:
        return answer.text
    texts = [block.get("text", "") for block in answer.content_blocks if _is_text(block)]
    return "\n\n".join(texts)


def _is_text(block: Json) -> bool:
    return block.get("type") == "text"


def with_reasoning(request: ChatRequest, reply: Answer, reasoning: str) -> Answer:
    """Put reasoning where the model's family puts it."""
    if not reasoning:
        return reply
    if request.model.family == "mistral":  # through OpenRouter, which has its own field (#11264)
        return replace(reply, reasoning=reasoning, reasoning_field="reasoning")
    if request.model.family != "anthropic":
        return replace(reply, reasoning=reasoning)
    blocks: list[Json] = [{"type": "thinking", "thinking": reasoning, "signature": SIGNATURE}]
    if reply.text:
        blocks.append({"type": "text", "text": reply.text})
    return replace(reply, content_blocks=blocks)


def with_seed_fence(request: ChatRequest, text: str) -> str:
    """The text in a fence where JSON was asked of a Claude of the seed era, as it did (#5184)."""
    is_claude = request.era == "seed" and request.model.family == "anthropic"
    return f"```json\n{text}\n```" if is_claude and request.json_format else text


def cut_at_limits(request: ChatRequest, text: str) -> tuple[str, str | None]:
    """The text up to a stop string and within ``max_tokens``, and why it ends."""
    stop = request.body.get("stop") or []
    for word in [stop] if isinstance(stop, str) else stop:
        if word:
            text = text.partition(word)[0]
    limit = request.body.get("max_tokens") or request.body.get("max_completion_tokens")
    encoded = text.encode()
    if isinstance(limit, int) and 0 < limit * BYTES_PER_TOKEN < len(encoded):
        return encoded[: limit * BYTES_PER_TOKEN].decode(errors="ignore"), "length"
    return text, None


def finish_reason_of(answer: Answer, request: ChatRequest) -> str:
    """Why the answer ends."""
    if answer.finish_reason:
        return answer.finish_reason
    if not answer.tool_calls:
        return "stop"
    if request.uses_functions:
        return "function_call"
    return "tool_calls"


def _provider_finish_reason(reason: str, request: ChatRequest) -> str:
    if request.era == "today":
        return reason
    return SEED_FINISH.get(request.model.family, {}).get(reason, reason)


def completion(request: ChatRequest, answer: Answer, usage: Json) -> Json:
    """The whole answer as one chat.completion."""
    envelope = Envelope.around(request, answer)
    calls = wire_tool_calls(answer, envelope)
    message: Json = {"role": "assistant", "content": text_of_answer(answer)}
    if calls:
        message["content"] = message["content"] or None
    if answer.reasoning:
        message[answer.reasoning_field] = answer.reasoning
    if calls and request.uses_functions:
        message["function_call"] = calls[0]["function"]
    elif calls:
        message["tool_calls"] = calls
    # Content and text blocks say the same: who joins both has the text twice.
    if (blocks := blocks_of(answer)) is not None:
        message["content_blocks"] = blocks
    if answer.refusal is not None:
        message["refusal"] = answer.refusal
    # A spoken answer has its words in the transcript alone.
    if answer.audio is not None:
        message |= {"audio": answer.audio, "content": None}
    choice: Json = {
        "index": 0,
        "message": message | (answer.extra_message or {}),
        "finish_reason": finish_reason_of(answer, request),
    }
    choice["logprobs"] = logprobs(request, answer.text or "")
    today = request.era == "today"
    if not today and request.model.family == "openai":
        choice["content_filter_results"] = NO_FILTER
    top = envelope.top("chat.completion", today) | {"choices": [choice]}
    if used := usage_of_reply(answer, usage):
        top["usage"] = used
    return top | _fields_beside_choices(answer)


def usage_of_reply(answer: Answer, usage: Json) -> Json:
    """The usage of a reply: a scripted one before the counted one."""
    return usage if answer.usage is None else answer.usage


def _fields_beside_choices(answer: Answer) -> Json:
    """What stands beside the choices of some answers: sources, and what a script adds."""
    more: Json = {}
    if answer.citations is not None:
        results = [{"title": f"Source {n}", "url": u} for n, u in enumerate(answer.citations, 1)]
        more = {"citations": list(answer.citations), "search_results": results}
    return more | (answer.extra_top or {})


def logprobs(request: ChatRequest, text: str) -> Json | None:
    """A plausible log probability per piece, with the alternatives asked for; None if unasked."""
    if not request.body.get("logprobs"):
        return None
    count = request.body.get("top_logprobs") or 0
    return {"content": [_logprob(word, count) for word in stream_pieces(text)]}


def _logprob(word: str, count: int) -> Json:
    def entry(token: str, rank: int) -> Json:
        return {
            "token": token,
            "logprob": round(-0.02 - 1.7 * rank, 4),
            "bytes": list(token.encode()),
        }

    tokens = [word, *(f"{word.rstrip()}{rank}" for rank in range(1, count))][:count]
    rivals = [entry(token, rank) for rank, token in enumerate(tokens)]
    return entry(word, 0) | {"top_logprobs": rivals}


def chunks(request: ChatRequest, answer: Answer, usage: Json) -> list[Json]:
    """The answer as the chunks of a stream: role, reasoning, text, calls, finish, usage."""
    envelope = Envelope.around(request, answer)
    today = request.era == "today"
    top = envelope.top("chat.completion.chunk", today)
    extra = _fields_beside_choices(answer)  # citations may stand in every chunk (Perplexity)

    def chunk(delta: Json, finish: str | None = None, log: Json | None = None) -> Json:
        choice = {"index": 0, "delta": delta, "logprobs": log, "finish_reason": finish}
        return top | {"choices": [choice]} | extra

    frames: list[Json] = []
    if not today and request.model.family == "openai":
        # Azure opens with a chunk that has neither model nor choices.
        filtered = [{"prompt_index": 0, "content_filter_results": NO_FILTER}]
        frames.append(top | {"model": "", "choices": [], "prompt_filter_results": filtered})
    frames.append(chunk({"role": "assistant", "content": ""} | (answer.extra_message or {})))
    frames += [chunk({answer.reasoning_field: piece}) for piece in stream_pieces(answer.reasoning)]
    if answer.audio is not None:
        frames += [chunk({"audio": part}) for part in _audio_deltas(answer.audio)]
    else:
        frames += [
            chunk({"content": piece}, log=logprobs(request, piece))
            for piece in stream_pieces(text_of_answer(answer) or "")
        ]
    for at, delta in _block_deltas(answer):
        block = {"index": at, "delta": delta} if today else delta
        frames.append(chunk({"content_blocks": [block]}))
    if answer.refusal is not None:
        frames.append(chunk({"refusal": answer.refusal}))
    frames += [chunk(part) for part in call_deltas(request, wire_tool_calls(answer, envelope))]
    frames.append(
        chunk({}, finish=_provider_finish_reason(finish_reason_of(answer, request), request))
    )
    # The gateway forces include_usage, so that this chunk comes whether asked for or not.
    if used := usage_of_reply(answer, usage):
        frames.append(top | {"choices": [], "usage": used})
    return frames


def _block_deltas(answer: Answer) -> Iterator[tuple[int, Json]]:
    """Content blocks in a stream: thinking and pictures; text blocks only repeat the content and
    are left out.
    """
    for at, block in enumerate(blocks_of(answer) or []):
        match block.get("type"):
            case "thinking":
                for piece in stream_pieces(block.get("thinking", "")):
                    yield at, {"thinking": piece}
                if "signature" in block:
                    yield at, {"signature": block["signature"]}
            case "text" if answer.text is not None:
                continue
            case _:
                yield at, block


def _audio_deltas(audio: Json) -> Iterator[Json]:
    yield {"id": audio.get("id", "audio_emulated")}
    for piece in stream_pieces(audio.get("transcript", "")):
        yield {"transcript": piece}
    raw = base64.b64decode(audio.get("data", ""))
    for at in range(0, len(raw), 4800):
        yield {"data": base64.b64encode(raw[at : at + 4800]).decode()}
    yield {"expires_at": audio.get("expires_at", 0)}


def call_deltas(request: ChatRequest, calls: Sequence[Json]) -> Iterator[Json]:
    """The deltas of tool calls: whole calls from Gemini and adapted models, fragments from others.

    The older ``functions`` take one call, in ``function_call``.
    """
    # Models of OpenAI's Responses endpoint send each call as one delta at the end.
    is_google = request.model.family == "google"
    in_one_piece = is_google or request.model.name.startswith(RESPONSES_ADAPTED)
    for at, call in enumerate(calls):
        function = call["function"]
        opening = {"name": function["name"], "arguments": ""}
        fragments = [{"arguments": piece} for piece in stream_pieces(function["arguments"], 10)]
        if request.uses_functions:
            yield from ({"function_call": part} for part in (opening, *fragments))
            return
        if in_one_piece:
            index = at
            if is_google:
                index = 0  # Gemini numbers every call of its stream so
            yield {"tool_calls": [{"index": index} | call]}
            continue
        first = {"index": at, "id": call["id"], "type": "function", "function": opening}
        yield {"tool_calls": [first]}
        for part in fragments:
            yield {"tool_calls": [{"index": at, "function": part}]}
