"""A double of an OpenAI-compatible model server on loopback: scriptable answers, latencies and faults.

    async with ModelDouble.start(latency_s=(0.3, 1.1)) as model:
        client = AsyncOpenAI(base_url=model.base_url, api_key="any")
        model.enqueue(rate_limited(retry_after_s=1), "the second call gets this text")
        ...
        await model.wait_until(lambda: model.in_flight == 0)
        assert model.calls[0].outcome == "refused"

What a call is answered with, the first that applies: the required API key is wrong (401); the body is not a
chat completion (400); the queue (`enqueue`); the rules (`answer_when`); the script (`script`); else a text that
is the same for the same messages and differs for others. It serves `POST /v1/chat/completions`, also streamed,
and `GET /v1/models`.
"""

import asyncio
import hashlib
import inspect
import json
import random
import re
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Never

from aiohttp import web

from playground.slack.clock import PATIENCE_S

JsonObject = dict[str, Any]
FinishReason = Literal["stop", "length", "content_filter"]


# --- what a call can be answered with ---------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A completion. `text=None` sends null content; `max_tokens` of the call still cuts it (`length`), unless the
    server is one that does not mind it. Log-probabilities are sent if the call asks for them, unless it has none.

    `changes` stand in the body, or in each event of a stream, in place of what would; `choice_changes` in the choice
    that tells how it ended: `Reply(text="Hi", changes={"model": ["x"]}, choice_changes={"finish_reason": "error"})`.
    """

    text: str | None
    finish_reason: FinishReason = "stop"
    minds_max_tokens: bool = True
    has_logprobs: bool = True
    changes: JsonObject = field(default_factory=dict)
    choice_changes: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorStatus:
    """An error status with OpenAI's error body. `retry_after_s` becomes the header."""

    status: int
    message: str
    type: str = "invalid_request_error"
    code: str | None = None
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Hang:
    """No byte, until the client leaves or the double stops."""


@dataclass(frozen=True, slots=True)
class Drop:
    """The connection closes before any byte."""


@dataclass(frozen=True, slots=True)
class TruncatedBody:
    """Status, headers and half of the body; then the connection closes, or stalls until the client leaves."""

    then: Literal["close", "stall"] = "close"


@dataclass(frozen=True, slots=True)
class InvalidJson:
    """A complete 200 whose body is not JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawBody:
    """A complete answer, byte for byte, of any size and kind; `encoding` is the header Content-Encoding."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    encoding: str | None = None


@dataclass(frozen=True, slots=True)
class Redirect:
    """To another address."""

    location: str
    status: int = 307


@dataclass(frozen=True, slots=True)
class EndlessBody:
    """A text that does not end, a chunk after the other, until the client leaves or `most` bytes are sent."""

    most: int = 400_000_000


Answer = Reply | ErrorStatus | Hang | Drop | TruncatedBody | InvalidJson | RawBody | Redirect | EndlessBody


def rate_limited(retry_after_s: float | None = 1) -> ErrorStatus:
    return ErrorStatus(
        status=429,
        message="Rate limit reached for requests.",
        type="requests",
        code="rate_limit_exceeded",
        retry_after_s=retry_after_s,
    )


def bad_request(message: str = "Invalid request.", code: str | None = None) -> ErrorStatus:
    return ErrorStatus(status=400, message=message, code=code)


def unauthorized(key: str = "") -> ErrorStatus:
    """As OpenAI words it: with the ends of the key, which therefore must not be shown or logged."""
    shown = f"{key[:3]}***{key[-4:]}" if key else "none"
    return ErrorStatus(status=401, message=f"Incorrect API key provided: {shown}.", code="invalid_api_key")


def not_found(model: str = "the-model") -> ErrorStatus:
    return ErrorStatus(
        status=404,
        message=f"The model `{model}` does not exist or you do not have access to it.",
        code="model_not_found",
    )


def server_error(status: int = 500) -> ErrorStatus:
    return ErrorStatus(status=status, message="The server had an error while processing your request.", type="server_error")


