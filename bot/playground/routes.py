"""Finds the handler of a REST request by its path, and knows which rate limit it counts against."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from .limits import GENEROUS, Rate
from .requests import Request

# A handler returns the JSON to answer with, or None for 204.
Handler = Callable[[Request], Any] | Callable[[Request], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """One method and path template, and how it is treated."""

    method: str
    template: str
    handler: Handler
    rate: Rate = GENEROUS
    by_token: bool = False
    """An interaction's own token in the path stands for the bot's token."""
    exempt: bool = False
    """Does not count against the global limit."""

    def major(self, params: dict[str, str]) -> str:
        """Return what the bucket is kept by, besides the route."""
        names = (
            "channel_id",
            "guild_id",
            "webhook_id",
            "interaction_id",
            "webhook_token",
            "interaction_token",
        )
        return "/".join(params[name] for name in names if name in params)


class _Node:
    __slots__ = ("children", "name", "parameter", "routes")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.name = ""
        self.routes: dict[str, Route] = {}


class Routes:
    """A tree of path segments; a fixed segment goes before a parameter."""

    def __init__(self, routes: list[Route]) -> None:
        self._root = _Node()
        for route in routes:
            node = self._root
            for segment in route.template.strip("/").split("/"):
                node = _step(node, segment)
            node.routes[route.method] = route

    def find(self, method: str, path: str) -> tuple[Route | None, dict[str, str], bool]:
        """Return the route and its parameters, and whether the path is known under any method."""
        node, params = self._root, dict[str, str]()
        for segment in path.strip("/").split("/"):
            child = node.children.get(segment)
            if child is None:
                child = node.parameter
                if child is None:
                    return None, params, False
                params[child.name] = segment
            node = child
        return node.routes.get(method), params, bool(node.routes)


def _step(node: _Node, segment: str) -> _Node:
    if not segment.startswith("{"):
        return node.children.setdefault(segment, _Node())
    if node.parameter is None:
        node.parameter = _Node()
        node.parameter.name = segment[1:-1]
    return node.parameter
