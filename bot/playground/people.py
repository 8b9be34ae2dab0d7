"""A person, and what people can do: each act needs the permission it needs in Discord."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from . import permissions
from .acts import Acts, component, refuse
from .drafts import Draft, Upload
from .entities import Channel, ChannelKind, Json, Message, MessageFlag, Role, User
from .errors import ApiError
from .events import Events
from .interactions import Interaction
from .mentions import AllowedMentions
from .messages import Messages, reference_json
from .options import OptionValue
from .permissions import Permission
from .threads import Threads

# Without Nitro.
CONTENT_LIMIT = 2000


@dataclass(frozen=True, slots=True)
class Hands:
    """What people act with."""

    messages: Messages
    threads: Threads
    acts: Acts
    events: Events
    dm: Callable[[User], Channel]


@dataclass(slots=True, eq=False)
class Person(User):
    """Someone who uses Discord.

    Every act raises PermissionError when Discord would not let this person do it, and ValueError when their
    client would not send it. All are coroutines, so that a script reads the same whether or not an act waits.
    """

    hands: Hands = field(kw_only=True, repr=False)

    async def say(
        self,
        channel: Channel,
        content: str = "",
        *,
        reply_to: Message | None = None,
        files: Iterable[tuple[str, bytes]] = (),
        mention_reply: bool = True,
        silent: bool = False,
        nonce: str | int | None = None,
    ) -> Message:
        """Write a message."""
        if len(content) > CONTENT_LIMIT:
            raise ValueError(f"a message has at most {CONTENT_LIMIT} characters, not {len(content)}")
        draft = Draft(content=content.strip(), nonce=nonce)
        draft.uploads = [Upload(name, data) for name, data in files] or None
        draft.allowed = AllowedMentions(replied_user=mention_reply)
        if silent:
            draft.flags = MessageFlag.SUPPRESS_NOTIFICATIONS
        if reply_to is not None:
            draft.reference = reference_json(reply_to)
        return self._post(channel, draft)

    def _post(self, channel: Channel, draft: Draft) -> Message:
        try:
            return self.hands.messages.post(self, channel, draft)
        except ApiError as error:
            raise refuse(error, self) from error

    async def forward(self, message: Message, channel: Channel) -> Message:
        """Forward a message to another channel."""
        return self._post(channel, Draft(reference=reference_json(message, kind=1)))

    async def edit(self, message: Message, content: str) -> Message:
        """Change one's own message."""
        if message.author is not self or message.deleted:
            raise PermissionError(f"{self} cannot edit that message")
        self.hands.messages.edit(message, Draft(content=content.strip()))
        return message

    async def delete(self, message: Message) -> None:
        """Delete one's own message, anyone's as a moderator, or dismiss an ephemeral one."""
        granted = permissions.in_channel(message.channel, self)
        mine = message.author is self or message.viewer is self
        if message.deleted or not (mine or granted & Permission.MANAGE_MESSAGES):
            raise PermissionError(f"{self} cannot delete that message")
        self.hands.messages.delete(message)

    async def delete_many(self, messages: Sequence[Message]) -> None:
        """Delete several messages of one channel at once, as moderation bots do (MESSAGE_DELETE_BULK)."""
        channel = messages[0].channel
        self._require(channel, Permission.MANAGE_MESSAGES)
        self.hands.messages.delete_many(channel, [each for each in messages if not each.deleted])

    async def react(self, message: Message, emoji: str) -> None:
        """Add a reaction: a character, or name:id."""
        needed = Permission.READ_MESSAGE_HISTORY
        self._require(
            message.channel, needed if emoji in message.reactions else needed | Permission.ADD_REACTIONS
        )
        message.reactions.setdefault(emoji, set()).add(self.id)
        self.hands.events.reaction("MESSAGE_REACTION_ADD", message, self, emoji)

    async def type(self, channel: Channel) -> None:
        """Show as typing."""
        self._require(channel, Permission.SEND_MESSAGES)
        channel.typing.append((self, time.monotonic()))
        self.hands.events.typing(channel, self, int(time.time()))

    async def start_thread(self, at: Channel | Message, name: str, *, private: bool = False) -> Channel:
        """Start a thread from a message, or in a channel without one."""
        parent = at.channel if isinstance(at, Message) else at
        needed = Permission.CREATE_PRIVATE_THREADS if private else Permission.CREATE_PUBLIC_THREADS
        self._require(parent, needed)
        kind = ChannelKind.PRIVATE_THREAD if private else ChannelKind.PUBLIC_THREAD
        starter = at if isinstance(at, Message) else None
        return self.hands.threads.start(self, parent, name, starter=starter, kind=kind)

    async def post(
        self, forum: Channel, title: str, content: str, *, files: Iterable[tuple[str, bytes]] = ()
    ) -> tuple[Channel, Message]:
        """Post in a forum; return the thread and its first message."""
        self._require(forum, Permission.SEND_MESSAGES)
        draft = Draft(content=content.strip(), uploads=[Upload(name, data) for name, data in files] or None)
        return self.hands.threads.post(self, forum, title, draft)

    async def slash(self, channel: Channel, name: str, /, **values: OptionValue) -> Interaction:
        """Use a slash command: "name", "group sub"; options by keyword."""
        return self.hands.acts.slash(self, channel, name, values)

    async def menu(self, target: Message | User, name: str, *, channel: Channel | None = None) -> Interaction:
        """Choose an entry of the bot in the context menu of a message, or of a user seen in `channel`."""
        where = target.channel if isinstance(target, Message) else channel
        return self.hands.acts.menu(self, where or self.hands.dm(self), name, target)

    async def autocomplete(
        self,
        channel: Channel,
        name: str,
        /,
        focused: str,
        value: str = "",
        *,
        timeout: float = 3,  # noqa: ASYNC109 - asyncio.timeout inside
        **values: OptionValue,
    ) -> list[Json]:
        """Type `value` into the option `focused`; return the choices that are offered ({"name", "value"})."""
        interaction = self.hands.acts.complete(self, channel, name, focused, value, values)
        await interaction.acknowledgement(timeout)
        return interaction.choices or []

    async def press(
        self, message: Message, custom_id: str | None = None, *, label: str | None = None
    ) -> Interaction:
        """Press a button, found by its custom id or its label."""
        return self.hands.acts.press(self, message, component(message, custom_id, label))

    async def choose(
        self, message: Message, custom_id: str, *values: str | User | Role | Channel
    ) -> Interaction:
        """Choose in a select."""
        return self.hands.acts.choose(self, message, component(message, custom_id, None), values)

    def _require(self, channel: Channel, needed: Permission) -> None:
        if needed & ~permissions.in_channel(channel, self):
            raise PermissionError(
                f"{self} lacks {needed & ~permissions.in_channel(channel, self)!r} in {channel}"
            )
