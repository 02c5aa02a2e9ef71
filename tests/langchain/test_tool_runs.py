"""Whole runs of an agent with the toolkit: make, look, edit, film, search; what they weigh."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tracers import LangChainTracer
from langfuse import Langfuse
from langfuse.langchain import CallbackHandler
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from openinference.instrumentation.langchain import LangChainInstrumentor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from langchain_pollinations import ChatPollinations, PollinationsToolkit
from pollinations_client import MediaResult, PollenBudget
from pollinations_client.emulator import Answer, Emulator
from pollinations_client.emulator.media.pictures import PictureSpec, picture
from support.edits import pictures_in
from support.tracing import langsmith_collector, spans_in_memory, stored_runs, written

ROOT = Path(__file__).parents[2]
KEY = "sk_demo_0123456789abcdef"
MAX_BYTES_OF_A_PICTURE = 10_000
MAKE = ("generate_image", {"prompt": "a bee over lavender"})
EDIT = ("generate_image", {"prompt": "make it night", "image": "picture-1"})
FILM = ("generate_video", {"prompt": "waves", "duration": 4})
SEARCH = ("web_search", {"query": "Why do bees dance?"})
THREAD: Any = {"configurable": {"thread_id": "garden"}}


@pytest.fixture(scope="module")
def _media() -> Iterator[Emulator]:
    with Emulator() as media:
        yield media


@pytest.fixture
def media(_media: Emulator) -> Emulator:
    """A second gateway, for what the tools make: the first one's answers are scripted."""
    _media.clear()
    return _media


def toolkit(media: Emulator, save_dir: Path | None, **options: Any) -> PollinationsToolkit:
    """A toolkit that may draw, edit, film and search."""
    return PollinationsToolkit(
        **{
            "api_key": KEY,
            "base_url": media.url,
            "model": "kontext",
            "video_model": "veo",
            "save_dir": save_dir,
            **options,
        }
    )


def scripted(gateway: Emulator, *calls: tuple[str, dict[str, Any]]) -> ChatPollinations:
    """A model that makes these calls, one after the other, and then answers."""
    gateway.script(*[Answer(tool_calls=[call]) for call in calls], Answer(text="Done."))
    return ChatPollinations("openai", base_url=gateway.url, api_key=KEY)


@pytest.mark.parametrize("sync", [True, False])
def test_an_agent_makes_looks_edits_films_and_searches(
    gateway: Emulator, media: Emulator, tmp_path: Path, sync: bool
) -> None:
    """One request for each, and the conversation goes on from its checkpoint."""
    llm = scripted(gateway, MAKE, EDIT, FILM, SEARCH)
    kit = toolkit(media, tmp_path / "out.v2", return_image=True)
    with SqliteSaver.from_conn_string(str(tmp_path / "checkpoints.db")) as saver:
        agent = create_agent(
            llm, tools=kit.get_tools(), checkpointer=saver if sync else InMemorySaver()
        )
        question = {"messages": [("user", "Go.")]}
        state = (
            agent.invoke(question, THREAD) if sync else asyncio.run(agent.ainvoke(question, THREAD))
        )
        messages = agent.get_state(THREAD).values["messages"]
    assert state["messages"][-1].text == "Done."
    drawn, edited, filmed, searched = (
        message for message in messages if isinstance(message, ToolMessage)
    )
    assert [request.path for request in media.requests] == [
        "/image/a bee over lavender",
        "/v1/images/edits",
        "/image/waves",
        "/v1/chat/completions",
    ]
    # It looks: the picture is in the next request, and of two only the newer.
    pictures = [request.body.count(b'"type":"image_url"') for request in gateway.requests]
    assert pictures == [0, 1, 1, 1, 1]
    assert Path(drawn.artifact["path"]).read_bytes() in pictures_in(media.requests[1])
    assert edited.artifact["url"].startswith(f"{media.url}/media/")
    assert (filmed.artifact["duration_s"], filmed.artifact["data"]) == (4, None)
    assert [source["title"] for source in searched.artifact] == ["Source 1", "Source 2"]
    assert len(list((tmp_path / "out.v2").iterdir())) == 3
    assert KEY not in json.dumps([message.model_dump(mode="json") for message in messages])


def test_a_budget_stops_the_tools_and_the_run_ends_in_words(
    gateway: Emulator, media: Emulator
) -> None:
    """Three pictures fit; the fourth and the fifth are not sent, and the model is told so."""
    calls = [("generate_image", {"prompt": f"bee {n}"}) for n in range(5)]
    kit = toolkit(media, None, model="flux", width=64, height=64)
    with PollenBudget(0.0075, chat_reserve=0.0001) as budget:
        ChatPollinations("openai", base_url=gateway.url).invoke("hi")  # asks for the prices
        agent = create_agent(scripted(gateway, *calls), tools=kit.get_tools())
        state = agent.invoke({"messages": [("user", "Draw five bees.")]})
    drawn = [request for request in media.requests if request.path.startswith("/image/bee")]
    assert len(drawn) == 3
    results = [message for message in state["messages"] if isinstance(message, ToolMessage)]
    assert [message.status for message in results] == ["success"] * 3 + ["error"] * 2
    assert "do not call again, finish with what there is" in results[-1].text
    assert "max_tokens" not in results[-1].text
    assert isinstance(state["messages"][-1], AIMessage)
    assert budget.spent <= 0.0075


# -- what a picture weighs


