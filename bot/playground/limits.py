"""Discord's rate limits: a bucket for each kind of request and place, and one for everything the bot does.

https://discord.com/developers/docs/topics/rate-limits
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

GLOBAL_PER_SECOND = 50


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests in a window, counted from the window's first request."""

    limit: int
    window_s: float


# Discord does not document these, it says them in headers; the numbers are those it has answered for years.
MESSAGING = Rate(5, 5.0)
DELETING = Rate(5, 1.0)
REACTING = Rate(1, 0.25)
READING = Rate(10, 10.0)
GENEROUS = Rate(50, 5.0)


@dataclass(slots=True)
class Verdict:
    """What one request is told: headers for any answer, and the wait if it is refused."""

    headers: dict[str, str]
    retry_after_s: float | None = None
    everywhere: bool = False


@dataclass(slots=True)
class _Window:
    ends: float
    used: int = 0


class Limits:
    """All buckets. `scale` multiplies every window: 0.1 is ten times as quick, 0 switches limits off."""

    def __init__(self, scale: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.scale = scale
        self.clock = clock
        self._windows: dict[tuple[str, str], _Window] = {}
        self._global = _Window(0.0)
        self._hashes: dict[str, str] = {}

    def take(self, route: str, major: str, rate: Rate, *, counts_globally: bool) -> Verdict:
        """Count one request of `route` at the place `major`, or say how long it must wait."""
        if not self.scale:
            return Verdict({})
        now = self.clock()
        if counts_globally and (wait := self._over_global(now)) is not None:
            headers = {
                "Retry-After": str(math.ceil(wait)),
                "X-RateLimit-Global": "true",
                "X-RateLimit-Scope": "global",
            }
            return Verdict(headers, wait, everywhere=True)
        window = self._windows.get((route, major))
        if window is None or window.ends <= now:
            if len(self._windows) > 10_000:
                self._windows = {key: each for key, each in self._windows.items() if each.ends > now}
            window = self._windows[route, major] = _Window(now + rate.window_s * self.scale)
        wait = window.ends - now
        refused = window.used >= rate.limit
        if not refused:
            window.used += 1
        headers = {
            "X-RateLimit-Limit": str(rate.limit),
            "X-RateLimit-Remaining": str(rate.limit - window.used),
            "X-RateLimit-Reset": f"{time.time() + wait:.3f}",
            "X-RateLimit-Reset-After": f"{wait:.3f}",
            "X-RateLimit-Bucket": self._hash(route),
        }
        if not refused:
            return Verdict(headers)
        headers |= {"Retry-After": str(math.ceil(wait)), "X-RateLimit-Scope": "user"}
        return Verdict(headers, wait)

    def _over_global(self, now: float) -> float | None:
        window = self._global
        if window.ends <= now:
            window = self._global = _Window(now + self.scale)
        if window.used >= GLOBAL_PER_SECOND:
            return window.ends - now
        window.used += 1
        return None

    def _hash(self, route: str) -> str:
        if route not in self._hashes:
            self._hashes[route] = hashlib.md5(route.encode(), usedforsecurity=False).hexdigest()
        return self._hashes[route]
