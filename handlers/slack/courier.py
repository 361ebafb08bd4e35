"""Replies on their way into a Slack conversation."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, Final

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.suggesting.deliver import DeliveryRefused, PostedPart
from handlers.blocks.markdown import build_draft
from handlers.blocks.messages import BlockMessage, build_reply
from handlers.slack.client import Installations
from handlers.slack.errors import translate_errors
from handlers.slack.response_urls import post_to_response_url
from handlers.slack.users import Users
from storage.records import Delivery, Request

# Nothing left to delete is what a delete wants.
_GONE: Final = frozenset({"message_not_found", "channel_not_found"})


class SlackCourier:
    """Posts and deletes parts of replies, as the bot, with the agent's name over the first part.

    It posts by clients that do not retry by themselves: a second try could post twice.
    """

    def __init__(
        self,
        *,
        installations: Installations,
        users: Users,
        session: aiohttp.ClientSession,
        now: Callable[[], datetime],
    ) -> None:
        self._installations = installations
        self._users = users
        self._session = session
        self._now = now

    async def post(self, request: Request, part: Delivery) -> PostedPart:
        """Post one part of a reply. Raises DeliveryRefused, DeliveryUncertain, DeliveryThrottled."""
        installation = self._installations.find(request.team_id)
        agent = await self._users.get(request.agent_id, installation) if part.part == 0 else None
        by = None if agent is None else agent.name
        message = build_reply(part.text or "", by=by, build=partial(build_draft, request=request))
        if part.address == "channel":
            return await _post_in_channel(installation.client, request, message)
        return await self._post_by_response_url(request, message)

    async def delete(self, channel_id: str, message_ts: str) -> None:
        """Delete a posted part; one that is gone is fine. Raises as `post` does."""
        try:
            async with translate_errors():
                await self._installations.find(None).client.chat_delete(channel=channel_id, ts=message_ts)
        except DeliveryRefused as refusal:
            if refusal.reason not in _GONE:
                raise

    async def _post_by_response_url(self, request: Request, message: BlockMessage) -> PostedPart:
        """Post into the conversation by the click's own URL, which asks for no membership."""
        if request.response_url is None or request.response_url_expires_at is None:
            raise DeliveryRefused("no_response_url")
        if request.response_url_expires_at <= self._now():
            raise DeliveryRefused("expired_response_url")
        body: dict[str, Any] = {
            "response_type": "in_channel",
            "replace_original": False,
            "text": message.text,
            "blocks": list(message.blocks),
        }
        if request.thread_ts is not None:
            body["thread_ts"] = request.thread_ts
        await post_to_response_url(self._session, request.response_url, body)
        return PostedPart(channel_id=request.channel_id, message_ts=None)


async def _post_in_channel(client: AsyncWebClient, request: Request, message: BlockMessage) -> PostedPart:
    """Post by `chat.postMessage`, where the request was made."""
    async with translate_errors():
        answer = await client.chat_postMessage(
            channel=request.channel_id,
            thread_ts=request.thread_ts,
            text=message.text,
            blocks=list(message.blocks),
            unfurl_links=False,
            unfurl_media=False,
        )
    return PostedPart(
        channel_id=_to_string(answer.get("channel")) or request.channel_id, message_ts=_to_string(answer.get("ts"))
    )


def _to_string(value: Any) -> str | None:
    return value if isinstance(value, str) else None
