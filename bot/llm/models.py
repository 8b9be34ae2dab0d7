"""What is known about models: how large their context windows are."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Self

from bot.llm.providers import Provider, Providers
from bot.llm.quirks import Quirks

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot

# What nearly every model in use has at least; the provider's refusal corrects it downwards, the
# configuration upwards.
_CAREFUL_WINDOW_TOKENS = 8_192


class Windows:
    """Context windows: what the configuration says, else what a refusal taught, else what is published."""

    def __init__(
        self,
        providers: Providers,
        *,
        quirks: Quirks,
        snapshot: "DataSnapshot",
        configured: Mapping[str, int] | None = None,
    ) -> None:
        """`configured` has tokens by model, named as in the settings."""
        self._providers = providers
        self._quirks = quirks
        self._snapshot = snapshot
        self._configured = {
            self._key(*providers.split(model)): tokens for model, tokens in (configured or {}).items()
        }
        self._published: dict[tuple[str, str], int | None] = {}

    @classmethod
    async def load(
        cls, providers: Providers, *, quirks: Quirks, configured: Mapping[str, int] | None = None
    ) -> Self:
        """With the data that genai-prices ships, read off the loop (some 60 ms, 5 MB). No network."""
        snapshot = await asyncio.to_thread(_snapshot)
        return cls(providers, quirks=quirks, snapshot=snapshot, configured=configured)

    def tokens(self, model: str) -> int:
        """The most tokens that prompt and answer may take together; careful where nothing is known."""
        provider, name = self._providers.split(model)
        key = self._key(provider, name)
        if key in self._configured:
            return self._configured[key]
        if key not in self._published:
            self._published[key] = self._look_up(provider, name)
        return self._quirks.window_tokens(*key) or self._published[key] or _CAREFUL_WINDOW_TOKENS

    @staticmethod
    def _key(provider: Provider, name: str) -> tuple[str, str]:
        return provider.name, name

    def _look_up(self, provider: Provider, name: str) -> int | None:
        """What is published for the model at that provider; a server of one's own may differ from it."""
        try:
            _, info = self._snapshot.find_provider_model(name, None, None, provider.base_url)
        except LookupError:
            return None
        return info.context_window


def _snapshot() -> "DataSnapshot":
    from genai_prices.data_snapshot import get_snapshot  # 60 ms, which no other command should pay

    return get_snapshot()
