"""Parameters that heal: what a refused request teaches about its provider and model.

A 400 about a parameter changes the request, which is repeated at once; what helped is kept in the
store and done right the first time from then on. A change is kept only after a request with it was
accepted, so a refusal that we misread costs one more request and teaches nothing.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from bot.llm.faults import Fault

Scalar = str | int | float | bool | None

MAX_TOKENS = "max_tokens"  # "max_tokens", "max_completion_tokens" or "none": how to ask for a limit
OUTPUT_LIMIT = "output_limit"  # the most tokens that an answer may be asked to take
SYSTEM_ROLE = "system_role"  # "developer", or "merged" into the first message of a person
ALTERNATE = "alternate_roles"  # True: the model's template wants user and assistant in turn
CONTEXT_WINDOW = "context_window"  # tokens
# Each of these False: not to be sent.
TEMPERATURE = "temperature"
STREAM_OPTIONS = "stream_options"
IMAGE_PARAMETERS = ("size", "quality", "response_format")

# No model has a smaller window; less is a figure that means something else.
_SMALLEST_WINDOW_TOKENS = 256

_LIMIT_NAMES = ("max_tokens", "max_completion_tokens")
_DROPPABLE = (TEMPERATURE, STREAM_OPTIONS, *IMAGE_PARAMETERS)
_PARAMETERS = (*_LIMIT_NAMES, *_DROPPABLE)

_UNSUPPORTED_CODES = frozenset({"unsupported_parameter", "unsupported_value", "unknown_parameter"})
_UNSUPPORTED = re.compile(
    r"unsupported|n[o']t support|not (?:permitted|allowed)|unrecogni[sz]ed|unknown|unexpected|deprecated"
    r"|extra (?:inputs|fields)|only the default",
    re.IGNORECASE,
)
# "Use 'max_completion_tokens' instead" names the remedy, not the culprit.
_REMEDY = re.compile(r"\b(?:please )?use [^.]* instead", re.IGNORECASE)
_ABOUT_CONTENT = re.compile(r"messages?\b|content|prompt|image_url", re.IGNORECASE)
# Chat templates (Gemma, Mistral) raise these, and vLLM and llama.cpp pass them on.
_NO_SYSTEM_TEMPLATE = re.compile(
    r"system role (?:is )?not supported|only user(?:,| and) assistant", re.IGNORECASE
)
_NO_SYSTEM_API = re.compile(r"role'? (?:does not|doesn't) support|unsupported (?:role|value)", re.IGNORECASE)
_MUST_ALTERNATE = re.compile(r"roles must alternate", re.IGNORECASE)
_OUTPUT_LIMIT = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"at most (\d+) (?:completion|output) tokens",  # OpenAI
        r"max(?:_completion)?_tokens\W+must be (?:less than or equal to|<=)\W*(\d+)",  # Groq
        r"range of max_tokens is \[\d+, ?(\d+)\]",  # DeepSeek
        r"> (\d+), which is the maximum allowed number of output tokens",  # Anthropic
    )
]


class QuirkStore(Protocol):
    """Where lessons outlast the process."""

    async def all(self) -> Sequence[tuple[str, str, str, Scalar]]:
        """Every lesson: provider, model, name, value."""
        ...

    async def learn(self, provider: str, model: str, name: str, value: Scalar) -> None:
        """Keep a lesson, over an older one of the same name."""
        ...


class Quirks:
    """What was learned about each provider's models."""

    def __init__(self, store: QuirkStore, lessons: Sequence[tuple[str, str, str, Scalar]] = ()) -> None:
        self._store = store
        self._known: dict[tuple[str, str], dict[str, Scalar]] = {}
        for provider, model, name, value in lessons:
            self._known.setdefault((provider, model), {})[name] = value

    @classmethod
    async def load(cls, store: QuirkStore) -> "Quirks":
        """All lessons of `store`."""
        return cls(store, await store.all())

    def of(self, provider: str, model: str) -> Mapping[str, Scalar]:
        """The lessons about one model by name; empty if there are none."""
        return MappingProxyType(self._known.get((provider, model), {}))

    def ignored(self, provider: str, model: str) -> frozenset[str]:
        """Names of settings that the model does not honour."""
        known = self.of(provider, model)
        ignored = {name for name in (TEMPERATURE,) if known.get(name) is False}
        return frozenset(ignored | ({MAX_TOKENS} if known.get(MAX_TOKENS) == "none" else set()))

    async def learn(self, provider: str, model: str, name: str, value: Scalar) -> None:
        """Keep a lesson; calls that learn the same at the same time write it once."""
        known = self._known.setdefault((provider, model), {})
        if name in known and known[name] == value:
            return
        known[name] = value
        await self._store.learn(provider, model, name, value)

    def window_tokens(self, provider: str, model: str) -> int | None:
        """The context window that a refusal named; None if none did."""
        value = self.of(provider, model).get(CONTEXT_WINDOW)
        return value if isinstance(value, int) else None

    async def learn_window(self, provider: str, model: str, fault: Fault) -> None:
        """Keep the context window that `fault` names, if it does."""
        if fault.overflows and fault.window_tokens and fault.window_tokens >= _SMALLEST_WINDOW_TOKENS:
            await self.learn(provider, model, CONTEXT_WINDOW, fault.window_tokens)


