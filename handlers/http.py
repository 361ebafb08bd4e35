"""The HTTP front: Slack's deliveries at POST /slack/events; health, readiness and metrics for whoever runs the bot."""

import asyncio
import json
import logging
import urllib.parse
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from aiohttp.http import HttpProcessingError
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.signature import SignatureVerifier

from handlers.connection_gate import ConnectionGate, choose_limit
from handlers.payloads import MalformedPayload, check_shape

MOST_BYTES: Final = 1024 * 1024
BACKLOG: Final = 128
"""Connections that the system completes before they are taken; also the most that are taken at once."""

_FORM_FIELDS: Final = frozenset({"payload", "command", "ssl_check"})
"""One of these stands in each form that Slack sends."""

_log = logging.getLogger(__name__)


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    """Leave out what is no HTTP, or ends early: whoever can reach the port could fill the log with tracebacks."""
    nothing = (HttpProcessingError, web.RequestPayloadError, ConnectionError)
    return record.exc_info is None or not isinstance(record.exc_info[1], nothing)


_server_log = logging.getLogger(f"{__name__}.server")
_server_log.addFilter(_is_worth_a_line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that should be usable: `problem` is None, or says what to do. Without a required one, Slack may send no
    work here.
    """

    name: str
    problem: str | None
    is_required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The checks behind /readyz, and the text of /metrics with its content type."""

    ready: Callable[[], Awaitable[tuple[Check, ...]]]
    metrics: Callable[[], Awaitable[tuple[bytes, str]]]


def build_health_app(health: Health) -> web.Application:
    """GET /healthz, /readyz, /metrics."""
    app = web.Application(client_max_size=MOST_BYTES)
    _add_health(app, health)
    return app


def build_slack_app(bolt: AsyncApp, *, signing_secret: str, health: Health) -> web.Application:
    """POST /slack/events, and the health endpoints."""
    app = build_health_app(health)
    verifier = SignatureVerifier(signing_secret)

    async def on_delivery(request: web.Request) -> web.Response:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        if not _is_text(body):
            return web.Response(status=400, text="The body is not UTF-8 text.\n")
        if not _is_signed(verifier, body, headers):
            return web.Response(status=401, text="The request is not signed by Slack, or too old.\n")
        try:
            payload = _parse_payload(body, request.content_type)
        except (ValueError, RecursionError, MalformedPayload):  # the second: arrays in arrays in arrays
            _log.warning("a signed delivery that is not well-formed was refused")
            return web.Response(status=400, text="The payload is not one that Slack sends.\n")
        try:
            # As from a socket: signed and parsed. Bolt's own parser loses a command whose text has the word "payload".
            delivery = AsyncBoltRequest(body=payload, headers={**headers}, mode="socket_mode")
        except (AttributeError, LookupError, TypeError, ValueError):
            # Bolt looks for ids all over a payload, and takes what it finds for what Slack sends.
            _log.warning("a signed delivery of an odd shape was refused")
            return web.Response(status=400, text="The payload is not one that Slack sends.\n")
        answer = await bolt.async_dispatch(delivery)
        if answer.status == 500:
            # Our listeners answer for their own errors: this is Bolt, over a payload of a shape that Slack never sends.
            return web.Response(status=400, text="The payload is not one that Slack sends.\n")
        return await to_aiohttp_response(answer)

    app.router.add_post("/slack/events", on_delivery)
    return app


async def listen(app: web.Application, *, host: str, port: int) -> tuple[web.AppRunner, int]:
    """Serve until the runner's `cleanup()`. Returns the port too, which is a free one where 0 was asked for."""
    gate = ConnectionGate(limit=choose_limit())
    watching = asyncio.create_task(gate.watch(), name="connection watch")
    server: asyncio.Server | None = None

    async def stop(_: web.Application) -> None:
        watching.cancel()
        if server is not None:
            server.close()

    app.middlewares.append(gate.read_in_time)
    app.on_shutdown.append(stop)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, logger=_server_log)
    await runner.setup()
    assert runner.server is not None
    gate.guard(runner.server)
    try:
        server = await asyncio.get_running_loop().create_server(gate, host, port, backlog=BACKLOG, reuse_address=True)
    except OSError:
        await runner.cleanup()
        raise
    return runner, int(server.sockets[0].getsockname()[1])


def _add_health(app: web.Application, health: Health) -> None:
    """Add the routes of the health endpoints."""

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "up"})

    async def readyz(_: web.Request) -> web.Response:
        checks = await health.ready()
        ready = all(check.problem is None for check in checks if check.is_required)
        told = {check.name: check.problem or "ok" for check in checks}
        return web.json_response({"ready": ready, "checks": told}, status=200 if ready else 503)

    async def metrics(_: web.Request) -> web.Response:
        body, content_type = await health.metrics()
        return web.Response(body=body, headers={"Content-Type": content_type})

    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)


def _is_signed(verifier: SignatureVerifier, body: bytes, headers: Mapping[str, str]) -> bool:
    """Tell whether the body has Slack's signature, not older than five minutes."""
    try:
        return verifier.is_valid_request(body, dict(headers))
    except (ValueError, TypeError):  # a timestamp that is no number, a signature of other letters than ASCII
        return False


def _is_text(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _parse_payload(body: bytes, content_type: str) -> dict[str, Any]:
    """Parse a JSON object, or a form with a command or with JSON in `payload`.

    Raises ValueError or RecursionError for anything else, MalformedPayload for what Bolt would stumble over.
    """
    text = body.decode("utf-8")
    if "json" in content_type or text.lstrip().startswith(("{", "[")):
        payload = _parse_object(text)
    else:
        form = dict(urllib.parse.parse_qsl(text, keep_blank_values=True))
        if form.keys().isdisjoint(_FORM_FIELDS):
            raise ValueError("a form that Slack does not send")
        if "payload" not in form:
            return dict[str, Any](form)
        payload = _parse_object(form["payload"])
    check_shape(payload)
    return payload


def _parse_object(text: str) -> dict[str, Any]:
    """Parse a JSON object. Raises ValueError for anything else."""
    parsed = json.loads(text)
    if not isinstance(parsed, dict):
        raise ValueError("no object")  # noqa: TRY004 - the text is wrong, as with text that is no JSON
    return parsed
