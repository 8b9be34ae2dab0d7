"""Migrations: from every earlier version to the tables that the schema says."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from bot.store import migrations
from bot.store.database import Database, DatabaseUnavailable
from bot.store.schema import metadata

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


async def test_the_indexes_are_those_of_the_schema_with_their_conditions(url: str):
    async with Database.open(url) as database, database.transaction() as connection:
        migrated = await connection.run_sync(definitions)
        await connection.execute(text("DROP TABLE alembic_version"))
        await connection.run_sync(metadata.drop_all)
        await connection.run_sync(metadata.create_all)
        created = await connection.run_sync(definitions)
    assert {d for d in migrated if "alembic" not in d[0]} == created


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


async def drop_everything_and_upgrade_to(url: str, revision: str) -> None:
    async with Database.open(url) as database, database.transaction() as connection:
        await connection.run_sync(metadata.drop_all)
        await connection.execute(text("DROP TABLE alembic_version"))
        await connection.run_sync(migrations.upgrade, revision)
