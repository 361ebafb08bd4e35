"""One call of a Web API method, and what several methods need to answer it."""

from dataclasses import dataclass
from typing import Any

from playground.slack.errors import SlackError
from playground.slack.objects import Channel, Json, Token
from playground.slack.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """`args` are the JSON body's or the form's, the query's included; the token is not among them."""

    method: str
    args: Json
    token: Token

    def required(self, name: str) -> Any:
        """The argument. Raises SlackError(invalid_arguments) when it is missing or empty."""
        value = self.args.get(name)
        if value in {None, ""} if not isinstance(value, dict | list) else not value:
            raise SlackError.because("invalid_arguments", [f"[ERROR] missing required field: {name}"])
        return value

    def needs(self, *scopes: str) -> None:
        """Raises SlackError(missing_scope) unless the token has one of these."""
        if not self.token.scopes.intersection(scopes):
            raise SlackError("missing_scope", needed=",".join(scopes), provided=",".join(sorted(self.token.scopes)))

    def number(self, name: str, default: int, most: int) -> int:
        try:
            return max(1, min(int(self.args.get(name) or default), most))
        except ValueError as problem:
            raise SlackError("invalid_limit") from problem


def visible_channel(state: State, call: Call, channel_id: str) -> Channel:
    """The channel, if this token may know of it: private ones are hidden by `channel_not_found` from non-members."""
    channel = state.channels.get(channel_id)
    if channel is None or (channel.kind != "public" and call.token.user_id not in channel.members):
        raise SlackError("channel_not_found")
    return channel


def require_member(call: Call, channel: Channel) -> None:
    if call.token.user_id not in channel.members:
        raise SlackError("not_in_channel")
