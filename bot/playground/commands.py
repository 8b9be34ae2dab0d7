"""The application's registered commands: what Discord accepts, and which of them a person is offered.

https://discord.com/developers/docs/interactions/application-commands
"""

from __future__ import annotations

from typing import Any

from . import permissions
from .command_rules import CHAT_INPUT, GROUP, MESSAGE_MENU, SUBCOMMAND, USER_MENU, check
from .entities import Channel, Json, User
from .errors import Form
from .permissions import Permission
from .world import World

_MOST = {CHAT_INPUT: 100, USER_MENU: 15, MESSAGE_MENU: 15}


class Commands:
    """What is registered, globally (under None) and for single guilds (under their ids)."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.stored: dict[int | None, list[Json]] = {}
        self.syncs: list[list[Json]] = []
        """The bodies of all bulk overwrites, in order."""

    def all(self) -> list[Json]:
        """Return every registered command."""
        return [command for commands in self.stored.values() for command in commands]

    def overwrite(self, scope: int | None, given: object) -> list[Json]:
        """Replace all commands of a scope; return them as stored.

        Raises:
            FormError: nothing was changed.
        """
        form = Form()
        if not isinstance(given, list):
            form.fault("", "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            form.check()
            given = []
        items: list[Any] = given  # pyright: ignore[reportUnknownVariableType]: JSON
        seen: set[tuple[int, str]] = set()
        for index, item in enumerate(items):
            check(item, str(index), form)
            key = (item.get("type", CHAT_INPUT), str(item.get("name")))
            if key in seen:
                form.fault(
                    str(index),
                    "APPLICATION_COMMANDS_DUPLICATE_NAME",
                    "Application command names must be unique",
                )
            seen.add(key)
        for kind, most in _MOST.items():
            if sum(item.get("type", CHAT_INPUT) == kind for item in items) > most:
                form.fault("", "BASE_TYPE_BAD_LENGTH", f"Must be {most} or fewer in length.")
        form.check()
        self.syncs.append(items)
        self.stored[scope] = [self._stored(item, scope) for item in items]
        return self.stored[scope]

    def add(self, scope: int | None, item: Json) -> Json:
        """Register one command, in place of its namesake."""
        form = Form()
        check(item, "", form)
        form.check()
        command = self._stored(item, scope)
        others = [each for each in self.stored.get(scope, []) if each["id"] != command["id"]]
        self.stored[scope] = [*others, command]
        return command

    def _stored(self, item: Json, scope: int | None) -> Json:
        kind = item.get("type", CHAT_INPUT)
        command: Json = {
            "application_id": str(self._world.application_id),
            "type": kind,
            "description": "",
            "default_member_permissions": None,
            "integration_types": [0],
            "contexts": None,
            "nsfw": False,
            "dm_permission": True,
            **item,
        }
        if scope is not None:
            command["guild_id"] = str(scope)
        old = next(
            (
                each
                for each in self.stored.get(scope, [])
                if (each["type"], each["name"]) == (kind, item["name"])
            ),
            None,
        )
        command["id"] = old["id"] if old is not None else str(self._world.new_id())
        same = old is not None and {**old, "version": 0} == {**command, "version": 0}
        command["version"] = old["version"] if old is not None and same else str(self._world.new_id())
        return command

    def offered(self, user: User, channel: Channel) -> list[Json]:
        """Return the commands that Discord's client shows to `user` in `channel`."""
        granted = permissions.in_channel(channel, user)
        if channel.guild is not None and not granted & Permission.USE_APPLICATION_COMMANDS:
            return []
        guild_id = None if channel.guild is None else channel.guild.id
        scopes = (guild_id, None) if guild_id is not None else (None,)
        names: set[tuple[int, str]] = set()
        found: list[Json] = []
        for command in (each for scope in scopes for each in self.stored.get(scope, ())):
            key = (command["type"], command["name"])
            if key not in names and self._shown(command, user, channel, granted):
                names.add(key)
                found.append(command)
        return found

    def _shown(self, command: Json, user: User, channel: Channel, granted: Permission) -> bool:
        guild = channel.guild
        contexts = command["contexts"]
        if contexts is not None and (0 if guild is not None else 1) not in contexts:
            return False
        if guild is None:
            return contexts is not None or command["dm_permission"] is not False
        needed = command["default_member_permissions"]
        if needed is not None and not granted & Permission.ADMINISTRATOR:
            bits = int(needed)
            if not bits or bits & ~int(granted):
                return False
        kinds = command["integration_types"] or [0]
        return (0 in kinds and self._world.bot_is_in(guild)) or (1 in kinds and user.has_app)


def find(offered: list[Json], name: str, kind: int = CHAT_INPUT) -> tuple[Json, list[Json], Json] | None:
    """Return the command `name` ("settings set"), the groups on the way, and what holds the options.

    None if there is no such command, or it is a mere group.
    """
    first, *rest = name.split() if kind == CHAT_INPUT else [name]
    command = next((each for each in offered if each["name"] == first and each["type"] == kind), None)
    if command is None:
        return None
    path: list[Json] = []
    leaf = command
    for step in rest:
        inner = next(
            (
                each
                for each in leaf.get("options") or ()
                if each["name"] == step and each["type"] in (SUBCOMMAND, GROUP)
            ),
            None,
        )
        if inner is None:
            return None
        path.append(inner)
        leaf = inner
    if any(each["type"] in (SUBCOMMAND, GROUP) for each in leaf.get("options") or ()):
        return None
    return command, path, leaf
