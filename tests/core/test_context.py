"""The prompt fits, keeps the newest, and says who speaks in a way that nobody can forge."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import context
from bot.core.errors import Problem, Told
from bot.core.model import Line, Person, Place, Role

SERVER = Place(channel_id=1, guild_id=2)
DM = Place(channel_id=1)


def line(tokens: int, text: str = "…", role: Role = Role.USER) -> Line:
    return Line(role=role, text=text, tokens=tokens)


@given(
    counts=st.lists(st.integers(0, 500), min_size=1, max_size=40),
    window=st.integers(64, 4000),
    answer=st.integers(1, 4000),
    budget=st.integers(0, 4000),
    margin=st.floats(1, 2),
)
def test_prompt_and_answer_fit_the_window_together_and_the_question_always_goes_along(
    counts: list[int], window: int, answer: int, budget: int, margin: float
) -> None:
    lines = [line(count, text=str(number)) for number, count in enumerate(counts)]
    limits = context.Budget(window_tokens=window, answer_tokens=answer, context_tokens=budget, margin=margin)
    try:
        prompt = context.fit(line(20, role=Role.SYSTEM), lines, limits)
    except Told:
        # With the least window, the system prompt and the largest question do not fit.
        assert int(counts[-1] * margin) + 20 * margin > window / 2 - 3 - 2 * 4 - 2
        return
    assert prompt.tokens + prompt.max_tokens <= window
    assert 1 <= prompt.max_tokens <= answer
    sent = [message.text for message in prompt.messages[1:]]
    assert sent == [entry.text for entry in lines[len(lines) - len(sent) :]], "the newest, without a gap"
    assert sent


def test_more_of_the_conversation_than_is_worth_paying_for_stays_out() -> None:
    lines = [line(96, text=str(number)) for number in range(50)]
    limits = context.Budget(window_tokens=100_000, answer_tokens=1000, context_tokens=1000)

    prompt = context.fit(line(0, role=Role.SYSTEM), lines, limits)

    assert [message.text for message in prompt.messages[1:]] == [str(number) for number in range(40, 50)]


def test_a_question_larger_than_the_budget_is_asked_alone() -> None:
    limits = context.Budget(window_tokens=100_000, answer_tokens=1000, context_tokens=100)

    prompt = context.fit(line(5, role=Role.SYSTEM), [line(10), line(5000, text="long")], limits)

    assert [message.text for message in prompt.messages[1:]] == ["long"]


def test_a_question_larger_than_the_window_is_refused_with_what_would_fit() -> None:
    limits = context.Budget(window_tokens=2000, answer_tokens=1000, context_tokens=12_000)

    with pytest.raises(Told) as refused:
        context.fit(line(100, role=Role.SYSTEM), [line(5000)], limits)

    assert refused.value.problem is Problem.TOO_LONG
    assert 800 < int(refused.value.params["limit_tokens"]) < 900


def test_a_small_window_is_shared_between_the_question_and_the_answer() -> None:
    limits = context.Budget(window_tokens=2000, answer_tokens=8000, context_tokens=12_000)

    prompt = context.fit(line(100, role=Role.SYSTEM), [line(500)], limits)

    assert prompt.max_tokens == 1000


@given(name=st.text(max_size=40), text=st.text(max_size=200))
def test_in_a_server_the_first_line_says_who_speaks_and_no_name_gets_out_of_it(name: str, text: str) -> None:
    sent = context.spoken(Person(id=42, name=name), SERVER, text)

    speaker, _, said = sent.partition("\n")
    assert json.loads(speaker) == {"from": name, "id": "42"}
    assert said == text


def test_in_a_dm_the_text_goes_as_it_is() -> None:
    assert context.spoken(Person(id=42, name="Ann"), DM, "hello") == "hello"


def test_the_system_prompt_names_the_bot_and_explains_the_speakers_where_there_are_several() -> None:
    in_dm = context.system_text("You are {bot}. Say {this}.", place=DM, addressee="Parley")
    in_server = context.system_text("You are {bot}.", place=SERVER, addressee="Parley")

    assert in_dm == "You are Parley. Say {this}."
    assert in_server.startswith("You are Parley.")
    assert "JSON" in in_server
