"""A pasted message: the same modal shows the replies. What goes wrong is said in it, where the text stays."""

from typing import Any

from handlers.blocks.action_ids import HINT_BLOCK, MESSAGE_BLOCK
from handlers.blocks.candidates import build_candidates_view
from handlers.context import Ack, Context, Services
from handlers.payloads import SubmissionPayload
from handlers.slack.live_message import Modal
from handlers.views.submissions import handle_submission, refuse
from storage.records import Turn


async def on_paste(services: Services, ack: Ack, body: dict[str, Any]) -> None:
    """Handle the pasted message."""
    await handle_submission(services, ack, body, inputs=(MESSAGE_BLOCK, HINT_BLOCK), answer=_answer)


async def _answer(services: Services, context: Context[SubmissionPayload]) -> None:
    """Commit the request, show its places in the modal, and draft into them."""
    pasted, texts = context.payload, context.texts
    message = pasted.values[MESSAGE_BLOCK].strip()
    if not message:
        await refuse(context, MESSAGE_BLOCK, texts("nothing-said"))
        return
    ask = context.build_ask(
        surface="global",
        channel_id=pasted.sender.user_id,  # no conversation around it: what has to be told is told to the agent
        conversation=[Turn(role="customer", text=message)],
        hint=pasted.values[HINT_BLOCK].strip() or None,
        idempotency_key=f"view:{pasted.view_id}:{pasted.view_hash}",
    )
    request = await services.suggester.accept(ask)
    modal = Modal(view_id=pasted.view_id)
    services.live_messages.remember(request.id, modal)
    places = await services.display.build_empty_places(request, texts)
    await context.ack(response_action="update", view=build_candidates_view(request, places.blocks, texts))
    services.follow_up(request, texts, services.display.draft_progressively(request, modal, texts))
