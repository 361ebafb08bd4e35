"""`/suggest last`: the agent's last open request once more, in the same order."""

from dataclasses import replace

from bot.suggesting.clicks import replace_response_url
from handlers.context import Context, Services
from handlers.payloads import CommandPayload
from handlers.slack.ephemeral import to_response_url
from storage.records import LogEntry


async def show_last(services: Services, context: Context[CommandPayload]) -> None:
    """Show the last open request where the command was typed; or say that there is none."""
    entry = await find_last_open(services, context)
    if entry is None:
        team_id = _get_id_scope(services, context)
        is_drafting = await services.suggester.is_drafting(team_id=team_id, agent_id=context.payload.user_id)
        await context.ack(context.texts("still-drafting" if is_drafting else "no-open-request"))
        return
    await context.ack()
    services.follow_up(entry.request, context.texts, services.display.show_here(entry, context.texts))


async def find_last_open(services: Services, context: Context[CommandPayload]) -> LogEntry | None:
    """Find the agent's last open request, to be shown by the URL that this command brought."""
    team_id = _get_id_scope(services, context)
    entry = await services.suggester.find_last_open(team_id=team_id, agent_id=context.payload.user_id)
    if entry is None:
        return None
    response_url = to_response_url(context.payload.response_url, services.now())
    return replace(entry, request=replace_response_url(entry.request, response_url))


def _get_id_scope(services: Services, context: Context[CommandPayload]) -> str | None:
    """The team in which the agent's id is unique; None for all of the bot's own Grid."""
    return None if services.identity.shares_grid(context.payload.origin) else context.payload.team_id
