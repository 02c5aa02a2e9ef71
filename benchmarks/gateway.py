"""The benchmark's gateway: answers scripts on 127.0.0.1 with bytes that were made beforehand.

It is no emulator: it reads nothing of a request but the script's name in its path and whether a
stream is asked for, so that it is never what a reader waits for.
"""

from __future__ import annotations

import asyncio
import sys

from scripts import Script, whole_body

STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)
BODY = whole_body()
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
    len(BODY),
    BODY,
)
_made: dict[str, tuple[Script, list[bytes]]] = {}


def _script(name: str) -> tuple[Script, list[bytes]]:
    if name not in _made:
        script = Script.named(name)
        _made[name] = (script, script.http_chunks)
    return _made[name]


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
            body = await reader.readexactly(length)
            if b'"stream":true' in body.replace(b" ", b""):
                script, chunks = _script(head.split(b"/")[1].decode())
                await _stream(writer, script, chunks)
            else:
                writer.write(WHOLE)
                await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def _stream(writer: asyncio.StreamWriter, script: Script, chunks: list[bytes]) -> None:
    if not script.pause_s:
        writer.write(STREAM_HEAD + b"".join(chunks))
        await writer.drain()
        return
    writer.write(STREAM_HEAD)
    for chunk in chunks:
        await asyncio.sleep(script.pause_s)
        writer.write(chunk)
    await writer.drain()


async def _main() -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    # The parent's end of this pipe closes with it, however it ends.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_main())
