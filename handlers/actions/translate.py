"""*Translate for me*: what a candidate says, in the agent's language, in a modal that opens at once and then fills."""

import logging

from bot.suggesting.deliver import DeliveryRefused, DeliveryThrottled, DeliveryUncertain
from bot.suggesting.translation import Translation, TranslationTask
from handlers.actions.click_listener import ClickContext, open_view, respond
from handlers.blocks.candidates import advise
from handlers.blocks.messages import build_notice, unlink_users
from handlers.blocks.modals import build_translation_view
from handlers.context import Services, Work
from handlers.error_messages import report_errors
from handlers.slack.errors import CLOSED, translate_errors
from handlers.slack.live_message import Modal

_log = logging.getLogger(__name__)


async def translate(services: Services, clicked: ClickContext) -> Work:
    """Find the candidate; the click counts once, as it is paid for."""
    task = await services.suggester.translator.find(clicked.click, clicked.action.value)
    await services.idempotency_keys.claim(clicked.click.idempotency_key, at=services.now())
    return _translate(services, clicked, task)


async def _translate(services: Services, clicked: ClickContext, task: TranslationTask) -> None:
    """Open the modal, translate into it, or say in it why not; nothing is asked of the model where it does not open."""
    texts = clicked.texts
    view = build_translation_view(task, texts("translating"), texts)
    opened = await open_view(services, clicked, view, otherwise=texts("translation-not-shown"))
    if opened is None:
        return

    async def fill(translated: Translation | str) -> None:
        await _fill(services, clicked, opened, build_translation_view(task, translated, texts))

    async def tell(sentence: str) -> None:
        await fill(unlink_users(sentence))

    async with report_errors(tell, texts):
        translated = await services.suggester.translator.translate(task, locale=clicked.context.user.locale)
        if translated.reason is None:
            await fill(translated)
        else:
            reason, what_to_do = texts(f"error-{translated.reason}"), advise([translated.reason], texts)
            await fill(texts("translation-failed", reason=reason, what_to_do=what_to_do))


async def _fill(services: Services, clicked: ClickContext, opened: Modal, view: dict[str, object]) -> None:
    """Update the modal; where Slack does not, and the agent has not closed it, they are told."""
    client = services.installations.find(clicked.action.sender.team_id).patient_client
    try:
        async with translate_errors():
            await client.views_update(view_id=opened.view_id, hash=opened.hash, view=view)
    except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled) as error:
        _log.info("a translation was not shown: %s", error)
        if not isinstance(error, DeliveryRefused) or error.reason != CLOSED:
            await respond(services, clicked, build_notice(clicked.texts("translation-not-shown")))
