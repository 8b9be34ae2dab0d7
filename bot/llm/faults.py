"""Foreign errors, read once and put into our words.

Providers answer in many shapes; `Fault` is the one that the rest of this room works with, and
`told` the only mapping from it to what people are told. A provider's prose is matched against here
and goes no further: not to people and not into the log, because it may quote the prompt.
"""

import logging
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import anyio
import httpx2
import openai

from bot.core.errors import ContextOverflow, Problem, Told
from bot.llm.waits import retry_after_s

_log = logging.getLogger(__name__)

# What reading a response can raise when the connection breaks: as the SDK counts it (openai._httpx2),
# with two that httpx2 lets through from TLS.
BROKEN = (httpx2.RequestError, ssl.SSLError, anyio.EndOfStream)

# Beyond this a message holds a quoted request rather than news.
_TEXT_LIMIT_CHARS = 2_000
# All servers name the window within this; further on they may be quoting somebody.
_HEADLINE_CHARS = 300

_FILTER_CODES = frozenset(
    {
        "content_filter",  # Azure, with innererror ResponsibleAIPolicyViolation
        "content_policy_violation",
        "moderation_blocked",
        "responsibleaipolicyviolation",
        "data_inspection_failed",  # Alibaba
    }
)
_CREDIT_CODES = frozenset(
    {
        "insufficient_quota",
        "billing_hard_limit_reached",
        "billing_not_active",
        "insufficient_balance",
        "insufficient_credits",
    }
)
_MODEL_CODES = frozenset({"model_not_found", "deploymentnotfound", "invalid_model"})
_OVERLOAD_CODES = frozenset(
    {"server_error", "internal_server_error", "overloaded", "overloaded_error", "service_unavailable"}
)
_OVERFLOW_CODES = frozenset({"context_length_exceeded", "exceed_context_size_error"})

# How servers word a full context window; the group is the window where they say it.
_OVERFLOW = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"maximum context length (?:is|of) (?:only )?(\d+)",  # OpenAI, vLLM, OpenRouter, DeepSeek
        r"exceeds? the available context size \((\d+) tokens\)",  # llama.cpp
        r"exceeds? the available context size()",  # llama.cpp before it named the figure
        r"too large for model with (\d+) maximum context",  # Mistral
        r"context length of only (\d+) tokens",  # LM Studio
        r"prompt is too long: \d+ tokens > (\d+)",  # Anthropic
        r"input token count \(?\d*\)? ?exceeds the maximum number of tokens allowed \((\d+)\)",  # Gemini
        r"exceed the configured limit of (\d+) tokens",  # OpenAI since GPT-5: the prompt's own limit
        r"inputs` tokens \+ `max_new_tokens` must be <= (\d+)",  # text-generation-inference, Together
    )
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What a provider said went wrong.

    Attributes:
        status: Of HTTP; None for an error inside a stream that names none.
        code, type, param: As the provider gave them, lower case; empty where it gave none.
        text: Its prose without the request that it may quote. To be matched, never shown or logged.
        extras: Parameters that a validating server calls extra.
        retry_after_s: 0 where it did not say.
        window_tokens: The model's context window, if that is what is full and it was named.
    """

    status: int | None
    code: str = ""
    type: str = ""
    param: str = ""
    text: str = field(default="", repr=False)
    extras: tuple[str, ...] = ()
    retry_after_s: int = 0
    window_tokens: int | None = None
    request_id: str = ""

    @property
    def overflows(self) -> bool:
        """Whether the prompt does not fit the model's window."""
        return (
            self.code in _OVERFLOW_CODES
            or self.type in _OVERFLOW_CODES
            or self.status == 413
            or (self.status in (None, 400, 422, 500) and _overflow(self.text) is not None)
        )

    @property
    def filtered(self) -> bool:
        """Whether the provider's moderation refused."""
        return self.code in _FILTER_CODES or self.type in _FILTER_CODES


def read(error: openai.APIStatusError) -> Fault:
    """The fault that an HTTP answer tells of."""
    headers = error.response.headers
    return _read(
        error.body,
        status=error.status_code,
        retry_after_s=retry_after_s(headers),
        request_id=error.request_id or "",
    )


def read_object(body: object) -> Fault:
    """The fault that an error object inside a stream, or in an answer with status 200, tells of."""
    code = _mapping(body).get("code")
    # OpenRouter and llama.cpp put the HTTP status that it would have been into `code`.
    status = int(code) if isinstance(code, int | str) and re.fullmatch(r"[45]\d\d", str(code)) else None
    return _read(body, status=status)


def _mapping(body: object) -> Mapping[str, object]:
    return cast(Mapping[str, object], body) if isinstance(body, Mapping) else {"message": body}


def told(fault: Fault, *, model: str) -> Told:
    """What people are told about `fault`; `model` as the settings name it."""
    _log.warning(
        "provider refused: status=%s code=%s type=%s request_id=%s model=%r",
        fault.status,
        _word(fault.code),
        _word(fault.type),
        _word(fault.request_id),
        model,
    )
    if fault.filtered or (fault.status == 403 and "moderation" in fault.text.lower()):
        return Told(Problem.FILTERED)
    if fault.overflows:
        return ContextOverflow(window_tokens=fault.window_tokens)
    if fault.status == 402 or _CREDIT_CODES & {fault.code, fault.type}:
        return Told(Problem.OUT_OF_CREDIT)
    if fault.status == 429 or "rate_limit" in fault.code or "rate_limit" in fault.type:
        return Told(Problem.RATE_LIMITED, retry_after_s=fault.retry_after_s)
    if _names_model(fault):
        return Told(Problem.MODEL_UNKNOWN, model=model)
    return _by_status(fault, model)


