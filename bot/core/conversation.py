"""A conversation: one actor per place, which takes its questions in order and answers each exactly once."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta

from bot.core import context
from bot.core.errors import ContextOverflow, Problem, Told, internal
from bot.core.model import (
    Answer,
    ChatRequest,
    Finish,
    Line,
    Outcome,
    Place,
    Reset,
    Role,
    TextDelta,
    Turn,
    TurnState,
)
from bot.core.ports import ChatModel, Clock, MemoryStore, Reply, TokenCounter, TurnStore
from bot.core.settings import ChatSettings, Settings

log = logging.getLogger(__name__)

# Questions that may wait in one channel. At some ten seconds an answer, the last one waits minutes.
QUEUE_LIMIT = 20

# How long a reset can be undone; after it, what was laid aside is deleted for good.
UNDO_TIME = timedelta(minutes=10)

# A provider's context error shrinks the prompt by this share each time, so that three more tries get
# from any sane miscount below the window.
_SHRINK = 0.7
_SHRINK_TRIES = 3


@dataclass(slots=True)
class _Actor:
    """What goes on in one conversation; exists only while something does."""

    waiting: deque[tuple[Turn, Reply]] = field(default_factory=deque[tuple[Turn, Reply]])
    task: asyncio.Task[None] | None = None
    generation: asyncio.Task[None] | None = None
    stopped: Problem | None = None
    # Held while a question enters memory, so that a reset comes wholly before or after it.
    entering: asyncio.Lock = field(default_factory=asyncio.Lock)

    def stop(self, why: Problem) -> None:
        """End the running answer; the provider's stream is closed, what was said so far stands."""
        self.stopped = why
        if self.generation is not None:
            self.generation.cancel()


