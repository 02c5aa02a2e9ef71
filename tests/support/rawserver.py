"""A loopback server that plays bytes as told: for faults below HTTP that no web framework can be
talked into.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator

Script = Callable[[socket.socket, bytes], None]


class RawServer:
    """Each connection reads one request after another and hands it to ``script``, which answers on
    the socket.
    """

    def __init__(
        self, script: Script, *, reads_body: bool = True, context: ssl.SSLContext | None = None
    ) -> None:
        self._script = script
        self._reads_body = reads_body
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._stopped = threading.Event()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self.requests: list[bytes] = []
        self.connections = 0
        self._context = context
        scheme = "http" if context is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(peer)
            thread = threading.Thread(target=self._serve, args=(peer,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, peer: socket.socket) -> None:
        with contextlib.suppress(OSError), self._secured(peer) as peer:
            while not self._stopped.is_set():
                request = self._read_request(peer)
                if request is None:
                    break
                self.requests.append(request)
                self._script(peer, request)
        self._open.discard(peer)

    def _secured(self, peer: socket.socket) -> socket.socket:
        if self._context is None:
            return peer
        self._open.discard(peer)
        secure = self._context.wrap_socket(peer, server_side=True)
        self._open.add(secure)
        return secure

    def _read_request(self, peer: socket.socket) -> bytes | None:
        received = b""
        while b"\r\n\r\n" not in received:
            piece = peer.recv(65536)
            if not piece:
                return None
            received += piece
        head, _, body = received.partition(b"\r\n\r\n")
        length = next(
            (
                int(line[15:])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length:")
            ),
            0,
        )
        while self._reads_body and len(body) < length:
            body += peer.recv(65536)
        return head + b"\r\n\r\n" + body

    def wait(self, seconds: float) -> bool:
        """Pause a script; ends at once when the server stops."""
        return self._stopped.wait(seconds)

    def stop(self) -> None:
        """Close everything."""
        self._stopped.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in list(self._open):
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        for thread in self._threads:
            thread.join(5)


@contextlib.contextmanager
def raw_server(
    script: Script, *, reads_body: bool = True, context: ssl.SSLContext | None = None
) -> Iterator[RawServer]:
    """Serve ``script`` on a free port of 127.0.0.1, over TLS with a ``context``."""
    server = RawServer(script, reads_body=reads_body, context=context)
    try:
        yield server
    finally:
        server.stop()


def reset(peer: socket.socket) -> None:
    """Close with RST in place of FIN."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def response(
    body: bytes, status: str = "200 OK", kind: str = "application/json", extra: str = ""
) -> bytes:
    """A whole HTTP/1.1 response."""
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\n{extra}\r\n".encode()
        + body
    )


def stream_head(extra: str = "") -> bytes:
    """The head of a chunked event stream."""
    return (
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding:"
        f" chunked\r\n{extra}\r\n".encode()
    )


def chunk(body: bytes) -> bytes:
    """One piece of a chunked body; an empty one ends it."""
    return f"{len(body):x}\r\n".encode() + body + b"\r\n"
