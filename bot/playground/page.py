"""What the page's script asks for and is told: a person's side of the box, over HTTP and a websocket."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from aiohttp import WSCloseCode, web

from . import wire, wire_messages
from .commands import Commands
from .entities import Channel, Guild, Json, Message
from .errors import ApiError, Refusal
from .events import Events, page_fields
from .gateway import Gateway
from .page_values import Given
from .people import Person
from .requests import Request, read_body
from .rest_interactions import InteractionRoutes
from .routes import Route, Routes
from .snowflakes import as_id
from .world import World

_STATIC = Path(__file__).with_name("static")
_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
# What a model writes is shown: even if a text became markup, nothing but our own files may run or load.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


class Page:
    """Serves the page and everything it needs."""

    def __init__(
        self,
        world: World,
        gateway: Gateway,
        events: Events,
        registered: Commands,
        interactions: InteractionRoutes,
        *,
        remembers: bool,
    ) -> None:
        self._world = world
        self._remembers = remembers
        self._gateway = gateway
        self._events = events
        self._commands = registered
        self._interactions = interactions
        self._given = Given(world, registered)
        self._sockets: set[web.WebSocketResponse] = set()
        channel = "/page/channels/{channel_id}"
        message = channel + "/messages/{message_id}"
        self._routes = Routes(
            [
                Route("GET", "/page/world", self._get_world),
                Route("GET", channel + "/messages", self._history),
                Route("POST", channel + "/messages", self._say),
                Route("PATCH", message, self._edit),
                Route("DELETE", message, self._delete),
                Route("POST", message + "/components", self._touch),
                Route("POST", channel + "/commands", self._command),
                Route("POST", channel + "/autocomplete", self._complete),
                Route("POST", channel + "/typing", self._type),
                Route("POST", "/page/interactions/{interaction_id}/modal", self._submit),
            ]
        )

    async def close(self) -> None:
        """Hang up on every open page."""
        await asyncio.gather(*(ws.close(code=WSCloseCode.GOING_AWAY) for ws in tuple(self._sockets)))

    async def serve(self, http: web.BaseRequest) -> web.StreamResponse:
        """Answer a request that is neither REST nor the gateway."""
        if not http.path.startswith("/page/"):
            return await self._file(http)
        if http.path == "/page/events":
            return await self._feed(http)
        try:
            return await self._answer(http)
        except ApiError as error:
            return _json(error.status, error.body())
        except PermissionError as error:
            return _json(403, {"code": Refusal.MISSING_PERMISSIONS.value[1], "message": str(error)})
        except (ValueError, TypeError) as error:
            return _json(400, {"code": 0, "message": str(error)})

    async def _answer(self, http: web.BaseRequest) -> web.Response:
        route, params, _ = self._routes.find(http.method, http.path)
        if route is None:
            raise ApiError(Refusal.NOT_FOUND)
        request = Request(http.method, http.path, route.template, params, http.query, http.headers)
        request.body, request.files = await read_body(http, any_file_name=True)
        answer = route.handler(request)
        return _json(200, await answer if inspect.isawaitable(answer) else answer)

    async def _file(self, http: web.BaseRequest) -> web.Response:
        name = "page.html" if http.path == "/" else http.path.removeprefix("/static/")
        path = _STATIC / name
        if http.method not in ("GET", "HEAD") or "/" in name or path.suffix not in _TYPES:
            return web.Response(status=404, text="Not found")
        try:
            body = await asyncio.to_thread(path.read_bytes)
        except (OSError, ValueError):  # the latter for a name that no file can have
            return web.Response(status=404, text="Not found")
        headers = {
            "Cache-Control": "no-cache",
            "Content-Security-Policy": _POLICY,
            "X-Content-Type-Options": "nosniff",
        }
        return web.Response(body=body, content_type=_TYPES[path.suffix], charset="utf-8", headers=headers)

    async def _feed(self, http: web.BaseRequest) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(timeout=1.0, heartbeat=30)
        await ws.prepare(http)
        frames: asyncio.Queue[bytes] = asyncio.Queue()

        def feed(name: str, data: Json) -> None:
            frames.put_nowait(orjson.dumps({"t": name, "d": data}))

        async def write() -> None:
            while True:
                await ws.send_str((await frames.get()).decode())

        self._events.feeds.add(feed)
        self._sockets.add(ws)
        writer = asyncio.create_task(write())
        try:
            feed("BOT_STATUS", {"online": self._gateway.online})
            async for _ in ws:
                pass
        finally:
            self._events.feeds.discard(feed)
            self._sockets.discard(ws)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
        return ws

    # Who and where

    def _people(self) -> list[Person]:
        return [user for user in self._world.users.values() if isinstance(user, Person)]

    def _person(self, body: Mapping[str, Any]) -> Person:
        people = self._people()
        wanted = body.get("as")
        for person in people:
            if wanted is None or person.id == as_id(wanted):
                return person
        raise ApiError(Refusal.UNKNOWN_USER)

    def _channel(self, request: Request) -> Channel:
        channel = self._world.channels.get(as_id(request.params["channel_id"]) or 0)
        if channel is None:
            raise ApiError(Refusal.UNKNOWN_CHANNEL)
        return channel

    def _message(self, request: Request) -> Message:
        message = self._channel(request).messages.get(as_id(request.params["message_id"]) or 0)
        if message is None:
            raise ApiError(Refusal.UNKNOWN_MESSAGE)
        return message

    def _message_json(self, message: Message) -> Json:
        return wire_messages.message_json(message, self._world.bot) | page_fields(message)

    # What the page asks for

    def _get_world(self, request: Request) -> Json:
        people = self._people()
        if people:
            self._world.dm_with(people[0])
        dms = [channel for channel in self._world.channels.values() if channel.guild is None]
        return {
            "you": wire.user_json(people[0]) if people else None,
            "users": [wire.user_json(person) for person in people],
            "bot": wire.user_json(self._world.bot),
            "online": self._gateway.online,
            "remembers": self._remembers,
            "guilds": [_guild_json(guild) for guild in self._world.guilds.values()],
            "dms": [{"id": str(each.id), "recipient": wire.user_json(each.recipients[0])} for each in dms],
            "commands": self._commands.all(),
        }

    def _history(self, request: Request) -> list[Json]:
        limit = max(1, int(request.query.get("limit", "100")))
        return [
            self._message_json(message) for message in list(self._channel(request).messages.values())[-limit:]
        ]

    async def _say(self, request: Request) -> Json:
        body = request.json
        channel = self._channel(request)
        reply_to = None
        if body.get("reply_to") is not None:
            reply_to = channel.messages.get(as_id(body["reply_to"]) or 0)
            if reply_to is None:
                raise ApiError(Refusal.UNKNOWN_MESSAGE)
        files = [
            (request.files[number].filename, request.files[number].data) for number in sorted(request.files)
        ]
        content = str(body.get("content") or "")
        mention_reply = body.get("mention_reply") is not False
        message = await self._person(body).say(
            channel,
            content,
            reply_to=reply_to,
            files=files,
            mention_reply=mention_reply,
            nonce=body.get("nonce"),
        )
        return self._message_json(message)

    async def _edit(self, request: Request) -> Json:
        person = self._person(request.json)
        return self._message_json(
            await person.edit(self._message(request), str(request.json.get("content", "")))
        )

    async def _delete(self, request: Request) -> Json:
        await self._person(_speaker(request)).delete(self._message(request))
        return {}

    async def _type(self, request: Request) -> Json:
        await self._person(_speaker(request)).type(self._channel(request))
        return {}

    async def _command(self, request: Request) -> Json:
        body, channel = request.json, self._channel(request)
        name = str(body.get("name", ""))
        person = self._person(body)
        if body.get("target_id") is not None:
            identity = as_id(body["target_id"]) or 0
            target = channel.messages.get(identity) or self._world.users.get(identity)
            if target is None:
                raise ApiError(Refusal.UNKNOWN_MESSAGE)
            interaction = await person.menu(target, name, channel=channel)
        else:
            interaction = await person.slash(channel, name, **self._given.values(request, channel, person))
        return {"interaction_id": str(interaction.id)}

    async def _complete(self, request: Request) -> Json:
        body, channel = request.json, self._channel(request)
        name, focused = str(body.get("name", "")), str(body.get("focused", ""))
        person = self._person(body)
        values = self._given.values(request, channel, person)
        values.pop(focused, None)
        try:
            choices = await person.autocomplete(channel, name, focused, str(body.get("value", "")), **values)
        except AssertionError:
            choices = []
        return {"choices": choices}

    async def _touch(self, request: Request) -> Json:
        body, message = request.json, self._message(request)
        person, custom_id = self._person(body), str(body.get("custom_id", ""))
        values: list[Any] | None = body.get("values")
        if values is None:
            interaction = await person.press(message, custom_id)
        else:
            chosen = [self._given.named(value, message.channel) for value in values]
            interaction = await person.choose(message, custom_id, *chosen)
        return {"interaction_id": str(interaction.id)}

    async def _submit(self, request: Request) -> Json:
        opened = self._interactions.by_id.get(as_id(request.params["interaction_id"]) or 0)
        if opened is None or opened.modal is None:
            raise ApiError(Refusal.UNKNOWN_INTERACTION)
        interaction = await opened.submit_modal(request.json.get("values") or {})
        return {"interaction_id": str(interaction.id)}


def _speaker(request: Request) -> Json:
    """Return what says who acts: a body where there is one, the query where there is none."""
    return request.json if request.body else dict(request.query)


def _guild_json(guild: Guild) -> Json:
    shown = [
        {
            "id": str(channel.id),
            "name": channel.name,
            "type": int(channel.kind),
            "parent_id": None if channel.parent is None else str(channel.parent.id),
        }
        for channel in guild.channels.values()
    ]
    return {
        "id": str(guild.id),
        "name": guild.name,
        "channels": shown,
        "roles": [wire.role_json(role) for role in guild.roles.values()],
        "emojis": guild.emojis,
    }


def _json(status: int, body: object) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")
