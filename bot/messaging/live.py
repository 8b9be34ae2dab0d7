"""A reply that grows: an answer becomes visible in a channel while the model still writes it.

The theory. Discord allows about five edits in five seconds in a channel, so a growing page is edited at
most once a second, each time to the newest text; discord.py waits by itself where Discord asks for more.
Whoever reads the model only calls `write`, which never waits: a task of the reply's own does all talking
to Discord, one request at a time and in order. The last edit is not paced, and always made.
"""

import asyncio
import functools
import logging
from collections.abc import Sequence

import discord

from bot.core.errors import Problem, Told
from bot.core.model import Turn
from bot.messaging import split
from bot.messaging.report import DISCORD_FAULTS, Words, discord_forbids, discord_told

log = logging.getLogger(__name__)

EDIT_INTERVAL_S = 1.0

# Discord takes a typing sign down after ten seconds.
_TYPING_INTERVAL_S = 8.0

# discord.py tries again by itself at 5xx; these pauses are for connections that break.
_RETRY_PAUSES_S = (0.5, 1.0, 2.0)


class Live:
    """The reply to one message; see `core.ports.Reply`."""

    def __init__(self, question: discord.Message, turn: Turn, *, words: Words) -> None:
        self._question = question
        self._turn = turn
        self._words = words
        self._pieces: list[str] = []
        self._pages: list[discord.Message] = []
        self._shown: list[str] = []
        self._news = asyncio.Event()
        self._ended = asyncio.Event()
        self._delivery: asyncio.Task[None] | None = None
        self._typing: asyncio.Task[None] | None = None
        # At most the asker is pinged, whatever the model writes.
        self._pings = discord.AllowedMentions(
            everyone=False, roles=False, users=[question.author], replied_user=True
        )

    def obstacle(self) -> Told | None:
        """The permission to write that we lack here; None if we have it, or Discord has yet to say."""
        channel, guild = self._question.channel, self._question.guild
        if guild is None or (isinstance(channel, discord.Thread) and channel.parent is None):
            return None
        mine = channel.permissions_for(guild.me)
        writes = mine.send_messages_in_threads if isinstance(channel, discord.Thread) else mine.send_messages
        return None if mine.view_channel and writes else discord_forbids(channel)

    def begin(self) -> None:
        """Show that we are typing until something is visible. Never waits, never fails."""
        self._typing = asyncio.create_task(self._keep_typing(), name=f"typing {self._turn.id}")

    def write(self, piece: str) -> None:
        """Show the next `piece` of the answer as soon as the pace allows. Never waits."""
        self._pieces.append(piece)
        self._news.set()
        if self._delivery is None:
            self._delivery = asyncio.create_task(self._deliver(), name=f"delivery {self._turn.id}")

    async def finish(self, text: str, *, told: Told | None = None) -> Sequence[int]:
        """Show the whole answer and, under it, what is to be told; the ids of the messages.

        Where the bot may not write any more, the asker is told in a DM, if they take any.

        Raises:
            Told: Discord does not take it.
        """
        self._ended.set()
        self._news.set()
        try:
            if self._delivery is not None:
                await self._delivery
            if (forbidden := self.obstacle()) is not None:
                raise forbidden
            await self._show_whole(_with_note(split.pages(text), told, self._words))
        except Told as refused:
            if refused.problem is Problem.NO_SEND:
                await self._whisper(refused)
            raise
        finally:
            if self._typing is not None:
                self._typing.cancel()
        return [page.id for page in self._pages]

    async def _deliver(self) -> None:
        """Follow the answer, a second between edits, until it ends."""
        while not self._ended.is_set():
            await self._news.wait()
            self._news.clear()
            try:
                await self._show(split.pages("".join(self._pieces)))
            except DISCORD_FAULTS as error:
                # The end shows the whole text again, and tells if that fails too.
                log.warning("turn %s: a page was not shown yet: %s", self._turn.id, type(error).__name__)
            try:
                async with asyncio.timeout(EDIT_INTERVAL_S):
                    await self._ended.wait()
            except TimeoutError:
                continue

    async def _show_whole(self, pages: Sequence[str]) -> None:
        """Show the end, over failures of the network: a page posted twice is shown once, by its nonce."""
        for pause_s in (*_RETRY_PAUSES_S, None):
            try:
                await self._show(pages)
                return
            except DISCORD_FAULTS as error:
                told = discord_told(error, channel=self._question.channel)
                if pause_s is None or told.problem is not Problem.DISCORD_REFUSED:
                    raise told from error
                log.warning("turn %s: the end is not shown yet: %s", self._turn.id, type(error).__name__)
                await asyncio.sleep(pause_s)

    async def _show(self, pages: Sequence[str]) -> None:
        for number, content in enumerate(pages):
            if number >= len(self._pages):
                self._pages.append(await self._post(number, content))
                self._shown.append(content)
            elif self._shown[number] != content:
                await self._edit(number, content)
                self._shown[number] = content
            if self._typing is not None:
                self._typing.cancel()

    async def _edit(self, number: int, content: str) -> None:
        try:
            await self._pages[number].edit(content=content, allowed_mentions=self._pings)
        except discord.NotFound:
            # Somebody deleted the page: they do not want it, so it is not posted again.
            log.info("turn %s: page %s is gone", self._turn.id, number)

    async def _post(self, number: int, content: str) -> discord.Message:
        """Post a page; the same page of the same turn, posted again, is not shown twice."""
        send = functools.partial(
            self._question.channel.send,
            content,
            nonce=f"{self._turn.id}.{number}",
            allowed_mentions=self._pings,
            suppress_embeds=True,
        )
        reference = self._reference() if number == 0 else None
        return await (send() if reference is None else send(reference=reference))

    def _reference(self) -> discord.MessageReference | None:
        """The question to reply to; None where Discord would refuse a reply."""
        guild = self._question.guild
        if guild is not None:
            mine = self._question.channel.permissions_for(guild.me)
            if not mine.read_message_history:
                return None
        return self._question.to_reference(fail_if_not_exists=False)

    async def _whisper(self, told: Told) -> None:
        try:
            await self._question.author.send(self._words.told(told))
        except DISCORD_FAULTS as error:
            log.warning("turn %s: the asker takes no DM: %s", self._turn.id, type(error).__name__)

    async def _keep_typing(self) -> None:
        """Typing is a courtesy: whatever goes wrong with it, the answer is not touched."""
        try:
            while True:
                await self._question.channel.typing()
                await asyncio.sleep(_TYPING_INTERVAL_S)
        except DISCORD_FAULTS as error:
            log.info("turn %s: no typing sign: %s", self._turn.id, type(error).__name__)


def _with_note(pages: list[str], told: Told | None, words: Words) -> list[str]:
    """`pages`, and at their end, in small print under an answer, what is to be told."""
    if told is None:
        return pages
    sentence = words.told(told)
    if not pages:
        return [sentence]
    noted = f"{pages[-1]}\n-# {sentence}"
    return [*pages[:-1], noted] if split.units(noted) <= split.PAGE_UNITS else [*pages, f"-# {sentence}"]
