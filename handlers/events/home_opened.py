"""Somebody opens the app: Home is published as it is now; in the tab with messages, prompts and a greeting wait."""

from collections.abc import Mapping
from typing import Any, Final

from handlers.blocks.messages import build_notice
from handlers.context import Ack, Context, Services, handle
from handlers.home_display import publish_home, publish_notice
from handlers.payloads import HomeOpened, parse_home_opened
from handlers.slack.agent_view import is_empty, suggest_prompts

PROMPTS: Final = ("example", "help")


async def on_home_opened(services: Services, ack: Ack, body: dict[str, Any]) -> None:
    """Handle the event, which comes for each of the app's tabs."""
    await ack()
    event = body.get("event")
    tab = event.get("tab") if isinstance(event, Mapping) else None
    if tab == "home":
        opening = handle(services, ack, body, parse=parse_home_opened, answer=_publish, refuse=publish_notice)
        services.tasks.spawn(opening, name="publish Home")
    elif tab == "messages":
        opening = handle(services, ack, body, parse=parse_home_opened, answer=_welcome, refuse=_stay_silent)
        services.tasks.spawn(opening, name="suggest prompts")


async def _publish(services: Services, context: Context[HomeOpened]) -> None:
    """Publish the Home, unless a newer one is there."""
    await publish_home(services, context, seen=context.payload.view_hash)


async def _welcome(services: Services, context: Context[HomeOpened]) -> None:
    """Suggest prompts; greet who has never written with the bot, once on all replicas."""
    channel_id, texts = context.payload.channel_id, context.texts
    if channel_id is None:
        return
    client = context.installation.client
    prompts = [{"title": texts(f"prompt-{name}"), "message": texts(f"prompt-message-{name}")} for name in PROMPTS]
    await suggest_prompts(client, channel_id, texts("prompts-title"), prompts)
    if await is_empty(client, channel_id):
        await services.idempotency_keys.claim(f"greeting:{channel_id}", at=services.now())
        greeting = build_notice(f"{texts('greeting-direct')}\n{texts('usage-direct')}")
        sender = context.payload.sender
        await services.ephemeral.send_directly(sender.user_id, greeting, team_id=sender.team_id)


async def _stay_silent(_: Services, __: Context[HomeOpened], ___: str) -> None:
    """Leave it at that: nobody has asked for anything."""
