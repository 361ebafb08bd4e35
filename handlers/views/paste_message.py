"""A pasted message: the same modal shows the replies. What goes wrong is said in it, where the text stays."""

from typing import Any

from bot.suggesting.admission import Ask
from handlers.blocks.action_ids import MESSAGE_BLOCK
from handlers.blocks.candidates import build_candidates_view
from handlers.context import Ack, Context, Services, handle
from handlers.payloads import PasteSubmission, parse_paste_submission
from handlers.slack.live_message import Modal
from handlers.views.submissions import refuse_under
from storage.records import Turn

_refuse = refuse_under(MESSAGE_BLOCK)


async def on_paste(services: Services, ack: Ack, body: dict[str, Any]) -> None:
    """Handle the pasted message."""
    await handle(services, ack, body, parse=parse_paste_submission, answer=_answer, refuse=_refuse)


async def _answer(services: Services, context: Context[PasteSubmission]) -> None:
    """Commit the request, show its places in the modal, and draft into them."""
    pasted, texts = context.payload, context.texts
    if not pasted.message:
        await _refuse(services, context, texts("nothing-said"))
        return
    request = await services.suggester.accept(_to_ask(services, context))
    modal = Modal(view_id=pasted.view_id)
    services.live_messages.remember(request.id, modal)
    places = await services.display.build_empty_places(request, texts)
    await context.ack(response_action="update", view=build_candidates_view(request, places.blocks, texts))
    services.follow_up(request, texts, services.display.draft_progressively(request, modal, texts))


def _to_ask(services: Services, context: Context[PasteSubmission]) -> Ask:
    """The request as asked for: there is no conversation around it."""
    pasted = context.payload
    return Ask(
        team_id=pasted.team_id,
        is_of_grid=services.identity.shares_grid(pasted.origin),
        # There is no conversation around it: what has to be told is told to the agent.
        channel_id=pasted.user_id,
        agent_id=pasted.user_id,
        surface="global",
        locale=context.user.locale,
        conversation=(Turn(role="customer", text=pasted.message),),
        hint=pasted.hint,
        idempotency_key=f"view:{pasted.view_id}:{pasted.view_hash}",
    )
