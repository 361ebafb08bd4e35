"""*More like these*, *Try again* and *Draft new replies*; and the menu beside each candidate."""

from typing import cast, get_args

from bot.suggesting.redraft import Steering
from handlers.actions.click_listener import ClickContext, open_view
from handlers.blocks.modals import build_language_view
from handlers.context import Services, Work
from handlers.payloads import MalformedPayload
from storage.records import Steer


async def redraft(services: Services, clicked: ClickContext) -> Work:
    """Close the request, and draft others for the same message."""
    request = await services.suggester.redraft(clicked.click, clicked.action.value)
    return services.display.redraft(request, clicked.texts)


async def steer(services: Services, clicked: ClickContext) -> Work:
    """Draft others made of one candidate; for another language, ask first which one."""
    steer, _, candidate_id = clicked.action.value.partition(":")
    if steer not in get_args(Steer):
        raise MalformedPayload("steer_candidate")
    if steer == "other_language":
        await services.chooser.keep_response_url(clicked.click, candidate_id)
        view = build_language_view(candidate_id, clicked.texts)
        return open_view(services, clicked, view, otherwise=clicked.texts("languages-not-opened"))
    steering = Steering(candidate_id=candidate_id, steer=cast("Steer", steer))
    request = await services.suggester.steer(clicked.click, steering)
    return services.display.redraft(request, clicked.texts)
