"""*Undo*: the choice is taken back, what was posted is deleted, and the candidates are shown again."""

from dataclasses import replace

from bot.suggesting.choose import RetractedChoice
from bot.suggesting.clicks import replace_response_url
from handlers.actions.click_listener import ClickContext
from handlers.blocks.confirmations import parse_undo_block
from handlers.blocks.messages import build_notice
from handlers.context import Services, Work


async def undo(services: Services, clicked: ClickContext) -> Work:
    """Record that the choice is taken back."""
    _, key = parse_undo_block(clicked.action.block_id)
    undone = await services.chooser.undo(clicked.click, clicked.action.value, key=key)
    return _reopen(services, clicked, undone)


async def _reopen(services: Services, clicked: ClickContext, undone: RetractedChoice) -> None:
    """Delete what was posted, and show the candidates again; or say that their texts were not kept."""
    is_deleted = await services.deliverer.retract(undone.parts)
    note = clicked.texts("undone" if is_deleted else "undone-not-deleted")
    request = replace_response_url(undone.entry.request, clicked.click.response_url)
    if not any(candidate.text for candidate in undone.entry.visible):
        sentence = f"{note} {clicked.texts('no-text-kept')}"
        await services.ephemeral.show(request, [build_notice(sentence)], replace=True)
        return
    entry = replace(undone.entry, request=request)
    await services.display.show_again(entry, clicked.texts, note=note, replace=True)
