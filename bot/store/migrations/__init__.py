"""Bringing a database's tables up to this program's version, with Alembic.

A change to `bot.store.schema` needs a new file in `versions/`, named and numbered after the last one.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from bot.store.address import DatabaseUnavailable

# Any number, as long as nothing else that shares the database locks it: "Parley" in ASCII.
LOCK = int.from_bytes(b"Parley", "big")


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run what is missing up to `revision`, in the transaction of `connection`.

    Raises:
        DatabaseUnavailable: The tables are of a newer version of this program.
    """
    config = configuration()
    script = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_heads()
    if current == tuple(script.get_heads()):
        return
    for known in current:
        try:
            script.get_revision(known)
        except CommandError:
            raise DatabaseUnavailable(
                f"The database was used by a newer version of this program (revision {known} is unknown"
                " here); upgrade the program, or restore the database from before"
            ) from None
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def configuration() -> Config:
    """Alembic's configuration: there is no alembic.ini, the scripts are part of this package."""
    config = Config()
    # Alembic takes a percent sign for the start of a reference.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config
