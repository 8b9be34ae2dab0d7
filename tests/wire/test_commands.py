"""Slash commands and buttons, as people use them."""

import asyncio
import re

import pytest

from bot.playground import Permission
from tests.openai_server import PNG, Paint, Script, failure
from tests.wire.conftest import World

PAINTER = "chat: {model: gpt-test}\nimages: {model: gpt-image-1.5}\n"


# /reset


async def test_reset_forgets_and_undo_remembers_again(world: World) -> None:
    world.openai.default = lambda request: f"{len(request.body['messages'])} messages"
    async with world.running():
        await world.answered("one")
        reset = await (await world.bob.slash(world.general, "reset")).response()
        assert "forgotten our conversation" in reset.content
        assert "10 minutes" in reset.content
        assert (await world.answered("two")).endswith("2 messages")

        await (await world.ann.press(reset, label="Undo")).response()
        assert reset.content == "I remember our conversation again."
        assert list(reset.buttons()) == []
        assert (await world.answered("three")).endswith("6 messages")
    contents = [content.rpartition("\n")[2] for _, content in world.prompts[-1]][1:]
    assert contents == ["one", "2 messages", "two", "2 messages", "three"]


async def test_undo_works_after_a_restart_and_only_once(world: World) -> None:
    world.openai.default = lambda request: f"{len(request.body['messages'])} messages"
    async with world.running():
        await world.answered("one")
        reset = await (await world.ann.slash(world.general, "reset")).response()
    async with world.running():
        first, second = await world.ann.press(reset, label="Undo"), await world.bob.press(reset, label="Undo")
        await first.response()
        told = await second.response()
        shown = {told.content, reset.content}
        assert shown == {"That was undone already.", "I remember our conversation again."}
        assert (await world.answered("two")).endswith("4 messages")


async def test_a_reset_of_long_ago_cannot_be_undone_and_its_lines_are_gone_for_good(world: World) -> None:
    world.openai.answers("Never mind.", "Nothing.")
    async with world.running():
        await world.answered("my secret is xyzzy")
        reset = await (await world.ann.slash(world.general, "reset")).response()
    world.change("UPDATE reset SET at = datetime(at, '-11 minutes')")
    async with world.running():
        told = await (await world.ann.press(reset, label="Undo")).response()
        assert told.ephemeral
        assert "more than 10 minutes ago" in told.content
        await world.answered("what do you know?")
    assert world.row("SELECT count(*) FROM line WHERE text LIKE '%xyzzy%'") == (0,)
    assert world.row("SELECT count(*) FROM turn WHERE text LIKE '%xyzzy%'") == (0,)


async def test_reset_stops_a_running_answer_which_does_not_come_back(world: World) -> None:
    never = asyncio.Event()
    world.openai.answers(Script(chunks=["Once upon ", "a time"], gates={1: never}), "Fresh.", "All of it.")
    async with world.running():
        question = await world.ask("a long story")
        await world.reply(question)
        interaction = await world.ann.slash(world.general, "reset")
        reset = await interaction.response()
        await world.openai.until(lambda: world.openai.closed_early == 1)

        assert await world.ended(question) == "stopped"
        assert "memory of this channel was reset" in (await world.reply(question)).content
        await world.answered("hello")
        assert [role for role, _ in world.prompts[1]] == ["system", "user"]

        await (await world.ann.press(reset, label="Undo")).response()
        await world.answered("go on")
        contents = [content.rpartition("\n")[2] for _, content in world.prompts[2]][1:]
        assert contents == ["a long story", "Once upon", "hello", "Fresh.", "go on"]


async def test_reset_with_nothing_to_forget_says_so(world: World) -> None:
    async with world.running():
        reset = await (await world.ann.slash(world.dm, "reset")).response()
        assert reset.content == "There was nothing to forget in this channel."
        assert list(reset.buttons()) == []


# /settings


