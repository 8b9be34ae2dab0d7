"""Everything that exists in the box, by id; it tells nobody of its changes."""

from __future__ import annotations

from collections.abc import Iterable

from . import permissions
from .entities import Attachment, Channel, ChannelKind, Guild, Member, Message, MessageFlag, Role, User
from .snowflakes import Snowflakes


class World:
    """Everything that exists, by id."""

    def __init__(self, bot: User, application_id: int, snowflakes: Snowflakes) -> None:
        self.new_id = snowflakes
        self.bot = bot
        self.application_id = application_id
        self.users: dict[int, User] = {bot.id: bot}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.attachments: dict[int, Attachment] = {}

    def dm_with(self, user: User) -> Channel:
        """Return the DM between the bot and `user`, which is made when first asked for."""
        for channel in self.channels.values():
            if channel.kind is ChannelKind.DM and user in channel.recipients:
                return channel
        channel = Channel(self.new_id(), ChannelKind.DM, user.username, recipients=(user,))
        self.channels[channel.id] = channel
        return channel

    def add_guild(
        self, name: str, owner: User, members: Iterable[User], *, with_bot: bool, locale: str
    ) -> Guild:
        """Make a guild; the bot joins with a managed role of its own, unless it stays outside."""
        identity = self.new_id()
        everyone = Role(identity, "@everyone", permissions.EVERYONE, position=0)
        guild = Guild(identity, name, owner, {identity: everyone}, locale=locale)
        for user in dict.fromkeys((owner, *members)):
            guild.members[user.id] = Member(user, [])
        if with_bot:
            role = Role(self.new_id(), self.bot.display_name, permissions.BOT, managed_by=self.bot)
            guild.roles[role.id] = role
            guild.members[self.bot.id] = Member(self.bot, [role])
        self.guilds[guild.id] = guild
        return guild

    def add_channel(
        self,
        guild: Guild,
        name: str,
        kind: ChannelKind,
        *,
        parent: Channel | None = None,
        topic: str | None = None,
    ) -> Channel:
        """Make a channel of a guild."""
        channel = Channel(self.new_id(), kind, name, guild, parent=parent, topic=topic)
        guild.channels[channel.id] = self.channels[channel.id] = channel
        return channel

    def add_thread(
        self, parent: Channel, name: str, owner: User, starter: Message | None, kind: ChannelKind
    ) -> Channel:
        """Make a thread; one that starts from a message has that message's id, as in Discord."""
        identity = starter.id if starter is not None else self.new_id()
        thread = Channel(identity, kind, name, parent.guild, parent=parent, owner=owner)
        thread.thread_members.add(owner.id)
        self.channels[identity] = thread
        if parent.guild is not None:
            parent.guild.channels[identity] = thread
        if starter is not None:
            starter.thread = thread
            starter.flags |= MessageFlag.HAS_THREAD
        return thread

    def remove_channel(self, channel: Channel) -> None:
        """Delete a channel and the threads below it."""
        for each in [other for other in self.channels.values() if other.parent is channel] + [channel]:
            each.deleted = True
            self.channels.pop(each.id, None)
            if each.guild is not None:
                each.guild.channels.pop(each.id, None)

    def bot_is_in(self, guild: Guild) -> bool:
        """Whether the bot is a member of `guild`."""
        return self.bot.id in guild.members
