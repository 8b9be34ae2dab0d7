"""A bot in a process of its own, and the doubles around it, which note when things happen."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import psutil

from bot.playground import Channel, Playground
from bot.playground.compression import STREAMS, Compress
from tests.openai_server import Recorded, Script, ScriptedOpenAI

BARE, OURS = "bare", "ours"
CHANNELS = 4
QUESTION = "What should I plant in a shady corner that stays wet for most of the spring?"
# A short answer: some 60 tokens, in pieces as a model sends them.
PIECES = [
    "Ferns ", "do well there: ", "ostrich fern ", "and royal fern ", "like wet feet ", "and shade. ",
    "Between them, ", "marsh marigold ", "flowers early, ", "and astilbe ", "in summer. ", "Give them ",
    "leaf mould ", "once a year, ", "and keep hostas ", "for the drier edge.",
]  # fmt: skip
ANSWER = "".join(PIECES)

_MODEL = "scripted-1"
_ROOT = Path(__file__).parents[1]
_PATIENCE_S = 30.0


class Departures:
    """When the question of the running turn left the gateway. Turns are asked one at a time."""

    def __init__(self) -> None:
        self.at_ns: int | None = None

    @contextmanager
    def noted(self) -> Generator[None]:
        """Have every gateway note it within this block: a frame is sent as soon as it is compressed."""
        noting = {name: self._noting(stream) for name, stream in STREAMS.items()}
        with mock.patch.dict(STREAMS, noting):
            yield

    def _noting(self, stream: Any) -> Any:
        def opened() -> Compress:
            compress = stream()

            def noting(frame: bytes) -> bytes:
                compressed = compress(frame)
                if self.at_ns is None and frame.startswith(b'{"t":"MESSAGE_CREATE"'):
                    self.at_ns = time.perf_counter_ns()
                return compressed

            return noting

        return opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """How long a turn took from when its MESSAGE_CREATE left the gateway, in ms, and how much was asked."""

    to_request_ms: float
    to_text_ms: float
    messages: int


class Watched:
    """A bot at work; get one from `watched`.

    Attributes:
        ready_s: From the start of the process until its IDENTIFY was answered.
        answered_s: From the start of the process until its first answer was shown whole.
    """

    def __init__(self, name: str, discord: Playground, departures: Departures) -> None:
        self.name = name
        self.ready_s = self.answered_s = 0.0
        self._discord = discord
        self._departures = departures
        self._process: psutil.Process | None = None
        self._asked_ns = self._shown_ns = self._messages = 0
        self._whole = asyncio.Event()
        self._turns = 0
        self._ann = discord.add_user("ann", display_name="Ann")
        guild = discord.add_guild("Garden", members=[self._ann])
        self._channels = [discord.add_channel(guild, f"bed-{number}") for number in range(CHANNELS)]
        discord.events.feeds.add(self._happened)

    async def start(self, process: asyncio.subprocess.Process, started_ns: int) -> None:
        """Wait until the bot is there, and has answered once."""
        self._process = psutil.Process(process.pid)
        ready = asyncio.create_task(self._discord.ready(timeout=_PATIENCE_S))
        gone = asyncio.create_task(process.wait())
        await asyncio.wait({ready, gone}, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if process.returncode is not None:
            ready.cancel()
            raise RuntimeError(f"{self.name} ended by itself with exit code {process.returncode}")
        await ready
        self.ready_s = (time.perf_counter_ns() - started_ns) / 1e9
        await self.turn()
        self.answered_s = (time.perf_counter_ns() - started_ns) / 1e9

    async def turn(self) -> Turn:
        """Ask in the next channel; returns when the whole answer is shown."""
        channel: Channel = self._channels[self._turns % CHANNELS]
        self._turns += 1
        self._departures.at_ns, self._asked_ns, self._shown_ns = None, 0, 0
        self._whole.clear()
        await self._ann.say(channel, f"{self._discord.bot.mention} {QUESTION}")
        async with asyncio.timeout(_PATIENCE_S):
            await self._whole.wait()
        left_ns = self._departures.at_ns
        assert left_ns is not None, "an answer comes after its question"
        return Turn(
            to_request_ms=(self._asked_ns - left_ns) / 1e6,
            to_text_ms=(self._shown_ns - left_ns) / 1e6,
            messages=self._messages,
        )

    def rss_mb(self) -> float:
        """The memory that the process holds, in MB (10^6 bytes)."""
        assert self._process is not None, "it was started"
        return self._process.memory_info().rss / 1e6

    def answer(self, request: Recorded) -> Script:
        """The model's answer; called when the provider has read the request."""
        self._asked_ns = time.perf_counter_ns()
        self._messages = len(request.body["messages"])
        return Script(chunks=PIECES)

    def _happened(self, name: str, data: dict[str, Any]) -> None:
        """Called when a message becomes visible in Discord, or changes."""
        if name not in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
            return
        if data["author"]["id"] != str(self._discord.bot.id) or not data["content"]:
            return
        self._shown_ns = self._shown_ns or time.perf_counter_ns()
        if data["content"] == ANSWER:
            self._whole.set()


@asynccontextmanager
async def watched(name: str, folder: Path, departures: Departures) -> AsyncGenerator[Watched]:
    """The bot `name`, started and warm with one answer; its database and its log are in `folder`."""
    async with AsyncExitStack() as stack:
        discord = await stack.enter_async_context(Playground(rate_limits=False))
        bot = Watched(name, discord, departures)
        openai = await stack.enter_async_context(ScriptedOpenAI(default=bot.answer))
        openai.models = [_MODEL]
        log = stack.enter_context((folder / f"{name}.log").open("ab"))
        started_ns = time.perf_counter_ns()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.candidate", name, discord.rest_url, discord.gateway_url),
            cwd=folder,
            env=_environ(discord, openai, folder),
            stdout=log,
            stderr=log,
        )
        stack.push_async_callback(_stop, process)
        try:
            await bot.start(process, started_ns)
            yield bot
        except BaseException:
            # What the bot says of itself is in a temporary folder that is about to go.
            print((folder / f"{name}.log").read_text(encoding="utf-8")[-2000:], file=sys.stderr)
            raise


def _environ(discord: Playground, openai: ScriptedOpenAI, folder: Path) -> dict[str, str]:
    """Only what the bots need, so that nothing of whoever runs this changes what they do."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT") if name in os.environ}
    return {
        **kept,
        "PYTHONPATH": str(_ROOT),
        "DISCORD_TOKEN": discord.token,
        "OPENAI_BASE_URL": openai.base_url,
        "OPENAI_API_KEY": "sk-bench-0123456789",
        "OPENAI_MODEL": _MODEL,
        "DATABASE_URL": f"sqlite:///{folder / 'parley.db'}",
    }


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(10):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
