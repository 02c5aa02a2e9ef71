"""Whole runs of an agent with the tool spec: make, look, edit, film, search; what they weigh."""

from __future__ import annotations

import gc
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langfuse import Langfuse
from llama_index.core.agent.workflow import CodeActAgent, FunctionAgent, ToolCallResult
from llama_index.core.workflow import Context, JsonSerializer
from openinference.instrumentation.llama_index import LlamaIndexInstrumentor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from llamaindex_pollinations import Pollinations, PollinationsToolSpec
from pollinations_client import MediaResult, PollenBudget
from pollinations_client.emulator import Answer, Emulator
from support.edits import pictures_in
from support.tracing import spans_in_memory, written

# LlamaIndex's own: deprecated attributes, and memory stores that it leaves open.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

KEY = "sk_demo_0123456789abcdef"
MAX_BYTES_OF_A_PICTURE = 10_000
MAKE = ("generate_image", {"prompt": "a bee over lavender"})
EDIT = ("generate_image", {"prompt": "make it night", "image": "picture-1"})
FILM = ("generate_video", {"prompt": "waves", "duration": 4})
SEARCH = ("web_search", {"query": "Why do bees dance?"})


@pytest.fixture(autouse=True, scope="module")
def _nothing_left_for_other_tests() -> Any:
    """What LlamaIndex leaves open is collected here, where its warnings are expected."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def _media() -> Iterator[Emulator]:
    with Emulator() as media:
        yield media


@pytest.fixture
def media(_media: Emulator) -> Emulator:
    """A second gateway, for what the tools make: the first one's answers are scripted."""
    _media.clear()
    return _media


def spec(media: Emulator, save_dir: Path | None, **options: Any) -> PollinationsToolSpec:
    """Tools that may draw, edit, film and search."""
    return PollinationsToolSpec(
        **{
            "api_key": KEY,
            "api_base": media.url,
            "model": "kontext",
            "video_model": "veo",
            "save_dir": save_dir,
            **options,
        }
    )


def agent_with(
    gateway: Emulator, tools: PollinationsToolSpec, *calls: tuple[str, dict[str, Any]]
) -> FunctionAgent:
    """An agent whose model makes these calls, one after the other, and then answers."""
    gateway.script(*[Answer(tool_calls=[call]) for call in calls], Answer(text="Done."))
    llm = Pollinations("openai", api_base=gateway.url, api_key=KEY)
    return FunctionAgent(llm=llm, tools=tools.to_tool_list(), streaming=False)


async def run(agent: FunctionAgent, context: Context | None = None) -> tuple[str, list[Any]]:
    """The answer, and the outputs of the tools."""
    handler = agent.run("Go.", ctx=context)
    events = [event async for event in handler.stream_events()]
    outputs = [event.tool_output for event in events if isinstance(event, ToolCallResult)]
    return str(await handler), outputs


async def test_an_agent_makes_looks_edits_films_and_searches(
    gateway: Emulator, media: Emulator, tmp_path: Path
) -> None:
    """One request for each, and every result is there for the program."""
    tools = spec(media, tmp_path / "out.v2", return_image=True)
    answer, outputs = await run(agent_with(gateway, tools, MAKE, EDIT, FILM, SEARCH))
    assert answer == "Done."
    assert [request.path for request in media.requests] == [
        "/image/a bee over lavender",
        "/v1/images/edits",
        "/image/waves",
        "/v1/chat/completions",
    ]
    # It looks: the picture is in the next request, and of two only the newer.
    pictures = [request.body.count(b'"type":"image_url"') for request in gateway.requests]
    assert pictures == [0, 1, 1, 1, 1]
    drawn, edited, filmed, sources = (output.raw_output for output in outputs)
    assert isinstance(drawn, MediaResult)
    assert Path(drawn.path).read_bytes() in pictures_in(media.requests[1])
    assert edited.url.startswith(f"{media.url}/media/")
    assert (filmed.duration_s, filmed.data) == (4, None)
    assert [source["title"] for source in sources] == ["Source 1", "Source 2"]
    assert len(list((tmp_path / "out.v2").iterdir())) == 3


