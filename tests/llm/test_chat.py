"""Streams as providers send them, and what becomes of them."""

import asyncio
from contextlib import aclosing

import pytest

from bot.core.errors import ContextOverflow, Problem, Told
from bot.core.model import Event, Finish, Finished, ReasoningDelta, TextDelta, Usage
from bot.llm.chat import Chat
from tests.llm.conftest import all_of, asking, opened, provider
from tests.openai_server import Script, ScriptedOpenAI, failure


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def finishes(events: list[Event]) -> list[Finish]:
    return [event.reason for event in events if isinstance(event, Finished)]


async def test_an_answer_comes_in_pieces_and_ends_with_its_reason_and_usage(
    openai: ScriptedOpenAI, chat: Chat
) -> None:
    openai.answers(Script(chunks=["Hel", "lo"]))
    events = await all_of(chat, asking("Hi you"))
    assert events == [
        TextDelta(text="Hel"),
        TextDelta(text="lo"),
        Finished(reason=Finish.STOP),
        Usage(prompt_tokens=5, cached_tokens=0, reasoning_tokens=0, completion_tokens=2),
    ]


async def test_what_is_sent_is_what_was_asked(openai: ScriptedOpenAI, chat: Chat) -> None:
    openai.answers("x")
    await all_of(chat, asking("Hi", temperature=0.5, max_tokens=7))
    (sent,) = openai.requests
    assert sent.headers["Authorization"] == "Bearer sk-test"
    assert sent.body == {
        "model": "scripted-1",
        "messages": [{"role": "system", "content": "You are kind."}, {"role": "user", "content": "Hi"}],
        "max_tokens": 7,
        "temperature": 0.5,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def test_details_of_usage_are_kept_and_unknown_ones_stay_unknown(
    openai: ScriptedOpenAI, chat: Chat
) -> None:
    details = {"prompt_tokens_details": {"cached_tokens": 3}, "completion_tokens_details": None}
    openai.answers(Script(chunks=["x"], usage={"prompt_tokens": 9, "completion_tokens": 4, **details}))
    events = await all_of(chat, asking())
    assert events[-1] == Usage(prompt_tokens=9, cached_tokens=3, completion_tokens=4)


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("stop", Finish.STOP),
        ("length", Finish.LENGTH),
        ("content_filter", Finish.FILTER),
        ("tool_calls", Finish.STOP),
        (None, Finish.UNKNOWN),
    ],
)
@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("plain", [True, False])
async def test_every_end_is_one_finish(
    openai: ScriptedOpenAI, chat: Chat, reason: str | None, finish: Finish, done: bool, plain: bool
) -> None:
    openai.answers(Script(chunks=["Hello"], finish=reason, done=done, plain=plain))
    events = await all_of(chat, asking())
    assert text_of(events) == "Hello"
    assert finishes(events) == [finish]


async def test_an_empty_completion_is_an_end_without_text(openai: ScriptedOpenAI, chat: Chat) -> None:
    openai.answers("")
    events = await all_of(chat, asking())
    assert text_of(events) == ""
    assert finishes(events) == [Finish.STOP]


async def test_chunks_without_choices_are_passed_over(openai: ScriptedOpenAI, chat: Chat) -> None:
    openai.answers(Script(chunks=["Hello"], choiceless=True))
    assert text_of(await all_of(chat, asking())) == "Hello"


async def test_one_giant_chunk_is_one_piece(openai: ScriptedOpenAI, chat: Chat) -> None:
    openai.answers("long " * 400_000)
    assert text_of(await all_of(chat, asking())) == "long " * 400_000


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
@pytest.mark.parametrize("plain", [True, False])
async def test_thinking_is_told_from_the_answer(
    openai: ScriptedOpenAI, chat: Chat, field: str, plain: bool
) -> None:
    openai.answers(Script(reasoning=["Hmm"], chunks=["Yes"], reasoning_field=field, plain=plain))
    events = await all_of(chat, asking())
    assert events[:2] == [ReasoningDelta(text="Hmm"), TextDelta(text="Yes")]


