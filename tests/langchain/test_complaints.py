"""What users of other packages complain about, by the number under which the project's notes list
it.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
import subprocess
import sys
import threading
import traceback
import warnings
from typing import Any

import httpx
import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler, get_usage_metadata_callback
from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    ModelPermissionDeniedError,
    ModelRateLimitError,
    ModelTimeoutError,
)
from langchain_core.load import dumps
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.rate_limiters import InMemoryRateLimiter
from langchain_core.runnables import ConfigurableField
from pydantic import BaseModel

from langchain_pollinations import ChatPollinations, PollinationsImageTool
from pollinations_client import PaymentRequiredError, PollinationsError, StreamInterrupted
from pollinations_client.emulator import Answer, Body, Chunks, Emulator, Frames

KEY = "sk_demo_0123456789abcdef"
USAGE = {
    "prompt_tokens": 5,
    "completion_tokens": 4,
    "total_tokens": 9,
    "completion_tokens_details": {"reasoning_tokens": 2},
    "prompt_tokens_details": {"cached_tokens": 3},
}
FORMS = pytest.mark.parametrize("form", ["v0", "v1"])


def chunk(delta: dict[str, Any] | None, finish: str | None = None, **top: Any) -> dict[str, Any]:
    """One chunk of a script."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "served-model",
        "choices": choices,
        **top,
    }


def call(
    index: int | str | None, id: str | None = None, name: str | None = None, arguments: Any = None
) -> dict[str, Any]:
    """A tool-call fragment."""
    function = {
        key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None
    }
    return {
        key: value
        for key, value in (("index", index), ("id", id), ("function", function))
        if value is not None
    }


def summed(chunks: Any) -> AIMessageChunk:
    """A stream as its one message."""
    whole = None
    for one in chunks:
        whole = one if whole is None else whole + one
    assert whole is not None
    return whole


async def asummed(chunks: Any) -> AIMessageChunk:
    """The same for an async stream."""
    return summed([one async for one in chunks])


SCRIPT = [
    chunk({"role": "assistant", "content": ""}),
    chunk({"reasoning_content": "I "}),
    chunk({"reasoning_content": "think"}),
    chunk({"content": "Hel"}),
    chunk({"content": "lo"}),
    chunk({"tool_calls": [call(0, "call_1", "add", "")]}),
    chunk({"tool_calls": [call(0, arguments='{"x": ')]}),
    chunk({"tool_calls": [call(0, arguments="3}")]}),
    chunk({}, "tool_calls"),
    chunk(None, usage=USAGE),
]


def add(x: int) -> int:
    """Adds one."""
    return x + 1


class Person(BaseModel):
    """A person."""

    name: str
    age: int


def test_reasoning_is_kept_plain_and_streamed(make: Any) -> None:
    """In additional_kwargs, and as a block of its own."""
    llm = make("deepseek")
    for message in (
        llm.invoke("How many legs has a bee?"),
        summed(llm.stream("How many legs has a bee?")),
    ):
        assert message.additional_kwargs["reasoning_content"]
        assert [block["type"] for block in message.content_blocks] == ["reasoning", "text"]
        assert (
            message.content_blocks[0]["reasoning"] == message.additional_kwargs["reasoning_content"]
        )


@pytest.mark.parametrize("form", ["v0", "v1", "v3"])
def test_reasoning_of_a_tool_call_turn_goes_back(gateway: Emulator, make: Any, form: str) -> None:
    """DeepSeek and Kimi answer 400 without it."""
    llm = make("deepseek", output_version="v1" if form == "v1" else None).bind_tools([add])
    gateway.script(Chunks(SCRIPT))
    if form == "v3":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            turn = llm.stream_events("add 3", version="v3").output
    else:
        turn = summed(llm.stream("add 3"))
    gateway.script(Answer(text="4"))
    llm.invoke([HumanMessage("add 3"), turn, ToolMessage("4", tool_call_id="call_1")])
    sent = gateway.requests[-1].json["messages"][1]
    assert sent["reasoning_content"] == "I think"
    assert sent["content"] == "Hello"
    assert sent["tool_calls"][0]["function"] == {"name": "add", "arguments": '{"x": 3}'}


def test_reasoning_of_finished_turns_stays_and_a_switch_leaves_it_out(
    gateway: Emulator, make: Any
) -> None:
    """It is not wanted there, and costs tokens."""
    turn = AIMessage("Hello", additional_kwargs={"reasoning_content": "r"})
    make("deepseek").invoke([HumanMessage("a"), turn, HumanMessage("b")])
    assert "reasoning_content" not in gateway.requests[-1].json["messages"][1]
    loop = [
        HumanMessage("a"),
        AIMessage(
            "",
            additional_kwargs={"reasoning_content": "r"},
            tool_calls=[{"name": "add", "args": {}, "id": "1"}],
        ),
        ToolMessage("x", tool_call_id="1"),
    ]
    make("deepseek", replay_reasoning=False).invoke(loop)
    assert "reasoning_content" not in gateway.requests[-1].json["messages"][1]


