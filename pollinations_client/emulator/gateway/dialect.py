"""An answer on the wire: one completion or the chunks of a stream, in the dialect of era and model
family.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..media.plot import data_url
from ..scripts import Answer
from .chat_request import ChatRequest, Json
from .model_tables import RESPONSES_ADAPTED

SEED_FINISH = {
    "google": {"stop": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"},
    "anthropic": {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"},
}
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
        today = request.era == "today"
        name = answer.model or (request.model.name if today else request.model.provider_id)
        return cls(
            f"chatcmpl-{digest[:29]}" if today else f"pllns_{digest[:32]}", int(time.time()), name
        )

    def top(self, kind: str, today: bool) -> Json:
        """The fields above the choices; all say that this is an emulator."""
        top = {"id": self.id, "object": kind, "created": self.created, "model": self.model}
        return (
            top | {"system_fingerprint": "emulator"} | ({"provider": "emulator"} if today else {})
        )


def pieces(text: str, size: int = 12) -> list[str]:
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
        name, arguments = (
            (call["name"], call.get("arguments", call.get("args", {})))
            if isinstance(call, Mapping)
            else call
        )
        text = (
            arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        )
        call_id = call.get("id") if isinstance(call, Mapping) else None
        token = hashlib.sha256(f"{envelope.id}{at}{name}".encode()).hexdigest()[:24]
        calls.append(
            {
                "id": call_id or f"call_{token}",
                "type": "function",
                "function": {"name": name, "arguments": text},
            }
        )
    return calls


def blocks_of(answer: Answer) -> list[Json] | None:
    """The answer's content blocks: those given, or its text and pictures."""
    if answer.content_blocks is not None:
        return list(answer.content_blocks)
    if not answer.images:
        return None
    urls = [image if isinstance(image, str) else data_url(image) for image in answer.images]
    pictures = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return [*([{"type": "text", "text": answer.text}] if answer.text else []), *pictures]


def text_of_answer(answer: Answer) -> str | None:
    """The answer's text; blocks alone give it theirs, as ``content`` repeats the text blocks."""
    if answer.text != "" or answer.content_blocks is None:
        return answer.text
    texts = [block.get("text", "") for block in answer.content_blocks if _is_text(block)]
    return "\n\n".join(texts)


def _is_text(block: Json) -> bool:
    return block.get("type") == "text"


def finish_of(answer: Answer, request: ChatRequest) -> str:
    """Why the answer ends."""
    if answer.finish_reason:
        return answer.finish_reason
    if not answer.tool_calls:
        return "stop"
    return "function_call" if request.uses_functions else "tool_calls"


def _native_finish(reason: str, request: ChatRequest) -> str:
    if request.era == "today":
        return reason
    return SEED_FINISH.get(request.model.family, {}).get(reason, reason)


def completion(request: ChatRequest, answer: Answer, usage: Json) -> Json:
    """The whole answer as one chat.completion."""
    envelope = Envelope.around(request, answer)
    calls = wire_tool_calls(answer, envelope)
    message: Json = {
        "role": "assistant",
        "content": text_of_answer(answer) or (None if calls else answer.text),
    }
    if answer.reasoning:
        message[answer.reasoning_field] = answer.reasoning
    if calls and request.uses_functions:
        message["function_call"] = calls[0]["function"]
    elif calls:
        message["tool_calls"] = calls
    if (blocks := blocks_of(answer)) is not None:
        message["content_blocks"] = blocks
    if answer.refusal is not None:
        message["refusal"] = answer.refusal
    if answer.audio is not None:
        message |= {"audio": answer.audio, "content": None}
    choice: Json = {
        "index": 0,
        "message": message | (answer.extra_message or {}),
        "finish_reason": finish_of(answer, request),
    }
    choice["logprobs"] = (
        {"content": logprobs(request, answer.text or "")} if request.body.get("logprobs") else None
    )
    today = request.era == "today"
    if not today and request.model.family == "openai":
        choice["content_filter_results"] = NO_FILTER
    top = envelope.top("chat.completion", today) | {"choices": [choice]}
    if answer.citations is not None:
        top |= _sources(answer.citations)
    used = usage if answer.usage is None else answer.usage
    return top | ({"usage": used} if used else {}) | (answer.extra_top or {})


def _sources(citations: Sequence[str]) -> Json:
    return {
        "citations": list(citations),
        "search_results": [{"title": f"Source {n}", "url": u} for n, u in enumerate(citations, 1)],
    }


def logprobs(request: ChatRequest, text: str) -> list[Json]:
    """A plausible log probability per piece, with the alternatives asked for."""
    return [_logprob(word, request.body.get("top_logprobs") or 0) for word in pieces(text)]


