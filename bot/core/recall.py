"""What a busy conversation remembers, at hand, so that its next question need not wait for the database."""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime

from bot.core.model import Line, Reset
from bot.core.ports import MemoryStore

# Conversations of the last minutes, not of the last week: some ten kilobytes each.
_AT_HAND = 200


class Recall:
    """The memory of conversations: the store's, and at hand the newest lines of the busiest few.

    A conversation belongs to one process, which takes its questions one after the other, so that what
    is added here is all that is added.
    """

    def __init__(self, store: MemoryStore, *, tokens: int) -> None:
        """`tokens` is how much of a conversation is recalled."""
        self._store = store
        self._tokens = tokens
        self._at_hand: OrderedDict[int, list[Line]] = OrderedDict()

    async def recent(self, channel_id: int, *, besides: int) -> list[Line]:
        """The newest lines, oldest first, without those of the turn `besides`; to be given to `add`."""
        lines = self._at_hand.get(channel_id)
        if lines is None:
            lines = await self._store.recent(channel_id, tokens=self._tokens, besides=besides)
            self._at_hand[channel_id] = lines
            if len(self._at_hand) > _AT_HAND:
                self._at_hand.popitem(last=False)
        self._at_hand.move_to_end(channel_id)
        return lines

    def add(self, channel_id: int, lines: list[Line], new: Sequence[Line]) -> None:
        """`new` was said after `lines`; of no effect if the memory has changed otherwise since."""
        if self._at_hand.get(channel_id) is not lines:
            return
        lines.extend(new)
        total = sum(line.tokens for line in lines)
        while len(lines) > 1 and total > self._tokens:
            total -= lines.pop(0).tokens

    def drop(self, channel_id: int | None = None) -> None:
        """The memory of that conversation, or of any, has changed otherwise than by new lines."""
        if channel_id is None:
            self._at_hand.clear()
        else:
            self._at_hand.pop(channel_id, None)

    async def reset(self, channel_id: int, *, by: int, at: datetime) -> Reset:
        """As `MemoryStore.reset`."""
        reset = await self._store.reset(channel_id, by=by, at=at)
        self.drop(channel_id)
        return reset

    async def undo(self, reset_id: int, *, since: datetime) -> bool | None:
        """As `MemoryStore.undo`."""
        undone = await self._store.undo(reset_id, since=since)
        self.drop()
        return undone

    async def purge(self, *, before: datetime) -> int:
        """As `MemoryStore.purge`; what is purged was laid aside, and is not at hand."""
        return await self._store.purge(before=before)
