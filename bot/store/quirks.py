"""What providers' models turned out not to take, so that it is learned once and not at every start."""

from sqlalchemy import select

from bot.store.database import Database
from bot.store.schema import quirk

Scalar = str | int | float | bool | None


class Quirks:
    """What was learned, per provider and model."""

    def __init__(self, database: Database) -> None:
        self._database = database
        upsert = database.insert(quirk)
        self._learn = upsert.on_conflict_do_update(
            index_elements=["provider", "model", "name"], set_={"value": upsert.excluded.value}
        )

    async def all(self) -> list[tuple[str, str, str, Scalar]]:
        """Everything learned so far, as (provider, model, name, value), in that order."""
        rows = await self._database.rows(
            select(quirk).order_by(quirk.c.provider, quirk.c.model, quirk.c.name)
        )
        return [(row.provider, row.model, row.name, row.value) for row in rows]

    async def learn(self, provider: str, model: str, name: str, value: Scalar) -> None:
        """Remember `value`, over what was known under that name."""
        await self._database.change(
            self._learn, {"provider": provider, "model": model, "name": name, "value": value}
        )
