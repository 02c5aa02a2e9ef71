"""The main job in one sitting: swap models in a chain, watch one think, let an agent draw, ask your
own documents.

Runs on the local emulator when no key is set: ``make demo``. With POLLINATIONS_API_KEY set it runs
on the gateway.
"""

import contextlib
import os
import signal
import sys
from pathlib import Path
from urllib.parse import urlsplit


def stop(*_: object) -> None:
    """End on Ctrl-C without a traceback, also while the imports below take their seconds."""
    print("\nStopped.")
    sys.exit(130)


signal.signal(signal.SIGINT, stop)

from langchain.agents import create_agent
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from llama_index.core import (
    Document,
    Settings,
    StorageContext,
    VectorStoreIndex,
    load_index_from_storage,
)

from langchain_pollinations import ChatPollinations, PollinationsImageTool
from llamaindex_pollinations import Pollinations, PollinationsEmbedding
from pollinations_client import PollinationsClient, PollinationsError
from pollinations_client.emulator import Emulator

DOCUMENTS = Path(__file__).parent / "notebooks" / "documents"
INDEX = Path("bee-index")


def swap_models() -> None:
    """A LangChain chain; the model is a name."""
    print("\n1. One chain, three models")
    prompt = ChatPromptTemplate.from_template("Why do {insects} matter? One sentence, please.")
    for name in ("openai", "claude", "deepseek"):
        chain = prompt | ChatPollinations(model=name) | StrOutputParser()
        print(f"   {name:>8}: {chain.invoke({'insects': 'bees'})}")


def watch_it_think() -> None:
    """A streamed answer, its reasoning apart."""
    print("\n2. A streamed answer, reasoning first", end="")
    model = ChatPollinations(model="deepseek", reasoning_effort="low")
    titles, speaking = {"reasoning": "thinks", "text": "answers"}, None
    for chunk in model.stream("How many days has a leap year?"):
        for block in chunk.content_blocks:
            kind = block["type"]
            if kind in titles and block.get(kind):
                if kind != speaking:
                    print(f"\n   {titles[kind]:>8}: ", end="")
                    speaking = kind
                print(block[kind], end="", flush=True)
    print()


@tool
def garden_weather(place: str) -> str:
    """Today's weather in a garden."""
    return f"{place}: 21 °C, sunny, a light breeze"


def let_an_agent_draw() -> None:
    """A LangChain agent with a tool of its own and the picture tool."""
    print("\n3. An agent looks out of the window and draws what it sees")
    picture_tool = PollinationsImageTool(model="flux", width=768, height=512, save_dir="pictures")
    agent = create_agent(ChatPollinations(model="openai"), tools=[garden_weather, picture_tool])
    question = (
        "Look up the weather in the garden at 'Kew', then generate an image of bees over lavender."
    )
    for step in agent.stream({"messages": [("user", question)]}, stream_mode="updates"):
        for update in step.values():
            for message in update["messages"]:
                for call in getattr(message, "tool_calls", []):
                    arguments = ", ".join(f"{k}={v!r}" for k, v in call["args"].items())
                    print(f"      calls: {call['name']}({arguments})")
                if message.text:
                    print(f"   {message.type:>8}: {message.text}")


def ask_documents() -> None:
    """A LlamaIndex index over the documents of this repository, kept in a folder: what is in it
    already is not embedded again.
    """
    print("\n4. A question to a few documents, embedded once")
    Settings.llm, Settings.embed_model = Pollinations("gemini"), PollinationsEmbedding()
    files = sorted(DOCUMENTS.glob("*.md"))
    documents = [
        Document(text=file.read_text(), id_=file.name, metadata={"file": file.name})
        for file in files
    ]
    # Vectors of the emulator and of the gateway must not meet in one index.
    folder = INDEX / str(urlsplit(PollinationsClient().settings.base_url).hostname)
    if folder.exists():
        index = load_index_from_storage(StorageContext.from_defaults(persist_dir=str(folder)))
    else:
        index = VectorStoreIndex([])
    changed = index.refresh_ref_docs(documents)
    index.storage_context.persist(folder)
    print(f"   embedded: {sum(changed)} of {len(documents)} documents, kept in {folder}")
    answer = index.as_query_engine(similarity_top_k=2).query("How long does a summer worker live?")
    print(f"     answer: {answer}")
    for node in answer.source_nodes:
        print(f"     source: {node.metadata['file']}, similarity {node.score:.2f}")


def gateway_that_answers(stack: contextlib.ExitStack) -> str:
    """Start the emulator when neither a key nor an address is set, and say who answers."""
    if os.environ.get("POLLINATIONS_BASE_URL"):
        return f"{PollinationsClient().settings.base_url} answers: POLLINATIONS_BASE_URL is set."
    if os.environ.get("POLLINATIONS_API_KEY"):
        return "The Pollinations gateway answers: a key is set. Calls are paid in pollen."
    os.environ["POLLINATIONS_BASE_URL"] = stack.enter_context(Emulator()).url
    return (
        f"The emulator answers at {os.environ['POLLINATIONS_BASE_URL']}: no key is set. It is no"
        " language model; nothing is spent.\nFor the real gateway: export POLLINATIONS_API_KEY=..."
        " (https://enter.pollinations.ai/keys)"
    )


def main() -> int:
    """Run the four parts on the gateway, or on the emulator when there is no key."""
    with contextlib.ExitStack() as stack:
        try:
            print(gateway_that_answers(stack))
            for part in (swap_models, watch_it_think, let_an_agent_draw, ask_documents):
                part()
        except PollinationsError as error:
            print(f"\n{type(error).__name__}: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
