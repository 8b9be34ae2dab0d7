"""A playground with one guild, and the real client of discord.py in it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import discord
import orjson
import pytest
import yarl
from discord import app_commands

from bot.playground import Channel, Guild, Person, Playground


class Client(discord.Client):
    """discord.py with nothing changed but its waits."""

    def __init__(self, intents: discord.Intents) -> None:
        super().__init__(intents=intents, guild_ready_timeout=0.05)
        self.tree = app_commands.CommandTree(self)
        self.seen: list[discord.Message] = []
        self.edits: list[discord.RawMessageUpdateEvent] = []
        self.deletions: list[int] = []
        self.happened: list[str] = []
        self.typists: list[int] = []
        self.threads: list[discord.Thread] = []

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Do not wait five seconds before a second IDENTIFY."""

    async def on_message(self, message: discord.Message) -> None:
        if message.author != self.user:
            self.seen.append(message)

    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        self.edits.append(event)

    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        self.deletions.append(event.message_id)

    async def on_raw_bulk_message_delete(self, event: discord.RawBulkMessageDeleteEvent) -> None:
        self.deletions.extend(event.message_ids)

    async def on_raw_typing(self, event: discord.RawTypingEvent) -> None:
        self.typists.append(event.user_id)

    async def on_thread_create(self, thread: discord.Thread) -> None:
        self.threads.append(thread)

    async def on_resumed(self) -> None:
        self.happened.append("resumed")

    async def on_ready(self) -> None:
        self.happened.append("ready")

    async def on_guild_join(self, guild: discord.Guild) -> None:
        self.happened.append(f"joined {guild.name}")


@dataclass
class Box:
    """A playground with Ann, Bob and a channel; `connect` starts a client."""

    discord: Playground
    ann: Person
    bob: Person
    guild: Guild
    general: Channel
    clients: list[Client] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def connect(self, intents: discord.Intents | None = None) -> Client:
        client = Client(intents or discord.Intents(discord.Intents.default().value | 1 << 15))
        self.clients.append(client)
        self.tasks.append(asyncio.create_task(client.start(self.discord.token)))
        await self.discord.ready()
        await self.soon(lambda: "ready" in client.happened)
        return client

    async def soon(self, predicate: Callable[[], Any], timeout: float = 5) -> Any:
        """Wait for the client to have noticed something; the box cannot see into it."""
        async with asyncio.timeout(timeout):
            while not (found := predicate()):  # noqa: ASYNC110 - discord.py has no event for it
                await asyncio.sleep(0.005)
        return found

    def http(self, client: Client) -> discord.abc.Messageable:
        return client.get_partial_messageable(self.general.id, guild_id=self.guild.id)


@pytest.fixture
async def box(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Box]:
    async with Playground() as playground:
        monkeypatch.setattr(discord.http.Route, "BASE", playground.rest_url)
        gateway = yarl.URL(playground.gateway_url)
        monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", gateway)
        ann = playground.add_user("ann", display_name="Ann", locale="en-GB")
        bob = playground.add_user("bob", display_name="Bob")
        guild = playground.add_guild("Garden", members=[bob], owner=ann)
        general = playground.add_channel(guild, "general")
        found = Box(playground, ann, bob, guild, general)
        yield found
        for client in found.clients:
            await client.close()
        await asyncio.gather(*found.tasks, return_exceptions=True)


@dataclass
class Answer:
    status: int
    body: Any
    headers: Any


class Wire:
    """Plain HTTP against REST, for what discord.py would never send."""

    def __init__(self, box: Box, session: aiohttp.ClientSession) -> None:
        self.box = box
        self.session = session

    async def ask(self, method: str, path: str, body: Any = None, *, token: str | None = None) -> Answer:
        url = yarl.URL(self.box.discord.rest_url + path, encoded=True)
        headers = {"Authorization": f"Bot {token or self.box.discord.token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        data = None if body is None else orjson.dumps(body)
        async with self.session.request(method, url, data=data, headers=headers) as response:
            raw = await response.read()
            return Answer(response.status, orjson.loads(raw) if raw else None, response.headers)

    async def post(self, body: Any, channel: Channel | None = None) -> Answer:
        where = channel or self.box.general
        return await self.ask("POST", f"/channels/{where.id}/messages", body)


@pytest.fixture
async def wire(box: Box) -> AsyncIterator[Wire]:
    box.discord.limits.scale = 0.0
    async with aiohttp.ClientSession() as session:
        yield Wire(box, session)


class Socket:
    """A bare gateway client."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse, unpack: Callable[[bytes], bytes] | None) -> None:
        self.ws = ws
        self.unpack = unpack

    async def send(self, op: int, data: Any) -> None:
        await self.ws.send_str(orjson.dumps({"op": op, "d": data}).decode())

    async def next(self) -> Any:
        message = await self.ws.receive(timeout=5)
        if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING):
            return None
        if self.unpack is not None:
            assert message.type is aiohttp.WSMsgType.BINARY
            return orjson.loads(self.unpack(message.data))
        assert message.type is aiohttp.WSMsgType.TEXT
        return orjson.loads(message.data)

    async def until(self, name: str) -> Any:
        while (frame := await self.next()) is not None:
            if frame["t"] == name:
                return frame
        raise AssertionError(f"closed with {self.ws.close_code} before {name}")

    async def closed(self) -> int | None:
        while await self.next() is not None:
            pass
        return self.ws.close_code

    async def identify(self, token: str, intents: int = 513, **more: Any) -> Any:
        await self.send(2, {"token": token, "intents": intents, "properties": {}, **more})


@pytest.fixture
async def dial(box: Box) -> AsyncIterator[Callable[..., Any]]:
    async with contextlib.AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())

        async def connect(
            query: str = "v=10&encoding=json", unpack: Callable[[bytes], bytes] | None = None
        ) -> Socket:
            ws = await session.ws_connect(f"{box.discord.gateway_url}?{query}")
            stack.push_async_callback(ws.close)
            return Socket(ws, unpack)

        yield connect
