"""The whole bot on the wire: discord.py against the playground, openai against a scripted provider.

Tests say what people do, and assert what people see.
"""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot import app, config, trial
from bot.playground import Channel, Guild, Message, Person, Playground
from tests import discord_spec
from tests.openai_server import SPEC, ScriptedOpenAI, validate_requests


@dataclass(kw_only=True)
class World:
    """A server with a channel, its owner and two members, a provider, and the bot when it runs."""

    discord: Playground
    openai: ScriptedOpenAI
    folder: Path
    ann: Person
    bob: Person
    owner: Person
    guild: Guild
    general: Channel
    dm: Channel
    environ: dict[str, str] = field(default_factory=dict[str, str])
    yaml: str = ""

    @property
    def me(self) -> str:
        """The text that mentions the bot."""
        return self.discord.bot.mention

    def config(self) -> config.Config:
        """The configuration that the bot is started with."""
        file = self.folder / "config.yaml"
        file.write_text(self.yaml, encoding="utf-8")
        environ = {
            "DISCORD_TOKEN": self.discord.token,
            "OPENAI_BASE_URL": self.openai.base_url,
            "OPENAI_API_KEY": "sk-test-0123456789",
            "DATABASE_URL": f"sqlite:///{self.folder / 'parley.db'}",
        }
        return config.load(file if self.yaml else None, {**environ, **self.environ})

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[app.App]:
        """The bot, started and ready; stopped at the end as SIGTERM stops it."""
        trial.point_at(self.discord)
        async with app.opened(self.config()) as parley:
            task = asyncio.create_task(parley.run())
            try:
                await self.discord.ready()
                yield parley
            finally:
                parley.stop()
                await task

    async def ask(
        self, text: str, *, person: Person | None = None, channel: Channel | None = None
    ) -> Message:
        """Say something to the bot; the message that asks."""
        channel = channel or self.general
        return await (person or self.ann).say(channel, f"{self.me} {text}" if channel.guild else text)

    async def reply(self, question: Message, *, timeout: float = 5) -> Message:
        """The first page that replies to `question`, as soon as it is there."""
        return await self.discord.until(lambda: self._reply(question), timeout, "a reply")

    def said(self, channel: Channel | None = None) -> list[str]:
        """What everybody in the channel can read of the bot, oldest first."""
        channel = channel or self.general
        return [m.content for m in channel.transcript() if m.author is self.discord.bot and not m.loading]

    async def shows(self, *texts: str, channel: Channel | None = None, timeout: float = 5) -> None:
        """Wait until what the bot has said in the channel is exactly `texts`."""
        await self.discord.until(
            lambda: self.said(channel) == list(texts), timeout, f"the bot to have said {list(texts)}"
        )

    async def answered(
        self, text: str, *, person: Person | None = None, channel: Channel | None = None
    ) -> str:
        """Ask, and wait for the turn's end; the whole answer."""
        before = len(self.said(channel))
        question = await self.ask(text, person=person, channel=channel)
        await self.ended(question)
        return "\n".join(self.said(channel)[before:])

    async def ended(self, question: Message, *, timeout: float = 5) -> str:
        """Wait until the turn of `question` has its end in the ledger; which one it is."""

        # The ledger is a file: nobody tells of its changes, so it is looked at again and again.
        async with asyncio.timeout(timeout):
            while True:
                row = self.row("SELECT state FROM turn WHERE id = ? AND ended_at IS NOT NULL", question.id)
                if row is not None:
                    return str(row[0])
                await asyncio.sleep(0.005)

    def row(self, query: str, *parameters: object) -> tuple[Any, ...] | None:
        """The first row that the bot's database gives."""
        with closing(sqlite3.connect(self.folder / "parley.db")) as database:
            return database.execute(query, parameters).fetchone()

    def change(self, statement: str, *parameters: object) -> None:
        """Change the bot's database behind its back, as time would."""
        with closing(sqlite3.connect(self.folder / "parley.db")) as database, database:
            database.execute(statement, parameters)

    @property
    def prompts(self) -> list[list[tuple[str, str]]]:
        """The chat requests so far: of each, the role and the content of its messages."""
        asked = [
            each.body["messages"] for each in self.openai.requests if each.path == "/v1/chat/completions"
        ]
        return [[(message["role"], message["content"]) for message in messages] for messages in asked]

    def _reply(self, question: Message) -> Message | None:
        for message in question.channel.transcript():
            if message.author is self.discord.bot and message.referenced is question:
                return message
        return None


@pytest.fixture
async def world(tmp_path: Path) -> AsyncGenerator[World]:
    async with Playground() as discord, ScriptedOpenAI() as openai:
        ann, bob = discord.add_user("ann", display_name="Ann"), discord.add_user("bob", display_name="Bob")
        owner = discord.add_user("olga", display_name="Olga")
        guild = discord.add_guild("Garden", members=[ann, bob], owner=owner)
        general = discord.add_channel(guild, "general")
        yield World(
            discord=discord,
            openai=openai,
            folder=tmp_path,
            ann=ann,
            bob=bob,
            owner=owner,
            guild=guild,
            general=general,
            dm=discord.open_dm(ann),
            yaml="chat: {model: gpt-test}\n",
        )
        assert discord.unknown_routes == [], "the bot asks Discord for nothing that is not there"
        # Both descriptions lie beside the checkout; where they do not, tests/test_discord_spec.py says so.
        if discord_spec.SPEC.exists():
            discord_spec.validate_requests(discord)
        if SPEC.exists():
            validate_requests(openai)
