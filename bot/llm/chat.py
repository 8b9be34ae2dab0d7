"""Chat models over `/v1/chat/completions`, read as they stream."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, suppress
from typing import Any, cast

import openai
import orjson
from openai import AsyncAPIResponse

from bot.core.errors import Problem, Told
from bot.core.model import (
    ChatRequest,
    Event,
    Finish,
    Finished,
    Message,
    ReasoningDelta,
    Role,
    TextDelta,
    Usage,
)
from bot.llm import faults, quirks, sse
from bot.llm.models import Windows
from bot.llm.providers import Provider, Providers

_log = logging.getLogger(__name__)

# After [DONE] the response ends within a packet. Reading that far keeps the connection for the next
# question; a server that takes longer loses its connection instead of our time.
_DRAIN_S = 0.1

_Json = dict[str, Any]


class Chat:
    """The models of all providers: implements `core.ports.ChatModel`."""

    def __init__(self, providers: Providers, *, learned: quirks.Quirks, windows: Windows) -> None:
        self._providers = providers
        self._quirks = learned
        self._windows = windows

    async def resolve(self, model: str | None) -> str:
        """The full `provider/model` name of a setting; None asks for the default model.

        Raises:
            Told: None is set and none can be found, or the provider's key is missing.
        """
        return await self._providers.resolve(model)

    def window_tokens(self, model: str) -> int:
        """The most tokens that prompt and answer may take together."""
        return self._windows.tokens(model)

    def ignored(self, model: str) -> frozenset[str]:
        """Names of settings that the model was found not to honour."""
        provider, name = self._providers.split(model)
        return self._quirks.ignored(provider.name, name)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Event]:
        """The answer as it comes: text and thinking, one `Finished`, and `Usage` where it is reported.

        Closing the generator closes the connection. A parameter that the model refuses is changed and
        the request repeated before the first event.

        Raises:
            ContextOverflow: The prompt does not fit the model's window; nothing was generated.
            Told: The provider failed; what was yielded before stands.
        """
        async with self._opened(request) as response:
            if "application/json" in response.headers.get("content-type", ""):
                events = _whole(response, request.model)
            else:
                events = _streamed(response, request.model)
            async with aclosing(events):
                async for event in events:
                    yield event

    @asynccontextmanager
    async def _opened(self, request: ChatRequest) -> AsyncGenerator[AsyncAPIResponse[Any]]:
        """The response to `request`, once the provider takes it."""
        provider, model = self._providers.split(request.model)
        create = self._providers.client(provider).chat.completions.with_streaming_response.create
        healing = quirks.Healing(self._quirks, provider.name, model)
        while True:
            sent = _parameters(request, provider, model, healing)
            # As `extra_body`, which is sent as it is: the package walks through everything else by its
            # types first, which takes 0.3 ms a message, on the loop.
            sending = cast(
                AbstractAsyncContextManager[AsyncAPIResponse[Any]],
                create(model=model, messages=(), stream=True, extra_body=sent),
            )
            try:
                response = await sending.__aenter__()
            except openai.APIStatusError as error:
                fault = faults.read(error)
                if healing.heal(fault, sent):
                    continue
                await healing.overflow(fault)
                raise faults.told(fault, model=request.model) from None
            except openai.APIConnectionError as error:
                raise faults.unreachable(error) from None
            try:
                await healing.keep()
                yield response
            finally:
                await response.close()
            return


def _parameters(request: ChatRequest, provider: Provider, model: str, known: quirks.Healing) -> _Json:
    """The body of the request, by what is known of the model."""
    sent: _Json = {"messages": _messages(request.messages, known)}
    # OpenAI's own API deprecates max_tokens and its reasoning models refuse it; others know it longest.
    limit = known[quirks.MAX_TOKENS] or ("max_completion_tokens" if provider.is_openai else "max_tokens")
    if limit != "none":
        most = known[quirks.OUTPUT_LIMIT]
        sent[str(limit)] = min(request.max_tokens, most) if isinstance(most, int) else request.max_tokens
    if request.temperature is not None and known[quirks.TEMPERATURE] is not False:
        sent["temperature"] = request.temperature
    if known[quirks.STREAM_OPTIONS] is not False:
        sent["stream_options"] = {"include_usage": True}
    return sent


def _messages(messages: Sequence[Message], known: quirks.Healing) -> list[dict[str, str]]:
    role = known[quirks.SYSTEM_ROLE]
    lines = [{"role": message.role.value, "content": message.text} for message in messages]
    for line in lines:
        if line["role"] == Role.SYSTEM and role is not None:
            line["role"] = "developer" if role == "developer" else "user"
    if known[quirks.ALTERNATE] is not True and role != "merged":
        return lines
    merged: list[dict[str, str]] = []
    for line in lines:
        if merged and merged[-1]["role"] == line["role"]:
            merged[-1]["content"] += "\n\n" + line["content"]
        else:
            merged.append(line)
    return merged


async def _whole(response: AsyncAPIResponse[Any], model: str) -> AsyncGenerator[Event]:
    """The events of a server that answers at once although it was asked to stream."""
    try:
        body = await response.read()
    except (openai.APIConnectionError, *faults.BROKEN) as error:
        raise faults.broken(error) from None
    answer = _parsed(body)
    _raise_error(answer, model, begun=False)
    finished = False
    pairs = _Pairs()
    for event in _events(answer):
        finished = finished or isinstance(event, Finished)
        yield pairs.mended(event)
    if not finished:
        yield Finished(reason=Finish.UNKNOWN)


async def _streamed(response: AsyncAPIResponse[Any], model: str) -> AsyncGenerator[Event]:
    """The events of a stream; `Finished` exactly once, at the latest where the stream ends."""
    begun = finished = False
    pairs = _Pairs()
    async with aclosing(_data(response)) as stream:
        try:
            async for name, data in stream:
                chunk = _parsed(data)
                _raise_error(chunk, model, begun=begun, named=name == "error")
                for event in _events(chunk):
                    begun = True
                    if isinstance(event, Finished):
                        if finished:
                            continue
                        finished = True
                    yield pairs.mended(event)
        except faults.BROKEN as error:
            if not finished:
                raise faults.broken(error) from None
            # The answer is whole; only its usage may be missing.
            _log.info("connection broke after the answer's end: %s", type(error).__name__)
    if not finished:
        yield Finished(reason=Finish.UNKNOWN)


async def _data(response: AsyncAPIResponse[Any]) -> AsyncGenerator[tuple[str, bytes]]:
    """Name and data of each event up to [DONE]."""
    decoder = sse.Decoder()
    async with aclosing(cast("AsyncGenerator[bytes]", response.iter_bytes())) as chunks:
        async for chunk in chunks:
            for name, data in decoder.feed(chunk):
                if data.startswith(b"[DONE]"):
                    with suppress(TimeoutError, *faults.BROKEN):
                        async with asyncio.timeout(_DRAIN_S):
                            async for _ in chunks:
                                pass
                    return
                yield name, data
    for name, data in decoder.end():
        if not data.startswith(b"[DONE]"):
            yield name, data


def _parsed(data: bytes) -> _Json:
    parsed: object
    try:
        parsed = orjson.loads(data)
    except orjson.JSONDecodeError:
        try:
            # Some servers send a letter outside the basic plane in two chunks, as the halves of a
            # surrogate pair; the standard library reads them, orjson does not.
            parsed = json.loads(data)
        except ValueError:
            _log.warning("provider sent %d bytes that are no JSON", len(data))
            raise Told(Problem.BROKE_OFF) from None
    return cast(_Json, parsed) if isinstance(parsed, dict) else {}


class _Pairs:
    """Puts the halves of surrogate pairs together that come in different chunks."""

    def __init__(self) -> None:
        self._half = ""

    def mended(self, event: Event) -> Event:
        """`event` with whole letters only; a half at its end waits for the next one."""
        if not isinstance(event, TextDelta) or not (self._half or _SURROGATE.search(event.text)):
            return event
        text = self._half + event.text
        self._half = text[-1] if "\ud800" <= text[-1] <= "\udbff" else ""
        whole = text.removesuffix(self._half)
        return TextDelta(text=whole.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


_SURROGATE = re.compile("[\ud800-\udfff]")


def _raise_error(chunk: _Json, model: str, *, begun: bool, named: bool = False) -> None:
    """Raise if `chunk` tells of an error; `named` if its event is called that."""
    error = chunk.get("error") or (chunk if named else None)
    if error is None:
        return
    fault = faults.read_object(error)
    if begun and fault.overflows:
        # Nothing to shrink: the answer itself has filled the window.
        raise Told(Problem.BROKE_OFF)
    raise faults.told(fault, model=model)


def _events(chunk: _Json) -> Iterator[Event]:
    """What one chunk, or one whole answer, holds."""
    for choice in cast("list[_Json]", chunk.get("choices") or [])[:1]:
        said = cast(_Json, choice.get("delta") or choice.get("message") or {})
        # DeepSeek and llama.cpp say reasoning_content; OpenRouter, Ollama and vLLM say reasoning.
        yield from _deltas(said.get("reasoning_content") or said.get("reasoning"), thinking=True)
        yield from _deltas(said.get("content"))
        yield from _deltas(said.get("refusal"))
        if reason := choice.get("finish_reason"):
            yield Finished(reason=_FINISHES.get(reason, Finish.STOP))
    if isinstance(usage := chunk.get("usage"), dict):
        yield _usage(cast(_Json, usage))


# Anything else, tool calls that nobody asked for among them, is an end like another.
_FINISHES = {
    "length": Finish.LENGTH,
    "model_length": Finish.LENGTH,  # Mistral: the window is full
    "content_filter": Finish.FILTER,
    "error": Finish.UNKNOWN,  # OpenRouter
    "abort": Finish.UNKNOWN,  # vLLM
}


def _deltas(content: object, *, thinking: bool = False) -> Iterator[Event]:
    """The text of a delta; Mistral's thinking models send a list of typed parts instead."""
    if isinstance(content, str) and content:
        yield ReasoningDelta(text=content) if thinking else TextDelta(text=content)
    elif isinstance(content, list):
        for part in cast("list[_Json]", content):
            yield from _deltas(part.get("thinking"), thinking=True)
            yield from _deltas(part.get("text"), thinking=thinking)


def _usage(usage: _Json) -> Usage:
    prompt = cast(_Json, usage.get("prompt_tokens_details") or {})
    completion = cast(_Json, usage.get("completion_tokens_details") or {})
    return Usage(
        prompt_tokens=usage.get("prompt_tokens"),
        cached_tokens=prompt.get("cached_tokens"),
        reasoning_tokens=completion.get("reasoning_tokens"),
        completion_tokens=usage.get("completion_tokens"),
    )
