"""How long a provider wants us to wait, by the headers of its refusal."""

import email.utils
import math
import re
import time
from collections.abc import Mapping


def retry_after_s(headers: Mapping[str, str]) -> int:
    """Seconds until a next try makes sense, rounded up; 0 if the provider does not say.

    `retry-after-ms` and `x-ratelimit-reset-*` are OpenAI's (its rate limit guide), the rest is HTTP's.
    """
    waits = [
        _number(headers.get("retry-after-ms"), 1_000),
        _number(headers.get("retry-after"), 1),
        _date(headers.get("retry-after")),
    ]
    for wait in waits:
        if wait is not None and wait > 0:
            return math.ceil(wait)
    resets = {
        name: _duration(headers.get(f"x-ratelimit-reset-{name}", "")) for name in ("requests", "tokens")
    }
    empty = [s for name, s in resets.items() if headers.get(f"x-ratelimit-remaining-{name}") == "0"]
    return math.ceil(max(empty or resets.values()))


def _number(value: str | None, divisor: int) -> float | None:
    try:
        number = float(value or "") / divisor
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _date(value: str | None) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(value or "").timestamp() - time.time()
    except ValueError:
        return None


def _duration(value: str) -> float:
    """Seconds of a Go duration such as `6m0s` or `20ms`."""
    units = {"h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
    return sum(float(n) * units[unit] for n, unit in re.findall(r"(\d+(?:\.\d+)?)(ms|h|m|s)", value))
