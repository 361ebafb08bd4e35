"""What the server gives back to the app, faults included."""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from aiohttp import web

from playground.slack.fault_injection import (
    DroppedConnection,
    ErrorResponse,
    Fault,
    LostResponse,
    MalformedResponse,
    NoResponse,
    RateLimited,
    ServerError,
    SlowResponse,
    SpuriousServerError,
)
from playground.slack.objects import Json

CarryOut = Callable[[], "Answer"]
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`status` None: the connection breaks instead. `error` is for the journal: why refused, or what fault was met."""

    status: int | None
    body: Json | str
    error: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str | None = None


async def meeting(fault: Fault | None, carry_out: CarryOut, sleep: Sleep) -> Answer:
    """The call's answer after what the fault does to it; each fault says itself whether the call is carried out."""
    if fault is None:
        return carry_out()
    if isinstance(fault, SlowResponse):
        answer = carry_out()
        await sleep(fault.seconds)
        return answer
    if isinstance(fault, SpuriousServerError):
        carry_out()
        return _server_error(fault.status)
    if isinstance(fault, MalformedResponse):
        carry_out()
        return Answer(status=200, body=fault.body, error="garbled", content_type=fault.content_type)
    if isinstance(fault, LostResponse):
        return replace(carry_out(), status=None, error="answer_lost")
    if isinstance(fault, NoResponse):
        await sleep(math.inf)
    return _not_carried_out(fault)


def _not_carried_out(fault: Fault) -> Answer:
    if isinstance(fault, RateLimited):
        body = {"ok": False, "error": "ratelimited"}
        return Answer(status=429, body=body, error="ratelimited", headers={"Retry-After": str(fault.retry_after)})
    if isinstance(fault, ServerError):
        return _server_error(fault.status)
    if isinstance(fault, ErrorResponse):
        return Answer(status=200, body={"ok": False, "error": fault.error}, error=fault.error)
    assert isinstance(fault, DroppedConnection | NoResponse)
    return Answer(status=None, body="", error="connection_dropped")


def _server_error(status: int) -> Answer:
    return Answer(status=status, body="<html>Something is wrong at Slack (invented)</html>", error=f"http_{status}")


def to_http(request: web.Request, answer: Answer) -> web.Response:
    """The answer as sent; a broken connection is made here."""
    if answer.status is None:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()
    if isinstance(answer.body, str):
        kind = answer.content_type or ("text/html" if answer.status >= 500 else "text/plain")
        return web.Response(status=answer.status, text=answer.body, content_type=kind, headers=answer.headers)
    return web.json_response(answer.body, status=answer.status, headers=answer.headers)
