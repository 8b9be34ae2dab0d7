"""What people's clients send: commands, buttons, menus and forms become interactions for the bot."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from . import command_rules, commands, permissions, wire_messages
from .commands import Commands
from .drafts import Upload
from .entities import Attachment, Channel, Json, Message, Role, User, interactive
from .errors import ApiError, Refusal
from .events import Events
from .interactions import ACKNOWLEDGE_WITHIN_S, Interaction, InteractionKind, Waiter, create_json
from .messages import Messages
from .options import Filled, OptionValue
from .permissions import Permission
from .rest_interactions import InteractionRoutes
from .world import World

_SELECTS = {3: "strings", 5: "users", 6: "roles", 7: "mentionables", 8: "channels"}


class Acts:
    """Sends interactions to the bot and notices when it does not answer."""

    def __init__(
        self,
        world: World,
        events: Events,
        messages: Messages,
        registered: Commands,
        answered: InteractionRoutes,
        wait: Waiter,
    ) -> None:
        self._world = world
        self._events = events
        self._messages = messages
        self._commands = registered
        self._answered = answered
        self._wait = wait
        self._alarms: set[asyncio.TimerHandle] = set()

    def close(self) -> None:
        """Forget who still waits for an answer."""
        for alarm in self._alarms:
            alarm.cancel()

    def slash(
        self, user: User, channel: Channel, name: str, values: Mapping[str, OptionValue]
    ) -> Interaction:
        """Send the slash command `name` ("settings set")."""
        command, path, leaf = self._offered(user, channel, name, command_rules.CHAT_INPUT)
        filled = Filled(channel.guild, self._attach_for(channel))
        filled.fill(leaf, values)
        data = self._command_data(command, path, filled)
        return self._send(InteractionKind.COMMAND, user, channel, name, data, command=command)

    def complete(
        self,
        user: User,
        channel: Channel,
        name: str,
        focused: str,
        typed: str,
        values: Mapping[str, OptionValue],
    ) -> Interaction:
        """Ask for the completions of what was `typed` into the option `focused`."""
        command, path, leaf = self._offered(user, channel, name, command_rules.CHAT_INPUT)
        filled = Filled(channel.guild, self._attach_for(channel))
        filled.fill_partly(leaf, values, focused, typed)
        data = self._command_data(command, path, filled)
        return self._send(InteractionKind.AUTOCOMPLETE, user, channel, name, data, command=command)

    def menu(self, user: User, channel: Channel, name: str, target: Message | User) -> Interaction:
        """Choose `name` in the context menu of a message or a user."""
        kind = command_rules.MESSAGE_MENU if isinstance(target, Message) else command_rules.USER_MENU
        command, _, _ = self._offered(user, channel, name, kind)
        filled = Filled(channel.guild, self._attach_for(channel))
        if isinstance(target, Message):
            filled.resolved["messages"] = {
                str(target.id): wire_messages.message_json(target, self._world.bot)
            }
        else:
            filled.resolve_user(target)
        data = self._command_data(command, [], filled) | {"target_id": str(target.id)}
        return self._send(InteractionKind.COMMAND, user, channel, name, data, command=command)

    def press(self, user: User, message: Message, item: Json) -> Interaction:
        """Press a button."""
        data: Json = {"component_type": item["type"], "custom_id": item["custom_id"], "id": item.get("id", 0)}
        return self._touch(user, message, item, data)

    def choose(
        self, user: User, message: Message, item: Json, values: Sequence[str | User | Role | Channel]
    ) -> Interaction:
        """Choose in a select; options by value, users, roles and channels as such."""
        if item["type"] not in _SELECTS:
            raise ValueError(f"{item.get('custom_id')!r} is not a select")
        low, high = item.get("min_values", 1), item.get("max_values", 1)
        if not low <= len(values) <= high:
            raise ValueError(f"choose {low} to {high}, not {len(values)}")
        known = {option["value"] for option in item.get("options", ())}
        if item["type"] == command_rules.STRING and not known.issuperset(map(str, values)):
            raise ValueError(f"{values} are not all among {sorted(known)}")
        filled = Filled(message.channel.guild, self._attach_for(message.channel))
        sent = [filled.name(value) for value in values]
        data: Json = {"component_type": item["type"], "custom_id": item["custom_id"], "id": item.get("id", 0)}
        data["values"] = sent
        # discord.py takes the mere key for a sign that users, roles or channels were chosen.
        if item["type"] != command_rules.STRING:
            data["resolved"] = filled.resolved
        return self._touch(user, message, item, data)

    def _touch(self, user: User, message: Message, item: Json, data: Json) -> Interaction:
        visible = permissions.in_channel(message.channel, user) & Permission.VIEW_CHANNEL
        if not visible or message.deleted or (message.viewer is not None and message.viewer is not user):
            raise PermissionError(f"{user} does not see that message")
        if item.get("disabled"):
            raise ValueError(f"{item.get('label') or item['custom_id']} is disabled")
        kind = InteractionKind.COMPONENT
        return self._send(kind, user, message.channel, item["custom_id"], data, source=message)

    def submit(self, opened: Interaction, values: Mapping[str, str | Sequence[str]]) -> Interaction:
        """Send the form that `opened` led to."""
        modal = opened.modal
        if modal is None:
            raise ValueError(f"{opened.name!r} opened no form")
        unknown = set(values) - {item["custom_id"] for item in _inputs(modal["components"])}
        if unknown:
            raise ValueError(f"the form has no field {', '.join(sorted(unknown))}")
        data: Json = {
            "custom_id": modal["custom_id"],
            "components": [_filled(item, values) for item in modal["components"]],
        }
        return self._send(
            InteractionKind.MODAL,
            opened.user,
            opened.channel,
            modal["custom_id"],
            data,
            source=opened.source,
            opened_by=opened,
        )

    def _offered(self, user: User, channel: Channel, name: str, kind: int) -> tuple[Json, list[Json], Json]:
        if not permissions.in_channel(channel, user) & Permission.VIEW_CHANNEL:
            raise PermissionError(f"{user} does not see {channel}")
        found = commands.find(self._commands.offered(user, channel), name, kind)
        if found is None and commands.find(self._commands.all(), name, kind) is not None:
            raise PermissionError(f"{user} is not offered {name!r} in {channel}")
        if found is None:
            raise ValueError(f"{name!r} is not a registered command")
        return found

    def _command_data(self, command: Json, path: list[Json], filled: Filled) -> Json:
        options = filled.options
        for step in reversed(path):
            options = [{"name": step["name"], "type": step["type"], "options": options}]
        data: Json = {"id": command["id"], "name": command["name"], "type": command["type"]}
        if "guild_id" in command:
            data["guild_id"] = command["guild_id"]
        if options:
            data["options"] = options
        if filled.resolved:
            data["resolved"] = filled.resolved
        return data

    def _attach_for(self, channel: Channel) -> Callable[[str, bytes], Attachment]:
        def attach(filename: str, data: bytes) -> Attachment:
            return self._messages.attach(channel, Upload(filename, data), ephemeral=True)

        return attach

    def _send(
        self,
        kind: InteractionKind,
        user: User,
        channel: Channel,
        name: str,
        data: Json,
        *,
        command: Json | None = None,
        source: Message | None = None,
        opened_by: Interaction | None = None,
    ) -> Interaction:
        interaction = Interaction(
            self._world.new_id(), kind, user, channel, name, data, self._wait, self.submit, source, opened_by
        )
        interaction.by_user_install = (
            opened_by.by_user_install if opened_by else self._by_user(command, user, channel)
        )
        self._answered.remember(interaction)
        self.tell(interaction, "sent")
        self._events.interaction(
            create_json(interaction, self._world, self._answered.file_limit_bytes), channel.guild
        )
        self._watch(interaction)
        return interaction

    def _by_user(self, command: Json | None, user: User, channel: Channel) -> bool:
        """Whether it came by the person's own installation, the guild having none that offers it."""
        guild = channel.guild
        kinds: list[int] = [0] if command is None else command["integration_types"] or [0]
        if guild is None:
            return user.has_app and 1 in kinds and 0 not in kinds
        return not self._world.bot_is_in(guild) or 0 not in kinds

    def _watch(self, interaction: Interaction) -> None:
        def late() -> None:
            self._alarms.discard(alarm)
            self.give_up(interaction)

        alarm = asyncio.get_running_loop().call_later(ACKNOWLEDGE_WITHIN_S, late)
        self._alarms.add(alarm)

    def give_up(self, interaction: Interaction) -> None:
        """Show "The application did not respond" if three seconds have passed in vain."""
        if not interaction.acknowledged and not interaction.failed:
            interaction.failed = True
            self.tell(interaction, "failed")

    def tell(self, interaction: Interaction, state: str) -> None:
        """Tell the page how it stands: sent, thinking, answered, failed or modal."""
        data: Json = {
            "id": str(interaction.id),
            "state": state,
            "channel_id": str(interaction.channel.id),
            "user_id": str(interaction.user.id),
            "name": interaction.name,
        }
        if state == "modal":
            data["modal"] = interaction.modal
        if interaction.kind is not InteractionKind.AUTOCOMPLETE:
            self._events.for_page("INTERACTION", data)


