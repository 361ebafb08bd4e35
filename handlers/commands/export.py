"""`/suggest export`: opens the modal that asks which requests, and in which form; for admins."""

from handlers.commands.admins import check_admin
from handlers.context import Context, Services
from handlers.payloads import CommandPayload
from handlers.slack.ephemeral import to_response_url
from handlers.views.export_log import open_export_view


async def open_export(services: Services, context: Context[CommandPayload]) -> None:
    """Acknowledge, then open the modal."""
    command = context.payload
    check_admin(services, context)
    await context.ack()
    services.exports.remember(command.sender.user_id, to_response_url(command.response_url, services.now()))
    services.tasks.spawn(open_export_view(services, command, context.texts), name="open the modal of an export")