def test_signed_thinking_goes_back_unchanged(gateway: Emulator, make: Any) -> None:
    """Fragments are merged before the signature is judged."""
    gateway.script(
        Chunks(
            [
                chunk({"content_blocks": [{"index": 0, "delta": {"thinking": "th"}}]}),
                chunk({"content_blocks": [{"index": 0, "delta": {"thinking": "ink"}}]}),
                chunk({"content_blocks": [{"index": 0, "delta": {"signature": "sig=="}}]}),
                chunk({"content": "x"}),
                chunk({}, "stop"),
            ]
        )
    )
    turn = summed(make("claude").stream("hi"))
    make("claude").invoke([HumanMessage("hi"), turn, HumanMessage("go on")])
    assert gateway.requests[-1].json["messages"][1]["content_blocks"] == [
        {"type": "thinking", "thinking": "think", "signature": "sig=="}
    ]


@FORMS
def test_thought_signatures_of_calls_go_back(gateway: Emulator, make: Any, form: str) -> None:
    """Gemini 3 refuses a history without them."""
    entry = {
        "id": "a",
        "type": "function",
        "function": {"name": "add", "arguments": '{"x": 1}'},
        "extra_content": {"google": {"thought_signature": "s"}},
    }
    gateway.script(Answer(tool_calls=[entry]))
    turn = make("gemini", output_version=form).bind_tools([add]).invoke("add 1")
    make("gemini").bind_tools([add]).invoke(
        [HumanMessage("add 1"), turn, ToolMessage("2", tool_call_id="a")]
    )
    assert gateway.requests[-1].json["messages"][1]["tool_calls"][0] == entry


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (
            [[call(0, "a", "add", '{"x":1}')], [call(0, "b", "add", '{"x":2}')]],
            [{"x": 1}, {"x": 2}],
        ),
        (
            [
                [call(None, "a", "add", '{"x"')],
                [call(None, arguments=":1}")],
                [call(None, "b", "add", '{"x":2}')],
            ],
            [{"x": 1}, {"x": 2}],
        ),
        ([[call("0", "a", "add", '{"x"')], [call(0, arguments=":1}")]], [{"x": 1}]),
        (
            [
                [call(0, "a", "add", ""), call(1, "b", "add", "")],
                [call(1, arguments='{"x":2}')],
                [call(0, arguments='{"x":1}')],
            ],
            [{"x": 1}, {"x": 2}],
        ),
    ],
)
def test_parallel_tool_calls_are_kept_apart(
    gateway: Emulator, make: Any, entries: Any, expected: Any
) -> None:
    """Equal, missing and textual indices."""
    script = Chunks([*(chunk({"tool_calls": entry}) for entry in entries), chunk({}, "tool_calls")])
    gateway.script(script, script)
    llm = make().bind_tools([add])
    whole = summed(llm.stream("x"))
    assert [one["args"] for one in whole.tool_calls] == expected
    assert [one["args"] for one in asyncio.run(asummed(llm.astream("y"))).tool_calls] == expected
    assert whole.invalid_tool_calls == []


@pytest.mark.parametrize("arguments", ['{"x": 1', '{"x": "a', '{"x": [1', "", '{"x": "a\\'])
def test_cut_arguments_never_become_a_call(gateway: Emulator, make: Any, arguments: str) -> None:
    """Plain and streamed: a repaired call would be one the model never made."""
    gateway.script(
        Chunks([chunk({"tool_calls": [call(0, "a", "add", arguments)]}), chunk({}, "length")])
    )
    gateway.script(
        Answer(
            tool_calls=[
                {"id": "a", "type": "function", "function": {"name": "add", "arguments": arguments}}
            ],
            finish_reason="length",
        )
    )
    llm = make().bind_tools([add])
    for message in (summed(llm.stream("x")), llm.invoke("x")):
        assert message.tool_calls == []
        assert message.invalid_tool_calls[0]["name"] == "add"


@pytest.mark.parametrize("arguments", ["[1]", "not json", '"text"'])
def test_arguments_that_are_no_object_are_invalid_calls(
    gateway: Emulator, make: Any, arguments: str
) -> None:
    """With the text kept."""
    entry = {"id": "a", "type": "function", "function": {"name": "add", "arguments": arguments}}
    gateway.script(
        Answer(tool_calls=[entry]),
        Chunks([chunk({"tool_calls": [call(0, "a", "add", arguments)]}), chunk({}, "tool_calls")]),
    )
    llm = make().bind_tools([add])
    for message in (llm.invoke("x"), summed(llm.stream("x"))):
        assert (message.tool_calls, message.invalid_tool_calls[0]["args"]) == ([], arguments)


