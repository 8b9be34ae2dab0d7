"""What conversations remember: newest first within a budget; laid aside, brought back, forgotten."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, func, insert, select

from bot.core.model import TurnState
from bot.core.ports import MemoryStore
from bot.store import schema
from bot.store.database import Database
from bot.store.memory import Memory
from bot.store.turns import Turns
from tests.store.examples import (
    CHANNEL,
    LONG_AGO,
    NOW,
    SOON,
    WHOLE,
    asked,
    generated,
    question,
    reply,
    texts,
)


@pytest.fixture
def turns(database: Database) -> Turns:
    return Turns(database)


@pytest.fixture
def memory(database: Database) -> Memory:
    port: MemoryStore = Memory(database)
    assert isinstance(port, Memory)
    return port


async def say(turns: Turns, turn_id: int, *, channel_id: int = CHANNEL) -> None:
    """One turn from beginning to end: the lines q1 and a1."""
    turn = asked(turn_id, f"q{turn_id}", channel_id=channel_id)
    await turns.accept(turn)
    await turns.begin(turn, question(f"q{turn_id}"))
    await turns.answered(turn, generated(), line=reply(f"a{turn_id}"), outcome=WHOLE)
    await turns.end(turn, WHOLE)


def files_with(content: bytes, directory: Path) -> list[str]:
    return sorted(file.name for file in directory.iterdir() if content in file.read_bytes())


async def fill(database: Database, channel_id: int, counts: list[int]) -> None:
    """A channel of lines with these token counts, oldest first, all of one turn."""
    await Turns(database).accept(asked(channel_id, channel_id=channel_id))
    rows = [
        {
            "channel_id": channel_id,
            "turn_id": channel_id,
            "role": "user",
            "text": str(number),
            "tokens": tokens,
            "created_at": NOW,
        }
        for number, tokens in enumerate(counts)
    ]
    if rows:
        await database.change(insert(schema.line), rows)


async def test_the_newest_lines_come_oldest_first(turns: Turns, memory: Memory):
    await say(turns, 1)
    await say(turns, 2)
    assert texts(await memory.recent(CHANNEL, tokens=1000)) == ["q1", "a1", "q2", "a2"]


async def test_a_line_keeps_who_said_it(turns: Turns, memory: Memory):
    await say(turns, 1)
    assert await memory.recent(CHANNEL, tokens=1000) == [question("q1"), reply("a1")]


async def test_channels_do_not_know_each_other(turns: Turns, memory: Memory):
    await say(turns, 1, channel_id=10)
    await say(turns, 2, channel_id=11)
    assert texts(await memory.recent(10, tokens=1000)) == ["q1", "a1"]
    assert await memory.recent(12, tokens=1000) == []


@pytest.mark.parametrize(("budget", "expected"), [(10, ["3"]), (19, ["3"]), (25, ["2", "3"])])
async def test_the_window_ends_at_the_budget(
    database: Database, memory: Memory, budget: int, expected: list[str]
):
    await fill(database, 1, [10, 10, 10, 10])
    assert texts(await memory.recent(1, tokens=budget)) == expected


@pytest.mark.parametrize("budget", [-1, 0, 9])
async def test_the_newest_line_comes_even_where_the_budget_is_too_small_for_it(
    database: Database, memory: Memory, budget: int
):
    await fill(database, 1, [1, 10])
    assert texts(await memory.recent(1, tokens=budget)) == ["1"]
    assert await memory.recent(2, tokens=budget) == []


async def test_the_lines_of_a_turn_that_is_answered_anew_can_be_left_out(turns: Turns, memory: Memory):
    for turn_id in (1, 2, 3):
        await say(turns, turn_id)
    assert texts(await memory.recent(CHANNEL, tokens=1000, besides=2)) == ["q1", "a1", "q3", "a3"]
    assert texts(await memory.recent(CHANNEL, tokens=5, besides=3)) == ["a2"]
    assert len(await memory.recent(CHANNEL, tokens=1000, besides=4)) == 6


async def test_lines_that_are_left_out_take_nothing_of_the_budget(database: Database, memory: Memory):
    await fill(database, 1, [10] * 3)
    await Turns(database).accept(asked(2, channel_id=1))
    await Turns(database).begin(asked(2, channel_id=1), question("long", tokens=1_000))
    assert texts(await memory.recent(1, tokens=20, besides=2)) == ["1", "2"]


async def test_a_line_that_does_not_fit_ends_the_window_although_older_ones_would(
    database: Database, memory: Memory
):
    await fill(database, 1, [1, 1, 50, 1, 1])
    assert texts(await memory.recent(1, tokens=20)) == ["3", "4"]


@given(counts=st.lists(st.integers(1, 40), max_size=400), budget=st.integers(0, 12_000))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_the_window_is_the_longest_run_of_newest_lines_that_fits(
    database: Database, memory: Memory, counts: list[int], budget: int
):
    channel_id = (await database.rows(select(func.count()).select_from(schema.turn)))[0][0] + 1
    await fill(database, channel_id, counts)
    window = await memory.recent(channel_id, tokens=budget)
    assert texts(window) == [str(number) for number in range(len(counts) - len(window), len(counts))]
    assert len(window) >= min(1, len(counts))
    assert sum(line.tokens for line in window) <= budget or len(window) == 1
    if len(window) < len(counts):
        assert sum(counts[-len(window) - 1 :]) > budget


async def test_a_window_costs_what_it_gives_and_not_what_the_channel_holds(
    database: Database, memory: Memory
):
    await fill(database, 1, [10] * 5_000)
    read: list[int] = []

    def count(*arguments: object) -> None:
        parameters = arguments[3]
        assert isinstance(parameters, tuple)
        read.append(max(parameters[-2:]))  # SQLite has an offset behind the limit

    engine = database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", count)
    assert len(await memory.recent(1, tokens=200)) == 20
    assert len(await memory.recent(1, tokens=2000)) == 200
    event.remove(engine, "before_cursor_execute", count)
    assert read == [64, 64, 256], "the most lines that each statement may read"


async def test_a_reset_lays_everything_aside_and_undo_brings_it_back_in_order(turns: Turns, memory: Memory):
    await say(turns, 1)
    await say(turns, 2)
    done = await memory.reset(CHANNEL, by=1, at=NOW)
    assert done.lines == 4
    assert await memory.recent(CHANNEL, tokens=1000) == []

    await say(turns, 3)
    assert await memory.undo(done.id, since=NOW - timedelta(minutes=10)) is True
    assert texts(await memory.recent(CHANNEL, tokens=1000)) == ["q1", "a1", "q2", "a2", "q3", "a3"]


async def test_undo_says_when_it_was_done_before_is_too_late_or_unknown(turns: Turns, memory: Memory):
    await say(turns, 1)
    done = await memory.reset(CHANNEL, by=1, at=NOW)
    assert await memory.undo(done.id, since=NOW + timedelta(seconds=1)) is False
    assert await memory.undo(done.id + 1, since=LONG_AGO) is False
    assert await memory.undo(done.id, since=NOW) is True
    assert await memory.undo(done.id, since=NOW) is None
    assert len(await memory.recent(CHANNEL, tokens=1000)) == 2


async def test_each_reset_is_undone_by_itself(turns: Turns, memory: Memory):
    await say(turns, 1)
    first = await memory.reset(CHANNEL, by=1, at=NOW)
    await say(turns, 2)
    second = await memory.reset(CHANNEL, by=1, at=NOW)
    assert (first.lines, second.lines) == (2, 2)

    assert await memory.undo(first.id, since=LONG_AGO)
    assert texts(await memory.recent(CHANNEL, tokens=1000)) == ["q1", "a1"]
    assert await memory.undo(second.id, since=LONG_AGO)
    assert texts(await memory.recent(CHANNEL, tokens=1000)) == ["q1", "a1", "q2", "a2"]


async def test_a_reset_leaves_other_channels_alone(turns: Turns, memory: Memory):
    await say(turns, 1, channel_id=10)
    await say(turns, 2, channel_id=11)
    await memory.reset(10, by=1, at=NOW)
    assert len(await memory.recent(11, tokens=1000)) == 2


async def test_an_answer_that_was_running_at_the_reset_joins_what_was_laid_aside(
    turns: Turns, memory: Memory
):
    await turns.accept(asked(1))
    await turns.begin(asked(1), question("q"))
    done = await memory.reset(CHANNEL, by=1, at=NOW)
    await turns.answered(asked(1), generated(), line=reply("a"), outcome=WHOLE)

    assert await memory.recent(CHANNEL, tokens=1000) == []
    assert await memory.undo(done.id, since=LONG_AGO)
    assert texts(await memory.recent(CHANNEL, tokens=1000)) == ["q", "a"]


async def test_an_answer_after_reset_and_undo_is_remembered(turns: Turns, memory: Memory):
    await turns.accept(asked(1))
    await turns.begin(asked(1), question("q"))
    done = await memory.reset(CHANNEL, by=1, at=NOW)
    await memory.undo(done.id, since=LONG_AGO)
    await turns.answered(asked(1), generated(), line=reply("a"), outcome=WHOLE)
    assert texts(await memory.recent(CHANNEL, tokens=1000)) == ["q", "a"]


async def test_an_answer_whose_question_was_purged_is_not_remembered(turns: Turns, memory: Memory):
    await turns.accept(asked(1))
    await turns.begin(asked(1), question("q"))
    await memory.reset(CHANNEL, by=1, at=NOW)
    await memory.purge(before=SOON)
    await turns.answered(asked(1), generated(), line=reply("a"), outcome=WHOLE)

    assert await memory.recent(CHANNEL, tokens=1000) == []
    assert await turns.state(1) == TurnState.ANSWERED, "it is accounted for all the same"


async def test_question_and_answer_stay_together_however_reset_undo_and_answer_race(
    turns: Turns, memory: Memory, database: Database
):
    line = schema.line
    for turn_id in range(1, 31):
        turn = asked(turn_id, channel_id=turn_id)
        await turns.accept(turn)
        await turns.begin(turn, question())
        done = await memory.reset(turn_id, by=1, at=NOW)
        await asyncio.gather(
            turns.answered(turn, generated(), line=reply(), outcome=WHOLE),
            memory.undo(done.id, since=LONG_AGO),
            memory.reset(turn_id, by=1, at=NOW),
            memory.purge(before=LONG_AGO if turn_id % 2 else SOON),
        )
        rows = await database.rows(select(line.c.reset_id).where(line.c.channel_id == turn_id))
        assert len({row.reset_id for row in rows}) <= 1, "one is laid aside and the other is not"
        assert len(rows) in (0, 2)


async def test_purge_forgets_what_was_laid_aside_before_that_time(
    turns: Turns, memory: Memory, database: Database
):
    await say(turns, 1)
    old = await memory.reset(CHANNEL, by=1, at=NOW - timedelta(minutes=20))
    await say(turns, 2)
    new = await memory.reset(CHANNEL, by=1, at=NOW)
    await say(turns, 3)

    assert await memory.purge(before=NOW - timedelta(minutes=10)) == 2
    assert await memory.purge(before=NOW - timedelta(minutes=10)) == 0
    assert await memory.undo(old.id, since=LONG_AGO) is False
    assert await memory.undo(new.id, since=LONG_AGO) is True
    assert texts(await memory.recent(CHANNEL, tokens=1000)) == ["q2", "a2", "q3", "a3"]

    turn = schema.turn
    rows = await database.rows(select(turn.c.text, turn.c.completion_tokens).order_by(turn.c.id))
    assert [tuple(row) for row in rows] == [("", 4), ("q2", 4), ("q3", 4)], "the figures stay"


async def test_purge_forgets_questions_that_never_became_memory_such_as_those_for_pictures(
    turns: Turns, memory: Memory, database: Database
):
    await turns.accept(asked(1, "a picture of my house"))
    later = datetime.now(UTC) + timedelta(minutes=1)
    await memory.reset(CHANNEL, by=1, at=later)
    await turns.accept(asked(2, "elsewhere", channel_id=CHANNEL + 1))
    await memory.purge(before=later + timedelta(minutes=10))

    rows = await database.rows(select(schema.turn.c.text).order_by(schema.turn.c.id))
    assert [row.text for row in rows] == ["", "elsewhere"]


async def test_purge_keeps_what_was_brought_back(turns: Turns, memory: Memory, database: Database):
    await say(turns, 1)
    done = await memory.reset(CHANNEL, by=1, at=NOW)
    await memory.undo(done.id, since=LONG_AGO)
    assert await memory.purge(before=SOON) == 0
    assert texts(await memory.recent(CHANNEL, tokens=1000)) == ["q1", "a1"]
    assert (await database.rows(select(schema.turn.c.text)))[0].text == "q1"
    assert await database.rows(select(schema.reset)) == []


async def test_the_id_of_a_reset_is_never_given_again(turns: Turns, memory: Memory):
    first = await memory.reset(CHANNEL, by=1, at=NOW)
    await memory.purge(before=SOON)
    second = await memory.reset(CHANNEL, by=1, at=NOW)
    assert second.id > first.id, "a button of last week must not undo today's reset"


async def test_a_moment_without_a_zone_is_refused(memory: Memory):
    with pytest.raises(Exception, match="time zone"):
        await memory.reset(CHANNEL, by=1, at=NOW.replace(tzinfo=None))


async def test_forgotten_text_is_in_no_file(sqlite_path: Path):
    secret = "the-password-is-swordfish " * 400
    async with Database.open(str(sqlite_path)) as database:
        turns, memory = Turns(database), Memory(database)
        await turns.accept(asked(1, secret))
        await turns.begin(asked(1), question(secret))
        await turns.answered(asked(1), generated(), line=reply(secret), outcome=WHOLE)
        await database.checkpoint()
        assert files_with(b"swordfish", sqlite_path.parent) == ["parley.db"], "or this test proves nothing"

        await memory.reset(CHANNEL, by=1, at=NOW)
        assert await memory.purge(before=SOON) == 2
        assert files_with(b"", sqlite_path.parent) == ["parley.db", "parley.db-shm", "parley.db-wal"]
        assert files_with(b"swordfish", sqlite_path.parent) == []
