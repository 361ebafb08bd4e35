"""Socket Mode: Slack's deliveries over a WebSocket that we open, so that no address of ours need be public."""

import asyncio
import logging
from typing import Final

import aiohttp
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.errors import SlackClientError

from handlers.connection import Connection

LOOK_EVERY_S: Final = 2.0
STUCK_AFTER_S: Final = 30.0

_log = logging.getLogger(__name__)

# The SDK logs the URLs that it opens, which are secrets, and payloads; what matters, the watchdog says.
_SILENT = logging.getLogger("handlers.socket.sdk")
_SILENT.setLevel(logging.CRITICAL)


class Socket:
    """One Socket Mode connection, which reconnects by itself, and is watched doing so."""

    def __init__(self, bolt: AsyncApp, *, app_token: str, connection: Connection) -> None:
        self._app_token = app_token
        self._connection = connection
        self._handler = AsyncSocketModeHandler(bolt, app_token, logger=_SILENT, web_client=connection.client)
        self._watchdog: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Raises SlackRefused, SlackUnreachable."""
        await self._connection.try_app_token(self._app_token)
        self._watchdog = asyncio.create_task(self._watch(), name="socket watchdog")
        await self._handler.connect_async()  # type: ignore[no-untyped-call]

    async def connected(self) -> bool:
        return bool(await self._handler.client.is_connected())

    async def aclose(self) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()
            await asyncio.wait([self._watchdog])
        await self._handler.close_async()  # type: ignore[no-untyped-call]

    async def _watch(self) -> None:
        """Keep the SDK from trying a URL again that Slack has refused: each URL works once, and only for a while."""
        lost_s = 0.0
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if await self.connected():
                if lost_s:
                    _log.info("Socket Mode is connected again after about %d s", lost_s)
                lost_s = 0.0
                continue
            if not lost_s:
                _log.warning("Socket Mode is disconnected; reconnecting")
            lost_s += LOOK_EVERY_S
            self._handler.client.wss_uri = None  # its next try asks for a fresh one
            if lost_s % STUCK_AFTER_S == 0:
                await self._reconnect()

    async def _reconnect(self) -> None:
        """Where the SDK does not seem to try at all."""
        try:
            await self._handler.client.connect_to_new_endpoint()
        except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
            _log.warning("Socket Mode could not be reconnected: %s", type(error).__name__)
