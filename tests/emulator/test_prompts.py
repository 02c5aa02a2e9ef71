"""The prompts that LlamaIndex and LangChain ship are answered so that their own parsers are
content.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from client import loopback
from langchain_core.output_parsers import CommaSeparatedListOutputParser
from langchain_core.output_parsers import PydanticOutputParser as LangChainParser
from llama_index.core.chat_engine import condense_plus_context, condense_question
from llama_index.core.evaluation import (
    answer_relevancy,
    context_relevancy,
    correctness,
    faithfulness,
    pairwise,
    relevancy,
)
from llama_index.core.extractors import metadata_extractors as extractors
from llama_index.core.output_parsers import PydanticOutputParser
from llama_index.core.output_parsers.selection import SelectionOutputParser
from llama_index.core.prompts import (
    ChatPromptTemplate,
    PromptTemplate,
    chat_prompts,
    default_prompts,
)
from llama_index.core.question_gen.output_parser import SubQuestionOutputParser
from llama_index.core.question_gen.prompts import DEFAULT_SUB_QUESTION_PROMPT_TMPL, build_tools_text
from llama_index.core.retrievers.fusion_retriever import QUERY_GEN_PROMPT
from llama_index.core.selectors.prompts import (
    DEFAULT_MULTI_SELECT_PROMPT_TMPL,
    DEFAULT_SINGLE_SELECT_PROMPT_TMPL,
)
from llama_index.core.tools import ToolMetadata
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
    text: str = loopback.post(gateway.url + "/v1/chat/completions", json=body).json()["choices"][0][
        "message"
    ]["content"]
    return text


def messages_of(template: Any, **values: str) -> list[dict[str, Any]]:
    """A chat template as wire messages."""
    assert isinstance(template, ChatPromptTemplate)
    return [
        {"role": one.role.value, "content": one.content}
        for one in template.format_messages(**values)
    ]


@pytest.mark.parametrize(
    "template", [DEFAULT_SINGLE_SELECT_PROMPT_TMPL, DEFAULT_MULTI_SELECT_PROMPT_TMPL]
)
def test_selectors_get_the_choice_that_fits(gateway: Emulator, template: str) -> None:
    """A number and a reason as JSON."""
    parser = SelectionOutputParser()
    choices = (
        "(1) Useful for questions about the life of Paul Graham\n\n(2) Useful for questions about"
        " Uber financials"
    )
    values = {
        "num_choices": 2,
        "context_list": choices,
        "query_str": "How much revenue did Uber make?",
        "max_outputs": 2,
    }
    found = parser.parse(say(gateway, parser.format(PromptTemplate(template).format(**values))))
    assert [one.choice for one in found.parsed_output] == [2]


def test_a_question_is_split_over_the_tools_that_fit(gateway: Emulator) -> None:
    """One sub-question per tool, as JSON in a fence."""
    tools = [
        ToolMetadata(name=f"{name}_10k", description=f"About {name} financials")
        for name in ("uber", "lyft", "ford")
    ]
    wish = "Compare the revenue of Uber and Lyft"
    prompt = PromptTemplate(DEFAULT_SUB_QUESTION_PROMPT_TMPL).format(
        tools_str=build_tools_text(tools), query_str=wish
    )
    found = SubQuestionOutputParser().parse(say(gateway, prompt)).parsed_output
    assert [one.tool_name for one in found] == ["uber_10k", "lyft_10k"]


@pytest.mark.parametrize(
    ("template", "claim", "verdict"),
    [
        (faithfulness.DEFAULT_EVAL_TEMPLATE, "The Eiffel Tower is 330 metres tall.", "YES"),
        (faithfulness.DEFAULT_EVAL_TEMPLATE, "Penguins live at the south pole in colonies.", "NO"),
        (
            relevancy.DEFAULT_EVAL_TEMPLATE,
            "Question: How tall is the Eiffel Tower?\nResponse: 330 metres",
            "YES",
        ),
        (
            relevancy.DEFAULT_EVAL_TEMPLATE,
            "Question: Where do penguins live?\nResponse: At the pole",
            "NO",
        ),
    ],
)
def test_evaluators_get_a_verdict(
    gateway: Emulator, template: Any, claim: str, verdict: str
) -> None:
    """YES when the context bears the claim out."""
    assert say(gateway, template.format(query_str=claim, context_str=CONTEXT)) == verdict


def test_correctness_gets_a_score_and_a_reason(gateway: Emulator) -> None:
    """A number on the first line that the evaluator's own parser reads; a better answer scores
    higher.
    """

    def score(answer: str) -> float:
        reference = "The Eiffel Tower is 330 metres tall."
        values = {
            "query": "How tall is it?",
            "reference_answer": reference,
            "generated_answer": answer,
        }
        found, reason = correctness.default_parser(
            say(gateway, messages_of(correctness.DEFAULT_EVAL_TEMPLATE, **values))
        )
        assert found is not None
        assert reason
        return float(found)

    assert 1 <= score("Bananas.") < score("It is 330 metres tall.") <= 5


@pytest.mark.parametrize(
    ("module", "told"), [(answer_relevancy, "response"), (context_relevancy, "context_str")]
)
def test_relevancy_gets_its_marked_score(gateway: Emulator, module: Any, told: str) -> None:
    """``[RESULT]`` and a number that the evaluator's own parser reads: all points for what fits,
    none for bananas.
    """

    def score(text: str) -> float:
        asked = "How tall is the Eiffel Tower?"
        prompt = module.DEFAULT_EVAL_TEMPLATE.format(
            **{"query": asked, "query_str": asked, told: text}
        )
        found, reason = module._default_parser_function(say(gateway, prompt))
        assert reason
        return float(found)

    assert score("The Eiffel Tower is a tall tower: 330 metres.") == module._DEFAULT_SCORE_THRESHOLD
    assert score("Bananas.") == 0


def test_pairwise_gets_a_winner(gateway: Emulator) -> None:
    """The answer that shares more with the question."""
    values = {
        "query": "How tall is the Eiffel Tower?",
        "answer_1": "Bananas.",
        "answer_2": "The Eiffel Tower: 330 metres.",
    }
    assert "[[B]]" in say(
        gateway, messages_of(pairwise.DEFAULT_EVAL_TEMPLATE, reference="", **values)
    )


def test_rerankers_get_documents_in_order(gateway: Emulator) -> None:
    """Numbers and relevance in the form of the example."""
    documents = (
        "Document 1:\nBananas are yellow.\n\nDocument 2:\nThe Eiffel Tower is 330 metres tall."
    )
    prompt = default_prompts.DEFAULT_CHOICE_SELECT_PROMPT_TMPL.format(
        context_str=documents, query_str="How tall is the Eiffel Tower?"
    )
    assert say(gateway, prompt) == "Doc: 2, Relevance: 10"
    passages = (
        "[1] Bananas are yellow.\n[2] The Eiffel Tower is tall.\nSearch Query: Eiffel Tower. Output"
        " like [2] > [1]."
    )
    assert say(gateway, passages) == "[2] > [1]"


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


def test_refining_keeps_an_answer_that_the_context_does_not_better(gateway: Emulator) -> None:
    """New facts come in, idle ones leave the answer alone."""
    values = {"query_str": "Who built the Eiffel Tower?", "existing_answer": "Someone."}
    refine = default_prompts.DEFAULT_REFINE_PROMPT_TMPL.format
    assert "Gustave" in say(gateway, refine(context_msg=CONTEXT, **values))
    chat = messages_of(
        chat_prompts.CHAT_REFINE_PROMPT, context_msg="Penguins live far away.", **values
    )
    assert say(gateway, chat) == "Someone."


def test_lists_have_the_asked_form(gateway: Emulator) -> None:
    """Keywords, titles, questions, queries, summaries, comma separated values."""
    keywords = default_prompts.DEFAULT_KEYWORD_EXTRACT_TEMPLATE_TMPL.format(
        text=CONTEXT, max_keywords=5
    )
    assert re.fullmatch(r"KEYWORDS: \w+(, \w+){4}", say(gateway, keywords))
    assert "Eiffel" in say(
        gateway, extractors.DEFAULT_TITLE_NODE_TEMPLATE.format(context_str=CONTEXT)
    )
    questions = extractors.DEFAULT_QUESTION_GEN_TMPL.format(context_str=CONTEXT, num_questions=3)
    assert len(say(gateway, questions).splitlines()) == 3
    queries = say(
        gateway, QUERY_GEN_PROMPT.format(num_queries=4, query="How tall is the Eiffel Tower?")
    ).splitlines()
    assert len(set(queries)) == 4
    summary = say(gateway, default_prompts.DEFAULT_SUMMARY_PROMPT_TMPL.format(context_str=CONTEXT))
    assert set(summary.replace("\n", " ").split(". ")) <= {
        *CONTEXT.replace("\n", " ").split(". "),
        "Bananas are yellow.",
    }
    form = CommaSeparatedListOutputParser().get_format_instructions()
    assert (
        len(
            CommaSeparatedListOutputParser().parse(
                say(gateway, f"List five ice cream flavors.\n{form}")
            )
        )
        == 5
    )
    assert len(say(gateway, "Name three planets.").splitlines()) == 3


def test_triplets_and_sql(gateway: Emulator) -> None:
    """Subject, predicate, object from the text; a SELECT over the table that fits, then its result
    in words.
    """
    text = "Alice works at Google. Philz was founded in Berkeley."
    prompt = default_prompts.DEFAULT_KG_TRIPLET_EXTRACT_TMPL.format(
        text=text, max_knowledge_triplets=3
    )
    assert "(Alice, works at, Google)" in say(gateway, prompt)
    tables = (
        "Table 'cities' has columns: name (VARCHAR), population (INTEGER)\n\nTable 'cars' has"
        " columns: brand (VARCHAR)"
    )
    asked = (
        f"Only use these tables.\n{tables}\n\nQuestion: Which city has the highest"
        " population?\nSQLQuery: "
    )
    assert say(gateway, asked) == "SELECT population FROM cities ORDER BY population DESC LIMIT 1"
    assert "Berlin" in say(
        gateway, "Query: which?\nSQL: SELECT 1\nSQL Response: [('Berlin',)]\nResponse: "
    )


def test_follow_up_questions_are_condensed(gateway: Emulator) -> None:
    """The question itself stands."""
    history = {
        "chat_history": "user: Tell me about the tower\nassistant: It is tall",
        "question": "When was it built?",
    }
    assert (
        say(gateway, condense_question.DEFAULT_TEMPLATE.format(**history)) == "When was it built?"
    )
    assert (
        say(gateway, condense_plus_context.DEFAULT_CONDENSE_PROMPT_TEMPLATE.format(**history))
        == "When was it built?"
    )


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
    """Both frameworks' format instructions."""
    parser = PydanticOutputParser(Album)
    album = parser.parse(
        say(
            gateway,
            parser.format("An album called 'Blue Bees' by Ann Lee with a song of 180 seconds."),
        )
    )
    assert album.name == "Blue Bees"
    assert album.songs[0].length_seconds == 180
    other = LangChainParser(pydantic_object=Song)
    song = other.parse(
        say(gateway, f"{other.get_format_instructions()}\nThe song 'Hum' lasts 95 seconds.")
    )
    assert song == Song(title="Hum", length_seconds=95)


