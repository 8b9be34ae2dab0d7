"""The configuration: what file and environment make together, and what is told when they are wrong."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr, ValidationError

from bot.config import Config, ConfigError, find, load
from bot.core.settings import SETTINGS

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "config.yaml.example"
DOCS = ROOT / "docs" / "configuration.md"
TOKEN = "MTIzNDU2Nzg5.Gh-iJk.dontshowthistoken"
KEY = "sk-dontshowthiskey"
ENVIRON = {"DISCORD_TOKEN": TOKEN, "OPENAI_API_KEY": KEY}

Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: str | bytes) -> Path:
        path = tmp_path / "config.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def mistakes(write: Write) -> Callable[..., list[str]]:
    """The lines of the message about a file, which is called `config.yaml` in them."""

    def mistakes(content: str | bytes, environ: Mapping[str, str] = ENVIRON, **options: bool) -> list[str]:
        path = write(content)
        with pytest.raises(ConfigError) as caught:
            load(path, environ, **options)
        return str(caught.value).replace(f"{path.parent}/", "").splitlines()

    return mistakes


Mistakes = Callable[..., list[str]]


def keys_of(model: type[BaseModel]) -> Iterator[str]:
    """Every key of the schema; `<name>` stands where the operator chooses one."""
    for name, field in model.model_fields.items():
        inside = [part for part in (field.annotation, *get_args(field.annotation)) if isinstance(part, type)]
        section = next((part for part in inside if issubclass(part, BaseModel)), None)
        if section is None:
            yield name
            continue
        between = "" if section is field.annotation else ".<name>"
        for key in keys_of(section):
            yield f"{name}{between}.{key}"


def documented() -> dict[str, list[str]]:
    """The rows of the table of keys in the documentation."""
    rows = re.findall(r"^\| `([a-z]+\.[^`]+)` \|(.*)\|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    return {key: [cell.strip() for cell in cells.split("|")] for key, cells in rows if "." in key}


def document(key: str, value: object) -> str:
    """A file that sets one key of the schema."""
    inner: object = value
    for part in reversed(key.replace("<name>", "openai").split(".")):
        inner = {part: inner}
    return yaml.safe_dump(inner)


# What file and environment make together.


def test_two_environment_variables_are_enough() -> None:
    config = load(None, ENVIRON)
    assert config.discord.token.get_secret_value() == TOKEN
    assert list(config.providers) == ["openai"]
    openai = config.providers["openai"]
    assert openai.api_key is not None
    assert openai.api_key.get_secret_value() == KEY
    assert openai.base_url == "https://api.openai.com/v1"
    assert openai.timeout_s == 120
    assert config.images.model == "openai/gpt-image-1.5"
    assert config.chat.file_settings() == {}
    assert config.chat.context_tokens == 12_000
    assert config.windows() == {}
    assert config.database.url.get_secret_value() == "sqlite:///data/parley.db"
    assert config.log.level == "info"


@pytest.mark.parametrize(
    "content", ["", "# nothing yet\n", "---\n", "chat:\ndiscord:\n  token:\nproviders:\n"]
)
def test_a_file_that_says_nothing_is_like_no_file(write: Write, content: str) -> None:
    assert load(write(content), ENVIRON) == load(None, ENVIRON)


def test_a_file_may_say_everything(write: Write) -> None:
    config = load(
        write("""
discord: {token: a.b.c}
database: {url: "postgresql://u:p@h/db"}
providers:
  mine: {base_url: "http://localhost:1/v1/", timeout_s: 2.5}
  openai: {api_key: k}
models:
  mine/m: {context_window: 4096}
  other: {}
