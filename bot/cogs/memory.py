"""What the bot remembers: `/reset`, which can be undone."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.core.access import Action
from bot.core.conversation import UNDO_TIME, Conversations
from bot.messaging import inbound
from bot.messaging.buttons import persistent_button
from bot.messaging.insist import insist
from bot.messaging.report import Words


class Memory(commands.Cog):
    """Forgetting, and remembering again."""

    def __init__(self, *, conversations: Conversations, words: Words) -> None:
        self._conversations = conversations
        self._words = words
        self.undo_button = persistent_button("undo", self._undo, label=words.say("reset.undo"), words=words)

    @app_commands.command(extras={"action": Action.RESET})
    @app_commands.allowed_contexts(guilds=True, dms=True)
    async def reset(self, interaction: discord.Interaction) -> None:
        """Forget our conversation in this channel"""
        await interaction.response.defer(thinking=True)
        place = inbound.interaction_place(interaction)
        reset = await self._conversations.reset(place, by=interaction.user.id)
        if not reset.lines:
            await interaction.edit_original_response(content=self._words.say("reset.nothing"))
            return
        view = discord.ui.View(timeout=None)
        view.add_item(self.undo_button(reset.id))
        done = self._words.say("reset.done", minutes=int(UNDO_TIME.total_seconds() // 60))
        # Without this message there would be no way back.
        await insist(
            lambda: interaction.edit_original_response(content=done, view=view), what=f"reset {reset.id}"
        )

    async def _undo(self, interaction: discord.Interaction, reset_id: int) -> None:
        inbound.authorize_interaction(interaction, Action.RESET)
        await interaction.response.defer()
        await self._conversations.undo(reset_id)
        await interaction.edit_original_response(content=self._words.say("reset.undone"), view=None)