def unavailable(retry_after_s: float | None = None) -> ErrorStatus:
    return ErrorStatus(
        status=503, message="The engine is currently overloaded.", type="server_error", retry_after_s=retry_after_s
    )


# --- what was asked ---------------------------------------------------------------------------------

CallOutcome = Literal["in_flight", "answered", "refused", "broken", "cancelled", "stopped"]


@dataclass(slots=True, kw_only=True, eq=False)
class Call:
    """One request for a completion, and what became of it.

    `arrived_at` and `ended_at` are seconds on the clock of `time.monotonic`; `latency_s` is what was drawn for it.
    `outcome`: `answered` with a completion; `refused` with an error status; `broken` by a scripted fault of the
    connection or the body; `cancelled` because the client left first; `stopped` because the double did.
    """

    index: int
    body: JsonObject
    authorization: str
    arrived_at: float
    latency_s: float
    ended_at: float | None = None
    outcome: CallOutcome = "in_flight"

    @property
    def model(self) -> str:
        return str(self.body["model"])

    @property
    def messages(self) -> list[JsonObject]:
        messages: list[JsonObject] = self.body["messages"]
        return messages

    @property
    def texts(self) -> list[str]:
        """The text of each message, in order."""
        return [_text_of(message.get("content")) for message in self.messages]

    @property
    def prompt(self) -> str:
        """All messages' texts, for scripts and predicates that look for a word."""
        return "\n".join(self.texts)


ScriptResult = Answer | str | None
Script = Callable[[Call], ScriptResult | Awaitable[ScriptResult]]
Predicate = Callable[[Call], bool]


@dataclass(slots=True, kw_only=True)
class _Rule:
    predicate: Predicate
    answer: Answer
    times_left: int | None


# --- the server -------------------------------------------------------------------------------------


