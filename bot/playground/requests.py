"""What the bot asked of REST, as it is recorded and as handlers get it."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import BodyPartReader, web

from .drafts import Upload
from .entities import Json
from .errors import ApiError, Refusal

_FILE_FIELD = re.compile(r"files\[(\d+)\]")
# The largest body that is read at all: ten files of 100 MB would be refused by Discord's edge long before.
BODY_LIMIT_BYTES = 128 * 1024 * 1024


@dataclass(slots=True)
class Request:
    """One REST request and what became of it."""

    method: str
    path: str
    route: str
    """The template, as Discord's documentation writes it: /channels/{channel_id}/messages."""
    params: dict[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any = None
    """The JSON body (payload_json of a multipart one), or None."""
    files: dict[int, Upload] = field(default_factory=dict[int, Upload])
    status: int = 0
    """What was answered; 0 while it is under way or if the connection was cut."""
    code: int = 0
    """Discord's error code, 0 for none."""
    started: float = field(default_factory=time.monotonic)
    ended: float | None = None

    @property
    def json(self) -> Json:
        """The body as an object.

        Raises:
            ApiError: it is none (50109).
        """
        body: object = self.body
        if not isinstance(body, dict):
            raise ApiError(Refusal.INVALID_JSON)
        return body  # pyright: ignore[reportUnknownVariableType]: JSON

    @property
    def elapsed_s(self) -> float | None:
        """How long the answer took."""
        return None if self.ended is None else self.ended - self.started


async def read_body(
    request: web.BaseRequest, *, any_file_name: bool = False
) -> tuple[Any, dict[int, Upload]]:
    """Return a request's JSON and its files, from either of the two forms Discord takes.

    `any_file_name`: take files from any field, not from `files[n]` alone.

    Raises:
        ApiError: it is neither.
    """
    if request.content_type.startswith("multipart/"):
        return await _read_multipart(request, any_file_name)
    raw = await request.read()
    if not raw:
        return None, {}
    if request.content_type != "application/json":
        raise ApiError(Refusal.BAD_REQUEST)
    return _loads(raw), {}


async def _read_multipart(request: web.BaseRequest, any_file_name: bool) -> tuple[Any, dict[int, Upload]]:
    body: Any = None
    files: dict[int, Upload] = {}
    reader = await request.multipart()
    async for part in reader:
        if not isinstance(part, BodyPartReader):
            raise ApiError(Refusal.BAD_REQUEST)
        data = bytes(await part.read())
        if part.name == "payload_json":
            body = _loads(data)
            continue
        match = _FILE_FIELD.fullmatch(part.name or "")
        if match is not None or (any_file_name and part.filename):
            kind = part.headers.get("Content-Type", "").split(";")[0]
            known = kind if kind != "application/octet-stream" else ""
            files[int(match[1]) if match else len(files)] = Upload(
                part.filename or "unknown", data, known or None
            )
    return ({} if body is None else body), files


def _loads(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except ValueError:
        raise ApiError(Refusal.INVALID_JSON) from None
