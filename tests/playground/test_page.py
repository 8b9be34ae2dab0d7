"""What the page asks for and is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest

from bot.playground import Playground

from .conftest import Box, Wire
from .test_interactions import ready


class Browser:
    """The page's script, as far as HTTP goes."""

    def __init__(self, box: Box, session: aiohttp.ClientSession) -> None:
        self.session = session
        self.url = box.discord.page_url.rstrip("/")

    async def ask(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        data = None if body is None else orjson.dumps(body)
        headers = {"Content-Type": "application/json"} | more.pop("headers", {})
        async with self.session.request(
            method, f"{self.url}/page{path}", data=data, headers=headers, **more
        ) as response:
            return response.status, await response.json()


@pytest.fixture
async def browser(box: Box) -> AsyncIterator[Browser]:
    async with aiohttp.ClientSession() as session:
        yield Browser(box, session)


async def test_the_world_is_told(box: Box, browser: Browser) -> None:
    await ready(box)
    _, world = await browser.ask("GET", "/world")
    assert world["you"]["username"] == "ann"
    assert [user["username"] for user in world["users"]] == ["ann", "bob"]
    assert world["online"] is True
    assert world["guilds"][0]["channels"] == [
        {"id": str(box.general.id), "name": "general", "type": 0, "parent_id": None}
    ]
    assert world["dms"][0]["recipient"]["username"] == "ann"
    assert "settings" in {command["name"] for command in world["commands"]}


async def test_a_person_writes_edits_and_deletes_on_the_page(box: Box, browser: Browser) -> None:
    path = f"/channels/{box.general.id}/messages"
    _, first = await browser.ask("POST", path, {"content": "hello"})
    _, second = await browser.ask(
        "POST", path, {"content": "hi", "as": str(box.bob.id), "reply_to": first["id"]}
    )
    assert second["pinged"] == [str(box.ann.id)]
    assert second["referenced_message"]["content"] == "hello"
    await browser.ask("PATCH", f"{path}/{first['id']}", {"content": "hello!"})
    _, shown = await browser.ask("GET", f"{path}?limit=100")
    assert [message["content"] for message in shown] == ["hello!", "hi"]
    status, refused = await browser.ask("PATCH", f"{path}/{second['id']}", {"content": "not mine"})
    assert (status, refused["code"]) == (403, 50013)
    assert (await browser.ask("DELETE", f"{path}/{second['id']}", params={"as": str(box.bob.id)}))[0] == 200
    assert str(box.general.transcript()) == "Ann: hello! (edited)"


async def test_files_come_as_a_form(box: Box, browser: Browser) -> None:
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("payload_json", '{"content": "see"}')
    form.add_field("files[0]", b"abc", filename="a.txt")
    url = f"{browser.url}/page/channels/{box.general.id}/messages"
    async with browser.session.post(url, data=form) as response:
        message = await response.json()
    async with browser.session.get(message["attachments"][0]["url"]) as response:
        assert await response.read() == b"abc"
        assert response.headers["Content-Security-Policy"] == "sandbox"


async def test_events_reach_the_page(box: Box, browser: Browser) -> None:
    async with browser.session.ws_connect(f"{browser.url}/page/events") as ws:
        assert (await ws.receive_json(timeout=5)) == {"t": "BOT_STATUS", "d": {"online": False}}
        await ready(box)
        message = await box.ann.say(box.general, "hello")
        await box.ann.edit(message, "hello!")
        await box.ann.slash(box.general, "hello")
        await box.ann.delete(message)
        names: list[str] = []
        while "MESSAGE_DELETE" not in names:
            names.append((await ws.receive_json(timeout=5))["t"])
    for name in ("BOT_STATUS", "COMMANDS_UPDATE", "MESSAGE_CREATE", "MESSAGE_UPDATE", "INTERACTION"):
        assert name in names


async def test_commands_completions_buttons_and_forms_work_on_the_page(box: Box, browser: Browser) -> None:
    await ready(box)
    channel = f"/channels/{box.general.id}"
    typed = {"name": "settings set", "options": {"temperature": "0.5"}}
    _, sent = await browser.ask("POST", f"{channel}/commands", typed)
    assert sent["interaction_id"]
    await box.discord.until(lambda: str(box.general.transcript()) == "Parley: 0.5 None")
    asked = {"name": "settings set", "options": {}, "focused": "model", "value": "lla"}
    _, found = await browser.ask("POST", f"{channel}/autocomplete", asked)
    assert found == {"choices": [{"name": "LLAMA", "value": "llama"}]}
    user = {"name": "hello", "options": {"to": str(box.bob.id)}}
    await browser.ask("POST", f"{channel}/commands", user)
    await box.discord.until(lambda: "hello bob" in str(box.general.transcript(box.ann)))
    _, opened = await browser.ask("POST", f"{channel}/commands", {"name": "feedback", "options": {}})
    form = f"/interactions/{opened['interaction_id']}/modal"
    while (await browser.ask("POST", form, {"values": {"what": "good"}}))[0] != 200:  # noqa: ASYNC110  # noqa: ASYNC110
        # The form may have been opened between the answer and now: nothing would wake us.
        await asyncio.sleep(0.01)
    await box.discord.until(lambda: "noted: good" in str(box.general.transcript()))
    status, refused = await browser.ask("POST", f"{channel}/commands", {"name": "nonsense"})
    assert (status, refused["message"]) == (400, "'nonsense' is not a registered command")


async def test_a_button_is_pressed_on_the_page(box: Box, wire: Wire, browser: Browser) -> None:
    row = {"type": 1, "components": [{"type": 2, "style": 1, "label": "Go", "custom_id": "go"}]}
    await wire.post({"content": "a", "components": [row]})
    message = box.general.transcript()[0]
    path = f"/channels/{box.general.id}/messages/{message.id}/components"
    status, sent = await browser.ask("POST", path, {"custom_id": "go"})
    assert (status, list(sent)) == (200, ["interaction_id"])


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:80"},
        {"Host": "127.0.0.1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ],
)
async def test_another_sites_page_cannot_drive_the_box(browser: Browser, headers: dict[str, str]) -> None:
    assert (await browser.ask("GET", "/world", headers=headers))[0] == 403


@pytest.mark.parametrize(
    "path", ["/", "/static/page.js", "/api/v10/users/@me", "/gateway", "/attachments/1/2/a"]
)
@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}])
async def test_no_part_of_the_box_answers_another_site(
    box: Box, browser: Browser, path: str, headers: dict[str, str]
) -> None:
    known = {"Authorization": f"Bot {box.discord.token}"}
    async with browser.session.get(f"{browser.url}{path}", headers=known | headers) as response:
        assert response.status == 403
    assert box.discord.requests == []


