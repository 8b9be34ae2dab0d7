"""What people set, by scope."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.core.ports import SettingStore
from bot.store.database import Database
from bot.store.settings import SettingValues

CHANNEL, SERVER = ("channel", 2**62 + 1), ("server", 2**62 + 2)


@pytest.fixture
def values(database: Database) -> SettingValues:
    port: SettingStore = SettingValues(database)
    assert isinstance(port, SettingValues)
    return port


async def test_nothing_is_set_at_first(values: SettingValues):
    assert await values.get([CHANNEL, SERVER]) == {}
    assert await values.get([]) == {}


async def test_each_scope_has_its_own_values(values: SettingValues):
    await values.put(*CHANNEL, {"model": "gpt-5.4", "max_tokens": 100})
    await values.put(*SERVER, {"temperature": 0.5})
    await values.put("channel", 9, {"model": "other"})

    assert await values.get([CHANNEL, SERVER, ("channel", 8)]) == {
        CHANNEL: {"model": "gpt-5.4", "max_tokens": 100},
        SERVER: {"temperature": 0.5},
    }


async def test_the_same_id_in_another_layer_is_another_scope(values: SettingValues):
    await values.put("channel", 1, {"model": "a"})
    await values.put("server", 1, {"model": "b"})
    assert await values.get([("channel", 1)]) == {("channel", 1): {"model": "a"}}


async def test_a_new_value_goes_over_the_old_one_and_leaves_the_others(values: SettingValues):
    await values.put(*CHANNEL, {"model": "a", "max_tokens": 1})
    await values.put(*CHANNEL, {"model": "b"})
    await values.put(*CHANNEL, {})
    assert await values.get([CHANNEL]) == {CHANNEL: {"model": "b", "max_tokens": 1}}


async def test_one_value_or_all_can_be_removed(values: SettingValues):
    await values.put(*CHANNEL, {"model": "a", "max_tokens": 1, "temperature": 1.0})
    await values.put(*SERVER, {"model": "s"})
    await values.remove(*CHANNEL, "model")
    assert set((await values.get([CHANNEL]))[CHANNEL]) == {"max_tokens", "temperature"}
    await values.remove(*CHANNEL, None)
    await values.remove(*CHANNEL, None)
    assert await values.get([CHANNEL, SERVER]) == {SERVER: {"model": "s"}}


@given(value=st.text(max_size=40) | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_value_comes_back_as_it_was_and_of_its_type(values: SettingValues, value: str | int | float):
    await values.put(*CHANNEL, {"it": value})
    found = (await values.get([CHANNEL]))[CHANNEL]["it"]
    assert (found, type(found)) == (value, type(value))


async def test_people_who_set_the_same_at_once_do_not_block_each_other(values: SettingValues):
    names = ["a", "b", "c", "d"]
    orders = [names, names[::-1]] * 10
    await asyncio.gather(*(values.put(*CHANNEL, dict.fromkeys(order, i)) for i, order in enumerate(orders)))
    assert len(set((await values.get([CHANNEL]))[CHANNEL].values())) == 1
