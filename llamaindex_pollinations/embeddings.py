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
    """Embed texts and queries, one by one or in batches, blocking or awaited.

    Models that ask for it (Gemini, Cohere) are told whether a text is a query or a document.
    ``model_name`` becomes the model's id with the size of its vectors, such as
    ``openai/text-embedding-3-small@1536``, so that the cache of an ``IngestionPipeline`` misses for
    another model or size.

    Args:
        model: Name or alias of an embedding model, ``"openai/text-embedding-3-small"`` by default;
            may come first, without its name.
        dimensions: Numbers in each vector; by default the model's own size.
        embed_batch_size: Texts of one call, up to 2,048; 32 by default, which is what one request
            of the gateway takes.
        max_concurrency: Requests under way at a time, over all calls of this object; 8 by default.
        num_workers: LlamaIndex's own option for batches at a time.
        embeddings_cache: A key-value store of LlamaIndex in which vectors are kept. It looks them
            up by the text alone: give each model and each size a store of its own.
        api_key: ``sk_...`` or ``pk_...``; by default ``POLLINATIONS_API_KEY``.
        api_base: Address of the gateway; by default ``POLLINATIONS_BASE_URL``, else the public one.
        timeout: Seconds to wait for a request; 180 by default.
        max_retries: Repeats of a request that cannot be billed twice; 2 by default.

    Raises:
        ConfigurationError: At construction, for options that cannot work, such as no key.
        InvalidRequestError: For an unknown option; before sending, for a text that cannot be
            embedded, with its index.
        PollinationsError: For a call that failed; its subclasses say why. If some requests
            succeeded, ``error.partial`` has their vectors by index, and ``error.missing`` the other
            indices.

    Examples:
        ```python
        from llamaindex_pollinations import PollinationsEmbedding

        embed_model = PollinationsEmbedding("cohere-embed-v4", dimensions=256)
        vectors = embed_model.get_text_embedding_batch(["Bees dance.", "Ants march."])
        print(len(vectors), len(vectors[0]))
        ```

        An index that answers questions:

        ```python
        from llama_index.core import Document, VectorStoreIndex

        from llamaindex_pollinations import Pollinations

        documents = [Document(text="Bees tell each other of flowers by a dance.")]
        index = VectorStoreIndex.from_documents(documents, embed_model=embed_model)
        print(index.as_query_engine(llm=Pollinations("gemini")).query("Why do bees dance?"))
        ```
    """

    model_config = ConfigDict(extra="forbid", defer_build=False)
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
        """Read the options; open nothing. The model may come first, without its name."""
        wrapped = with_secret_key(options)
        del options  # so that no frame of a traceback has the key as text
        settings = with_model(model_id, wrapped)
        name, _, size = str(settings.pop("model_name", None) or "").partition("@")
        if name:
            _set_once(settings, "model", name)
        # A dump names the size in any case. Only another than the model's own is sent: several
        # models answer 400 to any dimensions at all.
        if size.isdecimal() and int(size) != vector_size(name, None, snapshot()):
            _set_once(settings, "dimensions", int(size))
        super().__init__(**settings)
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
    """Set what ``model_name`` says of an option. Raises if the option itself says another."""
    if options.get(name) not in (None, value):
        raise InvalidRequestError(
            f"model_name and {name} contradict each other; give one of them.", param=name
        )
    options[name] = value
