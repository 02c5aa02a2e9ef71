"""Every consumer of LlamaIndex's core that asks an LLM, over the emulated gateway."""

from __future__ import annotations

import asyncio
import gc
import json
from typing import Any

import pytest
from llama_index.core import (
    Document,
    DocumentSummaryIndex,
    MockEmbedding,
    PromptTemplate,
    PropertyGraphIndex,
    Settings,
    SummaryIndex,
    TreeIndex,
    VectorStoreIndex,
    get_response_synthesizer,
)
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.evaluation import (
    CorrectnessEvaluator,
    FaithfulnessEvaluator,
    PairwiseComparisonEvaluator,
    RelevancyEvaluator,
)
from llama_index.core.extractors import (
    DocumentContextExtractor,
    QuestionsAnsweredExtractor,
    SummaryExtractor,
    TitleExtractor,
)
from llama_index.core.indices.property_graph import (
    DynamicLLMPathExtractor,
    SchemaLLMPathExtractor,
    SimpleLLMPathExtractor,
)
from llama_index.core.indices.query.query_transform import HyDEQueryTransform
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from llama_index.core.postprocessor import LLMRerank, StructuredLLMRerank
from llama_index.core.postprocessor.rankGPT_rerank import RankGPTRerank
from llama_index.core.query_engine import (
    RetryQueryEngine,
    RouterQueryEngine,
    SubQuestionQueryEngine,
)
from llama_index.core.question_gen import LLMQuestionGenerator
from llama_index.core.response_synthesizers import ResponseMode
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.schema import (
    NodeRelationship,
    NodeWithScore,
    QueryBundle,
    RelatedNodeInfo,
    TextNode,
)
from llama_index.core.selectors import (
    LLMMultiSelector,
    LLMSingleSelector,
    PydanticMultiSelector,
    PydanticSingleSelector,
)
from llama_index.core.storage.docstore import SimpleDocumentStore
from llama_index.core.tools import QueryEngineTool
from pydantic import BaseModel

from pollinations_client.emulator import Answer, Emulator

# LlamaIndex's own: deprecated attributes, and the event loops and memory stores that it leaves
# open.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

TEXTS = (
    "Bees dance. The angle of the dance shows the direction of the food.",
    "Wasps build nests of paper. They chew wood for it.",
    "Ants follow trails of scent. The trails lead to food.",
)
QUESTION = "What does the angle of the dance show?"


@pytest.fixture(autouse=True, scope="module")
def _nothing_left_for_other_tests() -> Any:
    """What LlamaIndex leaves open is collected here, where its warnings are expected."""
    yield
    gc.collect()


@pytest.fixture
def ready(make: Any) -> Any:
    """A model as the default of LlamaIndex, with an embedding that asks nobody."""
    before = (Settings._llm, Settings._embed_model)
    Settings.llm, Settings.embed_model = make(), MockEmbedding(embed_dim=8)
    yield Settings.llm
    Settings._llm, Settings._embed_model = before


@pytest.fixture
def loop() -> Any:
    """A current event loop: some blocking code of LlamaIndex looks for one."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield loop
    loop.close()


@pytest.fixture
def documents() -> list[Document]:
    """Three short texts."""
    return [Document(text=text, metadata={"file": f"{n}.md"}) for n, text in enumerate(TEXTS)]


class Finding(BaseModel):
    """What was found."""

    subject: str
    direction: bool = True


def text_of_answer(response: Any) -> str:
    """A response's text, streamed or not."""
    return "".join(response.response_gen) if hasattr(response, "response_gen") else str(response)


async def atold(response: Any) -> str:
    """The same, awaited."""
    if hasattr(response, "async_response_gen"):
        return "".join([piece async for piece in response.async_response_gen()])
    return str(response)


ACCUMULATING = {
    ResponseMode.ACCUMULATE,
    ResponseMode.COMPACT_ACCUMULATE,
}  # LlamaIndex does not stream these
MODES = [
    mode
    for mode in ResponseMode
    if mode not in {ResponseMode.NO_TEXT, ResponseMode.CONTEXT_ONLY, ResponseMode.GENERATION}
]


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_consumer_query_engine_in_every_response_mode(
    mode: ResponseMode, streaming: bool, ready: Any, documents: Any, gateway: Emulator
) -> None:
    """Sync and async, streamed and whole; the answer comes from the documents."""
    streaming = streaming and mode not in ACCUMULATING
    engine = SummaryIndex.from_documents(documents).as_query_engine(
        response_mode=mode, streaming=streaming
    )
    assert text_of_answer(engine.query(QUESTION)).strip()

    async def query() -> str:
        return await atold(await engine.aquery(QUESTION))

    assert asyncio.run(query()).strip()
    assert gateway.requests


