"""The choice of a language: others are drafted in it. What goes wrong is said in the view, which stays."""

from typing import Any

from bot.suggesting.redraft import Steering
from handlers.blocks.action_ids import LANGUAGE_BLOCK
from handlers.context import Ack, Context, Services, handle
from handlers.payloads import LanguageSubmission, parse_language_submission
from handlers.views.submissions import refuse_under, to_click


async def on_language(services: Services, ack: Ack, body: dict[str, Any]) -> None:
    """Handle the chosen language."""
    refuse = refuse_under(LANGUAGE_BLOCK)
    await handle(services, ack, body, parse=parse_language_submission, answer=_answer, refuse=refuse)


async def _answer(services: Services, context: Context[LanguageSubmission]) -> None:
    """Commit the request, close the view, and draft."""
    chosen = context.payload
    steering = Steering(candidate_id=chosen.candidate_id, steer="other_language", language=chosen.language)
    request = await services.suggester.steer(to_click(services, chosen), steering)
    await context.ack()
    if chosen.previous_view_id is not None and request.parent_request_id is not None:
        services.live_messages.remember_modal(request.parent_request_id, chosen.previous_view_id)
    services.follow_up(request, context.texts, services.display.redraft(request, context.texts))