LANGCHAIN_REACT = """You have access to the following tools:

search(query: str) -> str - Search the web for facts.
calculator(expression: str) - Useful for math.
convert(value: float, unit: str) - Convert a value to a unit.

Use the following format:

Question: the input question you must answer
Thought: you should always think about what to do
Action: the action to take, should be one of [search, calculator, convert]
Action Input: the input to the action
Observation: the result of the action
Thought: I now know the final answer
Final Answer: the final answer to the original input question

Begin!

Question: {question}
Thought:{so_far}"""


def test_langchains_react_prompt(gateway: Emulator) -> None:
    """A bare argument for one parameter, JSON for several, the final answer after the
    observation.
    """
    first = say(gateway, LANGCHAIN_REACT.format(question="What is 3 * 4?", so_far=""))
    assert first.endswith("Action: calculator\nAction Input: 3 * 4")
    several = say(gateway, LANGCHAIN_REACT.format(question="Convert 5 to unit 'mile'", so_far=""))
    assert json.loads(several.partition("Action Input: ")[2]) == {"value": 5, "unit": "mile"}
    so_far = " I calculate\nAction: calculator\nAction Input: 3 * 4\nObservation: 12\nThought:"
    assert "Final Answer: 12" in say(
        gateway, LANGCHAIN_REACT.format(question="What is 3 * 4?", so_far=so_far)
    )
