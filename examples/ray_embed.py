"""Embed many rows on Ray Data.

    export POLLINATIONS_API_KEY=sk_...          # on every node
    python examples/ray_embed.py documents.parquet vectors --dimensions 512

The model travels pickled, without its key. Run it again to do what is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pyarrow as pa
from ray_job import HOPELESS, Outcome, arguments, run

from llamaindex_pollinations import PollinationsEmbedding
from pollinations_client import PollinationsError


class Embedder:
    """Embeds the texts of a batch: 32 in a request, ``concurrency`` requests at a time."""

    def __init__(self, model: PollinationsEmbedding) -> None:
        self.model = model

    def __call__(self, texts: Sequence[str]) -> list[Outcome]:
        """One outcome a text, in their order."""
        outcomes = [Outcome() for _ in texts]
        self._embed(texts, list(range(len(texts))), outcomes)
        return outcomes

    def _embed(self, texts: Sequence[str], indices: list[int], outcomes: list[Outcome]) -> None:
        """Fill in the outcomes of ``indices``.

        One text that is refused fails its request: what came of the others is paid for and kept,
        and the rest is tried again in halves, until the text is alone.
        """
        failure: PollinationsError | None = None
        try:
            vectors = self.model.get_text_embedding_batch([texts[index] for index in indices])
            by_position = dict(enumerate(vectors))
        except PollinationsError as error:
            failure, by_position = error, error.partial or {}
        for position, vector in by_position.items():
            outcomes[indices[position]] = Outcome(vector)
        if failure is None:
            return
        missing = [index for index in indices if outcomes[index].value is None]
        if len(missing) == 1 or failure.is_retryable or isinstance(failure, HOPELESS):
            for index in missing:
                outcomes[index] = Outcome(error=failure)
            return
        middle = len(missing) // 2
        self._embed(texts, missing[:middle], outcomes)
        self._embed(texts, missing[middle:], outcomes)


def main(argv: Sequence[str] | None = None) -> None:
    """Embed every row of a Parquet file."""
    parser = arguments(main.__doc__)
    parser.add_argument("--model", default="openai/text-embedding-3-small")
    parser.add_argument("--dimensions", type=int, help="numbers in a vector; the model's own size")
    options = parser.parse_args(argv)
    # The client splits into requests of 32 itself and runs several at a time.
    model = PollinationsEmbedding(
        options.model,
        dimensions=options.dimensions,
        embed_batch_size=2048,
        max_concurrency=options.concurrency,
        max_retries=12,
        refusal_memory_s=60,
    )
    recipe = {"work": "embed", "model": model.model_name}
    run(options, partial(Embedder, model), recipe, pa.list_(pa.float32()))


if __name__ == "__main__":
    main()
