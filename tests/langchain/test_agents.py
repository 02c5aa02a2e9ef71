"""Agents over the gateway: memory, streaming, structured answers, people in the loop, summaries,
pictures.
"""

from __future__ import annotations

import asyncio
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import (
    HumanInTheLoopMiddleware,
    ModelFallbackMiddleware,
    ModelRetryMiddleware,
    SummarizationMiddleware,
    ToolRetryMiddleware,
)
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from pydantic import BaseModel

from langchain_pollinations import ChatPollinations, PollinationsImageTool
from pollinations_client import PaymentRequiredError
from pollinations_client.emulator import Answer, Body, Chunks, Emulator, Fault


@tool
def flowering_now(month: str) -> str:
    """Tell which plants flower in a month."""
    return f"In {month} snowdrops flower."


class Plant(BaseModel):
    """A plant."""

    name: str
    height_cm: int


def thread(name: str) -> Any:
    """The configuration of one conversation."""
    return {"configurable": {"thread_id": name}}


def sent_body(gateway: Emulator, index: int = -1) -> Any:
    """A request as it was sent."""
    chats = [request for request in gateway.requests if request.path == "/v1/chat/completions"]
    return chats[index].json


@pytest.mark.parametrize("sync", [True, False])
def test_an_agent_calls_its_tool_and_answers(gateway: Emulator, make: Any, sync: bool) -> None:
    """Question, call, result, answer."""
    agent = create_agent(make(), tools=[flowering_now])
    question = {"messages": [HumanMessage("What is flowering in 'January'?")]}
    state = agent.invoke(question) if sync else asyncio.run(agent.ainvoke(question))
    kinds = [type(message) for message in state["messages"]]
    assert kinds == [HumanMessage, AIMessage, ToolMessage, AIMessage]
    assert state["messages"][1].tool_calls[0]["args"] == {"month": "January"}
    assert "snowdrops" in state["messages"][-1].text


def test_an_agent_remembers_a_conversation(gateway: Emulator, make: Any) -> None:
    """A checkpointer stores our messages and brings them back as they were."""
    agent = create_agent(make("deepseek"), tools=[flowering_now], checkpointer=InMemorySaver())
    agent.invoke({"messages": [HumanMessage("What is flowering in 'May'?")]}, thread("a"))
    agent.invoke({"messages": [HumanMessage("And thank you.")]}, thread("a"))
    sent = sent_body(gateway)["messages"]
    assert [message["role"] for message in sent[:4]] == ["user", "assistant", "tool", "assistant"]
    assert sent[1]["reasoning_content"]
    stored = agent.get_state(thread("a")).values["messages"]
    assert stored[1].usage_metadata["total_tokens"] > 0
    assert stored[1].content_blocks[0]["type"] == "reasoning"


@pytest.mark.parametrize("sync", [True, False])
def test_an_agent_streams_tokens_and_steps(gateway: Emulator, make: Any, sync: bool) -> None:
    """Tokens of the answer arrive in pieces, beside the steps of the graph."""
    agent = create_agent(make(), tools=[flowering_now])
    question = {"messages": [HumanMessage("What is flowering in 'January'?")]}
    modes: Any = ["messages", "updates"]

    async def gathered() -> list[Any]:
        return [chunk async for chunk in agent.astream(question, stream_mode=modes)]

    events = list(agent.stream(question, stream_mode=modes)) if sync else asyncio.run(gathered())
    tokens = [
        payload[0].text
        for mode, payload in events
        if mode == "messages" and payload[0].type == "AIMessageChunk"
    ]
    steps = [next(iter(payload)) for mode, payload in events if mode == "updates"]
    assert "snowdrops" in "".join(tokens)
    assert len([token for token in tokens if token]) > 2
    assert steps == ["model", "tools", "model"]
    assert sent_body(gateway)["stream"] is True


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_an_agent_streams_protocol_events(gateway: Emulator, make: Any) -> None:
    """The newer stream of LangGraph shows reasoning, text and calls of our chunks."""
    agent = create_agent(make("deepseek"), tools=[flowering_now])
    question = {"messages": [HumanMessage("What is flowering in 'January'?")]}
    run = agent.stream_events(question, version="v3")
    texts = [(str(message.text), str(message.reasoning)) for message in run.messages]
    assert any("snowdrops" in text for text, _ in texts)
    assert any(reasoning for _, reasoning in texts)


