"""From Discord's objects to the core's values: who, where, what was asked, and whether we were."""

import re

import discord

from bot.core.access import Action, Actor, authorize
from bot.core.model import Person, Place, Turn, TurnKind

_MENTION = re.compile(r"<@!?(?P<user>\d{15,20})>|<@&(?P<role>\d{15,20})>|<#(?P<channel>\d{15,20})>")

_USER = re.compile(r"<@!?(\d{15,20})>")
_CODE = re.compile(r"```.*?```|``.*?``|`[^`]*`", re.DOTALL)

_QUESTIONS = (discord.MessageType.default, discord.MessageType.reply)


def addressed(message: discord.Message, me: discord.ClientUser, *, in_our_thread: bool) -> bool:
    """Whether `message` is said to us: by a mention, a reply to us, a DM, or in a thread that we are in.

    In such a thread, what is said to somebody else, by a mention or a reply, is not said to us.
    `@everyone`, `@here` and the mention of a role never are.
    """
    if message.type not in _QUESTIONS or message.author.id == me.id:
        return False
    if message.guild is None:
        return True
    named = {user.id for user in message.mentions}
    if isinstance(message.channel, discord.Thread):
        # In threads Discord may leave the list of mentions empty. What stands in code is no mention.
        named |= {int(user) for user in _USER.findall(_CODE.sub("", message.content))}
    if me.id in named:
        return True
    replied_to = message.reference.resolved if message.reference else None
    if isinstance(replied_to, discord.Message):
        return replied_to.author.id == me.id
    return in_our_thread and bool(
        message.content and not named and not message.mention_everyone and not message.role_mentions
    )


def turn(message: discord.Message, me: discord.ClientUser) -> Turn:
    """What `message` asks of us."""
    return Turn(
        id=message.id,
        place=place(message.channel, message.guild),
        author=person(message.author),
        text=_readable(message, me),
        addressee=addressee(message.guild, me),
    )


def interaction_turn(
    interaction: discord.Interaction, me: discord.ClientUser, *, text: str, kind: TurnKind
) -> Turn:
    """What a command asks of us; `text` is its prompt."""
    return Turn(
        id=interaction.id,
        place=interaction_place(interaction),
        author=person(interaction.user),
        text=text,
        addressee=addressee(interaction.guild, me),
        kind=kind,
    )


def place(channel: discord.abc.Snowflake, guild: discord.Guild | None) -> Place:
    """Where `channel` is."""
    return Place(
        channel_id=channel.id,
        guild_id=guild.id if guild else None,
        parent_id=channel.parent_id if isinstance(channel, discord.Thread) else None,
    )


def interaction_place(interaction: discord.Interaction) -> Place:
    """Where somebody used a command or a button."""
    assert interaction.channel_id is not None, "our commands and buttons are in channels and DMs only"
    parent_id = interaction.channel.parent_id if isinstance(interaction.channel, discord.Thread) else None
    return Place(channel_id=interaction.channel_id, guild_id=interaction.guild_id, parent_id=parent_id)


def authorize_interaction(
    interaction: discord.Interaction, action: Action, *, asker_id: int | None = None
) -> None:
    """Return if whoever used a command or a button may do `action` there, with the turn of `asker_id`.

    Raises:
        Told: They may not.
    """
    who = actor(interaction.user, interaction.permissions)
    authorize(who, interaction_place(interaction), action, asker_id=asker_id)


def person(user: discord.abc.User) -> Person:
    """Who `user` is; the name is the one shown in that server."""
    return Person(id=user.id, name=user.display_name)


def addressee(guild: discord.Guild | None, me: discord.ClientUser) -> str:
    """Our display name in `guild`, or in DMs."""
    return guild.me.display_name if guild else me.display_name


def actor(user: discord.abc.User, permissions: discord.Permissions) -> Actor:
    """`user` with what they may do in that place."""
    return Actor(
        id=user.id,
        is_bot=user.bot,
        manages_channel=permissions.manage_channels or permissions.administrator,
        manages_server=permissions.manage_guild or permissions.administrator,
        moderates=permissions.manage_messages or permissions.administrator,
    )


def _readable(message: discord.Message, me: discord.ClientUser) -> str:
    """The content with names for ids, and without the mention that only calls us."""
    called = rf"<@!?{me.id}>"
    content = re.sub(rf"\A\s*{called}[\s,:]*|\s*{called}\s*\Z", "", message.content)
    names = {user.id: user.display_name for user in message.mentions}
    guild = message.guild
    names[me.id] = addressee(guild, me)

    def name(found: re.Match[str]) -> str:
        if (user := found["user"]) is not None:
            known = names.get(int(user))
            # Ours to write: the model may mention a person by this id.
            return (
                f"@{known} (<@{user}>)"
                if known and int(user) != me.id
                else f"@{known}"
                if known
                else found[0]
            )
        if (role := found["role"]) is not None:
            known_role = guild.get_role(int(role)) if guild else None
            return f"@{known_role.name}" if known_role else found[0]
        channel = guild.get_channel_or_thread(int(found["channel"])) if guild else None
        return f"#{channel.name}" if channel else found[0]

    return _MENTION.sub(name, content).strip()
