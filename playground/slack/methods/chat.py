"""chat.*: who may post where, and what can be changed afterwards."""

from dataclasses import replace

from playground.slack.errors import SlackError
from playground.slack.methods.call import Call, require_member, visible_channel
from playground.slack.objects import Channel, Ephemeral, Json, Message
from playground.slack.people.directory import BOT_ID
from playground.slack.serializers import message_json
from playground.slack.state import State
from playground.slack.validation import validators
from playground.slack.validation.message_content import content_of, decoded


def post_message(state: State, call: Call) -> Json:
    channel = _channel_to_post_in(state, call)
    if call.token.user_id not in channel.members:
        _may_post_from_outside(call)
    _may_post(channel)
    content = content_of(call.args)
    if validators.characters(content.blocks or ()) > validators.BLOCKS_CHARACTERS_LIMIT:
        raise SlackError("msg_blocks_too_long")
    if any(call.args.get(name) for name in ("username", "icon_url", "icon_emoji")):
        call.needs("chat:write.customize")
    message = state.put_message(
        Message(
            ts=state.clock.ts(),
            channel_id=channel.id,
            user_id=call.token.user_id,
            text=content.text,
            blocks=content.blocks or (),
            thread_ts=thread_to_join(state, channel, call.args.get("thread_ts")),
            bot_id=BOT_ID if call.token.kind == "bot" else None,
            username=call.args.get("username"),
            metadata=decoded(call.args, "metadata", "invalid_metadata_format"),
        )
    )
    return {"ok": True, "channel": channel.id, "ts": message.ts, "message": message_json(state, message)}


def post_ephemeral(state: State, call: Call) -> Json:
    channel = visible_channel(state, call, call.required("channel"))
    user_id = call.required("user")
    require_member(call, channel)
    _may_post(channel)
    if user_id not in channel.members:
        raise SlackError("user_not_in_channel")
    content = content_of(call.args)
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
            is_shown=thread_ts is None or bool(state.replies(channel.id, thread_ts)),
        )
    )
    return {"ok": True, "message_ts": ephemeral.ts}


def update(state: State, call: Call) -> Json:
    channel = visible_channel(state, call, call.required("channel"))
    before = _own_message(state, call, channel, "cant_update_message")
    if channel.is_archived:
        raise SlackError("is_archived")
    content = content_of(call.args)
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
    shown = message_json(state, message)
    return {"ok": True, "channel": channel.id, "ts": message.ts, "text": message.text, "message": shown}


def delete(state: State, call: Call) -> Json:
    channel = visible_channel(state, call, call.required("channel"))
    message = _own_message(state, call, channel, "cant_delete_message")
    state.delete_message(message)
    return {"ok": True, "channel": channel.id, "ts": message.ts}


def get_permalink(state: State, call: Call) -> Json:
    channel = visible_channel(state, call, call.required("channel"))
    ts = str(call.required("message_ts"))
    if state.message(channel.id, ts) is None:
        raise SlackError("message_not_found")
    link = f"{state.base_url}/archives/{channel.id}/p{ts.replace('.', '')}"
    return {"ok": True, "channel": channel.id, "permalink": link}


def thread_to_join(state: State, channel: Channel, thread_ts: str | None) -> str | None:
    """The ts of the thread's first message, which becomes a thread if it was none. Raises `thread_not_found`."""
    if not thread_ts:
        return None
    parent = state.message(channel.id, thread_ts)
    if parent is None:
        raise SlackError("thread_not_found")
    if parent.thread_ts is None:
        parent = replace(parent, thread_ts=parent.ts)
        # Becoming a thread is no edit: no listener hears of it.
        state.messages[channel.id][parent.ts] = parent
    return parent.thread_ts


def _channel_to_post_in(state: State, call: Call) -> Channel:
    """By id, by `#name`, or by a person's id, which means the direct message with them."""
    wanted = str(call.required("channel"))
    if wanted in state.users:
        return _direct(state, state.direct_channel(wanted))
    for channel in state.channels.values():
        if channel.name == wanted.removeprefix("#") and channel.kind != "im":
            wanted = channel.id
    return _direct(state, visible_channel(state, call, wanted))


def _direct(state: State, channel: Channel) -> Channel:
    """Direct messages with an app need its Messages tab."""
    if channel.kind == "im" and not state.config.messages_tab:
        raise SlackError("messages_tab_disabled")
    return channel


def _may_post_from_outside(call: Call) -> None:
    if "chat:write.public" not in call.token.scopes:
        raise SlackError("not_in_channel")


def _may_post(channel: Channel) -> None:
    if channel.is_archived:
        raise SlackError("is_archived")
    if channel.is_read_only:
        raise SlackError("restricted_action")


def _own_message(state: State, call: Call, channel: Channel, refusal: str) -> Message:
    """An ephemeral is no message here: its ts is not found, as in Slack."""
    message = state.message(channel.id, str(call.required("ts")))
    if message is None:
        raise SlackError("message_not_found")
    if message.user_id != call.token.user_id:
        raise SlackError(refusal)
    return message
