"""Refusals under an input of a modal, and submissions as clicks."""

from collections.abc import Awaitable, Callable
from typing import Any

from bot.suggesting.clicks import Click
from handlers.blocks.messages import unlink_users
from handlers.context import Context, Services
from handlers.payloads import EditSubmission, LanguageSubmission


def refuse_under(block_id: str) -> Callable[[Services, Context[Any], str], Awaitable[object]]:
    """Make a refusal that says what went wrong under an input, where what was typed stays."""

    async def refuse(_: Services, context: Context[Any], sentence: str) -> None:
        await context.ack(response_action="errors", errors={block_id: unlink_users(sentence)})

    return refuse


def to_click(services: Services, submission: EditSubmission | LanguageSubmission) -> Click:
    """The submission as a click: it counts once, however often Slack delivers it."""
    return Click(
        team_id=submission.team_id,
        own_team_id=submission.origin.own_team_id,
        is_of_grid=services.identity.shares_grid(submission.origin),
        agent_id=submission.user_id,
        idempotency_key=f"view:{submission.view_id}:{submission.view_hash}",
    )
