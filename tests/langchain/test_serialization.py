"""Copies, pickles and dumps of a model, none of which tells the key."""

from __future__ import annotations

import copy
import json
import pickle
import traceback
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.load import dumps, load, loads

from langchain_pollinations import ChatPollinations, PollinationsImageTool
from pollinations_client import PollinationsError
from pollinations_client.emulator import Body, Emulator
from support.langchain import KEY


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_a_model_is_loaded_again_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the key out of the environment, since a dump has none."""
    llm = ChatPollinations(
        model="claude", api_key=KEY, temperature=0.5, base_url="http://127.0.0.1:1", stop=["."]
    )
    text = dumps(llm)
    assert KEY not in text
    options: Any = {
        "allowed_objects": [ChatPollinations],
        "valid_namespaces": ["langchain_pollinations"],
    }
    assert loads(text, secrets_map={"POLLINATIONS_API_KEY": KEY}, **options) == llm
    monkeypatch.setenv("POLLINATIONS_API_KEY", KEY)
    again = load(json.loads(text), secrets_from_env=True, **options)
    assert again == llm


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
        leaked = ""

        def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
            self.leaked += repr((serialized, messages, kwargs))

        def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
            self.leaked += repr((error, vars(error), kwargs))

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
        trace.leaked,
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
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame for frame in report.stack if "/tests/" not in frame.filename]
    assert [
        frame.name for frame in ours for value in (frame.locals or {}).values() if KEY in value
    ] == []


def test_a_deep_copy_has_options_of_its_own(gateway: Emulator, make: Any) -> None:
    """Down to what stands inside them."""
    llm = make(extra_body={"top_k": {"a": 1}}, stop=["x"])
    copied = copy.deepcopy(llm)
    copied.extra_body["top_k"]["a"] = 2
    copied.stop.append("y")
    assert (llm.extra_body, llm.stop) == ({"top_k": {"a": 1}}, ["x"])
    assert copied.invoke("hi").content


@pytest.mark.parametrize(
    "changes",
    [
        {"max_retries": 5},
        {"timeout": 30, "total_timeout": 90, "stream_idle_timeout": 20},
        {"retry_streams": True, "refusal_memory_s": 60},
        {"default_headers": {"x-team": "a"}},
        {"name": "writer", "tags": ["a"]},
        {"streaming": True},
        {"disable_streaming": True},
    ],
)
def test_limits_names_and_ways_to_travel_do_not_change_what_a_cache_finds(
    gateway: Emulator, make: Any, changes: dict[str, Any]
) -> None:
    """A second run of a batch with other limits pays for nothing; another temperature does."""
    cache = InMemoryCache()
    make(cache=cache).invoke("hi")
    make(cache=cache, **changes).invoke("hi")
    assert len(gateway.requests) == 1
    make(cache=cache, temperature=0.5, **changes).invoke("hi")
    assert [request.path for request in gateway.requests].count("/v1/chat/completions") == 2
