"""Label many rows with a chat model on Ray Data.

    export POLLINATIONS_API_KEY=sk_...          # on every node
    python examples/ray_label.py reviews.parquet labels --model openai --budget 2.5

The model travels pickled, without its key. Run it again to do what is missing.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Sequence
from functools import partial
from typing import Any

import pyarrow as pa
from langchain_core.messages import AIMessage
from langchain_core.prompts import ChatPromptTemplate
from ray_job import Outcome, arguments, run

from langchain_pollinations import ChatPollinations
from pollinations_client import PollinationsError

PROMPT = "Answer with one word, positive, negative or neutral: how does this text sound?\n\n{text}"


class Labeller:
    """Labels the texts of a batch, ``concurrency`` at a time."""

    def __init__(self, model: ChatPollinations, prompt: str, concurrency: int) -> None:
        self.chain = ChatPromptTemplate.from_template(prompt) | model
        self.concurrency = concurrency
        self.loop = asyncio.Runner()  # one for all batches, so that connections are used again

    def __call__(self, texts: Sequence[str]) -> list[Outcome]:
        """One outcome a text, in their order."""
        # The context carries the budget that the caller has entered.
        return self.loop.run(self._label(texts), context=contextvars.copy_context())

    async def _label(self, texts: Sequence[str]) -> list[Outcome]:
        outcomes = [Outcome() for _ in texts]
        answers = self.chain.abatch_as_completed(
            [{"text": text} for text in texts],
            {"max_concurrency": self.concurrency},
            return_exceptions=True,
        )
        async for index, answer in answers:
            outcomes[index] = outcome_of(answer)
        return outcomes


def outcome_of(answer: AIMessage | Exception) -> Outcome:
    """What a row is given: the text of an answer and its cost, or the error."""
    if isinstance(answer, PollinationsError):
        return Outcome(error=answer)
    if isinstance(answer, Exception):
        raise answer  # a mistake in the chain, not in a row
    costs = answer.response_metadata.get("cost") or []
    return Outcome(answer.text, sum(costs) if costs else None)


def main(argv: Sequence[str] | None = None) -> None:
    """Label every row of a Parquet file."""
    parser = arguments(main.__doc__)
    parser.add_argument("--model", default="openai")
    parser.add_argument("--prompt", default=PROMPT, help="with {text} where a row's text belongs")
    options = parser.parse_args(argv)
    # Twelve retries bridge about a minute without a gateway; a wrong key is not tried for each row.
    model = ChatPollinations(options.model, temperature=0, max_retries=12, refusal_memory_s=60)
    work = partial(Labeller, model, options.prompt, options.concurrency)
    recipe: dict[str, Any] = {"work": "label", "model": options.model, "prompt": options.prompt}
    run(options, work, recipe, pa.string())


if __name__ == "__main__":
    main()
