"""Model cards of both eras, the catalogue over them, and what a call costs."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from decimal import Decimal
from importlib.resources import files
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollinations_client.catalog.catalog import (
    Catalog,
    Durations,
    ModelCard,
    Trait,
    cost,
    snapshot,
)
from pollinations_client.catalog.model_list import card_from, cards_from
from pollinations_client.catalog.pricing import units_from
from pollinations_client.client import PollinationsClient
from pollinations_client.emulator import Emulator
from pollinations_client.errors import MalformedReply, UnknownModelError
from pollinations_client.reply import Reply
from pollinations_client.reply_metadata import ResponseInfo, Usage
from pollinations_client.request import endpoints
from pollinations_client.request.messages import PollinationsWarning

SEED_TEXT = {
    "name": "openai",
    "aliases": ["gpt-5-mini"],
    "pricing": {
        "currency": "pollen",
        "promptTextTokens": 1.5e-7,
        "promptCachedTokens": 4e-8,
        "completionTextTokens": 6e-7,
    },
    "description": "OpenAI GPT-5 Mini - Fast & Balanced",
    "input_modalities": ["text", "image"],
    "output_modalities": ["text"],
    "tools": True,
    "context_window": 400000,
}
TODAY_TEXT = {
    "name": "openai/gpt-5.4-nano",
    "aliases": ["openai", "gpt-5.4-nano"],
    "category": "text",
    "publisher": "OpenAI",
    "community": False,
    "pricing": {
        "currency": "pollen",
        "promptTextTokens": "0.00000015",
        "promptCachedTokens": "0.000000015",
        "completionTextTokens": "0.0000009375",
    },
    "title": "GPT-5.4 Nano",
    "description": "Small",
    "input_modalities": ["text", "image"],
    "output_modalities": ["text"],
    "supported_endpoints": ["/v1/chat/completions"],
    "capabilities": ["tool_calling", "reasoning"],
    "supported_parameters": ["max_tokens", "tools"],
    "tools": True,
    "reasoning": True,
    "supports_structured_output": True,
    "context_length": 400000,
    "max_completion_tokens": 128000,
    "paid_only": False,
    "is_specialized": False,
}
VIDEO = {
    "name": "veo",
    "pricing": {
        "currency": "pollen",
        "completionVideoSeconds": "0.08",
        "completionAudioSeconds": "0.02",
    },
    "input_modalities": ["text", "image"],
    "output_modalities": ["video"],
    "video_capabilities": ["start_frame", "end_frame"],
    "allowed_durations": [4, 6, 8],
    "max_reference_images": 2,
}


# --- cards


def test_both_eras_read_into_one_form() -> None:
    """A context window and a price read the same, whatever the era spells them like."""
    seed, today = card_from(SEED_TEXT), card_from(TODAY_TEXT)
    assert (seed.context_window, today.context_window) == (400_000, 400_000)
    assert (
        seed.prices["promptTextTokens"] == today.prices["promptTextTokens"] == Decimal("0.00000015")
    )
    assert (seed.tools, seed.reasoning, today.reasoning) == (True, None, True)
    assert (seed.category, today.category) == ("text", "text")
    assert today.structured_output is True
    assert today.max_output_tokens == 128_000
    assert (today.paid_only, seed.paid_only, today.specialized) == (False, None, False)
    assert today.names == ("openai/gpt-5.4-nano", "openai", "gpt-5.4-nano")
    assert seed.extra == today.extra == {}


def test_video_card_tells_its_durations_and_references() -> None:
    """Durations and reference limits of a video model are read; its category follows its output."""
    card = card_from(VIDEO)
    assert card.is_video
    assert not card.is_image
    assert not card.is_text
    assert card.durations == Durations(allowed=(Decimal(4), Decimal(6), Decimal(8)))
    assert card.durations.allows(6)
    assert not card.durations.allows(5)
    assert (card.max_reference_images, card.video_capabilities) == (2, ("start_frame", "end_frame"))


@pytest.mark.parametrize(
    ("item", "fitting", "unfit", "words"),
    [
        (
            {"min_duration": 6, "max_duration": 120, "duration_step": 6},
            [6, 12, 120],
            [5, 7, 126],
            "6 to 120 s in steps of 6 s",
        ),
        ({"min_duration": "2", "max_duration": 10.0}, [2, 2.5, 10], [1.9, 11], "2 to 10.0 s"),
        ({"max_duration": 10}, [1, 10], [10.5], "up to 10 s"),
        ({"min_duration": 3, "duration_step": 1}, [3, 900], [2, 3.5], "at least 3 s"),
        ({"default_duration": 5}, [1, 500], [float("nan"), float("inf")], "any length"),
        ({"allowed_durations": [4, 8]}, [4, 8.0], [5], "4, 8 s"),
    ],
)
def test_durations_allow_what_the_limits_say(
    item: dict[str, Any], fitting: list[float], unfit: list[float], words: str
) -> None:
    """Allowed lists, bounds and steps decide; what is not said forbids nothing."""
    durations = card_from({"name": "m", **item}).durations
    assert durations is not None
    assert all(durations.allows(one) for one in fitting)
    assert not any(durations.allows(one) for one in unfit)
    assert str(durations) == words


@pytest.mark.parametrize(
    ("item", "category"),
    [
        ({"output_modalities": ["audio", "text"]}, "text"),
        ({"output_modalities": ["image"]}, "image"),
        ({"output_modalities": ["audio"]}, "audio"),
        ({"output_modalities": ["embedding"]}, "embedding"),
        ({"output_modalities": ["3d"]}, "3d"),
        ({"category": "realtime", "output_modalities": ["audio"]}, "realtime"),
        ({"supported_endpoints": ["/v1/embeddings"]}, "embedding"),
        ({"category": 7}, "text"),
        ({}, "text"),
    ],
)
def test_category_is_derived_where_it_is_not_said(item: dict[str, Any], category: str) -> None:
    """The category is the item's own, or follows from outputs or endpoints, or is text."""
    assert card_from({"name": "m", **item}).category == category


