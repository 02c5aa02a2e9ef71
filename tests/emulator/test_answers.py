"""What the emulator says: from the request's schema and text, never from a list of known
questions.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from client import loopback

from pollinations_client.emulator import Emulator

Json = dict[str, Any]


def tool(
    name: str, description: str = "", required: list[str] | None = None, **properties: Any
) -> Json:
    """A function tool; a property given as a word is of that type, and all are required unless
    said.
    """
    typed = {
        key: value if isinstance(value, dict) else {"type": value}
        for key, value in properties.items()
    }
    parameters = {
        "type": "object",
        "properties": typed,
        "required": list(typed) if required is None else required,
    }
    return {
        "type": "function",
        "function": {"name": name, "description": description, "parameters": parameters},
    }


WEATHER = tool("get_weather", "Get the current weather for a city.", city="string")
ADD = tool("add", "Add two numbers", a="integer", b="integer")
MULTIPLY = tool("multiply", "Multiply two integers", a="integer", b="integer")
DRAW = tool(
    "generate_image",
    "Draw a picture from a description.",
    ["prompt"],
    prompt="string",
    width={"type": "integer", "default": 1024},
    height={"type": "integer", "default": 1024},
    seed={"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
)


def complete(gateway: Emulator, messages: str | list[Json], **more: Any) -> Json:
    """The completion for a prompt or for messages."""
    said = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
    response = loopback.post(
        gateway.url + "/v1/chat/completions", json={"model": "openai", "messages": said, **more}
    )
    assert response.status_code == 200, response.text
    whole: Json = response.json()
    return whole


def message(gateway: Emulator, messages: str | list[Json], **more: Any) -> Json:
    """The message of the answer."""
    found: Json = complete(gateway, messages, **more)["choices"][0]["message"]
    return found


def say(gateway: Emulator, messages: str | list[Json], **more: Any) -> str:
    """The text of the answer."""
    text: str = message(gateway, messages, **more)["content"]
    return text


def calls(
    gateway: Emulator, messages: str | list[Json], tools: list[Json], **more: Any
) -> list[tuple[str, Json]]:
    """The calls of the answer."""
    made = message(gateway, messages, tools=tools, **more).get("tool_calls") or []
    return [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in made]


def filled(gateway: Emulator, prompt: str, schema: Json) -> Any:
    """The answer to a json_schema request."""
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    return json.loads(say(gateway, prompt, response_format=form))


CALLS: list[tuple[str, list[Json], list[tuple[str, Json]]]] = [
    (
        "What is the weather in San Francisco, CA?",
        [WEATHER],
        [("get_weather", {"city": "San Francisco, CA"})],
    ),
    ("What is 12 * 7?", [ADD, MULTIPLY], [("multiply", {"a": 12, "b": 7})]),
    ("What is 2 plus 3?", [MULTIPLY, ADD], [("add", {"a": 2, "b": 3})]),
    (
        "Add 2 and 3, and multiply 4 by 5.",
        [ADD, MULTIPLY],
        [("add", {"a": 2, "b": 3}), ("multiply", {"a": 4, "b": 5})],
    ),
    (
        "Compute spell(3). Use the tool.",
        [tool("spell", input="integer")],
        [("spell", {"input": 3})],
    ),
    ("You must use the tool now.", [tool("ping")], [("ping", {})]),
    (
        "What's the weather in Paris, London and Tokyo?",
        [WEATHER],
        [("get_weather", {"city": city}) for city in ("Paris", "London", "Tokyo")],
    ),
    (
        "Draw a red fox in snow, with seed 42",
        [WEATHER, DRAW],
        [("generate_image", {"prompt": "a red fox in snow, with seed 42", "seed": 42})],
    ),
    (
        "Please make me a picture of 'two moons'.",
        [WEATHER, DRAW],
        [("generate_image", {"prompt": "two moons"})],
    ),
    (
        "Send an email to bob@x.org with subject 'Hi' and body 'Lunch?'",
        [
            WEATHER,
            tool("send_email", "Send an email", to="string", subject="string", body="string"),
        ],
        [("send_email", {"to": "bob@x.org", "subject": "Hi", "body": "Lunch?"})],
    ),
    (
        "What is the weather in Oslo and in Rome, please?",
        [WEATHER],
        [("get_weather", {"city": "Oslo"}), ("get_weather", {"city": "Rome"})],
    ),
    (
        "Book a table for 4 people at Luigi's on 2026-05-01 at 19:30",
        [
            tool(
                "book_table",
                "Book a table",
                restaurant="string",
                people="integer",
                date="string",
                time="string",
            )
        ],
        [
            (
                "book_table",
                {"restaurant": "Luigi's", "people": 4, "date": "2026-05-01", "time": "19:30"},
            )
        ],
    ),
    (
        "How long do refunds take by our documents?",
        [tool("retriever", "Search the documents", query="string")],
        [("retriever", {"query": "How long do refunds take by our documents?"})],
    ),
    (
        "Please make a video of waves crashing, and look up order 1234.",
        [
            tool("make_video", "Make a video", ["prompt"], prompt="string", duration_s="integer"),
            tool("get_order", order_id="string"),
        ],
        [("make_video", {"prompt": "waves crashing"}), ("get_order", {"order_id": "1234"})],
    ),
    (
        "What is the weather in Paris? Use the get_weather tool.",
        [WEATHER, ADD],
        [("get_weather", {"city": "Paris"})],
    ),
    ("Hello, how are you?", [WEATHER, ADD, DRAW], []),
    ("Write a short description of bees.", [DRAW], []),
    ("Tell me the weather in Rome, but do not use any tools.", [WEATHER], []),
]


@pytest.mark.parametrize(("prompt", "tools", "expected"), CALLS)
def test_tools_are_chosen_and_filled_from_the_prompt(
    either_gateway: Emulator, prompt: str, tools: list[Json], expected: list[tuple[str, Json]]
) -> None:
    """The tool whose words fit, arguments by their schema; none when nothing fits."""
    assert calls(either_gateway, prompt, tools) == expected


def test_one_call_at_a_time_when_parallel_calls_are_off(gateway: Emulator) -> None:
    """parallel_tool_calls=false gives the first call only; the next comes after its result."""
    prompt = "What's the weather in Paris and London?"
    first = message(gateway, prompt, tools=[WEATHER], parallel_tool_calls=False)
    assert len(first["tool_calls"]) == 1
    answered = {"role": "tool", "tool_call_id": first["tool_calls"][0]["id"], "content": "sunny"}
    history = [{"role": "user", "content": prompt}, first, answered]
    assert calls(gateway, history, [WEATHER], parallel_tool_calls=False) == [
        ("get_weather", {"city": "London"})
    ]


def test_a_named_or_required_tool_is_always_called(gateway: Emulator) -> None:
    """Forced choices are obeyed, even when nothing fits; none is obeyed too."""
    assert calls(gateway, "Hello", [WEATHER], tool_choice="required")[0][0] == "get_weather"
    named = {"type": "function", "function": {"name": "multiply"}}
    assert calls(gateway, "Add 2 and 3", [ADD, MULTIPLY], tool_choice=named) == [
        ("multiply", {"a": 2, "b": 3})
    ]
    assert calls(gateway, "Add 2 and 3", [ADD], tool_choice="none") == []


def run_agent(
    gateway: Emulator, prompt: str, tools: list[Json], results: dict[str, Any]
) -> tuple[list[Any], str]:
    """Call and answer until the emulator speaks; what was called, and the last words."""
    messages: list[Json] = [{"role": "user", "content": prompt}]
    made: list[Any] = []
    for _ in range(6):
        said = message(gateway, messages, tools=tools)
        messages.append(said)
        if not said.get("tool_calls"):
            return made, said["content"]
        for call in said["tool_calls"]:
            name, arguments = call["function"]["name"], json.loads(call["function"]["arguments"])
            made.append((name, arguments))
            messages.append(
                {
                    "role": "tool",
                    "tool_call_id": call["id"],
                    "content": str(results[name](**arguments)),
                }
            )
    pytest.fail(f"The agent does not end: {made}")


def test_an_agent_takes_several_steps(gateway: Emulator) -> None:
    """A second step waits for the first, builds on its result, and the last words quote the
    results.
    """
    results = {
        "get_weather": lambda city: f"It is sunny in {city}",
        "generate_image": lambda prompt: "saved as a.jpg",
    }
    wish = "Look up the weather in Paris and then draw a picture of it."
    made, said = run_agent(gateway, wish, [DRAW, WEATHER], results)
    assert made == [
        ("get_weather", {"city": "Paris"}),
        ("generate_image", {"prompt": "It is sunny in Paris"}),
    ]
    assert "sunny" in said
    assert "a.jpg" in said


def test_results_flow_into_the_next_numbers(gateway: Emulator) -> None:
    """``the result`` is what the last tool said."""
    results = {"add": lambda a, b: a + b, "multiply": lambda a, b: a * b}
    made, said = run_agent(
        gateway, "Add 3 and 5, then multiply the result by 12.", [ADD, MULTIPLY], results
    )
    assert made == [("add", {"a": 3, "b": 5}), ("multiply", {"a": 8, "b": 12})]
    assert "96" in said


def test_pictures_that_a_tool_brought_are_no_new_wish(gateway: Emulator) -> None:
    """A user message with pictures right after tool results ends the turn in words."""
    first = message(gateway, "Draw a boat", tools=[DRAW])
    pixel = "data:image/gif;base64,R0lGODlhAQABAIAAAP///wAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw=="
    brought = [
        {"type": "text", "text": "Draw result:"},
        {"type": "image_url", "image_url": {"url": pixel}},
    ]
    history = [
        {"role": "user", "content": "Draw a boat"},
        first,
        {"role": "tool", "tool_call_id": first["tool_calls"][0]["id"], "content": "drawn"},
        {"role": "user", "content": brought},
    ]
    assert "drawn" in say(gateway, history, tools=[DRAW])


PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "email": {"type": "string"},
    },
    "required": ["name", "age"],
}
SCHEMAS: list[tuple[str, Json, Any]] = [
    (
        "Alice Smith is 31, mail alice@x.org.",
        PERSON,
        {"name": "Alice Smith", "age": 31, "email": "alice@x.org"},
    ),
    (
        "The movie Inception came out in 2010, directed by Christopher Nolan, a drama.",
        {
            "type": "object",
            "properties": {
                "title": {"type": "string"},
                "year": {"type": "integer"},
                "director": {"type": "string"},
                "genre": {"enum": ["comedy", "drama"]},
            },
            "required": ["title", "year", "director", "genre"],
        },
        {"title": "Inception", "year": 2010, "director": "Christopher Nolan", "genre": "drama"},
    ),
    (
        "Buy milk, eggs and bread on 2026-03-01.",
        {
            "type": "object",
            "properties": {
                "items": {"type": "array", "items": {"type": "string"}},
                "day": {"type": "string", "format": "date"},
            },
            "required": ["items", "day"],
        },
        {"items": ["milk", "eggs", "bread"], "day": "2026-03-01"},
    ),
    (
        "nothing of the sort",
        {
            "type": "object",
            "properties": {
                "score": {"type": "number", "minimum": 0, "maximum": 1},
                "kind": {"const": "note"},
                "maybe": {"anyOf": [{"type": "null"}, {"type": "boolean"}]},
                "code": {"type": "string", "pattern": "^[A-Z]{3}$"},
            },
            "required": ["score", "kind", "maybe", "code"],
        },
        {"score": 1, "kind": "note", "maybe": False, "code": "AAA"},
    ),
]


@pytest.mark.parametrize(("prompt", "schema", "expected"), SCHEMAS)
def test_a_json_schema_is_filled_from_the_prompt(
    gateway: Emulator, prompt: str, schema: Json, expected: Any
) -> None:
    """Names, numbers, lists, options, formats and patterns; references are followed."""
    assert filled(gateway, prompt, schema) == expected


def test_a_recursive_schema_ends(gateway: Emulator) -> None:
    """A node that holds nodes is filled to a finite depth."""
    node = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "next": {"$ref": "#/$defs/node"}},
    }
    schema = {"$ref": "#/$defs/node", "$defs": {"node": node | {"required": ["name", "next"]}}}
    assert "name" in filled(gateway, "a chain", schema)


def test_json_object_takes_its_keys_from_the_prompt(gateway: Emulator) -> None:
    """Keys in quotes, or a schema in the text, also without response_format."""
    form = {"type": "json_object"}
    wish = "Tell a joke about cats. Return JSON with 'setup' and 'punchline' keys."
    assert set(json.loads(say(gateway, wish, response_format=form))) == {"setup", "punchline"}
    schema = "Describe Alice, 31.\n\nHere's a JSON schema to follow:\n" + json.dumps(PERSON)
    assert json.loads(say(gateway, schema)) == {"name": "Alice", "age": 31}


CONTEXT = "The Eiffel Tower is 330 metres tall. Bees make honey. Paris is the capital of France."
TALK: list[tuple[str, str]] = [
    ("Hello!", "Hello"),
    ("Say 'banana bread' and nothing else.", "banana bread"),
    (
        (
            f"Context information is below.\n--------\n{CONTEXT}\n--------\nQuery: How tall is the"
            " Eiffel Tower?"
        ),
        "330 metres",
    ),
    (f"Answer from this context:\n{CONTEXT}\n\nQuestion: what do bees make?", "honey"),
    (f"Context: {CONTEXT}\n\nQuestion: who wrote Faust?", "does not say"),
    ("Tell me about beekeeping in Norway", "beekeeping in Norway"),
]


@pytest.mark.parametrize(("prompt", "expected"), TALK)
def test_texts_are_answered_from_what_they_hold(
    either_gateway: Emulator, prompt: str, expected: str
) -> None:
    """Repetition, passages, and an honest echo."""
    assert expected in say(either_gateway, prompt)


def test_documents_are_ranked_in_the_form_that_was_shown(gateway: Emulator) -> None:
    """The example gives the form, the question the order."""
    prompt = (
        "Rank the documents.\nDoc: 9, Relevance: 7\nDoc: 3, Relevance: 4\n\nNow:\n\nDocument"
        " 1:\nCows give milk.\n\nDocument 2:\nBees make honey.\n\nQuestion: Who makes"
        " honey?\nAnswer:\n"
    )
    assert say(gateway, prompt) == "Doc: 2, Relevance: 10"


def test_what_was_said_before_is_remembered(gateway: Emulator) -> None:
    """A question about the conversation is answered from it."""
    said = [
        {"role": "user", "content": "Hi, my name is Bob."},
        {"role": "assistant", "content": "Hello Bob."},
        {"role": "user", "content": "What is my name?"},
    ]
    assert "Bob" in say(gateway, said)


def test_a_picture_in_the_prompt_is_described_by_what_can_be_measured(gateway: Emulator) -> None:
    """Size and main colour."""
    data = loopback.get(gateway.url + "/image/red?width=64&height=32&model=flux").content
    url = "data:image/jpeg;base64," + base64.b64encode(data).decode()
    content = [
        {"type": "text", "text": "What is in this?"},
        {"type": "image_url", "image_url": {"url": url}},
    ]
    assert "64 by 32 pixels" in say(gateway, [{"role": "user", "content": content}])


def test_the_same_body_gets_the_same_answer(gateway: Emulator) -> None:
    """Deterministic, with the cache and without."""
    first = complete(gateway, "Tell me about bees.")
    gateway.clear()
    second = complete(gateway, "Tell me about bees.")
    assert first["choices"] == second["choices"]
    assert first["usage"] == second["usage"]


def stream(gateway: Emulator, prompt: str, **more: Any) -> list[Json]:
    """The chunks of a streamed answer."""
    body = {
        "model": "openai",
        "messages": [{"role": "user", "content": prompt}],
        "stream": True,
        **more,
    }
    text = loopback.post(gateway.url + "/v1/chat/completions", json=body).text
    return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]


@pytest.mark.parametrize(
    "model", ["openai", "claude", "gemini", "mistral", "gpt-6-sol", "deepseek"]
)
def test_a_stream_adds_up_to_the_plain_answer(gateway: Emulator, model: str) -> None:
    """Text, reasoning, arguments and usage are the same both ways, whatever the family's shape."""
    prompt = "What's the weather in Paris and London?"
    plain = message(gateway, prompt, model=model, tools=[WEATHER])
    chunks = stream(gateway, prompt, model=model, tools=[WEATHER])
    parts = [
        call
        for chunk in chunks
        for choice in chunk["choices"]
        for call in choice["delta"].get("tool_calls", [])
    ]
    whole = all(part.get("id") for part in parts)
    assert whole == (model in ("gemini", "gpt-6-sol"))
    arguments = "".join(part["function"].get("arguments", "") for part in parts)
    assert arguments == "".join(call["function"]["arguments"] for call in plain["tool_calls"])
    assert chunks[-1]["usage"]["total_tokens"] > 0
    assert chunks[-2]["choices"][0]["finish_reason"] == "tool_calls"


