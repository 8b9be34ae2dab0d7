"""REST: channels, threads, typing, guilds, and who the bot is."""

from __future__ import annotations

import time

from . import drafts, permissions, wire, wire_messages
from .entities import Channel, ChannelKind, Guild, Json, User
from .errors import ApiError, Form, Refusal
from .events import Events
from .gateway import Gateway
from .limits import MESSAGING
from .messages import Messages
from .permissions import Permission
from .requests import Request
from .rest_messages import MessageRoutes
from .routes import Route
from .snowflakes import as_id
from .threads import Threads
from .world import World


class ChannelRoutes:
    """Handlers; each returns the JSON to answer with, or None."""

    def __init__(
        self,
        world: World,
        gateway: Gateway,
        messages: Messages,
        threads: Threads,
        events: Events,
        of_messages: MessageRoutes,
    ) -> None:
        self._world = world
        self._gateway = gateway
        self._messages = messages
        self._threads = threads
        self._events = events
        self._of_messages = of_messages

    def routes(self) -> list[Route]:
        """Return what this module answers."""
        channel = "/channels/{channel_id}"
        return [
            Route("GET", "/users/@me", lambda _: wire.user_json(self._world.bot) | {"verified": True}),
            Route("GET", "/users/{user_id}", self.user),
            Route("POST", "/users/@me/channels", self.open_dm),
            Route("GET", "/oauth2/applications/@me", self.application),
            Route("GET", "/applications/@me", self.application),
            Route("GET", "/gateway", lambda _: {"url": self._gateway.url}),
            Route("GET", "/gateway/bot", self.gateway_bot),
            Route("GET", "/guilds/{guild_id}", lambda request: wire.guild_json(self._guild(request))),
            Route("GET", "/guilds/{guild_id}/channels", self.guild_channels),
            Route("GET", "/guilds/{guild_id}/members/{user_id}", self.member),
            Route("GET", "/guilds/{guild_id}/threads/active", self.active_threads),
            Route("GET", channel, lambda request: wire.channel_json(self._of_messages.channel_of(request))),
            Route("PATCH", channel, self.edit_channel),
            Route("DELETE", channel, self.delete_channel),
            Route("POST", channel + "/typing", self.typing, MESSAGING),
            Route("POST", channel + "/threads", self.start_thread),
            Route("POST", channel + "/messages/{message_id}/threads", self.start_thread_from_message),
            Route("GET", channel + "/thread-members/{user_id}", self.thread_member),
            Route("PUT", channel + "/thread-members/@me", self.join_thread),
            Route("DELETE", channel + "/thread-members/@me", self.leave_thread),
        ]

    def user(self, request: Request) -> Json:
        """Return a user."""
        user = self._world.users.get(as_id(request.params["user_id"]) or 0)
        if user is None:
            raise ApiError(Refusal.UNKNOWN_USER)
        return wire.user_json(user)

    def open_dm(self, request: Request) -> Json:
        """Open the DM with someone."""
        user = self._world.users.get(as_id(request.json.get("recipient_id")) or 0)
        if user is None:
            raise ApiError(Refusal.UNKNOWN_USER)
        if user.bot:
            raise ApiError(Refusal.CANNOT_DM)
        return wire.channel_json(self._world.dm_with(user))

    def application(self, request: Request) -> Json:
        """Return the bot's application; its owner is the first guild's owner."""
        owner: User | None = next((guild.owner for guild in self._world.guilds.values()), None)
        return wire.application_json(self._world, owner, self._gateway.application_flags)

    def gateway_bot(self, request: Request) -> Json:
        """Return the gateway's address and how many sessions may still be started today."""
        limit: Json = {
            "total": 1000,
            "remaining": max(0, 1000 - self._gateway.identifies),
            "reset_after": 86_400_000,
            "max_concurrency": 1,
        }
        return {"url": self._gateway.url, "shards": 1, "session_start_limit": limit}

    def _guild(self, request: Request) -> Guild:
        guild = self._world.guilds.get(as_id(request.params["guild_id"]) or 0)
        if guild is None:
            raise ApiError(Refusal.UNKNOWN_GUILD)
        if not self._world.bot_is_in(guild):
            raise ApiError(Refusal.MISSING_ACCESS)
        return guild

    def guild_channels(self, request: Request) -> list[Json]:
        """Return a guild's channels, without threads."""
        return [
            wire.channel_json(each) for each in self._guild(request).channels.values() if not each.is_thread
        ]

    def member(self, request: Request) -> Json:
        """Return a member of a guild."""
        member = self._guild(request).members.get(as_id(request.params["user_id"]) or 0)
        if member is None:
            raise ApiError(Refusal.UNKNOWN_MEMBER)
        return wire.member_json(member)

    def active_threads(self, request: Request) -> Json:
        """Return a guild's threads that are not archived and that the bot sees."""
        bot = self._world.bot
        threads = [
            each
            for each in self._guild(request).channels.values()
            if each.is_thread and not each.archived and permissions.in_channel(each, bot)
        ]
        joined = [wire.thread_member_json(each, bot) for each in threads if bot.id in each.thread_members]
        return {"threads": [wire.channel_json(each) for each in threads], "members": joined}

    def edit_channel(self, request: Request) -> Json:
        """Rename a channel or thread, set a topic, archive or lock a thread."""
        channel = self._of_messages.channel_of(request)
        own_thread = channel.is_thread and channel.owner is self._world.bot
        needed = Permission.MANAGE_THREADS if channel.is_thread else Permission.MANAGE_CHANNELS
        granted = permissions.in_channel(channel, self._world.bot)
        if not granted & needed and not (own_thread and "locked" not in request.json):
            raise ApiError(Refusal.MISSING_PERMISSIONS)
        form, body = Form(), request.json
        if "name" in body:
            name = form.text("name", body["name"], 100, shortest=1)
            form.check()
            channel.name = name
        channel.topic = body.get("topic", channel.topic)
        channel.archived = bool(body.get("archived", channel.archived))
        channel.locked = bool(body.get("locked", channel.locked))
        self._events.channel("THREAD_UPDATE" if channel.is_thread else "CHANNEL_UPDATE", channel)
        return wire.channel_json(channel)

    def delete_channel(self, request: Request) -> Json:
        """Delete a channel or thread; a DM is only closed."""
        channel = self._of_messages.channel_of(request)
        if channel.guild is None:
            return wire.channel_json(channel)
        needed = Permission.MANAGE_THREADS if channel.is_thread else Permission.MANAGE_CHANNELS
        self._of_messages.channel_of(request, needed)
        self._world.remove_channel(channel)
        self._events.channel("THREAD_DELETE" if channel.is_thread else "CHANNEL_DELETE", channel)
        return wire.channel_json(channel)

    def typing(self, request: Request) -> None:
        """Show the bot as typing for ten seconds."""
        channel = self._of_messages.channel_of(request)
        needed = Permission.SEND_MESSAGES_IN_THREADS if channel.is_thread else Permission.SEND_MESSAGES
        self._of_messages.channel_of(request, needed)
        channel.typing.append((self._world.bot, time.monotonic()))
        self._events.typing(channel, self._world.bot, int(time.time()))

    def start_thread(self, request: Request) -> Json:
        """Start a thread without a message, or a post in a forum."""
        channel = self._of_messages.channel_of(request)
        body, form = request.json, Form()
        name = form.text("name", body.get("name"), 100, shortest=1)
        if channel.kind is ChannelKind.FORUM:
            return self._post_in_forum(request, channel, name, form)
        private = body.get("type", ChannelKind.PRIVATE_THREAD) == ChannelKind.PRIVATE_THREAD
        form.check()
        needed = Permission.CREATE_PRIVATE_THREADS if private else Permission.CREATE_PUBLIC_THREADS
        self._of_messages.channel_of(request, needed)
        kind = ChannelKind.PRIVATE_THREAD if private else ChannelKind.PUBLIC_THREAD
        return wire.channel_json(self._threads.start(self._world.bot, channel, name, kind=kind))

    def _post_in_forum(self, request: Request, forum: Channel, name: str, form: Form) -> Json:
        given = request.json.get("message")
        if not isinstance(given, dict):
            form.required("message")
            given = {}
        form.check()
        self._of_messages.channel_of(request, Permission.SEND_MESSAGES)
        draft = drafts.parse(given, request.files, file_limit_bytes=self._of_messages.file_limit_bytes)  # pyright: ignore[reportUnknownArgumentType]: JSON
        thread, message = self._threads.post(self._world.bot, forum, name, draft)
        return wire.channel_json(thread) | {"message": wire_messages.message_json(message, self._world.bot)}

    def start_thread_from_message(self, request: Request) -> Json:
        """Start a thread from a message; it takes the message's id."""
        channel = self._of_messages.channel_of(request, Permission.CREATE_PUBLIC_THREADS)
        message = channel.messages.get(as_id(request.params["message_id"]) or 0)
        if message is None or message.ephemeral:
            raise ApiError(Refusal.UNKNOWN_MESSAGE)
        if channel.is_thread or channel.guild is None:
            raise ApiError(Refusal.WRONG_CHANNEL_TYPE)
        if message.thread is not None:
            raise ApiError(Refusal.THREAD_EXISTS)
        form = Form()
        name = form.text("name", request.json.get("name"), 100, shortest=1)
        form.check()
        return wire.channel_json(self._threads.start(self._world.bot, channel, name, starter=message))

    def thread_member(self, request: Request) -> Json:
        """Say who somebody is in a thread; 404 for those who are not in it."""
        thread = self._of_messages.channel_of(request)
        user = self._world.users.get(as_id(request.params["user_id"]) or 0)
        if not thread.is_thread or user is None or user.id not in thread.thread_members:
            raise ApiError(Refusal.UNKNOWN_MEMBER)
        return wire.thread_member_json(thread, user)

    def join_thread(self, request: Request) -> None:
        """Join a thread."""
        self._events.thread_joined(self._of_messages.channel_of(request), [self._world.bot])

    def leave_thread(self, request: Request) -> None:
        """Leave a thread."""
        self._events.thread_left(self._of_messages.channel_of(request), self._world.bot)
