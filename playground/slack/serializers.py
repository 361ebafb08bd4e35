"""Convert records to Slack's JSON, for answers of the Web API and for payloads."""

from playground.slack.objects import Channel, Json, Message, User, View
from playground.slack.people.directory import APP_ID, BOT_ID, BOT_USER_ID, TEAM_ID
from playground.slack.state import State


def message_to_json(state: State, message: Message) -> Json:
    """Convert a message as for conversations.history; a thread's first one with its counts."""
    shown: Json = {"type": "message", "ts": message.ts, "text": message.text, "team": _find_team_id(state, message)}
    if message.user_id:
        shown["user"] = message.user_id
    if message.subtype:
        shown["subtype"] = message.subtype
    if message.blocks:
        shown["blocks"] = list(message.blocks)
    if message.bot_id == BOT_ID:
        shown |= {"bot_id": message.bot_id, "app_id": APP_ID, "bot_profile": _build_bot_profile(state)}
    elif message.bot_id:
        # What a person posts by an app, with a token of their own, is theirs.
        shown |= {"bot_id": message.bot_id} if message.user_id else {"bot_id": message.bot_id, "subtype": "bot_message"}
    if message.username:
        shown |= {"subtype": "bot_message", "username": message.username}
    if message.edited_ts:
        shown["edited"] = {"user": message.user_id, "ts": message.edited_ts}
    if message.metadata:
        shown["metadata"] = message.metadata
    lists = {"files": message.files, "attachments": message.attachments}
    shown |= {name: list(items) for name, items in lists.items() if items}
    return shown | _thread_to_json(state, message)


def _find_team_id(state: State, message: Message) -> str:
    """Return the author's team: in a shared channel it may be another one."""
    author = state.users.get(message.user_id)
    return author.team_id if author else TEAM_ID


def _thread_to_json(state: State, message: Message) -> Json:
    if message.thread_ts and message.thread_ts != message.ts:
        parent = state.find_message(message.channel_id, message.thread_ts)
        return {"thread_ts": message.thread_ts, **({"parent_user_id": parent.user_id} if parent else {})}
    if not message.thread_ts:
        return {}
    replies = state.list_replies(message.channel_id, message.ts)
    writers = list(dict.fromkeys(reply.user_id for reply in replies))
    counts: Json = {"reply_count": len(replies), "reply_users_count": len(writers), "reply_users": writers}
    return {"thread_ts": message.ts, **counts, **({"latest_reply": replies[-1].ts} if replies else {})}


def _build_bot_profile(state: State) -> Json:
    return {"id": BOT_ID, "app_id": APP_ID, "name": state.config.name, "team_id": TEAM_ID, "deleted": False}


def user_to_json(state: State, user: User, *, locale: str | None) -> Json:
    """Convert a user as for users.info.

    `is_stranger` is true only for people in no channel of the bot's. Deactivated users have no rights and time zone.
    """
    profile = {"real_name": user.real_name, "display_name": user.real_name, "team": user.team_id}
    shown: Json = {
        "id": user.id,
        "team_id": user.team_id,
        "name": user.name,
        "deleted": user.deleted,
        "real_name": user.real_name,
        "profile": profile,
        "is_bot": user.is_bot,
        "is_app_user": user.is_bot,
        "updated": 1_763_000_000,
    }
    if user.deleted:
        return shown
    shown |= {
        "tz": user.tz,
        "tz_label": user.tz,
        "tz_offset": user.tz_offset,
        "is_admin": user.is_admin,
        "is_owner": user.is_owner,
        "is_primary_owner": user.is_owner,
        "is_restricted": user.is_restricted or user.is_ultra_restricted,
        "is_ultra_restricted": user.is_ultra_restricted,
    }
    if user.is_stranger:
        shown["is_stranger"] = not any({user.id, BOT_USER_ID} <= each.members for each in state.channels.values())
    return shown | ({"locale": locale} if locale else {})


def channel_to_json(channel: Channel, *, for_user: str) -> Json:
    is_im = channel.kind == "im"
    shown: Json = {
        "id": channel.id,
        "created": 1_763_000_000,
        "is_channel": channel.kind == "public",
        "is_group": channel.kind == "private",
        "is_im": is_im,
        "is_mpim": False,
        "is_private": channel.kind != "public",
        "is_archived": channel.is_archived,
        "is_shared": channel.is_shared,
        "is_ext_shared": channel.is_shared,
        "is_org_shared": False,
        "context_team_id": TEAM_ID,
    }
    if is_im:
        return shown | {"user": next(iter(channel.members - {for_user}), for_user), "is_open": True}
    return shown | {
        "name": channel.name,
        "name_normalized": channel.name,
        "is_member": for_user in channel.members,
        "is_general": False,
        "creator": "U0ADMIN",
        "topic": {"value": channel.topic, "creator": "U0ADMIN", "last_set": 1_763_000_000},
        "purpose": {"value": "", "creator": "", "last_set": 0},
        "num_members": len(channel.members),
    }


def view_to_json(view: View, *, values: Json | None = None) -> Json:
    """Convert a view as for views.open and payloads; `values` are those that a person has entered."""
    content = view.content
    is_modal = view.type == "modal"
    return {
        "id": view.id,
        "team_id": TEAM_ID,
        "type": view.type,
        "blocks": content["blocks"],
        "private_metadata": view.private_metadata,
        "callback_id": view.callback_id,
        "state": {"values": values or {}},
        "hash": view.hash,
        "title": content.get("title", {"type": "plain_text", "text": "View Title", "emoji": True}),
        "clear_on_close": content.get("clear_on_close", False),
        "notify_on_close": content.get("notify_on_close", False),
        "close": content.get("close"),
        "submit": content.get("submit") if is_modal else None,
        "previous_view_id": view.previous_id,
        "root_view_id": view.root_id,
        "app_id": APP_ID,
        "external_id": content.get("external_id", ""),
        "app_installed_team_id": TEAM_ID,
        "bot_id": BOT_ID,
    }
