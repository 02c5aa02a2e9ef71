"""How a ``ChatPollinations`` is made, and other packages' names for its options."""

from __future__ import annotations

import inspect
from typing import Any, get_type_hints

import langchain_core
import pytest
from langchain_core.runnables import ConfigurableField

from langchain_pollinations import ChatPollinations, PollinationsEmbeddings
from langchain_pollinations._option_types import ChatModelOptions
from pollinations_client import InvalidRequestError, ModelOptions, __version__
from pollinations_client.emulator import Answer, Emulator
from pollinations_client.request.option_types import ModelOptionsDict

KEY = "sk_demo_0123456789abcdef"


def test_the_model_may_come_first_without_its_name() -> None:
    """As the name of what is swapped most."""
    assert ChatPollinations("claude", api_key=KEY).model == "claude"
    assert next(iter(inspect.signature(ChatPollinations).parameters)) == "model"


def test_a_model_names_the_versions_that_made_it() -> None:
    """LangChain's own, and ours beside it: traces carry them."""
    versions = (ChatPollinations(api_key=KEY).metadata or {})["lc_versions"]
    assert versions["langchain-core"] == langchain_core.__version__
    assert versions["pollinations-adapters"] == __version__


def test_two_models_are_refused() -> None:
    """Under two names, and as two arguments."""
    with pytest.raises(InvalidRequestError, match="model_name and model are one option"):
        ChatPollinations("claude", model_name="gemini", api_key=KEY)
    with pytest.raises(InvalidRequestError, match="model: it was given twice"):
        ChatPollinations("claude", model="gemini", api_key=KEY)
    with pytest.raises(InvalidRequestError, match="model: it was given twice"):
        PollinationsEmbeddings("gemini-2", model="gemini-2", api_key=KEY)
    with pytest.raises(TypeError, match="positional"):
        ChatPollinations("claude", "gemini")  # type: ignore[call-arg]


def test_a_model_that_is_not_named_is_not_among_the_fields_that_were_set() -> None:
    """None means the default as well."""
    assert "model" not in ChatPollinations(api_key=KEY).model_fields_set
    assert ChatPollinations(None, api_key=KEY).model == "openai"


@pytest.mark.parametrize(
    ("other", "name", "value"),
    [
        ("model_name", "model", "gemini"),
        ("request_timeout", "timeout", 5.0),
        ("model_kwargs", "extra_body", {"top_k": 40}),
        ("stop_sequences", "stop", ["END"]),
    ],
)
def test_other_names_are_taken_read_and_written(other: str, name: str, value: Any) -> None:
    """Under both names, at any time."""
    model = ChatPollinations(api_key=KEY, **{other: value})
    assert (getattr(model, name), getattr(model, other)) == (value, value)
    written = ChatPollinations(api_key=KEY)
    setattr(written, other, value)
    assert (getattr(written, name), getattr(written, other)) == (value, value)


@pytest.mark.parametrize("kind", [ChatPollinations, PollinationsEmbeddings])
def test_every_other_name_can_be_read(kind: Any) -> None:
    """Programs that were written for another package look a key up by its name there."""
    model = kind(api_key=KEY)
    for other, name in kind.aliases.items():
        assert getattr(model, other) == getattr(model, name)
    assert model.pollinations_api_key.get_secret_value() == KEY


def test_a_model_that_is_written_later_is_asked(gateway: Emulator) -> None:
    """From the next call on."""
    llm = ChatPollinations("openai", api_key=KEY, base_url=gateway.url)
    llm.model_name = "gemini"
    llm.invoke("x")
    assert gateway.requests[-1].json["model"] == "gemini"


def test_other_names_may_be_configured_by_a_call(gateway: Emulator) -> None:
    """ConfigurableField under the name that other packages have."""
    llm = ChatPollinations("openai", api_key=KEY, base_url=gateway.url).configurable_fields(
        model_name=ConfigurableField(id="which")
    )
    llm.with_config(configurable={"which": "claude"}).invoke("x")
    assert gateway.requests[-1].json["model"] == "claude"
    with pytest.raises(ValueError, match="modle"):
        ChatPollinations(api_key=KEY).configurable_fields(modle=ConfigurableField(id="which"))


def test_what_editors_complete_are_the_options_there_are() -> None:
    """Every field and every other name, and nothing else."""
    assert set(get_type_hints(ModelOptionsDict)) == set(ModelOptions.model_fields)
    options = {*ChatPollinations.model_fields, *ChatPollinations.aliases} - {"model"}
    assert set(get_type_hints(ChatModelOptions)) == options


@pytest.mark.parametrize("streams", [False, True])
def test_an_answer_without_a_model_has_the_one_that_was_asked(
    gateway: Emulator, streams: bool
) -> None:
    """Invoked or streamed."""
    llm = ChatPollinations("claude", api_key=KEY, base_url=gateway.url, streaming=streams)
    gateway.script(Answer(text="Hi", extra_top={"model": None}))
    assert llm.invoke("x").response_metadata["model_name"]
