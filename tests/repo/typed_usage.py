# pyright: strict, reportUnnecessaryTypeIgnoreComment=true
"""A program that uses the public names as people do. It is type-checked and never run.

``assert_type`` says what an editor shows; a line with ``type: ignore`` must be an error, or the
checkers complain that the comment is not needed.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, TypedDict, assert_type

import httpx
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.prompts import ChatPromptTemplate
from llama_index.core import PromptTemplate
from llama_index.core.chat_engine.types import AgentChatResponse
from llama_index.core.llms import ChatMessage, ChatResponse, CompletionResponse, LLMMetadata
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.program.utils import FlexibleModel
from llama_index.core.schema import Document
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel, SecretStr

from langchain_pollinations import (
    ChatPollinations,
    PollinationsEmbeddings,
    PollinationsImageTool,
    PollinationsToolkit,
    PollinationsVideoTool,
)
from llamaindex_pollinations import (
    Pollinations,
    PollinationsEmbedding,
    PollinationsOCRReader,
    PollinationsToolSpec,
)
from pollinations_client import (
    AsyncPollinationsClient,
    ModelCard,
    Picture,
    PollinationsClient,
    PollinationsError,
    Reply,
    TextDelta,
)
from pollinations_client.emulator import Answer, Emulator


class Flower(BaseModel):
    """A flower."""

    name: str
    petals: int


class Town(TypedDict):
    """A town."""

    name: str


def langchain_constructors() -> None:
    """Models, embeddings and tools, by every way to give a key and a model."""
    ChatPollinations("claude", api_key="sk_x")
    ChatPollinations(model="claude", api_key=SecretStr("sk_x"), temperature=0.2, max_retries=0)
    ChatPollinations(model_name="claude", pollinations_api_key="sk_x", request_timeout=5)
    ChatPollinations(api_key=lambda: "sk_x", timeout=httpx.Timeout(5), http_client=httpx.Client())
    ChatPollinations("claude", http_async_client=httpx.AsyncClient(), stop=["."], n=2)
    PollinationsEmbeddings("gemini-embedding-2", dimensions=256, api_key="sk_x")
    PollinationsImageTool(model="flux", width=512, save_dir=Path("pictures"), api_key="sk_x")
    PollinationsVideoTool(model="veo", duration=4, name="film")
    PollinationsToolkit(video_model="veo", api_key="sk_x")
    ChatPollinations("claude", temprature=0.2)  # type: ignore[call-arg]
    ChatPollinations("claude", temperature="hot")  # type: ignore[arg-type]
    ChatPollinations("claude", http_client=httpx.AsyncClient())  # type: ignore[arg-type]
    PollinationsEmbeddings("gemini-embedding-2", size=3)  # type: ignore[call-arg]
    PollinationsImageTool(widht=512)  # type: ignore[call-arg]


def langchain_calls(llm: ChatPollinations) -> None:
    """Answers, streams, and the four forms of structured output."""
    assert_type(llm.invoke("hi"), AIMessage)
    for chunk in llm.stream("hi"):
        assert_type(chunk, AIMessageChunk)
    assert_type(llm.with_structured_output(Flower).invoke("A daisy."), Flower)
    assert_type(llm.with_structured_output(Town).invoke("Kew."), Town)
    both = llm.with_structured_output(Flower, include_raw=True).invoke("A daisy.")
    assert_type(both["raw"], AIMessage)
    assert_type(both["parsed"], Flower | None)
    schema: dict[str, Any] = {"title": "Flower", "type": "object", "properties": {}}
    assert_type(llm.with_structured_output(schema).invoke("A daisy."), dict[str, Any])
    assert_type(llm.with_structured_output(method="json_mode").invoke("JSON."), dict[str, Any])
    chain = ChatPromptTemplate.from_template("{x}") | llm.with_structured_output(Flower)
    assert_type(chain.invoke({"x": "A daisy."}), Flower)
    llm.bind_tools([Flower, "google_search"], tool_choice="any", strict=True)


def llamaindex_constructors() -> None:
    """By every way to give a key and a model."""
    Pollinations("gemini", api_key="sk_x", reasoning_effort="low")
    Pollinations(model="gemini", api_base="http://127.0.0.1:8787", timeout=httpx.Timeout(5))
    PollinationsEmbedding("gemini-embedding-2", dimensions=256, embed_batch_size=8)
    PollinationsToolSpec("flux", save_dir="pictures", width=512, max_retries=0)
    Pollinations("gemini", temprature=0.2)  # type: ignore[call-arg]
    Pollinations("gemini", temperature="hot")  # type: ignore[arg-type]
    PollinationsEmbedding(size=3)  # type: ignore[call-arg]
    PollinationsToolSpec(widht=512)  # type: ignore[call-arg]


async def llamaindex_calls(llm: Pollinations) -> None:
    """Each of the eight."""
    messages = [ChatMessage(role="user", content="hi")]
    assert_type(llm.chat(messages), ChatResponse)
    assert_type(llm.complete("hi"), CompletionResponse)
    for response in llm.stream_chat(messages):
        assert_type(response, ChatResponse)
    for completion in llm.stream_complete("hi"):
        assert_type(completion, CompletionResponse)
    assert_type(await llm.achat(messages), ChatResponse)
    assert_type(await llm.acomplete("hi"), CompletionResponse)
    async for response in await llm.astream_chat(messages):
        assert_type(response, ChatResponse)
    async for completion in await llm.astream_complete("hi"):
        assert_type(completion, CompletionResponse)


async def llamaindex_objects(llm: Pollinations) -> None:
    """Objects of a class, whole and growing, by each of the ways to ask for them."""
    prompt = PromptTemplate("Describe a {flower}.")
    assert_type(llm.structured_predict(Flower, prompt, flower="daisy"), Flower)
    assert_type(await llm.astructured_predict(Flower, prompt, flower="daisy"), Flower)
    for growing in llm.stream_structured_predict(Flower, prompt, flower="daisy"):
        assert_type(growing, Flower | FlexibleModel)
    async for growing in await llm.astream_structured_predict(Flower, prompt, flower="daisy"):
        assert_type(growing, Flower | FlexibleModel)
    structured = llm.as_structured_llm(Flower)
    messages = [ChatMessage("A daisy.")]
    assert_type(structured.chat(messages), ChatResponse)
    assert_type(await structured.achat(messages), ChatResponse)
    assert_type(structured.complete("A daisy."), CompletionResponse)
    assert_type(await structured.acomplete("A daisy."), CompletionResponse)
    for completion in structured.stream_complete("A daisy."):
        assert_type(completion, CompletionResponse)


def llamaindex_components(llm: Pollinations) -> None:
    """Tools, embeddings, a reader, and what is known of a model."""
    tools = PollinationsToolSpec("flux").to_tool_list()
    assert_type(tools, list[FunctionTool])
    assert_type(llm.predict_and_call(tools, "Draw a bee."), AgentChatResponse)
    response = llm.chat_with_tools(tools, "Draw a bee.")
    assert_type(llm.get_tool_calls_from_response(response), list[ToolSelection])
    assert_type(llm.metadata, LLMMetadata)
    assert_type(PollinationsEmbedding().get_text_embedding_batch(["Bees."]), list[list[float]])
    reader = PollinationsOCRReader("mistral-ocr", api_key="sk_x", timeout=60)
    assert_type(reader.load_data("bees.pdf"), list[Document])
    PollinationsOCRReader(modle="mistral-ocr")  # type: ignore[call-arg]
    with llm as closed_afterwards:
        assert_type(closed_afterwards, Pollinations)


def client_calls() -> Iterator[str]:
    """Every operation that takes options."""
    with PollinationsClient("sk_x", timeout=5, http_client=httpx.Client()) as client:
        reply = client.chat("hi", model="claude", temperature=0.2, timeout=5, max_retries=0)
        assert_type(reply, Reply)
        assert_type(client.text("hi", json=True), str)
        assert_type(client.image("bees", width=512, seed=7), Picture)
        assert_type(client.video("bees", duration=4, aspect_ratio="9:16"), Picture)
        assert_type(client.text_models(), list[ModelCard])
        for event in client.stream_chat([{"role": "user", "content": "hi"}], model="claude"):
            if isinstance(event, TextDelta):
                yield event.text
        yield from client.stream_text("hi", model="openai")
        client.chat("hi", temprature=2)  # type: ignore[call-arg]
        client.chat("hi", model=3)  # type: ignore[arg-type]
        client.image("bees", width="wide")  # type: ignore[arg-type]
        client.video("bees", seconds=4)  # type: ignore[call-arg]
        client.text("hi", jason=True)  # type: ignore[call-arg]
    PollinationsClient(http_client=httpx.AsyncClient())  # type: ignore[arg-type]
    PollinationsClient(base_utl="http://127.0.0.1:8787")  # type: ignore[call-arg]


async def async_client_calls() -> AsyncIterator[str]:
    """The same, awaited."""
    async with AsyncPollinationsClient(http_client=httpx.AsyncClient()) as client:
        assert_type(await client.chat("hi", model="claude"), Reply)
        assert_type(await client.image("bees"), Picture)
        async for event in client.stream_chat("hi", stop=["."]):
            if isinstance(event, TextDelta):
                yield event.text
        async for piece in client.stream_text("hi"):
            yield piece


def emulator_calls() -> None:
    """A test of one's own."""
    with Emulator(era="seed") as gateway:
        gateway.script(Answer(text="Hello."))
        try:
            ChatPollinations("openai", base_url=gateway.url).invoke("hi")
        except PollinationsError as error:
            assert_type(error.status_code, int | None)
        assert_type(gateway.requests[0].path, str)
