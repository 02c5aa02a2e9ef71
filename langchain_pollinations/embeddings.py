"""``PollinationsEmbeddings``: the gateway's embedding models as LangChain embeddings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Unpack

from langchain_core.embeddings import Embeddings
from pydantic import ConfigDict, model_validator

from pollinations_client import snapshot
from pollinations_client._adapter_support import DEFAULT_EMBEDDING_MODEL, EmbeddingOptions, alias_of

from ._client import ClientMixin
from .errors import model_errors

if TYPE_CHECKING:
    from ._option_types import EmbeddingsOptions

__all__ = ["PollinationsEmbeddings"]


class PollinationsEmbeddings(ClientMixin, Embeddings):
    """Embed texts for retrieval and comparison.

    Texts go out in requests of at most 32, up to ``max_concurrency`` of them at a time, and come
    back in order.
    ``embed_documents`` and ``embed_query`` tell Gemini and Cohere models which of the two a text
    is; other models make no difference. Store vectors of one model and one size only together.

    Examples:
        >>> from pollinations_client.emulator import Emulator
        >>> with Emulator() as gateway:
        ...     embeddings = PollinationsEmbeddings("gemini-embedding-2", base_url=gateway.url)
        ...     len(embeddings.embed_query("Why do bees matter?"))
        3072

    Raises:
        ConfigurationError: At construction, for settings that cannot work, such as no key.
        InvalidRequestError: For an unknown option, and before sending, with the index of a text
            that cannot be embedded.
        PollinationsError: For every other failure, by kind. Where some requests succeeded,
            ``error.partial`` has their vectors by index, and ``error.missing`` the other indices.
    """

    model_config = ConfigDict(
        extra="forbid", arbitrary_types_allowed=True, protected_namespaces=(), defer_build=False
    )
    aliases: ClassVar[Mapping[str, str]] = {**ClientMixin.aliases, "model_name": "model"}
    door: ClassVar[str | None] = None
    further_settings: ClassVar[tuple[str, ...]] = ("max_concurrency",)

    model: str = DEFAULT_EMBEDDING_MODEL
    """Any embedding model of the gateway."""
    dimensions: int | None = None
    """Numbers in each vector; the model's own size by default."""
    max_concurrency: int | None = None
    """Requests under way at a time, over all calls of this object; 8 by default."""

    model_name = alias_of("model")

    if TYPE_CHECKING:  # what editors complete; ClientMixin takes it

        def __init__(self, model: str | None = None, **options: Unpack[EmbeddingsOptions]) -> None:
            """Take options; open nothing."""

    @model_validator(mode="after")
    def _check_size(self) -> PollinationsEmbeddings:
        options = {"model": self.model, "dimensions": self.dimensions}
        EmbeddingOptions.checked(options, door=None).fields_for(snapshot())
        return self

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed texts that will be searched, in their order. No texts are no request."""
        with model_errors():
            return self._client.embed(
                texts, task="document", model=self.model, dimensions=self.dimensions
            )

    def embed_query(self, text: str) -> list[float]:
        """Embed a text that is searched for."""
        with model_errors():
            return self._client.embed(
                [text], task="query", model=self.model, dimensions=self.dimensions
            )[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """The same as ``embed_documents``, awaited."""
        with model_errors():
            return await self._async_client.embed(
                texts, task="document", model=self.model, dimensions=self.dimensions
            )

    async def aembed_query(self, text: str) -> list[float]:
        """The same as ``embed_query``, awaited."""
        with model_errors():
            vectors = await self._async_client.embed(
                [text], task="query", model=self.model, dimensions=self.dimensions
            )
        return vectors[0]
