"""The only I/O: a call goes out, its answer comes back; typed refusals, retries, limits.

Sync and async twins.

All decisions are made elsewhere, by pure code (retry, clock, refusal, stream); here are the two
thin drivers, and a test keeps them the same line by line.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Generator

import httpx

from ..errors import (
    APIConnectionError,
    ConfigurationError,
    MalformedReply,
    PollinationsError,
)
from ..reply import Event
from ..request.endpoints import Call
from ..response.reader import ResponseReader
from .attempts import Attempts
from .base import Answer, BaseTransport
from .client_pool import async_client, leave_async, leave_sync, sync_client
from .decompression import Decompressor
from .httpx_deadlines import DEADLINE
from .httpx_errors import NETWORK_ERRORS


class SyncTransport(BaseTransport):
    """Sends calls and reads answers, blocking."""

    takes = httpx.Client

    def fetch(self, call: Call, host: str | None = None) -> Answer:
        """The whole answer to ``call``. Raises a :class:`PollinationsError` for everything else."""
        self._check_key(call)
        attempts = Attempts(call, self.settings)
        while True:
            attempts.begin()
            try:
                return self._fetch_once(call, attempts, host)
            except PollinationsError as error:
                failure = error
            time.sleep(attempts.pause_after(failure))

    def _fetch_once(self, call: Call, attempts: Attempts, host: str | None) -> Answer:
        response = self._send(call, attempts, host)
        try:
            body = self._read(response, call, attempts)
        finally:
            response.close()
        info = self._info(response, attempts)
        if not response.is_success:
            raise self._refusal(info, body, call)
        return Answer(info, body)

    def _send(self, call: Call, attempts: Attempts, host: str | None) -> httpx.Response:
        client = self._injected or sync_client(self.settings.limits, self)
        if client.is_closed:
            raise ConfigurationError(
                "http_client: the client that was given is closed.", param="http_client"
            )
        token = DEADLINE.set(attempts.clock)
        try:
            request = self._request(client, call, host, attempts)
            return client.send(request, stream=True, follow_redirects=False)
        except NETWORK_ERRORS as error:
            failure = self._failure(error, call, attempts)
        finally:
            DEADLINE.reset(token)
        raise failure

    def _read(self, response: httpx.Response, call: Call, attempts: Attempts) -> bytes:
        limit = self._limit_bytes(response, call)
        pieces: list[bytes] = []
        size = 0
        try:
            with contextlib.closing(self._pieces(response, call, attempts)) as body:
                for piece in body:
                    attempts.clock.on_bytes()
                    pieces.append(piece)
                    size += len(piece)
                    if size > limit:
                        raise self._too_large(call, limit)
        except MalformedReply:
            if response.is_success:
                raise  # of a refusal, what could be read is enough
        return self._blanked(b"".join(pieces))  # two pieces may have met within the key

    def _pieces(
        self, response: httpx.Response, call: Call, attempts: Attempts
    ) -> Generator[bytes, None, None]:
        is_read = (
            response.is_stream_consumed
        )  # by a hook or a mock of the user's own client, and opened by httpx
        opened = Decompressor(
            "" if is_read else response.headers.get("content-encoding", ""), call.label
        )
        try:
            for received in response.iter_bytes() if is_read else response.iter_raw():
                for piece in map(self._blanked, opened.feed(received)):
                    yield piece
            return
        except NETWORK_ERRORS as error:
            received = b""  # where a traceback shows locals it shows no echo
            failure = self._failure(error, call, attempts)
        raise failure

    def events(self, call: Call) -> Generator[Event, None, None]:
        """The events of a streamed answer. Closing the generator closes the connection."""
        self._check_key(call)
        attempts = Attempts(call, self.settings)
        response = self._open(call, attempts)
        try:
            reader = self._reader(response, call, attempts)
            with contextlib.closing(self._pieces(response, call, attempts)) as body:
                for event in self._read_events(body, reader, attempts):
                    yield event
        finally:
            response.close()

    def _open(self, call: Call, attempts: Attempts) -> httpx.Response:
        while True:
            attempts.begin()
            try:
                response = self._send(call, attempts, None)
                if response.is_success:
                    return response
                try:
                    body = self._read(response, call, attempts)
                finally:
                    response.close()
                raise self._refusal(self._info(response, attempts), body, call)
            except PollinationsError as error:
                failure = error
            time.sleep(attempts.pause_after(failure))

    def _read_events(
        self, body: Generator[bytes, None, None], reader: ResponseReader, attempts: Attempts
    ) -> Generator[Event, None, None]:
        try:
            for piece in body:
                for event in reader.feed(piece):
                    yield event
                if reader.failure is not None:
                    raise reader.failure
                if reader.is_finished:
                    break
                attempts.clock.on_bytes(reader.progress, answer_complete=reader.is_complete)
        except APIConnectionError as error:
            if not reader.is_complete:
                error.partial = reader.partial()
                error.retries_taken = attempts.number - 1
                raise
        for event in reader.end():
            yield event
        if reader.failure is not None:
            raise reader.failure
        if self._injected is None:
            attempts.clock.start_drain()
            with contextlib.suppress(PollinationsError):
                for _ in body:
                    pass

    def close(self) -> None:
        """Give the connections back; a later call opens new ones.

        An injected client is left open.
        """
        if self._injected is None:
            leave_sync(self.settings.limits, self)


class AsyncTransport(BaseTransport):
    """Sends calls and reads answers, on the running event loop."""

    takes = httpx.AsyncClient

    async def fetch(self, call: Call, host: str | None = None) -> Answer:
        """The whole answer to ``call``. Raises a :class:`PollinationsError` for everything else."""
        self._check_key(call)
        attempts = Attempts(call, self.settings)
        while True:
            attempts.begin()
            try:
                return await self._fetch_once(call, attempts, host)
            except PollinationsError as error:
                failure = error
            await asyncio.sleep(attempts.pause_after(failure))

    async def _fetch_once(self, call: Call, attempts: Attempts, host: str | None) -> Answer:
        response = await self._send(call, attempts, host)
        try:
            body = await self._read(response, call, attempts)
        finally:
            await response.aclose()
        info = self._info(response, attempts)
        if not response.is_success:
            raise self._refusal(info, body, call)
        return Answer(info, body)

    async def _send(self, call: Call, attempts: Attempts, host: str | None) -> httpx.Response:
        client = self._injected or await async_client(self.settings.limits, self)
        if client.is_closed:
            raise ConfigurationError(
                "http_client: the client that was given is closed.", param="http_client"
            )
        token = DEADLINE.set(attempts.clock)
        try:
            request = self._request(client, call, host, attempts)
            return await client.send(request, stream=True, follow_redirects=False)
        except NETWORK_ERRORS as error:
            failure = self._failure(error, call, attempts)
        finally:
            DEADLINE.reset(token)
        raise failure

    async def _read(self, response: httpx.Response, call: Call, attempts: Attempts) -> bytes:
        limit = self._limit_bytes(response, call)
        pieces: list[bytes] = []
        size = 0
        try:
            async with contextlib.aclosing(self._pieces(response, call, attempts)) as body:
                async for piece in body:
                    attempts.clock.on_bytes()
                    pieces.append(piece)
                    size += len(piece)
                    if size > limit:
                        raise self._too_large(call, limit)
        except MalformedReply:
            if response.is_success:
                raise  # of a refusal, what could be read is enough
        return self._blanked(b"".join(pieces))  # two pieces may have met within the key

    async def _pieces(
        self, response: httpx.Response, call: Call, attempts: Attempts
    ) -> AsyncGenerator[bytes, None]:
        is_read = (
            response.is_stream_consumed
        )  # by a hook or a mock of the user's own client, and opened by httpx
        opened = Decompressor(
            "" if is_read else response.headers.get("content-encoding", ""), call.label
        )
        try:
            async for received in response.aiter_bytes() if is_read else response.aiter_raw():
                for piece in map(self._blanked, opened.feed(received)):
                    yield piece
            return
        except NETWORK_ERRORS as error:
            received = b""  # where a traceback shows locals it shows no echo
            failure = self._failure(error, call, attempts)
        raise failure

    async def events(self, call: Call) -> AsyncGenerator[Event, None]:
        """The events of a streamed answer. Closing the generator closes the connection."""
        self._check_key(call)
        attempts = Attempts(call, self.settings)
        response = await self._open(call, attempts)
        try:
            reader = self._reader(response, call, attempts)
            async with contextlib.aclosing(self._pieces(response, call, attempts)) as body:
                async for event in self._read_events(body, reader, attempts):
                    yield event
        finally:
            await response.aclose()

    async def _open(self, call: Call, attempts: Attempts) -> httpx.Response:
        while True:
            attempts.begin()
            try:
                response = await self._send(call, attempts, None)
                if response.is_success:
                    return response
                try:
                    body = await self._read(response, call, attempts)
                finally:
                    await response.aclose()
                raise self._refusal(self._info(response, attempts), body, call)
            except PollinationsError as error:
                failure = error
            await asyncio.sleep(attempts.pause_after(failure))

    async def _read_events(
        self, body: AsyncGenerator[bytes, None], reader: ResponseReader, attempts: Attempts
    ) -> AsyncGenerator[Event, None]:
        try:
            async for piece in body:
                for event in reader.feed(piece):
                    yield event
                if reader.failure is not None:
                    raise reader.failure
                if reader.is_finished:
                    break
                attempts.clock.on_bytes(reader.progress, answer_complete=reader.is_complete)
        except APIConnectionError as error:
            if not reader.is_complete:
                error.partial = reader.partial()
                error.retries_taken = attempts.number - 1
                raise
        for event in reader.end():
            yield event
        if reader.failure is not None:
            raise reader.failure
        if self._injected is None:
            attempts.clock.start_drain()
            with contextlib.suppress(PollinationsError):
                async for _ in body:
                    pass

    async def aclose(self) -> None:
        """Give the connections back; a later call opens new ones.

        An injected client is left open.
        """
        if self._injected is None:
            await leave_async(self.settings.limits, self)
