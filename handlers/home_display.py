"""An agent's Home: read from the database, and published."""

import logging
from typing import Any

from bot.i18n.texts import translate_label
from bot.suggesting.deliver import DeliveryRefused, DeliveryThrottled, DeliveryUncertain
from handlers.blocks.elements import Block
from handlers.blocks.home import HomeDefaults, build_home, build_home_notice
from handlers.blocks.messages import build_notice
from handlers.context import Context, Services
from handlers.slack.home import HASH_CONFLICT, publish_view
from storage.errors import DatabaseUnavailable

_log = logging.getLogger(__name__)


async def publish_home(services: Services, context: Context[Any], *, seen: str | None = None) -> None:
    """Publish the sender's Home as it is now; where it has changed since it was `seen`, read it once more before."""
    try:
        try:
            await _publish(context, await _build(services, context), seen=seen)
        except DeliveryRefused as refusal:
            if refusal.reason != HASH_CONFLICT:
                raise
            await _publish(context, await _build(services, context))
    except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled) as error:
        _log.warning("Home was not published: %s", error, extra={"agent_id": context.payload.sender.user_id})


async def publish_notice(_: Services, context: Context[Any], sentence: str) -> None:
    """Say one sentence in the place of Home."""
    try:
        await _publish(context, build_home_notice(build_notice(sentence)))
    except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled) as error:
        _log.warning("Home was not published: %s", error, extra={"agent_id": context.payload.sender.user_id})


async def _publish(context: Context[Any], view: Block, *, seen: str | None = None) -> None:
    """Publish a view for the sender."""
    await publish_view(context.installation.patient_client, context.payload.sender.user_id, view, seen=seen)


async def _build(services: Services, context: Context[Any]) -> Block:
    """Read the sender's Home, and build it; or say that it cannot be read."""
    load = services.home.load_for_admin if context.is_admin else services.home.load
    sender = context.payload.sender
    try:
        overview = await load(
            owner_id=context.owner_id,
            team_id=None if context.is_of_grid else sender.team_id,
            agent_id=sender.user_id,
        )
    except DatabaseUnavailable as error:
        _log.warning("Home could not be read: %s", error, extra={"agent_id": sender.user_id})
        return build_home_notice(build_notice(context.texts("home-unavailable")))
    return build_home(overview, context.texts, build_defaults(services, context.user.locale))


def build_defaults(services: Services, locale: str) -> HomeDefaults:
    """Say what counts where an agent has set nothing."""
    return HomeDefaults(
        candidates=services.suggester.terms.candidates,
        on_use="post" if services.chooser.is_posting else "copy",
        styles={style.name: translate_label(style.label, locale) for style in services.suggester.playbook.styles},
    )
