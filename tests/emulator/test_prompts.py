"""The prompts that the demo, the notebooks and text programs lean on are answered in their form."""

from __future__ import annotations

from typing import Any

from client import loopback
from langchain_core.output_parsers import PydanticOutputParser as LangChainParser
from llama_index.core.chat_engine import condense_plus_context
from llama_index.core.output_parsers import PydanticOutputParser
from llama_index.core.prompts import ChatPromptTemplate, chat_prompts, default_prompts
from pydantic import BaseModel

from pollinations_client.emulator import Emulator

CONTEXT = (
    "The Eiffel Tower is 330 metres tall. It was built in 1889 by Gustave Eiffel. Paris is the"
    " capital of France.\nBananas are yellow."
)


def say(gateway: Emulator, prompt: str | list[dict[str, Any]]) -> str:
    """The text of the answer."""
    messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
    body = {"model": "openai", "messages": messages}
    reply = loopback.post(gateway.url + "/v1/chat/completions", json=body).json()
    text: str = reply["choices"][0]["message"]["content"]
    return text


def messages_of(template: Any, **values: str) -> list[dict[str, Any]]:
    """A chat template as wire messages."""
    assert isinstance(template, ChatPromptTemplate)
    return [
        {"role": one.role.value, "content": one.content}
        for one in template.format_messages(**values)
    ]


def test_retrieval_by_the_model_gets_documents_in_order(gateway: Emulator) -> None:
    """Numbers and relevance in the form of the example, which demo and notebook retrieve with."""
    documents = (
        "Document 1:\nBananas are yellow.\n\nDocument 2:\nThe Eiffel Tower is 330 metres tall."
    )
    prompt = default_prompts.DEFAULT_CHOICE_SELECT_PROMPT_TMPL.format(
        context_str=documents, query_str="How tall is the Eiffel Tower?"
    )
    assert say(gateway, prompt) == "Doc: 2, Relevance: 10"


def test_questions_are_answered_from_the_retrieved_text(gateway: Emulator) -> None:
    """Text and chat forms of question answering, tree summarising and the chat engines."""
    built = {"context_str": CONTEXT, "query_str": "Who built the Eiffel Tower?"}
    assert "Gustave" in say(gateway, default_prompts.DEFAULT_TEXT_QA_PROMPT_TMPL.format(**built))
    assert "Gustave" in say(gateway, messages_of(chat_prompts.CHAT_TREE_SUMMARIZE_PROMPT, **built))
    capital = built | {
        "query_str": "What is the capital of France?",
        "context_str": f"file_path: /a/b.txt\n\n{CONTEXT}",
    }
    assert (
        say(gateway, messages_of(chat_prompts.CHAT_TEXT_QA_PROMPT, **capital))
        == "Paris is the capital of France."
    )
    system = condense_plus_context.DEFAULT_CONTEXT_PROMPT_TEMPLATE.format(context_str=CONTEXT)
    asked = [
        {"role": "system", "content": system},
        {"role": "user", "content": "When was the tower built?"},
    ]
    assert "1889" in say(gateway, asked)


class Song(BaseModel):
    """A song."""

    title: str
    length_seconds: int


class Album(BaseModel):
    """An album."""

    name: str
    artist: str
    songs: list[Song]


def test_text_programs_get_json_for_their_schema(gateway: Emulator) -> None:
    """Both frameworks' format instructions, which show the schema in the prompt."""
    parser = PydanticOutputParser(Album)
    prompt = parser.format("An album called 'Blue Bees' by Ann Lee with a song of 180 seconds.")
    album = parser.parse(say(gateway, prompt))
    assert album.name == "Blue Bees"
    assert album.songs[0].length_seconds == 180
    other = LangChainParser(pydantic_object=Song)
    prompt = f"{other.get_format_instructions()}\nThe song 'Hum' lasts 95 seconds."
    assert other.parse(say(gateway, prompt)) == Song(title="Hum", length_seconds=95)


def test_a_template_round_a_passage_fills_no_schema(gateway: Emulator) -> None:
    """The sentence that answers does, whatever stands round it."""
    schema = Song.model_json_schema()
    prompt = (
        "Context information is below.\n-----\nThe song 'Hum' lasts 95 seconds.\n-----\n"
        "Query: Which song of 3 lasts longest?\nAnswer: "
    )
    body = {
        "model": "openai",
        "messages": [{"role": "user", "content": prompt}],
        "response_format": {"type": "json_schema", "json_schema": {"schema": schema}},
    }
    reply = loopback.post(gateway.url + "/v1/chat/completions", json=body).json()
    assert Song.model_validate_json(reply["choices"][0]["message"]["content"]) == Song(
        title="Hum", length_seconds=95
    )
