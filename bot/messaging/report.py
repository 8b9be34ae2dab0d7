"""What is said to people, in words: a key and parameters become a sentence of a language."""

import logging
import math
import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any

import aiohttp
import discord

from bot.core.errors import Param, Problem, Told, internal

log = logging.getLogger(__name__)

# All that a request to Discord can end in, other than well; discord.py lets the network's own errors through.
DISCORD_FAULTS = (discord.HTTPException, aiohttp.ClientError, OSError)

# What Discord takes in one message outside boosted servers (its documentation, "Uploading Files").
DEFAULT_UPLOAD_BYTES = 10 * 2**20


class Words:
    """The sentences of one language, from `locales/`."""

    def __init__(self, table: Mapping[str, Mapping[str, str]]) -> None:
        self._table = table

    @classmethod
    def load(cls, language: str = "en") -> "Words":
        """The words of `language`, which is a file's name in `locales/`."""
        text = resources.files("bot.locales").joinpath(f"{language}.toml").read_text(encoding="utf-8")
        return cls(tomllib.loads(text))

    def say(self, key: str, /, **params: Param) -> str:
        """The sentence under `section.name`, its `{names}` filled in."""
        section, name = key.split(".")
        return self._table[section][name].format(**params)

    def told(self, told: Told, /) -> str:
        """What happened, the next step and who can take it, in one line."""
        params = dict(told.params)
        match told.problem:
            case Problem.RATE_LIMITED:
                params["when"] = self._when(float(params.get("retry_after_s", 0)))
            case Problem.TOO_LONG:
                tokens = int(params.get("limit_tokens", 0))
                params["limit"] = self.say("limit.tokens", tokens=f"{tokens:,}") if tokens else ""
            case _:
                pass
        return self.say(f"problem.{told.problem}", **params)

    def _when(self, seconds: float) -> str:
        return self.say("retry.after", seconds=math.ceil(seconds)) if seconds > 0 else self.say("retry.later")


def discord_told(error: Exception, *, channel: object, limit_bytes: int = DEFAULT_UPLOAD_BYTES) -> Told:
    """What people are told of a failed request to Discord in `channel`, where files have that limit."""
    match error:
        case discord.HTTPException(code=40005):  # Request entity too large
            return Told(Problem.IMAGE_TOO_LARGE, limit_mb=limit_bytes // 2**20)
        case discord.Forbidden():
            return discord_forbids(channel)
        case _:
            return Told(Problem.DISCORD_REFUSED)


def discord_forbids(channel: object) -> Told:
    """What the asker is told when we may not write in `channel`."""
    return Told(Problem.NO_SEND, channel=getattr(channel, "mention", "that channel"))


async def tell(interaction: discord.Interaction[Any], error: Exception, *, words: Words) -> None:
    """Answer `interaction`, for its person only, with what `error` is in words."""
    told = error
    if not isinstance(told, Told):
        told = internal()
        log.error(
            "interaction %s failed; reference %s", interaction.id, told.params["reference"], exc_info=error
        )
    content = words.told(told)
    try:
        if interaction.response.is_done():
            await interaction.followup.send(content, ephemeral=True)
        else:
            await interaction.response.send_message(content, ephemeral=True)
    except DISCORD_FAULTS as fault:
        log.warning("interaction %s could not be answered: %s", interaction.id, type(fault).__name__)
