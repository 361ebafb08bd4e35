"""The modal of `/suggest export`: an admin says which requests, and in which form."""

import logging
from datetime import timedelta
from typing import Any

from bot.i18n.texts import Texts
from bot.suggesting.deliver import DeliveryRefused, DeliveryThrottled, DeliveryUncertain
from handlers.blocks.modals import build_export_view
from handlers.context import Ack, Services, build_context
from handlers.export_jobs import ExportOrder
from handlers.payloads import (
    EVERYTHING,
    EXPORT_FORMS,
    EXPORT_RANGES,
    CommandPayload,
    MalformedPayload,
    SubmissionPayload,
    parse_submission,
)
from handlers.slack.errors import translate_errors
from storage.errors import DatabaseUnavailable, DuplicateDelivery

_log = logging.getLogger(__name__)


async def open_export_view(services: Services, command: CommandPayload, texts: Texts) -> None:
    """Open the modal; where it does not open, the admin is told."""
    try:
        async with translate_errors():
            await services.installations.find(command.sender.team_id).patient_client.views_open(
                trigger_id=command.trigger_id, view=build_export_view(texts)
            )
    except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled) as error:
        _log.warning("views.open did not work: %s", error)
        await services.exports.tell(command.sender.user_id, texts("export-not-opened"), team_id=command.sender.team_id)


async def on_export(services: Services, ack: Ack, body: dict[str, Any]) -> None:
    """Close the modal; the export begins, once however often Slack delivers the submission."""
    await ack()
    try:
        submission = parse_submission(body, inputs=("export_form", "export_range", "export_names"))
        order = _to_order(services, submission)
    except MalformedPayload as error:
        _log.warning("malformed payload: %s", error)
        return
    work = _export(services, submission, order, ack)
    services.tasks.spawn(work, name=f"export for {order.user_id}")


async def _export(services: Services, submission: SubmissionPayload, order: ExportOrder, ack: Ack) -> None:
    """Begin the export. Somebody who is no admin any more is told so."""
    context = await build_context(services, submission, ack)
    texts = context.texts
    if not context.is_admin:
        refusal = texts("not-allowed", who=texts("helpers-admins"))
        await services.exports.tell(order.user_id, refusal, team_id=order.team_id)
        return
    try:
        await services.idempotency_keys.claim(f"export:{submission.view_id}", at=services.now())
    except DuplicateDelivery:
        return
    except DatabaseUnavailable as error:
        _log.warning("an export could not begin: %s", error)
        await services.exports.tell(order.user_id, texts("export-failed"), team_id=order.team_id)
        return
    await services.exports.run(order, texts)


def _to_order(services: Services, submission: SubmissionPayload) -> ExportOrder:
    """The order for this export. Raises MalformedPayload."""
    days = submission.get_choice("export_range", EXPORT_RANGES)
    return ExportOrder(
        team_id=submission.sender.team_id,
        user_id=submission.sender.user_id,
        form=submission.get_choice("export_form", EXPORT_FORMS),
        since=None if days == EVERYTHING else services.now() - timedelta(days=int(days)),
        pseudonyms=submission.values["export_names"] == "pseudonyms",
    )