def test_usage_counts_once_and_by_default(gateway: Emulator, make: Any) -> None:
    """Cumulative counts on every chunk are not added up."""
    gateway.script(
        Chunks(
            [
                chunk(
                    {"content": text},
                    usage={"prompt_tokens": 5, "completion_tokens": n, "total_tokens": 5 + n},
                )
                for n, text in enumerate("abc", 1)
            ]
            + [chunk({}, "stop")]
        )
    )
    chunks = list(make().stream("x"))
    assert summed(chunks).usage_metadata["total_tokens"] == 8
    assert len([one for one in chunks if one.usage_metadata]) == 1
    assert gateway.requests[-1].json["stream_options"] == {"include_usage": True}
    assert summed(make(stream_usage=False).stream("y")).usage_metadata is None


def test_response_metadata_is_streamed_once(gateway: Emulator, make: Any) -> None:
    """No ``stopstop``, however often the provider repeats itself."""
    gateway.script(
        Chunks(
            [chunk({"content": "x"}, system_fingerprint="fp"), chunk({}, "stop"), chunk({}, "stop")]
        )
    )
    metadata = summed(make().stream("x")).response_metadata
    assert (
        metadata["finish_reason"],
        metadata["model_name"],
        metadata["model_provider"],
        metadata["system_fingerprint"],
    ) == ("stop", "served-model", "pollinations", "fp")


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_v3_keeps_usage_details_and_reasoning_before_a_call(gateway: Emulator, make: Any) -> None:
    """Sync and async, every projection."""
    gateway.script(Chunks(SCRIPT), Chunks(SCRIPT))
    llm = make().bind_tools([add])

    async def go() -> Any:
        return await (await llm.astream_events("y", version="v3")).output

    stream = llm.stream_events("x", version="v3")
    for output in (stream.output, asyncio.run(go())):
        assert [block["type"] for block in output.content] == ["reasoning", "text", "tool_call"]
        assert output.usage_metadata["output_token_details"] == {"reasoning": 2}
        assert output.usage_metadata["input_token_details"] == {"cache_read": 3}


@FORMS
def test_blocks_do_not_run_into_each_other(gateway: Emulator, make: Any, form: str) -> None:
    """One block of reasoning, one of text, one call."""
    gateway.script(Chunks(SCRIPT))
    whole = summed(make(output_version=form).bind_tools([add]).stream("x"))
    kinds = [
        (block["type"], block.get("reasoning") or block.get("text") or block.get("args"))
        for block in whole.content_blocks
    ]
    assert kinds == [("reasoning", "I think"), ("text", "Hello"), ("tool_call", {"x": 3})]


