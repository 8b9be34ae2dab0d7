"""A configuration file as plain values: where each key stands, `${NAME}` filled in, what is wrong with it.

Knows YAML and the environment; which keys there are, and what they take, is `bot.config`'s to say.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import yaml

# A configuration takes a few thousand bytes and four levels. The bounds keep a wrong file from
# taking the machine.
_MAX_BYTES = 64 * 1024
_MAX_DEPTH = 20
# `$${` is a plain `${`; the name is checked apart, so that a wrong one is told and not passed over.
_REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)\}?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

Keys = tuple[str, ...]

# The published stubs leave these functions half typed; each result is cast where it is used.
_yaml = cast("Any", yaml)


class ConfigError(Exception):
    """The configuration is wrong; the text lists all mistakes, one a line, in the order of the file."""


class FromEnvironment(str):
    """Text of an environment variable: stands for a number where one is wanted, and is never shown."""

    __slots__ = ()


@dataclass(slots=True, kw_only=True)
class Reading:
    """A file on its way to plain values: where each key stands, and what is wrong so far.

    Attributes:
        lines: The line of each key of the file, counted from 1.
        variables: The environment variable of each key that the file leaves to it.
        mistakes: Line and text of each; line 0 where there is none.
        unread: Keys that are passed over.
    """

    file: str | None
    environ: Mapping[str, str]
    lines: dict[Keys, int] = field(default_factory=dict[Keys, int])
    variables: dict[Keys, str] = field(default_factory=dict[Keys, str])
    mistakes: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    unread: set[Keys] = field(default_factory=set[Keys])
    _blamed: set[Keys] = field(default_factory=set[Keys])

    def blame(self, keys: Keys, words: str, *, line: int | None = None) -> None:
        """Note a mistake at `keys`; what else is found there only follows from it.

        With `line` the mistake is of that line alone, and says nothing of the value at `keys`.
        """
        if keys in self._blamed:
            return
        if line is None:
            self._blamed.add(keys)
        dotted = ".".join(_shown(key) for key in keys)
        above = (self.lines.get(keys[:count], 0) for count in range(len(keys), 0, -1))
        line = line or next(filter(None, above), 0)
        if keys in self.variables:
            line, place = 0, f"environment: {self.variables[keys]}"
        elif self.file is not None:
            place = f"{self.file}:{line}" if line else self.file
        else:
            place = ""
        self.mistakes.append((line, ": ".join(part for part in (place, dotted, words) if part)))

    def mapping(self, node: yaml.Node, keys: Keys) -> dict[str, object]:
        """The values below `node`, which is a mapping."""
        values: dict[str, object] = {}
        for key_node, value_node in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode) or not key_node.value.isprintable():
                self.blame((*keys, f"line {line}"), "a key must be a plain word", line=line)
                continue
            path = (*keys, str(key_node.value))
            if path in self.lines:
                self.blame(path, f"is there twice, on lines {self.lines[path]} and {line}", line=line)
            elif path not in self.unread:
                self.lines[path] = line
                values[path[-1]] = self._value(value_node, path)
        return values

    def _value(self, node: yaml.Node, keys: Keys) -> object:
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, keys)
        if not isinstance(node, yaml.ScalarNode):
            # No key takes a list, so what is in one does not matter.
            return []
        match node.tag.rpartition(":")[2]:
            case "null":
                return None
            case "int" | "float" | "bool":
                try:
                    return cast(
                        "int | float | bool", _yaml.constructor.SafeConstructor().construct_object(node)
                    )
                except ValueError:
                    self.blame(keys, "is a number that cannot be read; if it is text, put it in quotes")
                    return None
            case _:
                return self._substituted(str(node.value), keys)

    def _substituted(self, text: str, keys: Keys) -> str | None:
        """`text` with its `${NAME}` replaced; None, and a mistake noted, if one cannot be."""
        for match in _REFERENCE.finditer(text):
            name = match[1]
            if name is None:
                continue
            if not _VARIABLE.fullmatch(name) or not match[0].endswith("}"):
                self.blame(keys, "has ${ without NAME} behind it; for the characters ${ themselves write $${")
                return None
            if name not in self.environ:
                self.blame(keys, f"needs the environment variable {name}, which is not set")
                return None
        replaced = _REFERENCE.sub(lambda m: "${" if m[1] is None else self.environ[m[1]], text)
        return FromEnvironment(replaced) if replaced != text else text

    def fill(self, section: object, keys: Keys, variable: str) -> None:
        """Take the last of `keys` from `variable`, unless `section` says it or is no section."""
        if not isinstance(section, dict) or keys in self.unread | self._blamed:
            return
        values = cast("dict[str, object]", section)
        if values.get(keys[-1]) is None and variable in self.environ:
            values[keys[-1]] = FromEnvironment(self.environ[variable])
            self.variables[keys] = variable


def _shown(key: str) -> str:
    """`key` for a message, unless it looks like a secret that slipped in front of the colon."""
    if not key:
        return '""'
    return key if len(key) <= 40 or "/" in key else f"({len(key)} characters)"


def read(path: Path) -> str:
    words = ""
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
        if len(raw) <= _MAX_BYTES:
            # utf-8-sig: Windows editors put a byte order mark in front.
            return raw.decode("utf-8-sig")
        words = f"is larger than {_MAX_BYTES // 1024} KiB; that cannot be a configuration"
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        words = f"is not UTF-8 (line {line}); save it in that encoding"
    except (OSError, ValueError) as error:
        words = f"cannot be read: {getattr(error, 'strerror', None) or 'its name is no file name'}"
        if path.is_dir():
            words = "is a directory, not a file"
    raise ConfigError(f"{path}: {words}")


def parsed(text: str, name: str) -> yaml.Node | None:
    """The tree of a YAML text whose top is a mapping; None if nothing is in it.

    Raises:
        ConfigError: It is not YAML, or not such as a configuration takes.
    """
    where = words = ""
    try:
        where, words = _forbidden(text)
        node = None if words else cast("yaml.Node | None", _yaml.compose(text, Loader=yaml.SafeLoader))
        if not words and (node is None or isinstance(node, yaml.MappingNode) or node.tag.endswith(":null")):
            return node if isinstance(node, yaml.MappingNode) else None
        if not words and node is not None:
            kind = (
                "a list"
                if isinstance(node, yaml.SequenceNode)
                else "a single value (is there no space behind a colon?)"
            )
            where, words = _at(node.start_mark), f"the file must consist of `key: value`, not of {kind}"
    except yaml.YAMLError as error:
        where, words = _explained(error, text)
    except (ValueError, OverflowError):
        # PyYAML lets these through for an escape such as "\\UFFFFFFFF".
        words = "has an escape in double quotes that stands for no character; use single quotes"
    raise ConfigError(f"{name}{where}: {words}")


def _at(mark: yaml.Mark) -> str:
    return f":{mark.line + 1}:{mark.column + 1}"


def _forbidden(text: str) -> tuple[str, str]:
    """Where something stands that YAML has and a configuration has not, and what; empty if nowhere.

    Aliases would let a few lines grow without bound, and the tree is built by recursion.
    """
    depth = 0
    events = cast("Iterator[yaml.Event]", _yaml.parse(text, Loader=yaml.SafeLoader))
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            return _at(event.start_mark), "too many levels inside one another"
        if isinstance(event, yaml.NodeEvent) and (event.anchor or getattr(event, "tag", None)):
            return _at(event.start_mark), "a value cannot begin with & * or ! here; put it in quotes"
    return "", ""


_NO_END = "a bracket, brace or quotation mark is opened here and never closed"
_NO_COLON = "the colon between a key and its value is missing"
# What PyYAML says, by a part of it, and what it comes from most of the time.
_SYNTAX = (
    ("'\\t'", "a tab; YAML is indented with spaces"),
    (
        "mapping values are not allowed",
        "a second colon or wrong indentation; put text with a colon in quotes",
    ),
    ("expected <block end>", "this line is indented otherwise than those that it belongs to"),
    ("could not find expected ':'", _NO_COLON),
    ("end of stream", _NO_END),
    ("<stream end>", _NO_END),
    ("cannot start any token", "a value cannot begin with this character; put it in quotes"),
    ("unknown escape", "a backslash in double quotes begins an escape; use single quotes"),
    ("another document", "a second document begins here (---); there must be one"),
)


def _explained(error: yaml.YAMLError, text: str) -> tuple[str, str]:
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return f":{line}", "a control character, which YAML does not allow"
    problem = str(getattr(error, "problem", ""))
    words = next((words for part, words in _SYNTAX if part in problem), "cannot be read as YAML from here on")
    # What lacks its end is found out at the end of the file; people look for its beginning.
    names = ("context_mark", "problem_mark") if words in (_NO_END, _NO_COLON) else ("problem_mark",)
    marks = (cast("yaml.Mark | None", getattr(error, name, None)) for name in names)
    return next((_at(mark) for mark in marks if mark is not None), ""), words
