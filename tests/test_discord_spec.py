"""Whether Discord's own description finds the mistakes in what was asked of the playground."""

import contextlib
import io
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import discord
import discord.http
import pytest
from discord import app_commands

from bot.playground import Channel, Message, Playground
from tests.discord_spec import SPEC, validate_requests

pytestmark = pytest.mark.skipif(not SPEC.exists(), reason=f"{SPEC.name} is not beside the checkout")


@dataclass(kw_only=True)
class Scene:
    """discord.py, logged in, and a channel in which something was said."""

    playground: Playground
    client: discord.Client
    channel: Channel
    said: Message

    @property
    def room(self) -> discord.PartialMessageable:
        return self.client.get_partial_messageable(self.channel.id)

    async def ask(self, method: str, path: str, **how: Any) -> None:
        """Ask what discord.py would not, whatever is answered."""
        route = discord.http.Route(method, path.replace("{here}", f"/channels/{self.channel.id}"))
        with contextlib.suppress(discord.HTTPException):
            await self.client.http.request(route, **how)

    def complaint(self) -> str:
        """What validation says, without its heading."""
        with pytest.raises(AssertionError) as caught:
            validate_requests(self.playground)
        return str(caught.value).split("\n", 1)[1]


@pytest.fixture
async def scene(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Scene]:
    async with Playground() as playground:
        monkeypatch.setattr(discord.http.Route, "BASE", playground.rest_url)
        ann = playground.add_user("ann")
        channel = playground.add_channel(playground.add_guild("Garden", owner=ann), "general")
        said = await ann.say(channel, "Good morning")
        async with discord.Client(intents=discord.Intents.none()) as client:
            await client.login(playground.token)
            yield Scene(playground=playground, client=client, channel=channel, said=said)


class Buttons(discord.ui.View):
    @discord.ui.button(label="Stop", custom_id="stop", emoji="\N{BLACK SQUARE FOR STOP}")
    async def stop_it(self, interaction: discord.Interaction, button: discord.ui.Button["Buttons"]) -> None:
        """Do nothing."""

    @discord.ui.select(options=[discord.SelectOption(label="Short"), discord.SelectOption(label="Long")])
    async def choose(self, interaction: discord.Interaction, select: discord.ui.Select["Buttons"]) -> None:
        """Do nothing."""


async def test_what_discord_py_asks_for_is_what_discord_describes(scene: Scene) -> None:
    question = scene.room.get_partial_message(scene.said.id)
    picture = discord.File(io.BytesIO(b"cat"), "cat.png", description="a cat, asleep")
    mentions = discord.AllowedMentions(users=[discord.Object(scene.said.author.id)], replied_user=False)
    page = await question.reply("Hello", nonce="turn:1", allowed_mentions=mentions, view=Buttons())
    await page.edit(content="Hello again", view=None)
    await scene.room.send(file=picture, silent=True)
    await question.add_reaction("\N{EYES}")
    await scene.room.typing()
    async for _ in scene.room.history(limit=5, after=discord.Object(1)):
        pass
    await page.delete()

    validate_requests(scene.playground)

    assert len({request.route for request in scene.playground.requests}) >= 6


async def test_commands_with_options_and_choices_are_described(scene: Scene) -> None:
    tree = app_commands.CommandTree(scene.client)

    @tree.command(description="Paint a picture")
    @app_commands.default_permissions(manage_messages=True)
    @app_commands.choices(shape=[app_commands.Choice(name="Wide", value="wide")])
    async def imagine(
        interaction: discord.Interaction,
        prompt: app_commands.Range[str, 1, 1000],
        shape: app_commands.Choice[str] | None = None,
        guide: discord.Attachment | None = None,
    ) -> None:
        """Do nothing."""

    @tree.context_menu(name="Answer this")
    async def answer_this(interaction: discord.Interaction, message: discord.Message) -> None:
        """Do nothing."""

    await tree.sync()

    validate_requests(scene.playground)


