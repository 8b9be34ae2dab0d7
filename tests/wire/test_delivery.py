"""How an answer becomes visible in Discord, and what becomes of it when Discord fails."""

import asyncio
import itertools
import re

import pytest

from bot.playground import Permission, Request
from tests.openai_server import Script
from tests.wire.conftest import World

MESSAGES = "/channels/{channel_id}/messages"
MESSAGE = "/channels/{channel_id}/messages/{message_id}"


def posts(world: World) -> list[Request]:
    return [each for each in world.discord.requests if each.method == "POST" and each.route == MESSAGES]


def edits(world: World) -> list[Request]:
    return [each for each in world.discord.requests if each.method == "PATCH" and each.route == MESSAGE]


async def test_text_is_visible_while_the_model_still_writes(world: World) -> None:
    gates = {number: asyncio.Event() for number in (1, 2)}
    world.openai.answers(Script(chunks=["One. ", "Two. ", "Three."], gates=gates))
    async with world.running():
        question = await world.ask("count")
        answer = await world.reply(question)
        assert answer.content == "One."
        gates[1].set()
        await world.shows("One. Two.")
        gates[2].set()
        await world.shows("One. Two. Three.")
        assert await world.ended(question) == "delivered"


async def test_edits_keep_a_second_apart_but_for_the_last_which_is_complete(world: World) -> None:
    world.openai.answers(Script(chunks=[f"word{number} " for number in range(60)], delay_s=0.05))
    async with world.running():
        question = await world.ask("write")
        assert await world.ended(question, timeout=15) == "delivered"

        assert world.said() == [" ".join(f"word{number}" for number in range(60))]
    starts = [each.started for each in edits(world)]
    assert 2 <= len(starts) <= 5
    assert all(later - earlier >= 0.99 for earlier, later in itertools.pairwise(starts[:-1]))
    assert world.discord.ratelimited == []


async def test_the_model_is_never_slowed_by_discord(world: World) -> None:
    world.discord.latency_s = 1.0
    world.openai.answers(Script(chunks=["piece "] * 200))
    async with world.running():
        question = await world.ask("write")
        await world.openai.until(lambda: bool(world.prompts) and world.openai.streams_open == 0)
        assert world.said() == [], "the model has ended before Discord showed anything"
        assert await world.ended(question, timeout=15) == "delivered"


async def test_typing_shows_until_the_answer_is_there(world: World) -> None:
    gate = asyncio.Event()
    world.openai.answers(Script(chunks=["At last."], gates={0: gate}))
    async with world.running():
        await world.ask("think")
        await world.discord.until(lambda: [user for user, _ in world.general.typing])
        gate.set()
        await world.shows("At last.")


async def test_typing_that_fails_costs_nobody_an_answer(world: World) -> None:
    world.discord.fail("POST", "/channels/{channel_id}/typing", status=403, code=50013, times=5)
    world.openai.answers("All the same.")
    async with world.running():
        assert await world.answered("hello") == "All the same."


async def test_a_long_answer_is_cut_into_pages_with_whole_code_blocks(world: World) -> None:
    code = "\n".join(f"std::cout << {number};" for number in range(300))
    world.openai.answers(f"Look:\n```c++\n{code}\n```\nThat is all.")
    async with world.running():
        question = await world.ask("code, please")
        await world.ended(question, timeout=10)

        pages = world.said()
    assert len(pages) == 3
    assert all(len(page) <= 2000 for page in pages)
    for page in pages:
        assert len(re.findall(r"^```", page, re.MULTILINE)) % 2 == 0
    assert pages[1].startswith("```c++\nstd::cout")
    assert [int(number) for number in re.findall(r"<< (\d+);", "".join(pages))] == list(range(300))
    assert pages[-1].endswith("That is all.")


async def test_sixty_thousand_characters_arrive_whole(world: World) -> None:
    world.discord.rate_limits = 0.01
    words = [f"word{number:05d}" for number in range(6000)]
    world.openai.answers(Script(chunks=[" ".join(words[at : at + 500]) + " " for at in range(0, 6000, 500)]))
    async with world.running():
        question = await world.ask("a book")
        assert await world.ended(question, timeout=30) == "delivered"

        pages = world.said()
    assert " ".join(pages).split() == words
    assert len(pages) < 36
    assert world.row("SELECT count(*) FROM page WHERE turn_id = ?", question.id) == (len(pages),)


async def test_nothing_the_model_writes_pings_anybody_but_the_asker(world: World) -> None:
    role = world.discord.add_role(world.guild, "helpers", mentionable=True)
    world.discord.set_permissions(world.general, world.discord.bot, allow=Permission.MENTION_EVERYONE)
    world.openai.answers(
        Script(chunks=[f"@everyone @here {role.mention} {world.bob.mention} ", f"{world.ann.mention} hello"])
    )
    async with world.running():
        answer = await world.reply(question := await world.ask("ping them all"))
        await world.ended(question)

        assert answer.pinged == {world.ann.id}
        assert not answer.mention_everyone


@pytest.mark.parametrize("cut", [False, True], ids=["5xx", "cut connection"])
async def test_a_page_whose_response_was_lost_is_shown_once(world: World, cut: bool) -> None:
    world.discord.fail("POST", MESSAGES, status=502, after_effect=True, cut=cut)
    world.openai.answers("Only once.")
    async with world.running():
        question = await world.ask("hello")
        assert await world.ended(question, timeout=15) == "delivered"
        assert world.said() == ["Only once."]
    assert len(posts(world)) == 2


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_fault_of_discord_is_waited_out(world: World, status: int) -> None:
    gate = asyncio.Event()
    world.openai.answers(Script(chunks=["One. ", "Two."], gates={1: gate}))
    async with world.running():
        question = await world.ask("hello")
        await world.reply(question)
        world.discord.fail("PATCH", MESSAGE, status=status, times=2)
        gate.set()
        assert await world.ended(question, timeout=20) == "delivered"
        assert world.said() == ["One. Two."]


