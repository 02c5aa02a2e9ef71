"""``POST /v1/embeddings``: the options of a request, and texts split into batches.

Source: the gateway's embeddings schema of autumn 2026. API 0.3.0 has no such route. One request
takes at most 32 texts; token ids are not accepted. The words for what a text is for differ by
model family: Gemini calls it ``task_type``, Cohere ``input_type``, the others have none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, StrictInt

from ..catalog.catalog import Catalog
from ..catalog.model_card import ModelCard
from ..errors import BadRequestError, InvalidRequestError, UnknownModelError
from .validation import Options, within

__all__ = [
    "DEFAULT_EMBEDDING_MODEL",
    "MAX_INPUTS",
    "EmbeddingBatch",
    "EmbeddingOptions",
    "embedding_batches",
    "vector_size",
    "with_batch_position",
]

MAX_INPUTS = 32  # more are a 400, "Embedding batch size exceeds 32 inputs"
DEFAULT_EMBEDDING_MODEL = "openai/text-embedding-3-small"

# Family -> (field of the request, what "document" and "query" are called there, further words).
TASKS: dict[str, tuple[str, dict[str, str], frozenset[str]]] = {
    "google": (
        "task_type",
        {"document": "RETRIEVAL_DOCUMENT", "query": "RETRIEVAL_QUERY"},
        frozenset(
            {
                "SEMANTIC_SIMILARITY",
                "CLASSIFICATION",
                "CLUSTERING",
                "CODE_RETRIEVAL_QUERY",
                "QUESTION_ANSWERING",
                "FACT_VERIFICATION",
            }
        ),
    ),
    "cohere": ("input_type", {"document": "document", "query": "query"}, frozenset()),
}
COMMON_TASKS = frozenset({"document", "query"})


class EmbeddingOptions(Options):
    """Every option of :meth:`~pollinations_client.PollinationsClient.embed`. ``None`` is not sent.

    Examples:
        >>> EmbeddingOptions.checked({"dimensions": 256}).set_fields()
        {'dimensions': 256}
    """

    model: Annotated[str, Field(min_length=1)] | None = None
    """Any embedding model of the gateway; ``openai/text-embedding-3-small`` by default."""
    dimensions: Annotated[StrictInt, within(1, 4096)] | None = None
    """Numbers in each vector; the model's own size by default."""
    task: Annotated[str, Field(min_length=1)] | None = None
    """``document``, ``query``, or a word of the model's own family such as ``CLUSTERING``."""

    def fields_for(self, catalog: Catalog) -> dict[str, Any]:
        """The fields of the request besides its texts.

        Raises :class:`InvalidRequestError` for a size or a task that the model does not have.
        """
        model = self.model or DEFAULT_EMBEDDING_MODEL
        fields: dict[str, Any] = {"model": model, "encoding_format": "base64"}
        if self.dimensions is not None:
            _check_dimensions(self.dimensions, model, catalog.get(model, "embedding"))
            fields["dimensions"] = self.dimensions
        if self.task is not None:
            fields.update(_task_field(self.task, model, catalog.family(model)))
        return fields


@dataclass(frozen=True, slots=True)
class EmbeddingBatch:
    """Texts of one request. ``start`` is the index of the first among all texts."""

    start: int
    texts: Sequence[str]


def vector_size(model: str, dimensions: int | None, catalog: Catalog) -> int | None:
    """How many numbers the vectors will have, or ``None`` where the catalogue does not say."""
    if dimensions is not None:
        return dimensions
    size = _sizes(catalog.get(model, "embedding")).get("default")
    if isinstance(size, int):
        return size
    return None


def embedding_batches(
    texts: Sequence[str], model: str, catalog: Catalog, batch_size: int = MAX_INPUTS
) -> list[EmbeddingBatch]:
    """Split ``texts`` into requests of at most ``batch_size`` texts.

    Raises :class:`InvalidRequestError` with the index of a text that cannot be embedded: no
    string, blank, or certainly longer than the model's context window.
    """
    if not isinstance(texts, (list, tuple)):
        raise InvalidRequestError(
            f"texts: A list of strings is needed. Given: {type(texts).__name__}.", param="texts"
        )
    card, max_tokens = catalog.get(model, "embedding"), None
    if card is not None:
        max_tokens = card.context_window
    for index, text in enumerate(texts):
        _check_text(index, text, model, max_tokens)
    return [
        EmbeddingBatch(start, texts[start : start + batch_size])
        for start in range(0, len(texts), batch_size)
    ]


