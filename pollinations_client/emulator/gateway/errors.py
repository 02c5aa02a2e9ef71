"""Build the gateway's error replies: envelope, codes and sentences of both eras."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from ..server.response import Reply, json_bytes

CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHORIZED",
    402: "PAYMENT_REQUIRED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    408: "REQUEST_TIMEOUT",
    409: "CONFLICT",
    410: "GONE",
    413: "PAYLOAD_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    422: "UNPROCESSABLE_ENTITY",
    426: "UPGRADE_REQUIRED",
    429: "RATE_LIMITED",
    500: "INTERNAL_ERROR",
    502: "BAD_GATEWAY",
    503: "SERVICE_UNAVAILABLE",
    504: "GATEWAY_TIMEOUT",
}
# All that January 2026 knew; 413, 504, 524 and 529 were UNKNOWN_ERROR then.
SEED_CODES = {
    status: CODES[status] for status in (400, 401, 402, 403, 404, 405, 409, 422, 429, 500, 502, 503)
}

# The gateway's stock sentences (shared/error.ts@16faab29); both eras have nearly the same.
SENTENCES = {
    400: "Something was wrong with the input data, check the details for more info.",
    401: (
        "Authentication required. Please provide an API key via Authorization header (Bearer token)"
        " or ?key= query parameter."
    ),
    402: "Insufficient pollen balance or API key budget exhausted.",
    403: "Access denied! You don't have the required permissions for this resource or model.",
    404: "Oh no, there's nothing here.",
    413: "The request body is larger than 20 MB.",
    429: "You're making requests too quickly. Please slow down a bit.",
    500: "Oh snap, something went wrong on our end. We're on it!",
    502: "We couldn't reach our backend services. Please try again shortly.",
    503: "We're temporarily down for maintenance. Sorry about that!",
    504: "The upstream service did not respond in time.",
}
SEED_SENTENCES = {
    401: (
        "You need to authenticate by providing a session cookie or Authorization header (Bearer"
        " token)."
    )
}


class GatewayError(Exception):
    """A request that is not answered; becomes the gateway's error envelope."""

    def __init__(
        self,
        status: int,
        message: str | None = None,
        *,
        code: str | None = None,
        details: dict[str, Any] | None = None,
        fix_url: str | None = None,
        headers: dict[str, str] | None = None,
        bare: dict[str, Any] | None = None,
        provider_error: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message or SENTENCES.get(status, ""))
        self.status = status
        self.message = message
        self.code = code
        self.details = details
        self.fix_url = fix_url
        self.headers = headers or {}
        self.bare = bare
        self.provider_error = provider_error
        self.request: Any = {}
        self.seed_message: str | None = None

    def reply(self, *, today: bool, request_id: str) -> Reply:
        """The reply that says so; ``bare`` bodies go out as they are, outside the envelope."""
        # The id is in the header alone: today's body has no requestId, whatever its schema says.
        headers = {**self.headers, "x-request-id": request_id}
        body = self.bare or self._envelope(today=today, request_id=request_id)
        return Reply(json_bytes(body), status=self.status, headers=headers)

    def _envelope(self, *, today: bool, request_id: str) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if today:
            codes, sentences, message, code = CODES, SENTENCES, self.message, self.code
            more = self._todays_more()
        else:
            codes, sentences, code = SEED_CODES, SENTENCES | SEED_SENTENCES, None
            message, more = self.seed_message or self.message, self._seeds_more(request_id)
        error = {
            "code": code or codes.get(self.status, "UNKNOWN_ERROR"),
            "message": message or sentences.get(self.status, "Something went wrong."),
            "timestamp": now,
        }
        return {"status": self.status, "success": False, "error": error | more}

    def _todays_more(self) -> dict[str, Any]:
        """Details only of a validation or of what a provider said; the innermost sentence is the
        message already.
        """
        details = self.details
        if self.provider_error is not None:
            details = {
                "name": "UpstreamError",
                "upstreamStatus": self.status,
                "upstreamBody": json_bytes({"error": self.provider_error}).decode(),
            }
        more = {"fixUrl": self.fix_url, "details": details}
        return {name: value for name, value in more.items() if value is not None}

    def _seeds_more(self, request_id: str) -> dict[str, Any]:
        """Details of a validation or a crash only; a provider's words are JSON in the message.

        That JSON repeats the whole request before the provider's words, so it is as large as the
        request was.
        """
        if self.provider_error is not None:
            reason = HTTPStatus(self.status).phrase
            nested = {
                "error": reason,
                "message": f"{self.status} {reason}",
                "requestId": request_id,
                "requestParameters": self.request,
                "details": {"error": self.provider_error, "provider": "emulator"},
            }
            return {"message": json_bytes(nested).decode()}
        if self.details:
            return {"details": self.details}
        return {}


def validation_error(
    field_errors: dict[str, list[str]],
    form_errors: list[str] | None = None,
    part: str = "JSON body",
) -> GatewayError:
    """A body that fails validation."""
    details = {
        "name": "ValidationError",
        "formErrors": form_errors or [],
        "fieldErrors": field_errors,
    }
    error = GatewayError(400, details=details)
    # January 2026 named the part that failed; today the stock sentence of 400 stands there.
    error.seed_message = f"{part} validation failed"
    return error


def query_error(field_errors: dict[str, list[str]]) -> GatewayError:
    """A query that fails validation."""
    return validation_error(field_errors, part="Query parameter")


def upstream_error(message: str, status: int = 400, *, code: str | None = None) -> GatewayError:
    """What a provider behind the gateway refuses."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return GatewayError(status, message, provider_error=error)
