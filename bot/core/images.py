"""Pictures: the same shape as a conversation's turn, but nothing waits for anything else."""

import asyncio
import logging

from bot.core.errors import Problem, Told, internal
from bot.core.model import Outcome, PictureRequest, Turn, TurnState
from bot.core.ports import ImageModel, PictureReply, TurnStore

log = logging.getLogger(__name__)

_REFUSALS = frozenset({Problem.IMAGE_FILTERED, Problem.IMAGES_UNSET, Problem.NO_ATTACH})


class Images:
    """What is being painted in this process."""

    def __init__(self, *, turns: TurnStore, model: ImageModel) -> None:
        self._turns = turns
        self._model = model
        self._painting: set[asyncio.Task[None]] = set()
        self._draining = False

    async def take(
        self, turn: Turn, request: PictureRequest, reply: PictureReply, *, message_id: int | None
    ) -> None:
        """Paint `request`, once; the picture or the reason why there is none goes to `reply`.

        `message_id` is the message that shows it, where that is known already. Returns when the turn
        has its end.
        """
        task = asyncio.create_task(self._take(turn, request, reply, message_id), name=f"picture {turn.id}")
        self._painting.add(task)
        task.add_done_callback(self._painting.discard)
        # Whoever waits for us may go away; the picture is paid for and is shown all the same.
        await asyncio.shield(task)

    async def drain(self, *, timeout_s: float) -> None:
        """Refuse new pictures, finish what is being painted, and stop, with a word, what takes longer."""
        self._draining = True
        if not self._painting:
            return
        _, late = await asyncio.wait(self._painting, timeout=timeout_s)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=timeout_s)

    async def _take(
        self, turn: Turn, request: PictureRequest, reply: PictureReply, message_id: int | None
    ) -> None:
        try:
            if not await self._turns.accept(turn):
                log.info("turn %s is known already", turn.id)
                return
            await self._turns.begin(turn, None)
            if message_id is not None:
                await self._turns.posted(turn, 0, message_id)
            if self._draining:
                raise Told(Problem.SHUTTING_DOWN)
            if (obstacle := reply.obstacle()) is not None:
                raise obstacle
            picture = await self._model.paint(request)
            await reply.show(picture, prompt=request.prompt)
            await self._turns.end(turn, Outcome(state=TurnState.DELIVERED))
        except asyncio.CancelledError:
            told = Told(Problem.SHUTTING_DOWN)
            await self._close(turn, reply, Outcome(state=TurnState.STOPPED, told=told))
        except Told as told:
            state = TurnState.REFUSED if told.problem in _REFUSALS else TurnState.FAILED
            await self._close(turn, reply, Outcome(state=state, told=told))
        except Exception:
            # The outermost promise: a bug of ours is logged and told.
            told = internal()
            log.exception("turn %s failed; reference %s", turn.id, told.params["reference"])
            await self._close(turn, reply, Outcome(state=TurnState.FAILED, told=told))

    async def _close(self, turn: Turn, reply: PictureReply, outcome: Outcome) -> None:
        assert outcome.told is not None, "a picture that is not shown has a reason"
        log.info("turn %s: %s (%s)", turn.id, outcome.state, outcome.told.problem)
        try:
            await reply.tell(outcome.told)
        except Told as undelivered:
            log.warning("turn %s was not delivered: %s", turn.id, undelivered.problem)
            outcome = Outcome(state=TurnState.FAILED, told=undelivered)
        except Exception:
            log.exception("turn %s could not be told", turn.id)
        try:
            await self._turns.end(turn, outcome)
        except Exception:
            log.exception("turn %s could not be closed", turn.id)
