"""Why a database cannot be opened, in one sentence for the operator."""

import errno
import socket
import sqlite3
from collections.abc import Iterator

from sqlalchemy.exc import DBAPIError

from bot.store.address import DatabaseMisconfigured, DatabaseUnavailable, PostgresAddress, SQLiteAddress


def unavailable(error: BaseException, address: SQLiteAddress | PostgresAddress) -> DatabaseUnavailable | None:
    """What to tell the operator about `error`; None if it is not about the database's availability."""
    chain = list(_causes(error))
    if isinstance(address, SQLiteAddress):
        return _of_sqlite(chain, address)
    return _of_postgres(chain, address)


_URL = "database.url (or DATABASE_URL)"
_ELSEWHERE = f"set {_URL} to another place"
_PERMISSION = f"give this user write permission there, or {_ELSEWHERE}"
# What helps, by SQLite's name of the error; https://www.sqlite.org/rescode.html
_SQLITE_REMEDIES = {
    "SQLITE_CANTOPEN": _PERMISSION,
    "SQLITE_READONLY": _PERMISSION,
    "SQLITE_PERM": _PERMISSION,
    "SQLITE_AUTH": _PERMISSION,
    "SQLITE_FULL": f"make room on its disk, or {_ELSEWHERE}",
    "SQLITE_BUSY": "stop the other program that uses it, then start again",
    "SQLITE_LOCKED": "stop the other program that uses it, then start again",
    "SQLITE_NOTADB": f"move this file away, or {_ELSEWHERE}",
    "SQLITE_CORRUPT": "put a backup in its place, or move it away to begin with an empty one",
    "SQLITE_IOERR": f"check its disk, or {_ELSEWHERE}",
}


def _of_sqlite(chain: list[BaseException], address: SQLiteAddress) -> DatabaseUnavailable | None:
    for error in chain:
        if isinstance(error, OSError):
            reason = error.strerror or type(error).__name__
            remedy = f"make room on its disk, or {_ELSEWHERE}" if error.errno == errno.ENOSPC else _PERMISSION
            return DatabaseUnavailable(f"{address} cannot be used: {reason}; {remedy}")
        # A full disk, a directory, no permission, a lock, another kind of file. SQLite says it in a few
        # fixed words; the rest of its errors (a wrong statement) are ours and no operator's business.
        name = getattr(error, "sqlite_errorname", None) or ""
        if isinstance(error, sqlite3.DatabaseError) and name not in ("", "SQLITE_ERROR"):
            # Extended names go on: SQLITE_READONLY_DBMOVED.
            remedy = _SQLITE_REMEDIES.get("_".join(name.split("_")[:2]), _ELSEWHERE)
            return DatabaseUnavailable(f"{address} cannot be used: {error}; {remedy}")
    return None


def _of_postgres(chain: list[BaseException], address: PostgresAddress) -> DatabaseUnavailable | None:
    for error in chain:
        state = getattr(error, "sqlstate", None)
        if isinstance(state, str) and (reason := _of_state(state, address)):
            return DatabaseUnavailable(f"{address} {reason}")
        if isinstance(error, ModuleNotFoundError):
            return DatabaseMisconfigured(
                f"PostgreSQL needs the package {error.name}, which is missing (pip install {error.name})"
            )
        if isinstance(error, socket.gaierror):
            return DatabaseUnavailable(
                f"{address} cannot be found: its host name is unknown; check the host in {_URL}"
            )
        if isinstance(error, OSError):  # includes refused and timed-out connections, and TLS that fails
            return DatabaseUnavailable(
                f"{address} cannot be reached: {_words(error)};"
                f" check that it runs, and host and port in {_URL}"
            )
        if type(error).__name__ == "ClientConfigurationError":
            return DatabaseMisconfigured(
                f"The database URL's parameters are not understood by asyncpg; check those behind ? in {_URL}"
            )
        # What the server itself reports has an SQLSTATE; the rest is about the connection to it.
        if type(error).__module__.startswith("asyncpg.") and state is None:
            return DatabaseUnavailable(
                f"{address} does not speak as expected: {type(error).__name__}; check host and port in {_URL}"
            )
    return None


def _of_state(state: str, address: PostgresAddress) -> str | None:
    # https://www.postgresql.org/docs/current/errcodes-appendix.html
    match state:
        case "28P01":
            return f"refuses the password of user {address.user!r}; mend it in {_URL}"
        case "28000":
            return f"does not let user {address.user!r} in: check its user, its pg_hba.conf and sslmode"
        case "3D000":
            return f"has no database {address.database!r}; create it, or name another in {_URL}"
        case "42501":
            return (
                f"does not let user {address.user!r} create tables in database {address.database!r};"
                f" grant it CREATE on its schema, or name another user in {_URL}"
            )
        case "53300":
            return "has no connection free; raise its max_connections, or stop something that holds some"
        case "57P03":
            return "is starting up or shutting down; start again in a moment"
        case "25006":
            return f"is read-only; name the primary server in {_URL}"
        case _ if state.startswith(("08", "53", "57", "58")):
            return f"broke off (SQLSTATE {state}); its own log says why"
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
