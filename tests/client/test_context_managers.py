"""``with`` blocks of whatever has connections of both kinds."""

from __future__ import annotations

import asyncio

import pytest

from pollinations_client._context_managers import CloseableMixin


class Door(CloseableMixin):
    """Notes which way it was closed."""

    def __init__(self) -> None:
        self.closed: list[str] = []

    def close(self) -> None:
        """Note the blocking way."""
        self.closed.append("sync")

    async def aclose(self) -> None:
        """Note the way of the loop."""
        self.closed.append("async")


def test_leaving_a_block_closes_its_own_kind_also_after_an_error() -> None:
    """``with`` closes the blocking connections, ``async with`` the loop's."""
    door = Door()

    async def passes() -> None:
        async with door as same:
            assert same is door
            assert door.closed == ["sync"]

    with pytest.raises(KeyError), door as same:
        assert same is door
        raise KeyError
    asyncio.run(passes())
    assert door.closed == ["sync", "async"]


def test_what_does_not_say_how_it_closes_is_an_error() -> None:
    """Nothing stays open silently."""
    with pytest.raises(NotImplementedError), CloseableMixin():
        pass
    with pytest.raises(NotImplementedError):
        asyncio.run(CloseableMixin().aclose())
