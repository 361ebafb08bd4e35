"""*None of these*, the select for the reason, and the field for another one."""

from typing import cast, get_args

from bot.suggesting.clicks import replace_response_url
from handlers.actions.click_listener import ClickContext, open_view, repeat_confirmation
from handlers.blocks.confirmations import build_reason_note, parse_undo_block
from handlers.blocks.messages import BlockMessage
from handlers.blocks.modals import build_reason_view
from handlers.context import Services, Work
from handlers.payloads import MalformedPayload
from storage.errors import RequestClosed
from storage.records import DismissReason, Request


async def dismiss(services: Services, clicked: ClickContext) -> Work:
    """Record that none was chosen, and ask why."""
    try:
        chosen = await services.chooser.dismiss(clicked.click, clicked.action.value)
    except RequestClosed as closed:
        return await repeat_confirmation(services, clicked, closed)
    return services.display.confirm_dismissal(chosen, clicked.texts)


async def give_reason(services: Services, clicked: ClickContext) -> Work:
    """Record the reason; for another one, ask which where texts are kept."""
    request_id, key = parse_undo_block(clicked.action.block_id)
    if clicked.action.value not in get_args(DismissReason) or not request_id:
        raise MalformedPayload("dismiss_reason")
    reason = cast("DismissReason", clicked.action.value)
    dismissed = await services.chooser.give_reason(clicked.click, request_id, reason)
    request = replace_response_url(dismissed, clicked.click.response_url)
    message = build_reason_note(request, clicked.texts, undo_key=key)
    if reason == "other" and request.text_kept != "none":
        return _ask_which(services, clicked, request, message)
    return services.ephemeral.show(request, [message], replace=True)


async def _ask_which(services: Services, clicked: ClickContext, request: Request, message: BlockMessage) -> None:
    """Open the field for the reason, and show the message, which does not wait for its answer."""
    view = build_reason_view(request.id, clicked.texts)
    await open_view(services, clicked, view, otherwise=clicked.texts("note-not-opened"))
    await services.ephemeral.show(request, [message], replace=True)
