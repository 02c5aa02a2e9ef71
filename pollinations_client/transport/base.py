"""Prepare calls for both drivers, and check what comes back: headers, limits, refusals. No I/O."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import httpx
from pydantic import SecretStr

from .._lazy_imports import LazyModule
from ..budget.budget import ACTIVE_BUDGETS, PollenBudget
from ..budget.price_list import PriceList, Refresh
from ..budget.reservation import Reservation, budgets_for
from ..catalog.model_list import cards_from
from ..errors import (
    APIConnectionError,
    ConfigurationError,
    MalformedReply,
    NotFoundError,
    PollinationsError,
    blank_keys,
    sure_keys_in,
)
from ..reply_metadata import ResponseInfo
from ..request.calls import Call, CallKind
from ..response.error_decoder import error_from_response
from ..response.reader import Parse, ResponseReader, json_from
from ..settings.limits import Timeouts
from ..settings.retry import RetryPolicy
from ..settings.settings import NO_KEY, CallSettings, Settings, key_from_function, secrets_in
from .attempts import Attempts
from .client_pool import PoolKey, SharedClient
from .decompression import ACCEPTED
from .gateway_state import GATEWAY_STATE, account_for
from .http11 import BaseResponse, Body, RawRequest
from .httpx_errors import failure_from
from .time_limits import httpx_timeout_for
from .uploads import multipart_body, sized_form

if TYPE_CHECKING:
    from ..response import plain_text
else:  # few programs need it
    plain_text = LazyModule("pollinations_client.response.plain_text")

Answered = httpx.Response | BaseResponse
log = logging.getLogger("pollinations_client")
httpx_log = logging.getLogger("httpx")

# A budget's look at the price lists is not to hold up its first call for long.
PRICE_REFRESH = CallSettings(Timeouts(answer_s=10.0, total_s=15.0), RetryPolicy(max_retries=1))
MAX_SEEN_KEYS = 256  # of a key function; an echo comes with the answer, or soon after


@dataclass(slots=True)
class Answer:
    """A whole answer: status and headers, and the body."""

    info: ResponseInfo
    body: bytes = field(repr=False)

    def take_body(self) -> bytes:
        """The body, which is kept no longer: beside what is parsed from it, it is memory twice."""
        body, self.body = self.body, b""
        return body


class BaseTransport:
    """What both drivers share: headers, addresses, and the reading of what came. No I/O."""

    takes: ClassVar[type]

    def __init__(self, settings: Settings, http_client: Any = None) -> None:
        if http_client is not None and not isinstance(http_client, self.takes):
            raise ConfigurationError(
                f"http_client: calls of this kind need an httpx.{self.takes.__name__}, "
                f"{type(http_client).__name__} was given.",
                param="http_client",
            )
        self.settings = settings
        self._injected = None if http_client is None else SharedClient(http_client)
        self._pool_key = PoolKey(settings.limits)
        self._headers = httpx.Headers(settings.headers())
        self._urls: dict[str, httpx.URL] = {}
        self._own_settings = CallSettings(settings.timeouts, settings.retry)
        self._needs_key = settings.needs_key
        self.secrets: tuple[SecretStr, ...] = ()
        self._sure_keys: tuple[bytes, ...] = ()
        self._use_key(settings.api_key)
        self._blank_out(secrets_in(settings.default_headers))
        self._kind_headers: dict[tuple[CallKind, bool], httpx.Headers] = {}
        self._raw_requests: dict[tuple[str, CallKind, bool], RawRequest] = {}
        # Where httpx keeps the connections, no limit of ours reaches into a read.
        self._limits_reads = http_client is None and not self._pool_key.has_proxies

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.settings.base_url})"

    def _use_key(self, key: SecretStr | None) -> None:
        """Send ``key`` from now on."""
        self._secret = key
        self._account = account_for(self.settings.base_url, key)
        if key is not None:
            self._blank_out((key,))

    def _blank_out(self, secrets: Iterable[SecretStr]) -> None:
        """Blank ``secrets`` out of all that comes, and those before them."""
        # Calls of one client run side by side, and a server may echo any of their keys.
        if new := [secret for secret in secrets if secret not in self.secrets]:
            self.secrets = (*self.secrets, *new)[-MAX_SEEN_KEYS:]
            self._sure_keys = sure_keys_in(self.secrets)

    def _use_given_key(self, key: Any) -> None:
        """Take the key that ``api_key`` gave, a function asked before each request."""
        if inspect.isawaitable(key):
            if inspect.iscoroutine(key):
                key.close()  # else Python warns that it was never awaited
            raise ConfigurationError(
                "api_key: an async function serves async calls only; give a plain one for these.",
                param="api_key",
            )
        self._use_key(key_from_function(key))

    def _request(
        self, client: Any, call: Call, host: str | None, attempts: Attempts, upload: Any
    ) -> httpx.Request:
        """The request for an httpx client."""
        body: dict[str, Any] = {"content": call.body}
        if call.upload is not None:
            body = multipart_body(call.upload, upload)
        request: httpx.Request = client.build_request(
            call.method,
            self._url(call, host),
            headers=self._call_headers(call, attempts),
            timeout=httpx_timeout_for(call, attempts.settings.timeouts, attempts.clock),
            **body,
        )
        return request

    def _raw_request(
        self, call: Call, host: str | None, attempts: Attempts, upload: Any
    ) -> tuple[RawRequest, Body]:
        """The request for a pool of our own; one whose headers are the client's is made once."""
        if call.upload is not None:
            headers = self._call_headers(call, attempts)
            body = multipart_body(call.upload, upload)
            return sized_form(call.method, self._url(call, host), headers, body)
        key = (host or self.settings.base_url) + call.target, call.kind, call.body is not None
        is_plain = not (attempts.settings.headers or self.settings.key_function or call.form_type)
        # Made once, for the headers of a call are nearly always the client's: httpx's own request
        # took 28 us of each call.
        request = self._raw_requests.get(key) if is_plain else None
        if request is None:
            headers = self._call_headers(call, attempts)
            request = RawRequest(call.method, self._url(call, host), headers.raw)
            # The address of a GET holds its prompt, and would be kept for every picture.
            if is_plain and call.method == "POST":
                self._raw_requests[key] = request
        return request, call.body

    def _url(self, call: Call, host: str | None) -> httpx.URL:
        address = (host or self.settings.base_url) + call.target
        url = self._urls.get(address)
        if url is None:
            url = httpx.URL(address)
            if call.method == "POST":
                self._urls[address] = url
        return url

    def _call_headers(self, call: Call, attempts: Attempts) -> httpx.Headers:
        kind = (call.kind, call.body is not None)
        if kind not in self._kind_headers:
            self._kind_headers[kind] = self._headers_for(call)
        headers = self._kind_headers[kind].copy()
        if call.form_type:
            headers["content-type"] = call.form_type  # holds the boundary of this form alone
        if attempts.settings.headers:
            self._blank_out(secrets_in(attempts.settings.headers))
            headers.update(attempts.settings.headers)
        if self._secret is not None and self.settings.key_function is not None:
            headers["authorization"] = f"Bearer {self._secret.get_secret_value()}"
        return headers

    def _log_answer(self, call: Call, host: str | None, status: int) -> None:
        """Log the line that httpx's own clients log."""
        # By the label, which names the endpoint: the address of a GET holds the prompt.
        if not httpx_log.isEnabledFor(logging.INFO):
            return
        method, _, path = call.label.partition(" ")
        reason = httpx.codes.get_reason_phrase(status)
        address = (host or self.settings.base_url) + path
        httpx_log.info('HTTP Request: %s %s "HTTP/1.1 %d %s"', method, address, status, reason)

    def _headers_for(self, call: Call) -> httpx.Headers:
        headers = self._headers.copy()
        headers["accept"] = call.kind.accept
        # A compressed stream comes in blocks, and each would wait until it is full.
        headers["accept-encoding"] = ACCEPTED if call.kind.is_compressed else "identity"
        if call.body is not None:
            headers["content-type"] = "application/json"
        return headers

    def _info(self, response: Answered, attempts: Attempts) -> ResponseInfo:
        # Headers of an answer stand in response_metadata, and so in traces and histories.
        headers = {name.lower(): value for name, value in response.headers.items()}
        if self._sure_keys:
            headers = {name: self._blanked_text(value) for name, value in headers.items()}
        return ResponseInfo.from_headers(response.status_code, headers, attempts.number - 1)

    def _blanked(self, received: bytes) -> bytes:
        """``received`` without keys."""
        # A refusal repeats the request (seen in January 2026), and an answer what it was asked: an
        # echoed key would reach traces, logs and the next prompt.
        return blank_keys(received, self._sure_keys)

    def _blanked_text(self, text: str) -> str:
        return self._blanked(text.encode()).decode()

    def _limit_bytes(self, response: Answered, call: Call) -> int:
        limits = self.settings.limits
        if not response.is_success:
            return limits.error_bytes
        limit: int = getattr(limits, call.kind.size_limit)
        return limit

    def _budgets(self, call: Call) -> Sequence[PollenBudget]:
        """The budgets that count ``call``; mostly none."""
        if ACTIVE_BUDGETS.get() or self.settings.budget is not None:
            return budgets_for(call, self.settings.budget)
        return ()

    def _reservation(self, budgets: Sequence[PollenBudget], call: Call) -> Reservation:
        """What ``call`` may cost, held back. Raises :class:`BudgetSpentError` where it is too
        much.
        """
        # One reading of the gateway's prices serves every budget of the call.
        address = self.settings.base_url
        prices = budgets[0].prices_at(address)
        for budget in budgets[1:]:
            budget.prices_at(address).use(prices)
        return Reservation(budgets, call, address)

    def _begin_refresh(self, prices: PriceList) -> Refresh | None:
        return prices.begin(blocks=self.takes is httpx.Client)

    def _add_prices(self, refresh: Refresh, answer: Answer, categories: Sequence[str]) -> None:
        items = json_from(answer.body, answer.info, self.secrets)
        refresh.add(cards_from(items, category=categories[0]), categories)

    def _on_unread_prices(self, refresh: Refresh, path: str, error: PollinationsError) -> None:
        """A call is not refused because a list cannot be read: shipped prices are used."""
        if isinstance(error, NotFoundError):
            return  # API 0.3.0 has no list for sound and embeddings
        refresh.is_complete = False
        log.warning("A budget uses shipped prices, for GET %s failed: %s", path, error)

    def _answer(self, info: ResponseInfo, body: bytes, attempts: Attempts) -> Answer:
        if attempts.reservation is not None:
            attempts.reservation.settle_answer(info, body)
        return Answer(info, body)

    def _refusal(
        self, info: ResponseInfo, body: bytes, call: Call, attempts: Attempts
    ) -> PollinationsError:
        failure = error_from_response(
            info.status, body, info.headers, label=call.label, secret=self.secrets
        )
        memory_s = self.settings.refusal_memory_s
        GATEWAY_STATE.remember(self._account, failure, attempts, memory_s)
        return failure

    def remember_refusal(self, failure: PollinationsError) -> None:
        """Let other calls with this key know of ``failure``, which came inside of an answer."""
        GATEWAY_STATE.remember_refusal(self._account, failure, self.settings.refusal_memory_s)

    def _failure_in(self, reader: ResponseReader) -> PollinationsError:
        """What ``reader`` could not read on after; other calls know of a refusal from now on."""
        assert reader.failure is not None
        self.remember_refusal(reader.failure)
        return reader.failure

    def _on_response(self, response: Answered, attempts: Attempts) -> None:
        """A call was answered while something is remembered: a limit may be over."""
        if response.is_success:
            GATEWAY_STATE.lift_limit(self._account, attempts)

    def _shared_pauses(self, call: Call, attempts: Attempts) -> Iterator[float]:
        """Seconds to sleep before sending, for what the gateway refused to other calls."""
        return GATEWAY_STATE.pauses(self._account, call, attempts, self.settings.refusal_memory_s)

    def _failure(self, error: Exception, call: Call, attempts: Attempts) -> PollinationsError:
        return failure_from(error, call, attempts.clock, self.settings.base_url, self.secrets)

    def _too_large(self, call: Call, limit: int) -> PollinationsError:
        return MalformedReply(
            f"{call.label}: the answer is larger than the {limit} bytes allowed (Limits)."
        )

    def _check_complete(
        self, reader: ResponseReader, error: APIConnectionError, attempts: Attempts
    ) -> None:
        """Raise ``error``, with what came, unless the answer was complete before."""
        # Providers close after the finish reason as they like: of what follows nothing is missed.
        if not reader.is_complete:
            error.partial = reader.partial()
            error.retries_taken = attempts.number - 1
            raise error

    def _reader(self, response: Answered, call: Call, attempts: Attempts) -> ResponseReader:
        parse: Parse = json_from
        if call.label.startswith("GET /text/"):
            parse = partial(plain_text.chat_answer_from, label=call.label)
        reader = ResponseReader(
            self._info(response, attempts),
            label=call.label,
            secret=self.secrets,
            json_limit_bytes=self.settings.limits.json_bytes,
            stream_limit_bytes=self.settings.limits.stream_bytes,
            tool_names=call.tool_names,
            parse=parse,
        )
        if attempts.reservation is not None:
            attempts.reservation.reader = reader
        return reader

    def _check_injected(self) -> None:
        if self._injected is not None and self._injected.client.is_closed:
            raise ConfigurationError(
                "http_client: the client that was given is closed.", param="http_client"
            )

    def _check_key(self, call: Call) -> None:
        # The public gateway gives its model lists without a key, and nothing else.
        if self._needs_key and not (call.kind.is_free and call.kind.host == "gateway"):
            raise ConfigurationError(NO_KEY, param="api_key")
