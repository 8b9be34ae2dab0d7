"""Who runs the models: one client per provider for the life of the process."""

import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx2
import openai

from bot.core.errors import Problem, Told
from bot.llm import faults
from bot.llm.waits import retry_after_s

_log = logging.getLogger(__name__)

# What OpenAI's own API answers with when nothing is configured.
_OPENAI_DEFAULT_MODEL = "gpt-5.4-mini"
# The SDK refuses to be built without a key; local servers ask for none and take any.
_NO_KEY = "none"
_CONNECT_TIMEOUT_S = 5.0
# A person is better told how long to wait than left waiting; the SDK would sleep for up to 120 s.
_LONGEST_SILENT_WAIT_S = 10


class Secret:
    """A text that does not show when its holder is printed or logged."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "Secret(…)"

    def reveal(self) -> str:
        """The text itself."""
        return self._value


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """An OpenAI-compatible API.

    Attributes:
        name: What stands before the slash in `provider/model`.
        base_url: Up to and including `/v1`.
        timeout_s: The longest silence that is waited for: until an answer begins, and within it.
    """

    name: str
    base_url: str
    api_key: Secret | None = None
    timeout_s: float = 120.0

    @property
    def is_openai(self) -> bool:
        """Whether it is OpenAI's own API, in any of its regions."""
        host = httpx2.URL(self.base_url).host
        return host == "api.openai.com" or host.endswith(".api.openai.com")


class Providers:
    """The configured providers and their clients; `async with` closes the connections at the end."""

    def __init__(self, providers: Sequence[Provider], *, default_model: str | None = None) -> None:
        """`providers` in the order of the configuration, at least one."""
        self._providers = {provider.name: provider for provider in providers}
        self._first = providers[0]
        self._default_model = default_model
        self._found_default: str | None = None
        self._clients: dict[str, openai.AsyncOpenAI] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        self._clients.clear()
        await self._stack.aclose()

    def split(self, model: str) -> tuple[Provider, str]:
        """Who runs `model`, and its name there.

        What stands before a slash is a provider only if one is configured under that name: OpenRouter's
        models have slashes in their own names.
        """
        name, slash, rest = model.partition("/")
        if slash and name in self._providers:
            return self._providers[name], rest
        return self._first, model

    def client(self, provider: Provider) -> openai.AsyncOpenAI:
        """The provider's client.

        Raises:
            Told: OpenAI's own API is asked and no key is configured.
        """
        if provider.is_openai and provider.api_key is None:
            raise Told(Problem.KEY_MISSING)
        if provider.name not in self._clients:
            client = _client(provider)
            self._stack.push_async_callback(client.close)
            self._clients[provider.name] = client
        return self._clients[provider.name]

    async def resolve(self, model: str | None) -> str:
        """The full name `provider/model`; None asks for the default model.

        Raises:
            Told: None is set and none can be found, or the provider's key is missing.
        """
        provider, name = self.split(model or self._default_model or await self._default())
        self.client(provider)
        return f"{provider.name}/{name}"

    async def _default(self) -> str:
        """The first provider's own default, asked for until it was answered once."""
        if self._found_default is None:
            client = self.client(self._first)
            name = _OPENAI_DEFAULT_MODEL if self._first.is_openai else await self._listed(client)
            self._found_default = f"{self._first.name}/{name}"
        return self._found_default

    async def _listed(self, client: openai.AsyncOpenAI) -> str:
        try:
            listed = await client.models.list()
        except openai.NotFoundError:
            raise Told(Problem.MODEL_UNSET) from None
        except openai.APIStatusError as error:
            raise faults.told(faults.read(error), model=self._first.name) from None
        except openai.APIConnectionError as error:
            raise faults.unreachable(error) from None
        # Ollama and LM Studio list embedding models among the others, and those do not talk. A server
        # that lists nothing may leave `data` out altogether.
        names = [model.id for model in listed.data or ()]
        talking = [name for name in names if "embed" not in name.lower()]
        if not talking:
            raise Told(Problem.MODEL_UNSET)
        return talking[0]


class _Transport(openai.DefaultAsyncHttpxClient):
    """Keeps the SDK from two of its retries; the others (connection, 5xx, 429) are welcome."""

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """The response to `request`.

        Raises:
            openai.APITimeoutError: The provider took the request and did not answer in time. The SDK
                would send it again, to be worked on and paid for a second and third time.
        """
        try:
            response = await super().send(request, **options)
        except httpx2.ReadTimeout as error:
            raise openai.APITimeoutError(request) from error
        if retry_after_s(response.headers) > _LONGEST_SILENT_WAIT_S and response.is_error:
            response.headers["x-should-retry"] = "false"  # understood by the SDK's _should_retry
        return response


def _client(provider: Provider) -> openai.AsyncOpenAI:
    timeout = httpx2.Timeout(provider.timeout_s, connect=_CONNECT_TIMEOUT_S)
    key = provider.api_key.reveal() if provider.api_key else _NO_KEY
    client = openai.AsyncOpenAI(
        api_key=key,
        base_url=provider.base_url,
        timeout=timeout,
        max_retries=2,
        http_client=_Transport(timeout=timeout),
    )
    if not provider.is_openai:
        # The SDK takes them from OPENAI_ORG_ID and OPENAI_PROJECT_ID; they are nobody else's business.
        client.organization = client.project = None
    return client
