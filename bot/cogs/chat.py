"""Talking: whoever says something to the bot is answered."""

import functools
import logging
from collections.abc import Sequence

import discord
from discord.ext import commands

from bot.core.access import Action, authorize
from bot.core.conversation import Conversations
from bot.core.errors import Told
from bot.core.model import OpenTurn, Turn
from bot.core.ports import TurnStore
from bot.messaging import inbound
from bot.messaging.buttons import persistent_button
from bot.messaging.live import Channel, Live
from bot.messaging.report import DISCORD_FAULTS, Words

log = logging.getLogger(__name__)

# Threads that we know not to be in; past this many, they are asked about again.
_STRANGE_THREADS = 10_000


class Chat(commands.Cog):
    """Mentions, replies, DMs, and threads that the bot is in."""

    def __init__(
        self,
        *,
        client: discord.Client,
        conversations: Conversations,
        turns: TurnStore,
        unfinished: Sequence[OpenTurn],
        words: Words,
    ) -> None:
        """`unfinished` are the turns of before the start, which are brought to their end when it is done."""
        self._client = client
        self._conversations = conversations
        self._turns = turns
        self._unfinished = unfinished
        self._strange_threads: set[int] = set()
        self._words = words
        self.retry_button = persistent_button(
            "retry", self._retry, label=words.say("retry_button.label"), words=words
        )

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Take a message that is said to us to its conversation."""
        me = self._client.user
        if me is None:
            return
        in_our_thread = isinstance(message.channel, discord.Thread) and await self._is_in(message.channel, me)
        if not inbound.addressed(message, me, in_our_thread=in_our_thread):
            return
        turn = inbound.turn(message, me)
        # A message carries no computed permissions, and talking needs none but Discord's own.
        actor = inbound.actor(message.author, discord.Permissions.none())
        try:
            authorize(actor, turn.place, Action.CHAT)
        except Told as told:
            log.info("message %s is not answered: %s", message.id, told.problem)
            return
        assert isinstance(message.channel, Channel), "a bot is in no group DM"
        await self._conversations.take(turn, self._live(message.channel, turn))

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Bring what an earlier process left unfinished to its end."""
        unfinished, self._unfinished = self._unfinished, ()
        if unfinished:
            log.info("finishing %s turns of before the start", len(unfinished))
            await self._conversations.finish(unfinished, self._reply_to)

    async def _is_in(self, thread: discord.Thread, me: discord.ClientUser) -> bool:
        """Whether we are a member of `thread`; asked for once where the events do not say.

        discord.py forgets a thread that is archived, and what brings it back says nothing of members.
        """
        if thread.me is not None:
            return True
        if thread.id in self._strange_threads:
            return False
        try:
            thread.me = await thread.fetch_member(me.id)
        except DISCORD_FAULTS:
            if len(self._strange_threads) >= _STRANGE_THREADS:
                self._strange_threads.clear()
            self._strange_threads.add(thread.id)
            return False
        return True

    async def _retry(self, interaction: discord.Interaction, turn_id: int) -> None:
        await interaction.response.defer()
        asker_id = await self._turns.asker(turn_id)
        inbound.authorize_interaction(interaction, Action.RETRY, asker_id=asker_id)

        async def same_message(found: OpenTurn) -> Live | None:
            # Before the new attempt begins, which may end with a button of its own.
            await interaction.edit_original_response(view=None)
            return await self._reply_to(found)

        await self._conversations.retry(turn_id, same_message)

    async def _reply_to(self, found: OpenTurn) -> Live | None:
        """Where a turn that was broken off is answered; None if we are there no more."""
        channel_id = found.turn.place.channel_id
        try:
            channel = self._client.get_channel(channel_id) or await self._client.fetch_channel(channel_id)
        except (discord.NotFound, discord.Forbidden):
            return None
        return self._live(channel, found.turn, pages=found.pages) if isinstance(channel, Channel) else None

    def _live(self, channel: Channel, turn: Turn, *, pages: Sequence[int] = ()) -> Live:
        return Live(
            self._client,
            channel,
            turn,
            words=self._words,
            posted=functools.partial(self._turns.posted, turn),
            retry_button=self.retry_button,
            pages=pages,
        )
