"""Submissions of modals: what goes wrong is said under the first input, where the text stays."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from bot.suggesting.clicks import Click
from handlers.blocks.messages import unlink_users
from handlers.context import Ack, Context, Services, handle
from handlers.payloads import SubmissionPayload, parse_submission

Answer = Callable[[Services, Context[SubmissionPayload]], Awaitable[None]]


async def handle_submission(
    services: Services, ack: Ack, body: dict[str, Any], *, inputs: tuple[str, ...], answer: Answer
) -> None:
    """Parse the submission of a modal with these inputs, and answer it."""

    async def refuse_under(_: Services, context: Context[SubmissionPayload], sentence: str) -> None:
        await refuse(context, inputs[0], sentence)

    await handle(
        services, ack, body, parse=partial(parse_submission, inputs=inputs), answer=answer, refuse=refuse_under
    )


async def refuse(context: Context[SubmissionPayload], block_id: str, sentence: str) -> None:
    """Say what went wrong under an input."""
    await context.ack(response_action="errors", errors={block_id: unlink_users(sentence)})


def to_click(context: Context[SubmissionPayload]) -> Click:
    """The submission as a click: it counts once, however often Slack delivers it."""
    return context.build_click(f"view:{context.payload.view_id}:{context.payload.view_hash}")
