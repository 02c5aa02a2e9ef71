"""Hold what one emulator remembers between requests."""

from __future__ import annotations

from dataclasses import dataclass, field

from .scripts import KeyRules, Piece, Queue, Received

HOST = "127.0.0.1"


@dataclass(frozen=True)
class CachedResponse:
    """One finished reply."""

    pieces: list[Piece]
    headers: dict[str, str]
    date: str


@dataclass
class State:
    """Settings, the log of requests, the script, the caches and the counters."""

    era: str = "today"
    keys: dict[str, KeyRules] = field(default_factory=dict)
    require_key: bool = False
    delay_s: float = 0.0
    log: bool = False
    port: int = 0
    requests: list[Received] = field(default_factory=list)
    queue: Queue = field(default_factory=Queue)
    cache: dict[str, CachedResponse] = field(default_factory=dict)
    # Openings that a provider's prompt cache holds; the gateway's own cache is the one above.
    prompt_prefixes: set[str] = field(default_factory=set)
    calls_by_key: dict[str, int] = field(default_factory=dict)
    media: dict[str, bytes] = field(default_factory=dict)
    generations: int = 0

    @property
    def today(self) -> bool:
        """Whether this is the gateway of today rather than of the seed."""
        return self.era == "today"

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``, without a trailing slash."""
        return f"http://{HOST}:{self.port}"

    def clear(self) -> None:
        """Forget everything but the settings."""
        self.requests.clear()
        self.queue.items.clear()
        self.cache.clear()
        self.prompt_prefixes.clear()
        self.calls_by_key.clear()
        self.media.clear()
        self.generations = 0
