"""*Use*: the choice is recorded, and the reply posted."""

from collections.abc import Awaitable, Callable

from bot.errors import StaleConversation
from bot.suggesting.choose import RecordedChoice
from bot.suggesting.clicks import Click, replace_response_url
from handlers.actions.click_listener import ClickContext, repeat_confirmation
from handlers.blocks.confirmations import build_stale_warning
from handlers.context import Services, Work
from storage.errors import RequestClosed


async def use(services: Services, clicked: ClickContext) -> Work:
    """Record the choice; where the conversation has moved on, ask first."""
    try:
        return await _use(services, clicked, services.chooser.use)
    except StaleConversation as stale:
        request = replace_response_url(stale.request, clicked.click.response_url)
        return services.display.ask(request, build_stale_warning(stale, clicked.texts))


async def use_anyway(services: Services, clicked: ClickContext) -> Work:
    """Record the choice, though the conversation has moved on."""
    return await _use(services, clicked, services.chooser.use_anyway)


async def _use(
    services: Services, clicked: ClickContext, choose: Callable[[Click, str], Awaitable[RecordedChoice]]
) -> Work:
    """Record the choice by `choose`; where the request is closed already, confirm once more what was decided."""
    try:
        chosen = await choose(clicked.click, clicked.action.value)
    except RequestClosed as closed:
        return await repeat_confirmation(services, clicked, closed)
    return services.display.deliver_and_confirm(services.deliverer, chosen, clicked.texts)
