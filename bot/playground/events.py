"""Tells of what happened: the bot by the gateway, the page by its feed, and whoever waits for a change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from . import permissions, wire, wire_messages
from .entities import Channel, Guild, Json, Message, MessageKind, User
from .gateway import Gateway
from .permissions import Permission
from .sessions import Intents
from .world import World


class Changes:
    """Wakes those who wait for anything at all to happen."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    def happened(self) -> None:
        """Wake every waiter."""
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def next(self) -> None:
        """Return when something has happened after this call."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future


class Events:
    """Every event that Discord would send, to all who would get it."""

    def __init__(self, world: World, gateway: Gateway, changes: Changes) -> None:
        self._world = world
        self._gateway = gateway
        self._changes = changes
        self.empty_thread_mentions = False
        """Send `mentions` empty in threads though the content holds the mention, as Discord may do."""
        self.feeds: set[Callable[[str, Json], None]] = set()
        """The page's listeners: called with an event's name and data."""

    def message_created(self, message: Message) -> None:
        """MESSAGE_CREATE."""
        self._message("MESSAGE_CREATE", message)

    def message_updated(self, message: Message) -> None:
        """MESSAGE_UPDATE, with the whole message, as the gateway has sent it since 2024."""
        self._message("MESSAGE_UPDATE", message)

    def _message(self, name: str, message: Message) -> None:
        world, guild = self._world, message.channel.guild
        data = wire_messages.message_json(message, world.bot)
        if self.feeds:
            self._feed(name, data | page_fields(message))
        # https://discord.com/developers/docs/events/gateway-events#messages: an ephemeral message goes by the
        # DIRECT_MESSAGES intent and has neither guild_id nor member.
        if message.ephemeral:
            if message.author is world.bot:
                self._gateway.publish(
                    name, data | {"channel_type": int(message.channel.kind)}, Intents.DIRECT_MESSAGES, guild
                )
            self._changes.happened()
            return
        if self._bot_sees(message.channel):
            data["channel_type"] = int(message.channel.kind)
            if guild is not None:
                self._in_guild(data, message, guild)
            bare = None if self.reveals_content(message) else wire_messages.without_content(data, world.bot)
            intent = Intents.DIRECT_MESSAGES if guild is None else Intents.GUILD_MESSAGES
            self._gateway.publish(name, data, intent, guild, bare=bare)
        self._changes.happened()

    def _in_guild(self, data: Json, message: Message, guild: Guild) -> None:
        data["guild_id"] = str(guild.id)
        if (member := guild.members.get(message.author.id)) is not None:
            data["member"] = wire.member_json(member, with_user=False)
        mentions: list[Json] = data["mentions"]
        if self.empty_thread_mentions and message.channel.is_thread:
            mentions.clear()
        for mentioned in mentions:
            if (member := guild.members.get(int(mentioned["id"]))) is not None:
                mentioned["member"] = wire.member_json(member, with_user=False)

    def reveals_content(self, message: Message) -> bool:
        """Whether an application without the content intent reads this message all the same.

        https://discord.com/developers/docs/events/gateway#message-content-intent
        """
        bot = self._world.bot
        return (
            message.channel.guild is None
            or message.author is bot
            or bot in message.mentions
            or message.kind is MessageKind.CONTEXT_MENU_COMMAND
        )

    def message_deleted(self, message: Message) -> None:
        """MESSAGE_DELETE."""
        channel = message.channel
        data: Json = {"id": str(message.id), "channel_id": str(channel.id)}
        self._feed("MESSAGE_DELETE", data)
        if message.ephemeral:
            self._changes.happened()
            return
        self._in_channel("MESSAGE_DELETE", data, channel, Intents.GUILD_MESSAGES, Intents.DIRECT_MESSAGES)

    def messages_deleted(self, channel: Channel, messages: list[Message]) -> None:
        """MESSAGE_DELETE_BULK."""
        for message in messages:
            self._feed("MESSAGE_DELETE", {"id": str(message.id), "channel_id": str(channel.id)})
        data: Json = {"ids": [str(message.id) for message in messages], "channel_id": str(channel.id)}
        self._in_channel(
            "MESSAGE_DELETE_BULK", data, channel, Intents.GUILD_MESSAGES, Intents.DIRECT_MESSAGES
        )

    def reaction(self, name: str, message: Message, user: User, emoji: str) -> None:
        """MESSAGE_REACTION_ADD or MESSAGE_REACTION_REMOVE."""
        channel = message.channel
        text, _, identity = emoji.partition(":")
        data: Json = {
            "user_id": str(user.id),
            "channel_id": str(channel.id),
            "message_id": str(message.id),
            "message_author_id": str(message.author.id),
            "emoji": {"id": identity or None, "name": text},
            "burst": False,
            "type": 0,
        }
        if name == "MESSAGE_REACTION_ADD" and channel.guild is not None and user.id in channel.guild.members:
            data["member"] = wire.member_json(channel.guild.members[user.id])
        self._feed(name, data)
        self._in_channel(
            name, data, channel, Intents.GUILD_MESSAGE_REACTIONS, Intents.DIRECT_MESSAGE_REACTIONS
        )

    def typing(self, channel: Channel, user: User, since_s: int) -> None:
        """TYPING_START."""
        data: Json = {"channel_id": str(channel.id), "user_id": str(user.id), "timestamp": since_s}
        self._feed("TYPING_START", data)
        if channel.guild is not None and user.id in channel.guild.members:
            data["member"] = wire.member_json(channel.guild.members[user.id])
        self._in_channel(
            "TYPING_START", data, channel, Intents.GUILD_MESSAGE_TYPING, Intents.DIRECT_MESSAGE_TYPING
        )

    def channel(self, name: str, channel: Channel, *, newly_created: bool = False) -> None:
        """CHANNEL_* or THREAD_* CREATE, UPDATE or DELETE."""
        data = wire.channel_json(channel)
        self._feed(name, data)
        if newly_created:
            data["newly_created"] = True
        if channel.guild is not None and self._world.bot_is_in(channel.guild):
            self._gateway.publish(name, data, Intents.GUILDS, channel.guild)
        self._changes.happened()

    def thread_joined(self, thread: Channel, users: Iterable[User]) -> None:
        """THREAD_MEMBERS_UPDATE for those who were no members yet; told only if the bot is among them.

        https://discord.com/developers/docs/events/gateway-events#thread-members-update
        """
        guild = thread.guild
        new = [user for user in dict.fromkeys(users) if user.id not in thread.thread_members]
        if guild is None or not new:
            return
        thread.thread_members.update(user.id for user in new)
        if self._world.bot in new:
            data: Json = {
                "id": str(thread.id),
                "guild_id": str(guild.id),
                "member_count": len(thread.thread_members),
                "added_members": [wire.thread_member_json(thread, user) for user in new],
            }
            self._gateway.publish("THREAD_MEMBERS_UPDATE", data, Intents.GUILDS, guild)
        self._changes.happened()

    def thread_left(self, thread: Channel, user: User) -> None:
        """THREAD_MEMBERS_UPDATE for one who left."""
        if thread.guild is None or user.id not in thread.thread_members:
            return
        thread.thread_members.discard(user.id)
        data: Json = {
            "id": str(thread.id),
            "guild_id": str(thread.guild.id),
            "member_count": len(thread.thread_members),
            "removed_member_ids": [str(user.id)],
        }
        if user is self._world.bot:
            self._gateway.publish("THREAD_MEMBERS_UPDATE", data, Intents.GUILDS, thread.guild)
        self._changes.happened()

    def guild(self, name: str, guild: Guild, data: Json) -> None:
        """GUILD_CREATE, GUILD_DELETE, GUILD_ROLE_* and GUILD_MEMBER_*."""
        self._feed(name, data)
        intent = Intents.GUILD_MEMBERS if name.startswith("GUILD_MEMBER_") else Intents.GUILDS
        self._gateway.publish(name, data, intent, guild)
        self._changes.happened()

    def interaction(self, data: Json, guild: Guild | None) -> None:
        """INTERACTION_CREATE; no intent is needed for it."""
        self._gateway.publish("INTERACTION_CREATE", data, Intents.NONE, guild)
        self._changes.happened()

    def for_page(self, name: str, data: Json) -> None:
        """An event of the page's own (COMMANDS_UPDATE, BOT_STATUS, INTERACTION)."""
        self._feed(name, data)
        self._changes.happened()

    def _feed(self, name: str, data: Json) -> None:
        for feed in tuple(self.feeds):
            feed(name, data)

    def _in_channel(
        self, name: str, data: Json, channel: Channel, in_guild: Intents, direct: Intents
    ) -> None:
        if self._bot_sees(channel):
            guild = channel.guild
            if guild is not None:
                data = data | {"guild_id": str(guild.id)}
            self._gateway.publish(name, data, direct if guild is None else in_guild, guild)
        self._changes.happened()

    def _bot_sees(self, channel: Channel) -> bool:
        bot = self._world.bot
        return bool(permissions.in_channel(channel, bot) & Permission.VIEW_CHANNEL)


def page_fields(message: Message) -> Json:
    """Return what the page is told of a message beyond Discord's object."""
    return {
        "pinged": [str(user_id) for user_id in message.pinged],
        "viewer_only": message.ephemeral,
        "viewer_id": str(message.viewer.id) if message.viewer is not None else None,
    }
