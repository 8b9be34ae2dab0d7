"""What there is in Discord: users, roles, guilds, channels, messages, as plain values that change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Any

from . import permissions
from .permissions import Permission
from .snowflakes import timestamp

Json = dict[str, Any]


class ChannelKind(IntEnum):
    """https://discord.com/developers/docs/resources/channel#channel-object-channel-types."""

    TEXT = 0
    DM = 1
    VOICE = 2
    CATEGORY = 4
    ANNOUNCEMENT = 5
    ANNOUNCEMENT_THREAD = 10
    PUBLIC_THREAD = 11
    PRIVATE_THREAD = 12
    FORUM = 15


class MessageKind(IntEnum):
    """https://discord.com/developers/docs/resources/message#message-object-message-types."""

    DEFAULT = 0
    PINNED = 6
    THREAD_CREATED = 18
    REPLY = 19
    CHAT_INPUT_COMMAND = 20
    THREAD_STARTER_MESSAGE = 21
    CONTEXT_MENU_COMMAND = 23


class MessageFlag(IntFlag):
    """https://discord.com/developers/docs/resources/message#message-object-message-flags."""

    NONE = 0
    SUPPRESS_EMBEDS = 1 << 2
    HAS_THREAD = 1 << 5
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    SUPPRESS_NOTIFICATIONS = 1 << 12
    IS_VOICE_MESSAGE = 1 << 13
    HAS_SNAPSHOT = 1 << 14
    IS_COMPONENTS_V2 = 1 << 15


@dataclass(slots=True, eq=False)
class User:
    """A person or the bot."""

    id: int
    username: str
    display_name: str
    bot: bool = False
    locale: str = "en-US"
    has_app: bool = False
    """The bot's application is installed on this person's own account."""
    closed_dms: bool = False
    """The bot cannot write to this person (code 50007)."""

    @property
    def mention(self) -> str:
        """The text that mentions this user."""
        return f"<@{self.id}>"

    def __str__(self) -> str:
        return self.display_name


@dataclass(slots=True, eq=False)
class Role:
    """A role of a guild; the one with the guild's own id is @everyone."""

    id: int
    name: str
    permissions: Permission
    position: int = 1
    mentionable: bool = False
    managed_by: User | None = None

    @property
    def mention(self) -> str:
        """The text that mentions this role."""
        return f"<@&{self.id}>"


@dataclass(slots=True, eq=False)
class Member:
    """A user in one guild."""

    user: User
    roles: list[Role]
    nick: str | None = None
    joined_at: str = field(default_factory=timestamp)


@dataclass(slots=True)
class Overwrite:
    """What a channel allows and denies one role or member."""

    allow: Permission = Permission.NONE
    deny: Permission = Permission.NONE
    of_member: bool = False


@dataclass(slots=True, eq=False)
class Guild:
    """A server; `channels` holds its threads too."""

    id: int
    name: str
    owner: User
    roles: dict[int, Role]
    members: dict[int, Member] = field(default_factory=dict[int, Member])
    channels: dict[int, Channel] = field(default_factory=dict[int, "Channel"])
    emojis: list[Json] = field(default_factory=list[Json])
    locale: str = "en-US"

    @property
    def everyone(self) -> Role:
        """The role that every member has."""
        return self.roles[self.id]


@dataclass(slots=True, eq=False)
class Attachment:
    """A file of a message; `url` is served on loopback."""

    id: int
    filename: str
    data: bytes = field(repr=False)
    content_type: str
    url: str
    description: str | None = None
    ephemeral: bool = False
    expired: bool = False


