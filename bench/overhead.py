"""What a turn costs before the model begins, and until people see its first words."""

import asyncio
import statistics
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from bench.figures import Figure
from bench.watched import BARE, OURS, Departures, Turn, Watched, watched

TURNS, WARM_UP = 200, 20
MOST_RATIO = 1.5
# People do not ask the moment an answer is there; in this time a bot finishes what it does after one.
PAUSE_S = 0.03


async def measure(folder: Path) -> list[Figure]:
    """Both bots run at once and are asked in turn, so that whatever else the machine does hits both."""
    departures = Departures()
    async with AsyncExitStack() as stack:
        stack.enter_context(departures.noted())
        bots = [await stack.enter_async_context(watched(name, folder, departures)) for name in (BARE, OURS)]
        await _turns(bots, WARM_UP)
        turns = await _turns(bots, TURNS)
    return [
        *_figures("MESSAGE_CREATE to chat request", turns, "to_request_ms"),
        *_figures("MESSAGE_CREATE to first visible text", turns, "to_text_ms"),
        # The bare bot has no memory; ours sends its own along and pays for it in the figures above.
        Figure(
            name="messages in a chat request, median",
            unit="",
            ours=statistics.median(turn.messages for turn in turns[OURS]),
            bare=statistics.median(turn.messages for turn in turns[BARE]),
        ),
    ]


async def _turns(bots: Sequence[Watched], number: int) -> dict[str, list[Turn]]:
    turns: dict[str, list[Turn]] = {bot.name: [] for bot in bots}
    for round_ in range(number):
        # Each goes first in every other round.
        for bot in bots[:: -1 if round_ % 2 else 1]:
            turns[bot.name].append(await bot.turn())
            await asyncio.sleep(PAUSE_S)
    return turns


def _figures(name: str, turns: dict[str, list[Turn]], attribute: str) -> list[Figure]:
    ours, bare = ([getattr(turn, attribute) for turn in turns[bot]] for bot in (OURS, BARE))
    return [
        Figure(
            name=f"{name}, median",
            unit="ms",
            ours=statistics.median(ours),
            bare=statistics.median(bare),
            most_ratio=MOST_RATIO,
        ),
        Figure(name=f"{name}, p95", unit="ms", ours=_p95(ours), bare=_p95(bare)),
    ]


def _p95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]
