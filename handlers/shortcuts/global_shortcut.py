"""*Suggest replies* beside the composer: a modal to paste a customer's message in."""

import logging
from typing import Any, Final

from bot.suggesting.deliver import DeliveryRefused, DeliveryThrottled, DeliveryUncertain
from handlers.blocks.messages import build_notice
from handlers.blocks.modals import build_paste_view
from handlers.context import Ack, Context, Services, handle
from handlers.payloads import GlobalShortcut, parse_global_shortcut
from handlers.slack.errors import translate_errors

_USED_TRIGGER: Final = "exchanged_trigger_id"
"""Slack has opened a window by this trigger before: the shortcut was delivered twice."""

_log = logging.getLogger(__name__)


async def on_global_shortcut(services: Services, ack: Ack, body: dict[str, Any]) -> None:
    """Handle the shortcut. Nothing is asked for yet, so it is acknowledged at once."""
    await ack()
    opening = handle(services, ack, body, parse=parse_global_shortcut, answer=_open_paste_view, refuse=_tell)
    services.tasks.spawn(opening, name="open the modal to paste in")


async def _open_paste_view(services: Services, context: Context[GlobalShortcut]) -> None:
    """Open the modal; where it does not open, tell the user, unless the shortcut was delivered twice."""
    try:
        async with translate_errors():
            view = build_paste_view(context.texts)
            await context.installation.patient_client.views_open(trigger_id=context.payload.trigger_id, view=view)
    except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled) as error:
        _log.warning("views.open did not work: %s", error)
        if not isinstance(error, DeliveryRefused) or error.reason != _USED_TRIGGER:
            await _tell(services, context, context.texts("paste-not-opened"))


async def _tell(services: Services, context: Context[GlobalShortcut], sentence: str) -> None:
    """Send a sentence as a direct message."""
    sender = context.payload.sender
    await services.ephemeral.send_directly(sender.user_id, build_notice(sentence), team_id=sender.team_id)
