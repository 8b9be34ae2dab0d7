"""Discord's ids and timestamps."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime

# https://discord.com/developers/docs/reference#snowflakes
DISCORD_EPOCH_MS = 1_420_070_400_000

# In 2017, well before any id that the time gives.
_FIRST_FIXED = 300_000_000_000_000_000


class Snowflakes:
    """Gives out ids that grow, as Discord's do: the time in milliseconds, then a counter."""

    __slots__ = ("_fixed", "_last")

    def __init__(self) -> None:
        self._last = 0
        self._fixed = 0

    @contextmanager
    def fixed(self) -> Generator[None]:
        """Within the block, give out ids that are the same in every run; to be opened once, at the start."""
        self._fixed = _FIRST_FIXED
        yield
        self._fixed = 0

    def __call__(self) -> int:
        """Return an id larger than all before it."""
        if self._fixed:
            self._fixed += 1
            return self._fixed
        self._last = max(self._last + 1, (int(time.time() * 1000) - DISCORD_EPOCH_MS) << 22)
        return self._last


def timestamp() -> str:
    """Return now as Discord writes it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def as_id(text: object) -> int | None:
    """Return the id that `text` spells, or None if it is no snowflake."""
    if isinstance(text, bool):
        return None
    if isinstance(text, int):
        return text if 0 < text < 1 << 64 else None
    if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= 20:
        return int(text)
    return None
