"""A direct message to the bot is the customer's; the candidates are a message in its thread.

Where it forwards a message, that one is the customer's, and what the agent wrote beside it is the hint.
"""

import logging
from collections.abc import Mapping
from typing import Any

from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.i18n.texts import Texts
from bot.suggesting.deliver import DeliveryRefused, DeliveryThrottled, DeliveryUncertain
from handlers.commands.arguments import parse_subcommand, split_hint
from handlers.context import Ack, Context, Services
from handlers.events.redelivery import take_event, tell_author
from handlers.payloads import EventMessage
from handlers.slack.messages import WRITTEN, get_subtype
from storage.records import Request, Turn

_log = logging.getLogger(__name__)


async def on_direct_message(
    services: Services, ack: Ack, body: dict[str, Any], request: AsyncBoltRequest
) -> BoltResponse:
    """Handle the event; messages elsewhere, edits and deletions are acknowledged only."""
    event = body.get("event")
    if not isinstance(event, Mapping) or not _is_direct(event):
        return await ack()
    return await take_event(services, ack, body, request, _answer)


async def _answer(services: Services, context: Context[EventMessage]) -> None:
    """Commit the request, then draft into a message in its thread; without a text, tell the usage there."""
    read = context.payload.read
    message, hint = (read.forwarded_text, read.own or None) if read.forwarded else split_hint(read.own)
    if read.lacks_forwarded:
        await tell_author(services, context, context.texts("unread-headings"))
        return
    if not read.is_readable or (not read.forwarded and parse_subcommand(message) == "help"):
        await tell_author(services, context, context.texts("usage-direct"))
        return
    written = context.payload
    ask = context.build_ask(
        surface="dm",
        channel_id=written.channel_id,
        thread_ts=written.answer_ts,
        conversation=[Turn(role="customer", text=message)],
        hint=hint,
        idempotency_key=f"event:{written.event_id}",
    )
    request = await services.suggester.accept(ask)
    services.follow_up(request, context.texts, _draft_in_message(services, request, context.texts))


async def _draft_in_message(services: Services, request: Request, texts: Texts) -> None:
    """Post a message with empty places, and draft into them."""
    try:
        places = await services.display.build_empty_places(request, texts)
        posted = await services.live_messages.post(request, places.first)
    except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled) as error:
        _log.warning("no message to fill: %s", error, extra={"request_id": request.id})
        await services.display.draft_and_show(request, texts)
        return
    await services.display.draft_progressively(request, posted, texts)


def _is_direct(event: Mapping[str, Any]) -> bool:
    """Tell whether somebody wrote it to the bot. Messages of apps, its own too, do not pass access control."""
    return event.get("channel_type") == "im" and get_subtype(event) in WRITTEN and not event.get("hidden")
