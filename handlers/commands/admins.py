"""Commands for admins."""

from bot.errors import AdminRequired
from handlers.context import Context, Services
from handlers.payloads import CommandPayload


def check_admin(services: Services, context: Context[CommandPayload]) -> None:
    """Raise AdminRequired for anybody else, with whom to ask."""
    if not context.is_admin:
        raise AdminRequired(helpers=tuple(sorted(services.admins)))
