"""Server-sent events by the rules."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from bot.llm.sse import Decoder


def decoded(*pieces: bytes) -> list[tuple[str, bytes]]:
    decoder = Decoder()
    return [event for piece in pieces for event in decoder.feed(piece)] + decoder.end()


def test_data_stands_with_or_without_a_space_and_only_one_is_dropped() -> None:
    assert decoded(b"data:a\n\ndata: b\n\ndata:  c\n\n") == [("", b"a"), ("", b"b"), ("", b" c")]


def test_several_data_lines_are_one_event() -> None:
    assert decoded(b"data: {\ndata: }\n\n") == [("", b"{\n}")]


def test_comments_ids_and_events_without_data_are_nothing() -> None:
    assert decoded(b": keep-alive\n\nid: 3\nretry: 5\nevent: ping\n\ndata: a\n\n") == [("", b"a")]


def test_an_event_has_its_name_once() -> None:
    assert decoded(b"event: error\ndata: a\n\ndata: b\n\n") == [("error", b"a"), ("", b"b")]


def test_a_byte_order_mark_is_no_text() -> None:
    assert decoded(b"\xef\xbb\xbfdata: a\n\n") == [("", b"a")]


def test_the_last_event_may_lack_its_blank_line() -> None:
    assert decoded(b"data: a\n\ndata: b") == [("", b"a"), ("", b"b")]


@given(
    texts=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1), max_size=4),
    end=st.sampled_from([b"\n", b"\r\n", b"\r"]),
    cuts=st.lists(st.integers(0, 80), max_size=6),
)
def test_it_does_not_matter_where_the_bytes_are_cut(texts: list[str], end: bytes, cuts: list[int]) -> None:
    whole = b"".join(b"data: " + text.encode() + end + end for text in texts)
    edges = [0, *sorted(cuts), len(whole)]
    pieces = [whole[a:b] for a, b in itertools.pairwise(edges)]
    assert decoded(*pieces) == [("", text.encode()) for text in texts]
