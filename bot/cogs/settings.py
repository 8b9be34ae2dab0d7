"""Settings: `/settings show | set | reset`, per channel and per server."""

from typing import Literal

import discord
from discord import app_commands
from discord.ext import commands

from bot.core.access import Action
from bot.core.model import Place
from bot.core.settings import SETTINGS, Layer, Settings, Sourced, Value
from bot.messaging import inbound
from bot.messaging.report import Words

Scope = Literal["channel", "server"]
Name = Literal["model", "temperature", "max_tokens", "system_prompt", "all"]

_TEMPERATURE, _MAX_TOKENS = SETTINGS["temperature"], SETTINGS["max_tokens"]
_SYSTEM_PROMPT = SETTINGS["system_prompt"]

# A long system prompt would fill the list; this much tells which one it is.
_SHOWN_CHARS = 400


@app_commands.allowed_contexts(guilds=True, dms=True)
@app_commands.default_permissions(manage_channels=True)
class SettingsCommands(
    commands.GroupCog,
    group_name="settings",
    group_description="How the bot answers, here or in the whole server",
):
    """Seeing and changing what holds in a place."""

    def __init__(self, *, settings: Settings, words: Words) -> None:
        self._settings = settings
        self._words = words

    @app_commands.command(extras={"action": Action.SHOW_SETTINGS})
    async def show(self, interaction: discord.Interaction) -> None:
        """What holds in this channel, and where each value comes from"""
        await interaction.response.defer(ephemeral=True)
        sources = await self._settings.shown(inbound.interaction_place(interaction))
        lines = [self._line(name, sourced) for name, sourced in sources.items()]
        title = self._words.say("settings.title")
        await self._answer(interaction, f"**{title}**\n" + "\n".join(lines))

    @app_commands.command(extras={"action": Action.SHOW_SETTINGS})
    @app_commands.describe(
        model="provider/model, or a model of the first provider",
        temperature="From 0 (the same each time) to 2 (wild)",
        max_tokens="The longest answer, in tokens of about four letters",
        system_prompt="Who the bot is and how it answers; {bot} is its name",
        scope="For this channel only, or for the whole server",
    )
    async def set(
        self,
        interaction: discord.Interaction,
        model: str | None = None,
        temperature: app_commands.Range[float, _TEMPERATURE.minimum, _TEMPERATURE.maximum] | None = None,
        max_tokens: app_commands.Range[int, _MAX_TOKENS.minimum, _MAX_TOKENS.maximum] | None = None,
        system_prompt: app_commands.Range[str, 1, _SYSTEM_PROMPT.max_chars] | None = None,
        scope: Scope = "channel",
    ) -> None:
        """Change one setting or several"""
        await interaction.response.defer(ephemeral=True)
        place, layer = self._authorized(interaction, scope)
        given = {
            "model": model,
            "temperature": temperature,
            "max_tokens": max_tokens,
            "system_prompt": system_prompt,
        }
        values = {name: value for name, value in given.items() if value is not None}
        changed = await self._settings.set(place, layer, values)
        changes = ", ".join(f"{name} = {_shown(value)}" for name, value in changed.items())
        scope_words = self._words.say(f"settings.{scope}")
        await self._answer(
            interaction, self._words.say("settings.changed", scope=scope_words, changes=changes)
        )

    @app_commands.command(extras={"action": Action.SHOW_SETTINGS})
    @app_commands.describe(
        setting="Which one", scope="What was set for this channel, or for the whole server"
    )
    async def reset(self, interaction: discord.Interaction, setting: Name, scope: Scope = "channel") -> None:
        """Take back what was set"""
        await interaction.response.defer(ephemeral=True)
        place, layer = self._authorized(interaction, scope)
        await self._settings.reset(place, layer, None if setting == "all" else setting)
        names = self._words.say("settings.all") if setting == "all" else setting
        scope_words = self._words.say(f"settings.{scope}")
        await self._answer(interaction, self._words.say("settings.cleared", scope=scope_words, names=names))

    def _authorized(self, interaction: discord.Interaction, scope: Scope) -> tuple[Place, Layer]:
        server = scope == "server"
        inbound.authorize_interaction(
            interaction, Action.SET_FOR_SERVER if server else Action.SET_FOR_CHANNEL
        )
        return inbound.interaction_place(interaction), Layer.SERVER if server else Layer.CHANNEL

    def _line(self, name: str, sourced: Sourced) -> str:
        value = self._words.say("settings.unset") if sourced.value is None else _shown(sourced.value)
        setting = SETTINGS[name]
        if setting.minimum is not None:
            limits = self._words.say(
                "settings.range", minimum=f"{setting.minimum:,}", maximum=f"{setting.maximum:,}"
            )
            value = f"{value} ({limits})"
        layer = self._words.say(f"layer.{sourced.layer}")
        note = self._words.say("settings.ignored") if sourced.ignored else ""
        return self._words.say("settings.line", name=name, value=value, layer=layer, note=note)

    async def _answer(self, interaction: discord.Interaction, content: str) -> None:
        await interaction.edit_original_response(
            content=content, allowed_mentions=discord.AllowedMentions.none()
        )


def _shown(value: Value) -> str:
    if not isinstance(value, str):
        return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"
    text = " ".join(value.split()).replace("`", "'")
    return f"`{text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + '…'}`"
