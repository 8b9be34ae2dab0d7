"""Buttons that work after a restart: all that they need is in their `custom_id` and in the database."""

import re
from collections.abc import Awaitable, Callable
from typing import Any, Self

import discord

from bot.messaging.report import Words, tell

Press = Callable[[discord.Interaction, int], Awaitable[None]]


class PersistentButton(discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]], template=r"parley:"):
    """A button for the thing with that id; see `persistent_button`."""

    def __init__(self, thing_id: int) -> None:
        raise NotImplementedError


def persistent_button(name: str, press: Press, *, label: str, words: Words) -> type[PersistentButton]:
    """The kind of button called `name`: `press` gets the interaction and the id that the button is for.

    Discord names a button by its `custom_id` alone, so what `press` works with is bound to the kind.
    Whatever `press` raises is told to the person who pressed.
    """

    class Bound(PersistentButton, template=rf"parley:{name}:(?P<id>\d{{1,20}})"):
        def __init__(self, thing_id: int) -> None:
            custom_id = f"parley:{name}:{thing_id}"
            button: discord.ui.Button[discord.ui.View] = discord.ui.Button(
                label=label, style=discord.ButtonStyle.secondary, custom_id=custom_id
            )
            super(PersistentButton, self).__init__(button)
            self.thing_id = thing_id

        @classmethod
        async def from_custom_id(
            cls, interaction: discord.Interaction, item: discord.ui.Item[Any], match: re.Match[str], /
        ) -> Self:
            return cls(int(match["id"]))

        async def callback(self, interaction: discord.Interaction) -> None:
            try:
                await press(interaction, self.thing_id)
            except Exception as error:  # noqa: BLE001
                # The outermost promise: whoever presses a button gets an answer.
                await tell(interaction, error, words=words)

    return Bound
