"""The gateway's replies as JSON Schema, in our own words: what the API 0.3.0 document and today's
registry promise.

``schema(era, name)`` gives one schema. Unknown fields are allowed everywhere, as the gateway sends
them; what is required, typed or enumerated here is what a client may rely on.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

TEXT: Json = {"type": "string"}
COUNT: Json = {"type": "integer", "minimum": 0}
NUMBER: Json = {"type": "number"}
FLAG: Json = {"type": "boolean"}
MOMENT: Json = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"}
PRICE_TODAY: Json = {"type": "string", "pattern": r"^\d+(\.\d+)?$"}
PRICE_KEYS = (
    "promptTextTokens promptCachedTokens promptCacheWriteTokens promptAudioTokens"
    " promptAudioSeconds promptImageTokens promptVideoTokens completionTextTokens"
    " completionReasoningTokens completionAudioTokens completionAudioSeconds completionImageTokens"
    " completionVideoSeconds completionVideoTokens"
).split()


def maybe(inner: Json) -> Json:
    """The inner schema, or null."""
    return {"anyOf": [inner, {"type": "null"}]}


def many(inner: Json, **bounds: int) -> Json:
    """An array of the inner schema."""
    return {"type": "array", "items": inner, **bounds}


def record(required: Json, optional: Json | None = None, **more: Any) -> Json:
    """An object with these fields."""
    return {
        "type": "object",
        "properties": required | (optional or {}),
        "required": list(required),
        **more,
    }


PROMPT_DETAILS = record(
    {},
    {
        name: maybe(COUNT)
        for name in ("cached_tokens", "audio_tokens", "image_tokens", "cache_write_tokens")
    },
)
COMPLETION_DETAILS = record(
    {},
    {
        name: maybe(COUNT)
        for name in (
            "reasoning_tokens",
            "audio_tokens",
            "accepted_prediction_tokens",
            "rejected_prediction_tokens",
        )
    },
)
USAGE = record(
    {"prompt_tokens": COUNT, "completion_tokens": COUNT, "total_tokens": COUNT},
    {
        "prompt_tokens_details": maybe(PROMPT_DETAILS),
        "completion_tokens_details": maybe(COMPLETION_DETAILS),
    },
)
TOOL_CALL = record(
    {
        "id": TEXT,
        "type": {"const": "function"},
        "function": record({"name": TEXT, "arguments": TEXT}),
    }
)
CALL_PART = record(
    {"index": COUNT},
    {
        "id": TEXT,
        "type": {"const": "function"},
        "function": record({}, {"name": TEXT, "arguments": TEXT}),
    },
)
BLOCK: Json = {
    "oneOf": [
        record({"type": {"const": "text"}, "text": TEXT}),
        record({"type": {"const": "image_url"}, "image_url": record({"url": TEXT})}),
        record({"type": {"const": "thinking"}, "thinking": TEXT}, {"signature": TEXT}),
        record({"type": {"const": "redacted_thinking"}, "data": TEXT}),
    ]
}
AUDIO = record({"transcript": TEXT, "data": TEXT}, {"id": TEXT, "expires_at": COUNT})
MESSAGE = record(
    {"role": {"const": "assistant"}},
    {
        "content": maybe(TEXT),
        "tool_calls": maybe(many(TOOL_CALL)),
        "content_blocks": many(BLOCK),
        "audio": maybe(AUDIO),
        "reasoning_content": maybe(TEXT),
        "reasoning": maybe(TEXT),
        "refusal": maybe(TEXT),
    },
)
DELTA = record(
    {},
    {
        "role": {"const": "assistant"},
        "content": maybe(TEXT),
        "reasoning_content": maybe(TEXT),
        "reasoning": maybe(TEXT),
        "tool_calls": many(CALL_PART),
        "audio": record({}, {"id": TEXT, "data": TEXT, "transcript": TEXT}),
    },
)
LOGPROB = record(
    {
        "token": TEXT,
        "logprob": NUMBER,
        "bytes": maybe(many(COUNT)),
        "top_logprobs": many({"type": "object"}),
    }
)
LOGPROBS = maybe(record({"content": maybe(many(LOGPROB))}))
CHOICE = record(
    {"message": MESSAGE, "finish_reason": maybe(TEXT)}, {"index": COUNT, "logprobs": LOGPROBS}
)
CHUNK_CHOICE = record(
    {"delta": DELTA, "finish_reason": maybe(TEXT)}, {"index": COUNT, "logprobs": LOGPROBS}
)


def completion(era: str) -> Json:
    """A whole answer: the seed document requires model and usage, today they may be missing."""
    top = {
        "id": TEXT,
        "object": {"const": "chat.completion"},
        "created": COUNT,
        "choices": many(CHOICE, minItems=1, maxItems=1),
    }
    more: Json = {"model": TEXT, "usage": USAGE}
    extra: Json = {"system_fingerprint": maybe(TEXT), "citations": many(TEXT)}
    return record(top | more, extra) if era == "seed" else record(top, more | extra)


CHUNK = record(
    {
        "id": TEXT,
        "object": {"const": "chat.completion.chunk"},
        "created": COUNT,
        "choices": many(CHUNK_CHOICE, maxItems=1),
    },
    {"model": TEXT, "usage": maybe(USAGE), "citations": many(TEXT)},
)
DETAILS: Json = {
    "oneOf": [
        record(
            {
                "name": {"const": "ValidationError"},
                "formErrors": many(TEXT),
                "fieldErrors": {"type": "object", "additionalProperties": many(TEXT, minItems=1)},
            }
        ),
        record(
            {"name": {"enum": ["UpstreamError", "HTTPException"]}},
            {"upstreamStatus": COUNT, "upstreamBody": TEXT},
        ),
    ]
}


def error(era: str) -> Json:
    """The envelope round every refusal.

    The seed document promises details and request id; its gateway sent details for a validation
    only, and the request id in a header.
    """
    inner: Json = {
        "code": {"type": "string", "pattern": "^[A-Za-z_]+$"},
        "message": TEXT,
        "timestamp": MOMENT,
    }
    optional: Json = {"details": DETAILS}
    if era == "today":
        optional["fixUrl"] = {"type": "string", "pattern": "^https://"}
    body = record(inner, optional)
    envelope = record(
        {"status": {"type": "integer", "minimum": 400}, "success": {"const": False}, "error": body}
    )
    return envelope | (
        {"allOf": [_seed_code(*pair) for pair in SEED_CODES.items()]} if era == "seed" else {}
    )


SEED_CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHORIZED",
    402: "PAYMENT_REQUIRED",
    403: "FORBIDDEN",
    500: "INTERNAL_ERROR",
}


def _seed_code(status: int, code: str) -> Json:
    """A status that the seed document lists has the code listed beside it."""
    told: Json = {"code": {"const": code}}
    return {
        "if": {"properties": {"status": {"const": status}}},
        "then": {"properties": {"error": record(told)}},
    }


def pricing(era: str) -> Json:
    """Pollen per unit: numbers in the seed era, fixed-point strings today."""
    price = NUMBER if era == "seed" else PRICE_TODAY
    return record(
        {"currency": {"const": "pollen"}},
        dict.fromkeys(PRICE_KEYS, price),
        additionalProperties=False,
    )


MODALITY: Json = {"enum": ["text", "image", "audio", "video", "embedding"]}
ENTRY_TODAY: Json = {
    "category": {"enum": ["text", "image", "video", "audio", "embedding", "realtime", "3d"]},
    "publisher": TEXT,
    "community": FLAG,
    "supported_endpoints": many(TEXT, minItems=1),
    "paid_only": FLAG,
}


def entry(era: str) -> Json:
    """One item of /text/models and its sisters."""
    required: Json = {"name": TEXT, "aliases": many(TEXT), "pricing": pricing(era)}
    optional: Json = {
        "description": TEXT,
        "input_modalities": many(MODALITY),
        "output_modalities": many(MODALITY, minItems=1),
        "tools": FLAG,
        "reasoning": FLAG,
        "voices": many(TEXT),
        "context_window" if era == "seed" else "context_length": COUNT,
    }
    return record(required | (ENTRY_TODAY if era == "today" else {}), optional)


def openai_models(era: str) -> Json:
    """/v1/models: ``created`` in milliseconds, and modalities today."""
    created = {"type": "integer", "minimum": 10**12}
    today: Json = {
        "input_modalities": many(MODALITY),
        "output_modalities": many(MODALITY),
        "supported_endpoints": many(TEXT),
    }
    item = record(
        {"id": TEXT, "object": {"const": "model"}, "created": created}
        | (today if era == "today" else {})
    )
    return record({"object": {"const": "list"}, "data": many(item, minItems=1)})


PROFILE_SEED = record(
    {
        "name": maybe(TEXT),
        "email": maybe(TEXT),
        "githubUsername": maybe(TEXT),
        "tier": TEXT,
        "createdAt": MOMENT,
    }
)
PROFILE_TODAY = record(
    {"githubUsername": maybe(TEXT), "image": maybe(TEXT), "communityEndpointsAllowed": FLAG},
    {"name": maybe(TEXT)},
)
BALANCE = record(
    {"balance": NUMBER},
    {"accountBalance": record({"total": NUMBER, "tier": NUMBER, "paid": NUMBER})},
)
USAGE_ROW = record(
    {"timestamp": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$"}, "type": TEXT}
    | {name: maybe(TEXT) for name in ("model", "api_key", "api_key_type", "meter_source")}
    | {
        f"{way}_{kind}_tokens": COUNT
        for way, kinds in (
            ("input", "text cached audio image"),
            ("output", "text reasoning audio image"),
        )
        for kind in kinds.split()
    }
    | {"cost_usd": NUMBER, "response_time_ms": maybe(NUMBER)}
)
USAGE_LIST = record({"usage": many(USAGE_ROW), "count": COUNT})
USAGE_ROW_TODAY = record(
    USAGE_ROW["properties"]
    | {"cursor_event_id": TEXT, "api_key_id": maybe(TEXT)}
    | {f"{unit}_seconds": NUMBER for unit in ("input_audio", "output_audio", "output_video")}
)
USAGE_LIST_TODAY = record({"usage": many(USAGE_ROW_TODAY), "count": COUNT})
DAILY_ROW = record(
    {
        "date": {"format": "date"},
        "model": maybe(TEXT),
        "meter_source": maybe(TEXT),
        "requests": COUNT,
        "cost_usd": NUMBER,
    }
)
DAILY_LIST = record({"usage": many(DAILY_ROW), "count": COUNT})
DAILY_ROW_TODAY = record(DAILY_ROW["properties"] | {"api_key_id": TEXT, "api_key": maybe(TEXT)})
DAILY_LIST_TODAY = record({"usage": many(DAILY_ROW_TODAY), "count": COUNT})
KEY = record(
    {
        "valid": FLAG,
        "type": {"enum": ["publishable", "secret"]},
        "name": maybe(TEXT),
        "expiresAt": maybe(TEXT),
        "expiresIn": maybe(NUMBER),
        "permissions": record({"models": maybe(many(TEXT)), "account": maybe(many(TEXT))}),
        "pollenBudget": maybe(NUMBER),
        "rateLimitEnabled": FLAG,
    }
)
EMBEDDINGS = record(
    {
        "object": {"const": "list"},
        "data": many(
            record({"object": {"const": "embedding"}, "embedding": many(NUMBER), "index": COUNT}),
            minItems=1,
        ),
        "model": TEXT,
        "usage": record({"prompt_tokens": COUNT, "total_tokens": COUNT}),
    }
)
IMAGES = record(
    {
        "created": COUNT,
        "data": {
            **many(
                record({}, dict.fromkeys(("url", "b64_json", "media_type", "revised_prompt"), TEXT))
            ),
            "minItems": 1,
        },
        "usage": record(
            {
                "input_tokens": COUNT,
                "output_tokens": COUNT,
                "total_tokens": COUNT,
                "input_tokens_details": record({"text_tokens": COUNT, "image_tokens": COUNT}),
            }
        ),
    },
)
RATE_LIMIT = record(
    {"error": {"const": "Rate limit exceeded"}, "message": TEXT, "retryAfterSeconds": COUNT}
)


def schema(era: str, name: str) -> Json:
    """One schema of one era."""
    seed = era == "seed"
    found: dict[str, Json] = {
        "completion": completion(era),
        "chunk": CHUNK,
        "error": error(era),
        "rate limit": RATE_LIMIT,
        "models": many(entry(era), minItems=1),
        "openai models": openai_models(era),
        "profile": PROFILE_SEED if seed else PROFILE_TODAY,
        "balance": BALANCE,
        "usage": USAGE_LIST if seed else USAGE_LIST_TODAY,
        "daily": DAILY_LIST if seed else DAILY_LIST_TODAY,
        "key": KEY,
        "embeddings": EMBEDDINGS,
        "images": IMAGES,
    }
    return found[name]
