"""Why a database cannot be opened, in one sentence for the operator."""

import socket
import sqlite3
from collections.abc import Iterator

from sqlalchemy.exc import DBAPIError

from bot.store.address import DatabaseUnavailable, PostgresAddress, SQLiteAddress


def unavailable(error: BaseException, address: SQLiteAddress | PostgresAddress) -> DatabaseUnavailable | None:
    """What to tell the operator about `error`; None if it is not about the database's availability."""
    chain = list(_causes(error))
    if isinstance(address, SQLiteAddress):
        return _of_sqlite(chain, address)
    return _of_postgres(chain, address)


def _of_sqlite(chain: list[BaseException], address: SQLiteAddress) -> DatabaseUnavailable | None:
    for error in chain:
        if isinstance(error, OSError):
            return DatabaseUnavailable(f"{address} cannot be used: {error.strerror or type(error).__name__}")
        # A full disk, a directory, no permission, a lock, another kind of file. SQLite says it in a few
        # fixed words; the rest of its errors (a wrong statement) are ours and no operator's business.
        name = getattr(error, "sqlite_errorname", None) or ""
        if isinstance(error, sqlite3.DatabaseError) and name not in ("", "SQLITE_ERROR"):
            return DatabaseUnavailable(f"{address} cannot be used: {error}")
    return None


def _of_postgres(chain: list[BaseException], address: PostgresAddress) -> DatabaseUnavailable | None:
    for error in chain:
        state = getattr(error, "sqlstate", None)
        if isinstance(state, str) and (reason := _of_state(state, address)):
            return DatabaseUnavailable(f"{address} {reason}")
        if isinstance(error, ModuleNotFoundError):
            return DatabaseUnavailable(
                f"PostgreSQL needs the package {error.name}, which is missing (pip install {error.name})"
            )
        if isinstance(error, socket.gaierror):
            return DatabaseUnavailable(f"{address} cannot be found: its host name is unknown")
        if isinstance(error, OSError):  # includes refused and timed-out connections, and TLS that fails
            return DatabaseUnavailable(f"{address} cannot be reached: {_words(error)}")
        if type(error).__name__ == "ClientConfigurationError":
            return DatabaseUnavailable("The database URL's parameters are not understood by asyncpg")
        # What the server itself reports has an SQLSTATE; the rest is about the connection to it.
        if type(error).__module__.startswith("asyncpg.") and state is None:
            return DatabaseUnavailable(f"{address} does not speak as expected: {type(error).__name__}")
    return None


def _of_state(state: str, address: PostgresAddress) -> str | None:
    # https://www.postgresql.org/docs/current/errcodes-appendix.html
    match state:
        case "28P01":
            return f"refuses the password of user {address.user!r}"
        case "28000":
            return f"does not let user {address.user!r} in: check its user, its pg_hba.conf and sslmode"
        case "3D000":
            return f"has no database {address.database!r}"
        case "42501":
            return f"does not let user {address.user!r} create tables in database {address.database!r}"
        case "53300":
            return "has no connection free"
        case "57P03":
            return "is starting up or shutting down"
        case "25006":
            return "is read-only"
        case _ if state.startswith(("08", "53", "57", "58")):
            return f"broke off (SQLSTATE {state})"
        case _:
            return None


def _words(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return type(error).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        inner = following.orig if isinstance(following, DBAPIError) else None
        following = inner or following.__cause__ or following.__context__