def test_one_object_on_many_loops_and_threads(llm: ChatPollinations) -> None:
    """Everybody else: ``Event loop is closed``."""
    for _ in range(4):
        assert asyncio.run(llm.ainvoke("hi")).text
    results: list[str] = []
    threads = [
        threading.Thread(target=lambda: results.append(asyncio.run(llm.ainvoke("hi")).text))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(results) == 6


def test_many_objects_share_their_connections(gateway: Emulator, make: Any) -> None:
    """No client per object."""
    for number in range(60):
        make(temperature=number / 60).invoke("hi")
    assert gateway.open_connections <= 3


@pytest.mark.parametrize("body", [{"choices": None}, {"choices": []}, {"hello": 1}])
def test_an_answer_without_choices_names_what_came(
    gateway: Emulator, llm: ChatPollinations, body: dict[str, Any]
) -> None:
    """Not a TypeError."""
    gateway.script(Body(body))
    with pytest.raises(PollinationsError, match="choices"):
        llm.invoke("x")


def test_null_content_is_an_empty_string(gateway: Emulator, llm: ChatPollinations) -> None:
    """``content`` is never None."""
    gateway.script(
        Body(
            {
                "choices": [
                    {
                        "index": 0,
                        "message": {"role": "assistant", "content": None},
                        "finish_reason": "stop",
                    }
                ],
                "usage": USAGE,
            }
        )
    )
    assert llm.invoke("x").content == ""


def test_a_tool_call_turn_goes_back_with_empty_text(
    gateway: Emulator, llm: ChatPollinations
) -> None:
    """Gemini routes refuse null."""
    llm.invoke(
        [
            HumanMessage("a"),
            AIMessage("", tool_calls=[{"name": "add", "args": {"x": 1}, "id": "1"}]),
            ToolMessage("2", tool_call_id="1"),
        ]
    )
    assert gateway.requests[-1].json["messages"][1]["content"] == ""


PICTURES = [
    {"type": "image", "base64": "AAAA", "mime_type": "image/png"},
    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    {"type": "image", "source_type": "base64", "data": "AAAA", "mime_type": "image/png"},
    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
]


@pytest.mark.parametrize("picture", PICTURES)
def test_pictures_of_tools_reach_the_model(
    gateway: Emulator, llm: ChatPollinations, picture: dict[str, Any]
) -> None:
    """In one user message after the whole run of results; the results stay text and never empty."""
    calls = [{"name": "look", "args": {}, "id": name} for name in ("1", "2")]
    llm.bind_tools([add]).invoke(
        [
            HumanMessage("a"),
            AIMessage("", tool_calls=calls),
            ToolMessage([picture], tool_call_id="1"),
            ToolMessage("second", tool_call_id="2"),
        ]
    )
    user, assistant, first, second, after = gateway.requests[-1].json["messages"]
    assert [one["role"] for one in (user, assistant, first, second, after)] == [
        "user",
        "assistant",
        "tool",
        "tool",
        "user",
    ]
    assert isinstance(first["content"], str)
    assert first["content"]
    assert after["content"][-1] == {
        "type": "image_url",
        "image_url": {"url": "data:image/png;base64,AAAA"},
    }


@pytest.mark.parametrize("method", ["function_calling", "json_schema", "json_mode"])
@pytest.mark.parametrize("streaming", [False, True])
def test_structured_answers_stream(
    gateway: Emulator, make: Any, method: str, streaming: bool
) -> None:
    """All three methods, plain and streamed, with and without ``streaming=True``."""
    structured = make(streaming=streaming).with_structured_output(Person, method=method)
    prompt = "Describe 'Ada', who is 36."
    if method == "json_mode":
        script = Answer(text='{"name": "Ada", "age": 36}')
        gateway.script(script, script, script)
    assert structured.invoke(prompt) == Person(name="Ada", age=36)
    assert list(structured.stream(prompt))[-1] == Person(name="Ada", age=36)
    assert asyncio.run(structured.ainvoke(prompt)) == Person(name="Ada", age=36)
    formats = {
        "function_calling": "tools",
        "json_schema": "response_format",
        "json_mode": "response_format",
    }
    assert all(formats[method] in request.json for request in gateway.requests)


@pytest.mark.parametrize(
    "text",
    [
        '```json\n{"name": "Ada", "age": 36}\n```',
        'Sure! {"name": "Ada", "age": 36} Anything else?',
        '<think>hm {</think>{"name": "Ada", "age": 36}',
    ],
)
@pytest.mark.parametrize("method", ["function_calling", "json_schema", "json_mode"])
def test_structured_answers_survive_fences_prose_and_thoughts(
    gateway: Emulator, make: Any, text: str, method: str
) -> None:
    """Models wrap JSON in all sorts of things."""
    gateway.script(Answer(text=text))
    assert make().with_structured_output(Person, method=method).invoke("x") == Person(
        name="Ada", age=36
    )


def test_structured_answers_that_fail_are_returned_with_the_raw_message(
    gateway: Emulator, make: Any
) -> None:
    """``include_raw`` catches; without it the error is raised."""
    gateway.script(Answer(text="no"), Answer(text="no"))
    got = make().with_structured_output(Person, method="json_schema", include_raw=True).invoke("x")
    assert got["parsed"] is None
    assert got["parsing_error"] is not None
    assert got["raw"].content == "no"
    with pytest.raises(Exception, match="no"):
        make().with_structured_output(Person, method="json_schema").invoke("y")


@pytest.mark.parametrize(("status", "requests"), [(429, 3), (500, 2), (400, 1)])
@pytest.mark.parametrize("how", ["invoke", "stream"])
def test_retries_are_counted_and_zero_is_none(
    gateway: Emulator, make: Any, status: int, requests: int, how: str
) -> None:
    """In streams too."""
    refusal = Body({"error": {"message": "no"}}, status=status, headers={"retry-after": "0.01"})
    for options, expected in (({}, requests), ({"max_retries": 0}, 1)):
        gateway.clear()
        gateway.script(*[refusal] * 5)
        with pytest.raises(PollinationsError):
            result = getattr(make(**options), how)("x")
            list(result) if inspect.isgenerator(result) else result
        assert len(gateway.requests) == expected


@pytest.mark.parametrize("comments", [False, True])
def test_a_stalled_stream_ends(gateway: Emulator, make: Any, comments: bool) -> None:
    """Sync and async; comments do not count as progress of the answer, but as life of the
    connection.
    """
    first = b'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}]}\n\n'
    frames = Frames(
        first,
        *([b": ping\n\n", 0.1] * 30 if comments else []),
        Frames.HANG,
        headers={"content-type": "text/event-stream"},
    )
    llm = make(stream_idle_timeout=0.3, total_timeout=1)
    gateway.script(frames, frames)
    with pytest.raises(ModelTimeoutError) as caught:
        list(llm.stream("x"))
    assert caught.value.partial.text == "x"

    async def go() -> None:
        async for _ in llm.astream("y"):
            pass

    with pytest.raises(ModelTimeoutError):
        asyncio.run(go())


def test_errors_and_cuts_in_streams_raise_with_what_came(gateway: Emulator, make: Any) -> None:
    """Neither is a silent success."""
    gateway.script(
        Chunks(
            [chunk({"content": "par"}), {"error": {"message": "boom", "code": "upstream_error"}}]
        )
    )
    with pytest.raises(ModelAPIError, match="boom") as caught:
        list(make().stream("x"))
    assert caught.value.partial.text == "par"
    gateway.script(Chunks([chunk({"content": "par"})], done=False))
    with pytest.raises(ModelAPIError) as cut:
        list(make().stream("x"))
    assert isinstance(cut.value, StreamInterrupted)
    gateway.script(Chunks([chunk({"content": "whole"})]))
    assert summed(make().stream("x")).content == "whole"


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (400, ModelInvalidRequestError, False),
        (401, ModelAuthenticationError, False),
        (402, ModelError, False),
        (403, ModelPermissionDeniedError, False),
        (404, ModelNotFoundError, False),
        (429, ModelRateLimitError, True),
        (500, ModelAPIError, True),
        (503, ModelAPIError, True),
        (524, ModelAPIError, True),
    ],
)
def test_every_status_is_langchains_error_and_ours(
    gateway: Emulator, make: Any, status: int, kind: type, retryable: bool
) -> None:
    """With response, request id and status for traces; pickled and unpickled too."""
    gateway.script(
        *[
            Body(
                {"error": {"message": "no", "code": "X_Y"}},
                status=status,
                headers={"x-request-id": "r1"},
            )
        ]
        * 3
    )
    with pytest.raises(kind) as caught:
        make(max_retries=0).invoke("x")
    error = caught.value
    assert isinstance(error, PollinationsError)
    assert isinstance(error, ModelError)
    assert (error.status_code, error.is_retryable, error.request_id) == (status, retryable, "r1")
    assert (error.response.status_code, error.response.json()["error"]["message"]) == (status, "no")
    assert type(pickle.loads(pickle.dumps(error))) is type(error)


