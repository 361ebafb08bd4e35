"""`/suggest export`: opens the modal that asks which requests, and in which form; for admins."""

from handlers.context import Context, Services
from handlers.payloads import CommandPayload
from handlers.slack.ephemeral import to_response_url
from handlers.views.export_log import open_export_view


async def open_export(services: Services, context: Context[CommandPayload]) -> None:
    """Acknowledge, then open the modal."""
    command = context.payload
    services.check_admin(context.user, command)
    await context.ack()
    services.exports.remember(command.user_id, to_response_url(command.response_url, services.now()))
    await open_export_view(services, command, context.texts)
