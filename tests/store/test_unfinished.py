"""Turns that are finished after a restart, answered anew, or taken back."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from bot.core.errors import Problem, Told
from bot.core.model import Answer, Outcome, TurnState
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

BROKEN = Outcome(state=TurnState.FAILED, told=Told(Problem.BROKE_OFF))
FILTERED = Outcome(state=TurnState.REFUSED, told=Told(Problem.FILTERED))


@pytest.fixture
def turns(database: Database) -> Turns:
    return Turns(database)


@pytest.fixture
def memory(database: Database) -> Memory:
    return Memory(database)


async def begin(turns: Turns, turn_id: int, *, channel_id: int = CHANNEL) -> None:
    turn = asked(turn_id, f"q{turn_id}", channel_id=channel_id)
    await turns.accept(turn)
    await turns.begin(turn, question(f"q{turn_id}"))


async def fail(turns: Turns, turn_id: int, *, channel_id: int = CHANNEL) -> None:
    """A turn whose answer broke off: the lines q1 and a1, and a page."""
    await begin(turns, turn_id, channel_id=channel_id)
    turn = asked(turn_id, channel_id=channel_id)
    await turns.posted(turn, 0, 1000 + turn_id)
    await turns.answered(turn, generated(), line=reply(f"a{turn_id}"), outcome=BROKEN)
    await turns.end(turn, BROKEN)


def told(outcome: Outcome | None) -> tuple[Problem, dict[str, Any]] | None:
    return None if outcome is None or outcome.told is None else (outcome.told.problem, outcome.told.params)


async def test_open_turns_are_found_in_the_order_in_which_they_were_asked(turns: Turns):
    for turn_id in (2**62, 3, 1, 2):
        await turns.accept(asked(turn_id))
    await turns.begin(asked(3), question())
    await turns.answered(asked(2), Answer(), line=None, outcome=WHOLE)
    assert [(found.turn.id, found.state) for found in await turns.unfinished()] == [
        (1, "accepted"),
        (2, "answered"),
        (3, "running"),
        (2**62, "accepted"),
    ]


@pytest.mark.parametrize("end", ["delivered", "stopped", "refused", "failed"])
async def test_a_turn_with_an_end_is_not_found(turns: Turns, end: str):
    await begin(turns, 1)
    await turns.end(asked(1), Outcome(state=TurnState(end)))
    assert await turns.unfinished() == []


async def test_an_open_turn_is_found_as_it_was_asked_and_as_far_as_it_came(url: str):
    asked_first = asked(1, "q1")
    async with Database.open(url) as database:
        turns = Turns(database)
        await turns.accept(asked_first)
        await turns.begin(asked_first, question("q1"))
        await turns.posted(asked_first, 1, 12)
        await turns.posted(asked_first, 0, 11)
        await begin(turns, 2)
        await turns.posted(asked(2), 0, 13)
    async with Database.open(url) as database:
        first, second = await Turns(database).unfinished()
    assert first.turn == asked_first
    assert (first.state, first.outcome, first.text, first.pages) == ("running", None, "", [11, 12])
    assert timedelta() <= first.asked_at - NOW < timedelta(hours=1)
    assert (second.turn.text, second.pages) == ("q2", [13])


@pytest.mark.parametrize(
    "outcome",
    [
        WHOLE,
        BROKEN,
        Outcome(state=TurnState.DELIVERED, told=Told(Problem.CUT_AT_MAX_TOKENS, max_tokens=100)),
        Outcome(state=TurnState.FAILED, told=Told(Problem.RATE_LIMITED, retry_after_s=2.0)),
        Outcome(state=TurnState.FAILED, told=Told(Problem.MODEL_UNKNOWN, model="o9 \x00 \ud83d 漢")),
    ],
)
async def test_what_was_decided_is_kept_until_it_is_shown(turns: Turns, outcome: Outcome):
    await begin(turns, 1)
    await turns.answered(asked(1), generated("a1"), line=reply("a1"), outcome=outcome)
    [found] = await turns.unfinished()
    assert found.outcome is not None
    assert (found.state, found.outcome.state, found.text) == ("answered", outcome.state, "a1")
    assert told(found.outcome) == told(outcome)
    assert repr(told(found.outcome)) == repr(told(outcome)), "2.0 is not 2"


async def test_an_answer_without_text_keeps_its_outcome_too(turns: Turns):
    await begin(turns, 1)
    empty = Outcome(state=TurnState.FAILED, told=Told(Problem.EMPTY_ANSWER))
    await turns.answered(asked(1), Answer(), line=None, outcome=empty)
    [found] = await turns.unfinished()
    assert (told(found.outcome), found.text) == ((Problem.EMPTY_ANSWER, {}), "")


async def test_the_answer_is_found_although_it_was_laid_aside(turns: Turns, memory: Memory):
    await begin(turns, 1)
    await memory.reset(CHANNEL, by=1, at=NOW)
    await turns.answered(asked(1), generated("a1"), line=reply("a1"), outcome=BROKEN)
    assert [found.text for found in await turns.unfinished()] == ["a1"]


async def test_what_an_older_version_answered_is_shown_or_offered_again_but_not_answered_twice(
    turns: Turns, database: Database
):
    await begin(turns, 1)
    await turns.answered(asked(1), generated("a1"), line=reply("a1"), outcome=WHOLE)
    await begin(turns, 2)
    await turns.answered(asked(2), Answer(), line=None, outcome=WHOLE)
    await database.change(update(schema.turn).values(outcome=None, told=None))

    said, silent = await turns.unfinished()
    assert (said.outcome, said.text) == (WHOLE, "a1")
    assert silent.outcome is not None
    assert silent.outcome.state == TurnState.FAILED
    assert (told(silent.outcome), silent.text) == ((Problem.INTERRUPTED, {}), "")


async def test_a_turn_that_was_broken_off_is_begun_again_with_its_question_once(turns: Turns, memory: Memory):
    await begin(turns, 1)
    await begin(turns, 1)
    assert await memory.recent(CHANNEL, tokens=100, besides=1) == []
    assert texts(await memory.recent(CHANNEL, tokens=100)) == ["q1"]


async def test_a_question_that_was_laid_aside_is_not_added_again(turns: Turns, memory: Memory):
    await begin(turns, 1)
    done = await memory.reset(CHANNEL, by=1, at=NOW)
    await begin(turns, 1)
    assert await memory.recent(CHANNEL, tokens=100) == []
    assert await memory.undo(done.id, since=LONG_AGO)
    assert texts(await memory.recent(CHANNEL, tokens=100)) == ["q1"]


async def test_a_failed_turn_is_answered_anew_and_its_broken_answer_forgotten(
    turns: Turns, memory: Memory, database: Database
):
    await fail(turns, 1)
    reopened = await turns.reopen(1)
    assert reopened is not None
    assert reopened.turn == asked(1, "q1")
    assert (reopened.state, reopened.outcome, reopened.text) == ("accepted", None, "")
    assert reopened.pages == [1001], "the answer comes in the same message"
    assert texts(await memory.recent(CHANNEL, tokens=100)) == ["q1"]
    [row] = await database.rows(select(schema.turn))
    assert (row.problem, row.outcome, row.told, row.ended_at) == (None, None, None, None)
    assert await turns.unfinished() == [reopened]

    await turns.begin(asked(1), question("q1"))
    await turns.posted(asked(1), 1, 2001)
    await turns.answered(asked(1), generated("better"), line=reply("better"), outcome=WHOLE)
    assert [(found.text, found.pages) for found in await turns.unfinished()] == [("better", [1001, 2001])]
    await turns.end(asked(1), WHOLE)
    assert texts(await memory.recent(CHANNEL, tokens=100)) == ["q1", "better"]
    assert await turns.state(1) == TurnState.DELIVERED


async def test_a_turn_that_fails_each_time_can_be_reopened_each_time(turns: Turns, memory: Memory):
    await fail(turns, 1)
    for number in range(3):
        assert await turns.reopen(1) is not None
        await turns.begin(asked(1), question("q1"))
        line = reply(f"try {number}")
        await turns.answered(asked(1), generated(), line=line, outcome=BROKEN)
        await turns.end(asked(1), BROKEN)
    assert texts(await memory.recent(CHANNEL, tokens=100)) == ["q1", "try 2"]


@pytest.mark.parametrize("state", ["accepted", "running", "answered", "delivered", "stopped", "refused"])
async def test_only_a_failed_turn_is_reopened(turns: Turns, memory: Memory, database: Database, state: str):
    await fail(turns, 1)
    await database.change(update(schema.turn).values(state=state))
    assert await turns.reopen(1) is None
    assert await turns.reopen(2) is None
    assert await turns.state(1) == state
    assert texts(await memory.recent(CHANNEL, tokens=100)) == ["q1", "a1"]


async def test_of_many_who_press_at_once_one_reopens(turns: Turns):
    for turn_id in range(1, 11):
        await fail(turns, turn_id)
        reopened = await asyncio.gather(*(turns.reopen(turn_id) for _ in range(6)))
        assert sum(found is not None for found in reopened) == 1


async def test_other_turns_keep_their_lines_when_one_is_reopened_or_refused(turns: Turns, memory: Memory):
    for turn_id in (1, 2, 3):
        await fail(turns, turn_id)
    assert await turns.reopen(2) is not None
    await turns.end(asked(2), FILTERED)
    assert texts(await memory.recent(CHANNEL, tokens=100)) == ["q1", "a1", "q3", "a3"]


async def test_what_was_forgotten_is_not_answered_anew(turns: Turns, memory: Memory):
    await fail(turns, 1)
    await memory.reset(CHANNEL, by=1, at=SOON)
    await memory.purge(before=SOON + timedelta(minutes=1))
    assert await turns.reopen(1) is None
    assert await turns.state(1) == TurnState.FAILED


async def test_an_answer_anew_after_a_reset_stays_with_its_question(turns: Turns, memory: Memory):
    await fail(turns, 1)
    done = await memory.reset(CHANNEL, by=1, at=NOW)
    assert await turns.reopen(1) is not None
    await turns.begin(asked(1), question("q1"))
    await turns.answered(asked(1), generated(), line=reply("better"), outcome=WHOLE)
    assert await memory.recent(CHANNEL, tokens=100) == []
    assert await memory.undo(done.id, since=LONG_AGO)
    assert texts(await memory.recent(CHANNEL, tokens=100)) == ["q1", "better"]


async def test_who_presses_while_it_is_being_forgotten_gets_the_question_or_nothing(
    turns: Turns, memory: Memory
):
    for turn_id in range(1, 41):
        await fail(turns, turn_id, channel_id=turn_id)
        await memory.reset(turn_id, by=1, at=NOW)
        found, _ = await asyncio.gather(turns.reopen(turn_id), memory.purge(before=SOON))
        assert found is None or found.turn.text == f"q{turn_id}"
        assert await memory.recent(turn_id, tokens=100) == []


async def test_a_press_that_is_cancelled_leaves_all_or_nothing(turns: Turns, memory: Memory):
    for turn_id in range(1, 41):
        await fail(turns, turn_id, channel_id=turn_id)
        reopen = asyncio.create_task(turns.reopen(turn_id))
        # Each one is cut a step later than the one before it.
        for _ in range(turn_id):
            await asyncio.sleep(0)
        reopen.cancel()
        await asyncio.gather(reopen, return_exceptions=True)

        reopened = await turns.state(turn_id) == TurnState.ACCEPTED
        assert len(await memory.recent(turn_id, tokens=100)) == (1 if reopened else 2)


async def test_a_question_that_was_refused_leaves_the_memory(turns: Turns, memory: Memory):
    await begin(turns, 1)
    await turns.answered(asked(1), Answer(), line=None, outcome=FILTERED)
    assert texts(await memory.recent(CHANNEL, tokens=100)) == ["q1"], "until people are told"
    await turns.end(asked(1), FILTERED)
    assert await memory.recent(CHANNEL, tokens=100) == []
    assert await turns.reopen(1) is None


async def test_a_refused_question_leaves_what_was_laid_aside_too(turns: Turns, memory: Memory):
    await begin(turns, 1)
    done = await memory.reset(CHANNEL, by=1, at=NOW)
    await turns.end(asked(1), FILTERED)
    assert await memory.undo(done.id, since=LONG_AGO)
    assert await memory.recent(CHANNEL, tokens=100) == []


async def test_a_question_that_was_refused_in_the_middle_of_its_answer_stays(turns: Turns, memory: Memory):
    await begin(turns, 1)
    cut = Outcome(state=TurnState.REFUSED, told=Told(Problem.CUT_BY_FILTER))
    await turns.answered(asked(1), generated(), line=reply("a1"), outcome=cut)
    await turns.end(asked(1), cut)
    assert texts(await memory.recent(CHANNEL, tokens=100)) == ["q1", "a1"]


@pytest.mark.parametrize("end", ["delivered", "stopped", "failed"])
async def test_a_question_that_was_not_refused_stays_although_nothing_was_said(
    turns: Turns, memory: Memory, end: str
):
    await begin(turns, 1)
    await turns.answered(asked(1), Answer(), line=None, outcome=Outcome(state=TurnState(end)))
    await turns.end(asked(1), Outcome(state=TurnState(end)))
    assert texts(await memory.recent(CHANNEL, tokens=100)) == ["q1"]


async def test_a_refusal_that_comes_after_another_end_takes_nothing_back(turns: Turns, memory: Memory):
    await begin(turns, 1)
    await turns.end(asked(1), Outcome(state=TurnState.STOPPED))
    await turns.end(asked(1), FILTERED)
    assert texts(await memory.recent(CHANNEL, tokens=100)) == ["q1"]