def test_a_spent_balance_is_not_retried_by_agents(gateway: Emulator, make: Any) -> None:
    """402 as a status or as a notice."""
    from langchain.agents.middleware._retry import default_retry_on

    gateway.script(
        Body({"error": {"code": "INSUFFICIENT_BALANCE", "message": "no pollen"}}, status=402)
    )
    with pytest.raises(PaymentRequiredError) as caught:
        make().invoke("x")
    assert not default_retry_on(caught.value)


def test_connection_timeout_and_context_errors_have_their_class(
    gateway: Emulator, make: Any
) -> None:
    """The summarisation middleware acts on an overflow."""
    with pytest.raises(ModelConnectionError):
        ChatPollinations(base_url="http://127.0.0.1:9", max_retries=0).invoke("x")
    gateway.script(
        Body(
            {
                "error": {
                    "message": "This model's maximum context length is 10 tokens",
                    "code": "context_length_exceeded",
                }
            },
            status=400,
        )
    )
    with pytest.raises(ContextOverflowError):
        make().invoke("x")
    gateway.script(Frames(1.0, b"{}"))
    with pytest.raises(ModelTimeoutError):
        make(timeout=0.2, max_retries=0).invoke("x")


def test_the_import_brings_no_foreign_sdk() -> None:
    """No openai, no tiktoken, no PIL, and no httpx before the first call by our own doing."""
    foreign = ("openai", "tiktoken", "PIL", "llama_index", "starlette")
    probe = (
        f"import sys, langchain_pollinations; print([name for name in {foreign} if name in"
        " sys.modules])"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", probe], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "[]"
    )


