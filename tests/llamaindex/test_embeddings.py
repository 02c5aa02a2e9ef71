"""``PollinationsEmbedding`` in LlamaIndex: queries, batches, caches, pipelines, dumps."""

from __future__ import annotations

import asyncio
import json
import pickle
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from llama_index.core import Document, Settings, VectorStoreIndex
from llama_index.core.ingestion import IngestionCache, IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.storage.kvstore import SimpleKVStore

from llamaindex_pollinations import Pollinations, PollinationsEmbedding
from pollinations_client import (
    AuthenticationError,
    InvalidRequestError,
    PaymentRequiredError,
    PollinationsError,
)
from pollinations_client.emulator import Emulator, Fault
from support.rawserver import raw_server, response

KEY = "sk_demo_0123456789abcdef"
TEXTS = [f"text {number} about bees" for number in range(70)]


@pytest.fixture
def embed_model(gateway: Emulator) -> PollinationsEmbedding:
    """The default model of today's gateway."""
    return PollinationsEmbedding(api_key=KEY, api_base=gateway.url)


def test_queries_and_texts_one_by_one_and_in_batches(
    embed_model: PollinationsEmbedding, gateway: Emulator
) -> None:
    """The same vector for the same text, blocking and awaited."""
    batch = embed_model.get_text_embedding_batch(TEXTS)
    assert [len(request.json["input"]) for request in gateway.requests] == [32, 32, 6]
    assert batch == asyncio.run(embed_model.aget_text_embedding_batch(TEXTS))
    assert batch[3] == embed_model.get_text_embedding(TEXTS[3])
    assert batch[3] == asyncio.run(embed_model.aget_text_embedding(TEXTS[3]))
    assert embed_model.get_query_embedding("bees") == asyncio.run(
        embed_model.aget_query_embedding("bees")
    )


def test_a_batch_over_the_gateways_limit_is_split(gateway: Emulator) -> None:
    """32 texts a request, whatever LlamaIndex hands over at once."""
    embed_model = PollinationsEmbedding(api_key=KEY, api_base=gateway.url, embed_batch_size=64)
    assert len(embed_model.get_text_embedding_batch(TEXTS)) == 70
    assert sorted(len(request.json["input"]) for request in gateway.requests) == [6, 32, 32]


def test_models_that_ask_get_the_task_of_a_text(gateway: Emulator) -> None:
    """In the words of the family."""
    embed_model = PollinationsEmbedding("gemini-embedding-2", api_key=KEY, api_base=gateway.url)
    embed_model.get_text_embedding("a")
    embed_model.get_query_embedding("a")
    assert [request.json["task_type"] for request in gateway.requests] == [
        "RETRIEVAL_DOCUMENT",
        "RETRIEVAL_QUERY",
    ]


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({}, "openai/text-embedding-3-small@1536"),
        ({"dimensions": 256}, "openai/text-embedding-3-small@256"),
        ({"model": "cohere-embed-v4"}, "cohere-embed-v4@1536"),
        ({"model_name": "gemini-embedding-2@768"}, "gemini-embedding-2@768"),
        ({"model": "unheard-of"}, "unheard-of@default"),
    ],
)
def test_the_models_name_tells_the_size(options: dict[str, Any], name: str) -> None:
    """So that a cache of another size misses."""
    embed_model = PollinationsEmbedding(api_key=KEY, **options)
    assert embed_model.model_name == name
    assert embed_model.to_payload()["model_name"] == name


def test_a_dump_makes_the_same_model_and_has_no_key(embed_model: PollinationsEmbedding) -> None:
    """``to_dict``, ``from_dict``, pickles and prints."""
    dumped = embed_model.to_dict()
    assert KEY not in str(dumped) + repr(embed_model) + str(embed_model.to_payload())
    assert KEY.encode() not in pickle.dumps(embed_model)
    again = PollinationsEmbedding.from_dict(dumped, api_key=KEY)
    assert (again.model_name, again.dimensions) == (embed_model.model_name, None)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": "cohere-embed-v4", "dimensions": 300}, "256, 512, 1024, 1536"),
        ({"dimension": 256}, "Did you mean 'dimensions'"),
        ({"model": "a", "model_name": "b@3"}, "contradict"),
        ({"dimensions": 4, "model_name": "b@3"}, "contradict"),
        ({"embed_batch_size": 0}, "embed_batch_size"),
    ],
)
def test_impossible_settings_are_refused_at_construction(
    options: dict[str, Any], words: str
) -> None:
    """With the name and what there is."""
    with pytest.raises(InvalidRequestError, match=words):
        PollinationsEmbedding(api_key=KEY, **options)