@pytest.mark.parametrize("sync", [True, False])
def test_an_agents_answer_by_tool_strategy(gateway: Emulator, make: Any, sync: bool) -> None:
    """The schema is offered as a tool, and a call of it ends the run."""
    agent = create_agent(make(), tools=[], response_format=ToolStrategy(Plant))
    question = {"messages": [HumanMessage("The plant 'snowdrop' is 15 cm high.")]}
    state = agent.invoke(question) if sync else asyncio.run(agent.ainvoke(question))
    assert state["structured_response"] == Plant(name="snowdrop", height_cm=15)
    assert sent_body(gateway)["tool_choice"] == "required"


@pytest.mark.parametrize("with_tools", [True, False])
def test_an_agents_answer_by_provider_strategy(
    gateway: Emulator, make: Any, with_tools: bool
) -> None:
    """The schema goes as ``response_format``, and without tools there is no empty list of them."""
    agent = create_agent(
        make(),
        tools=[flowering_now] if with_tools else [],
        response_format=ProviderStrategy(Plant, strict=True),
    )
    if with_tools:
        gateway.script(Answer(text='{"name": "snowdrop", "height_cm": 15}'))
    state = agent.invoke({"messages": [HumanMessage("The plant 'snowdrop' is 15 cm high.")]})
    assert state["structured_response"] == Plant(name="snowdrop", height_cm=15)
    sent = sent_body(gateway)
    assert sent["response_format"]["type"] == "json_schema"
    assert sent["response_format"]["json_schema"]["strict"] is True
    assert ("tools" in sent) is with_tools


def test_the_profile_chooses_the_strategy(gateway: Emulator, make: Any) -> None:
    """A schema alone takes the native form only where the catalogue says that the model has it."""
    for profile, native in (({"structured_output": True}, True), ({}, False)):
        llm = make(profile=profile)
        agent = create_agent(llm, tools=[], response_format=Plant)
        state = agent.invoke({"messages": [HumanMessage("The plant 'snowdrop' is 15 cm high.")]})
        assert state["structured_response"] == Plant(name="snowdrop", height_cm=15)
        assert ("response_format" in sent_body(gateway)) is native


def test_a_person_decides_before_a_tool_runs(gateway: Emulator, make: Any) -> None:
    """The run stops before the call and goes on with the person's arguments."""
    approval = HumanInTheLoopMiddleware(interrupt_on={"flowering_now": True})
    agent = create_agent(
        make(), tools=[flowering_now], middleware=[approval], checkpointer=InMemorySaver()
    )
    stopped = agent.invoke(
        {"messages": [HumanMessage("What is flowering in 'January'?")]}, thread("h")
    )
    assert stopped["__interrupt__"]
    edited = {"type": "edit", "edited_action": {"name": "flowering_now", "args": {"month": "June"}}}
    state = agent.invoke(Command(resume={"decisions": [edited]}), thread("h"))
    assert any("In June snowdrops flower." in message.text for message in state["messages"])


def test_a_person_refuses_a_tool(gateway: Emulator, make: Any) -> None:
    """The model is told, and the history stays one that providers accept."""
    approval = HumanInTheLoopMiddleware(interrupt_on={"flowering_now": True})
    agent = create_agent(
        make(), tools=[flowering_now], middleware=[approval], checkpointer=InMemorySaver()
    )
    agent.invoke({"messages": [HumanMessage("What is flowering in 'January'?")]}, thread("r"))
    state = agent.invoke(
        Command(resume={"decisions": [{"type": "reject", "message": "Not now."}]}), thread("r")
    )
    assert any("Not now." in message.text for message in state["messages"])


