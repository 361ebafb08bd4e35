"""A mention in a thread, or with a forwarded message: private candidates there. What follows it is the hint."""

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
    """Commit the request, then read the thread and draft; where there is nothing to read, say where mentions work."""
    written = context.payload
    is_in_thread = written.thread_ts is not None
    if not is_in_thread and not written.read.forwarded:
        services.suggester.check_channel(written.channel_id, "mention")
        sentence = context.texts("unread-headings" if written.read.lacks_forwarded else "mention-outside")
        await tell_author(services, context, sentence)
        return
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
    draft = services.display.draft_in_thread if is_in_thread else services.display.draft_and_show
    services.follow_up(request, context.texts, draft(request, context.texts))
