"""Send a dispatch to the app, over signed HTTP or Socket Mode, and return its outcome."""

import asyncio
import hashlib
import hmac
import json
import ssl
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Literal, Protocol
from urllib.parse import urlencode

import aiohttp

from playground.slack.clock import Clock
from playground.slack.errors import ImpossibleAction
from playground.slack.journal import Journal
from playground.slack.objects import Json

Kind = Literal["slash_commands", "interactive", "events_api"]
Signature = Literal["right", "wrong", "stale", "missing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """One request of Slack to the app: a command, an interaction or an event.

    `name` is the command, or `<type>:<action or callback id>`, or `event:<type>`; `payload` goes out as it is.
    """

    kind: Kind
    name: str
    payload: Json
    user_id: str
    channel_id: str | None = None
    view_id: str | None = None
    retry: int = 0
    retry_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchOutcome:
    """The result of a dispatch.

    `error` is None if the app acknowledged in time with 200. `body` is what it acknowledged with, parsed if JSON;
    `reasons` say why Slack would not take that body.
    """

    dispatch: Dispatch
    status: int | None
    body: Any = None
    error: str | None = None
    reasons: tuple[str, ...] = ()
    ack_ms: float = 0.0
    may_retry: bool = True

    @property
    def acknowledged(self) -> bool:
        return self.status == 200


@dataclass(frozen=True, slots=True, kw_only=True)
class RawResponse:
    """The app's HTTP response to `send_raw`, unparsed."""

    status: int
    text: str
    headers: Mapping[str, str]


class EnvelopeSender(Protocol):
    """The part of Socket Mode that the dispatcher needs."""

    @property
    def is_connected(self) -> bool: ...

    async def send(self, envelope: Json) -> Json:
        """Return the acknowledgement. Raises ConnectionError when the socket goes first."""
        ...


class Dispatcher:
    """Sends dispatches: over HTTP if `request_url` is set, else over Socket Mode."""

    def __init__(
        self, *, clock: Clock, journal: Journal, sockets: EnvelopeSender, signing_secret: str, acknowledge_within: float
    ) -> None:
        self._clock = clock
        self._journal = journal
        self._sockets = sockets
        self._signing_secret = signing_secret
        self._acknowledge_within = acknowledge_within
        self._session: aiohttp.ClientSession | None = None
        self._ids = count(1)
        self.request_url: str | None = None
        self.tls: ssl.SSLContext | bool = True  # the certificates taken from a request URL with https

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def dispatch(self, dispatch: Dispatch) -> DispatchOutcome:
        """Send to the app. An HTTP error, a broken connection and a late answer are outcomes, never exceptions."""
        over_http = self.request_url is not None
        entry = self._journal.record_request(
            to="bot", via="http" if over_http else "socket", name=dispatch.name, body=dispatch.payload
        )
        try:
            async with asyncio.timeout(self._acknowledge_within):
                outcome = await (self._send_over_http(dispatch) if over_http else self._send_over_socket(dispatch))
        except TimeoutError:
            outcome = DispatchOutcome(dispatch=dispatch, status=None, error="operation_timeout")
        except (aiohttp.ClientError, ConnectionError):
            outcome = DispatchOutcome(dispatch=dispatch, status=None, error="connection_failed")
        answer = self._journal.record_answer(entry, status=outcome.status, body=outcome.body, error=outcome.error)
        return replace(outcome, ack_ms=answer.duration_ms or 0.0)

    async def send_raw(self, body: bytes, *, content_type: str, signature: Signature) -> RawResponse:
        """Send any bytes to the request URL, with the chosen kind of signature."""
        headers = {"Content-Type": content_type, **self._sign(body, signature)}
        async with self._post(body, headers) as response:
            return RawResponse(status=response.status, text=await response.text(), headers=dict(response.headers))

    def _require_url(self) -> str:
        if self.request_url is None:
            raise ImpossibleAction("no app is listening: set workspace.request_url, or connect over Socket Mode")
        return self.request_url

    async def _send_over_http(self, dispatch: Dispatch) -> DispatchOutcome:
        body, content_type = _encode(dispatch)
        headers = {"Content-Type": content_type, **self._sign(body, "right")}
        if dispatch.retry:
            headers["X-Slack-Retry-Num"] = str(dispatch.retry)
            headers["X-Slack-Retry-Reason"] = dispatch.retry_reason or "http_error"
        async with self._post(body, headers) as response:
            text = await response.text()
            return DispatchOutcome(
                dispatch=dispatch,
                status=response.status,
                body=_parse_body(text),
                error=None if response.status == 200 else "http_error",
                may_retry="x-slack-no-retry" not in response.headers,
            )

    async def _send_over_socket(self, dispatch: Dispatch) -> DispatchOutcome:
        if not self._sockets.is_connected:
            return DispatchOutcome(dispatch=dispatch, status=None, error="connection_failed")
        envelope: Json = {
            "envelope_id": f"envelope-{next(self._ids)}",
            "type": dispatch.kind,
            "accepts_response_payload": dispatch.kind != "events_api",
            "payload": dispatch.payload,
        }
        if dispatch.kind == "events_api":
            reason = (dispatch.retry_reason or "").removeprefix("http_")
            envelope |= {"retry_attempt": dispatch.retry, "retry_reason": reason}
        answer = await self._sockets.send(envelope)
        return DispatchOutcome(dispatch=dispatch, status=200, body=answer.get("payload"))

    def _sign(self, body: bytes, signature: Signature) -> dict[str, str]:
        """Build Slack's signature headers. The time is the machine's, since apps compare it with their own clock."""
        headers = {"User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)"}
        if signature == "missing":
            return headers
        timestamp = str(int(self._clock.real()) - (3600 if signature == "stale" else 0))
        secret = "another secret" if signature == "wrong" else self._signing_secret
        signed = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256)
        return headers | {
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": f"v0={signed.hexdigest()}",
        }

    def _post(self, body: bytes, headers: dict[str, str]) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        return self._session.post(self._require_url(), data=body, headers=headers, ssl=self.tls)


def _encode(dispatch: Dispatch) -> tuple[bytes, str]:
    if dispatch.kind == "events_api":
        return json.dumps(dispatch.payload).encode(), "application/json"
    fields = dispatch.payload if dispatch.kind == "slash_commands" else {"payload": json.dumps(dispatch.payload)}
    return urlencode(fields).encode(), "application/x-www-form-urlencoded"


def _parse_body(text: str) -> Any:
    """Return a JSON object parsed, other text as it is, and an empty body as None."""
    if not text:
        return None
    try:
        body = json.loads(text)
    except ValueError:
        return text
    return body if isinstance(body, dict) else text