def button(**more: Any) -> dict[str, Any]:
    return {"content": "x", "components": [{"type": 1, "components": [{"type": 2, "style": 1, **more}]}]}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"content": "x", "colour": 1, "shade": 2}, "$: unknown 'colour', 'shade'"),
        ({"content": 5}, "$.content: 5 is not of type 'string', 'null'"),
        ({"content": "x" * 4001}, "$.content: 'xxx* … x*' is too long"),
        (
            {"content": "x", "message_reference": {}},
            "$.message_reference: 'message_id' is a required property",
        ),
        ({"content": "x", "nonce": 1.5}, "$.nonce: 1.5 is none of null, string, integer"),
        ({"content": "x", "components": [{"type": 99}]}, "$.components[0]: type 99 is none of 1, 9, 10, *"),
        (
            {"content": "x", "message_reference": {"message_id": "1", "type": 9}},
            "$.message_reference.type: 9 is none of 0",
        ),
        ({"content": "x", "message_reference": 5}, "$.message_reference: 5 is none of null, object"),
        (button(color=1), "$.components[0].components[0]: unknown 'color'"),
        (button(style=9), "$.components[0].components[0].style: 9 is none of 1, 2, 3, 4, 5, 6"),
        (
            {"content": "x", "allowed_mentions": {"users": ["ann"]}},
            "$.allowed_mentions.users[0]: 'ann' does not match *",
        ),
        ({"content": "x", "attachments": [{"id": 0}]}, "attachments names file 0, which was not sent"),
        ({"embeds": [{"image": {"url": "attachment://a.png"}}]}, "attachment://a.png was not sent"),
        (None, "$: None is not of type 'object'"),
    ],
)
async def test_a_wrong_body_is_told_with_its_request_and_place(scene: Scene, body: Any, told: str) -> None:
    await scene.ask("POST", "{here}/messages", json=body)

    complaint = scene.complaint()

    expected = re.escape(f"POST /channels/{scene.channel.id}/messages {told}").replace(r"\*", ".*")
    assert re.fullmatch(expected, complaint), complaint
    assert len(complaint) < 300


@pytest.mark.parametrize(
    ("method", "path", "how", "told"),
    [
        ("GET", "{here}/soup", {}, "is no route"),
        ("PATCH", "{here}/typing", {}, "is no route"),
        ("GET", "/channels/None/messages", {}, "{channel_id}: 'None' does not match"),
        ("GET", "{here}/messages", {"params": {"color": "red"}}, "?color: unknown parameter"),
        ("GET", "{here}/messages", {"params": {"limit": "many"}}, "?limit: 'many' is not of type 'integer'"),
        ("GET", "{here}/messages", {"params": {"limit": "500"}}, "?limit: 500 is greater than the maximum"),
        ("POST", "{here}/messages", {}, "has no body"),
        ("POST", "{here}/typing", {"json": {"for": 5}}, "takes no application/json"),
    ],
)
async def test_a_wrong_address_is_told(
    scene: Scene, method: str, path: str, how: dict[str, Any], told: str
) -> None:
    await scene.ask(method, path, **how)

    assert told in scene.complaint()


@pytest.mark.parametrize(
    ("attachments", "told"),
    [
        ([], "files[0]: not named in attachments"),
        ([{"id": 0}, {"id": 1}], "attachments names file 1, which was not sent"),
    ],
)
async def test_files_that_are_not_those_of_the_body_are_told(
    scene: Scene, attachments: list[Any], told: str
) -> None:
    payload = discord.utils._to_json({"content": "Look", "attachments": attachments})
    picture = {"name": "files[0]", "value": b"cat", "filename": "cat.png", "content_type": "image/png"}
    await scene.ask("POST", "{here}/messages", form=[{"name": "payload_json", "value": payload}, picture])

    assert told in scene.complaint()


async def test_every_mistake_has_its_line_once(scene: Scene) -> None:
    for _ in range(2):
        await scene.ask("POST", "{here}/messages", json={"content": 5, "colour": 1})
    await scene.ask("GET", "/soup")

    assert len(scene.complaint().splitlines()) == 3


async def test_a_body_that_was_not_read_is_not_judged(scene: Scene) -> None:
    scene.client.http.token = "wrong"

    await scene.ask("POST", "{here}/messages", json={"colour": 1})

    assert scene.playground.requests[-1].status == 401
    validate_requests(scene.playground)
