"""Somebody opens Home: it is published for them as it is now."""

from collections.abc import Mapping
from typing import Any

from handlers.context import Ack, Context, Services, handle
from handlers.home_display import publish_home, publish_notice
from handlers.payloads import HomeOpened, parse_home_opened


async def on_home_opened(services: Services, ack: Ack, body: dict[str, Any]) -> None:
    """Handle the event; the tab with messages has nothing to publish."""
    await ack()
    event = body.get("event")
    if isinstance(event, Mapping) and event.get("tab") == "home":
        opening = handle(services, ack, body, parse=parse_home_opened, answer=_answer, refuse=publish_notice)
        services.tasks.spawn(opening, name="publish Home")


async def _answer(services: Services, context: Context[HomeOpened]) -> None:
    """Publish the Home, unless a newer one is there."""
    await publish_home(services, context, seen=context.payload.view_hash)
