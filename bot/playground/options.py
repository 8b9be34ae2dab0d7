"""What a person fills into a command's options, checked as Discord's client does before it sends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import command_rules, permissions, wire, wire_messages
from .entities import Attachment, Channel, Guild, Json, Role, User

OptionValue = str | int | float | bool | User | Channel | Role | tuple[str, bytes]
Attach = Callable[[str, bytes], Attachment]


class Filled:
    """The options of one command as they are sent, and the objects they name."""

    def __init__(self, guild: Guild | None, attach: Attach) -> None:
        self._guild = guild
        self._attach = attach
        self.options: list[Json] = []
        self.resolved: dict[str, Json] = {}

    def fill(self, leaf: Json, values: Mapping[str, OptionValue]) -> None:
        """Take `values` for the options of `leaf`.

        Raises:
            ValueError: the client would not send this: unknown or missing option, wrong type, out of range.
        """
        defined: list[Json] = leaf.get("options") or []
        unknown = set(values) - {option["name"] for option in defined}
        if unknown:
            raise ValueError(f"/{leaf['name']} has no option {', '.join(sorted(unknown))}")
        for option in defined:
            name = option["name"]
            if name in values:
                self.options.append(
                    {"name": name, "type": option["type"], "value": self._value(option, values[name])}
                )
            elif option.get("required"):
                raise ValueError(f"/{leaf['name']} needs the option {name}")

    def fill_partly(self, leaf: Json, values: Mapping[str, OptionValue], focused: str, typed: str) -> None:
        """Take what is filled in so far, with `typed` in the option that has the cursor."""
        defined: list[Json] = leaf.get("options") or []
        option = next((each for each in defined if each["name"] == focused), None)
        if option is None or not option.get("autocomplete"):
            raise ValueError(f"the option {focused} of /{leaf['name']} offers no completions")
        needless = {
            **leaf,
            "options": [{**each, "required": False} for each in defined if each is not option],
        }
        self.fill(needless, {name: value for name, value in values.items() if name != focused})
        self.options.append({"name": focused, "type": option["type"], "value": typed, "focused": True})

    def _value(self, option: Json, value: OptionValue) -> Any:
        kind, name = option["type"], option["name"]
        if kind == command_rules.STRING and isinstance(value, str):
            return self._chosen(option, self._sized(option, value))
        if kind == command_rules.INTEGER and isinstance(value, int) and not isinstance(value, bool):
            return self._chosen(option, self._ranged(option, value))
        if kind == command_rules.NUMBER and isinstance(value, int | float) and not isinstance(value, bool):
            return self._chosen(option, self._ranged(option, value))
        if kind == command_rules.BOOLEAN and isinstance(value, bool):
            return value
        if kind in (command_rules.USER, command_rules.MENTIONABLE) and isinstance(value, User):
            self.resolve_user(value)
            return str(value.id)
        if kind in (command_rules.ROLE, command_rules.MENTIONABLE) and isinstance(value, Role):
            self._resolve("roles", value.id, wire.role_json(value))
            return str(value.id)
        if kind == command_rules.CHANNEL and isinstance(value, Channel):
            return self._channel(option, value)
        if kind == command_rules.ATTACHMENT and isinstance(value, tuple):
            file = self._attach(*value)
            self._resolve("attachments", file.id, wire_messages.attachment_json(file))
            return str(file.id)
        raise ValueError(f"{value!r} is not what the option {name} takes (type {kind})")

    def _sized(self, option: Json, value: str) -> str:
        low, high = option.get("min_length") or 0, option.get("max_length") or 6000
        if not low <= len(value) <= high:
            raise ValueError(f"{option['name']} takes {low} to {high} characters, not {len(value)}")
        return value

    def _ranged(self, option: Json, value: float) -> float:
        low, high = option.get("min_value"), option.get("max_value")
        if (low is not None and value < low) or (high is not None and value > high):
            raise ValueError(f"{option['name']} takes {low} to {high}, not {value}")
        return value

    def _chosen(self, option: Json, value: str | float) -> str | float:
        choices: list[Json] = option.get("choices") or []
        for choice in choices:
            if value in (choice["name"], choice["value"]):
                return choice["value"]
        if choices:
            raise ValueError(
                f"{option['name']} is one of {[choice['name'] for choice in choices]}, not {value!r}"
            )
        return value

    def _channel(self, option: Json, channel: Channel) -> str:
        kinds = option.get("channel_types")
        if channel.guild is not self._guild or (kinds and channel.kind not in kinds):
            raise ValueError(f"{option['name']} does not take {channel}")
        self._resolve("channels", channel.id, wire.channel_json(channel) | {"permissions": "0"})
        return str(channel.id)

    def name(self, value: str | User | Role | Channel) -> str:
        """Return what a select sends for `value`, which is sent along."""
        if isinstance(value, str):
            return value
        if isinstance(value, User):
            self.resolve_user(value)
        elif isinstance(value, Role):
            self._resolve("roles", value.id, wire.role_json(value))
        else:
            self._resolve("channels", value.id, wire.channel_json(value) | {"permissions": "0"})
        return str(value.id)

    def resolve_user(self, user: User) -> None:
        """Send `user` (and the member) along."""
        self._resolve("users", user.id, wire.user_json(user))
        if self._guild is not None and (member := self._guild.members.get(user.id)) is not None:
            granted = str(int(permissions.in_guild(self._guild, user)))
            self._resolve(
                "members", user.id, wire.member_json(member, with_user=False) | {"permissions": granted}
            )

    def _resolve(self, kind: str, identity: int, found: Json) -> None:
        self.resolved.setdefault(kind, {})[str(identity)] = found
