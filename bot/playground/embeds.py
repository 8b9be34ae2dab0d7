"""Discord's rules for embeds: https://discord.com/developers/docs/resources/message#embed-object-embed-limits."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from .entities import Attachment, Json
from .errors import Form

_TOTAL = 6000
_SCHEMES = ("http://", "https://", "attachment://")


def check(given: object, form: Form) -> list[Json]:
    """Return copies of the embeds as Discord stores them (type "rich"), their faults noted in `form`."""
    embeds: list[Json] = []
    total = 0
    for index, item in enumerate(form.items("embeds", given, 10)):
        path = f"embeds.{index}"
        if not isinstance(item, dict):
            form.fault(path, "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
            continue
        sent: Json = item  # pyright: ignore[reportUnknownVariableType]: JSON
        embed = copy.deepcopy(sent)
        total += _embed(embed, path, form)
        embeds.append({"type": "rich", **{key: value for key, value in embed.items() if value is not None}})
    if total > _TOTAL:
        form.fault("embeds", "MAX_EMBED_SIZE_EXCEEDED", f"Embed size exceeds maximum size of {_TOTAL}")
    return embeds


def _embed(embed: Json, path: str, form: Form) -> int:
    """Check one embed; return how many characters it counts."""
    text = form.text(f"{path}.title", embed.get("title"), 256)
    text += form.text(f"{path}.description", embed.get("description"), 4096)
    fields = form.items(f"{path}.fields", embed.get("fields"), 25)
    for number, item in enumerate(fields):
        where = f"{path}.fields.{number}"
        if not isinstance(item, dict):
            form.fault(where, "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
            continue
        field: Json = item  # pyright: ignore[reportUnknownVariableType]: JSON
        text += form.text(f"{where}.name", field.get("name"), 256, shortest=1)
        text += form.text(f"{where}.value", field.get("value"), 1024, shortest=1)
        field.setdefault("inline", False)
    footer, author = _part(embed, "footer"), _part(embed, "author")
    text += form.text(f"{path}.footer.text", footer.get("text"), 2048)
    text += form.text(f"{path}.author.name", author.get("name"), 256)
    if embed.get("color") is not None:
        form.integer(f"{path}.color", embed["color"], 0, 0xFFFFFF)
    pictures = {name: _part(embed, name).get("url") for name in ("image", "thumbnail")}
    for name, url in {
        "url": embed.get("url"),
        **{f"{key}.url": value for key, value in pictures.items()},
    }.items():
        if url is not None and not str(url).startswith(_SCHEMES):
            form.fault(
                f"{path}.{name}",
                "URL_TYPE_INVALID_SCHEME",
                f'Scheme "{str(url).split(":")[0]}" is not supported. '
                "Scheme must be one of ('http', 'https').",
            )
    if not text.strip() and not any(pictures.values()):
        form.required(f"{path}.description")
    return len(text)


def _part(embed: Json, name: str) -> Json:
    part: Any = embed.get(name)
    return part if isinstance(part, dict) else {}  # pyright: ignore[reportUnknownVariableType]: JSON


def show_attachments(embeds: list[Json], files: Iterable[Attachment]) -> None:
    """Let pictures that name an uploaded file (attachment://name) point at where it is served."""
    urls = {f"attachment://{file.filename}": file.url for file in files}
    for part in (embed.get(name) for embed in embeds for name in ("image", "thumbnail")):
        if part and part.get("url") in urls:
            part["url"] = part["proxy_url"] = urls[part["url"]]
