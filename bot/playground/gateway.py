"""Discord's gateway, version 10: who is connected, and what goes to whom.

https://discord.com/developers/docs/events/gateway
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import orjson
from aiohttp import web

from . import wire
from .compression import STREAMS
from .connection import Connection
from .entities import Guild, Json
from .sessions import Intents, Session
from .world import World


class Gateway:
    """All sessions, and the knobs that make the gateway misbehave."""

    def __init__(self, world: World, token: str, changed: Callable[[], None]) -> None:
        self.world = world
        self.token = token
        self.changed = changed
        self.url = ""
        self.heartbeat_interval_s = 41.25
        self.identify_interval_s = 0.0
        """Seconds between two IDENTIFYs of one shard (Discord: 5); a quicker one gets an invalid session."""
        self.refuse_token = False
        self.withhold_intents = False
        self.frozen = False
        self.refused_resumes = 0
        self.identifies = 0
        self.resumes = 0
        self.sessions: dict[str, Session] = {}
        self.connections: set[Connection] = set()
        self.last_identify: dict[int, float] = {}

    @property
    def online(self) -> bool:
        """Whether some client is identified and connected."""
        return any(session.deliver is not None for session in self.sessions.values())

    def publish(
        self, name: str, data: Json, intent: Intents, guild: Guild | None, *, bare: Json | None = None
    ) -> None:
        """Send an event to every session that wants it; `bare` goes to those without the content intent."""
        full_body = bare_body = b""
        guild_id = None if guild is None else guild.id
        for session in self.sessions.values():
            if (intent and not session.intents & intent) or not session.sees(guild_id):
                continue
            if bare is not None and not session.intents & Intents.MESSAGE_CONTENT:
                bare_body = bare_body or orjson.dumps(bare)
                session.push(name, bare_body)
            else:
                full_body = full_body or orjson.dumps(data)
                session.push(name, full_body)

    def greet(self, session: Session) -> None:
        """Send READY, and each guild after it."""
        world = self.world
        guilds = [
            guild for guild in world.guilds.values() if world.bot_is_in(guild) and session.sees(guild.id)
        ]
        if not session.intents & Intents.GUILDS:
            guilds = []
        ready: Json = {
            "v": 10,
            "user_settings": {},
            "user": wire.user_json(world.bot) | {"verified": True, "mfa_enabled": True, "email": None},
            "session_type": "normal",
            "session_id": session.id,
            "resume_gateway_url": self.url,
            "relationships": [],
            "private_channels": [],
            "presences": [],
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
            "guild_join_requests": [],
            "geo_ordered_rtc_regions": [],
            "game_relationships": [],
            "auth": {},
            "application": {"id": str(world.application_id), "flags": self.application_flags},
            "_trace": [],
            "shard": list(session.shard),
        }
        session.push("READY", orjson.dumps(ready))
        for guild in guilds:
            session.push("GUILD_CREATE", orjson.dumps(wire.guild_create_json(guild, world)))

    @property
    def application_flags(self) -> int:
        """The application's public flags: which privileged intents it was granted (limited form).

        https://discord.com/developers/docs/resources/application#application-object-application-flags
        """
        return 0 if self.withhold_intents else 1 << 13 | 1 << 15 | 1 << 19

    async def drop(self, *, resumable: bool, code: int | None) -> None:
        """Close every connection; without a code the line is cut with no goodbye."""
        if not resumable:
            self.sessions.clear()
        await asyncio.gather(*(connection.close(code) for connection in tuple(self.connections)))

    def order(self, op: int, data: object) -> None:
        """Send every client an opcode that is no event (7 reconnect, 9 invalid session)."""
        if op == 9 and not data:
            for connection in self.connections:
                if connection.session is not None:
                    self.sessions.pop(connection.session.id, None)
        frame = orjson.dumps({"t": None, "s": None, "op": op, "d": data})
        for connection in self.connections:
            connection.send(frame)

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Hold one client's connection until it ends."""
        # The client is told off by a close code, not by aiohttp's: hence the room above Discord's limit.
        ws = web.WebSocketResponse(timeout=1.0, max_msg_size=1 << 20, compress=False)
        try:
            await ws.prepare(request)
        except ConnectionError:
            return web.Response(status=400)
        stream = STREAMS.get(request.query.get("compress", ""))
        connection = Connection(self, ws, stream() if stream is not None else None, request.transport)
        self.connections.add(connection)
        try:
            await connection.run(request.query.get("v", "10"), request.query.get("encoding", "json"))
        finally:
            self.connections.discard(connection)
            connection.leave()
            self.changed()
        return ws
