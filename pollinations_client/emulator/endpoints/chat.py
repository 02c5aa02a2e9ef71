"""Answer POST /v1/chat/completions; the text routes build on it."""

from __future__ import annotations

from email.utils import formatdate
from typing import TYPE_CHECKING
from urllib.parse import quote

from ..gateway import dialect
from ..gateway.cache import IMMUTABLE, cache_key, cached_reply, store
from ..gateway.chat_request import DEFAULT_MODEL, ChatRequest, Json
from ..gateway.errors import GatewayError, upstream_error, validation_error
from ..gateway.keys import authenticate, check_may_use, notice_for
from ..gateway.model_rules import check_model, check_safety_header
from ..gateway.models import Model, find, model_called
from ..gateway.usage import usage_headers, usage_of
from ..gateway.validation import check_chat
from ..media.reading import pages_of, picture_in_words
from ..scripts import Answer, Chunks
from ..server.response import SSE, Reply, json_reply, sse_frames
from ..stub_model import answer

if TYPE_CHECKING:
    from ..exchange import Exchange

NO_STORE = "private, no-store"


def complete(exchange: Exchange) -> Reply:
    """One chat completion, plain or streamed."""
    # January 2026 read the body of another content type as empty, and missed the messages.
    if not exchange.state.today and not exchange.received.says_json:
        raise validation_error({"messages": ["Invalid input: expected array, received undefined"]})
    rules = authenticate(exchange)
    body = check_chat(exchange.received.json, exchange.era)
    model_name = body.get("model") or DEFAULT_MODEL[exchange.era]
    picture_model = find("today", "picture", model_name)
    if exchange.state.today and picture_model is not None:
        check_may_use(rules, picture_model, model_name, exchange.era)
        return _picture_link_reply(exchange, body, picture_model)
    request = ChatRequest(body, model_called(exchange.era, "text", model_name), exchange.era)
    check_model(request)
    if exchange.state.today:
        check_safety_header(exchange.received.headers)
    try:
        check_may_use(rules, request.model, model_name, exchange.era)
    except GatewayError as refusal:
        refusal_text = notice_for(refusal, model_name)
        if not (refusal_text and exchange.state.today and _may_become_notice(request)):
            raise
        return _notice_reply(exchange, request, refusal_text, model_name)
    if exchange.scripted is not None:
        reply = answer_reply(exchange, request, exchange.scripted)
        if isinstance(exchange.scripted, Chunks) and request.stream:
            store(exchange.state, cache_key(exchange.received), reply, formatdate(usegmt=True))
        return reply
    if request.model.has("ocr"):
        return answer_reply(exchange, request, _read_document(request))  # never cached (#12776)
    # Since January 2026 a seed of -1 goes past the cache; today it stands for one fixed seed.
    bypass = exchange.era == "seed" and body.get("seed") == -1
    return cached_reply(
        exchange,
        lambda: answer_reply(exchange, request, answer.answer(request)),
        bypass=bypass,
    )


def _read_document(request: ChatRequest) -> Answer:
    """What an OCR model reads: every page in ``ocr``, as a block, and in the content between blank
    lines; or those alone that ``pages`` names.

    Raises ``GatewayError`` 400 for a file that is no PDF.
    """
    pages = [picture_in_words(part["image_url"]["url"]) for part in request.parts("image_url")]
    try:
        for part in request.parts("file"):
            pages += pages_of(part["file"])
    except ValueError as error:
        raise upstream_error("The document could not be read as a PDF.") from error
    listed: list[Json] = [{"index": index, "markdown": page} for index, page in enumerate(pages)]
    if isinstance(indexes := request.body.get("pages"), list):
        listed = [page for page in listed if page["index"] in indexes]
    ocr: Json = {"model": request.model.name, "pages": listed}
    ocr["usage_info"] = {"pages_processed": len(listed)}
    blocks = [{"type": "ocr_page", **page} for page in listed]
    text = "\n\n".join(page["markdown"] for page in listed)
    return Answer(text=text, content_blocks=blocks, extra_top={"ocr": ocr})


def _may_become_notice(request: ChatRequest) -> bool:
    """Whether a refusal may be dressed up as an answer: not where a program parses it or hears it.

    The gateway does so since September 2026 (#14700), so that a chat window shows why.
    """
    return request.json_format is None and "audio" not in (request.body.get("modalities") or ())


