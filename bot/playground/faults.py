"""Answers that go wrong on purpose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .requests import Request


@dataclass(slots=True)
class Fault:
    """What is to happen to the next `times` requests that match."""

    method: str
    match: str | Callable[[Request], bool]
    status: int = 500
    code: int = 0
    message: str = ""
    times: int = 1
    after_effect: bool = False
    cut: bool = False
    retry_after_s: float | None = None

    def hits(self, request: Request) -> bool:
        """Whether this fault is for `request`; if so, one of its times is used up."""
        if self.times <= 0 or self.method not in ("*", request.method):
            return False
        if not (self.match == request.route if isinstance(self.match, str) else self.match(request)):
            return False
        self.times -= 1
        return True
