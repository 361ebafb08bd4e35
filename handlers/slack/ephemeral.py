"""Messages that only the agent sees, by the first way that works."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.i18n.texts import get_texts
from bot.suggesting.deliver import DeliveryRefused, DeliveryThrottled, DeliveryUncertain
from bot.surfaces import SURFACES
from handlers.blocks.limits import TOO_LONG
from handlers.blocks.messages import BlockMessage, add_link, halve
from handlers.slack.client import Installations
from handlers.slack.errors import translate_errors
from handlers.slack.live_message import LiveMessages, Modal
from handlers.slack.response_urls import post_to_response_url
from storage.records import Request, ResponseUrl

MOST_WAITS: Final = 3

LINK_LIMIT_S: Final = 1.0
"""A message waits no longer for the link in it."""

RESPONSE_URL_LIFE: Final = timedelta(minutes=30)
"""How long Slack takes posts to a `response_url`."""


_log = logging.getLogger(__name__)


class NotShown(Exception):  # noqa: N818 - named for what happened, as the callers read it
    """No way to the agent worked; the message is the last reason."""


class EphemeralMessages:
    """Sends by `response_url`, else `chat.postEphemeral`, else a direct message.

    What replaces the contents of a modal goes into that modal.
    """

    def __init__(
        self,
        *,
        installations: Installations,
        live_messages: LiveMessages,
        session: aiohttp.ClientSession,
        now: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._installations = installations
        self._live_messages = live_messages
        self._session = session
        self._now = now
        self._sleep = sleep
        self._channel_links: dict[tuple[str, str], str] = {}

    async def respond(self, response_url: ResponseUrl | None, message: BlockMessage, *, replace: bool = False) -> None:
        """Send one message by a `response_url` alone. Raises NotShown."""
        try:
            await self._send_by_response_url(response_url, message, replace=replace)
        except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled) as error:
            raise NotShown(str(error)) from error

    async def show(self, request: Request, messages: Sequence[BlockMessage], *, replace: bool = False) -> None:
        """Show messages about a request to its agent. The first may replace what the `response_url` belongs to.

        Raises NotShown. A message whose fate is unknown is sent again another way: seeing it twice does no harm.
        """
        if replace and isinstance(self._live_messages.find(request), Modal):
            if await self._replace_in_modal(request, messages):
                return
            replace = False  # what is left of a shortcut's way back belongs to the customer's message
        response_url = _get_response_url(request)
        if not replace and request.surface == "shortcut" and _is_active(request):
            # Seen in the thread, where the agent is; a `response_url` knows no private messages in threads.
            response_url = None
        for index, message in enumerate(messages):
            replaces = replace and index == 0
            # What replaces nothing goes into the thread of a direct message, which a `response_url` does not find.
            url = response_url if replaces or request.surface != "dm" else None
            await self._send(request, url, message, replace=replaces)

    async def show_here(self, request: Request, messages: Sequence[BlockMessage]) -> None:
        """Show messages where the agent has just been, by the newest `response_url`. Raises NotShown."""
        for message in messages:
            await self._send(request, _get_response_url(request), message, replace=False)

    async def send_directly(self, user_id: str, message: BlockMessage, *, team_id: str) -> None:
        """Send a direct message. Raises NotShown."""
        await self._send_or_raise(partial(_post_directly, self._get_client(team_id), user_id), message)

    async def send_privately(
        self, *, team_id: str, channel_id: str, user_id: str, thread_ts: str | None, message: BlockMessage
    ) -> None:
        """Send a message where somebody wrote, for their eyes alone; else a direct message. Raises NotShown."""
        client = self._get_client(team_id)
        if channel_id.startswith("D"):
            post = partial(_post, client, channel_id, thread_ts)
        else:
            post = partial(_post_ephemeral, client, channel_id, user_id, thread_ts)
        try:
            await self._send_in_parts(post, message)
        except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled):
            await self.send_directly(user_id, message, team_id=team_id)

    def _get_client(self, team_id: str) -> AsyncWebClient:
        return self._installations.find(team_id).client

    async def _send(
        self, request: Request, response_url: ResponseUrl | None, message: BlockMessage, *, replace: bool
    ) -> None:
        """Send by `response_url`, else another way. Raises NotShown."""
        try:
            await self._send_by_response_url(response_url, message, replace=replace)
        except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled) as error:
            _log.info("response_url did not work: %s", error, extra={"request_id": request.id})
            await self._send_without_response_url(request, message)

    async def _replace_in_modal(self, request: Request, messages: Sequence[BlockMessage]) -> bool:
        """Replace what the request's modal shows. Returns False where it is closed, or cannot be changed."""
        try:
            return await self._live_messages.replace(request, messages)
        except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled) as error:
            _log.info("the modal is closed, or cannot be changed: %s", error, extra={"request_id": request.id})
            return False

    async def _send_by_response_url(
        self, response_url: ResponseUrl | None, message: BlockMessage, *, replace: bool
    ) -> None:
        """Send the message, in halves where Slack finds it too long. The first may replace what was clicked."""
        try:
            await self._post_by_response_url(response_url, message, replace=replace)
        except DeliveryRefused as refusal:
            for index, half in enumerate(_halve(message, refusal)):
                await self._send_by_response_url(response_url, half, replace=replace and index == 0)

    async def _post_by_response_url(
        self, response_url: ResponseUrl | None, message: BlockMessage, *, replace: bool
    ) -> None:
        """Post the whole message by a `response_url`."""
        if response_url is None or response_url.expires_at <= self._now():
            raise DeliveryRefused("expired_response_url")
        body = {
            "response_type": "ephemeral",
            "replace_original": replace,
            "text": message.text,
            "blocks": list(message.blocks),
        }
        await self._post_when_allowed(partial(post_to_response_url, self._session, response_url.url, body))

    async def _send_without_response_url(self, request: Request, message: BlockMessage) -> None:
        """Send by `chat.postEphemeral`, in the conversation with the bot, or as a direct message. Raises NotShown."""
        client = self._get_client(request.team_id)
        thread_ts = request.thread_ts if _is_active(request) else None
        if not SURFACES[request.surface].is_private:
            try:
                post = partial(_post_ephemeral, client, request.channel_id, request.agent_id, thread_ts)
                await self._send_in_parts(post, message)
            except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled) as error:
                _log.info("chat.postEphemeral did not work: %s", error, extra={"request_id": request.id})
            else:
                return
        if request.surface == "dm":
            try:
                await self._send_in_parts(partial(_post, client, request.channel_id, request.thread_ts), message)
            except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled) as error:
                _log.info("chat.postMessage did not work: %s", error, extra={"request_id": request.id})
            else:
                return
        linked = await self._link_thread(request, message)
        await self._send_or_raise(partial(_post_directly, client, request.agent_id), linked)

    async def _link_thread(self, request: Request, message: BlockMessage) -> BlockMessage:
        """Link the thread that the message is about, where there is one and Slack tells the link."""
        if request.thread_ts is None or SURFACES[request.surface].is_private:
            return message
        link = await self.find_link(request, request.channel_id, request.thread_ts)
        return message if link is None else add_link(message, link, get_texts(request.locale, request.task))

    async def find_link(self, request: Request, channel_id: str, message_ts: str) -> str | None:
        """Find the link to a message; None where Slack does not tell in time.

        Slack is asked once a channel: outside threads, links differ in the time stamp alone.
        """
        stamp = f"p{message_ts.replace('.', '')}"
        place = (request.team_id, channel_id)
        if request.thread_ts is None and place in self._channel_links:
            return self._channel_links[place] + stamp
        client = self._get_client(request.team_id)
        try:
            async with asyncio.timeout(LINK_LIMIT_S), translate_errors():
                answer = await client.chat_getPermalink(channel=channel_id, message_ts=message_ts)
                link = str(answer["permalink"])
        except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled, TimeoutError) as error:
            _log.info("no link to a message: %s", error, extra={"request_id": request.id})
            return None
        if link.endswith(f"/archives/{channel_id}/{stamp}"):
            self._channel_links[place] = link.removesuffix(stamp)
        return link

    async def _send_or_raise(self, post: Callable[[BlockMessage], Awaitable[None]], message: BlockMessage) -> None:
        """Send by `post`, the last way there is. Raises NotShown."""
        try:
            await self._send_in_parts(post, message)
        except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled) as error:
            raise NotShown(str(error)) from error

    async def _send_in_parts(self, post: Callable[[BlockMessage], Awaitable[None]], message: BlockMessage) -> None:
        """Send the message by `post`, in halves where Slack finds it too long."""
        try:
            await self._post_when_allowed(partial(post, message))
        except DeliveryRefused as refusal:
            for half in _halve(message, refusal):
                await self._send_in_parts(post, half)

    async def _post_when_allowed(self, post: Callable[[], Awaitable[None]]) -> None:
        """Post, and wait as Slack tells, MOST_WAITS times at most."""
        for _ in range(MOST_WAITS):
            try:
                return await post()
            except DeliveryThrottled as throttled:
                await self._sleep(throttled.retry_after_s)
        return await post()


