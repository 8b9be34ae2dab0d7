"""The tables, as they are after the newest migration.

Ids of Discord are 64-bit. Ids of our own are never given twice, because Discord's buttons carry them
for longer than the rows live. Times are UTC.
"""

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.types import TypeDecorator

from bot.core.model import TurnState

OPEN_STATES = (TurnState.ACCEPTED, TurnState.RUNNING, TurnState.ANSWERED)


class Instant(TypeDecorator[datetime]):
    """A moment: aware in Python, UTC in the database (SQLite's has no zones, so it is stored without)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """`value` in UTC; a naive one would mean another moment on another machine and is refused."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs its time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The moment, aware."""
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


class Words(TypeDecorator[str]):
    """Text from outside. PostgreSQL takes no NUL and neither database half a surrogate pair.

    Models do write both; an answer is not lost for it: NUL is left out, half a pair becomes `?`.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """`value` as both databases can keep it."""
        if value is None:
            return None
        return value.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


class Json(TypeDecorator[Any]):
    """A JSON value as text.

    Not SQLAlchemy's JSON: a SQLite column of that name is numeric to SQLite, which makes 1 of 1.0.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        """`value` in JSON; None is `null`."""
        return json.dumps(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """The value."""
        return None if value is None else json.loads(value)


metadata = MetaData(
    naming_convention={
        # SQLite gives constraints no names of its own, and one without a name cannot be migrated away.
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _own_id() -> Column[int]:
    # SQLite numbers rows by itself only where the type is INTEGER, which holds 64 bits there.
    big = BigInteger().with_variant(Integer(), "sqlite")
    return Column("id", big, Identity(), primary_key=True)


def _snowflake(name: str, *arguments: Any, **options: Any) -> Column[int]:
    return Column(name, BigInteger(), *arguments, **options)


turn = Table(
    "turn",
    metadata,
    _snowflake("id", primary_key=True, autoincrement=False),
    _snowflake("channel_id", nullable=False),
    _snowflake("guild_id"),
    _snowflake("parent_id"),
    _snowflake("author_id", nullable=False),
    Column("author_name", Words(), nullable=False),
    Column("text", Words(), nullable=False),
    Column("addressee", Words(), nullable=False, server_default=""),
    Column("kind", Text(), nullable=False),
    Column("state", Text(), nullable=False),
    Column("problem", Text()),
    Column("model", Text()),
    Column("prompt_tokens", BigInteger()),
    Column("cached_tokens", BigInteger()),
    Column("reasoning_tokens", BigInteger()),
    Column("completion_tokens", BigInteger()),
    Column("finish", Text()),
    Column("outcome", Text()),
    Column("told", Json()),
    Column("created_at", Instant(), nullable=False),
    Column("ended_at", Instant()),
)

_OPEN = text("state IN ('accepted', 'running', 'answered')")
Index("ix_turn_open", turn.c.state, sqlite_where=_OPEN, postgresql_where=_OPEN)

reset = Table(
    "reset",
    metadata,
    _own_id(),
    _snowflake("channel_id", nullable=False),
    _snowflake("by_id", nullable=False),
    Column("at", Instant(), nullable=False),
    Column("undone_at", Instant()),
    sqlite_autoincrement=True,
)

line = Table(
    "line",
    metadata,
    _own_id(),
    _snowflake("channel_id", nullable=False),
    _snowflake("turn_id", ForeignKey("turn.id"), nullable=False, index=True),
    Column("role", Text(), nullable=False),
    _snowflake("author_id"),
    Column("author_name", Words()),
    Column("text", Words(), nullable=False),
    Column("tokens", BigInteger(), nullable=False),
    Column("created_at", Instant(), nullable=False),
    Column("reset_id", BigInteger().with_variant(Integer(), "sqlite"), ForeignKey("reset.id")),
    sqlite_autoincrement=True,
)

_LIVE = line.c.reset_id.is_(None)
Index("ix_line_live", line.c.channel_id, line.c.id, sqlite_where=_LIVE, postgresql_where=_LIVE)
_ASIDE = line.c.reset_id.is_not(None)
Index("ix_line_aside", line.c.reset_id, sqlite_where=_ASIDE, postgresql_where=_ASIDE)

page = Table(
    "page",
    metadata,
    _snowflake("turn_id", ForeignKey("turn.id"), primary_key=True),
    Column("number", Integer(), primary_key=True),
    _snowflake("message_id", nullable=False, unique=True),
)

setting = Table(
    "setting",
    metadata,
    Column("layer", Text(), primary_key=True),
    _snowflake("scope_id", primary_key=True),
    Column("name", Text(), primary_key=True),
    Column("value", Json(), nullable=False),
)

quirk = Table(
    "quirk",
    metadata,
    Column("provider", Text(), primary_key=True),
    Column("model", Text(), primary_key=True),
    Column("name", Text(), primary_key=True),
    Column("value", Json(), nullable=False),
)

command_fingerprint = Table(
    "command_fingerprint",
    metadata,
    _snowflake("application_id", primary_key=True, autoincrement=False),
    Column("fingerprint", Text(), nullable=False),
)
