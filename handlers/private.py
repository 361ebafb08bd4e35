"""Messages that only the agent can see, by whichever way still works."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Final

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.delivering import Refused, Throttled, Uncertain
from handlers.blocks import Message
from handlers.courier import webhook
from handlers.slack_errors import check_webhook, telling_apart
from storage.records import Request, WayBack

MOST_WAITS: Final = 3

_log = logging.getLogger(__name__)


class NotShown(Exception):  # noqa: N818 - named for what happened, as the callers read it
    """No way to the agent worked; the message's last reason."""


class PrivateMessages:
    """Sends by `response_url`, else `chat.postEphemeral`, else a direct message."""

    def __init__(
        self,
        *,
        client: AsyncWebClient,
        session: aiohttp.ClientSession,
        now: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._session = session
        self._now = now
        self._sleep = sleep

    async def answer(self, way_back: WayBack | None, message: Message, *, replace: bool = False) -> None:
        """One message by a way back alone. Raises NotShown."""
        try:
            await self._by_response_url(way_back, message, replace=replace)
        except (Refused, Uncertain, Throttled) as error:
            raise NotShown(str(error)) from error

    async def show(self, request: Request, messages: Sequence[Message], *, replace: bool = False) -> None:
        """Messages about a request to the agent who made it. The first may replace what the way back belongs to.

        Raises NotShown. A message whose fate is unknown is sent again another way: seeing it twice does no harm.
        """
        way_back = _way_back(request)
        for index, message in enumerate(messages):
            try:
                await self._by_response_url(way_back, message, replace=replace and index == 0)
            except (Refused, Uncertain, Throttled) as error:
                _log.info("response_url did not work: %s", error, extra={"request_id": request.id})
                await self._otherwise(request, message)

    async def _by_response_url(self, way_back: WayBack | None, message: Message, *, replace: bool) -> None:
        if way_back is None or way_back.expires_at <= self._now():
            raise Refused("expired_response_url")
        body = {
            "response_type": "ephemeral",
            "replace_original": replace,
            "text": message.text,
            "blocks": list(message.blocks),
        }

        async def post() -> None:
            async with telling_apart():
                answer = await webhook(way_back.response_url, self._session).send_dict(body)
            check_webhook(answer)

        await self._patiently(post)

    async def _otherwise(self, request: Request, message: Message) -> None:
        content: dict[str, Any] = {"text": message.text, "blocks": list(message.blocks)}

        async def post_ephemeral() -> None:
            async with telling_apart():
                await self._client.chat_postEphemeral(
                    channel=request.channel_id, user=request.agent_id, thread_ts=request.thread_ts, **content
                )

        async def post_directly() -> None:
            async with telling_apart():
                opened = await self._client.conversations_open(users=request.agent_id)
                await self._client.chat_postMessage(channel=opened["channel"]["id"], **content)

        try:
            await self._patiently(post_ephemeral)
        except (Refused, Uncertain, Throttled):
            try:
                await self._patiently(post_directly)
            except (Refused, Uncertain, Throttled) as error:
                raise NotShown(str(error)) from error

    async def _patiently(self, post: Callable[[], Awaitable[None]]) -> None:
        """Wait as Slack tells, a few times."""
        for _ in range(MOST_WAITS):
            try:
                return await post()
            except Throttled as throttled:
                await self._sleep(throttled.retry_after_s)
        return await post()


def _way_back(request: Request) -> WayBack | None:
    if request.response_url is None or request.response_url_expires_at is None:
        return None
    return WayBack(response_url=request.response_url, expires_at=request.response_url_expires_at)
