"""Socket Mode: Slack's deliveries over a WebSocket that we open, so that no address of ours need be public."""

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp

from handlers.connection import Connection


class Socket:
    """One Socket Mode connection, which reconnects by itself."""

    def __init__(self, bolt: AsyncApp, *, app_token: str, connection: Connection) -> None:
        self._app_token = app_token
        self._connection = connection
        self._handler = AsyncSocketModeHandler(bolt, app_token, web_client=connection.client)

    async def connect(self) -> None:
        """Raises SlackRefused, SlackUnreachable."""
        await self._connection.try_app_token(self._app_token)
        await self._handler.connect_async()  # type: ignore[no-untyped-call]

    async def connected(self) -> bool:
        return bool(await self._handler.client.is_connected())

    async def aclose(self) -> None:
        await self._handler.close_async()  # type: ignore[no-untyped-call]
