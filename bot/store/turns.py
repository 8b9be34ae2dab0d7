"""The ledger of turns: what people asked, how far it came, and what it took."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Integer,
    Row,
    Text,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from bot.core.errors import Problem, Told
from bot.core.model import (
    Answer,
    Line,
    OpenTurn,
    Outcome,
    Person,
    Place,
    Role,
    Turn,
    TurnKind,
    TurnState,
)
from bot.store import schema
from bot.store.database import Database
from bot.store.schema import OPEN_STATES, Instant, Words

_turn, _line, _page = schema.turn, schema.line, schema.page

_BEGIN = (
    update(_turn)
    .where(
        _turn.c.id == bindparam("of_turn"),
        _turn.c.state.in_([TurnState.ACCEPTED.value, TurnState.RUNNING.value]),
    )
    .values(state=TurnState.RUNNING.value)
)
_IS_QUESTION = (_line.c.turn_id == bindparam("of_turn"), _line.c.role == Role.USER.value)
_IS_SAID = (_line.c.turn_id == bindparam("of_turn"), _line.c.role == Role.ASSISTANT.value)
_ANSWER = update(_turn).where(
    _turn.c.id == bindparam("of_turn"),
    _turn.c.state.in_([TurnState.ACCEPTED.value, TurnState.RUNNING.value]),
)
_SAYS = {
    "role": bindparam("its_role", type_=Text()),
    "author_id": bindparam("its_author_id", type_=BigInteger()),
    "author_name": bindparam("its_author_name", type_=Words()),
    "text": bindparam("its_text", type_=Words()),
    "tokens": bindparam("its_tokens", type_=BigInteger()),
    "created_at": bindparam("its_created_at", type_=Instant()),
}
# The turn's row is locked by then, so that of two who begin it at once the second one sees the line.
_QUESTION_LINE = insert(_line).from_select(
    ["channel_id", "turn_id", *_SAYS],
    select(
        bindparam("in_channel", type_=BigInteger()),
        bindparam("of_turn", type_=BigInteger()),
        *_SAYS.values(),
    ).where(~select(_line.c.id).where(*_IS_QUESTION).correlate(None).exists()),
)
# Where the question lies, there goes its answer: laid aside if it was, and nowhere if it was purged.
_ANSWER_LINE = insert(_line).from_select(
    ["channel_id", "turn_id", *_SAYS, "reset_id"],
    select(_line.c.channel_id, _line.c.turn_id, *_SAYS.values(), _line.c.reset_id)
    .where(*_IS_QUESTION)
    .order_by(_line.c.id)
    .limit(1),
)
_END = update(_turn).where(
    _turn.c.id == bindparam("of_turn"), _turn.c.state.in_([state.value for state in OPEN_STATES])
)
_STATE = select(_turn.c.state).where(_turn.c.id == bindparam("of_turn"))
_ASKER = select(_turn.c.author_id).where(_turn.c.id == bindparam("of_turn"))
_IS_ANSWER = (_line.c.turn_id == _turn.c.id, _line.c.role == Role.ASSISTANT.value)
_ANSWER_TEXT = select(_line.c.text).where(*_IS_ANSWER).order_by(_line.c.id.desc()).limit(1).scalar_subquery()
_FOUND = (
    select(_turn, _ANSWER_TEXT.label("answer"), _page.c.message_id)
    .outerjoin(_page, _page.c.turn_id == _turn.c.id)
    .order_by(_turn.c.id, _page.c.number)
)
# Spelt out in the statement: SQLite knows its index of the open turns by the words alone.
_OPEN: BindParameter[str] = bindparam(
    "open", [state.value for state in OPEN_STATES], type_=Text(), expanding=True, literal_execute=True
)
_UNFINISHED = _FOUND.where(_turn.c.state.in_(_OPEN))
_ONE = _FOUND.where(_turn.c.id == bindparam("of_turn"))
_PAGE = (
    ["turn_id", "number", "message_id"],
    select(
        _turn.c.id,
        bindparam("its_number", type_=Integer()),
        bindparam("its_message_id", type_=BigInteger()),
    ).where(_turn.c.id == bindparam("of_turn")),
)
_REOPEN = (
    update(_turn)
    .where(_turn.c.id == bindparam("of_turn"), _turn.c.state == TurnState.FAILED.value, _turn.c.text != "")
    .values(state=TurnState.ACCEPTED.value, problem=None, outcome=None, told=None, ended_at=None)
)
# A question that was refused would be refused again with every later one that brings it along.
_UNSAY = delete(_line).where(
    _line.c.turn_id == bindparam("of_turn"),
    ~select(_line.c.id).where(*_IS_SAID).correlate(None).exists(),
)
_DROP_ANSWER = delete(_line).where(*_IS_SAID)


class Turns:
    """`core.ports.TurnStore` in a database. A turn only ever moves forward, unless it is reopened.

    What would move it back, or a second time, changes nothing: a call that is repeated because its
    own answer was lost does no harm.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._accept = database.insert(_turn).on_conflict_do_nothing()
        self._posted = database.insert(_page).from_select(*_PAGE).on_conflict_do_nothing()

    async def accept(self, turn: Turn) -> bool:
        """Write `turn` down as accepted; False, and nothing written, if it already was."""
        values = {
            "id": turn.id,
            "channel_id": turn.place.channel_id,
            "guild_id": turn.place.guild_id,
            "parent_id": turn.place.parent_id,
            "author_id": turn.author.id,
            "author_name": turn.author.name,
            "text": turn.text,
            "addressee": turn.addressee,
            "kind": turn.kind.value,
            "state": TurnState.ACCEPTED.value,
            "created_at": _now(),
        }
        return await self._database.change(self._accept, values) == 1

    async def begin(self, turn: Turn, line: Line | None) -> None:
        """Mark `turn` as running and add its question, if `line` says one, to the memory.

        A question that is there already, from an attempt that was broken off, is not added again.
        """
        if line is None:
            await self._database.change(_BEGIN, {"of_turn": turn.id})
            return
        values = {"of_turn": turn.id, "in_channel": turn.place.channel_id, **_says(line)}
        async with self._database.transaction() as connection:
            moved = await connection.execute(_BEGIN, {"of_turn": turn.id})
            if moved.rowcount == 1:
                await connection.execute(_QUESTION_LINE, values)

    async def posted(self, turn: Turn, number: int, message_id: int) -> None:
        """Page `number` of the answer is the Discord message `message_id`; the first word stands."""
        row = {"of_turn": turn.id, "its_number": number, "its_message_id": message_id}
        await self._database.change(self._posted, row)

    async def answered(self, turn: Turn, answer: Answer, *, line: Line | None, outcome: Outcome) -> None:
        """Keep what was generated and its usage, what is to become of it, and `line` as memory.

        If the memory was reset since `begin`, the line joins what was laid aside; if that has been
        purged since, or the turn never began, the line is not kept.
        """
        values = {
            "of_turn": turn.id,
            "state": TurnState.ANSWERED.value,
            "model": answer.model,
            "finish": answer.finish.value,
            "outcome": outcome.state.value,
            "told": outcome.told and {"problem": outcome.told.problem.value, "params": outcome.told.params},
            "prompt_tokens": answer.usage.prompt_tokens,
            "cached_tokens": answer.usage.cached_tokens,
            "reasoning_tokens": answer.usage.reasoning_tokens,
            "completion_tokens": answer.usage.completion_tokens,
        }
        async with self._database.transaction() as connection:
            # Otherwise a reset at the same moment could lay the question aside and miss its answer.
            await self._database.lock(connection, turn.place.channel_id)
            moved = await connection.execute(_ANSWER, values)
            if moved.rowcount == 1 and line is not None:
                await connection.execute(_ANSWER_LINE, {"of_turn": turn.id, **_says(line)})

    async def end(self, turn: Turn, outcome: Outcome) -> None:
        """Close `turn`; a question that was refused, and not answered in part, is no memory.

        Raises:
            ValueError: The outcome's state is not one of the four ends.
        """
        if outcome.state in OPEN_STATES:
            raise ValueError(f"{outcome.state} is not an end")
        values = {
            "of_turn": turn.id,
            "state": outcome.state.value,
            "problem": outcome.told and outcome.told.problem.value,
            "ended_at": _now(),
        }
        if outcome.state is not TurnState.REFUSED:
            await self._database.change(_END, values)
            return
        async with self._database.transaction() as connection:
            moved = await connection.execute(_END, values)
            if moved.rowcount == 1:
                await connection.execute(_UNSAY, {"of_turn": turn.id})

    async def unfinished(self) -> list[OpenTurn]:
        """All turns without an end, in the order in which they were asked."""
        rows = await self._database.rows(_UNFINISHED)
        return [_as_open_turn(list(group)) for _, group in groupby(rows, key=lambda row: row.id)]

    async def asker(self, turn_id: int) -> int | None:
        """Who asked; None if there is no such turn."""
        rows = await self._database.rows(_ASKER, {"of_turn": turn_id})
        return rows[0].author_id if rows else None

    async def reopen(self, turn_id: int) -> OpenTurn | None:
        """Let a failed turn be answered anew: it is accepted again, and its broken answer is no memory.

        None if it has not failed, is being answered already, or what was asked is forgotten.
        """
        which = {"of_turn": turn_id}
        async with self._database.transaction() as connection:
            if (await connection.execute(_REOPEN, which)).rowcount == 0:
                return None
            await connection.execute(_DROP_ANSWER, which)
            # Within the transaction, for what was asked may be forgotten right after it.
            return _as_open_turn((await connection.execute(_ONE, which)).all())

    async def state(self, turn_id: int) -> TurnState | None:
        """How far a turn has come; None if it was never accepted."""
        rows = await self._database.rows(_STATE, {"of_turn": turn_id})
        return TurnState(rows[0].state) if rows else None


