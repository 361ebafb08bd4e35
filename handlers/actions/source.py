"""*Show source*: the passages that a candidate cites, in a modal."""

from handlers.actions.click_listener import ClickContext, open_view
from handlers.blocks.sources import build_source_view
from handlers.context import Services, Work


async def show_source(services: Services, clicked: ClickContext) -> Work:
    """Open the passages as they are now."""
    cited = await services.suggester.read_sources(clicked.click, clicked.action.value)
    view = build_source_view(cited, clicked.texts)
    return open_view(services, clicked, view, otherwise=clicked.texts("source-not-opened"))
