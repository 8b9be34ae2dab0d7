"""A picture as the answer to a command."""

import io
import logging

import discord

from bot.core.errors import Problem, Told
from bot.core.model import Picture
from bot.messaging.insist import insist
from bot.messaging.report import DISCORD_FAULTS, Words, discord_told

log = logging.getLogger(__name__)

# Unknown Webhook, Unknown interaction, Invalid Webhook Token.
_EXPIRED = (10015, 10062, 50027)

# Discord's limit for an attachment's description.
_ALT_CHARS = 1024

# Discord's limit for a message is 2,000; the prompt above a picture is a reminder, not a document.
_CAPTION_CHARS = 300


class PictureMessage:
    """The deferred answer to an interaction; see `core.ports.PictureReply`."""

    def __init__(self, interaction: discord.Interaction, *, words: Words) -> None:
        """`interaction` is acknowledged with "thinking"."""
        self._interaction = interaction
        self._words = words

    def obstacle(self) -> Told | None:
        """The permission to attach files that we lack here; None if we have it."""
        return None if self._interaction.app_permissions.attach_files else Told(Problem.NO_ATTACH)

    async def show(self, picture: Picture, *, prompt: str) -> None:
        """Upload `picture` with `prompt` as its description.

        Raises:
            Told: It is too large for this server, or Discord does not take it.
        """
        limit_bytes = self._interaction.filesize_limit
        if len(picture.data) > limit_bytes:
            raise Told(Problem.IMAGE_TOO_LARGE, limit_mb=limit_bytes // 2**20)
        await self._edit(content=_caption(prompt), picture=picture, alt=_cut(prompt, _ALT_CHARS))

    async def tell(self, told: Told) -> None:
        """Say that there is no picture, and why."""
        await self._edit(content=self._words.told(told))

    async def _edit(self, *, content: str, picture: Picture | None = None, alt: str = "") -> None:
        async def edit() -> None:
            # A file is read to its end when it is sent, so each try needs a new one.
            files = [] if picture is None else [_file(picture, alt)]
            await self._interaction.edit_original_response(
                content=content, attachments=files, allowed_mentions=discord.AllowedMentions.none()
            )

        try:
            await insist(edit, what=f"picture {self._interaction.id}")
        except discord.HTTPException as error:
            if error.code not in _EXPIRED:
                raise self._told(error) from error
            # The interaction's token lives for 15 minutes; the channel is still there.
            await self._post(content, [] if picture is None else [_file(picture, alt)])
        except DISCORD_FAULTS as error:
            raise self._told(error) from error

    async def _post(self, content: str, files: list[discord.File]) -> None:
        channel = self._interaction.channel
        if not isinstance(channel, discord.abc.Messageable):
            raise Told(Problem.DISCORD_REFUSED)
        try:
            await channel.send(content, files=files, allowed_mentions=discord.AllowedMentions.none())
        except DISCORD_FAULTS as error:
            raise self._told(error) from error

    def _told(self, error: Exception) -> Told:
        limit_bytes = self._interaction.filesize_limit
        return discord_told(error, channel=self._interaction.channel, limit_bytes=limit_bytes)


def _file(picture: Picture, alt: str) -> discord.File:
    return discord.File(io.BytesIO(picture.data), filename=f"picture.{picture.extension}", description=alt)


def _caption(prompt: str) -> str:
    """The prompt as a quote of one line, so that it stays apart from what the bot says."""
    line = " ".join(prompt.split())
    return f"> {_cut(discord.utils.escape_markdown(line), _CAPTION_CHARS)}"


def _cut(text: str, chars: int) -> str:
    return text if len(text) <= chars else text[: chars - 1] + "…"