def test_category_of_a_silent_item_is_what_the_list_holds() -> None:
    """An item that says nothing of its kind takes the kind its endpoint lists."""
    assert cards_from([{"name": "flux"}], category="image")[0].is_image
    assert cards_from([VIDEO], category="image")[0].is_video


def test_v1_models_items_have_an_id_and_a_time_in_either_unit() -> None:
    """``created`` in milliseconds (API 0.3.0) and in seconds give the same time; ``id`` is the
    name.
    """
    reply = {
        "object": "list",
        "data": [{"id": "openai", "object": "model", "created": 1734567890123}],
    }
    card = cards_from(reply)[0]
    assert (card.name, card.created, card.extra) == ("openai", 1734567890, {})
    assert card_from({"id": "x", "created": 1734567890}).created == 1734567890


def test_modalities_not_said_are_unknown_not_absent() -> None:
    """``vision`` and its siblings are ``None`` until the modalities are known."""
    silent, seeing = (
        card_from({"name": "m"}),
        card_from({"name": "m", "input_modalities": ["text", "image"]}),
    )
    assert (silent.vision, silent.audio_input, silent.video_input) == (None, None, None)
    assert (seeing.vision, seeing.audio_input, seeing.video_input) == (True, False, False)


def test_unknown_fields_are_kept() -> None:
    """What this form has no place for stays in ``extra``."""
    card = card_from(
        {
            "name": "m",
            "health": {"ok": True},
            "id": "other",
            "pending_change": None,
            "object": "thing",
        }
    )
    assert card.extra == {
        "health": {"ok": True},
        "id": "other",
        "pending_change": None,
        "object": "thing",
    }


ODD = {
    "aliases": "solo",
    "tools": "yes please",
    "reasoning": "TRUE",
    "context_length": "lots",
    "max_completion_tokens": 1.5,
    "voices": ["alloy", 7],
    "pricing": {
        "currency": "pollen",
        "promptTextTokens": "NaN",
        "completionTextTokens": "2E-7",
        "x": -1,
        "y": True,
    },
    "allowed_durations": [4, "four"],
    "created": "now",
    "supported_parameters": {"tools": True},
    "title": 5,
    "max_reference_images": "1e999999",
}


def test_odd_values_are_neither_read_nor_lost() -> None:
    """An optional field with an unreadable value is unknown, and its value stays in ``extra``."""
    card = card_from({"name": "m", **ODD})
    assert card.aliases == ("solo",)
    assert (card.tools, card.reasoning, card.context_window, card.max_output_tokens) == (
        None,
        True,
        None,
        None,
    )
    assert card.voices == ("alloy",)
    assert card.prices == {"completionTextTokens": Decimal("2E-7")}
    assert card.extra["pricing"] == {"promptTextTokens": "NaN", "x": -1, "y": True}
    assert set(ODD) - set(card.extra) == {"aliases", "reasoning"}