class Conversations:
    """All conversations of this process.

    Conversations run beside each other; within one, a question is answered when those before it are.
    """

    def __init__(
        self,
        *,
        turns: TurnStore,
        memory: MemoryStore,
        settings: Settings,
        model: ChatModel,
        tokens: TokenCounter,
        clock: Clock,
        context_tokens: int,
        queue_limit: int = QUEUE_LIMIT,
    ) -> None:
        self._turns = turns
        self._memory = memory
        self._settings = settings
        self._model = model
        self._tokens = tokens
        self._clock = clock
        self._context_tokens = context_tokens
        self._queue_limit = queue_limit
        self._actors: dict[int, _Actor] = {}
        self._draining = False

    async def take(self, turn: Turn, reply: Reply) -> None:
        """Take `turn` on, once; its answer or the reason why there is none goes to `reply`.

        Returns when the turn waits for its place in the conversation, not when it is answered.
        A turn that was taken on before, by a replayed event, is left alone.
        """
        try:
            if not await self._turns.accept(turn):
                log.info("turn %s is known already", turn.id)
                return
        except Exception:  # noqa: BLE001
            # The outermost promise: nobody is left without a word.
            await self._bug(turn, reply, Answer())
            return
        refusal = reply.obstacle() or self._refusal(turn)
        if refusal is not None:
            await self._close(turn, reply, Answer(), TurnState.REFUSED, refusal)
            return
        actor = self._actors.setdefault(turn.place.channel_id, _Actor())
        actor.waiting.append((turn, reply))
        if actor.task is None:
            actor.task = asyncio.create_task(
                self._work(turn.place.channel_id, actor), name=f"conversation {turn.place.channel_id}"
            )

    async def reset(self, place: Place, *, by: int) -> Reset:
        """Lay the memory of `place` aside and stop a running answer, which does not come back into it."""
        actor = self._actors.get(place.channel_id)
        if actor is None:
            return await self._memory.reset(place.channel_id, by=by, at=self._clock())
        async with actor.entering:
            if actor.generation is not None:
                actor.stop(Problem.STOPPED_BY_RESET)
            return await self._memory.reset(place.channel_id, by=by, at=self._clock())

    async def undo(self, reset_id: int) -> None:
        """Bring back what a reset laid aside.

        Raises:
            Told: It is too late, or it was done already.
        """
        undone = await self._memory.undo(reset_id, since=self._clock() - UNDO_TIME)
        if undone is None:
            raise Told(Problem.UNDO_DONE)
        if not undone:
            raise Told(Problem.UNDO_EXPIRED, minutes=int(UNDO_TIME.total_seconds() // 60))

    async def forget_what_was_reset(self) -> None:
        """Delete for good what can no longer be brought back."""
        lines = await self._memory.purge(before=self._clock() - UNDO_TIME)
        if lines:
            log.info("%s lines of reset conversations were deleted", lines)

    async def drain(self, *, timeout_s: float) -> None:
        """Refuse new questions, finish what runs, and stop, with a word, what takes over `timeout_s`."""
        self._draining = True
        actors = list(self._actors.values())
        waiting = [(turn, reply) for actor in actors for turn, reply in actor.waiting]
        for actor in actors:
            actor.waiting.clear()
        for turn, reply in waiting:
            await self._close(turn, reply, Answer(), TurnState.REFUSED, Told(Problem.SHUTTING_DOWN))
        tasks = {actor.task for actor in actors if actor.task is not None}
        if not tasks:
            return
        _, running = await asyncio.wait(tasks, timeout=timeout_s)
        for actor in actors:
            if actor.task in running:
                actor.stop(Problem.SHUTTING_DOWN)
        if running:
            # What remains now waits for Discord or the database, not for the model.
            _, stuck = await asyncio.wait(running, timeout=timeout_s)
            for task in stuck:
                log.error("%s did not end in time", task.get_name())
                task.cancel()

    def _refusal(self, turn: Turn) -> Told | None:
        if not turn.text:
            return Told(Problem.EMPTY_QUESTION)
        if self._draining:
            return Told(Problem.SHUTTING_DOWN)
        actor = self._actors.get(turn.place.channel_id)
        if actor is not None and len(actor.waiting) >= self._queue_limit:
            return Told(Problem.QUEUE_FULL, limit=self._queue_limit)
        return None

    async def _work(self, channel_id: int, actor: _Actor) -> None:
        while actor.waiting:
            turn, reply = actor.waiting.popleft()
            await self._answer(turn, reply, actor)
        del self._actors[channel_id]

    async def _answer(self, turn: Turn, reply: Reply, actor: _Actor) -> None:
        """Answer `turn`; whatever happens, it ends in one of the four ways and people are told."""
        answer = Answer()
        reply.begin()
        try:
            settings = await self._settings.of(turn.place)
            question = await self._question(turn)
            async with actor.entering:
                earlier = await self._memory.recent(turn.place.channel_id, tokens=self._context_tokens)
                await self._turns.begin(turn, question)
                generation = asyncio.create_task(
                    self._generate(turn, [*earlier, question], settings, reply, answer)
                )
                actor.generation = generation
            if actor.stopped is not None:
                generation.cancel()
            await asyncio.wait({generation})
            state, told = _verdict(generation, actor.stopped, answer, settings)
            await self._keep(turn, answer)
            await self._close(turn, reply, answer, state, told)
        except Exception:  # noqa: BLE001
            # The outermost promise: a bug of ours is logged and told, and the next question is answered.
            await self._bug(turn, reply, answer)
        finally:
            actor.generation = actor.stopped = None

    async def _question(self, turn: Turn) -> Line:
        text = context.spoken(turn.author, turn.place, turn.text)
        return Line(role=Role.USER, text=text, tokens=await self._tokens.count(text), author=turn.author)

    async def _generate(
        self, turn: Turn, lines: Sequence[Line], settings: ChatSettings, reply: Reply, answer: Answer
    ) -> None:
        """Let the model answer into `answer` and `reply`; a prompt that proves too long is shortened."""
        model = answer.model = await self._model.resolve(settings.model)
        shrink = 1.0
        for attempt in range(_SHRINK_TRIES + 1):
            request = await self._request(turn, lines, settings, model, shrink)
            try:
                async with aclosing(self._model.stream(request)) as events:
                    async for event in events:
                        answer.take(event)
                        if isinstance(event, TextDelta):
                            reply.write(event.text)
                return
            except ContextOverflow:
                if answer.pieces or attempt == _SHRINK_TRIES:
                    raise
                log.info("turn %s: the prompt overflows %s, trying a shorter one", turn.id, model)
                shrink *= _SHRINK

    async def _request(
        self, turn: Turn, lines: Sequence[Line], settings: ChatSettings, model: str, shrink: float
    ) -> ChatRequest:
        system = context.system_text(settings.system_prompt, place=turn.place, addressee=turn.addressee)
        budget = context.Budget(
            window_tokens=int(self._model.window_tokens(model) * shrink),
            answer_tokens=settings.max_tokens,
            context_tokens=int(self._context_tokens * shrink),
            margin=self._tokens.margin(model),
        )
        prompt = context.fit(
            Line(role=Role.SYSTEM, text=system, tokens=await self._tokens.count(system)), lines, budget
        )
        return ChatRequest(
            messages=prompt.messages,
            model=model,
            max_tokens=prompt.max_tokens,
            temperature=settings.temperature,
        )

    async def _keep(self, turn: Turn, answer: Answer) -> None:
        """Store what was generated, so that it is accounted for even when delivery fails."""
        text = answer.text.strip()
        line = None
        if text:
            line = Line(role=Role.ASSISTANT, text=text, tokens=await self._tokens.count(text))
        await self._turns.answered(turn, answer, line=line)

    async def _close(
        self, turn: Turn, reply: Reply, answer: Answer, state: TurnState, told: Told | None
    ) -> None:
        """Show the end of the answer and write down what became of the turn."""
        try:
            pages = await reply.finish(answer.text, told=told)
        except Told as undelivered:
            log.warning("turn %s was not delivered: %s", turn.id, undelivered.problem)
            state, told, pages = TurnState.FAILED, undelivered, ()
        problem = None if told is None else told.problem
        await self._turns.end(turn, Outcome(state=state, problem=problem, pages=pages))
        log.info(
            "turn %s in channel %s: %s%s",
            turn.id,
            turn.place.channel_id,
            state,
            f" ({problem})" if problem else "",
        )

    async def _bug(self, turn: Turn, reply: Reply, answer: Answer) -> None:
        told = internal()
        log.exception("turn %s failed; reference %s", turn.id, told.params["reference"])
        try:
            await self._close(turn, reply, answer, TurnState.FAILED, told)
        except Exception:
            log.exception("turn %s could not be closed; reference %s", turn.id, told.params["reference"])


def _verdict(
    generation: "asyncio.Task[None]", stopped: Problem | None, answer: Answer, settings: ChatSettings
) -> tuple[TurnState, Told | None]:
    """What became of a turn whose generation is over, and what people are told of it.

    Raises:
        Exception: The generation met a bug.
    """
    if generation.cancelled():
        return TurnState.STOPPED, Told(stopped or Problem.SHUTTING_DOWN)
    error = generation.exception()
    if isinstance(error, Told):
        return (TurnState.REFUSED if error.problem in _REFUSALS else TurnState.FAILED), error
    if error is not None:
        raise error
    said = bool(answer.text.strip())
    match answer.finish:
        case Finish.LENGTH if said:
            return TurnState.DELIVERED, Told(Problem.CUT_AT_MAX_TOKENS, max_tokens=settings.max_tokens)
        case Finish.LENGTH:
            return TurnState.FAILED, Told(Problem.ONLY_THOUGHT, max_tokens=settings.max_tokens)
        case Finish.FILTER:
            return TurnState.REFUSED, Told(Problem.CUT_BY_FILTER if said else Problem.FILTERED)
        case _ if said:
            return TurnState.DELIVERED, None
        case _:
            return TurnState.FAILED, Told(Problem.EMPTY_ANSWER)


_REFUSALS = frozenset({Problem.FILTERED, Problem.TOO_LONG})
