"""The open database: its engine, its transactions, and bringing its tables up to date."""

import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import Executable, Row, Select, Table, event, func, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects import sqlite as sqlite_dialect
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from bot.store import migrations, sqlite
from bot.store.address import DatabaseUnavailable, PostgresAddress, SQLiteAddress, parse
from bot.store.faults import unavailable

__all__ = ["Database", "DatabaseUnavailable"]

_log = logging.getLogger(__name__)

# A statement of ours takes milliseconds; a server that hangs must not hang a conversation with it.
_COMMAND_TIMEOUT_S = 30.0
_CONNECT_TIMEOUT_S = 10.0
# Below the five to six minutes after which load balancers and NATs forget a silent connection.
_RECYCLE_S = 280
# Migrations of another process may take longer than an ordinary wait.
_MIGRATION_WAIT_MS = 60_000

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class Database:
    """An open database with the tables of this program's version. Get one from `Database.open`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        # Without BEGIN and COMMIT of its own, a lone statement is one round trip. SQLite's is in
        # autocommit from the start: there, switching would be a hop to its thread each time.
        self._alone = engine
        if not self._is_sqlite:
            self._alone = engine.execution_options(isolation_level="AUTOCOMMIT")

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncGenerator["Database"]:
        """Connect to `url`, bring the tables up to date, and close everything at the end.

        Args:
            url: `postgresql://…` as hosts give it, `sqlite:///path`, or the plain path of a SQLite file,
                which is created if need be, with its directory.

        Raises:
            DatabaseUnavailable: It cannot be used; the text is for the operator and holds no secret.
        """
        address = parse(url)
        async with _told(address):
            engine = _engine(address)
        try:
            async with _told(address):
                if isinstance(address, PostgresAddress):
                    await _migrate_postgres(address)
                else:
                    await _migrate_sqlite(engine)
            yield cls(engine)
        finally:
            await engine.dispose()

    async def rows(self, statement: Executable, parameters: Parameters | None = None) -> Sequence[Row[Any]]:
        """All rows of one statement, which is a transaction of its own."""
        async with self._alone.connect() as connection:
            return (await connection.execute(statement, parameters)).all()

    async def change(self, statement: Executable, parameters: Parameters | None = None) -> int:
        """How many rows one statement changed, which is a transaction of its own."""
        async with self._alone.connect() as connection:
            return (await connection.execute(statement, parameters)).rowcount

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[AsyncConnection]:
        """A writing transaction: committed at the end, rolled back if it does not come to that."""
        if not self._is_sqlite:
            async with self._engine.begin() as connection:
                yield connection
            return
        async with self._engine.connect() as connection, _writing(connection):
            yield connection

    async def lock(
        self, connection: AsyncConnection, channels: Select[int] | int, parameters: Parameters | None = None
    ) -> None:
        """Hold each of `channels` (an id, or a select of ids) until the end of the transaction.

        What is done under this lock happens as if one after the other. SQLite has one writer anyway.
        """
        if self._is_sqlite:
            return
        ids = channels if isinstance(channels, int) else channels.subquery().c[0]
        await connection.execute(select(func.pg_advisory_xact_lock(ids)), parameters)

    def insert(self, table: Table) -> sqlite_dialect.Insert | postgresql.Insert:
        """An insert that knows `ON CONFLICT`, which both databases spell alike but SQLAlchemy has twice."""
        return sqlite_dialect.insert(table) if self._is_sqlite else postgresql.insert(table)

    async def checkpoint(self) -> None:
        """Write SQLite's log into its file and empty it, so that deleted text is in neither."""
        if self._is_sqlite:
            await self.rows(text("PRAGMA wal_checkpoint(TRUNCATE)"))

    @property
    def _is_sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"


@asynccontextmanager
async def _told(address: SQLiteAddress | PostgresAddress) -> AsyncGenerator[None]:
    try:
        yield
    except Exception as error:
        told = unavailable(error, address)
        if told is None:
            raise
        _log.debug("opening the database failed: %s", type(error).__name__)
        # Without the cause: a driver's error may carry what it was given to connect with.
        raise told from None


@asynccontextmanager
async def _writing(connection: AsyncConnection) -> AsyncGenerator[None]:
    raw = (await connection.get_raw_connection()).driver_connection
    assert isinstance(raw, sqlite.Connection)
    raw.begins = True
    try:
        yield
        await connection.commit()
    except BaseException:
        # SQLAlchemy drops the connection of a cancelled statement, and the transaction with it.
        if not connection.invalidated:
            await raw.rollback()
        raise
    finally:
        raw.begins = False


def _engine(
    address: SQLiteAddress | PostgresAddress, *, timeout_s: float | None = _COMMAND_TIMEOUT_S
) -> AsyncEngine:
    if isinstance(address, SQLiteAddress):
        return _sqlite_engine(address.path)
    # Imported here, so that those who keep to SQLite need not install it.
    asyncpg: Any = import_module("asyncpg")

    async def connect() -> Any:
        return await asyncpg.connect(address.dsn, timeout=_CONNECT_TIMEOUT_S, command_timeout=timeout_s)

    engine = create_async_engine(
        "postgresql+asyncpg://",  # the address is in `connect` alone, so the engine cannot show it
        async_creator=connect,
        pool_size=5,
        max_overflow=5,
        pool_recycle=_RECYCLE_S,
        hide_parameters=True,  # they are what people wrote
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    return engine


def _sqlite_engine(path: Path | None) -> AsyncEngine:
    if path is not None:
        # Whole conversations are in there: no business of the machine's other users.
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # At DEBUG it logs each statement with its parameters: what people wrote.
    logging.getLogger("aiosqlite").setLevel(logging.INFO)

    async def connect() -> sqlite.Connection:
        return await sqlite.connect(path)

    return create_async_engine(
        "sqlite+aiosqlite://",
        async_creator=connect,
        # SQLite has one writer and reads take microseconds: more connections would only wait for each other.
        pool_size=1,
        max_overflow=0,
        poolclass=AsyncAdaptedQueuePool,
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        hide_parameters=True,
    )


def _refuse_closed(dbapi_connection: Any, _record: Any, _proxy: Any) -> None:
    """Have the pool reconnect where the server has hung up, without asking it before every statement."""
    if dbapi_connection.driver_connection.is_closed():
        raise DisconnectionError


async def _migrate_sqlite(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        # Batch migrations rebuild tables that others refer to; within a transaction it cannot be switched.
        await connection.execute(text("PRAGMA foreign_keys = OFF"))
        await connection.execute(text(f"PRAGMA busy_timeout = {_MIGRATION_WAIT_MS}"))
        async with _writing(connection):
            await connection.run_sync(migrations.upgrade)
            if (await connection.execute(text("PRAGMA foreign_key_check"))).first() is not None:
                raise RuntimeError("a migration left rows that refer to rows that are not there")
        await connection.execute(text("PRAGMA foreign_keys = ON"))
        await connection.execute(text(f"PRAGMA busy_timeout = {sqlite.BUSY_TIMEOUT_MS}"))


async def _migrate_postgres(address: PostgresAddress) -> None:
    engine = _engine(address, timeout_s=None)
    try:
        async with engine.begin() as connection:
            # Held to the end of the transaction and no longer, even if this process is killed.
            await connection.execute(select(func.pg_advisory_xact_lock(migrations.LOCK)))
            await connection.run_sync(migrations.upgrade)
    finally:
        await engine.dispose()
