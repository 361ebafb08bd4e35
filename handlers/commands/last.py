"""`/suggest last`: the agent's last open request once more, in the same order."""

from dataclasses import replace
from typing import TypedDict

from bot.suggesting.clicks import replace_response_url
from handlers.context import Context, Services
from handlers.payloads import CommandPayload
from handlers.slack.ephemeral import to_response_url
from storage.records import LogEntry


async def show_last(services: Services, context: Context[CommandPayload]) -> None:
    """Show the last open request where the command was typed; or say that there is none."""
    entry = await find_last_open(services, context)
    if entry is None:
        is_drafting = await services.suggester.is_drafting(**_identify_agent(context))
        await context.ack(context.texts("still-drafting" if is_drafting else "no-open-request"))
        return
    await context.ack()
    services.follow_up(entry.request, context.texts, services.display.show_here(entry, context.texts))


async def find_last_open(services: Services, context: Context[CommandPayload]) -> LogEntry | None:
    """Find the agent's last open request, to be shown by the URL that this command brought."""
    entry = await services.suggester.find_last_open(**_identify_agent(context))
    if entry is None:
        return None
    response_url = to_response_url(context.payload.response_url, services.now())
    return replace(entry, request=replace_response_url(entry.request, response_url))


class _Agent(TypedDict):
    team_id: str | None
    agent_id: str


def _identify_agent(context: Context[CommandPayload]) -> _Agent:
    """Return the agent's id, and the team in which it is unique; None for all of the bot's own Grid."""
    sender = context.payload.sender
    return {"team_id": None if context.is_of_grid else sender.team_id, "agent_id": sender.user_id}
