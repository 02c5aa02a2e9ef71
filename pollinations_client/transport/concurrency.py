"""Run several calls of one object at a time, at most so many, in threads or on an event loop."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import threading
import weakref
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from ..errors import (
    AuthenticationError,
    PaymentRequiredError,
    PermissionDeniedError,
    PollinationsError,
)

__all__ = ["ConcurrencyLimit"]

# Every further call would be refused for the same reason.
FATAL_ERRORS = (AuthenticationError, PaymentRequiredError, PermissionDeniedError)

Job = TypeVar("Job")
Result = TypeVar("Result")


class ConcurrencyLimit:
    """At most ``limit`` calls at a time; each event loop counts for itself."""

    # Of an object, not of one method call: LlamaIndex gathers many batches at once on one embedding
    # model, and all of them share the limit.

    __slots__ = ("_by_loop", "_threads", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._threads = threading.BoundedSemaphore(limit)
        self._by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _LoopSlots] = (
            weakref.WeakKeyDictionary()
        )

    def run(
        self, work: Callable[[Job], Result], jobs: Sequence[Job]
    ) -> list[Result | PollinationsError | None]:
        """Run ``work`` for every job, in threads where there are several.

        Returns the result or the error of each job, in order; ``None`` for jobs that were not
        begun because another one failed for a reason that would stop them too.
        """
        outcomes: list[Result | PollinationsError | None] = [None] * len(jobs)
        stop = threading.Event()

        def attempt(index: int) -> None:
            with self._threads:
                if stop.is_set():
                    return
                try:
                    outcomes[index] = work(jobs[index])
                except PollinationsError as error:
                    outcomes[index] = error
                    if isinstance(error, FATAL_ERRORS):
                        stop.set()

        if len(jobs) == 1:
            attempt(0)
            return outcomes
        with ThreadPoolExecutor(min(self.limit, max(len(jobs), 1))) as threads:
            # Context variables, such as a tracer's current span, reach the threads.
            futures = [
                threads.submit(contextvars.copy_context().run, attempt, index)
                for index in range(len(jobs))
            ]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                stop.set()
                raise
        return outcomes

    async def arun(
        self, work: Callable[[Job], Awaitable[Result]], jobs: Sequence[Job]
    ) -> list[Result | PollinationsError | None]:
        """The same as tasks on the running event loop.

        A reason that stops one call stops those that wait beside it: LlamaIndex makes a call for
        each batch.
        """
        outcomes: list[Result | PollinationsError | None] = [None] * len(jobs)
        slots = self._by_loop.setdefault(
            asyncio.get_running_loop(), _LoopSlots(asyncio.Semaphore(self.limit))
        )

        slots.calls += 1
        number = slots.calls

        async def attempt(index: int) -> None:
            async with slots.semaphore:
                if slots.fatal is not None and number <= slots.fatal_until:
                    # Each call has an error of its own, which tells what is missing there.
                    outcomes[index] = copy.copy(slots.fatal)
                    return
                try:
                    outcomes[index] = await work(jobs[index])
                except PollinationsError as error:
                    outcomes[index] = error
                    if isinstance(error, FATAL_ERRORS):
                        slots.fatal, slots.fatal_until = error, slots.calls

        slots.users += 1
        try:
            async with asyncio.TaskGroup() as group:
                for index in range(len(jobs)):
                    group.create_task(attempt(index))
        finally:
            slots.users -= 1
            # A semaphore that has made somebody wait refers to its loop: kept, it would keep the
            # loop alive after its end.
            if slots.users == 0:
                self._by_loop.pop(asyncio.get_running_loop(), None)
        return outcomes


@dataclass(slots=True)
class _LoopSlots:
    """The slots of one event loop, and how many calls of ``arun`` use them."""

    semaphore: asyncio.Semaphore
    users: int = 0
    calls: int = 0
    fatal: PollinationsError | None = None
    fatal_until: int = 0
    """The last call begun when ``fatal`` came; later ones try for themselves."""
