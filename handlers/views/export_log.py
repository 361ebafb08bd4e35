"""The modal of `/suggest export`: an admin says which requests, and in which form."""

import logging
from datetime import timedelta
from typing import Any

from bot.i18n.texts import Texts, get_texts
from bot.suggesting.deliver import DeliveryRefused, DeliveryThrottled, DeliveryUncertain
from handlers.blocks.modals import build_export_view
from handlers.context import Ack, Services
from handlers.export_jobs import ExportOrder
from handlers.payloads import CommandPayload, ExportSubmission, MalformedPayload, parse_export_submission
from handlers.slack.errors import translate_errors
from storage.errors import DatabaseUnavailable, DuplicateDelivery

_log = logging.getLogger(__name__)


async def open_export_view(services: Services, command: CommandPayload, texts: Texts) -> None:
    """Open the modal; where it does not open, the admin is told."""
    try:
        async with translate_errors():
            await services.client.views_open(trigger_id=command.trigger_id, view=build_export_view(texts))
    except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled) as error:
        _log.warning("views.open did not work: %s", error)
        await services.exports.tell(command.user_id, texts("export-not-opened"))


async def on_export(services: Services, ack: Ack, body: dict[str, Any]) -> None:
    """Close the modal; the export begins, once however often Slack delivers the submission."""
    await ack()
    try:
        submission = parse_export_submission(body)
    except MalformedPayload as error:
        _log.warning("malformed payload: %s", error)
        return
    services.tasks.spawn(_export(services, submission), name=f"export for {submission.user_id}")


async def _export(services: Services, submission: ExportSubmission) -> None:
    """Begin the export. Somebody who is no admin any more is told so."""
    user = await services.users.get(submission.user_id)
    texts = get_texts(user.locale)
    if not services.is_admin(user, submission):
        await services.exports.tell(submission.user_id, texts("not-allowed", who=texts("helpers-admins")))
        return
    try:
        await services.idempotency_keys.claim(f"export:{submission.view_id}", at=services.now())
    except DuplicateDelivery:
        return
    except DatabaseUnavailable as error:
        _log.warning("an export could not begin: %s", error)
        await services.exports.tell(submission.user_id, texts("export-failed"))
        return
    await services.exports.run(_to_order(services, submission), texts)


def _to_order(services: Services, submission: ExportSubmission) -> ExportOrder:
    """The order for this export."""
    days = submission.days
    return ExportOrder(
        team_id=submission.team_id,
        user_id=submission.user_id,
        form=submission.form,
        since=None if days is None else services.now() - timedelta(days=days),
        pseudonyms=submission.pseudonyms,
    )
