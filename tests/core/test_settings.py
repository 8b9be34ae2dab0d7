"""A setting's value comes from the narrowest layer that has one, and is in its range."""

from collections.abc import AsyncGenerator, Mapping, Sequence

import pytest

from bot.core.errors import Problem, Told
from bot.core.model import ChatRequest, Event, Place
from bot.core.settings import SETTINGS, Layer, Settings, Sourced

CHANNEL = Place(channel_id=10, guild_id=1)
THREAD = Place(channel_id=11, guild_id=1, parent_id=10)
DM = Place(channel_id=20)

Values = dict[str, str | int | float]


class Shelf:
    """Settings in memory, as the store keeps them."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, int], Values] = {}

    async def get(self, scopes: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], Values]:
        return {scope: self.kept[scope] for scope in scopes if scope in self.kept}

    async def put(self, layer: str, scope_id: int, values: Mapping[str, str | int | float]) -> None:
        self.kept.setdefault((layer, scope_id), {}).update(values)

    async def remove(self, layer: str, scope_id: int, name: str | None) -> None:
        if name is None:
            self.kept.pop((layer, scope_id), None)
        else:
            self.kept.get((layer, scope_id), {}).pop(name, None)


class Models:
    """Language models that are only asked about, not asked."""

    async def resolve(self, model: str | None) -> str:
        if model == "nobody's":
            raise Told(Problem.KEY_MISSING)
        return f"openai/{model or 'default'}"

    def ignored(self, model: str) -> frozenset[str]:
        return frozenset({"temperature"}) if model == "openai/stubborn" else frozenset()

    def window_tokens(self, model: str) -> int:
        raise NotImplementedError

    def stream(self, request: ChatRequest) -> AsyncGenerator[Event]:
        raise NotImplementedError


@pytest.fixture
def settings() -> Settings:
    return Settings(store=Shelf(), model=Models(), file={"max_tokens": 500, "temperature": 1.5})


async def test_each_value_comes_from_the_narrowest_layer_and_says_which(settings: Settings) -> None:
    await settings.set(CHANNEL, Layer.SERVER, {"temperature": 0.2, "model": "a"})
    await settings.set(CHANNEL, Layer.CHANNEL, {"model": "b"})

    sources = await settings.sources(CHANNEL)

    assert sources["model"] == Sourced(value="b", layer=Layer.CHANNEL)
    assert sources["temperature"] == Sourced(value=0.2, layer=Layer.SERVER)
    assert sources["max_tokens"] == Sourced(value=500, layer=Layer.FILE)
    assert sources["system_prompt"].layer is Layer.DEFAULT


async def test_what_is_shown_names_the_model_and_what_it_does_not_honour(settings: Settings) -> None:
    assert (await settings.shown(CHANNEL))["model"].value == "openai/default"

    await settings.set(CHANNEL, Layer.CHANNEL, {"model": "stubborn"})
    shown = await settings.shown(CHANNEL)
    assert shown["model"] == Sourced(value="openai/stubborn", layer=Layer.CHANNEL)
    assert [name for name, sourced in shown.items() if sourced.ignored] == ["temperature"]

    await settings.set(CHANNEL, Layer.CHANNEL, {"model": "nobody's"})
    assert (await settings.shown(CHANNEL))["model"].value == "nobody's"


async def test_a_thread_follows_its_channel_and_may_differ_from_it(settings: Settings) -> None:
    await settings.set(CHANNEL, Layer.CHANNEL, {"model": "b", "temperature": 1})
    await settings.set(THREAD, Layer.CHANNEL, {"temperature": 2})

    assert (await settings.of(THREAD)).model == "b"
    assert (await settings.of(THREAD)).temperature == 2
    assert (await settings.of(CHANNEL)).temperature == 1


async def test_what_is_taken_back_holds_no_more(settings: Settings) -> None:
    await settings.set(CHANNEL, Layer.CHANNEL, {"model": "b", "temperature": 1})
    await settings.reset(CHANNEL, Layer.CHANNEL, "model")
    assert (await settings.sources(CHANNEL))["model"].layer is Layer.DEFAULT
    assert (await settings.of(CHANNEL)).temperature == 1

    await settings.reset(CHANNEL, Layer.CHANNEL, None)
    assert (await settings.of(CHANNEL)).temperature == 1.5


async def test_one_value_out_of_range_keeps_all_from_being_set(settings: Settings) -> None:
    with pytest.raises(Told) as refused:
        await settings.set(CHANNEL, Layer.CHANNEL, {"model": "b", "temperature": 2.5})

    assert refused.value.params == {"name": "temperature", "minimum": "0", "maximum": "2"}
    assert (await settings.of(CHANNEL)).model is None


async def test_a_dm_has_no_server_to_set_for(settings: Settings) -> None:
    with pytest.raises(Told) as refused:
        await settings.set(DM, Layer.SERVER, {"temperature": 1})
    assert refused.value.problem is Problem.SERVER_ONLY


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.1, 2.01, "1", True, None])
def test_what_is_no_temperature_is_refused(value: object) -> None:
    with pytest.raises(Told):
        SETTINGS["temperature"].check(value)


@pytest.mark.parametrize("value", [0, 1.5, 10**9, float("nan"), float("inf")])
def test_what_is_no_number_of_tokens_is_refused(value: object) -> None:
    with pytest.raises(Told):
        SETTINGS["max_tokens"].check(value)


@pytest.mark.parametrize("value", ["", "  ", "x" * 4001, 3])
def test_what_is_no_system_prompt_is_refused(value: object) -> None:
    with pytest.raises(Told):
        SETTINGS["system_prompt"].check(value)
