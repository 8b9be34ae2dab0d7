"""The ledger of turns: what people asked, how far it came, and what it took."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Text, bindparam, insert, select, update

from bot.core.model import Answer, Line, Outcome, Role, Turn, TurnState
from bot.store import schema
from bot.store.database import Database
from bot.store.schema import OPEN_STATES, Instant, Words

_turn, _line = schema.turn, schema.line

_BEGIN = (
    update(_turn)
    .where(_turn.c.id == bindparam("of_turn"), _turn.c.state == TurnState.ACCEPTED.value)
    .values(state=TurnState.RUNNING.value)
)
_QUESTION_LINE = insert(_line)
_ANSWER = update(_turn).where(
    _turn.c.id == bindparam("of_turn"),
    _turn.c.state.in_([TurnState.ACCEPTED.value, TurnState.RUNNING.value]),
)
# Where the question lies, there goes its answer: laid aside if it was, and nowhere if it was purged.
_ANSWER_LINE = insert(_line).from_select(
    ["channel_id", "turn_id", "role", "author_id", "author_name", "text", "tokens", "created_at", "reset_id"],
    select(
        _line.c.channel_id,
        _line.c.turn_id,
        bindparam("its_role", type_=Text()),
        bindparam("its_author_id", type_=BigInteger()),
        bindparam("its_author_name", type_=Words()),
        bindparam("its_text", type_=Words()),
        bindparam("its_tokens", type_=BigInteger()),
        bindparam("its_created_at", type_=Instant()),
        _line.c.reset_id,
    )
    .where(_line.c.turn_id == bindparam("of_turn"), _line.c.role == Role.USER.value)
    .order_by(_line.c.id)
    .limit(1),
)
_END = update(_turn).where(
    _turn.c.id == bindparam("of_turn"), _turn.c.state.in_([state.value for state in OPEN_STATES])
)
_PAGE = insert(schema.page)
_STATE = select(_turn.c.state).where(_turn.c.id == bindparam("of_turn"))


class Turns:
    """`core.ports.TurnStore` in a database. A turn only ever moves forward.

    What would move it back, or a second time, changes nothing: a call that is repeated because its
    own answer was lost does no harm.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._accept = database.insert(_turn).on_conflict_do_nothing()

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
            "kind": turn.kind.value,
            "state": TurnState.ACCEPTED.value,
            "created_at": _now(),
        }
        return await self._database.change(self._accept, values) == 1

    async def begin(self, turn: Turn, line: Line | None) -> None:
        """Mark an accepted `turn` as running and add its question, if `line` says one, to the memory."""
        if line is None:
            await self._database.change(_BEGIN, {"of_turn": turn.id})
            return
        values = {"channel_id": turn.place.channel_id, "turn_id": turn.id, **_values(line)}
        async with self._database.transaction() as connection:
            moved = await connection.execute(_BEGIN, {"of_turn": turn.id})
            if moved.rowcount == 1:
                await connection.execute(_QUESTION_LINE, values)

    async def answered(self, turn: Turn, answer: Answer, *, line: Line | None) -> None:
        """Keep what was generated and its usage, and `line` as memory (None when there is no text).

        If the memory was reset since `begin`, the line joins what was laid aside; if that has been
        purged since, or the turn never began, the line is not kept.
        """
        values = {
            "of_turn": turn.id,
            "state": TurnState.ANSWERED.value,
            "model": answer.model,
            "finish": answer.finish.value,
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
                its = {f"its_{name}": value for name, value in _values(line).items()}
                await connection.execute(_ANSWER_LINE, {"of_turn": turn.id, **its})

    async def end(self, turn: Turn, outcome: Outcome) -> None:
        """Close `turn`, with the ids of the messages that show its answer.

        Raises:
            ValueError: The outcome's state is not one of the four ends.
        """
        if outcome.state in OPEN_STATES:
            raise ValueError(f"{outcome.state} is not an end")
        values = {
            "of_turn": turn.id,
            "state": outcome.state.value,
            "problem": outcome.problem and outcome.problem.value,
            "ended_at": _now(),
        }
        pages = [
            {"turn_id": turn.id, "number": number, "message_id": message_id}
            for number, message_id in enumerate(outcome.pages)
        ]
        if not pages:
            await self._database.change(_END, values)
            return
        async with self._database.transaction() as connection:
            moved = await connection.execute(_END, values)
            if moved.rowcount == 1:
                await connection.execute(_PAGE, pages)

    async def state(self, turn_id: int) -> TurnState | None:
        """How far a turn has come; None if it was never accepted."""
        rows = await self._database.rows(_STATE, {"of_turn": turn_id})
        return TurnState(rows[0].state) if rows else None


def _values(line: Line) -> dict[str, Any]:
    return {
        "role": line.role.value,
        "author_id": line.author and line.author.id,
        "author_name": line.author and line.author.name,
        "text": line.text,
        "tokens": line.tokens,
        "created_at": _now(),
    }


def _now() -> datetime:
    return datetime.now(UTC)
