"""*Suggest replies* in a message's menu: replies to that message, in a modal that opens at once.

The thread is read after the acknowledgement, since a modal has to be open within three seconds.
"""

import logging
from typing import Any

from bot.i18n.texts import Texts
from bot.suggesting.deliver import DeliveryRefused, DeliveryThrottled, DeliveryUncertain
from handlers.blocks.candidates import build_candidates_view
from handlers.blocks.messages import build_notice
from handlers.blocks.modals import build_notice_view
from handlers.context import Ack, Context, Services, handle
from handlers.payloads import MessageShortcut, parse_message_shortcut
from handlers.slack.ephemeral import to_response_url
from handlers.slack.errors import translate_errors
from handlers.slack.messages import read_message
from handlers.slack.threads import TargetMessage
from storage.records import Request, Turn

_log = logging.getLogger(__name__)


async def on_message_shortcut(services: Services, ack: Ack, body: dict[str, Any]) -> None:
    """Handle the shortcut."""
    await handle(services, ack, body, parse=parse_message_shortcut, answer=_answer, refuse=_refuse)


async def _answer(services: Services, context: Context[MessageShortcut]) -> None:
    """Commit the request, acknowledge, then open the modal and draft."""
    read = read_message(context.payload.message)
    if not read.is_readable:
        await _refuse(services, context, context.texts("unread-headings" if read.own else "nothing-said"))
        return
    shortcut = context.payload
    ask = context.build_ask(
        surface="shortcut",
        channel_id=shortcut.channel_id,
        thread_ts=shortcut.thread_ts,
        pointed_ts=shortcut.ts,
        conversation=[Turn(role="customer", text=read.whole)],  # alone: the thread is read later
        idempotency_key=f"shortcut:{shortcut.trigger_id}",
        response_url=to_response_url(shortcut.response_url, services.now()),
    )
    request = await services.suggester.accept(ask)
    await context.ack()
    services.follow_up(request, context.texts, services.colleagues.tell(request))
    services.follow_up(request, context.texts, _draft_in_modal(services, context.payload, request, context.texts))


async def _draft_in_modal(services: Services, shortcut: MessageShortcut, request: Request, texts: Texts) -> None:
    """Open the modal, read the thread, draft; where no modal opens, the replies are shown privately."""
    target = TargetMessage(
        team_id=request.team_id, channel_id=request.channel_id, thread_ts=shortcut.thread_ts, message=shortcut.message
    )
    places = await services.display.build_empty_places(request, texts)
    try:
        view = build_candidates_view(request, places.blocks, texts)
        modal = await services.live_messages.open(request, shortcut.trigger_id, view)
    except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled) as error:
        _log.warning("views.open did not work: %s", error, extra={"request_id": request.id})
        read, note = await services.display.read_thread(target, request, texts)
        await services.display.draft_and_show(read, texts, note=note or texts("modal-not-opened"))
        return
    read, note = await services.display.read_thread(target, request, texts)
    await services.display.draft_progressively(read, modal, texts, note=note)


async def _refuse(services: Services, context: Context[MessageShortcut], sentence: str) -> None:
    """Acknowledge, and tell the reason in the background."""
    await context.ack()
    services.tasks.spawn(_tell(services, context, sentence), name="refuse a shortcut")


async def _tell(services: Services, context: Context[MessageShortcut], sentence: str) -> None:
    """Say it in a modal, where the agent looks; else directly."""
    message = build_notice(sentence)
    view = build_notice_view(message, context.texts)
    try:
        async with translate_errors():
            await context.installation.patient_client.views_open(trigger_id=context.payload.trigger_id, view=view)
    except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled):
        sender = context.payload.sender
        await services.ephemeral.send_directly(sender.user_id, message, team_id=sender.team_id)
