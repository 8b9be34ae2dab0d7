"""Holds what the bot asked of the playground against Discord's own description of its REST API.

    if discord_spec.SPEC.exists():
        discord_spec.validate_requests(playground)

The playground answers by what we believe of Discord; the description is what Discord says of itself.
"""

import gzip
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import referencing
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from referencing.jsonschema import DRAFT202012

from bot.playground import Playground, Request

SPEC = Path(__file__).parents[2] / "shared" / "specs" / "discord-openapi.json.gz"
_DOCS = "https://docs.discord.com/developers"
# The way of Discord's documentation: reference#boolean-query-strings.
_BOOLEANS = {"true": True, "True": True, "1": True, "false": False, "False": False, "0": False}
# A snowflake has its time above the 22nd bit (reference#snowflakes): less is the index of a file.
_FIRST_SNOWFLAKE = 1 << 22
_QUOTED_CHARS = 160


@dataclass(frozen=True, kw_only=True)
class Correction:
    """One place where the description is wrong, and what it ought to say.

    Attributes:
        at: The keys that lead to the place.
        schema: What stands there instead, or besides if nothing did.
        source: Where Discord's documentation says so.
    """

    at: tuple[str, ...]
    schema: dict[str, Any]
    reason: str
    source: str


_SCHEMAS = ("components", "schemas")
# Each is here because a request that Discord takes was refused by the description.
CORRECTIONS: Sequence[Correction] = (
    Correction(
        at=(*_SCHEMAS, "SnowflakeType"),
        schema={"type": ["string", "integer"], "pattern": "^(0|[1-9][0-9]*)$", "minimum": 0},
        reason="Discord takes ids as numbers, too; discord.py sends them so, and the example there does.",
        source=f"{_DOCS}/reference#uploading-files",
    ),
    *(
        Correction(
            at=(*_SCHEMAS, f"ApplicationCommand{name}", "properties", "nsfw"),
            schema={"type": "boolean"},
            reason="A command can be age-restricted: only the description's answers know this.",
            source=f"{_DOCS}/interactions/application-commands#agerestricted-commands",
        )
        for name in ("CreateRequest", "UpdateRequest", "PatchRequestPartial")
    ),
    *(
        Correction(
            at=(*_SCHEMAS, name, "properties", "tts"),
            schema={"const": False},
            reason="discord.py writes it into every message, and Discord passes over it in edits.",
            source=f"{_DOCS}/resources/{page}",
        )
        for name, page in (
            ("MessageEditRequestPartial", "message#edit-message"),
            ("IncomingWebhookUpdateRequestPartial", "webhook#edit-webhook-message"),
        )
    ),
)


def validate_requests(discord: Playground) -> None:
    """Hold every recorded REST request against the description, those that were refused included.

    Stricter than the description in one thing: a property that it does not know is a mistake.

    Raises:
        AssertionError: with a line for each mistake: the request, the place in it, what is wrong.
        FileNotFoundError: there is no description at `SPEC`.
    """
    found = [
        f"{request.method} {request.path} {mistake}"
        for request in discord.requests
        for mistake in mistakes(request)
    ]
    assert not found, "\n".join(["what Discord's description does not know:", *dict.fromkeys(found)])


def mistakes(request: Request) -> Iterator[str]:
    """What is wrong with one request, each as place and reason."""
    operation, params = _find(request.method, request.path)
    if operation is None:
        yield "is no route"
        return
    for name, value in params.items():
        yield from _parameter_mistakes(operation, "path", name, [value])
    for name in dict.fromkeys(request.query):
        values = [value for each, value in request.query.items() if each == name]
        yield from _parameter_mistakes(operation, "query", name, values)
    for name in operation.required_query - set(request.query):
        yield f"?{name}: required"
    yield from _body_mistakes(operation, request)
    yield from _file_mistakes(request)


# Routes and parameters


@dataclass(frozen=True, kw_only=True)
class _Operation:
    """One method of one path; tuples are the keys that lead to a schema in the description."""

    at: tuple[str, ...]
    path: re.Pattern[str]
    params: dict[tuple[str, str], tuple[str, ...]]
    required_query: frozenset[str]
    body: dict[str, Any]


def _find(method: str, path: str) -> tuple[_Operation | None, dict[str, str]]:
    for operation in _operations().get(method.lower(), ()):
        if match := operation.path.fullmatch(path):
            return operation, match.groupdict()
    return None, {}


@cache
def _operations() -> dict[str, list[_Operation]]:
    """By method; a path with a fixed segment goes before one that takes any word there."""
    found: dict[str, list[_Operation]] = {}
    paths = _description()["paths"]
    for template in sorted(paths, key=lambda each: [part.startswith("{") for part in each.split("/")]):
        for method in paths[template].keys() - {"parameters"}:
            found.setdefault(method, []).append(_operation(template, method))
    return found