def _as_open_turn(rows: Sequence[Row[Any]]) -> OpenTurn:
    """The turn of `rows`, which are one for each page, or one if there is none."""
    row = rows[0]
    return OpenTurn(
        turn=_as_turn(row),
        state=TurnState(row.state),
        asked_at=row.created_at,
        outcome=_outcome(row) if row.state == TurnState.ANSWERED.value else None,
        text=row.answer or "",
        pages=[page.message_id for page in rows if page.message_id is not None],
    )


def _outcome(row: Row[Any]) -> Outcome:
    if row.outcome is not None:
        told = row.told and Told(Problem(row.told["problem"]), **row.told["params"])
        return Outcome(state=TurnState(row.outcome), told=told)
    # Answered by a version that did not write it down. Its answer is memory already: another one would
    # be shown and not remembered.
    if row.answer:
        return Outcome(state=TurnState.DELIVERED)
    return Outcome(state=TurnState.FAILED, told=Told(Problem.INTERRUPTED))


def _as_turn(row: Row[Any]) -> Turn:
    return Turn(
        id=row.id,
        place=Place(channel_id=row.channel_id, guild_id=row.guild_id, parent_id=row.parent_id),
        author=Person(id=row.author_id, name=row.author_name),
        text=row.text,
        addressee=row.addressee,
        kind=TurnKind(row.kind),
    )


def _says(line: Line) -> dict[str, Any]:
    return {
        "its_role": line.role.value,
        "its_author_id": line.author and line.author.id,
        "its_author_name": line.author and line.author.name,
        "its_text": line.text,
        "its_tokens": line.tokens,
        "its_created_at": _now(),
    }


def _now() -> datetime:
    return datetime.now(UTC)