async def test_a_budget_stops_the_tools_and_the_run_ends_in_words(
    gateway: Emulator, media: Emulator
) -> None:
    """Three pictures fit; the fourth and the fifth are not sent, and the model reads why."""
    calls = [("generate_image", {"prompt": f"bee {n}"}) for n in range(5)]
    tools = spec(media, None, model="flux", width=64, height=64)
    with PollenBudget(0.0075, chat_reserve=0.0001) as budget:
        Pollinations("openai", api_base=gateway.url).complete("hi")  # asks for the prices
        _, outputs = await run(agent_with(gateway, tools, *calls))
    drawn = [request for request in media.requests if request.path.startswith("/image/bee")]
    assert len(drawn) == 3
    assert [output.is_error for output in outputs] == [False] * 3 + [True] * 2
    assert "do not call again, finish with what there is" in outputs[-1].content
    assert budget.spent <= 0.0075


async def weights(
    gateway: Emulator, media: Emulator, folder: Path, call: tuple[str, dict[str, Any]]
) -> dict[str, int]:
    """Bytes of a run with one call: its context as JSON, and two kinds of traces."""
    provider, exporter = spans_in_memory()
    fused = InMemorySpanExporter()
    langfuse = Langfuse(
        public_key=f"pk-llamaindex-{folder.name}",
        secret_key="x",
        host="http://127.0.0.1:9",
        span_exporter=fused,
        tracer_provider=provider,
        should_export_span=lambda _: True,
    )
    LlamaIndexInstrumentor().instrument(tracer_provider=provider)
    try:
        agent = agent_with(gateway, spec(media, folder), call)
        context: Any = Context(agent)
        _, (output,) = await run(agent, context)
    finally:
        LlamaIndexInstrumentor().uninstrument()
    langfuse.flush()
    with warnings.catch_warnings():  # LlamaIndex's own: its memory is not in a context's JSON
        warnings.simplefilter("ignore")
        dump = json.dumps(context.to_dict(serializer=JsonSerializer()))
    texts = {
        "OpenInference": written(exporter.get_finished_spans()),
        "Langfuse": written(fused.get_finished_spans()),
        "context": dump,
        "output": output.model_dump_json(),
    }
    langfuse.shutdown()
    assert not [name for name, text in texts.items() if KEY in text]
    assert "Go." in texts["Langfuse"]
    return {name: len(text) for name, text in texts.items()}


async def test_a_saved_picture_weighs_little_everywhere(
    gateway: Emulator, media: Emulator, tmp_path: Path
) -> None:
    """At most 10 KB more than a look at the balance: in a context, in an output, in traces."""
    without = await weights(gateway, media, tmp_path / "without", ("check_balance", {}))
    with_picture = await weights(gateway, media, tmp_path / "with", MAKE)
    (picture,) = (tmp_path / "with").iterdir()
    assert picture.stat().st_size > MAX_BYTES_OF_A_PICTURE
    added = {name: with_picture[name] - without[name] for name in without}
    assert {name: size for name, size in added.items() if size > MAX_BYTES_OF_A_PICTURE} == {}


async def test_an_agent_that_writes_code_sees_the_methods(gateway: Emulator) -> None:
    """It shows the model the signature and the docstring of each."""
    spec = PollinationsToolSpec(api_base=gateway.url)
    gateway.script(Answer("<execute>generate_image('bees')</execute>"), Answer("Done."))
    ran: list[str] = []

    async def execute(code: str) -> str:
        ran.append(code)
        return "ok"

    agent = CodeActAgent(
        code_execute_fn=execute, tools=spec.to_tool_list(), llm=Pollinations(api_base=gateway.url)
    )
    assert str(await agent.run("Draw bees.")) == "Done."
    assert ran == ["generate_image('bees')"]
    asked = json.dumps(gateway.requests[0].json)
    assert "def generate_image(prompt: str, model: str | None = None" in asked
    assert "def check_balance() -> str" in asked
