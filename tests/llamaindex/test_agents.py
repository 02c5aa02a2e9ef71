"""Agents over the emulated gateway: steps, streams, pictures, handoff, memory; what each of them
needs of an LLM.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gc
from typing import Any

import pytest
from llama_index.core.agent.workflow import (
    AgentStream,
    AgentWorkflow,
    CodeActAgent,
    FunctionAgent,
    ReActAgent,
    ToolCallResult,
)
from llama_index.core.base.llms.types import (
    ChatMessage,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.memory import ChatSummaryMemoryBuffer, Memory
from llama_index.core.tools import FunctionTool
from llama_index.core.workflow import Context
from pydantic import BaseModel
from workflows.errors import WorkflowCancelledByUser, WorkflowRuntimeError

from llamaindex_pollinations import PollinationsToolSpec
from pollinations_client.emulator import Answer, Emulator, Fault

# LlamaIndex's own: deprecated attributes, and memory stores that it leaves open.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:is_running called from within a step:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

KEY = "sk_demo_0123456789abcdef"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGA"
    "WjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture(autouse=True, scope="module")
def _nothing_left_for_other_tests() -> Any:
    """What LlamaIndex leaves open is collected here, where its warnings are expected."""
    yield
    gc.collect()


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def weather(city: str) -> str:
    """Look up the weather of a city."""
    return f"{city}: sunny, 21 degrees"


ADD = FunctionTool.from_defaults(add)
WEATHER = FunctionTool.from_defaults(weather)


async def run(agent: Any, message: Any, **options: Any) -> tuple[Any, list[Any]]:
    """What an agent answers, and every event on the way."""
    handler = agent.run(message, **options)
    events = [event async for event in handler.stream_events()]
    return await handler, events


@pytest.mark.parametrize("streaming", [True, False])
def test_a_function_agent_answers_with_the_result(
    streaming: bool, make: Any, gateway: Emulator
) -> None:
    """Two steps: the call, then an answer that uses the tool's result."""
    agent = FunctionAgent(llm=make(), tools=[ADD, WEATHER], streaming=streaming)
    answer, events = asyncio.run(run(agent, "Add 3 and 4"))
    assert [event.tool_output.content for event in events if isinstance(event, ToolCallResult)] == [
        "7"
    ]
    assert "7" in str(answer)
    assert len(gateway.requests) == 2


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_agents_see_all_of_the_thinking(field: str, make: Any, gateway: Emulator) -> None:
    """``thinking_delta`` of the stream, joined, is the trace."""
    gateway.script(
        Answer(text="It is 7.", reasoning="Three and four, that is seven.", reasoning_field=field)
    )
    answer, events = asyncio.run(run(FunctionAgent(llm=make(), tools=[ADD]), "Add 3 and 4"))
    streamed = [event for event in events if isinstance(event, AgentStream)]
    assert (
        "".join(event.thinking_delta or "" for event in streamed)
        == "Three and four, that is seven."
    )
    assert "".join(event.delta for event in streamed) == "It is 7."
    assert streamed[-1].response == "It is 7."
    assert streamed[-1].raw["usage"]["total_tokens"] > 0
    assert [
        block.content for block in answer.response.blocks if isinstance(block, ThinkingBlock)
    ] == ["Three and four, that is seven."]


def test_a_tool_loop_carries_the_reasoning(make: Any, gateway: Emulator) -> None:
    """The second request shows the model why it called."""
    gateway.script(Answer(reasoning="I must add.", tool_calls=[("add", {"a": 3, "b": 4})]))
    asyncio.run(run(FunctionAgent(llm=make("deepseek"), tools=[ADD]), "Add 3 and 4"))
    turn = gateway.requests[1].json["messages"][1]
    assert (turn["role"], turn["reasoning_content"]) == ("assistant", "I must add.")


