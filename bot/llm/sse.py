"""Server-sent events from the bytes of a response, by the rules of the WHATWG HTML standard, 9.2.6.

`httpx2` can split a response into lines, but splits where Python's `splitlines` does: at U+2028 and
U+0085 too, which may stand unescaped inside JSON and would tear an event apart.
"""


class Decoder:
    """Takes bytes as they come, gives events as they are whole."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._after_cr = False
        self._begun = False
        self._name = ""
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> list[tuple[str, bytes]]:
        """The events that `chunk` completes: name (empty if it has none) and data."""
        if not self._begun:
            self._begun = True
            chunk = chunk.removeprefix(b"\xef\xbb\xbf")
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        self._after_cr = chunk.endswith(b"\r") or (self._after_cr and not chunk)
        if b"\r" in chunk:
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, rest = chunk.split(b"\n")
        if not lines:
            self._rest.append(rest)
            return []
        lines[0] = b"".join((*self._rest, lines[0]))
        self._rest = [rest]
        return self._events(lines)

    def end(self) -> list[tuple[str, bytes]]:
        """What the stream ended on without the blank line that it owes; at most one event."""
        return self._events([b"".join(self._rest), b""])

    def _events(self, lines: list[bytes]) -> list[tuple[str, bytes]]:
        events: list[tuple[str, bytes]] = []
        for line in lines:
            if not line:
                if self._data:
                    events.append((self._name, b"\n".join(self._data)))
                self._name, self._data = "", []
                continue
            field, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if field == b"data":
                self._data.append(value)
            elif field == b"event":
                self._name = value.decode(errors="replace")
        return events
