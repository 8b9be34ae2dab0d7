"""The body of a request that makes or changes a message, checked as Discord checks it."""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass, replace
from typing import Any

from . import components, embeds, mentions
from .entities import Json, MessageFlag
from .errors import ApiError, Form, Refusal
from .mentions import AllowedMentions
from .snowflakes import as_id
from .wire import FILE_LIMIT_BYTES

# Bots get 2,000 characters whatever the specification says of people with Nitro.
CONTENT_LIMIT = 2000
_SENDABLE = MessageFlag.SUPPRESS_EMBEDS | MessageFlag.SUPPRESS_NOTIFICATIONS | MessageFlag.IS_COMPONENTS_V2
_INTERACTION_SENDABLE = _SENDABLE | MessageFlag.EPHEMERAL
# Sent back with what was read, or the 1 << 13 of a voice message: Discord ignores other bits.
_MULTIPART_LIMIT = 10


@dataclass(slots=True)
class Upload:
    """A file that came with a request, in the order of `files[n]`."""

    filename: str
    data: bytes
    content_type: str | None = None
    description: str | None = None

    @property
    def guessed_type(self) -> str:
        """The MIME type Discord would show."""
        return self.content_type or mimetypes.guess_type(self.filename)[0] or "application/octet-stream"


@dataclass(slots=True)
class Draft:
    """What a message is to be; None leaves a field as it is (or empty, for a new message)."""

    content: str | None = None
    embeds: list[Json] | None = None
    components: list[Json] | None = None
    kept: list[int] | None = None
    """Ids of the attachments an edit keeps; None keeps all."""
    uploads: list[Upload] | None = None
    allowed: AllowedMentions | None = None
    flags: MessageFlag | None = None
    nonce: str | int | None = None
    enforce_nonce: bool = False
    reference: Json | None = None
    tts: bool = False


def parse(
    body: Json,
    files: dict[int, Upload],
    *,
    file_limit_bytes: int = FILE_LIMIT_BYTES,
    interaction: bool = False,
    layouts: bool = False,
) -> Draft:
    """Return what `body` asks for.

    `layouts`: the message being edited has the IS_COMPONENTS_V2 flag already.

    Raises:
        FormError: with every fault of the body at once.
        ApiError: a file is too large (413).
    """
    form = Form()
    draft = Draft(tts=bool(body.get("tts", False)))
    if body.get("flags") is not None:
        known = _INTERACTION_SENDABLE if interaction else _SENDABLE
        draft.flags = MessageFlag(form.integer("flags", body["flags"], 0, 1 << 31)) & known
    layouts = layouts or bool(draft.flags is not None and draft.flags & MessageFlag.IS_COMPONENTS_V2)
    if "content" in body:
        draft.content = form.text("content", body["content"], CONTENT_LIMIT).strip()
    if "embeds" in body:
        draft.embeds = embeds.check(body["embeds"], form)
    if "components" in body:
        draft.components = components.check_message(body["components"], form, layouts=layouts)
    if layouts and (draft.content or draft.embeds):
        form.fault(
            "content" if draft.content else "embeds",
            "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
            "The 'content' and 'embeds' fields cannot be used when using MessageFlags.IS_COMPONENTS_V2",
        )
    draft.allowed = mentions.parse_allowed(body, form)
    _nonce(body, draft, form)
    _reference(body, draft, form)
    _attachments(body, files, draft, form)
    form.check()
    if any(len(upload.data) > file_limit_bytes for upload in files.values()):
        raise ApiError(Refusal.FILE_TOO_LARGE)
    return draft


def _nonce(body: Json, draft: Draft, form: Form) -> None:
    nonce: Any = body.get("nonce")
    if isinstance(nonce, str):
        form.text("nonce", nonce, 25)
    elif nonce is not None and (isinstance(nonce, bool) or not isinstance(nonce, int)):
        form.fault("nonce", "NONCE_TYPE_INVALID", "Nonce must be an integer or a string.")
    draft.nonce = nonce
    draft.enforce_nonce = body.get("enforce_nonce") is True


def _reference(body: Json, draft: Draft, form: Form) -> None:
    given: Any = body.get("message_reference")
    if given is None:
        return
    if not isinstance(given, dict):
        form.fault("message_reference", "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
        return
    reference: Json = given  # pyright: ignore[reportUnknownVariableType]: JSON
    kind = form.integer("message_reference.type", reference.get("type", 0), 0, 1)
    for name in ("message_id", "channel_id", "guild_id"):
        value = reference.get(name)
        if value is not None and as_id(value) is None:
            form.fault(
                f"message_reference.{name}", "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.'
            )
    for name in ("message_id", "channel_id")[: 2 if kind == 1 else 1]:
        if reference.get(name) is None:
            form.required(f"message_reference.{name}")
    if kind == 1 and (body.get("content") or body.get("embeds") or body.get("attachments")):
        form.fault(
            "message_reference",
            "MESSAGE_REFERENCE_FORWARD_CONTENT",
            "A forward cannot have content of its own.",
        )
    draft.reference = reference


def _attachments(body: Json, files: dict[int, Upload], draft: Draft, form: Form) -> None:
    given = body.get("attachments")
    named = dict(files)
    if "attachments" in body:
        draft.kept = []
        for index, each in enumerate(form.items("attachments", given, _MULTIPART_LIMIT)):
            path = f"attachments.{index}"
            if not isinstance(each, dict):
                form.fault(path, "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
                continue
            item: Json = each  # pyright: ignore[reportUnknownVariableType]: JSON
            identity: Any = item.get("id")
            number = int(identity) if isinstance(identity, int | str) and str(identity).isdigit() else -1
            if number in files:
                description = form.text(f"{path}.description", item.get("description"), 1024)
                name = str(item.get("filename") or files[number].filename)
                # The request is on record as it came.
                named[number] = replace(files[number], filename=name, description=description or None)
            elif number > _MULTIPART_LIMIT:
                draft.kept.append(number)
            else:
                form.fault(
                    f"{path}.id", "ATTACHMENT_NOT_FOUND", f"Attachment data for id {identity} was not sent."
                )
    if len(files) > _MULTIPART_LIMIT:
        form.fault(
            "attachments", "BASE_TYPE_BAD_LENGTH", f"Must be between 0 and {_MULTIPART_LIMIT} in length."
        )
    if files:
        draft.uploads = [named[number] for number in sorted(named)]
