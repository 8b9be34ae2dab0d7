"""The real client hears and says things."""

from __future__ import annotations

import asyncio
import io

import discord
import pytest

from bot.playground import MessageFlag, Permission

from .conftest import Box


async def test_the_client_hears_a_mention_and_its_reply_is_read(box: Box) -> None:
    client = await box.connect()
    asked = await box.ann.say(box.general, f"hello {box.discord.bot.mention}")
    heard = (await box.soon(lambda: client.seen))[0]
    assert heard.id == asked.id
    assert heard.author.display_name == "Ann"
    assert client.user in heard.mentions
    await heard.reply("hello yourself")
    answer = box.general.transcript()[-1]
    assert str(answer) == "Parley: hello yourself"
    assert answer.referenced is asked
    assert answer.pinged == {box.ann.id}
    assert box.discord.unknown_routes == []


async def test_an_edit_is_seen_and_marked(box: Box) -> None:
    client = await box.connect()
    sent = await box.http(client).send("one")
    await sent.edit(content="two")
    (message,) = box.general.transcript()
    assert (message.content, message.edited, message.revisions) == ("two", True, ["one", "two"])
    assert str(box.general.transcript()) == "Parley: two (edited)"


async def test_a_person_edits_and_deletes_and_the_client_hears_of_it(box: Box) -> None:
    client = await box.connect()
    message = await box.ann.say(box.general, "frist")
    await box.ann.edit(message, "first")
    await box.soon(lambda: client.edits)
    assert client.edits[0].message.content == "first"
    await box.ann.delete(message)
    await box.soon(lambda: client.deletions == [message.id])


async def test_deleting_many_is_one_event(box: Box) -> None:
    client = await box.connect()
    messages = [await box.ann.say(box.general, text) for text in "abc"]
    await box.ann.delete_many(messages)
    await box.soon(lambda: sorted(client.deletions) == [message.id for message in messages])
    assert box.general.transcript() == []


async def test_a_direct_message_goes_both_ways(box: Box) -> None:
    client = await box.connect()
    dm = box.discord.open_dm(box.ann)
    await box.ann.say(dm, "psst")
    heard = (await box.soon(lambda: client.seen))[0]
    assert isinstance(heard.channel, discord.DMChannel)
    await heard.channel.send("yes?")
    assert str(dm.transcript()) == "Ann: psst\nParley: yes?"


async def test_the_client_opens_a_dm_of_its_own(box: Box) -> None:
    client = await box.connect()
    user = await client.fetch_user(box.bob.id)
    await user.send("hello Bob")
    assert box.discord.open_dm(box.bob).transcript()[0].pinged == set()


async def test_typing_shows_on_both_sides(box: Box) -> None:
    client = await box.connect()
    async with box.http(client).typing():
        assert [user for user, _ in box.general.typing] == [box.discord.bot]
    await box.bob.type(box.general)
    await box.soon(lambda: box.bob.id in client.typists)


async def test_a_file_keeps_its_description_and_can_be_read_back(box: Box) -> None:
    client = await box.connect()
    file = discord.File(io.BytesIO(b"abc"), "a b.txt", description="three letters")
    sent = await box.http(client).send("see", file=file)
    stored = box.general.transcript()[0].attachments[0]
    assert (stored.filename, stored.data, stored.description) == ("a_b.txt", b"abc", "three letters")
    assert await sent.attachments[0].read() == b"abc"
    sent.attachments[0].url = sent.attachments[0].url.split("?")[0]
    with pytest.raises(discord.NotFound):
        await sent.attachments[0].read()
    sent.attachments[0].url = stored.url
    box.discord.expire_attachments()
    with pytest.raises(discord.NotFound):
        await sent.attachments[0].read()


async def test_a_person_uploads_more_than_a_megabyte(box: Box) -> None:
    client = await box.connect()
    await box.ann.say(box.general, "look", files=[("big.bin", b"x" * 3_000_000)])
    heard = (await box.soon(lambda: client.seen))[0]
    assert len(await heard.attachments[0].read()) == 3_000_000
    await box.http(client).send(file=discord.File(io.BytesIO(b"y" * 3_000_000), "back.bin"))
    assert len(box.general.transcript()[-1].attachments[0].data) == 3_000_000


async def test_an_edit_replaces_the_attachments_it_does_not_keep(box: Box) -> None:
    client = await box.connect()
    sent = await box.http(client).send(
        files=[discord.File(io.BytesIO(b"1"), "1"), discord.File(io.BytesIO(b"2"), "2")]
    )
    new = discord.File(io.BytesIO(b"3"), "3")
    await sent.edit(attachments=[sent.attachments[1], new])
    assert [file.filename for file in box.general.transcript()[0].attachments] == ["2", "3"]


async def test_history_is_read_from_every_side(box: Box) -> None:
    client = await box.connect()
    said = [await box.ann.say(box.general, str(number)) for number in range(5)]
    channel = box.http(client)
    newest_first = [message.content async for message in channel.history(limit=2)]
    assert newest_first == ["4", "3"]
    after = [message.content async for message in channel.history(after=discord.Object(said[2].id))]
    assert after == ["3", "4"]
    before = [message.content async for message in channel.history(before=discord.Object(said[2].id))]
    assert before == ["1", "0"]
    around = [m.content async for m in channel.history(around=discord.Object(said[2].id), limit=3)]
    assert sorted(around) == ["1", "2", "3"]
    assert (await channel.fetch_message(said[0].id)).content == "0"


