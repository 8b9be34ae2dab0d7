"""What people set, by scope: a layer's name and the Discord id of a channel or server."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, and_, bindparam, delete, or_, select

from bot.store.database import Database
from bot.store.schema import setting

_REMOVE = delete(setting).where(
    setting.c.layer == bindparam("of_layer"), setting.c.scope_id == bindparam("of_scope")
)
_REMOVE_ONE = _REMOVE.where(setting.c.name == bindparam("of_name"))


# It stands before every answer, and putting a statement together takes longer than running it.
@lru_cache(maxsize=8)
def _of_scopes(number: int) -> Select[str, int, str, Any]:
    return select(setting.c.layer, setting.c.scope_id, setting.c.name, setting.c.value).where(
        or_(
            *(
                and_(setting.c.layer == bindparam(f"layer{n}"), setting.c.scope_id == bindparam(f"scope{n}"))
                for n in range(number)
            )
        )
    )


class SettingValues:
    """`core.ports.SettingStore` in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        upsert = database.insert(setting)
        self._put = upsert.on_conflict_do_update(
            index_elements=["layer", "scope_id", "name"], set_={"value": upsert.excluded.value}
        )

    async def get(
        self, scopes: Sequence[tuple[str, int]]
    ) -> Mapping[tuple[str, int], Mapping[str, str | int | float]]:
        """The values of each scope that has any, by name."""
        if not scopes:
            return {}
        wanted: dict[str, str | int] = {}
        for number, (layer, scope_id) in enumerate(scopes):
            wanted[f"layer{number}"], wanted[f"scope{number}"] = layer, scope_id
        rows = await self._database.rows(_of_scopes(len(scopes)), wanted)
        found: dict[tuple[str, int], dict[str, str | int | float]] = {}
        for row in rows:
            found.setdefault((row.layer, row.scope_id), {})[row.name] = row.value
        return found

    async def put(self, layer: str, scope_id: int, values: Mapping[str, str | int | float]) -> None:
        """Keep all `values`, over those of the same names."""
        if not values:
            return
        rows = [
            # Always in the same order, or two who set the same could wait for each other for ever.
            {"layer": layer, "scope_id": scope_id, "name": name, "value": values[name]}
            for name in sorted(values)
        ]
        async with self._database.transaction() as connection:
            await connection.execute(self._put, rows)

    async def remove(self, layer: str, scope_id: int, name: str | None) -> None:
        """Forget one value, or all of the scope where `name` is None."""
        scope = {"of_layer": layer, "of_scope": scope_id}
        if name is None:
            await self._database.change(_REMOVE, scope)
        else:
            await self._database.change(_REMOVE_ONE, {**scope, "of_name": name})
