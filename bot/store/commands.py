"""Which slash commands Discord was last given, so that they are synchronised only when they changed."""

from sqlalchemy import bindparam, delete, select

from bot.store.database import Database
from bot.store.schema import command_fingerprint

_GET = select(command_fingerprint.c.fingerprint).where(
    command_fingerprint.c.application_id == bindparam("of_application")
)
_FORGET = delete(command_fingerprint)


class Fingerprints:
    """The fingerprint of each application's commands."""

    def __init__(self, database: Database) -> None:
        self._database = database
        upsert = database.insert(command_fingerprint)
        self._put = upsert.on_conflict_do_update(
            index_elements=["application_id"], set_={"fingerprint": upsert.excluded.fingerprint}
        )

    async def get(self, application_id: int) -> str | None:
        """The fingerprint of the commands that Discord has; None if that is not known."""
        rows = await self._database.rows(_GET, {"of_application": application_id})
        return rows[0].fingerprint if rows else None

    async def put(self, application_id: int, fingerprint: str) -> None:
        """Remember what Discord was given."""
        await self._database.change(self._put, {"application_id": application_id, "fingerprint": fingerprint})

    async def forget(self) -> None:
        """Take it that no application was given any commands, so that all are synchronised again."""
        await self._database.change(_FORGET)
