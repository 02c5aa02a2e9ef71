"""The main job in one sitting: swap models in a chain, watch one think, let an agent draw and edit,
ask your own documents, and keep an eye on the money.

Runs on the local emulator when no key is set: ``make demo``. With POLLINATIONS_API_KEY set it runs
on the gateway, within a budget of half a pollen.
"""

import contextlib
import os
import signal
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


def stop(*_: object) -> None:
    """End on Ctrl-C without a traceback, also while the imports below take their seconds."""
    print("\nStopped.")
    sys.exit(130)


signal.signal(signal.SIGINT, stop)

from langchain.agents import create_agent
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from llama_index.core import (
    Document,
    Settings,
    StorageContext,
    VectorStoreIndex,
    load_index_from_storage,
)
from PIL import Image
from tqdm import tqdm

from langchain_pollinations import ChatPollinations, PollinationsToolkit
from llamaindex_pollinations import Pollinations, PollinationsEmbedding
from pollinations_client import (
    BudgetSpentError,
    PollenBudget,
    PollinationsClient,
    PollinationsError,
)
from pollinations_client.emulator import Answer, Emulator

DOCUMENTS = Path(__file__).parent / "notebooks" / "documents"
INDEX, PICTURES = Path("bee-index"), Path("pictures")
WIDTH = 98  # characters a line
SENTENCES = {
    "openai": "They carry pollen from flower to flower, so that plants can set fruit and seed.",
    "claude": "A third of what we eat, from apples to almonds, depends on their visits.",
    "deepseek": "Without them most wild flowers, and the animals that live on them, would go.",
}
EDIT = "the same hills in the evening"

Script = Callable[..., None]
"""Takes the emulator's next answers; does nothing when a gateway answers."""


def say(label: str, text: str) -> None:
    """One labelled paragraph, wrapped."""
    first = f"   {label:>8}: "
    print(textwrap.fill(text, WIDTH, initial_indent=first, subsequent_indent=" " * len(first)))


def swap_models(script: Script) -> None:
    """A LangChain chain; the model is a name."""
    print("\n1. One chain, three models")
    prompt = ChatPromptTemplate.from_template("Why do {insects} matter? One sentence, please.")
    script(*(Answer(text=sentence) for sentence in SENTENCES.values()))
    for name in SENTENCES:
        answer = (prompt | ChatPollinations(name)).invoke({"insects": "bees"})
        say(name, answer.text)


def watch_it_think(script: Script) -> None:
    """A streamed answer, its reasoning apart."""
    print("\n2. A streamed answer, reasoning first", end="")
    thoughts = "Leap years come every four years but not in 1900. They have one day more than 365."
    script(Answer(reasoning=thoughts, text="A leap year has 366 days."))
    model = ChatPollinations("deepseek", reasoning_effort="low")
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


def let_an_agent_draw(script: Script) -> None:
    """A LangChain agent with a tool of its own, which makes a picture and changes it."""
    print("\n3. An agent looks at the weather, draws, and changes what it drew")
    script(
        Answer(tool_calls=[("garden_weather", {"place": "Kew"})]),
        Answer(tool_calls=[("generate_image", {"prompt": "bees over lavender", "seed": 7})]),
        Answer(tool_calls=[("generate_image", {"prompt": EDIT, "image": "picture-1", "seed": 8})]),
        Answer(text="It is sunny at Kew. I drew bees over lavender, by day and in the evening."),
    )
    tools = PollinationsToolkit(
        model="kontext", width=768, height=512, save_dir=PICTURES, search_model=None
    ).get_tools()
    agent = create_agent(ChatPollinations("openai"), tools=[garden_weather, *tools])
    question = (
        "Look up the weather in the garden at 'Kew', then generate an image of bees over lavender,"
        f" then change it: {EDIT}."
    )
    for step in agent.stream({"messages": [("user", question)]}, stream_mode="updates"):
        for update in step.values():
            show_messages(update["messages"])


def show_messages(messages: list[Any]) -> None:
    """The calls and the texts of an agent's new messages."""
    for message in messages:
        for call in getattr(message, "tool_calls", []):
            arguments = ", ".join(f"{name}={value!r}" for name, value in call["args"].items())
            say("calls", f"{call['name']}({arguments})")
        if message.text:
            say(message.type, message.text)


def ask_documents(script: Script) -> None:
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
    bar = tqdm(documents, "   embedding", leave=False, disable=not sys.stderr.isatty())
    changed = sum(sum(index.refresh_ref_docs([document])) for document in bar)
    index.storage_context.persist(folder)
    say("embedded", f"{changed} of {len(documents)} documents, kept in {folder}")
    answer = index.as_query_engine(similarity_top_k=2).query("How long does a summer worker live?")
    say("answer", str(answer))
    for node in answer.source_nodes:
        say("source", f"{node.metadata['file']}, similarity {node.score:.2f}")


def show_the_money(budget: PollenBudget) -> None:
    """What the calls above cost, and a budget that refuses."""
    print("\n5. What this costs on the gateway, and a budget that stops a call before it is paid")
    print(textwrap.indent(budget.table(), "   "))
    try:
        with PollenBudget(0.001):
            PollinationsClient().image("bees over lavender", model="flux")
    except BudgetSpentError as error:
        say("refused", error.message)


def save_contact_sheet() -> None:
    """All pictures of the folder on one."""
    files = sorted(PICTURES.glob("[!_]*.jpg"), key=lambda file: file.stat().st_mtime)[-4:]
    sheet = Image.new("RGB", (400 * len(files), 267), "white")
    for number, file in enumerate(files):
        with Image.open(file) as picture:
            sheet.paste(picture.resize((392, 261)), (400 * number + 4, 3))
    sheet.save(PICTURES / "_contact-sheet.png")
    print(f"\nThe pictures, side by side: {PICTURES / '_contact-sheet.png'}")


def no_script(*_: Answer) -> None:
    """The gateway answers for itself."""


def start(stack: contextlib.ExitStack) -> tuple[str, Script]:
    """Start the emulator when neither a key nor an address is set. Who answers, and its script."""
    if os.environ.get("POLLINATIONS_BASE_URL"):
        url = PollinationsClient().settings.base_url
        return f"{url} answers: POLLINATIONS_BASE_URL is set.", no_script
    if os.environ.get("POLLINATIONS_API_KEY"):
        return (
            "The Pollinations gateway answers: a key is set. Calls are paid in pollen.",
            no_script,
        )
    gateway = stack.enter_context(Emulator())
    os.environ["POLLINATIONS_BASE_URL"] = gateway.url
    return (
        f"The emulator answers at {gateway.url}: no key is set. Nothing is spent; the answers of"
        " parts 1 to 3 are scripted.\nFor the real gateway: export POLLINATIONS_API_KEY=..."
        " (https://enter.pollinations.ai/keys)",
        gateway.script,
    )


def main() -> int:
    """Run all parts on the gateway, or on the emulator when there is no key."""
    with contextlib.ExitStack() as stack:
        try:
            who_answers, script = start(stack)
            print(who_answers)
            with PollenBudget(0.50, unpriced="allow") as budget:
                for part in (swap_models, watch_it_think, let_an_agent_draw, ask_documents):
                    part(script)
            show_the_money(budget)
            save_contact_sheet()
        except PollinationsError as error:
            print(f"\n{type(error).__name__}: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
