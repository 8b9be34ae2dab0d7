"""Counting tokens."""

import asyncio
import hashlib
import re
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.llm.tokens import VOCABULARIES, Tiktoken


@pytest.fixture(scope="module")
def tokens() -> Tiktoken:
    return asyncio.run(Tiktoken.load())


async def test_a_text_has_the_tokens_of_o200k(tokens: Tiktoken) -> None:
    assert await tokens.count("") == 0
    assert await tokens.count("Hello, world!") == 4
    assert await tokens.count("Hello, world! " * 1_000) == pytest.approx(4_001, abs=5)


async def test_what_looks_like_a_special_token_is_text(tokens: Tiktoken) -> None:
    assert await tokens.count("<|endoftext|>") > 1
    assert await tokens.count("<|endofprompt|>" * 1_000) > 1_000


@pytest.mark.parametrize("text", [" ", "a", "\n", "!", "你", "👍🏽", "ab"])
async def test_a_million_of_anything_is_counted_off_the_loop(tokens: Tiktoken, text: str) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.001)
            ticks += 1

    ticking = asyncio.create_task(tick())
    started = time.monotonic()
    assert await tokens.count(text * (1_000_000 // len(text))) > 1_000
    ticking.cancel()
    assert time.monotonic() - started < 20
    assert ticks > 3


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(text=st.text(max_size=200))
def test_any_text_can_be_counted(tokens: Tiktoken, text: str) -> None:
    assert 0 <= asyncio.run(tokens.count(text)) <= len(text.encode())


def test_half_a_surrogate_pair_is_counted(tokens: Tiktoken) -> None:
    assert asyncio.run(tokens.count("a\ud83d")) >= 1


@pytest.mark.parametrize(
    ("model", "margin"),
    [
        ("openai/gpt-4o", 1.0),
        ("gpt-4o-mini-2024-07-18", 1.0),
        ("gpt-4.1-nano", 1.0),
        ("openai/gpt-5.4-mini", 1.0),
        ("gpt-6", 1.0),
        ("o1", 1.0),
        ("o3-mini", 1.0),
        ("o4-mini", 1.0),
        ("router/openai/gpt-oss-20b", 1.0),
        ("ft:gpt-4o-mini:me", 1.0),
        ("gpt-4", 1.1),
        ("gpt-4-turbo", 1.1),
        ("gpt-3.5-turbo", 1.1),
        ("local/llama-3.1-8b", 1.35),
        ("olmo-2", 1.35),
        ("gpt-neo", 1.35),
        ("gpt-j-6b", 1.35),
        ("local/gpt-4all", 1.35),
    ],
)
def test_the_margin_is_the_familys(tokens: Tiktoken, model: str, margin: float) -> None:
    assert tokens.margin(model) == margin


def test_the_vocabularies_are_those_that_their_page_names() -> None:
    page = (VOCABULARIES / "README.md").read_text()
    named = re.findall(r"^\| `(\w{40})` .* `(\w{64})` \|$", page, re.MULTILINE)
    files = {path.name for path in VOCABULARIES.iterdir()} - {"README.md"}
    assert {name for name, _ in named} == files
    for name, digest in named:
        assert hashlib.sha256((VOCABULARIES / name).read_bytes()).hexdigest() == digest
