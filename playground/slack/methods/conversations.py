"""conversations.*: the channels that a token may know of, their members and messages."""

from typing import TypeVar

from playground.slack.errors import SlackError
from playground.slack.methods.call import MethodCall, find_visible_channel, require_member
from playground.slack.objects import Channel, Json, Message
from playground.slack.serializers import channel_to_json, message_to_json
from playground.slack.state import State
from playground.slack.validation.message_content import is_true

T = TypeVar("T")

READ_SCOPES = {"public": "channels:read", "private": "groups:read", "im": "im:read"}
HISTORY_SCOPES = {"public": "channels:history", "private": "groups:history", "im": "im:history"}


def open_conversation(state: State, call: MethodCall) -> Json:
    if channel_id := call.args.get("channel"):
        channel = find_visible_channel(state, call, channel_id)
    else:
        users = str(call.require("users")).split(",")
        if len(users) != 1:
            raise SlackError("method_not_supported_for_channel_type")
        if users[0] not in state.users:
            raise SlackError("user_not_found")
        channel = state.open_direct_channel(users[0])
    shown = channel_to_json(channel, for_user=call.token.user_id)
    brief = shown if is_true(call.args.get("return_im")) else {"id": channel.id}
    return {"ok": True, "channel": brief}


def get_info(state: State, call: MethodCall) -> Json:
    channel = _find_readable_channel(state, call, READ_SCOPES)
    shown = channel_to_json(channel, for_user=call.token.user_id)
    if is_true(call.args.get("include_locale")):
        shown["locale"] = "en-GB"
    return {"ok": True, "channel": shown}


def list_members(state: State, call: MethodCall) -> Json:
    channel = _find_readable_channel(state, call, READ_SCOPES)
    page, cursor = _take_page(call, sorted(channel.members), default=100)
    return {"ok": True, "members": page, "response_metadata": {"next_cursor": cursor}}


def read_history(state: State, call: MethodCall) -> Json:
    """Answer the newest first, without the replies in threads."""
    channel = _find_readable_channel(state, call, HISTORY_SCOPES)
    require_member(call, channel)
    roots = [m for m in state.messages[channel.id].values() if m.thread_ts in {None, m.ts}]
    newest_first = sorted(_filter_by_range(call, roots), key=lambda m: m.ts, reverse=True)
    page, cursor = _take_page(call, newest_first, default=100, most=_find_most(state))
    shown = [message_to_json(state, message) for message in page]
    return _build_messages_response(shown, cursor)


def read_replies(state: State, call: MethodCall) -> Json:
    """Answer the oldest first, the thread's first message included."""
    channel = _find_readable_channel(state, call, HISTORY_SCOPES)
    require_member(call, channel)
    first = state.find_message(channel.id, str(call.require("ts")))
    if first is None:
        raise SlackError("thread_not_found")
    replies = sorted(_filter_by_range(call, state.list_replies(channel.id, first.ts)), key=lambda m: m.ts)
    page, cursor = _take_page(call, [first, *replies], default=1000, most=_find_most(state))
    return _build_messages_response([message_to_json(state, message) for message in page], cursor)


def _build_messages_response(shown: list[Json], cursor: str) -> Json:
    more: Json = {"response_metadata": {"next_cursor": cursor}} if cursor else {}
    return {"ok": True, "messages": shown, "has_more": bool(cursor), **more}


def _find_readable_channel(state: State, call: MethodCall, scopes: dict[str, str]) -> Channel:
    """Find the channel. A token needs the scope for the channel's own kind."""
    call.require_scope(*scopes.values())
    channel = find_visible_channel(state, call, call.require("channel"))
    call.require_scope(scopes[channel.kind])
    return channel


def _filter_by_range(call: MethodCall, messages: list[Message]) -> list[Message]:
    oldest, latest = str(call.args.get("oldest") or "0"), str(call.args.get("latest") or "9" * 10)
    if is_true(call.args.get("inclusive")):
        return [m for m in messages if float(oldest) <= float(m.ts) <= float(latest)]
    return [m for m in messages if float(oldest) < float(m.ts) < float(latest)]


def _find_most(state: State) -> int:
    """Return how many messages Slack gives at a time."""
    return 15 if state.config.limits_histories else 1000


def _take_page(call: MethodCall, items: list[T], default: int, most: int = 1000) -> tuple[list[T], str]:
    """Return the items from the cursor on, at most `limit`, and the next cursor, empty at the end."""
    limit = call.read_number("limit", default, most)
    cursor = str(call.args.get("cursor") or "0")
    if not cursor.isdigit():
        raise SlackError("invalid_cursor")
    start = int(cursor)
    following = start + limit
    return items[start:following], str(following) if following < len(items) else ""
