"""How long to wait, as providers put it."""

import email.utils
import time

import pytest

from bot.llm.waits import retry_after_s


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"retry-after": "3"}, 3),
        ({"retry-after": "0.2"}, 1),
        ({"retry-after": "soon"}, 0),
        ({"retry-after": "-1"}, 0),
        ({"retry-after": "inf"}, 0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 2),
        ({"x-ratelimit-reset-requests": "20ms"}, 1),
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "6m0s"}, 360),
        (
            {
                "x-ratelimit-reset-requests": "2s",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-tokens": "6m0s",
                "x-ratelimit-remaining-tokens": "10",
            },
            2,
        ),
        ({"x-ratelimit-reset-tokens": "1h2m3.5s"}, 3724),
    ],
)
def test_how_long_to_wait_is_read_from_the_headers(headers: dict[str, str], seconds: int) -> None:
    assert retry_after_s(headers) == seconds


def test_a_date_to_wait_for_is_read() -> None:
    until = email.utils.formatdate(time.time() + 60, usegmt=True)
    assert 55 <= retry_after_s({"retry-after": until}) <= 60
