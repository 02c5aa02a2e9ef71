"""What LlamaIndex's events, spans and callbacks tell of a call."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.instrumentation.span import SimpleSpan
from llama_index.core.instrumentation.span_handlers import SimpleSpanHandler
from llama_index.core.llms import ChatMessage
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel, Field

from llamaindex_pollinations import Pollinations
from pollinations_client.emulator import Emulator

HI = [ChatMessage(content="hi")]


class Trace(BaseEventHandler, SimpleSpanHandler):
    """Records what LlamaIndex passes to observers: events, spans' arguments and results."""

    tellings: list[str] = Field(default_factory=list)
    instances: list[Any] = Field(default_factory=list)

    def handle(self, event: BaseEvent, **kwargs: Any) -> None:
        """An event."""
        self.tellings.append(f"{event!r} {event.model_dump()}")

    def new_span(
        self, id_: str, bound_args: inspect.BoundArguments, *args: Any, **kwargs: Any
    ) -> SimpleSpan | None:
        """A call begins."""
        self.tellings.append(repr(bound_args.arguments))
        self.instances.append(args[0] if args else kwargs.get("instance"))
        return super().new_span(id_, bound_args, *args, **kwargs)

    def prepare_to_exit_span(
        self, id_: str, bound_args: inspect.BoundArguments, *args: Any, **kwargs: Any
    ) -> SimpleSpan | None:
        """A call ends."""
        self.tellings.append(repr(kwargs.get("result")))
        return super().prepare_to_exit_span(id_, bound_args, *args, **kwargs)


class Bee(BaseModel):
    """What the structured calls ask for."""

    name: str = "Maya"


def _add(a: int = 1) -> int:
    return a


async def _every_call(llm: Pollinations, **own: Any) -> None:
    prompt, tools = PromptTemplate("A bee"), [FunctionTool.from_defaults(_add, name="add")]
    llm.chat(HI, **own)
    list(llm.stream_chat(HI, **own))
    llm.complete("hi", **own)
    list(llm.stream_complete("hi", **own))
    await llm.achat(HI, **own)
    [response async for response in await llm.astream_chat(HI, **own)]
    await llm.acomplete("hi", **own)
    [response async for response in await llm.astream_complete("hi", **own)]
    llm.chat_with_tools(tools, "hi", **own)
    llm.predict_and_call(tools, "add", **own)
    llm.structured_predict(Bee, prompt, llm_kwargs=own)
    list(llm.stream_structured_predict(Bee, prompt, llm_kwargs=own))
    llm.as_structured_llm(Bee).chat(HI, **own)
    list(llm.as_structured_llm(Bee).stream_chat(HI, **own))


def test_headers_of_a_call_are_in_no_event_and_no_span(gateway: Emulator) -> None:
    """They may be secrets; LlamaIndex gives the arguments of a call to every tracer."""
    llm = Pollinations(model="openai", api_base=gateway.url)
    debug = LlamaDebugHandler(print_trace_on_end=False)
    llm.callback_manager = CallbackManager([debug])
    trace, root = Trace(), get_dispatcher()
    root.add_event_handler(trace)
    root.add_span_handler(trace)
    try:
        asyncio.run(_every_call(llm, extra_headers={"x-session": "s3cr3t"}))
    finally:
        root.event_handlers.remove(trace)
        root.span_handlers.remove(trace)
    assert len(trace.tellings) > 60
    payloads = [repr(event.payload) for event in debug.get_events()]
    assert not [text for text in (*trace.tellings, *payloads) if "s3cr3t" in text]
    assert {request.headers["x-session"] for request in gateway.requests} == {"s3cr3t"}


def test_every_span_has_the_llm_that_was_called(gateway: Emulator) -> None:
    """Observers read the model's name from it; OpenInference and Langfuse have no other source."""
    llm = Pollinations(model="openai", api_base=gateway.url)
    trace, root = Trace(), get_dispatcher()
    root.add_span_handler(trace)
    try:
        asyncio.run(_every_call(llm))
    finally:
        root.span_handlers.remove(trace)
    without = [instance for instance in trace.instances if instance is None]
    assert (len(trace.instances) > 20, without) == (True, [])
    assert sum(instance is llm for instance in trace.instances) > 15
