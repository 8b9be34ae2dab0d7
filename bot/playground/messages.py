"""Writing, changing and deleting messages, for the bot and for people alike."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterable

from . import embeds, mentions, permissions, wire_messages
from .drafts import Draft, Upload
from .entities import Attachment, Channel, ChannelKind, Json, Message, MessageFlag, MessageKind, User
from .errors import ApiError, FormError, Refusal
from .events import Events
from .permissions import Permission
from .snowflakes import as_id, timestamp
from .world import World

# Discord says "the past few minutes" of `enforce_nonce`.
NONCE_LIFE_S = 300.0
_TEXTLESS = (ChannelKind.CATEGORY, ChannelKind.FORUM)
_SYSTEM = (MessageKind.PINNED, MessageKind.THREAD_CREATED, MessageKind.THREAD_STARTER_MESSAGE)
_UNSAFE = re.compile(r"[^\w.\-]+", re.ASCII)


class Messages:
    """The one place where messages come to be and go."""

    def __init__(self, world: World, events: Events) -> None:
        self._world = world
        self._events = events
        self._nonces: dict[tuple[int, int, str | int], tuple[float, Message]] = {}
        self.base_url = ""

    def post(self, author: User, channel: Channel, draft: Draft) -> Message:
        """Write `draft` in `channel` as `author`, with Discord's permission rules, and tell of it.

        Raises:
            ApiError: Discord would refuse; nothing was written.
        """
        granted = self._may_write(author, channel)
        if draft.enforce_nonce and draft.nonce is not None:
            known = self._nonces.get((author.id, channel.id, draft.nonce))
            if known is not None and time.monotonic() - known[0] < NONCE_LIFE_S:
                return known[1]
        if draft.uploads and not granted & Permission.ATTACH_FILES:
            raise ApiError(Refusal.MISSING_PERMISSIONS)
        if draft.embeds and not granted & Permission.EMBED_LINKS:
            draft.embeds = []
        message = Message(self._world.new_id(), channel, author, "")
        self._refer(message, draft, granted)
        self.fill(message, draft)
        self.add(message)
        if draft.enforce_nonce and draft.nonce is not None:
            self._nonces[author.id, channel.id, draft.nonce] = (time.monotonic(), message)
        return message

    def _may_write(self, author: User, channel: Channel) -> Permission:
        granted = permissions.in_channel(channel, author)
        if not granted & Permission.VIEW_CHANNEL:
            raise ApiError(Refusal.MISSING_ACCESS)
        if channel.kind in _TEXTLESS:
            raise ApiError(Refusal.NOT_A_TEXT_CHANNEL)
        needed = Permission.SEND_MESSAGES_IN_THREADS if channel.is_thread else Permission.SEND_MESSAGES
        if not granted & needed:
            raise ApiError(Refusal.MISSING_PERMISSIONS)
        if channel.locked and not granted & Permission.MANAGE_THREADS:
            raise ApiError(Refusal.THREAD_LOCKED if not channel.archived else Refusal.THREAD_ARCHIVED)
        if author.bot and channel.guild is None and any(user.closed_dms for user in channel.recipients):
            raise ApiError(Refusal.CANNOT_DM)
        return granted

    def _refer(self, message: Message, draft: Draft, granted: Permission) -> None:
        """Tie a new message to the one it replies to or forwards."""
        given = draft.reference
        if given is None:
            return
        channel, forward = message.channel, given.get("type") == 1
        source = self._world.channels.get(as_id(given.get("channel_id")) or channel.id)
        target = None if source is None else source.messages.get(as_id(given.get("message_id")) or 0)
        if not forward:
            if not granted & Permission.READ_MESSAGE_HISTORY:
                raise ApiError(Refusal.REPLY_NEEDS_HISTORY)
            if source is not channel or target is None or target.ephemeral:
                if given.get("fail_if_not_exists", True) is False:
                    return
                raise FormError([("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")])
            if target.kind in _SYSTEM:
                where, code = "message_reference", "REPLIES_CANNOT_REPLY_TO_SYSTEM_MESSAGE"
                raise FormError([(where, code, "Cannot reply to a system message")])
        elif (
            target is None
            or not permissions.in_channel(target.channel, message.author) & Permission.VIEW_CHANNEL
        ):
            raise FormError([("message_reference", "MESSAGE_REFERENCE_UNKNOWN_MESSAGE", "Unknown message")])
        message.reference = reference_json(target, kind=int(forward))
        if forward:
            message.snapshots = [wire_messages.snapshot_json(target)]
            message.flags |= MessageFlag.HAS_SNAPSHOT
        else:
            message.kind, message.referenced = MessageKind.REPLY, target

    def fill(self, message: Message, draft: Draft) -> None:
        """Put a draft's contents into a message that is not yet in its channel (or is one's "thinking").

        Raises:
            ApiError: nothing would show (50006).
        """
        content = draft.content or ""
        shows = content or draft.embeds or draft.components or draft.uploads or message.snapshots
        if not shows:
            raise ApiError(Refusal.EMPTY_MESSAGE)
        message.content = content
        message.embeds = draft.embeds or []
        message.components = draft.components or []
        message.nonce, message.tts = draft.nonce, draft.tts
        message.flags = message.flags & ~MessageFlag.LOADING | (draft.flags or MessageFlag.NONE)
        message.attachments = self._attach(message, draft.uploads or ())
        embeds.show_attachments(message.embeds, message.attachments)
        message.revisions.append(content)
        pinged = self._mention(message, draft)
        message.pinged |= pinged if message.viewer is None else pinged & {message.viewer.id}

    def _attach(self, message: Message, uploads: Iterable[Upload]) -> list[Attachment]:
        return [self.attach(message.channel, upload, ephemeral=message.ephemeral) for upload in uploads]

    def attach(self, channel: Channel, upload: Upload, *, ephemeral: bool = False) -> Attachment:
        """Store a file; it is served at the attachment's url from now on."""
        identity = self._world.new_id()
        # Discord keeps letters, digits, dots, dashes and underscores of a name.
        name = _UNSAFE.sub("_", upload.filename) or "unknown"
        # Signed as on Discord's CDN: the query is part of what expires.
        query = f"ex={int(time.time()) + 86_400:x}&is={int(time.time()):x}&hm={secrets.token_hex(16)}"
        url = f"{self.base_url}/attachments/{channel.id}/{identity}/{name}?{query}&"
        file = Attachment(
            identity, name, upload.data, upload.guessed_type, url, upload.description, ephemeral
        )
        self._world.attachments[identity] = file
        return file

    def _mention(self, message: Message, draft: Draft) -> set[int]:
        """Set the message's mentions anew; return whom they would notify."""
        found = mentions.find(
            self._world, message.channel, message.author, message.content, draft.allowed, message.referenced
        )
        message.mentions, message.mention_roles = found.users, found.roles
        message.mention_everyone = found.everyone
        return found.pinged

    def add(self, message: Message) -> None:
        """Put a finished message into its channel and tell of it."""
        channel = message.channel
        if not message.revisions and not message.loading:
            message.revisions.append(message.content)
        channel.messages[message.id] = message
        if not message.ephemeral:
            channel.last_message_id = message.id
            channel.message_count += 1
            if channel.is_thread:
                # Who speaks in a thread, or is mentioned there, is a member of it from then on.
                self._events.thread_joined(channel, [message.author, *message.mentions])
            if channel.archived:
                channel.archived = False
                self._events.channel("THREAD_UPDATE", channel)
        self._events.message_created(message)

    def edit(self, message: Message, draft: Draft) -> None:
        """Change what the draft names, and tell of it. An edit notifies nobody, whomever it mentions.

        Raises:
            ApiError: nothing would be left (50006).
        """
        content = message.content if draft.content is None else draft.content
        shown = message.embeds if draft.embeds is None else draft.embeds
        items = message.components if draft.components is None else draft.components
        kept = [file for file in message.attachments if draft.kept is None or file.id in draft.kept]
        if not (content or shown or items or kept or draft.uploads or message.snapshots):
            raise ApiError(Refusal.EMPTY_MESSAGE)
        message.content, message.embeds, message.components = content, shown, items
        message.attachments = kept + self._attach(message, draft.uploads or ())
        embeds.show_attachments(shown, message.attachments)
        if draft.flags is not None:
            changeable = MessageFlag.SUPPRESS_EMBEDS
            message.flags = message.flags & ~changeable | draft.flags & (
                changeable | MessageFlag.IS_COMPONENTS_V2
            )
        if draft.content is not None:
            self._mention(message, draft)
            message.revisions.append(content)
        message.edited_timestamp = timestamp()
        self._events.message_updated(message)

    def delete(self, message: Message) -> None:
        """Take a message out of its channel and tell of it."""
        self._remove(message)
        self._events.message_deleted(message)

    def delete_many(self, channel: Channel, messages: list[Message]) -> None:
        """Delete several messages at once, with one event."""
        for message in messages:
            self._remove(message)
        self._events.messages_deleted(channel, messages)

    def _remove(self, message: Message) -> None:
        message.deleted = True
        message.channel.messages.pop(message.id, None)


def reference_json(target: Message, *, kind: int = 0) -> Json:
    """Return the message reference that points at `target`: 0 replies, 1 forwards."""
    found: Json = {"type": kind, "message_id": str(target.id), "channel_id": str(target.channel.id)}
    if target.channel.guild is not None:
        found["guild_id"] = str(target.channel.guild.id)
    return found
