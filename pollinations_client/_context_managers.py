"""``with`` and ``async with`` for whatever can give its connections back. Pure."""

from __future__ import annotations

from typing import Self


class CloseableMixin:
    """Mixed into what has connections of both kinds: leaving a block gives them back."""

    def close(self) -> None:
        """Give the connections of blocking calls back; a later call opens new ones."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Give the running loop's connections back."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
