"""``PollinationsEmbeddings`` in LangChain: its standard suites, stores, tasks, errors."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.exceptions import ModelAuthenticationError
from langchain_core.indexing import InMemoryRecordManager, index
from langchain_core.vectorstores import InMemoryVectorStore

from langchain_pollinations import PollinationsEmbeddings
from pollinations_client import InvalidRequestError, PaymentRequiredError, PollinationsError
from pollinations_client.emulator import Emulator, Fault

KEY = "sk_demo_0123456789abcdef"
FACTS = ["Bees dance to show where flowers are.", "Whales sing.", "Owls fly without a sound."]


@pytest.fixture
def embeddings(gateway: Emulator) -> PollinationsEmbeddings:
    """The default model of today's gateway."""
    return PollinationsEmbeddings(api_key=KEY, base_url=gateway.url)


def test_documents_and_queries_are_told_apart_to_models_that_ask(gateway: Emulator) -> None:
    """And to no other."""
    for model, field in (("gemini-embedding-2", "task_type"), ("cohere-embed-v4", "input_type")):
        model_embeddings = PollinationsEmbeddings(model, api_key=KEY, base_url=gateway.url)
        model_embeddings.embed_documents(["a"])
        model_embeddings.embed_query("a")
        document, query = (request.json[field].lower() for request in gateway.requests[-2:])
        assert ("document" in document, "query" in query) == (True, True)
    PollinationsEmbeddings(api_key=KEY, base_url=gateway.url).embed_query("a")
    assert gateway.requests[-1].json.keys() == {"model", "encoding_format", "input"}


def test_a_vector_store_finds_the_document_that_answers(
    embeddings: PollinationsEmbeddings,
) -> None:
    """Blocking and awaited."""
    store = InMemoryVectorStore(embeddings)
    store.add_texts(FACTS)
    assert store.similarity_search("Who will sing? Whales", k=1)[0].page_content == FACTS[1]
    documents = asyncio.run(store.asimilarity_search("bees dance flowers", k=1))
    assert documents[0].page_content == FACTS[0]


def test_indexing_again_sends_nothing(
    embeddings: PollinationsEmbeddings, gateway: Emulator
) -> None:
    """A record manager knows what is there."""
    manager = InMemoryRecordManager("facts")
    manager.create_schema()
    store = InMemoryVectorStore(embeddings)
    documents = [Document(fact, metadata={"source": str(at)}) for at, fact in enumerate(FACTS)]
    options: dict[str, Any] = {
        "cleanup": "incremental",
        "source_id_key": "source",
        "key_encoder": "sha256",
    }
    assert index(documents, manager, store, **options)["num_added"] == 3
    sent = len(gateway.requests)
    assert index(documents, manager, store, **options)["num_skipped"] == 3
    assert len(gateway.requests) == sent == 1


def test_no_documents_are_no_request(embeddings: PollinationsEmbeddings, gateway: Emulator) -> None:
    """Blocking and awaited."""
    assert embeddings.embed_documents([]) == []
    assert asyncio.run(embeddings.aembed_documents([])) == []
    assert gateway.requests == []


def test_errors_are_langchains_too(embeddings: PollinationsEmbeddings, gateway: Emulator) -> None:
    """By kind, before and after sending; what came is kept."""
    gateway.script(Fault("status", status=401))
    with pytest.raises(ModelAuthenticationError) as caught:
        embeddings.embed_documents([f"text {number}" for number in range(40)])
    assert isinstance(caught.value, PollinationsError)
    assert len(caught.value.missing) + len(caught.value.partial) == 40
    with pytest.raises(InvalidRequestError, match=r"texts\[1\]"):
        asyncio.run(embeddings.aembed_documents(["a", ""]))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": "cohere-embed-v4", "dimensions": 300}, "256, 512, 1024, 1536"),
        ({"dimension": 256}, "Did you mean 'dimensions'"),
        ({"model": ""}, "model"),
        ({"model": "a", "model_name": "b"}, "one option"),
    ],
)
def test_impossible_options_are_refused_at_construction(
    options: dict[str, Any], words: str
) -> None:
    """With the name and what there is."""
    with pytest.raises(InvalidRequestError, match=words):
        PollinationsEmbeddings(api_key=KEY, **options)


def test_no_print_and_no_pickle_has_the_key(embeddings: PollinationsEmbeddings) -> None:
    """A pickle reads it from the environment where it is opened."""
    assert KEY not in repr(embeddings) + str(embeddings.model_dump())
    assert KEY.encode() not in pickle.dumps(embeddings)


def test_a_failed_batch_loses_nothing_of_the_others(
    embeddings: PollinationsEmbeddings, gateway: Emulator
) -> None:
    """The record manager keeps what is done; a second run asks for the missing only."""
    manager = InMemoryRecordManager("facts")
    manager.create_schema()
    store = InMemoryVectorStore(embeddings)
    documents = [Document(f"fact {at}", metadata={"source": str(at)}) for at in range(6)]
    options: dict[str, Any] = {"batch_size": 2, "cleanup": None, "key_encoder": "sha256"}
    embeddings.embed_query("warm")
    gateway.script(Fault("slow", times=2, bytes_per_s=10**9), Fault("status", status=402))
    with pytest.raises(PaymentRequiredError):
        index(documents, manager, store, **options)
    sent = len(gateway.requests)
    done = index(documents, manager, store, **options)
    assert (done["num_added"], done["num_skipped"]) == (2, 4)
    assert [request.json["input"] for request in gateway.requests[sent:]] == [["fact 4", "fact 5"]]


@pytest.mark.parametrize("value", [0, 1.5, "many"])
def test_a_wrong_concurrency_is_refused_at_construction(value: Any) -> None:
    """By name."""
    with pytest.raises(InvalidRequestError, match="max_concurrency"):
        PollinationsEmbeddings(api_key=KEY, max_concurrency=value)


def test_a_concurrency_of_one_sends_one_after_the_other(gateway: Emulator) -> None:
    """A refused key then stops what has not begun."""
    embeddings = PollinationsEmbeddings(api_key=KEY, base_url=gateway.url, max_concurrency=1)
    gateway.script(Fault("status", status=401))
    with pytest.raises(ModelAuthenticationError):
        embeddings.embed_documents([f"text {number}" for number in range(320)])
    assert len(gateway.requests) == 1
    assert pickle.loads(pickle.dumps(embeddings)).max_concurrency == 1


@pytest.mark.parametrize("texts", [[[1, 2]], [None], [3], ["a", "  "]])
def test_what_is_no_text_is_refused_before_sending(
    embeddings: PollinationsEmbeddings, gateway: Emulator, texts: Any
) -> None:
    """Token lists, nothing, numbers, blanks: with the index."""
    with pytest.raises(InvalidRequestError, match=r"texts\[\d\]"):
        embeddings.embed_documents(texts)
    with pytest.raises(InvalidRequestError, match=r"texts\[0\]"):
        embeddings.embed_query(texts[-1])
    assert gateway.requests == []