def test_the_answer_is_found_in_the_documents(ready: Any, documents: Any) -> None:
    """With its sources."""
    answer = SummaryIndex.from_documents(documents).as_query_engine().query(QUESTION)
    assert "direction" in str(answer)
    assert len(answer.source_nodes) == 3


@pytest.mark.parametrize(
    "mode", [ResponseMode.COMPACT, ResponseMode.REFINE, ResponseMode.TREE_SUMMARIZE]
)
def test_consumer_query_engine_with_an_output_class(
    mode: ResponseMode, ready: Any, documents: Any
) -> None:
    """By ``output_cls`` and by a structured LLM, sync and async."""
    index = SummaryIndex.from_documents(documents)
    by_class = index.as_query_engine(response_mode=mode, output_cls=Finding)
    assert isinstance(by_class.query("Who is 'Bee'?").response, Finding)
    assert isinstance(asyncio.run(by_class.aquery("Who is 'Bee'?")).response, Finding)
    by_llm = index.as_query_engine(response_mode=mode, llm=ready.as_structured_llm(Finding))
    assert isinstance(by_llm.query("Who is 'Bee'?").response, Finding)


def test_consumer_refine_streams_structured(ready: Any, documents: Any) -> None:
    """``stream_structured_predict`` through the refine synthesizer."""
    synthesizer = get_response_synthesizer(
        response_mode=ResponseMode.REFINE, structured_answer_filtering=True
    )
    nodes = [NodeWithScore(node=TextNode(text=text)) for text in TEXTS]
    assert text_of_answer(synthesizer.synthesize(QUESTION, nodes)).strip()


@pytest.mark.parametrize(
    "mode", ["simple", "context", "condense_question", "condense_plus_context", "best"]
)
def test_consumer_chat_engines(mode: str, ready: Any, documents: Any, loop: Any) -> None:
    """Four calls each; the second turn knows the first."""
    engine = VectorStoreIndex.from_documents(documents).as_chat_engine(chat_mode=mode)
    assert str(engine.chat(QUESTION)).strip()
    assert "".join(engine.stream_chat(QUESTION).response_gen).strip()

    async def query() -> str:
        first = str(await engine.achat(QUESTION))
        streamed = await engine.astream_chat(QUESTION)
        return first + "".join([piece async for piece in streamed.async_response_gen()])

    assert asyncio.run(query()).strip()
    assert len(engine.chat_history) >= 4


def test_consumer_chat_engine_of_a_small_window(make: Any) -> None:
    """Chat engines take 256 tokens off the window."""
    assert str(SimpleChatEngine.from_defaults(llm=make(context_window=600)).chat("hi")).strip()


@pytest.mark.parametrize(
    "kind", [PydanticSingleSelector, PydanticMultiSelector, LLMSingleSelector, LLMMultiSelector]
)
def test_consumer_selectors(kind: Any, ready: Any, gateway: Emulator) -> None:
    """Choices by forced tool, or read out of JSON in text; sync and async."""
    selector = kind.from_defaults(llm=ready)
    choices = ["Useful for questions about bees", "Useful for questions about wasps"]
    if kind in (LLMSingleSelector, LLMMultiSelector):
        picked = Answer(text='[{"choice": 1, "reason": "It is about bees."}]')
        gateway.script(picked, picked)
    assert selector.select(choices, "What do bees do?").selections[0].index in {0, 1}
    assert asyncio.run(selector.aselect(choices, "What do bees do?")).selections[0].index in {0, 1}


def test_consumer_router_query_engine(ready: Any, documents: Any, gateway: Emulator) -> None:
    """The default selector forces a tool."""
    engines = [
        QueryEngineTool.from_defaults(
            SummaryIndex.from_documents([document]).as_query_engine(),
            name=f"tool_{n}",
            description=f"About {name}",
        )
        for n, (document, name) in enumerate(zip(documents, ("bees", "wasps", "ants"), strict=True))
    ]
    router = RouterQueryEngine.from_defaults(engines)
    assert str(router.query("What do bees show with a dance?")).strip()
    assert gateway.requests[0].json["tool_choice"] == "required"
    assert str(asyncio.run(router.aquery("What do bees show with a dance?"))).strip()


