"""Parameters that heal, in the words of the servers that refuse them."""

import asyncio
from typing import Any

import pytest

from bot.core.errors import ContextOverflow, Problem, Told
from bot.core.model import ChatRequest, Message, Role, TextDelta
from bot.llm.chat import Chat
from bot.llm.quirks import Quirks, Scalar
from tests.llm.conftest import Lessons, all_of, asking, opened, provider
from tests.openai_server import (
    Refusal,
    Script,
    ScriptedOpenAI,
    failure,
    llama_cpp_overflow,
    mistral_extra,
    openai_role,
    openai_unrecognized,
    openai_unsupported,
    template_must_alternate,
    template_without_system,
    validate_requests,
    vllm_extra,
)


async def after_healing(
    *refuses: Refusal, request: ChatRequest | None = None, strict: bool = False
) -> tuple[list[dict[str, Any]], dict[str, Scalar]]:
    """Every request of a call to a server that refuses so, and of one call more; and what was learned."""
    lessons = Lessons()
    async with ScriptedOpenAI(refuses=refuses, strict=strict, default=lambda _: "Hello") as openai:
        async with opened(provider(openai), lessons=lessons) as chat:
            for _ in range(2):
                assert TextDelta(text="Hello") in await all_of(chat, request or asking())
        validate_requests(openai)
        assert len({(name, value) for _, _, name, value in lessons.rows}) == len(lessons.rows)
        return [sent.body for sent in openai.requests], {row[2]: row[3] for row in lessons.rows}


async def test_todays_openai_models_teach_the_limits_name_and_the_fixed_temperature() -> None:
    bodies, learned = await after_healing(strict=True, request=asking(temperature=0.5, max_tokens=9))
    assert learned == {"max_tokens": "max_completion_tokens", "temperature": False}
    assert len(bodies) == 4
    for healed in bodies[2:]:
        assert healed["max_completion_tokens"] == 9
        assert not {"max_tokens", "temperature"} & set(healed)


@pytest.mark.parametrize("refusal", [openai_unrecognized, openai_unsupported, vllm_extra, mistral_extra])
@pytest.mark.parametrize("name", ["stream_options", "max_tokens"])
async def test_a_parameter_is_dropped_or_renamed_in_any_servers_words(refusal: Any, name: str) -> None:
    bodies, learned = await after_healing(refusal(name))
    assert list(learned) == [name]
    assert [name in body for body in bodies] == [True, False, False]
    assert "max_completion_tokens" in bodies[1] or name == "stream_options"


@pytest.mark.parametrize(
    "message",
    [
        "mistral does not support parameters: {'max_tokens': 50}, for model=x. To drop these, set …",
        "Additional properties are not allowed ('max_tokens' was unexpected) - 'messages'",
        'json: unknown field "max_tokens"',
        "property 'max_tokens' is unsupported",
        "`max_tokens` is deprecated for this model.",
    ],
)
async def test_words_alone_are_enough(message: str) -> None:
    _, learned = await after_healing(lambda body: failure(400, message) if "max_tokens" in body else None)
    assert learned == {"max_tokens": "max_completion_tokens"}


async def test_a_server_that_takes_neither_limit_gets_none() -> None:
    bodies, learned = await after_healing(vllm_extra("max_tokens"), vllm_extra("max_completion_tokens"))
    assert learned == {"max_tokens": "none"}
    assert len(bodies) == 4


async def test_a_lesson_that_became_wrong_is_unlearned(openai: ScriptedOpenAI) -> None:
    lessons = Lessons([("box", "scripted-1", "max_tokens", "max_completion_tokens")])
    refusal = failure(400, param="max_completion_tokens", code="unknown_parameter")
    openai.answers(refusal, "Hello")
    async with opened(provider(openai), lessons=lessons) as chat:
        await all_of(chat, asking())
    assert lessons.rows[-1] == ("box", "scripted-1", "max_tokens", "max_tokens")


@pytest.mark.parametrize(
    "message",
    [
        "max_tokens is too large: 50. This model supports at most 20 completion tokens, whereas …",
        "`max_tokens` must be less than or equal to `20`, the maximum value for …",
        "Invalid max_tokens value, the valid range of max_tokens is [1, 20]",
        "max_tokens: 50 > 20, which is the maximum allowed number of output tokens for x",
    ],
)
async def test_an_answers_limit_is_lowered_to_what_the_model_can(message: str) -> None:
    def refuse(body: dict[str, Any]) -> Script | None:
        return failure(400, message, param="max_tokens") if body["max_tokens"] > 20 else None

    bodies, learned = await after_healing(refuse)
    assert learned == {"output_limit": 20}
    assert [body["max_tokens"] for body in bodies] == [50, 20, 20]


async def test_the_system_role_becomes_developer() -> None:
    bodies, learned = await after_healing(openai_role("system"))
    assert learned == {"system_role": "developer"}
    assert bodies[-1]["messages"][0]["role"] == "developer"


@pytest.mark.parametrize(
    "refuses", [[openai_role("system"), openai_role("developer")], [template_without_system]]
)
async def test_the_system_prompt_joins_the_first_question_where_no_role_is_left(
    refuses: list[Refusal],
) -> None:
    bodies, learned = await after_healing(*refuses, request=asking("Hello?"))
    assert learned == {"system_role": "merged"}
    assert bodies[-1]["messages"] == [{"role": "user", "content": "You are kind.\n\nHello?"}]


async def test_neighbours_are_merged_where_roles_must_alternate() -> None:
    bodies, learned = await after_healing(template_must_alternate, request=asking("One.", "Two."))
    assert learned == {"alternate_roles": True}
    assert [line["content"] for line in bodies[-1]["messages"]] == ["You are kind.", "One.\n\nTwo."]