async def test_thinking_as_typed_parts_is_told_from_the_answer(openai: ScriptedOpenAI, chat: Chat) -> None:
    openai.answers(
        Script(
            raw=[
                b'data: {"choices":[{"delta":{"content":[{"type":"thinking","thinking":'
                b'[{"type":"text","text":"Hmm"}]},{"type":"text","text":"Yes"}]}}]}\n\ndata: [DONE]\n\n'
            ]
        )
    )
    assert (await all_of(chat, asking()))[:2] == [ReasoningDelta(text="Hmm"), TextDelta(text="Yes")]


@pytest.mark.parametrize("plain", [True, False])
async def test_a_refusal_is_text(openai: ScriptedOpenAI, chat: Chat, plain: bool) -> None:
    openai.answers(Script(refusal="I cannot.", plain=plain))
    assert text_of(await all_of(chat, asking())) == "I cannot."


async def test_lines_within_json_do_not_tear_an_event(openai: ScriptedOpenAI, chat: Chat) -> None:
    said = "a\u2028b\u0085c\x1cd<|endoftext|>"
    raw = 'data: {"choices":[{"delta":{"content":"a\u2028b\u0085c\\u001cd<|endoftext|>"}}]}\n\n'.encode()
    openai.answers(Script(raw=[raw]))
    assert text_of(await all_of(chat, asking())) == said


@pytest.mark.parametrize("named", [True, False])
async def test_an_error_in_mid_stream_is_told_and_what_came_before_stands(
    openai: ScriptedOpenAI, chat: Chat, named: bool
) -> None:
    error = {"message": "secret prose", "type": "server_error", "code": None}
    openai.answers(Script(chunks=["Hel"], error=error, error_event=named))
    events: list[Event] = []
    with pytest.raises(Told) as told:
        await all_of(chat, asking(), events)
    assert events == [TextDelta(text="Hel")]
    assert told.value.problem is Problem.OVERLOADED
    assert "prose" not in str(told.value)


async def test_a_numeric_code_in_mid_stream_is_read_as_a_status(openai: ScriptedOpenAI, chat: Chat) -> None:
    openai.answers(Script(error={"message": "slow down", "code": 429}))
    with pytest.raises(Told) as told:
        await all_of(chat, asking())
    assert told.value.problem is Problem.RATE_LIMITED


async def test_an_error_with_status_200_is_told(openai: ScriptedOpenAI, chat: Chat) -> None:
    openai.answers(Script(plain=True, error={"message": "…", "code": "insufficient_quota"}))
    with pytest.raises(Told) as told:
        await all_of(chat, asking())
    assert told.value.problem is Problem.OUT_OF_CREDIT


async def test_a_full_window_in_mid_stream_is_no_reason_to_shrink(openai: ScriptedOpenAI, chat: Chat) -> None:
    error = {"code": 400, "type": "exceed_context_size_error", "message": "…", "n_ctx": 2048}
    openai.answers(Script(error=error), Script(chunks=["Hel"], error=error))
    with pytest.raises(ContextOverflow):
        await all_of(chat, asking())
    with pytest.raises(Told) as told:
        await all_of(chat, asking())
    assert told.value.problem is Problem.BROKE_OFF


async def test_a_cut_connection_is_told_and_what_came_before_stands(
    openai: ScriptedOpenAI, chat: Chat
) -> None:
    openai.answers(Script(chunks=["Hel", "lo"], cut=True))
    events: list[Event] = []
    with pytest.raises(Told) as told:
        await all_of(chat, asking(), events)
    assert told.value.problem is Problem.BROKE_OFF
    assert text_of(events) == "Hello"


