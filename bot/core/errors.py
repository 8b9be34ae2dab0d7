"""What people are told when something does not work: a key and parameters, worded at the edge.

`Told` is raised deep inside and shown where the person is; `messaging.report` has the words, in the
asker's language. A provider's own prose never reaches a person.
"""

import enum
import secrets


class Problem(enum.StrEnum):
    """Everything that a person can be told went wrong; each has its words in `locales/`.

    The parameters that a problem's words use stand behind it.
    """

    # The model's provider.
    RATE_LIMITED = "rate_limited"  # retry_after_s (0 when the provider did not say)
    OUT_OF_CREDIT = "out_of_credit"
    KEY_REFUSED = "key_refused"
    KEY_MISSING = "key_missing"
    MODEL_UNKNOWN = "model_unknown"  # model
    MODEL_FORBIDDEN = "model_forbidden"  # model
    MODEL_UNSET = "model_unset"
    REQUEST_REFUSED = "request_refused"  # model
    FILTERED = "filtered"
    TOO_LONG = "too_long"  # limit_tokens
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    OVERLOADED = "overloaded"
    BROKE_OFF = "broke_off"
    EMPTY_ANSWER = "empty_answer"
    ONLY_THOUGHT = "only_thought"  # max_tokens
    CUT_AT_MAX_TOKENS = "cut_at_max_tokens"  # max_tokens
    CUT_BY_FILTER = "cut_by_filter"
    # Pictures.
    IMAGES_UNSET = "images_unset"
    IMAGE_FILTERED = "image_filtered"
    IMAGE_UNUSABLE = "image_unusable"
    IMAGE_TOO_LARGE = "image_too_large"  # limit_mb
    # Discord.
    NO_SEND = "no_send"  # channel
    NO_ATTACH = "no_attach"
    DISCORD_REFUSED = "discord_refused"
    # What we decide ourselves.
    EMPTY_QUESTION = "empty_question"
    QUEUE_FULL = "queue_full"  # limit
    STOPPED_BY_RESET = "stopped_by_reset"
    SHUTTING_DOWN = "shutting_down"
    INTERRUPTED = "interrupted"
    NO_RETRY = "no_retry"
    NOT_YOURS = "not_yours"
    NOT_ALLOWED = "not_allowed"  # permission
    SERVER_ONLY = "server_only"
    UNDO_EXPIRED = "undo_expired"  # minutes
    UNDO_DONE = "undo_done"
    NOTHING_TO_SET = "nothing_to_set"
    OUT_OF_RANGE = "out_of_range"  # name, minimum, maximum
    TOO_MANY_CHARS = "too_many_chars"  # name, limit
    NOT_A_VALUE = "not_a_value"  # name
    # Our mistake.
    INTERNAL = "internal"  # reference


Param = str | int | float


class Told(Exception):
    """A failure that people are told about: `problem` says what, `params` fill its words."""

    def __init__(self, problem: Problem, /, **params: Param) -> None:
        super().__init__(problem.value, params)
        self.problem = problem
        self.params = params


class ContextOverflow(Told):
    """The provider says that the prompt does not fit; `window_tokens` is its window if it said so."""

    def __init__(self, *, window_tokens: int | None) -> None:
        super().__init__(Problem.TOO_LONG, limit_tokens=window_tokens or 0)
        self.window_tokens = window_tokens


class NotNow(Exception):
    """Nothing can be shown before the next start: the turn stays open for it."""


def internal() -> Told:
    """A bug, as people see it: nothing but a short reference, under which it is to be logged."""
    return Told(Problem.INTERNAL, reference=secrets.token_hex(4))
