"""Ask the same questions of our classes and of what people use today, over the emulator.

``python benchmarks/features.py`` prints a column for each package that can be imported here. The
foreign ``langchain-pollinations`` has our import name, so it runs in an environment of its own,
where ``POLLINATIONS_BASE_URL`` names an emulator and ``EMULATOR`` the folder of this repository.

Each cell is what happened, not what somebody wrote down.
"""

from __future__ import annotations

import importlib.metadata
import json
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from pydantic import BaseModel, Field

if "EMULATOR" in os.environ:
    sys.path.append(os.environ["EMULATOR"])

from pollinations_client.emulator import Answer, Emulator, Fault, Frames

HALF = (
    'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":'
    '[{"index":0,"delta":{"role":"assistant","content":"Half an"},"finish_reason":null}]}\n\n'
)
BROKEN = HALF.replace('"Half an"', '""').replace("null}", '"error"}')
KEY = "sk_features"


class Flower(BaseModel):
    """A flower."""

    name: str
    petals: int = Field(gt=0)


class Candidate:
    """A chat class of some framework, asked in the same words."""

    def __init__(self, name: str, make: Callable[..., Any], *, is_langchain: bool) -> None:
        self.name, self.make, self.is_langchain = name, make, is_langchain

    def ask(self, model: str = "openai", **options: Any) -> str:
        """Everything that the answer's object holds, as text."""
        llm = self.make(model, **options)
        answer = llm.invoke("Why?") if self.is_langchain else llm.complete("Why?")
        return str(answer.model_dump())

    def stream(self, **options: Any) -> str:
        """The text of a whole stream."""
        llm = self.make("openai", **options)
        if self.is_langchain:
            return "".join(str(chunk.content) for chunk in llm.stream("Why?"))
        return "".join(response.delta or "" for response in llm.stream_complete("Why?"))

    def structured(self, model: str) -> Any:
        """An object of a class, by whatever way the package takes."""
        llm = self.make(model)
        if self.is_langchain:
            return llm.with_structured_output(Flower).invoke("The 'Daisy' has 34 petals.")
        return llm.as_structured_llm(Flower).complete("The 'Daisy' has 34 petals.").raw

    def window(self) -> Any:
        """The context window that the object knows for Claude."""
        llm = self.make("claude")
        if self.is_langchain:
            return (llm.profile or {}).get("max_input_tokens")
        return llm.metadata.context_window


def candidates(url: str) -> Iterator[Candidate]:
    """Every class whose package is here."""
    openai_url = f"{url}/v1"
    try:
        from langchain_pollinations import ChatPollinations

        if "model" in ChatPollinations.model_fields:
            yield Candidate(
                "ChatPollinations",
                lambda model, **options: ChatPollinations(
                    model, base_url=url, api_key=KEY, **options
                ),
                is_langchain=True,
            )
        else:
            yield Candidate("langchain-pollinations", foreign(url), is_langchain=True)
    except ImportError:
        pass
    try:
        from langchain_openai import ChatOpenAI

        yield Candidate(
            "ChatOpenAI",
            lambda model, **options: ChatOpenAI(
                model=model, base_url=openai_url, api_key=KEY, **options
            ),
            is_langchain=True,
        )
    except ImportError:
        pass
    try:
        from llamaindex_pollinations import Pollinations

        yield Candidate(
            "Pollinations (LlamaIndex)",
            lambda model, **options: Pollinations(model, api_base=url, api_key=KEY, **options),
            is_langchain=False,
        )
    except ImportError:
        pass
    try:
        from llama_index.llms.openai_like import OpenAILike

        yield Candidate(
            "OpenAILike",
            lambda model, **options: OpenAILike(
                model=model,
                api_base=openai_url,
                api_key=KEY,
                is_chat_model=True,
                is_function_calling_model=True,
                **options,
            ),
            is_langchain=False,
        )
    except ImportError:
        pass


def foreign(url: str) -> Callable[..., Any]:
    """The other package of our name, which takes its model in a dictionary."""
    from langchain_pollinations import ChatPollinations

    def make(model: str, **options: Any) -> Any:
        if "timeout" in options:
            options["timeout_s"] = options.pop("timeout")
        defaults: dict[str, Any] = {"model": model}
        if "temprature" in options:
            defaults["temprature"] = options.pop("temprature")
        return ChatPollinations(base_url=url, api_key=KEY, request_defaults=defaults, **options)

    return make


def outcome(action: Callable[[], Any]) -> tuple[Any, str]:
    """What came, or the name of the error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return action(), ""
    except Exception as error:  # noqa: BLE001  the packages have no common error
        return None, type(error).__name__


def checks(gateway: Emulator, one: Candidate) -> Iterator[tuple[str, str]]:
    """Every question with its answer, for one candidate."""

    def after(*items: Any) -> None:
        gateway.clear()
        gateway.script(*items)

    after(Answer(reasoning="because of bees", text="four"))
    text, _ = outcome(one.ask)
    yield "reasoning can be read", "yes" if "because of bees" in str(text) else "no"

    after()
    text, _ = outcome(lambda: one.ask("claude"))
    yield "cost of an answer", "yes" if "cost" in str(text) else "no"

    window, _ = outcome(one.window)
    yield "context window of a model", "known" if window and window > 8_000 else "not known"

    after()
    _, error = outcome(lambda: one.ask(temprature=0.5))
    was_sent = "temprature" in json.dumps([request.json for request in gateway.requests])
    yield "a misspelt option", "refused" if error and not was_sent else "sent on"

    after(Frames(HALF))
    _, error = outcome(one.stream)
    yield "half a stream", "an error" if error else "taken for the answer"

    after(Frames(HALF, BROKEN, "data: [DONE]\n\n"))
    _, error = outcome(one.stream)
    yield "a stream that ends in an error", "an error" if error else "taken for the answer"

    after(*[Fault("stall", seconds=3, after=None)] * 3)
    outcome(lambda: one.stream(timeout=0.5))
    yield "requests when a streamed answer is late", str(len(gateway.requests))

    after(Answer(text='Sure!\n```json\n{"name": "Daisy", "petals": 34}\n```'))
    flower, error = outcome(lambda: one.structured("claude"))
    is_right = isinstance(flower, Flower) and flower.petals == 34
    yield "JSON that Claude puts in a fence", "read" if is_right else error or "lost"

    after()
    flower, error = outcome(lambda: one.structured("gemini"))
    is_flower = isinstance(flower, Flower)
    yield "an object with gt=0 from Gemini", "read" if is_flower else error or "lost"


def main() -> None:
    """Print a Markdown table: a row a question, a column a package."""
    logging.disable(logging.CRITICAL)
    with Emulator() as gateway:
        columns = {one.name: dict(checks(gateway, one)) for one in candidates(gateway.url)}
    questions = list(next(iter(columns.values())))
    print(f"| | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    for question in questions:
        cells = " | ".join(column[question] for column in columns.values())
        print(f"| {question} | {cells} |")
    for name in ("langchain-openai", "llama-index-llms-openai-like", "langchain-pollinations"):
        try:
            print(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue


if __name__ == "__main__":
    main()
