"""What the process costs: until it is there, and the memory that it holds while it works."""

import asyncio
import statistics
import tempfile
from pathlib import Path

from bench.figures import Figure
from bench.watched import BARE, OURS, Departures, Watched, watched

STARTS = 5
SOME_TURNS, ALL_TURNS = 200, 1000
# SQLite fills its page cache (2 MB) as the database grows, and Python's allocator takes memory by the MiB.
MOST_GROWTH_MB = 3.0
# The work after an answer, and what the allocators give back, is over by then.
SETTLE_S = 0.5


async def measure(folder: Path) -> list[Figure]:
    """Starts with a new database and with a used one, in turn with the bare bot's; then memory."""
    departures = Departures()
    with departures.noted():
        figures = await _starts(folder, departures)
        memory = {name: await _memory(name, folder, departures) for name in (BARE, OURS)}
    marks = ("when ready", f"after {SOME_TURNS} turns", f"after {ALL_TURNS:,} turns")
    for number, mark in enumerate(marks):
        figures.append(
            Figure(name=f"RSS {mark}", unit="MB", ours=memory[OURS][number], bare=memory[BARE][number])
        )
    grown = {name: values[-1] - values[-2] for name, values in memory.items()}
    figures.append(
        Figure(
            name=f"RSS growth from {SOME_TURNS} to {ALL_TURNS:,} turns",
            unit="MB",
            ours=grown[OURS],
            bare=grown[BARE],
            most=MOST_GROWTH_MB,
        )
    )
    return figures


async def _starts(folder: Path, departures: Departures) -> list[Figure]:
    figures: list[Figure] = []
    for database in ("new database", "restart"):
        starts: dict[str, list[Watched]] = {BARE: [], OURS: []}
        for _ in range(STARTS):
            for name, done in starts.items():
                with tempfile.TemporaryDirectory(dir=folder) as new:
                    place = Path(new) if database == "new database" else folder
                    async with watched(name, place, departures) as bot:
                        done.append(bot)
        for what, attribute in (("READY", "ready_s"), ("first answer", "answered_s")):
            ours, bare = (
                statistics.median(getattr(bot, attribute) for bot in starts[name]) for name in (OURS, BARE)
            )
            figures.append(Figure(name=f"start to {what}, {database}", unit="s", ours=ours, bare=bare))
    return figures


async def _memory(name: str, folder: Path, departures: Departures) -> list[float]:
    """MB when ready, after some turns and after all."""
    async with watched(name, folder, departures) as bot:
        await asyncio.sleep(SETTLE_S)
        held = [bot.rss_mb()]
        for turns in (SOME_TURNS, ALL_TURNS - SOME_TURNS):
            for _ in range(turns):
                await bot.turn()
            await asyncio.sleep(SETTLE_S)
            held.append(bot.rss_mb())
    return held
