"""Socket Mode: Slack's deliveries over a WebSocket that the bot opens, so that it needs no public address."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import aiohttp
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.errors import SlackClientError

from handlers.slack.client import Connection

LOOK_EVERY_S: Final = 2.0
PING_EVERY_S: Final = 5.0
"""Also how long the SDK waits before it tries again to connect."""

_log = logging.getLogger(__name__)

# The SDK logs the URLs that it opens, which are secrets, and payloads; what matters, the watchdog says.
_SILENT = logging.getLogger("handlers.socket_mode.sdk")
_SILENT.setLevel(logging.CRITICAL)


class SocketModeConnection:
    """One Socket Mode connection, which reconnects by itself, and is watched doing so."""

    def __init__(
        self,
        bolt: AsyncApp,
        *,
        app_token: str,
        connection: Connection,
        open_session: Callable[[], aiohttp.ClientSession],
    ) -> None:
        """Prepare it; `open_session` opens one for the WebSocket, which closes with it."""
        self._app_token = app_token
        self._connection = connection
        self._open_session = open_session
        self._handler = AsyncSocketModeHandler(
            bolt, app_token, logger=_SILENT, web_client=connection.client, ping_interval=PING_EVERY_S
        )
        self._handler.client.proxy = None  # as in `Connection`
        self._watchdog: asyncio.Task[None] | None = None
        self._reconnecting: asyncio.Task[None] | None = None
        self._up = asyncio.Event()

    async def connect(self) -> None:
        """Connect, and watch from now on. Raises SlackRefused, SlackUnreachable."""
        await self._connection.check_app_token(self._app_token)
        await self._handler.client.aiohttp_client_session.close()
        self._handler.client.aiohttp_client_session = self._open_session()
        self._watchdog = asyncio.create_task(self._watch(), name="socket watchdog")
        await self._reconnect()
        if not await self.is_connected():
            await self._up.wait()  # the watchdog goes on trying

    async def is_connected(self) -> bool:
        """Tell whether the WebSocket is open."""
        return bool(await self._handler.client.is_connected())

    async def aclose(self) -> None:
        """Stop watching, and close the connection."""
        running = [task for task in (self._watchdog, self._reconnecting) if task is not None]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
        await self._handler.close_async()  # type: ignore[no-untyped-call]

    async def _watch(self) -> None:
        """Connect again at once, where the SDK would notice seconds later or not at all.

        It also keeps the SDK from trying a URL again that Slack has refused: each works once, and only for a while.
        """
        lost_s = 0.0
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if await self.is_connected():
                self._up.set()
                if lost_s:
                    _log.info("Socket Mode is connected again after about %d s", lost_s)
                lost_s = 0.0
                continue
            if not lost_s:
                _log.warning("Socket Mode is disconnected; reconnecting")
            lost_s += LOOK_EVERY_S
            self._handler.client.wss_uri = None  # its next try asks for a fresh one
            if self._reconnecting is None or self._reconnecting.done():
                self._reconnecting = asyncio.create_task(self._reconnect(), name="socket reconnect")

    async def _reconnect(self) -> None:
        """Ask for a fresh URL and connect. Does nothing while the SDK is connecting, or is connected."""
        try:
            await self._handler.client.connect_to_new_endpoint()
        except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
            _log.warning("Socket Mode could not be reconnected: %s", type(error).__name__)
