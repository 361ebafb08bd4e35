"""One call of a Web API method, and checks that several methods share."""

from dataclasses import dataclass
from typing import Any

from playground.slack.errors import SlackError
from playground.slack.objects import Channel, Json, Token
from playground.slack.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodCall:
    """A call: `args` come from query, form or JSON body, without the token."""

    method: str
    args: Json
    token: Token

    def require(self, name: str) -> Any:
        """Return the argument. Raises SlackError(invalid_arguments) if it is missing or empty."""
        value = self.args.get(name)
        if value in {None, ""} if not isinstance(value, dict | list) else not value:
            raise SlackError.from_reasons("invalid_arguments", [f"[ERROR] missing required field: {name}"])
        return value

    def require_scope(self, *scopes: str) -> None:
        """Raise SlackError(missing_scope) unless the token has one of these."""
        if not self.token.scopes.intersection(scopes):
            raise SlackError("missing_scope", needed=",".join(scopes), provided=",".join(sorted(self.token.scopes)))

    def read_number(self, name: str, default: int, most: int) -> int:
        try:
            return max(1, min(int(self.args.get(name) or default), most))
        except ValueError as problem:
            raise SlackError("invalid_limit") from problem


def find_visible_channel(state: State, call: MethodCall, channel_id: str) -> Channel:
    """Return the channel. Raises SlackError(channel_not_found) for private ones of which the token is no member."""
    channel = state.channels.get(channel_id)
    if channel is None or (channel.kind != "public" and call.token.user_id not in channel.members):
        raise SlackError("channel_not_found")
    return channel


def require_member(call: MethodCall, channel: Channel) -> None:
    if call.token.user_id not in channel.members:
        raise SlackError("not_in_channel")
