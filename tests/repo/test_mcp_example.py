"""``examples/mcp_server.py`` over the emulator, asked by the MCP clients of both frameworks."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_mcp_adapters.client import MultiServerMCPClient
from llama_index.tools.mcp import BasicMCPClient, McpToolSpec

from pollinations_client.emulator import Emulator

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "mcp_server.py"
NAMES = ["generate_image", "web_search", "check_balance"]

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def _collect_the_clients() -> Iterator[None]:
    """The MCP clients leave their sockets to the garbage collector, which would warn in a later
    test.
    """
    yield
    gc.collect()


@pytest.fixture
def environment(gateway: Emulator) -> dict[str, str]:
    """Of the server's process."""
    return {"POLLINATIONS_BASE_URL": gateway.url, "PATH": "", "PYTHONPATH": str(ROOT)}


@pytest.fixture
def server_url(environment: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """The example, serving HTTP on a free port."""
    process = subprocess.Popen(
        [sys.executable, str(EXAMPLE), "0"],
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=tmp_path,
    )
    assert process.stderr is not None
    with process, process.stderr:
        try:
            yield next(
                line.split("running on ")[1].split()[0] + "/mcp"
                for line in process.stderr
                if "running on " in line
            )
        finally:
            process.terminate()


async def test_langchains_client_makes_a_picture_over_http(server_url: str, tmp_path: Path) -> None:
    """The answer is the tool's one line; the picture is in the server's folder."""
    client = MultiServerMCPClient({"ours": {"transport": "streamable_http", "url": server_url}})
    tools = await client.get_tools()
    assert [tool.name for tool in tools] == NAMES
    assert set(tools[0].args) == {"prompt", "aspect_ratio", "width", "height", "seed"}
    (block,) = await tools[0].ainvoke({"prompt": "bees over lavender", "seed": 7})
    assert block["text"].startswith("Made a picture of 'bees over lavender'")
    assert (tmp_path / "pictures" / "bees-over-lavender-7.jpg").exists()


async def test_llamaindexs_client_makes_a_picture_over_http(
    server_url: str, tmp_path: Path
) -> None:
    """LlamaIndex puts the whole result into the conversation, so it has to be short."""
    tools = await McpToolSpec(BasicMCPClient(server_url)).to_tool_list_async()
    assert [tool.metadata.name for tool in tools] == NAMES
    output = await tools[0].acall(prompt="bees over lavender", seed=7)
    assert "saved as pictures/bees-over-lavender-7.jpg" in output.content
    assert len(output.content) < 500
    assert (tmp_path / "pictures" / "bees-over-lavender-7.jpg").exists()


async def test_a_client_that_starts_servers_itself_finds_the_tools(
    environment: dict[str, str],
) -> None:
    """Over standard input and output, as assistants do."""
    command = {"command": sys.executable, "args": [str(EXAMPLE)], "env": environment}
    client = MultiServerMCPClient({"ours": {"transport": "stdio", **command}})
    assert [tool.name for tool in await client.get_tools()] == NAMES
