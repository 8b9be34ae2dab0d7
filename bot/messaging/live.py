"""A reply that grows: an answer becomes visible in a channel while the model still writes it.

The theory. Discord allows about five edits in five seconds in a channel, so a growing page is edited at
most once a second, each time to the newest text; discord.py waits by itself where Discord asks for more.
Whoever reads the model only calls `write`, which never waits: a task of the reply's own does all talking
to Discord, one request at a time and in order. The last edit is not paced, and always made.
"""

import asyncio
import contextlib
import functools
import logging
from collections.abc import Awaitable, Callable, Sequence

import discord

from bot.core.errors import NotNow, Told
from bot.core.model import Outcome, Turn, TurnState
from bot.messaging import split
from bot.messaging.buttons import PersistentButton
from bot.messaging.insist import insist
from bot.messaging.report import DISCORD_FAULTS, Words, discord_forbids, discord_told

log = logging.getLogger(__name__)

Channel = (
    discord.TextChannel
    | discord.VoiceChannel
    | discord.StageChannel
    | discord.Thread
    | discord.DMChannel
    | discord.PartialMessageable
)
_UNKNOWN_MESSAGE = 10008

# Told of each page's number and id when it is posted.
Posted = Callable[[int, int], Awaitable[None]]

EDIT_INTERVAL_S = 1.0

# Discord takes a typing sign down after ten seconds.
_TYPING_INTERVAL_S = 8.0
# A quick answer needs no sign, and a slow one is not to be held up by it: the request goes out first.
_TYPING_DELAY_S = 0.1


