"""`/suggest help`, and `/suggest` alone."""

from handlers.commands.last import find_last_open
from handlers.context import Context, Services
from handlers.payloads import CommandPayload


async def show_help(services: Services, context: Context[CommandPayload]) -> None:
    """Show the usage, and the last open request if there is one."""
    entry = await find_last_open(services, context)
    await context.ack(context.texts("usage"))
    if entry is not None:
        services.follow_up(entry.request, context.texts, services.display.show_here(entry, context.texts))