def test_the_seed_era_speaks_its_providers_dialects(seed_gateway: Emulator) -> None:
    """Provider ids, pllns_ ids, native finish reasons in streams, Azure's opening chunk, Claude's
    fenced JSON.
    """
    whole = complete(seed_gateway, "Hello", model="claude")
    assert whole["id"].startswith("pllns_")
    assert whole["model"].startswith("us.anthropic.")
    assert (
        stream(seed_gateway, "Hello", model="claude")[-2]["choices"][0]["finish_reason"]
        == "end_turn"
    )
    assert (
        stream(seed_gateway, "Hello", model="gemini")[-2]["choices"][0]["finish_reason"] == "STOP"
    )
    first = stream(seed_gateway, "Hello", model="openai")[0]
    assert (first["choices"], first["model"]) == ([], "")
    fenced = say(
        seed_gateway, "JSON with 'a' key", model="claude", response_format={"type": "json_object"}
    )
    assert fenced.startswith("```json")


def test_reasoning_appears_where_the_family_puts_it(gateway: Emulator) -> None:
    """reasoning_content, reasoning, or thinking blocks; none when the effort is none."""
    assert message(gateway, "Hello", model="deepseek")["reasoning_content"]
    assert message(gateway, "Hello", model="mistral")["reasoning"]
    thought = message(gateway, "Hello", model="claude", reasoning_effort="high")
    assert thought["content_blocks"][0]["type"] == "thinking"
    assert thought["content_blocks"][1] == {"type": "text", "text": thought["content"]}
    assert "content_blocks" not in message(gateway, "Hello", model="claude")
    assert "reasoning_content" not in message(
        gateway, "Hello", model="deepseek", reasoning_effort="none"
    )
    usage = complete(gateway, "Hello", model="deepseek")["usage"]
    assert usage["completion_tokens_details"]["reasoning_tokens"] > 0


