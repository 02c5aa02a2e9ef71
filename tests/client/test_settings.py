"""Settings: arguments, then environment, then defaults; what cannot work is refused; the key stays
hidden.
"""

from __future__ import annotations

import copy
import pickle
import traceback
from typing import Any

import httpx
import pytest

from pollinations_client import (
    ConfigurationError,
    PollinationsClient,
    PollinationsError,
    RetryPolicy,
    Timeouts,
)
from pollinations_client.settings.checks import GATEWAY
from pollinations_client.settings.settings import OLDER_ACCOUNT_HOST, settings_from

KEY = "sk_demo_0123456789abcdef"


def test_defaults_are_the_public_gateway() -> None:
    """Account calls may go to the older host there, and only there."""
    settings = settings_from()
    assert settings.base_url == GATEWAY
    assert settings.account_hosts == (GATEWAY, OLDER_ACCOUNT_HOST)
    assert settings_from(base_url="http://127.0.0.1:1").account_hosts == ("http://127.0.0.1:1",)
    for url in ("https://a.example/api", "https://a.example/api/account/"):
        assert settings_from(account_base_url=url).account_hosts == ("https://a.example/api",)


def test_the_environment_fills_what_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """An argument wins over it."""
    monkeypatch.setenv("POLLINATIONS_API_KEY", KEY)
    monkeypatch.setenv("POLLINATIONS_BASE_URL", "http://127.0.0.1:9/v1")
    assert (settings_from().secret, settings_from().base_url) == (KEY, "http://127.0.0.1:9")
    assert (
        settings_from(api_key="sk_other_key", base_url="http://b.example").secret == "sk_other_key"
    )


@pytest.mark.parametrize(
    "url",
    ["https://h.example", "https://h.example/", "https://h.example/v1", "https://h.example/v1/"],
)
def test_addresses_with_and_without_v1_are_the_same(url: str) -> None:
    """Users of OpenAI's package write the ``/v1``."""
    assert settings_from(base_url=url).base_url == "https://h.example"


@pytest.mark.parametrize(
    "url",
    [
        "https://user:pw@h.example",
        "https://h.example?key=x",
        "https://h.example#x",
        "ftp://h.example",
        "h.example",
        "https://",
        "https://h:notaport",
    ],
)
def test_addresses_that_cannot_work_are_refused(url: str) -> None:
    """A secret in a URL would be in every log."""
    with pytest.raises(ConfigurationError, match="base_url") as caught:
        settings_from(base_url=url)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize("key", ["sk_a b", "sk_\x00x", "sk_é", "sk_a\nb"])
def test_spoilt_keys_are_refused_at_construction_without_showing_them(key: str) -> None:
    """A header with a line break would be an attack."""
    with pytest.raises(ConfigurationError, match="api_key") as caught:
        PollinationsClient(key)
    assert key not in str(caught.value)


def test_white_space_around_a_key_is_a_bad_paste_and_harmless() -> None:
    """The most common mistake there is."""
    assert settings_from(api_key=f" {KEY}\n").secret == KEY
    assert settings_from(api_key="").secret is None


def test_the_key_is_in_no_print_copy_or_pickle() -> None:
    """A pickle reads the key from the environment again where it is opened."""
    client = PollinationsClient(KEY, base_url="http://127.0.0.1:9", default_headers={"x-a": "b"})
    for thing in (client, client.settings):
        assert KEY not in repr(thing)
        assert KEY not in str(vars(thing) if hasattr(thing, "__dict__") else "")
        assert KEY.encode() not in pickle.dumps(thing)
    assert pickle.loads(pickle.dumps(client)).settings.secret is None
    assert copy.deepcopy(client).settings.secret == KEY


def test_a_pickle_keeps_the_headers_that_cannot_hold_a_key() -> None:
    """Some gateways in between want a key of their own in a header."""
    client = PollinationsClient(
        base_url="http://127.0.0.1:9", default_headers={"X-Api-Key": KEY, "x-team": "bees"}
    )
    assert KEY.encode() not in pickle.dumps(client)
    assert pickle.loads(pickle.dumps(client)).settings.default_headers == {"x-team": "bees"}


@pytest.mark.parametrize(
    "spoilt",
    [
        {"api_key": f"{KEY}\nx: y"},
        {"api_key": KEY, "timeout": -1},
        {"api_key": KEY, "base_url": f"http://h:{KEY}"},
    ],
)
def test_a_failed_constructor_can_be_shown_with_its_locals(spoilt: dict[str, Any]) -> None:
    """What error reports do: every local is printed, a client that is not finished among them, and
    no key.
    """
    with pytest.raises(ConfigurationError) as caught:
        PollinationsClient(**spoilt)
    assert KEY not in str(caught.value)
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame for frame in told.stack if "pollinations_client" in frame.filename]
    shown = {name: value for frame in ours for name, value in (frame.locals or {}).items()}
    assert shown["self"] == "PollinationsClient(base_url=None)"
    assert KEY not in shown["api_key"]


