"""What a refused option tells and what it hides."""

from __future__ import annotations

import pytest

from pollinations_client import (
    ChatOptions,
    InvalidRequestError,
)
from pollinations_client.request.validation import Options


def test_an_option_that_is_secret_is_not_shown() -> None:
    """A refusal names the field, not its value."""

    class Secretive(Options):
        api_key: int

    with pytest.raises(InvalidRequestError, match="api_key") as caught:
        Secretive.checked({"api_key": "sk_very_secret_value"})
    assert "sk_very" not in str(caught.value)


def test_options_that_are_no_mapping_are_refused() -> None:
    """With a sentence, not a traceback of pydantic's."""
    with pytest.raises(InvalidRequestError, match="dictionary"):
        ChatOptions.checked(["temperature"])  # type: ignore[arg-type]
