"""The table of methods: function, scope, and the kinds of token that may call it."""

from collections.abc import Callable
from dataclasses import dataclass

from playground.slack.methods import agents, chat, conversations, files, users, views
from playground.slack.methods.call import MethodCall
from playground.slack.objects import Json, TokenKind
from playground.slack.state import State


@dataclass(frozen=True, slots=True)
class Method:
    """A method. `scope` may be empty: methods with a scope for each kind of channel check it themselves."""

    run: Callable[[State, MethodCall], Json]
    scope: str = ""
    kinds: tuple[TokenKind, ...] = ("bot", "user")


METHODS: dict[str, Method] = {
    "agents.sessions.setStatus": Method(agents.set_status, "chat:write", kinds=("bot",)),
    "api.test": Method(users.echo_arguments, kinds=("bot", "user", "app")),
    "apps.connections.open": Method(users.open_connection, "connections:write", kinds=("app",)),
    "assistant.threads.setSuggestedPrompts": Method(agents.set_suggested_prompts, "assistant:write", kinds=("bot",)),
    "auth.test": Method(users.describe_token, kinds=("bot", "user", "app")),
    "chat.delete": Method(chat.delete, "chat:write"),
    "chat.getPermalink": Method(chat.get_permalink),
    "chat.postEphemeral": Method(chat.post_ephemeral, "chat:write"),
    "chat.postMessage": Method(chat.post_message, "chat:write"),
    "chat.update": Method(chat.update, "chat:write"),
    "conversations.history": Method(conversations.read_history),
    "conversations.info": Method(conversations.get_info),
    "conversations.members": Method(conversations.list_members),
    "conversations.open": Method(conversations.open_conversation, "im:write"),
    "conversations.replies": Method(conversations.read_replies),
    "files.completeUploadExternal": Method(files.complete_upload, "files:write"),
    "files.getUploadURLExternal": Method(files.get_upload_url, "files:write"),
    "usergroups.users.list": Method(users.list_usergroup_members, "usergroups:read"),
    "users.info": Method(users.get_user, "users:read"),
    "views.open": Method(views.open_),
    "views.publish": Method(views.publish),
    "views.push": Method(views.push),
    "views.update": Method(views.update),
}