def test_parallel_calls_of_an_agent_are_all_answered(make: Any, gateway: Emulator) -> None:
    """Each result under its call."""
    calls = [("add", {"a": 1, "b": 2}), ("weather", {"city": "Paris"})]
    gateway.script(Answer(tool_calls=calls))
    _, events = asyncio.run(run(FunctionAgent(llm=make(), tools=[ADD, WEATHER]), "Both, please"))
    results = [event.tool_output.content for event in events if isinstance(event, ToolCallResult)]
    assert sorted(results) == ["3", "Paris: sunny, 21 degrees"]
    sent = gateway.requests[1].json["messages"]
    assert {call["id"] for call in sent[1]["tool_calls"]} == {
        entry["tool_call_id"] for entry in sent if entry["role"] == "tool"
    }


def test_section_53_a_picture_drawn_by_an_agent_reaches_the_model(
    make: Any, gateway: Emulator
) -> None:
    """The image tool's block goes back as a picture, after the tool's words."""
    tools = PollinationsToolSpec(
        api_key=KEY, api_base=gateway.url, width=64, height=64, return_image=True
    ).to_tool_list()
    _, events = asyncio.run(
        run(FunctionAgent(llm=make(), tools=tools), "Draw a picture of a red fox")
    )
    (result,) = [event for event in events if isinstance(event, ToolCallResult)]
    assert [type(block) for block in result.tool_output.blocks] == [TextBlock, ImageBlock]
    sent = gateway.requests[-1].json["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "tool", "user"]
    assert sent[3]["content"][1]["image_url"]["url"].startswith("data:image/jpeg;base64,")


def test_the_model_reads_the_error_of_a_failing_tool(make: Any, gateway: Emulator) -> None:
    """The agent goes on."""
    tools = PollinationsToolSpec(
        api_key=KEY, api_base="http://127.0.0.1:9", max_retries=0
    ).to_tool_list()
    answer, events = asyncio.run(
        run(FunctionAgent(llm=make(), tools=tools), "Draw a picture of a red fox")
    )
    (result,) = [event for event in events if isinstance(event, ToolCallResult)]
    assert result.tool_output.is_error
    assert str(answer)


CUT = '{"folder": "/srv/old", "force": tr'


@pytest.mark.parametrize("kind", ["streaming", "not streaming", "workflow"])
def test_a_call_with_cut_arguments_is_not_run_and_the_model_calls_again(
    kind: str, make: Any, gateway: Emulator
) -> None:
    """The tool's defaults are no answer to arguments that were cut."""
    cleaned: list[str] = []

    def clean_up(folder: str = ".", force: bool = True) -> str:
        """Delete a folder."""
        cleaned.append(folder)
        return f"{folder} is gone"

    gateway.script(
        Answer(
            tool_calls=[
                {"id": "a", "type": "function", "function": {"name": "clean_up", "arguments": CUT}}
            ]
        ),
        Answer(tool_calls=[("clean_up", {"folder": "/srv/old"})]),
        Answer(text="Done."),
    )
    agent = FunctionAgent(
        llm=make(),
        tools=[FunctionTool.from_defaults(clean_up)],
        streaming=kind != "not streaming",
        name="janitor",
        description="Cleans up.",
    )
    answer, events = asyncio.run(
        run(AgentWorkflow(agents=[agent]) if kind == "workflow" else agent, "Clean up /srv/old")
    )
    assert str(answer) == "Done."
    assert cleaned == ["/srv/old"]
    outputs = [event.tool_output for event in events if isinstance(event, ToolCallResult)]
    assert [output.is_error for output in outputs] == [True, False]
    called, result = gateway.requests[1].json["messages"][1:]
    assert called["tool_calls"][0]["function"] == {"name": "clean_up", "arguments": "{}"}
    assert result["tool_call_id"] == "a"
    assert "clean_up was not run" in result["content"]
    assert "not found" not in result["content"]


def test_a_react_agent_runs_nothing_on_cut_arguments(make: Any, gateway: Emulator) -> None:
    """Its calls are text: LlamaIndex asks the model again."""
    cleaned: list[str] = []

    def clean_up(folder: str = ".", force: bool = True) -> str:
        """Delete a folder."""
        cleaned.append(folder)
        return "Deleted."

    gateway.script(
        Answer(text=f"Thought: I clean up.\nAction: clean_up\nAction Input: {CUT}"),
        Answer(text="Thought: I can answer.\nAnswer: Done."),
    )
    agent = ReActAgent(llm=make(), tools=[FunctionTool.from_defaults(clean_up)])
    answer, _ = asyncio.run(run(agent, "Clean up"))
    assert (str(answer), cleaned) == ("Done.", [])


def test_an_agents_message_may_hold_pictures(make: Any, gateway: Emulator) -> None:
    """In the message that starts the run."""
    message = ChatMessage(
        role="user", blocks=[TextBlock(text="What is this?"), ImageBlock(image=PNG)]
    )
    asyncio.run(run(AgentWorkflow(agents=[FunctionAgent(llm=make(), tools=[ADD])]), message))
    assert gateway.requests[0].json["messages"][0]["content"][1]["type"] == "image_url"


class Weather(BaseModel):
    """The weather of a city."""

    city: str
    degrees: int


def test_a_function_agent_gives_a_structured_answer(make: Any, gateway: Emulator) -> None:
    """``output_cls`` asks once more, for an object."""
    agent = FunctionAgent(llm=make(), tools=[WEATHER], output_cls=Weather)
    answer, _ = asyncio.run(run(agent, "Look up the weather in 'Paris'"))
    assert answer.structured_response is not None
    assert isinstance(answer.get_pydantic_model(Weather), Weather)


def test_a_first_tool_can_be_forced(make: Any, gateway: Emulator) -> None:
    """``initial_tool_choice`` is a name."""
    agent = FunctionAgent(llm=make(), tools=[ADD, WEATHER], initial_tool_choice="weather")
    asyncio.run(run(agent, "Add 3 and 4"))
    assert gateway.requests[0].json["tool_choice"] == {
        "type": "function",
        "function": {"name": "weather"},
    }


@pytest.mark.parametrize("streaming", [True, False])
def test_consumer_react_agent(streaming: bool, make: Any, gateway: Emulator) -> None:
    """Reads thoughts and actions out of plain text."""
    gateway.script(
        Answer(text='Thought: I need a tool.\nAction: add\nAction Input: {"a": 3, "b": 4}'),
        Answer(text="Thought: I can answer without using any more tools.\nAnswer: It is 7."),
    )
    answer, events = asyncio.run(
        run(ReActAgent(llm=make(), tools=[ADD], streaming=streaming), "Add 3 and 4")
    )
    assert [event.tool_output.content for event in events if isinstance(event, ToolCallResult)] == [
        "7"
    ]
    assert str(answer) == "It is 7."


def test_a_react_agent_survives_an_empty_text(make: Any, gateway: Emulator) -> None:
    """A reasoning-only reply is empty text, not ``None``: the agent asks again."""
    gateway.script(
        Answer(text="", reasoning="Hm."), Answer(text="Thought: I can answer.\nAnswer: It is 7.")
    )
    answer, _ = asyncio.run(run(ReActAgent(llm=make(), tools=[ADD]), "Add 3 and 4"))
    assert str(answer) == "It is 7."


def test_consumer_code_act_agent(make: Any, gateway: Emulator) -> None:
    """Code comes as text, its outcome goes back as a message."""
    ran = []

    def execute(code: str) -> str:
        ran.append(code.strip())
        return "7"

    gateway.script(Answer(text="<execute>\nprint(3 + 4)\n</execute>"), Answer(text="It is 7."))
    agent = CodeActAgent(code_execute_fn=execute, llm=make(), tools=[add])
    answer, _ = asyncio.run(run(agent, "Add 3 and 4"))
    assert ran == ["print(3 + 4)"]
    assert str(answer) == "It is 7."


def test_consumer_agent_workflow_hands_over(make: Any, gateway: Emulator) -> None:
    """One agent calls the handoff tool, the other answers."""
    adder = FunctionAgent(
        name="adder", description="Adds.", llm=make(), tools=[ADD], can_handoff_to=["reporter"]
    )
    reporter = FunctionAgent(name="reporter", description="Reports.", llm=make(), tools=[WEATHER])
    gateway.script(
        Answer(tool_calls=[("handoff", {"to_agent": "reporter", "reason": "Done adding."})]),
        Answer(text="I report: 7."),
    )
    workflow = AgentWorkflow(agents=[adder, reporter], root_agent="adder")
    answer, _ = asyncio.run(run(workflow, "Add 3 and 4, then report"))
    assert (answer.current_agent_name, str(answer)) == ("reporter", "I report: 7.")


@pytest.mark.parametrize("streaming", [True, False])
def test_consumer_code_act_agent_hands_over(streaming: bool, make: Any, gateway: Emulator) -> None:
    """The agent that takes over is told so, though the call itself is not in the history that
    LlamaIndex keeps.
    """
    coder = CodeActAgent(
        name="coder",
        description="Codes.",
        code_execute_fn=lambda code: code,
        llm=make(),
        tools=[add],
        can_handoff_to=["reporter"],
        streaming=streaming,
    )
    reporter = FunctionAgent(
        name="reporter", description="Reports.", llm=make(), tools=[WEATHER], streaming=streaming
    )
    gateway.script(
        Answer(tool_calls=[("handoff", {"to_agent": "reporter", "reason": "Done."})]),
        Answer(text="I report: 7."),
    )
    workflow = AgentWorkflow(agents=[coder, reporter], root_agent="coder")
    answer, _ = asyncio.run(run(workflow, "Add 3 and 4, then report"))
    assert (answer.current_agent_name, str(answer)) == ("reporter", "I report: 7.")
    assert "reporter is now handling" in gateway.requests[1].json["messages"][-1]["content"]


def test_consumer_agent_workflow_chooses_a_function_agent(make: Any) -> None:
    """By metadata."""
    workflow = AgentWorkflow.from_tools_or_functions([add], llm=make())
    assert [type(agent) for agent in workflow.agents.values()] == [FunctionAgent]


def test_early_stopping_ends_with_a_system_message(make: Any, gateway: Emulator) -> None:
    """The gateway takes one anywhere."""
    gateway.script(*[Answer(tool_calls=[("add", {"a": 1, "b": 1})])] * 2, Answer(text="I stop."))
    agent = FunctionAgent(llm=make(), tools=[ADD], early_stopping_method="generate")
    answer, _ = asyncio.run(run(agent, "Add", max_iterations=2))
    assert str(answer) == "I stop."


def test_section_52_a_conversation_survives_json(make: Any, gateway: Emulator) -> None:
    """Messages with calls and thoughts are reloaded and go back to the gateway as they were."""

    async def talked() -> None:
        memory = Memory.from_defaults(session_id="s", token_limit=10_000)
        agent = FunctionAgent(llm=make(), tools=[ADD])
        await agent.run("Add 3 and 4", memory=memory)
        stored = [message.model_dump_json() for message in await memory.aget()]
        reloaded = [ChatMessage.model_validate_json(text) for text in stored]
        await agent.run("And what was that?", chat_history=reloaded)

    asyncio.run(talked())
    first, sent = gateway.requests[1].json["messages"], gateway.requests[2].json["messages"]
    assert [message["role"] for message in sent][:4] == ["user", "assistant", "tool", "assistant"]
    assert sent[:3] == first[:3]


def test_section_52_memory_keeps_every_block(make: Any, gateway: Emulator) -> None:
    """Through its own store."""
    gateway.script(Answer(text="So.", reasoning="Hm.", tool_calls=[("add", {"a": 1, "b": 2})]))
    message = make().chat([ChatMessage(role="user", content="hi")]).message

    async def remembered() -> ChatMessage:
        memory = Memory.from_defaults(session_id="s", token_limit=10_000)
        await memory.aput(message)
        return (await memory.aget())[-1]

    stored = asyncio.run(remembered())
    assert [type(block) for block in stored.blocks] == [TextBlock, ThinkingBlock, ToolCallBlock]
    assert stored.additional_kwargs["tool_calls"] == message.additional_kwargs["tool_calls"]


def test_consumer_summary_memory(make: Any, gateway: Emulator) -> None:
    """Old turns are summed up by the model."""
    long = [ChatMessage(role=role, content="bees " * 60) for role in ("user", "assistant") * 3]
    memory = ChatSummaryMemoryBuffer.from_defaults(chat_history=long, llm=make(), token_limit=200)
    assert memory.get()[0].role.value == "system"
    assert len(gateway.requests) == 1


def test_strict_tools_leave_out_what_was_not_asked_for(make: Any, gateway: Emulator) -> None:
    """In strict form every argument must be named: those of which the request says nothing are
    null, and left out.
    """
    tools = PollinationsToolSpec(api_key=KEY, api_base=gateway.url).to_tool_list()
    agent = FunctionAgent(llm=make(strict=True), tools=tools)

    async def run() -> Any:
        return await agent.run("Draw a picture of a fox")

    answer = asyncio.run(run())
    (drawing,) = (request for request in gateway.requests if request.path.startswith("/image/"))
    assert "fox" in drawing.path
    assert "Made a picture of" in str(answer)


async def test_a_session_goes_on_after_its_limit_of_iterations(
    gateway: Emulator, make: Any
) -> None:
    """The last calls have no results; the next message is answered all the same."""
    tool = FunctionTool.from_defaults(lambda: "again", name="look", description="Look.")
    agent = FunctionAgent(llm=make(), tools=[tool])
    context = Context(agent)
    gateway.script(*[Answer(tool_calls=[("look", {})])] * 3)
    with pytest.raises(WorkflowRuntimeError, match="Max iterations"):
        await agent.run("a", ctx=context, max_iterations=2)
    gateway.clear()
    assert str(await agent.run("b", ctx=context))


async def test_a_session_goes_on_after_a_cancelled_run(gateway: Emulator, make: Any) -> None:
    """The model reads that the call under way had no result."""
    started = asyncio.Event()

    async def wait() -> str:
        started.set()
        await asyncio.sleep(60)
        return "too late"

    tool = FunctionTool.from_defaults(async_fn=wait, name="wait", description="Wait.")
    agent = FunctionAgent(llm=make(), tools=[tool])
    context = Context(agent)
    gateway.script(Answer(tool_calls=[("wait", {})]))
    run = agent.run("a", ctx=context)
    await started.wait()
    await run.cancel_run()
    with contextlib.suppress(WorkflowCancelledByUser):
        await run
    assert str(await agent.run("b", ctx=context))
    roles = [message["role"] for message in gateway.requests[-1].json["messages"]]
    assert roles.count("tool") == sum(
        len(message.get("tool_calls", ())) for message in gateway.requests[-1].json["messages"]
    )


@pytest.mark.parametrize(("keep", "counts"), [(1, [0, 1, 1, 1]), (0, [0] * 4), (9, [0, 1, 2, 3])])
def test_older_pictures_of_tools_are_left_out(
    make: Any, gateway: Emulator, keep: int, counts: list[int]
) -> None:
    """A picture would be paid for on every later turn, and bodies would grow by it."""
    spec = PollinationsToolSpec(
        api_key=KEY, api_base=gateway.url, width=64, height=64, return_image=True
    )
    for animal in ("bee", "fox", "owl"):
        gateway.script(Answer(tool_calls=[("generate_image", {"prompt": animal})]))
        gateway.script(Fault("slow", bytes_per_s=1e9))  # the picture, in no hurry
    agent = FunctionAgent(llm=make(keep_images=keep), tools=spec.to_tool_list(), streaming=False)
    asyncio.run(run(agent, "Draw three animals."))
    bodies = [request for request in gateway.requests if request.path.startswith("/v1/chat")]
    assert [body.body.count(b'"type":"image_url"') for body in bodies] == counts


def test_a_video_of_a_tool_does_not_end_the_run(make: Any, gateway: Emulator) -> None:
    """Its bytes made a body that the gateway refuses, and 19 more videos."""
    spec = PollinationsToolSpec(
        api_key=KEY, api_base=gateway.url, video_model="veo", search_model=None, return_image=True
    )
    agent = FunctionAgent(llm=make("gemini"), tools=spec.to_tool_list())
    asyncio.run(run(agent, "Make a video of waves."))
    paths = [request.path for request in gateway.requests]
    assert len([path for path in paths if path.startswith("/image/")]) == 1
    assert all(len(request.body) < 20_000 for request in gateway.requests)