def test_consumer_sub_question_query_engine(ready: Any, documents: Any, gateway: Emulator) -> None:
    """Sub-questions come as JSON in text."""
    parts = '{"items": [{"sub_question": "What do bees do?", "tool_name": "insects"}]}'
    gateway.script(Answer(text=f"```json\n{parts}\n```"))
    tool = QueryEngineTool.from_defaults(
        SummaryIndex.from_documents(documents).as_query_engine(),
        name="insects",
        description="About insects",
    )
    engine = SubQuestionQueryEngine.from_defaults(
        [tool], question_gen=LLMQuestionGenerator.from_defaults(llm=ready)
    )
    assert str(engine.query("What do bees and ants do?")).strip()


@pytest.mark.parametrize("kind", ["llm", "structured", "rankgpt"])
def test_consumer_rerankers(kind: str, ready: Any) -> None:
    """By words, by object, by a list of ranks."""
    nodes = [NodeWithScore(node=TextNode(text=text), score=0.5) for text in TEXTS]
    reranker: Any = {
        "llm": lambda: LLMRerank(llm=ready, top_n=2),
        "structured": lambda: StructuredLLMRerank(llm=ready, top_n=2),
        "rankgpt": lambda: RankGPTRerank(llm=ready, top_n=2),
    }[kind]()
    assert 1 <= len(reranker.postprocess_nodes(nodes, QueryBundle(QUESTION))) <= 3


EXTRACTORS = [TitleExtractor, SummaryExtractor, QuestionsAnsweredExtractor]


@pytest.mark.parametrize("kind", EXTRACTORS)
def test_consumer_extractors_three_times_in_new_loops(
    kind: Any, ready: Any, gateway: Emulator
) -> None:
    """Each run is an event loop of its own, with several calls at once."""
    pipeline = IngestionPipeline(
        transformations=[kind(llm=ready, show_progress=False)], disable_cache=True
    )
    for _ in range(3):
        assert len(pipeline.run(nodes=[TextNode(text=text) for text in TEXTS])) == 3
    assert len(gateway.requests) >= 9


EVALUATORS: dict[str, Any] = {
    "faithfulness": (FaithfulnessEvaluator, {"contexts": list(TEXTS)}),
    "relevancy": (RelevancyEvaluator, {"contexts": list(TEXTS)}),
    "correctness": (CorrectnessEvaluator, {"reference": "The direction."}),
    "pairwise": (
        PairwiseComparisonEvaluator,
        {"second_response": "Nothing.", "reference": "The direction."},
    ),
}


def test_a_reasoning_model_gives_each_chunk_its_context(make: Any, gateway: Emulator) -> None:
    """LlamaIndex takes the first block of the answer, and no other, for the context."""
    gateway.script(Answer(text="About bees.", reasoning="Let me read."))
    documents = SimpleDocumentStore()
    documents.add_documents([Document(text="Bees fly. They sting.", id_="d")])
    node = TextNode(text="They sting.")
    node.relationships[NodeRelationship.SOURCE] = RelatedNodeInfo(node_id="d")
    extractor = DocumentContextExtractor(docstore=documents, llm=make("deepseek"))
    (metadata,) = asyncio.run(extractor.aextract([node]))
    assert metadata == {"context": "About bees."}


@pytest.mark.parametrize("name", EVALUATORS)
def test_evaluators_run_three_times_in_new_event_loops(
    name: str, ready: Any, gateway: Emulator
) -> None:
    """``evaluate`` runs a new loop each time, as it does in a web server."""
    kind, options = EVALUATORS[name]
    evaluator = kind(llm=ready)
    for _ in range(3):
        if name == "correctness":
            gateway.script(Answer(text="4.0\nIt names the direction."))
        result = evaluator.evaluate(
            query=QUESTION, response="The direction of the food.", **options
        )
        assert result.query == QUESTION
    assert len(gateway.requests) >= 3


def test_consumer_simple_property_graph(ready: Any, gateway: Emulator) -> None:
    """Triplets as lines of text."""
    gateway.script(Answer(text="(Bees, show, direction)"))
    extractor = SimpleLLMPathExtractor(llm=ready, num_workers=1)
    (node,) = extractor([TextNode(text=TEXTS[0])])
    assert [relation.label for relation in node.metadata["relations"]] == ["Show"]


