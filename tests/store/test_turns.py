"""The ledger of turns: each is written once and only moves forward."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, func, select

from bot.core.errors import Problem, Told
from bot.core.model import Answer, Outcome, TurnState
from bot.core.ports import TurnStore
from bot.store import schema
from bot.store.database import Database
from bot.store.memory import Memory
from bot.store.turns import Turns
from tests.store.examples import ANN, CHANNEL, WHOLE, asked, generated, question, reply, texts

ENDS = [TurnState.DELIVERED, TurnState.STOPPED, TurnState.REFUSED, TurnState.FAILED]


@pytest.fixture
def turns(database: Database) -> Turns:
    port: TurnStore = Turns(database)
    assert isinstance(port, Turns)
    return port


@pytest.fixture
def memory(database: Database) -> Memory:
    return Memory(database)


async def row_of(database: Database, turn_id: int) -> Any:
    return (await database.rows(select(schema.turn).where(schema.turn.c.id == turn_id)))[0]


async def pages_of(database: Database, turn_id: int) -> list[int]:
    page = schema.page
    rows = await database.rows(
        select(page.c.message_id).where(page.c.turn_id == turn_id).order_by(page.c.number)
    )
    return [row.message_id for row in rows]


async def test_a_replayed_event_is_the_same_turn(turns: Turns, database: Database):
    assert await turns.accept(asked(1, "first"))
    assert not await turns.accept(asked(1, "again"))
    assert (await row_of(database, 1)).text == "first"


async def test_of_many_who_accept_a_turn_at_once_one_does(turns: Turns):
    assert sorted(await asyncio.gather(*(turns.accept(asked(1)) for _ in range(8)))) == [False] * 7 + [True]


async def test_a_turn_goes_from_accepted_to_delivered(turns: Turns, memory: Memory):
    turn, seen = asked(2**63 - 1), list[TurnState | None]()
    seen.append(await turns.state(turn.id))
    await turns.accept(turn)
    seen.append(await turns.state(turn.id))
    await turns.begin(turn, question())
    seen.append(await turns.state(turn.id))
    await turns.answered(turn, generated(), line=reply(), outcome=WHOLE)
    seen.append(await turns.state(turn.id))
    await turns.end(turn, WHOLE)
    seen.append(await turns.state(turn.id))

    assert seen == [None, "accepted", "running", "answered", "delivered"]
    assert await memory.recent(CHANNEL, tokens=100) == [question(), reply()]


async def test_the_ledger_keeps_what_a_turn_took_and_where_its_answer_is(turns: Turns, database: Database):
    turn = asked(1)
    await turns.accept(turn)
    await turns.begin(turn, question())
    cut = Outcome(state=TurnState.DELIVERED, told=Told(Problem.CUT_AT_MAX_TOKENS, max_tokens=4))
    await turns.posted(turn, 1, 20)
    await turns.posted(turn, 0, 30)
    await turns.answered(turn, generated(), line=reply(), outcome=cut)
    await turns.end(turn, cut)

    row = await row_of(database, 1)
    assert (row.author_id, row.author_name, row.kind, row.addressee) == (ANN.id, "Ann", "chat", "Parley")
    assert (row.channel_id, row.guild_id, row.parent_id) == (CHANNEL, 5, 6)
    assert (row.model, row.finish, row.problem) == ("openai/gpt-5.4-mini", "stop", "cut_at_max_tokens")
    assert (row.prompt_tokens, row.cached_tokens, row.completion_tokens) == (12, 0, 4)
    assert row.reasoning_tokens is None, "unknown is not 0"
    assert row.created_at.utcoffset().total_seconds() == 0
    assert row.created_at <= row.ended_at
    assert await pages_of(database, 1) == [30, 20]


@pytest.mark.parametrize("first", ENDS)
async def test_an_ended_turn_does_not_change(
    turns: Turns, memory: Memory, database: Database, first: TurnState
):
    turn = asked(1)
    await turns.accept(turn)
    await turns.end(turn, Outcome(state=first))
    before = await row_of(database, 1)

    for second in ENDS:
        await turns.end(turn, Outcome(state=second, told=Told(Problem.INTERNAL, reference="ab")))
    await turns.begin(turn, question())
    await turns.answered(turn, generated(), line=reply(), outcome=WHOLE)

    assert await row_of(database, 1) == before
    assert await memory.recent(CHANNEL, tokens=100) == []


async def test_a_call_that_is_repeated_does_nothing_the_second_time(turns: Turns, memory: Memory):
    turn = asked(1)
    await turns.accept(turn)
    for _ in range(2):
        await turns.begin(turn, question())
    for _ in range(2):
        await turns.answered(turn, generated(), line=reply(), outcome=WHOLE)
    await turns.begin(turn, question())

    assert await turns.state(1) == TurnState.ANSWERED
    assert len(await memory.recent(CHANNEL, tokens=1000)) == 2


async def test_a_turn_that_was_never_accepted_is_not_invented(
    turns: Turns, memory: Memory, database: Database
):
    turn = asked(1)
    await turns.begin(turn, question())
    await turns.answered(turn, generated(), line=reply(), outcome=WHOLE)
    await turns.posted(turn, 0, 1)
    await turns.end(turn, Outcome(state=TurnState.FAILED))
    await turns.end(turn, Outcome(state=TurnState.REFUSED))

    assert await turns.state(1) is None
    assert await turns.reopen(1) is None
    assert await turns.unfinished() == []
    assert await memory.recent(CHANNEL, tokens=100) == []
    assert await pages_of(database, 1) == []


async def test_a_picture_leaves_the_memory_alone(turns: Turns, memory: Memory):
    turn = asked(1)
    await turns.accept(turn)
    await turns.begin(turn, None)
    assert await turns.state(1) == TurnState.RUNNING
    await turns.answered(turn, Answer(), line=None, outcome=WHOLE)
    await turns.end(turn, WHOLE)

    assert await turns.state(1) == TurnState.DELIVERED
    assert await memory.recent(CHANNEL, tokens=100) == []


async def test_what_is_no_end_does_not_end_a_turn(turns: Turns):
    await turns.accept(asked(1))
    with pytest.raises(ValueError, match="not an end"):
        await turns.end(asked(1), Outcome(state=TurnState.ANSWERED))


async def test_a_page_belongs_to_one_turn_and_stays_the_message_it_was(turns: Turns, database: Database):
    for turn_id in (1, 2):
        await turns.accept(asked(turn_id))
    await turns.posted(asked(1), 0, 2**62 + 9)
    await turns.posted(asked(1), 0, 2**62 + 9)
    await turns.posted(asked(1), 0, 8)
    await turns.posted(asked(1), 1, 2**62 + 9)
    await turns.posted(asked(2), 0, 2**62 + 9)
    assert await pages_of(database, 1) == [2**62 + 9]
    assert await pages_of(database, 2) == []


async def test_pages_are_known_from_when_they_are_posted_whatever_becomes_of_the_turn(
    turns: Turns, database: Database
):
    for turn_id, end in enumerate(ENDS, start=1):
        await turns.accept(asked(turn_id))
        await turns.posted(asked(turn_id), 0, turn_id)
        assert await pages_of(database, turn_id) == [turn_id]
        await turns.end(asked(turn_id), Outcome(state=end))
        await turns.posted(asked(turn_id), 1, 100 + turn_id)
        assert await pages_of(database, turn_id) == [turn_id, 100 + turn_id]


async def test_who_asked_is_known_as_long_as_the_turn_is(turns: Turns):
    await turns.accept(asked(1))
    assert await turns.asker(2) is None
    assert await turns.asker(1) == ANN.id
    await turns.end(asked(1), Outcome(state=TurnState.FAILED))
    assert await turns.asker(1) == ANN.id


async def test_of_many_who_begin_a_turn_at_once_one_adds_its_question(turns: Turns, memory: Memory):
    for turn_id in range(1, 11):
        turn = asked(turn_id, channel_id=turn_id)
        await turns.accept(turn)
        await asyncio.gather(*(turns.begin(turn, question()) for _ in range(4)))
        assert await memory.recent(turn_id, tokens=100) == [question()]


async def test_the_first_word_waits_for_two_statements(turns: Turns, database: Database):
    await turns.accept(asked(1))
    executed: list[object] = []

    def count(*arguments: object) -> None:
        executed.append(arguments[2])

    engine = database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", count)
    await turns.begin(asked(1), question())
    event.remove(engine, "before_cursor_execute", count)
    assert len(executed) == 2


@pytest.mark.parametrize(
    "text", ["nul \x00 inside", "half a pair \ud83d", "🧑‍🚀 漢字 \r\n\t \u202e", "x" * 100_000]
)
async def test_any_text_can_be_kept(turns: Turns, memory: Memory, text: str):
    turn = replace(asked(1, text), addressee=text)
    await turns.accept(turn)
    await turns.begin(turn, question(text))
    await turns.answered(turn, generated(text), line=reply(text), outcome=WHOLE)

    kept = text.replace("\x00", "").replace("\ud83d", "?")
    assert texts(await memory.recent(CHANNEL, tokens=100)) == [kept, kept]
    found = (await turns.unfinished())[0]
    assert (found.turn.text, found.turn.addressee, found.text) == (kept, kept, kept)


async def test_a_cancelled_call_leaves_all_or_nothing_and_a_usable_database(turns: Turns, memory: Memory):
    for turn_id in range(1, 41):
        turn = asked(turn_id, channel_id=turn_id)
        await turns.accept(turn)
        begin = asyncio.create_task(turns.begin(turn, question()))
        # Each one is cut a step later than the one before it.
        for _ in range(turn_id):
            await asyncio.sleep(0)
        begin.cancel()
        await asyncio.gather(begin, return_exceptions=True)

        begun = await turns.state(turn_id) == TurnState.RUNNING
        assert len(await memory.recent(turn_id, tokens=100)) == int(begun)


async def test_the_open_turns_are_found_by_their_index(turns: Turns, database: Database):
    executed: list[tuple[str, Any]] = []

    def keep(*arguments: Any) -> None:
        executed.append((arguments[2], arguments[3]))

    engine = database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", keep)
    await turns.unfinished()
    event.remove(engine, "before_cursor_execute", keep)
    [(statement, parameters)] = executed
    async with database.transaction() as connection:
        explain = "EXPLAIN QUERY PLAN"
        if engine.dialect.name == "postgresql":
            explain = "EXPLAIN"
            # So few rows are read faster without an index.
            await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        plan = (await connection.exec_driver_sql(f"{explain} {statement}", parameters)).all()
    assert "ix_turn_open" in str(plan)


@given(steps=st.lists(st.sampled_from(["begin", "answered", "posted", "reopen", *ENDS]), max_size=10))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_is_called_in_whatever_order_a_turn_moves_forward_or_from_failed_to_accepted(
    turns: Turns, memory: Memory, database: Database, steps: list[str]
):
    turn_id = (await database.rows(select(func.count()).select_from(schema.turn)))[0][0] + 1
    turn = asked(turn_id, channel_id=turn_id)
    await turns.accept(turn)
    order = {"accepted": 0, "running": 1, "answered": 2} | dict.fromkeys(map(str, ENDS), 3)
    reached = "accepted"
    for step in steps:
        match step:
            case "begin":
                await turns.begin(turn, question())
            case "answered":
                await turns.answered(turn, generated(), line=reply(), outcome=WHOLE)
            case "posted":
                await turns.posted(turn, 0, turn_id)
            case "reopen":
                assert (await turns.reopen(turn_id) is not None) == (reached == "failed")
            case _:
                await turns.end(turn, Outcome(state=TurnState(step)))
        now = await turns.state(turn_id)
        assert now is not None
        reopened = (step, reached, now) == ("reopen", "failed", "accepted")
        assert now == reached or order[now] > order[reached] or reopened
        assert await memory.recent(turn_id, tokens=100) in ([], [question()], [question(), reply()])
        assert (turn_id in [found.turn.id for found in await turns.unfinished()]) == (order[now] < 3)
        reached = now
