"""Which settings exist, their ranges, and which layer's value wins."""

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from bot.core.errors import Problem, Told
from bot.core.model import Place
from bot.core.ports import ChatModel, SettingStore

Value = str | int | float


class Layer(enum.StrEnum):
    """Where a value comes from, weakest first."""

    DEFAULT = "default"
    FILE = "file"
    SERVER = "server"
    CHANNEL = "channel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One thing that people can set.

    Attributes:
        kind: The type that a value has.
        default: None leaves the choice to the model's provider.
        minimum, maximum: The range of a number, both ends included.
        max_chars: The longest text.
    """

    name: str
    kind: type[str] | type[int] | type[float]
    default: Value | None = None
    minimum: float | None = None
    maximum: float | None = None
    max_chars: int | None = None

    def check(self, value: object) -> Value:
        """`value` as this setting keeps it.

        Raises:
            Told: It is of another kind or out of range; the range is among the parameters.
        """
        if self.kind is str:
            return self._text(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Told(Problem.NOT_A_VALUE, name=self.name)
        low, high = self.minimum or 0, self.maximum or math.inf
        # A NaN is neither above nor below; only this form of the comparison refuses it.
        if not low <= value <= high:
            raise Told(Problem.OUT_OF_RANGE, name=self.name, minimum=f"{low:,}", maximum=f"{high:,}")
        if self.kind is int and value != int(value):
            raise Told(Problem.NOT_A_VALUE, name=self.name)
        return self.kind(value)

    def _text(self, value: object) -> str:
        if not isinstance(value, str) or not value.strip():
            raise Told(Problem.NOT_A_VALUE, name=self.name)
        if self.max_chars is not None and len(value) > self.max_chars:
            raise Told(Problem.TOO_MANY_CHARS, name=self.name, limit=self.max_chars)
        return value.strip()


DEFAULT_SYSTEM_PROMPT = (
    "You are {bot}, a helpful member of a Discord server. Answer plainly and to the point, in the language"
    " you are spoken to. Discord shows bold, italics, quotes, lists, headings, links and fenced code, but no"
    " tables."
)

_SETTINGS = (
    Setting(name="model", kind=str, max_chars=200),
    # 0 to 2 is the range of OpenAI's chat API.
    Setting(name="temperature", kind=float, minimum=0, maximum=2),
    Setting(name="max_tokens", kind=int, default=2048, minimum=1, maximum=128_000),
    # 4,000 characters: what a person can send in one Discord message at most (with Nitro).
    Setting(name="system_prompt", kind=str, default=DEFAULT_SYSTEM_PROMPT, max_chars=4_000),
)
SETTINGS: Mapping[str, Setting] = MappingProxyType({setting.name: setting for setting in _SETTINGS})


# Some hundred bytes each.
_KNOWN_PLACES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sourced:
    """A setting's value and the layer that it comes from.

    Attributes:
        value: None where the provider decides.
        ignored: The model was found not to honour it.
    """

    value: Value | None
    layer: Layer
    ignored: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatSettings:
    """What holds in one place."""

    model: str | None
    temperature: float | None
    max_tokens: int
    system_prompt: str


class Settings:
    """The settings of every place, over the values of the configuration file."""

    def __init__(self, *, store: SettingStore, model: ChatModel, file: Mapping[str, Value]) -> None:
        self._store = store
        self._model = model
        self._file = dict(file)
        # Every question asks, and people change settings once in a while. A place is served by one
        # process (Discord hands a server's events to one shard), so nobody else changes them under us.
        self._known: dict[Place, ChatSettings] = {}

    async def of(self, place: Place) -> ChatSettings:
        """What holds in `place`."""
        known = self._known
        if place in known:
            return known[place]
        settings = await self._read(place)
        if len(known) >= _KNOWN_PLACES:
            known.clear()
        # If somebody has changed a setting meanwhile, this goes into what was thrown away.
        known[place] = settings
        return settings

    async def _read(self, place: Place) -> ChatSettings:
        values = {name: sourced.value for name, sourced in (await self.sources(place)).items()}
        model, temperature = values["model"], values["temperature"]
        max_tokens, system_prompt = values["max_tokens"], values["system_prompt"]
        assert max_tokens is not None
        return ChatSettings(
            model=None if model is None else str(model),
            temperature=None if temperature is None else float(temperature),
            max_tokens=int(max_tokens),
            system_prompt=str(system_prompt),
        )

    async def sources(self, place: Place) -> dict[str, Sourced]:
        """Every setting by name, with the layer that its value in `place` comes from."""
        layers = {Layer.FILE: self._file, **await self._stored(place)}
        found = {name: Sourced(value=s.default, layer=Layer.DEFAULT) for name, s in SETTINGS.items()}
        for layer in Layer:
            for name, value in layers.get(layer, {}).items():
                if name in found:
                    found[name] = Sourced(value=value, layer=layer)
        return found

    async def shown(self, place: Place) -> dict[str, Sourced]:
        """As `sources`, with the model that answers by its full name, and what it does not honour marked."""
        sources = await self.sources(place)
        chosen = sources["model"].value
        try:
            model = await self._model.resolve(None if chosen is None else str(chosen))
        except Told:
            # Which model answers by default cannot be said now; the settings can.
            return sources
        ignored = self._model.ignored(model)
        sources["model"] = replace(sources["model"], value=model)
        return {name: replace(s, ignored=name in ignored) for name, s in sources.items()}

    async def set(self, place: Place, layer: Layer, values: Mapping[str, object]) -> dict[str, Value]:
        """Keep `values` for `place` at `layer` (SERVER or CHANNEL); all of them, or none.

        Raises:
            Told: A value is out of range, there is none, or a DM has no server to set it for.
        """
        if not values:
            raise Told(Problem.NOTHING_TO_SET)
        checked = {name: SETTINGS[name].check(value) for name, value in values.items()}
        await self._store.put(layer, self._scope(place, layer), checked)
        self._known = {}
        return checked

    async def reset(self, place: Place, layer: Layer, name: str | None) -> None:
        """Take back what was set for `place` at `layer`: the setting `name`, or all where it is None."""
        await self._store.remove(layer, self._scope(place, layer), name)
        self._known = {}

    async def _stored(self, place: Place) -> dict[Layer, dict[str, Value]]:
        scopes = [(Layer.CHANNEL.value, place.channel_id)]
        if place.parent_id is not None:
            scopes.insert(0, (Layer.CHANNEL.value, place.parent_id))
        if place.guild_id is not None:
            scopes.append((Layer.SERVER.value, place.guild_id))
        stored = await self._store.get(scopes)
        layers: dict[Layer, dict[str, Value]] = {}
        # A thread follows its channel and may differ from it, so the channel's own values come first.
        for scope in scopes:
            layers.setdefault(Layer(scope[0]), {}).update(stored.get(scope, {}))
        return layers

    def _scope(self, place: Place, layer: Layer) -> int:
        if layer is Layer.CHANNEL:
            return place.channel_id
        if place.guild_id is None:
            raise Told(Problem.SERVER_ONLY)
        return place.guild_id
