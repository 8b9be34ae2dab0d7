"""The configuration: `config.yaml` and the environment as one frozen `Config`, or all mistakes at once.

Values of the file win over those of the environment, and what neither says has a default. No message
and no repr shows a secret: text is never quoted back, only names of keys and variables, and numbers
that stand in the file itself.
"""

import difflib
import math
import os
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, cast
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from bot.config_file import ConfigError, FromEnvironment, Keys, Reading, parsed, read
from bot.core.errors import Problem, Told
from bot.core.settings import SETTINGS, Setting, Value

OPENAI_URL = "https://api.openai.com/v1"
OPENAI_IMAGE_MODEL = "gpt-image-1.5"
DISCORD_HINT = (
    "take it from https://discord.com/developers/applications → your application → Bot → Reset Token,"
    " and put it into the environment as DISCORD_TOKEN"
)
OPENAI_HINT = (
    "make one at https://platform.openai.com/api-keys, and put it into the environment as OPENAI_API_KEY"
)

_TIMEOUT_S = Setting(name="timeout_s", kind=float, minimum=1, maximum=3600)
_CONTEXT_WINDOW = Setting(name="context_window", kind=int, minimum=256, maximum=10_000_000)
_CONTEXT_TOKENS = Setting(name="context_tokens", kind=int, minimum=0, maximum=1_000_000)


def _kind(value: object) -> str:
    match value:
        case bool():
            return "true or false (which is what YAML makes of yes, no, on and off too)"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "a section with keys of its own"


def _text(value: object) -> str:
    if not isinstance(value, str):
        remedy = "; put it in quotes" if isinstance(value, int | float) else ""
        raise ValueError(f"must be text, not {_kind(value)}{remedy}")
    if not value.strip():
        raise ValueError("is empty; write a value, or leave the key out")
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise ValueError("holds half a character (a lone surrogate), which cannot be sent anywhere")
    return value.strip()


