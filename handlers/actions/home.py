"""In Home: *Show the replies*, *Change settings*, and for admins *Pause drafting* and *Resume drafting*."""

from handlers.actions.click_listener import ClickContext, open_view
from handlers.blocks.home import NEW_CHANNEL, build_channel_view, build_settings_view
from handlers.commands.admins import check_admin
from handlers.context import Services, Work
from handlers.home_display import build_defaults, publish_home
from storage.records import ChannelDefaults


async def show_request(services: Services, clicked: ClickContext) -> Work:
    """Show the candidates of an open request again."""
    entry = await services.home.find_open(clicked.click, clicked.action.value)
    await _claim(services, clicked)
    return services.display.show_in_modal(entry, clicked.texts, trigger_id=clicked.action.trigger_id)


async def open_settings(services: Services, clicked: ClickContext) -> Work:
    """Open the settings as they are kept: what could not be read must not be saved over."""
    await _claim(services, clicked)
    settings = await services.home.get_settings(clicked.context.owner_id, clicked.click.agent_id)
    view = build_settings_view(settings, clicked.texts, build_defaults(services, clicked.context.user.locale))
    return open_view(services, clicked, view, otherwise=clicked.texts("settings-not-opened"))


async def open_channel_defaults(services: Services, clicked: ClickContext) -> Work:
    """Open a channel's defaults as they are kept, if an admin asks; those of a new channel are empty."""
    check_admin(services, clicked.context)
    await _claim(services, clicked)
    channel_id = None if clicked.action.value == NEW_CHANNEL else clicked.action.value
    own = ChannelDefaults()
    if channel_id is not None:
        own = await services.home.get_channel_defaults(clicked.context.owner_id, channel_id)
    view = build_channel_view(channel_id, own, clicked.texts, build_defaults(services, clicked.context.user.locale))
    return open_view(services, clicked, view, otherwise=clicked.texts("settings-not-opened"))


async def pause_drafting(services: Services, clicked: ClickContext) -> Work:
    """Stop drafting on every replica, if an admin asks."""
    check_admin(services, clicked.context)
    await _claim(services, clicked)
    await services.pausing.pause(by=clicked.click.agent_id)
    return publish_home(services, clicked.context)


async def resume_drafting(services: Services, clicked: ClickContext) -> Work:
    """Start drafting again on every replica, if an admin asks."""
    check_admin(services, clicked.context)
    await _claim(services, clicked)
    await services.pausing.resume(by=clicked.click.agent_id)
    return publish_home(services, clicked.context)


async def _claim(services: Services, clicked: ClickContext) -> None:
    """Let the click count once. Raises DuplicateDelivery."""
    await services.idempotency_keys.claim(clicked.click.idempotency_key, at=services.now())
