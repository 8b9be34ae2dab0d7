"""What the gateway remembers of a client over reconnects, and which events it wants."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntFlag

# As many missed events as a client may catch up on; beyond it the session is invalid.
REPLAY_LIMIT = 5000


class Intents(IntFlag):
    """https://discord.com/developers/docs/events/gateway#gateway-intents."""

    NONE = 0
    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    GUILD_MESSAGE_REACTIONS = 1 << 10
    GUILD_MESSAGE_TYPING = 1 << 11
    DIRECT_MESSAGES = 1 << 12
    DIRECT_MESSAGE_REACTIONS = 1 << 13
    DIRECT_MESSAGE_TYPING = 1 << 14
    MESSAGE_CONTENT = 1 << 15


PRIVILEGED = Intents.GUILD_MEMBERS | Intents.GUILD_PRESENCES | Intents.MESSAGE_CONTENT
# Bits 0 to 16 but for the retired ones are all in use, as are 20, 21, 24 and 25.
KNOWN_INTENTS = (1 << 17) - 1 | 0b110011 << 20


@dataclass(slots=True, eq=False)
class Session:
    """One identified client; it outlives its connection so that the client can resume."""

    intents: int
    shard: tuple[int, int] = (0, 1)
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    seq: int = 0
    frames: deque[tuple[int, bytes]] = field(
        default_factory=lambda: deque[tuple[int, bytes]](maxlen=REPLAY_LIMIT)
    )
    deliver: Callable[[bytes], None] | None = None
    """Puts a frame on the wire; None while the client is away."""

    def push(self, name: str, body: bytes) -> None:
        """Number an event, keep it for a resume, and deliver it if the client is there."""
        self.seq += 1
        frame = b'{"t":"%b","s":%d,"op":0,"d":%b}' % (name.encode(), self.seq, body)
        self.frames.append((self.seq, frame))
        if self.deliver is not None:
            self.deliver(frame)

    def sees(self, guild_id: int | None) -> bool:
        """Whether this shard gets the events of that guild; DMs go to shard 0.

        https://discord.com/developers/docs/events/gateway#sharding
        """
        number, count = self.shard
        return ((guild_id or 0) >> 22) % count == number if guild_id else number == 0

    def missed_since(self, seq: int) -> list[bytes] | None:
        """Return the frames after `seq`, or None if they are no longer known."""
        if self.frames and self.frames[0][0] > seq + 1:
            return None
        return [frame for number, frame in self.frames if number > seq]