def test_copies_pickles_and_model_copies_work_after_use(
    llm: ChatPollinations, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No RLock stands in the way."""
    llm.invoke("hi")
    for twin in (
        copy.copy(llm),
        copy.deepcopy(llm),
        llm.model_copy(),
        pickle.loads(pickle.dumps(llm)),
        copy.deepcopy(llm.bind(stop=["x"])),
    ):
        assert twin.invoke("hi").text
    assert copy.deepcopy(llm).api_key == llm.api_key
    monkeypatch.setenv("POLLINATIONS_API_KEY", KEY)
    assert pickle.loads(pickle.dumps(llm)).api_key.get_secret_value() == KEY


def test_the_key_is_in_no_repr_dump_log_or_error(gateway: Emulator, llm: ChatPollinations) -> None:
    """Representations, dumps, parameters, traces, pickles, errors."""

    class Trace(BaseCallbackHandler):
        seen = ""

        def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
            self.seen += repr((serialized, messages, kwargs))

        def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
            self.seen += repr((error, vars(error), kwargs))

    trace = Trace()
    gateway.script(*[Body({"error": {"message": f"bad {KEY}"}}, status=401)])
    with pytest.raises(PollinationsError) as caught:
        llm.invoke("x", config={"callbacks": [trace]})
    sinks = [
        repr(llm),
        str(llm),
        dumps(llm),
        llm.model_dump_json(),
        llm.asdict(),
        llm._get_ls_params(),
        llm._identifying_params,
        llm._get_invocation_params(),
        trace.seen,
        caught.value,
        vars(caught.value),
        caught.value.response.text,
        pickle.dumps(llm),
        llm.to_json(),
        llm.lc_attributes,
    ]
    assert [sink for sink in sinks if KEY in str(sink)] == []


@pytest.mark.parametrize("component", [ChatPollinations, PollinationsImageTool])
def test_headers_that_hold_a_key_are_not_pickled_nor_a_failed_constructor_telling(
    component: Any,
) -> None:
    """A pickle is stored; a traceback with locals is sent to a tracker."""
    headers = {"Authorization": f"Bearer {KEY}", "x-team": "bees"}
    pickled = pickle.dumps(component(base_url="http://127.0.0.1:9", default_headers=headers))
    assert KEY.encode() not in pickled
    assert pickle.loads(pickled).default_headers == {"x-team": "bees"}
    with pytest.raises(PollinationsError) as caught:
        component(api_key=KEY, tempratur=1)
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame for frame in told.stack if "/tests/" not in frame.filename]
    assert [
        frame.name for frame in ours for value in (frame.locals or {}).values() if KEY in value
    ] == []


def test_a_model_for_one_call_is_named_everywhere(gateway: Emulator, llm: ChatPollinations) -> None:
    """Bound, given, configured."""
    swapped = llm.configurable_fields(model=ConfigurableField(id="model"))
    for message in (
        llm.bind(model="claude").invoke("x"),
        llm.invoke("y", model="claude"),
        swapped.invoke("z", {"configurable": {"model": "claude"}}),
        summed(llm.stream("w", model="claude")),
    ):
        assert "claude" in message.response_metadata["model_name"]
        assert gateway.requests[-1].json["model"] == "claude"
    assert llm._get_ls_params(model="claude")["ls_model_name"] == "claude"
    assert llm._get_ls_params()["ls_provider"] == "pollinations"


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_the_limit_is_sent_under_the_name_it_was_given(
    gateway: Emulator, make: Any, name: str
) -> None:
    """Not renamed."""
    make(**{name: 50}).invoke("x")
    assert gateway.requests[-1].json[name] == 50
    assert len({"max_tokens", "max_completion_tokens"} & gateway.requests[-1].json.keys()) == 1


def test_pictures_and_unknown_fields_of_answers_are_kept(
    gateway: Emulator, llm: ChatPollinations
) -> None:
    """As image blocks; odd fields in response_metadata."""
    url = "data:image/png;base64,iVBORw0KGgo="
    gateway.script(
        Answer(
            text="plot",
            content_blocks=[
                {"type": "text", "text": "plot"},
                {"type": "image_url", "image_url": {"url": url}},
                {"type": "text", "text": "end"},
            ],
            extra_top={"odd": 7},
        )
    )
    message = llm.invoke("x")
    assert [block["type"] for block in message.content_blocks] == ["text", "image", "text"]
    assert message.content_blocks[1]["base64"] == "iVBORw0KGgo="
    assert message.response_metadata["odd"] == 7
    blocks = [
        chunk({"content": "a"}),
        chunk({"content_blocks": [{"type": "image_url", "image_url": {"url": url}}]}),
        chunk({"content": "b"}),
        chunk({}, "stop"),
    ]
    gateway.script(Chunks(blocks), Chunks(blocks))
    assert [block["type"] for block in summed(llm.stream("y")).content_blocks] == [
        "text",
        "image",
        "text",
    ]
    v1 = summed(ChatPollinations(base_url=gateway.url, output_version="v1").stream("z"))
    assert [block["type"] for block in v1.content] == ["text", "image", "text"]


def test_caches_tell_models_apart_by_every_option(gateway: Emulator, make: Any) -> None:
    """Equal options hit, others miss."""
    cache = InMemoryCache()
    for options in (
        {},
        {},
        {"temperature": 0.1},
        {"seed": 1},
        {"extra_body": {"top_k": 1}},
        {"reasoning_effort": "low"},
    ):
        make(cache=cache, **options).invoke("x")
    assert len(gateway.requests) == 5


def test_usage_callbacks_add_up_over_calls(llm: ChatPollinations) -> None:
    """The cost beside the counts must not break the sum."""
    with get_usage_metadata_callback() as callback:
        first, second = llm.invoke("one"), llm.invoke("two")
    assert sum(first.response_metadata["cost"]) > 0
    total = next(iter(callback.usage_metadata.values()))
    assert (
        total["total_tokens"]
        == first.usage_metadata["total_tokens"] + second.usage_metadata["total_tokens"]
    )


def test_callbacks_see_every_token_in_all_four_ways(make: Any) -> None:
    """Old-style handlers, plain calls with ``streaming=True`` among them."""

    class Tokens(BaseCallbackHandler):
        def __init__(self) -> None:
            self.text = ""

        def on_llm_new_token(self, token: str, **kwargs: Any) -> None:
            self.text += token

    async def go(tokens: Tokens) -> str:
        return (
            await make(streaming=True).ainvoke("Tell me about bees", config={"callbacks": [tokens]})
        ).text

    for ask in (
        lambda tokens: (
            summed(make().stream("Tell me about bees", config={"callbacks": [tokens]})).text
        ),
        lambda tokens: (
            make(streaming=True).invoke("Tell me about bees", config={"callbacks": [tokens]}).text
        ),
        lambda tokens: asyncio.run(go(tokens)),
    ):
        tokens = Tokens()
        assert ask(tokens) == tokens.text != ""


def test_citizenship_rate_limiter_batch_fallbacks_retry_and_n(gateway: Emulator, make: Any) -> None:
    """LangChain's own machinery around the model."""
    limited = make(rate_limiter=InMemoryRateLimiter(requests_per_second=1000, max_bucket_size=10))
    assert limited.invoke("x").text
    assert len(make().batch(["a", "b", "c"])) == 3
    gateway.clear()
    gateway.script(Body({"error": {"message": "no"}}, status=400))
    assert make().with_fallbacks([make("claude")]).invoke("x").text
    result = make(n=3, seed=5).generate([[HumanMessage("x")]])
    assert len(result.generations[0]) == 3
    assert {request.json["seed"] for request in gateway.requests[-3:]} == {5, 6, 7}


def test_an_injected_client_is_used(gateway: Emulator) -> None:
    """For sync and for async calls."""
    seen: list[str] = []

    async def note(request: httpx.Request) -> None:
        seen.append("async")

    async def go() -> None:
        async with httpx.AsyncClient(event_hooks={"request": [note]}) as own:
            await ChatPollinations(base_url=gateway.url, http_async_client=own).ainvoke("x")

    with httpx.Client(event_hooks={"request": [lambda request: seen.append("sync")]}) as own:
        ChatPollinations(base_url=gateway.url, http_client=own).invoke("x")
    asyncio.run(go())
    assert seen == ["sync", "async"]


@pytest.mark.parametrize(
    ("message", "where"),
    [
        (HumanMessage([{"type": "hologram"}]), r"content\[0\].*'hologram'"),
        (HumanMessage([{"type": "text", "text": "x"}, {"type": "image"}]), r"content\[1\].*image"),
        (SystemMessage([{"type": "tool_use", "id": "x"}]), r"content\[0\].*tool_use"),
    ],
)
def test_a_block_that_cannot_be_sent_names_type_and_position(
    llm: ChatPollinations, message: Any, where: str
) -> None:
    """Before anything is billed."""
    with pytest.raises(ModelInvalidRequestError, match=where):
        llm.invoke([message])


@pytest.mark.parametrize(
    ("block", "part"),
    [
        (
            {"type": "image", "url": "https://a.example/x.png"},
            {"type": "image_url", "image_url": {"url": "https://a.example/x.png"}},
        ),
        (
            {"type": "image", "source": {"type": "url", "url": "https://a.example/x.png"}},
            {"type": "image_url", "image_url": {"url": "https://a.example/x.png"}},
        ),
        (
            {"type": "audio", "base64": "AA==", "mime_type": "audio/mpeg"},
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}},
        ),
        (
            {"type": "video", "url": "https://a.example/x.mp4"},
            {
                "type": "video_url",
                "video_url": {"url": "https://a.example/x.mp4", "mime_type": "video/mp4"},
            },
        ),
        (
            {"type": "video", "base64": "AA==", "mime_type": "video/webm"},
            {
                "type": "video_url",
                "video_url": {"url": "data:video/webm;base64,AA==", "mime_type": "video/webm"},
            },
        ),
        (
            {"type": "file", "base64": "AA==", "mime_type": "application/pdf"},
            {
                "type": "file",
                "file": {
                    "file_name": "document.pdf",
                    "file_data": "data:application/pdf;base64,AA==",
                    "mime_type": "application/pdf",
                },
            },
        ),
        ({"type": "file", "file_id": "f1"}, {"type": "file", "file": {"file_id": "f1"}}),
        (
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "x"}},
            {"type": "file", "file": {"file_name": "a.pdf", "file_data": "x"}},
        ),
        (
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "AA=="},
                "title": "T.pdf",
            },
            {
                "type": "file",
                "file": {
                    "file_name": "T.pdf",
                    "file_data": "data:application/pdf;base64,AA==",
                    "mime_type": "application/pdf",
                },
            },
        ),
    ],
)
def test_every_kind_of_block_becomes_the_gateways_part(
    gateway: Emulator, make: Any, block: dict[str, Any], part: dict[str, Any]
) -> None:
    """LangChain's standard blocks, OpenAI's parts, Anthropic's."""
    gateway.script(Answer(text="ok"))
    make("gemini").invoke([HumanMessage([{"type": "text", "text": "look"}, block])])
    assert gateway.requests[-1].json["messages"][0]["content"][1] == part


