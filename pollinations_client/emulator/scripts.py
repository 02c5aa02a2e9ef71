"""Define what a test can script, what a key may do, and how a request is recorded."""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

Json = dict[str, Any]


class Mark(enum.Enum):
    """A turning point among the pieces of a reply."""

    CUT = "close the connection without finishing the reply"
    RESET = "abort the connection with a TCP reset"
    HANG = "keep the connection open until the client leaves"


Piece = bytes | float | Mark


@dataclass(frozen=True)
class Received:
    """One request as it arrived.

    ``time`` is seconds on the monotonic clock; header names are lowercase.
    """

    method: str
    path: str
    raw_path: str
    query_pairs: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes
    json: Any
    time: float

    @property
    def says_json(self) -> bool:
        """Whether the content type, if any, is JSON."""
        return "json" in self.headers.get("content-type", "json")

    @property
    def query(self) -> dict[str, str]:
        """The query as a dictionary; of a repeated name the last value."""
        return dict(self.query_pairs)


EVERY_SCOPE = ("profile", "balance", "usage", "keys")


@dataclass(frozen=True)
class KeyRules:
    """What one key may do; balance and budget in pollen, ``rate`` in requests since ``clear`` until
    429.
    """

    valid: bool = True
    balance: float = 100.0
    budget: float | None = None
    quest_only: bool = False
    models: tuple[str, ...] | list[str] | None = None
    account: tuple[str, ...] | list[str] | None = EVERY_SCOPE
    rate: int | None = None
    retry_after_s: int = 30
    name: str = "emulated key"


@dataclass(frozen=True)
class Answer:
    """A scripted answer in normal form; rendered as JSON or as a stream, whichever the request
    asked for. Lists, account calls, embeddings, and pictures unless it has ``images``, leave it.

    ``tool_calls`` holds ``(name, arguments)`` pairs or wire dictionaries; ``images`` holds picture
    bytes or data URLs that become ``content_blocks``; ``usage`` replaces the counted usage (``{}``
    omits it); ``reasoning_field`` names the field that carries ``reasoning``; ``extra_message`` and
    ``extra_top`` are merged into the message and into the top of the reply.
    """

    text: str | None = ""
    reasoning: str = ""
    tool_calls: Sequence[Any] = ()
    content_blocks: Sequence[Json] | None = None
    images: Sequence[bytes | str] = ()
    usage: Json | None = None
    finish_reason: str | None = None
    model: str | None = None
    citations: Sequence[str] | None = None
    refusal: str | None = None
    audio: Json | None = None
    reasoning_field: str = "reasoning_content"
    extra_message: Json | None = None
    extra_top: Json | None = None


class Chunks:
    """Literal chunk dictionaries: served as SSE to a stream, folded into one completion
    otherwise.
    """

    def __init__(
        self, chunks: Iterable[Json], done: bool = True, headers: Mapping[str, str] | None = None
    ) -> None:
        self.chunks = [dict(chunk) for chunk in chunks]
        self.done = done
        self.headers = dict(headers or {})


class Body:
    """A literal body: a dictionary or list becomes JSON, text and bytes are sent as they are."""

    def __init__(
        self,
        content: Any,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        content_type: str | None = None,
    ) -> None:
        self.content = content
        self.status = status
        self.headers = dict(headers or {})
        self.content_type = content_type


class Frames:
    """Literal pieces of a reply body, each flushed on its own; a number is a pause in seconds.

    ``Frames.CUT`` closes the connection without finishing, ``Frames.RESET`` aborts it,
    ``Frames.HANG`` keeps it open until the client leaves. The content type is ``text/event-stream``
    unless ``headers`` says otherwise. With ``raw=True`` the pieces are the whole reply, status line
    and headers included (or no HTTP at all), and the connection is closed after the last one.
    """

    CUT: ClassVar[Mark] = Mark.CUT
    RESET: ClassVar[Mark] = Mark.RESET
    HANG: ClassVar[Mark] = Mark.HANG

    def __init__(
        self,
        *pieces: bytes | str | float | Mark,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        raw: bool = False,
    ) -> None:
        for piece in pieces:
            if not isinstance(piece, bytes | str | int | float | Mark):
                raise TypeError(
                    "A piece is bytes, text, seconds or a mark, each an argument of its own; not"
                    f" {type(piece).__name__}."
                )
        self.pieces: list[Piece] = [
            piece.encode() if isinstance(piece, str) else piece for piece in pieces
        ]
        self.status = status
        self.headers = dict(headers or {})
        self.raw = raw


