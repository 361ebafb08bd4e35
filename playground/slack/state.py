"""The workspace's state, and the only place where it changes. Each change is published on the bus."""

import secrets
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import count
from typing import Literal

from playground.slack.change_bus import ChangeBus
from playground.slack.clock import Clock, Timing
from playground.slack.config import AppConfig
from playground.slack.objects import (
    Channel,
    Ephemeral,
    IssuedResponseUrl,
    Json,
    Message,
    Token,
    TokenKind,
    Trigger,
    Upload,
    UrlOrigin,
    User,
    View,
)
from playground.slack.people.directory import APP_ID, BOT_USER_ID, SLACKBOT_ID, USERGROUPS, Channels, People


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageChange:
    """A change of a message: `before` is None for a new one, `after` is None for a deleted one."""

    channel_id: str
    before: Message | None
    after: Message | None


class State:
    """All records of a workspace. They are replaced, never edited."""

    def __init__(self, *, config: AppConfig, clock: Clock, timing: Timing) -> None:
        self.config = config
        self.clock = clock
        self.timing = timing
        self.changes = ChangeBus()
        self.base_url = ""
        self.enterprise_id: str | None = None
        self.users: dict[str, User] = {user.id: user for user in People.list_all()}
        self.channels: dict[str, Channel] = {channel.id: channel for channel in Channels.list_all()}
        self.usergroups = dict(USERGROUPS)
        self.tokens: dict[str, Token] = {}
        self.messages: dict[str, dict[str, Message]] = {channel_id: {} for channel_id in self.channels}
        self.ephemerals: dict[tuple[str, str], Ephemeral] = {}
        self.views: dict[str, View] = {}
        self.stacks: dict[str, list[str]] = {}
        self.homes: dict[str, View] = {}
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, IssuedResponseUrl] = {}
        self.uploads: dict[str, Upload] = {}
        self.sessions: dict[tuple[str, str], str] = {}
        self.prompts: dict[str, tuple[Json, ...]] = {}
        self.socket_tickets: set[str] = set()
        self.entered: dict[tuple[str, str], Json] = {}
        self.message_listeners: list[Callable[[MessageChange], None]] = []
        self._ids = count(1)

    def new_id(self, prefix: str) -> str:
        return f"{prefix}0{next(self._ids):08X}"

    # --- tokens, triggers, response URLs ---------------------------------------------------

    def issue_token(self, kind: TokenKind, user_id: str, scopes: Iterable[str]) -> Token:
        prefix = {"bot": "xoxb", "app": "xapp-1", "user": "xoxp"}[kind]
        token = Token(
            value=f"{prefix}-playground-{secrets.token_hex(12)}",
            kind=kind,
            user_id=user_id,
            scopes=frozenset(scopes),
        )
        self.tokens[token.value] = token
        return token

    def refuse_token(self, token: str, error: str = "account_inactive") -> None:
        """Answer this token with `error` from now on, as after an uninstallation."""
        self.tokens[token] = replace(self.tokens[token], refusal=error)

    def issue_trigger(self, user_id: str) -> Trigger:
        trigger = Trigger(
            id=f"{next(self._ids)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}",
            user_id=user_id,
            expires_at=self.clock.now() + self.timing.trigger,
        )
        self.triggers[trigger.id] = trigger
        return trigger

    def issue_response_url(
        self, *, channel_id: str, user_id: str, origin: UrlOrigin, message_ts: str | None = None
    ) -> str:
        url = IssuedResponseUrl(
            key=f"{next(self._ids)}/{secrets.token_hex(12)}",
            channel_id=channel_id,
            user_id=user_id,
            origin=origin,
            expires_at=self.clock.now() + self.timing.response_url,
            message_ts=message_ts,
        )
        self.response_urls[url.key] = url
        return f"{self.base_url}/actions/{url.key}"

    def issue_socket_url(self) -> str:
        """Return a Socket Mode address with a ticket for one connection."""
        ticket = secrets.token_hex(12)
        self.socket_tickets.add(ticket)
        return f"{self.base_url.replace('http', 'ws', 1)}/link?ticket={ticket}&app_id={APP_ID}"

    # --- messages --------------------------------------------------------------------------

    def find_message(self, channel_id: str, ts: str) -> Message | None:
        return self.messages.get(channel_id, {}).get(ts)

    def list_replies(self, channel_id: str, thread_ts: str) -> list[Message]:
        """List the thread's replies without its first message, oldest first."""
        return [
            message
            for message in self.messages.get(channel_id, {}).values()
            if message.thread_ts == thread_ts and message.ts != thread_ts
        ]

    def put_message(self, message: Message) -> Message:
        """Add a message, or replace the one with its ts."""
        of_channel = self.messages.setdefault(message.channel_id, {})
        before = of_channel.get(message.ts)
        of_channel[message.ts] = message
        self._publish_message_change(MessageChange(channel_id=message.channel_id, before=before, after=message))
        return message

    def delete_message(self, message: Message) -> None:
        if self.list_replies(message.channel_id, message.ts):
            # The first message of a thread that has replies leaves a tombstone, so that they keep their place.
            gone = Message(
                ts=message.ts,
                channel_id=message.channel_id,
                user_id=SLACKBOT_ID,
                text="This message was deleted.",
                subtype="tombstone",
                thread_ts=message.ts,
            )
            self.put_message(gone)
            return
        del self.messages[message.channel_id][message.ts]
        self._publish_message_change(MessageChange(channel_id=message.channel_id, before=message, after=None))

    def _publish_message_change(self, change: MessageChange) -> None:
        record = change.after or change.before
        self.changes.publish(("message" if change.after else "deleted", change.channel_id), record)
        for listener in self.message_listeners:
            listener(change)

    # --- ephemerals ------------------------------------------------------------------------

    def find_ephemeral(self, user_id: str, ts: str) -> Ephemeral | None:
        return self.ephemerals.get((user_id, ts))

    def list_ephemerals(self, user_id: str) -> list[Ephemeral]:
        """List the ephemerals that this person sees, oldest first."""
        return [e for e in self.ephemerals.values() if e.user_id == user_id and e.is_shown]

    def put_ephemeral(self, ephemeral: Ephemeral) -> Ephemeral:
        self.ephemerals[ephemeral.user_id, ephemeral.ts] = ephemeral
        if ephemeral.is_shown:
            self.changes.publish(("ephemeral", ephemeral.user_id), ephemeral)
        return ephemeral

    def delete_ephemeral(self, ephemeral: Ephemeral) -> None:
        self.ephemerals.pop((ephemeral.user_id, ephemeral.ts), None)
        self.changes.publish(("gone", ephemeral.user_id), ephemeral)

    # --- views -----------------------------------------------------------------------------

    def build_view(
        self, *, user_id: str, type_: Literal["modal", "home"], content: Json, previous: View | None
    ) -> View:
        view_id = self.new_id("V")
        return View(
            id=view_id,
            user_id=user_id,
            type=type_,
            content=fill_view_ids(content),
            hash=self.new_hash(),
            root_id=previous.root_id if previous else view_id,
            previous_id=previous.id if previous else None,
        )

    def new_hash(self) -> str:
        return f"{self.clock.ts()[:10]}.{secrets.token_hex(4)}"

    def put_view(self, view: View) -> View:
        """Add a view, or replace the one with its id; a Home tab becomes its owner's."""
        self.views[view.id] = view
        if view.type == "home":
            self.homes[view.user_id] = view
        self.changes.publish((view.type, view.user_id), view)
        return view

    def list_open_views(self, user_id: str) -> list[View]:
        """List the person's modals, from the lowest to the one on top."""
        return [self.views[view_id] for view_id in self.stacks.get(user_id, ())]

    def drop_views(self, user_id: str, views: Iterable[View]) -> None:
        for view in views:
            self.stacks[user_id].remove(view.id)
            self.changes.publish(("closed", user_id), view)

    # --- the agent view --------------------------------------------------------------------

    def put_session(self, channel_id: str, thread_ts: str, status: str) -> None:
        """Set the status of a thread with the agent."""
        self.sessions[channel_id, thread_ts] = status
        self.changes.publish(("session", channel_id), status)

    def put_prompts(self, channel_id: str, prompts: tuple[Json, ...]) -> None:
        """Suggest these prompts in a direct message, in the place of those before."""
        self.prompts[channel_id] = prompts
        self.changes.publish(("prompts", channel_id), prompts)

    # --- channels --------------------------------------------------------------------------

    def open_direct_channel(self, user_id: str) -> Channel:
        """Return the direct message between this person and the bot, a new one if there is none."""
        members = frozenset({user_id, BOT_USER_ID})
        for channel in self.channels.values():
            if channel.kind == "im" and channel.members == members:
                return channel
        channel = Channel(id=self.new_id("D"), name="directmessage", kind="im", members=members)
        self.channels[channel.id] = channel
        self.messages[channel.id] = {}
        return channel


def fill_view_ids(content: Json) -> Json:
    """Return a view's content with a block_id for every block and an action_id for every element."""
    return {**content, "blocks": list(fill_block_ids(content.get("blocks", ())))}


def fill_block_ids(blocks: Iterable[Json]) -> tuple[Json, ...]:
    named = tuple(deepcopy(block) for block in blocks)
    for block in named:
        block.setdefault("block_id", secrets.token_urlsafe(4)[:5])
        for element in find_interactive_elements(block):
            element.setdefault("action_id", secrets.token_urlsafe(4)[:5])
    return named


def find_interactive_elements(block: Json) -> list[Json]:
    """Return the block's elements that a person can use: buttons, selects, inputs."""
    found = list(block.get("elements", ())) if block["type"] in {"actions", "context_actions"} else []
    found += [block[name] for name in ("accessory", "element") if name in block]
    return [element for element in found if element.get("type") != "image"]
