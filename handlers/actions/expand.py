"""*Show all* and *Copy*: the whole text of a candidate, in a modal; the others stay where they are."""

from handlers.actions.click_listener import ClickContext, open_view
from handlers.blocks.modals import build_copy_view, build_whole_view
from handlers.context import Services, Work


async def expand(services: Services, clicked: ClickContext) -> Work:
    """Record that the whole text was wanted, and open it."""
    request, candidate = await services.chooser.read(clicked.click, clicked.action.value, "expanded")
    view = build_whole_view(request, candidate, clicked.texts)
    return open_view(services, clicked, view, otherwise=clicked.texts("whole-not-opened"))


async def copy(services: Services, clicked: ClickContext) -> Work:
    """Record that the text was wanted to be copied, which is no choice, and open it."""
    _, candidate = await services.chooser.read(clicked.click, clicked.action.value, "copied")
    view = build_copy_view(candidate, clicked.texts)
    return open_view(services, clicked, view, otherwise=clicked.texts("copy-not-opened"))