def _number(setting: Setting, value: object) -> object:
    """The number that an environment variable holds, everything else as it is, but for what is not finite."""
    if isinstance(value, FromEnvironment):
        try:
            number = float(value)
            value = int(number) if number.is_integer() else number
        except ValueError:
            raise ValueError("must be a number, and its environment variable holds something else") from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        remedy = (
            "; write it plainly, without quotes or an exponent"
            if isinstance(value, str) and _is_number(value)
            else ""
        )
        raise ValueError(f"must be a number, not {_kind(value)}{remedy}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(_range(setting))
    return value


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _range(setting: Setting) -> str:
    return f"must be from {setting.minimum:.10g} to {setting.maximum:.10g}"


def _held(setting: Setting, value: object) -> Value:
    """`value` within the range of `setting`, which is told to the operator if it is not.

    Raises:
        ValueError: The words; they hold the value only if it is a number of the file.
    """
    checked = _text(value) if setting.kind is str else _number(setting, value)
    try:
        return setting.check(checked)
    except Told as told:
        problem, params = told.problem, told.params
    if problem is Problem.TOO_MANY_CHARS:
        raise ValueError(f"must have at most {params['limit']} characters, not {len(str(checked))}")
    if problem is Problem.NOT_A_VALUE:
        raise ValueError("must be a whole number")
    # Python refuses to write out integers of thousands of digits.
    shown = isinstance(value, int | float) and abs(value) < 1e15
    raise ValueError(_range(setting) + (f", not {value}" if shown else ""))


def _within(setting: Setting) -> BeforeValidator:
    return BeforeValidator(partial(_held, setting))


def _secret(value: object, *, name: str, prefix: str) -> str:
    text = _text(value)
    if text.lower().startswith(prefix.lower()):
        raise ValueError(f'begins with "{prefix}"; leave that out, only the {name} itself belongs here')
    if text[0] in "\"'“”‘’":
        raise ValueError("has quotation marks of its own; leave them out")
    if not re.fullmatch(r"[!-~]+", text):
        raise ValueError(f"cannot be a {name}: it has a space or a character that is not plain ASCII")
    return text


def _api_key(value: object) -> str | None:
    return None if value is None else _secret(value, name="key", prefix="Bearer ")


def _discord_token(value: object) -> str:
    token = _secret(value, name="token", prefix="Bot ")
    # Not documented as a format, but so since there are bots: id, time and signature in URL-safe base64.
    if not re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", token):
        raise ValueError(
            "is not a bot token, which has three parts with dots between them (application id, public key and"
            f" client secret are other things); {DISCORD_HINT}"
        )
    return token


def _base_url(value: object) -> str:
    url = _text(value).rstrip("/")
    if not re.match(r"https?://[^/]", url, re.IGNORECASE):
        raise ValueError("must be a URL that begins with https:// or http://")
    try:
        parts = urlsplit(url)
        whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
        parts = urlsplit("")
    if not whole or not re.fullmatch(r"[!-~]+", url):
        raise ValueError("is not a URL: its host, its port or one of its characters cannot be")
    if parts.username is not None:
        raise ValueError("must not hold a user name or password; the key goes into api_key")
    if "?" in url or "#" in url:
        raise ValueError("must not have anything from ? or # on")
    if parts.path.endswith("/completions"):
        raise ValueError("must end before /chat/completions, which is added to it")
    return url


def _database_url(value: object) -> str:
    url = _text(value)
    # Hosts such as Heroku hand out postgres://; a driver may be named behind a plus.
    if not re.fullmatch(r"(sqlite|postgres|postgresql)(\+\w+)?://[!-~]*", url):
        raise ValueError("must be like sqlite:///data/parley.db or postgresql://user:password@host/name")
    return url


def _level(value: object) -> str:
    level = _text(value).lower()
    if level not in ("debug", "info", "warning", "error"):
        raise ValueError("must be one of debug, info, warning, error")
    return level


def _provider_name(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[a-z0-9_-]{1,40}", value):
        raise ValueError("the name of a provider is 1 to 40 of the characters a-z 0-9 _ -")
    return value


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _left_out(cls, data: object) -> object:
        """A section or a key without a value, as when all below it is commented out, is not there."""
        if data is None:
            return {}
        if not isinstance(data, dict):
            return data
        values = cast("dict[str, object]", data)
        known = cls.model_fields
        return {key: value for key, value in values.items() if value is not None or key not in known}


class DiscordConfig(_Section):
    """The bot's account; `token` is empty only when `load` was told that it is not needed."""

    token: Annotated[SecretStr, BeforeValidator(_discord_token)] = SecretStr("")


class DatabaseConfig(_Section):
    """Where everything is kept; the URL is as it was written, and may hold a password."""

    url: Annotated[SecretStr, BeforeValidator(_database_url)] = SecretStr("sqlite:///data/parley.db")


class ProviderConfig(_Section):
    """A service with OpenAI's API; `base_url` has no slash at its end, `timeout_s` is for a whole request."""

    base_url: Annotated[str, BeforeValidator(_base_url)]
    api_key: Annotated[SecretStr | None, BeforeValidator(_api_key)] = Field(
        default=None, validate_default=True
    )
    timeout_s: Annotated[float, _within(_TIMEOUT_S)] = 120.0

    @field_validator("api_key")
    @classmethod
    def _key_where_needed(cls, key: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if key is None and _is_openai(info.data.get("base_url", "")):
            raise ValueError(f"is missing; {OPENAI_HINT}")
        return key

    @property
    def is_openai(self) -> bool:
        """Whether this is OpenAI's own service, in any region."""
        return _is_openai(self.base_url)


def _is_openai(base_url: str) -> bool:
    # The regions' hosts are eu.api.openai.com and the like.
    return f".{urlsplit(base_url).hostname or ''}".endswith(".api.openai.com")


class ModelConfig(_Section):
    """What is known of a model; `context_window` in tokens, None where it is not said."""

    context_window: Annotated[int | None, _within(_CONTEXT_WINDOW)] = None


class ChatConfig(_Section):
    """How people are answered; None is what the file leaves to the defaults of `core.settings`.

    `context_tokens` is how much of the conversation is sent again with each question.
    """

    model: Annotated[str | None, _within(SETTINGS["model"])] = None
    temperature: Annotated[float | None, _within(SETTINGS["temperature"])] = None
    max_tokens: Annotated[int | None, _within(SETTINGS["max_tokens"])] = None
    system_prompt: Annotated[str | None, _within(SETTINGS["system_prompt"])] = None
    context_tokens: Annotated[int, _within(_CONTEXT_TOKENS)] = 12_000

    def file_settings(self) -> dict[str, Value]:
        """The settings that the file has a value for, by the names of `core.settings`."""
        values: dict[str, Value | None] = {name: getattr(self, name) for name in SETTINGS}
        return {name: value for name, value in values.items() if value is not None}


class ImagesConfig(_Section):
    """Which model paints; None: none does."""

    model: Annotated[str | None, _within(SETTINGS["model"])] = None


class LogConfig(_Section):
    """What is logged: this level and those above it."""

    level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_level)] = "info"


_ProviderName = Annotated[str, BeforeValidator(_provider_name)]
_ModelName = Annotated[str, _within(SETTINGS["model"])]


class Config(_Section):
    """All that an operator can set. `providers` keeps the order of the file; its first is the default."""

    discord: DiscordConfig = Field(default_factory=DiscordConfig)
    database: DatabaseConfig = Field(default_factory=DatabaseConfig)
    providers: Annotated[Mapping[_ProviderName, ProviderConfig], AfterValidator(MappingProxyType)]
    models: Annotated[Mapping[_ModelName, ModelConfig], AfterValidator(MappingProxyType)] = Field(
        default_factory=lambda: MappingProxyType(dict[str, ModelConfig]())
    )
    chat: ChatConfig = Field(default_factory=ChatConfig)
    images: ImagesConfig = Field(default_factory=ImagesConfig)
    log: LogConfig = Field(default_factory=LogConfig)

    def windows(self) -> dict[str, int]:
        """The context windows, in tokens, of the models that have one in the file."""
        return {name: m.context_window for name, m in self.models.items() if m.context_window is not None}


def find(
    explicit: Path | None, environ: Mapping[str, str], cwd: Path, *, standard: str | None = "config.yaml"
) -> Path | None:
    """The file to read: `explicit`, else PARLEY_CONFIG, else `standard` in `cwd` if there is one.

    Raises:
        ConfigError: The file that was asked for is not there.
    """
    variable = environ.get("PARLEY_CONFIG")
    for path, asker in ((explicit, "--config"), (Path(variable) if variable else None, "PARLEY_CONFIG")):
        if path is not None:
            # os.path.exists, because Path.exists raises for a path that may not be looked at.
            if not os.path.exists(cwd / path):
                raise ConfigError(f"{asker} names {path}, which is not there")
            return cwd / path
    return cwd / standard if standard and os.path.exists(cwd / standard) else None


def load(path: Path | None, environ: Mapping[str, str], *, need_discord: bool = True) -> Config:
    """The configuration of the file at `path` (None: no file), completed from `environ`.

    Without `need_discord`, `discord.token` is not even read and stays empty.

    Raises:
        ConfigError: Something is wrong; it names everything that is.
    """
    # An empty variable is how a container's settings say that there is none.
    environ = {name: value for name, value in environ.items() if value.strip()}
    reading = Reading(file=None if path is None else str(path), environ=environ)
    if not need_discord:
        reading.unread.add(("discord", "token"))
    node = None if path is None else parsed(read(path), str(path))
    data = {} if node is None else reading.mapping(node, ())
    _complete(reading, data)
    if need_discord and _given(data, "discord", "token") is None:
        reading.blame(("discord", "token"), f"is missing; {DISCORD_HINT}")
    config: Config | None = None
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            _blame_detail(reading, detail)
    if config is None or reading.mistakes:
        raise ConfigError("\n".join(text for _, text in sorted(reading.mistakes, key=lambda item: item[0])))
    name, first = next(iter(config.providers.items()))
    if config.images.model is None and first.is_openai:
        images = config.images.model_copy(update={"model": f"{name}/{OPENAI_IMAGE_MODEL}"})
        config = config.model_copy(update={"images": images})
    return config


def _given(data: Mapping[str, object], section: str, key: str) -> object:
    """What `data` has there; a section that is no mapping counts as given, for it is a mistake of its own."""
    found = data.get(section)
    if found is None or isinstance(found, dict):
        return cast("dict[str, object]", found or {}).get(key)
    return found


def _complete(reading: Reading, data: dict[str, object]) -> None:
    """Fill in what the environment says and `data` does not."""
    for section in ("discord", "database", "providers"):
        data[section] = {} if data.get(section) is None else data[section]
    reading.fill(data["discord"], ("discord", "token"), "DISCORD_TOKEN")
    reading.fill(data["database"], ("database", "url"), "DATABASE_URL")
    if not isinstance(data["providers"], dict):
        return
    providers = cast("dict[str, object]", data["providers"])
    if not providers or ("openai" in providers and providers["openai"] is None):
        providers["openai"] = {}
    for key, variable in (("base_url", "OPENAI_BASE_URL"), ("api_key", "OPENAI_API_KEY")):
        reading.fill(providers.get("openai"), ("providers", "openai", key), variable)
    if isinstance(openai := providers.get("openai"), dict) and "base_url" not in openai:
        cast("dict[str, object]", openai)["base_url"] = OPENAI_URL


def _blame_detail(reading: Reading, detail: ErrorDetails) -> None:
    """Note what pydantic found, in our words."""
    keys = tuple(str(part) for part in detail["loc"] if part != "[key]")
    match detail["type"]:
        case "extra_forbidden":
            reading.blame(keys, f"there is no such key; {_suggestion(keys)}")
        case "missing":
            reading.blame(keys, "is missing; it is the address of the provider's API, such as " + OPENAI_URL)
        case "value_error":
            reading.blame(keys, str(detail.get("ctx", {})["error"]))
        case _:
            reading.blame(keys, f"must be a section with keys of its own, not {_kind(detail['input'])}")


def _suggestion(keys: Keys) -> str:
    """What may have been meant by the last of `keys`, which does not exist."""
    *parents, wrong = keys
    siblings = list(_section_at(tuple(parents)).model_fields)
    if near := difflib.get_close_matches(wrong.lower(), siblings, n=1):
        return f'did you mean "{near[0]}"?'
    for name in Config.model_fields:
        if wrong in _section_at((name, "…") if name in _ENTRIES else (name,)).model_fields:
            return f'did you mean "{name}.{"…." if name in _ENTRIES else ""}{wrong}"?'
    return f"here are {', '.join(siblings)}"


# The sections whose keys are names, and what stands under each name.
_ENTRIES: Mapping[str, type[_Section]] = MappingProxyType(
    {"providers": ProviderConfig, "models": ModelConfig}
)


def _section_at(keys: Keys) -> type[_Section]:
    if not keys:
        return Config
    return _ENTRIES.get(keys[0]) or cast("type[_Section]", Config.model_fields[keys[0]].annotation)
