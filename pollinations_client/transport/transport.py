"""Send a call and read its answer, blocking or on an event loop.

Two classes, the same line by line, as a test checks. What they decide is in ``base.py``.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import io
import time
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from typing import Any

import httpx

from ..budget.budget import PollenBudget
from ..budget.price_list import Refresh
from ..budget.reservation import Reservation, has_pollen
from ..errors import (
    APIConnectionError,
    MalformedReply,
    PollinationsError,
)
from ..media.files import NewFile
from ..reply import Batch
from ..request import endpoints
from ..request.calls import Call
from ..settings.settings import CallSettings, KeyFunction
from .attempts import Attempts
from .base import PRICE_REFRESH, Answer, BaseTransport
from .client_pool import (
    SharedClient,
    borrow_async,
    borrow_sync,
    give_back_async,
    give_back_sync,
    leave_async,
    leave_sync,
)
from .decompression import Decompressor
from .gateway_state import GATEWAY_STATE
from .http_transport import AsyncPooledResponse, PooledResponse
from .httpx_errors import NETWORK_ERRORS
from .open_responses import AsyncOpenResponse, OpenResponse
from .uploads import NO_UPLOAD, opened_upload


async def awaited(key: Any) -> Any:
    """``key``, which an async function or a plain one gave."""
    if inspect.isawaitable(key):
        return await key
    return key


class SyncTransport(BaseTransport):
    """Sends calls and reads answers, blocking."""

    # Failures are raised and slept on behind the except blocks, not inside: there the failure
    # before would be the context of the next one, with frames that hold the request.

    takes = httpx.Client

    def fetch(
        self,
        call: Call,
        host: str | None = None,
        settings: CallSettings | None = None,
        target: NewFile | None = None,
    ) -> Answer:
        """The whole answer to ``call``; its body goes into ``target`` as it comes where one is
        given.

        Raises a :class:`PollinationsError` for everything else.
        """
        self._check_key(call)
        budgets = self._budgets(call)
        reservation = self._reserve(budgets, call) if budgets else None
        with Attempts(call, settings or self._own_settings, reservation) as attempts:
            while True:
                attempts.begin()
                try:
                    return self._fetch_once(call, attempts, host, target)
                except PollinationsError as error:
                    failure = error
                time.sleep(attempts.pause_after(failure))

    def _reserve(self, budgets: Sequence[PollenBudget], call: Call) -> Reservation:
        """Hold back what ``call`` may cost, by today's prices."""
        prices = budgets[0].prices_at(self.settings.base_url)
        while prices.is_due and has_pollen(budgets):
            refresh = self._begin_refresh(prices)
            if refresh is None:
                prices.wait()
                continue
            with refresh:
                self._read_prices(refresh)
        return self._reservation(budgets, call)

    def _read_prices(self, refresh: Refresh) -> None:
        for path, categories in endpoints.MODEL_LISTS.items():
            try:
                answer = self.fetch(endpoints.models(path), settings=PRICE_REFRESH)
                self._add_prices(refresh, answer, categories)
            except PollinationsError as error:
                self._on_unread_prices(refresh, path, error)

    def _fetch_once(
        self, call: Call, attempts: Attempts, host: str | None, target: NewFile | None
    ) -> Answer:
        with NO_UPLOAD if call.upload is None else opened_upload(call, call.upload) as upload:
            opened = self._send(call, attempts, host, upload)
        try:
            body = self._read(opened, call, attempts, target)
        finally:
            opened.close()
        info = self._info(opened.response, attempts)
        if not opened.response.is_success:
            raise self._refusal(info, body, call, attempts)
        return self._answer(info, body, attempts)

    def _send(
        self, call: Call, attempts: Attempts, host: str | None, upload: Any = None
    ) -> OpenResponse:
        if self.settings.key_function is not None:
            self._ask_for_key(self.settings.key_function)
        if GATEWAY_STATE.entries:
            for pause_s in self._shared_pauses(call, attempts):
                time.sleep(pause_s)
        shared = self._borrow()
        if attempts.reservation is not None:
            attempts.reservation.is_sent = True
        is_open = False
        try:
            response = self._exchange(shared.client, call, attempts, host, upload)
            is_open = True
            if GATEWAY_STATE.entries:
                self._on_response(response, attempts)
            return OpenResponse(response, shared)
        except NETWORK_ERRORS as error:
            failure = self._failure(error, call, attempts)
        except RuntimeError:
            self._check_injected()  # closed by its owner since we looked
            raise
        finally:
            # Not in an except block: Ctrl-C must give the place back, too.
            if not is_open:
                give_back_sync(shared)
        raise failure

    def _exchange(
        self, client: Any, call: Call, attempts: Attempts, host: str | None, upload: Any
    ) -> httpx.Response | PooledResponse:
        if isinstance(client, self.takes):  # the user's own, or one that goes through proxies
            sent = self._request(client, call, host, attempts, upload)
            # The API redirects nothing; another origin would get the prompt.
            answer: httpx.Response = client.send(sent, stream=True, follow_redirects=False)
            return answer
        request, body = self._raw_request(call, host, attempts, upload)
        limits = attempts.time_limits()
        response: PooledResponse = client.send(request, body, limits)
        self._log_answer(call, host, response.status_code)
        return response

    def _ask_for_key(self, key_function: KeyFunction) -> None:
        self._use_given_key(key_function())

    def _borrow(self) -> SharedClient:
        if self._injected is None:
            return borrow_sync(self._pool_key, self)
        self._check_injected()
        self._injected.calls += 1
        return self._injected

    def _read(
        self,
        opened: OpenResponse,
        call: Call,
        attempts: Attempts,
        target: NewFile | None = None,
    ) -> bytes:
        response = opened.response
        limit = self._limit_bytes(response, call)
        # Unlike pieces in a list, it is never there twice: getvalue() gives out its own memory.
        buffer = io.BytesIO()
        keep: Callable[[bytes], object] = buffer.write
        if target is not None and response.is_success:
            target.restart()
            keep = target.write
        # Counted as it comes, unpacked: a length in a header may lie.
        size = 0
        try:
            with contextlib.closing(self._pieces(opened, call, attempts)) as body:
                for piece in body:
                    attempts.clock.on_bytes()
                    keep(piece)
                    size += len(piece)
                    if size > limit:
                        raise self._too_large(call, limit)
        except MalformedReply:
            if response.is_success:
                raise  # of a refusal, what could be read is enough
        return self._blanked(buffer.getvalue())  # two pieces may have met within the key

    def _pieces(
        self, opened: OpenResponse, call: Call, attempts: Attempts
    ) -> Generator[bytes, None, None]:
        encoding = opened.response.headers.get("content-encoding", "")
        decompressor = None
        if encoding and not opened.is_decoded:
            decompressor = Decompressor(encoding, call.label)
        try:
            for received in opened.pieces:
                if decompressor is None:  # the usual way: streams and media ask for identity
                    yield self._blanked(received)
                    continue
                for piece in decompressor.feed(received):
                    yield self._blanked(piece)
            if decompressor is not None:
                decompressor.end()
            return
        except NETWORK_ERRORS as error:
            received = b""  # where a traceback shows locals it shows no echo
            failure = self._failure(error, call, attempts)
        raise failure

    def batches(
        self, call: Call, settings: CallSettings | None = None
    ) -> Generator[Batch, None, None]:
        """The events of a streamed answer, those of one piece of the body in one list.

        Lists spare the adapters two generators for every event. Closing the generator closes the
        connection.
        """
        self._check_key(call)
        budgets = self._budgets(call)
        reservation = self._reserve(budgets, call) if budgets else None
        with Attempts(call, settings or self._own_settings, reservation) as attempts:
            opened = self._open(call, attempts)
            try:
                reader = self._reader(opened.response, call, attempts)
                with contextlib.closing(self._pieces(opened, call, attempts)) as body:
                    try:
                        for piece in body:
                            if batch := reader.feed(piece):
                                yield batch
                            if reader.failure is not None:
                                raise self._failure_in(reader)
                            if reader.is_finished:
                                break
                            attempts.clock.on_bytes(
                                reader.progress, answer_complete=reader.is_complete
                            )
                    except APIConnectionError as error:
                        self._check_complete(reader, error, attempts)
                    if batch := reader.end():
                        yield batch
                    if reader.failure is not None:
                        raise self._failure_in(reader)
                    self._drain(body, attempts)
            except GeneratorExit:
                # Perhaps in a finalizer, which must not wait for a lock (open_responses.py).
                opened.abandon()
                raise
            finally:
                opened.close()

    def _drain(self, body: Generator[bytes, None, None], attempts: Attempts) -> None:
        """Read to the end of the body, so that our own client can use the connection again."""
        # RFC 9112, section 9.3: one that was not read to its end cannot be.
        if self._limits_reads:
            attempts.clock.start_drain()
            with contextlib.suppress(PollinationsError):
                for _ in body:
                    pass

    def _open(self, call: Call, attempts: Attempts) -> OpenResponse:
        while True:
            attempts.begin()
            try:
                opened = self._send(call, attempts, None)
                if opened.response.is_success:
                    return opened
                try:
                    body = self._read(opened, call, attempts)
                finally:
                    opened.close()
                info = self._info(opened.response, attempts)
                raise self._refusal(info, body, call, attempts)
            except PollinationsError as error:
                failure = error
            time.sleep(attempts.pause_after(failure))

    def close(self) -> None:
        """Give the connections back; a later call opens new ones.

        An injected client is left open.
        """
        if self._injected is None:
            leave_sync(self._pool_key, self)


