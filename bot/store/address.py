"""Where the database is, from the URL in the configuration or in a host's environment."""

import logging
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

_log = logging.getLogger(__name__)

# What asyncpg reads from a DSN, and what PostgreSQL itself takes from there. Hosts add more that is meant
# for other drivers (`channel_binding`, `pgbouncer` …), which the server would refuse as unknown settings.
# https://magicstack.github.io/asyncpg/current/api/index.html#connection
_PARAMETERS = frozenset(
    {"host", "port", "user", "password", "dbname", "database", "passfile", "service", "servicefile"}
    | {"sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslpassword", "sslnegotiation"}
    | {"ssl_min_protocol_version", "ssl_max_protocol_version", "target_session_attrs"}
    | {"krbsrvname", "gsslib", "options", "application_name", "search_path"}
)


class DatabaseUnavailable(Exception):
    """The database cannot be used. The text is one sentence for the operator, without any secret."""


class DatabaseMisconfigured(DatabaseUnavailable):
    """What the configuration says of the database cannot be right; waiting does not help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SQLiteAddress:
    """A file; None is a database in memory, which is gone with the process."""

    path: Path | None

    def __str__(self) -> str:
        return f"The database file {self.path}" if self.path else "The database in memory"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresAddress:
    """A PostgreSQL server's database. Only `dsn` holds the password, and it is never shown."""

    dsn: str = field(repr=False)
    where: str
    user: str
    database: str

    def __str__(self) -> str:
        return f"The PostgreSQL server at {self.where}"


def parse(url: str) -> SQLiteAddress | PostgresAddress:
    """The address that `url` means: a URL of either database, or a plain path of a SQLite file.

    Raises:
        DatabaseMisconfigured: It cannot be read, or is of another kind of database.
    """
    scheme, separator, rest = url.strip().partition("://")
    kind = scheme.lower().partition("+")[0]
    if not separator:
        return _sqlite(url.strip())
    if kind == "sqlite":
        return _sqlite(rest.partition("?")[0].removeprefix("/"))
    if kind in ("postgres", "postgresql"):
        return _postgres(rest)
    raise DatabaseMisconfigured(
        "The database URL must begin with sqlite:/// or postgresql://; mend database.url or DATABASE_URL"
    )


def _sqlite(path: str) -> SQLiteAddress:
    return SQLiteAddress(path=None if path in ("", ":memory:") else Path(path).expanduser())


def _postgres(rest: str) -> PostgresAddress:
    try:
        parts = urlsplit(f"postgresql://{rest}")
        host, port, user = parts.hostname, parts.port, parts.username
        query = parse_qsl(parts.query, strict_parsing=bool(parts.query))
    except ValueError:
        host, port, user, query, parts = None, None, None, [], None
    # Of a second @, asyncpg and this parser make different hosts; one behind a slash is a password's too.
    if parts is None or parts.fragment or parts.netloc.count("@") > 1 or "@" in parts.path:
        # The parser's own words would quote a piece of the password.
        raise DatabaseMisconfigured(
            "The database URL cannot be read: special characters in its user or password"
            " must be percent-encoded (`#` as %23, `/` as %2F, `@` as %40); mend database.url or DATABASE_URL"
        ) from None
    kept: dict[str, str] = {}
    for name, value in query:
        # SQLAlchemy's own URLs for asyncpg say `ssl` where everybody else says `sslmode`.
        known = "sslmode" if name == "ssl" else name
        if known in _PARAMETERS:
            kept[known] = value
        else:
            _log.info("The database URL's parameter %s is not used", name)
    bare = parts._replace(query=urlencode(kept, quote_via=quote))
    at = host or kept.get("host") or "the local socket"
    return PostgresAddress(
        dsn=bare.geturl(),
        where=f"{at}:{port}" if port else at,
        user=unquote(user or kept.get("user", "")),
        database=unquote(parts.path.lstrip("/")) or kept.get("dbname", kept.get("database", "")),
    )
