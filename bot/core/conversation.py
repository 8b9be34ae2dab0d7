"""A conversation: one actor per place, which takes its questions in order and answers each exactly once."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from weakref import WeakValueDictionary

from bot.core.answering import Answering, Attempt
from bot.core.errors import Problem, Told
from bot.core.model import OpenTurn, Outcome, Place, Reset, Turn, TurnKind, TurnState
from bot.core.ports import Clock, Reply, TurnStore
from bot.core.recall import Recall

log = logging.getLogger(__name__)

# Questions that may wait in one channel. At some ten seconds an answer, the last one waits minutes.
QUEUE_LIMIT = 20

# How long a reset can be undone; after it, what was laid aside is deleted for good.
UNDO_TIME = timedelta(minutes=10)

# A question older than this is not answered unasked after a restart: the talk has moved on.
STALE_TIME = timedelta(minutes=15)

# Where a turn of before a restart is to be answered: None if that place is gone.
FindReply = Callable[[OpenTurn], Awaitable[Reply | None]]

_Job = Callable[["_Actor"], Awaitable[None]]


@dataclass(slots=True)
class _Actor:
    """What goes on in one conversation; exists only while something does."""

    waiting: deque[_Job] = field(default_factory=deque[_Job])
    task: asyncio.Task[None] | None = None
    attempt: Attempt | None = None


class Conversations:
    """All conversations of this process.

    Conversations run beside each other; within one, a question is answered when those before it are.
    """

    def __init__(
        self,
        *,
        turns: TurnStore,
        recall: Recall,
        answering: Answering,
        clock: Clock,
        queue_limit: int = QUEUE_LIMIT,
    ) -> None:
        self._turns = turns
        self._recall = recall
        self._answering = answering
        self._clock = clock
        self._queue_limit = queue_limit
        self._actors: dict[int, _Actor] = {}
        self._doors: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._taking: set[asyncio.Task[Any]] = set()
        self._draining = False

    async def take(self, turn: Turn, reply: Reply) -> None:
        """Take `turn` on, once; its answer or the reason why there is none goes to `reply`.

        Returns when the turn waits for its place in the conversation, not when it is answered.
        A turn that was taken on before, by a replayed event, is left alone.
        """
        task = asyncio.current_task()
        assert task is not None, "take is a coroutine"
        self._taking.add(task)
        try:
            # Accepting takes a while, and questions are answered in the order in which they came.
            async with self._doors.setdefault(turn.place.channel_id, asyncio.Lock()):
                await self._admit(turn, reply)
        except Exception:  # noqa: BLE001
            # The outermost promise: nobody is left without a word.
            await self._answering.bug(turn, reply)
        finally:
            self._taking.discard(task)

    async def _admit(self, turn: Turn, reply: Reply) -> None:
        if not await self._turns.accept(turn):
            log.info("turn %s is known already", turn.id)
            return
        refusal = reply.obstacle() or self._refusal(turn)
        if refusal is None:
            self._enqueue(turn, reply)
        else:
            await self._refuse(turn, reply, refusal)

    async def finish(self, found: Sequence[OpenTurn], find_reply: FindReply) -> None:
        """Bring turns of before a restart to their end, each once.

        What was answered is shown; what was not is answered anew, in the same message, or, if it is
        too old for that, closed with the offer of another try.
        """
        for open_turn in found:
            try:
                await self._finish(open_turn, find_reply)
            except Exception:
                # One that cannot be finished now must not keep the others from it; the next start sees it.
                log.exception("turn %s is not finished yet", open_turn.turn.id)

    async def _finish(self, open_turn: OpenTurn, find_reply: FindReply) -> None:
        reply = await find_reply(open_turn)
        if reply is None:
            await self._turns.end(open_turn.turn, _interrupted())
            log.info("turn %s has no place any more", open_turn.turn.id)
        elif open_turn.outcome is not None:
            self._put_end(open_turn, reply, open_turn.outcome)
        elif open_turn.turn.kind is TurnKind.IMAGE or not open_turn.turn.text or self._stale(open_turn):
            self._put_end(open_turn, reply, _interrupted())
        else:
            self._enqueue(open_turn.turn, reply)

    async def retry(self, turn_id: int, find_reply: FindReply) -> None:
        """Answer a failed turn anew, in the same message.

        Raises:
            Told: It has not failed, is being answered already, or its question is forgotten.
        """
        open_turn = await self._turns.reopen(turn_id)
        reply = None if open_turn is None else await find_reply(open_turn)
        if open_turn is None or reply is None:
            raise Told(Problem.NO_RETRY)
        self._recall.drop(open_turn.turn.place.channel_id)
        self._enqueue(open_turn.turn, reply)

    async def reset(self, place: Place, *, by: int) -> Reset:
        """Lay the memory of `place` aside and stop a running answer, which does not come back into it."""
        actor = self._actors.get(place.channel_id)
        attempt = actor.attempt if actor is not None else None
        if attempt is None:
            return await self._recall.reset(place.channel_id, by=by, at=self._clock())
        async with attempt.entering:
            if attempt.began:
                attempt.stop(Problem.STOPPED_BY_RESET)
            return await self._recall.reset(place.channel_id, by=by, at=self._clock())

    async def undo(self, reset_id: int) -> None:
        """Bring back what a reset laid aside.

        Raises:
            Told: It is too late, or it was done already.
        """
        undone = await self._recall.undo(reset_id, since=self._clock() - UNDO_TIME)
        if undone is None:
            raise Told(Problem.UNDO_DONE)
        if not undone:
            raise Told(Problem.UNDO_EXPIRED, minutes=int(UNDO_TIME.total_seconds() // 60))

    async def forget_what_was_reset(self) -> None:
        """Delete for good what can no longer be brought back."""
        lines = await self._recall.purge(before=self._clock() - UNDO_TIME)
        if lines:
            log.info("%s lines of reset conversations were deleted", lines)

    async def drain(self, *, timeout_s: float) -> None:
        """Let running answers end; what takes over `timeout_s`, and what waits, is left for the next start.

        Such turns stay open in the ledger, and `finish` brings them to their end.
        """
        self._draining = True
        running = self._tasks()
        if running:
            _, running = await asyncio.wait(running, timeout=timeout_s)
        for actor in self._actors.values():
            if actor.attempt is not None:
                actor.attempt.abandon()
        if running:
            # What remains now waits for Discord or the database, not for the model.
            _, running = await asyncio.wait(running, timeout=timeout_s)
        for task in running:
            log.error("%s did not end in time", task.get_name())
            task.cancel()
        if running:
            await asyncio.wait(running)

    def _tasks(self) -> set[asyncio.Task[Any]]:
        actors = {actor.task for actor in self._actors.values() if actor.task is not None}
        return actors | self._taking

    def _refusal(self, turn: Turn) -> Told | None:
        if not turn.text:
            return Told(Problem.EMPTY_QUESTION)
        actor = self._actors.get(turn.place.channel_id)
        if actor is not None and len(actor.waiting) >= self._queue_limit:
            return Told(Problem.QUEUE_FULL, limit=self._queue_limit)
        return None

    async def _refuse(self, turn: Turn, reply: Reply, why: Told) -> None:
        await self._answering.end(turn, reply, Outcome(state=TurnState.REFUSED, told=why))

    def _stale(self, open_turn: OpenTurn) -> bool:
        return self._clock() - open_turn.asked_at > STALE_TIME

    def _enqueue(self, turn: Turn, reply: Reply) -> None:
        self._put(turn, lambda actor: self._answer(turn, reply, actor))

    def _put_end(self, found: OpenTurn, reply: Reply, outcome: Outcome) -> None:
        self._put(found.turn, lambda _: self._answering.end(found.turn, reply, outcome, text=found.text))

    def _put(self, turn: Turn, job: _Job) -> None:
        channel_id = turn.place.channel_id
        actor = self._actors.setdefault(channel_id, _Actor())
        actor.waiting.append(job)
        if actor.task is None:
            actor.task = asyncio.create_task(self._work(channel_id, actor), name=f"conversation {channel_id}")

    async def _work(self, channel_id: int, actor: _Actor) -> None:
        while actor.waiting:
            try:
                await actor.waiting.popleft()(actor)
            except Exception:
                # The ledger could not be written: the next start finds the turn, and others go on here.
                log.exception("a turn in channel %s has no end yet", channel_id)
        del self._actors[channel_id]

    async def _answer(self, turn: Turn, reply: Reply, actor: _Actor) -> None:
        if self._draining:
            log.info("turn %s is left for after the restart", turn.id)
            return
        actor.attempt = Attempt(turn, reply)
        try:
            await self._answering.answer(actor.attempt)
        finally:
            actor.attempt = None


def _interrupted() -> Outcome:
    return Outcome(state=TurnState.FAILED, told=Told(Problem.INTERRUPTED))
