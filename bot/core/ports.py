"""What the core needs from outside. Each port is owned by those in the core who ask it."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from bot.core.errors import Told
from bot.core.model import (
    Answer,
    ChatRequest,
    Event,
    Line,
    OpenTurn,
    Outcome,
    Picture,
    PictureRequest,
    Reset,
    Turn,
)


class TurnStore(Protocol):
    """The ledger of turns; every method is one transaction."""

    async def accept(self, turn: Turn) -> bool:
        """Write `turn` down as accepted; False, and nothing written, if it already was."""
        ...

    async def begin(self, turn: Turn, line: Line | None) -> None:
        """Mark `turn` as running and add its question, if `line` says one, to the conversation's memory.

        A question that is there already, from an attempt that was broken off, is not added again.
        """
        ...

    async def posted(self, turn: Turn, number: int, message_id: int) -> None:
        """Page `number` of the answer is the Discord message `message_id`."""
        ...

    async def answered(self, turn: Turn, answer: Answer, *, line: Line | None, outcome: Outcome) -> None:
        """Keep what was generated and its usage, what is to become of it, and `line` as memory.

        `line` is None when there is no text. If the memory was reset since `begin`, it joins what was
        laid aside.
        """
        ...

    async def end(self, turn: Turn, outcome: Outcome) -> None:
        """Close `turn`; a question that was refused, and not answered in part, is no memory."""
        ...

    async def unfinished(self) -> list[OpenTurn]:
        """All turns without an end, in the order in which they were asked."""
        ...

    async def asker(self, turn_id: int) -> int | None:
        """Who asked; None if there is no such turn."""
        ...

    async def reopen(self, turn_id: int) -> OpenTurn | None:
        """Let a failed turn be answered anew: it is accepted again, and its broken answer is no memory.

        None if it has not failed, is being answered already, or what was asked is forgotten.
        """
        ...


class MemoryStore(Protocol):
    """What each conversation remembers; every method is one transaction."""

    async def recent(self, channel_id: int, *, tokens: int, besides: int | None = None) -> list[Line]:
        """The newest lines, oldest first, as many as fit `tokens` by their stored counts, and one at least.

        Those of the turn `besides` are left out.
        """
        ...

    async def reset(self, channel_id: int, *, by: int, at: datetime) -> Reset:
        """Lay the whole memory aside, running turns included."""
        ...

    async def undo(self, reset_id: int, *, since: datetime) -> bool | None:
        """Bring a reset's lines back: True if done, None if it was already undone.

        False if it is older than `since` or unknown.
        """
        ...

    async def purge(self, *, before: datetime) -> int:
        """Delete for good what was laid aside before that time; how many lines that were."""
        ...


class SettingStore(Protocol):
    """Settings by scope: a layer's name and the Discord id of a channel or server."""

    async def get(
        self, scopes: Sequence[tuple[str, int]]
    ) -> Mapping[tuple[str, int], Mapping[str, str | int | float]]:
        """The values of each scope that has any, by name."""
        ...

    async def put(self, layer: str, scope_id: int, values: Mapping[str, str | int | float]) -> None:
        """Keep all `values`, over those of the same names."""
        ...

    async def remove(self, layer: str, scope_id: int, name: str | None) -> None:
        """Forget one value, or all of the scope where `name` is None."""
        ...


class FingerprintStore(Protocol):
    """What was last told to Discord about an application's commands."""

    async def get(self, application_id: int) -> str | None:
        """The fingerprint of the commands that Discord has; None if it was never told."""
        ...

    async def put(self, application_id: int, fingerprint: str) -> None:
        """Discord has the commands of this fingerprint now."""
        ...


class ChatModel(Protocol):
    """Language models, whichever provider runs them."""

    async def resolve(self, model: str | None) -> str:
        """The full `provider/model` name of a setting; None asks for the default model.

        Raises:
            Told: None is set and none can be found, or the provider's key is missing.
        """
        ...

    def window_tokens(self, model: str) -> int:
        """The most tokens that prompt and answer may take together."""
        ...

    def ignored(self, model: str) -> frozenset[str]:
        """Names of settings that `model` was found not to honour."""
        ...

    def stream(self, request: ChatRequest) -> AsyncGenerator[Event]:
        """The answer as it comes. Closing the generator closes the connection, and spending stops.

        Raises:
            ContextOverflow: The prompt does not fit the model's window; nothing was generated.
            Told: The provider failed; what was yielded before stands.
        """
        ...


class TokenCounter(Protocol):
    """How many tokens a text takes."""

    async def count(self, text: str) -> int:
        """Tokens of `text` in the o200k vocabulary; text that looks like a special token is text."""
        ...

    def margin(self, model: str) -> float:
        """What a count must be multiplied by to be safe for `model` (1.0 where the vocabulary is known)."""
        ...


class ImageModel(Protocol):
    """Models that paint."""

    async def paint(self, request: PictureRequest) -> Picture:
        """One picture.

        Raises:
            Told: None is configured, or the provider failed or refused.
        """
        ...


class Reply(Protocol):
    """Where an answer becomes visible to people."""

    def obstacle(self) -> Told | None:
        """Why nothing can be shown there, as far as is known; None if nothing is in the way."""
        ...

    def begin(self) -> None:
        """Show that work goes on until something of the answer is visible. Never waits, never fails."""
        ...

    async def abandon(self) -> None:
        """Leave what is shown as it is; the answer is to be finished by another process."""
        ...

    def write(self, piece: str) -> None:
        """Show the next `piece` of the answer as soon as the pace allows. Never waits."""
        ...

    async def finish(self, text: str, outcome: Outcome) -> None:
        """Show the whole answer and, under it, what is told; a failed turn offers another try.

        Raises:
            Told: Discord does not take it.
            NotNow: We are cut off from Discord for good; the turn is to stay open for the next start.
        """
        ...


class PictureReply(Protocol):
    """Where a picture becomes visible to people."""

    def obstacle(self) -> Told | None:
        """Why no picture can be shown there, as far as is known; None if nothing is in the way."""
        ...

    async def show(self, picture: Picture, *, prompt: str) -> None:
        """Upload it with the prompt as its description.

        Raises:
            Told: Discord does not take it.
        """
        ...

    async def tell(self, told: Told) -> None:
        """Say that there is no picture, and why."""
        ...


class Clock(Protocol):
    """What time it is."""

    def __call__(self) -> datetime:
        """Now, in UTC."""
        ...
