"""The defaults of a channel, which admins set: they count where an agent has set nothing."""

import re
from typing import Any

from handlers.blocks.action_ids import LANGUAGE_BLOCK
from handlers.blocks.home import CANDIDATES_BLOCK, CHANNEL_BLOCK, STYLES_BLOCK, list_styles
from handlers.commands.admins import check_admin
from handlers.context import Ack, Context, Services
from handlers.home_display import build_defaults, publish_home
from handlers.payloads import MalformedPayload, SubmissionPayload
from handlers.views.settings import parse_defaults
from handlers.views.submissions import handle_submission, refuse, to_click

_INPUTS = (CHANNEL_BLOCK, CANDIDATES_BLOCK, LANGUAGE_BLOCK, STYLES_BLOCK)


async def on_channel_defaults(services: Services, ack: Ack, body: dict[str, Any]) -> None:
    """Handle the defaults."""
    await handle_submission(services, ack, body, inputs=_INPUTS, answer=_answer)


async def _answer(services: Services, context: Context[SubmissionPayload]) -> None:
    """Keep the defaults if an admin sends them, close the modal, and publish Home anew."""
    check_admin(services, context)
    submission = context.payload
    channel_id = submission.values[CHANNEL_BLOCK]
    if not re.fullmatch(r"[CG][A-Z0-9]{1,63}", channel_id):
        raise MalformedPayload(CHANNEL_BLOCK)
    if not submission.checked[STYLES_BLOCK]:
        await refuse(context, STYLES_BLOCK, context.texts("settings-no-style"))
        return
    await services.home.save_channel_defaults(
        context.owner_id,
        channel_id,
        parse_defaults(submission, list_styles(build_defaults(services, context.user.locale))),
        by=submission.sender.user_id,
        idempotency_key=to_click(context).idempotency_key,
    )
    await context.ack()
    services.tasks.spawn(publish_home(services, context), name="publish Home")
