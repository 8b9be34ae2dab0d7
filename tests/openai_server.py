"""A scripted server that speaks OpenAI's wire: answers are enqueued, requests are recorded.

    async with ScriptedOpenAI() as openai:
        openai.answers("Hello", Script(chunks=["Hel", "lo"], finish="length"))
        ...  # a client of openai.base_url
        assert openai.requests[0].body["model"] == "gpt-5.4-mini"

A request that nothing was enqueued for is answered 500, and leaving the block then fails.
"""

import asyncio
import base64
import gzip
import json
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Self

import jsonschema
import orjson
import referencing
from aiohttp import web
from referencing.jsonschema import DRAFT202012

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNIm2kMAAKbATMC78LdAAAAAElFTkSuQmCC"
)
SPEC = Path(__file__).parents[2] / "shared" / "specs" / "openai-openapi.json.gz"
_SCHEMAS = {
    "/v1/chat/completions": "CreateChatCompletionRequest",
    "/v1/images/generations": "CreateImageRequest",
}


@dataclass(kw_only=True)
class Script:
    """One answer of a chat model, or of any route where `status` says that it is a failure.

    Attributes:
        gates: Before which chunk (by index; `len(chunks)` is the finish) an event is waited for.
        usage: True counts words; a dict is sent as it is; None sends none even when asked.
        choiceless: Sends a first chunk without choices, as Azure does.
        error: An error object that is sent in mid-stream after the chunks, and ends it.
        cut: Breaks the connection after the chunks.
        plain: Answers one JSON although a stream was asked for.
        raw: The exact bytes of the response's body, in the pieces in which they are to be sent.
    """

    chunks: Sequence[str] = ()
    reasoning: Sequence[str] = ()
    reasoning_field: str = "reasoning_content"
    refusal: str | None = None
    delay_s: float = 0.0
    gates: Mapping[int, asyncio.Event] = field(default_factory=dict)
    finish: str | None = "stop"
    done: bool = True
    usage: bool | dict[str, Any] | None = True
    choiceless: bool = False
    error: Any = None
    error_event: bool = False
    cut: bool = False
    hang: bool = False
    plain: bool = False
    raw: Sequence[bytes] | None = None
    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


def failure(
    status: int, message: str = "…", *, headers: Mapping[str, str] | None = None, **error: Any
) -> Script:
    """A script that answers with OpenAI's error object and is not retried unless `headers` say so."""
    known = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return Script(
        status=status, body={"error": known | error}, headers={"x-should-retry": "false", **(headers or {})}
    )


@dataclass(kw_only=True)
class Paint:
    """One answer of an image model; base64 or, for DALL·E, whatever was asked for unless `url` says where."""

    data: bytes = PNG
    url: str | None = None
    as_url: bool = False


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


Answer = str | Script | Paint
Refusal = Callable[[dict[str, Any]], Script | None]


