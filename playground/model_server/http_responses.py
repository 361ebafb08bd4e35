"""HTTP responses of the double: whole, streamed, cut off and without end."""

import asyncio
import json
from typing import Never

from aiohttp import web

from playground.model_server.answers import (
    EndlessBody,
    ErrorStatus,
    InvalidJson,
    JsonObject,
    RawBody,
    Redirect,
    Reply,
    TruncatedBody,
)
from playground.model_server.calls import Call, CallOutcome
from playground.model_server.completions import build_chunks, build_completion, build_default_text


async def send_response(
    request: web.Request, call: Call, response: web.Response, outcome: CallOutcome
) -> web.StreamResponse:
    """Send a whole response, and note the outcome in the call."""
    await response.prepare(request)
    await response.write_eof()
    call.outcome = outcome
    return response


async def send_reply(request: web.Request, call: Call, reply: Reply, token_interval_s: float) -> web.StreamResponse:
    """Send a completion, or its stream with `token_interval_s` between tokens."""
    if not call.body.get("stream"):
        return await send_response(request, call, web.json_response(build_completion(call, reply)), "answered")
    response = await _open_stream(request)
    for chunk in build_chunks(call, reply):
        await response.write(_encode_event(chunk))
        if token_interval_s:
            await asyncio.sleep(token_interval_s)
    await response.write(b"data: [DONE]\n\n")
    await response.write_eof()
    call.outcome = "answered"
    return response


async def send_endless(request: web.Request, call: Call, endless: EndlessBody) -> web.StreamResponse:
    """Send a text that does not end, until the client leaves or the limit is sent."""
    is_stream = bool(call.body.get("stream"))
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream" if is_stream else "application/json"})
    await response.prepare(request)
    event = {"choices": [{"index": 0, "delta": {"content": "more and " * 100}}]}
    chunk = _encode_event(event) if is_stream else b"more and "
    chunk *= 2**16 // len(chunk)
    if not is_stream:
        await response.write(b'{"choices": [{"index": 0, "message": {"role": "assistant", "content": "')
    for _ in range(endless.most // len(chunk)):
        await response.write(chunk)
    call.outcome = "broken"
    return close_connection(request, response)


async def send_truncated(request: web.Request, call: Call, answer: TruncatedBody) -> web.StreamResponse:
    """Send half of a body; then close the connection, or stall."""
    reply = Reply(text=build_default_text(call.texts))
    if call.body.get("stream"):
        response = await _open_stream(request)
        body = b"".join(_encode_event(chunk) for chunk in build_chunks(call, reply))
    else:
        body = json.dumps(build_completion(call, reply)).encode()
        response = web.StreamResponse(headers={"Content-Length": str(len(body)), "Content-Type": "application/json"})
        await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if answer.then == "stall":
        return await wait_forever()
    call.outcome = "broken"
    return close_connection(request, response)


def build_response(answer: ErrorStatus | InvalidJson | RawBody | Redirect) -> web.Response:
    """Build the response for an answer that is sent as a whole."""
    match answer:
        case ErrorStatus():
            return build_error_response(answer)
        case Redirect():
            return web.Response(status=answer.status, headers={"Location": answer.location})
        case RawBody():
            headers = {} if answer.encoding is None else {"Content-Encoding": answer.encoding}
            return web.Response(
                body=answer.body, status=answer.status, content_type=answer.content_type, headers=headers
            )
        case InvalidJson():
            return web.Response(text='{"id": "chatcmpl-1", "choices": [{', content_type="application/json")


def build_error_response(error: ErrorStatus) -> web.Response:
    """Build an error status with OpenAI's error body."""
    headers = {} if error.retry_after_s is None else {"Retry-After": f"{error.retry_after_s:g}"}
    body = {"message": error.message, "type": error.type, "param": None, "code": error.code}
    return web.json_response({"error": body}, status=error.status, headers=headers)


async def _open_stream(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
    await response.prepare(request)
    return response


def _encode_event(chunk: JsonObject) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def close_connection(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Close the connection behind the response: what was written still arrives, and nothing more."""
    if request.transport is not None:
        request.transport.close()
    return response


async def wait_forever() -> Never:
    """Wait until the task is cancelled."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError
