"""Events are acknowledged when they are committed; where the database does not take one, Slack delivers it again.

Slack does so for five minutes: what is much older is not Slack's, or nobody waits for it any more.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from handlers.blocks.messages import build_notice
from handlers.context import Ack, Context, Services, Work, handle
from handlers.payloads import EventMessage, parse_event_message
from handlers.slack.ephemeral import NotShown
from storage.errors import DatabaseUnavailable

LAST_RETRY: Final = "3"
"""Slack delivers an event four times at most: what is not taken then, it forgets."""

OLDEST_S: Final = 3_600.0

_log = logging.getLogger(__name__)


async def take_event(
    services: Services,
    ack: Ack,
    body: dict[str, Any],
    request: AsyncBoltRequest,
    answer: Callable[[Services, Context[EventMessage]], Awaitable[None]],
) -> BoltResponse:
    """Answer a message to the bot. Responds 503 while the database does not take it, so that Slack tries again."""
    response: BoltResponse | None = None

    async def answer_or_retry(services: Services, context: Context[EventMessage]) -> None:
        nonlocal response
        sent_at = context.payload.sent_at
        if sent_at is not None and services.now().timestamp() - sent_at > OLDEST_S:
            _log.warning("an event of more than an hour ago is left aside")
            return
        try:
            await answer(services, context)
        except DatabaseUnavailable as error:
            if request.headers.get("x-slack-retry-num", [""])[0] == LAST_RETRY:
                raise
            _log.warning("an event was not taken: %s", error)
            response = BoltResponse(status=503, body="")

    await handle(services, ack, body, parse=parse_event_message, answer=answer_or_retry, refuse=tell_author)
    return response or await ack()


async def tell_author(services: Services, context: Context[EventMessage], sentence: str) -> None:
    """Say something to the author of the message, in the background: an event has to be acknowledged."""
    written = context.payload
    work = services.ephemeral.send_privately(
        team_id=written.sender.team_id,
        channel_id=written.channel_id,
        user_id=written.sender.user_id,
        thread_ts=written.answer_ts if written.channel_id.startswith("D") else written.thread_ts,
        message=build_notice(sentence),
    )
    services.tasks.spawn(_try(work), name="answer an event")


async def _try(work: Work) -> None:
    """Do `work`; where the author cannot be reached, that is logged."""
    try:
        await work
    except NotShown as error:
        _log.warning("the author of a message could not be told: %s", error)
