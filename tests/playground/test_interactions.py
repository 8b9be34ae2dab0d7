"""Commands, buttons and forms, from the person's click to the bot's answer."""

from __future__ import annotations

from typing import Any

import discord
import pytest
from discord import app_commands

from bot.playground import MessageFlag, Permission

from .conftest import Box, Client, Wire


class Feedback(discord.ui.Modal, title="Feedback"):
    text: Any = discord.ui.TextInput(label="What?", custom_id="what", min_length=2, max_length=10)

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"noted: {self.text.value}")


def commands(tree: app_commands.CommandTree) -> None:
    @tree.command(description="Say hello")
    async def hello(interaction: discord.Interaction, to: discord.Member | None = None) -> None:
        await interaction.response.send_message(f"hello {to or interaction.user}", ephemeral=True)

    @tree.command(description="Think first")
    async def think(interaction: discord.Interaction) -> None:
        await interaction.response.defer()
        await interaction.followup.send("the answer")
        await interaction.followup.send("and more")
        await interaction.edit_original_response(content="the answer, edited")

    @tree.command(description="Say nothing")
    async def silence(interaction: discord.Interaction) -> None: ...

    @tree.command(description="Read a file")
    async def read(interaction: discord.Interaction, file: discord.Attachment) -> None:
        await interaction.response.send_message((await file.read()).decode())

    @tree.command(description="Ask for words")
    async def feedback(interaction: discord.Interaction) -> None:
        await interaction.response.send_modal(Feedback())

    @tree.command(description="Only moderators")
    @app_commands.default_permissions(manage_messages=True)
    async def moderate(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("done")

    @tree.command(description="Only in servers")
    @app_commands.guild_only()
    async def here(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("here")

    @tree.command(description="Anywhere at all")
    @app_commands.allowed_installs(guilds=True, users=True)
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
    async def chat(interaction: discord.Interaction, prompt: str) -> None:
        await interaction.response.send_message(f"you said {prompt}")

    group = app_commands.Group(name="settings", description="Settings")

    @group.command(name="set", description="Set one")
    async def set_(
        interaction: discord.Interaction,
        temperature: app_commands.Range[float, 0, 2],
        model: str | None = None,
    ) -> None:
        await interaction.response.send_message(f"{temperature} {model}")

    @set_.autocomplete("model")
    async def models(interaction: discord.Interaction, current: str) -> list[app_commands.Choice[str]]:
        names = ("gpt-a", "gpt-b", "llama")
        return [app_commands.Choice(name=name.upper(), value=name) for name in names if current in name]

    tree.add_command(group)

    @tree.context_menu(name="Ask about this")
    async def ask(interaction: discord.Interaction, message: discord.Message) -> None:
        await interaction.response.send_message(f"about {message.content}")


class Buttons(discord.ui.View):
    @discord.ui.button(label="Update", custom_id="update")
    async def update(self, interaction: discord.Interaction, button: discord.ui.Button[Any]) -> None:
        await interaction.response.edit_message(content="updated", view=None)

    @discord.ui.button(label="Later", custom_id="later")
    async def later(self, interaction: discord.Interaction, button: discord.ui.Button[Any]) -> None:
        await interaction.response.defer()
        await interaction.edit_original_response(content="edited later")

    @discord.ui.button(label="Reply", custom_id="reply")
    async def reply(self, interaction: discord.Interaction, button: discord.ui.Button[Any]) -> None:
        await interaction.response.send_message("a reply", ephemeral=True)

    @discord.ui.select(
        custom_id="pick",
        options=[discord.SelectOption(label="A", value="a"), discord.SelectOption(label="B")],
    )
    async def pick(self, interaction: discord.Interaction, select: discord.ui.Select[Any]) -> None:
        await interaction.response.send_message(f"picked {select.values[0]}")


async def ready(box: Box) -> Client:
    client = await box.connect()
    commands(client.tree)
    await client.tree.sync()
    return client


async def test_an_ephemeral_answer_is_for_the_asker_alone(box: Box) -> None:
    await ready(box)
    interaction = await box.ann.slash(box.general, "hello", to=box.bob)
    message = await interaction.response()
    assert message.content == "hello bob"
    assert interaction.ephemeral
    assert box.general.transcript() == []
    assert box.general.transcript(box.bob) == []
    assert str(box.general.transcript(box.ann)) == "Parley: hello bob (only you)"


async def test_a_deferred_answer_is_filled_in_and_followed_up(box: Box) -> None:
    await ready(box)
    interaction = await box.ann.slash(box.general, "think")
    message = await interaction.response()
    await box.discord.until(lambda: message.edited)
    assert message.content == "the answer, edited"
    assert [each.content for each in interaction.followups] == ["and more"]
    assert interaction.followups[0].referenced is message
    assert box.discord.unknown_routes == []


async def test_no_acknowledgement_in_three_seconds_fails_and_a_late_one_is_unknown(
    box: Box, wire: Wire
) -> None:
    await ready(box)
    interaction = await box.ann.slash(box.general, "silence")
    box.discord.age(interaction, 3.1)
    with pytest.raises(AssertionError, match="did not respond"):
        await interaction.response()
    path = f"/interactions/{interaction.id}/{interaction.token}/callback"
    answer = await wire.ask("POST", path, {"type": 5})
    assert (answer.status, answer.body["code"]) == (404, 10062)


async def test_an_interaction_is_acknowledged_once(box: Box, wire: Wire) -> None:
    await ready(box)
    interaction = await box.ann.slash(box.general, "silence")
    path = f"/interactions/{interaction.id}/{interaction.token}/callback"
    hook = f"/webhooks/{box.discord.application_id}/{interaction.token}"
    assert (await wire.ask("POST", hook, {"content": "too early"})).body["code"] == 10015
    assert (await wire.ask("POST", path, {"type": 7, "data": {}})).body["code"] == 50035
    assert (await wire.ask("POST", path, {"type": 5})).status == 204
    again = await wire.ask("POST", path, {"type": 5})
    assert (again.status, again.body["code"]) == (400, 40060)
    assert (await wire.ask("POST", f"/interactions/{interaction.id}/nonsense/callback", {"type": 5})).body[
        "code"
    ] == 10062
    loading = await wire.ask("GET", f"{hook}/messages/@original")
    assert loading.body["flags"] & MessageFlag.LOADING


async def test_after_fifteen_minutes_the_token_is_worth_nothing(box: Box, wire: Wire) -> None:
    await ready(box)
    interaction = await box.ann.slash(box.general, "think")
    await interaction.response()
    await box.discord.until(lambda: interaction.followups)
    box.discord.age(interaction, 901)
    hook = f"/webhooks/{box.discord.application_id}/{interaction.token}"
    for method, path in (("POST", hook), ("PATCH", f"{hook}/messages/@original")):
        answer = await wire.ask(method, path, {"content": "late"})
        assert (answer.status, answer.body["code"]) == (401, 50027)
    stranger = await wire.ask("POST", f"/webhooks/{box.discord.application_id}/nonsense", {"content": "a"})
    assert (stranger.status, stranger.body["code"]) == (404, 10015)


async def test_an_ephemeral_message_is_reached_by_its_token_alone(box: Box, wire: Wire) -> None:
    await ready(box)
    interaction = await box.ann.slash(box.general, "hello")
    message = await interaction.response()
    path = f"/channels/{box.general.id}/messages/{message.id}"
    assert (await wire.ask("PATCH", path, {"content": "a"})).body["code"] == 10008
    hook = f"/webhooks/{box.discord.application_id}/{interaction.token}/messages/@original"
    assert (await wire.ask("PATCH", hook, {"content": "b"})).status == 200
    assert (await wire.ask("DELETE", hook)).status == 204
    assert (await wire.ask("GET", hook)).body["code"] == 10008


async def test_options_are_checked_as_the_client_checks_them(box: Box) -> None:
    await ready(box)
    answer = await (await box.ann.slash(box.general, "settings set", temperature=0.5, model="x")).response()
    assert answer.content == "0.5 x"
    for options in ({}, {"temperature": 3.0}, {"temperature": "warm"}, {"temperature": 1.0, "mood": "good"}):
        with pytest.raises(ValueError):
            await box.ann.slash(box.general, "settings set", **options)
    with pytest.raises(ValueError, match="not a registered command"):
        await box.ann.slash(box.general, "settings")


async def test_completions_come_from_the_bot(box: Box) -> None:
    await ready(box)
    choices = await box.ann.autocomplete(box.general, "settings set", focused="model", value="gpt")
    assert [choice["value"] for choice in choices] == ["gpt-a", "gpt-b"]
    with pytest.raises(ValueError, match="no completions"):
        await box.ann.autocomplete(box.general, "settings set", focused="temperature")


async def test_a_file_is_an_option(box: Box) -> None:
    await ready(box)
    interaction = await box.ann.slash(box.general, "read", file=("note.txt", b"from a file"))
    assert (await interaction.response()).content == "from a file"


async def test_a_form_is_opened_filled_in_and_answered(box: Box) -> None:
    await ready(box)
    interaction = await box.ann.slash(box.general, "feedback")
    assert (await interaction.form())["title"] == "Feedback"
    with pytest.raises(ValueError, match="2 to 10"):
        await interaction.submit_modal({"what": "x"})
    submitted = await interaction.submit_modal({"what": "fine"})
    assert (await submitted.response()).content == "noted: fine"


async def test_a_message_menu_brings_the_message(box: Box) -> None:
    await ready(box)
    message = await box.bob.say(box.general, "a riddle")
    interaction = await box.ann.menu(message, "Ask about this")
    assert (await interaction.response()).content == "about a riddle"


async def test_commands_are_offered_by_permission_and_place(box: Box) -> None:
    await ready(box)
    with pytest.raises(PermissionError):
        await box.bob.slash(box.general, "moderate")
    assert (await (await box.ann.slash(box.general, "moderate")).response()).content == "done"
    with pytest.raises(PermissionError):
        await box.ann.slash(box.discord.open_dm(box.ann), "here")
    box.discord.set_permissions(box.general, box.guild.everyone, deny=Permission.USE_APPLICATION_COMMANDS)
    with pytest.raises(PermissionError):
        await box.bob.slash(box.general, "hello")


async def test_a_person_brings_the_app_where_the_bot_is_not(box: Box) -> None:
    await ready(box)
    cat = box.discord.add_user("cat", has_app=True)
    elsewhere = box.discord.add_guild("Elsewhere", members=[cat, box.bob], with_bot=False)
    lobby = box.discord.add_channel(elsewhere, "lobby")
    interaction = await cat.slash(lobby, "chat", prompt="hi")
    assert (await interaction.response()).content == "you said hi"
    assert interaction.owners() == {"1": str(cat.id)}
    with pytest.raises(PermissionError):
        await box.bob.slash(lobby, "chat", prompt="hi")
    box.discord.set_permissions(lobby, elsewhere.everyone, deny=Permission.USE_EXTERNAL_APPS)
    hidden = await cat.slash(lobby, "chat", prompt="psst")
    assert (await hidden.response()).ephemeral


async def test_a_command_in_a_dm_has_a_user_and_no_guild(box: Box) -> None:
    await ready(box)
    dm = box.discord.open_dm(box.ann)
    assert (await (await box.ann.slash(dm, "chat", prompt="hi")).response()).content == "you said hi"


async def test_a_button_may_update_defer_or_reply(box: Box) -> None:
    client = await ready(box)
    client.add_view(Buttons(timeout=None))
    for custom_id, content in (("update", "updated"), ("later", "edited later")):
        await box.http(client).send("press", view=Buttons(timeout=None))
        message = box.general.transcript()[-1]
        interaction = await box.ann.press(message, custom_id)
        assert await interaction.response() is message
        assert message.content == content
    await box.http(client).send("press", view=Buttons(timeout=None))
    message = box.general.transcript()[-1]
    answer = await (await box.ann.press(message, label="Reply")).response()
    assert (answer.content, answer.ephemeral, answer.referenced) == ("a reply", True, message)
    chosen = await box.ann.choose(message, "pick", "B")
    assert (await chosen.response()).content == "picked B"
    with pytest.raises(ValueError, match="no component"):
        await box.ann.press(message, "nowhere")
    with pytest.raises(ValueError, match="not all among"):
        await box.ann.choose(message, "pick", "C")


async def test_who_cannot_see_a_message_cannot_press_it(box: Box, wire: Wire) -> None:
    row = {
        "type": 1,
        "components": [{"type": 2, "style": 1, "label": "Go", "custom_id": "go", "disabled": True}],
    }
    await wire.post({"content": "a", "components": [row]})
    message = box.general.transcript()[0]
    with pytest.raises(ValueError, match="disabled"):
        await box.ann.press(message, "go")
    with pytest.raises(PermissionError):
        await box.discord.add_user("stranger").press(message, "go")


@pytest.mark.parametrize(
    "command",
    [
        {"name": "Loud", "description": "a"},
        {"name": "two words", "description": "a"},
        {"name": "a" * 33, "description": "a"},
        {"name": "a", "description": ""},
        {"name": "a", "description": "x" * 101},
        {
            "name": "a",
            "description": "a",
            "options": [
                {"type": 3, "name": "x", "description": "x"},
                {"type": 3, "name": "y", "description": "y", "required": True},
            ],
        },
        {"name": "a", "description": "a", "options": [{"type": 3, "name": "x", "description": "x"}] * 26},
        {"name": "a", "description": "a", "options": [{"type": 3, "name": "x", "description": "x"}] * 2},
        {
            "name": "a",
            "description": "a",
            "options": [
                {"type": 3, "name": "x", "description": "x", "choices": [{"name": "n", "value": 1}]},
            ],
        },
        {
            "name": "a",
            "description": "a",
            "options": [
                {"type": 1, "name": "x", "description": "x"},
                {"type": 3, "name": "y", "description": "y"},
            ],
        },
        {"name": "a", "description": "a", "name_localizations": {"xx": "a"}},
        {"type": 3, "name": "Menu", "description": "has none"},
    ],
)
async def test_malformed_commands_are_refused(box: Box, wire: Wire, command: dict[str, Any]) -> None:
    path = f"/applications/{box.discord.application_id}/commands"
    answer = await wire.ask("PUT", path, [command])
    assert (answer.status, answer.body["code"]) == (400, 50035)
    assert "0" in answer.body["errors"]
    assert box.discord.command_syncs == []


async def test_commands_keep_their_ids_and_change_versions_only_when_they_change(
    box: Box, wire: Wire
) -> None:
    path = f"/applications/{box.discord.application_id}/commands"
    command = {"name": "grüße", "description": "a", "type": 1}
    (first,) = (await wire.ask("PUT", path, [command])).body
    (same,) = (await wire.ask("PUT", path, [command])).body
    (changed,) = (await wire.ask("PUT", path, [command | {"description": "b"}])).body
    assert first == same
    assert (changed["id"], changed["version"] == first["version"]) == (first["id"], False)
    assert (await wire.ask("GET", path)).body == [changed]
    assert len(box.discord.command_syncs) == 3


async def test_a_guilds_command_goes_before_the_global_one(box: Box, wire: Wire) -> None:
    app = f"/applications/{box.discord.application_id}"
    await wire.ask("PUT", f"{app}/commands", [{"name": "a", "description": "global"}])
    await wire.ask("PUT", f"{app}/guilds/{box.guild.id}/commands", [{"name": "a", "description": "local"}])
    interaction = await box.ann.slash(box.general, "a")
    assert interaction.data["guild_id"] == str(box.guild.id)