async def test_a_forward_brings_a_snapshot(box: Box) -> None:
    client = await box.connect()
    other = box.discord.add_channel(box.guild, "other")
    message = await box.ann.say(other, "worth reading")
    await box.ann.forward(message, box.general)
    heard = (await box.soon(lambda: len(client.seen) == 2 and client.seen))[1]
    assert heard.message_snapshots[0].content == "worth reading"


async def test_a_reply_to_a_deleted_message_says_so_when_it_is_replayed(box: Box) -> None:
    client = await box.connect()
    first = await box.ann.say(box.general, "first")
    second = await box.bob.say(box.general, "what?", reply_to=first)
    await box.soon(lambda: len(client.seen) == 2)
    assert client.seen[1].reference.resolved.content == "first"
    await box.ann.delete(first)
    await box.discord.replay(second)
    await box.soon(lambda: len(client.seen) == 3)
    assert client.seen[2].id == second.id
    assert isinstance(client.seen[2].reference.resolved, discord.DeletedReferencedMessage)


async def test_a_thread_from_a_message_opens_with_its_starter(box: Box) -> None:
    client = await box.connect()
    message = await box.ann.say(box.general, "a subject")
    thread = await box.ann.start_thread(message, "on the subject")
    await box.soon(lambda: client.threads)
    opening = await box.soon(lambda: [each for each in client.seen if each.channel.id == thread.id])
    assert thread.id == message.id
    assert opening[0].type is discord.MessageType.thread_starter_message
    assert opening[0].reference.resolved.content == "a subject"
    assert message.flags & MessageFlag.HAS_THREAD
    await client.get_channel(thread.id).send("in the thread")
    assert thread.transcript()[-1].content == "in the thread"


async def test_the_client_starts_threads_and_forum_posts(box: Box) -> None:
    client = await box.connect()
    sent = await box.http(client).send("a subject")
    thread = await client.get_channel(box.general.id).get_partial_message(sent.id).create_thread(name="more")
    assert thread.id == sent.id
    forum = box.discord.add_channel(box.guild, "questions", "forum")
    where = await box.soon(lambda: client.get_channel(forum.id))
    post, message = await where.create_thread(name="how?", content="tell me")
    assert (post.parent_id, message.content) == (forum.id, "tell me")


async def test_who_is_mentioned_in_a_thread_becomes_its_member(box: Box) -> None:
    client = await box.connect()
    thread = await box.ann.start_thread(box.general, "plans")
    await box.soon(lambda: client.threads)
    assert client.threads[0].me is None
    await box.ann.say(thread, f"join us {box.discord.bot.mention}")
    await box.soon(lambda: client.threads[0].me)
    await client.threads[0].leave()
    await box.soon(lambda: box.discord.bot.id not in thread.thread_members)


async def test_a_thread_may_come_without_mentions_although_it_mentions(box: Box) -> None:
    client = await box.connect()
    thread = box.discord.add_thread(box.general, "talk")
    box.discord.empty_thread_mentions = True
    await box.ann.say(thread, f"hi {box.discord.bot.mention}")
    heard = await box.soon(lambda: [each for each in client.seen if each.content.startswith("hi")])
    assert heard[0].mentions == []


async def test_reactions_and_pins_reach_the_other_side(box: Box) -> None:
    box.discord.set_permissions(box.general, box.discord.bot, allow=Permission.PIN_MESSAGES)
    client = await box.connect()
    message = await box.ann.say(box.general, "nice")
    heard = (await box.soon(lambda: client.seen))[0]
    await heard.add_reaction("👍")
    assert message.reactions == {"👍": {box.discord.bot.id}}
    await heard.remove_reaction("👍", client.user)
    assert message.reactions == {}
    await heard.pin()
    assert message.pinned
    assert [pin.id async for pin in box.http(client).pins()] == [message.id]


async def test_a_guild_that_invites_the_bot_later_is_joined(box: Box) -> None:
    client = await box.connect()
    later = box.discord.add_guild("Later", owner=box.bob)
    await box.soon(lambda: "joined Later" in client.happened)
    box.discord.remove_bot(later)
    await box.soon(lambda: client.get_guild(later.id) is None)


async def test_voice_channels_and_announcements_have_text_too(box: Box) -> None:
    client = await box.connect()
    for kind in ("voice", "announcement"):
        channel = box.discord.add_channel(box.guild, kind, kind)
        await box.ann.say(channel, f"in {kind}")
    await box.soon(lambda: [each.content for each in client.seen] == ["in voice", "in announcement"])


async def test_waiting_in_vain_shows_what_was_said(box: Box) -> None:
    await box.ann.say(box.general, "anyone?")
    with pytest.raises(AssertionError, match="Ann: anyone\\?"):
        await box.discord.until(lambda: False, timeout=0.01)


async def test_a_condition_is_noticed_at_once(box: Box) -> None:
    waiting = asyncio.create_task(box.discord.until(lambda: box.general.transcript(), timeout=5))
    await asyncio.sleep(0)
    await box.ann.say(box.general, "here")
    assert len(await waiting) == 1