@dataclass(eq=False)
class ModelDouble:
    """The running double; made by `ModelDouble.start`. Its settings may be changed while it runs.

    `latency_s` is a number of seconds, or (low, high) to draw from uniformly; `token_interval_s` passes between
    streamed tokens; with an `api_key`, any other is answered 401; `models_fault`, if set, answers `GET /v1/models`.
    `total`, `cancelled`, `in_flight` and `peak_in_flight` count calls since the start; `calls` holds each of them
    until `forget()`.
    """

    base_url: str = ""
    api_key: str | None = None
    latency_s: float | tuple[float, float] = 0.0
    token_interval_s: float = 0.0
    models: Sequence[str] = ("gpt-4o-mini",)
    models_fault: ErrorStatus | Redirect | RawBody | None = None
    seed: int = 0
    calls: list[Call] = field(default_factory=list)
    total: int = 0
    cancelled: int = 0
    in_flight: int = 0
    peak_in_flight: int = 0

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)  # noqa: S311 - latencies of a double, no secrets
        self._queue: deque[Answer] = deque()
        self._rules: list[_Rule] = []
        self._script: Script | None = None
        self._waiters: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._running: set[asyncio.Task[Any]] = set()
        self._stopping = False

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        api_key: str | None = None,
        latency_s: float | tuple[float, float] = 0.0,
        models: Sequence[str] = ("gpt-4o-mini",),
        seed: int = 0,
    ) -> AsyncIterator["ModelDouble"]:
        """Serve until the block is left; calls still running then are cut off. Port 0 takes a free one."""
        double = cls(api_key=api_key, latency_s=latency_s, models=models, seed=seed)
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_post("/v1/chat/completions", double._on_completion)
        app.router.add_get("/v1/models", double._on_models)
        app.router.add_get("/v1/models/{name:.+}", double._on_model)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
            bound = runner.addresses[0][1]
            double.base_url = f"http://{host}:{bound}/v1"
            yield double
        finally:
            await double._cut_off()
            await runner.cleanup()

    # --- behaviour

    def script(self, reply: Script | str | None) -> None:
        """Answer calls with what `reply(call)` returns or awaits, or always with one text. None: the default text."""
        self._script = (lambda _: reply) if isinstance(reply, str) else reply

    def enqueue(self, *answers: ScriptResult) -> None:
        """Answer the next calls, in the order of their arrival, with these; a string or None is a completion's text."""
        self._queue.extend(_as_answer(answer) for answer in answers)

    def answer_when(self, predicate: Predicate, answer: ScriptResult, *, times: int | None = None) -> None:
        """Answer each call for which the predicate holds, at most `times` of them; earlier rules come first."""
        self._rules.append(_Rule(predicate=predicate, answer=_as_answer(answer), times_left=times))

    def reset(self) -> None:
        """Forget the queue, the rules and the script: calls get the default text again."""
        self._queue.clear()
        self._rules.clear()
        self._script = None

    def forget(self) -> None:
        """Drop the finished calls from `calls`, for long runs. The counts stay."""
        self.calls = [call for call in self.calls if call.outcome == "in_flight"]

    # --- waiting

    async def wait_until(self, condition: Callable[[], bool], *, within_s: float = PATIENCE_S) -> None:
        """Return as soon as the condition holds; it is looked at when a call arrives or ends.

        Raises TimeoutError, with the counts, when it does not hold within `within_s` seconds.
        """
        if condition():
            return
        waiter = (condition, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(within_s):
                await waiter[1]
        except TimeoutError as error:
            raise TimeoutError(f"Not within {within_s} s: {self.counts}") from error
        finally:
            self._waiters.remove(waiter)

    async def wait_calls(self, total: int, *, within_s: float = PATIENCE_S) -> None:
        """Return as soon as `total` calls have arrived since the start."""
        await self.wait_until(lambda: self.total >= total, within_s=within_s)

    async def wait_idle(self, *, within_s: float = PATIENCE_S) -> None:
        """Return as soon as no call is in flight."""
        await self.wait_until(lambda: self.in_flight == 0, within_s=within_s)

    @property
    def counts(self) -> str:
        return (
            f"{self.total} calls, {self.in_flight} in flight (peak {self.peak_in_flight}), {self.cancelled} cancelled"
        )

    def _notify(self) -> None:
        for condition, future in self._waiters:
            if not future.done() and condition():
                future.set_result(None)

    # --- serving

    async def _on_models(self, request: web.Request) -> web.Response:
        fault = self._key_fault(request) or self.models_fault
        if fault is not None:
            return _make_response(fault)
        return web.json_response({"object": "list", "data": [_model_card(name) for name in self.models]})

    async def _on_model(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        fault = self._key_fault(request) or self.models_fault
        if fault is None and name not in self.models:
            fault = not_found(name)
        return _make_response(fault) if fault is not None else web.json_response(_model_card(name))

    async def _on_completion(self, request: web.Request) -> web.StreamResponse:
        try:
            body = await request.json()
        except ValueError:
            return _refusal_response(bad_request("We could not parse the JSON body of your request."))
        call = self._arrive(request, body)
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            return await self._answer(request, call)
        except asyncio.CancelledError:
            if call.outcome == "in_flight":
                call.outcome = "stopped" if self._stopping else "cancelled"
            raise
        except ConnectionError:  # the client left while the answer was written
            call.outcome = "cancelled"
            return web.Response()
        finally:
            self._running.discard(task)
            self._end(call)

    def _arrive(self, request: web.Request, body: Any) -> Call:
        call = Call(
            index=self.total,
            body=body if isinstance(body, dict) else {},
            authorization=request.headers.get("Authorization", ""),
            arrived_at=time.monotonic(),
            latency_s=self._draw_latency(),
        )
        self.calls.append(call)
        self.total += 1
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)
        self._notify()
        return call

    def _end(self, call: Call) -> None:
        call.ended_at = time.monotonic()
        self.in_flight -= 1
        self.cancelled += call.outcome == "cancelled"
        self._notify()

    def _draw_latency(self) -> float:
        if isinstance(self.latency_s, tuple):
            return self._rng.uniform(*self.latency_s)
        return self.latency_s

    async def _answer(self, request: web.Request, call: Call) -> web.StreamResponse:
        answer = self._key_fault(request) or _body_fault(call.body) or await self._decide(call)
        await asyncio.sleep(call.latency_s)
        match answer:
            case Reply():
                return await self._send_reply(request, call, answer)
            case TruncatedBody():
                return await self._send_half(request, call, answer)
            case EndlessBody():
                return await self._send_flood(request, call, answer)
            case Drop():
                call.outcome = "broken"
                return _close(request, web.Response())
            case Hang():
                return await _wait_forever()
            case _:
                outcome: CallOutcome = "refused" if isinstance(answer, ErrorStatus | Redirect) else "broken"
                return await self._send(request, call, _make_response(answer), outcome)

    async def _decide(self, call: Call) -> Answer:
        if self._queue:
            return self._queue.popleft()
        for rule in self._rules:
            if rule.times_left != 0 and rule.predicate(call):
                if rule.times_left is not None:
                    rule.times_left -= 1
                return rule.answer
        if self._script is None:
            return Reply(text=build_default_text(call.texts))
        result = self._script(call)
        return _as_answer(await result if inspect.isawaitable(result) else result)

    async def _send(
        self, request: web.Request, call: Call, response: web.Response, outcome: CallOutcome
    ) -> web.StreamResponse:
        await response.prepare(request)
        await response.write_eof()
        call.outcome = outcome
        return response

    async def _send_reply(self, request: web.Request, call: Call, reply: Reply) -> web.StreamResponse:
        if not call.body.get("stream"):
            return await self._send(request, call, web.json_response(_completion(call, reply)), "answered")
        response = await _open_stream(request)
        for chunk in _chunks(call, reply):
            await response.write(_event(chunk))
            if self.token_interval_s:
                await asyncio.sleep(self.token_interval_s)
        await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        call.outcome = "answered"
        return response

    async def _send_flood(self, request: web.Request, call: Call, flood: EndlessBody) -> web.StreamResponse:
        is_stream = bool(call.body.get("stream"))
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream" if is_stream else "application/json"}
        )
        await response.prepare(request)
        chunk = (
            _event({"choices": [{"index": 0, "delta": {"content": "more and " * 100}}]}) if is_stream else b"more and "
        )
        chunk *= 2**16 // len(chunk)
        if not is_stream:
            await response.write(b'{"choices": [{"index": 0, "message": {"role": "assistant", "content": "')
        for _ in range(flood.most // len(chunk)):
            await response.write(chunk)
        call.outcome = "broken"
        return _close(request, response)

    async def _send_half(self, request: web.Request, call: Call, answer: TruncatedBody) -> web.StreamResponse:
        reply = Reply(text=build_default_text(call.texts))
        if call.body.get("stream"):
            response = await _open_stream(request)
            body = b"".join(_event(chunk) for chunk in _chunks(call, reply))
        else:
            body = json.dumps(_completion(call, reply)).encode()
            response = web.StreamResponse(
                headers={"Content-Length": str(len(body)), "Content-Type": "application/json"}
            )
            await response.prepare(request)
        await response.write(body[: len(body) // 2])
        if answer.then == "stall":
            return await _wait_forever()
        call.outcome = "broken"
        return _close(request, response)

    def _key_fault(self, request: web.Request) -> ErrorStatus | None:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        return None if self.api_key in {None, given} else unauthorized(given)

    async def _cut_off(self) -> None:
        self._stopping = True
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)


# --- bodies -----------------------------------------------------------------------------------------


def build_default_text(texts: Sequence[str]) -> str:
    """A reply of six sentences: the same for the same texts, and far from that for any others."""
    digest = hashlib.sha256("\0".join(texts).encode()).digest()
    return " ".join(bank[byte % len(bank)] for bank, byte in zip(_SENTENCES, digest, strict=False))


_SENTENCES = (
    (
        "Hello, and thank you for writing.",
        "Good morning!",
        "Thanks for getting in touch about this.",
        "Hi there,",
        "I'm glad that you told us straight away.",
        "Sorry for the trouble you had.",
        "We received your note just now.",
        "That is not how things should have gone.",
    ),
    (
        "I looked at what you describe.",
        "Your case is on my desk.",
        "My colleagues in the warehouse are checking it.",
        "This looks like a mistake on our side.",
        "Such delays happen rarely, yet they do.",
        "I understand how annoying it must be.",
        "Let us sort it out together today.",
        "There are two ways to solve this.",
    ),
    (
        "Could you send the order number?",
        "Please keep the packaging for now.",
        "A photo of the label would help.",
        "Which address should we use?",
        "Tell me by when you need an answer.",
        "Nothing more is needed from you.",
        "Have you tried signing in again?",
        "Would Thursday suit as well?",
    ),
    (
        "A replacement can leave within one day.",
        "We refund the full price if you prefer.",
        "The technician calls back this afternoon.",
        "Your subscription stays active meanwhile.",
        "I reserved the last item in stock.",
        "An updated invoice follows by email.",
        "The courier collects the old one free of charge.",
        "Our billing team removes the extra fee.",
    ),
    (
        "Tracking details arrive once it ships.",
        "I will watch over every step myself.",
        "You hear from me before Friday noon.",
        "No further cost arises.",
        "The change shows up after midnight.",
        "Feel free to choose either way.",
        "Everything else remains as agreed.",
        "That takes about ten minutes.",
    ),
    (
        "Kind regards from the support desk.",
        "All the best!",
        "Just answer here if anything is unclear.",
        "Have a pleasant weekend.",
        "Thank you for being patient.",
        "We appreciate it a lot.",
        "Yours, the service crew.",
        "Talk soon.",
    ),
)

_TOKEN = re.compile(r"\s*\S{1,6}|\s+")


def _completion(call: Call, reply: Reply) -> JsonObject:
    drafts = _drafts(call, reply)
    return {
        **_envelope(call, "chat.completion"),
        "choices": [
            {
                "index": index,
                "message": {"role": "assistant", "content": draft.content, "refusal": None, "annotations": []},
                "logprobs": draft.logprobs(call) if _wants_logprobs(call, reply) else None,
                "finish_reason": draft.finish_reason,
                **reply.choice_changes,
            }
            for index, draft in enumerate(drafts)
        ],
        "usage": _usage(call, drafts),
        **reply.changes,
    }


def _wants_logprobs(call: Call, reply: Reply) -> bool:
    return reply.has_logprobs and bool(call.body.get("logprobs"))


def _chunks(call: Call, reply: Reply) -> list[JsonObject]:
    """Build the events of a streamed completion: role, tokens, finish, and the usage if it was asked for."""
    envelope = _envelope(call, "chat.completion.chunk")
    drafts = _drafts(call, reply)
    chunks = []
    for index, draft in enumerate(drafts):
        deltas: list[JsonObject] = [{"role": "assistant", "content": "", "refusal": None}]
        deltas += [{"content": token} for token in draft.tokens]
        logprobs = draft.logprobs(call)["content"] if _wants_logprobs(call, reply) else None
        for place, delta in enumerate(deltas):
            entry = {"content": [logprobs[place - 1]], "refusal": None} if logprobs and place else None
            chunks.append({"index": index, "delta": delta, "logprobs": entry, "finish_reason": None})
        end = {"index": index, "delta": {}, "logprobs": None, "finish_reason": draft.finish_reason}
        chunks.append({**end, **reply.choice_changes})
    events: list[JsonObject] = [{**envelope, "choices": [chunk]} for chunk in chunks]
    if (call.body.get("stream_options") or {}).get("include_usage"):
        events = [{**event, "usage": None} for event in events]
        events.append({**envelope, "choices": [], "usage": _usage(call, drafts)})
    return [{**event, **reply.changes} for event in events]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    content: str | None
    tokens: list[str]
    finish_reason: FinishReason

    def logprobs(self, call: Call) -> JsonObject:
        width = int(call.body.get("top_logprobs") or 0)
        return {"content": [_logprob(token, width) for token in self.tokens], "refusal": None}


def _drafts(call: Call, reply: Reply) -> list[_Draft]:
    if reply.text is None:
        draft = _Draft(content=None, tokens=[], finish_reason=reply.finish_reason)
    else:
        tokens = _TOKEN.findall(reply.text)
        limit = call.body.get("max_completion_tokens") or call.body.get("max_tokens") or len(tokens)
        cut = tokens[:limit] if reply.minds_max_tokens else tokens
        finish = reply.finish_reason if len(cut) == len(tokens) else "length"
        draft = _Draft(content="".join(cut), tokens=cut, finish_reason=finish)
    return [draft] * (call.body.get("n") or 1)


def _envelope(call: Call, kind: str) -> JsonObject:
    return {
        "id": f"chatcmpl-{call.index:06d}",
        "object": kind,
        "created": int(time.time()),
        "model": f"{call.model}-2026-01",
        "service_tier": "default",
        "system_fingerprint": "fp_playground",
    }


def _usage(call: Call, drafts: Sequence[_Draft]) -> JsonObject:
    prompt = 3 + sum(4 + len(_TOKEN.findall(text)) for text in call.texts)
    completion = sum(len(draft.tokens) for draft in drafts)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _logprob(token: str, width: int) -> JsonObject:
    """One of (-2.5, 0], always the same for a token; the alternatives are less likely."""
    value = -2.5 * hashlib.sha256(token.encode()).digest()[0] / 256
    alternatives = [token, *(f" alternative{rank}" for rank in range(1, width))][:width]
    return {
        **_token_logprob(token, value),
        "top_logprobs": [_token_logprob(other, value - rank) for rank, other in enumerate(alternatives)],
    }


def _token_logprob(token: str, value: float) -> JsonObject:
    return {"token": token, "logprob": value, "bytes": list(token.encode())}


def _model_card(name: str) -> JsonObject:
    return {"id": name, "object": "model", "created": 1_767_225_600, "owned_by": "playground"}


def _text_of(content: object) -> str:
    """A message's content is a text, null, or a list of parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


# --- helpers ----------------------------------------------------------------------------------------


def _as_answer(result: ScriptResult) -> Answer:
    return Reply(text=result) if result is None or isinstance(result, str) else result


def _body_fault(body: JsonObject) -> ErrorStatus | None:
    messages = body.get("messages")
    if not isinstance(body.get("model"), str) or not body["model"]:
        return bad_request("you must provide a model parameter")
    if not isinstance(messages, list) or not messages or not all(_is_message(message) for message in messages):
        return bad_request("Invalid type for 'messages': expected a non-empty array of messages with a role.")
    for name, most in (("n", 128), ("max_tokens", 10**7), ("max_completion_tokens", 10**7), ("top_logprobs", 20)):
        value = body.get(name)
        if value is not None and not (isinstance(value, int) and int(name != "top_logprobs") <= value <= most):
            return bad_request(f"Invalid '{name}': expected an integer up to {most}.")
    return None


def _is_message(message: object) -> bool:
    return isinstance(message, dict) and message.get("role") in {"system", "developer", "user", "assistant", "tool"}


def _make_response(answer: ErrorStatus | InvalidJson | RawBody | Redirect) -> web.Response:
    match answer:
        case ErrorStatus():
            return _refusal_response(answer)
        case Redirect():
            return web.Response(status=answer.status, headers={"Location": answer.location})
        case RawBody():
            headers = {} if answer.encoding is None else {"Content-Encoding": answer.encoding}
            return web.Response(
                body=answer.body, status=answer.status, content_type=answer.content_type, headers=headers
            )
        case InvalidJson():
            return web.Response(text='{"id": "chatcmpl-1", "choices": [{', content_type="application/json")


def _refusal_response(refusal: ErrorStatus) -> web.Response:
    headers = {} if refusal.retry_after_s is None else {"Retry-After": f"{refusal.retry_after_s:g}"}
    error = {"message": refusal.message, "type": refusal.type, "param": None, "code": refusal.code}
    return web.json_response({"error": error}, status=refusal.status, headers=headers)


async def _open_stream(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
    await response.prepare(request)
    return response


def _event(chunk: JsonObject) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def _close(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Close the connection behind the response: what was written still arrives, and nothing more."""
    if request.transport is not None:
        request.transport.close()
    return response


async def _wait_forever() -> Never:
    await asyncio.get_running_loop().create_future()
    raise AssertionError