def _operation(template: str, method: str) -> _Operation:
    item = _description()["paths"][template]
    at = ("paths", template, method)
    listed = [
        (each, (*place, "parameters", str(index), "schema"))
        for place, holder in ((at[:2], item), (at, item[method]))
        for index, each in enumerate(holder.get("parameters", ()))
    ]
    parts = re.split(r"\{(\w+)\}", template)
    pattern = "".join(f"(?P<{part}>[^/]+)" if i % 2 else re.escape(part) for i, part in enumerate(parts))
    return _Operation(
        at=at,
        path=re.compile(pattern),
        params={(each["in"], each["name"]): place for each, place in listed},
        required_query=frozenset(
            each["name"] for each, _ in listed if each["in"] == "query" and each.get("required")
        ),
        body=item[method].get("requestBody", {}),
    )


def _parameter_mistakes(operation: _Operation, kind: str, name: str, values: list[str]) -> Iterator[str]:
    label = f"?{name}" if kind == "query" else f"{{{name}}}"
    place = operation.params.get((kind, name))
    if place is None:
        yield f"{label}: unknown parameter"
        return
    # What was a number, a boolean or a list is text in an address: one of its readings has to be right.
    last = [_readings(value)[-1] for value in values]
    candidates = [values, last, *(_readings(values[0]) if len(values) == 1 else ())]
    validator = _validator(place)
    if not any(validator.is_valid(each) for each in candidates):
        reason = next(_explained(validator, last[0])).partition(": ")[2]
        yield f"{label}: {reason}"


def _readings(value: str) -> list[Any]:
    """What a text can stand for, itself first."""
    found: list[Any] = [value]
    if value in _BOOLEANS:
        found.append(_BOOLEANS[value])
    if re.fullmatch(r"-?\d+", value):
        found.append(int(value))
    return found


# Bodies


def _body_mistakes(operation: _Operation, request: Request) -> Iterator[str]:
    kind = request.headers.get("Content-Type", "").split(";")[0]
    if request.body is None and kind != "application/json":
        if operation.body.get("required"):
            yield "has no body"
        return
    # Whoever may not ask is refused before the body is read, and a connection can break before it has come.
    if request.body is None and request.status in (0, 401):
        return
    if kind not in operation.body.get("content", {}):
        yield f"takes no {kind}"
        return
    # A form's payload_json is what would have been the body without files, and is described there.
    if "application/json" in operation.body["content"]:
        place = (*operation.at, "requestBody", "content", "application/json", "schema")
        yield from _explained(_validator(place), request.body)


def _explained(validator: Any, value: Any) -> Iterator[str]:
    for error in validator.iter_errors(value):
        for each in _causes(error):
            yield from _told(each)


def _causes(error: ValidationError) -> list[ValidationError]:
    """The errors of the form that was meant, where several are allowed."""
    if error.validator not in ("oneOf", "anyOf") or not error.context:
        return [error]
    forms: dict[Any, list[ValidationError]] = {}
    for each in error.context:
        forms.setdefault(each.schema_path[0], []).append(each)
    best = min(forms.values(), key=_distance)
    # Where none was meant, what all of them want says more than what one wants.
    meant = [form for form in forms.values() if _otherness(form) == _otherness(best)]
    if _otherness(best) == 2 or (_otherness(best) == 1 and len(meant) > 1):
        return [error]
    return [cause for each in best for cause in _causes(each)]


def _distance(form: list[ValidationError]) -> tuple[int, int]:
    """How far a value is from a form: first whether it is of another kind, then the mistakes."""
    return _otherness(form), sum(len(_unknown(each)) or 1 for each in form)


def _otherness(form: list[ValidationError]) -> int:
    """2 for another JSON type than the form's, 1 for another `type`: so Discord tells objects apart."""
    for each in form:
        if not each.relative_path and each.validator in ("type", "const"):
            return 2
    return int(any(list(each.relative_path) == ["type"] for each in form))


def _unknown(error: ValidationError) -> list[str]:
    if error.validator != "additionalProperties" or error.validator_value is not False:
        return []
    schema: Any = error.schema
    instance: Any = error.instance
    return sorted(instance.keys() - schema["properties"].keys())


def _told(error: ValidationError) -> Iterator[str]:
    if error.validator in ("oneOf", "anyOf"):
        wanted = sorted({text for each in error.context or () for text in _wanted(each)}, key=_by_length)
        reason = f"is none of {', '.join(wanted)}" if wanted else "fits more than one of the forms"
        kind = error.instance.get("type") if isinstance(error.instance, dict) else None
        quoted = f"type {kind!r}" if kind is not None else _shortened(repr(error.instance))
        yield f"{error.json_path}: {quoted} {reason}"
    elif unknown := _unknown(error):
        yield f"{error.json_path}: unknown {', '.join(map(repr, unknown))}"
    else:
        yield f"{error.json_path}: {_shortened(error.message)}"


