"""Migrations: from every earlier version to the tables that the schema says."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.model import TurnState
from bot.store import migrations, schema
from bot.store.database import Database, DatabaseUnavailable
from bot.store.memory import Memory
from bot.store.schema import metadata
from bot.store.turns import Turns
from tests.store.examples import ANN, CHANNEL, LONG_AGO, NOW, WHOLE, asked, question, texts

SCRIPT = ScriptDirectory.from_config(migrations.configuration())
REVISIONS = [script.revision for script in SCRIPT.walk_revisions()][::-1]
ROOT = Path(__file__).parents[2]


def differences(connection: Connection) -> list[Any]:
    return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)


def definitions(connection: Connection) -> set[tuple[str, str]]:
    """Every index as the database itself spells it: Alembic does not compare their conditions."""
    if connection.dialect.name == "sqlite":
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    else:
        query = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
    return {(row[0], " ".join(row[1].split())) for row in connection.execute(text(query))}


def test_the_versions_are_one_line_without_branches():
    assert len(SCRIPT.get_heads()) == len(SCRIPT.get_bases()) == 1


@pytest.mark.parametrize("revision", [None, *REVISIONS])
async def test_from_every_version_the_tables_become_what_the_schema_says(url: str, revision: str | None):
    if revision is not None:
        await drop_everything_and_upgrade_to(url, revision)
    async with Database.open(url) as database, database.transaction() as connection:
        assert await connection.run_sync(differences) == []


@pytest.mark.parametrize("revision", [None, *REVISIONS])
async def test_the_indexes_are_those_of_the_schema_with_their_conditions(url: str, revision: str | None):
    if revision is not None:
        await drop_everything_and_upgrade_to(url, revision)
    async with Database.open(url) as database, database.transaction() as connection:
        migrated = await connection.run_sync(definitions)
        await connection.execute(text("DROP TABLE alembic_version"))
        await connection.run_sync(metadata.drop_all)
        await connection.run_sync(metadata.create_all)
        created = await connection.run_sync(definitions)
    assert {d for d in migrated if "alembic" not in d[0]} == created


async def test_what_the_first_version_kept_is_there_and_can_be_finished(url: str):
    await drop_everything_and_upgrade_to(url, "0001", write_as_the_first_version)
    async with Database.open(url) as database:
        turns, memory = Turns(database), Memory(database)
        answered, silent, accepted = await turns.unfinished()
        assert accepted.turn == replace(asked(2**62, f"q{2**62}"), addressee="")
        assert (accepted.state, accepted.asked_at, accepted.outcome) == ("accepted", LONG_AGO, None)
        assert (answered.turn.id, answered.outcome, answered.text) == (1, WHOLE, "a1")
        assert silent.outcome is not None
        assert (silent.turn.id, silent.outcome.state) == (2, TurnState.FAILED)
        assert await turns.state(4) == TurnState.DELIVERED
        assert texts(await memory.recent(CHANNEL, tokens=100)) == ["q1", "a1", "q2", "q3", "a3"]

        reopened = await turns.reopen(3)
        assert reopened is not None
        assert (reopened.turn.text, reopened.pages) == ("q3", [30, 31])
        assert await memory.undo(1, since=LONG_AGO)
        assert texts(await memory.recent(CHANNEL, tokens=100)) == ["q1", "a1", "q2", "q3", "q4", "a4"]

        await turns.accept(asked(5))
        await turns.begin(asked(5), question("q5"))
        assert texts(await memory.recent(CHANNEL, tokens=10)) == ["q5"]
        assert (await memory.reset(CHANNEL, by=1, at=NOW)).id > 1


async def test_the_first_version_can_still_write_when_the_second_has_come_up(url: str):
    """Hosts start the new process before they stop the old one."""
    async with Database.open(url) as database:
        async with database.transaction() as connection:
            await write_as_the_first_version(connection)
        assert [found.turn.id for found in await Turns(database).unfinished()] == [1, 2, 2**62]


async def test_a_database_of_a_newer_program_is_left_alone(url: str):
    async with Database.open(url) as database:
        await database.change(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseUnavailable, match="newer version"):
        async with Database.open(url):
            pass


async def test_many_who_open_a_new_database_at_once_all_come_up(url: str):
    async def come_up() -> None:
        async with Database.open(url) as database:
            assert await database.rows(text("SELECT 1 FROM turn")) == []

    await asyncio.gather(*(come_up() for _ in range(4)))


async def test_two_processes_that_start_at_once_both_come_up(url: str):
    program = (
        "import asyncio, sys\n"
        "from bot.store.database import Database\n"
        "async def main():\n"
        "    async with Database.open(sys.argv[1]):\n"
        "        pass\n"
        "asyncio.run(main())\n"
    )
    both = [
        await asyncio.create_subprocess_exec(sys.executable, "-W", "error", "-c", program, url, cwd=ROOT)
        for _ in range(2)
    ]
    assert [await process.wait() for process in both] == [0, 0]


async def test_a_migration_that_fails_leaves_the_tables_as_they_were(url: str):
    async with Database.open(url) as database:
        # The next start finds tables that the first revision cannot create again.
        await database.change(text("DELETE FROM alembic_version"))
        await database.change(text("DROP TABLE quirk"))
        await database.change(text("DROP TABLE page"))
        await database.change(text("DROP TABLE line"))
    with pytest.raises(Exception, match="already exists"):
        async with Database.open(url):
            pass
    with pytest.raises(Exception, match="already exists"):
        async with Database.open(url):
            pass


async def nothing(connection: AsyncConnection) -> None:
    """No rows."""


async def write_as_the_first_version(connection: AsyncConnection) -> None:
    """Turns answered, answered with nothing, failed, delivered and then laid aside, and accepted."""
    states = {1: "answered", 2: "answered", 3: "failed", 4: "delivered", 2**62: "accepted"}
    common = {"channel_id": CHANNEL, "author_id": ANN.id, "author_name": ANN.name, "created_at": LONG_AGO}
    turn = common | {"guild_id": 5, "parent_id": 6, "kind": "chat"}
    turns = [turn | {"id": id_, "text": f"q{id_}", "state": state} for id_, state in states.items()]
    reset = {"channel_id": CHANNEL, "by_id": 1, "at": NOW}
    lines = [
        common
        | {"turn_id": int(said[1]), "role": {"q": "user", "a": "assistant"}[said[0]], "text": said}
        | {"tokens": 10, "reset_id": 1 if said[1] == "4" else None}
        for said in ("q1", "a1", "q2", "q3", "a3", "q4", "a4")
    ]
    pages = [{"turn_id": 3, "number": number, "message_id": 30 + number} for number in (0, 1)]
    for table, rows in (
        (schema.turn, turns),
        (schema.reset, [reset]),
        (schema.line, lines),
        (schema.page, pages),
    ):
        await connection.execute(insert(table), rows)


async def drop_everything_and_upgrade_to(
    url: str, revision: str, write: Callable[[AsyncConnection], Awaitable[None]] = nothing
) -> None:
    """A database as the version of `revision` left it, with the rows that `write` adds."""
    async with Database.open(url) as database, database.transaction() as connection:
        await connection.run_sync(metadata.drop_all)
        await connection.execute(text("DROP TABLE alembic_version"))
        await connection.run_sync(migrations.upgrade, revision)
        await write(connection)
