"""A certificate authority of the tests' own, and what it signs."""

from __future__ import annotations

import ipaddress
import ssl
import subprocess
from pathlib import Path

EXTENSIONS = """[leaf]
subjectAltName={names}
basicConstraints=CA:FALSE
authorityKeyIdentifier=keyid
"""


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def _alternative_name(name: str) -> str:
    try:
        return f"IP:{ipaddress.ip_address(name)}"
    except ValueError:
        return f"DNS:{name}"


class LocalAuthority:
    """Signs certificates with the ``openssl`` command; who trusts ``path`` trusts them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = folder / "authority.key"
        self.path = folder / "authority.pem"
        _openssl(
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=local tests", "-addext", "keyUsage=critical,keyCertSign"),
            *("-keyout", str(self._key), "-out", str(self.path)),
        )

    def server(self, *names: str, is_expired: bool = False) -> ssl.SSLContext:
        """A server's context, its certificate made out to ``names``."""
        key, request, certificate, extensions = (
            str(self._folder / f"leaf.{suffix}") for suffix in ("key", "csr", "pem", "cnf")
        )
        listed = ",".join(map(_alternative_name, names))
        Path(extensions).write_text(EXTENSIONS.format(names=listed))
        _openssl(
            *("req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=leaf"),
            *("-keyout", key, "-out", request),
        )
        _openssl(
            *("x509", "-req", "-in", request, "-CA", str(self.path), "-CAkey", str(self._key)),
            *("-CAcreateserial", "-days", "-1" if is_expired else "1"),
            *("-extfile", extensions, "-extensions", "leaf", "-out", certificate),
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context
