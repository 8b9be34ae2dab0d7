"""Whom a message mentions, and whom it notifies.

https://discord.com/developers/docs/resources/message#allowed-mentions-object
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from . import permissions
from .entities import Channel, Json, Message, Role, User
from .errors import Form
from .permissions import Permission
from .snowflakes import as_id
from .world import World

_USER = re.compile(r"<@!?(\d{1,20})>")
_ROLE = re.compile(r"<@&(\d{1,20})>")
_EVERYONE = re.compile(r"@(everyone|here)\b")
# What stands in code is shown as it is and mentions nobody.
_CODE = re.compile(r"```.*?```|``.+?``|`[^`\n]+`", re.DOTALL)


@dataclass(frozen=True, slots=True)
class AllowedMentions:
    """What of the mentions in a text takes effect; `None` for `users` or `roles` means all of them."""

    everyone: bool = True
    users: frozenset[int] | None = None
    roles: frozenset[int] | None = None
    replied_user: bool = False


def parse_allowed(body: Json, form: Form) -> AllowedMentions | None:
    """Return the body's `allowed_mentions`, or None if it has none: then everything is parsed."""
    given: Any = body.get("allowed_mentions")
    if given is None:
        return None
    path = "allowed_mentions"
    if not isinstance(given, dict):
        form.fault(path, "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
        return None
    found: Json = given  # pyright: ignore[reportUnknownVariableType]: JSON
    parse = form.items(f"{path}.parse", found.get("parse"), 3)
    for index, kind in enumerate(parse):
        if kind not in ("users", "roles", "everyone"):
            form.choice(f"{path}.parse.{index}", "('users', 'everyone', 'roles')")
    replied: Any = found.get("replied_user", False)
    if replied is not None and not isinstance(replied, bool):
        form.fault(f"{path}.replied_user", "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")
    users, roles = (_listed(found, kind, parse, form) for kind in ("users", "roles"))
    return AllowedMentions("everyone" in parse, users, roles, bool(replied))


def _listed(found: Json, kind: str, parse: list[Any], form: Form) -> frozenset[int] | None:
    path = f"allowed_mentions.{kind}"
    ids: list[int] = []
    for index, text in enumerate(form.items(path, found.get(kind), 100)):
        identity = as_id(text)
        if identity is None:
            form.fault(f"{path}.{index}", "NUMBER_TYPE_COERCE", f'Value "{text}" is not snowflake.')
        else:
            ids.append(identity)
    if kind in parse:
        if ids:
            form.fault(
                "allowed_mentions",
                "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
                f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.',
            )
        return None
    return frozenset(ids)


@dataclass(frozen=True, slots=True)
class Mentions:
    """What came of the mentions in one text."""

    users: list[User]
    roles: list[Role]
    everyone: bool
    pinged: set[int]


_NOBODY = Mentions([], [], False, set())


def find(
    world: World,
    channel: Channel,
    author: User,
    content: str,
    allowed: AllowedMentions | None,
    answered: Message | None,
) -> Mentions:
    """Return whom `content` mentions in `channel`, as far as `allowed` and the author's permissions let it.

    `answered` is the message it replies to; its author is mentioned too unless told otherwise.
    """
    if "@" not in content and answered is None:
        return _NOBODY
    allowed = allowed or AllowedMentions(replied_user=True)
    text = _CODE.sub("", content) if "`" in content else content
    ids = dict.fromkeys(int(text_id) for text_id in _USER.findall(text))
    users = [
        world.users[each]
        for each in ids
        if each in world.users and (allowed.users is None or each in allowed.users)
    ]
    if answered is not None and allowed.replied_user and answered.author not in users:
        users.append(answered.author)
    if channel.guild is None:
        return Mentions(users, [], False, _notified(channel, author, users))
    may_all = bool(permissions.in_channel(channel, author) & Permission.MENTION_EVERYONE)
    roles = _roles(channel, text, allowed, may_all)
    everyone = allowed.everyone and may_all and _EVERYONE.search(text) is not None
    members = channel.guild.members.values()
    called = [member.user for member in members if everyone or any(role in roles for role in member.roles)]
    return Mentions(users, roles, everyone, _notified(channel, author, (*users, *called)))


def _roles(channel: Channel, text: str, allowed: AllowedMentions, may_all: bool) -> list[Role]:
    guild = channel.guild
    if guild is None:
        return []
    found = (guild.roles.get(int(text_id)) for text_id in dict.fromkeys(_ROLE.findall(text)))
    return [
        role
        for role in found
        if role is not None
        and role is not guild.everyone
        and (role.mentionable or may_all)
        and (allowed.roles is None or role.id in allowed.roles)
    ]


def _notified(channel: Channel, author: User, users: Iterable[User]) -> set[int]:
    return {
        user.id
        for user in users
        if user is not author and permissions.in_channel(channel, user) & Permission.VIEW_CHANNEL
    }
