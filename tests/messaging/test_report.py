"""Everything that can go wrong has words, and the words can be filled in."""

import re
import tomllib
from importlib import resources

import pytest

from bot.core import errors
from bot.core.errors import Problem, Told
from bot.messaging.report import Words

WORDS = Words.load("en")
_SOURCE = resources.files("bot.core").joinpath("errors.py").read_text(encoding="utf-8")
# The parameters that core/errors.py writes beside each problem.
PARAMETERS = {
    name: re.findall(r"\w+_?\w*", re.sub(r"\(.*?\)", "", names or ""))
    for name, names in re.findall(r'^    [A-Z_]+ = "(\w+)"(?:  # (.*))?$', _SOURCE, re.MULTILINE)
}


@pytest.mark.parametrize("problem", Problem)
def test_every_problem_is_one_line_in_words(problem: Problem) -> None:
    told = Told(problem, **dict.fromkeys(PARAMETERS[problem], 7))

    sentence = WORDS.told(told)

    assert sentence.strip() == sentence != ""
    assert "\n" not in sentence
    assert "{" not in sentence


def test_no_words_are_left_over() -> None:
    table = tomllib.loads(resources.files("bot.locales").joinpath("en.toml").read_text(encoding="utf-8"))
    assert set(table["problem"]) == {problem.value for problem in Problem}


def test_a_limit_says_when_to_come_back_if_the_provider_did() -> None:
    assert "in 8 s" in WORDS.told(Told(Problem.RATE_LIMITED, retry_after_s=7.2))
    assert "in a little while" in WORDS.told(Told(Problem.RATE_LIMITED, retry_after_s=0))


def test_a_bug_shows_its_reference_and_nothing_else() -> None:
    told = errors.internal()
    assert str(told.params["reference"]) in WORDS.told(told)