def test_consumer_dynamic_property_graph(ready: Any, gateway: Emulator) -> None:
    """Typed triplets as JSON in text."""
    gateway.script(
        Answer(
            text=(
                '[{"head": "Bees", "head_type": "INSECT", "relation": "SHOW", "tail": "food",'
                ' "tail_type": "THING"}]'
            )
        )
    )
    (node,) = DynamicLLMPathExtractor(llm=ready, num_workers=1)([TextNode(text=TEXTS[0])])
    assert [relation.label for relation in node.metadata["relations"]] == ["SHOW"]


def test_consumer_schema_property_graph(ready: Any, gateway: Emulator) -> None:
    """A generated class full of enumerations, by ``astructured_predict``."""
    words = (
        {"type": "CONCEPT", "name": "Bees"},
        {"type": "HAS"},
        {"type": "CONCEPT", "name": "Dance"},
    )
    triplet = dict(zip(("subject", "relation", "object"), words, strict=True))
    gateway.script(Answer(text=json.dumps({"triplets": [triplet]})))
    extractor = SchemaLLMPathExtractor(llm=ready, num_workers=1, strict=False)
    (node,) = extractor([TextNode(text=TEXTS[0])])
    assert [relation.label for relation in node.metadata["relations"]] == ["HAS"]


def test_consumer_property_graph_index(ready: Any, documents: Any, gateway: Emulator) -> None:
    """Extraction and synonyms for the query."""
    gateway.script(*[Answer(text="(Bees, show, direction)")] * 3)
    index = PropertyGraphIndex.from_documents(
        documents,
        kg_extractors=[SimpleLLMPathExtractor(llm=ready, num_workers=1)],
        embed_kg_nodes=False,
    )
    assert str(index.as_query_engine().query(QUESTION))


def test_consumer_query_fusion_uses_completions(
    ready: Any, documents: Any, gateway: Emulator
) -> None:
    """``complete`` and ``acomplete``."""
    retriever = VectorStoreIndex.from_documents(documents).as_retriever()
    fusion = QueryFusionRetriever([retriever], llm=ready, num_queries=3, use_async=False)
    assert fusion.retrieve(QUESTION)
    assert asyncio.run(fusion.aretrieve(QUESTION))
    assert gateway.requests


def test_consumer_hyde(ready: Any) -> None:
    """A made-up document as the query."""
    bundle = HyDEQueryTransform(llm=ready).run(QUESTION)
    assert len(bundle.embedding_strs) == 2


def test_consumer_retry_query_engine(ready: Any, documents: Any) -> None:
    """An evaluator behind a query engine."""
    engine = RetryQueryEngine(
        SummaryIndex.from_documents(documents).as_query_engine(),
        RelevancyEvaluator(llm=ready),
        max_retries=1,
    )
    assert str(engine.query(QUESTION)).strip()


@pytest.mark.parametrize("kind", [DocumentSummaryIndex, TreeIndex])
def test_consumer_indices_that_ask_while_they_are_built(
    kind: Any, ready: Any, documents: Any
) -> None:
    """Summaries of documents and of branches."""
    index = kind.from_documents(documents, llm=ready)
    assert str(index.as_query_engine(llm=ready).query(QUESTION)).strip()


def test_consumer_multi_modal(ready: Any, gateway: Emulator) -> None:
    """Pictures go with the question."""
    ready.chat(
        [
            ChatMessage(
                blocks=[
                    TextBlock(text="What is this?"),
                    ImageBlock(url="https://a.example/pic.png"),
                ]
            )
        ]
    )
    assert (
        gateway.requests[0].json["messages"][0]["content"][1]["image_url"]["url"]
        == "https://a.example/pic.png"
    )


def test_consumer_predict_and_stream(ready: Any) -> None:
    """The four calls that most of LlamaIndex makes."""
    prompt = PromptTemplate("Say {word}")
    assert ready.predict(prompt, word="hello")
    assert "".join(ready.stream(prompt, word="hello"))

    async def query() -> str:
        pieces = [piece async for piece in await ready.astream(prompt, word="hello")]
        return await ready.apredict(prompt, word="hello") + "".join(pieces)

    assert asyncio.run(query())