class ScriptedOpenAI:
    """The server; `base_url` ends in /v1."""

    def __init__(
        self,
        *,
        strict: bool = False,
        refuses: Sequence[Refusal] = (),
        default: Callable[[Recorded], Answer] | None = None,
    ) -> None:
        """`strict` behaves like OpenAI's reasoning models; `refuses` are looked at before any answer."""
        self.requests: list[Recorded] = []
        self.unexpected: list[Recorded] = []
        self.default = default
        self.models: list[str] | Script = ["scripted-1"]
        self.files: dict[str, bytes | web.Response] = {}
        self.streams_open = 0
        self.closed_early = 0
        self.base_url = ""
        self.refuses: Sequence[Refusal] = (*(STRICT if strict else ()), *refuses)
        self._answers: deque[Answer] = deque()
        self._changed = asyncio.Condition()

    def answers(self, *answers: Answer) -> None:
        """Enqueue what the next chat and image requests are answered with."""
        self._answers.extend(answers)

    @property
    def connections_open(self) -> int:
        """Open connections, idle ones included."""
        server = self._runner.server
        return len(server.connections) if server else 0

    async def until(self, fact: Callable[[], bool], *, timeout_s: float = 5.0) -> None:
        """Wait until `fact` is true; looked at whenever a request comes or a stream ends."""
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(fact)

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_get("/v1/models", self._list_models)
        app.router.add_get("/files/{name}", self._file)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_post("/v1/images/generations", self._paint)
        # Cancelled when the client goes away, so that a closed stream is a fact at once.
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.origin = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self.base_url = f"{self.origin}/v1"
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        await self._runner.cleanup()
        if kind is None and self.unexpected:
            raise AssertionError(f"requests without an answer: {[r.path for r in self.unexpected]}")

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _record(self, request: web.Request) -> Recorded:
        raw = await request.read()
        recorded = Recorded(
            method=request.method,
            path=request.path,
            headers=dict(request.headers),
            body=orjson.loads(raw) if raw else None,
        )
        self.requests.append(recorded)
        await self._tell()
        return recorded

    def _next(self, recorded: Recorded) -> Answer:
        for refuse in self.refuses:
            if refusal := refuse(recorded.body):
                return refusal
        if self._answers:
            return self._answers.popleft()
        if self.default:
            return self.default(recorded)
        self.unexpected.append(recorded)
        return failure(500, "nothing was enqueued for this request", type="server_error")

    async def _list_models(self, request: web.Request) -> web.StreamResponse:
        await self._record(request)
        if isinstance(self.models, Script):
            return _failed(self.models)
        data = [{"id": name, "object": "model", "created": 0, "owned_by": "x"} for name in self.models]
        return web.json_response({"object": "list", "data": data})

    async def _file(self, request: web.Request) -> web.StreamResponse:
        await self._record(request)
        content = self.files.get(request.match_info["name"])
        if isinstance(content, web.Response):
            return content
        return web.Response(body=content) if content is not None else web.Response(status=404)

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        recorded = await self._record(request)
        answer = self._next(recorded)
        script = Script(chunks=[answer] if answer else []) if isinstance(answer, str) else answer
        assert isinstance(script, Script), f"{script} is no answer to a chat"
        self.streams_open += 1
        try:
            if script.hang:
                await asyncio.Event().wait()
            if script.status != 200:
                return _failed(script)
            if script.plain or not recorded.body.get("stream"):
                return web.json_response(_completion(script, recorded.body), headers=script.headers)
            return await self._stream(request, script, recorded.body)
        except (asyncio.CancelledError, ConnectionError):
            self.closed_early += 1
            raise
        finally:
            self.streams_open -= 1
            await asyncio.shield(self._tell())

    async def _stream(self, request: web.Request, script: Script, body: dict[str, Any]) -> web.StreamResponse:
        headers = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache"}
        response = web.StreamResponse(headers={**headers, **script.headers})
        await response.prepare(request)
        if script.raw is not None:
            for piece in script.raw:
                await response.write(piece)
        else:
            await _write_chunks(response.write, script, body)
        if script.cut:
            assert request.transport
            request.transport.abort()
            return response
        if script.raw is None:
            await _write_end(response.write, script, body)
        await response.write_eof()
        return response

    async def _paint(self, request: web.Request) -> web.StreamResponse:
        recorded = await self._record(request)
        answer = image_refusal(recorded.body) or self._next(recorded)
        if isinstance(answer, Script):
            return await self._hang_or_fail(answer)
        paint = Paint() if isinstance(answer, str) else answer
        wants_url = "dall-e" in recorded.body["model"] and recorded.body.get("response_format") != "b64_json"
        if paint.url or paint.as_url or wants_url:
            self.files.setdefault("painted.png", paint.data)
            entry = {"url": paint.url or f"{self.origin}/files/painted.png"}
        else:
            entry = {"b64_json": base64.b64encode(paint.data).decode()}
        return web.json_response({"created": int(time.time()), "data": [entry]})

    async def _hang_or_fail(self, script: Script) -> web.Response:
        try:
            if script.hang:
                await asyncio.Event().wait()
            return _failed(script)
        except asyncio.CancelledError:
            self.closed_early += 1
            await asyncio.shield(self._tell())
            raise


def _failed(script: Script) -> web.Response:
    if isinstance(script.body, str):
        return web.Response(status=script.status, text=script.body, headers=script.headers)
    headers = {"x-request-id": "req_scripted", **script.headers}
    return web.json_response(script.body, status=script.status, headers=headers)