def with_batch_position(error: BadRequestError, batch: EmbeddingBatch) -> BadRequestError:
    """``error`` with the indices of the texts it may be about, unless it is about the model."""
    if not isinstance(error, UnknownModelError):
        first, count = batch.start, len(batch.texts)
        longest = first + max(range(count), key=lambda position: len(batch.texts[position]))
        hint = f"It is about texts[{first}]."
        if count > 1:
            hint = (
                f"The request held texts[{first}] to texts[{first + count - 1}]; the longest is"
                f" texts[{longest}]."
            )
        error.args = (f"{error.message} {hint}",)
    return error


def _check_text(index: int, text: Any, model: str, max_tokens: int | None) -> None:
    if not isinstance(text, str):
        hint = ""
        if isinstance(text, list):
            # LangChain's OpenAIEmbeddings sends token ids unless it is told otherwise.
            hint = " Token ids are not accepted; give the text."
        raise InvalidRequestError(
            f"texts[{index}]: A string is needed. Given: {type(text).__name__}.{hint}",
            param=f"texts[{index}]",
        )
    if not text.strip():
        raise InvalidRequestError(
            f"texts[{index}]: The text is empty. Leave it out; an empty text has no vector.",
            param=f"texts[{index}]",
        )
    try:
        text.encode()
    except UnicodeEncodeError:
        # Readers of PDFs leave such texts at times, one among thousands.
        raise InvalidRequestError(
            f"texts[{index}]: The text holds half a character (a lone surrogate); take it out, with"
            " text.encode('utf-8', 'replace').decode() say.",
            param=f"texts[{index}]",
        ) from None
    # No tokenizer of these models joins words across spaces, so there are at least as many tokens
    # as words. A text is split only where it could be too long: each word has a letter and a space.
    if max_tokens is None or len(text) < 2 * max_tokens:
        return
    words = len(text.split())
    if words > max_tokens:
        raise InvalidRequestError(
            f"texts[{index}]: The text has {words} words, and {model} reads at most {max_tokens}"
            " tokens. Split it into smaller pieces.",
            param=f"texts[{index}]",
        )


def _check_dimensions(size: int, model: str, card: ModelCard | None) -> None:
    bounds = _sizes(card)
    if size == bounds.get("default"):
        return
    allowed = bounds.get("allowed")
    if isinstance(allowed, list):
        if size not in allowed:
            _refuse_dimensions(size, model, ", ".join(map(str, allowed)))
        return
    low, high = bounds.get("minimum"), bounds.get("maximum")
    too_small = isinstance(low, int) and size < low
    too_large = isinstance(high, int) and size > high
    if too_small or too_large:
        _refuse_dimensions(size, model, f"{low} to {high}")


def _sizes(card: ModelCard | None) -> Mapping[str, Any]:
    """What a card says of the sizes of its vectors: ``default``, and ``allowed`` or bounds."""
    if card is not None and isinstance(sizes := card.extra.get("embedding_dimensions"), Mapping):
        return sizes
    return {}


def _refuse_dimensions(size: int, model: str, sizes: str) -> None:
    raise InvalidRequestError(
        f"dimensions: {model} has the sizes {sizes}. Given: {size}.", param="dimensions"
    )


def _task_field(task: str, model: str, family: str | None) -> dict[str, str]:
    """The field that carries ``task`` for this family, or nothing where the family has no tasks."""
    if family not in TASKS:
        if task in COMMON_TASKS:
            return {}
        raise InvalidRequestError(
            f"task: {model} has no tasks; leave it out, or choose a Gemini or Cohere model."
            f" Given: {task!r}.",
            param="task",
        )
    field, common_words, further_words = TASKS[family]
    word = common_words.get(task, task)
    family_words = {*common_words.values(), *further_words}
    if word not in family_words:
        words = ", ".join(sorted({*common_words, *family_words}))
        raise InvalidRequestError(f"task: {model} knows {words}. Given: {task!r}.", param="task")
    return {field: word}
