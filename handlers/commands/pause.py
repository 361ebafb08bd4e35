"""`/suggest pause` and `/suggest resume`: drafting on every replica; for admins."""

from typing import Literal

from handlers.commands.admins import check_admin
from handlers.context import Context, Services
from handlers.payloads import CommandPayload


async def pause(services: Services, context: Context[CommandPayload]) -> None:
    """Stop drafting on every replica."""
    await _switch(services, context, "pause")


async def resume(services: Services, context: Context[CommandPayload]) -> None:
    """Start drafting again on every replica."""
    await _switch(services, context, "resume")


async def _switch(services: Services, context: Context[CommandPayload], word: Literal["pause", "resume"]) -> None:
    """Stop or start drafting, if an admin asks. Raises AdminRequired."""
    check_admin(services, context)
    switch = services.pausing.pause if word == "pause" else services.pausing.resume
    changed = await switch(by=context.payload.sender.user_id)
    await context.ack(context.texts(f"{word}-{'done' if changed else 'was'}"))
