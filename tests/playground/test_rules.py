"""REST refuses what Discord refuses, in Discord's words."""

from __future__ import annotations

import io
import time

import aiohttp
import discord
import orjson
import pytest

from bot.playground import MessageFlag, Permission, Playground

from .conftest import Box, Wire


async def test_content_over_2000_is_refused_and_names_the_field(box: Box, wire: Wire) -> None:
    answer = await wire.post({"content": "x" * 2001})
    assert answer.status == 400
    assert answer.body == {
        "code": 50035,
        "message": "Invalid Form Body",
        "errors": {
            "content": {
                "_errors": [{"code": "BASE_TYPE_MAX_LENGTH", "message": "Must be 2000 or fewer in length."}]
            }
        },
    }
    assert (await wire.post({"content": "x" * 2000})).status == 200


async def test_content_counts_utf16_units(wire: Wire) -> None:
    assert (await wire.post({"content": "🌱" * 1001})).status == 400
    assert (await wire.post({"content": "🌱" * 1000})).status == 200


async def test_content_is_stripped_and_blank_is_empty(box: Box, wire: Wire) -> None:
    assert (await wire.post({"content": " \n "})).body["code"] == 50006
    assert (await wire.post({})).body["code"] == 50006
    assert (await wire.post({"content": "\n a \n"})).body["content"] == "a"
    path = f"/channels/{box.general.id}/messages/{box.general.last_message_id}"
    assert (await wire.ask("PATCH", path, {"content": ""})).body["code"] == 50006


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"embeds": [{"title": "x" * 257}]}, "embeds"),
        ({"embeds": [{"description": "x" * 4000}, {"description": "x" * 2001}]}, "embeds"),
        ({"embeds": [{"description": "a"}] * 11}, "embeds"),
        ({"embeds": [{"fields": [{"name": "a", "value": ""}]}]}, "embeds"),
        ({"embeds": [{}]}, "embeds"),
        ({"embeds": [{"description": "a", "url": "ftp://x"}]}, "embeds"),
        (
            {"content": "a", "components": [{"type": 2, "style": 1, "label": "a", "custom_id": "a"}]},
            "components",
        ),
        ({"content": "a", "components": [{"type": 1, "components": []}]}, "components"),
        ({"content": "a", "allowed_mentions": {"parse": ["users"], "users": ["1"]}}, "allowed_mentions"),
        ({"content": "a", "allowed_mentions": {"parse": ["all"]}}, "allowed_mentions"),
        ({"content": "a", "nonce": "x" * 26}, "nonce"),
        ({"content": "a", "nonce": 1.5}, "nonce"),
        ({"content": 5}, "content"),
        ({"content": "a", "message_reference": {"message_id": "123456789"}}, "message_reference"),
        ({"content": "a", "attachments": [{"id": 0, "filename": "a"}]}, "attachments"),
        ({"content": "a", "flags": "4"}, "flags"),
        ({"content": "a", "flags": 1 << 15, "components": []}, "content"),
    ],
)
async def test_a_malformed_message_is_refused_by_field(wire: Wire, body: object, field: str) -> None:
    answer = await wire.post(body)
    assert (answer.status, answer.body["code"]) == (400, 50035)
    assert list(answer.body["errors"]) == [field]


def _button(**more: object) -> dict[str, object]:
    return {"type": 2, "style": 1, "label": "Go", "custom_id": "go", **more}


def _row(*items: object) -> dict[str, object]:
    return {"type": 1, "components": list(items)}


