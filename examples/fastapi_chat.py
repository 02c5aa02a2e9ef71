"""Serve a chat to many users from one model object, streamed as server-sent events.

    pip install fastapi uvicorn
    uvicorn --app-dir examples fastapi_chat:app
    curl -N -d '{"question": "Why do bees dance?"}' -H "content-type: application/json" \
        http://127.0.0.1:8000/chat

A reader who leaves ends the stream to the gateway too: Starlette cancels the response's task, and
closing ``astream`` closes its connection, so that nobody pays for an answer nobody reads.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from langchain_pollinations import ChatPollinations
from pollinations_client import PollinationsError

log = logging.getLogger(__name__)
# One object for all users. It is safe on any number of tasks, and shares its connections.
model = ChatPollinations("openai", stream_idle_timeout=60)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Give the connections back when the server stops."""
    yield
    await model.aclose()


app = FastAPI(lifespan=lifespan)


class Question(BaseModel):
    """What a user sends."""

    question: str = Field(min_length=1, max_length=8_000)


@app.post("/chat")
async def chat(question: Question) -> StreamingResponse:
    """The answer as it comes: events ``{"text": ...}``, then ``{"done": true}`` or ``{"error":
    ...}``.
    """
    return StreamingResponse(answer(question.question), media_type="text/event-stream")


async def answer(question: str) -> AsyncIterator[str]:
    """The events of one answer. Cancelled where it stands when the reader leaves."""
    async with aclosing(model.astream(question)) as chunks:
        try:
            async for chunk in chunks:
                if chunk.text:
                    yield event(text=chunk.text)
        except PollinationsError as error:
            # Keys and balances are the operator's business, not the reader's.
            log.warning("No answer: %s", error)
            yield event(error="No answer could be given.", try_again=error.is_retryable)
            return
    yield event(done=True)


def event(**fields: object) -> str:
    """One server-sent event."""
    return f"data: {json.dumps(fields)}\n\n"
