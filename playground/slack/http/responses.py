"""API responses, and the effect of a planned fault on them."""

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

RunCall = Callable[[], "ApiResponse"]
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiResponse:
    """A response to the app.

    `status` None breaks the connection instead. `error` is for the journal: the refusal or the fault.
    """

    status: int | None
    body: Json | str
    error: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str | None = None


async def respond_with_fault(fault: Fault | None, run_call: RunCall, sleep: Sleep) -> ApiResponse:
    """Run the call, or not, as the fault says, and return the response that the app gets."""
    if fault is None:
        return run_call()
    if isinstance(fault, SlowResponse):
        answer = run_call()
        await sleep(fault.seconds)
        return answer
    if isinstance(fault, SpuriousServerError):
        run_call()
        return _build_server_error(fault.status)
    if isinstance(fault, MalformedResponse):
        run_call()
        return ApiResponse(status=200, body=fault.body, error="garbled", content_type=fault.content_type)
    if isinstance(fault, LostResponse):
        return replace(run_call(), status=None, error="answer_lost")
    if isinstance(fault, NoResponse):
        await sleep(math.inf)
    return _respond_without_call(fault)


def _respond_without_call(fault: Fault) -> ApiResponse:
    if isinstance(fault, RateLimited):
        body = {"ok": False, "error": "ratelimited"}
        return ApiResponse(status=429, body=body, error="ratelimited", headers={"Retry-After": str(fault.retry_after)})
    if isinstance(fault, ServerError):
        return _build_server_error(fault.status)
    if isinstance(fault, ErrorResponse):
        return ApiResponse(status=200, body={"ok": False, "error": fault.error}, error=fault.error)
    assert isinstance(fault, DroppedConnection | NoResponse)
    return ApiResponse(status=None, body="", error="connection_dropped")


def _build_server_error(status: int) -> ApiResponse:
    return ApiResponse(
        status=status, body="<html>Something is wrong at Slack (invented)</html>", error=f"http_{status}"
    )


def to_http(request: web.Request, answer: ApiResponse) -> web.Response:
    """Build the HTTP response; break the connection if there is no status."""
    if answer.status is None:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()
    if isinstance(answer.body, str):
        kind = answer.content_type or ("text/html" if answer.status >= 500 else "text/plain")
        return web.Response(status=answer.status, text=answer.body, content_type=kind, headers=answer.headers)
    return web.json_response(answer.body, status=answer.status, headers=answer.headers)
