"""A connection to a SQLite file: one hop to its thread for each statement.

aiosqlite runs everything in a thread of its own. SQLAlchemy's adapter asks it to make a cursor, to
execute, to fetch and to close: four hops there and back for one statement, and a hop costs more than
the statement. Here a cursor does all of it in one; the adapter does not see the difference.
"""

import asyncio
import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiosqlite

BUSY_TIMEOUT_MS = 5_000

_PRAGMAS = (
    # First, because switching to WAL may itself have to wait for another process.
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA journal_mode = WAL",
    # With WAL this survives a kill at any moment; a power cut may take the last turns but breaks nothing.
    # https://www.sqlite.org/pragma.html#pragma_synchronous
    "PRAGMA synchronous = NORMAL",
    "PRAGMA foreign_keys = ON",
    # What people had forgotten is overwritten, not left lying in free pages.
    "PRAGMA secure_delete = ON",
)


class Connection(aiosqlite.Connection):
    """An aiosqlite connection whose cursors take one hop.

    It is in autocommit.

    Attributes:
        begins: Set it, and the next statement opens a writing transaction in the same hop. IMMEDIATE
            takes the write lock at once: a transaction that reads first and finds the file changed when
            it comes to write would fail instead of waiting.
    """

    begins = False

    def cursor(self) -> "Cursor":  # pyright: ignore[reportIncompatibleMethodOverride] -- what the adapter awaits
        """A cursor that touches the thread only to execute."""
        return Cursor(self)

    async def statement(self, cursor: "Cursor", sql: str, parameters: Any, *, many: bool = False) -> None:
        """Execute in the thread and leave everything that came of it in `cursor`."""
        begin, self.begins = self.begins, False
        await self._execute(self._run, cursor, sql, parameters, many, begin)  # pyright: ignore[reportUnknownMemberType] -- aiosqlite leaves it untyped

    def _run(self, into: "Cursor", sql: str, parameters: Any, many: bool, begin: bool) -> None:
        cursor = self._conn.cursor()
        try:
            if begin:
                cursor.execute("BEGIN IMMEDIATE")
            if many:
                cursor.executemany(sql, parameters)
            else:
                cursor.execute(sql, parameters)
            into.rows = cursor.fetchall() if cursor.description else []
            into.description = cursor.description
            into.rowcount = cursor.rowcount
            into.lastrowid = cursor.lastrowid
        finally:
            cursor.close()


class Cursor:
    """What SQLAlchemy's adapter asks of an asynchronous cursor; holds all rows of its statement."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> "Cursor":
        return self

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> "Cursor":
        """Run `sql` to its end."""
        await self._connection.statement(self, sql, parameters)
        return self

    async def executemany(self, sql: str, parameters: Sequence[Sequence[Any]]) -> "Cursor":
        """Run `sql` once for each of `parameters`."""
        await self._connection.statement(self, sql, parameters, many=True)
        return self

    async def fetchall(self) -> list[Any]:
        """The rows that are left."""
        rows, self.rows = self.rows, []
        return rows

    async def close(self) -> None:
        """Nothing is left open."""


async def connect(path: Path | None) -> Connection:
    """Open the file at `path` (a private database in memory for None), creating it if need be.

    A file that is created is its owner's alone; SQLite gives what it keeps beside it the same mode.
    """

    def opened() -> sqlite3.Connection:
        if path is not None:
            with suppress(FileExistsError):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        connection = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
        try:
            for pragma in _PRAGMAS:
                connection.execute(pragma).close()
        except BaseException:
            connection.close()
            raise
        return connection

    connection = Connection(opened, iter_chunk_size=64)
    thread = connection._thread  # pyright: ignore[reportPrivateUsage] -- SQLAlchemy's adapter does the same
    # A thread that is still waiting for a lock must not keep a stopping process alive.
    thread.daemon = True
    try:
        await connection
    except BaseException:
        # Its thread is told to stop but not waited for, and it still has a word to say to this loop.
        await asyncio.to_thread(thread.join)
        raise
    return connection
