"""Discord's rules for buttons, selects, layouts and modals.

https://discord.com/developers/docs/components/reference
"""

from __future__ import annotations

from typing import Any

from .entities import Json
from .errors import Form

ROW, BUTTON, SELECT, TEXT_INPUT = 1, 2, 3, 4
_ENTITY_SELECTS = (5, 6, 7, 8)
SECTION, TEXT, THUMBNAIL, GALLERY, FILE, SEPARATOR, CONTAINER, LABEL = 9, 10, 11, 12, 13, 14, 17, 18
_LINK, _PREMIUM = 5, 6


class _Walk:
    """One message's or modal's components on their way through the rules."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.custom_ids: set[str] = set()
        self.count = 0
        self.shown_chars = 0

    def take(self, item: Any, path: str, allowed: tuple[int, ...]) -> Json:
        """Check one component of a type among `allowed`; return it with Discord's numeric id."""
        if not isinstance(item, dict):
            self.form.fault(path, "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
            return {}
        component: Json = dict(item)  # pyright: ignore[reportUnknownArgumentType]: JSON
        kind = component.get("type")
        if kind not in allowed:
            self.form.choice(f"{path}.type", str(allowed))
            return component
        self.count += 1
        component.setdefault("id", self.count)
        if kind == ROW:
            self._row(component, path)
        elif kind == BUTTON:
            self._button(component, path)
        elif kind == SELECT or kind in _ENTITY_SELECTS:
            self._select(component, path, kind)
        elif kind == TEXT_INPUT:
            self._text_input(component, path)
        else:
            self._layout(component, path, kind)
        return component

    def _children(self, parent: Json, path: str, most: int, allowed: tuple[int, ...]) -> None:
        items = self.form.items(f"{path}.components", parent.get("components"), most, least=1)
        parent["components"] = [
            self.take(item, f"{path}.components.{index}", allowed) for index, item in enumerate(items)
        ]

    def _row(self, row: Json, path: str) -> None:
        self._children(row, path, 5, (BUTTON, SELECT, TEXT_INPUT, *_ENTITY_SELECTS))
        kinds = [item.get("type") for item in row["components"]]
        if len(kinds) > 1 and any(kind != BUTTON for kind in kinds):
            self.form.fault(
                f"{path}.components",
                "COMPONENT_LAYOUT_WIDTH_EXCEEDED",
                "The specified component exceeds the maximum width",
            )

    def _custom_id(self, component: Json, path: str) -> None:
        custom_id = self.form.text(f"{path}.custom_id", component.get("custom_id"), 100, shortest=1)
        if custom_id and custom_id in self.custom_ids:
            self.form.fault(
                f"{path}.custom_id",
                "COMPONENT_CUSTOM_ID_DUPLICATED",
                "Component custom id cannot be duplicated",
            )
        self.custom_ids.add(custom_id)

    def _button(self, button: Json, path: str) -> None:
        style = self.form.integer(f"{path}.style", button.get("style"), 1, 6)
        label = self.form.text(f"{path}.label", button.get("label"), 80)
        if not label and not button.get("emoji") and style != _PREMIUM:
            self.form.fault(path, "BUTTON_COMPONENT_INVALID", "A button must have a label or emoji")
        if style == _LINK:
            self.form.text(f"{path}.url", button.get("url"), 512, shortest=1)
            if button.get("custom_id"):
                self.form.fault(
                    path, "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE", "A link has no custom id"
                )
        elif style != _PREMIUM:
            self._custom_id(button, path)
            if button.get("url"):
                self.form.fault(
                    path, "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE", "Only a link has a url"
                )

    def _select(self, select: Json, path: str, kind: int) -> None:
        form = self.form
        self._custom_id(select, path)
        form.text(f"{path}.placeholder", select.get("placeholder"), 150)
        low = form.integer(f"{path}.min_values", select.get("min_values", 1), 0, 25)
        high = form.integer(f"{path}.max_values", select.get("max_values", 1), 1, 25)
        if low > high:
            form.fault(f"{path}.min_values", "SELECT_COMPONENT_MIN_VALUES", "Must be at most max_values.")
        if kind != SELECT:
            return
        values: set[str] = set()
        options = form.items(f"{path}.options", select.get("options"), 25, least=1)
        for index, option in enumerate(options):
            where = f"{path}.options.{index}"
            form.text(f"{where}.label", option.get("label"), 100, shortest=1)
            form.text(f"{where}.description", option.get("description"), 100)
            value = form.text(f"{where}.value", option.get("value"), 100, shortest=1)
            if value in values:
                form.fault(
                    f"{where}.value", "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", "The option is duplicated"
                )
            values.add(value)
        if options and high > len(options):
            form.fault(
                f"{path}.max_values",
                "BASE_TYPE_BAD_LENGTH",
                f"Must be at most {len(options)}, the options given.",
            )

    def _text_input(self, item: Json, path: str) -> None:
        form = self.form
        self._custom_id(item, path)
        form.integer(f"{path}.style", item.get("style"), 1, 2)
        form.text(f"{path}.placeholder", item.get("placeholder"), 100)
        form.text(f"{path}.value", item.get("value"), 4000)
        for name, low in (("min_length", 0), ("max_length", 1)):
            if item.get(name) is not None:
                form.integer(f"{path}.{name}", item[name], low, 4000)
        if item.get("label") is not None:
            form.text(f"{path}.label", item["label"], 45, shortest=1)

    def _layout(self, item: Json, path: str, kind: int) -> None:
        form = self.form
        if kind == TEXT:
            self.shown_chars += len(form.text(f"{path}.content", item.get("content"), 4000, shortest=1))
        elif kind == CONTAINER:
            self._children(item, path, 39, (ROW, SECTION, TEXT, GALLERY, FILE, SEPARATOR))
        elif kind == SECTION:
            self._children(item, path, 3, (TEXT,))
            item["accessory"] = self.take(item.get("accessory"), f"{path}.accessory", (BUTTON, THUMBNAIL))
        elif kind == GALLERY:
            for index, picture in enumerate(form.items(f"{path}.items", item.get("items"), 10, least=1)):
                form.text(
                    f"{path}.items.{index}.media.url", picture.get("media", {}).get("url"), 2048, shortest=1
                )
        elif kind == LABEL:
            form.text(f"{path}.label", item.get("label"), 45, shortest=1)
            form.text(f"{path}.description", item.get("description"), 100)
            item["component"] = self.take(
                item.get("component"), f"{path}.component", (SELECT, TEXT_INPUT, *_ENTITY_SELECTS)
            )


def check_message(given: object, form: Form, *, layouts: bool) -> list[Json]:
    """Return a message's components with ids; `layouts`: the message has the IS_COMPONENTS_V2 flag."""
    walk = _Walk(form)
    most, allowed = (
        (40, (ROW, SECTION, TEXT, GALLERY, FILE, SEPARATOR, CONTAINER)) if layouts else (5, (ROW,))
    )
    found = [
        walk.take(item, f"components.{index}", allowed)
        for index, item in enumerate(form.items("components", given, most))
    ]
    if walk.count > 40:
        form.fault(
            "components", "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", "At most 40 components are allowed"
        )
    if walk.shown_chars > 4000:
        form.fault(
            "components", "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", "Text exceeds maximum size of 4000"
        )
    return found


def check_modal(given: object, form: Form) -> Json:
    """Return a modal with its components numbered."""
    if not isinstance(given, dict):
        form.required("data")
        return {}
    modal: Json = given  # pyright: ignore[reportUnknownVariableType]: JSON
    form.text("data.custom_id", modal.get("custom_id"), 100, shortest=1)
    form.text("data.title", modal.get("title"), 45, shortest=1)
    walk = _Walk(form)
    items = form.items("data.components", modal.get("components"), 5, least=1)
    taken = [
        walk.take(item, f"data.components.{index}", (ROW, TEXT, LABEL)) for index, item in enumerate(items)
    ]
    return modal | {"components": taken}
