"""Discord's JSON of messages and what belongs to them."""

from __future__ import annotations

from .entities import Attachment, Json, Message, MessageKind, User
from .wire import channel_json, user_json


def attachment_json(attachment: Attachment) -> Json:
    """Return an attachment object."""
    found: Json = {
        "id": str(attachment.id),
        "filename": attachment.filename,
        "size": len(attachment.data),
        "url": attachment.url,
        "proxy_url": attachment.url,
        "content_type": attachment.content_type,
    }
    if attachment.description is not None:
        found["description"] = attachment.description
    if attachment.ephemeral:
        found["ephemeral"] = True
    if attachment.content_type.startswith("image/"):
        found["width"], found["height"] = _image_size(attachment.data)
    return found


def _image_size(data: bytes) -> tuple[int, int]:
    """Return a PNG's own size; for other pictures a plausible one, which nothing here depends on."""
    if data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) >= 24:
        return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
    return 1024, 1024


def message_json(message: Message, bot: User, *, nested: bool = False) -> Json:
    """Return a message object as REST gives it to the bot; a reply holds the whole message it answers.

    `nested` leaves that out: Discord goes one level deep.
    """
    found: Json = {
        "id": str(message.id),
        "channel_id": str(message.channel.id),
        "type": int(message.kind),
        "content": message.content,
        "author": user_json(message.author),
        "timestamp": message.timestamp,
        "edited_timestamp": message.edited_timestamp,
        "flags": int(message.flags),
        "tts": message.tts,
        "pinned": message.pinned,
        "mention_everyone": message.mention_everyone,
        "mentions": [user_json(user) for user in message.mentions],
        "mention_roles": [str(role.id) for role in message.mention_roles],
        "attachments": [attachment_json(file) for file in message.attachments],
        "embeds": message.embeds,
        "components": message.components,
    }
    if message.nonce is not None:
        found["nonce"] = message.nonce
    if message.reactions:
        found["reactions"] = [_reaction_json(emoji, who, bot) for emoji, who in message.reactions.items()]
    if message.application_id is not None:
        found["application_id"] = str(message.application_id)
        found["webhook_id"] = str(message.application_id)
    if message.interaction is not None:
        found["interaction_metadata"] = message.interaction
    if message.thread is not None:
        found["thread"] = channel_json(message.thread)
    if message.reference is not None:
        found["message_reference"] = message.reference
        if message.snapshots:
            found["message_snapshots"] = message.snapshots
        elif not nested and message.kind in (MessageKind.REPLY, MessageKind.THREAD_STARTER_MESSAGE):
            target = message.referenced
            gone = target is None or target.deleted
            found["referenced_message"] = (
                None if gone or target is None else message_json(target, bot, nested=True)
            )
    return found


def _reaction_json(emoji: str, who: set[int], bot: User) -> Json:
    name, _, identity = emoji.partition(":")
    return {
        "emoji": {"id": identity or None, "name": name},
        "count": len(who),
        "count_details": {"burst": 0, "normal": len(who)},
        "burst_colors": [],
        "me_burst": False,
        "burst_me": False,
        "me": bot.id in who,
        "burst_count": 0,
    }


def snapshot_json(message: Message) -> Json:
    """Return what a forward shows of `message`."""
    return {
        "message": {
            "type": int(message.kind),
            "content": message.content,
            "embeds": message.embeds,
            "attachments": [attachment_json(file) for file in message.attachments],
            "timestamp": message.timestamp,
            "edited_timestamp": message.edited_timestamp,
            "flags": int(message.flags),
            "mentions": [user_json(user) for user in message.mentions],
            "mention_roles": [str(role.id) for role in message.mention_roles],
            "components": message.components,
        }
    }


CONTENT_FIELDS: Json = {"content": "", "embeds": [], "attachments": [], "components": []}


def without_content(found: Json, bot: User) -> Json:
    """Return a message object as an application without the message content intent gets it."""
    bare = found | CONTENT_FIELDS
    answered = bare.get("referenced_message")
    if answered and answered["author"]["id"] != str(bot.id):
        bare["referenced_message"] = answered | CONTENT_FIELDS
    bare.pop("message_snapshots", None)
    return bare
