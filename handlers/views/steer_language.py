"""The choice of a language: others are drafted in it. What goes wrong is said in the view, which stays."""

from typing import Any

from bot.i18n.languages import LANGUAGES
from bot.suggesting.redraft import CUSTOMERS_OWN, Steering
from handlers.blocks.action_ids import LANGUAGE_BLOCK
from handlers.context import Ack, Context, Services
from handlers.payloads import SubmissionPayload
from handlers.views.submissions import handle_submission, to_click


async def on_language(services: Services, ack: Ack, body: dict[str, Any]) -> None:
    """Handle the chosen language."""
    await handle_submission(services, ack, body, inputs=(LANGUAGE_BLOCK,), answer=_answer)


async def _answer(services: Services, context: Context[SubmissionPayload]) -> None:
    """Commit the request, close the view, and draft."""
    chosen = context.payload
    language = chosen.get_choice(LANGUAGE_BLOCK, {*LANGUAGES, CUSTOMERS_OWN})
    steering = Steering(
        candidate_id=chosen.metadata,
        steer="other_language",
        language=None if language == CUSTOMERS_OWN else language,
    )
    request = await services.suggester.steer(to_click(context), steering)
    await context.ack()
    if chosen.previous_view_id is not None and request.parent_request_id is not None:
        services.live_messages.remember_modal(request.parent_request_id, chosen.previous_view_id)
    services.follow_up(request, context.texts, services.display.redraft(request, context.texts))
