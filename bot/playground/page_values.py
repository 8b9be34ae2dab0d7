"""Turns what the page sends (ids, texts, places of files) into what a person's client holds."""

from __future__ import annotations

from typing import Any

from . import command_rules, commands
from .commands import Commands
from .entities import Channel, Json
from .errors import FormError
from .options import OptionValue
from .people import Person
from .requests import Request
from .snowflakes import as_id
from .world import World


class Given:
    """Knows the types of the registered commands' options, and everyone and everything by id."""

    def __init__(self, world: World, registered: Commands) -> None:
        self._world = world
        self._commands = registered

    def values(self, request: Request, channel: Channel, person: Person) -> dict[str, Any]:
        """Return the options as a person's client has them: typed, with users, channels and files as such.

        A file's option holds its place among the files sent along.

        Raises:
            FormError: the options are no object.
        """
        sent: Any = request.json.get("options") or {}
        if not isinstance(sent, dict):
            raise FormError([("options", "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")])
        given: Json = sent  # pyright: ignore[reportUnknownVariableType]: JSON
        found = commands.find(self._commands.offered(person, channel), str(request.json.get("name", "")))
        kinds: dict[str, int] = {}
        if found is not None:
            defined: list[Json] = found[2].get("options") or []
            kinds = {option["name"]: option["type"] for option in defined}
        values = {
            key: self._typed(value, kinds.get(key, 0), channel) for key, value in given.items() if value != ""
        }
        for key, value in values.items():
            file = request.files.get(value) if isinstance(value, int) else None
            if kinds.get(key) == command_rules.ATTACHMENT and file is not None:
                values[key] = (file.filename, file.data)
        return values

    def _typed(self, value: Any, kind: int, channel: Channel) -> OptionValue:
        if kind == command_rules.INTEGER and isinstance(value, str):
            return int(value)
        if kind == command_rules.NUMBER and isinstance(value, str):
            return float(value)
        if kind == command_rules.BOOLEAN and isinstance(value, str):
            return value.lower() == "true"
        if kind in (command_rules.USER, command_rules.CHANNEL, command_rules.ROLE, command_rules.MENTIONABLE):
            return self.named(value, channel)
        return value

    def named(self, value: Any, channel: Channel) -> Any:
        """Return the user, role or channel with that id, or the text itself."""
        identity = as_id(value)
        if identity is None:
            return value
        roles = {} if channel.guild is None else channel.guild.roles
        for known in (self._world.users, roles, self._world.channels):
            if identity in known:
                return known[identity]
        return value
