"""Starting and stopping, as the operator sees it: processes, exit codes, one sentence each."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.playground import Playground
from tests.openai_server import Script
from tests.wire.conftest import World

# What `python -m bot` does, but against the playground.
_PROGRAM = """
import sys
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route
Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = sys.argv[1], yarl.URL(sys.argv[2])
from bot.cli import main
sys.exit(main(sys.argv[3:]))
"""


@asynccontextmanager
async def process(
    world: World, *arguments: str, rest_url: str = "", gateway_url: str = "", **environ: str
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """The bot as a process of its own; killed at the end if it still runs."""
    rest_url = rest_url or world.discord.rest_url
    gateway_url = gateway_url or world.discord.gateway_url
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PROGRAM, rest_url, gateway_url, *arguments,
        cwd=world.folder, env=_environ(world) | environ,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


def _environ(world: World) -> Mapping[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "DISCORD_TOKEN": world.discord.token,
        "OPENAI_API_KEY": "sk-test-0123456789",
        "OPENAI_BASE_URL": world.openai.base_url,
    }


async def ended(child: asyncio.subprocess.Process) -> tuple[int, str]:
    """The exit code, and what stood on standard error."""
    _, errors = await asyncio.wait_for(child.communicate(), 30)
    assert child.returncode is not None
    return child.returncode, errors.decode()


async def test_two_variables_and_no_file_are_enough(world: World) -> None:
    world.openai.models = ["the-first"]
    world.openai.answers("Hello.")
    async with process(world) as bot:
        await world.discord.ready(20)
        await world.ask("hello")
        await world.shows("Hello.")
        bot.send_signal(signal.SIGTERM)
        code, log = await ended(bot)
    assert code == 0
    assert (world.folder / "data" / "parley.db").exists()
    assert "https://discord.com/oauth2/authorize?client_id=100000000000000001" in log
    assert world.openai.requests[-1].body["model"] == "the-first"


async def test_neither_secrets_nor_what_people_say_are_in_the_log(world: World) -> None:
    (world.folder / "config.yaml").write_text("log: {level: debug}\nchat: {model: m}")
    world.openai.answers("My answer is xyzzy-out.")
    async with process(world) as bot:
        await world.discord.ready(20)
        await world.ask("my question is xyzzy-in")
        await world.shows("My answer is xyzzy-out.")
        bot.send_signal(signal.SIGTERM)
        code, log = await ended(bot)
    assert code == 0
    assert "turn " in log
    for secret in (world.discord.token, "sk-test-0123456789", "xyzzy"):
        assert secret not in log


async def test_a_refused_token_is_one_sentence_with_the_place_to_mend_it(world: World) -> None:
    world.discord.refuse_token = True
    async with process(world) as bot:
        code, message = await ended(bot)
    assert code == 78
    assert "Bot → Reset Token" in message.splitlines()[-1]
    assert "Traceback" not in message


async def test_missing_intents_are_one_sentence_with_the_place_to_mend_it(world: World) -> None:
    world.discord.withhold_intents = True
    async with process(world) as bot:
        code, message = await ended(bot)
    assert code == 78
    assert "https://discord.com/developers/applications/100000000000000001/bot" in message
    assert "Message Content Intent" in message
    assert "Traceback" not in message


async def test_all_mistakes_of_the_configuration_are_told_at_once(world: World) -> None:
    (world.folder / "config.yaml").write_text("chat:\n  temprature: 1\n  max_tokens: many\nimage: {}\n")
    async with process(world, "run") as bot:
        code, message = await ended(bot)
    assert code == 78
    assert len(message.splitlines()) == 3
    assert 'config.yaml:2: chat.temprature: there is no such key; did you mean "temperature"?' in message
    assert "config.yaml:3: chat.max_tokens" in message
    assert 'did you mean "images"?' in message


async def test_without_a_token_it_is_said_where_to_get_one(world: World) -> None:
    async with process(world, DISCORD_TOKEN="") as bot:
        code, message = await ended(bot)
    assert code == 78
    assert "https://discord.com/developers/applications" in message


async def test_a_database_that_cannot_be_opened_is_one_sentence_without_its_password(world: World) -> None:
    url = "postgres://parley:hunter2@127.0.0.1:1/parley"
    async with process(world, DATABASE_URL=url) as bot:
        code, message = await ended(bot)
    assert code == 69
    assert len(message.strip().splitlines()) == 1
    assert "hunter2" not in message


async def test_discord_out_of_reach_is_waited_for(world: World, unused_tcp_port: int) -> None:
    urls = {
        "rest_url": f"http://127.0.0.1:{unused_tcp_port}/api/v10",
        "gateway_url": f"ws://127.0.0.1:{unused_tcp_port}/gateway",
    }
    async with process(world, **urls) as bot:
        assert bot.stderr
        line = b""
        while b"cannot be reached" not in line:
            line = await asyncio.wait_for(bot.stderr.readline(), 20)
        async with Playground(port=unused_tcp_port) as late:
            await late.ready(20)
            bot.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(bot.wait(), 20) == 0


async def test_sigterm_lets_a_running_answer_end(world: World) -> None:
    gate = asyncio.Event()
    world.openai.answers(Script(chunks=["The whole ", "answer."], gates={1: gate}))
    async with process(world) as bot:
        await world.discord.ready(20)
        await world.reply(await world.ask("hello"))
        bot.send_signal(signal.SIGTERM)
        gate.set()
        code, _ = await ended(bot)
    assert code == 0
    assert world.said() == ["The whole answer."]


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["run", "--help"], ["try", "--help"]])
async def test_the_command_line_explains_itself(world: World, arguments: list[str]) -> None:
    async with process(world, *arguments) as bot:
        output, _ = await asyncio.wait_for(bot.communicate(), 30)
        assert bot.returncode == 0
    assert b"arley" in output
