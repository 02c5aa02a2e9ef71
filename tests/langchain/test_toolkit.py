"""The toolkit: one connection, one folder, and every option of its tools."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from langchain_pollinations import (
    PollinationsToolkit,
)
from pollinations_client import InvalidRequestError
from pollinations_client.emulator import Emulator
from support.langchain import agent_call

KEY = "sk_demo_0123456789abcdef"


@pytest.mark.parametrize("sync", [True, False])
def test_the_toolkit_shares_key_and_folder(gateway: Emulator, tmp_path: Path, sync: bool) -> None:
    """Pictures, models and balance, and video where a model for it is named."""
    kit = PollinationsToolkit(
        api_key=KEY, base_url=gateway.url, save_dir=str(tmp_path), video_model="veo"
    )
    tools = {tool.name: tool for tool in kit.get_tools()}
    assert list(tools) == ["generate_image", "generate_video", "web_search", "check_balance"]
    assert KEY not in repr(kit)

    def answer(name: str, **arguments: Any) -> str:
        tool = tools[name]
        return str(tool.invoke(arguments) if sync else asyncio.run(tool.ainvoke(arguments)))

    assert "Sources:" in answer("web_search", query="Who won?")
    assert "pollen are left" in answer("check_balance")
    assert str(tmp_path) in answer("generate_image", prompt="a bee", width=64, height=64)
    assert all(request.headers["authorization"] == f"Bearer {KEY}" for request in gateway.requests)


def test_the_toolkit_hands_its_connection_on(gateway: Emulator) -> None:
    """Every option of a connection; a typo is an error."""
    with PollinationsToolkit(
        api_key=KEY, base_url=gateway.url, timeout=7, max_retries=0
    ) as toolkit:
        tools = toolkit.get_tools()
    assert {(tool.timeout, tool.max_retries, tool.base_url) for tool in tools} == {
        (7, 0, gateway.url)
    }  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="image_model"):
        PollinationsToolkit(api_key=KEY, base_url=gateway.url, image_modle="flux")


def test_tools_are_shipped_as_a_toolkit(gateway: Emulator) -> None:
    """Pictures, models, balance; video only where it is asked for."""
    from langchain_pollinations import PollinationsToolkit

    names = {tool.name for tool in PollinationsToolkit(base_url=gateway.url).get_tools()}
    more = {
        tool.name
        for tool in PollinationsToolkit(base_url=gateway.url, video_model="veo").get_tools()
    }
    assert "generate_image" in names
    assert more - names == {"generate_video"}


def test_a_toolkit_takes_every_option_of_its_tools(gateway: Emulator, tmp_path: Path) -> None:
    """And each tool takes what concerns it."""
    kit = PollinationsToolkit(
        "zimage",
        video_model="veo",
        search_model="gemini-search",
        base_url=gateway.url,
        width=64,
        height=64,
        audio=True,
        safe=True,
        save_dir=tmp_path,
        return_image=True,
        handle_tool_error=False,
        extra_query={"private": True},
    )
    assert kit.image_model == "zimage"
    paint, film, search, _ = kit.get_tools()
    assert not any(tool.handle_tool_error for tool in kit.get_tools())
    content = paint.invoke(agent_call(prompt="a bee")).content
    film.invoke(agent_call(prompt="a bee"))
    assert [block["type"] for block in content] == ["text", "image"]
    search.invoke({"query": "who?"})
    drawn, filmed, searched = gateway.requests
    assert drawn.query.items() >= {"width": "64", "safe": "true", "private": "true"}.items()
    assert "audio" not in drawn.query
    assert filmed.query.items() >= {"audio": "true", "safe": "true", "model": "veo"}.items()
    assert "width" not in filmed.query
    assert searched.json["model"] == "gemini-search"


def test_a_toolkit_has_one_client(gateway: Emulator) -> None:
    """What one refreshes all know; nothing is opened before the first call."""
    kit = PollinationsToolkit(base_url=gateway.url, video_model="veo")
    tools = kit.get_tools()
    assert gateway.requests == []
    assert len({id(tool._client) for tool in [*tools, kit]}) == 1  # type: ignore[attr-defined]
    kit.refresh_catalog()
    assert all(tool.catalog is kit.catalog for tool in tools)  # type: ignore[attr-defined]


def test_tools_without_search_or_video(gateway: Emulator) -> None:
    """What is not named is not offered."""
    kit = PollinationsToolkit(base_url=gateway.url, search_model=None)
    assert [tool.name for tool in kit.get_tools()] == ["generate_image", "check_balance"]


@pytest.mark.parametrize(
    "option", ["video_model", "search_model", "speech_model", "transcription_model"]
)
def test_a_toolkits_model_of_the_wrong_kind_is_refused_by_its_option(option: str) -> None:
    """The name that the operator wrote, also while voice is off."""
    with pytest.raises(InvalidRequestError, match=f"^{option}: 'flux' makes pictures"):
        PollinationsToolkit(api_key="sk_demo_0123456789abcdef", **{option: "flux"})
