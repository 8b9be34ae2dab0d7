"""Whatever a provider does, people see an answer, or one line that says what to do."""

import asyncio
from typing import Any

import pytest

from tests.openai_server import STRICT, Script, failure
from tests.wire.conftest import World

PARTIAL = "The first half"


@pytest.mark.parametrize(
    ("script", "shown", "end"),
    [
        (Script(chunks=["All ", "there"], finish=None), "All there", "delivered"),
        (Script(chunks=["All ", "there"], finish=None, done=False), "All there", "delivered"),
        (Script(chunks=["All ", "there"], choiceless=True), "All there", "delivered"),
        (Script(chunks=["All ", "there"], plain=True), "All there", "delivered"),
        (Script(chunks=["word " * 300]), ("word " * 300).strip(), "delivered"),
        (Script(chunks=["Hm"], reasoning=["secret ", "thoughts"]), "Hm", "delivered"),
    ],
    ids=["no finish", "no finish nor [DONE]", "no choices", "not streamed", "one giant chunk", "reasoning"],
)
async def test_an_answer_is_shown_whole(world: World, script: Script, shown: str, end: str) -> None:
    world.openai.answers(script)
    async with world.running():
        question = await world.ask("hello")
        assert await world.ended(question) == end
        assert world.said() == [shown]


@pytest.mark.parametrize(
    ("script", "words", "end"),
    [
        (Script(chunks=[]), "nothing at all", "failed"),
        (Script(chunks=["  \n "]), "nothing at all", "failed"),
        (Script(chunks=[], finish="length"), "Raise `max_tokens`", "failed"),
        (Script(chunks=[], finish="content_filter"), "content filter", "refused"),
        (failure(401, code="invalid_api_key"), "owner has to check it", "failed"),
        (failure(429, code="insufficient_quota", type="insufficient_quota"), "no credit left", "failed"),
        (failure(429, type="requests", headers={"retry-after": "17"}), "ask again in 17 s", "failed"),
        (failure(429, type="requests"), "in a little while", "failed"),
        (failure(404, code="model_not_found"), "no model `openai/gpt-test`", "failed"),
        (failure(403, code="model_not_available"), "may not use the model", "failed"),
        (failure(400, "That was weird.", code="weird"), "did not accept the request", "failed"),
        (failure(400, code="content_filter"), "content filter", "refused"),
        (failure(500, type="server_error"), "overloaded or has a fault", "failed"),
        (failure(503, type="server_error"), "overloaded or has a fault", "failed"),
        (Script(chunks=[], cut=True), "broke off", "failed"),
    ],
    ids=[
        *(
            "empty",
            "blank",
            "only reasoning",
            "filtered",
            "401",
            "quota 429",
            "rate 429",
            "rate 429, no time",
        ),
        *("404", "403", "400", "400 of the filter", "500", "503", "cut at once"),
    ],
)
async def test_a_failure_is_one_line_in_words(world: World, script: Script, words: str, end: str) -> None:
    world.openai.answers(script)
    async with world.running():
        question = await world.ask("hello")
        told = (await world.reply(question)).content

        assert words in told
        assert "\n" not in told
        assert await world.ended(question) == end
        world.openai.answers("Better now.")
        assert await world.answered("and again?") == "Better now.", (
            "a failure is not the end of the conversation"
        )


@pytest.mark.parametrize(
    ("ending", "words", "end"),
    [
        ({"cut": True}, "broke off here", "failed"),
        ({"error": {"message": "boom", "type": "server_error"}}, "fault", "failed"),
        ({"finish": "length"}, "Cut off at `max_tokens` (2048)", "delivered"),
        ({"finish": "content_filter"}, "withheld by the provider's content filter", "refused"),
    ],
    ids=["cut", "error event", "length", "content filter"],
)
async def test_what_was_said_before_an_end_that_came_too_soon_stands_with_the_reason_under_it(
    world: World, ending: dict[str, Any], words: str, end: str
) -> None:
    world.openai.answers(Script(chunks=[PARTIAL], **ending))
    async with world.running():
        question = await world.ask("hello")
        assert await world.ended(question) == end

        text, note = world.said()[0].split("\n")
        assert text == PARTIAL
        assert note.startswith("-# ")
        assert words in note
        world.openai.answers("Going on.")
        await world.answered("go on")
    assert ("assistant", PARTIAL) in world.prompts[-1]


async def test_a_provider_that_says_nothing_is_told_after_its_timeout(world: World) -> None:
    world.yaml = (
        f"providers: {{local: {{base_url: '{world.openai.base_url}', timeout_s: 1}}}}\nchat: {{model: m}}"
    )
    world.openai.answers(Script(hang=True))
    async with world.running():
        question = await world.ask("hello")
        assert "took too long" in (await world.reply(question)).content
    assert len(world.prompts) == 1, "a question that may have been answered is not paid for twice"


