"""What each conversation remembers, and what was laid aside."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, exists, insert, or_, select, update

from bot.core.model import Line, Person, Reset, Role
from bot.store import schema
from bot.store.database import Database

_line, _reset, _turn = schema.line, schema.reset, schema.turn

# Most windows are one statement of this many lines.
_FIRST_LINES = 64
_GROWTH = 4

_RECENT = (
    select(_line.c.role, _line.c.text, _line.c.tokens, _line.c.author_id, _line.c.author_name)
    .where(
        _line.c.channel_id == bindparam("in_channel"),
        _line.c.reset_id.is_(None),
        _line.c.turn_id != bindparam("besides"),
    )
    .order_by(_line.c.id.desc())
    .limit(bindparam("most"))
)
_LAY_ASIDE = update(_line).where(_line.c.channel_id == bindparam("in_channel"), _line.c.reset_id.is_(None))
_RESET_CHANNEL = select(_reset.c.channel_id).where(_reset.c.id == bindparam("of_reset"))
_UNDO = update(_reset).where(
    _reset.c.id == bindparam("of_reset"), _reset.c.undone_at.is_(None), _reset.c.at >= bindparam("since")
)
_BRING_BACK = update(_line).where(_line.c.reset_id == bindparam("of_reset")).values(reset_id=None)
_UNDONE_AT = select(_reset.c.undone_at).where(_reset.c.id == bindparam("of_reset"))

_OLD = _reset.c.at < bindparam("before")
_OLD_CHANNELS = select(_reset.c.channel_id).where(_OLD).distinct().order_by(_reset.c.channel_id)
_OLD_IDS = select(_reset.c.id).where(_OLD)
# Pictures and refused questions have no lines, but what was asked stands in the ledger just the same.
_BLANK_TURNS = (
    update(_turn)
    .where(
        or_(
            _turn.c.id.in_(select(_line.c.turn_id).where(_line.c.reset_id.in_(_OLD_IDS))),
            exists().where(
                _OLD,
                _reset.c.undone_at.is_(None),
                _reset.c.channel_id == _turn.c.channel_id,
                _reset.c.at >= _turn.c.created_at,
            )
            & ~exists().where(_line.c.turn_id == _turn.c.id),
        )
    )
    .values(text="")
)
_PURGE_LINES = delete(_line).where(_line.c.reset_id.in_(_OLD_IDS))
# Those that were undone have no lines any more and go as well.
_PURGE_RESETS = delete(_reset).where(_OLD)


class Memory:
    """`core.ports.MemoryStore` in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def recent(self, channel_id: int, *, tokens: int, besides: int | None = None) -> list[Line]:
        """The newest lines, oldest first, as many as fit `tokens` by their stored counts, and one at least.

        Those of the turn `besides` are left out.

        The first line that does not fit ends the window, so it has no gaps. It costs in proportion to
        what it gives, however long the channel is. Each attempt is one statement and starts anew, so
        what it gives was the memory at one moment.
        """
        most = _FIRST_LINES
        while True:
            rows = await self._database.rows(
                _RECENT, {"in_channel": channel_id, "besides": besides or 0, "most": most}
            )
            fitting = max(_fitting(rows, tokens), min(1, len(rows)))
            if fitting < most:
                return [_as_line(row) for row in reversed(rows[:fitting])]
            most *= _GROWTH

    async def reset(self, channel_id: int, *, by: int, at: datetime) -> Reset:
        """Lay the whole memory aside, running turns included: their answers will follow."""
        row = {"channel_id": channel_id, "by_id": by, "at": at}
        async with self._database.transaction() as connection:
            await self._database.lock(connection, channel_id)
            reset_id = (await connection.execute(insert(_reset).returning(_reset.c.id), row)).scalar_one()
            lines = await connection.execute(_LAY_ASIDE, {"in_channel": channel_id, "reset_id": reset_id})
        return Reset(id=reset_id, lines=lines.rowcount)

    async def undo(self, reset_id: int, *, since: datetime) -> bool | None:
        """Bring a reset's lines back in their old order: True if done, None if it was already undone.

        False if it is older than `since` or unknown.
        """
        which = {"of_reset": reset_id}
        async with self._database.transaction() as connection:
            await self._database.lock(connection, _RESET_CHANNEL, which)
            undone = await connection.execute(
                _UNDO, {**which, "since": since, "undone_at": datetime.now(UTC)}
            )
            if undone.rowcount == 1:
                await connection.execute(_BRING_BACK, which)
                return True
            return None if (await connection.execute(_UNDONE_AT, which)).scalar() else False

    async def purge(self, *, before: datetime) -> int:
        """Delete for good what was laid aside before that time; how many lines that were.

        The questions go from the ledger as well; its figures stay. On SQLite nothing of the text is
        left in the file or its log, unless another process is reading them at this moment.
        """
        old = {"before": before}
        async with self._database.transaction() as connection:
            await self._database.lock(connection, _OLD_CHANNELS, old)
            await connection.execute(_BLANK_TURNS, old)
            lines = await connection.execute(_PURGE_LINES, old)
            await connection.execute(_PURGE_RESETS, old)
        if lines.rowcount:
            await self._database.checkpoint()
        return lines.rowcount


def _fitting(rows: Sequence[Row[Any]], tokens: int) -> int:
    for number, row in enumerate(rows):
        tokens -= row.tokens
        if tokens < 0:
            return number
    return len(rows)


def _as_line(row: Row[Any]) -> Line:
    author = None if row.author_id is None else Person(id=row.author_id, name=row.author_name)
    return Line(role=Role(row.role), text=row.text, tokens=row.tokens, author=author)
