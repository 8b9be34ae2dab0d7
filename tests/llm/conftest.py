"""The real openai client against a scripted server; nothing of ours is replaced but the quirks' store."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

import pytest

from bot.core.model import ChatRequest, Event, Message, Role
from bot.llm.chat import Chat
from bot.llm.models import Windows
from bot.llm.providers import Provider, Providers, Secret
from bot.llm.quirks import Quirks, Scalar
from tests.openai_server import ScriptedOpenAI, validate_requests


@dataclass
class Lessons:
    """A store of quirks that can be looked into."""

    rows: list[tuple[str, str, str, Scalar]] = field(default_factory=list)

    async def all(self) -> Sequence[tuple[str, str, str, Scalar]]:
        return self.rows

    async def learn(self, provider: str, model: str, name: str, value: Scalar) -> None:
        self.rows.append((provider, model, name, value))


def provider(server: ScriptedOpenAI, *, name: str = "box", timeout_s: float = 5.0) -> Provider:
    return Provider(name=name, base_url=server.base_url, api_key=Secret("sk-test"), timeout_s=timeout_s)


@asynccontextmanager
async def opened(
    *providers: Provider, lessons: Lessons | None = None, default_model: str | None = None
) -> AsyncGenerator[Chat]:
    """A chat with those providers."""
    async with Providers(providers, default_model=default_model) as known:
        quirks = await Quirks.load(lessons or Lessons())
        windows = await Windows.load(known, quirks=quirks)
        yield Chat(known, learned=quirks, windows=windows)


def asking(
    *texts: str,
    model: str = "box/scripted-1",
    max_tokens: int = 50,
    temperature: float | None = None,
    system: str | None = "You are kind.",
) -> ChatRequest:
    """A request with a system prompt and what people say, one after the other."""
    messages = [Message(role=Role.SYSTEM, text=system)] if system else []
    messages += [Message(role=Role.USER, text=text) for text in texts or ("Hello?",)]
    return ChatRequest(messages=messages, model=model, max_tokens=max_tokens, temperature=temperature)


async def all_of(chat: Chat, request: ChatRequest, events: list[Event] | None = None) -> list[Event]:
    """Every event of the answer; `events`, if given, keeps those that came before a failure."""
    events = [] if events is None else events
    async with aclosing(chat.stream(request)) as stream:
        async for event in stream:
            events.append(event)
    return events


@pytest.fixture
async def openai() -> AsyncGenerator[ScriptedOpenAI]:
    """A scripted server; whatever a test sent it must be valid by OpenAI's own description."""
    async with ScriptedOpenAI() as server:
        yield server
        validate_requests(server)


@pytest.fixture
def lessons() -> Lessons:
    return Lessons()


@pytest.fixture
async def chat(openai: ScriptedOpenAI, lessons: Lessons) -> AsyncGenerator[Chat]:
    async with opened(provider(openai), lessons=lessons) as made:
        yield made