@pytest.mark.parametrize(
    "components",
    [
        [_row(_button(custom_id="x" * 101))],
        [_row(_button(label="x" * 81))],
        [_row(_button(), _button())],
        [_row(*(_button(custom_id=str(n)) for n in range(6)))],
        [_row(_button(custom_id=str(n))) for n in range(6)],
        [_row(_button(label=None))],
        [_row({"type": 2, "style": 5, "label": "link"})],
        [_row({"type": 3, "custom_id": "s", "options": []})],
        [_row({"type": 3, "custom_id": "s", "options": [{"label": "a", "value": "a"}] * 2})],
        [_row({"type": 3, "custom_id": "s", "options": [{"label": "a", "value": "a"}]}, _button())],
        [{"type": 10, "content": "needs the flag"}],
    ],
)
async def test_malformed_components_are_refused(wire: Wire, components: list[object]) -> None:
    answer = await wire.post({"content": "a", "components": components})
    assert answer.body["code"] == 50035
    assert "components" in answer.body["errors"]


async def test_layout_components_need_their_flag_and_no_content(wire: Wire) -> None:
    text = {"type": 17, "components": [{"type": 10, "content": "hi"}, _row(_button())]}
    answer = await wire.post({"flags": 1 << 15, "components": [text]})
    assert answer.status == 200
    assert answer.body["flags"] == 1 << 15


async def test_all_faults_of_a_body_come_at_once(wire: Wire) -> None:
    answer = await wire.post({"content": "x" * 2001, "embeds": [{"title": "x" * 257}], "nonce": "x" * 26})
    assert set(answer.body["errors"]) == {"content", "embeds", "nonce"}


async def test_flags_that_a_bot_may_set_are_kept(wire: Wire) -> None:
    flags = int(MessageFlag.SUPPRESS_EMBEDS | MessageFlag.SUPPRESS_NOTIFICATIONS)
    assert (await wire.post({"content": "a", "flags": flags | MessageFlag.EPHEMERAL})).body["flags"] == flags


async def test_the_same_nonce_makes_one_message(box: Box) -> None:
    client = await box.connect()
    first = await box.http(client).send("once", nonce="turn-1-page-1")
    again = await box.http(client).send("once", nonce="turn-1-page-1")
    assert first.id == again.id
    assert len(box.general.transcript()) == 1
    await box.http(client).send("once", nonce="turn-1-page-2")
    assert len(box.general.transcript()) == 2


async def test_a_nonce_is_told_when_a_message_is_written_and_not_when_it_is_read(
    box: Box, wire: Wire
) -> None:
    written = (await wire.post({"content": "a", "nonce": "n"})).body
    assert written["nonce"] == "n"
    path = f"/channels/{box.general.id}/messages/{written['id']}"
    assert "nonce" not in (await wire.ask("GET", path)).body


async def test_a_nonce_that_is_not_enforced_does_nothing(box: Box, wire: Wire) -> None:
    for _ in range(2):
        await wire.post({"content": "a", "nonce": 7})
    assert len(box.general.transcript()) == 2


async def test_a_channel_the_bot_cannot_see_is_missing_access(box: Box, wire: Wire) -> None:
    box.discord.set_permissions(box.general, box.discord.bot, deny=Permission.VIEW_CHANNEL)
    answer = await wire.post({"content": "a"})
    assert (answer.status, answer.body) == (403, {"message": "Missing Access", "code": 50001})


async def test_sending_needs_its_permission_in_channels_and_in_threads(box: Box, wire: Wire) -> None:
    thread = box.discord.add_thread(box.general, "t")
    box.discord.set_permissions(box.general, box.guild.everyone, deny=Permission.SEND_MESSAGES)
    assert (await wire.post({"content": "a"})).body == {"message": "Missing Permissions", "code": 50013}
    assert (await wire.post({"content": "a"}, thread)).status == 200
    box.discord.set_permissions(box.general, box.guild.everyone, deny=Permission.SEND_MESSAGES_IN_THREADS)
    assert (await wire.post({"content": "a"}, thread)).body["code"] == 50013
    typing = await wire.ask("POST", f"/channels/{thread.id}/typing")
    assert typing.body["code"] == 50013


