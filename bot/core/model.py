"""The values that the rooms hand each other: frozen, and passed by keyword."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bot.core.errors import Told


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where people talk: a guild's channel or thread, or a DM.

    Attributes:
        channel_id: Of the channel, thread or DM itself; a thread is a place of its own.
        guild_id: None in a DM.
        parent_id: The channel that a thread hangs from; None for anything else.
    """

    channel_id: int
    guild_id: int | None = None
    parent_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who says something: `id` is Discord's, `name` the display name in that place."""

    id: int
    name: str


class TurnKind(enum.StrEnum):
    """What was asked for."""

    CHAT = "chat"
    IMAGE = "image"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What a person asked.

    Attributes:
        id: The Discord id of the message or interaction that asked. Discord never gives an id twice,
            so a replayed event is the same turn.
        text: The question, with Discord's markup of mentions made readable.
        addressee: The bot's display name in that place.
    """

    id: int
    place: Place
    author: Person
    text: str
    addressee: str
    kind: TurnKind = TurnKind.CHAT


class TurnState(enum.StrEnum):
    """How far a turn has come; the last four are its possible ends."""

    ACCEPTED = "accepted"
    RUNNING = "running"
    ANSWERED = "answered"
    DELIVERED = "delivered"
    STOPPED = "stopped"
    REFUSED = "refused"
    FAILED = "failed"


class Role(enum.StrEnum):
    """Who a line is from, in the words of the chat API."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One message of a conversation as the model sees it.

    Attributes:
        author: Who said it; None for the bot.
        tokens: Of `text` alone, counted once when the line was stored.
    """

    role: Role
    text: str
    tokens: int
    author: Person | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a request to a model: `text` is exactly what is sent."""

    role: Role
    text: str


class Finish(enum.StrEnum):
    """Why a model stopped."""

    STOP = "stop"
    LENGTH = "length"
    FILTER = "content_filter"
    UNKNOWN = "unknown"  # the stream ended without saying why


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens that one call took, as its provider reports them; None is unknown, never 0."""

    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    completion_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta:
    """The next piece of an answer."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningDelta:
    """The next piece of a model's thinking, which is not part of its answer."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The end of an answer."""

    reason: Finish


Event = TextDelta | ReasoningDelta | Finished | Usage


@dataclass(slots=True)
class Answer:
    """What a model has said so far; grows with `take`.

    Attributes:
        model: The `provider/model` that speaks; None until one is chosen.
        finish: UNKNOWN until the model said why it stopped.
    """

    model: str | None = None
    pieces: list[str] = field(default_factory=list[str])
    finish: Finish = Finish.UNKNOWN
    usage: Usage = field(default_factory=Usage)

    @property
    def text(self) -> str:
        """All of the answer up to now."""
        return "".join(self.pieces)

    def take(self, event: Event) -> None:
        """Add one event of the stream."""
        match event:
            case TextDelta():
                self.pieces.append(event.text)
            case ReasoningDelta():
                pass  # thinking is no part of the answer, nor of memory
            case Finished():
                self.finish = event.reason
            case Usage():
                self.usage = event


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """What is asked of a chat model.

    Attributes:
        model: As the settings name it: `provider/model`, or a model of the first provider.
        temperature: None leaves it to the provider.
        max_tokens: The most that the answer may take.
    """

    messages: Sequence[Message]
    model: str
    max_tokens: int
    temperature: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a turn.

    Attributes:
        state: One of the four ends.
        told: What people are told, unless it was delivered whole.
    """

    state: TurnState
    told: Told | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTurn:
    """A turn that was found without an end.

    Attributes:
        asked_at: When it was accepted.
        outcome: What had been decided when it was `answered`; None before that.
        text: The answer, where there is one.
        pages: Discord ids of the messages that show it so far, in order.
    """

    turn: Turn
    state: TurnState
    asked_at: datetime
    outcome: Outcome | None = None
    text: str = ""
    pages: Sequence[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """A conversation's memory laid aside: `id` brings it back while the time for that lasts."""

    id: int
    lines: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureRequest:
    """What is asked of an image model; None leaves a choice to the model."""

    prompt: str
    size: str | None = None
    quality: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A painted picture: the file's bytes and its extension without the dot (`png`, `jpeg`, `webp`)."""

    data: bytes
    extension: str
