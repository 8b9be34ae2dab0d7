"""Context windows: who is believed."""

import pytest

from bot.llm.models import Windows
from bot.llm.providers import Provider, Providers, Secret
from bot.llm.quirks import Quirks
from tests.llm.conftest import Lessons

OPENAI = Provider(name="openai", base_url="https://api.openai.com/v1", api_key=Secret("x"))
LOCAL = Provider(name="local", base_url="http://127.0.0.1:8080/v1")


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("openai/gpt-4o", 32_000),  # configured, although published and learned
        ("gpt-4", 6_000),  # learned, although published
        ("openai/gpt-4o-mini", 128_000),  # published
        ("local/gpt-4o-mini", 8_192),  # a name says nothing about a server of one's own
        ("openai/unheard-of", 8_192),
    ],
)
async def test_the_nearest_source_is_believed(model: str, tokens: int) -> None:
    lessons = [("openai", "gpt-4", "context_window", 6_000), ("openai", "gpt-4o", "context_window", 1_000)]
    async with Providers([OPENAI, LOCAL]) as providers:
        quirks = await Quirks.load(Lessons([*lessons]))
        windows = await Windows.load(providers, quirks=quirks, configured={"gpt-4o": 32_000})
        assert windows.tokens(model) == tokens
        assert windows.tokens(model) == tokens


async def test_a_lesson_counts_from_when_it_is_learned() -> None:
    async with Providers([LOCAL]) as providers:
        quirks = await Quirks.load(Lessons())
        windows = await Windows.load(providers, quirks=quirks)
        assert windows.tokens("m") == 8_192
        await quirks.learn("local", "m", "context_window", 2_048)
        assert windows.tokens("local/m") == 2_048