async def test_files_need_a_permission_and_embeds_are_dropped_without_theirs(box: Box) -> None:
    box.discord.set_permissions(
        box.general, box.discord.bot, deny=Permission.ATTACH_FILES | Permission.EMBED_LINKS
    )
    client = await box.connect()
    with pytest.raises(discord.Forbidden) as refused:
        await box.http(client).send(file=discord.File(io.BytesIO(b"a"), "a.txt"))
    assert refused.value.code == 50013
    await box.http(client).send("text", embed=discord.Embed(description="gone"))
    assert box.general.transcript()[0].embeds == []


async def test_history_and_replies_need_the_permission_to_read_it(box: Box, wire: Wire) -> None:
    message = await box.ann.say(box.general, "old")
    box.discord.set_permissions(box.general, box.discord.bot, deny=Permission.READ_MESSAGE_HISTORY)
    answer = await wire.post({"content": "a", "message_reference": {"message_id": str(message.id)}})
    assert (answer.status, answer.body["code"]) == (403, 160002)
    path = f"/channels/{box.general.id}/messages"
    assert (await wire.ask("GET", path)).body == []
    assert (await wire.ask("GET", f"{path}/{message.id}")).body["code"] == 50001


async def test_a_reply_to_nothing_is_refused_unless_it_may_fail(box: Box, wire: Wire) -> None:
    reference: dict[str, object] = {"message_id": "123456789012345678"}
    answer = await wire.post({"content": "a", "message_reference": reference})
    assert answer.body["errors"]["message_reference"]["_errors"][0]["code"] == "REPLIES_UNKNOWN_MESSAGE"
    kinder = await wire.post({"content": "a", "message_reference": reference | {"fail_if_not_exists": False}})
    assert kinder.status == 200
    assert "message_reference" not in kinder.body


async def test_what_does_not_exist_is_unknown(box: Box, wire: Wire) -> None:
    of = f"/channels/{box.general.id}/messages"
    assert (await wire.ask("GET", f"{of}/1")).body == {"message": "Unknown Message", "code": 10008}
    assert (await wire.ask("PATCH", f"{of}/1", {"content": "a"})).body["code"] == 10008
    assert (await wire.ask("DELETE", f"{of}/1")).body["code"] == 10008
    assert (await wire.ask("GET", "/channels/1")).body["code"] == 10003
    assert (await wire.ask("POST", "/channels/1/messages", {"content": "a"})).body["code"] == 10003


async def test_an_unknown_route_is_404_and_noted(box: Box, wire: Wire) -> None:
    answer = await wire.ask("GET", "/guilds/1/soup")
    assert (answer.status, answer.body) == (404, {"message": "404: Not Found", "code": 0})
    assert (await wire.ask("PUT", "/users/@me")).status == 405
    assert box.discord.unknown_routes == ["GET /guilds/1/soup", "PUT /users/@me"]


async def test_a_wrong_token_is_401(box: Box, wire: Wire) -> None:
    answer = await wire.ask("GET", "/users/@me", token="wrong")
    assert (answer.status, answer.body) == (401, {"message": "401: Unauthorized", "code": 0})
    box.discord.refuse_token = True
    assert (await wire.ask("GET", "/users/@me")).status == 401


async def test_anothers_message_cannot_be_edited_and_deleting_it_needs_a_permission(
    box: Box, wire: Wire
) -> None:
    message = await box.ann.say(box.general, "mine")
    path = f"/channels/{box.general.id}/messages/{message.id}"
    assert (await wire.ask("PATCH", path, {"content": "yours"})).body["code"] == 50005
    assert (await wire.ask("DELETE", path)).body["code"] == 50013
    box.discord.set_permissions(box.general, box.discord.bot, allow=Permission.MANAGE_MESSAGES)
    assert (await wire.ask("DELETE", path)).status == 204


