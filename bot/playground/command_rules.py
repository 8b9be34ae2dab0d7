"""What Discord accepts as an application command, and as the completions of an option.

https://discord.com/developers/docs/interactions/application-commands#application-command-object
"""

from __future__ import annotations

import unicodedata
from typing import Any

from .entities import Json
from .errors import Form

CHAT_INPUT, USER_MENU, MESSAGE_MENU = 1, 2, 3
SUBCOMMAND, GROUP, STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT = range(
    1, 12
)

_LOCALES = frozenset(
    (
        *(
            "id",
            "da",
            "de",
            "en-GB",
            "en-US",
            "es-ES",
            "es-419",
            "fr",
            "hr",
            "it",
            "lt",
            "hu",
            "nl",
            "no",
            "pl",
        ),
        *("pt-BR", "ro", "fi", "sv-SE", "vi", "tr", "cs", "el", "bg", "ru", "uk", "hi", "th", "zh-CN", "ja"),
        *("zh-TW", "ko"),
    )
)
# Names, descriptions and values of one command together.
_TOTAL_CHARS = 8000


def check(item: object, path: str, form: Form) -> None:
    """Note in `form` whatever Discord would refuse about one command."""
    if not isinstance(item, dict):
        form.fault(path, "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
        return
    command: Json = item  # pyright: ignore[reportUnknownVariableType]: JSON
    prefix = f"{path}." if path else ""
    kind = form.integer(f"{prefix}type", command.get("type", CHAT_INPUT), 1, 3)
    if kind == CHAT_INPUT:
        _named(command, prefix, form)
        total = _options(command.get("options"), f"{prefix}options", form, depth=0)
        if total + len(str(command.get("name"))) + len(str(command.get("description"))) > _TOTAL_CHARS:
            form.fault(
                path, "APPLICATION_COMMAND_TOO_LARGE", f"Command exceeds maximum size ({_TOTAL_CHARS})"
            )
    else:
        form.text(f"{prefix}name", command.get("name"), 32, shortest=1)
        if command.get("description"):
            form.fault(f"{prefix}description", "APPLICATION_COMMAND_DESCRIPTION", "A menu has no description")
        if command.get("options"):
            form.fault(f"{prefix}options", "APPLICATION_COMMAND_OPTIONS", "A menu has no options")
    needed: Any = command.get("default_member_permissions")
    if needed is not None and not str(needed).isdigit():
        form.fault(
            f"{prefix}default_member_permissions", "NUMBER_TYPE_COERCE", f'Value "{needed}" is not int.'
        )
    for name in ("contexts", "integration_types"):
        for index, value in enumerate(form.items(f"{prefix}{name}", command.get(name), 3)):
            form.integer(f"{prefix}{name}.{index}", value, 0, 2 if name == "contexts" else 1)


def _named(item: Json, prefix: str, form: Form) -> None:
    name = form.text(f"{prefix}name", item.get("name"), 32, shortest=1)
    for where, each in ((f"{prefix}name", name), *_localized(item, "name", prefix, form, 32)):
        if each and not _is_name(each):
            form.fault(where, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
    form.text(f"{prefix}description", item.get("description"), 100, shortest=1)
    _localized(item, "description", prefix, form, 100)


def _localized(item: Json, field: str, prefix: str, form: Form, longest: int) -> list[tuple[str, str]]:
    path = f"{prefix}{field}_localizations"
    texts: Json = item.get(f"{field}_localizations") or {}
    for locale in texts:
        if locale not in _LOCALES:
            form.choice(f"{path}.{locale}", "the locales of Discord")
    return [
        (f"{path}.{locale}", form.text(f"{path}.{locale}", text, longest, shortest=1))
        for locale, text in texts.items()
    ]


def _is_name(name: str) -> bool:
    # ^[-_'\p{L}\p{N}\p{sc=Deva}\p{sc=Thai}]{1,32}$, in lower case; those scripts have marks.
    return name == name.lower() and all(
        char in "-_'" or unicodedata.category(char)[0] in "LNM" for char in name
    )


def _options(given: object, path: str, form: Form, *, depth: int) -> int:
    """Check a list of options; return how many characters it counts."""
    total, optional_seen, names = 0, False, set[str]()
    kinds: set[bool] = set()
    for index, option in enumerate(form.items(path, given, 25)):
        where = f"{path}.{index}"
        kind = form.integer(f"{where}.type", option.get("type"), 1, 11)
        _named(option, f"{where}.", form)
        total += len(str(option.get("name"))) + len(str(option.get("description")))
        if option.get("name") in names:
            form.fault(where, "APPLICATION_COMMAND_OPTIONS_NAME_DUPLICATE", "Option name already exists")
        names.add(str(option.get("name")))
        nests = kind in (SUBCOMMAND, GROUP)
        kinds.add(nests)
        if nests:
            if (kind == GROUP and depth > 0) or depth > 1:
                form.fault(
                    f"{where}.type",
                    "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
                    "Sub-command option type is invalid",
                )
            total += _options(
                option.get("options"), f"{where}.options", form, depth=depth + (1 if kind == GROUP else 2)
            )
            continue
        if option.get("required") and optional_seen:
            form.fault(
                where,
                "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
                "Required options must be placed before non-required options",
            )
        optional_seen = optional_seen or not option.get("required")
        total += _value_option(option, where, kind, form)
    if len(kinds) > 1 or (depth == 1 and False in kinds):
        form.fault(
            path, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Sub-command and value options cannot be mixed"
        )
    return total


def _value_option(option: Json, where: str, kind: int, form: Form) -> int:
    choices = form.items(f"{where}.choices", option.get("choices"), 25)
    if choices and option.get("autocomplete"):
        form.fault(
            f"{where}.autocomplete", "APPLICATION_COMMAND_AUTOCOMPLETE_CHOICES", "Cannot have choices too"
        )
    if (choices or option.get("autocomplete")) and kind not in (STRING, INTEGER, NUMBER):
        form.fault(
            f"{where}.choices", "APPLICATION_COMMAND_OPTIONS_CHOICES_INVALID", "This type takes no choices"
        )
    expected = {STRING: (str,), INTEGER: (int,), NUMBER: (int, float)}.get(kind, ())
    total = 0
    for index, choice in enumerate(choices):
        spot = f"{where}.choices.{index}"
        form.text(f"{spot}.name", choice.get("name"), 100, shortest=1)
        value: Any = choice.get("value")
        if not isinstance(value, expected) or isinstance(value, bool):
            form.fault(
                f"{spot}.value", "APPLICATION_COMMAND_OPTIONS_CHOICE_VALUE", "The value has another type"
            )
        elif isinstance(value, str):
            form.text(f"{spot}.value", value, 100)
            total += len(value)
    return total


def check_choices(given: object, form: Form) -> list[Json]:
    """Return the choices of an autocomplete answer (at most 25)."""
    choices = form.items("data.choices", given, 25)
    for index, choice in enumerate(choices):
        path = f"data.choices.{index}"
        form.text(f"{path}.name", choice.get("name"), 100, shortest=1)
        if isinstance(choice.get("value"), str):
            form.text(f"{path}.value", choice["value"], 100)
        elif not isinstance(choice.get("value"), int | float):
            form.required(f"{path}.value")
    return choices
