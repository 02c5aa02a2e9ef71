"""``PollinationsEmbedding``: the gateway's embedding models as a LlamaIndex embedding model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

from llama_index.core.base.embeddings.base import BaseEmbedding, Embedding
from pydantic import ConfigDict, Field

from pollinations_client import InvalidRequestError, snapshot
from pollinations_client._adapter_support import (
    DEFAULT_EMBEDDING_MODEL,
    MAX_INPUTS,
    ConnectionOptionsDict,
    EmbeddingOptions,
    vector_size,
    with_model,
    with_secret_key,
)

from ._client import ClientMixin

if TYPE_CHECKING:
    from ._option_types import EmbeddingModelOptions

__all__ = ["PollinationsEmbedding"]

# Fields that change when and how vectors are asked for, and never a vector.
NO_PART_OF_VECTORS = ConnectionOptionsDict.__optional_keys__ | {
    "embed_batch_size",
    "embeddings_cache",
    "max_concurrency",
    "num_workers",
}


class PollinationsEmbedding(ClientMixin, BaseEmbedding):
    """Vectors of texts and queries, one by one or in batches, blocking or awaited.

    ``model_name`` is the model's id with the size of its vectors, such as
    ``openai/text-embedding-3-small@1536``: ingestion caches of another model or size then miss.
    Queries and documents are told apart to models that ask for it (Gemini, Cohere).

    Examples:
        >>> from pollinations_client.emulator import Emulator
        >>> with Emulator() as gateway:
        ...     embed_model = PollinationsEmbedding("cohere-embed-v4", api_base=gateway.url)
        ...     len(embed_model.get_text_embedding("Bees dance."))
        1536

    Raises:
        ConfigurationError: At construction, for settings that cannot work, such as no key.
        InvalidRequestError: For an unknown option, and before sending, with the index of a text
            that cannot be embedded.
        PollinationsError: For every other failure, by kind. Where some requests succeeded,
            ``error.partial`` has their vectors by index, and ``error.missing`` the other indices.
    """

    model_config = ConfigDict(extra="forbid")
    further_settings: ClassVar[tuple[str, ...]] = ("max_concurrency",)

    model: str = Field(default=DEFAULT_EMBEDDING_MODEL, description="Embedding model.")
    dimensions: int | None = Field(
        default=None, description="Numbers in each vector; the model's own size by default."
    )
    embed_batch_size: int = Field(
        default=MAX_INPUTS,
        gt=0,
        le=2048,
        description="Texts of one call; a request of the gateway takes 32, more are split.",
    )
    max_concurrency: int | None = Field(
        default=None,
        description="Requests under way at a time, over all calls of this object; 8 by default.",
    )

    def __init__(
        self, model_id: str | None = None, /, **options: Unpack[EmbeddingModelOptions]
    ) -> None:
        """Take settings; open nothing. The model may come first, without its name."""
        given = with_secret_key(options)
        del options  # so that no frame of a traceback has the key as text
        given = with_model(model_id, given)
        name, _, size = str(given.pop("model_name", None) or "").partition("@")
        if name:
            _set_once(given, "model", name)
        # A dump names the size in any case; only another than the model's own is sent.
        if size.isdecimal() and int(size) != vector_size(name, None, snapshot()):
            _set_once(given, "dimensions", int(size))
        super().__init__(**given)
        EmbeddingOptions.checked(
            {"model": self.model, "dimensions": self.dimensions}, door=None
        ).fields_for(self.catalog)
        known_size = vector_size(self.model, self.dimensions, self.catalog)
        self.model_name = f"{self.model}@{known_size or 'default'}"

    @classmethod
    def class_name(cls) -> str:
        """The name that dumps carry."""
        return "PollinationsEmbedding"

    def to_dict(self, **kwargs: Any) -> dict[str, Any]:
        """Return what makes the vectors: the model, their size and the gateway's address.

        ``to_json`` and ``model_dump`` have limits, retries and batch sizes too.
        """
        # IngestionPipeline files vectors under the text of this dictionary (get_transformation_hash
        # in llama_index/core/ingestion/pipeline.py): more retries must not pay for them again.
        return {
            name: value
            for name, value in super().to_dict(**kwargs).items()
            if name not in NO_PART_OF_VECTORS
        }

    def to_json(self, **kwargs: Any) -> str:
        """Return every setting as JSON, the key and secret headers excepted."""
        return json.dumps(super().to_dict(**kwargs))

    def _get_query_embedding(self, query: str) -> Embedding:
        return self._client.embed(
            [query], task="query", model=self.model, dimensions=self.dimensions
        )[0]

    def _get_text_embedding(self, text: str) -> Embedding:
        return self._get_text_embeddings([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        return self._client.embed(
            texts, task="document", model=self.model, dimensions=self.dimensions
        )

    async def _aget_query_embedding(self, query: str) -> Embedding:
        vectors = await self._async_client.embed(
            [query], task="query", model=self.model, dimensions=self.dimensions
        )
        return vectors[0]

    async def _aget_text_embedding(self, text: str) -> Embedding:
        return (await self._aget_text_embeddings([text]))[0]

    async def _aget_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        return await self._async_client.embed(
            texts, task="document", model=self.model, dimensions=self.dimensions
        )


def _set_once(options: dict[str, Any], name: str, value: Any) -> None:
    """Take ``value`` out of ``model_name``. Raises where the option itself says something else."""
    if options.get(name) not in (None, value):
        raise InvalidRequestError(
            f"model_name and {name} contradict each other; give one of them.", param=name
        )
    options[name] = value