async def test_bulk_delete_takes_2_to_100_young_messages(box: Box, wire: Wire) -> None:
    box.discord.set_permissions(box.general, box.discord.bot, allow=Permission.MANAGE_MESSAGES)
    ids = [str((await box.ann.say(box.general, text)).id) for text in "ab"]
    path = f"/channels/{box.general.id}/messages/bulk-delete"
    assert (await wire.ask("POST", path, {"messages": ids[:1]})).body["code"] == 50016
    assert (await wire.ask("POST", path, {"messages": [ids[0], "1000"]})).body["code"] == 50034
    assert (await wire.ask("POST", path, {"messages": ids})).status == 204
    assert box.general.transcript() == []


async def test_a_person_may_have_closed_their_dms(box: Box, wire: Wire) -> None:
    box.ann.closed_dms = True
    answer = await wire.post({"content": "a"}, box.discord.open_dm(box.ann))
    assert (answer.status, answer.body["code"]) == (403, 50007)


async def test_a_file_over_the_limit_is_too_large(box: Box) -> None:
    box.discord.file_limit_bytes = 10
    client = await box.connect()
    with pytest.raises(discord.HTTPException) as refused:
        await box.http(client).send(file=discord.File(io.BytesIO(b"x" * 11), "a.txt"))
    assert (refused.value.status, refused.value.code) == (413, 40005)


async def test_json_that_is_none_is_refused(box: Box, wire: Wire) -> None:
    async with wire.session.post(
        f"{box.discord.rest_url}/channels/{box.general.id}/messages",
        data=b"{",
        headers={"Authorization": f"Bot {box.discord.token}", "Content-Type": "application/json"},
    ) as response:
        assert (await response.json())["code"] == 50109


# Mentions


async def test_without_allowed_mentions_everything_pings(box: Box, wire: Wire) -> None:
    await wire.post({"content": f"@everyone and {box.bob.mention}"})
    message = box.general.transcript()[0]
    assert message.mention_everyone
    assert message.pinged == {box.bob.id, box.ann.id}


async def test_everyone_pings_only_with_the_permission(box: Box, wire: Wire) -> None:
    box.discord.set_permissions(box.general, box.guild.everyone, deny=Permission.MENTION_EVERYONE)
    await wire.post({"content": "@everyone"})
    assert box.general.transcript()[0].pinged == set()
    box.discord.set_permissions(box.general, box.guild.everyone, allow=Permission.MENTION_EVERYONE)
    await wire.post({"content": "@here"})
    assert box.general.transcript()[1].pinged == {box.ann.id, box.bob.id}
    await wire.post({"content": "@everyone", "allowed_mentions": {"parse": []}})
    assert box.general.transcript()[2].pinged == set()


async def test_allowed_mentions_choose_who_is_pinged(box: Box, wire: Wire) -> None:
    role = box.discord.add_role(box.guild, "gardeners", members=[box.bob], mentionable=True)
    content = f"{box.ann.mention} {role.mention} @everyone"
    cases: list[tuple[dict[str, object], set[int]]] = [
        ({"parse": []}, set()),
        ({"parse": ["users"]}, {box.ann.id}),
        ({"parse": ["roles"]}, {box.bob.id}),
        ({"users": [str(box.ann.id)]}, {box.ann.id}),
        ({"users": [str(box.bob.id)]}, set()),
        ({"roles": [str(role.id)]}, {box.bob.id}),
    ]
    for allowed, pinged in cases:
        await wire.post({"content": content, "allowed_mentions": allowed})
        assert box.general.transcript()[-1].pinged == pinged, allowed


async def test_a_reply_pings_its_author_unless_told_otherwise(box: Box, wire: Wire) -> None:
    asked = await box.ann.say(box.general, "?")
    body: dict[str, object] = {"content": "!", "message_reference": {"message_id": str(asked.id)}}
    for allowed, pinged in (
        (None, {box.ann.id}),
        ({"parse": []}, set()),
        ({"replied_user": True}, {box.ann.id}),
    ):
        await wire.post(body if allowed is None else body | {"allowed_mentions": allowed})
        assert box.general.transcript()[-1].pinged == pinged


