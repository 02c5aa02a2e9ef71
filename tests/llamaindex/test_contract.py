"""The contract of an LLM in LlamaIndex: what it is, what it tells observers, how it is stored;
never the key.
"""

from __future__ import annotations

import copy
import json
import logging
import pickle
import subprocess
import sys
import traceback
from typing import Any

import pytest
from llama_index.core import PromptTemplate, Settings
from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.base.llms.types import TextBlock, ThinkingBlock
from llama_index.core.callbacks import CallbackManager
from llama_index.core.indices.prompt_helper import PromptHelper
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.llms import ChatMessage
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.utils import resolve_llm

from llamaindex_pollinations import Pollinations, PollinationsToolSpec
from pollinations_client import (
    ConfigurationError,
    InvalidRequestError,
    PollinationsError,
    snapshot,
)
from pollinations_client.catalog.model_list import cards_from
from pollinations_client.emulator import Chunks, Emulator, Fault
from support.llamaindex import TAIL, delta

KEY = "sk_demo_0123456789abcdef"
ASKED = [ChatMessage(role="user", content="hi")]


def test_it_is_a_function_calling_llm() -> None:
    """LlamaIndex asks by class."""
    assert issubclass(Pollinations, FunctionCallingLLM)
    assert issubclass(Pollinations, BaseLLM)
    assert Pollinations.class_name() == "Pollinations_LLM"
    assert not Pollinations.__abstractmethods__


def test_making_a_model_and_asking_for_its_metadata_sends_nothing(
    make: Any, gateway: Emulator
) -> None:
    """Metadata is read many times a run, also inside a running loop."""
    llm = make("claude")
    for _ in range(20):
        assert llm.metadata.model_name == "claude"
    assert gateway.requests == []


