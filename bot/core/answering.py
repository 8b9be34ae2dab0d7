"""One turn, from its question to its end: the prompt, the model, what was said, and what people are told."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import aclosing

from bot.core import context
from bot.core.errors import ContextOverflow, NotNow, Problem, Told, internal
from bot.core.model import (
    Answer,
    ChatRequest,
    Finish,
    Line,
    Outcome,
    Role,
    TextDelta,
    Turn,
    TurnState,
)
from bot.core.ports import ChatModel, Reply, TokenCounter, TurnStore
from bot.core.recall import Recall
from bot.core.settings import ChatSettings, Settings

log = logging.getLogger(__name__)

# A provider's context error shrinks the prompt by this share each time, so that three more tries get
# from any sane miscount below the window.
_SHRINK = 0.7
_SHRINK_TRIES = 3

# What the quickest model takes from a request to its first word: until then, both have the loop for
# themselves. Should we die meanwhile, the turn is accepted, and the next start answers it.
_REQUEST_S = 0.02

# System prompts whose tokens are not counted again.
_SYSTEM_LINES = 100


class Attempt:
    """One attempt to answer a turn, which can be stopped at any moment."""

    def __init__(self, turn: Turn, reply: Reply) -> None:
        self.turn = turn
        self.reply = reply
        self.answer = Answer()
        # Held while the question enters memory, so that a reset comes wholly before or after it.
        self.entering = asyncio.Lock()
        self.abandoned = False
        self._stopped: Problem | None = None
        self._generation: asyncio.Task[None] | None = None

    @property
    def began(self) -> bool:
        """Whether the question is in memory."""
        return self._generation is not None

    def stop(self, why: Problem) -> None:
        """End the answer; the provider's stream is closed, what was said so far stands."""
        self._stopped = self._stopped or why
        if self._generation is not None:
            self._generation.cancel()

    def abandon(self) -> None:
        """End the answer and leave the turn open, to be answered anew after a restart."""
        self.abandoned = True
        self.stop(Problem.SHUTTING_DOWN)

    def generate(self, generation: "asyncio.Task[None]") -> None:
        """From here on, `generation` is what `stop` ends."""
        self._generation = generation
        if self._stopped is not None:
            generation.cancel()

    async def outcome(self, settings: ChatSettings) -> Outcome:
        """Wait for the generation's end; what became of the turn, and what people are told of it.

        Raises:
            Exception: The generation met a bug.
        """
        assert self._generation is not None, "generate comes before outcome"
        await asyncio.wait({self._generation})
        if self._generation.cancelled():
            return Outcome(state=TurnState.STOPPED, told=Told(self._stopped or Problem.SHUTTING_DOWN))
        error = self._generation.exception()
        if isinstance(error, Told):
            refused = error.problem in _REFUSALS
            return Outcome(state=TurnState.REFUSED if refused else TurnState.FAILED, told=error)
        if error is not None:
            raise error
        return _verdict(self.answer, settings)