async def test_an_edit_changes_the_mentions_but_pings_nobody(box: Box, wire: Wire) -> None:
    first = await wire.post({"content": "a"})
    path = f"/channels/{box.general.id}/messages/{first.body['id']}"
    edited = await wire.ask("PATCH", path, {"content": box.bob.mention})
    assert [user["id"] for user in edited.body["mentions"]] == [str(box.bob.id)]
    assert box.general.transcript()[0].pinged == set()


async def test_a_mention_in_code_pings_nobody(box: Box, wire: Wire) -> None:
    await wire.post({"content": f"`{box.ann.mention}` ```\n@everyone {box.bob.mention}```"})
    assert box.general.transcript()[0].pinged == set()


async def test_who_cannot_see_a_channel_is_not_pinged_there(box: Box, wire: Wire) -> None:
    box.discord.set_permissions(box.general, box.bob, deny=Permission.VIEW_CHANNEL)
    await wire.post({"content": box.bob.mention})
    assert box.general.transcript()[0].pinged == set()


# Rate limits


async def test_the_sixth_message_in_five_seconds_is_told_to_wait(box: Box, wire: Wire) -> None:
    box.discord.limits.scale = 1.0
    answers = [await wire.post({"content": str(number)}) for number in range(6)]
    assert [answer.status for answer in answers] == [200] * 5 + [429]
    assert answers[0].headers["X-RateLimit-Limit"] == "5"
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["4", "3", "2", "1", "0", "0"]
    late = answers[-1]
    assert late.body["global"] is False
    assert 0 < late.body["retry_after"] <= 5.001
    assert late.headers["X-RateLimit-Scope"] == "user"
    assert int(late.headers["Retry-After"]) >= late.body["retry_after"] - 0.01
    assert float(late.headers["X-RateLimit-Reset"]) > time.time()
    assert len(box.discord.ratelimited) == 1
    other = box.discord.add_channel(box.guild, "other")
    elsewhere = await wire.post({"content": "a"}, other)
    assert elsewhere.status == 200
    assert elsewhere.headers["X-RateLimit-Bucket"] == late.headers["X-RateLimit-Bucket"]


async def test_the_51st_request_in_a_second_is_limited_everywhere(box: Box, wire: Wire) -> None:
    box.discord.limits.scale = 1.0
    box.discord.limits.clock = lambda: 1.0
    channels = [box.discord.add_channel(box.guild, str(number)) for number in range(51)]
    answers = [await wire.post({"content": "a"}, channel) for channel in channels]
    assert [answer.status for answer in answers] == [200] * 50 + [429]
    assert answers[-1].body["global"] is True
    assert answers[-1].headers["X-RateLimit-Global"] == "true"
    assert answers[-1].headers["Via"]


async def test_the_real_client_waits_before_it_would_be_limited(box: Box) -> None:
    box.discord.limits.scale = 0.02
    client = await box.connect()
    for number in range(12):
        await box.http(client).send(str(number))
    assert len(box.general.transcript()) == 12
    assert box.discord.ratelimited == []


async def test_without_rate_limits_there_are_no_headers_for_them() -> None:
    async with Playground(rate_limits=False) as playground, aiohttp.ClientSession() as session:
        async with session.get(f"{playground.rest_url}/gateway") as refused:
            assert refused.status == 401
        headers = {"Authorization": f"Bot {playground.token}"}
        async with session.get(f"{playground.rest_url}/gateway", headers=headers) as response:
            assert not [name for name in response.headers if name.startswith("X-RateLimit")]


async def test_the_real_client_meets_a_429_and_tries_again(box: Box) -> None:
    client = await box.connect()
    box.discord.fail("POST", "/channels/{channel_id}/messages", status=429, retry_after_s=0.01)
    await box.http(client).send("patience")
    assert str(box.general.transcript()) == "Parley: patience"
    assert [request.status for request in box.discord.ratelimited] == [429]


