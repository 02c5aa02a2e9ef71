"""Shared by all tests: no key and no gateway from the outside, and the emulator where one is asked
for.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from hypothesis import settings

from pollinations_client.emulator import Emulator
from pollinations_client.transport.gateway_state import GATEWAY_STATE

# A deadline measures the machine, not the code: a busy one would fail tests at random.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The repository's tests first: their files take longest, and workers shall end together."""
    items.sort(key=lambda item: "repo" not in item.path.parts)


def pytest_collection_finish() -> None:
    """The collector need not look through both frameworks again, for half a second each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _no_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests see neither the developer's key nor proxies."""
    for name in ("POLLINATIONS_API_KEY", "POLLINATIONS_BASE_URL", "POLLINATIONS_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    for name in (
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def _today() -> Iterator[Emulator]:
    with Emulator(era="today") as gateway:
        yield gateway


@pytest.fixture(scope="session")
def _seed() -> Iterator[Emulator]:
    with Emulator(era="seed") as gateway:
        yield gateway


def forget(gateway: Emulator) -> Emulator:
    """The gateway with nothing scripted; no client waits for a 429 of an earlier test."""
    gateway.clear()
    GATEWAY_STATE.entries.clear()
    return gateway


@pytest.fixture
def gateway(_today: Emulator) -> Emulator:
    """Today's gateway, with nothing scripted and nothing remembered."""
    return forget(_today)


@pytest.fixture
def seed_gateway(_seed: Emulator) -> Emulator:
    """The gateway of API 0.3.0, with nothing scripted and nothing remembered."""
    return forget(_seed)


@pytest.fixture(params=["today", "seed"])
def either_gateway(request: pytest.FixtureRequest) -> Emulator:
    """Both eras, one after the other."""
    found: Emulator = request.getfixturevalue(
        "gateway" if request.param == "today" else "seed_gateway"
    )
    return found
