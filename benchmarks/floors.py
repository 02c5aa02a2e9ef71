"""Adapters laid down by hand: each framework over plain httpx, with nothing that could be left out.

No options, errors, retries, deadlines, usage or costs; the events are taken for what they are in
the benchmark, and chunks are made without validation. What an adapter costs beyond its framework
and httpx is its ratio to these.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
from pydantic_core import from_json, to_json

LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=20)


class Wire:
    """The gateway's chat endpoint over httpx: events of a stream, or the whole message."""

    def __init__(self, base_url: str) -> None:
        self.url = f"{base_url}/v1/chat/completions"
        self.sync = httpx.Client(limits=LIMITS, timeout=None)
        self.asynchronous: httpx.AsyncClient | None = None

    def _request(self, client: Any, messages: list[dict[str, Any]], *, stream: bool) -> Any:
        body = to_json({"model": "openai", "messages": messages, "stream": stream})
        headers = {"content-type": "application/json", "authorization": "Bearer sk_bench"}
        return client.build_request("POST", self.url, content=body, headers=headers)

    def message(self, messages: list[dict[str, Any]]) -> str:
        """The text of an answer."""
        answer = self.sync.send(self._request(self.sync, messages, stream=False))
        return from_json(answer.content)["choices"][0]["message"]["content"]

    async def amessage(self, messages: list[dict[str, Any]]) -> str:
        """The same, awaited."""
        client = self._async_client()
        answer = await client.send(self._request(client, messages, stream=False))
        return from_json(answer.content)["choices"][0]["message"]["content"]

    def deltas(self, messages: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """The deltas of a stream that are not empty."""
        response = self.sync.send(self._request(self.sync, messages, stream=True), stream=True)
        split = _Splitter()
        for piece in response.iter_raw():
            yield from split.feed(piece)
        response.close()

    async def adeltas(self, messages: list[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
        """The same, awaited."""
        client = self._async_client()
        request = self._request(client, messages, stream=True)
        response = await client.send(request, stream=True)
        split = _Splitter()
        async for piece in response.aiter_raw():
            for delta in split.feed(piece):
                yield delta
        await response.aclose()

    def _async_client(self) -> httpx.AsyncClient:
        if self.asynchronous is None:
            self.asynchronous = httpx.AsyncClient(limits=LIMITS, timeout=None)
        return self.asynchronous


class _Splitter:
    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> list[dict[str, Any]]:
        *events, self._rest = (self._rest + piece).split(b"\n\n")
        chunks = [from_json(event[6:]) for event in events if event != b"data: [DONE]"]
        return [
            delta
            for chunk in chunks
            if chunk["choices"] and (delta := chunk["choices"][0]["delta"])
        ]


def unvalidated(kind: Any, template: Any, **values: Any) -> Any:
    """An object of a pydantic class in the state of ``template``, with other values."""
    made = object.__new__(kind)
    object.__setattr__(made, "__dict__", {**template.__dict__, **values})
    object.__setattr__(made, "__pydantic_fields_set__", template.__pydantic_fields_set__.copy())
    object.__setattr__(made, "__pydantic_extra__", template.__pydantic_extra__ and {})
    object.__setattr__(made, "__pydantic_private__", None)
    return made
