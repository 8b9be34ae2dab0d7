"""Discord's REST API: who may ask, how often, what goes wrong on purpose, and what is recorded of it."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from urllib.parse import unquote

import orjson
from aiohttp import web

from .errors import ApiError, Refusal
from .faults import Fault
from .gateway import Gateway
from .limits import Limits
from .requests import Request, read_body
from .routes import Route, Routes

PREFIX = "/api/v10"
# discord.py takes a 429 without it for a ban by Cloudflare.
_VIA = {"Via": "1.1 google"}


class Rest:
    """Answers every request under /api/v10 and remembers it."""

    def __init__(
        self, routes: list[Route], gateway: Gateway, limits: Limits, changed: Callable[[], None]
    ) -> None:
        self._routes = Routes(routes)
        self._gateway = gateway
        self.limits = limits
        self._changed = changed
        self.latency_s = 0.0
        self.requests: list[Request] = []
        self.ratelimited: list[Request] = []
        self.unknown_routes: list[str] = []
        self.faults: list[Fault] = []

    async def serve(self, http: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        path = http.path.removeprefix(PREFIX)
        route, params, known = self._routes.find(http.method, path)
        if "%" in http.raw_path:
            params = {name: unquote(value) for name, value in params.items()}
        template = route.template if route is not None else path
        request = Request(http.method, path, template, params, http.query, http.headers)
        self.requests.append(request)
        try:
            if self.latency_s:
                await asyncio.sleep(self.latency_s)
            if route is None:
                self.unknown_routes.append(f"{http.method} {path}")
                raise ApiError(Refusal.METHOD_NOT_ALLOWED if known else Refusal.NOT_FOUND)
            return await self._answer(http, request, route)
        except ApiError as error:
            return self._refuse(request, error)
        finally:
            request.ended = time.monotonic()
            self._changed()

    async def _answer(self, http: web.BaseRequest, request: Request, route: Route) -> web.StreamResponse:
        if not route.by_token and not self._authorized(request):
            raise ApiError(Refusal.UNAUTHORIZED)
        # Read before anything is refused, so that the connection can be used again and the record is whole.
        request.body, request.files = await read_body(http)
        fault = next((each for each in self.faults if each.hits(request)), None)
        if fault is not None and not fault.after_effect:
            return self._break(http, request, fault)
        verdict = self.limits.take(
            f"{route.method} {route.template}",
            route.major(request.params),
            route.rate,
            counts_globally=not route.exempt,
        )
        if verdict.retry_after_s is not None:
            self.ratelimited.append(request)
            return self._slow_down(request, verdict.retry_after_s, verdict.everywhere, verdict.headers)
        try:
            answer = route.handler(request)
            if inspect.isawaitable(answer):
                answer = await answer
        except ApiError as error:
            return self._refuse(request, error, verdict.headers)
        if fault is not None:
            return self._break(http, request, fault)
        if answer is None:
            request.status = 204
            return web.Response(status=204, headers=verdict.headers)
        request.status = 200
        return _json(200, answer, verdict.headers)

    def _authorized(self, request: Request) -> bool:
        return (
            not self._gateway.refuse_token
            and request.headers.get("Authorization") == f"Bot {self._gateway.token}"
        )

    def _refuse(
        self, request: Request, error: ApiError, headers: dict[str, str] | None = None
    ) -> web.Response:
        request.status, request.code = error.status, error.code
        return _json(error.status, error.body(), headers or {})

    def _slow_down(
        self, request: Request, retry_after_s: float, everywhere: bool, headers: dict[str, str]
    ) -> web.Response:
        request.status = 429
        body = {
            "message": "You are being rate limited.",
            "retry_after": round(retry_after_s + 0.0005, 3),
            "global": everywhere,
        }
        return _json(429, body, headers | _VIA)

    def _break(self, http: web.BaseRequest, request: Request, fault: Fault) -> web.Response:
        if fault.times <= 0:
            self.faults.remove(fault)
        if fault.cut:
            if http.transport is not None:
                http.transport.abort()
            return web.Response(status=500)
        if fault.status == 429:
            self.ratelimited.append(request)
            wait = fault.retry_after_s or 1.0
            headers = {"Retry-After": str(int(wait) + 1), "X-RateLimit-Scope": "shared"}
            return self._slow_down(request, wait, False, headers)
        request.status, request.code = fault.status, fault.code
        return _json(
            fault.status, {"message": fault.message or f"{fault.status}: Fault", "code": fault.code}, {}
        )


def _json(status: int, body: object, headers: dict[str, str]) -> web.Response:
    return web.Response(
        status=status, body=orjson.dumps(body), headers=headers, content_type="application/json"
    )