@pytest.mark.parametrize(
    "refusal",
    [
        failure(400, "Invalid content: 'max_tokens' is not supported", param="messages[1].content"),
        failure(400, "Invalid message content: unsupported text 'max_tokens'"),
        failure(400, "max_tokens unsupported", code="content_filter", param="max_tokens"),
        failure(
            400, "Invalid value for temperature: 1.5 is above 1", param="temperature", code="invalid_value"
        ),
        failure(404, "max_tokens is not supported by model x"),
        failure(400, "[{'type': 'string_type', 'msg': 'bad', 'input': 'max_tokens is not supported'}]"),
        Script(
            status=422,
            body={"detail": [{"type": "x", "msg": "y", "loc": ["body"], "input": "unknown max_tokens"}]},
        ),
    ],
)
async def test_a_refusal_of_something_else_teaches_nothing(
    openai: ScriptedOpenAI, chat: Chat, lessons: Lessons, refusal: Script
) -> None:
    openai.answers(refusal)
    with pytest.raises(Told):
        await all_of(chat, asking(temperature=1.5))
    assert len(openai.requests) == 1
    assert lessons.rows == []


async def test_a_refusal_that_was_misread_is_not_kept(
    openai: ScriptedOpenAI, chat: Chat, lessons: Lessons
) -> None:
    openai.answers(failure(400, "unsupported max_tokens"), failure(400, "something else"))
    with pytest.raises(Told) as told:
        await all_of(chat, asking())
    assert told.value.problem is Problem.REQUEST_REFUSED
    assert lessons.rows == []


async def test_a_server_that_is_never_content_is_given_up(chat: Chat, openai: ScriptedOpenAI) -> None:
    openai.default = lambda request: failure(400, f"unsupported: {' '.join(request.body)}")
    with pytest.raises(Told) as told:
        await all_of(chat, asking(temperature=0.5))
    assert told.value.problem is Problem.REQUEST_REFUSED
    assert len(openai.requests) <= 6


async def test_calls_at_the_same_time_learn_once(lessons: Lessons) -> None:
    async with (
        ScriptedOpenAI(strict=True, default=lambda _: "Hello") as openai,
        opened(provider(openai), lessons=lessons) as chat,
    ):
        await asyncio.gather(*(all_of(chat, asking()) for _ in range(5)))
    assert lessons.rows == [("box", "scripted-1", "max_tokens", "max_completion_tokens")]


async def test_lessons_are_by_provider_and_model(openai: ScriptedOpenAI, lessons: Lessons) -> None:
    lessons.rows.append(("box", "old", "temperature", False))
    openai.default = lambda _: "Hello"
    async with opened(provider(openai), provider(openai, name="other"), lessons=lessons) as chat:
        for model in ("box/old", "box/new", "other/old"):
            await all_of(chat, asking(model=model, temperature=0.5))
        assert chat.ignored("old") == {"temperature"}
        assert chat.ignored("box/new") == set()
    assert ["temperature" in sent.body for sent in openai.requests] == [False, True, True]


@pytest.mark.parametrize(
    ("refusal", "window_tokens"),
    [
        (llama_cpp_overflow(2048, 3000), 2048),
        (
            failure(
                400,
                "This model's maximum context length is 8192 tokens. However, your messages …",
                param="messages",
                code="context_length_exceeded",
            ),
            8192,
        ),
        (
            failure(
                400,
                "'max_tokens' is too large: 5000. This model's maximum context length is 4096 tokens and …",
                param="max_tokens",
            ),
            4096,
        ),
        (failure(400, "Input tokens exceed the configured limit of 272000 tokens."), 272_000),
        (
            failure(
                400, "Prompt contains 33000 tokens …, too large for model with 32768 maximum context length"
            ),
            32_768,
        ),
        (failure(400, "Please reduce the length.", code="context_length_exceeded"), None),
        (Script(status=413, body="Payload too large"), None),
    ],
)
async def test_a_full_window_is_told_with_its_size_and_remembered(
    openai: ScriptedOpenAI, chat: Chat, lessons: Lessons, refusal: Script, window_tokens: int | None
) -> None:
    openai.answers(refusal)
    with pytest.raises(ContextOverflow) as overflow:
        await all_of(chat, asking())
    assert overflow.value.window_tokens == window_tokens
    assert chat.window_tokens("box/scripted-1") == (window_tokens or 8192)
    assert len(lessons.rows) == (window_tokens is not None)
    assert len(openai.requests) == 1


async def test_the_store_is_read_once_and_written_only_for_news() -> None:
    lessons = Lessons([("p", "m", "temperature", False)])
    quirks = await Quirks.load(lessons)
    await quirks.learn("p", "m", "temperature", False)
    await quirks.learn("p", "m", "context_window", 2048)
    assert len(lessons.rows) == 2
    assert quirks.of("p", "m") == {"temperature": False, "context_window": 2048}
    assert quirks.window_tokens("p", "other") is None


async def test_an_answer_of_the_assistant_stays_its_own_line_when_merged(openai: ScriptedOpenAI) -> None:
    lessons = Lessons([("box", "m", "system_role", "merged")])
    openai.answers("x")
    said = [(Role.SYSTEM, "s"), (Role.USER, "a"), (Role.ASSISTANT, "b"), (Role.USER, "c"), (Role.USER, "d")]
    messages = [Message(role=role, text=text) for role, text in said]
    async with opened(provider(openai), lessons=lessons) as chat:
        await all_of(chat, ChatRequest(messages=messages, model="box/m", max_tokens=5))
    sent = [(line["role"], line["content"]) for line in openai.requests[0].body["messages"]]
    assert sent == [("user", "s\n\na"), ("assistant", "b"), ("user", "c\n\nd")]