def test_unknown_options_of_a_call_are_refused_with_the_nearest_name(
    gateway: Emulator, llm: ChatPollinations
) -> None:
    """And nothing is sent."""
    for ask in (
        lambda: llm.invoke("x", temprature=1),
        lambda: list(llm.stream("x", temprature=1)),
        lambda: llm.bind(temprature=1).invoke("x"),
    ):
        with pytest.raises(ModelInvalidRequestError, match="temperature"):
            ask()
    assert gateway.requests == []


def test_bind_tools_without_tools_sends_none(gateway: Emulator, llm: ChatPollinations) -> None:
    """``create_agent`` does so with native structured output."""
    llm.bind_tools(
        [],
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "P", "schema": Person.model_json_schema()},
        },
    ).invoke("x")
    assert "tools" not in gateway.requests[-1].json
    assert gateway.requests[-1].json["response_format"]["json_schema"]["name"] == "P"


def test_tokens_are_counted_without_a_download(llm: ChatPollinations) -> None:
    """Approximately."""
    assert 1 <= llm.get_num_tokens("hello bees") <= 10
    assert llm.get_num_tokens_from_messages([HumanMessage("hello bees")]) > 1


def test_chunks_laid_down_are_equal_to_validated_ones() -> None:
    """The fast way makes the same objects as LangChain's constructors."""
    from langchain_pollinations import _streaming
    from pollinations_client import ReasoningDelta, TextDelta, ToolCallDelta

    assert _streaming.CAN_LAY_DOWN
    events = [
        TextDelta("x", 0),
        ReasoningDelta("why", 0),
        *(ToolCallDelta(0, text) for text in ("a", '"', "1}", " ", "{", "", "null", "[1")),
    ]
    fast = [_streaming.ChunkEncoder().of(event) for event in events]
    _streaming.CAN_LAY_DOWN = False
    try:
        slow = [_streaming.ChunkEncoder().of(event) for event in events]
    finally:
        _streaming.CAN_LAY_DOWN = True
    for one, other in zip(fast, slow, strict=True):
        assert one == other
        assert one.model_dump() == other.model_dump()
        assert one.message.__pydantic_fields_set__ == other.message.__pydantic_fields_set__
        assert pickle.loads(pickle.dumps(one)) == other
    assert summed([one.message for one in fast[:2]]) == summed([one.message for one in slow[:2]])