class Healing:
    """The quirks that one call goes by, and what it tries in addition."""

    def __init__(self, quirks: Quirks, provider: str, model: str) -> None:
        self._quirks = quirks
        self._provider = provider
        self._model = model
        self._known = dict(quirks.of(provider, model))
        self._tried: dict[str, Scalar] = {}
        self._seen: set[tuple[str, Scalar]] = set()
        self._refused_limits: set[str] = set()

    def __getitem__(self, name: str) -> Scalar:
        """The value of a quirk; None if there is none."""
        return self._tried.get(name, self._known.get(name))

    def heal(self, fault: Fault, sent: Collection[str]) -> bool:
        """Whether another try with changed quirks may help; each change is made at most once a call.

        `sent` are the names of the refused request's parameters.
        """
        lesson = self._lesson(fault, sent)
        if lesson is None or lesson in self._seen:
            return False
        self._seen.add(lesson)
        self._tried[lesson[0]] = lesson[1]
        return True

    async def keep(self) -> None:
        """The request was accepted: what was tried is true."""
        for name, value in self._tried.items():
            await self._quirks.learn(self._provider, self._model, name, value)

    async def overflow(self, fault: Fault) -> None:
        """Keep the context window that `fault` names, if it does."""
        await self._quirks.learn_window(self._provider, self._model, fault)

    def _lesson(self, fault: Fault, sent: Collection[str]) -> tuple[str, Scalar] | None:
        # llama.cpp answers 500 when a chat template raises.
        if fault.status not in (400, 422, 500) or fault.filtered or fault.overflows:
            return None
        if _MUST_ALTERNATE.search(fault.text):
            return ALTERNATE, True
        if _NO_SYSTEM_TEMPLATE.search(fault.text):
            return SYSTEM_ROLE, "merged"
        if fault.status == 500:
            return None
        if re.fullmatch(r"messages[.\[]+\d+\]?\.role", fault.param) and _NO_SYSTEM_API.search(fault.text):
            return SYSTEM_ROLE, "merged" if self[SYSTEM_ROLE] == "developer" else "developer"
        name = next((name for name in _blamed(fault) if name in sent), None)
        if name in _LIMIT_NAMES:
            return self._limit(fault, sent)
        return (name, False) if name else _output_limit(fault, sent)

    def _limit(self, fault: Fault, sent: Collection[str]) -> tuple[str, Scalar]:
        """The other name for the answer's limit or, once both were refused, none."""
        if limit := _output_limit(fault, sent):
            return limit
        self._refused_limits.update(name for name in _LIMIT_NAMES if name in sent)
        other = (name for name in _LIMIT_NAMES if name not in self._refused_limits)
        return MAX_TOKENS, next(other, "none")


def _output_limit(fault: Fault, sent: Collection[str]) -> tuple[str, Scalar] | None:
    if any(name in sent for name in _LIMIT_NAMES):
        for pattern in _OUTPUT_LIMIT:
            if found := pattern.search(fault.text):
                return OUTPUT_LIMIT, int(found[1])
    return None


def _blamed(fault: Fault) -> list[str]:
    """The parameters of ours that the provider does not take at all, by what it says."""
    if fault.extras:
        return [name for name in _PARAMETERS if name in fault.extras]
    unsupported = fault.code in _UNSUPPORTED_CODES or _UNSUPPORTED.search(fault.text) is not None
    if fault.param:
        # A parameter of a wrong value is named too; that is no lesson about the parameter.
        name = re.split(r"[.\[]", fault.param.removeprefix("body."), maxsplit=1)[0]
        return [name] if unsupported and name in _PARAMETERS else []
    for sentence in re.split(r"[.;\n](?:\s|$)", _REMEDY.sub("", fault.text)):
        blame = _UNSUPPORTED.search(sentence)
        names = [name for name in _PARAMETERS if re.search(rf"(?<!\w){name}(?!\w)", sentence)]
        if blame and names:
            first = re.search(rf"(?<!\w){names[0]}(?!\w)", sentence)
            about_content = first and _ABOUT_CONTENT.search(sentence, 0, first.start())
            return [] if about_content else names
    return []
