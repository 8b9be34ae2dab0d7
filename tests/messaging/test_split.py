"""Pages fit, are never blank, lose nothing, keep code blocks whole, and stay while a text grows."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.messaging.split import PAGE_UNITS, pages, units

_PLAIN = ["word ", "a sentence. ", "\n", "\n\n", "😀", "x" * 90, "- item\n", "。"]
_FENCES = ["```", "```c++\n", "~~~\n", "````\n", "  ```python\n", "`code` ", '```js title="x"\n']
_PARTS = st.sampled_from([*_PLAIN, *_FENCES, "| a | b |\n", "    "])
TEXTS = st.lists(_PARTS, max_size=120).map("".join)
LIMIT = 120


def letters(text: str) -> str:
    """What must not be lost: all but white space and the marks of fences, which pages may add."""
    return re.sub(r"[\s`~]+", "", text)


@given(TEXTS)
@example("~" * 500)
@example("`" * 500)
@example("```" + "x" * 300 + "\n" + "y" * 300)
@settings(max_examples=300)
def test_every_page_fits_and_none_is_blank(text: str) -> None:
    for page in pages(text, limit=LIMIT):
        assert units(page) <= LIMIT
        assert page.strip()


@given(
    st.lists(st.sampled_from(["word ", "a sentence. ", "\n", "\n\n", "😀", "x" * 90, "- item\n", "。"])).map(
        "".join
    )
)
@settings(max_examples=300)
def test_plain_text_is_all_there_in_its_order(text: str) -> None:
    assert letters("".join(pages(text, limit=LIMIT))) == letters(text)


@given(st.lists(st.sampled_from(["alpha ", "beta\n", "gamma;\n", "    delta()\n"]), min_size=1).map("".join))
def test_code_over_several_pages_is_a_whole_block_on_each(code: str) -> None:
    source = f"Look:\n```c++\n{code.rstrip()}\n```\nDone."

    shown = pages(source, limit=LIMIT)

    for page in shown:
        marks = re.findall(r"^```.*$", page, re.MULTILINE)
        assert len(marks) % 2 == 0
        assert all(mark == ("```c++" if number % 2 == 0 else "```") for number, mark in enumerate(marks))
    inside = "\n".join(re.sub(r"^```.*$|^Look:$|^Done\.$", "", page, flags=re.MULTILINE) for page in shown)
    assert "".join(inside.split()) == "".join(code.split())


@given(TEXTS, st.data())
@settings(max_examples=300)
def test_finished_pages_stay_while_the_text_grows(text: str, data: st.DataObject) -> None:
    grown = pages(text, limit=LIMIT)
    prefix = text[: data.draw(st.integers(0, len(text)))]
    finished = pages(prefix, limit=LIMIT)[:-1]

    assert grown[: len(finished)] == finished


def test_a_page_ends_at_a_paragraph_rather_than_in_a_sentence() -> None:
    first, second = "One. " * 15, "Two. " * 15
    assert pages(f"{first}\n\n{second}", limit=LIMIT) == [first.strip(), second.strip()]


def test_a_page_ends_after_a_sentence_rather_than_in_it() -> None:
    shown = pages("Here is a sentence that is fairly long indeed. " * 5, limit=LIMIT)
    assert all(page.endswith(".") for page in shown)


def test_tildes_and_longer_fences_are_closed_by_their_own_kind() -> None:
    code = "\n".join(f"line {number} ```" for number in range(30))
    for page in pages(f"````md\n{code}\n````", limit=LIMIT):
        assert page.startswith("````md\n")
        assert page.endswith("\n````")


@pytest.mark.parametrize(
    ("before", "inside"),
    [
        ("1. Do:\n   ", "   "),
        ("- ", "  "),
        ("1) ", "   "),
        ("* - ", "    "),
        ("\t", "\t"),
        ("      ", ""),
        (">", ">"),
    ],
    ids=["ordered list", "list", "1)", "nested list", "tab", "six spaces", "quote"],
)
def test_blocks_in_lists_and_quotes_are_whole_on_each_page(before: str, inside: str) -> None:
    code = "\n".join(f"{inside}line {number} of the code" for number in range(40))
    for page in pages(f"{before}```py\n{code}\n{inside}```\nThe end.", limit=300):
        assert page.count("```") % 2 == 0


def test_an_unclosed_block_is_closed() -> None:
    assert pages("```python\nprint(1)") == ["```python\nprint(1)\n```"]


@pytest.mark.parametrize("text", ["", " ", "\n\n\n", "\t\n "])
def test_a_blank_text_has_no_pages(text: str) -> None:
    assert pages(text) == []


def test_letters_outside_the_basic_plane_count_twice_as_discord_counts_them() -> None:
    shown = pages("😀" * 1500)
    assert [units(page) for page in shown] == [2000, 1000]


def test_sixty_thousand_characters_are_cut_in_no_time_and_whole() -> None:
    text = "A sentence of some length that goes on. " * 1500
    shown = pages(text)
    assert letters("".join(shown)) == letters(text)
    assert len(shown) < 60_000 / PAGE_UNITS * 1.2
