"""Who may do what: one rule for messages, slash commands, buttons and autocompletion."""

import enum
from dataclasses import dataclass

from bot.core.errors import Problem, Told
from bot.core.model import Place


class Action(enum.Enum):
    """What somebody wants to do."""

    CHAT = "chat"
    IMAGINE = "imagine"
    RESET = "reset"
    SHOW_SETTINGS = "show settings"
    SET_FOR_CHANNEL = "set for channel"
    SET_FOR_SERVER = "set for server"
    RETRY = "retry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who wants it: with their Discord permissions in that place, where it is a server's."""

    id: int
    is_bot: bool = False
    manages_channel: bool = False
    manages_server: bool = False
    moderates: bool = False


def authorize(actor: Actor, place: Place, action: Action, *, asker_id: int | None = None) -> None:
    """Return if `actor` may do `action` in `place`; `asker_id` is whose turn it concerns, if it is one's.

    In a DM a person may do everything that concerns the DM.

    Raises:
        Told: They may not; it says what they would need. Bots may do nothing, so that two bots do
            not answer each other for ever.
    """
    if actor.is_bot:
        raise Told(Problem.NOT_ALLOWED, permission="people only")
    match action:
        case Action.SET_FOR_SERVER if place.guild_id is None:
            raise Told(Problem.SERVER_ONLY)
        case Action.SET_FOR_SERVER if not actor.manages_server:
            raise Told(Problem.NOT_ALLOWED, permission="Manage Server")
        case Action.RETRY if actor.id != asker_id and not actor.moderates:
            raise Told(Problem.NOT_YOURS)
        case Action.SET_FOR_CHANNEL if place.guild_id is not None and not actor.manages_channel:
            raise Told(Problem.NOT_ALLOWED, permission="Manage Channels")
        case _:
            return
