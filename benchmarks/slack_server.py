"""The workspace's side of a measurement: signed deliveries, and a server for what comes back.

It is kept light so that on few cores it takes little from what is measured: it checks nothing while the load runs;
`rules` looks at what it received afterwards.
"""

import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from benchmarks.systems import SIGNING_SECRET

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A payload that reached Slack. `at`: seconds of `time.monotonic`.

    `method`: `chat.postMessage` …, `response_url`, or `acknowledgement` (a delivery's answer that has a body).
    `number`: the suggestion's, told by the URL or the channel; None where a call belongs to none.
    """

    at: float
    method: str
    number: int | None
    origin: str  # command, click, api or ack
    payload: JsonObject


class SlackServer:
    """The running server; made by `serve_slack`. `on_received` is called with each payload as it arrives."""

    def __init__(self, on_received: Callable[[Received], None]) -> None:
        self.api_url = ""
        self._response_url = ""
        self._on_received = on_received
        self._http: aiohttp.ClientSession | None = None
        self._messages = 0

    async def deliver_command(self, url: str, number: int, text: str) -> int:
        """Send `/suggest` as one of 50 agents; returns the status of the acknowledgement, its body read."""
        return await self._deliver(
            url,
            {
                "command": "/suggest",
                "text": text,
                "trigger_id": f"{number}.command.{id(self):x}",
                "response_url": f"{self._response_url}/command/{number}",
                "api_app_id": "A0BENCH",
                "team_id": "T0BENCH",
                "team_domain": "bench",
                "user_id": agent(number),
                "user_name": "agent",
                "channel_id": channel(number),
                "channel_name": "support",
                "is_enterprise_install": "false",
            },
        )

    async def deliver_click(self, url: str, number: int, block_id: str, action: JsonObject) -> int:
        """Click a button of the private message: as Slack sends it for ephemerals, without the message."""
        now = f"{time.time():.6f}"
        payload: JsonObject = {
            "type": "block_actions",
            "user": {"id": agent(number), "username": "agent", "name": "agent", "team_id": "T0BENCH"},
            "api_app_id": "A0BENCH",
            "container": {
                "type": "message",
                "message_ts": now,
                "channel_id": channel(number),
                "is_ephemeral": True,
            },
            "trigger_id": f"{number}.click.{id(self):x}",
            "team": {"id": "T0BENCH", "domain": "bench"},
            "enterprise": None,
            "is_enterprise_install": False,
            "channel": {"id": channel(number), "name": "support"},
            "response_url": f"{self._response_url}/click/{number}",
            "state": {"values": {}},
            "actions": [
                {
                    "type": "button",
                    "action_id": action["action_id"],
                    "block_id": block_id,
                    "text": action["text"],
                    "value": action["value"],
                    "action_ts": now,
                }
            ],
        }
        return await self._deliver(url, {"payload": json.dumps(payload)})

    async def _deliver(self, url: str, form: Mapping[str, str]) -> int:
        assert self._http is not None
        body = urlencode(form)
        timestamp = str(int(time.time()))
        digest = hmac.new(SIGNING_SECRET.encode(), f"v0:{timestamp}:{body}".encode(), hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": f"v0={digest}",
        }
        async with self._http.post(url, data=body, headers=headers) as response:
            answer = await response.read()
            at = time.monotonic()
            if answer and response.content_type == "application/json":
                self._on_received(
                    Received(at=at, method="acknowledgement", number=None, origin="ack", payload=json.loads(answer))
                )
            return response.status

    async def _on_response_url(self, request: web.Request) -> web.Response:
        at = time.monotonic()
        payload = await request.json()
        self._on_received(
            Received(
                at=at,
                method="response_url",
                number=int(request.match_info["number"]),
                origin=request.match_info["origin"],
                payload=payload,
            )
        )
        return web.Response(text="ok")

    async def _on_api(self, request: web.Request) -> web.Response:
        at = time.monotonic()
        is_json = request.content_type == "application/json"
        payload: JsonObject = await request.json() if is_json else dict(await request.post())
        method = request.match_info["method"]
        self._on_received(Received(at=at, method=method, number=number_of(payload), origin="api", payload=payload))
        return web.json_response({"ok": True} | self._result(method, payload))

    def _result(self, method: str, payload: JsonObject) -> JsonObject:
        self._messages += 1
        ts = f"{1_800_000_000 + self._messages}.000100"
        match method:
            case "auth.test":
                return {
                    "url": "https://bench.slack.com/",
                    "team": "bench",
                    "team_id": "T0BENCH",
                    "user": "bot",
                    "user_id": "U0BOT",
                    "bot_id": "B0BOT",
                    "is_enterprise_install": False,
                }
            case "users.info":
                return {"user": {"id": payload.get("user"), "team_id": "T0BENCH", "locale": "en-US", "tz": "Etc/UTC"}}
            case "chat.postMessage":
                return {"channel": payload["channel"], "ts": ts, "message": {"ts": ts, "text": payload.get("text")}}
            case _:
                return {}


@asynccontextmanager
async def serve_slack(on_received: Callable[[Received], None]) -> AsyncIterator[SlackServer]:
    side = SlackServer(on_received)
    app = web.Application(client_max_size=16 * 2**20)
    app.router.add_post("/response/{origin}/{number}", side._on_response_url)  # noqa: SLF001 - its other half
    app.router.add_route("*", "/api/{method}", side._on_api)  # noqa: SLF001 - as above
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        side.api_url = f"{base}/api/"
        side._response_url = f"{base}/response"  # noqa: SLF001 - known only now
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as side._http:  # noqa: SLF001
            yield side
    finally:
        await runner.cleanup()


def channel(number: int) -> str:
    """A channel of its own, so that replies are told apart, and no limit by channel is met."""
    return f"C{number:08d}"


def agent(number: int) -> str:
    return f"U{number % 50:08d}"


def number_of(payload: Mapping[str, Any]) -> int | None:
    name = str(payload.get("channel", ""))
    return int(name[1:]) if name[:1] == "C" and name[1:].isdigit() else None


def buttons(payload: JsonObject, action_id: str) -> list[tuple[str, JsonObject]]:
    """(block_id, button) of each such button in a message, in order. Slack names blocks that have no id."""
    found = []
    blocks = payload.get("blocks") or []
    for place, block in enumerate(json.loads(blocks) if isinstance(blocks, str) else blocks):
        for element in [*block.get("elements", []), block.get("accessory") or {}]:
            if element.get("action_id") == action_id:
                found += [(block.get("block_id", f"b{place}"), element)]
    return found