def test_stop_strings_and_max_tokens_are_honoured(gateway: Emulator) -> None:
    """The text ends before a stop string, and at the limit with finish_reason length."""
    assert say(gateway, "Say 'one two three'", stop=[" two"]) == "one"
    short = complete(gateway, "Tell me about bees", max_tokens=3)["choices"][0]
    assert short["finish_reason"] == "length"
    assert len(short["message"]["content"]) <= 12


def test_log_probabilities_have_the_usual_shape(gateway: Emulator) -> None:
    """One entry per piece with as many alternatives as asked for."""
    choice = complete(gateway, "Hello", logprobs=True, top_logprobs=2)["choices"][0]
    entry = choice["logprobs"]["content"][0]
    assert set(entry) == {"token", "logprob", "bytes", "top_logprobs"}
    assert len(entry["top_logprobs"]) == 2
    assert (
        "".join(one["token"] for one in choice["logprobs"]["content"])
        == choice["message"]["content"]
    )


def test_usage_details_can_all_be_provoked(gateway: Emulator) -> None:
    """Cached, written, audio in and out, images, each by what causes it."""
    marked = {"type": "text", "text": "Long rules. " * 20, "cache_control": {"type": "ephemeral"}}

    def asked(question: str) -> Json:
        return complete(
            gateway,
            [{"role": "system", "content": [marked]}, {"role": "user", "content": question}],
        )["usage"]

    assert asked("one")["prompt_tokens_details"]["cache_write_tokens"] > 0
    assert asked("two")["prompt_tokens_details"]["cached_tokens"] > 0
    sound = {
        "type": "input_audio",
        "input_audio": {"data": base64.b64encode(bytes(9600)).decode(), "format": "wav"},
    }
    audio = {"voice": "alloy", "format": "wav"}
    heard = complete(
        gateway,
        [{"role": "user", "content": [{"type": "text", "text": "Say hello"}, sound]}],
        model="openai-audio",
        modalities=["text", "audio"],
        audio=audio,
    )
    assert heard["usage"]["prompt_tokens_details"]["audio_tokens"] > 0
    assert heard["usage"]["completion_tokens_details"]["audio_tokens"] > 0
    spoken = heard["choices"][0]["message"]["audio"]
    assert base64.b64decode(spoken["data"]).startswith(b"RIFF")
    assert spoken["transcript"]


