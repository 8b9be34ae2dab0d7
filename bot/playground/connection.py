"""One client's websocket at the gateway: what it may send, and what becomes of it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import WSMsgType, web

from . import wire
from .compression import Compress
from .entities import Json
from .sessions import KNOWN_INTENTS, PRIVILEGED, Intents, Session
from .snowflakes import as_id

if TYPE_CHECKING:
    from .gateway import Gateway

# https://discord.com/developers/docs/events/gateway#rate-limiting
SENDS_PER_MINUTE = 120
PAYLOAD_LIMIT_BYTES = 4096

_HEARTBEAT, _IDENTIFY, _PRESENCE, _VOICE, _RESUME, _MEMBERS, _SOUNDS = 1, 2, 3, 4, 6, 8, 31
_ACK = b'{"t":null,"s":null,"op":11,"d":null}'

# No network answers as quickly as loopback: discord.py's heart beats in a thread, which would read the
# answer before it has written down when it asked.
_ACK_DELAY_S = 0.02


class Hangup(Exception):
    """The gateway closes the connection with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code, self.reason = code, reason


class Connection:
    """One client's websocket, and its session once it has one."""

    def __init__(
        self,
        gateway: Gateway,
        ws: web.WebSocketResponse,
        compress: Compress | None,
        transport: asyncio.Transport | None,
    ) -> None:
        self.gateway = gateway
        self.session: Session | None = None
        self._ws = ws
        self._compress = compress
        self._transport = transport
        self._hung_up = False
        self._frames: asyncio.Queue[bytes] = asyncio.Queue()
        self._window = (0.0, 0)
        self._heard = time.monotonic()

    def send(self, frame: bytes) -> None:
        """Put one frame on the wire, after those before it."""
        if not self.gateway.frozen:
            self._frames.put_nowait(frame)

    async def run(self, version: str, encoding: str) -> None:
        """Greet the client and obey it until one side hangs up."""
        writer = asyncio.create_task(self._write())
        try:
            if version != "10" or encoding != "json":
                raise Hangup(4012, "Invalid API version")
            interval_ms = int(self.gateway.heartbeat_interval_s * 1000)
            self.send(
                orjson.dumps({"t": None, "s": None, "op": 10, "d": {"heartbeat_interval": interval_ms}})
            )
            await self._read()
        except Hangup as hangup:
            await self._flush()
            await self._ws.close(code=hangup.code, message=hangup.reason.encode())
        finally:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)

    def leave(self) -> None:
        """Part from the session, which stays for a resume unless the client said goodbye (1000, 1001)."""
        session = self.session
        if session is None or session.deliver != self.send:
            return
        session.deliver = None
        if self._ws.close_code in (1000, 1001) and not self._hung_up:
            self.gateway.sessions.pop(session.id, None)

    async def close(self, code: int | None) -> None:
        """Hang up from this side."""
        self._hung_up = True
        if code is not None:
            await self._ws.close(code=code)
        elif self._transport is not None:
            self._transport.abort()

    async def _write(self) -> None:
        compress, ws = self._compress, self._ws
        while True:
            frame = await self._frames.get()
            try:
                if compress is None:
                    await ws.send_str(frame.decode())
                else:
                    await ws.send_bytes(compress(frame))
            except ConnectionError:
                return
            finally:
                self._frames.task_done()

    async def _flush(self) -> None:
        try:
            async with asyncio.timeout(1):
                await self._frames.join()
        except TimeoutError:
            return

    async def _read(self) -> None:
        while True:
            # One missed heartbeat is forgiven no longer than half an interval.
            patience = self._heard + self.gateway.heartbeat_interval_s * 1.5 - time.monotonic()
            try:
                message = await self._ws.receive(timeout=max(patience, 0.001))
            except TimeoutError:
                raise Hangup(4009, "Session timed out.") from None
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                return
            raw: str | bytes = message.data
            self._obey(self._payload(raw.encode() if isinstance(raw, str) else raw))
            self.gateway.changed()

    def _payload(self, raw: bytes) -> Json:
        start, count = self._window
        now = time.monotonic()
        self._window = (now, 1) if now - start > 60 else (start, count + 1)
        if self._window[1] > SENDS_PER_MINUTE:
            raise Hangup(4008, "You are being rate limited.")
        if len(raw) > PAYLOAD_LIMIT_BYTES:
            raise Hangup(4002, "Error while decoding payload.")
        try:
            payload: Any = orjson.loads(raw)
        except ValueError:
            raise Hangup(4002, "Error while decoding payload.") from None
        if not isinstance(payload, dict) or not isinstance(payload.get("op"), int):  # pyright: ignore[reportUnknownMemberType]: JSON
            raise Hangup(4002, "Error while decoding payload.")
        return payload  # pyright: ignore[reportUnknownVariableType]: JSON

    def _obey(self, payload: Json) -> None:
        op, data = payload["op"], payload.get("d")
        if op == _HEARTBEAT:
            self._heard = time.monotonic()
            asyncio.get_running_loop().call_later(_ACK_DELAY_S, self.send, _ACK)
        elif op == _IDENTIFY:
            self._identify(_object(data))
        elif op == _RESUME:
            self._resume(_object(data))
        elif op not in (_PRESENCE, _VOICE, _MEMBERS, _SOUNDS):
            raise Hangup(4001, "Unknown opcode.")
        elif self.session is None:
            raise Hangup(4003, "Not authenticated.")
        elif op == _MEMBERS:
            self._send_members(self.session, _object(data))

    def _identify(self, data: Json) -> None:
        gateway = self.gateway
        if self.session is not None:
            raise Hangup(4005, "Already authenticated.")
        self._check_token(data)
        if not isinstance(data.get("properties"), dict):
            raise Hangup(4002, "Error while decoding payload.")
        intents = data.get("intents")
        if not isinstance(intents, int) or isinstance(intents, bool) or intents & ~KNOWN_INTENTS:
            raise Hangup(4013, "Invalid intent(s).")
        if gateway.withhold_intents and intents & PRIVILEGED:
            raise Hangup(4014, "Disallowed intent(s).")
        shard = _shard(data.get("shard"))
        now = time.monotonic()
        if now - gateway.last_identify.get(shard[0], -60.0) < gateway.identify_interval_s:
            self.send(b'{"t":null,"s":null,"op":9,"d":false}')
            return
        gateway.last_identify[shard[0]] = now
        gateway.identifies += 1
        session = self.session = Session(intents, shard)
        gateway.sessions[session.id] = session
        session.deliver = self.send
        gateway.greet(session)

    def _resume(self, data: Json) -> None:
        gateway = self.gateway
        if self.session is not None:
            raise Hangup(4005, "Already authenticated.")
        self._check_token(data)
        seq = data.get("seq")
        session = gateway.sessions.get(str(data.get("session_id")))
        if session is not None and isinstance(seq, int) and seq > session.seq:
            raise Hangup(4007, "Invalid seq.")
        missed = session.missed_since(seq) if session is not None and isinstance(seq, int) else None
        if gateway.refused_resumes:
            gateway.refused_resumes -= 1
            gateway.sessions.pop(session.id if session is not None else "", None)
            missed = None
        if session is None or missed is None:
            self.send(b'{"t":null,"s":null,"op":9,"d":false}')
            return
        gateway.resumes += 1
        self.session = session
        session.deliver = self.send
        for frame in missed:
            self.send(frame)
        session.push("RESUMED", b'{"_trace":[]}')

    def _check_token(self, data: Json) -> None:
        if self.gateway.refuse_token or str(data.get("token")).removeprefix("Bot ") != self.gateway.token:
            raise Hangup(4004, "Authentication failed.")

    def _send_members(self, session: Session, data: Json) -> None:
        guild = self.gateway.world.guilds.get(as_id(data.get("guild_id")) or 0)
        if guild is None:
            return
        wanted: Any = data.get("user_ids")
        if wanted is None and not session.intents & Intents.GUILD_MEMBERS and data.get("query", "") == "":
            return
        ids: set[int | None] | None = None if wanted is None else {as_id(each) for each in wanted}
        query = str(data.get("query", ""))
        found = [
            wire.member_json(member)
            for member in guild.members.values()
            if (ids is None or member.user.id in ids) and member.user.username.startswith(query)
        ]
        chunk: Json = {
            "guild_id": str(guild.id),
            "members": found,
            "chunk_index": 0,
            "chunk_count": 1,
            "not_found": [],
        }
        session.push("GUILD_MEMBERS_CHUNK", orjson.dumps(chunk | {"nonce": data.get("nonce")}))


def _object(data: object) -> Json:
    if not isinstance(data, dict):
        raise Hangup(4002, "Error while decoding payload.")
    return data  # pyright: ignore[reportUnknownVariableType]: JSON


def _shard(data: Any) -> tuple[int, int]:
    if data is None:
        return (0, 1)
    match data:
        case [int(number), int(count)] if 0 <= number < count:
            return (number, count)
        case _:
            raise Hangup(4010, "Invalid shard.")
