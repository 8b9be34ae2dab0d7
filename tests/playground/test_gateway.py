"""The gateway greets, filters, drops and resumes as Discord's does."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import discord
import pytest
import zstandard

from bot.playground import Intents, Permission

from .conftest import Box, Client, Socket

Dial = Callable[..., Awaitable[Socket]]
ALL = Intents.GUILDS | Intents.GUILD_MESSAGES | Intents.DIRECT_MESSAGES | Intents.MESSAGE_CONTENT


async def greeted(box: Box, dial: Dial, intents: int = int(ALL), **more: Any) -> tuple[Socket, Any]:
    socket = await dial()
    await socket.identify(box.discord.token, intents, **more)
    return socket, (await socket.until("READY"))["d"]


def _zlib() -> Callable[[bytes], bytes]:
    return zlib.decompressobj().decompress


def _zstd() -> Callable[[bytes], bytes]:
    return zstandard.ZstdDecompressor().decompressobj().decompress


@pytest.mark.parametrize(
    ("query", "unpack"), [("", None), ("&compress=zlib-stream", _zlib), ("&compress=zstd-stream", _zstd)]
)
async def test_each_compression_is_one_stream_of_whole_frames(
    box: Box, dial: Dial, query: str, unpack: Callable[[], Callable[[bytes], bytes]] | None
) -> None:
    socket = await dial("v=10&encoding=json" + query, unpack() if unpack else None)
    hello = await socket.next()
    assert (hello["op"], hello["d"]["heartbeat_interval"]) == (10, 41250)
    await socket.identify(box.discord.token, int(ALL))
    ready = (await socket.until("READY"))["d"]
    assert ready["guilds"] == [{"id": str(box.guild.id), "unavailable": True}]
    guild = (await socket.until("GUILD_CREATE"))["d"]
    assert [channel["name"] for channel in guild["channels"]] == ["general"]
    await box.ann.say(box.general, "ünïcödé")
    assert (await socket.until("MESSAGE_CREATE"))["d"]["content"] == "ünïcödé"


async def test_a_heartbeat_is_acknowledged(dial: Dial) -> None:
    socket = await dial()
    await socket.next()
    await socket.send(1, None)
    assert (await socket.next())["op"] == 11


async def test_a_client_without_heartbeats_is_closed(box: Box, dial: Dial) -> None:
    box.discord.gateway.heartbeat_interval_s = 0.05
    socket = await dial()
    assert await socket.closed() == 4009


@pytest.mark.parametrize(
    ("op", "data", "code"),
    [
        (2, {"token": "wrong", "intents": 0, "properties": {}}, 4004),
        (2, {"token": "TOKEN", "intents": 1 << 30, "properties": {}}, 4013),
        (2, {"token": "TOKEN", "properties": {}}, 4013),
        (2, {"token": "TOKEN", "intents": 0}, 4002),
        (2, {"token": "TOKEN", "intents": 0, "properties": {}, "shard": [2, 2]}, 4010),
        (2, "nothing", 4002),
        (99, {}, 4001),
        (3, {}, 4003),
        (1, "x" * 5000, 4002),
        (6, {"token": "wrong", "session_id": "a", "seq": 1}, 4004),
    ],
)
async def test_what_is_wrong_closes_with_its_code(
    box: Box, dial: Dial, op: int, data: Any, code: int
) -> None:
    if isinstance(data, dict) and data.get("token") == "TOKEN":
        data = data | {"token": box.discord.token}
    socket = await dial()
    await socket.send(op, data)
    assert await socket.closed() == code


async def test_text_that_is_no_json_closes_with_4002(dial: Dial) -> None:
    socket = await dial()
    await socket.ws.send_str("hello?")
    assert await socket.closed() == 4002


async def test_a_second_identify_closes_with_4005(box: Box, dial: Dial) -> None:
    socket, _ = await greeted(box, dial)
    await socket.identify(box.discord.token)
    assert await socket.closed() == 4005


async def test_the_121st_payload_in_a_minute_closes_with_4008(dial: Dial) -> None:
    socket = await dial()
    for _ in range(121):
        await socket.send(1, None)
    assert await socket.closed() == 4008


async def test_a_privileged_intent_that_was_not_granted_closes_with_4014(box: Box) -> None:
    box.discord.withhold_intents = True
    client = Client(discord.Intents(discord.Intents.default().value | 1 << 15))
    with pytest.raises(discord.PrivilegedIntentsRequired):
        await client.start(box.discord.token)
    await client.close()


async def test_a_refused_token_stops_the_client(box: Box) -> None:
    box.discord.refuse_token = True
    client = Client(discord.Intents.default())
    with pytest.raises(discord.LoginFailure):
        await client.start(box.discord.token)
    await client.close()


async def test_a_token_reset_in_mid_run_closes_with_4004(box: Box) -> None:
    await box.connect()
    box.discord.refuse_token = True
    await box.discord.drop_gateway()
    with pytest.raises(discord.ConnectionClosed) as closed:
        await box.tasks.pop()
    assert closed.value.code == 4004


async def test_events_come_only_with_their_intents(box: Box, dial: Dial) -> None:
    guild_only, _ = await greeted(box, dial, int(Intents.GUILDS | Intents.GUILD_MESSAGES))
    direct_only, ready = await greeted(box, dial, int(Intents.DIRECT_MESSAGES))
    assert ready["guilds"] == []
    await box.ann.say(box.general, "in the guild")
    await box.ann.say(box.discord.open_dm(box.ann), "direct")
    await box.ann.type(box.general)
    await box.ann.say(box.general, "again")
    assert (await guild_only.until("MESSAGE_CREATE"))["d"]["guild_id"] == str(box.guild.id)
    assert (await guild_only.next())["t"] == "MESSAGE_CREATE"
    assert (await direct_only.next())["d"]["content"] == "direct"


async def test_without_the_content_intent_only_what_concerns_the_bot_is_readable(
    box: Box, dial: Dial
) -> None:
    socket, _ = await greeted(box, dial, int(ALL & ~Intents.MESSAGE_CONTENT))
    await box.ann.say(box.general, "secret", files=[("a.txt", b"a")])
    await box.ann.say(box.general, f"hey {box.discord.bot.mention}")
    await box.ann.say(box.discord.open_dm(box.ann), "direct")
    hidden = (await socket.until("MESSAGE_CREATE"))["d"]
    assert (hidden["content"], hidden["attachments"]) == ("", [])
    assert (await socket.until("MESSAGE_CREATE"))["d"]["content"].startswith("hey")
    assert (await socket.until("MESSAGE_CREATE"))["d"]["content"] == "direct"


async def test_shards_share_the_guilds_and_the_first_has_the_dms(box: Box, dial: Dial) -> None:
    guilds = [box.guild, *(box.discord.add_guild(str(number)) for number in range(5))]
    shards = [await greeted(box, dial, shard=[number, 2]) for number in range(2)]
    for number, (_, ready) in enumerate(shards):
        mine = [str(guild.id) for guild in guilds if (guild.id >> 22) % 2 == number]
        assert [guild["id"] for guild in ready["guilds"]] == mine
    await box.ann.say(box.discord.open_dm(box.ann), "to the first")
    assert (await shards[0][0].until("MESSAGE_CREATE"))["d"]["content"] == "to the first"
    await box.discord.drop_gateway(code=1000)
    with pytest.raises(AssertionError):
        await shards[1][0].until("MESSAGE_CREATE")


async def test_a_resumed_client_gets_what_it_missed(box: Box) -> None:
    client = await box.connect()
    for code in (4000, None):
        client.happened.clear()
        client.seen.clear()
        await box.discord.drop_gateway(code=code)
        await box.ann.say(box.general, "while away")
        await box.soon(lambda: client.happened == ["resumed"], timeout=10)
        await box.soon(lambda: [message.content for message in client.seen] == ["while away"])


async def test_a_reconnect_request_resumes_without_loss(box: Box) -> None:
    client = await box.connect()
    client.happened.clear()
    box.discord.request_reconnect()
    await box.ann.say(box.general, "meanwhile")
    await box.soon(lambda: "resumed" in client.happened, timeout=10)
    await box.soon(lambda: [message.content for message in client.seen] == ["meanwhile"])


async def test_a_refused_resume_starts_a_new_session(box: Box) -> None:
    client = await box.connect()
    client.happened.clear()
    box.discord.refuse_resume()
    await box.discord.drop_gateway()
    await box.soon(lambda: "ready" in client.happened, timeout=10)
    assert "resumed" not in client.happened
    assert box.discord.gateway.identifies == 2


async def test_an_invalidated_session_starts_anew(box: Box) -> None:
    client = await box.connect()
    client.happened.clear()
    box.discord.invalidate_session()
    await box.soon(lambda: "ready" in client.happened, timeout=10)
    assert box.discord.gateway.identifies == 2


async def test_a_session_that_was_forgotten_cannot_be_resumed(box: Box, dial: Dial) -> None:
    socket, ready = await greeted(box, dial)
    await box.discord.drop_gateway(resumable=False)
    assert await socket.closed() == 4000
    again = await dial()
    await again.next()
    await again.send(6, {"token": box.discord.token, "session_id": ready["session_id"], "seq": 1})
    frame = await again.next()
    assert (frame["op"], frame["d"]) == (9, False)


async def test_a_resume_from_the_future_closes_with_4007(box: Box, dial: Dial) -> None:
    _, ready = await greeted(box, dial)
    again = await dial()
    await again.send(6, {"token": box.discord.token, "session_id": ready["session_id"], "seq": 10_000})
    assert await again.closed() == 4007


async def test_a_client_that_says_goodbye_is_offline_and_forgotten(box: Box, dial: Dial) -> None:
    socket, _ = await greeted(box, dial)
    assert box.discord.gateway.online
    await socket.ws.close(code=1000)
    await box.discord.until(lambda: not box.discord.gateway.sessions)
    assert not box.discord.gateway.online


async def test_too_quick_an_identify_is_an_invalid_session_where_that_is_asked_for(
    box: Box, dial: Dial
) -> None:
    box.discord.gateway.identify_interval_s = 5
    await greeted(box, dial)
    socket = await dial()
    await socket.next()
    await socket.identify(box.discord.token)
    assert (await socket.next())["op"] == 9


async def test_a_frozen_gateway_says_nothing_and_loses_nothing(box: Box, dial: Dial) -> None:
    socket, ready = await greeted(box, dial)
    await socket.until("GUILD_CREATE")
    box.discord.frozen_gateway = True
    await socket.send(1, None)
    await box.ann.say(box.general, "into the ice")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await socket.next()
    box.discord.frozen_gateway = False
    again = await dial()
    await again.send(6, {"token": box.discord.token, "session_id": ready["session_id"], "seq": 2})
    assert (await again.until("MESSAGE_CREATE"))["d"]["content"] == "into the ice"
    assert (await again.next())["t"] == "RESUMED"


async def test_members_are_sent_on_request(box: Box, dial: Dial) -> None:
    socket, _ = await greeted(box, dial)
    await socket.send(
        8, {"guild_id": str(box.guild.id), "user_ids": [str(box.bob.id)], "limit": 0, "nonce": "n"}
    )
    chunk = (await socket.until("GUILD_MEMBERS_CHUNK"))["d"]
    assert [member["user"]["username"] for member in chunk["members"]] == ["bob"]
    assert chunk["nonce"] == "n"


async def test_a_channel_the_bot_cannot_see_is_silent(box: Box, dial: Dial) -> None:
    socket, _ = await greeted(box, dial)
    hidden = box.discord.add_channel(box.guild, "hidden")
    box.discord.set_permissions(hidden, box.guild.everyone, deny=Permission.VIEW_CHANNEL)
    await box.ann.say(hidden, "psst")
    await box.ann.say(box.general, "loud")
    assert (await socket.until("MESSAGE_CREATE"))["d"]["content"] == "loud"
