"""*Show all*: the whole text of a long candidate, in a modal; the others stay where they are."""

from handlers.actions.click_listener import ClickContext, open_view
from handlers.blocks.modals import build_whole_view
from handlers.context import Services, Work


async def expand(services: Services, clicked: ClickContext) -> Work:
    """Record that the whole text was wanted, and open it."""
    candidate = await services.chooser.expand(clicked.click, clicked.action.value)
    view = build_whole_view(candidate, clicked.texts)
    return open_view(services, clicked, view, otherwise=clicked.texts("whole-not-opened"))