async def test_a_cut_after_the_finish_reason_loses_nothing(openai: ScriptedOpenAI, chat: Chat) -> None:
    finish = b'data: {"choices":[{"delta":{"content":"Hello"},"finish_reason":"stop"}]}\n\n'
    openai.answers(Script(raw=[finish], cut=True))
    assert finishes(await all_of(chat, asking())) == [Finish.STOP]


async def test_garbage_in_the_stream_is_told(openai: ScriptedOpenAI, chat: Chat) -> None:
    openai.answers(Script(raw=[b"data: <html>\n\n"]))
    with pytest.raises(Told) as told:
        await all_of(chat, asking())
    assert told.value.problem is Problem.BROKE_OFF


async def test_closing_the_answer_closes_its_connection_at_once(openai: ScriptedOpenAI, chat: Chat) -> None:
    openai.answers(Script(chunks=["Hel", "lo"], gates={1: asyncio.Event()}))
    async with aclosing(chat.stream(asking())) as stream:
        assert await anext(stream) == TextDelta(text="Hel")
        assert openai.streams_open == 1
    await openai.until(lambda: openai.closed_early == 1)
    assert openai.streams_open == 0


async def test_cancelling_closes_the_connection_even_before_the_first_byte(
    openai: ScriptedOpenAI, chat: Chat
) -> None:
    openai.answers(Script(hang=True))
    task = asyncio.create_task(all_of(chat, asking()))
    await openai.until(lambda: openai.streams_open == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await openai.until(lambda: openai.closed_early == 1)


async def test_a_finished_answer_leaves_its_connection_for_the_next(
    openai: ScriptedOpenAI, chat: Chat
) -> None:
    openai.answers("one", "two")
    await all_of(chat, asking())
    await all_of(chat, asking())
    assert openai.connections_open == 1
    assert openai.closed_early == 0


async def test_pieces_arrive_as_they_are_sent(openai: ScriptedOpenAI, chat: Chat) -> None:
    gate = asyncio.Event()
    openai.answers(Script(chunks=["Hel", "lo"], gates={1: gate}))
    async with aclosing(chat.stream(asking())) as stream:
        assert await anext(stream) == TextDelta(text="Hel")
        gate.set()
        assert await anext(stream) == TextDelta(text="lo")


async def test_silence_before_the_answer_is_told_and_not_asked_for_again(openai: ScriptedOpenAI) -> None:
    openai.answers(Script(hang=True))
    async with opened(provider(openai, timeout_s=0.5)) as chat:
        with pytest.raises(Told) as told:
            await all_of(chat, asking())
    assert told.value.problem is Problem.TIMED_OUT
    assert len(openai.requests) == 1


async def test_silence_within_the_answer_is_told(openai: ScriptedOpenAI) -> None:
    openai.answers(Script(chunks=["Hel", "lo"], gates={1: asyncio.Event()}))
    events: list[Event] = []
    async with opened(provider(openai, timeout_s=0.5)) as chat:
        with pytest.raises(Told) as told:
            await all_of(chat, asking(), events)
    assert told.value.problem is Problem.TIMED_OUT
    assert text_of(events) == "Hel"


async def test_an_overloaded_provider_is_asked_again(openai: ScriptedOpenAI, chat: Chat) -> None:
    openai.answers(failure(503, headers={"x-should-retry": "true", "retry-after-ms": "1"}), "Hello")
    assert text_of(await all_of(chat, asking())) == "Hello"


async def test_a_long_wait_is_told_instead_of_waited_for(openai: ScriptedOpenAI, chat: Chat) -> None:
    openai.answers(failure(429, headers={"x-should-retry": "true", "retry-after": "30"}))
    with pytest.raises(Told) as told:
        await all_of(chat, asking())
    assert told.value.problem is Problem.RATE_LIMITED
    assert told.value.params == {"retry_after_s": 30}


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    async with ScriptedOpenAI() as gone:
        nowhere = provider(gone)
    async with opened(nowhere) as chat:
        with pytest.raises(Told) as told:
            await all_of(chat, asking())
    assert told.value.problem is Problem.UNREACHABLE