def _usage(script: Script, body: dict[str, Any]) -> dict[str, Any] | None:
    if script.usage is not True:
        return script.usage or None
    prompt = sum(len(str(message["content"]).split()) for message in body["messages"])
    said = sum(len(chunk.split()) for chunk in script.chunks)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": said,
        "total_tokens": prompt + said,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def _completion(script: Script, body: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": "".join(script.chunks)}
    message |= {"refusal": script.refusal}
    if script.reasoning:
        message[script.reasoning_field] = "".join(script.reasoning)
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": script.finish}],
        "usage": _usage(script, body),
    } | ({"error": script.error} if script.error else {})


_Write = Callable[[bytes], Awaitable[None]]


def _event(value: Any) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"


def _chunk(body: dict[str, Any], *choices: dict[str, Any], **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": body["model"],
        "choices": list(choices),
    }
    if (body.get("stream_options") or {}).get("include_usage"):
        made["usage"] = None
    return made | more


def _delta(body: dict[str, Any], finish: str | None = None, **delta: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return _event(_chunk(body, choice))


async def _write_chunks(write: _Write, script: Script, body: dict[str, Any]) -> None:
    if script.choiceless:
        await write(_event(_chunk(body, prompt_filter_results=[])))
    await write(_delta(body, role="assistant", content=""))
    for thought in script.reasoning:
        await write(_delta(body, **{script.reasoning_field: thought}))
    for index, text in enumerate(script.chunks):
        if index in script.gates:
            await script.gates[index].wait()
        if script.delay_s:
            await asyncio.sleep(script.delay_s)
        await write(_delta(body, content=text))
    if script.refusal:
        await write(_delta(body, refusal=script.refusal))
    if len(script.chunks) in script.gates:
        await script.gates[len(script.chunks)].wait()


async def _write_end(write: _Write, script: Script, body: dict[str, Any]) -> None:
    if script.error is not None:
        await write(b"event: error\n" if script.error_event else b"")
        await write(_event(script.error if script.error_event else {"error": script.error}))
        return
    if script.finish:
        await write(_delta(body, script.finish))
    usage = _usage(script, body)
    if usage and (body.get("stream_options") or {}).get("include_usage"):
        await write(_event(_chunk(body, usage=usage)))
    if script.done:
        await write(b"data: [DONE]\n\n")


def openai_unsupported(name: str, remedy: str = "") -> Refusal:
    """OpenAI's refusal of a parameter that a model does not have."""
    message = f"Unsupported parameter: '{name}' is not supported with this model.{remedy}"
    refusal = failure(400, message, param=name, code="unsupported_parameter")
    return lambda body: refusal if name in body else None


def openai_fixed_temperature(body: dict[str, Any]) -> Script | None:
    """OpenAI's refusal of any temperature but 1."""
    value = body.get("temperature", 1)
    message = (
        f"Unsupported value: 'temperature' does not support {value} with this model. "
        "Only the default (1) value is supported."
    )
    return None if value == 1 else failure(400, message, param="temperature", code="unsupported_value")


STRICT: Sequence[Refusal] = (
    openai_unsupported("max_tokens", " Use 'max_completion_tokens' instead."),
    openai_fixed_temperature,
)


def openai_role(role: str) -> Refusal:
    """OpenAI's refusal of a role, as o1-mini has for `system` and `developer`."""
    message = f"Unsupported value: 'messages[0].role' does not support '{role}' with this model."
    refusal = failure(400, message, param="messages[0].role", code="unsupported_value")
    return lambda body: refusal if any(line["role"] == role for line in body.get("messages", ())) else None


def openai_unrecognized(name: str) -> Refusal:
    """The words of OpenAI's and Azure's older servers, without a param."""
    refusal = failure(400, f"Unrecognized request argument supplied: {name}")
    return lambda body: refusal if name in body else None


def vllm_extra(name: str) -> Refusal:
    """vLLM's: pydantic's findings as one string, with the input quoted, and the status as code."""

    def refuse(body: dict[str, Any]) -> Script | None:
        if name not in body:
            return None
        finding = {"type": "extra_forbidden", "loc": ("body", name), "msg": "Extra inputs are not permitted"}
        text = str([finding | {"input": body[name]}])
        answer = {"object": "error", "message": text, "type": "BadRequestError", "param": None, "code": 400}
        return Script(status=400, body=answer)

    return refuse


def mistral_extra(name: str) -> Refusal:
    """Mistral's 422: pydantic's findings as an object in `message`."""

    def refuse(body: dict[str, Any]) -> Script | None:
        if name not in body:
            return None
        finding = {"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra inputs are not permitted"}
        answer = {"detail": [finding | {"input": body[name]}]}
        error = {"object": "error", "message": answer, "type": "invalid_request_error"}
        return Script(status=422, body=error | {"param": None, "code": None})

    return refuse


def template_without_system(body: dict[str, Any]) -> Script | None:
    """What vLLM passes on from Gemma's chat template."""
    if body["messages"][0]["role"] in ("system", "developer"):
        answer = {"object": "error", "message": "System role not supported", "type": "BadRequestError"}
        return Script(status=400, body=answer | {"param": None, "code": 400})
    return template_must_alternate(body)


def template_must_alternate(body: dict[str, Any]) -> Script | None:
    """What vLLM passes on from Mistral's chat template."""
    roles = [line["role"] for line in body["messages"] if line["role"] != "system"]
    if all(role == ("user", "assistant")[index % 2] for index, role in enumerate(roles)):
        return None
    return failure(400, "Conversation roles must alternate user/assistant/user/assistant/...", code=400)


def llama_cpp_overflow(window_tokens: int, prompt_tokens: int) -> Script:
    """llama.cpp's refusal of a prompt that is too long."""
    message = f"request ({prompt_tokens} tokens) exceeds the available context size ({window_tokens} tokens)"
    error = {"code": 400, "message": f"{message}, try increasing it", "type": "exceed_context_size_error"}
    return Script(
        status=400, body={"error": error | {"n_prompt_tokens": prompt_tokens, "n_ctx": window_tokens}}
    )


def image_refusal(body: dict[str, Any]) -> Script | None:
    """OpenAI's own refusals of image parameters, by the model's family."""
    model = body["model"]
    if "gpt-image" in model and "response_format" in body:
        return failure(
            400, "Unknown parameter: 'response_format'.", param="response_format", code="unknown_parameter"
        )
    sizes = {
        "gpt-image": "1024x1024 1024x1536 1536x1024 auto",
        "dall-e-3": "1024x1024 1024x1792 1792x1024",
        "dall-e-2": "256x256 512x512 1024x1024",
    }
    qualities = {"gpt-image": "low medium high auto", "dall-e-3": "standard hd", "dall-e-2": "standard"}
    for family in sizes:
        for name, values in (("size", sizes[family]), ("quality", qualities[family])):
            if family in model and name in body and body[name] not in values.split():
                return failure(400, f"Invalid value: '{body[name]}'.", param=name, code="invalid_value")
    return None


def validate_requests(openai: ScriptedOpenAI) -> None:
    """Hold every recorded chat and image request against OpenAI's own description, where it is at hand.

    Stricter than the description in one thing: a property that it does not know is a mistake.
    """
    if not SPEC.exists():
        return
    for recorded in openai.requests:
        if name := _SCHEMAS.get(recorded.path):
            validator, properties = _validator(name)
            validator.validate(recorded.body)
            assert not set(recorded.body) - properties, f"unknown: {set(recorded.body) - properties}"


@cache
def _validator(name: str) -> tuple[Any, frozenset[str]]:
    spec = json.loads(gzip.decompress(SPEC.read_bytes()))
    resource = referencing.Resource(contents=spec, specification=DRAFT202012)
    registry: Any = referencing.Registry().with_resource("urn:openai", resource)
    schema = {"$ref": f"urn:openai#/components/schemas/{name}"}
    schemas = spec["components"]["schemas"]
    return jsonschema.Draft202012Validator(schema, registry=registry), frozenset(_properties(schemas, name))


def _properties(schemas: dict[str, Any], name: str) -> set[str]:
    found: set[str] = set()
    parts = [schemas[name]]
    while parts:
        part = parts.pop()
        found |= set(part.get("properties", {}))
        parts += part.get("allOf", [])
        if reference := re.fullmatch(r"#/components/schemas/(\w+)", part.get("$ref", "")):
            parts.append(schemas[reference[1]])
    return found
