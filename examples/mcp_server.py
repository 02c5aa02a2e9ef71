"""Serve the tools of this package to any MCP client: an assistant, an editor, another agent.

Usage: python examples/mcp_server.py [port]

With a port it answers Streamable HTTP at http://127.0.0.1:PORT/mcp, else standard input and
output. Needs the package langchain-mcp-adapters, which brings mcp below 2.
"""

import sys

from langchain_mcp_adapters.tools import to_fastmcp
from mcp.server.fastmcp import FastMCP

from langchain_pollinations import PollinationsToolkit

toolkit = PollinationsToolkit(model="flux", save_dir="pictures")
server = FastMCP("pollinations-tools", tools=[to_fastmcp(tool) for tool in toolkit.get_tools()])

if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.settings.port = int(sys.argv[1])
        server.run("streamable-http")
    else:
        server.run("stdio")
