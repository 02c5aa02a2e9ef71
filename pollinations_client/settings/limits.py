"""Limits of time and size, and how the options of a client or a call change them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .checks import checked_seconds


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Limits in seconds; ``None`` switches one off.

    ``total_s`` covers one call with all its retries and pauses. ``after_finish_s`` is for what a
    stream sends after its finish reason: the token count, and its end.
    """

    connect_s: float | None = 5.0
    # Pictures go out in base64, up to 20 MB of them.
    write_s: float | None = 30.0
    pool_s: float | None = 10.0
    # The edge before the gateway gives up on a silent answer with a 524 after 100 to 130 s
    # (pollinations issues 4884 and 7280). It is to speak first: an identical repeat then joins what
    # still goes on, and is billed once.
    answer_s: float | None = 180.0
    picture_s: float | None = 300.0
    video_s: float | None = 600.0
    # Reasoning models are silent at first.
    first_byte_s: float | None = 180.0
    # Where a provider's connection breaks, the gateway leaves the stream open for ever and silent
    # (seen on its code of January 2026).
    stream_idle_s: float | None = 120.0
    after_finish_s: float | None = 10.0
    # Comments of a proxy keep the idle limit from running out.
    progress_s: float | None = 300.0
    total_s: float | None = 600.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, after decompression; connections of the pool that a process shares."""

    json_bytes: int = 64 * 1024 * 1024
    # The framing included: some 300 bytes for each token.
    stream_bytes: int = 64 * 1024 * 1024
    # A refusal repeats the whole request before it says what is wrong (seen in January 2026), and
    # the gateway takes requests of up to 20 MB.
    error_bytes: int = 64 * 1024 * 1024
    image_bytes: int = 64 * 1024 * 1024
    video_bytes: int = 512 * 1024 * 1024
    max_connections: int = 1_000
    max_keepalive_connections: int = 100
    # Short: servers close idle connections, and a request may be on its way then.
    keepalive_expiry_s: float = 5.0


# Nothing in them changes, so all settings share them: each anew costs 1 us of every model made.
DEFAULT_TIMEOUTS, DEFAULT_LIMITS = Timeouts(), Limits()


def timeouts_from(options: Mapping[str, Any], base: Timeouts) -> Timeouts:
    """``base`` with the limits that ``options`` name.

    ``timeout`` limits each wait: of a plain answer, for a stream's first byte, between bytes, for a
    connection. Raises :class:`ConfigurationError` for what is no number of seconds above 0.
    """
    timeout = options.get("timeout")
    idle, total = options.get("stream_idle_timeout"), options.get("total_timeout")
    # An httpx.Timeout, known by its method: httpx is loaded with the first call only.
    if timeout is not None and hasattr(timeout, "as_dict"):
        each = timeout.as_dict()
        base = _with_read(
            replace(base, connect_s=each["connect"], write_s=each["write"], pool_s=each["pool"]),
            each["read"],
        )
    elif timeout is not None:
        seconds = checked_seconds(timeout, "timeout")
        base = _with_read(
            replace(
                base,
                connect_s=min(seconds, base.connect_s or seconds),
                write_s=min(seconds, base.write_s or seconds),
                pool_s=min(seconds, base.pool_s or seconds),
            ),
            seconds,
        )
    if idle is not None:
        base = replace(base, stream_idle_s=checked_seconds(idle, "stream_idle_timeout"))
    if total is not None:
        base = replace(base, total_s=checked_seconds(total, "total_timeout"))
    return base


def _with_read(base: Timeouts, read_s: float | None) -> Timeouts:
    """``base`` with ``read_s`` as the limit of every wait for bytes."""
    idle, total = base.stream_idle_s, base.total_s
    if read_s is None:
        total = None
    else:
        idle = min(read_s, idle or read_s)
        # Whoever waits longer for one answer means the whole call, too.
        total = total and max(total, read_s)
    return replace(
        base,
        answer_s=read_s,
        picture_s=read_s,
        video_s=read_s,
        first_byte_s=read_s,
        stream_idle_s=idle,
        total_s=total,
    )