async def test_a_limit_of_discord_is_waited_out(world: World) -> None:
    world.discord.fail("POST", MESSAGES, status=429, retry_after_s=0.5)
    world.openai.answers("Patience.")
    async with world.running():
        assert await world.answered("hello") == "Patience."


async def test_a_page_that_somebody_deleted_is_not_posted_again(world: World) -> None:
    gate = asyncio.Event()
    world.openai.answers(Script(chunks=["One. ", "Two."], gates={1: gate}), "Next.")
    async with world.running():
        question = await world.ask("hello")
        answer = await world.reply(question)
        await world.owner.delete(answer)
        gate.set()
        assert await world.ended(question) == "delivered"
        assert world.said() == []
        assert await world.answered("still there?") == "Next."


async def test_without_permission_to_write_the_asker_is_told_in_a_dm_and_nothing_is_spent(
    world: World,
) -> None:
    world.discord.set_permissions(world.general, world.discord.bot, deny=Permission.SEND_MESSAGES)
    async with world.running():
        question = await world.ask("hello")
        await world.discord.until(lambda: world.said(world.dm))

        assert world.general.mention in world.said(world.dm)[0]
        assert "Send Messages" in world.said(world.dm)[0]
        assert await world.ended(question) == "failed"
    assert world.openai.requests == []
    assert posts(world)[0].status == 200, "nothing was tried that cannot succeed"


async def test_a_permission_that_goes_in_mid_answer_is_told_in_a_dm_and_the_answer_is_kept(
    world: World,
) -> None:
    gate = asyncio.Event()
    world.openai.answers(Script(chunks=["x" * 1900 + " ", "y" * 1900], gates={1: gate}))
    async with world.running():
        question = await world.ask("hello")
        await world.reply(question)
        world.discord.set_permissions(world.general, world.discord.bot, deny=Permission.SEND_MESSAGES)
        gate.set()
        await world.discord.until(lambda: world.said(world.dm))
        assert await world.ended(question) == "failed"
    assert world.row("SELECT length(text) FROM line WHERE role = 'assistant'") == (3801,)


async def test_an_asker_who_takes_no_dms_does_not_trouble_the_next_one(world: World) -> None:
    world.discord.set_permissions(world.general, world.discord.bot, deny=Permission.SEND_MESSAGES)
    world.ann.closed_dms = True
    async with world.running():
        assert await world.ended(await world.ask("hello")) == "failed"
        world.discord.set_permissions(world.general, world.discord.bot, allow=Permission.SEND_MESSAGES)
        world.openai.answers("Hello.")
        assert await world.answered("and now?") == "Hello."


async def test_without_permission_to_read_the_history_the_answer_comes_without_a_reference(
    world: World,
) -> None:
    world.discord.set_permissions(world.general, world.discord.bot, deny=Permission.READ_MESSAGE_HISTORY)
    world.openai.answers("Here.")
    async with world.running():
        assert await world.answered("hello") == "Here."


async def test_a_question_that_was_deleted_meanwhile_does_not_break_its_answer(world: World) -> None:
    gate = asyncio.Event()
    world.openai.answers(Script(chunks=["Here."], gates={0: gate}))
    async with world.running():
        question = await world.ask("hello")
        await world.openai.until(lambda: world.openai.streams_open == 1)
        await world.ann.delete(question)
        gate.set()
        assert await world.ended(question) == "delivered"
        assert world.said() == ["Here."]


@pytest.mark.parametrize("kind", ["voice", "announcement"])
async def test_the_text_of_other_channels_is_answered_too(world: World, kind: str) -> None:
    channel = world.discord.add_channel(world.guild, "other", kind)  # type: ignore[arg-type]
    world.openai.answers("Here as well.")
    async with world.running():
        assert await world.answered("hello", channel=channel) == "Here as well."


async def test_a_post_in_a_forum_is_answered_in_it(world: World) -> None:
    forum = world.discord.add_channel(world.guild, "help", "forum")
    world.openai.answers("In the post.")
    async with world.running():
        thread, _ = await world.ann.post(forum, "a question", f"{world.me} can you help?")
        await world.shows("In the post.", channel=thread)


async def test_a_dropped_gateway_loses_and_doubles_nothing(world: World) -> None:
    gate = asyncio.Event()
    world.openai.answers(Script(chunks=["Through ", "it all."], gates={1: gate}), "Missed nothing.")
    async with world.running():
        question = await world.ask("hello")
        await world.reply(question)
        await world.discord.drop_gateway()
        missed = await world.ask("while you were away")
        gate.set()
        assert await world.ended(question) == "delivered"
        assert await world.ended(missed, timeout=20) == "delivered"
        assert world.said() == ["Through it all.", "Missed nothing."]
    assert len(world.discord.command_syncs) == 1


async def test_a_storm_of_reconnects_answers_each_question_once(world: World) -> None:
    world.openai.default = lambda request: request.body["messages"][-1]["content"].split()[-1]
    async with world.running():
        questions = []
        for number in range(4):
            questions.append(await world.ask(f"number {number}"))
            world.discord.request_reconnect()
            await world.discord.until(lambda: world.discord.gateway.online, 20)
        for question in questions:
            assert await world.ended(question, timeout=20) == "delivered"
        assert sorted(world.said()) == ["0", "1", "2", "3"]
    assert len(world.prompts) == 4
    assert len(world.discord.command_syncs) == 1