async def _post_ephemeral(
    client: AsyncWebClient, channel_id: str, user_id: str, thread_ts: str | None, message: BlockMessage
) -> None:
    """Post by `chat.postEphemeral`."""
    async with translate_errors():
        await client.chat_postEphemeral(
            channel=channel_id,
            user=user_id,
            thread_ts=thread_ts,
            text=message.text,
            blocks=list(message.blocks),
        )


async def _post_directly(client: AsyncWebClient, user_id: str, message: BlockMessage) -> None:
    """Post into the direct message with this user."""
    async with translate_errors():
        opened = await client.conversations_open(users=user_id)
        channel_id = str(opened["channel"]["id"])
    await _post(client, channel_id, None, message)


async def _post(client: AsyncWebClient, channel_id: str, thread_ts: str | None, message: BlockMessage) -> None:
    """Post by `chat.postMessage`."""
    async with translate_errors():
        await client.chat_postMessage(
            channel=channel_id, thread_ts=thread_ts, text=message.text, blocks=list(message.blocks)
        )


def _halve(message: BlockMessage, refusal: DeliveryRefused) -> tuple[BlockMessage, ...]:
    """Halve a message that Slack found too long; another refusal is raised as it is."""
    halves = halve(message) if refusal.reason in TOO_LONG else ()
    if not halves:
        raise refusal
    return halves


def _is_active(request: Request) -> bool:
    """Tell whether the thread has replies: in one that has none, Slack shows a private message to nobody."""
    return request.surface == "mention" or request.seen_ts not in {None, request.thread_ts}


def _get_response_url(request: Request) -> ResponseUrl | None:
    """The request's `response_url`, if it has one."""
    if request.response_url is None or request.response_url_expires_at is None:
        return None
    return ResponseUrl(url=request.response_url, expires_at=request.response_url_expires_at)


def to_response_url(url: str | None, now: datetime) -> ResponseUrl | None:
    """The `response_url` of a payload that came now; None where it brings none."""
    return None if url is None else ResponseUrl(url=url, expires_at=now + RESPONSE_URL_LIFE)