def test_a_key_of_another_type_is_refused() -> None:
    """Without showing it."""
    with pytest.raises(ConfigurationError, match="not list") as caught:
        PollinationsClient([KEY])  # type: ignore[arg-type]
    assert KEY not in str(caught.value)


def test_a_pickle_finds_the_key_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers have it there."""
    data = pickle.dumps(PollinationsClient(KEY, base_url="http://127.0.0.1:9"))
    monkeypatch.setenv("POLLINATIONS_API_KEY", KEY)
    assert pickle.loads(data).settings.secret == KEY


def test_timeout_limits_every_wait_and_never_the_total() -> None:
    """One number, as OpenAI's package takes it; or httpx's four."""
    limits = settings_from(timeout=2).timeouts
    assert (
        limits.connect_s,
        limits.answer_s,
        limits.first_byte_s,
        limits.stream_idle_s,
        limits.picture_s,
    ) == (
        2,
        2,
        2,
        2,
        2,
    )
    assert limits.total_s == 600
    assert settings_from(timeout=900).timeouts.total_s == 900
    assert settings_from(timeout=30, stream_idle_timeout=50, total_timeout=40).timeouts == Timeouts(
        connect_s=5,
        write_s=30,
        pool_s=10,
        answer_s=30,
        picture_s=30,
        video_s=30,
        first_byte_s=30,
        stream_idle_s=50,
        total_s=40,
    )
    each = settings_from(timeout=httpx.Timeout(7, connect=1)).timeouts
    assert (each.connect_s, each.answer_s, each.write_s) == (1, 7, 7)
    assert settings_from(timeout=httpx.Timeout(None)).timeouts.answer_s is None


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": 0},
        {"timeout": -1},
        {"timeout": "5"},
        {"timeout": True},
        {"total_timeout": float("inf")},
        {"stream_idle_timeout": 0},
        {"max_retries": -1},
        {"default_headers": {"a b": "x"}},
        {"default_headers": {"a": "x\r\nb: y"}},
        {"default_headers": {"a": 5}},
    ],
)
def test_settings_that_cannot_work_name_themselves(options: dict[str, Any]) -> None:
    """And they are refused when they are given, not with the first call."""
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        settings_from(**options)


def test_no_key_for_the_public_gateway_says_how_to_get_one_before_anything_is_sent() -> None:
    """And how to do without."""
    with pytest.raises(PollinationsError, match=r"enter\.pollinations\.ai/keys.*emulator"):
        PollinationsClient().chat("hi")


def test_the_policy_can_be_given_whole() -> None:
    """Every number is an option."""
    policy = RetryPolicy(max_retries=5, backoff_base_s=0.1)
    assert settings_from(retry=policy).retry is policy


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("127.0.0.1:8787", "http://127.0.0.1:8787"),
        ("gen.pollinations.ai/v1", "https://gen.pollinations.ai/v1"),
    ],
)
def test_an_address_without_a_scheme_is_told_what_it_was_meant_to_be(
    given: str, meant: str
) -> None:
    """And nothing that could be a key is repeated."""
    with pytest.raises(ConfigurationError, match=f"Did you mean '{meant}'"):
        settings_from(base_url=given)
    with pytest.raises(ConfigurationError) as caught:
        settings_from(base_url=KEY)
    assert KEY not in str(caught.value)


def test_a_bad_value_of_the_environment_is_called_by_its_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who sets neither option would look for it in vain; a blank variable counts as unset."""
    monkeypatch.setenv("POLLINATIONS_BASE_URL", "gateway")
    with pytest.raises(ConfigurationError, match="POLLINATIONS_BASE_URL"):
        settings_from()
    monkeypatch.setenv("POLLINATIONS_BASE_URL", " \n")
    assert settings_from().base_url == GATEWAY
    monkeypatch.setenv("POLLINATIONS_API_KEY", f'"{KEY}"')
    with pytest.raises(ConfigurationError, match=r"POLLINATIONS_API_KEY.*quotation mark") as caught:
        settings_from()
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", "/chat/completions", "/v1/chat/completions/", "/v1//"]
)
def test_the_endpoint_pasted_as_the_address_is_the_same_address(path: str) -> None:
    """Documentation shows the whole of it."""
    assert settings_from(base_url=f"https://h.example{path}").base_url == "https://h.example"


@pytest.mark.parametrize("wrong", [5, httpx.AsyncClient()])
def test_a_client_of_the_wrong_kind_is_refused_by_name(wrong: object) -> None:
    """The async client in the sync place is the common mistake."""
    with pytest.raises(
        ConfigurationError, match=rf"http_client: .*httpx\.Client, {type(wrong).__name__}"
    ):
        PollinationsClient(KEY, http_client=wrong).models()


def test_where_nothing_listens_the_message_says_what_to_check() -> None:
    """On this machine it is the emulator that was not started."""
    with pytest.raises(PollinationsError, match=r"python -m pollinations_client\.emulator"):
        PollinationsClient(base_url="http://127.0.0.1:9", max_retries=0).chat("hi")