class Live:
    """The reply to one message; see `core.ports.Reply`."""

    def __init__(
        self,
        client: discord.Client,
        channel: Channel,
        turn: Turn,
        *,
        words: Words,
        posted: Posted,
        retry_button: type[PersistentButton],
        pages: Sequence[int] = (),
    ) -> None:
        """`pages` are the messages of an earlier attempt, which are written anew."""
        self._client = client
        self._channel = channel
        self._guild = channel.guild
        self._turn = turn
        self._words = words
        self._posted = posted
        self._retry_button = retry_button
        self._pieces: list[str] = []
        self._pages: list[discord.Message | discord.PartialMessage] = [
            channel.get_partial_message(page) for page in pages
        ]
        # What each page shows; None where that is not known.
        self._shown: list[str | None] = [None] * len(pages)
        self._news = asyncio.Event()
        self._ended = asyncio.Event()
        self._delivery: asyncio.Task[None] | None = None
        self._typing: asyncio.Task[None] | None = None
        # At most the asker is pinged, whatever the model writes.
        self._pings = discord.AllowedMentions(
            everyone=False, roles=False, users=[discord.Object(turn.author.id)], replied_user=True
        )

    def obstacle(self) -> Told | None:
        """The permission to write that we lack here; None if we have it, or Discord has yet to say."""
        mine = self._permissions()
        if mine is None:
            return None
        in_thread = isinstance(self._channel, discord.Thread)
        writes = mine.send_messages_in_threads if in_thread else mine.send_messages
        return None if mine.view_channel and writes else discord_forbids(self._channel)

    def begin(self) -> None:
        """Show that we are typing until something is visible. Never waits, never fails."""
        self._typing = asyncio.create_task(self._keep_typing(), name=f"typing {self._turn.id}")

    def write(self, piece: str) -> None:
        """Show the next `piece` of the answer as soon as the pace allows. Never waits."""
        self._pieces.append(piece)
        self._news.set()
        if self._delivery is None:
            self._delivery = asyncio.create_task(self._deliver(), name=f"delivery {self._turn.id}")

    async def finish(self, text: str, outcome: Outcome) -> None:
        """Show the whole answer and, under it, what is told; a failed turn offers another try.

        Where the bot may not write any more, the asker is told in a DM, if they take any.

        Raises:
            Told: Discord does not take it.
            NotNow: The client is closed.
        """
        self._ended.set()
        self._news.set()
        try:
            await self._delivery_ended()
            if (forbidden := self.obstacle()) is not None:
                raise forbidden
            pages = _with_note(split.pages(text), outcome.told, self._words)
            await self._show_whole(pages, self._buttons(outcome))
        except Told as refused:
            if self._client.is_closed():
                raise NotNow from refused
            await self._whisper(refused)
            raise
        except RuntimeError as error:
            # aiohttp's "Session is closed": discord.py closes it by itself when the token is refused.
            if not self._client.is_closed():
                raise
            raise NotNow from error
        finally:
            if self._typing is not None:
                self._typing.cancel()

    async def abandon(self) -> None:
        """Leave what is shown as it is."""
        tasks = {task for task in (self._typing, self._delivery) if task is not None}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _delivery_ended(self) -> None:
        if self._delivery is None:
            return
        await asyncio.wait({self._delivery})
        if (error := self._delivery.exception()) is not None:
            # The end is shown all the same.
            log.error("turn %s: the delivery met a bug", self._turn.id, exc_info=error)

    async def _deliver(self) -> None:
        """Follow the answer, a second between edits, until it ends."""
        while not self._ended.is_set():
            await self._news.wait()
            self._news.clear()
            try:
                await self._show(split.pages("".join(self._pieces)))
            except (discord.Forbidden, discord.NotFound):
                # Asking again would be refused again; the end tells.
                return
            except DISCORD_FAULTS as error:
                # The end shows the whole text again, and tells if that fails too.
                log.warning("turn %s: a page was not shown yet: %s", self._turn.id, type(error).__name__)
            try:
                async with asyncio.timeout(EDIT_INTERVAL_S):
                    await self._ended.wait()
            except TimeoutError:
                continue

    async def _show_whole(self, pages: Sequence[str], buttons: discord.ui.View | None) -> None:
        """Show the end, over failures of the network: a page posted twice is shown once, by its nonce."""

        async def show() -> None:
            await self._show(pages)
            for surplus in self._pages[len(pages) :]:
                await _delete(surplus)
            if pages and buttons is not None:
                await self._set_buttons(self._pages[len(pages) - 1], buttons)

        try:
            await insist(show, what=f"turn {self._turn.id}")
        except DISCORD_FAULTS as error:
            raise discord_told(error, channel=self._channel) from error

    async def _show(self, pages: Sequence[str]) -> None:
        for number, content in enumerate(pages):
            if number >= len(self._pages):
                page = await self._post(number, content)
                self._pages.append(page)
                # An earlier attempt may have posted this page: then Discord gives that one back.
                self._shown.append(page.content)
                await self._posted(number, page.id)
            if self._shown[number] != content:
                await self._edit(number, content)
                self._shown[number] = content
            if self._typing is not None:
                self._typing.cancel()

    async def _edit(self, number: int, content: str) -> None:
        try:
            await self._pages[number].edit(content=content, allowed_mentions=self._pings)
        except discord.NotFound as error:
            if error.code != _UNKNOWN_MESSAGE:
                raise
            # Somebody deleted the page: they do not want it, so it is not posted again.
            log.info("turn %s: page %s is gone", self._turn.id, number)

    async def _post(self, number: int, content: str) -> discord.Message:
        """Post a page; the same page of the same turn, posted again, is not shown twice."""
        send = functools.partial(
            self._channel.send,
            content,
            nonce=f"{self._turn.id}.{number}",
            allowed_mentions=self._pings,
            suppress_embeds=True,
        )
        reference = self._reference() if number == 0 else None
        return await (send() if reference is None else send(reference=reference))

    def _buttons(self, outcome: Outcome) -> discord.ui.View | None:
        if outcome.state is not TurnState.FAILED:
            return None
        view = discord.ui.View(timeout=None)
        view.add_item(self._retry_button(self._turn.id))
        return view

    async def _set_buttons(
        self, page: discord.Message | discord.PartialMessage, buttons: discord.ui.View
    ) -> None:
        with contextlib.suppress(discord.NotFound):
            await page.edit(view=buttons)

    def _reference(self) -> discord.MessageReference | None:
        """The question to reply to; None where Discord would refuse a reply."""
        mine = self._permissions()
        if mine is not None and not mine.read_message_history:
            return None
        return discord.MessageReference(
            message_id=self._turn.id,
            channel_id=self._channel.id,
            guild_id=self._guild.id if self._guild else None,
            fail_if_not_exists=False,
        )

    def _permissions(self) -> discord.Permissions | None:
        """What we may do here; None where everything that we do is allowed, or Discord has yet to say."""
        channel = self._channel
        if self._guild is None or isinstance(channel, discord.DMChannel | discord.PartialMessageable):
            return None
        if isinstance(channel, discord.Thread) and channel.parent is None:
            return None
        return channel.permissions_for(self._guild.me)

    async def _whisper(self, told: Told) -> None:
        try:
            dm = await self._client.create_dm(discord.Object(self._turn.author.id))
            await dm.send(self._words.told(told))
        except DISCORD_FAULTS as error:
            log.warning("turn %s: the asker takes no DM: %s", self._turn.id, type(error).__name__)

    async def _keep_typing(self) -> None:
        """Typing is a courtesy: whatever goes wrong with it, the answer is not touched."""
        await asyncio.sleep(_TYPING_DELAY_S)
        try:
            while True:
                await self._channel.typing()
                await asyncio.sleep(_TYPING_INTERVAL_S)
        except Exception as error:  # noqa: BLE001
            log.info("turn %s: no typing sign: %s", self._turn.id, type(error).__name__)


async def _delete(page: discord.Message | discord.PartialMessage) -> None:
    with contextlib.suppress(discord.NotFound):
        await page.delete()


def _with_note(pages: list[str], told: Told | None, words: Words) -> list[str]:
    """`pages`, and at their end, in small print under an answer, what is to be told."""
    if told is None:
        return pages
    sentence = words.told(told)
    if not pages:
        return [sentence]
    noted = f"{pages[-1]}\n-# {sentence}"
    return [*pages[:-1], noted] if split.units(noted) <= split.PAGE_UNITS else [*pages, f"-# {sentence}"]
