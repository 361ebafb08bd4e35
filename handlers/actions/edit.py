"""*Edit*: the editor opens."""

from handlers.actions.click_listener import ClickContext, open_view, repeat_confirmation
from handlers.blocks.modals import build_edit_view
from handlers.context import Services, Work
from storage.errors import RequestClosed


async def edit(services: Services, clicked: ClickContext) -> Work:
    """Record that the editor was opened, and open it."""
    try:
        editing = await services.chooser.open_edit(clicked.click, clicked.action.value)
    except RequestClosed as closed:
        return await repeat_confirmation(services, clicked, closed)
    view = build_edit_view(editing.candidate, clicked.texts, asked=editing.asked, posts=editing.is_posted)
    return open_view(services, clicked, view, otherwise=clicked.texts("editor-not-opened"))
