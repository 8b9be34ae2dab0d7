"""What providers say went wrong, and what people are told."""

import logging

import pytest

from bot.core.errors import Problem, Told
from bot.llm.chat import Chat
from tests.llm.conftest import all_of, asking
from tests.openai_server import Script, ScriptedOpenAI, failure

MODEL = {"model": "box/scripted-1"}


@pytest.mark.parametrize(
    ("refusal", "problem", "params"),
    [
        (failure(401, "Incorrect API key provided", code="invalid_api_key"), Problem.KEY_REFUSED, {}),
        (failure(402, "Insufficient credits", code=402), Problem.OUT_OF_CREDIT, {}),
        (failure(429, code="insufficient_quota", type="insufficient_quota"), Problem.OUT_OF_CREDIT, {}),
        (failure(400, code="billing_hard_limit_reached"), Problem.OUT_OF_CREDIT, {}),
        (failure(429, code="rate_limit_exceeded"), Problem.RATE_LIMITED, {"retry_after_s": 0}),
        (
            failure(429, code="rate_limit_exceeded", headers={"retry-after": "7"}),
            Problem.RATE_LIMITED,
            {"retry_after_s": 7},
        ),
        (failure(404, "The model `x` does not exist", code="model_not_found"), Problem.MODEL_UNKNOWN, MODEL),
        (failure(404, 'model "x" not found, try pulling it first'), Problem.MODEL_UNKNOWN, MODEL),
        (failure(404, "No such deployment", code="DeploymentNotFound"), Problem.MODEL_UNKNOWN, MODEL),
        (failure(400, "Invalid model: x", type="invalid_model", code="1500"), Problem.MODEL_UNKNOWN, MODEL),
        (Script(status=404, body="404 page not found"), Problem.REQUEST_REFUSED, MODEL),
        (failure(400, "invalid model ID"), Problem.MODEL_UNKNOWN, MODEL),
        (
            failure(403, "Project does not have access to model `x`", code="model_not_found"),
            Problem.MODEL_FORBIDDEN,
            MODEL,
        ),
        (failure(403, code="unsupported_country_region_territory"), Problem.KEY_REFUSED, {}),
        (failure(403, "Your API key lacks permission"), Problem.KEY_REFUSED, {}),
        (failure(403, "Input was flagged by moderation"), Problem.FILTERED, {}),
        (failure(400, code="content_filter"), Problem.FILTERED, {}),
        (
            failure(400, innererror={"code": "ResponsibleAIPolicyViolation"}, type=None),
            Problem.FILTERED,
            {},
        ),
        (failure(400, code="content_policy_violation"), Problem.FILTERED, {}),
        (failure(500, type="server_error"), Problem.OVERLOADED, {}),
        (failure(529, type="overloaded_error"), Problem.OVERLOADED, {}),
        (failure(504, "Gateway timeout"), Problem.TIMED_OUT, {}),
        (failure(400, "Whatever"), Problem.REQUEST_REFUSED, MODEL),
        (Script(status=400, body="<html>"), Problem.REQUEST_REFUSED, MODEL),
        (Script(status=418, body={"error": "teapot"}), Problem.REQUEST_REFUSED, MODEL),
    ],
)
async def test_each_failure_has_its_problem(
    openai: ScriptedOpenAI, chat: Chat, refusal: Script, problem: Problem, params: dict[str, object]
) -> None:
    refusal.headers = {"x-should-retry": "false", **refusal.headers}
    openai.answers(refusal)
    with pytest.raises(Told) as told:
        await all_of(chat, asking())
    assert (told.value.problem, told.value.params) == (problem, params)


async def test_what_a_provider_says_reaches_neither_people_nor_the_log(
    openai: ScriptedOpenAI, chat: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="bot")
    openai.answers(failure(400, "secret prose", code="some secret code", type="odd_type"))
    with pytest.raises(Told) as told:
        await all_of(chat, asking("my secret"))
    assert "secret" not in caplog.text + repr(told.value) + repr(told.value.__cause__)
    assert told.value.__suppress_context__
    assert "status=400 code=? type=odd_type request_id=req_scripted" in caplog.text
