"""The set and its cast: what there is in the box before anybody acts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from . import wire
from .commands import Commands
from .entities import Channel, ChannelKind, Guild, Json, Member, Message, Overwrite, Role, User
from .events import Changes, Events
from .gateway import Gateway
from .messages import Messages
from .people import Hands, Person
from .permissions import Permission
from .snowflakes import Snowflakes
from .threads import Threads
from .world import World

# The first part spells the bot's id in base64, as in a real token; the rest is nothing.
TOKEN = "MTAwMDAwMDAwMDAwMDAwMDAx.GplayG.a-token-for-the-playground-and-nowhere-else"  # noqa: S105 - opens nothing
_BOT_ID = 100000000000000001

Kind = Literal["text", "voice", "forum", "announcement"]


class Stage:
    """Makes users, guilds and channels, at any time; a connected bot hears of it."""

    def __init__(self, *, token: str, bot_name: str) -> None:
        self.token = token
        self.bot = User(_BOT_ID, bot_name, bot_name, bot=True)
        self.application_id = _BOT_ID
        self.world = World(self.bot, self.application_id, Snowflakes())
        self.changes = Changes()
        self.gateway = Gateway(self.world, token, self._happened)
        self.events = Events(self.world, self.gateway, self.changes)
        self.commands = Commands(self.world)
        self._messages = Messages(self.world, self.events)
        self._threads = Threads(self.world, self._messages, self.events)
        self._hands: Hands | None = None
        self._was_online = False

    def equip(self, hands: Hands) -> None:
        """Say what people act with; before it, nobody can be added."""
        self._hands = hands

    def _happened(self) -> None:
        if self.gateway.online is not self._was_online:
            self._was_online = self.gateway.online
            self.events.for_page("BOT_STATUS", {"online": self._was_online})
        self.changes.happened()

    def add_user(
        self, username: str, *, display_name: str | None = None, locale: str = "en-US", has_app: bool = False
    ) -> Person:
        """Add a person; `has_app`: the bot is installed on this person's own account."""
        if self._hands is None:
            raise RuntimeError("there is nothing yet for people to act with")
        identity = self.world.new_id()
        name = display_name or username
        person = Person(identity, username, name, locale=locale, has_app=has_app, hands=self._hands)
        self.world.users[identity] = person
        return person

    def add_guild(
        self,
        name: str,
        *,
        members: Iterable[User] = (),
        owner: User | None = None,
        with_bot: bool = True,
        locale: str = "en-US",
    ) -> Guild:
        """Add a server. The owner defaults to somebody who is no member you named."""
        owner = owner or self.add_user(f"{name.lower()}-owner", display_name=f"{name}'s owner")
        guild = self.world.add_guild(name, owner, members, with_bot=with_bot, locale=locale)
        if with_bot:
            self._bot_joined(guild)
        return guild

    def _bot_joined(self, guild: Guild) -> None:
        data = wire.guild_create_json(guild, self.world)
        # With it, the guild would count as one that was away and is back.
        del data["unavailable"]
        self.events.guild("GUILD_CREATE", guild, data)

    def add_member(
        self, guild: Guild, user: User, *, nick: str | None = None, roles: Iterable[Role] = ()
    ) -> Member:
        """Let a user join a guild (or change nick and roles of a member); the bot itself, too."""
        known = user.id in guild.members
        member = guild.members.setdefault(user.id, Member(user, []))
        member.nick, member.roles = nick, list(roles) or member.roles
        if user is self.bot and not known:
            self._bot_joined(guild)
        else:
            data: Json = wire.member_json(member) | {"guild_id": str(guild.id)}
            self.events.guild("GUILD_MEMBER_UPDATE" if known else "GUILD_MEMBER_ADD", guild, data)
        return member

    def remove_bot(self, guild: Guild) -> None:
        """Kick the bot out of a guild."""
        del guild.members[self.bot.id]
        self.events.guild("GUILD_DELETE", guild, {"id": str(guild.id)})

    def add_role(
        self,
        guild: Guild,
        name: str,
        *,
        permissions: Permission = Permission.NONE,
        members: Iterable[User] = (),
        mentionable: bool = False,
    ) -> Role:
        """Add a role and give it to members."""
        role = Role(
            self.world.new_id(), name, permissions, position=len(guild.roles), mentionable=mentionable
        )
        guild.roles[role.id] = role
        self.events.guild(
            "GUILD_ROLE_CREATE", guild, {"guild_id": str(guild.id), "role": wire.role_json(role)}
        )
        for user in members:
            member = guild.members[user.id]
            self.add_member(guild, user, nick=member.nick, roles=[*member.roles, role])
        return role

    def edit_role(self, guild: Guild, role: Role, *, permissions: Permission) -> None:
        """Change what a role (guild.everyone too) permits in the whole guild."""
        role.permissions = permissions
        self.events.guild(
            "GUILD_ROLE_UPDATE", guild, {"guild_id": str(guild.id), "role": wire.role_json(role)}
        )

    def add_channel(
        self,
        guild: Guild,
        name: str,
        kind: Kind = "text",
        *,
        parent: Channel | None = None,
        topic: str | None = None,
    ) -> Channel:
        """Add a channel."""
        channel = self.world.add_channel(guild, name, ChannelKind[kind.upper()], parent=parent, topic=topic)
        self.events.channel("CHANNEL_CREATE", channel)
        return channel

    def add_thread(
        self,
        parent: Channel,
        name: str,
        *,
        starter: Message | None = None,
        owner: User | None = None,
        private: bool = False,
    ) -> Channel:
        """Add a thread, from a message or without.

        The owner defaults to the starter's author, or the guild's owner.
        """
        if parent.guild is None:
            raise ValueError("a DM has no threads")
        kind = ChannelKind.PRIVATE_THREAD if private else ChannelKind.PUBLIC_THREAD
        author = owner or (starter.author if starter is not None else parent.guild.owner)
        return self._threads.start(author, parent, name, starter=starter, kind=kind)

    def remove_channel(self, channel: Channel) -> None:
        """Delete a channel or thread."""
        self.world.remove_channel(channel)
        self.events.channel("THREAD_DELETE" if channel.is_thread else "CHANNEL_DELETE", channel)

    def open_dm(self, user: User) -> Channel:
        """Return the DM between the bot and `user`."""
        return self.world.dm_with(user)

    def set_permissions(
        self,
        channel: Channel,
        target: Role | User,
        *,
        allow: Permission | int = Permission.NONE,
        deny: Permission | int = Permission.NONE,
    ) -> None:
        """Set what a channel allows and denies a role (guild.everyone for all) or a user."""
        if channel.is_thread and channel.parent is not None:
            channel = channel.parent
        is_user = isinstance(target, User)
        channel.overwrites[target.id] = Overwrite(Permission(allow), Permission(deny), of_member=is_user)
        self.events.channel("CHANNEL_UPDATE", channel)
