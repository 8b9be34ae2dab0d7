"""Discord in a box: gateway, REST and a page on loopback, for tests, benchmarks and trying the bot."""

from .entities import (
    Attachment,
    Channel,
    ChannelKind,
    Guild,
    Member,
    Message,
    MessageFlag,
    MessageKind,
    Role,
    Transcript,
    User,
)
from .errors import Refusal
from .interactions import Interaction
from .people import Person
from .permissions import Permission
from .requests import Request
from .server import Playground
from .sessions import Intents
from .stage import TOKEN

__all__ = [
    "TOKEN",
    "Attachment",
    "Channel",
    "ChannelKind",
    "Guild",
    "Intents",
    "Interaction",
    "Member",
    "Message",
    "MessageFlag",
    "MessageKind",
    "Permission",
    "Person",
    "Playground",
    "Refusal",
    "Request",
    "Role",
    "Transcript",
    "User",
]
