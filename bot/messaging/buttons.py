"""Buttons that work after a restart: all that they need is in their `custom_id` and in the database."""

import re
from collections.abc import Awaitable, Callable
from typing import Any, Self

import discord

from bot.core.access import Action
from bot.messaging import inbound
from bot.messaging.report import Words, tell

Press = Callable[[discord.Interaction, int], Awaitable[None]]


class UndoButton(discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]], template=r"parley:undo:\d+"):
    """Takes a reset back; see `undo_button`."""

    def __init__(self, reset_id: int, *, label: str) -> None:
        custom_id = f"parley:undo:{reset_id}"
        super().__init__(
            discord.ui.Button(label=label, style=discord.ButtonStyle.secondary, custom_id=custom_id)
        )
        self.reset_id = reset_id


def undo_button(press: Press, *, words: Words) -> type[UndoButton]:
    """The kind of button that takes a reset back: `press` gets the interaction and the reset's id.

    Discord names the button by its `custom_id` alone, so what it works with is bound to the kind.
    """

    class BoundUndoButton(UndoButton, template=r"parley:undo:(?P<reset_id>\d{1,18})"):
        @classmethod
        async def from_custom_id(
            cls, interaction: discord.Interaction, item: discord.ui.Item[Any], match: re.Match[str], /
        ) -> Self:
            return cls(int(match["reset_id"]), label=words.say("reset.undo"))

        async def callback(self, interaction: discord.Interaction) -> None:
            try:
                inbound.authorize_interaction(interaction, Action.RESET)
                await press(interaction, self.reset_id)
            except Exception as error:  # noqa: BLE001
                # The outermost promise: whoever presses a button gets an answer.
                await tell(interaction, error, words=words)

    return BoundUndoButton
