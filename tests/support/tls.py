"""A certificate authority for servers of these tests."""

from __future__ import annotations

import datetime as dt
import ssl
from pathlib import Path

import trustme


class LocalAuthority:
    """Signs certificates; who trusts ``path`` trusts them."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self.path = folder / "authority.pem"
        self._authority.cert_pem.write_to_path(str(self.path))

    def server(self, *names: str, is_expired: bool = False) -> ssl.SSLContext:
        """A server's context, its certificate made out to ``names``."""
        ends = dt.datetime.now(dt.UTC) + dt.timedelta(days=-1 if is_expired else 1)
        certificate = self._authority.issue_cert(
            *names, not_before=ends - dt.timedelta(days=2), not_after=ends
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        return context