@dataclass(slots=True, eq=False)
class Message:
    """A message as it is now; `revisions` holds every text it has had, oldest first."""

    id: int
    channel: Channel
    author: User
    content: str
    kind: MessageKind = MessageKind.DEFAULT
    flags: MessageFlag = MessageFlag.NONE
    timestamp: str = field(default_factory=timestamp)
    edited_timestamp: str | None = None
    embeds: list[Json] = field(default_factory=list[Json])
    components: list[Json] = field(default_factory=list[Json])
    attachments: list[Attachment] = field(default_factory=list[Attachment])
    mentions: list[User] = field(default_factory=list[User])
    mention_roles: list[Role] = field(default_factory=list[Role])
    mention_everyone: bool = False
    pinged: set[int] = field(default_factory=set[int])
    """Ids of the users whom Discord notified of this message (a silent one still shows them its badge)."""
    nonce: str | int | None = None
    reference: Json | None = None
    referenced: Message | None = None
    snapshots: list[Json] = field(default_factory=list[Json])
    reactions: dict[str, set[int]] = field(default_factory=dict[str, set[int]])
    pinned: bool = False
    tts: bool = False
    thread: Channel | None = None
    viewer: User | None = None
    """The only person who sees it, if it is ephemeral."""
    application_id: int | None = None
    interaction: Json | None = None
    deleted: bool = False
    revisions: list[str] = field(default_factory=list[str])

    @property
    def edited(self) -> bool:
        """Whether Discord shows "(edited)"."""
        return self.edited_timestamp is not None

    @property
    def ephemeral(self) -> bool:
        """Whether only `viewer` sees it."""
        return self.viewer is not None

    @property
    def loading(self) -> bool:
        """Whether it is still "… is thinking"."""
        return bool(self.flags & MessageFlag.LOADING)

    @property
    def jump_url(self) -> str:
        """The link to this message."""
        guild = self.channel.guild
        return f"https://discord.com/channels/{guild.id if guild else '@me'}/{self.channel.id}/{self.id}"

    def buttons(self) -> Iterator[Json]:
        """Yield every interactive component, at whatever depth."""
        yield from interactive(self.components)

    def __str__(self) -> str:
        text = "is thinking…" if self.loading else self.content
        parts = [f"{self.author}: {text}".rstrip()]
        parts += [f"[embed {embed.get('title') or embed.get('description') or ''}]" for embed in self.embeds]
        parts += [f"[file {file.filename}]" for file in self.attachments]
        parts += [f"[{item.get('label') or item.get('custom_id')}]" for item in self.buttons()]
        parts += ["(edited)"] * self.edited + ["(only you)"] * self.ephemeral
        return " ".join(parts)


def interactive(components: Iterable[Json]) -> Iterator[Json]:
    """Yield the buttons and selects among `components`, at whatever depth."""
    for item in components:
        if "custom_id" in item or item.get("type") == 2:
            yield item
        yield from interactive(item.get("components", ()))
        if "accessory" in item:
            yield from interactive((item["accessory"],))


class Transcript(list[Message]):
    """Messages of one channel, oldest first; as text, a line for each."""

    def __str__(self) -> str:
        return "\n".join(map(str, self))


@dataclass(slots=True, eq=False)
class Channel:
    """A channel, thread or DM and all that was said in it."""

    id: int
    kind: ChannelKind
    name: str
    guild: Guild | None = None
    parent: Channel | None = None
    topic: str | None = None
    owner: User | None = None
    recipients: tuple[User, ...] = ()
    overwrites: dict[int, Overwrite] = field(default_factory=dict[int, Overwrite])
    messages: dict[int, Message] = field(default_factory=dict[int, Message], repr=False)
    typing: list[tuple[User, float]] = field(default_factory=list[tuple[User, float]], repr=False)
    """Who showed as typing, and when (time.monotonic)."""
    thread_members: set[int] = field(default_factory=set[int])
    archived: bool = False
    locked: bool = False
    deleted: bool = False
    created_at: str = field(default_factory=timestamp)
    last_message_id: int | None = None
    message_count: int = 0

    @property
    def is_thread(self) -> bool:
        """Whether it hangs below another channel."""
        return self.kind in (
            ChannelKind.PUBLIC_THREAD,
            ChannelKind.PRIVATE_THREAD,
            ChannelKind.ANNOUNCEMENT_THREAD,
        )

    @property
    def mention(self) -> str:
        """The text that links to this channel."""
        return f"<#{self.id}>"

    def transcript(self, viewer: User | None = None) -> Transcript:
        """Return what `viewer` sees; without one, what everybody sees (nothing ephemeral)."""
        if viewer is not None and not permissions.in_channel(self, viewer) & Permission.VIEW_CHANNEL:
            return Transcript()
        return Transcript(
            message
            for message in self.messages.values()
            if message.viewer is None or message.viewer is viewer
        )

    def __str__(self) -> str:
        return f"#{self.name}" if self.guild else f"DM with {', '.join(map(str, self.recipients))}"
