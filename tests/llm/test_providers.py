"""Who runs which model."""

import pytest

from bot.core.errors import Problem, Told
from bot.llm.providers import Provider, Providers, Secret
from tests.llm.conftest import all_of, asking, opened, provider
from tests.openai_server import ScriptedOpenAI, failure

OPENAI = Provider(name="openai", base_url="https://api.openai.com/v1", api_key=Secret("sk-x"))
ROUTER = Provider(name="router", base_url="https://openrouter.ai/api/v1", api_key=Secret("sk-y"))


def test_a_key_does_not_show() -> None:
    assert "sk-x" not in f"{OPENAI} {OPENAI!r} {OPENAI.api_key}"


@pytest.mark.parametrize(
    ("model", "full"),
    [
        ("gpt-4o", "openai/gpt-4o"),
        ("openai/gpt-4o", "openai/gpt-4o"),
        ("router/anthropic/claude", "router/anthropic/claude"),
        ("anthropic/claude", "openai/anthropic/claude"),
        ("router/openai/gpt-4o", "router/openai/gpt-4o"),
    ],
)
async def test_a_prefix_is_a_provider_only_if_it_is_configured(model: str, full: str) -> None:
    async with Providers([OPENAI, ROUTER]) as providers:
        assert await providers.resolve(model) == full
        assert await providers.resolve(full) == full


async def test_openais_default_needs_no_asking() -> None:
    async with Providers([OPENAI]) as providers:
        assert await providers.resolve(None) == "openai/gpt-5.4-mini"
    async with Providers([OPENAI], default_model="gpt-4o") as providers:
        assert await providers.resolve(None) == "openai/gpt-4o"


async def test_the_first_model_that_a_server_lists_is_its_default_and_asked_for_once(
    openai: ScriptedOpenAI,
) -> None:
    openai.models = ["nomic-embed-text", "house/llama"]
    async with Providers([provider(openai)]) as providers:
        assert await providers.resolve(None) == "box/house/llama"
        assert await providers.resolve(None) == "box/house/llama"
    assert len(openai.requests) == 1


async def test_a_default_that_could_not_be_found_is_asked_for_again(openai: ScriptedOpenAI) -> None:
    async with Providers([provider(openai)]) as providers:
        openai.models = failure(401)
        with pytest.raises(Told) as told:
            await providers.resolve(None)
        assert told.value.problem is Problem.KEY_REFUSED
        openai.models = ["llama"]
        assert await providers.resolve(None) == "box/llama"


@pytest.mark.parametrize("models", [[], ["only-embeddings"], failure(404)])
async def test_no_model_at_all_is_told(openai: ScriptedOpenAI, models: object) -> None:
    openai.models = models  # type: ignore[assignment]  # each of the parameters fits
    async with Providers([provider(openai)]) as providers:
        with pytest.raises(Told) as told:
            await providers.resolve(None)
    assert told.value.problem is Problem.MODEL_UNSET


@pytest.mark.parametrize("host", ["api.openai.com", "eu.api.openai.com"])
async def test_openais_own_host_needs_a_key(host: str) -> None:
    async with opened(Provider(name="openai", base_url=f"https://{host}/v1")) as chat:
        for model in (None, "gpt-4o"):
            with pytest.raises(Told) as told:
                await chat.resolve(model)
            assert told.value.problem is Problem.KEY_MISSING
        with pytest.raises(Told) as told:
            await all_of(chat, asking(model="openai/gpt-4o"))
        assert told.value.problem is Problem.KEY_MISSING


async def test_other_hosts_need_no_key_and_learn_nothing_of_openais_accounts(
    openai: ScriptedOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "mine")
    openai.answers("Hello")
    async with opened(Provider(name="box", base_url=openai.base_url)) as chat:
        await all_of(chat, asking())
    assert "mine" not in openai.requests[0].headers.values()
    assert "Bearer mine" not in openai.requests[0].headers.values()


async def test_a_provider_has_one_client_for_the_life_of_the_process() -> None:
    async with Providers([OPENAI]) as providers:
        client = providers.client(OPENAI)
        assert providers.client(OPENAI) is client
    assert client.is_closed()


async def test_openais_own_host_is_asked_in_its_own_words_from_the_start(
    openai: ScriptedOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):  # the only way there from here
        monkeypatch.setenv(name, openai.origin)
    openai.answers("Hello")
    own = Provider(name="openai", base_url="http://api.openai.com/v1", api_key=Secret("sk-x"))
    async with opened(own) as chat:
        await all_of(chat, asking(model="gpt-5.4-mini", max_tokens=9))
    assert openai.requests[0].body["max_completion_tokens"] == 9
    assert "max_tokens" not in openai.requests[0].body