# Shorter pauses come out longer than asked: the loop's clock and the kernel's timers are coarse.
MIN_PAUSE_S = 0.01
FaultKind = Literal["status", "cut", "stall", "reset", "slow"]
FAULT_OPTIONS: dict[str, frozenset[str]] = {
    "status": frozenset(
        {"status", "retry_after", "retry_after_ms", "body", "headers", "message", "code"}
    ),
    "cut": frozenset({"after", "answer"}),
    "stall": frozenset({"after", "seconds", "answer"}),
    "reset": frozenset(),
    "slow": frozenset({"bytes_per_s", "answer"}),
}


class Fault:
    """Something that goes wrong, ``times`` times.

    - ``"status"``: ``status`` (503), ``retry_after`` (header as given), ``retry_after_ms``,
      ``body``, ``headers``, ``message``, ``code``
    - ``"cut"``: the reply stops and the connection closes after ``after`` body bytes (0; ``None``:
      before the headers)
    - ``"stall"``: silence for ``seconds`` at that place instead; without ``seconds`` until the
      client leaves
    - ``"reset"``: the TCP connection is aborted before any reply
    - ``"slow"``: ``bytes_per_s`` (100)

    ``answer`` scripts the reply that ``cut``, ``stall`` and ``slow`` work on; without it the
    emulator's own reply is.
    """

    def __init__(self, kind: FaultKind, times: int = 1, **options: Any) -> None:
        if kind not in FAULT_OPTIONS:
            raise ValueError(f"No fault is called {kind!r}; there are {', '.join(FAULT_OPTIONS)}.")
        if unknown := sorted(set(options) - FAULT_OPTIONS[kind]):
            raise ValueError(
                f"Fault {kind!r} has no option {unknown[0]!r}; it has"
                f" {sorted(FAULT_OPTIONS[kind])}."
            )
        if times < 1:
            raise ValueError("A fault happens at least once.")
        self.kind = kind
        self.times = times
        self.options = options

    @property
    def opening(self) -> list[Piece]:
        """What happens before the headers."""
        if self.kind in ("cut", "stall") and self.options.get("after", 0) is None:
            return self._break_pieces()
        return []

    def _break_pieces(self) -> list[Piece]:
        seconds = self.options.get("seconds")
        if self.kind == "cut":
            return [Mark.CUT]
        return [Mark.HANG if seconds is None else float(seconds)]

    def applied_to(self, pieces: Sequence[Piece]) -> list[Piece]:
        """The pieces of a reply with this fault worked in."""
        if self.kind == "slow":
            bytes_per_s = float(self.options.get("bytes_per_s", 100))
            return [part for piece in pieces for part in _slowed(piece, bytes_per_s)]
        if self.opening:
            return list(pieces)
        head, tail = _split_at(pieces, int(self.options.get("after", 0)))
        return [*head, *self._break_pieces(), *tail]


def _slowed(piece: Piece, bytes_per_s: float) -> list[Piece]:
    """Byte by byte, or as many at once as make a pause that a clock can keep."""
    if not isinstance(piece, bytes):
        return [piece]
    step = max(1, int(bytes_per_s * MIN_PAUSE_S))
    parts = (piece[at : at + step] for at in range(0, len(piece), step))
    return [each for part in parts for each in (part, len(part) / bytes_per_s)]


def _split_at(pieces: Sequence[Piece], after: int) -> tuple[list[Piece], list[Piece]]:
    """The pieces before and after a number of body bytes."""
    head: list[Piece] = []
    for at, piece in enumerate(pieces):
        if not isinstance(piece, bytes):
            head.append(piece)
            continue
        if len(piece) >= after:
            return [*head, piece[:after]], [piece[after:], *pieces[at + 1 :]]
        head.append(piece)
        after -= len(piece)
    return head, []


Item = Answer | Body | Chunks | Fault | Frames


@dataclass
class Queue:
    """Scripted items, first in, first out; a fault is served as often as it says."""

    items: deque[Item] = field(default_factory=deque)

    def add(self, items: Iterable[Item]) -> None:
        """Append items; anything that is not one is refused by name of its type."""
        for item in items:
            if not isinstance(item, Item):
                raise TypeError(
                    "A script takes Answer, Body, Chunks, Frames or Fault, not"
                    f" {type(item).__name__}."
                )
            self.items.extend([item] * (item.times if isinstance(item, Fault) else 1))

    def take(self, path: str) -> Item | None:
        """The next item, or None. What a model answers waits for a request that it can answer."""
        if not self.items or not _can_answer(self.items[0], path):
            return None
        return self.items.popleft()


def _can_answer(item: Item, path: str) -> bool:
    if not isinstance(item, Answer | Chunks):
        return True
    # A test scripts what a model says, not the lists and vectors that its client asks for first.
    if path.startswith(("/account/", "/api/", "/v1/embeddings")) or path.endswith("/models"):
        return False
    is_picture = path.startswith(("/image/", "/video/", "/v1/images/"))
    return not is_picture or (isinstance(item, Answer) and bool(item.images))