class Answering:
    """How turns are answered, one at a time; who is next is the conversation's to say."""

    def __init__(
        self,
        *,
        turns: TurnStore,
        recall: Recall,
        settings: Settings,
        model: ChatModel,
        tokens: TokenCounter,
        context_tokens: int,
    ) -> None:
        self._turns = turns
        self._recall = recall
        self._settings = settings
        self._model = model
        self._tokens = tokens
        self._context_tokens = context_tokens
        self._system_lines: dict[str, Line] = {}

    async def answer(self, attempt: Attempt) -> None:
        """Answer; whatever happens, the turn ends in one of the four ways and people are told."""
        turn, reply, answer = attempt.turn, attempt.reply, attempt.answer
        channel_id = turn.place.channel_id
        reply.begin()
        try:
            settings = await self._settings.of(turn.place)
            question = await self._question(turn)
            async with attempt.entering:
                earlier = await self._recall.recent(channel_id, besides=turn.id)
                # The model is asked first, and while it thinks the question is written down.
                attempt.generate(asyncio.create_task(self._generate(attempt, [*earlier, question], settings)))
                await asyncio.sleep(_REQUEST_S)
                await self._turns.begin(turn, question)
            outcome = await attempt.outcome(settings)
            if attempt.abandoned and outcome.state is TurnState.STOPPED:
                self._recall.drop(channel_id)
                await reply.abandon()
                log.info("turn %s is left for after the restart", turn.id)
                return
            said = await self._keep(turn, answer, outcome)
            if said or outcome.state is not TurnState.REFUSED:
                self._recall.add(channel_id, earlier, [question, *said])
            await self._close(turn, reply, outcome, text=answer.text)
        except NotNow:
            self._recall.drop(channel_id)
            log.info("turn %s is left for after the restart", turn.id)
        except Exception:  # noqa: BLE001
            # The outermost promise: a bug of ours is logged and told, and the next question is answered.
            self._recall.drop(channel_id)
            attempt.stop(Problem.INTERNAL)
            await self.bug(turn, reply, text=answer.text)

    async def end(self, turn: Turn, reply: Reply, outcome: Outcome, *, text: str = "") -> None:
        """Show the end of a turn of which no more is to be generated; whatever happens, people are told."""
        try:
            await self._close(turn, reply, outcome, text=text)
        except NotNow:
            log.info("turn %s is left for after the restart", turn.id)
        except Exception:  # noqa: BLE001
            # The outermost promise, as above.
            await self.bug(turn, reply, text=text)

    async def _close(self, turn: Turn, reply: Reply, outcome: Outcome, *, text: str = "") -> None:
        """Show the end of the answer and write down what became of the turn."""
        try:
            await reply.finish(text, outcome)
        except Told as undelivered:
            log.warning("turn %s was not delivered: %s", turn.id, undelivered.problem)
            outcome = Outcome(state=TurnState.FAILED, told=undelivered)
        await self._turns.end(turn, outcome)
        why = f" ({outcome.told.problem})" if outcome.told else ""
        log.info("turn %s in channel %s: %s%s", turn.id, turn.place.channel_id, outcome.state, why)

    async def bug(self, turn: Turn, reply: Reply, *, text: str = "") -> None:
        """Close a turn that met a bug of ours, which is being handled: log it, and tell its reference."""
        told = internal()
        log.exception("turn %s failed; reference %s", turn.id, told.params["reference"])
        outcome = Outcome(state=TurnState.FAILED, told=told)
        # If the text is what cannot be shown, the reference still can.
        for shown in dict.fromkeys((text, "")):
            try:
                await reply.finish(shown, outcome)
                break
            except Told as undelivered:
                log.warning("turn %s was not delivered: %s", turn.id, undelivered.problem)
                break
            except NotNow:
                log.info("turn %s is left for after the restart", turn.id)
                return
            except Exception:
                log.exception("turn %s could not be told; reference %s", turn.id, told.params["reference"])
        await self._turns.end(turn, outcome)

    async def _question(self, turn: Turn) -> Line:
        text = context.spoken(turn.author, turn.place, turn.text)
        return Line(role=Role.USER, text=text, tokens=await self._tokens.count(text), author=turn.author)

    async def _generate(self, attempt: Attempt, lines: Sequence[Line], settings: ChatSettings) -> None:
        """Let the model answer; a prompt that proves too long is shortened."""
        turn, answer = attempt.turn, attempt.answer
        model = answer.model = await self._model.resolve(settings.model)
        shrink = 1.0
        for tries in range(_SHRINK_TRIES + 1):
            request = await self._request(turn, lines, settings, model, shrink)
            try:
                async with aclosing(self._model.stream(request)) as events:
                    async for event in events:
                        answer.take(event)
                        if isinstance(event, TextDelta):
                            attempt.reply.write(event.text)
                return
            except ContextOverflow:
                if answer.pieces or tries == _SHRINK_TRIES:
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
        prompt = context.fit(await self._system_line(system), lines, budget)
        return ChatRequest(
            messages=prompt.messages,
            model=model,
            max_tokens=prompt.max_tokens,
            temperature=settings.temperature,
        )

    async def _system_line(self, text: str) -> Line:
        # Nearly every question of this process has one of a few system prompts.
        if text not in self._system_lines:
            if len(self._system_lines) >= _SYSTEM_LINES:
                self._system_lines.clear()
            tokens = await self._tokens.count(text)
            self._system_lines[text] = Line(role=Role.SYSTEM, text=text, tokens=tokens)
        return self._system_lines[text]

    async def _keep(self, turn: Turn, answer: Answer, outcome: Outcome) -> list[Line]:
        """Store what was generated, accounted for even when delivery fails; its line, if there is one."""
        text = answer.text.strip()
        lines: list[Line] = []
        if text:
            lines.append(Line(role=Role.ASSISTANT, text=text, tokens=await self._tokens.count(text)))
        await self._turns.answered(turn, answer, line=lines[0] if lines else None, outcome=outcome)
        return lines


def _verdict(answer: Answer, settings: ChatSettings) -> Outcome:
    """What became of a turn whose generation came to its own end."""
    said = bool(answer.text.strip())
    match answer.finish:
        case Finish.LENGTH if said:
            told = Told(Problem.CUT_AT_MAX_TOKENS, max_tokens=settings.max_tokens)
            return Outcome(state=TurnState.DELIVERED, told=told)
        case Finish.LENGTH:
            told = Told(Problem.ONLY_THOUGHT, max_tokens=settings.max_tokens)
            return Outcome(state=TurnState.FAILED, told=told)
        case Finish.FILTER:
            told = Told(Problem.CUT_BY_FILTER if said else Problem.FILTERED)
            return Outcome(state=TurnState.REFUSED, told=told)
        case _ if said:
            return Outcome(state=TurnState.DELIVERED)
        case _:
            return Outcome(state=TurnState.FAILED, told=Told(Problem.EMPTY_ANSWER))


_REFUSALS = frozenset({Problem.FILTERED, Problem.TOO_LONG})