def test_null_optionals_are_not_said() -> None:
    """Every known field may be null and none of them is kept for it."""
    nulls = dict.fromkeys([*TODAY_TEXT, *VIDEO, "voices", "created", "min_duration", "resolutions"])
    assert card_from({**nulls, "name": "m"}) == ModelCard(name="m")


@pytest.mark.parametrize(
    ("reply", "place"),
    [
        ({"error": {"message": "no"}}, "'data' array"),
        ("flux", "'data' array"),
        (None, "'data' array"),
        ([{"name": "a"}, {"aliases": []}], "Item 1 of the model list has no usable 'name'"),
        ([{"name": "a"}, {"name": 5}], "int 5"),
        ([{"name": " "}], "Item 0"),
        ([["name"]], "Item 0 of the model list is no object"),
        ({"data": [None]}, "Item 0"),
    ],
)
def test_malformed_list_names_the_place(reply: Any, place: str) -> None:
    """A list that is no list, or an item without a name, is refused with its index and field."""
    with pytest.raises(MalformedReply) as caught:
        cards_from(reply)
    assert place in str(caught.value)
    assert caught.value.excerpt


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
item_fields = st.sampled_from(
    [*TODAY_TEXT, *VIDEO, "voices", "created", "id", "object", "duration_step", "health"]
)


@given(st.dictionaries(item_fields, json_values, max_size=8))
def test_any_json_object_with_a_name_is_a_card(fields: dict[str, Any]) -> None:
    """No value of an optional field can break the reading of a card, and no unknown field
    is lost.
    """
    before = copy.deepcopy(fields)
    card = card_from({**fields, "name": "m"})
    assert card.name == "m"
    assert hash(card) == hash(card)
    assert fields.get("health") is None or "health" in card.extra
    assert repr(fields) == repr(before)


# --- the catalogue


def test_snapshot_is_dated_small_and_sourced() -> None:
    """The shipped list says when and from where it is, weighs under 60 KB, and no name means two
    models of a kind.
    """
    data = (files("pollinations_client") / "catalog" / "models.json").read_bytes()
    names = [(card.category, name.lower()) for card in snapshot() for name in card.names]
    assert len(data) < 60_000
    assert snapshot().date
    assert str(snapshot().source).startswith("https://")
    assert json.loads(data)["note"]
    assert len(names) == len(set(names))
    assert len(snapshot()) > 100


