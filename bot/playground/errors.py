"""What Discord answers when it refuses a request."""

from __future__ import annotations

from enum import Enum
from typing import Any


class Refusal(Enum):
    """HTTP status, Discord's code and Discord's words.

    https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
    """

    UNAUTHORIZED = (401, 0, "401: Unauthorized")
    NOT_FOUND = (404, 0, "404: Not Found")
    METHOD_NOT_ALLOWED = (405, 0, "405: Method Not Allowed")
    BAD_REQUEST = (400, 0, "400: Bad Request")
    SERVER_ERROR = (500, 0, "500: Internal Server Error")
    UNKNOWN_CHANNEL = (404, 10003, "Unknown Channel")
    UNKNOWN_GUILD = (404, 10004, "Unknown Guild")
    UNKNOWN_MEMBER = (404, 10007, "Unknown Member")
    UNKNOWN_MESSAGE = (404, 10008, "Unknown Message")
    UNKNOWN_USER = (404, 10013, "Unknown User")
    UNKNOWN_EMOJI = (400, 10014, "Unknown Emoji")
    UNKNOWN_WEBHOOK = (404, 10015, "Unknown Webhook")
    UNKNOWN_INTERACTION = (404, 10062, "Unknown interaction")
    UNKNOWN_COMMAND = (404, 10063, "Unknown application command")
    BOTS_CANNOT_USE = (403, 20001, "Bots cannot use this endpoint")
    FILE_TOO_LARGE = (413, 40005, "Request entity too large")
    ALREADY_ACKNOWLEDGED = (400, 40060, "Interaction has already been acknowledged.")
    TOO_MANY_FOLLOWUPS = (400, 40094, "Maximum number of follow-up messages reached.")
    MISSING_ACCESS = (403, 50001, "Missing Access")
    NOT_YOUR_MESSAGE = (403, 50005, "Cannot edit a message authored by another user")
    EMPTY_MESSAGE = (400, 50006, "Cannot send an empty message")
    CANNOT_DM = (403, 50007, "Cannot send messages to this user")
    NOT_A_TEXT_CHANNEL = (400, 50008, "Cannot send messages in a non-text channel")
    MISSING_PERMISSIONS = (403, 50013, "Missing Permissions")
    BULK_DELETE_COUNT = (400, 50016, "You can only bulk delete between 2 and 100 messages")
    SYSTEM_MESSAGE = (403, 50021, "Cannot execute action on a system message")
    WRONG_CHANNEL_TYPE = (400, 50024, "Cannot execute action on this channel type")
    INVALID_WEBHOOK_TOKEN = (401, 50027, "Invalid Webhook Token")
    TOO_OLD_TO_BULK_DELETE = (400, 50034, "You can only bulk delete messages that are under 14 days old.")
    THREAD_ARCHIVED = (400, 50083, "Thread is archived")
    INVALID_JSON = (400, 50109, "The request body contains invalid JSON.")
    MAX_PINS = (400, 30003, "Maximum number of pins reached (50)")
    REPLY_NEEDS_HISTORY = (403, 160002, "Cannot reply without permission to read message history")
    THREAD_EXISTS = (400, 160004, "A thread has already been created for this message")
    THREAD_LOCKED = (400, 160005, "Thread is locked")


class ApiError(Exception):
    """A request was refused; `body()` is the JSON that Discord would send."""

    def __init__(self, refusal: Refusal, errors: dict[str, Any] | None = None) -> None:
        self.status, self.code, self.message = refusal.value
        self.errors = errors
        super().__init__(f"{self.status} ({self.code}): {self.message}")

    def body(self) -> dict[str, Any]:
        """Return Discord's error object."""
        body: dict[str, Any] = {"message": self.message, "code": self.code}
        if self.errors is not None:
            body["errors"] = self.errors
        return body


class FormError(ApiError):
    """The body has fields that Discord does not take (code 50035).

    `errors` is Discord's tree: field names down to `_errors`, list positions as strings.
    """

    def __init__(self, faults: list[tuple[str, str, str]]) -> None:
        super().__init__(Refusal.BAD_REQUEST, {})
        self.code, self.message = 50035, "Invalid Form Body"
        tree: dict[str, Any] = {}
        for path, code, message in faults:
            node = tree
            for step in path.split(".") if path else ():
                node = node.setdefault(step, {})
            node.setdefault("_errors", []).append({"code": code, "message": message})
        self.errors = tree
        self.args = (f"{self.message}: " + "; ".join(f"{path}: {message}" for path, _, message in faults),)


class Form:
    """Collects everything that is wrong with one body, so that one answer names it all."""

    __slots__ = ("faults",)

    def __init__(self) -> None:
        self.faults: list[tuple[str, str, str]] = []

    def fault(self, path: str, code: str, message: str) -> None:
        """Note that the field at `path` ("embeds.0.title") is wrong."""
        self.faults.append((path, code, message))

    def required(self, path: str) -> None:
        """Note that the field at `path` is missing."""
        self.fault(path, "BASE_TYPE_REQUIRED", "This field is required")

    def choice(self, path: str, allowed: str) -> None:
        """Note that the value at `path` is not among those `allowed`."""
        self.fault(path, "BASE_TYPE_CHOICES", f"Value must be one of {allowed}.")

    def text(self, path: str, value: object, longest: int, *, shortest: int = 0) -> str:
        """Check a string's type and length; return it, or "" if it is wrong or null."""
        if value is None:
            if shortest:
                self.required(path)
            return ""
        if not isinstance(value, str):
            self.fault(path, "STRING_TYPE_CONVERT", f'Could not interpret "{value}" as string.')
            return ""
        # Discord counts code points; a UTF-16 count can only be larger, and its own clients count that way.
        length = len(value) if value.isascii() else len(value.encode("utf-16-le", "surrogatepass")) // 2
        if length > longest and shortest:
            self.fault(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {shortest} and {longest} in length.")
        elif length > longest:
            self.fault(path, "BASE_TYPE_MAX_LENGTH", f"Must be {longest} or fewer in length.")
        elif length < shortest:
            self.fault(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {shortest} and {longest} in length.")
        return value

    def integer(self, path: str, value: object, low: int, high: int) -> int:
        """Check an integer's type and range; return it, or `low` if it is wrong."""
        if isinstance(value, bool) or not isinstance(value, int):
            self.fault(path, "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
            return low
        if not low <= value <= high:
            self.fault(path, "NUMBER_TYPE_RANGE", f"int value should be between {low} and {high}.")
            return low
        return value

    def items(self, path: str, value: object, most: int, *, least: int = 0) -> list[Any]:
        """Check that `value` is a list of a fitting length; return it, or [] if it is not."""
        if value is None and not least:
            return []
        if not isinstance(value, list):
            self.fault(path, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            return []
        found: list[Any] = value  # pyright: ignore[reportUnknownVariableType]: JSON
        if not least <= len(found) <= most:
            self.fault(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length.")
            return []
        return found

    def check(self) -> None:
        """Raise FormError if anything was wrong."""
        if self.faults:
            raise FormError(self.faults)
