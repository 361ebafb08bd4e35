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
`POST /v1/embeddings`, and `GET /v1/models`.
"""

import asyncio
import inspect
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from playground.model_server.answers import (
    Answer,
    Drop,
    EndlessBody,
    ErrorStatus,
    Hang,
    JsonObject,
    RawBody,
    Redirect,
    Reply,
    TruncatedBody,
    bad_request,
    not_found,
    to_answer,
    unauthorized,
)
from playground.model_server.calls import Call, CallOutcome, Predicate, Script, ScriptResult
from playground.model_server.completions import build_default_text, build_model_card, find_body_error
from playground.model_server.embeddings import Embedding, RefusedText, build_embeddings, embed_words
from playground.model_server.http_responses import (
    build_error_response,
    build_response,
    close_connection,
    send_endless,
    send_reply,
    send_response,
    send_truncated,
    wait_forever,
)
from playground.running_requests import RunningRequests
from playground.slack.clock import PATIENCE_S


@dataclass(slots=True, kw_only=True)
class _Rule:
    predicate: Predicate
    answer: Answer
    times_left: int | None


@dataclass(eq=False)
class ModelDouble:
    """The running double; made by `ModelDouble.start`. Its settings may be changed while it runs.

    `latency_s` is a number of seconds, or (low, high) to draw from uniformly; `token_interval_s` passes between
    streamed tokens; with an `api_key`, any other is answered 401; `models_fault`, if set, answers `GET /v1/models`.
    `embed` makes the vectors of `/v1/embeddings`, which `embeddings_fault` and `embeddings_latency_s` disturb;
    `embedding_calls` holds the bodies of its requests.
    `total`, `cancelled`, `in_flight` and `peak_in_flight` count calls since the start; `calls` holds each of them
    until `forget()`.
    """

    base_url: str = ""
    api_key: str | None = None
    latency_s: float | tuple[float, float] = 0.0
    token_interval_s: float = 0.0
    models: Sequence[str] = ("gpt-4o-mini",)
    models_fault: ErrorStatus | Redirect | RawBody | None = None
    embed: Embedding = embed_words
    embeddings_fault: ErrorStatus | Redirect | RawBody | None = None
    embeddings_latency_s: float = 0.0
    embedding_calls: list[JsonObject] = field(default_factory=list)
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
        running = RunningRequests()
        app = web.Application(client_max_size=64 * 2**20, middlewares=[running.track])
        app.router.add_post("/v1/chat/completions", double._on_completion)
        app.router.add_post("/v1/embeddings", double._on_embeddings)
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
            double._stopping = True
            await running.cancel()
            await runner.cleanup()

    # --- behaviour

    def script(self, reply: Script | str | None) -> None:
        """Answer calls with what `reply(call)` returns or awaits, or always with one text. None: the default text."""
        self._script = (lambda _: reply) if isinstance(reply, str) else reply

    def enqueue(self, *answers: ScriptResult) -> None:
        """Answer the next calls, in the order of their arrival, with these; a string or None is a completion's text."""
        self._queue.extend(to_answer(answer) for answer in answers)

    def answer_when(self, predicate: Predicate, answer: ScriptResult, *, times: int | None = None) -> None:
        """Answer each call for which the predicate holds, at most `times` of them; earlier rules come first."""
        self._rules.append(_Rule(predicate=predicate, answer=to_answer(answer), times_left=times))

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
        """The counts in words, for messages."""
        return (
            f"{self.total} calls, {self.in_flight} in flight (peak {self.peak_in_flight}), {self.cancelled} cancelled"
        )

    def _notify(self) -> None:
        for condition, future in self._waiters:
            if not future.done() and condition():
                future.set_result(None)

    # --- serving

    async def _on_models(self, request: web.Request) -> web.Response:
        error = self._find_key_error(request) or self.models_fault
        if error is not None:
            return build_response(error)
        return web.json_response({"object": "list", "data": [build_model_card(name) for name in self.models]})

    async def _on_model(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        error = self._find_key_error(request) or self.models_fault
        if error is None and name not in self.models:
            error = not_found(name)
        return build_response(error) if error is not None else web.json_response(build_model_card(name))

    async def _on_embeddings(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.embedding_calls.append(body)
        error = self._find_key_error(request) or self.embeddings_fault
        await asyncio.sleep(self.embeddings_latency_s)
        if error is not None:
            return build_response(error)
        try:
            return web.json_response(build_embeddings(body, self.embed))
        except RefusedText:
            return web.json_response({"error": {"message": "input must have less than 512 tokens"}}, status=413)

    async def _on_completion(self, request: web.Request) -> web.StreamResponse:
        try:
            body = await request.json()
        except ValueError:
            return build_error_response(bad_request("We could not parse the JSON body of your request."))
        call = self._record_arrival(request, body)
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
            self._record_end(call)

    def _record_arrival(self, request: web.Request, body: Any) -> Call:
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

    def _record_end(self, call: Call) -> None:
        call.ended_at = time.monotonic()
        self.in_flight -= 1
        self.cancelled += call.outcome == "cancelled"
        self._notify()

    def _draw_latency(self) -> float:
        if isinstance(self.latency_s, tuple):
            return self._rng.uniform(*self.latency_s)
        return self.latency_s

    async def _answer(self, request: web.Request, call: Call) -> web.StreamResponse:
        answer = self._find_key_error(request) or find_body_error(call.body) or await self._choose_answer(call)
        await asyncio.sleep(call.latency_s)
        match answer:
            case Reply():
                return await send_reply(request, call, answer, self.token_interval_s)
            case TruncatedBody():
                return await send_truncated(request, call, answer)
            case EndlessBody():
                return await send_endless(request, call, answer)
            case Drop():
                call.outcome = "broken"
                return close_connection(request, web.Response())
            case Hang():
                return await wait_forever()
            case _:
                outcome: CallOutcome = "refused" if isinstance(answer, ErrorStatus | Redirect) else "broken"
                return await send_response(request, call, build_response(answer), outcome)

    async def _choose_answer(self, call: Call) -> Answer:
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
        return to_answer(await result if inspect.isawaitable(result) else result)

    def _find_key_error(self, request: web.Request) -> ErrorStatus | None:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        return None if self.api_key in {None, given} else unauthorized(given)