def test_importing_the_catalogue_reads_no_file_and_no_http_library() -> None:
    """Import costs nothing: the data file is read on first use, and pydantic is the only
    dependency.
    """
    program = (
        "import sys, types\nbare = types.ModuleType('pollinations_client'); bare.__path__ ="
        f" [{str(files('pollinations_client'))!r}]\nsys.modules.update(httpx=None,"
        " pollinations_client=bare)\nimport pollinations_client.catalog.catalog as catalog\nassert"
        " catalog.snapshot.cache_info().currsize == 0\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@pytest.mark.parametrize("name", ["gpt-5.4", "openai/gpt-5.4", "OpenAI/GPT-5.4", " gpt-5.4 "])
def test_every_spelling_finds_one_card(name: str) -> None:
    """Case and publisher make no difference."""
    found = snapshot().get(name)
    assert found is not None
    assert found.name == "openai/gpt-5.4"
    assert name in snapshot()


@pytest.mark.parametrize(
    "name",
    ["openai", "claude", "gemini", "deepseek", "kimi", "flux", "veo", "elevenlabs", "kontext"],
)
def test_short_names_of_either_era_are_aliases(name: str) -> None:
    """The names that API 0.3.0 knew still find a card."""
    assert snapshot().get(name) is not None


@pytest.mark.parametrize(
    "name", ["", None, "gpt-99", "community/someone/gpt-5.4", "acme/gpt-5.4", "google/grok"]
)
def test_unknown_names_give_none(name: str | None) -> None:
    """An unknown model, another publisher's model or a community's namesake is not known, and no
    error.
    """
    assert snapshot().get(name) is None


def test_publisher_is_tolerated_where_the_list_has_none() -> None:
    """Asked for as ``openai/x``, a card listed as ``x`` is found when it is that publisher's."""
    listed = Catalog(cards_from([{"name": "gpt-7"}, {"name": "sparrow", "publisher": "Google"}]))
    assert listed.get("openai/gpt-7") is listed.get("gpt-7") is not None
    assert listed.get("google/sparrow") is not None
    assert listed.get("google/gpt-7") is None


def test_category_chooses_between_namesakes() -> None:
    """Where a chat and an embedding model share a name, the category decides, else the order of the
    list.
    """
    listed = Catalog(cards_from([{"name": "gemini"}, {"name": "gemini", "category": "embedding"}]))
    assert [listed.get("gemini", kind).category for kind in ("text", "embedding")] == [
        "text",
        "embedding",
    ]  # type: ignore[union-attr]
    assert listed.get("gemini").category == "text"  # type: ignore[union-attr]
    assert listed.get("gemini", "video") is None


def test_own_names_prevail_over_aliases() -> None:
    """A name belongs to the model that bears it, whoever lists it as an alias first."""
    listed = Catalog(cards_from([{"name": "a", "aliases": ["b"]}, {"name": "b"}]))
    assert listed.get("b").name == "b"  # type: ignore[union-attr]


def test_find_picks_by_what_models_can_do() -> None:
    """Each condition narrows; asking for False fits what is not known to be so."""
    listed = Catalog(cards_from([TODAY_TEXT, VIDEO, {"name": "mute"}]))
    assert [card.name for card in listed.find(category="text", tools=True)] == [
        "openai/gpt-5.4-nano"
    ]
    assert [card.name for card in listed.find(tools=False)] == ["veo", "mute"]
    assert [card.name for card in listed.find(takes="image", makes="video")] == ["veo"]
    assert listed.find(paid_only=True) == []
    assert listed.names("video") == ["veo"]
    assert [card.name for card in listed] == listed.names()


@pytest.mark.parametrize(
    ("typed", "meant"), [("claud", "claude"), ("gpt5.4", "gpt-5.4"), ("seedreem", "seedream")]
)
def test_suggest_offers_the_nearest_names(typed: str, meant: str) -> None:
    """A misspelt name gives the names it may mean, nearest first, no model twice."""
    offered = snapshot().suggest(typed)
    assert offered[0] == meant
    cards = {snapshot().get(name).name for name in offered}  # type: ignore[union-attr]
    assert len(cards) == len(offered) <= 3
    assert snapshot().suggest("zzzzzzzz") == []


def test_live_cards_prevail_and_fill_from_the_older() -> None:
    """A live card replaces its namesake and keeps what it leaves open from it, except prices; the
    rest stays.
    """
    older = Catalog(
        cards_from([TODAY_TEXT, {"name": "claude", "aliases": ["sonnet"]}]), date="2026-10"
    )
    live = older.merged(
        cards_from(
            [{"name": "gpt-5.4-nano", "tools": False}, {"name": "new", "aliases": ["sonnet"]}]
        )
    )
    found = live.get("openai/gpt-5.4-nano")
    assert found is live.get("gpt-5.4-nano")
    assert found is not None
    assert (found.tools, found.context_window, found.prices) == (False, 400_000, {})
    assert live.get("sonnet").name == "new"  # type: ignore[union-attr]
    assert live.get("claude").aliases == ()  # type: ignore[union-attr]
    assert (len(older), len(live), live.date) == (2, 3, "2026-10")
    assert older.get("sonnet").name == "claude"  # type: ignore[union-attr]


def test_an_alias_that_moved_does_not_carry_facts_over() -> None:
    """A live model that took over another's alias does not inherit that model's context window."""
    live = snapshot().merged(
        cards_from([{"name": "openai", "tools": True, "output_modalities": ["text"]}])
    )
    assert live.get("openai").context_window is None  # type: ignore[union-attr]
    assert live.get("openai/gpt-5.4-nano").context_window == 400_000  # type: ignore[union-attr]


def test_a_bare_id_keeps_what_is_known_under_it() -> None:
    """``/v1/models`` of API 0.3.0 says only names: they confirm a model and do not make it
    forgotten.
    """
    live = snapshot().merged(
        cards_from({"data": [{"id": "claude", "created": 1}]}), date="2026-11-20", source="live"
    )
    assert live.get("claude").name == "claude"  # type: ignore[union-attr]
    assert live.get("claude").tools is True  # type: ignore[union-attr]
    assert (live.date, live.source) == ("2026-11-20", "live")


def test_replaced_lists_only_the_new() -> None:
    """After ``replaced`` a model that is not in the new list is not known."""
    live = snapshot().replaced(cards_from([SEED_TEXT]))
    assert live.names() == ["openai"]
    assert live.get("claude") is None


def test_catalogue_copies_and_pickles() -> None:
    """A catalogue survives deepcopy and pickle with its index."""
    for twin in (copy.deepcopy(snapshot()), pickle.loads(pickle.dumps(snapshot()))):
        assert twin.get("claude") == snapshot().get("claude")
    assert repr(snapshot()) == f"<Catalog of {len(snapshot())} models, {snapshot().date}>"


# --- families and traits


@pytest.mark.parametrize(
    ("name", "whose"),
    [
        ("gemini-9-ultra", "google"),
        ("claude-anything", "anthropic"),
        ("openai", "openai"),
        ("openai/whatever", "openai"),
        ("kimi", "moonshot"),
        ("grok-17", "xai"),
        ("sonar-pro", "perplexity"),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic"),
        ("claude3", "anthropic"),
        ("wanda", None),
        ("community/x/gpt", None),
        ("nobody/gpt-5", None),
        ("something-new", None),
    ],
)
def test_family_of_known_and_unknown_names(name: str, whose: str | None) -> None:
    """The family follows publisher or beginning, for names no list has; a community's model has
    none.
    """
    assert snapshot().family(name) == whose


def test_family_of_a_live_alias_follows_its_card() -> None:
    """An alias that says nothing has the family of its card's publisher."""
    live = snapshot().merged(
        cards_from(
            [{"name": "sparrow", "publisher": "Google"}, {"name": "openai/owl", "aliases": ["o"]}]
        )
    )
    assert (live.family("sparrow"), live.family("o")) == ("google", "openai")


@pytest.mark.parametrize(
    ("name", "trait", "has"),
    [
        ("claude-opus-5.5", "refuses_forced_tool_choice", True),
        ("anthropic/claude-sonnet-5.5", "refuses_forced_tool_choice", True),
        ("claude-large", "refuses_forced_tool_choice", False),
        ("gemini-9-ultra", "vertex_tool_schema", True),
        ("gemini-9-ultra", "default_tools", True),
        ("gemma-4-31b", "default_tools", False),
        ("community/x/gemini", "default_tools", False),
        ("openai", "developer_role", True),
        ("claude", "developer_role", False),
        ("never-heard-of", "vertex_tool_schema", False),
    ],
)
def test_traits_are_data(name: str, trait: Trait, has: bool) -> None:
    """Peculiarities hold for families, prefixes or models, in any spelling, and for nothing
    unknown.
    """
    assert snapshot().has_trait(name, trait) is has


def test_every_trait_is_in_the_data_with_its_reason() -> None:
    """The typed names of traits and the data file agree, and each model they name is in
    the list.
    """
    rules = json.loads((files("pollinations_client") / "catalog" / "models.json").read_bytes())[
        "traits"
    ]
    assert set(rules) == set(get_args(Trait))
    for rule in rules.values():
        assert rule["why"]
        assert all(snapshot().get(name) for name in rule.get("models", ()))


def test_trait_follows_a_live_card() -> None:
    """An alias that now names a model with a trait has the trait."""
    live = snapshot().merged(
        cards_from([{"name": "anthropic/claude-opus-5.5", "aliases": ["claude-large"]}])
    )
    assert live.has_trait("claude-large", "refuses_forced_tool_choice")


def test_a_refreshed_list_decides_how_a_request_is_written() -> None:
    """What models can do changes without a release of this package."""
    listed = [
        {"name": "openai", "supported_parameters": ["tools", "temperature"]},
        {"name": "sparrow", "publisher": "Google"},
    ]
    live = snapshot().merged(cards_from(listed))
    size = {"type": "integer", "exclusiveMinimum": 0}
    parameters = {"type": "object", "properties": {"size": size}}
    tool = {"type": "function", "function": {"name": "draw", "parameters": parameters}}

    def body(model: str, catalog: Catalog | None) -> dict[str, Any]:
        options = {"model": model, "tools": [tool], "tool_choice": "draw"}
        asked = [{"role": "developer", "content": "Draw"}]
        call = endpoints.chat(asked, options, catalog=catalog)
        return dict(json.loads(call.body or b""))

    assert isinstance(body("openai", None)["tool_choice"], dict)
    with pytest.warns(PollinationsWarning, match="refuses a forced tool choice"):
        assert body("openai", live)["tool_choice"] == "auto"
    assert body("sparrow", None)["tools"] == [tool]
    reduced = body("sparrow", live)["tools"][0]["function"]["parameters"]
    assert "exclusiveMinimum" not in reduced["properties"]["size"]


# --- cost

PRICED = card_from(
    {
        "name": "m",
        "pricing": {
            "promptTextTokens": "1",
            "promptCachedTokens": "0.1",
            "completionTextTokens": "10",
        },
    }
)


def test_cached_tokens_are_part_of_the_prompt() -> None:
    """1000 prompt tokens of which 400 cached are 600 full and 400 cheap ones."""
    usage = {
        "prompt_tokens": 1000,
        "completion_tokens": 5,
        "total_tokens": 1005,
        "prompt_tokens_details": {"cached_tokens": 400},
    }
    spent = cost(usage, PRICED)
    assert spent.total == Decimal(600 + 40 + 50)
    assert spent.amounts == {
        "promptTextTokens": 600,
        "promptCachedTokens": 40,
        "completionTextTokens": 50,
    }
    assert (spent.unknown, spent.assumed) == ((), ())


@pytest.mark.parametrize(
    ("total", "units"),
    [
        (15, {"completionTextTokens": 2, "completionReasoningTokens": 3}),
        (18, {"completionTextTokens": 5, "completionReasoningTokens": 3}),
    ],
)
def test_reasoning_is_inside_unless_the_total_shows_otherwise(
    total: int, units: dict[str, int]
) -> None:
    """Reasoning tokens belong to the completion, except where the total counts them on top
    (xAI).
    """
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "total_tokens": total,
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    spent = cost(usage, PRICED)
    assert {part.unit: int(part.count) for part in spent.parts} == {"promptTextTokens": 10, **units}
    assert spent.assumed == ("completionReasoningTokens",)
    assert spent.total == 10 + 10 * sum(units.values())


@pytest.mark.parametrize(
    ("usage", "units"),
    [
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "total_tokens": 19,
                "prompt_tokens_details": {"cached_tokens": 4},
            },
            {"promptTextTokens": 10, "promptCachedTokens": 4, "completionTextTokens": 5},
        ),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "total_tokens": 21,
                "prompt_tokens_details": {"cached_tokens": 4},
                "completion_tokens_details": {"reasoning_tokens": 2},
            },
            {
                "promptTextTokens": 10,
                "promptCachedTokens": 4,
                "completionTextTokens": 5,
                "completionReasoningTokens": 2,
            },
        ),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "total_tokens": 18,
                "completion_tokens_details": {"audio_tokens": 1, "reasoning_tokens": 2},
            },
            {
                "promptTextTokens": 10,
                "completionTextTokens": 5,
                "completionAudioTokens": 1,
                "completionReasoningTokens": 2,
            },
        ),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "total_tokens": 19,
                "prompt_tokens_details": {"cached_tokens": 4},
                "completion_tokens_details": {"audio_tokens": 4},
            },
            {
                "promptTextTokens": 6,
                "promptCachedTokens": 4,
                "completionTextTokens": 1,
                "completionAudioTokens": 4,
            },
        ),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "total_tokens": 18,
                "prompt_tokens_details": {"cached_tokens": 4},
                "completion_tokens_details": {"reasoning_tokens": 3, "audio_tokens": 0},
            },
            {
                "promptTextTokens": 6,
                "promptCachedTokens": 4,
                "completionTextTokens": 5,
                "completionReasoningTokens": 3,
            },
        ),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "total_tokens": 19,
                "prompt_tokens_details": {"cached_tokens": 4},
                "completion_tokens_details": {"reasoning_tokens": 2, "audio_tokens": 0},
            },
            {
                "promptTextTokens": 10,
                "promptCachedTokens": 4,
                "completionTextTokens": 3,
                "completionReasoningTokens": 2,
            },
        ),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "total_tokens": 18,
                "prompt_tokens_details": {"cached_tokens": 4},
                "completion_tokens_details": {"reasoning_tokens": 2, "audio_tokens": 1},
            },
            {
                "promptTextTokens": 6,
                "promptCachedTokens": 4,
                "completionTextTokens": 5,
                "completionAudioTokens": 1,
                "completionReasoningTokens": 2,
            },
        ),
        (
            {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 99},
            {"promptTextTokens": 10, "completionTextTokens": 5},
        ),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "prompt_tokens_details": {"cached_tokens": 40, "image_tokens": 3},
            },
            {"promptCachedTokens": 10, "completionTextTokens": 5},
        ),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 0,
                "cache_read_input_tokens": 3,
                "cache_creation_input_tokens": 2,
            },
            {"promptTextTokens": 5, "promptCachedTokens": 3, "promptCacheWriteTokens": 2},
        ),
        (
            {
                "input_tokens": 10,
                "output_tokens": 4,
                "output_tokens_details": {"reasoning_tokens": 3},
            },
            {"promptTextTokens": 10, "completionTextTokens": 1, "completionReasoningTokens": 3},
        ),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 2,
                "prompt_tokens_details": {
                    "audio_tokens": 3,
                    "image_tokens": 4,
                    "cached_tokens": None,
                },
                "completion_tokens_details": None,
            },
            {
                "promptTextTokens": 3,
                "promptAudioTokens": 3,
                "promptImageTokens": 4,
                "completionTextTokens": 2,
            },
        ),
        (
            {
                "X-Usage-Prompt-Text-Tokens": "7",
                "x-usage-completion-video-seconds": "4.5",
                "x-model-used": "veo",
            },
            {"promptTextTokens": 7, "completionVideoSeconds": Decimal("4.5")},
        ),
        (
            {
                "input_text_tokens": 7,
                "input_cached_tokens": 2,
                "output_image_tokens": 1,
                "cost_usd": 9,
            },
            {"promptTextTokens": 7, "promptCachedTokens": 2, "completionImageTokens": 1},
        ),
        ({"input_text_tokens": 7, "output_audio_tokens": None}, {"promptTextTokens": 7}),
    ],
)
def test_usage_of_every_shape_splits_into_priced_units(
    usage: dict[str, Any], units: dict[str, Any]
) -> None:
    """Chat usage, headers and usage records count the same units, and no token twice."""
    found, unreadable = units_from(usage)
    assert {unit: count for unit, count in found.items() if count} == units
    assert unreadable == ()