chat: {model: mine/m, temperature: 0, max_tokens: 5, system_prompt: " Be. ", context_tokens: 7}
images: {model: openai/x}
log: {level: DEBUG}
"""),
        {},
    )
    assert config.discord.token.get_secret_value() == "a.b.c"
    assert config.database.url.get_secret_value() == "postgresql://u:p@h/db"
    assert list(config.providers) == ["mine", "openai"]
    assert config.providers["mine"].base_url == "http://localhost:1/v1"
    assert config.providers["mine"].timeout_s == 2.5
    assert config.providers["mine"].api_key is None
    assert config.windows() == {"mine/m": 4096}
    assert config.chat.file_settings() == {
        "model": "mine/m",
        "temperature": 0.0,
        "max_tokens": 5,
        "system_prompt": "Be.",
    }
    assert config.chat.context_tokens == 7
    assert config.images.model == "openai/x"
    assert config.log.level == "debug"


def test_what_the_file_says_goes_before_the_environment(write: Write) -> None:
    path = write(
        "discord: {token: x.y.z}\ndatabase: {url: 'sqlite:///x'}\n"
        "providers: {openai: {base_url: 'http://h/v1', api_key: filekey}}"
    )
    config = load(
        path, {**ENVIRON, "OPENAI_BASE_URL": "http://other/v1", "DATABASE_URL": "postgresql://other/db"}
    )
    assert config.discord.token.get_secret_value() == "x.y.z"
    assert config.database.url.get_secret_value() == "sqlite:///x"
    assert config.providers["openai"].base_url == "http://h/v1"
    assert config.providers["openai"].api_key == SecretStr("filekey")


def test_the_environment_fills_what_the_file_leaves_out(write: Write) -> None:
    environ = {**ENVIRON, "OPENAI_BASE_URL": "http://h/v1", "DATABASE_URL": "postgres://h/db"}
    config = load(write("providers: {other: {base_url: 'http://o/v1'}, openai: {timeout_s: 5}}"), environ)
    assert list(config.providers) == ["other", "openai"]
    assert config.providers["openai"].base_url == "http://h/v1"
    assert config.providers["openai"].timeout_s == 5
    assert config.database.url.get_secret_value() == "postgres://h/db"


def test_openai_joins_only_where_no_other_provider_is_named(write: Write) -> None:
    config = load(write("providers: {other: {base_url: 'http://o/v1'}}"), ENVIRON)
    assert list(config.providers) == ["other"]
    assert config.images.model is None


def test_a_provider_of_another_name_on_openais_host_paints_too(write: Write) -> None:
    path = write("providers: {eu: {base_url: 'https://eu.api.openai.com/v1', api_key: k}}")
    assert load(path, ENVIRON).images.model == "eu/gpt-image-1.5"


@pytest.mark.parametrize("host", ["api.openai.com.evil.example", "notapi.openai.com", "localhost"])
def test_a_host_that_is_not_openais_needs_no_key(write: Write, host: str) -> None:
    path = write(f"providers: {{x: {{base_url: 'https://{host}/v1'}}}}")
    assert load(path, ENVIRON).images.model is None


def test_an_empty_variable_counts_as_unset() -> None:
    environ = {**ENVIRON, "OPENAI_BASE_URL": "", "DATABASE_URL": " "}
    assert load(None, environ) == load(None, ENVIRON)


def test_variables_stand_in_for_parts_of_a_text_and_for_numbers(write: Write) -> None:
    path = write(
        "providers: {az: {base_url: 'https://${HOST}.example/v1'}}\n"
        "chat: {max_tokens: '${N}', temperature: '${T}', system_prompt: 'cost: $${N} ${HOST} $5'}"
    )
    config = load(path, {**ENVIRON, "HOST": "me", "N": "12", "T": "0.5"})
    assert config.providers["az"].base_url == "https://me.example/v1"
    assert config.chat.file_settings() == {
        "max_tokens": 12,
        "temperature": 0.5,
        "system_prompt": "cost: ${N} me $5",
    }


def test_the_playground_needs_no_token_and_does_not_read_one(write: Write) -> None:
    path = write("discord: {token: '${NOT_SET}'}")
    assert load(path, ENVIRON, need_discord=False).discord.token.get_secret_value() == ""
    assert load(None, {**ENVIRON, "DISCORD_TOKEN": "wrong"}, need_discord=False).discord.token == SecretStr(
        ""
    )


def test_a_configuration_cannot_be_changed() -> None:
    config = load(None, ENVIRON)
    with pytest.raises(ValidationError):
        config.chat.context_tokens = 1  # pyright: ignore[reportAttributeAccessIssue]  # this is what is tested
    with pytest.raises(TypeError):
        config.providers["x"] = config.providers["openai"]  # type: ignore[index]  # this is what is tested


def test_a_configuration_shows_no_secret() -> None:
    config = load(None, {**ENVIRON, "DATABASE_URL": "postgresql://u:dontshowthis@h/db"})
    assert "dontshow" not in f"{config!r} {config} {config.model_dump_json(include={'discord'})}"


def test_a_byte_order_mark_does_no_harm(write: Write) -> None:
    path = write(b"\xef\xbb\xbf" + "chat: {system_prompt: ä}".encode())
    assert load(path, ENVIRON).chat.system_prompt == "ä"


# Which file is read.


def test_the_file_is_the_one_asked_for_first(tmp_path: Path) -> None:
    for name in ("config.yaml", "a.yaml", "b.yaml"):
        (tmp_path / name).touch()
    environ = {"PARLEY_CONFIG": "b.yaml"}
    assert find(Path("a.yaml"), environ, tmp_path) == tmp_path / "a.yaml"
    assert find(None, environ, tmp_path) == tmp_path / "b.yaml"
    assert find(None, {"PARLEY_CONFIG": ""}, tmp_path) == tmp_path / "config.yaml"


def test_a_file_of_the_standard_name_is_left_alone_where_none_is_standard(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").touch()
    assert find(None, {}, tmp_path, standard=None) is None
    assert find(None, {"PARLEY_CONFIG": "config.yaml"}, tmp_path, standard=None) == tmp_path / "config.yaml"


def test_without_any_file_there_is_none(tmp_path: Path) -> None:
    assert find(None, {}, tmp_path) is None


def test_a_file_that_was_asked_for_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").touch()
    with pytest.raises(ConfigError, match=r"--config names nowhere\.yaml"):
        find(Path("nowhere.yaml"), {}, tmp_path)
    with pytest.raises(ConfigError, match=r"PARLEY_CONFIG names nowhere\.yaml"):
        find(None, {"PARLEY_CONFIG": "nowhere.yaml"}, tmp_path)


@pytest.mark.parametrize(
    ("name", "words"),
    [("", "is a directory"), ("gone.yaml", "No such file"), ("a\0b", "its name is no file name")],
)
def test_what_cannot_be_read_is_told(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load(tmp_path / name, ENVIRON)


# What is told.


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(mistakes: Mistakes) -> None:
    told = mistakes(
        "chat:\n  temprature: 1\n  temperature: 3\n  max_tokens: no\nlogs:\n  level: info\ntoken: x\n"
        "providers:\n  Bad Name: {base_url: 'http://h'}\n  a: {}\n  b: [1]\n",
        {},
    )
    assert told == [
        "config.yaml: discord.token: is missing; take it from https://discord.com/developers/applications →"
        " your application → Bot → Reset Token, and put it into the environment as DISCORD_TOKEN",
        'config.yaml:2: chat.temprature: there is no such key; did you mean "temperature"?',
        "config.yaml:3: chat.temperature: must be from 0 to 2, not 3",
        "config.yaml:4: chat.max_tokens: must be a number, not true or false"
        " (which is what YAML makes of yes, no, on and off too)",
        'config.yaml:5: logs: there is no such key; did you mean "log"?',
        'config.yaml:7: token: there is no such key; did you mean "discord.token"?',
        "config.yaml:9: providers.Bad Name: the name of a provider is 1 to 40 of the characters a-z 0-9 _ -",
        "config.yaml:10: providers.a.base_url: is missing; it is the address of the provider's API,"
        " such as https://api.openai.com/v1",
        "config.yaml:11: providers.b: must be a section with keys of its own, not a list",
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("chat:\n  model: a\n  model: 5", ":3: chat.model: is there twice, on lines 2 and 3"),
        ("log: {level: info}\nlog: {level: info}", ":2: log: is there twice, on lines 1 and 2"),
        ("chat: {zzz: 1}", ":1: chat.zzz: there is no such key; here are model, temperature, max_tokens,"),
        ("base_url: x", ':1: base_url: there is no such key; did you mean "providers.….base_url"?'),
        (
            "images: {model: off}",
            ":1: images.model: must be text, not true or false (which is what YAML makes",
        ),
        ("chat: {model: 4.1}", ":1: chat.model: must be text, not a number; put it in quotes"),
        ("chat: {model: [a]}", ":1: chat.model: must be text, not a list"),
        ("chat: {model: ''}", ":1: chat.model: is empty; write a value, or leave the key out"),
        ("chat: {model: a{b}", ":1:"),
        ('chat: {model: "\\ud800"}', ":1: chat.model: holds half a character"),
        ("chat: {max_tokens: '5'}", ":1: chat.max_tokens: must be a number, not text; write it plainly"),
        ("chat: {max_tokens: many}", ":1: chat.max_tokens: must be a number, not text"),
        ("chat: {max_tokens: 1.5}", ":1: chat.max_tokens: must be a whole number"),
        ("chat: {max_tokens: .inf}", ":1: chat.max_tokens: must be from 1 to 128000"),
        ("chat: {temperature: .nan}", ":1: chat.temperature: must be from 0 to 2"),
        (
            "chat: {context_tokens: 0x" + "f" * 9000 + "}",
            ":1: chat.context_tokens: must be from 0 to 1000000",
        ),
        ("chat: {context_tokens: 0x_}", ":1: chat.context_tokens: is a number that cannot be read"),
        (
            f"chat: {{system_prompt: {'x' * 4001}}}",
            ":1: chat.system_prompt: must have at most 4000 characters",
        ),
        ("log: {level: loud}", ":1: log.level: must be one of debug, info, warning, error"),
        (
            "database: {url: data/parley.db}",
            ":1: database.url: must be like sqlite:///data/parley.db or postg",
        ),
        ("models: {'': {}}", ':1: models."": is empty'),
        ("chat: {model: '${NOPE}'}", ":1: chat.model: needs the environment variable NOPE, which is not set"),
        (
            "chat: {model: '${EMPTY}'}",
            ":1: chat.model: needs the environment variable EMPTY, which is not set",
        ),
        ("chat: {model: '${a b}'}", ":1: chat.model: has ${ without NAME} behind it"),
        ("chat: {model: '${NOPE'}", ":1: chat.model: has ${ without NAME} behind it"),
        (
            "chat: {max_tokens: '${WORD}'}",
            ":1: chat.max_tokens: must be a number, and its environment variable",
        ),
        ("chat: {max_tokens: '${HUGE}'}", ":1: chat.max_tokens: must be from 1 to 128000"),
        ("? [a]\n: b", ":1: line 1: a key must be a plain word"),
        # YAML itself.
        ("chat:\n\tmodel: a", ":2:1: a tab; YAML is indented with spaces"),
        ("chat: [a", ":1:7: a bracket, brace or quotation mark is opened here and never closed"),
        ("chat: 'a", ":1:7: a bracket, brace or quotation mark is opened here and never closed"),
        ("a: b: c", ":1:5: a second colon or wrong indentation; put text with a colon in quotes"),
        ("a:\n  b: 1\n c: 2", ":3:2: this line is indented otherwise than those that it belongs to"),
        ("a: 1\nb\nc: 1", ":2:1: the colon between a key and its value is missing"),
        ("a: @b", ":1:4: a value cannot begin with this character; put it in quotes"),
        ('a: "\\q"', ":1:6: a backslash in double quotes begins an escape; use single quotes"),
        ('a: "\\UFFFFFFFF"', ": has an escape in double quotes that stands for no character"),
        ("--- {}\n--- {}", ":2:1: a second document begins here (---); there must be one"),
        ("a: 1\nb: \0", ":2: a control character, which YAML does not allow"),
        ("- a", ":1:1: the file must consist of `key: value`, not of a list"),
        ("token:abc", ":1:1: the file must consist of `key: value`, not of a single value"),
        ("a: &x [1]", ":1:4: a value cannot begin with & * or ! here"),
        ("a: *x", ":1:4: a value cannot begin with & * or ! here"),
        ("a: !!python/name:os.system x", ":1:4: a value cannot begin with & * or ! here"),
        ("[" * 5000, ":1:21: too many levels inside one another"),
        ("a: " + "x" * 66_000, ": is larger than 64 KiB"),
        (b"a: 1\nb: \xff", ": is not UTF-8 (line 2)"),
        ("chat: {model: a}".encode("utf-16"), ": is not UTF-8 (line 1)"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_mistake_is_told_with_its_place_and_remedy(
    mistakes: Mistakes, content: str | bytes, told: str
) -> None:
    line, *others = mistakes(content, {**ENVIRON, "EMPTY": "", "WORD": "many", "HUGE": "1e300"})
    assert line.startswith(f"config.yaml{told}")
    assert not others


def test_aliases_cannot_make_a_small_file_large(mistakes: Mistakes) -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    assert len(mistakes("\n".join(lines))) == 1


@pytest.mark.parametrize(
    ("token", "told"),
    [
        (f"Bot {TOKEN}", 'begins with "Bot "; leave that out'),
        (f'"{TOKEN}"', "has quotation marks of its own"),
        ("MTIz NDU2.a.b", "has a space"),
        ("123456789012345678", "is not a bot token, which has three parts"),
        ("f" * 64, "is not a bot token, which has three parts"),
    ],
)
def test_what_is_no_token_is_told_without_showing_it(token: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(None, {**ENVIRON, "DISCORD_TOKEN": token})
    assert str(caught.value).startswith("environment: DISCORD_TOKEN: discord.token: ")
    assert told in str(caught.value)
    assert token not in str(caught.value)


def test_the_line_break_of_a_secret_from_a_file_is_stripped() -> None:
    config = load(None, {"DISCORD_TOKEN": f"{TOKEN}\n", "OPENAI_API_KEY": f"{KEY}\r\n"})
    assert config == load(None, ENVIRON)


def test_openais_own_host_needs_a_key_and_says_where_to_get_it() -> None:
    with pytest.raises(
        ConfigError, match=r"providers\.openai\.api_key: is missing; make one at https://platform"
    ):
        load(None, {"DISCORD_TOKEN": TOKEN})
    assert load(None, {"DISCORD_TOKEN": TOKEN, "OPENAI_BASE_URL": "http://localhost:1/v1"})


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("localhost:11434/v1", "must be a URL that begins with"),
        ("ftp://h/v1", "must be a URL that begins with"),
        ("http://[::1", "is not a URL"),
        ("http://h:99999/v1", "is not a URL"),
        ("http://h /v1", "is not a URL"),
        ("https://u:dontshow@h/v1", "must not hold a user name"),
        ("https://h/v1?api-version=1", "must not have anything from ?"),
        ("https://h/v1/chat/completions", "must end before /chat/completions"),
    ],
)
def test_what_is_no_base_url_is_told_without_showing_it(url: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(None, {**ENVIRON, "OPENAI_BASE_URL": url})
    assert f"environment: OPENAI_BASE_URL: providers.openai.base_url: {told}" in str(caught.value)
    assert url not in str(caught.value)


def test_a_secret_in_front_of_the_colon_is_not_shown(mistakes: Mistakes) -> None:
    secret = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcdE." + "x" * 38
    assert secret not in mistakes(f"discord: {{{secret}: }}")[0]


def test_one_mistake_is_told_once(mistakes: Mistakes) -> None:
    assert mistakes("discord: {token: '${NOPE}'}") == [
        "config.yaml:1: discord.token: needs the environment variable NOPE, which is not set"
    ]


WORDS = [
    "discord",
    "token",
    "providers",
    "openai",
    "base_url",
    "api_key",
    "chat",
    "model",
    "max_tokens",
    "models",
    "yes",
    "0x",
    "~",
    "---",
    "%",
]
MARKS = [
    "${DISCORD_TOKEN}",
    "${OPENAI_API_KEY}",
    "${SECRET}",
    "${",
    "$${",
    ": ",
    "\n",
    "\n  ",
    "- ",
    "? ",
    "&a ",
    "*a",
]
PIECES = st.sampled_from([*WORDS, *MARKS, *"{}[],'\"#|>!\t\\", "\\U"])
NAMES = st.sampled_from([key for path in keys_of(Config) for key in path.split(".")]) | st.text(max_size=5)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.dates()
    | st.binary(max_size=5)
    | PIECES
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=15,
)
DOCUMENTS = (
    st.binary(max_size=100)
    | st.lists(PIECES | st.text(max_size=3), max_size=25).map(
        lambda pieces: "".join(pieces).encode("utf-8", "replace")
    )
    | TREES.map(lambda tree: yaml.safe_dump(tree, allow_unicode=True).encode("utf-8", "surrogatepass"))
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any") / "config.yaml"


@settings(max_examples=300, deadline=None)
@given(content=DOCUMENTS, wrong=st.sampled_from(["", "Bot ", '"', " x"]), need_discord=st.booleans())
def test_any_file_gives_a_configuration_or_a_message_without_secrets(
    place: Path, content: bytes, wrong: str, need_discord: bool
) -> None:
    place.write_bytes(content)
    environ = {"DISCORD_TOKEN": wrong + TOKEN, "OPENAI_API_KEY": KEY + wrong, "SECRET": "dontshowthisone"}
    told = None
    try:
        load(place, environ, need_discord=need_discord)
    except ConfigError as error:
        told = str(error)
    assert told != ""
    assert "dontshow" not in (told or "")


# What is written about it.


def switched_on() -> str:
    """The example with the keys that are commented out."""
    return re.sub(r"^( *)#(?=\S)", r"\1", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)


def outcome(path: Path | None, environ: Mapping[str, str]) -> Config | list[str]:
    """The configuration, or its mistakes without the places where they stand."""
    try:
        return load(path, environ)
    except ConfigError as error:
        return [re.sub(r"^\S*:\d+: ", "", line) for line in str(error).splitlines()]


@pytest.mark.parametrize("bits", range(16))
def test_the_example_behaves_like_no_file_whatever_the_environment_says(bits: int) -> None:
    every = {**ENVIRON, "OPENAI_BASE_URL": "http://h/v1", "DATABASE_URL": "postgres://h/db"}
    environ = {name: value for bit, (name, value) in enumerate(every.items()) if bits >> bit & 1}
    assert outcome(EXAMPLE, environ) == outcome(None, environ)


def test_what_the_example_shows_are_the_defaults(write: Write) -> None:
    config, default = load(write(switched_on()), ENVIRON), load(None, ENVIRON)
    assert config.providers == default.providers
    assert config.database == default.database
    assert config.images == default.images
    assert config.log == default.log
    assert config.chat.context_tokens == default.chat.context_tokens
    assert config.chat.max_tokens == SETTINGS["max_tokens"].default
    assert config.windows() == {"openai/my-model": 128_000}


def test_the_example_has_every_key() -> None:
    data: dict[str, Any] = yaml.safe_load(switched_on())

    def keys(tree: object) -> Iterator[str]:
        for key, value in tree.items() if isinstance(tree, dict) else ():
            name = "<name>" if tree in (data["providers"], data["models"]) else key
            inside = list(keys(value))
            yield from (f"{name}.{below}" for below in inside)
            if not inside:
                yield name

    assert set(keys(data)) == set(keys_of(Config))


def test_the_documentation_has_every_key() -> None:
    assert set(documented()) == set(keys_of(Config))


def test_the_documented_defaults_hold() -> None:
    config = load(None, ENVIRON)
    for key, (default, *_) in documented().items():
        if match := re.fullmatch(r"(?:.*else )?`([^`]*)`", default):
            value: Any = config
            for part in key.replace("<name>", "openai").split("."):
                value = value[part] if isinstance(value, Mapping) else getattr(value, part)
            value = 2048 if key == "chat.max_tokens" else value
            value = value.get_secret_value() if isinstance(value, SecretStr) else value
            assert match[1] in (
                "DISCORD_TOKEN",
                "OPENAI_API_KEY",
                f"{value:g}" if isinstance(value, float) else f"{value}",
            )


def test_the_documented_ranges_hold(write: Write, mistakes: Mistakes) -> None:
    numbers = 0
    for key, (_, limits, *_) in documented().items():
        path = key.replace("<name>", "openai")
        if match := re.fullmatch(r"(\d+) to (\d+)", limits):
            numbers += 1
            low, high = int(match[1]), int(match[2])
            for good in (low, high):
                load(write(document(key, good)), ENVIRON)
            for bad in (low - 1, high + 1):
                assert mistakes(document(key, bad))[0].endswith(
                    f" {path}: must be from {low} to {high}, not {bad}"
                )
        elif match := re.fullmatch(r"(\d+) characters", limits):
            load(write(document(key, "x" * int(match[1]))), ENVIRON)
            assert f"at most {match[1]} characters" in mistakes(document(key, "x" * (int(match[1]) + 1)))[0]
    assert numbers == 5


def test_every_example_in_the_documentation_works(write: Write) -> None:
    text = DOCS.read_text(encoding="utf-8")
    examples: list[str] = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    environ = ENVIRON | dict.fromkeys(re.findall(r"\$\{(\w+)\}", text), "x") | ENVIRON
    assert len(examples) == 6
    for example in examples:
        config = load(write(example), environ)
        assert str(config.chat.model).partition("/")[0] == next(iter(config.providers))
        assert set(config.windows()) <= {config.chat.model}


def test_the_documented_messages_are_what_is_told(mistakes: Mistakes) -> None:
    (shown,) = re.findall(r"```\n(config\.yaml:.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    content = "\n" * 10 + "chat:\n  temprature: 1\n  max_tokens: 0\n"
    assert sorted(mistakes(content, {**ENVIRON, "DISCORD_TOKEN": f"Bot {TOKEN}"})) == sorted(
        shown.splitlines()
    )
