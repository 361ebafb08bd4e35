"""Which method is which function, for which kind of token, with which scope."""

from collections.abc import Callable
from dataclasses import dataclass

from playground.slack.methods import chat, files, people, views
from playground.slack.methods.call import Call
from playground.slack.objects import Json, TokenKind
from playground.slack.state import State


@dataclass(frozen=True, slots=True)
class Method:
    """`scope` may be empty; methods with a scope for each kind of channel check it themselves."""

    run: Callable[[State, Call], Json]
    scope: str = ""
    kinds: tuple[TokenKind, ...] = ("bot", "user")


METHODS: dict[str, Method] = {
    "api.test": Method(people.api_test, kinds=("bot", "user", "app")),
    "apps.connections.open": Method(people.connections_open, "connections:write", kinds=("app",)),
    "auth.test": Method(people.auth_test, kinds=("bot", "user", "app")),
    "chat.delete": Method(chat.delete, "chat:write"),
    "chat.getPermalink": Method(chat.get_permalink),
    "chat.postEphemeral": Method(chat.post_ephemeral, "chat:write"),
    "chat.postMessage": Method(chat.post_message, "chat:write"),
    "chat.update": Method(chat.update, "chat:write"),
    "conversations.history": Method(people.conversations_history),
    "conversations.info": Method(people.conversations_info),
    "conversations.members": Method(people.conversations_members),
    "conversations.open": Method(people.conversations_open, "im:write"),
    "conversations.replies": Method(people.conversations_replies),
    "files.completeUploadExternal": Method(files.complete_upload, "files:write"),
    "files.getUploadURLExternal": Method(files.get_upload_url, "files:write"),
    "usergroups.users.list": Method(people.usergroups_users_list, "usergroups:read"),
    "users.info": Method(people.users_info, "users:read"),
    "views.open": Method(views.open_),
    "views.publish": Method(views.publish),
    "views.push": Method(views.push),
    "views.update": Method(views.update),
}