def test_making_a_model_opens_nothing() -> None:
    """No TLS context, no socket, no HTTP library before the first call."""
    program = (
        "import sys; from llamaindex_pollinations import Pollinations, PollinationsToolSpec;"
        " Pollinations(api_key='sk_x', model='claude').metadata;"
        " PollinationsToolSpec(api_key='sk_x'); print('pollinations_client.transport.client_pool'"
        " in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "False"


def test_metadata_is_the_catalogues(make: Any) -> None:
    """Window and abilities come from the list shipped with the package."""
    card = snapshot().get("claude")
    assert card is not None
    about = make("claude").metadata
    assert (about.context_window, about.is_function_calling_model) == (
        card.context_window,
        card.tools,
    )
    assert about.is_chat_model


def test_your_fields_hold_over_the_catalogue(make: Any) -> None:
    """What you say of a model is so."""
    about = make(
        "claude", context_window=9_000, is_function_calling_model=False, max_tokens=500
    ).metadata
    assert (about.context_window, about.is_function_calling_model, about.num_output) == (
        9_000,
        False,
        500,
    )


def test_a_model_without_tools_is_no_function_calling_model(make: Any) -> None:
    """The catalogue says which; agents ask."""
    without = next(card for card in snapshot() if card.category == "text" and card.tools is False)
    assert not make(without.name).metadata.is_function_calling_model


def test_a_refreshed_catalogue_decides_which_thinking_goes_back(
    llm: Any, gateway: Emulator
) -> None:
    """An alias that is unknown before names a model of Google's then, which reads its own."""
    signed = {"signature": "s", "model": "gemini-3.1-pro"}
    thought = ThinkingBlock(content="Hm.", additional_information=signed)
    answer = ChatMessage(role="assistant", blocks=[TextBlock(text="Yes."), thought])
    conversation = [answer, ChatMessage(role="user", content="Why?")]
    llm.chat(conversation, model="openai")
    listed = cards_from([{"name": "openai", "publisher": "Google"}])
    llm._client.catalog = snapshot().merged(listed)
    llm.chat(conversation, model="openai")
    first, second = (request.json["messages"][0]["content"] for request in gateway.requests)
    assert (first, second[0]["signature"]) == ("Yes.", "s")


def test_the_live_catalogue_is_fetched_when_asked_for(make: Any, gateway: Emulator) -> None:
    """``refresh_catalog`` asks the gateway, and metadata knows from then on."""
    llm = make()
    catalog = llm.refresh_catalog()
    assert len(gateway.requests) >= 1
    assert llm.catalog is catalog
    assert llm.metadata.context_window > 0


@pytest.mark.parametrize("name", snapshot().names("text"))
def test_every_model_of_the_catalogue_leaves_room_for_a_prompt(name: str, make: Any) -> None:
    """The window is never mistaken for the limit of an answer."""
    helper = PromptHelper.from_llm_metadata(make(name).metadata)
    assert helper._get_available_chunk_size(PromptTemplate("{context_str}")) > 1_000


@pytest.mark.parametrize(
    "options", [{"context_window": 600}, {"context_window": 300}, {"max_tokens": 10**7}]
)
def test_a_small_window_and_a_large_answer_still_leave_room(
    options: dict[str, int], make: Any
) -> None:
    """``num_output`` is planned so that some prompt fits."""
    about = make(**options).metadata
    planned = 256 if about.num_output == -1 else about.num_output
    assert planned < about.context_window


def test_an_answer_larger_than_the_window_is_explained(make: Any) -> None:
    """Before LlamaIndex says "Chunk size -5 is not positive"."""
    with pytest.raises(ConfigurationError, match=r"max_tokens.*context_window"):
        make(context_window=1_000, max_tokens=1_000)


def test_no_tokenizer_is_chosen_by_the_models_name(
    make: Any, say: Any, way: str, monkeypatch: Any
) -> None:
    """Names that no tokenizer knows would fail."""
    import tiktoken

    def refused(name: str) -> Any:
        raise KeyError(name)

    monkeypatch.setattr(tiktoken, "encoding_for_model", refused)
    assert say(make("claude"), way)


def test_without_llama_index_one_sentence_says_what_to_install() -> None:
    """The extra is named."""
    program = "import sys; sys.modules['llama_index.core'] = None; import llamaindex_pollinations"
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert ran.stderr.strip().endswith('pip install "pollinations-adapters[llamaindex]"')


# -- observers


class Events(BaseEventHandler):
    """Keeps the names of events, and the events."""

    events: list[Any] = []  # noqa: RUF012

    @classmethod
    def class_name(cls) -> str:
        """As LlamaIndex wants it."""
        return "Events"

    def handle(self, event: BaseEvent, **kwargs: Any) -> None:
        """Keep it."""
        self.events.append(event)

    @property
    def names(self) -> list[str]:
        """Names of the LLM events, repeats of progress once."""
        names = [
            type(event).__name__
            for event in self.events
            if type(event).__name__.startswith(("LLM", "Exception"))
        ]
        return [name for index, name in enumerate(names) if index == 0 or names[index - 1] != name]


@pytest.fixture
def events() -> Any:
    """A handler of LlamaIndex's events for the time of a test."""
    handler, root = Events(events=[]), get_dispatcher()
    root.add_event_handler(handler)
    yield handler
    root.event_handlers.remove(handler)


def test_one_call_is_one_event_sequence(make: Any, say: Any, way: str, events: Events) -> None:
    """Completions do not go through the decorated chat."""
    say(make(), way)
    kind = "LLMCompletion" if "complete" in way else "LLMChat"
    progress = [f"{kind}InProgressEvent"] if "stream" in way else []
    assert events.names == [f"{kind}StartEvent", *progress, f"{kind}EndEvent"]


def test_a_failed_stream_is_an_exception_event(
    make: Any, say: Any, stream_way: str, events: Events, gateway: Any
) -> None:
    """Observers hear of it."""
    gateway.script(Chunks([delta(content="Half")], done=False))
    with pytest.raises(PollinationsError):
        say(make(), stream_way)
    assert events.names == ["LLMChatStartEvent", "LLMChatInProgressEvent", "ExceptionEvent"]


def test_callbacks_start_and_end_once(make: Any, say: Any, way: str) -> None:
    """The older callbacks too, a payload with the response at the end."""
    from llama_index.core.callbacks.base_handler import BaseCallbackHandler

    class Counter(BaseCallbackHandler):
        tellings: list[str] = []  # noqa: RUF012

        def on_event_start(self, *args: Any, **kwargs: Any) -> str:
            self.tellings.append("start")
            return "id"

        def on_event_end(self, *args: Any, **kwargs: Any) -> None:
            self.tellings.append("end")

        def start_trace(self, trace_id: str | None = None) -> None: ...

        def end_trace(self, trace_id: str | None = None, trace_map: Any = None) -> None: ...

    counter = Counter([], [])
    counter.tellings = []
    say(make(callback_manager=CallbackManager([counter])), way)
    assert counter.tellings == ["start", "end"]


def test_the_rate_limiter_is_asked_once_a_call(make: Any, say: Any, way: str) -> None:
    """Core asks it; nothing here asks again."""

    class Limiter:
        conversation = 0

        def acquire(self) -> None:
            self.conversation += 1

        async def async_acquire(self) -> None:
            self.conversation += 1

    limiter = Limiter()
    say(make(rate_limiter=limiter), way)
    assert limiter.conversation == 1


def test_it_can_be_the_settings_llm(make: Any) -> None:
    """``Settings.llm`` sets the callback manager on it."""
    before = Settings._llm
    try:
        Settings.llm = make()
        assert resolve_llm(Settings.llm) is Settings.llm
        assert Settings.llm.predict(PromptTemplate("Say {word}"), word="hello")
    finally:
        Settings._llm = before


# -- storing, copying, and the key


def every_telling_of(llm: Pollinations) -> dict[str, str]:
    """All ways in which a model is written down."""
    return {
        "repr": repr(llm),
        "str": str(llm),
        "to_dict": str(llm.to_dict()),
        "to_json": llm.to_json(),
        "model_dump": str(llm.model_dump()),
        "model_dump_json": llm.model_dump_json(),
        "dict": str(llm.dict()),
        "to_payload": str(llm.to_payload()),
        "pickle": pickle.dumps(llm).decode("latin-1"),
        "metadata": str(llm.metadata),
        "vars of the connection": repr(llm._client),
    }


def test_the_key_is_in_no_text_about_a_model(make: Any, gateway: Emulator) -> None:
    """Neither before nor after a call, in no form; nor is a header that could carry one."""
    llm = make(default_headers={"Authorization": f"Bearer {KEY}", "x-team": "bees"})
    for _ in range(2):
        tellings = every_telling_of(llm)
        assert [index for index, text in tellings.items() if KEY in text] == []
        llm.complete("hi")


def test_the_key_is_in_no_event_no_log_and_no_error(
    make: Any,
    say: Any,
    way: str,
    events: Events,
    gateway: Emulator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Also where the gateway echoes it."""
    caplog.set_level(logging.DEBUG)
    say(make(), way)
    gateway.script(Fault("status", status=400, message=f"The key {KEY} is bad."))
    with pytest.raises(PollinationsError) as caught:
        say(make(), way)
    tellings = [
        str(caught.value),
        repr(caught.value),
        str(caught.value.__dict__),
        caplog.text,
        *map(str, events.events),
    ]
    assert [text for text in tellings if KEY in text] == []
    assert all(KEY not in request.raw_path for request in gateway.requests)


def test_harmless_headers_are_kept(make: Any) -> None:
    """A dump leaves out headers that may be secret, and no others."""
    dumped = make(default_headers={"x-team": "bees", "x-api-key": "1"}).to_dict()
    assert dumped["default_headers"] == {"x-team": "bees"}


@pytest.mark.parametrize("component", [Pollinations, PollinationsToolSpec])
def test_a_failed_constructor_shows_no_key_among_its_locals(component: Any) -> None:
    """What error reports do: every local is printed, the component that is not finished among them,
    and no key.
    """
    for spoilt in ({"api_key": f"{KEY}\nx"}, {"api_key": KEY, "tempratur": 1}):
        with pytest.raises(PollinationsError) as caught:
            component(**spoilt)
        tellings = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        ours = [frame for frame in tellings.stack if "/tests/" not in frame.filename]
        assert ours
        assert [
            frame.name for frame in ours for value in (frame.locals or {}).values() if KEY in value
        ] == []


def test_a_dump_makes_the_same_model_again(
    make: Any, monkeypatch: pytest.MonkeyPatch, gateway: Emulator
) -> None:
    """The key comes from the environment."""
    llm = make(
        "claude", temperature=0.3, stop=["x"], system_prompt="Be kind.", extra_body={"top_k": 3}
    )
    monkeypatch.setenv("POLLINATIONS_API_KEY", "sk_other")
    for again in (
        Pollinations.from_dict(llm.to_dict()),
        Pollinations.from_json(llm.to_json()),
        Pollinations.model_validate(llm.model_dump()),
    ):
        assert again.to_dict() == llm.to_dict()
    again.complete("hi")
    assert gateway.requests[0].headers["authorization"] == "Bearer sk_other"
    assert json.loads(llm.to_json())["class_name"] == "Pollinations_LLM"


def test_a_pickle_works_after_use(
    make: Any, monkeypatch: pytest.MonkeyPatch, gateway: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Clients are made anew, the key is read from the environment, nothing warns."""
    llm = make("claude", temperature=0.3)
    llm.complete("hi")
    monkeypatch.setenv("POLLINATIONS_API_KEY", "sk_other")
    again = pickle.loads(pickle.dumps(llm))
    assert again.to_dict() == llm.to_dict()
    assert again.complete("hi").text
    assert gateway.requests[1].headers["authorization"] == "Bearer sk_other"
    assert llm.api_key.get_secret_value() == KEY
    assert caplog.records == []


def test_a_pickle_without_a_key_says_so_at_the_call() -> None:
    """Opening one is not calling."""
    again = pickle.loads(pickle.dumps(Pollinations(api_key=KEY)))
    with pytest.raises(ConfigurationError, match="POLLINATIONS_API_KEY"):
        again.complete("hi")


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda llm: llm.model_copy(deep=True)]
)
def test_copies_work_after_use(copied: Any, make: Any, gateway: Emulator) -> None:
    """With the same key, and with options of their own."""
    llm = make("claude", extra_body={"top_k": 3})
    llm.complete("hi")
    twin = copied(llm)
    twin.model = "openai"
    assert twin.complete("hi").text
    assert llm.model == "claude"
    assert gateway.requests[1].json["model"] == "openai"
    assert gateway.requests[1].headers["authorization"] == f"Bearer {KEY}"


