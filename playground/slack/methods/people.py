"""Who and what there is, as far as the token may know: api, apps, auth, users, usergroups, conversations."""

from typing import TypeVar

from playground.slack.errors import SlackError
from playground.slack.methods.call import Call, require_member, visible_channel
from playground.slack.objects import Channel, Json, Message
from playground.slack.people.directory import APP_ID, BOT_ID, BOT_USER_ID, TEAM_ID, TEAM_NAME
from playground.slack.serializers import channel_json, message_json, user_json
from playground.slack.state import State
from playground.slack.validation.message_content import is_true

T = TypeVar("T")

READ = {"public": "channels:read", "private": "groups:read", "im": "im:read"}
HISTORY = {"public": "channels:history", "private": "groups:history", "im": "im:history"}


def api_test(_state: State, call: Call) -> Json:
    if "error" in call.args:
        raise SlackError(str(call.args["error"]), args=call.args)
    return {"ok": True, "args": call.args}


def connections_open(state: State, _call: Call) -> Json:
    return {"ok": True, "url": state.new_socket_url()}


def auth_test(state: State, call: Call) -> Json:
    user = state.users[call.token.user_id]
    who: Json = {"url": f"{state.base_url}/", "team": TEAM_NAME, "user": user.name, "team_id": TEAM_ID}
    who |= {"ok": True, "user_id": user.id, "is_enterprise_install": False}
    return who | ({"bot_id": BOT_ID, "app_id": APP_ID} if user.id == BOT_USER_ID else {})


def users_info(state: State, call: Call) -> Json:
    user = state.users.get(call.required("user"))
    if user is None:
        raise SlackError("user_not_found")
    locale = user.locale if is_true(call.args.get("include_locale")) else None
    return {"ok": True, "user": user_json(state, user, locale=locale)}


def usergroups_users_list(state: State, call: Call) -> Json:
    members = state.usergroups.get(call.required("usergroup"))
    if members is None:
        raise SlackError("no_such_subteam")
    return {"ok": True, "users": sorted(members)}


def conversations_open(state: State, call: Call) -> Json:
    if channel_id := call.args.get("channel"):
        channel = visible_channel(state, call, channel_id)
    else:
        users = str(call.required("users")).split(",")
        if len(users) != 1:
            raise SlackError("method_not_supported_for_channel_type")
        if users[0] not in state.users:
            raise SlackError("user_not_found")
        channel = state.direct_channel(users[0])
    shown = channel_json(channel, for_user=call.token.user_id)
    brief = shown if is_true(call.args.get("return_im")) else {"id": channel.id}
    return {"ok": True, "channel": brief}


def conversations_info(state: State, call: Call) -> Json:
    channel = _readable(state, call, READ)
    shown = channel_json(channel, for_user=call.token.user_id)
    if is_true(call.args.get("include_locale")):
        shown["locale"] = "en-GB"
    return {"ok": True, "channel": shown}


def conversations_members(state: State, call: Call) -> Json:
    channel = _readable(state, call, READ)
    page, cursor = _page(call, sorted(channel.members), default=100)
    return {"ok": True, "members": page, "response_metadata": {"next_cursor": cursor}}


def conversations_history(state: State, call: Call) -> Json:
    """Newest first, without the replies in threads."""
    channel = _readable(state, call, HISTORY)
    require_member(call, channel)
    roots = [m for m in state.messages[channel.id].values() if m.thread_ts in {None, m.ts}]
    page, cursor = _page(call, sorted(_in_range(call, roots), key=lambda m: m.ts, reverse=True), default=100)
    shown = [message_json(state, message) for message in page]
    return _messages_answer(shown, cursor)


def conversations_replies(state: State, call: Call) -> Json:
    """Oldest first, the thread's first message included."""
    channel = _readable(state, call, HISTORY)
    require_member(call, channel)
    first = state.message(channel.id, str(call.required("ts")))
    if first is None:
        raise SlackError("thread_not_found")
    replies = sorted(_in_range(call, state.replies(channel.id, first.ts)), key=lambda m: m.ts)
    page, cursor = _page(call, [first, *replies], default=1000)
    return _messages_answer([message_json(state, message) for message in page], cursor)


def _messages_answer(shown: list[Json], cursor: str) -> Json:
    more: Json = {"response_metadata": {"next_cursor": cursor}} if cursor else {}
    return {"ok": True, "messages": shown, "has_more": bool(cursor), **more}


def _readable(state: State, call: Call, scopes: dict[str, str]) -> Channel:
    """Any one of the scopes lets a token ask; the channel's own kind decides then."""
    call.needs(*scopes.values())
    channel = visible_channel(state, call, call.required("channel"))
    call.needs(scopes[channel.kind])
    return channel


def _in_range(call: Call, messages: list[Message]) -> list[Message]:
    oldest, latest = str(call.args.get("oldest") or "0"), str(call.args.get("latest") or "9" * 10)
    if is_true(call.args.get("inclusive")):
        return [m for m in messages if float(oldest) <= float(m.ts) <= float(latest)]
    return [m for m in messages if float(oldest) < float(m.ts) < float(latest)]


def _page(call: Call, items: list[T], default: int) -> tuple[list[T], str]:
    """The items from the cursor on, at most `limit`, and the next cursor, empty at the end."""
    limit = call.number("limit", default, 1000)
    cursor = str(call.args.get("cursor") or "0")
    if not cursor.isdigit():
        raise SlackError("invalid_cursor")
    start = int(cursor)
    following = start + limit
    return items[start:following], str(following) if following < len(items) else ""