def _notice_reply(exchange: Exchange, request: ChatRequest, text: str, model_name: str) -> Reply:
    nothing = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    answer = Answer(text=text, usage=nothing, model=model_name)
    return answer_reply(exchange, request, answer, cache_control=NO_STORE)


def _picture_link_reply(exchange: Exchange, body: Json, model: Model) -> Reply:
    """A picture model asked through chat answers with a link in Markdown, and without usage."""
    chat = Model(model.name, model.aliases, "text")
    request = ChatRequest(body, chat, exchange.era)
    path = f"/image/{quote(request.goal, safe='')}?model={model.name}"
    address = f"{exchange.state.url}{path}"
    return answer_reply(
        exchange, request, Answer(text=f"![{request.goal[:80]}]({address})", usage={})
    )


def answer_reply(
    exchange: Exchange,
    request: ChatRequest,
    answer: Answer | Chunks,
    cache_control: str = IMMUTABLE,
) -> Reply:
    """An answer in the form that was asked for."""
    if isinstance(answer, Chunks):
        return _chunks_reply(exchange, request, answer)
    usage = usage_of(exchange.state, request, answer)
    headers = exchange.model_headers(request.model, request.model_name, answer.model)
    if request.stream:
        frames = sse_frames(dialect.chunks(request, answer, usage), delay_s=exchange.state.delay_s)
        if not exchange.state.today:
            # Streams of January 2026 did not name the model, and were as immutable as the rest.
            return Reply(frames, content_type=SSE, headers={"cache-control": cache_control})
        control = cache_control.replace(IMMUTABLE, "no-cache")
        return Reply(frames, content_type=SSE, headers=headers | {"cache-control": control})
    used = dialect.usage_of_reply(answer, usage)
    counted = usage_headers(used)
    if not exchange.state.today and "total_tokens" in used:
        counted["x-usage-total-tokens"] = str(used["total_tokens"])
    return json_reply(
        dialect.completion(request, answer, usage),
        headers=headers | counted | {"cache-control": cache_control},
    )


def _chunks_reply(exchange: Exchange, request: ChatRequest, script: Chunks) -> Reply:
    headers = exchange.model_headers(request.model, request.model_name) | script.headers
    if request.stream:
        return Reply(
            sse_frames(script.chunks, done=script.done, delay_s=exchange.state.delay_s),
            content_type=SSE,
            headers=headers,
        )
    return json_reply(completion_from_chunks(script.chunks), headers=headers)


def completion_from_chunks(chunks: list[Json]) -> Json:
    """The completion that some chunks add up to."""
    top: Json = {"object": "chat.completion"}
    message: Json = {"role": "assistant", "content": None}
    choice: Json = {"index": 0, "message": message, "finish_reason": None}
    calls: list[Json] = []
    for chunk in chunks:
        top |= {
            name: value
            for name, value in chunk.items()
            if name not in ("choices", "object") and value is not None
        }
        for part in chunk.get("choices") or []:
            _fold_delta(message, calls, part.get("delta") or {})
            choice["finish_reason"] = part.get("finish_reason") or choice["finish_reason"]
    if calls:
        message["tool_calls"] = calls
    return top | {"choices": [choice]}


def _fold_delta(message: Json, calls: list[Json], delta: Json) -> None:
    for name, value in delta.items():
        if name == "tool_calls":
            for part in value or []:
                _fold_call(calls, part)
        elif name == "function_call" and value is not None:
            so_far = message.setdefault(name, {"name": None, "arguments": ""})
            so_far["name"] = value.get("name") or so_far["name"]
            so_far["arguments"] += value.get("arguments") or ""
        elif isinstance(value, str) and name != "role":
            message[name] = (message.get(name) or "") + value
        elif value is not None:
            message[name] = value


def _fold_call(calls: list[Json], part: Json) -> None:
    function = part.get("function") or {}
    call_so_far = next(
        (
            call
            for call in calls
            if call["index"] == part.get("index", 0) and part.get("id") in (None, "", call["id"])
        ),
        None,
    )
    if call_so_far is None:
        new_call = {"index": part.get("index", 0), "id": part.get("id"), "type": "function"}
        calls.append(
            new_call
            | {
                "function": {
                    "name": function.get("name"),
                    "arguments": function.get("arguments") or "",
                }
            }
        )
        return
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        call_so_far["function"]["arguments"] += arguments
    call_so_far["function"]["name"] = call_so_far["function"]["name"] or function.get("name")
