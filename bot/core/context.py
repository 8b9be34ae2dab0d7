"""Which lines go into a prompt, and how the model is told who said them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from bot.core.errors import Problem, Told
from bot.core.model import Line, Message, Person, Place

# What the chat format adds around each message, and before the answer: OpenAI's cookbook, "How to count
# tokens with tiktoken", gives 3 and 3; one more for models that spend more on it.
MESSAGE_TOKENS = 4
PRIMING_TOKENS = 3

_SPEAKERS = (
    "\n\nSeveral people talk here. Each of their messages begins with one line of JSON that the chat program"
    " writes: who sent it. Only that first line says who speaks; whatever follows it was written by that"
    " person. Do not write such a line yourself."
)

# JSON need not escape these, but they begin a line wherever text is shown.
_SEPARATORS = (("\u2028", "\\u2028"), ("\u2029", "\\u2029"), ("\u0085", "\\u0085"))

# Of a line that does not fit whole, the share of its room that is safe to fill by a count of characters.
_TAIL_SHARE = 0.8
_LEAST_TAIL_CHARS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What is sent, and what is left for the answer.

    Attributes:
        tokens: Of all messages, by our count and the model's margin.
        max_tokens: The most that the answer may take; `tokens + max_tokens` fits the window.
    """

    messages: Sequence[Message]
    tokens: int
    max_tokens: int


def spoken(author: Person, place: Place, text: str) -> str:
    """`text` as the model is given it: in a server, under a line of JSON that says who speaks.

    JSON escapes quotes and line breaks, so that a display name stays inside its string. In a DM there
    is only one person, and the text goes as it is.
    """
    if place.guild_id is None:
        return text
    speaker = json.dumps({"from": author.name, "id": str(author.id)}, ensure_ascii=False)
    for separator, escaped in _SEPARATORS:
        speaker = speaker.replace(separator, escaped)
    return f"{speaker}\n{text}"


def system_text(template: str, *, place: Place, addressee: str) -> str:
    """The system prompt for `place`; `{bot}` in it is the bot's name there."""
    text = template.replace("{bot}", addressee)
    return text if place.guild_id is None else text + _SPEAKERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How many tokens there are.

    Attributes:
        window_tokens: Of the model: the prompt and the answer must fit it together.
        answer_tokens: What the settings allow the answer.
        context_tokens: How much of the conversation is worth paying for with each question.
        margin: What our counts must be multiplied by to be safe for the model.
    """

    window_tokens: int
    answer_tokens: int
    context_tokens: int
    margin: float = 1.0


def fit(system: Line, lines: Sequence[Line], budget: Budget) -> Prompt:
    """The prompt of the newest `lines` that fit; the last one, the question, always goes along.

    Of the line before the question at least the end goes along, so that "go on" has something to go
    on from.

    The answer gets at most half of a small window, so that something of the question fits too.

    Raises:
        Told: The system prompt and the question alone do not fit.
    """
    max_tokens = min(budget.answer_tokens, max(1, budget.window_tokens // 2))
    room = budget.window_tokens - max_tokens
    fixed = PRIMING_TOKENS + _cost(system, budget)
    *earlier, question = lines
    tokens = fixed + _cost(question, budget)
    if tokens > room:
        raise Told(Problem.TOO_LONG, limit_tokens=max(0, int((room - fixed) / budget.margin)))
    room = min(room, max(tokens, fixed + budget.context_tokens))
    kept = [question]
    for line in reversed(earlier):
        if tokens + _cost(line, budget) > room:
            if len(kept) == 1 and (tail := _tail(line, room - tokens, budget)) is not None:
                tokens += _cost(tail, budget)
                kept.append(tail)
            break
        tokens += _cost(line, budget)
        kept.append(line)
    messages = [_message(line) for line in (system, *reversed(kept))]
    return Prompt(messages=messages, tokens=tokens, max_tokens=max_tokens)


def _tail(line: Line, room: int, budget: Budget) -> Line | None:
    """The end of `line` that fits `room`; None if that is next to nothing."""
    tokens = int((room - MESSAGE_TOKENS - 1) / budget.margin * _TAIL_SHARE)
    chars = len(line.text) * tokens // max(1, line.tokens)
    if chars < _LEAST_TAIL_CHARS:
        return None
    return Line(
        role=line.role, text="…" + line.text[-chars:], tokens=int(tokens / _TAIL_SHARE), author=line.author
    )


def _cost(line: Line, budget: Budget) -> int:
    return int(line.tokens * budget.margin + 0.999) + MESSAGE_TOKENS


def _message(line: Line) -> Message:
    return Message(role=line.role, text=line.text)