def test_deep_copies_share_no_option(make: Any) -> None:
    """A dictionary of one is not a dictionary of the other."""
    llm = make(extra_body={"top_k": 3})
    twin = copy.deepcopy(llm)
    twin.extra_body["top_k"] = 4
    assert llm.extra_body == {"top_k": 3}


def test_an_own_client_may_be_copied_along(make: Any) -> None:
    """Clients are services: a deep copy uses the same one."""
    import httpx

    with httpx.Client() as mine:
        assert copy.deepcopy(make(http_client=mine)).http_client is mine


def test_payloads_are_safe_and_say_where(make: Any, gateway: Emulator) -> None:
    """Class, metadata, address."""
    payload = make("deepseek", reasoning_effort="high").to_payload()
    assert (payload["class_name"], payload["api_base"]) == ("Pollinations_LLM", gateway.url)
    assert (payload["model_name"], payload["reasoning_effort"]) == ("deepseek", "high")


def test_the_system_prompt_is_for_predict_not_for_chat(make: Any, gateway: Emulator) -> None:
    """LlamaIndex's convention."""
    llm = make(system_prompt="Be kind.")
    llm.chat(ASKED)
    llm.predict(PromptTemplate("hi"))
    assert [len(request.json["messages"]) for request in gateway.requests] == [1, 2]