def unreachable(error: openai.APIConnectionError) -> Told:
    """What people are told when there was no answer at all."""
    timed_out = isinstance(error, openai.APITimeoutError)
    _log.warning("provider unreachable: %s", type(error.__cause__ or error).__name__)
    return Told(Problem.TIMED_OUT if timed_out else Problem.UNREACHABLE)


def broken(error: Exception) -> Told:
    """What people are told when the connection broke, with one of `BROKEN`, while an answer came."""
    _log.warning("connection broke: %s", type(error).__name__)
    timed_out = isinstance(error, httpx2.TimeoutException | openai.APITimeoutError)
    return Told(Problem.TIMED_OUT if timed_out else Problem.BROKE_OFF)


def _by_status(fault: Fault, model: str) -> Told:
    match fault.status:
        case 401:
            return Told(Problem.KEY_REFUSED)
        case 403 if _about_key(fault):
            return Told(Problem.KEY_REFUSED)
        case 403:
            return Told(Problem.MODEL_FORBIDDEN, model=model)
        case 408 | 504:
            return Told(Problem.TIMED_OUT)
        case None if not _OVERLOAD_CODES & {fault.code, fault.type}:
            return Told(Problem.BROKE_OFF)
        case None:
            return Told(Problem.OVERLOADED)
        case status if status >= 500:
            return Told(Problem.OVERLOADED)
        case _:
            return Told(Problem.REQUEST_REFUSED, model=model)


def _names_model(fault: Fault) -> bool:
    if fault.status == 403:  # OpenAI says model_not_found for one that a project may not use
        return False
    if _MODEL_CODES & {fault.code, fault.type}:
        return True
    # A 404 without a word about a model is a wrong base_url. OpenAI says 400 to a malformed name.
    words = {404: r"model|deployment", 400: r"^invalid model"}.get(fault.status or 0)
    return words is not None and re.search(words, fault.text, re.IGNORECASE) is not None


def _about_key(fault: Fault) -> bool:
    if fault.code in ("unsupported_country_region_territory", "invalid_api_key"):
        return True
    return re.search(r"api.?key|country|region|ip address", fault.text, re.IGNORECASE) is not None


def _word(value: str) -> str:
    """`value` if it can only be an identifier: prose stays out of the log."""
    return value if re.fullmatch(r"[\w.:-]{1,80}", value) else "?" if value else "-"


def _read(body: object, *, status: int | None, retry_after_s: int = 0, request_id: str = "") -> Fault:
    found = _mapping(body)
    text, extras = _prose(found.get("message"), found.get("detail"))
    code = str(found.get("code") or _mapping(found.get("innererror")).get("code") or "").lower()
    window = found.get("n_ctx")  # llama.cpp
    return Fault(
        status=status,
        code=code,
        type=str(found.get("type") or "").lower(),
        param=str(found.get("param") or "").lower(),
        text=text,
        extras=extras,
        retry_after_s=retry_after_s,
        window_tokens=window if isinstance(window, int) else _overflow(text) or None,
        request_id=request_id,
    )


def _overflow(text: str) -> int | None:
    """None if `text` is not about a full window, else its tokens, 0 if it does not say."""
    for pattern in _OVERFLOW:
        if found := pattern.search(text, 0, _HEADLINE_CHARS):
            return int(found[1] or 0)
    return None


def _prose(*sources: object) -> tuple[str, tuple[str, ...]]:
    """The text of an error and the parameters that it calls extra, without the input it quotes."""
    texts: list[str] = []
    extras: list[str] = []
    for source in sources:
        match source:
            case str():
                # pydantic quotes what it was given; so do servers that pass its words on as a string.
                text = re.split(r"""['"]input['"]\s*:|input_value=""", source, maxsplit=1)[0]
                texts.append(text)
                if re.search(r"extra_forbidden|extra (?:inputs|fields) not", text, re.IGNORECASE):
                    extras += re.findall(r"""['"]body['"],\s*['"](\w+)['"]""", text)
            case Mapping():
                nested = cast(Mapping[str, object], source)
                text, names = _prose(nested.get("message"), nested.get("detail"))
                texts.append(text)
                extras += names
            case list():
                for issue in cast("list[object]", source):
                    if isinstance(issue, Mapping):
                        _issue(cast(Mapping[str, object], issue), texts, extras)
            case _:
                pass
    return "\n".join(filter(None, texts))[:_TEXT_LIMIT_CHARS], tuple(extras)


def _issue(issue: Mapping[str, object], texts: list[str], extras: list[str]) -> None:
    """Read one finding of pydantic, as FastAPI and Mistral give them."""
    message, place = str(issue.get("msg") or ""), issue.get("loc")
    texts.append(message)
    if isinstance(place, Sequence) and "extra" in f"{issue.get('type')} {message}".lower():
        extras += [str(step) for step in cast(Sequence[object], place)[1:2]]
