"""A mention in a thread: private candidates there. What follows the mention is the hint."""

import re
from typing import Any

from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from handlers.context import Ack, Context, Services
from handlers.events.redelivery import take_event, tell_author
from handlers.payloads import EventMessage
from handlers.slack.markup import to_plain_text
from storage.records import Turn


async def on_mention(services: Services, ack: Ack, body: dict[str, Any], request: AsyncBoltRequest) -> BoltResponse:
    """Handle the event."""
    return await take_event(services, ack, body, request, _answer)


async def _answer(services: Services, context: Context[EventMessage]) -> None:
    """Commit the request, then read the thread and draft; outside of a thread, say where mentions work."""
    if context.payload.thread_ts is None:
        services.suggester.check_channel(context.payload.channel_id, "mention")
        await tell_author(services, context, context.texts("mention-outside"))
        return
    written = context.payload
    hint = re.sub(rf"<@{context.installation.identity.bot_user_id}(\|[^>]*)?>", "", written.text).strip()
    ask = context.build_ask(
        surface="mention",
        channel_id=written.channel_id,
        thread_ts=written.thread_ts,
        # The thread is read later; until then, there is what is forwarded with the mention.
        conversation=[Turn(role="customer", text=each.text) for each in written.read.forwarded],
        hint=to_plain_text(hint) or None,
        idempotency_key=f"event:{written.event_id}",
    )
    request = await services.suggester.accept(ask)
    services.follow_up(request, context.texts, services.colleagues.tell(request))
    services.follow_up(request, context.texts, services.display.draft_in_thread(request, context.texts))