def test_the_model_object_is_what_agents_take(make: Any) -> None:
    """``init_chat_model`` knows a closed list of providers; ``create_agent`` takes the object."""
    from langchain.agents import create_agent
    from langchain.chat_models import init_chat_model

    with pytest.raises(ValueError, match="pollinations"):
        init_chat_model("openai", model_provider="pollinations")
    state = create_agent(make(), tools=[add]).invoke({"messages": [("user", "add 3")]})
    assert state["messages"][-1].text


def test_a_tools_picture_passes_toolnode_and_its_text_says_where_it_is(
    gateway: Emulator, make: Any
) -> None:
    """Blocks survive the agent, and the model is told what to say of the picture."""
    from langchain.agents import create_agent

    from langchain_pollinations import PollinationsImageTool

    tool = PollinationsImageTool(
        model="flux", width=64, height=64, base_url=gateway.url, return_image=True
    )
    state = create_agent(make(), tools=[tool]).invoke(
        {"messages": [("user", "Generate an image of a bee")]}
    )
    result = next(message for message in state["messages"] if message.type == "tool")
    assert {block["type"] for block in result.content} == {"text", "image"}
    assert "user" in result.text or "saved" in result.text
    assert gateway.requests[-1].json["messages"][-1]["content"][-1]["type"] == "image_url"


def test_the_models_name_is_in_the_trace_parameters(make: Any) -> None:
    """As given, and as bound."""
    assert make("claude")._get_ls_params()["ls_model_name"] == "claude"


def test_proxies_come_from_the_environment_or_an_injected_client(gateway: Emulator) -> None:
    """A client with a proxy of one's own is used as it is; the environment's is tested with the
    client.
    """
    with httpx.Client(proxy="http://127.0.0.1:9") as own, pytest.raises(ModelConnectionError):
        ChatPollinations(base_url=gateway.url, http_client=own, max_retries=0).invoke("x")


def test_models_are_listed_for_people_and_for_agents(gateway: Emulator) -> None:
    """By the client, and as a tool."""
    from langchain_pollinations import PollinationsModelsTool

    told = PollinationsModelsTool(base_url=gateway.url).invoke({})
    assert "openai" in str(told)
    assert gateway.requests


def test_tools_are_shipped_as_a_toolkit(gateway: Emulator) -> None:
    """Pictures, models, balance; video only where it is asked for."""
    from langchain_pollinations import PollinationsToolkit

    names = {tool.name for tool in PollinationsToolkit(base_url=gateway.url).get_tools()}
    more = {
        tool.name
        for tool in PollinationsToolkit(base_url=gateway.url, video_model="veo").get_tools()
    }
    assert "generate_image" in names
    assert more - names == {"generate_video"}
