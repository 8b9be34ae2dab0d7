"""The composition root: opens what the bot needs, wires it, runs it, drains it, and closes it in order."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

import discord

from bot.client import Client
from bot.cogs.chat import Chat
from bot.cogs.imagine import Imagine
from bot.cogs.memory import Memory
from bot.cogs.settings import SettingsCommands
from bot.config import Config
from bot.core.answering import Answering
from bot.core.conversation import Conversations
from bot.core.images import Images
from bot.core.recall import Recall
from bot.core.settings import Settings
from bot.llm.chat import Chat as ChatModels
from bot.llm.images import Painter
from bot.llm.models import Windows
from bot.llm.providers import Provider, Providers, Secret
from bot.llm.quirks import Quirks
from bot.llm.tokens import Tiktoken
from bot.messaging.report import DISCORD_FAULTS, Words
from bot.store.commands import Fingerprints
from bot.store.database import Database
from bot.store.memory import Memory as MemoryLines
from bot.store.quirks import Quirks as LearnedQuirks
from bot.store.settings import SettingValues
from bot.store.turns import Turns

log = logging.getLogger(__name__)

# What runs when the bot is told to stop has this long to end by itself. Hosts kill after ten seconds
# (Docker) to thirty (Heroku, Kubernetes); twice this and the closing must fit into the shortest.
DRAIN_S = 4.0

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0
_SWEEP_INTERVAL_S = 60.0


class StartRefused(Exception):
    """Discord refuses the bot as it is set up; the text says what to mend and where."""


class App:
    """The whole bot, opened and wired; get one from `opened`."""

    def __init__(
        self, *, config: Config, client: Client, conversations: Conversations, images: Images
    ) -> None:
        self.client = client
        self._token = config.discord.token
        self._conversations = conversations
        self._images = images
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Let `run` come to its end: what is being answered is finished first, for a while."""
        self._stopping.set()

    async def run(self) -> None:
        """Be a bot until `stop`.

        Raises:
            StartRefused: The token or an intent is refused.
        """
        listening = asyncio.create_task(self._listen(), name="discord")
        sweeping = asyncio.create_task(self._sweep(), name="sweep")
        stopping = asyncio.create_task(self._stopping.wait(), name="stop")
        try:
            await asyncio.wait({listening, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if listening.done():
                await listening
        finally:
            await self._drain()
            # Nothing more is heard before the client is closed: it would have nobody to give it to.
            tasks = {listening, stopping, sweeping}
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await self.client.close()

    async def _drain(self) -> None:
        log.info("stopping: finishing what is being answered")
        ended = await asyncio.gather(
            self._conversations.drain(timeout_s=DRAIN_S),
            self._images.drain(timeout_s=DRAIN_S),
            return_exceptions=True,
        )
        for error in ended:
            if error is not None:
                log.error("stopping was not clean", exc_info=error)

    async def _listen(self) -> None:
        """Log in and hear Discord; it being out of reach is waited for, however long that lasts."""
        await self._log_in()
        try:
            await self.client.connect(reconnect=True)
        except discord.PrivilegedIntentsRequired:
            raise StartRefused(
                "Discord does not let this bot read messages: switch on “Message Content Intent” at"
                f" https://discord.com/developers/applications/{self.client.application_id}/bot"
                " (Bot → Privileged Gateway Intents), then start again."
            ) from None
        except discord.ConnectionClosed as closed:
            if closed.code == 4004:  # Authentication failed
                raise _token_refused() from None
            raise

    async def _log_in(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                await self.client.login(self._token.get_secret_value())
                return
            except discord.LoginFailure:
                raise _token_refused() from None
            except DISCORD_FAULTS as error:
                log.warning(
                    "Discord cannot be reached (%s); trying again in %.0f s", type(error).__name__, pause_s
                )
            await asyncio.sleep(pause_s)
            pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)

    async def _sweep(self) -> None:
        """Delete, from time to time, what was reset and can no longer be brought back."""
        while True:
            try:
                await self._conversations.forget_what_was_reset()
            except Exception:
                # A database that is away for a while must not end the sweeping for ever.
                log.exception("what was reset is not deleted yet")
            await asyncio.sleep(_SWEEP_INTERVAL_S)


@asynccontextmanager
async def opened(config: Config) -> AsyncGenerator[App]:
    """The bot of `config`, closed at the end in the reverse order of its opening.

    Raises:
        DatabaseUnavailable: The database cannot be used.
    """
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database.open(config.database.url.get_secret_value()))
        providers = await stack.enter_async_context(_providers(config))
        quirks = await Quirks.load(LearnedQuirks(database))
        windows, tokens = await asyncio.gather(
            Windows.load(providers, quirks=quirks, configured=config.windows()), Tiktoken.load()
        )
        turns = Turns(database)
        model = ChatModels(providers, learned=quirks, windows=windows)
        settings = Settings(store=SettingValues(database), model=model, file=config.chat.file_settings())
        recall = Recall(MemoryLines(database), tokens=config.chat.context_tokens)
        answering = Answering(
            turns=turns,
            recall=recall,
            settings=settings,
            model=model,
            tokens=tokens,
            context_tokens=config.chat.context_tokens,
        )
        conversations = Conversations(
            turns=turns, recall=recall, answering=answering, clock=lambda: datetime.now(UTC)
        )
        images = Images(turns=turns, model=Painter(providers, learned=quirks, model=config.images.model))
        client = Client(fingerprints=Fingerprints(database), words=Words.load())
        await _add_cogs(client, conversations=conversations, turns=turns, images=images, settings=settings)
        yield App(config=config, client=client, conversations=conversations, images=images)


def _providers(config: Config) -> Providers:
    return Providers(
        [
            Provider(
                name=name,
                base_url=provider.base_url,
                api_key=Secret(provider.api_key.get_secret_value()) if provider.api_key else None,
                timeout_s=provider.timeout_s,
            )
            for name, provider in config.providers.items()
        ]
    )


async def _add_cogs(
    client: Client, *, conversations: Conversations, turns: Turns, images: Images, settings: Settings
) -> None:
    words = client.words
    # Before anything new is heard, so that only what an earlier process left is among them.
    unfinished = await turns.unfinished()
    chat = Chat(client=client, conversations=conversations, turns=turns, unfinished=unfinished, words=words)
    memory = Memory(conversations=conversations, words=words)
    await client.add_cog(chat)
    await client.add_cog(memory)
    await client.add_cog(Imagine(client=client, images=images, words=words))
    await client.add_cog(SettingsCommands(settings=settings, words=words))
    client.add_dynamic_items(chat.retry_button, memory.undo_button)


def _token_refused() -> StartRefused:
    return StartRefused(
        "Discord refuses the token: take a new one from https://discord.com/developers/applications"
        " → your application → Bot → Reset Token, and put it into DISCORD_TOKEN."
    )