async def test_settings_are_shown_with_their_layer_to_the_asker_only(world: World) -> None:
    world.yaml = "chat: {model: gpt-test, max_tokens: 700}"
    async with world.running():
        await (
            await world.owner.slash(world.general, "settings set", temperature=0.5, scope="server")
        ).response()
        set_here = await (
            await world.owner.slash(world.general, "settings set", system_prompt="You are a pirate.")
        ).response()
        assert "system_prompt = `You are a pirate.`" in set_here.content
        assert set_here.ephemeral

        shown = await (await world.owner.slash(world.general, "settings show")).response()
    assert shown.ephemeral
    lines = dict(re.findall(r"^\*\*(\w+)\*\*: (.*)$", shown.content, re.MULTILINE))
    assert lines["model"] == "`openai/gpt-test` · from the configuration file"
    assert lines["temperature"] == "`0.5` (0 to 2) · set for the server"
    assert lines["max_tokens"] == "`700` (1 to 128,000) · from the configuration file"
    assert lines["system_prompt"] == "`You are a pirate.` · set for this channel"


async def test_settings_hold_where_they_were_set_and_over_a_restart(world: World) -> None:
    other = world.discord.add_channel(world.guild, "other")
    world.openai.default = lambda _: "Aye."
    async with world.running():
        for channel, values in (
            (world.general, {"temperature": 0.5, "max_tokens": 100, "system_prompt": "Be a pirate."}),
            (other, {"model": "openai/gpt-4o", "scope": "server"}),
            (world.dm, {"temperature": 1.5}),
        ):
            person = world.ann if channel is world.dm else world.owner
            await (await person.slash(channel, "settings set", **values)).response()
    async with world.running():
        for channel in (world.general, other, world.dm):
            await world.answered("hello", channel=channel)
        reset = await world.owner.slash(world.general, "settings reset", setting="temperature")
        assert "temperature" in (await reset.response()).content
        await world.answered("hello")
    here, there, dm, again = [each.body for each in world.openai.requests]
    assert (here["temperature"], here["max_tokens"], here["model"]) == (0.5, 100, "gpt-4o")
    assert here["messages"][0]["content"].startswith("Be a pirate.")
    assert ("temperature" in there, there["max_tokens"], there["model"]) == (False, 2048, "gpt-4o")
    assert (dm["temperature"], dm["model"]) == (1.5, "gpt-test")
    assert ("temperature" in again, again["max_tokens"]) == (False, 100)


async def test_values_out_of_range_are_refused_with_the_range(world: World) -> None:
    async with world.running():
        for name, value, limit in (
            ("temperature", 2.5, "2"),
            ("temperature", -1, "0"),
            ("max_tokens", 0, "1"),
        ):
            with pytest.raises(ValueError, match=limit):
                await world.owner.slash(world.general, "settings set", **{name: value})
        nothing = await (await world.owner.slash(world.general, "settings set")).response()
        assert nothing.content == "Choose at least one setting to change."
        assert nothing.ephemeral


async def test_settings_are_for_those_who_may_manage_what_they_set(world: World) -> None:
    world.discord.add_role(
        world.guild, "keepers", permissions=Permission.MANAGE_CHANNELS, members=[world.bob]
    )
    async with world.running():
        with pytest.raises(PermissionError):
            await world.ann.slash(world.general, "settings set", temperature=1)
        here = await (await world.bob.slash(world.general, "settings set", temperature=1)).response()
        assert here.content.startswith("Set for this channel")
        everywhere = await (
            await world.bob.slash(world.general, "settings set", temperature=1, scope="server")
        ).response()
        assert everywhere.content == "You need the permission *Manage Server* for that."
        alone = await (
            await world.ann.slash(world.dm, "settings set", temperature=1, scope="server")
        ).response()
        assert alone.content == "That works only in a server."


# /imagine


async def test_a_picture_is_painted_and_uploaded_with_its_prompt_as_alt_text(world: World) -> None:
    world.yaml = PAINTER
    world.openai.answers(Paint())
    async with world.running():
        asked = await world.ann.slash(
            world.general, "imagine", prompt="a *red* fox\n# in snow", size="landscape", quality="low"
        )
        shown = await asked.response()

        assert not shown.ephemeral
        assert shown.content == "> a \\*red\\* fox # in snow"
        (picture,) = shown.attachments
        assert (picture.filename, picture.data) == ("picture.png", PNG)
        assert picture.description == "a *red* fox\n# in snow"
    body = world.openai.requests[0].body
    assert (body["model"], body["size"], body["quality"]) == ("gpt-image-1.5", "1536x1024", "low")
    assert "response_format" not in body
    assert world.row("SELECT kind, state FROM turn WHERE id = ?", asked.id) == ("image", "delivered")


