"""Discord in a box: the gateway, REST and a page on one loopback port, and the knobs that tests turn."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage

from .acts import Acts
from .entities import Json, Message
from .errors import Refusal
from .faults import Fault
from .interactions import TOKEN_LIFE_S, Interaction
from .limits import Limits
from .origin import is_ours
from .page import Page
from .people import Hands
from .requests import BODY_LIMIT_BYTES, Request
from .rest import PREFIX, Rest
from .rest_channels import ChannelRoutes
from .rest_commands import CommandRoutes
from .rest_interactions import InteractionRoutes
from .rest_messages import MessageRoutes
from .snowflakes import as_id
from .stage import TOKEN, Stage

_T = TypeVar("_T")


class Playground(Stage):
    """Discord in a box.

    `rate_limits` may be False (no limits, no headers) or a factor for every window (0.1: ten times as quick).
    `remembers`: the bot has been in this box before, and the page says that it may know more than is shown.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        token: str = TOKEN,
        bot_name: str = "Parley",
        rate_limits: bool | float = True,
        heartbeat_interval_s: float = 41.25,
        remembers: bool = False,
    ) -> None:
        super().__init__(token=token, bot_name=bot_name)
        self._port = port
        self.gateway.heartbeat_interval_s = heartbeat_interval_s
        self._of_messages = MessageRoutes(self.world, self._messages, self.events)
        self._interactions = InteractionRoutes(self.world, self._messages, self.events, self._tell)
        self._acts = Acts(
            self.world, self.events, self._messages, self.commands, self._interactions, self._wait
        )
        self.equip(Hands(self._messages, self._threads, self._acts, self.events, self.world.dm_with))
        self._rest = self._make_rest(float(rate_limits))
        self._page = Page(
            self.world, self.gateway, self.events, self.commands, self._interactions, remembers=remembers
        )
        self._runner: web.ServerRunner | None = None

    def _make_rest(self, scale: float) -> Rest:
        of_channels = ChannelRoutes(
            self.world, self.gateway, self._messages, self._threads, self.events, self._of_messages
        )
        of_commands = CommandRoutes(self.world, self.commands, self._commands_changed)
        routes = [
            *of_channels.routes(),
            *self._of_messages.routes(),
            *self._interactions.routes(),
            *of_commands.routes(),
        ]
        return Rest(routes, self.gateway, Limits(scale), self._happened)

    # Opening and closing

    async def __aenter__(self) -> Self:
        server = web.Server(self._serve, request_factory=_request, access_log=None)
        runner = self._runner = web.ServerRunner(server, shutdown_timeout=0.5)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", self._port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._port = int(runner.addresses[0][1])
        self._messages.base_url = f"http://127.0.0.1:{self._port}"
        self.gateway.url = self.gateway_url
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._acts.close()
        with contextlib.suppress(ConnectionError):
            await self.gateway.drop(resumable=False, code=1001)
        await self._page.close()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def port(self) -> int:
        """The port, once it is open."""
        return self._port

    @property
    def rest_url(self) -> str:
        """What `discord.http.Route.BASE` is to be."""
        return f"http://127.0.0.1:{self._port}{PREFIX}"

    @property
    def gateway_url(self) -> str:
        """What `DiscordWebSocket.DEFAULT_GATEWAY` is to be."""
        return f"ws://127.0.0.1:{self._port}/gateway"

    @property
    def page_url(self) -> str:
        """Where a person looks in with a browser."""
        return f"http://127.0.0.1:{self._port}/"

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        if not is_ours(request):
            return web.json_response(
                {"code": 0, "message": "The box can only be used from its own address."}, status=403
            )
        path = request.path
        if path.startswith(PREFIX):
            return await self._rest.serve(request)
        if path.rstrip("/") == "/gateway":
            return await self.gateway.serve(request)
        if path.startswith("/attachments/"):
            return self._attachment(request)
        return await self._page.serve(request)

    def _attachment(self, request: web.BaseRequest) -> web.Response:
        parts = request.path.split("/")
        file = self.world.attachments.get(as_id(parts[3]) or 0) if len(parts) == 5 else None
        # Without its signature a link is worth nothing, as on Discord's CDN.
        signature = request.query.get("hm") or "none"
        if file is None or file.expired or f"hm={signature}" not in file.url:
            return web.Response(status=404, text="This content is no longer available.")
        # Whatever was uploaded, opening it must not run in the page's origin.
        headers = {"Content-Security-Policy": "sandbox", "X-Content-Type-Options": "nosniff"}
        return web.Response(body=file.data, content_type=file.content_type, headers=headers)

    def _commands_changed(self) -> None:
        self.events.for_page("COMMANDS_UPDATE", {"commands": self.commands.all()})

    def _tell(self, interaction: Interaction, state: str) -> None:
        self._acts.tell(interaction, state)

    # Looking on

    @property
    def requests(self) -> list[Request]:
        """Every REST request, oldest first."""
        return self._rest.requests

    @property
    def ratelimited(self) -> list[Request]:
        """The requests that were answered 429."""
        return self._rest.ratelimited

    @property
    def unknown_routes(self) -> list[str]:
        """Requests for what Discord (or this double of it) does not have, as "METHOD path"."""
        return self._rest.unknown_routes

    @property
    def command_syncs(self) -> list[list[Json]]:
        """The bodies of the bulk overwrites of commands."""
        return self.commands.syncs

    async def ready(self, timeout: float = 10) -> None:  # noqa: ASYNC109 - asyncio.timeout inside
        """Wait until the bot has identified and was sent READY and its guilds."""
        await self.until(lambda: self.gateway.online, timeout, "the bot to identify")

    @property
    def limits(self) -> Limits:
        """The rate limits; their `scale` may be changed at any time."""
        return self._rest.limits

    @property
    def rate_limits(self) -> float:
        """The factor of every rate limit's window; 0 for no limits."""
        return self.limits.scale

    @rate_limits.setter
    def rate_limits(self, scale: float) -> None:
        self.limits.scale = float(scale)

    async def until(
        self,
        predicate: Callable[[], _T | None],
        timeout: float = 5,  # noqa: ASYNC109 - asyncio.timeout inside
        what: str = "a condition",
    ) -> _T:
        """Wait until `predicate` is true and return what it returned; asked again whenever anything happens.

        Raises:
            AssertionError: it did not become true in time; the message shows what was said everywhere.
        """
        try:
            async with asyncio.timeout(timeout):
                while not (found := predicate()):
                    await self.changes.next()
                return found
        except TimeoutError:
            if found := predicate():
                return found
        raise AssertionError(f"Waited {timeout} s in vain for {what}.\n{self.transcripts()}")

    async def _wait(self, predicate: Callable[[], bool], timeout: float, what: str) -> None:  # noqa: ASYNC109 - asyncio.timeout inside
        await self.until(predicate, timeout, what)

    def transcripts(self) -> str:
        """Return everything that was said, channel by channel, ephemeral messages included."""
        shown = [
            f"--- {channel}\n" + "\n".join(map(str, channel.messages.values()))
            for channel in self.world.channels.values()
            if channel.messages
        ]
        asked = [f"{each.method} {each.route} -> {each.status}" for each in self.requests[-10:]]
        return "\n".join([*shown, "--- last requests", *asked])

    # Turning knobs

    @property
    def latency_s(self) -> float:
        """How long every REST answer is held back."""
        return self._rest.latency_s

    @latency_s.setter
    def latency_s(self, seconds: float) -> None:
        self._rest.latency_s = seconds

    @property
    def refuse_token(self) -> bool:
        """The token was reset: REST answers 401, the gateway closes with 4004."""
        return self.gateway.refuse_token

    @refuse_token.setter
    def refuse_token(self, refused: bool) -> None:
        self.gateway.refuse_token = refused

    @property
    def withhold_intents(self) -> bool:
        """No privileged intent is granted: the gateway closes with 4014, contents are empty."""
        return self.gateway.withhold_intents

    @withhold_intents.setter
    def withhold_intents(self, withheld: bool) -> None:
        self.gateway.withhold_intents = self._of_messages.hides_content = withheld

    @property
    def frozen_gateway(self) -> bool:
        """The gateway is connected but says nothing, not even that it heard a heartbeat."""
        return self.gateway.frozen

    @frozen_gateway.setter
    def frozen_gateway(self, frozen: bool) -> None:
        self.gateway.frozen = frozen

    @property
    def empty_thread_mentions(self) -> bool:
        """In threads `mentions` is sent empty although the content holds a mention."""
        return self.events.empty_thread_mentions

    @empty_thread_mentions.setter
    def empty_thread_mentions(self, empty: bool) -> None:
        self.events.empty_thread_mentions = empty

    @property
    def file_limit_bytes(self) -> int:
        """The largest file the bot may upload."""
        return self._of_messages.file_limit_bytes

    @file_limit_bytes.setter
    def file_limit_bytes(self, limit: int) -> None:
        self._of_messages.file_limit_bytes = self._interactions.file_limit_bytes = limit

    def fail(
        self,
        method: str,
        route: str | Callable[[Request], bool],
        *,
        status: int = 500,
        code: int = 0,
        message: str = "",
        times: int = 1,
        after_effect: bool = False,
        cut: bool = False,
        retry_after_s: float | None = None,
    ) -> Fault:
        """Let the next `times` requests that match fail.

        `route` is a template ("/channels/{channel_id}/messages") or a predicate; `method` may be "*".
        `after_effect`: it takes effect, only the answer is lost; `cut`: the connection closes with no answer.
        The words for a known `code` are Discord's own.
        """
        known = {refusal.value[1]: refusal.value[2] for refusal in Refusal}
        words = message or known.get(code, "") if code else message
        fault = Fault(method, route, status, code, words, times, after_effect, cut, retry_after_s)
        self._rest.faults.append(fault)
        return fault

    async def replay(self, message: Message) -> None:
        """Send a message's MESSAGE_CREATE again, as it is now."""
        self.events.message_created(message)

    async def drop_gateway(self, *, resumable: bool = True, code: int | None = 4000) -> None:
        """Close the gateway's connections; without a code the line is cut with no goodbye."""
        await self.gateway.drop(resumable=resumable, code=code)

    def refuse_resume(self, times: int = 1) -> None:
        """Answer the next resumes with "invalid session"."""
        self.gateway.refused_resumes = times

    def request_reconnect(self) -> None:
        """Send opcode 7."""
        self.gateway.order(7, None)

    def invalidate_session(self, *, resumable: bool = False) -> None:
        """Send opcode 9."""
        self.gateway.order(9, resumable)

    def age(self, interaction: Interaction, seconds: float) -> None:
        """Let time pass for one interaction."""
        interaction.aged_s += seconds
        if interaction.age_s > 3 and interaction.age_s - seconds <= TOKEN_LIFE_S:
            self._acts.give_up(interaction)

    def expire_attachments(self) -> None:
        """Let the links of all attachments so far expire: they answer 404."""
        for file in self.world.attachments.values():
            file.expired = True


def _request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: web.RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> web.BaseRequest:
    """Make a request that takes bodies larger than aiohttp's 1 MiB."""
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=BODY_LIMIT_BYTES)
