"""Image models over `/v1/images/generations`."""

import asyncio
import base64
import binascii
import logging
import re
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, cast

import openai
import orjson
from openai import AsyncAPIResponse

from bot.core.errors import Problem, Told
from bot.core.model import Picture, PictureRequest
from bot.llm import faults, quirks
from bot.llm.downloads import LIMIT_BYTES, LIMIT_MB, download
from bot.llm.providers import Provider, Providers

_Sending = AbstractAsyncContextManager[AsyncAPIResponse[Any]]

_log = logging.getLogger(__name__)

# OpenAI's image guide: "complex prompts may take up to 2 minutes", with nothing sent until then.
_SHORTEST_TIMEOUT_S = 240.0
# Base64 takes four bytes for three; the rest is for the JSON around it.
_LIMIT_BODY_BYTES = LIMIT_BYTES * 4 // 3 + 65_536

# Sizes and qualities in people's words and in each family's, from OpenAI's API description. `auto`, like
# None, leaves the choice to the model, which is not to send the parameter where a family has no such value.
_GPT_SIZES = {"square": "1024x1024", "portrait": "1024x1536", "landscape": "1536x1024", "auto": "auto"}
_DALLE3_SIZES = {"square": "1024x1024", "portrait": "1024x1792", "landscape": "1792x1024"}
_DALLE2_SIZES = {"square": "1024x1024", "portrait": "1024x1024", "landscape": "1024x1024"}
_GPT_QUALITIES = {"low": "low", "medium": "medium", "high": "high", "auto": "auto"}
_DALLE3_QUALITIES = {"low": "standard", "medium": "standard", "high": "hd"}


class Painter:
    """The configured image model: implements `core.ports.ImageModel`."""

    def __init__(self, providers: Providers, *, learned: quirks.Quirks, model: str | None) -> None:
        """`model` as the settings name models; None if no pictures are wanted."""
        self._providers = providers
        self._quirks = learned
        self._model = model

    async def paint(self, request: PictureRequest) -> Picture:
        """One picture.

        Raises:
            Told: None is configured, or the provider failed or refused.
        """
        if self._model is None:
            raise Told(Problem.IMAGES_UNSET)
        provider, name = self._providers.split(self._model)
        body = await self._generate(request, provider, name)
        data, url = await asyncio.to_thread(_decode, body)
        if data is None:
            if url is None:
                raise Told(Problem.IMAGE_UNUSABLE)
            data = await download(url, own_url=provider.base_url)
        return Picture(data=data, extension=_extension(data))

    async def _generate(self, request: PictureRequest, provider: Provider, model: str) -> bytes:
        """The body of the provider's answer."""
        generate = self._providers.client(provider).images.with_streaming_response.generate
        timeout_s = max(provider.timeout_s, _SHORTEST_TIMEOUT_S)
        healing = quirks.Healing(self._quirks, provider.name, model)
        while True:
            sent = _parameters(request, model, healing)
            try:
                # By name and not by overload: which parameters there are depends on what the model takes.
                sending = cast(_Sending, generate(**sent, timeout=timeout_s))
                async with sending as response:
                    await healing.keep()
                    body = bytearray()
                    async for chunk in response.iter_bytes():
                        body += chunk
                        if len(body) > _LIMIT_BODY_BYTES:
                            raise Told(Problem.IMAGE_TOO_LARGE, limit_mb=LIMIT_MB)
                    return bytes(body)
            except openai.APIStatusError as error:
                fault = faults.read(error)
                if healing.heal(fault, sent):
                    continue
                raise _told(fault, self._model or model) from None
            except openai.APIConnectionError as error:
                raise faults.unreachable(error) from None
            except faults.BROKEN as error:
                raise faults.broken(error) from None


def _told(fault: faults.Fault, model: str) -> Told:
    told = faults.told(fault, model=model)
    return Told(Problem.IMAGE_FILTERED) if told.problem is Problem.FILTERED else told


def _parameters(request: PictureRequest, model: str, known: quirks.Healing) -> dict[str, Any]:
    """The body of the request, in the words of the model's family and by what is known of it."""
    name = model.lower()
    sizes, qualities, answers_base64 = _GPT_SIZES, _GPT_QUALITIES, "gpt-image" in name
    if "dall-e-3" in name:
        sizes, qualities = _DALLE3_SIZES, _DALLE3_QUALITIES
    elif "dall-e-2" in name:
        sizes, qualities = _DALLE2_SIZES, {}
    elif not answers_base64:  # other houses take the same sizes; qualities are OpenAI's
        qualities = dict[str, str]()
    wanted = {
        "size": _word(request.size, sizes),
        "quality": _word(request.quality, qualities),
        # GPT-image models always answer in base64, and refuse to be asked for it.
        "response_format": None if answers_base64 else "b64_json",
    }
    sent: dict[str, Any] = {"model": model, "prompt": request.prompt, "n": 1}
    return sent | {n: value for n, value in wanted.items() if value and known[n] is not False}


def _word(word: str | None, words: Mapping[str, str]) -> str | None:
    if word and re.fullmatch(r"\d+x\d+", word):
        return word
    return words.get(word) if word else None


def _decode(body: bytes) -> tuple[bytes | None, str | None]:
    """The picture, or the address where it is to be had; megabytes of base64, so not on the loop."""
    try:
        answer: Any = orjson.loads(body)
        first = cast("dict[str, Any]", answer["data"][0])
        if encoded := first.get("b64_json"):
            return base64.b64decode(encoded, validate=True), None
        return None, first.get("url")
    except (orjson.JSONDecodeError, binascii.Error, KeyError, IndexError, TypeError, AttributeError) as error:
        _log.warning("provider sent no picture: %s in %d bytes", type(error).__name__, len(body))
        return None, None


def _extension(data: bytes) -> str:
    """What the bytes are, by their first ones."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    raise Told(Problem.IMAGE_UNUSABLE)
