"""REST: messages of a channel, reactions and pins."""

from __future__ import annotations

import time
from typing import Any

from . import drafts, permissions, wire, wire_messages
from .entities import Channel, ChannelKind, Json, Message, MessageFlag, MessageKind
from .errors import ApiError, Form, Refusal
from .events import Events
from .limits import DELETING, MESSAGING, REACTING, READING
from .messages import Messages
from .permissions import Permission
from .requests import Request
from .routes import Route
from .snowflakes import DISCORD_EPOCH_MS, as_id
from .world import World

_OLDEST_BULK_MS = 14 * 24 * 3600 * 1000


class MessageRoutes:
    """Handlers; each returns the JSON to answer with, or None."""

    def __init__(self, world: World, messages: Messages, events: Events) -> None:
        self._world = world
        self._messages = messages
        self._events = events
        self.file_limit_bytes = wire.FILE_LIMIT_BYTES
        self.hides_content = False

    def routes(self) -> list[Route]:
        """Return what this module answers."""
        of_channel = "/channels/{channel_id}/messages"
        one = of_channel + "/{message_id}"
        mine = one + "/reactions/{emoji}/@me"
        return [
            Route("GET", of_channel, self.history, READING),
            Route("POST", of_channel, self.create, MESSAGING),
            Route("POST", of_channel + "/bulk-delete", self.bulk_delete, DELETING),
            Route("GET", of_channel + "/pins", self.pins),
            Route("PUT", of_channel + "/pins/{message_id}", self.pin),
            Route("DELETE", of_channel + "/pins/{message_id}", self.unpin),
            Route("GET", one, self.get, READING),
            Route("PATCH", one, self.edit, MESSAGING),
            Route("DELETE", one, self.delete, DELETING),
            Route("PUT", mine, self.react, REACTING),
            Route("DELETE", mine, self.unreact, REACTING),
            Route("DELETE", one + "/reactions/{emoji}", self.clear_reaction, REACTING),
            Route("DELETE", one + "/reactions/{emoji}/{user_id}", self.remove_reaction, REACTING),
            Route("DELETE", one + "/reactions", self.clear_reactions, REACTING),
        ]

    def channel_of(self, request: Request, needed: Permission = Permission.NONE) -> Channel:
        """Return the channel in the path, in which the bot has the permissions `needed`."""
        channel = self._world.channels.get(as_id(request.params["channel_id"]) or 0)
        if channel is None:
            raise ApiError(Refusal.UNKNOWN_CHANNEL)
        granted = permissions.in_channel(channel, self._world.bot)
        if not granted & Permission.VIEW_CHANNEL:
            raise ApiError(Refusal.MISSING_ACCESS)
        if needed & ~granted:
            raise ApiError(Refusal.MISSING_PERMISSIONS)
        return channel

    def _message_of(self, request: Request, channel: Channel) -> Message:
        message = channel.messages.get(as_id(request.params["message_id"]) or 0)
        # Only the interaction's token opens an ephemeral message.
        if message is None or message.ephemeral:
            raise ApiError(Refusal.UNKNOWN_MESSAGE)
        return message

    def _read(self, message: Message) -> Json:
        """Return a message as it is read later: the nonce is told only when it is written."""
        found = self._json(message)
        found.pop("nonce", None)
        return found

    def _json(self, message: Message) -> Json:
        found = wire_messages.message_json(message, self._world.bot)
        if self.hides_content and not self._events.reveals_content(message):
            return wire_messages.without_content(found, self._world.bot)
        return found

    def create(self, request: Request) -> Json:
        """Write a message."""
        channel = self.channel_of(request)
        draft = drafts.parse(request.json, request.files, file_limit_bytes=self.file_limit_bytes)
        return self._json(self._messages.post(self._world.bot, channel, draft))

    def edit(self, request: Request) -> Json:
        """Change the bot's own message (of another's, a moderator may only suppress the embeds)."""
        channel = self.channel_of(request)
        message = self._message_of(request, channel)
        body = request.json
        if message.author is not self._world.bot:
            suppresses = set(body) == {"flags"}
            may = permissions.in_channel(channel, self._world.bot) & Permission.MANAGE_MESSAGES
            if not suppresses or not may:
                raise ApiError(Refusal.NOT_YOUR_MESSAGE)
        if message.kind is MessageKind.THREAD_STARTER_MESSAGE:
            raise ApiError(Refusal.SYSTEM_MESSAGE)
        if channel.archived:
            raise ApiError(Refusal.THREAD_ARCHIVED)
        layouts = bool(message.flags & MessageFlag.IS_COMPONENTS_V2)
        draft = drafts.parse(body, request.files, file_limit_bytes=self.file_limit_bytes, layouts=layouts)
        self._messages.edit(message, draft)
        return self._json(message)

    def get(self, request: Request) -> Json:
        """Return one message."""
        channel = self.channel_of(request)
        if not permissions.in_channel(channel, self._world.bot) & Permission.READ_MESSAGE_HISTORY:
            raise ApiError(Refusal.MISSING_ACCESS)
        return self._read(self._message_of(request, channel))

    def history(self, request: Request) -> list[Json]:
        """Return messages, newest first; without the permission to read history there are none."""
        channel = self.channel_of(request)
        if channel.kind is ChannelKind.FORUM:
            raise ApiError(Refusal.NOT_A_TEXT_CHANNEL)
        form = Form()
        text = request.query.get("limit", "50")
        limit = form.integer("limit", int(text) if text.isdigit() else text, 1, 100)
        anchors = {
            name: as_id(request.query[name])
            for name in ("before", "after", "around")
            if name in request.query
        }
        for name, anchor in anchors.items():
            if anchor is None:
                form.fault(name, "NUMBER_TYPE_COERCE", f'Value "{request.query[name]}" is not snowflake.')
        form.check()
        if not permissions.in_channel(channel, self._world.bot) & Permission.READ_MESSAGE_HISTORY:
            return []
        return [self._read(message) for message in _page(channel, limit, anchors)]

    def delete(self, request: Request) -> None:
        """Delete a message: the bot's own, or anyone's with MANAGE_MESSAGES."""
        channel = self.channel_of(request)
        message = self._message_of(request, channel)
        granted = permissions.in_channel(channel, self._world.bot)
        if message.author is not self._world.bot and (
            channel.guild is None or not granted & Permission.MANAGE_MESSAGES
        ):
            raise ApiError(Refusal.MISSING_PERMISSIONS)
        if channel.archived:
            raise ApiError(Refusal.THREAD_ARCHIVED)
        self._messages.delete(message)

    def bulk_delete(self, request: Request) -> None:
        """Delete 2 to 100 messages not older than two weeks."""
        channel = self.channel_of(request, Permission.MANAGE_MESSAGES)
        ids = [as_id(text) or 0 for text in request.json.get("messages") or ()]
        if not 2 <= len(ids) <= 100:
            raise ApiError(Refusal.BULK_DELETE_COUNT)
        oldest = (int(time.time() * 1000) - DISCORD_EPOCH_MS - _OLDEST_BULK_MS) << 22
        if any(identity < oldest for identity in ids):
            raise ApiError(Refusal.TOO_OLD_TO_BULK_DELETE)
        found = [
            channel.messages[identity] for identity in dict.fromkeys(ids) if identity in channel.messages
        ]
        self._messages.delete_many(channel, [message for message in found if not message.ephemeral])

    def react(self, request: Request) -> None:
        """Add the bot's reaction."""
        channel = self.channel_of(request, Permission.READ_MESSAGE_HISTORY)
        message, emoji = self._message_of(request, channel), _emoji(request)
        if emoji not in message.reactions and not (
            permissions.in_channel(channel, self._world.bot) & Permission.ADD_REACTIONS
        ):
            raise ApiError(Refusal.MISSING_PERMISSIONS)
        who = message.reactions.setdefault(emoji, set())
        if self._world.bot.id not in who:
            who.add(self._world.bot.id)
            self._events.reaction("MESSAGE_REACTION_ADD", message, self._world.bot, emoji)

    def unreact(self, request: Request) -> None:
        """Take the bot's reaction away."""
        self._take_away(
            self._message_of(request, self.channel_of(request)), _emoji(request), self._world.bot.id
        )

    def remove_reaction(self, request: Request) -> None:
        """Take someone's reaction away."""
        channel = self.channel_of(request, Permission.MANAGE_MESSAGES)
        user_id = as_id(request.params["user_id"]) or 0
        self._take_away(self._message_of(request, channel), _emoji(request), user_id)

    def clear_reaction(self, request: Request) -> None:
        """Take one emoji's reactions away."""
        message = self._message_of(request, self.channel_of(request, Permission.MANAGE_MESSAGES))
        for user_id in tuple(message.reactions.get(_emoji(request), ())):
            self._take_away(message, _emoji(request), user_id)

    def clear_reactions(self, request: Request) -> None:
        """Take all reactions away."""
        message = self._message_of(request, self.channel_of(request, Permission.MANAGE_MESSAGES))
        for emoji, who in tuple(message.reactions.items()):
            for user_id in tuple(who):
                self._take_away(message, emoji, user_id)

    def _take_away(self, message: Message, emoji: str, user_id: int) -> None:
        who = message.reactions.get(emoji, set())
        user = self._world.users.get(user_id)
        if user is None or user_id not in who:
            return
        who.discard(user_id)
        if not who:
            del message.reactions[emoji]
        self._events.reaction("MESSAGE_REACTION_REMOVE", message, user, emoji)

    def pins(self, request: Request) -> Json:
        """Return the pinned messages."""
        channel = self.channel_of(request)
        pinned = [message for message in channel.messages.values() if message.pinned]
        items: list[Any] = [
            {"pinned_at": each.timestamp, "message": self._read(each)} for each in reversed(pinned)
        ]
        return {"items": items, "has_more": False}

    def pin(self, request: Request) -> None:
        """Pin a message."""
        self._set_pinned(request, True)

    def unpin(self, request: Request) -> None:
        """Unpin a message."""
        self._set_pinned(request, False)

    def _set_pinned(self, request: Request, pinned: bool) -> None:
        # Pinning has had a permission of its own since 2025; MANAGE_MESSAGES no longer suffices.
        channel = self.channel_of(
            request, Permission.PIN_MESSAGES if _in_guild(request, self._world) else Permission.NONE
        )
        message = self._message_of(request, channel)
        message.pinned = pinned
        self._events.message_updated(message)


def _in_guild(request: Request, world: World) -> bool:
    channel = world.channels.get(as_id(request.params["channel_id"]) or 0)
    return channel is not None and channel.guild is not None


def _emoji(request: Request) -> str:
    emoji = request.params["emoji"]
    custom = emoji.rpartition(":")[2]
    if emoji.isascii() and as_id(custom) is None:
        raise ApiError(Refusal.UNKNOWN_EMOJI)
    return emoji


def _page(channel: Channel, limit: int, anchors: dict[str, int | None]) -> list[Message]:
    """Return up to `limit` messages, newest first, at the side of the anchor that was asked for."""
    shown = [message for message in channel.messages.values() if not message.ephemeral]
    if (after := anchors.get("after")) is not None:
        chosen = [message for message in shown if message.id > after][:limit]
    elif (around := anchors.get("around")) is not None:
        middle = sum(message.id < around for message in shown)
        low = max(0, middle - limit // 2)
        chosen = shown[low : low + limit]
    else:
        before = anchors.get("before")
        chosen = [message for message in shown if before is None or message.id < before][-limit:]
    return chosen[::-1]
