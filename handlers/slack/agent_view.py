"""Slack's agent view: in the thread of a direct message, that the bot is at work; before one, what to write.

An app without that view is refused all of it, which costs nothing: its direct messages are answered all the same.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, Literal

from slack_sdk.web.async_client import AsyncWebClient

from bot.suggesting.deliver import DeliveryRefused, DeliveryThrottled, DeliveryUncertain
from handlers.slack.errors import translate_errors

LIMIT_S: Final = 3.0
"""For what is no more than shown: nobody is to wait for it longer."""

_log = logging.getLogger(__name__)


@asynccontextmanager
async def show_at_work(client: AsyncWebClient, channel_id: str, thread_ts: str) -> AsyncIterator[None]:
    """Have Slack show in this thread that the bot is at work, until the block ends."""
    beginning = asyncio.create_task(_set_status(client, channel_id, thread_ts, "processing"))
    try:
        yield
    finally:
        if await beginning:
            await _set_status(client, channel_id, thread_ts, "active")


async def suggest_prompts(
    client: AsyncWebClient, channel_id: str, title: str, prompts: Sequence[dict[str, str]]
) -> None:
    """Offer messages to send with one click; Slack takes four at most. A refusal is logged."""
    try:
        # Without `thread_ts`: with it, Slack ignores the call of an app with the agent view.
        async with asyncio.timeout(LIMIT_S), translate_errors():
            await client.assistant_threads_setSuggestedPrompts(
                channel_id=channel_id, title=title, prompts=list(prompts)
            )
    except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled, TimeoutError) as error:
        _log.info("no prompts are suggested: %s", error)


async def is_empty(client: AsyncWebClient, channel_id: str) -> bool:
    """Tell whether nothing was written yet in a direct message; not empty where Slack does not tell."""
    try:
        async with asyncio.timeout(LIMIT_S), translate_errors():
            answer = await client.conversations_history(channel=channel_id, limit=1)
            return not answer["messages"]
    except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled, TimeoutError) as error:
        _log.info("whether a direct message is empty is not known: %s", error)
        return False


async def _set_status(
    client: AsyncWebClient, channel_id: str, thread_ts: str, status: Literal["processing", "active"]
) -> bool:
    """Set the status of the thread. Returns False where Slack does not take it."""
    try:
        async with asyncio.timeout(LIMIT_S), translate_errors():
            await client.agents_sessions_setStatus(channel_id=channel_id, thread_ts=thread_ts, status=status)
    except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled, TimeoutError) as error:
        _log.info("no status is shown: %s", error)
        return False
    return True