async def test_the_policy_lets_nothing_but_our_own_files_run_or_load(browser: Browser) -> None:
    async with browser.session.get(f"{browser.url}/") as response:
        policy, page = response.headers["Content-Security-Policy"], await response.text()
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "connect-src 'self';" in policy
    assert "Content-Security-Policy" not in page, "there is one policy, in the header"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("messages", {"content": "a", "reply_to": {}}, 404),
        ("messages", {"content": "a", "reply_to": [1]}, 404),
        ("messages", [1], 400),
        ("commands", {"name": "hello", "options": [1, 2]}, 400),
        ("commands", {"name": "hello", "options": 5}, 400),
        ("commands", {"name": "hello", "target_id": {}}, 404),
        ("commands", {"name": ""}, 400),
        ("autocomplete", {"name": "hello", "options": [1, 2]}, 400),
    ],
)
async def test_what_the_page_would_never_send_is_refused(
    box: Box, browser: Browser, path: str, body: object, status: int
) -> None:
    await ready(box)
    assert (await browser.ask("POST", f"/channels/{box.general.id}/{path}", body))[0] == status


async def test_a_box_that_was_used_before_says_so() -> None:
    for remembers in (False, True):
        async with (
            Playground(remembers=remembers) as playground,
            aiohttp.ClientSession() as session,
            session.get(f"{playground.page_url}page/world") as response,
        ):
            assert (await response.json())["remembers"] is remembers


async def test_the_pages_files_are_served_and_no_others(box: Box, browser: Browser) -> None:
    async with browser.session.get(f"{browser.url}/static/page.js") as response:
        assert (response.status, response.content_type) == (200, "text/javascript")
    for path in (
        "/static/%00.js",
        "/static/../page.py",
        "/static/%2e%2e/page.py",
        "/static/page.py",
        "/nothing",
    ):
        async with browser.session.get(f"{browser.url}{path}") as response:
            assert response.status == 404
