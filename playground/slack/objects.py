"""Slack's objects as frozen records: users, channels, messages, views, and short-lived secrets."""

from dataclasses import dataclass
from typing import Any, Literal

Json = dict[str, Any]
ChannelKind = Literal["public", "private", "im"]
TokenKind = Literal["bot", "app", "user"]
UrlOrigin = Literal["command", "shortcut", "ephemeral", "message"]


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person or a bot.

    `is_restricted`: a guest, of one channel if `is_ultra_restricted` too. `is_stranger`: of another team.
    """

    id: str
    team_id: str
    name: str
    real_name: str
    locale: str = "en-GB"
    tz: str = "Europe/London"
    tz_offset: int = 0
    is_admin: bool = False
    is_owner: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_bot: bool = False
    is_stranger: bool = False
    deleted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A channel or direct message.

    `is_read_only`: posting is restricted to admins, so that the bot gets `restricted_action`.
    """

    id: str
    name: str
    kind: ChannelKind
    members: frozenset[str]
    topic: str = ""
    is_archived: bool = False
    is_shared: bool = False
    is_read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message that everybody in the channel sees. `ts` is its id within the channel.

    `subtype` is Slack's, if any. `bot_id` is ours or another app's; an incoming webhook has one and no `user_id`.
    """

    ts: str
    channel_id: str
    user_id: str
    text: str
    subtype: str | None = None
    blocks: tuple[Json, ...] = ()
    thread_ts: str | None = None
    bot_id: str | None = None
    username: str | None = None
    metadata: Json | None = None
    edited_ts: str | None = None
    files: tuple[Json, ...] = ()
    attachments: tuple[Json, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ephemeral:
    """A message that `user_id` alone sees, until a reload.

    `is_shown` is false where Slack takes it but shows it to nobody.
    """

    ts: str
    channel_id: str
    user_id: str
    text: str
    blocks: tuple[Json, ...] = ()
    thread_ts: str | None = None
    author_id: str = ""
    is_shown: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A modal or a Home tab. `content` is what the app sent, with Slack's block ids filled in."""

    id: str
    user_id: str
    type: Literal["modal", "home"]
    content: Json
    hash: str
    root_id: str
    previous_id: str | None = None
    errors: tuple[tuple[str, str], ...] = ()

    @property
    def blocks(self) -> tuple[Json, ...]:
        return tuple(self.content["blocks"])

    @property
    def callback_id(self) -> str:
        return str(self.content.get("callback_id", ""))

    @property
    def private_metadata(self) -> str:
        return str(self.content.get("private_metadata", ""))

    @property
    def title(self) -> str:
        return str(self.content.get("title", {}).get("text", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An API token, which acts as `user_id`. `refusal` is the error of a revoked one."""

    value: str
    kind: TokenKind
    user_id: str
    scopes: frozenset[str]
    refusal: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A trigger id: it opens one modal for one person, within seconds."""

    id: str
    user_id: str
    expires_at: float
    is_exchanged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedResponseUrl:
    """A response_url. `message_ts` is the clicked message, on which replace_original and delete_original act."""

    key: str
    channel_id: str
    user_id: str
    origin: UrlOrigin
    expires_at: float
    message_ts: str | None = None
    uses: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file by Slack's external upload; `content` is None until the bytes have come."""

    id: str
    filename: str
    length: int
    content: bytes | None = None
    title: str = ""


def surface_key(record: Message | Ephemeral | View) -> str:
    """Return the key of a surface, under which the values entered there are kept."""
    if isinstance(record, View):
        return record.id
    return f"{record.channel_id}/{record.ts}"