async def test_dall_e_may_answer_with_an_address(world: World) -> None:
    world.yaml = "images: {model: dall-e-3}"
    world.openai.answers(Paint(as_url=True))
    async with world.running():
        shown = await (await world.ann.slash(world.dm, "imagine", prompt="a fox")).response()
        assert [file.data for file in shown.attachments] == [PNG]


async def test_painting_is_acknowledged_before_it_begins(world: World) -> None:
    world.yaml = PAINTER
    world.openai.answers(Script(hang=True))
    async with world.running():
        asked = await world.ann.slash(world.general, "imagine", prompt="a fox")
        assert await asked.acknowledgement(timeout=2) == 5
        await world.openai.until(lambda: len(world.openai.requests) == 1)
        assert asked.shown is None
    # Stopping the bot tells whoever waits.
    assert "being restarted" in (await asked.response()).content


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (failure(400, code="moderation_blocked"), "filter refused this picture"),
        (failure(400, code="content_policy_violation"), "filter refused this picture"),
        (failure(429, code="insufficient_quota"), "no credit left"),
        (failure(401, code="invalid_api_key"), "owner has to check it"),
        (failure(500), "overloaded or has a fault"),
        (Paint(data=b"<html>no picture</html>"), "no picture"),
    ],
)
async def test_a_picture_that_does_not_come_is_told_plainly(
    world: World, script: Script | Paint, words: str
) -> None:
    world.yaml = PAINTER
    world.openai.answers(script)
    async with world.running():
        shown = await (await world.ann.slash(world.general, "imagine", prompt="a fox")).response()
        assert words in shown.content
        assert shown.attachments == []


async def test_without_a_model_that_paints_it_is_said(world: World) -> None:
    async with world.running():
        shown = await (await world.ann.slash(world.general, "imagine", prompt="a fox")).response()
        assert "No model that paints is set up" in shown.content
    assert world.openai.requests == []


async def test_a_picture_too_large_for_discord_is_told(world: World) -> None:
    world.yaml = PAINTER
    world.discord.file_limit_bytes = 2**20
    world.openai.answers(Paint(data=PNG + bytes(2**20)))
    async with world.running():
        shown = await (await world.ann.slash(world.general, "imagine", prompt="a fox")).response()
        assert "larger than the 1 MB" in shown.content


@pytest.mark.parametrize(
    "answer", [Paint(), failure(400, code="moderation_blocked")], ids=["painted", "refused"]
)
async def test_what_takes_longer_than_an_interaction_lives_goes_to_the_channel(
    world: World, answer: Paint | Script
) -> None:
    world.yaml = PAINTER
    world.openai.answers(answer)
    world.discord.fail("PATCH", lambda request: "/webhooks/" in request.path, status=401, code=50027, times=9)
    async with world.running():
        await world.ann.slash(world.general, "imagine", prompt="a fox")
        (said,) = await world.discord.until(lambda: world.said())
    assert said == "> a fox" if isinstance(answer, Paint) else "filter refused this picture" in said


async def test_where_files_may_not_be_attached_it_is_said_before_anything_is_spent(world: World) -> None:
    world.yaml = PAINTER
    world.discord.set_permissions(world.general, world.discord.bot, deny=Permission.ATTACH_FILES)
    async with world.running():
        shown = await (await world.ann.slash(world.general, "imagine", prompt="a fox")).response()
        assert "Attach Files" in shown.content
    assert world.openai.requests == []


# Commands in general


async def test_commands_are_synchronised_when_they_changed_and_not_at_each_start(world: World) -> None:
    for _ in range(2):
        async with world.running():
            pass
        assert len(world.discord.command_syncs) == 1
    world.change("UPDATE command_fingerprint SET fingerprint = 'of an older version'")
    async with world.running():
        pass
    assert len(world.discord.command_syncs) == 2
    assert {command["name"] for command in world.discord.command_syncs[0]} == {"reset", "imagine", "settings"}


async def test_a_bug_is_told_by_its_reference_and_logged_under_it(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async with world.running():
        world.change("DROP TABLE setting")
        told = await (await world.owner.slash(world.general, "settings show")).response()
        reference = re.search(r"reference: `([0-9a-f]+)`", told.content)
        assert reference
        assert reference[1] in caplog.text
        assert "no such table" not in told.content

        chat = (await world.reply(await world.ask("hello"))).content
        assert re.search(r"reference: `[0-9a-f]+`", chat)