def _logprob(word: str, count: int) -> Json:
    def entry(token: str, rank: int) -> Json:
        return {
            "token": token,
            "logprob": round(-0.02 - 1.7 * rank, 4),
            "bytes": list(token.encode()),
        }

    rivals = [entry(word if rank == 0 else f"{word.rstrip()}{rank}", rank) for rank in range(count)]
    return entry(word, 0) | {"top_logprobs": rivals}


def chunks(request: ChatRequest, answer: Answer, usage: Json) -> list[Json]:
    """The answer as the chunks of a stream: role, reasoning, text, calls, finish, usage."""
    envelope = Envelope.around(request, answer)
    today = request.era == "today"
    top = envelope.top("chat.completion.chunk", today)
    extra = dict(answer.extra_top or {})
    if answer.citations is not None:
        extra |= _sources(answer.citations)

    def chunk(delta: Json, finish: str | None = None, log: Json | None = None) -> Json:
        return (
            top
            | {"choices": [{"index": 0, "delta": delta, "logprobs": log, "finish_reason": finish}]}
            | extra
        )

    frames: list[Json] = []
    if not today and request.model.family == "openai":
        filtered = [{"prompt_index": 0, "content_filter_results": NO_FILTER}]
        frames.append(top | {"model": "", "choices": [], "prompt_filter_results": filtered})
    frames.append(chunk({"role": "assistant", "content": ""} | (answer.extra_message or {})))
    frames += [chunk({answer.reasoning_field: piece}) for piece in pieces(answer.reasoning)]
    if answer.audio is not None:
        frames += [chunk({"audio": part}) for part in _audio_deltas(answer.audio)]
    else:
        frames += [
            chunk({"content": piece}, log=_chunk_log(request, piece))
            for piece in pieces(text_of_answer(answer) or "")
        ]
    frames += [
        chunk({"content_blocks": [{"index": at, "delta": delta} if today else delta]})
        for at, delta in _block_deltas(answer)
    ]
    if answer.refusal is not None:
        frames.append(chunk({"refusal": answer.refusal}))
    frames += [chunk(part) for part in call_deltas(request, wire_tool_calls(answer, envelope))]
    frames.append(chunk({}, finish=_native_finish(finish_of(answer, request), request)))
    used = usage if answer.usage is None else answer.usage
    return [*frames, top | {"choices": [], "usage": used}] if used else frames


def _chunk_log(request: ChatRequest, piece: str) -> Json | None:
    return (
        {"content": [_logprob(piece, request.body.get("top_logprobs") or 0)]}
        if request.body.get("logprobs")
        else None
    )


def _block_deltas(answer: Answer) -> Iterator[tuple[int, Json]]:
    """Content blocks in a stream: thinking and pictures; text blocks only repeat the content and
    are left out.
    """
    for at, block in enumerate(blocks_of(answer) or []):
        match block.get("type"):
            case "thinking":
                for piece in pieces(block.get("thinking", "")):
                    yield at, {"thinking": piece}
                if "signature" in block:
                    yield at, {"signature": block["signature"]}
            case "text" if answer.text is not None:
                continue
            case _:
                yield at, block


def _audio_deltas(audio: Json) -> Iterator[Json]:
    yield {"id": audio.get("id", "audio_emulated")}
    for piece in pieces(audio.get("transcript", "")):
        yield {"transcript": piece}
    raw = base64.b64decode(audio.get("data", ""))
    for at in range(0, len(raw), 4800):
        yield {"data": base64.b64encode(raw[at : at + 4800]).decode()}
    yield {"expires_at": audio.get("expires_at", 0)}


def call_deltas(request: ChatRequest, calls: Sequence[Json]) -> Iterator[Json]:
    """The deltas of tool calls: whole calls from Gemini and adapted models, fragments from others.

    The older ``functions`` take one call, in ``function_call``.
    """
    is_google = request.model.family == "google"
    in_one_piece = is_google or request.model.name.startswith(RESPONSES_ADAPTED)
    for at, call in enumerate(calls):
        function = call["function"]
        opening = {"name": function["name"], "arguments": ""}
        fragments = [{"arguments": piece} for piece in pieces(function["arguments"], 10)]
        if request.uses_functions:
            yield from ({"function_call": part} for part in (opening, *fragments))
            return
        if in_one_piece:
            yield {"tool_calls": [{"index": 0 if is_google else at} | call]}
            continue
        first = {"index": at, "id": call["id"], "type": "function", "function": opening}
        yield {"tool_calls": [first]}
        for part in fragments:
            yield {"tool_calls": [{"index": at, "function": part}]}
