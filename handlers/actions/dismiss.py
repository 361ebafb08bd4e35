"""*None of these*, and the select for the reason."""

from typing import cast, get_args

from bot.suggesting.clicks import replace_response_url
from handlers.actions.click_listener import ClickContext, repeat_confirmation
from handlers.blocks.confirmations import build_reason_note, parse_undo_block
from handlers.context import Services, Work
from handlers.payloads import MalformedPayload
from storage.errors import RequestClosed
from storage.records import DismissReason


async def dismiss(services: Services, clicked: ClickContext) -> Work:
    """Record that none was chosen, and ask why."""
    try:
        chosen = await services.chooser.dismiss(clicked.click, clicked.action.value)
    except RequestClosed as closed:
        return await repeat_confirmation(services, clicked, closed)
    return services.display.confirm_dismissal(chosen, clicked.texts)


async def give_reason(services: Services, clicked: ClickContext) -> Work:
    """Record the reason."""
    request_id, key = parse_undo_block(clicked.action.block_id)
    if clicked.action.value not in get_args(DismissReason) or not request_id:
        raise MalformedPayload("dismiss_reason")
    reason = cast("DismissReason", clicked.action.value)
    dismissed = await services.chooser.give_reason(clicked.click, request_id, reason)
    request = replace_response_url(dismissed, clicked.click.response_url)
    message = build_reason_note(request, clicked.texts, undo_key=key)
    return services.ephemeral.show(request, [message], replace=True)
