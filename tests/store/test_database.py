"""Opening a database: what it is set to, and what the operator is told when it cannot be had."""

import asyncio
import logging
import os
import socket
import sqlite3
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, text

from bot.store import schema
from bot.store.database import Database, DatabaseUnavailable
from bot.store.memory import Memory
from bot.store.turns import Turns
from tests.store.examples import CHANNEL, NOW, asked, question, texts


async def refusal(url: str) -> str:
    """What the operator is told."""
    with pytest.raises(DatabaseUnavailable) as refused:
        async with Database.open(url):
            pass
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
    told = str(refused.value)
    assert "\n" not in told
    return told


async def test_a_sqlite_file_and_its_directory_are_made_for_nobody_else(sqlite_path: Path):
    async with Database.open(f"sqlite:///{sqlite_path}"):
        files = sorted(sqlite_path.parent.iterdir())
        assert [path.name.removeprefix(sqlite_path.name) for path in files] == ["", "-shm", "-wal"]
        assert {os.stat(path).st_mode for path in files} == {stat.S_IFREG | 0o600}
        assert stat.S_IMODE(os.stat(sqlite_path.parent).st_mode) == 0o700


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 1),
        ("foreign_keys", 1),
        ("secure_delete", 1),
        ("busy_timeout", 5000),
    ],
)
async def test_sqlite_is_set_up_on_each_connection(sqlite_path: Path, pragma: str, value: object):
    async with Database.open(str(sqlite_path)) as database:
        for _ in range(2):
            assert [tuple(row) for row in await database.rows(text(f"PRAGMA {pragma}"))] == [(value,)]
            await database._engine.dispose()


async def test_a_database_in_memory_works_for_as_long_as_it_is_open():
    async with Database.open("sqlite://") as database:
        await Turns(database).accept(asked(1))
        assert await Turns(database).state(1) == "accepted"


async def test_what_was_stored_is_there_after_a_restart(url: str):
    async with Database.open(url) as database:
        await Turns(database).accept(asked(1))
        await Turns(database).begin(asked(1), question("q"))
    async with Database.open(url) as database:
        assert texts(await Memory(database).recent(CHANNEL, tokens=100)) == ["q"]


async def test_a_transaction_that_fails_leaves_nothing(database: Database):
    row = {"provider": "p", "model": "m", "name": "n", "value": 1}

    async def fail() -> None:
        async with database.transaction() as connection:
            await connection.execute(insert(schema.quirk), row)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await database.rows(select(schema.quirk)) == []
    await database.change(insert(schema.quirk), row)
    assert len(await database.rows(select(schema.quirk))) == 1


async def test_an_empty_transaction_leaves_the_next_statement_alone(sqlite_path: Path):
    async with Database.open(str(sqlite_path)) as database:
        async with database.transaction():
            pass
        await Turns(database).accept(asked(1))
        with sqlite3.connect(sqlite_path) as other:
            assert other.execute("SELECT count(*) FROM turn").fetchone() == (1,)
        other.close()


async def test_what_people_write_is_in_no_error_and_no_log(
    database: Database, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    await Turns(database).accept(asked(1, "swordfish"))
    await Turns(database).begin(asked(1), question("swordfish"))
    with pytest.raises(Exception, match=r"(?i)foreign") as failed:
        await database.change(
            insert(schema.line),
            {
                "channel_id": 1,
                "turn_id": 404,
                "role": "user",
                "text": "swordfish",
                "tokens": 1,
                "created_at": NOW,
            },
        )
    assert "swordfish" not in str(failed.value)
    assert "swordfish" not in caplog.text


@pytest.mark.parametrize("obstacle", ["a directory", "below a file", "not a database"])
async def test_a_sqlite_file_that_cannot_be_used_is_one_sentence(tmp_path: Path, obstacle: str):
    path = tmp_path / "x"
    match obstacle:
        case "a directory":
            path.mkdir()
        case "below a file":
            path.write_text("")
            path = path / "parley.db"
        case _:
            path.write_text("Dear diary, " * 1000)
    told = await refusal(str(path))
    assert told.startswith(f"The database file {path} cannot be used: ")
    assert told.endswith(", or set database.url (or DATABASE_URL) to another place")


async def test_a_server_that_is_not_there_is_one_sentence():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody else gets the port, and nobody listens on it
        port = taken.getsockname()[1]
        told = await refusal(f"postgres://ann:swordfish@127.0.0.1:{port}/x?sslmode=disable")
    assert told == (
        f"The PostgreSQL server at 127.0.0.1:{port} cannot be reached: connection refused;"
        " check that it runs, and host and port in database.url (or DATABASE_URL)"
    )


async def test_a_server_that_speaks_something_else_is_one_sentence():
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1024)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        told = await refusal(f"postgres://ann:swordfish@127.0.0.1:{port}/x?sslmode=disable")
    assert told.startswith(f"The PostgreSQL server at 127.0.0.1:{port} ")


async def test_a_missing_database_is_one_sentence(postgres: Any):
    told = await refusal(postgres.get_uri(database="nowhere"))
    assert "has no database 'nowhere'; create it, or " in told


async def test_a_wrong_password_is_one_sentence_without_it():
    """A server that answers as PostgreSQL does to a wrong password; the real one here asks for none."""
    refused = b"SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed\0\0"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1024)
        writer.write(b"E" + (len(refused) + 4).to_bytes(4, "big") + refused)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        told = await refusal(f"postgres://ann:swordfish@127.0.0.1:{port}/x?sslmode=disable")
    assert told.endswith("refuses the password of user 'ann'; mend it in database.url (or DATABASE_URL)")


async def test_a_user_who_may_not_create_tables_is_one_sentence(postgres: Any, postgres_url: str):
    postgres.psql("DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN")
    told = await refusal(postgres_url.replace("postgres:@", "guest:@"))
    assert "does not let user 'guest' create tables" in told


async def test_parameters_that_the_driver_does_not_know_are_one_sentence():
    told = await refusal("postgres://ann:swordfish@127.0.0.1:1/x?sslmode=swordfish")
    assert told.startswith(
        "The database URL's parameters are not understood by asyncpg; check those behind ?"
    )


async def test_postgresql_without_its_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    assert "pip install asyncpg" in await refusal("postgres://ann:swordfish@127.0.0.1:1/x")


async def test_an_open_database_shows_no_secret(postgres_url: str):
    async with Database.open(postgres_url.replace("postgres:@", "postgres:swordfish@")) as database:
        assert await database.rows(text("SELECT 1"))
        shown = [repr(database), repr(database._engine), str(database._engine.url), repr(vars(database))]
    assert "swordfish" not in "".join(shown)


async def test_a_server_that_hung_up_is_called_again(postgres: Any, postgres_url: str):
    async with Database.open(postgres_url) as database:
        turns = Turns(database)
        await turns.accept(asked(1))
        async with database.transaction() as connection:
            raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        closed = asyncio.Event()
        raw.add_termination_listener(lambda _: closed.set())
        postgres.psql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        await asyncio.wait_for(closed.wait(), 5)
        assert await turns.accept(asked(2))