def component(message: Message, custom_id: str | None, label: str | None) -> Json:
    """Return the component with that custom id or label.

    Raises:
        ValueError: the message has none.
    """
    for item in message.buttons():
        if (custom_id is not None and item.get("custom_id") == custom_id) or (
            label and item.get("label") == label
        ):
            if "custom_id" not in item:
                raise ValueError(f"{label!r} is a link")
            return item
    shown = [item.get("label") or item.get("custom_id") for item in message.buttons()]
    raise ValueError(f"no component {custom_id or label!r} among {shown}")


def refuse(error: ApiError, who: User) -> Exception:
    """Return what a person's client makes of a refusal."""
    if error.status == 403 or error.code == Refusal.THREAD_LOCKED.value[1]:
        return PermissionError(f"{who}: {error}")
    return error


def _inputs(items: list[Json]) -> list[Json]:
    wrapped = [item["component"] for item in items if "component" in item]
    return [*interactive(items), *wrapped]


def _filled(item: Json, values: Mapping[str, str | Sequence[str]]) -> Json:
    """Return one component of a form as it is submitted."""
    found: Json = {"type": item["type"], "id": item.get("id", 0)}
    if "components" in item:
        found["components"] = [_filled(each, values) for each in item["components"]]
    elif "component" in item:
        found["component"] = _filled(item["component"], values)
    elif "custom_id" in item:
        custom_id = item["custom_id"]
        found["custom_id"] = custom_id
        if item["type"] == 4:
            found["value"] = _typed(item, values.get(custom_id, item.get("value") or ""))
        else:
            chosen = values.get(custom_id, ())
            found["values"] = [chosen] if isinstance(chosen, str) else list(chosen)
    return found


def _typed(item: Json, text: str | Sequence[str]) -> str:
    if not isinstance(text, str):
        raise ValueError(f"{item['custom_id']} takes text")
    low, high = item.get("min_length") or 0, item.get("max_length") or 4000
    if not text and not item.get("required", True):
        return text
    if not max(low, 1) <= len(text) <= high:
        raise ValueError(f"{item['custom_id']} takes {max(low, 1)} to {high} characters, not {len(text)}")
    return text
