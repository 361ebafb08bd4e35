"""*Post*: a reply of unknown fate that the agent found missing in the conversation."""

from dataclasses import replace

from handlers.actions.click_listener import ClickContext
from handlers.blocks.confirmations import parse_undo_block
from handlers.context import Services, Work


async def post_again(services: Services, clicked: ClickContext) -> Work:
    """Post the reply again."""
    chosen = await services.deliverer.post_again(clicked.click, clicked.action.value)
    chosen = replace(chosen, undo_key=parse_undo_block(clicked.action.block_id)[1])
    return services.display.deliver_and_confirm(services.deliverer, chosen, clicked.texts)
