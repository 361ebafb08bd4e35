"""The editor: the edited reply is recorded and posted. What goes wrong is said in it, where the agent's text stays."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from bot.errors import StaleConversation
from bot.suggesting.choose import RecordedChoice
from bot.suggesting.clicks import Click
from handlers.blocks.action_ids import REPLY_BLOCK
from handlers.blocks.modals import build_stale_edit_view
from handlers.context import Ack, Context, Services
from handlers.payloads import SubmissionPayload
from handlers.views.submissions import handle_submission, to_click

Choose = Callable[[Click, str, str], Awaitable[RecordedChoice]]


async def on_edit(services: Services, ack: Ack, body: dict[str, Any]) -> None:
    """Handle the edited reply."""
    await _submit(services, ack, body, services.chooser.edit)


async def on_edit_anyway(services: Services, ack: Ack, body: dict[str, Any]) -> None:
    """Handle the edited reply, though the conversation has moved on."""
    await _submit(services, ack, body, services.chooser.edit_anyway)


async def _submit(services: Services, ack: Ack, body: dict[str, Any], choose: Choose) -> None:
    """Handle the submission, recorded by `choose`."""
    await handle_submission(services, ack, body, inputs=(REPLY_BLOCK,), answer=partial(_answer, choose))


async def _answer(choose: Choose, services: Services, context: Context[SubmissionPayload]) -> None:
    """Record the edited reply, close the editor, and post; where the conversation has moved on, ask first."""
    submission, texts = context.payload, context.texts
    text = submission.values[REPLY_BLOCK]
    try:
        chosen = await choose(to_click(context), submission.metadata, text)
    except StaleConversation as stale:
        await context.ack(response_action="update", view=build_stale_edit_view(stale, text, texts))
        return
    await context.ack()
    if submission.previous_view_id is not None:
        services.live_messages.remember_modal(chosen.request.id, submission.previous_view_id)
    services.follow_up(chosen.request, texts, services.display.deliver_and_confirm(services.deliverer, chosen, texts))
