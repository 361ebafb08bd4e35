"""Calls that Slack did not take, counted by method and code, for every client on the shared HTTP session.

Counted there, none is missed: the Web API's, those of a `response_url`, also those that are tried again.
"""

import json
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final

import aiohttp

RESPONSE_URL: Final = "response_url"

# Slack's own words, and no others: a label of a metric must be of a small number.
_METHOD: Final = re.compile(r"[a-zA-Z]{1,30}(\.[a-zA-Z0-9]{1,40}){1,3}")
_CODE: Final = re.compile(r"[a-z0-9_]{1,60}")

Count = Callable[[str, str], None]


def trace_failed_calls(api_url: str, count: Count) -> aiohttp.TraceConfig:
    """Trace the session that all calls to Slack go over: `count(method, code)` for each that failed.

    Only POST is Slack's here: the model's server is asked by GET, and drafts go over a client of their own.
    """

    async def on_answer(_: Any, __: SimpleNamespace, params: aiohttp.TraceRequestEndParams) -> None:
        status = params.response.status
        if params.method == "POST" and status >= 400:
            count(_name_method(str(params.url), api_url), "ratelimited" if status == 429 else f"http_{status}")

    async def on_body(_: Any, __: SimpleNamespace, params: aiohttp.TraceResponseChunkReceivedParams) -> None:
        code = find_error_code(params.chunk)
        if params.method == "POST" and code is not None and code != "ratelimited":
            count(_name_method(str(params.url), api_url), code)

    async def on_exception(_: Any, __: SimpleNamespace, params: aiohttp.TraceRequestExceptionParams) -> None:
        if params.method == "POST":
            code = "timed_out" if isinstance(params.exception, TimeoutError) else "unreachable"
            count(_name_method(str(params.url), api_url), code)

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(on_answer)
    trace.on_response_chunk_received.append(on_body)
    trace.on_request_exception.append(on_exception)
    return trace


def find_error_code(body: bytes) -> str | None:
    """Find Slack's code in `{"ok": false, "error": …}`; None for any other body."""
    if b'"ok"' not in body[:2_000] or b"false" not in body[:2_000]:
        return None
    try:
        told = json.loads(body)
    except ValueError:
        return None
    if not isinstance(told, dict) or told.get("ok") is not False:
        return None
    code = str(told.get("error")).lower()
    return code if _CODE.fullmatch(code) else "other"


def _name_method(url: str, api_url: str) -> str:
    """The Web API's method; any other address is a `response_url`, which is a secret."""
    if not url.startswith(api_url):
        return RESPONSE_URL
    method = url.removeprefix(api_url).partition("?")[0]
    return method if _METHOD.fullmatch(method) else "other"
