"""chat.*: post, update and delete messages, with the rules on who may."""

from dataclasses import replace

from playground.slack.errors import SlackError
from playground.slack.methods.call import MethodCall, find_visible_channel, require_member
from playground.slack.objects import Channel, Ephemeral, Json, Message
from playground.slack.people.directory import BOT_ID
from playground.slack.serializers import message_to_json
from playground.slack.state import State
from playground.slack.validation import validators
from playground.slack.validation.message_content import decode_json, parse_content


def post_message(state: State, call: MethodCall) -> Json:
    channel = _find_target_channel(state, call)
    if call.token.user_id not in channel.members:
        _check_public_scope(call)
    _check_open_for_posts(channel)
    content = parse_content(call.args)
    if any(call.args.get(name) for name in ("username", "icon_url", "icon_emoji")):
        call.require_scope("chat:write.customize")
    message = state.put_message(
        Message(
            ts=state.clock.ts(),
            channel_id=channel.id,
            user_id=call.token.user_id,
            text=content.text,
            blocks=content.blocks or (),
            thread_ts=join_thread(state, channel, call.args.get("thread_ts")),
            bot_id=BOT_ID if call.token.kind == "bot" else None,
            username=call.args.get("username"),
            metadata=decode_json(call.args, "metadata", "invalid_metadata_format"),
        )
    )
    return {"ok": True, "channel": channel.id, "ts": message.ts, "message": message_to_json(state, message)}


def post_ephemeral(state: State, call: MethodCall) -> Json:
    channel = find_visible_channel(state, call, call.require("channel"))
    user_id = call.require("user")
    require_member(call, channel)
    _check_open_for_posts(channel)
    if user_id not in channel.members:
        raise SlackError("user_not_in_channel")
    content = parse_content(call.args)
    thread_ts = call.args.get("thread_ts")
    ephemeral = state.put_ephemeral(
        Ephemeral(
            ts=state.clock.ts(),
            channel_id=channel.id,
            user_id=user_id,
            text=content.text,
            blocks=content.blocks or (),
            thread_ts=thread_ts,
            author_id=call.token.user_id,
            # Slack takes an ephemeral reply to a message that has no replies yet, and shows it to nobody.
            is_shown=thread_ts is None or bool(state.list_replies(channel.id, thread_ts)),
        )
    )
    return {"ok": True, "message_ts": ephemeral.ts}


def update(state: State, call: MethodCall) -> Json:
    channel = find_visible_channel(state, call, call.require("channel"))
    before = _find_own_message(state, call, channel, "cant_update_message")
    if channel.is_archived:
        raise SlackError("is_archived")
    content = parse_content(call.args)
    if len(content.text) > validators.UPDATE_TEXT_LIMIT:
        raise SlackError("msg_too_long")
    message = state.put_message(
        replace(
            before,
            text=content.text,
            blocks=before.blocks if content.blocks is None else content.blocks,
            edited_ts=state.clock.ts(),
        )
    )
    shown = message_to_json(state, message)
    return {"ok": True, "channel": channel.id, "ts": message.ts, "text": message.text, "message": shown}


def delete(state: State, call: MethodCall) -> Json:
    channel = find_visible_channel(state, call, call.require("channel"))
    message = _find_own_message(state, call, channel, "cant_delete_message")
    state.delete_message(message)
    return {"ok": True, "channel": channel.id, "ts": message.ts}


def get_permalink(state: State, call: MethodCall) -> Json:
    channel = find_visible_channel(state, call, call.require("channel"))
    ts = str(call.require("message_ts"))
    if state.find_message(channel.id, ts) is None:
        raise SlackError("message_not_found")
    link = f"{state.base_url}/archives/{channel.id}/p{ts.replace('.', '')}"
    return {"ok": True, "channel": channel.id, "permalink": link}


def join_thread(state: State, channel: Channel, thread_ts: str | None) -> str | None:
    """Return the ts of the thread's first message, and make it a thread. Raises SlackError(thread_not_found)."""
    if not thread_ts:
        return None
    parent = state.find_message(channel.id, thread_ts)
    if parent is None:
        raise SlackError("thread_not_found")
    if parent.thread_ts is None:
        parent = replace(parent, thread_ts=parent.ts)
        # Becoming a thread is no edit: no listener hears of it.
        state.messages[channel.id][parent.ts] = parent
    return parent.thread_ts


def _find_target_channel(state: State, call: MethodCall) -> Channel:
    """Find the channel by id, by `#name`, or by a person's id, which means the direct message with them."""
    wanted = str(call.require("channel"))
    if wanted in state.users:
        return _check_messages_tab(state, state.open_direct_channel(wanted))
    for channel in state.channels.values():
        if channel.name == wanted.removeprefix("#") and channel.kind != "im":
            wanted = channel.id
    return _check_messages_tab(state, find_visible_channel(state, call, wanted))


def _check_messages_tab(state: State, channel: Channel) -> Channel:
    """Return the channel. Raises SlackError for a direct message if the app has no Messages tab."""
    if channel.kind == "im" and not state.config.messages_tab:
        raise SlackError("messages_tab_disabled")
    return channel


def _check_public_scope(call: MethodCall) -> None:
    if "chat:write.public" not in call.token.scopes:
        raise SlackError("not_in_channel")


def _check_open_for_posts(channel: Channel) -> None:
    if channel.is_archived:
        raise SlackError("is_archived")
    if channel.is_read_only:
        raise SlackError("restricted_action")


def _find_own_message(state: State, call: MethodCall, channel: Channel, refusal: str) -> Message:
    """Find the message by `ts`. An ephemeral is not found, as in Slack; another author's raises SlackError(refusal)."""
    message = state.find_message(channel.id, str(call.require("ts")))
    if message is None:
        raise SlackError("message_not_found")
    if message.user_id != call.token.user_id:
        raise SlackError(refusal)
    return message
