"""What the box sends has the shape that Discord's own description gives it."""

from __future__ import annotations

import gzip
import os
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest

from .conftest import Box, Wire

SPECIFICATION = Path(os.environ.get("DISCORD_OPENAPI", "/work/shared/specs/discord-openapi.json.gz"))

pytestmark = pytest.mark.skipif(not SPECIFICATION.exists(), reason="Discord's description is not here")


@cache
def specification() -> Any:
    return orjson.loads(gzip.decompress(SPECIFICATION.read_bytes()))


def check(found: Any, name: str) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": specification()["components"]}
    validator = jsonschema.Draft202012Validator(schema)
    faults = [f"{list(error.absolute_path)}: {error.message[:200]}" for error in validator.iter_errors(found)]
    assert faults == []


async def test_messages(box: Box, wire: Wire) -> None:
    asked = await box.ann.say(box.general, f"hello {box.bob.mention}", files=[("a.txt", b"a")])
    row = {"type": 1, "components": [{"type": 2, "style": 1, "label": "Go", "custom_id": "go"}]}
    body = {
        "content": "hi",
        "embeds": [{"title": "t", "fields": [{"name": "n", "value": "v"}]}],
        "components": [row],
        "message_reference": {"message_id": str(asked.id)},
        "nonce": "n",
    }
    check((await wire.post(body)).body, "MessageResponse")
    other = box.discord.add_channel(box.guild, "other")
    forward = {"type": 1, "message_id": str(asked.id), "channel_id": str(box.general.id)}
    forwarded = (await wire.post({"message_reference": forward}, other)).body
    # The description knows no forwards by their type, though Discord sends it.
    assert forwarded["message_reference"].pop("type") == 1
    check(forwarded | {"message_reference": forwarded["message_reference"] | {"type": 0}}, "MessageResponse")
    thread = await wire.ask("POST", f"/channels/{box.general.id}/messages/{asked.id}/threads", {"name": "t"})
    check(thread.body, "ThreadResponse")
    path = f"/channels/{box.general.id}/messages"
    check((await wire.ask("GET", f"{path}/{asked.id}")).body, "MessageResponse")


async def test_channels_guilds_members_and_users(box: Box, wire: Wire) -> None:
    check((await wire.ask("GET", f"/channels/{box.general.id}")).body, "GuildChannelResponse")
    for kind in ("voice", "forum", "announcement"):
        channel = box.discord.add_channel(box.guild, kind, kind)
        check((await wire.ask("GET", f"/channels/{channel.id}")).body, "GuildChannelResponse")
    dm = box.discord.open_dm(box.ann)
    check((await wire.ask("GET", f"/channels/{dm.id}")).body, "PrivateChannelResponse")
    check((await wire.ask("GET", f"/guilds/{box.guild.id}")).body, "GuildResponse")
    check((await wire.ask("GET", f"/guilds/{box.guild.id}/members/{box.ann.id}")).body, "GuildMemberResponse")
    check((await wire.ask("GET", f"/users/{box.ann.id}")).body, "UserResponse")
    check((await wire.ask("GET", "/applications/@me")).body, "PrivateApplicationResponse")


async def test_commands_and_callbacks(box: Box, wire: Wire) -> None:
    command = {"name": "a", "description": "a", "options": [{"type": 3, "name": "x", "description": "x"}]}
    path = f"/applications/{box.discord.application_id}/commands"
    (stored,) = (await wire.ask("PUT", path, [command])).body
    check(stored, "ApplicationCommandResponse")
    interaction = await box.ann.slash(box.general, "a", x="y")
    callback = f"/interactions/{interaction.id}/{interaction.token}/callback?with_response=true"
    answer = await wire.ask("POST", callback, {"type": 4, "data": {"content": "b"}})
    check(answer.body, "InteractionCallbackResponse")
    hook = f"/webhooks/{box.discord.application_id}/{interaction.token}"
    check((await wire.ask("POST", hook, {"content": "more"})).body, "MessageResponse")
