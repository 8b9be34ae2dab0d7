"""What a database URL means."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.store.address import (
    DatabaseMisconfigured,
    DatabaseUnavailable,
    PostgresAddress,
    SQLiteAddress,
    parse,
)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///data/parley.db", Path("data/parley.db")),
        ("sqlite+aiosqlite:///data/parley.db", Path("data/parley.db")),
        ("sqlite:////var/lib/parley.db", Path("/var/lib/parley.db")),
        ("  data/parley.db\n", Path("data/parley.db")),
        ("/var/lib/parley.db", Path("/var/lib/parley.db")),
        ("~/parley.db", Path.home() / "parley.db"),
        ("sqlite://", None),
        ("sqlite:///:memory:", None),
    ],
)
def test_a_sqlite_file_is_named_by_url_or_path(url: str, path: Path | None):
    assert parse(url) == SQLiteAddress(path=path)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg", "POSTGRES"])
def test_postgresql_is_named_as_hosts_name_it(scheme: str):
    address = parse(f"{scheme}://ann:s%23cret@db.example:6543/parley?sslmode=require")
    assert isinstance(address, PostgresAddress)
    assert address.dsn == "postgresql://ann:s%23cret@db.example:6543/parley?sslmode=require"
    assert (address.where, address.user, address.database) == ("db.example:6543", "ann", "parley")


def test_parameters_for_other_drivers_are_left_out_and_ssl_means_sslmode():
    url = "postgres://a:b@c/d?ssl=require&channel_binding=require&pgbouncer=true&options=endpoint%3Dx%20y"
    address = parse(url)
    assert isinstance(address, PostgresAddress)
    assert address.dsn == "postgresql://a:b@c/d?sslmode=require&options=endpoint%3Dx%20y"


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ann:swordfish@db/x",
        "postgres://ann:sword#fish@db/x",
        "postgres://ann:swordfish/@db/x",
        "postgres://ann:swordfish@db:port/x",
        "postgres://ann:[swordfish@db/x",
        "postgres://ann:swordfish@db/x?sslmode",
        "postgres://ann:sword@fish@db/x",
        "postgres://ann:12/swordfish@db/x",
    ],
)
def test_a_url_that_cannot_be_read_is_refused_without_showing_it(url: str):
    with pytest.raises(DatabaseMisconfigured) as refused:
        parse(url)
    assert "fish" not in repr(refused.value)
    assert "percent" in str(refused.value) or "must begin with" in str(refused.value)
    assert refused.value.__cause__ is None


@given(password=st.text(min_size=1, max_size=30))
def test_no_password_shows_whatever_is_in_it(password: str):
    try:
        address = parse(f"postgres://ann:XX{password}XX@db.example/parley")
    except DatabaseUnavailable as refused:
        shown = repr(refused)
    else:
        shown = repr(address) + str(address)
    assert "XX" not in shown