def test_perplexity_cites_and_gemini_plots(gateway: Emulator) -> None:
    """Citations and search results; a PNG in content_blocks when code execution may run, none with
    tools: [].
    """
    whole = complete(gateway, "What are bees?", model="perplexity")
    assert whole["citations"][0].startswith("https://")
    assert whole["search_results"][0]["url"] == whole["citations"][0]
    blocks = message(gateway, "Plot a sine wave", model="gemini")["content_blocks"]
    assert blocks[1]["image_url"]["url"].startswith("data:image/png;base64,")
    assert "content_blocks" not in message(gateway, "Plot a sine wave", model="gemini", tools=[])


def test_gemini_keeps_the_tools_that_were_sent_beside_json(either_gateway: Emulator) -> None:
    """Only the tools that the gateway itself injects make way for JSON."""
    form = {"type": "json_object"}
    said = message(either_gateway, "Add 2 and 3", model="gemini", tools=[ADD], response_format=form)
    assert said["tool_calls"][0]["function"]["name"] == "add"
    alone = say(either_gateway, "Describe 'bees'", model="gemini", response_format=form)
    assert isinstance(json.loads(alone), dict)


def test_a_picture_model_in_chat_answers_with_a_link(gateway: Emulator) -> None:
    """A Markdown link that serves the picture; no usage."""
    whole = complete(gateway, "a red fox", model="flux")
    link = whole["choices"][0]["message"]["content"].partition("](")[2].rstrip(")")
    assert loopback.get(link).headers["content-type"] == "image/jpeg"
    assert "usage" not in whole


def test_the_text_route_gives_the_content_alone(either_gateway: Emulator) -> None:
    """Plain text, JSON in plain text, or a stream of chunks; ``false`` is false."""
    plain = loopback.get(either_gateway.url + "/text/Say%20%272%20%2B%202%27")
    assert (plain.text, plain.headers["content-type"]) == ("2 + 2", "text/plain; charset=utf-8")
    as_json = loopback.get(either_gateway.url + "/text/bees?json=true")
    assert isinstance(as_json.json(), dict)
    streamed = loopback.get(either_gateway.url + "/text/hello?stream=true")
    assert streamed.headers["content-type"].startswith("text/event-stream")
    for query in ("stream=false", "json=false", "stream=0"):
        plain = loopback.get(f"{either_gateway.url}/text/hello?{query}")
        assert plain.headers["content-type"].startswith("text/plain")
        assert not plain.text.startswith("{")
