"""A certificate that nobody trusts, made when it is asked for."""

from __future__ import annotations

import ssl

import pytest

from support.tls import LocalAuthority


@pytest.fixture(scope="session")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server context with a certificate for 127.0.0.1, signed by an unknown authority."""
    return LocalAuthority(tmp_path_factory.mktemp("tls")).server("127.0.0.1")
