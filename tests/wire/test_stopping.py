"""A stop, whatever goes on at that moment: it is short, and what is open is answered after the next start."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import discord
import pytest

import bot
from bot import app, trial
from bot.playground import Message
from tests.openai_server import Script
from tests.wire.conftest import World

POST = "/channels/{channel_id}/messages"

# Docker kills after this many.
LONGEST_STOP_S = 10

_OURS = tuple(str(Path(str(package.__file__)).parent) for package in (bot, discord))


def left_alive() -> list[str]:
    """The tasks of the bot and of discord.py; those of the playground are not meant."""
    found = []
    for task in asyncio.all_tasks():
        code = task.get_coro().cr_code  # type: ignore[union-attr] -- all of them are coroutines
        if code.co_filename.startswith(_OURS) and "playground" not in code.co_filename:
            found.append(f"{task.get_name()}: {code.co_qualname}")
    return found


async def until(fact: Callable[[], bool]) -> None:
    """Wait for a fact that nobody tells of."""
    async with asyncio.timeout(10):
        while not fact():  # noqa: ASYNC110 -- for that reason
            await asyncio.sleep(0.005)


async def accepted(world: World, question: Message) -> None:
    """Wait until `question` is in the ledger."""
    await until(lambda: world.row("SELECT 1 FROM turn WHERE id = ?", question.id) is not None)


def echo(world: World) -> None:
    """Answer each question with its last word."""
    world.openai.default = lambda request: request.body["messages"][-1]["content"].split()[-1]


async def test_with_twenty_waiting_a_stop_is_short_and_all_are_answered_after_the_start(
    world: World,
) -> None:
    echo(world)
    world.openai.answers(Script(chunks=["never"], gates={0: asyncio.Event()}))
    async with world.running():
        questions = [await world.ask("number 0")]
        await world.openai.until(lambda: world.openai.streams_open == 1)
        questions += [await world.ask(f"number {number}") for number in range(1, 21)]
        await accepted(world, questions[-1])
        stopped = monotonic()
    assert monotonic() - stopped < LONGEST_STOP_S
    assert world.said() == []
    assert world.row("SELECT count(*) FROM turn WHERE ended_at IS NULL") == (21,)

    world.discord.rate_limits = 0.01
    async with world.running():
        assert [await world.ended(question, timeout=20) for question in questions] == ["delivered"] * 21
        assert world.said() == [str(number) for number in range(21)]
    assert [(await world.reply(question)).content for question in questions] == world.said()


async def test_a_question_that_comes_while_the_bot_stops_is_answered_after_the_next_start(
    world: World,
) -> None:
    gate = asyncio.Event()
    world.openai.answers(Script(chunks=["One, ", "two."], gates={1: gate}))
    world.openai.default = lambda _: "You too."
    async with world.running() as parley:
        running = await world.ask("count")
        await world.reply(running)
        parley.stop()
        late = await world.ask("and I?", channel=world.dm)
        await accepted(world, late)
        gate.set()
    assert world.said() == ["One, two."]
    async with world.running():
        assert await world.ended(late, timeout=10) == "delivered"
    assert world.said(world.dm) == ["You too."]
    assert world.said() == ["One, two."]


async def test_a_hint_that_is_on_its_way_at_the_stop_arrives_once(world: World) -> None:
    world.discord.latency_s = 0.3
    async with world.running():
        question = await world.ask("")
        await accepted(world, question)
    world.discord.latency_s = 0
    async with world.running():
        assert await world.ended(question, timeout=10) == "refused"
    assert len(world.said()) == 1
    assert "Write your question" in world.said()[0]


async def test_a_stop_does_not_wait_for_a_discord_that_hangs(world: World) -> None:
    world.openai.default = lambda _: "Here."
    async with world.running():
        world.discord.latency_s = 60
        question = await world.ask("hello")
        await until(lambda: any(each.route == POST for each in world.discord.requests))
        stopped = monotonic()
    assert monotonic() - stopped < LONGEST_STOP_S
    assert left_alive() == []
    world.discord.latency_s = 0
    async with world.running():
        assert await world.ended(question, timeout=10) == "delivered"
    assert world.said() == ["Here."]


@pytest.mark.parametrize("answer_ends", [True, False], ids=["answer ends", "answer goes on"])
async def test_a_database_that_fails_during_the_stop_loses_no_question(
    world: World, answer_ends: bool
) -> None:
    echo(world)
    gate = asyncio.Event()
    world.openai.answers(Script(chunks=["half ", "whole"], gates={1: gate}))
    async with world.running():
        questions = [await world.ask("first")]
        await world.reply(questions[0])
        questions += [await world.ask("second"), await world.ask("third", person=world.bob)]
        await accepted(world, questions[-1])
        world.change("CREATE TRIGGER broken BEFORE UPDATE ON turn BEGIN SELECT RAISE(ABORT, 'full'); END")
        if answer_ends:
            gate.set()
        stopped = monotonic()
    assert monotonic() - stopped < LONGEST_STOP_S
    assert left_alive() == []
    world.change("DROP TRIGGER broken")
    async with world.running():
        assert [await world.ended(question, timeout=15) for question in questions] == ["delivered"] * 3
    assert world.said() == ["first", "second", "third"]


@pytest.mark.parametrize("answer_ends", [True, False], ids=["answer ends", "answer goes on"])
async def test_a_token_that_is_refused_in_mid_answer_leaves_nothing_behind_and_loses_no_answer(
    world: World, answer_ends: bool
) -> None:
    gate = asyncio.Event()
    world.openai.answers(Script(chunks=["One, ", "two."], gates={1: gate}))
    world.openai.default = lambda _: "One, two."
    trial.point_at(world.discord)
    async with app.opened(world.config()) as parley:
        running = asyncio.create_task(parley.run())
        await world.discord.ready()
        question = await world.ask("count")
        await world.reply(question)
        world.discord.refuse_token = True
        await world.discord.drop_gateway(resumable=False)
        await until(parley.client.is_closed)
        if answer_ends:
            gate.set()
        with pytest.raises(app.StartRefused, match="token"):
            await asyncio.wait_for(running, LONGEST_STOP_S)
    assert left_alive() == []
    assert world.row("SELECT ended_at FROM turn") == (None,)

    world.discord.refuse_token = False
    async with world.running():
        assert await world.ended(question, timeout=10) == "delivered"
    assert world.said() == ["One, two."]


async def test_a_stop_right_after_the_start_leaves_nothing_behind(world: World) -> None:
    async with world.running():
        pass
    assert left_alive() == []
