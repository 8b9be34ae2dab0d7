"""Turns and lines as tests need them."""

from datetime import UTC, datetime, timedelta

from bot.core.model import (
    Answer,
    Finish,
    Line,
    Outcome,
    Person,
    Place,
    Role,
    Turn,
    TurnKind,
    TurnState,
    Usage,
)

ANN = Person(id=2**62 + 7, name="Ann")
NOW = datetime.now(UTC)
LONG_AGO = NOW - timedelta(days=365)
SOON = NOW + timedelta(days=1)
CHANNEL = 2**62 + 1
WHOLE = Outcome(state=TurnState.DELIVERED)


def asked(turn_id: int, text: str = "How tall is the Eiffel Tower?", *, channel_id: int = CHANNEL) -> Turn:
    place = Place(channel_id=channel_id, guild_id=5, parent_id=6)
    return Turn(id=turn_id, place=place, author=ANN, text=text, addressee="Parley", kind=TurnKind.CHAT)


def question(text: str = "How tall?", tokens: int = 10) -> Line:
    return Line(role=Role.USER, text=text, tokens=tokens, author=ANN)


def reply(text: str = "330 metres.", tokens: int = 10) -> Line:
    return Line(role=Role.ASSISTANT, text=text, tokens=tokens)


def generated(text: str = "330 metres.") -> Answer:
    usage = Usage(prompt_tokens=12, cached_tokens=0, completion_tokens=4)
    return Answer(model="openai/gpt-5.4-mini", pieces=[text], finish=Finish.STOP, usage=usage)


def texts(lines: list[Line]) -> list[str]:
    return [line.text for line in lines]
