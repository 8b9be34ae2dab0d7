"""What a restart finds unfinished is brought to its end, each question once."""

import asyncio
import sqlite3
from contextlib import closing

import pytest

from bot.playground import Message
from tests.openai_server import Script, failure
from tests.wire.conftest import World
from tests.wire.test_start import process


def set_back(world: World, question: Message, state: str, minutes: int = 0) -> None:
    """Make the ledger look as if the bot had died at `state`, `minutes` after the question."""
    world.change(
        "UPDATE turn SET state = ?, ended_at = NULL, created_at = datetime(created_at, ?) WHERE id = ?",
        state, f"-{minutes} minutes", question.id,
    )  # fmt: skip


async def killed_in_mid_answer(world: World) -> Message:
    """Ask, let the first half be visible, and kill the bot's process."""
    never = asyncio.Event()
    world.openai.answers(Script(chunks=["Once upon ", "a time"], gates={1: never}))
    environ = {"DATABASE_URL": f"sqlite:///{world.folder / 'parley.db'}", "PARLEY_CONFIG": "config.yaml"}
    world.config()
    async with process(world, **environ) as bot:
        await world.discord.ready(20)
        question = await world.ask("a story")
        await world.reply(question)
        await world.discord.until(lambda: world.row("SELECT count(*) FROM page") == (1,))
        bot.kill()
        await bot.wait()
    return question


async def test_a_kill_in_mid_answer_is_answered_anew_in_the_same_message(world: World) -> None:
    question = await killed_in_mid_answer(world)
    world.openai.answers("There was a bot that came back.")
    async with world.running():
        assert await world.ended(question, timeout=10) == "delivered"
        assert world.said() == ["There was a bot that came back."]
        world.openai.answers("Yes.")
        await world.answered("is that all?")
    roles = [role for role, _ in world.prompts[-1]]
    assert roles == ["system", "user", "assistant", "user"], "the question is in memory once"


async def test_what_was_asked_long_ago_is_closed_with_the_offer_of_another_try(world: World) -> None:
    question = await killed_in_mid_answer(world)
    set_back(world, question, "running", minutes=16)
    async with world.running():
        assert await world.ended(question, timeout=10) == "failed"
        (answer,) = [m for m in world.general.transcript() if m.author is world.discord.bot]
        assert answer.content == "I was restarted before I had answered this."

        world.openai.answers("There was a bot that came back.")
        await world.discord.until(lambda: list(answer.buttons()))
        await (await world.ann.press(answer, label="Retry")).acknowledgement()
        await world.shows("There was a bot that came back.")
        assert await world.ended(question) == "delivered"
        assert list(answer.buttons()) == []


async def test_an_answer_that_was_not_shown_to_its_end_is_shown_without_being_asked_again(
    world: World,
) -> None:
    world.openai.answers("All of the answer. " * 150)
    async with world.running():
        question = await world.ask("at length, please")
        await world.ended(question)
        whole = world.said()
    pages = [m for m in world.general.transcript() if m.author is world.discord.bot]
    assert len(pages) == 2
    # It died after the first page, and before the ledger knew of the second.
    set_back(world, question, "answered")
    world.change("DELETE FROM page WHERE number = 1")
    async with world.running():
        assert await world.ended(question, timeout=10) == "delivered"
        assert world.said() == whole
    assert len(world.prompts) == 1


async def test_a_question_that_was_only_accepted_is_answered(world: World) -> None:
    async with world.running():
        pass
    question = await world.ask("hello")
    # It died between the ledger and the model.
    world.change(
        "INSERT INTO turn (id, channel_id, guild_id, author_id, author_name, text, addressee, kind, state,"
        " created_at) VALUES (?, ?, ?, ?, 'Ann', 'hello', 'Parley', 'chat', 'accepted', datetime('now'))",
        question.id, world.general.id, world.guild.id, world.ann.id,
    )  # fmt: skip
    world.openai.answers("Hello.")
    async with world.running():
        assert await world.ended(question, timeout=10) == "delivered"
        assert (await world.reply(question)).content == "Hello."


async def test_a_place_that_is_gone_does_not_keep_the_others_from_being_finished(world: World) -> None:
    other = world.discord.add_channel(world.guild, "other")
    world.openai.default = lambda _: "Here."
    async with world.running():
        gone, there = await world.ask("one", channel=other), await world.ask("two")
        await world.ended(gone)
        await world.ended(there)
    for question in (gone, there):
        set_back(world, question, "running")
    world.discord.remove_channel(other)
    async with world.running():
        assert await world.ended(there, timeout=10) == "delivered"
        assert await world.ended(gone) == "failed"


async def test_a_picture_that_a_restart_broke_off_is_said_to_be(world: World) -> None:
    world.yaml = "images: {model: gpt-image-1.5}"
    world.openai.answers(Script(hang=True))
    async with world.running():
        asked = await world.ann.slash(world.general, "imagine", prompt="a fox")
        await world.openai.until(lambda: len(world.openai.requests) == 1)
    with closing(sqlite3.connect(world.folder / "parley.db")) as database, database:
        database.execute("UPDATE turn SET state = 'running', ended_at = NULL")
    async with world.running():
        await world.discord.until(lambda: "I was restarted" in (asked.original or asked.source).content, 10)


async def test_retry_is_for_the_asker_and_moderators_and_works_once(world: World) -> None:
    world.openai.answers(failure(500, type="server_error"))
    async with world.running():
        question = await world.ask("hello")
        answer = await world.reply(question)
        assert await world.ended(question) == "failed"
        await world.discord.until(lambda: list(answer.buttons()))

        told = await (await world.bob.press(answer, label="Retry")).response()
        assert told.ephemeral
        assert "Only the person who asked" in told.content

        gate = asyncio.Event()
        world.openai.answers(Script(chunks=["Better."], gates={0: gate}))
        presses = [
            await world.ann.press(answer, label="Retry"),
            await world.owner.press(answer, label="Retry"),
        ]
        late = await world.discord.until(lambda: [p for p in presses if p.followups])
        assert "cannot be tried again" in late[0].followups[0].content
        gate.set()
        assert await world.ended(question) == "delivered"
        await world.shows("Better.")
        assert list(answer.buttons()) == []
    assert len(world.prompts) == 2


@pytest.mark.parametrize("state", ["accepted", "running"])
async def test_a_message_that_is_replayed_after_the_restart_is_not_answered_twice(
    world: World, state: str
) -> None:
    world.openai.answers("Once.", "Once more.")
    async with world.running():
        question = await world.ask("hello")
        await world.ended(question)
    set_back(world, question, state)
    async with world.running():
        await world.discord.replay(question)
        assert await world.ended(question, timeout=10) == "delivered"
        await world.shows("Once more.")
