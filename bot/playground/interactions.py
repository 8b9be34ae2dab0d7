"""Interactions: what a person did with a command, a button or a form, and what came of it."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from . import permissions, wire, wire_messages
from .entities import Channel, Json, Message, User
from .permissions import Permission
from .world import World

# https://discord.com/developers/docs/interactions/receiving-and-responding
ACKNOWLEDGE_WITHIN_S = 3.0
TOKEN_LIFE_S = 15 * 60.0


class InteractionKind(IntEnum):
    """What kind of act it was."""

    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL = 5


Waiter = Callable[[Callable[[], bool], float, str], Awaitable[None]]


@dataclass(slots=True, eq=False)
class Interaction:
    """One interaction, live: its fields change as the bot answers."""

    id: int
    kind: InteractionKind
    user: User
    channel: Channel
    name: str
    """The command's full name, or the component's or form's custom id."""
    data: Json
    wait: Waiter = field(repr=False)
    submit: Callable[[Interaction, Mapping[str, str | Sequence[str]]], Interaction] = field(repr=False)
    source: Message | None = None
    """The message whose button was pressed."""
    opened_by: Interaction | None = None
    """The interaction that opened the form which this one submits."""
    by_user_install: bool = False
    token: str = ""
    created: float = field(default_factory=time.monotonic)
    aged_s: float = 0.0
    callback: int | None = None
    """The type of the bot's callback; None while it has not acknowledged."""
    original: Message | None = None
    followups: list[Message] = field(default_factory=list[Message])
    updated: bool = False
    """The message of the pressed button was changed in answer."""
    modal: Json | None = None
    choices: list[Json] | None = None
    failed: bool = False
    """Three seconds passed: the person reads "The application did not respond"."""

    def __post_init__(self) -> None:
        secret = f"interaction:{self.id}:{secrets.token_urlsafe(48)}"
        self.token = base64.urlsafe_b64encode(secret.encode()).decode().rstrip("=")

    @property
    def age_s(self) -> float:
        """How old it is, with what `Playground.age` added."""
        return time.monotonic() - self.created + self.aged_s

    @property
    def acknowledged(self) -> bool:
        """Whether the bot has answered in any way, if only "thinking"."""
        return self.callback is not None

    @property
    def ephemeral(self) -> bool:
        """Whether the answer is for the person's eyes only."""
        return self.original is not None and self.original.ephemeral

    @property
    def shown(self) -> Message | None:
        """What the person reads by now in answer: a message that is no longer "thinking"."""
        if self.updated and self.source is not None:
            return self.source
        if self.original is not None and not self.original.loading and self.original is not self.source:
            return self.original
        return self.followups[0] if self.followups else None

    async def response(self, timeout: float = 5) -> Message:  # noqa: ASYNC109 - asyncio.timeout inside
        """Wait for the bot's answer and return its message, which goes on changing as the bot edits it.

        Raises:
            AssertionError: nothing was acknowledged in three seconds, or shown in `timeout` seconds.
        """
        await self.wait(lambda: self.failed or self.shown is not None, timeout, f"an answer to {self.name!r}")
        if self.shown is None:
            raise AssertionError(f"The application did not respond (to {self.name!r}).")
        return self.shown

    async def acknowledgement(self, timeout: float = 5) -> int:  # noqa: ASYNC109 - asyncio.timeout inside
        """Wait until the bot has acknowledged; return the callback's type."""
        await self.wait(
            lambda: self.failed or self.acknowledged, timeout, f"an acknowledgement of {self.name!r}"
        )
        if self.callback is None:
            raise AssertionError(f"The application did not respond (to {self.name!r}).")
        return self.callback

    async def form(self, timeout: float = 5) -> Json:  # noqa: ASYNC109 - asyncio.timeout inside
        """Wait for the bot to open a form; return the modal."""
        await self.wait(lambda: self.failed or self.modal is not None, timeout, f"a form from {self.name!r}")
        if self.modal is None:
            raise AssertionError(f"The application did not respond (to {self.name!r}).")
        return self.modal

    async def submit_modal(
        self,
        values: Mapping[str, str | Sequence[str]] | None = None,
        timeout: float = 5,  # noqa: ASYNC109 - asyncio.timeout inside
    ) -> Interaction:
        """Fill in and send the form the bot opened: text or choices by custom id; the rest keeps its value.

        Raises:
            ValueError: Discord's client would not let this be sent.
        """
        await self.form(timeout)
        return self.submit(self, values or {})

    def metadata(self) -> Json:
        """Return `interaction_metadata` for the messages that answer it."""
        kind = InteractionKind.COMMAND if self.kind is InteractionKind.AUTOCOMPLETE else self.kind
        found: Json = {
            "id": str(self.id),
            "type": int(kind),
            "user": wire.user_json(self.user),
            "authorizing_integration_owners": self.owners(),
        }
        if self.kind is InteractionKind.COMPONENT and self.source is not None:
            found["interacted_message_id"] = str(self.source.id)
        if self.kind is InteractionKind.MODAL and self.opened_by is not None:
            found["triggering_interaction_metadata"] = self.opened_by.metadata()
        return found

    def owners(self) -> dict[str, str]:
        """Return by whose installation it came: a guild's ("0") or the person's own ("1")."""
        if self.by_user_install:
            return {"1": str(self.user.id)}
        return {"0": str(self.channel.guild.id) if self.channel.guild else "0"}


def create_json(interaction: Interaction, world: World, file_limit_bytes: int) -> Json:
    """Return the data of INTERACTION_CREATE."""
    channel, user, guild = interaction.channel, interaction.user, interaction.channel.guild
    granted = permissions.in_channel(channel, user)
    app = permissions.in_channel(channel, world.bot)
    if guild is not None and not world.bot_is_in(guild):
        # Outside, an application may do in its answers what @everyone may.
        app = guild.everyone.permissions & ~Permission.MENTION_EVERYONE
    found: Json = {
        "id": str(interaction.id),
        "application_id": str(world.application_id),
        "type": int(interaction.kind),
        "token": interaction.token,
        "version": 1,
        "channel_id": str(channel.id),
        "channel": wire.channel_json(channel) | {"permissions": str(int(granted))},
        "app_permissions": str(int(app)),
        "locale": user.locale,
        "entitlements": [],
        "entitlement_sku_ids": [],
        "authorizing_integration_owners": interaction.owners(),
        "context": 1 if guild is None else 0,
        "attachment_size_limit": file_limit_bytes,
        "data": interaction.data,
    }
    if guild is None:
        found["user"] = wire.user_json(user)
    else:
        found["guild_id"] = str(guild.id)
        found["guild"] = {"id": str(guild.id), "locale": guild.locale, "features": []}
        found["guild_locale"] = guild.locale
        member = wire.member_json(guild.members[user.id])
        found["member"] = member | {"permissions": str(int(granted)), "unusual_dm_activity_until": None}
    if interaction.source is not None:
        found["message"] = wire_messages.message_json(interaction.source, world.bot)
    return found