def test_completions_use_the_completion_template(make: Any, say: Any, gateway: Emulator) -> None:
    """``completion_to_prompt`` is applied unless the prompt is formatted already."""
    llm = make(completion_to_prompt=lambda prompt: f"<{prompt}>")
    for way in ("complete", "acomplete", "stream_complete", "astream_complete"):
        gateway.clear()
        say(llm, way, "hi")
        say(llm, way, "hi", formatted=True)
        assert [request.json["messages"][0]["content"] for request in gateway.requests] == [
            "<hi>",
            "hi",
        ]


@pytest.mark.parametrize(
    "prompt", [None, 5, b"hi", PromptTemplate("hi"), ChatMessage(role="user", content="hi")]
)
def test_a_completion_of_what_is_no_text_says_where_it_belongs(prompt: Any, llm: Any) -> None:
    """LlamaIndex makes an empty message of it."""
    with pytest.raises(InvalidRequestError, match=r"prompt: a text is needed.*predict\(\)"):
        llm.complete(prompt)


def test_streams_of_completions_grow(make: Any, say: Any, gateway: Emulator) -> None:
    """Text cumulative, delta new."""
    for way in ("stream_complete", "astream_complete"):
        gateway.script(Chunks([delta(content="Hel"), delta(content="lo"), delta("stop"), TAIL]))
        tellings = [(response.delta, response.text) for response in say(make(), way)]
        assert tellings == [("Hel", "Hel"), ("lo", "Hello"), ("", "Hello")]
