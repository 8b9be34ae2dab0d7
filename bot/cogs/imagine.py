"""Pictures: `/imagine`."""

from typing import Literal

import discord
from discord import app_commands
from discord.ext import commands

from bot.core.access import Action
from bot.core.images import Images
from bot.core.model import PictureRequest, TurnKind
from bot.messaging import inbound
from bot.messaging.pictures import PictureMessage
from bot.messaging.report import Words


class Imagine(commands.Cog):
    """Painting what people describe."""

    def __init__(self, *, client: discord.Client, images: Images, words: Words) -> None:
        self._client = client
        self._images = images
        self._words = words

    @app_commands.command(extras={"action": Action.IMAGINE})
    @app_commands.allowed_contexts(guilds=True, dms=True)
    @app_commands.describe(
        prompt="What the picture shows", size="Its shape", quality="How much work goes into it"
    )
    async def imagine(
        self,
        interaction: discord.Interaction,
        prompt: app_commands.Range[str, 1, 4000],
        size: Literal["auto", "square", "portrait", "landscape"] = "auto",
        quality: Literal["auto", "low", "medium", "high"] = "auto",
    ) -> None:
        """Paint a picture"""
        # First of all: Discord gives up on an interaction that is not acknowledged within three seconds.
        acknowledged = await interaction.response.defer(thinking=True)
        assert self._client.user is not None, "interactions come after the login"
        turn = inbound.interaction_turn(interaction, self._client.user, text=prompt, kind=TurnKind.IMAGE)
        request = PictureRequest(
            prompt=prompt,
            size=None if size == "auto" else size,
            quality=None if quality == "auto" else quality,
        )
        await self._images.take(
            turn,
            request,
            PictureMessage(interaction, words=self._words),
            message_id=acknowledged.message_id if acknowledged else None,
        )
