"""The check of what is for admins."""

from typing import Any

from bot.errors import AdminRequired
from handlers.context import Context, Services


def check_admin(services: Services, context: Context[Any]) -> None:
    """Raise AdminRequired for anybody else, with whom to ask."""
    if not context.is_admin:
        raise AdminRequired(helpers=tuple(sorted(services.admins)))
