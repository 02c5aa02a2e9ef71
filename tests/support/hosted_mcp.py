"""A stand-in for the gateway's hosted MCP server: Streamable HTTP, a key, links for media."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import uvicorn
from mcp.server.fastmcp import Context, FastMCP
from mcp.types import ResourceLink

PICTURE_URL = "https://media.pollinations.ai/0123456789abcdef"


@contextlib.contextmanager
def hosted_mcp_server() -> Iterator[tuple[str, list[str]]]:
    """Its address, and the authorization of every tool call."""
    keys: list[str] = []
    server = FastMCP("pollinations", stateless_http=True, log_level="ERROR")

    @server.tool("generateImage")
    def generate_image(prompt: str, context: Context) -> ResourceLink:  # type: ignore[type-arg]
        """Generate an image."""
        keys.append(context.request_context.request.headers["authorization"])
        return ResourceLink(
            type="resource_link", uri=PICTURE_URL, name=prompt, mimeType="image/jpeg"
        )

    @server.tool()
    def getBalance() -> str:  # noqa: N802
        """Check remaining pollen."""
        return "1"

    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(server.streamable_http_app(), log_level="error", ws="none")
    web = uvicorn.Server(config)
    thread = threading.Thread(target=web.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/mcp", keys
    finally:
        web.should_exit = True
        thread.join()
