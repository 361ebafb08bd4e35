"""The reason for *None of these* in the agent's own words. What goes wrong is said in the view, where they stay."""

from typing import Any

from handlers.blocks.action_ids import REASON_BLOCK
from handlers.context import Ack, Context, Services
from handlers.payloads import SubmissionPayload
from handlers.views.submissions import handle_submission, to_click


async def on_reason(services: Services, ack: Ack, body: dict[str, Any]) -> None:
    """Handle the reason as it was written."""
    await handle_submission(services, ack, body, inputs=(REASON_BLOCK,), answer=_answer)


async def _answer(services: Services, context: Context[SubmissionPayload]) -> None:
    """Record the words, if there are some, and close the view: that it is another reason is recorded already."""
    note = context.payload.values[REASON_BLOCK].strip()
    if note:
        await services.chooser.give_reason(to_click(context), context.payload.metadata, "other", note=note)
    await context.ack()