def test_missing_price_is_unknown_not_free() -> None:
    """A used unit without a price leaves the total open and the known part a lower bound."""
    spent = cost({"prompt_tokens": 3, "prompt_tokens_details": {"audio_tokens": 2}}, PRICED)
    assert (spent.total, spent.known, spent.unknown) == (None, Decimal(1), ("promptAudioTokens",))
    assert spent.parts[-1].amount is None


def test_missing_cached_price_is_taken_from_the_prompt_and_said() -> None:
    """Without a price for cached tokens they count as plain ones, and the cost says that it assumed
    so.
    """
    card = card_from({"name": "m", "pricing": {"promptTextTokens": 2}})
    spent = cost({"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}}, card)
    assert (spent.total, spent.assumed) == (Decimal(10), ("promptCachedTokens",))


def test_pictures_reported_as_output_tokens_cost_what_pictures_cost() -> None:
    """On an image model plain output tokens are priced as image tokens."""
    spent = cost({"output_tokens": 2, "input_tokens": 0}, snapshot().get("flux"))
    assert (spent.total, spent.assumed) == (Decimal("0.004"), ("completionTextTokens",))


def test_further_rates_are_mentioned() -> None:
    """A card with rates beyond the base price makes the cost say that they are not in it."""
    card = card_from(
        {"name": "m", "pricing": {"promptTextTokens": 1}, "pricing_variants": [{"label": "long"}]}
    )
    assert cost({"prompt_tokens": 1}, card).assumed == ("pricing_variants",)
    assert cost({"prompt_tokens": 0}, card).assumed == ()


def test_a_cost_that_the_gateway_states_is_the_cost() -> None:
    """Where it sends one, in its usage or as a header; else it is worked out."""
    card = snapshot().get("openai")
    usage = {"prompt_tokens": 1000, "completion_tokens": 0, "total_tokens": 1000}
    assert cost({**usage, "pollen_cost": "0.5"}, card).total == Decimal("0.5")
    assert cost({**usage, "pollen_cost": None}, card).total == cost(usage, card).total
    with PollinationsClient(api_key="sk_x") as client:
        info = ResponseInfo(headers={"x-pollen-cost": "0.25"})
        told = (info, Reply(info=info), Reply(info=info, usage=Usage(raw=usage)))
        assert [client.cost(one, "nobody").total for one in told] == [Decimal("0.25")] * 3
        assert client.cost(Reply(), "openai").total is None


@pytest.mark.parametrize(
    "usage",
    [
        {},
        {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        {"x-usage-prompt-text-tokens": "0"},
    ],
)
def test_nothing_used_costs_nothing(usage: dict[str, Any]) -> None:
    """Zero usage is ``Decimal(0)`` even where no price is known."""
    assert cost(usage, None).total == Decimal(0)


def test_no_usage_and_no_card_are_unknown() -> None:
    """Without usage, or without a card, there is no total."""
    assert (cost(None, PRICED).total, cost(None, PRICED).unknown) == (None, ("usage",))
    assert cost({"prompt_tokens": 2}, None).unknown == ("promptTextTokens",)
    assert cost({"total_tokens": 2}, PRICED).unknown == ("total_tokens",)


@pytest.mark.parametrize("count", ["many", True, -1, float("nan"), [1]])
def test_unreadable_counts_leave_the_total_open(count: Any) -> None:
    """A count that is no number is named, not taken for zero."""
    assert cost({"prompt_tokens": count}, PRICED).unknown == ("prompt_tokens",)
    assert cost({"x-usage-prompt-text-tokens": count}, PRICED).unknown == ("promptTextTokens",)


counts = st.integers(min_value=0, max_value=10**7)


@given(counts, counts, st.lists(counts, min_size=5, max_size=5), st.none() | counts)
def test_no_token_is_lost_or_counted_twice(
    prompt: int, completion: int, details: list[int], total: int | None
) -> None:
    """Without a total above both, the units of each side sum to that side, whatever the details
    claim.
    """
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": min(total, prompt + completion) if total is not None else None,
        "prompt_tokens_details": dict(
            zip(("cached_tokens", "audio_tokens", "image_tokens"), details, strict=False)
        ),
        "completion_tokens_details": dict(
            zip(("reasoning_tokens", "audio_tokens"), details[3:], strict=True)
        ),
    }
    units, _ = units_from(usage)
    assert all(count >= 0 for count in units.values())
    assert sum(count for unit, count in units.items() if unit.startswith("prompt")) == prompt
    assert (
        sum(count for unit, count in units.items() if unit.startswith("completion")) == completion
    )


def test_supported_parameters_say_what_a_model_takes() -> None:
    """Where a card lists them they hold over the flag and over the shipped table."""

    def card(*parameters: str, **fields: Any) -> ModelCard:
        return card_from({"name": "a/b", "supported_parameters": list(parameters), **fields})

    assert card().takes_json_schema is None
    assert card(supports_structured_output=True).takes_json_schema is True
    assert card("tools", supports_structured_output=True).takes_json_schema is False
    assert card("response_format").takes_json_schema is True
    assert card("response_format", supports_structured_output=False).takes_json_schema is False

    trait, name = "refuses_forced_tool_choice", "anthropic/claude-fable-5.1"
    for parameters, refuses in (((), True), (("tools", "tool_choice"), False), (("tools",), True)):
        listed = card_from({"name": name, "supported_parameters": list(parameters)})
        assert Catalog([listed]).has_trait(name, trait) is refuses
    assert Catalog([card("tools")]).has_trait("a/b", trait)
    assert not Catalog([card()]).has_trait("a/b", trait)


def test_a_live_list_replaces_the_names_of_its_kind(gateway: Emulator) -> None:
    """What the gateway does not list any more is not offered; other kinds stay."""
    with PollinationsClient("sk_test", base_url=gateway.url) as client:
        shipped = set(snapshot().names("text"))
        live = client.refresh()
        listed = {card.name for card in client.text_models()}
    assert set(live.names("text")) == listed
    assert shipped - listed
    assert live.names("video")


def test_an_unknown_model_is_not_offered_as_the_nearest_to_itself(gateway: Emulator) -> None:
    """A name that the shipped list knows and the gateway does not."""
    with (
        PollinationsClient("sk_test", base_url=gateway.url) as client,
        pytest.raises(UnknownModelError) as caught,
    ):
        client.chat("x", model="gemini-legacy")
    assert "Nearest known names: " in str(caught.value)
    assert "gemini-legacy" not in str(caught.value).partition("Nearest known names: ")[2]
    assert "PollinationsClient()" not in str(caught.value)
