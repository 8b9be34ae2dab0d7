"""Starting threads and forum posts, for the bot and for people alike."""

from __future__ import annotations

from .drafts import Draft
from .entities import Channel, ChannelKind, Message, MessageKind, User
from .events import Events
from .messages import Messages, reference_json
from .world import World


class Threads:
    """Makes threads as Discord does, with the messages and events that belong to it."""

    def __init__(self, world: World, messages: Messages, events: Events) -> None:
        self._world = world
        self._messages = messages
        self._events = events

    def start(
        self,
        owner: User,
        parent: Channel,
        name: str,
        *,
        starter: Message | None = None,
        kind: ChannelKind = ChannelKind.PUBLIC_THREAD,
    ) -> Channel:
        """Start a thread below `parent`, from its message `starter` if there is one.

        From a message, Discord updates that message (it has a thread now) and opens the thread with a message
        of type 21 that points at it. Without one, the parent gets a message of type 18 that names the thread.
        """
        if parent.kind is ChannelKind.ANNOUNCEMENT:
            kind = ChannelKind.ANNOUNCEMENT_THREAD
        thread = self._world.add_thread(parent, name, owner, starter, kind)
        self._events.channel("THREAD_CREATE", thread, newly_created=True)
        if starter is not None:
            self._events.message_updated(starter)
            opening = Message(self._world.new_id(), thread, owner, "", MessageKind.THREAD_STARTER_MESSAGE)
            opening.reference, opening.referenced = reference_json(starter), starter
            self._messages.add(opening)
        elif kind is not ChannelKind.PRIVATE_THREAD:
            notice = Message(self._world.new_id(), parent, owner, name, MessageKind.THREAD_CREATED)
            notice.reference = {
                "type": 0,
                "channel_id": str(thread.id),
                "guild_id": str(parent.guild.id if parent.guild else 0),
            }
            self._messages.add(notice)
        return thread

    def post(self, author: User, forum: Channel, title: str, draft: Draft) -> tuple[Channel, Message]:
        """Post in a forum: a thread whose first message has the thread's id."""
        thread = self._world.add_thread(forum, title, author, None, ChannelKind.PUBLIC_THREAD)
        message = Message(thread.id, thread, author, "")
        try:
            self._messages.fill(message, draft)
        except Exception:
            self._world.remove_channel(thread)
            raise
        self._events.channel("THREAD_CREATE", thread, newly_created=True)
        self._messages.add(message)
        return thread, message
