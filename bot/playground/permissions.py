"""Who may do what where: Discord's permission bits and how they add up."""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .entities import Channel, Guild, User


class Permission(IntFlag):
    """https://discord.com/developers/docs/topics/permissions."""

    NONE = 0
    CREATE_INSTANT_INVITE = 1 << 0
    KICK_MEMBERS = 1 << 1
    BAN_MEMBERS = 1 << 2
    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    STREAM = 1 << 9
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    SEND_TTS_MESSAGES = 1 << 12
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_EXTERNAL_EMOJIS = 1 << 18
    CONNECT = 1 << 20
    SPEAK = 1 << 21
    USE_VAD = 1 << 25
    CHANGE_NICKNAME = 1 << 26
    MANAGE_NICKNAMES = 1 << 27
    MANAGE_ROLES = 1 << 28
    MANAGE_WEBHOOKS = 1 << 29
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    CREATE_PRIVATE_THREADS = 1 << 36
    SEND_MESSAGES_IN_THREADS = 1 << 38
    MODERATE_MEMBERS = 1 << 40
    SEND_VOICE_MESSAGES = 1 << 46
    SEND_POLLS = 1 << 49
    USE_EXTERNAL_APPS = 1 << 50
    PIN_MESSAGES = 1 << 51


_CHATTING = (
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.SEND_MESSAGES_IN_THREADS
    | Permission.CREATE_PUBLIC_THREADS
    | Permission.CREATE_PRIVATE_THREADS
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.ADD_REACTIONS
    | Permission.USE_EXTERNAL_EMOJIS
    | Permission.READ_MESSAGE_HISTORY
    | Permission.USE_APPLICATION_COMMANDS
)

# What a new server gives @everyone; mentioning everyone is among it, so that a bot which does so is caught.
EVERYONE = (
    _CHATTING
    | Permission.CREATE_INSTANT_INVITE
    | Permission.MENTION_EVERYONE
    | Permission.CHANGE_NICKNAME
    | Permission.CONNECT
    | Permission.SPEAK
    | Permission.STREAM
    | Permission.USE_VAD
    | Permission.SEND_VOICE_MESSAGES
    | Permission.SEND_POLLS
    | Permission.USE_EXTERNAL_APPS
)
# What the bot's invitation asks for.
BOT = _CHATTING
# In a DM both sides may do this, whatever the servers say.
DIRECT = _CHATTING | Permission.MENTION_EVERYONE | Permission.USE_EXTERNAL_APPS
ALL = Permission(sum(Permission))

# Without the permission to send, these count for nothing.
_SENDING = (
    Permission.MENTION_EVERYONE
    | Permission.SEND_TTS_MESSAGES
    | Permission.ATTACH_FILES
    | Permission.EMBED_LINKS
)


def in_guild(guild: Guild, user: User) -> Permission:
    """Return what `user` may do in `guild`, before any channel's overwrites; NONE for a stranger."""
    if user is guild.owner:
        return ALL
    member = guild.members.get(user.id)
    if member is None:
        return Permission.NONE
    granted = guild.everyone.permissions
    for role in member.roles:
        granted |= role.permissions
    return ALL if granted & Permission.ADMINISTRATOR else granted


def in_channel(channel: Channel, user: User) -> Permission:
    """Return what `user` may do in `channel` (a thread asks its parent), with overwrites applied.

    https://discord.com/developers/docs/topics/permissions#permission-overwrites
    """
    guild = channel.guild
    if guild is None:
        return DIRECT if user in channel.recipients or user.bot else Permission.NONE
    granted = in_guild(guild, user)
    if granted == ALL or not granted:
        return granted
    home = channel.parent if channel.is_thread and channel.parent is not None else channel
    if home.overwrites:
        granted = _overwritten(granted, home, guild, user)
    if not granted & Permission.VIEW_CHANNEL:
        return Permission.NONE
    if not granted & (Permission.SEND_MESSAGES_IN_THREADS if channel.is_thread else Permission.SEND_MESSAGES):
        granted &= ~_SENDING
    return granted


def _overwritten(granted: Permission, home: Channel, guild: Guild, user: User) -> Permission:
    everyone = home.overwrites.get(guild.id)
    if everyone is not None:
        granted = granted & ~everyone.deny | everyone.allow
    allow = deny = Permission.NONE
    for role in guild.members[user.id].roles:
        if (overwrite := home.overwrites.get(role.id)) is not None:
            allow |= overwrite.allow
            deny |= overwrite.deny
    granted = granted & ~deny | allow
    own = home.overwrites.get(user.id)
    return granted if own is None else granted & ~own.deny | own.allow
