"""Answer POST /v1/embeddings: texts with the same words get vectors that lie near each other."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import struct
from typing import TYPE_CHECKING, Any

from ..gateway.checks import checked_body, mapping, nullable, number, one_of, string
from ..gateway.errors import GatewayError, validation_error
from ..gateway.keys import authenticate, check_may_use
from ..gateway.models import Model, model_called
from ..gateway.usage import count_tokens
from ..server.response import Reply, json_reply
from ..words import stem, subjects, tokens

if TYPE_CHECKING:
    from ..exchange import Exchange

MAX_INPUTS = 32  # more are a 400; OpenAI's own endpoint takes 2,048
DEFAULT = "openai/text-embedding-3-small"
TASKS = (
    "SEMANTIC_SIMILARITY CLASSIFICATION CLUSTERING RETRIEVAL_DOCUMENT RETRIEVAL_QUERY"
    " CODE_RETRIEVAL_QUERY QUESTION_ANSWERING FACT_VERIFICATION"
).split()
OPTIONS = {
    "model": nullable(string),
    "dimensions": nullable(number(1, 4096, is_integer=True)),
    "task_type": one_of(*TASKS),
    "input_type": one_of("query", "document"),
    "encoding_format": one_of("float", "base64"),
}
# Which publisher alone takes an option: the others answer 400 (October 2026).
OWN_OPTIONS = {"task_type": "gemini", "input_type": "cohere"}
WRONG_INPUT = "Invalid input: expected a non-empty string, an array of strings, or content parts"


def embed(exchange: Exchange) -> Reply:
    """Vectors for one text, for up to 32 texts, or one vector for all content parts."""
    rules = authenticate(exchange)
    body = checked_body(exchange.received.json, {}, OPTIONS)
    model_name = body.get("model") or DEFAULT
    model = model_called("today", "embedding", model_name)
    texts = _texts(body.get("input"))
    size = _dimensions(body, model)
    _check_options(body, model)
    check_may_use(rules, model, model_name, exchange.era)
    vectors: list[Any] = [vector(text, size) for text in texts]
    if body.get("encoding_format") == "base64":
        vectors = [_base64_floats(values) for values in vectors]
    data = [
        {"object": "embedding", "embedding": values, "index": index}
        for index, values in enumerate(vectors)
    ]
    tokens_in = sum(count_tokens(text) for text in texts)
    usage = {"prompt_tokens": tokens_in, "total_tokens": tokens_in}
    headers = exchange.model_headers(model, model_name)
    headers["x-usage-prompt-text-tokens"] = str(tokens_in)
    return json_reply(
        {"object": "list", "data": data, "model": model.name, "usage": usage}, headers=headers
    )


def _texts(inputs: Any) -> list[str]:
    """One text per vector."""
    match inputs:
        case str() if inputs:
            return [inputs]
        case {"type": str()}:
            return [_part_text(inputs)]
        case [{"type": str()}, *_]:
            return [" ".join(_part_text(part) for part in inputs)]
        case [str(), *_] if all(isinstance(item, str) and item for item in inputs):
            if len(inputs) > MAX_INPUTS:
                raise GatewayError(400, f"Embedding batch size exceeds {MAX_INPUTS} inputs")
            return list(inputs)
        case _:
            # So are lists of token numbers, which OpenAI's endpoint takes.
            raise validation_error({"input": [WRONG_INPUT]})


def _part_text(part: Any) -> str:
    if complaint := mapping(part):
        raise validation_error({"input": [complaint]})
    if part.get("type") == "text" and "text" in part:
        return str(part["text"])
    return json.dumps(part, sort_keys=True)


def _dimensions(body: dict[str, Any], model: Model) -> int:
    size = body.get("dimensions")
    if size is None:
        return model.dimensions[0]
    if size not in model.dimensions[1:]:
        raise GatewayError(400, f"dimensions {size} is not supported by {model.name}")
    return int(size)


def _check_options(body: dict[str, Any], model: Model) -> None:
    for option, publisher in OWN_OPTIONS.items():
        if option in body and publisher not in model.name:
            raise GatewayError(400, f"{option} is not supported by {model.name}")


def vector(text: str, size: int) -> list[float]:
    """A unit vector: every word and every subject of the text adds to a few places, rare filler
    adds least.
    """
    values = [0.0] * size
    weighted = [(stem(word), 0.15) for word in tokens(text)] + [
        (word, 1.0) for word in subjects(text)
    ]
    for word, weight in weighted or [(text, 1.0)]:
        digest = hashlib.sha256(word.encode()).digest()
        for at in range(0, 12, 3):
            position = int.from_bytes(digest[at : at + 2]) % size
            values[position] += weight * (2 * (digest[at + 2] & 1) - 1)
    length = math.sqrt(sum(value * value for value in values)) or 1.0
    return [round(value / length, 7) for value in values]


def _base64_floats(values: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