def test_a_long_conversation_is_summarised(gateway: Emulator, make: Any) -> None:
    """The middleware believes our usage, for it and the model name the same provider."""
    summary = SummarizationMiddleware(
        model=make("gemini"), trigger=("tokens", 300), keep=("messages", 1)
    )
    agent = create_agent(make(), tools=[], middleware=[summary], checkpointer=InMemorySaver())
    for _ in range(3):
        state = agent.invoke({"messages": [HumanMessage("Tell me about bees. " * 60)]}, thread("s"))
    assert any("summary" in message.text.lower() for message in state["messages"])
    assert len(state["messages"]) <= 4
    assert any(request.json["model"] == "gemini" for request in gateway.requests)


def test_a_summary_by_a_fraction_of_the_window(gateway: Emulator, make: Any) -> None:
    """The profile's window is what the fraction is of."""
    llm = make(profile={"max_input_tokens": 1000})
    summary = SummarizationMiddleware(model=llm, trigger=("fraction", 0.3), keep=("messages", 1))
    agent = create_agent(llm, tools=[], middleware=[summary], checkpointer=InMemorySaver())
    for _ in range(3):
        state = agent.invoke({"messages": [HumanMessage("Tell me about bees. " * 60)]}, thread("f"))
    assert any("summary" in message.text.lower() for message in state["messages"])


@pytest.mark.xfail(
    metadata.version("langchain").startswith("1.4."),
    reason="LangChain's fault: 1.4 asks again with as much",
)
def test_a_summary_that_overflows_is_asked_for_again_with_less(
    gateway: Emulator, make: Any
) -> None:
    """The gateway's refusal is LangChain's ContextOverflowError, on which the middleware acts."""
    overflow = {
        "error": {"code": "BAD_REQUEST", "message": "context_length_exceeded: at most 8192 tokens."}
    }
    summary = SummarizationMiddleware(model=make(), trigger=("messages", 4), keep=("messages", 1))
    agent = create_agent(make(), tools=[], middleware=[summary])
    gateway.script(Body(overflow, status=400))
    history = [
        kind("Bees hum. " * 40) for kind in (HumanMessage, AIMessage, HumanMessage, AIMessage)
    ]
    state = agent.invoke({"messages": [*history, HumanMessage("More.")]})
    assert isinstance(state["messages"][-1], AIMessage)
    first, second, _ = gateway.requests
    assert len(second.body) < len(first.body)


def test_spent_pollen_is_not_asked_for_again(gateway: Emulator, make: Any) -> None:
    """The retry middleware repeats what may pass, and never a 402."""
    retry = ModelRetryMiddleware(max_retries=2, initial_delay=0.0, jitter=False, on_failure="error")
    agent = create_agent(make(max_retries=0), tools=[], middleware=[retry])
    question = {"messages": [HumanMessage("hi")]}
    gateway.script(Fault("status", status=402))
    with pytest.raises(PaymentRequiredError):
        agent.invoke(question)
    assert len(gateway.requests) == 1
    gateway.clear()
    gateway.script(Fault("status", times=2, status=503))
    agent.invoke(question)
    assert len(gateway.requests) == 3


def test_a_fallback_model_answers(gateway: Emulator, make: Any) -> None:
    """Another model of the gateway takes over."""
    agent = create_agent(
        make(max_retries=0), tools=[], middleware=[ModelFallbackMiddleware(make("claude"))]
    )
    gateway.script(Fault("status", status=503))
    agent.invoke({"messages": [HumanMessage("hi")]})
    assert [request.json["model"] for request in gateway.requests] == ["openai", "claude"]


