"""The discord.py client: what it hears, what it keeps in memory, and its tree of commands."""

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from typing import Any, cast

import discord
import orjson
from discord import app_commands
from discord.ext import commands

from bot.core.errors import Told
from bot.core.ports import FingerprintStore
from bot.messaging import inbound
from bot.messaging.report import DISCORD_FAULTS, Words, tell

log = logging.getLogger(__name__)

# What the bot needs where it is invited: to read and write, in threads too, and to upload pictures.
INVITE_PERMISSIONS = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    read_message_history=True,
    attach_files=True,
)


class Client(commands.Bot):
    """Discord, as far as the bot has to do with it."""

    def __init__(self, *, fingerprints: FingerprintStore, words: Words) -> None:
        # We never speak aloud, so nobody needs to be warned that what that takes is not installed.
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
        intents = discord.Intents.none()
        intents.guilds = intents.guild_messages = intents.dm_messages = intents.message_content = True
        super().__init__(
            # No prefix: we have slash commands, and a message is a question.
            command_prefix=(),
            help_command=None,
            intents=intents,
            tree_cls=Tree,
            allowed_mentions=discord.AllowedMentions.none(),
            # Members and messages come with their events; keeping them is most of a client's memory.
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_messages=None,
        )
        self.words = words
        self._fingerprints = fingerprints
        self._synchronised = False

    async def setup_hook(self) -> None:
        """Once after the login: say how to invite us, and tell Discord of our commands if they changed."""
        log.info("invite the bot with %s", self.invitation())
        await self._synchronise()

    async def on_ready(self) -> None:
        """Connected, and every server is known."""
        assert self.user is not None, "on_ready comes after the login"
        await self._synchronise()
        log.info("ready as %s in %s servers", self.user, len(self.guilds))

    async def on_message(self, message: discord.Message, /) -> None:
        """Nothing: the base class would look for prefix commands here, and we have none."""

    async def close(self) -> None:
        """Close the connection, and call off what discord.py would announce afterwards."""
        # It waits two seconds after READY for servers to come, and its own close() forgets that task.
        waiting = cast(
            "asyncio.Task[None] | None",
            self._connection._ready_task,  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType] -- no other way
        )
        if waiting is not None:
            waiting.cancel()
            await asyncio.wait({waiting})
        await super().close()

    def invitation(self) -> str:
        """The link by which somebody adds the bot to their server."""
        assert self.application_id is not None, "the application is known after the login"
        return discord.utils.oauth_url(
            self.application_id, permissions=INVITE_PERMISSIONS, scopes=("bot", "applications.commands")
        )

    async def _synchronise(self) -> None:
        """Tell Discord of our commands, unless it has these; a failure is tried again when we are ready."""
        if self._synchronised or self.application_id is None:
            return
        fingerprint = _fingerprint([command.to_dict(self.tree) for command in self.tree.get_commands()])
        try:
            if await self._fingerprints.get(self.application_id) != fingerprint:
                await self.tree.sync()
                await self._fingerprints.put(self.application_id, fingerprint)
                log.info("commands synchronised")
            self._synchronised = True
        except DISCORD_FAULTS as error:
            log.warning("commands are not synchronised yet: %s", type(error).__name__)


class Tree(app_commands.CommandTree[Client]):
    """The slash commands: each says in `extras["action"]` what it lets people do."""

    async def interaction_check(self, interaction: discord.Interaction[Client], /) -> bool:
        """Ask `authorize` before any command and any autocompletion, and say why not."""
        command = interaction.command
        if command is None:
            return True
        try:
            # A command that names no action is a mistake of ours, and a KeyError keeps it shut.
            inbound.authorize_interaction(interaction, command.extras["action"])
        except Told as told:
            if interaction.type is not discord.InteractionType.autocomplete:
                await tell(interaction, told, words=interaction.client.words)
            return False
        return True

    async def on_error(
        self, interaction: discord.Interaction[Client], error: app_commands.AppCommandError, /
    ) -> None:
        """Tell the person what went wrong: what we decided in words, a bug by its reference."""
        cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
        await tell(interaction, cause, words=interaction.client.words)


def _fingerprint(commands: Sequence[dict[str, Any]]) -> str:
    """What changes when, and only when, the commands that Discord should have change."""
    ordered = sorted(commands, key=lambda command: (command["type"], command["name"]))
    return hashlib.sha256(orjson.dumps(ordered, option=orjson.OPT_SORT_KEYS)).hexdigest()