# Faults


async def test_a_lost_response_leaves_the_effect(box: Box, wire: Wire) -> None:
    route = "/channels/{channel_id}/messages"
    box.discord.fail("POST", route, status=503, after_effect=True)
    assert (await wire.post({"content": "a"})).status == 503
    assert len(box.general.transcript()) == 1
    box.discord.fail("POST", route, times=2)
    assert [(await wire.post({"content": "b"})).status for _ in range(3)] == [500, 500, 200]
    assert len(box.general.transcript()) == 2


async def test_a_cut_connection_has_no_answer(box: Box, wire: Wire) -> None:
    box.discord.fail("*", lambda request: request.path.endswith("/messages"), cut=True, after_effect=True)
    with pytest.raises(aiohttp.ClientError):
        await wire.post({"content": "a"})
    assert len(box.general.transcript()) == 1


async def test_a_fault_may_speak_discords_words(box: Box) -> None:
    client = await box.connect()
    box.discord.fail("POST", "/channels/{channel_id}/messages", status=403, code=50013)
    with pytest.raises(discord.Forbidden, match="Missing Permissions"):
        await box.http(client).send("a")


async def test_latency_holds_every_answer_back(box: Box, wire: Wire) -> None:
    box.discord.latency_s = 0.05
    await wire.post({"content": "a"})
    assert (box.discord.requests[-1].elapsed_s or 0) >= 0.05


async def test_requests_are_recorded(box: Box, wire: Wire) -> None:
    await wire.post({"content": "a"})
    last = box.discord.requests[-1]
    assert (last.method, last.route, last.status) == ("POST", "/channels/{channel_id}/messages", 200)
    assert last.params == {"channel_id": str(box.general.id)}
    assert last.body == {"content": "a"}


# People


async def test_people_need_permission_too(box: Box) -> None:
    box.discord.set_permissions(box.general, box.guild.everyone, deny=Permission.SEND_MESSAGES)
    with pytest.raises(PermissionError):
        await box.bob.say(box.general, "let me")
    await box.ann.say(box.general, "the owner may")
    stranger = box.discord.add_user("stranger")
    with pytest.raises(PermissionError):
        await stranger.say(box.general, "hello?")
    with pytest.raises(PermissionError):
        await box.bob.edit(box.general.transcript()[0], "not mine")
    with pytest.raises(ValueError, match="2000"):
        await box.ann.say(box.general, "x" * 2001)


async def test_what_is_recorded_stays_as_it_was_sent(box: Box, wire: Wire) -> None:
    body = {
        "embeds": [
            {
                "title": "t",
                "fields": [{"name": "n", "value": "v"}],
                "image": {"url": "attachment://seen.txt"},
            }
        ],
        "attachments": [{"id": 0, "filename": "seen.txt", "description": "what it is"}],
    }
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("payload_json", orjson.dumps(body).decode())
    form.add_field("files[0]", b"abc", filename="sent.txt")
    headers = {"Authorization": f"Bot {box.discord.token}"}
    url = f"{box.discord.rest_url}/channels/{box.general.id}/messages"
    async with wire.session.post(url, data=form, headers=headers) as response:
        message = await response.json()
    assert message["embeds"][0]["image"]["url"] == message["attachments"][0]["url"]
    assert message["embeds"][0]["fields"][0]["inline"] is False
    assert message["attachments"][0]["filename"] == "seen.txt"
    request = box.discord.requests[-1]
    assert request.body == body
    assert (request.files[0].filename, request.files[0].description) == ("sent.txt", None)


@pytest.mark.parametrize(
    "body", [{"embeds": [{"title": "t", "fields": [1]}]}, {"content": "a", "attachments": [1]}]
)
async def test_items_that_are_no_objects_are_refused(wire: Wire, body: object) -> None:
    answer = await wire.post(body)
    assert (answer.status, answer.body["code"]) == (400, 50035)