@pytest.mark.parametrize("sync", [True, False])
def test_an_agent_draws(gateway: Emulator, make: Any, tmp_path: Path, sync: bool) -> None:
    """The picture is saved, its path is told, and no base64 enters the conversation."""
    draw = PollinationsImageTool(base_url=gateway.url, width=64, height=64, save_dir=str(tmp_path))
    agent = create_agent(make(), tools=[draw, flowering_now])
    question = {"messages": [HumanMessage("Draw a picture of a red fox in snow.")]}
    state = agent.invoke(question) if sync else asyncio.run(agent.ainvoke(question))
    result = next(message for message in state["messages"] if isinstance(message, ToolMessage))
    assert result.artifact["data"] is None
    assert list(tmp_path.glob("*.jpg")) == [Path(result.artifact["path"])]
    assert all(len(str(message["content"])) < 2000 for message in sent_body(gateway)["messages"])


def test_a_drawn_picture_reaches_a_model_that_sees(gateway: Emulator, make: Any) -> None:
    """``return_image``: the block follows the tool's text in a user message, after all results of
    the turn.
    """
    draw = PollinationsImageTool(base_url=gateway.url, width=64, height=64, return_image=True)
    calls = [("generate_image", {"prompt": "a bee"}), ("generate_image", {"prompt": "a fox"})]
    gateway.script(Answer(tool_calls=calls))
    agent = create_agent(make(), tools=[draw])
    gateway_requests_before = len(gateway.requests)
    agent.invoke({"messages": [HumanMessage("Draw a bee and a fox.")]})
    sent = sent_body(gateway)["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "tool", "tool", "user"]
    assert [part["type"] for part in sent[-1]["content"]] == [
        "text",
        "image_url",
        "text",
        "image_url",
    ]
    assert len(gateway.requests) == gateway_requests_before + 4


def test_an_agent_survives_a_failing_tool(gateway: Emulator, make: Any) -> None:
    """The failure is the tool's answer; the model goes on with it."""
    draw = PollinationsImageTool(base_url=gateway.url, width=64, height=64, max_retries=0)
    gateway.script(
        Answer(tool_calls=[("generate_image", {"prompt": "a bee"})]), Fault("status", status=402)
    )
    state = create_agent(make(), tools=[draw]).invoke({"messages": [HumanMessage("Draw a bee.")]})
    result = next(message for message in state["messages"] if isinstance(message, ToolMessage))
    assert result.status == "error"
    assert isinstance(state["messages"][-1], AIMessage)


def test_middleware_retries_a_tool_that_may_pass(gateway: Emulator, make: Any) -> None:
    """With ``handle_tool_error=False`` the error says itself whether a repeat can help."""
    draw = PollinationsImageTool(
        base_url=gateway.url, width=64, height=64, max_retries=0, handle_tool_error=False
    )
    retry = ToolRetryMiddleware(max_retries=2, initial_delay=0.0, jitter=False)
    gateway.script(
        Answer(tool_calls=[("generate_image", {"prompt": "a bee"})]), Fault("status", status=503)
    )
    state = create_agent(make(), tools=[draw], middleware=[retry]).invoke(
        {"messages": [HumanMessage("Draw a bee.")]}
    )
    result = next(message for message in state["messages"] if isinstance(message, ToolMessage))
    assert result.artifact["data"]


def test_agents_repeat_no_work_when_they_offer_their_tools(
    gateway: Emulator, llm: ChatPollinations
) -> None:
    """A tool is written out once, and again when it says something else of itself."""
    first = llm.bind_tools([flowering_now]).kwargs["tools"][0]
    assert llm.bind_tools([flowering_now]).kwargs["tools"][0] is first
    other = flowering_now.model_copy(update={"description": "Something else."})
    assert (
        llm.bind_tools([other]).kwargs["tools"][0]["function"]["description"] == "Something else."
    )


def test_a_reasoning_agent_sends_its_thoughts_back(gateway: Emulator, make: Any) -> None:
    """Streamed by the graph or not, the second request carries the reasoning of the first
    answer.
    """
    agent = create_agent(make("kimi"), tools=[flowering_now])
    script = Chunks(
        [
            {
                "id": "c",
                "model": "kimi",
                "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
            }
            for delta, reason in (
                ({"role": "assistant", "reasoning_content": "Look it "}, None),
                ({"reasoning_content": "up."}, None),
                (
                    {
                        "tool_calls": [
                            {
                                "index": 0,
                                "id": "call_1",
                                "type": "function",
                                "function": {
                                    "name": "flowering_now",
                                    "arguments": '{"month": "May"}',
                                },
                            }
                        ]
                    },
                    None,
                ),
                ({}, "tool_calls"),
            )
        ]
    )
    gateway.script(script)
    list(agent.stream({"messages": [HumanMessage("What flowers in May?")]}, stream_mode="messages"))
    assert sent_body(gateway)["messages"][1]["reasoning_content"] == "Look it up."


def test_a_call_without_a_result_does_not_poison_the_thread(gateway: Emulator) -> None:
    """A run that was cut between a call and its result goes on with the next message, in every
    mode.
    """
    llm = ChatPollinations(model="openai", base_url=gateway.url)
    call = {"id": "c1", "name": "add", "args": {"a": 1}}
    thread = [HumanMessage("add"), AIMessage("", tool_calls=[call]), HumanMessage("never mind")]

    async def awaited() -> None:
        assert (await llm.ainvoke(thread)).text
        assert [chunk async for chunk in llm.astream(thread)]

    assert llm.invoke(thread).text
    assert list(llm.stream(thread))
    asyncio.run(awaited())
    result = gateway.requests[-1].json["messages"][2]
    assert result == {"role": "tool", "tool_call_id": "c1", "content": "[no result: interrupted]"}


def pictures_in(gateway: Emulator) -> list[int]:
    """Pictures in the body of each chat request."""
    bodies = [request for request in gateway.requests if request.path.startswith("/v1/chat")]
    return [request.body.count(b'"type":"image_url"') for request in bodies]


@pytest.mark.parametrize(("keep", "counts"), [(1, [0, 1, 1, 1]), (0, [0] * 4), (9, [0, 1, 2, 3])])
def test_older_pictures_of_tools_are_left_out(
    gateway: Emulator, make: Any, keep: int, counts: list[int]
) -> None:
    """A picture would be paid for on every later turn, and bodies would grow by it."""
    draw = PollinationsImageTool(base_url=gateway.url, width=64, height=64, return_image=True)
    for animal in ("bee", "fox", "owl"):
        gateway.script(Answer(tool_calls=[("generate_image", {"prompt": animal})]))
        gateway.script(Fault("slow", bytes_per_s=1e9))  # the picture, in no hurry
    agent = create_agent(make(keep_images=keep), tools=[draw])
    agent.invoke({"messages": [HumanMessage("Draw three animals.")]})
    assert pictures_in(gateway) == counts


def test_pictures_of_the_user_are_never_left_out(gateway: Emulator, make: Any) -> None:
    """However many, and whatever tools gave since."""
    own = {"type": "image", "base64": "AAAA", "mime_type": "image/png"}
    call = {"name": "look", "args": {}, "id": "c"}
    messages = [
        HumanMessage([own, own]),
        AIMessage("", tool_calls=[call]),
        ToolMessage([own, own], tool_call_id="c"),
        AIMessage("Seen."),
        HumanMessage([own]),
    ]
    make(keep_images=1).invoke(messages)
    sent = gateway.requests[-1].json["messages"]
    counts = [
        sum(part["type"] == "image_url" for part in message["content"])
        for message in sent
        if isinstance(message["content"], list)
    ]
    assert counts == [2, 1, 1]
    assert "[1 older picture left out]" in sent[2]["content"]