def test_an_index_answers_from_the_passage_that_fits(
    embed_model: PollinationsEmbedding, gateway: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LlamaIndex's first example, on one key."""
    monkeypatch.setattr(Settings, "_llm", Pollinations(api_key=KEY, api_base=gateway.url))
    documents = [
        Document(text="Bees dance to show where flowers are."),
        Document(text="Owls hunt."),
    ]
    index = VectorStoreIndex.from_documents(documents, embed_model=embed_model)
    answer = index.as_query_engine(similarity_top_k=1).query("Where are flowers? Bees dance")
    assert [node.text for node in answer.source_nodes] == [documents[0].text]
    assert "flowers" in str(answer)


def test_a_cache_answers_texts_it_knows(gateway: Emulator) -> None:
    """Only new texts are sent."""
    embed_model = PollinationsEmbedding(
        api_key=KEY, api_base=gateway.url, embeddings_cache=SimpleKVStore()
    )
    first = embed_model.get_text_embedding_batch(TEXTS[:3])
    assert embed_model.get_text_embedding_batch(TEXTS[:4])[:3] == first
    assert [len(request.json["input"]) for request in gateway.requests] == [3, 1]


def test_an_ingestion_pipeline_runs_twice_and_sends_once(
    embed_model: PollinationsEmbedding, gateway: Emulator
) -> None:
    """Another size is another cache entry."""
    cache = IngestionCache()
    documents = [Document(text="Bees dance."), Document(text="Owls hunt.")]
    for model, requests in (
        (embed_model, 1),
        (embed_model, 1),
        (PollinationsEmbedding(api_key=KEY, api_base=gateway.url, dimensions=256), 2),
    ):
        pipeline = IngestionPipeline(transformations=[SentenceSplitter(), model], cache=cache)
        nodes = pipeline.run(documents=documents)
        assert all(node.embedding for node in nodes)
        assert len(gateway.requests) == requests


@pytest.mark.parametrize(
    ("options", "requests"),
    [
        (
            {
                "timeout": 30,
                "total_timeout": 900,
                "stream_idle_timeout": 5,
                "max_retries": 12,
                "retry_streams": True,
                "refusal_memory_s": 60,
                "default_headers": {"x-team": "bees"},
                "embed_batch_size": 2048,
                "max_concurrency": 3,
                "num_workers": 2,
                "embeddings_cache": SimpleKVStore(),
            },
            1,
        ),
        ({"dimensions": 256}, 2),
        ({"model": "cohere-embed-v4"}, 2),
    ],
)
def test_an_ingestion_cache_asks_again_only_for_other_vectors(
    gateway: Emulator, tmp_path: Path, options: dict[str, Any], requests: int
) -> None:
    """A second run with other limits, batches or headers pays for nothing."""
    documents = [Document(text="Bees dance."), Document(text="Owls hunt.")]
    folder = str(tmp_path / "pipeline")
    for changed in ({}, options):
        model = PollinationsEmbedding(api_key=KEY, api_base=gateway.url, **changed)
        pipeline = IngestionPipeline(transformations=[SentenceSplitter(), model])
        if changed:
            pipeline.load(folder)
        assert all(node.embedding for node in pipeline.run(documents=documents))
        pipeline.persist(folder)
    assert len(gateway.requests) == requests


def test_every_field_counts_as_part_of_a_vector_or_not(embed_model: PollinationsEmbedding) -> None:
    """A new option has to be sorted: what is in ``to_dict`` makes another cache entry."""
    assert set(embed_model.to_dict()) == {
        "api_base",
        "class_name",
        "dimensions",
        "model",
        "model_name",
    }


def test_json_of_a_model_has_its_limits(gateway: Emulator) -> None:
    """Which ``to_dict`` leaves out."""
    model = PollinationsEmbedding(
        api_key=KEY, api_base=gateway.url, max_retries=7, embed_batch_size=5
    )
    again = PollinationsEmbedding.from_json(model.to_json(), api_key=KEY)
    assert (again.max_retries, again.embed_batch_size) == (7, 5)


def test_a_failure_names_the_missing_texts(
    embed_model: PollinationsEmbedding, gateway: Emulator
) -> None:
    """The index of a blank text; the vectors that came."""
    with pytest.raises(InvalidRequestError, match=r"texts\[1\]"):
        embed_model.get_text_embedding_batch(["a", " "])
    gateway.script(Fault("status", status=402))
    with pytest.raises(PollinationsError) as caught:
        embed_model.get_text_embedding("a")
    assert caught.value.missing == [0]  # type: ignore[attr-defined]


@pytest.mark.parametrize("limit", [1, 3])
async def test_gathered_batches_share_the_limit(limit: int) -> None:
    """LlamaIndex starts all batches at once; so many requests are under way at a time."""
    active, most, lock = 0, 0, threading.Lock()

    def answer(peer: socket.socket, request: bytes) -> None:
        nonlocal active, most
        with lock:
            active += 1
            most = max(most, active)
        texts = json.loads(request.partition(b"\r\n\r\n")[2])["input"]
        server.wait(0.02)
        with lock:
            active -= 1
        data = [{"index": at, "embedding": [1.0]} for at in range(len(texts))]
        peer.sendall(response(json.dumps({"data": data}).encode()))

    with raw_server(answer) as server:
        embed_model = PollinationsEmbedding(
            api_key=KEY, api_base=server.url, max_concurrency=limit, embed_batch_size=4
        )
        vectors = await embed_model.aget_text_embedding_batch(TEXTS[:40])
        await embed_model.aclose()
    assert (len(vectors), most) == (40, limit)


async def test_a_refused_key_stops_the_batches_that_wait(gateway: Emulator) -> None:
    """Every further request would be refused too; a later call tries again."""
    embed_model = PollinationsEmbedding(
        api_key=KEY, api_base=gateway.url, max_concurrency=2, embed_batch_size=1
    )
    gateway.script(Fault("status", times=2, status=401))
    with pytest.raises(AuthenticationError) as caught:
        await embed_model.aget_text_embedding_batch(TEXTS)
    assert caught.value.missing == [0]  # type: ignore[attr-defined]
    await asyncio.sleep(0.05)
    assert len(gateway.requests) == 2
    assert await embed_model.aget_text_embedding("bees")


def test_a_failed_batch_loses_nothing_of_the_others(gateway: Emulator) -> None:
    """The cache of embeddings keeps each batch; a second run asks for the missing only."""
    embed_model = PollinationsEmbedding(
        api_key=KEY, api_base=gateway.url, embeddings_cache=SimpleKVStore(), embed_batch_size=2
    )
    gateway.script(Fault("slow", times=2, bytes_per_s=10**9), Fault("status", status=402))
    documents = [Document(text=text) for text in TEXTS[:6]]
    pipeline = IngestionPipeline(transformations=[embed_model], disable_cache=True)
    with pytest.raises(PaymentRequiredError):
        pipeline.run(documents=documents)
    sent = len(gateway.requests)
    assert all(node.embedding for node in pipeline.run(documents=documents))
    assert [request.json["input"] for request in gateway.requests[sent:]] == [TEXTS[4:6]]


def test_a_pipeline_of_several_processes_embeds(
    gateway: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model travels without its key, which each process reads from the environment."""
    monkeypatch.setenv("POLLINATIONS_API_KEY", KEY)
    embed_model = PollinationsEmbedding(api_base=gateway.url)
    pipeline = IngestionPipeline(transformations=[embed_model])
    documents = [Document(text=text) for text in TEXTS[:4]]
    nodes = pipeline.run(documents=documents, num_workers=2)
    assert [len(node.embedding or ()) for node in nodes] == [1536] * 4
    assert all(request.headers["authorization"] == f"Bearer {KEY}" for request in gateway.requests)


@pytest.mark.parametrize("value", [0, 1.5, "many"])
def test_a_wrong_concurrency_is_refused_at_construction(value: Any) -> None:
    """By name."""
    with pytest.raises(InvalidRequestError, match="max_concurrency"):
        PollinationsEmbedding(api_key=KEY, max_concurrency=value)
