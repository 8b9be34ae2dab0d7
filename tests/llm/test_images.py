"""Pictures: each family's words, and what may come back."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from aiohttp import web

from bot.core.errors import Problem, Told
from bot.core.model import PictureRequest
from bot.llm.downloads import LIMIT_BYTES, is_public
from bot.llm.images import Painter
from bot.llm.providers import Providers
from bot.llm.quirks import Quirks
from tests.llm.conftest import Lessons, provider
from tests.openai_server import PNG, Paint, Script, ScriptedOpenAI, failure

JPEG = b"\xff\xd8\xff\xe0" + bytes(16)
WEBP = b"RIFF\x10\x00\x00\x00WEBPVP8 " + bytes(8)


@pytest.fixture
async def providers(openai: ScriptedOpenAI) -> AsyncGenerator[Providers]:
    async with Providers([provider(openai)]) as made:
        yield made


def painter(providers: Providers, lessons: Lessons, model: str | None) -> Painter:
    return Painter(providers, learned=Quirks(lessons, lessons.rows), model=model)


async def paint(
    providers: Providers, model: str, *, size: str | None = None, quality: str | None = None
) -> tuple[bytes, str]:
    request = PictureRequest(prompt="a fox", size=size, quality=quality)
    picture = await painter(providers, Lessons(), model).paint(request)
    return picture.data, picture.extension


async def refusal_of(providers: Providers, model: str = "dall-e-3") -> Problem:
    with pytest.raises(Told) as told:
        await paint(providers, model)
    return told.value.problem


async def test_without_a_model_there_are_no_pictures(providers: Providers) -> None:
    with pytest.raises(Told) as told:
        await painter(providers, Lessons(), None).paint(PictureRequest(prompt="a fox"))
    assert told.value.problem is Problem.IMAGES_UNSET


@pytest.mark.parametrize(
    ("model", "size", "quality", "sent"),
    [
        ("gpt-image-1", None, None, {}),
        ("gpt-image-2", "square", "low", {"size": "1024x1024", "quality": "low"}),
        ("gpt-image-1", "portrait", "high", {"size": "1024x1536", "quality": "high"}),
        ("box/gpt-image-1.5", "landscape", "medium", {"size": "1536x1024", "quality": "medium"}),
        ("gpt-image-1", "auto", "auto", {"size": "auto", "quality": "auto"}),
        ("dall-e-3", None, None, {}),
        ("dall-e-3", "portrait", "low", {"size": "1024x1792", "quality": "standard"}),
        ("dall-e-3", "landscape", "high", {"size": "1792x1024", "quality": "hd"}),
        ("dall-e-3", "auto", "auto", {}),
        ("dall-e-2", "landscape", "high", {"size": "1024x1024"}),
        ("dall-e-2", "256x256", None, {"size": "256x256"}),
        ("flux", "square", "high", {"size": "1024x1024"}),
    ],
)
async def test_each_family_is_asked_in_its_own_words(
    openai: ScriptedOpenAI,
    providers: Providers,
    model: str,
    size: str | None,
    quality: str | None,
    sent: dict[str, Any],
) -> None:
    openai.answers(Paint())
    assert await paint(providers, model, size=size, quality=quality) == (PNG, "png")
    (recorded,) = openai.requests
    asked = {} if "gpt-image" in model else {"response_format": "b64_json"}
    base = {"model": model.removeprefix("box/"), "prompt": "a fox", "n": 1}
    assert recorded.body == base | sent | asked


@pytest.mark.parametrize(("data", "extension"), [(PNG, "png"), (JPEG, "jpeg"), (WEBP, "webp")])
@pytest.mark.parametrize("as_url", [True, False])
async def test_a_picture_is_what_its_bytes_say(
    openai: ScriptedOpenAI, providers: Providers, data: bytes, extension: str, as_url: bool
) -> None:
    openai.answers(Paint(data=data, as_url=as_url))
    assert await paint(providers, "dall-e-3") == (data, extension)


@pytest.mark.parametrize("as_url", [True, False])
async def test_what_is_no_picture_is_not_shown(
    openai: ScriptedOpenAI, providers: Providers, as_url: bool
) -> None:
    openai.answers(Paint(data=b"<svg/>", as_url=as_url))
    assert await refusal_of(providers) is Problem.IMAGE_UNUSABLE


@pytest.mark.parametrize(
    "body",
    [{}, {"data": []}, {"data": [{}]}, {"data": [{"b64_json": "!"}]}, {"data": ["x"]}, "<html>", [1]],
)
async def test_an_answer_without_a_picture_is_told(
    openai: ScriptedOpenAI, providers: Providers, body: Any
) -> None:
    openai.answers(Script(status=200, body=body))
    assert await refusal_of(providers) is Problem.IMAGE_UNUSABLE


@pytest.mark.parametrize("code", ["moderation_blocked", "content_policy_violation", "content_filter"])
async def test_a_refused_prompt_is_told(openai: ScriptedOpenAI, providers: Providers, code: str) -> None:
    openai.answers(failure(400, "Your request was rejected", code=code, type="image_generation_user_error"))
    assert await refusal_of(providers) is Problem.IMAGE_FILTERED


async def test_other_failures_are_told_like_a_chats(openai: ScriptedOpenAI, providers: Providers) -> None:
    openai.answers(failure(401), failure(429, code="insufficient_quota"))
    assert await refusal_of(providers) is Problem.KEY_REFUSED
    assert await refusal_of(providers) is Problem.OUT_OF_CREDIT


async def test_a_parameter_that_is_refused_is_left_out_from_then_on(
    openai: ScriptedOpenAI, providers: Providers, lessons: Lessons
) -> None:
    unknown = failure(400, "Unknown parameter: 'quality'.", param="quality", code="unknown_parameter")
    openai.answers(unknown, Paint(), Paint())
    for _ in range(2):
        request = PictureRequest(prompt="a fox", quality="high")
        await painter(providers, lessons, "gpt-image-9").paint(request)
    assert lessons.rows == [("box", "gpt-image-9", "quality", False)]
    assert ["quality" in sent.body for sent in openai.requests] == [True, False, False]


async def test_a_wrong_value_is_no_lesson(
    openai: ScriptedOpenAI, providers: Providers, lessons: Lessons
) -> None:
    request = PictureRequest(prompt="a fox", size="9x9")
    with pytest.raises(Told) as told:
        await painter(providers, lessons, "dall-e-3").paint(request)
    assert told.value.problem is Problem.REQUEST_REFUSED
    assert lessons.rows == []


async def test_a_picture_of_twenty_megabytes_does_not_hold_the_loop(
    openai: ScriptedOpenAI, providers: Providers
) -> None:
    openai.answers(Paint(data=PNG + bytes(20 * 1024 * 1024)))
    data, _ = await paint(providers, "gpt-image-1")
    assert len(data) > 20 * 1024 * 1024


@pytest.mark.parametrize("as_url", [True, False])
async def test_a_picture_that_is_too_large_is_not_read_to_its_end(
    openai: ScriptedOpenAI, providers: Providers, as_url: bool
) -> None:
    openai.answers(Paint(data=PNG + bytes(LIMIT_BYTES + 65_536), as_url=as_url))
    assert await refusal_of(providers) is Problem.IMAGE_TOO_LARGE


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/x.png",  # not https
        "https://127.0.0.1/x.png",
        "https://localhost/x.png",
        "https://10.0.0.1/x.png",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/x.png",
        "file:///etc/passwd",
        "https://",
        "nonsense",
        "http://[",
    ],
)
async def test_an_address_that_a_provider_has_no_business_with_is_not_asked(
    openai: ScriptedOpenAI, providers: Providers, url: str
) -> None:
    openai.answers(Paint(url=url))
    assert await refusal_of(providers) is Problem.IMAGE_UNUSABLE


async def test_another_port_of_the_providers_host_is_not_asked(
    openai: ScriptedOpenAI, providers: Providers
) -> None:
    async with ScriptedOpenAI() as other:
        openai.answers(Paint(url=f"{other.origin}/files/x.png"))
        assert await refusal_of(providers) is Problem.IMAGE_UNUSABLE
        assert other.requests == []


async def test_a_redirect_is_not_followed(openai: ScriptedOpenAI, providers: Providers) -> None:
    openai.files["away"] = web.Response(status=302, headers={"location": f"{openai.origin}/files/x.png"})
    openai.files["x.png"] = PNG
    openai.answers(Paint(url=f"{openai.origin}/files/away"))
    assert await refusal_of(providers) is Problem.IMAGE_UNUSABLE
    assert [sent.path for sent in openai.requests] == ["/v1/images/generations", "/files/away"]


async def test_the_providers_key_stays_with_the_provider(
    openai: ScriptedOpenAI, providers: Providers
) -> None:
    openai.answers(Paint(as_url=True))
    await paint(providers, "dall-e-3")
    assert "Authorization" not in openai.requests[-1].headers


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("1.1.1.1", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:1.1.1.1", True),
        ("64:ff9b::a00:1", False),
        ("2002:0a00:0001::", False),
    ],
)
def test_only_addresses_of_the_internet_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


async def test_giving_up_on_a_picture_closes_the_connection(
    openai: ScriptedOpenAI, providers: Providers
) -> None:
    openai.answers(Script(hang=True))
    task = asyncio.create_task(paint(providers, "gpt-image-1"))
    await openai.until(lambda: len(openai.requests) == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await openai.until(lambda: openai.closed_early == 1)