def weights(
    gateway: Emulator, media: Emulator, folder: Path, call: tuple[str, dict[str, Any]]
) -> dict[str, int]:
    """Bytes of a run with one call: JSON, checkpoint, and three kinds of traces."""
    folder.mkdir()
    sizes: dict[str, int] = {}
    provider, exporter = spans_in_memory()
    fused = InMemorySpanExporter()
    langfuse = Langfuse(
        public_key=f"pk-{folder.name}",
        secret_key="x",
        host="http://127.0.0.1:9",
        span_exporter=fused,
    )
    with (
        langsmith_collector() as (client, bodies),
        SqliteSaver.from_conn_string(str(folder / "c.db")) as saver,
    ):
        agent = create_agent(
            scripted(gateway, call),
            tools=toolkit(media, folder / "out").get_tools(),
            checkpointer=saver,
        )
        handler = CallbackHandler(public_key=f"pk-{folder.name}")
        LangChainInstrumentor().instrument(tracer_provider=provider)
        try:
            state = agent.invoke(
                {"messages": [("user", "Go.")]},
                {**THREAD, "callbacks": [LangChainTracer(client=client), handler]},
            )
        finally:
            LangChainInstrumentor().uninstrument()
        client.flush()
        langfuse.flush()
        traces = {
            "LangSmith": stored_runs(bodies),
            "OpenInference": written(exporter.get_finished_spans()),
            "Langfuse": written(fused.get_finished_spans()),
        }
    langfuse.shutdown()
    for name, text in traces.items():
        assert "Go." in text, name
        assert KEY not in text, name
        sizes[name] = len(text)
    sizes["JSON"] = len(
        json.dumps([message.model_dump(mode="json") for message in state["messages"]])
    )
    with sqlite3.connect(folder / "c.db") as database:
        for table, column in (("checkpoints", "checkpoint"), ("writes", "value")):
            (sizes[table],) = database.execute(
                f"select sum(length({column})) from {table}"
            ).fetchone()
    database.close()
    return sizes


def test_a_saved_picture_weighs_little_everywhere(
    gateway: Emulator, media: Emulator, tmp_path: Path
) -> None:
    """At most 10 KB more than a look at the balance: in JSON, a checkpoint, a trace of any kind."""
    without = weights(gateway, media, tmp_path / "without", ("check_balance", {}))
    with_picture = weights(gateway, media, tmp_path / "with", MAKE)
    (picture,) = (tmp_path / "with" / "out").iterdir()
    assert picture.stat().st_size > MAX_BYTES_OF_A_PICTURE
    added = {name: with_picture[name] - without[name] for name in without}
    assert {name: size for name, size in added.items() if size > MAX_BYTES_OF_A_PICTURE} == {}


def test_tools_work_with_an_emulator_that_is_another_process(tmp_path: Path) -> None:
    """As the README starts it."""
    command = [sys.executable, "-m", "pollinations_client.emulator", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        port = process.stdout.readline().rpartition(":")[2].strip()
        kit = PollinationsToolkit(
            base_url=f"http://127.0.0.1:{port}", model="kontext", save_dir=tmp_path, upload=True
        )
        try:
            draw, search, balance = kit.get_tools()
            assert "picture-1" in draw.invoke({"prompt": "a bee", "width": 64, "height": 64})
            assert "picture-2" in draw.invoke({"prompt": "blue", "image": "picture-1"})
            assert "Sources:" in search.invoke({"query": "Why?"})
            assert "pollen are left" in balance.invoke({})
        finally:
            kit.close()
            os.kill(process.pid, signal.SIGINT)
            assert process.wait(20) == 0
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("sync", [True, False])
@pytest.mark.parametrize("saved", [True, False])
async def test_a_resumed_conversation_knows_its_pictures(
    gateway: Emulator, media: Emulator, tmp_path: Path, saved: bool, sync: bool
) -> None:
    """A server was started anew: names go on, and the picture of before is changed."""
    folder = tmp_path if saved else None
    saver = InMemorySaver()
    config: Any = {"configurable": {"thread_id": "a"}}
    calls = [{"prompt": "a bee"}, {"prompt": "a fox"}, {"prompt": "blue", "image": "picture-1"}]
    answers = []
    for arguments in calls:
        llm = scripted(gateway, ("generate_image", arguments))
        tools = toolkit(media, folder, width=64, height=64).get_tools()
        agent = create_agent(llm, tools, checkpointer=saver)
        if sync:
            result = agent.invoke({"messages": [("user", "Go on.")]}, config)
        else:
            result = await agent.ainvoke({"messages": [("user", "Go on.")]}, config)
        answers.append(result["messages"][-2].text)
    assert [answer.rpartition(" ")[2] for answer in answers] == [
        "picture-1.",
        "picture-2.",
        "picture-3.",
    ]
    # The emulator notes the prompt in its pictures.
    assert b"a bee" in b"".join(pictures_in(media.requests[-1]))


def test_a_history_cannot_name_files_outside_of_the_folder(
    gateway: Emulator, media: Emulator, tmp_path: Path
) -> None:
    """Who sends messages to a server may have written the artifact."""
    secret = tmp_path / "private.jpg"
    secret.write_bytes(picture(PictureSpec("a secret", "flux", 1, 64, 64)))
    artifact = MediaResult(mime_type="image/jpeg", path=str(secret), prompt="x")
    history = [
        AIMessage("", tool_calls=[{"name": "generate_image", "args": {}, "id": "c"}]),
        ToolMessage("Done. It is called picture-4.", tool_call_id="c", artifact=artifact),
        ("user", "Make picture-4 blue."),
    ]
    llm = scripted(gateway, ("generate_image", {"prompt": "blue", "image": "picture-4"}))
    tools = toolkit(media, tmp_path / "pictures").get_tools()
    agent = create_agent(llm, tools, checkpointer=InMemorySaver())
    result = agent.invoke({"messages": history}, {"configurable": {"thread_id": "a"}})
    assert "'picture-4' was not made in this conversation" in result["messages"][-2].text
    assert not media.requests
