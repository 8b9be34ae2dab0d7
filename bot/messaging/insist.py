"""A request to Discord that is made again when the connection breaks."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

import discord

from bot.messaging.report import DISCORD_FAULTS

log = logging.getLogger(__name__)

# discord.py tries again by itself at 429 and 5xx; these pauses are for connections that break.
_PAUSES_S = (0.5, 1.0, 2.0)

T = TypeVar("T")


async def insist(request: Callable[[], Awaitable[T]], *, what: str) -> T:
    """What `request` gives, tried four times; it must do no harm when it is done twice.

    Raises:
        discord.HTTPException: Discord refuses it; asking again would not help.
        aiohttp.ClientError, OSError: Discord cannot be reached.
    """
    for pause_s in _PAUSES_S:
        try:
            return await request()
        except DISCORD_FAULTS as error:
            if isinstance(error, discord.HTTPException) and error.status < 500:
                raise
            log.warning("%s: not taken yet: %s", what, type(error).__name__)
        await asyncio.sleep(pause_s)
    return await request()
