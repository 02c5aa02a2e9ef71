"""Retrieval as LangChain's users build it: a folder, a store on disk, sources, streams, memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_chroma import Chroma
from langchain_classic.retrievers import ContextualCompressionRetriever, EnsembleRetriever
from langchain_classic.retrievers.document_compressors import LLMListwiseRerank
from langchain_core.documents import Document
from langchain_core.indexing import InMemoryRecordManager, index
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langchain_core.tools import create_retriever_tool
from langgraph.checkpoint.memory import InMemorySaver

from langchain_pollinations import ChatPollinations, PollinationsEmbeddings, PollinationsOCRLoader
from pollinations_client.emulator import Answer, Emulator
from support.pdf import pdf

FOLDER = Path(__file__).parents[2] / "notebooks" / "documents"
QUESTION = "How long does a summer worker live?"
ANSWER = "A summer worker lives five to six weeks"
OPTIONS: dict[str, Any] = {
    "cleanup": "incremental",
    "source_id_key": "source",
    "key_encoder": "sha256",
}


@pytest.fixture(autouse=True)
def _address(gateway: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLLINATIONS_BASE_URL", gateway.url)


def paragraphs(folder: Path = FOLDER) -> list[Document]:
    """A document for each paragraph of the folder's files."""
    return [
        Document(paragraph.strip(), metadata={"source": file.name, "paragraph": number})
        for file in sorted(folder.glob("*.md"))
        for number, paragraph in enumerate(file.read_text().split("\n\n"))
    ]


def chroma(folder: Path) -> Chroma:
    """The store on disk, opened anew."""
    return Chroma("bees", PollinationsEmbeddings(), persist_directory=str(folder))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Chroma]:
    """The folder in Chroma on disk."""
    store = chroma(tmp_path / "chroma")
    store.add_documents(paragraphs())
    yield store
    store.delete_collection()


def embedded(gateway: Emulator) -> list[str]:
    """Every text that was sent to be embedded."""
    requests = [request for request in gateway.requests if request.path == "/v1/embeddings"]
    return [text for request in requests for text in request.json["input"]]


def test_a_folder_is_embedded_once(tmp_path: Path, gateway: Emulator) -> None:
    """The second run sends nothing; a changed file sends its changed paragraph."""
    folder = tmp_path / "documents"
    folder.mkdir()
    for file in FOLDER.glob("*.md"):
        (folder / file.name).write_text(file.read_text())
    manager = InMemoryRecordManager("bees")
    manager.create_schema()
    store = chroma(tmp_path / "chroma")
    added = index(paragraphs(folder), manager, store, **OPTIONS)["num_added"]
    assert added == len(embedded(gateway)) == len(paragraphs(folder))
    gateway.requests.clear()
    assert index(paragraphs(folder), manager, store, **OPTIONS)["num_skipped"] == added
    assert gateway.requests == []
    (folder / "bee-year.md").write_text(f"{(folder / 'bee-year.md').read_text()}\n\nNew.")
    index(paragraphs(folder), manager, store, **OPTIONS)
    assert embedded(gateway) == ["New."]


def test_a_store_on_disk_is_searched_by_a_later_process(store: Chroma, tmp_path: Path) -> None:
    """Only the question is embedded; the sources come with the answer."""
    again = chroma(tmp_path / "chroma")
    documents = again.similarity_search(QUESTION, k=1)
    assert ANSWER in " ".join(documents[0].page_content.split())
    assert documents[0].metadata == {"source": "bee-year.md", "paragraph": 1}


async def test_a_chain_answers_from_the_store_whole_and_streamed(store: Chroma) -> None:
    """Blocking, awaited and streamed, with the documents it rests on."""
    prompt = ChatPromptTemplate.from_template(
        "Answer from the context alone.\n\nContext:\n{context}\n\nQuestion: {question}"
    )
    retriever = store.as_retriever(search_kwargs={"k": 2})
    answer = (
        RunnablePassthrough.assign(
            context=lambda inputs: "\n\n".join(
                document.page_content for document in inputs["documents"]
            )
        )
        | prompt
        | ChatPollinations("claude")
        | StrOutputParser()
    )
    chain = {
        "question": RunnablePassthrough(),
        "documents": retriever,
    } | RunnablePassthrough.assign(answer=answer)
    results = [
        chain.invoke(QUESTION),
        await chain.ainvoke(QUESTION),
        *chain.batch([QUESTION, QUESTION]),
    ]
    for result in results:
        assert result["answer"].startswith(ANSWER)
        assert "bee-year.md" in [document.metadata["source"] for document in result["documents"]]
    pieces = [chunk["answer"] for chunk in chain.stream(QUESTION) if "answer" in chunk]
    assert len(pieces) > 3
    assert "".join(pieces) == results[0]["answer"]


def test_an_agent_searches_and_remembers(store: Chroma, gateway: Emulator) -> None:
    """A retriever is a tool; a checkpointer keeps the conversation."""
    search = create_retriever_tool(
        store.as_retriever(search_kwargs={"k": 1}), "search_bees", "Search the texts about bees."
    )
    agent = create_agent(ChatPollinations("openai"), tools=[search], checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "1"}}
    first = agent.invoke({"messages": [("user", f"Search the bees for '{QUESTION}'")]}, config)
    assert ANSWER in first["messages"][-1].text
    second = agent.invoke({"messages": [("user", "Say 'thanks'.")]}, config)
    assert len(second["messages"]) == len(first["messages"]) + 2
    assert ANSWER in str(gateway.requests[-1].json["messages"])


def test_words_and_vectors_together_are_ranked_by_the_model(
    store: Chroma, gateway: Emulator
) -> None:
    """Two retrievers, one list, and LangChain's reranker on top."""
    question = "Which crops need bumblebees?"

    def with_words(query: str) -> list[Document]:
        words = set(query.lower().strip("?").split())
        return [
            document
            for document in paragraphs()
            if len(words & set(document.page_content.lower().split())) > 1
        ]

    both = EnsembleRetriever(
        retrievers=[store.as_retriever(search_kwargs={"k": 3}), RunnableLambda(with_words)]
    )
    candidates = both.invoke(question)
    best = next(
        number
        for number, document in enumerate(candidates)
        if "blueberries" in document.page_content
    )
    ranked = ContextualCompressionRetriever(
        base_compressor=LLMListwiseRerank.from_llm(ChatPollinations("gemini"), top_n=1),
        base_retriever=both,
    )
    gateway.script(Answer(tool_calls=[("RankDocuments", {"ranked_document_ids": [best, 0]})]))
    assert [document.metadata["source"] for document in ranked.invoke(question)] == [
        "pollination.md"
    ]
    assert "bumblebees" in str(gateway.requests[-1].json["messages"])


def test_a_scanned_document_is_found_by_its_page(tmp_path: Path) -> None:
    """From a PDF through OCR into the store."""
    path = tmp_path / "birds.pdf"
    path.write_bytes(pdf("Owls fly without a sound.", "Storks clatter with their bills."))
    store = chroma(tmp_path / "chroma")
    store.add_documents(PollinationsOCRLoader(path).load())
    (document,) = store.similarity_search("Which birds clatter with bills?", k=1)
    assert document.metadata == {"source": str(path), "page": 2}
