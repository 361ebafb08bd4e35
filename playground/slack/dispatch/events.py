"""The Events API: build events for the changes that the app's subscriptions, scopes and memberships cover."""

from collections.abc import Iterator

from playground.slack.config import AppConfig
from playground.slack.dispatch.payloads import CHANNEL_TYPES
from playground.slack.methods.conversations import HISTORY_SCOPES
from playground.slack.objects import Channel, Json, Message, User
from playground.slack.people.directory import BOT_USER_ID, TEAM_ID
from playground.slack.serializers import message_to_json, view_to_json
from playground.slack.state import MessageChange, State

SUBSCRIPTIONS = {"public": "message.channels", "private": "message.groups", "im": "message.im"}


def build_message_events(state: State, change: MessageChange) -> Iterator[Json]:
    """Yield the events for a new, changed or deleted message; none where the bot is no member."""
    channel = state.channels[change.channel_id]
    if BOT_USER_ID not in channel.members:
        return
    if _is_subscribed(state.config, channel):
        yield _build_message_event(state, channel, change)
    is_new = change.before is None and change.after is not None
    if is_new and channel.kind != "im" and _is_app_mention(state.config, change.after):
        assert change.after is not None
        yield _build_mention_event(state, change.after)


def build_app_home_opened(state: State, user: User, tab: str) -> Json:
    """Build the event of an opened tab, `home` or `messages`; Home's has the view that is there."""
    ts = state.clock.ts()
    channel = state.open_direct_channel(user.id)
    event: Json = {"type": "app_home_opened", "user": user.id, "channel": channel.id, "tab": tab, "event_ts": ts}
    view = state.homes.get(user.id) if tab == "home" else None
    return event | ({"view": view_to_json(view)} if view else {})


def _is_subscribed(config: AppConfig, channel: Channel) -> bool:
    return SUBSCRIPTIONS[channel.kind] in config.bot_events and HISTORY_SCOPES[channel.kind] in config.bot_scopes


def _is_app_mention(config: AppConfig, message: Message | None) -> bool:
    """Tell if this message is an `app_mention`, to which the app subscribes, and not the bot's own."""
    if message is None:
        return False
    if "app_mention" not in config.bot_events or "app_mentions:read" not in config.bot_scopes:
        return False
    return message.user_id != BOT_USER_ID and f"<@{BOT_USER_ID}>" in message.text


def _build_message_event(state: State, channel: Channel, change: MessageChange) -> Json:
    where = {"channel": channel.id, "channel_type": CHANNEL_TYPES[channel.kind]}
    if change.before is None:
        assert change.after is not None
        return {**message_to_json(state, change.after), **where, "event_ts": change.after.ts}
    ts = state.clock.ts()
    event: Json = {"type": "message", "hidden": True, "ts": ts, "event_ts": ts, **where}
    previous = message_to_json(state, change.before)
    if change.after is None:
        deleted = {"subtype": "message_deleted", "deleted_ts": change.before.ts}
        return event | deleted | {"previous_message": previous}
    changed = {"subtype": "message_changed", "message": message_to_json(state, change.after)}
    return event | changed | {"previous_message": previous}


def _build_mention_event(state: State, message: Message) -> Json:
    """Build an `app_mention`: without channel_type, and sent beside the message event."""
    shown = message_to_json(state, message)
    return {**shown, "type": "app_mention", "channel": message.channel_id, "team": TEAM_ID, "event_ts": message.ts}
