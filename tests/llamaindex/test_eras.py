"""The gateway of API 0.3.0 and the one of today: the same model object works with both."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from llama_index.core import PromptTemplate
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock, ThinkingBlock
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from llamaindex_pollinations import Pollinations, PollinationsToolSpec
from pollinations_client import UnknownModelError
from pollinations_client.emulator import Emulator
from support.llamaindex import blocks_of, text_of

KEY = "sk_demo_0123456789abcdef"
PROMPT = PromptTemplate("Who is 'Bob', aged 42?")


class Person(BaseModel):
    """A person."""

    name: str
    age: int


def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


@pytest.fixture
def make_either(either_gateway: Emulator) -> Any:
    """Any model of either era."""
    return lambda model="openai", **options: Pollinations(
        **{
            "model": model,
            "api_key": KEY,
            "api_base": either_gateway.url,
            "max_retries": 0,
            **options,
        }
    )


def test_all_eight_calls_work_with_both_eras(make_either: Any, say: Any, way: str) -> None:
    """Text, finish reason in one spelling, usage."""
    for model in ("openai", "gemini", "claude", "deepseek"):
        response = say(make_either(model), way)[-1]
        assert text_of(response)
        assert response.additional_kwargs["finish_reason"] == "stop"
        assert response.additional_kwargs["total_tokens"] > 0


def test_thinking_is_decoded_in_both_eras(make_either: Any, say: Any, chat_way: str) -> None:
    """A reasoning model's thoughts are blocks."""
    assert blocks_of(say(make_either("deepseek"), chat_way)[-1], ThinkingBlock)[0].content


@pytest.mark.parametrize("model", ["openai", "gemini", "claude"])
@pytest.mark.filterwarnings(
    "ignore::pydantic.warnings.PydanticDeprecationWarning"
)  # LlamaIndex's own
def test_agents_work_with_both_eras(model: str, make_either: Any) -> None:
    """A call, its result, an answer."""

    async def answer_in_loop() -> str:
        agent = FunctionAgent(llm=make_either(model), tools=[FunctionTool.from_defaults(multiply)])
        return str(await agent.run("Multiply 6 and 7"))

    assert "42" in asyncio.run(answer_in_loop())


@pytest.mark.parametrize("mode", ["json_schema", "function", "text"])
@pytest.mark.parametrize("model", ["openai", "gemini", "claude"])
def test_objects_come_from_both_eras(mode: str, model: str, make_either: Any) -> None:
    """Sync and async, streamed and whole."""
    llm = make_either(model, structured_output_mode=mode)
    assert llm.structured_predict(Person, PROMPT) == Person(name="Bob", age=42)
    assert list(llm.stream_structured_predict(Person, PROMPT))[-1] == Person(name="Bob", age=42)
    assert asyncio.run(llm.astructured_predict(Person, PROMPT)) == Person(name="Bob", age=42)


def test_pictures_can_be_sent_and_drawn_in_both_eras(
    make_either: Any, either_gateway: Emulator
) -> None:
    """Drawn by the tool, shown to the model."""
    spec = PollinationsToolSpec(
        api_key=KEY, api_base=either_gateway.url, width=64, height=64, return_image=True
    )
    picture = spec.generate_image("a fox")[1]
    assert isinstance(picture, ImageBlock)
    message = ChatMessage(role="user", blocks=[TextBlock(text="What is this?"), picture])
    assert make_either().chat([message]).message.content


def test_unknown_models_are_named_by_both_eras(make_either: Any, say: Any, way: str) -> None:
    """With the nearest name there is."""
    with pytest.raises(UnknownModelError, match="claude") as caught:
        say(make_either("claud"), way)
    assert caught.value.status_code == 400
