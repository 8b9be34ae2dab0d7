"""REST: registering application commands."""

from __future__ import annotations

from collections.abc import Callable

from .commands import Commands
from .entities import Json
from .errors import ApiError, Refusal
from .limits import Rate
from .requests import Request
from .routes import Route
from .snowflakes import as_id
from .world import World

_REGISTERING = Rate(5, 20.0)


class CommandRoutes:
    """Handlers; each returns the JSON to answer with, or None."""

    def __init__(self, world: World, commands: Commands, changed: Callable[[], None]) -> None:
        self._world = world
        self._commands = commands
        self._changed = changed

    def routes(self) -> list[Route]:
        """Return what this module answers."""
        app = "/applications/{application_id}"
        found: list[Route] = []
        for base in (f"{app}/commands", f"{app}/guilds/{{guild_id}}/commands"):
            one = base + "/{command_id}"
            found += [
                Route("GET", base, self.list),
                Route("PUT", base, self.overwrite, _REGISTERING),
                Route("POST", base, self.create, _REGISTERING),
                Route("GET", one, self.get),
                Route("PATCH", one, self.edit, _REGISTERING),
                Route("DELETE", one, self.delete, _REGISTERING),
            ]
        return found

    def _scope(self, request: Request) -> int | None:
        if request.params["application_id"] != str(self._world.application_id):
            raise ApiError(Refusal.BOTS_CANNOT_USE)
        if "guild_id" not in request.params:
            return None
        guild = self._world.guilds.get(as_id(request.params["guild_id"]) or 0)
        if guild is None or not self._world.bot_is_in(guild):
            raise ApiError(Refusal.MISSING_ACCESS)
        return guild.id

    def list(self, request: Request) -> list[Json]:
        """Return the commands of a scope."""
        return self._commands.stored.get(self._scope(request), [])

    def overwrite(self, request: Request) -> list[Json]:
        """Replace the commands of a scope."""
        stored = self._commands.overwrite(self._scope(request), request.body)
        self._changed()
        return stored

    def create(self, request: Request) -> Json:
        """Register one command."""
        command = self._commands.add(self._scope(request), request.json)
        self._changed()
        return command

    def get(self, request: Request) -> Json:
        """Return one command."""
        identity = request.params["command_id"]
        for command in self.list(request):
            if command["id"] == identity:
                return command
        raise ApiError(Refusal.UNKNOWN_COMMAND)

    def edit(self, request: Request) -> Json:
        """Change one command."""
        old = self.get(request)
        scope = self._scope(request)
        self._commands.stored[scope] = [each for each in self._commands.stored[scope] if each is not old]
        new = self._commands.add(scope, {**old, **request.json}) | {"id": old["id"]}
        self._commands.stored[scope][-1] = new
        self._changed()
        return new

    def delete(self, request: Request) -> None:
        """Unregister one command."""
        old, scope = self.get(request), self._scope(request)
        self._commands.stored[scope] = [each for each in self._commands.stored[scope] if each is not old]
        self._changed()