def _wanted(error: ValidationError) -> list[str]:
    """What a form wants where the value is of another kind."""
    if error.validator in ("enum", "const", "type"):
        values = error.validator_value
        return [str(each) for each in (values if isinstance(values, list) else [values])]
    return []


def _by_length(text: str) -> tuple[int, str]:
    return len(text), text


def _shortened(text: str) -> str:
    half = _QUOTED_CHARS // 2
    return text if len(text) <= _QUOTED_CHARS else f"{text[:half]} … {text[-half:]}"


# Files


def _file_mistakes(request: Request) -> Iterator[str]:
    body: Any = request.body
    if not isinstance(body, dict):
        return
    # An answer to an interaction has its message in `data`, a forum's new post in `message`.
    message = next((body[key] for key in ("data", "message") if isinstance(body.get(key), dict)), body)
    listed = message.get("attachments")
    named = {str(each["id"]) for each in listed or () if isinstance(each, dict) and "id" in each}
    sent = {str(index) for index in request.files}
    for index in sent - named if listed is not None else ():
        yield f"files[{index}]: not named in attachments"
    kept = {number for number in named if number.isdecimal() and int(number) >= _FIRST_SNOWFLAKE}
    for number in named - sent - kept:
        yield f"attachments names file {number}, which was not sent"
    # The names of files that a message had before are not in the request.
    if not kept and (request.method == "POST" or listed is not None):
        for name in _references(message) - {upload.filename for upload in request.files.values()}:
            yield f"attachment://{name} was not sent"


def _references(value: Any) -> set[str]:
    """The files that embeds and components show."""
    if isinstance(value, dict):
        url = str(value.get("url"))
        own = {url.removeprefix("attachment://")} if url.startswith("attachment://") else set[str]()
        return own.union(*(_references(each) for each in value.values()))
    return set[str]().union(*(_references(each) for each in value)) if isinstance(value, list) else set()


# The description


@cache
def _validator(at: tuple[str, ...]) -> Any:
    pointer = "/".join(key.replace("~", "~0").replace("/", "~1") for key in at)
    return _Validator({"$ref": f"urn:discord#/{pointer}"}, registry=_registry())


def _any_of(validator: Any, forms: list[Any], instance: Any, schema: Any) -> Iterator[ValidationError]:
    yield from _DRAFT.VALIDATORS["anyOf"](validator, _meant(forms, instance), instance, schema)


def _one_of(validator: Any, forms: list[Any], instance: Any, schema: Any) -> Iterator[ValidationError]:
    yield from _DRAFT.VALIDATORS["oneOf"](validator, _meant(forms, instance), instance, schema)


def _meant(forms: list[Any], instance: Any) -> list[Any]:
    """The forms whose `type` it is, or all: quicker, and what is wrong is told of the form that was meant."""
    if not isinstance(instance, dict) or "type" not in instance:
        return forms
    return [form for form in forms if instance["type"] in _types(form.get("$ref", ""))] or forms


@cache
def _types(reference: str) -> tuple[Any, ...]:
    schema = _description()["components"]["schemas"].get(reference.rpartition("/")[2], {})
    return tuple(schema.get("properties", {}).get("type", {}).get("enum", ()))


_DRAFT: Any = jsonschema.Draft202012Validator
_Validator: Any = extend(_DRAFT, {"anyOf": _any_of, "oneOf": _one_of})


@cache
def _registry() -> Any:
    resource = referencing.Resource(contents=_description(), specification=DRAFT202012)
    return referencing.Registry().with_resource("urn:discord", resource)


@cache
def _description() -> dict[str, Any]:
    """The description, corrected, and closed to what it does not know."""
    spec = json.loads(gzip.decompress(SPEC.read_bytes()))
    for each in CORRECTIONS:
        holder = spec
        for key in each.at[:-1]:
            holder = holder[key]
        assert holder.get(each.at[-1]) != each.schema, f"{each.at} needs no correction any more"
        holder[each.at[-1]] = each.schema
    _close(spec)
    return spec


def _close(node: Any) -> None:
    """Have every object refuse further properties: of a choice of objects, one has to know them all."""
    if isinstance(node, list):
        for each in node:
            _close(each)
    elif isinstance(node, dict):
        if isinstance(node.get("type"), str | list) and isinstance(node.get("properties"), dict):
            node.setdefault("additionalProperties", False)
        for each in node.values():
            _close(each)
