"""Listeners for clicks: parse, commit, acknowledge; then the work that takes time.

A step commits and returns the work that follows the acknowledgement. `on_click` makes a Bolt listener of it:

    app.action("use_candidate")(on_click(services, use))
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from bot.i18n.texts import Texts
from bot.suggesting.choose import RecordedChoice
from bot.suggesting.clicks import Click
from bot.suggesting.deliver import DeliveryRefused, DeliveryThrottled, DeliveryUncertain
from handlers.blocks.elements import Block
from handlers.blocks.messages import BlockMessage, build_notice
from handlers.blocks.modals import build_notice_view
from handlers.context import Ack, Context, Services, Work, handle
from handlers.error_messages import report_errors
from handlers.payloads import ActionPayload, parse_action
from handlers.slack.ephemeral import to_response_url
from handlers.slack.errors import translate_errors
from handlers.slack.live_message import Modal
from storage.errors import RequestClosed

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickContext:
    """A click with what answering it takes."""

    context: Context[ActionPayload]
    click: Click

    @property
    def action(self) -> ActionPayload:
        return self.context.payload

    @property
    def texts(self) -> Texts:
        return self.context.texts


Step = Callable[[Services, ClickContext], Awaitable[Work]]


def on_click(services: Services, step: Step) -> Callable[[Ack, dict[str, Any]], Awaitable[None]]:
    """Make a Bolt listener that commits the step, acknowledges, and lets the rest run on; it always acknowledges."""

    async def listen(ack: Ack, body: dict[str, Any]) -> None:
        await handle(services, ack, body, parse=parse_action, answer=partial(_answer, step), refuse=_refuse)

    return listen


async def _answer(step: Step, services: Services, context: Context[ActionPayload]) -> None:
    """Commit the step, acknowledge, and let the work run on. The modal that was clicked in is remembered."""
    action = context.payload
    if action.view_id is not None and action.request_id is not None:
        services.live_messages.remember_modal(action.request_id, action.view_id)
    clicked = _to_click_context(services, context)
    work = await step(services, clicked)
    await context.ack()
    _follow_up(services, clicked, work)


async def _refuse(services: Services, context: Context[ActionPayload], sentence: str) -> None:
    """Acknowledge, and tell whoever clicked."""
    await context.ack()
    clicked = _to_click_context(services, context)
    _follow_up(services, clicked, respond(services, clicked, build_notice(sentence)))


def _to_click_context(services: Services, context: Context[ActionPayload]) -> ClickContext:
    """The click as the use cases take it, with the texts in the language of whoever clicked."""
    action = context.payload
    click = context.build_click(
        f"click:{action.sender.user_id}:{action.action_ts}",
        response_url=to_response_url(action.response_url, services.now()),
        seen=action.seen,
    )
    return ClickContext(context=context, click=click)


def _follow_up(services: Services, clicked: ClickContext, work: Work) -> None:
    """Do `work` in the background; should it fail, whoever clicked is told."""

    async def tell(sentence: str) -> None:
        await respond(services, clicked, build_notice(sentence))

    async def run_and_report() -> None:
        async with report_errors(tell, clicked.texts):
            await work

    services.tasks.spawn(run_and_report(), name=f"after {clicked.action.action_id}")


async def respond(services: Services, clicked: ClickContext, message: BlockMessage) -> None:
    """Show a message to whoever clicked, where they clicked. Raises NotShown."""
    action = clicked.action
    if clicked.click.response_url is not None:
        await services.ephemeral.respond(clicked.click.response_url, message)
    elif not action.is_in_view:
        channel_id = action.channel_id or action.sender.user_id
        await services.ephemeral.send_privately(
            team_id=action.sender.team_id,
            channel_id=channel_id,
            user_id=action.sender.user_id,
            thread_ts=None,
            message=message,
        )
    else:
        try:
            await _open_view(services, action, build_notice_view(message, clicked.texts))
        except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled):  # the trigger is used up, or too old
            await services.ephemeral.send_directly(action.sender.user_id, message, team_id=action.sender.team_id)


async def open_view(services: Services, clicked: ClickContext, view: Block, *, otherwise: str) -> Modal | None:
    """Open a modal; where Slack does not open it, say `otherwise`, and return None. Raises NotShown."""
    try:
        return await _open_view(services, clicked.action, view)
    except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled) as error:
        _log.warning("a view was not opened: %s", error)
        await respond(services, clicked, build_notice(otherwise))
        return None


async def _open_view(services: Services, action: ActionPayload, view: Block) -> Modal:
    """Open a modal; over the one that was clicked in, if it was one."""
    client = services.installations.find(action.sender.team_id).patient_client
    open_ = client.views_open if action.view_id is None else client.views_push
    async with translate_errors():
        answer = await open_(trigger_id=action.trigger_id, view=view)
        return Modal(view_id=answer["view"]["id"], hash=answer["view"].get("hash"))


async def repeat_confirmation(services: Services, clicked: ClickContext, closed: RequestClosed) -> Work:
    """Confirm once more what was decided before: the confirmation may have been lost, with its Undo.

    Raises `closed` where nothing is to be confirmed.
    """
    chosen = await services.deliverer.find_delivered_choice(clicked.click, str(closed))
    if chosen is None:
        raise closed
    return _confirm(services, clicked, chosen)


async def _confirm(services: Services, clicked: ClickContext, chosen: RecordedChoice) -> None:
    """Show the confirmation, then say that the request is closed already."""
    if chosen.choice.kind == "dismissed":
        await services.display.confirm_dismissal(chosen, clicked.texts)
    else:
        await services.display.deliver_and_confirm(services.deliverer, chosen, clicked.texts)
    await respond(services, clicked, build_notice(clicked.texts("not-open")))
