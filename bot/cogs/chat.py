"""Talking: whoever says something to the bot is answered."""

import logging

import discord
from discord.ext import commands

from bot.core.access import Action, authorize
from bot.core.conversation import Conversations
from bot.core.errors import Told
from bot.messaging import inbound
from bot.messaging.live import Live
from bot.messaging.report import Words

log = logging.getLogger(__name__)


class Chat(commands.Cog):
    """Mentions, replies, DMs, and threads that the bot is in."""

    def __init__(self, *, client: discord.Client, conversations: Conversations, words: Words) -> None:
        self._client = client
        self._conversations = conversations
        self._words = words

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Take a message that is said to us to its conversation."""
        me = self._client.user
        if me is None or not inbound.addressed(message, me):
            return
        turn = inbound.turn(message, me)
        # A message carries no computed permissions, and talking needs none but Discord's own.
        actor = inbound.actor(message.author, discord.Permissions.none())
        try:
            authorize(actor, turn.place, Action.CHAT)
        except Told as told:
            log.info("message %s is not answered: %s", message.id, told.problem)
            return
        await self._conversations.take(turn, Live(message, turn, words=self._words))
