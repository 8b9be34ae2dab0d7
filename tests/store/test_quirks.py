"""What was learned about models outlasts the process."""

from bot.store.database import Database
from bot.store.quirks import Quirks


async def test_lessons_are_kept_per_provider_and_model(url: str):
    async with Database.open(url) as database:
        quirks = Quirks(database)
        assert await quirks.all() == []
        await quirks.learn("openai", "o9", "max_tokens", "max_completion_tokens")
        await quirks.learn("openai", "o9", "temperature", False)
        await quirks.learn("local", "o9", "context_window", 8192)
        await quirks.learn("local", "a", "x", None)
    async with Database.open(url) as database:
        assert await Quirks(database).all() == [
            ("local", "a", "x", None),
            ("local", "o9", "context_window", 8192),
            ("openai", "o9", "max_tokens", "max_completion_tokens"),
            ("openai", "o9", "temperature", False),
        ]


async def test_a_newer_lesson_goes_over_the_older(database: Database):
    quirks = Quirks(database)
    await quirks.learn("openai", "o9", "context_window", 8192)
    await quirks.learn("openai", "o9", "context_window", 4096.5)
    assert await quirks.all() == [("openai", "o9", "context_window", 4096.5)]
