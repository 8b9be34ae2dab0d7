"""A picture as the answer to a command."""

import io
import logging
from collections.abc import Sequence

import discord

from bot.core.errors import Problem, Told
from bot.core.model import Picture
from bot.messaging.report import DISCORD_FAULTS, Words, discord_told

log = logging.getLogger(__name__)

# Discord's limit for an attachment's description.
_ALT_CHARS = 1024

# Discord's limit for a message is 2,000; the prompt above a picture is a reminder, not a document.
_CAPTION_CHARS = 300


class PictureMessage:
    """The deferred answer to an interaction; see `core.ports.PictureReply`."""

    def __init__(self, interaction: discord.Interaction, *, words: Words) -> None:
        self._interaction = interaction
        self._words = words

    def obstacle(self) -> Told | None:
        """The permission to attach files that we lack here; None if we have it."""
        return None if self._interaction.app_permissions.attach_files else Told(Problem.NO_ATTACH)

    async def show(self, picture: Picture, *, prompt: str) -> Sequence[int]:
        """Upload `picture` with `prompt` as its description; the ids of the messages.

        Raises:
            Told: It is too large for this server, or Discord does not take it.
        """
        limit_bytes = self._interaction.filesize_limit
        if len(picture.data) > limit_bytes:
            raise Told(Problem.IMAGE_TOO_LARGE, limit_mb=limit_bytes // 2**20)
        file = discord.File(
            io.BytesIO(picture.data),
            filename=f"picture.{picture.extension}",
            description=_cut(prompt, _ALT_CHARS),
        )
        return await self._edit(content=_caption(prompt), attachments=[file])

    async def tell(self, told: Told) -> Sequence[int]:
        """Say that there is no picture, and why; the ids of the messages."""
        return await self._edit(content=self._words.told(told))

    async def _edit(self, *, content: str, attachments: Sequence[discord.File] = ()) -> Sequence[int]:
        try:
            message = await self._interaction.edit_original_response(
                content=content, attachments=attachments, allowed_mentions=discord.AllowedMentions.none()
            )
        except DISCORD_FAULTS as error:
            raise discord_told(
                error, channel=self._interaction.channel, limit_bytes=self._interaction.filesize_limit
            ) from error
        return [message.id]


def _caption(prompt: str) -> str:
    """The prompt as a quote of one line, so that it stays apart from what the bot says."""
    line = " ".join(prompt.split())
    return f"> {_cut(discord.utils.escape_markdown(line), _CAPTION_CHARS)}"


def _cut(text: str, chars: int) -> str:
    return text if len(text) <= chars else text[: chars - 1] + "…"
