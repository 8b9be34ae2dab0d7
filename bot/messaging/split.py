"""Text into pages: each fits one Discord message, and its code blocks are whole.

A page ends at a paragraph, else a line, a sentence, a word, and only in the middle of one where
nothing else is. A code block that a page's end cuts is closed there and reopened on the next page.
Where a page ends depends on nothing behind it, so that pages stay as they are while a text grows.
"""

import re
from dataclasses import dataclass

# Discord's limit for a message of a bot. Its client counts UTF-16 code units.
PAGE_UNITS = 2000

# CommonMark 0.31, 4.5: three or more backticks or tildes, an info string, in which
# a backtick fence has no backticks.
# People and models put blocks into lists and quotes, and Discord shows them there, so any markers of
# those may stand before the fence. More than forty marks are an ornament: repeating them on every page
# would leave no room for the text.
_FENCE = re.compile(
    r"^[ \t]*(?:>[ \t]*|(?:[-*+]|\d{1,9}[.)])[ \t]+)*(?P<marks>`{3,40}|~{3,40})(?P<info>[^`~].*|)$"
)

# An info string longer than this is no language's name; it is not repeated when a block is reopened.
_INFO_CHARS = 60

_SENTENCE_END = re.compile(r"[.!?…][\"')\]]*(?=\s)|[。！？](?=.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Fence:
    """An open code block: the marks that opened it, and the language beside them."""

    marks: str
    info: str

    @property
    def opening(self) -> str:
        return f"{self.marks}{self.info if len(self.info) <= _INFO_CHARS else ''}\n"

    @property
    def closing(self) -> str:
        return f"\n{self.marks}"

    def closed_by(self, line: str) -> bool:
        found = _FENCE.match(line)
        return (
            found is not None
            and found["marks"][0] == self.marks[0]
            and len(found["marks"]) >= len(self.marks)
            and not found["info"].strip()
        )


def pages(text: str, *, limit: int = PAGE_UNITS) -> list[str]:
    """`text` as messages of at most `limit` UTF-16 units; none is blank, and a blank text has none."""
    found: list[str] = []
    rest = text.rstrip()
    fence: _Fence | None = None
    while rest.strip():
        opening = fence.opening if fence else ""
        room = limit - units(opening)
        end = _page_end(rest, room, fence)
        body = rest[:end]
        fence = _open_fence(body, fence)
        page = opening + body.rstrip("\n") if fence else opening + body.rstrip()
        if fence:
            page += fence.closing
        if body.strip():
            found.append(page)
        # White space at a cut would only stand at the top of the next page.
        rest = rest[end:].removeprefix("\n") if fence else rest[end:].removeprefix(" ").lstrip("\n")
    return found


def units(text: str) -> int:
    """How long Discord thinks that `text` is, in UTF-16 code units."""
    return len(text) + sum(1 for char in text if char > "\uffff")


def _page_end(text: str, room: int, fence: _Fence | None) -> int:
    """Where the page ends that begins `text`, so that it has `room` for itself and a closing fence."""
    whole = _index_at(text, room)
    if whole == len(text) and _fits(text, room, fence):
        return whole
    end = whole
    while True:
        end = _cut(text[:end])
        if _fits(text[:end], room, fence):
            return end
        # Only a closing fence can be in the way; make place for it.
        end -= 1


def _fits(body: str, room: int, fence: _Fence | None) -> bool:
    still_open = _open_fence(body, fence)
    return units(body) + (units(still_open.closing) if still_open else 0) <= room


def _index_at(text: str, room: int) -> int:
    """How many characters of `text` take at most `room` UTF-16 units."""
    if len(text) * 2 <= room:
        return len(text)
    index = min(len(text), room)
    while units(text[:index]) > room:
        index -= max(1, (units(text[:index]) - room) // 2)
    return index


def _cut(text: str) -> int:
    """The best place to end a page that must end within `text`, in its second half if there is one."""
    earliest = len(text) // 2
    for mark in ("\n\n", "\n"):
        at = text.rfind(mark, earliest)
        if at > 0:
            return at
    sentences = [found.end() for found in _SENTENCE_END.finditer(text, earliest)]
    if sentences:
        return sentences[-1]
    at = max(text.rfind(" ", earliest), text.rfind("\t", earliest))
    return at if at > 0 else len(text)


def _open_fence(text: str, fence: _Fence | None) -> _Fence | None:
    """The code block that is open at the end of `text`, when `fence` was open before it."""
    for line in text.split("\n"):
        if fence is not None:
            if fence.closed_by(line):
                fence = None
        elif (found := _FENCE.match(line)) and not (found["marks"][0] == "`" and "`" in found["info"]):
            fence = _Fence(found["marks"], found["info"].strip())
    return fence
