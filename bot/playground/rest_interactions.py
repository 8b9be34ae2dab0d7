"""REST: answering interactions, and the follow-ups that their tokens open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import command_rules, components, drafts, permissions, wire, wire_messages
from .drafts import Draft
from .entities import Json, Message, MessageFlag, MessageKind
from .errors import ApiError, Form, FormError, Refusal
from .events import Events
from .interactions import ACKNOWLEDGE_WITHIN_S, TOKEN_LIFE_S, Interaction, InteractionKind
from .limits import MESSAGING
from .messages import Messages, reference_json
from .permissions import Permission
from .requests import Request
from .routes import Route
from .snowflakes import as_id
from .world import World

_MESSAGE, _DEFERRED, _DEFERRED_UPDATE, _UPDATE, _CHOICES, _MODAL = 4, 5, 6, 7, 8, 9
# An application that is not in the server gets this many.
_USER_INSTALL_FOLLOWUPS = 5


class InteractionRoutes:
    """Handlers; each returns the JSON to answer with, or None."""

    def __init__(
        self, world: World, messages: Messages, events: Events, tell: Callable[[Interaction, str], None]
    ) -> None:
        self._world = world
        self._messages = messages
        self._events = events
        self._tell = tell
        self.by_id: dict[int, Interaction] = {}
        self.by_token: dict[str, Interaction] = {}
        self.file_limit_bytes = wire.FILE_LIMIT_BYTES

    def routes(self) -> list[Route]:
        """Return what this module answers."""
        hook = "/webhooks/{webhook_id}/{webhook_token}"
        one = hook + "/messages/{message_id}"
        callback = "/interactions/{interaction_id}/{interaction_token}/callback"
        return [
            Route("POST", callback, self.respond, by_token=True, exempt=True),
            Route("POST", hook, self.follow_up, MESSAGING, by_token=True),
            Route("GET", one, self.get, MESSAGING, by_token=True),
            Route("PATCH", one, self.edit, MESSAGING, by_token=True),
            Route("DELETE", one, self.delete, MESSAGING, by_token=True),
        ]

    def remember(self, interaction: Interaction) -> None:
        """Make an interaction answerable."""
        self.by_id[interaction.id] = self.by_token[interaction.token] = interaction

    def respond(self, request: Request) -> Json | None:
        """Acknowledge an interaction, once and within three seconds."""
        interaction = self.by_token.get(request.params["interaction_token"])
        if interaction is None or str(interaction.id) != request.params["interaction_id"]:
            raise ApiError(Refusal.UNKNOWN_INTERACTION)
        if interaction.acknowledged:
            raise ApiError(Refusal.ALREADY_ACKNOWLEDGED)
        if interaction.failed or interaction.age_s > ACKNOWLEDGE_WITHIN_S:
            raise ApiError(Refusal.UNKNOWN_INTERACTION)
        kind = request.json.get("type")
        if kind not in _allowed(interaction):
            form = Form()
            form.choice("type", str(_allowed(interaction)))
            form.check()
        data: Any = request.json.get("data")
        state = "answered"
        if kind == _CHOICES:
            interaction.choices = _choices(data)
        elif kind == _MODAL:
            interaction.modal = _modal(data)
            state = "modal"
        elif kind in (_DEFERRED_UPDATE, _UPDATE):
            self._update_source(interaction, data if kind == _UPDATE else None, request)
        else:
            state = "thinking" if kind == _DEFERRED else state
            self._show(interaction, data or {}, request, loading=kind == _DEFERRED)
        interaction.callback = kind
        self._tell(interaction, state)
        return (
            self._callback_json(interaction) if request.query.get("with_response") in ("1", "true") else None
        )

    def _draft(self, body: Json, request: Request, message: Message | None = None) -> Draft:
        layouts = message is not None and bool(message.flags & MessageFlag.IS_COMPONENTS_V2)
        limit = self.file_limit_bytes
        return drafts.parse(body, request.files, file_limit_bytes=limit, interaction=True, layouts=layouts)

    def _show(self, interaction: Interaction, body: Json, request: Request, *, loading: bool) -> None:
        draft = self._draft(body, request)
        message = self._new_message(interaction, draft)
        if loading:
            message.flags |= MessageFlag.LOADING
        else:
            self._messages.fill(message, draft)
        self._refer(message, interaction, interaction.source)
        interaction.original = message
        self._messages.add(message)

    def _new_message(self, interaction: Interaction, draft: Draft) -> Message:
        message = Message(self._world.new_id(), interaction.channel, self._world.bot, "")
        message.application_id = self._world.application_id
        message.interaction = interaction.metadata()
        flags = draft.flags or MessageFlag.NONE
        if self._must_hide(interaction):
            flags |= MessageFlag.EPHEMERAL
        message.flags = flags & MessageFlag.EPHEMERAL
        if flags & MessageFlag.EPHEMERAL:
            message.viewer = interaction.user
        if interaction.kind is InteractionKind.COMMAND:
            menu = interaction.data.get("type", command_rules.CHAT_INPUT) != command_rules.CHAT_INPUT
            message.kind = MessageKind.CONTEXT_MENU_COMMAND if menu else MessageKind.CHAT_INPUT_COMMAND
        return message

    def _must_hide(self, interaction: Interaction) -> bool:
        """Whether Discord makes every answer ephemeral: the person may not use external apps here."""
        if not interaction.by_user_install or interaction.channel.guild is None:
            return False
        return (
            not permissions.in_channel(interaction.channel, interaction.user) & Permission.USE_EXTERNAL_APPS
        )

    def _refer(self, message: Message, interaction: Interaction, target: Message | None) -> None:
        """Make a message a reply, as Discord shows what follows a button or a first answer."""
        if target is not None:
            message.kind, message.referenced = MessageKind.REPLY, target
            message.reference = reference_json(target)

    def _update_source(self, interaction: Interaction, body: object, request: Request) -> None:
        source = interaction.source
        if source is None or source.deleted:
            raise ApiError(Refusal.UNKNOWN_MESSAGE)
        interaction.original = source
        if isinstance(body, dict):
            changes: Json = body  # pyright: ignore[reportUnknownVariableType]: JSON
            self._messages.edit(source, self._draft(changes, request, source))
            interaction.updated = True

    def _callback_json(self, interaction: Interaction) -> Json:
        message = interaction.original
        found: Json = {"id": str(interaction.id), "type": int(interaction.kind)}
        answer: Json = {"interaction": found}
        if message is not None:
            found["response_message_id"] = str(message.id)
            found["response_message_loading"] = message.loading
            found["response_message_ephemeral"] = message.ephemeral
            answer["resource"] = {
                "type": interaction.callback,
                "message": wire_messages.message_json(message, self._world.bot),
            }
        return answer

    def _opened(self, request: Request) -> Interaction:
        interaction = self.by_token.get(request.params["webhook_token"])
        if interaction is None or request.params["webhook_id"] != str(self._world.application_id):
            raise ApiError(Refusal.UNKNOWN_WEBHOOK)
        if interaction.age_s > TOKEN_LIFE_S:
            raise ApiError(Refusal.INVALID_WEBHOOK_TOKEN)
        # Until the bot has acknowledged, there is no webhook.
        if not interaction.acknowledged or interaction.kind is InteractionKind.AUTOCOMPLETE:
            raise ApiError(Refusal.UNKNOWN_WEBHOOK)
        return interaction

    def _message(self, interaction: Interaction, name: str) -> Message:
        mine = [*interaction.followups, *([interaction.original] if interaction.original is not None else [])]
        identity = as_id(name)
        found = (
            interaction.original if name == "@original" else next((m for m in mine if m.id == identity), None)
        )
        if found is None or found.deleted:
            raise ApiError(Refusal.UNKNOWN_MESSAGE)
        return found

    def follow_up(self, request: Request) -> Json:
        """Write a further message; the first one after "thinking" takes that message's place."""
        interaction = self._opened(request)
        original = interaction.original
        draft = self._draft(request.json, request)
        if original is not None and original.loading and not original.deleted:
            return self._fill_in(interaction, original, draft)
        inside = interaction.channel.guild is None or self._world.bot_is_in(interaction.channel.guild)
        if (
            interaction.by_user_install
            and not inside
            and len(interaction.followups) >= _USER_INSTALL_FOLLOWUPS
        ):
            raise ApiError(Refusal.TOO_MANY_FOLLOWUPS)
        message = self._new_message(interaction, draft)
        message.kind = MessageKind.DEFAULT
        self._messages.fill(message, draft)
        self._refer(message, interaction, original)
        interaction.followups.append(message)
        self._messages.add(message)
        self._tell(interaction, "answered")
        return wire_messages.message_json(message, self._world.bot)

    def _fill_in(self, interaction: Interaction, original: Message, draft: Draft) -> Json:
        # Whether it is ephemeral was settled when it was deferred.
        if draft.flags is not None:
            draft.flags &= ~MessageFlag.EPHEMERAL
        self._messages.fill(original, draft)
        self._events.message_updated(original)
        self._tell(interaction, "answered")
        return wire_messages.message_json(original, self._world.bot)

    def get(self, request: Request) -> Json:
        """Return the first answer or a follow-up."""
        return wire_messages.message_json(
            self._message(self._opened(request), request.params["message_id"]), self._world.bot
        )

    def edit(self, request: Request) -> Json:
        """Change the first answer or a follow-up."""
        interaction = self._opened(request)
        message = self._message(interaction, request.params["message_id"])
        draft = self._draft(request.json, request, message)
        if message.loading:
            return self._fill_in(interaction, message, draft)
        self._messages.edit(message, draft)
        interaction.updated = interaction.updated or message is interaction.source
        return wire_messages.message_json(message, self._world.bot)

    def delete(self, request: Request) -> None:
        """Delete the first answer or a follow-up."""
        self._messages.delete(self._message(self._opened(request), request.params["message_id"]))


def _allowed(interaction: Interaction) -> tuple[int, ...]:
    if interaction.kind is InteractionKind.AUTOCOMPLETE:
        return (_CHOICES,)
    allowed = [_MESSAGE, _DEFERRED]
    if interaction.source is not None:
        allowed += [_DEFERRED_UPDATE, _UPDATE]
    if interaction.kind is not InteractionKind.MODAL:
        allowed.append(_MODAL)
    return tuple(allowed)


def _choices(data: Any) -> list[Json]:
    if not isinstance(data, dict):
        raise FormError([("data", "BASE_TYPE_REQUIRED", "This field is required")])
    form = Form()
    answer: Json = data  # pyright: ignore[reportUnknownVariableType]: JSON
    found = command_rules.check_choices(answer.get("choices"), form)
    form.check()
    return found


def _modal(data: Any) -> Json:
    form = Form()
    modal = components.check_modal(data, form)
    form.check()
    return modal