class AsyncTransport(BaseTransport):
    """Sends calls and reads answers, on the running event loop."""

    takes = httpx.AsyncClient

    async def fetch(
        self,
        call: Call,
        host: str | None = None,
        settings: CallSettings | None = None,
        target: NewFile | None = None,
    ) -> Answer:
        """The whole answer to ``call``; its body goes into ``target`` as it comes where one is
        given.

        Raises a :class:`PollinationsError` for everything else.
        """
        self._check_key(call)
        budgets = self._budgets(call)
        reservation = await self._reserve(budgets, call) if budgets else None
        with Attempts(call, settings or self._own_settings, reservation) as attempts:
            while True:
                attempts.begin()
                try:
                    return await self._fetch_once(call, attempts, host, target)
                except PollinationsError as error:
                    failure = error
                await asyncio.sleep(attempts.pause_after(failure))

    async def _reserve(self, budgets: Sequence[PollenBudget], call: Call) -> Reservation:
        """Hold back what ``call`` may cost, by today's prices."""
        prices = budgets[0].prices_at(self.settings.base_url)
        while prices.is_due and has_pollen(budgets):
            refresh = self._begin_refresh(prices)
            if refresh is None:
                await prices.wait_async()
                continue
            with refresh:
                await self._read_prices(refresh)
        return self._reservation(budgets, call)

    async def _read_prices(self, refresh: Refresh) -> None:
        for path, categories in endpoints.MODEL_LISTS.items():
            try:
                answer = await self.fetch(endpoints.models(path), settings=PRICE_REFRESH)
                self._add_prices(refresh, answer, categories)
            except PollinationsError as error:
                self._on_unread_prices(refresh, path, error)

    async def _fetch_once(
        self, call: Call, attempts: Attempts, host: str | None, target: NewFile | None
    ) -> Answer:
        with NO_UPLOAD if call.upload is None else opened_upload(call, call.upload) as upload:
            opened = await self._send(call, attempts, host, upload)
        try:
            body = await self._read(opened, call, attempts, target)
        finally:
            await opened.aclose()
        info = self._info(opened.response, attempts)
        if not opened.response.is_success:
            raise self._refusal(info, body, call, attempts)
        return self._answer(info, body, attempts)

    async def _send(
        self, call: Call, attempts: Attempts, host: str | None, upload: Any = None
    ) -> AsyncOpenResponse:
        if self.settings.key_function is not None:
            await self._ask_for_key(self.settings.key_function)
        if GATEWAY_STATE.entries:
            for pause_s in self._shared_pauses(call, attempts):
                await asyncio.sleep(pause_s)
        shared = await self._borrow()
        if attempts.reservation is not None:
            attempts.reservation.is_sent = True
        is_open = False
        try:
            response = await self._exchange(shared.client, call, attempts, host, upload)
            is_open = True
            if GATEWAY_STATE.entries:
                self._on_response(response, attempts)
            return AsyncOpenResponse(response, shared)
        except NETWORK_ERRORS as error:
            failure = self._failure(error, call, attempts)
        except RuntimeError:
            self._check_injected()  # closed by its owner since we looked
            raise
        finally:
            if not is_open:
                await give_back_async(shared)
        raise failure

    async def _exchange(
        self, client: Any, call: Call, attempts: Attempts, host: str | None, upload: Any
    ) -> httpx.Response | AsyncPooledResponse:
        if isinstance(client, self.takes):  # the user's own, or one that goes through proxies
            sent = self._request(client, call, host, attempts, upload)
            answer: httpx.Response = await client.send(sent, stream=True, follow_redirects=False)
            return answer
        request, body = self._raw_request(call, host, attempts, upload)
        limits = attempts.time_limits()
        response: AsyncPooledResponse = await client.send(request, body, limits)
        self._log_answer(call, host, response.status_code)
        return response

    async def _ask_for_key(self, key_function: KeyFunction) -> None:
        self._use_given_key(await awaited(key_function()))

    async def _borrow(self) -> SharedClient:
        if self._injected is None:
            return await borrow_async(self._pool_key, self)
        self._check_injected()
        self._injected.calls += 1
        return self._injected

    async def _read(
        self,
        opened: AsyncOpenResponse,
        call: Call,
        attempts: Attempts,
        target: NewFile | None = None,
    ) -> bytes:
        response = opened.response
        limit = self._limit_bytes(response, call)
        buffer = io.BytesIO()
        keep: Callable[[bytes], object] = buffer.write
        if target is not None and response.is_success:
            target.restart()
            keep = target.write
        size = 0
        try:
            async with contextlib.aclosing(self._pieces(opened, call, attempts)) as body:
                async for piece in body:
                    attempts.clock.on_bytes()
                    keep(piece)
                    size += len(piece)
                    if size > limit:
                        raise self._too_large(call, limit)
        except MalformedReply:
            if response.is_success:
                raise  # of a refusal, what could be read is enough
        return self._blanked(buffer.getvalue())  # two pieces may have met within the key

    async def _pieces(
        self, opened: AsyncOpenResponse, call: Call, attempts: Attempts
    ) -> AsyncGenerator[bytes, None]:
        encoding = opened.response.headers.get("content-encoding", "")
        decompressor = None
        if encoding and not opened.is_decoded:
            decompressor = Decompressor(encoding, call.label)
        try:
            async for received in opened.pieces:
                if decompressor is None:
                    yield self._blanked(received)
                    continue
                for piece in decompressor.feed(received):
                    yield self._blanked(piece)
            if decompressor is not None:
                decompressor.end()
            return
        except NETWORK_ERRORS as error:
            received = b""  # where a traceback shows locals it shows no echo
            failure = self._failure(error, call, attempts)
        raise failure

    async def batches(
        self, call: Call, settings: CallSettings | None = None
    ) -> AsyncGenerator[Batch, None]:
        """The events of a streamed answer, those of one piece of the body in one list.

        Lists spare the adapters two generators for every event. Closing the generator closes the
        connection.
        """
        self._check_key(call)
        budgets = self._budgets(call)
        reservation = await self._reserve(budgets, call) if budgets else None
        with Attempts(call, settings or self._own_settings, reservation) as attempts:
            opened = await self._open(call, attempts)
            try:
                reader = self._reader(opened.response, call, attempts)
                async with contextlib.aclosing(self._pieces(opened, call, attempts)) as body:
                    try:
                        async for piece in body:
                            if batch := reader.feed(piece):
                                yield batch
                            if reader.failure is not None:
                                raise self._failure_in(reader)
                            if reader.is_finished:
                                break
                            attempts.clock.on_bytes(
                                reader.progress, answer_complete=reader.is_complete
                            )
                    except APIConnectionError as error:
                        self._check_complete(reader, error, attempts)
                    if batch := reader.end():
                        yield batch
                    if reader.failure is not None:
                        raise self._failure_in(reader)
                    await self._drain(body, attempts)
            except GeneratorExit:
                opened.abandon()
                raise
            finally:
                await opened.aclose()

    async def _drain(self, body: AsyncGenerator[bytes, None], attempts: Attempts) -> None:
        """Read to the end of the body, so that our own client can use the connection again."""
        if self._limits_reads:
            attempts.clock.start_drain()
            with contextlib.suppress(PollinationsError):
                async for _ in body:
                    pass

    async def _open(self, call: Call, attempts: Attempts) -> AsyncOpenResponse:
        while True:
            attempts.begin()
            try:
                opened = await self._send(call, attempts, None)
                if opened.response.is_success:
                    return opened
                try:
                    body = await self._read(opened, call, attempts)
                finally:
                    await opened.aclose()
                info = self._info(opened.response, attempts)
                raise self._refusal(info, body, call, attempts)
            except PollinationsError as error:
                failure = error
            await asyncio.sleep(attempts.pause_after(failure))

    async def aclose(self) -> None:
        """Give the connections back; a later call opens new ones.

        An injected client is left open.
        """
        if self._injected is None:
            await leave_async(self._pool_key, self)