async def test_a_provider_that_is_not_there_is_told(world: World) -> None:
    world.yaml = "providers: {local: {base_url: 'http://127.0.0.1:1/v1'}}\nchat: {model: m}"
    async with world.running():
        assert "cannot be reached" in (await world.reply(await world.ask("hello"), timeout=15)).content


async def test_a_model_of_todays_openai_is_answered_from_at_once_and_its_ways_are_remembered(
    world: World,
) -> None:
    """It refuses `max_tokens`, and any temperature but 1."""
    world.yaml = "chat: {model: gpt-test, temperature: 0.3, max_tokens: 500}"
    world.openai.refuses = STRICT
    world.openai.answers("Fine.", "Fine again.", "Still fine.")
    async with world.running():
        assert await world.answered("one") == "Fine."
        healing = len(world.openai.requests)
        assert healing > 1
        assert await world.answered("two") == "Fine again."
        assert len(world.openai.requests) == healing + 1
        shown = await (await world.owner.slash(world.general, "settings show")).response()
        assert [line for line in shown.content.splitlines() if "does not honour" in line] == [
            line for line in shown.content.splitlines() if "temperature" in line
        ]
    async with world.running():
        assert await world.answered("three") == "Still fine."
        assert len(world.openai.requests) == healing + 2, "what was learned outlives a restart"
    body = world.openai.requests[-1].body
    assert body["max_completion_tokens"] == 500
    assert "max_tokens" not in body
    assert "temperature" not in body


async def test_a_server_without_a_system_role_and_usage_is_answered_from(world: World) -> None:
    def refuse(body: dict[str, Any]) -> Script | None:
        if "stream_options" in body:
            return failure(400, "Unrecognized request argument supplied: stream_options")
        if body["messages"][0]["role"] in ("system", "developer"):
            return failure(400, "System role not supported")
        return None

    world.openai.refuses = (refuse,)
    world.openai.answers("Here.")
    async with world.running():
        assert await world.answered("hello") == "Here."
    assert [role for role, _ in world.prompts[-1]] == ["user"]
    assert "You are Parley" in world.prompts[-1][0][1]


async def test_a_prompt_that_proves_too_long_is_shortened_and_the_window_is_learned(world: World) -> None:
    def refuse(body: dict[str, Any]) -> Script | None:
        words = sum(len(message["content"].split()) for message in body["messages"])
        if words + body.get("max_tokens", 0) <= 1000:
            return None
        return failure(
            400,
            "This model's maximum context length is 1000 tokens. However, you requested more.",
            code="context_length_exceeded",
        )

    world.yaml = "chat: {model: gpt-test, max_tokens: 300}"
    world.openai.refuses = (refuse,)
    world.openai.default = lambda _: "Yes."
    async with world.running():
        for number in range(8):
            assert await world.answered(f"{number} " + "word " * 150) == "Yes."
    assert world.prompts[-1][-1][1].endswith("word")
    assert world.row("SELECT value FROM quirk WHERE name = 'context_window'") is not None


async def test_a_question_that_cannot_fit_is_told_and_costs_nothing(world: World) -> None:
    world.yaml = "chat: {model: gpt-test}\nmodels: {gpt-test: {context_window: 600}}"
    async with world.running():
        question = await world.ask("wörd " * 390)
        assert "too long for this model" in (await world.reply(question)).content
        assert await world.ended(question) == "refused"
    assert world.openai.requests == []


async def test_prompt_and_answer_always_fit_the_window(world: World) -> None:
    world.yaml = "chat: {model: gpt-test}\nmodels: {gpt-test: {context_window: 2000}}"
    world.openai.default = lambda _: "An answer of some length. " * 20
    async with world.running():
        for number in range(10):
            await world.answered(f"question {number}: " + "some more words " * 20)
    tokens = world.row("SELECT max(tokens) FROM line")
    assert tokens is not None
    for request in world.openai.requests:
        said = sum(len(message["content"].split()) * 1.1 + 4 for message in request.body["messages"])
        assert said + request.body["max_tokens"] <= 2000
    assert len(world.prompts[-1]) < 21, "the oldest lines are out"


async def test_what_is_not_answered_when_the_bot_is_stopped_is_answered_after_the_restart(
    world: World,
) -> None:
    never = asyncio.Event()
    world.openai.answers(Script(chunks=["Once upon ", "a time"], gates={1: never}))
    async with world.running() as parley:
        question = await world.ask("a long story")
        await world.reply(question)
        waiting = await world.ask("and you?", person=world.bob)
        parley.stop()
        late = await world.ask("me too", channel=world.dm)
        await world.openai.until(lambda: world.openai.closed_early == 1, timeout_s=10)
    assert world.said() == ["Once upon"]
    world.openai.answers("There was a bot.", "Me too.", "All of you.")
    async with world.running():
        for asked in (question, waiting, late):
            assert await world.ended(asked, timeout=10) == "delivered"
        assert world.said()[0] == "There was a bot."
        assert sorted([*world.said(), *world.said(world.dm)]) == sorted(
            ["There was a bot.", "Me too.", "All of you."]
        )
