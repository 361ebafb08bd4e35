"""Slack's payloads, parsed once at the edge: frozen records go on, payloads do not.

Each parser raises MalformedPayload, which names the field, for anything that Slack would not send.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bot.choice_log.formats.registry import FORMATS
from bot.text_limits import clean
from handlers.slack.markup import unescape
from handlers.slack.messages import MessageText, read_message

EXPORT_FORMS: Final = tuple(FORMATS)
EVERYTHING: Final = "all"

_LONGEST_ID: Final = 64
_LATEST: Final = 10**11
"""Seconds since 1970 that are no time of Slack's any more."""

_TIMESTAMP: Final = re.compile(r"[0-9]{1,20}\.[0-9]{1,10}")
EXPORT_RANGES: Final = ("7", "30", "90", "365", EVERYTHING)


class MalformedPayload(Exception):  # noqa: N818 - named for what happened, as the callers read it
    """A payload without the field that it must have; the field's path is the message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """The person who sent a payload, and where they come from as far as it tells: ids are unique there only.

    `own_team_id` is the person's own team, which in a Grid or in a shared channel may be another than the payload's.
    """

    team_id: str
    user_id: str
    own_team_id: str | None = None
    enterprise_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandPayload:
    """A slash command."""

    sender: Sender
    channel_id: str
    text: str
    trigger_id: str
    response_url: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionPayload:
    """A click on a button, or a choice in a select (`value` is the option's).

    `is_in_view`: it was made in a modal or in Home. In a modal, `view_id` is its id, `request_id` what its candidates
    belong to, and `seen` are the candidates whose buttons stand in it. One message may not be all that the agent sees:
    there `seen` is None.
    """

    sender: Sender
    is_in_view: bool = False
    view_id: str | None = None
    request_id: str | None = None
    seen: frozenset[str] | None = None
    channel_id: str | None
    action_id: str
    block_id: str
    value: str
    action_ts: str
    trigger_id: str
    response_url: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionPayload:
    """A submitted modal: what was typed or chosen in each input, by the id of its block.

    `checked` is all that was chosen where several may be. `metadata` is what the view was opened for;
    `previous_view_id` is the view that it was opened over, if any.
    """

    sender: Sender
    view_id: str
    view_hash: str
    previous_view_id: str | None = None
    metadata: str
    values: Mapping[str, str] = field(repr=False)
    checked: Mapping[str, tuple[str, ...]]

    def get_choice(self, block_id: str, allowed: Collection[str]) -> str:
        """Return what was chosen in a select. Raises MalformedPayload for what it does not offer."""
        value = self.values[block_id]
        if value not in allowed:
            raise MalformedPayload(block_id)
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageShortcut:
    """The shortcut in a message's menu: the message as Slack has it, and the thread that it is in or begins."""

    sender: Sender
    channel_id: str
    trigger_id: str
    ts: str
    thread_ts: str
    message: Mapping[str, Any] = field(repr=False)
    response_url: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalShortcut:
    """The shortcut beside the composer."""

    sender: Sender
    trigger_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeOpened:
    """Somebody opens the app, on Home or on the tab with messages, which are in this channel.

    `view_hash` is that of the view in Home; None where there is none yet.
    """

    sender: Sender
    channel_id: str | None
    view_hash: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventMessage:
    """A message to the bot: a direct one, or one that mentions it. `thread_ts`: if in a thread.

    `answer_ts` is the first message of the thread where a direct message is answered. `text` is in Slack's markup;
    `read` is what a person reads in the message. `sent_at` is in seconds since 1970.
    """

    sender: Sender
    event_id: str
    channel_id: str
    thread_ts: str | None
    answer_ts: str | None
    text: str
    read: MessageText
    sent_at: float | None


def check_shape(payload: Mapping[str, Any]) -> None:
    """Check what Bolt would stumble over before any handler runs. Raises MalformedPayload."""
    kind = payload.get("type")
    if not isinstance(kind, str):
        raise MalformedPayload("type")
    if kind == "event_callback":
        _require_text(_require_object(payload, "event"), "type", limit=255)
    for name in ("team", "user", "enterprise", "channel", "container", "message", "view"):
        if not isinstance(payload.get(name), Mapping | None):
            raise MalformedPayload(name)
    if kind == "block_actions":
        _check_actions(payload.get("actions"))
    if kind in {"view_submission", "view_closed"}:
        view = _require_object(payload, "view")
        _require_text(view, "type")
        _require_text(view, "callback_id", limit=255)


def _check_actions(actions: Any) -> None:
    """Raise MalformedPayload unless there are actions, each with its ids."""
    if not isinstance(actions, list) or not actions:
        raise MalformedPayload("actions")
    for action in actions:
        if not isinstance(action, Mapping):
            raise MalformedPayload("actions")
        _require_text(action, "action_id", limit=255)
        _require_text(action, "block_id", limit=255)


def parse_command(body: Mapping[str, Any]) -> CommandPayload:
    """Parse a slash command. Its text is unescaped: Slack escapes what people typed."""
    return CommandPayload(
        sender=parse_sender(body, body, "user_id"),
        channel_id=_require_text(body, "channel_id"),
        text=clean(unescape(_get_text(body, "text") or "")).strip(),
        trigger_id=_require_text(body, "trigger_id", limit=200),
        response_url=_get_text(body, "response_url"),
    )


def parse_action(body: Mapping[str, Any]) -> ActionPayload:
    """Parse a click, or a choice in a select or menu."""
    _check_actions(body.get("actions"))
    action = body["actions"][0]
    view = body.get("view")
    modal = view if isinstance(view, Mapping) and view.get("type") != "home" else None
    channel = body.get("channel")
    return ActionPayload(
        sender=parse_sender(body),
        is_in_view=isinstance(view, Mapping),
        view_id=None if modal is None else _get_text(modal, "id"),
        request_id=None if modal is None else _get_text(modal, "private_metadata"),
        seen=None if modal is None else _parse_visible(modal),
        channel_id=_require_text(channel, "id") if isinstance(channel, Mapping) else None,
        action_id=_require_text(action, "action_id", limit=255),
        block_id=_require_text(action, "block_id", limit=255),
        value=_parse_value(action),
        action_ts=_require_text(action, "action_ts"),
        trigger_id=_require_text(body, "trigger_id", limit=200),
        response_url=_get_text(body, "response_url"),
    )


def parse_message_shortcut(body: Mapping[str, Any]) -> MessageShortcut:
    """Parse the shortcut of a message's menu."""
    message = _require_object(body, "message")
    ts = _get_timestamp(message, "ts")
    if ts is None:
        raise MalformedPayload("ts")
    return MessageShortcut(
        sender=parse_sender(body),
        channel_id=_require_text(_require_object(body, "channel"), "id"),
        trigger_id=_require_text(body, "trigger_id", limit=200),
        ts=ts,
        thread_ts=_get_timestamp(message, "thread_ts") or ts,
        message=message,
        response_url=_get_text(body, "response_url"),
    )


def parse_global_shortcut(body: Mapping[str, Any]) -> GlobalShortcut:
    """Parse the shortcut beside the composer."""
    return GlobalShortcut(sender=parse_sender(body), trigger_id=_require_text(body, "trigger_id", limit=200))


def parse_home_opened(body: Mapping[str, Any]) -> HomeOpened:
    """Parse the event of an opened tab."""
    event = _require_object(body, "event")
    return HomeOpened(
        sender=parse_sender(body, event, "user"),
        channel_id=_to_id(event.get("channel")),
        view_hash=_to_id(_get_object(event, "view").get("hash")),
    )


def parse_event_message(body: Mapping[str, Any]) -> EventMessage:
    """Parse the event of a mention or a direct message."""
    event = _require_object(body, "event")
    return EventMessage(
        sender=parse_sender(body, event, "user"),
        event_id=_require_text(body, "event_id"),
        channel_id=_require_text(event, "channel"),
        thread_ts=_get_timestamp(event, "thread_ts"),
        answer_ts=_get_timestamp(event, "thread_ts") or _get_timestamp(event, "ts"),
        text=clean(_get_text(event, "text") or "").strip(),
        read=read_message(event),
        sent_at=_parse_event_time(body),
    )


def _parse_event_time(body: Mapping[str, Any]) -> float | None:
    """The time of an event, in seconds since 1970; None where Slack does not tell."""
    told = body.get("event_time")
    if isinstance(told, int) and 0 < told < _LATEST:
        return float(told)
    event = _require_object(body, "event")
    ts = _get_timestamp(event, "event_ts") or _get_timestamp(event, "ts")
    return None if ts is None else float(ts)


def parse_submission(body: Mapping[str, Any], *, inputs: Collection[str]) -> SubmissionPayload:
    """Parse a submitted modal that has these inputs, each with one element."""
    view = _require_object(body, "view")
    values = _require_object(_require_object(view, "state"), "values")
    return SubmissionPayload(
        sender=parse_sender(body),
        view_id=_require_text(view, "id"),
        view_hash=_require_text(view, "hash"),
        previous_view_id=_get_text(view, "previous_view_id"),
        metadata=clean(_get_text(view, "private_metadata") or "")[:_LONGEST_ID],
        values={name: _parse_input(values, name) for name in inputs},
        checked={name: _parse_checked(values, name) for name in inputs},
    )


def _parse_input(values: Mapping[str, Any], name: str) -> str:
    """Return the text or choice in the input of this block; empty for nothing."""
    element = next(iter(_require_object(values, name).values()), None)
    if not isinstance(element, Mapping):
        raise MalformedPayload(name)
    if "selected_conversation" in element:
        return _get_text(element, "selected_conversation") or ""
    option = element.get("selected_option")
    return clean(_get_text(option if isinstance(option, Mapping) else element, "value") or "")


def _parse_checked(values: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return all options chosen in the input of this block."""
    element = next(iter(_require_object(values, name).values()), None)
    chosen = element.get("selected_options") if isinstance(element, Mapping) else None
    options = chosen if isinstance(chosen, list) else ()
    return tuple(clean(_require_text(each, "value", limit=150)) for each in options if isinstance(each, Mapping))


def parse_sender(body: Mapping[str, Any], parent: Mapping[str, Any] | None = None, name: str = "") -> Sender:
    """The sender, whom commands and events name in `parent`, and interactivity in `user`; odd values tell nothing.

    In organisation-wide installs `team` may be null: the user's own stands for it then.
    """
    user, team, enterprise = (_get_object(body, name) for name in ("user", "team", "enterprise"))
    told = (
        enterprise.get("id"),
        team.get("enterprise_id"),
        body.get("enterprise_id"),
        body.get("context_enterprise_id"),
    )
    by_team = (body, "team_id") if parent is not None else (team, "id") if team else (user, "team_id")
    return Sender(
        team_id=_require_text(*by_team),
        user_id=_require_text(user, "id") if parent is None else _require_text(parent, name),
        own_team_id=_to_id(user.get("team_id")),
        enterprise_id=next((found for each in told if (found := _to_id(each))), None),
    )


def _get_object(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object under this name; {} for anything else."""
    value = parent.get(name)
    return value if isinstance(value, Mapping) else {}


def _to_id(value: Any) -> str | None:
    """An id, or None for anything that is no text."""
    return value if isinstance(value, str) and value else None


def _parse_visible(view: Mapping[str, Any]) -> frozenset[str]:
    """The candidates whose *Use* stands in the view."""
    shown = view.get("blocks")
    elements = [
        element
        for block in (shown if isinstance(shown, list) else ())
        if isinstance(block, Mapping) and isinstance(block.get("elements"), list)
        for element in block["elements"]
        if isinstance(element, Mapping)
    ]
    return frozenset(_parse_value(element) for element in elements if element.get("action_id") == "use_candidate")


def _parse_value(action: Mapping[str, Any]) -> str:
    """The value of a button, or of the option chosen."""
    option = action.get("selected_option")
    value = (option if isinstance(option, Mapping) else action).get("value")
    # A button without a value of ours stands for nothing that we know, which is what its agent is told.
    return clean(value)[:2000] if isinstance(value, str) else ""


def _require_object(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object under this name. Raises MalformedPayload."""
    value = parent.get(name)
    if not isinstance(value, Mapping):
        raise MalformedPayload(name)
    return value


def _get_text(parent: Mapping[str, Any], name: str) -> str | None:
    """The text under this name, or None. Raises MalformedPayload for other types."""
    value = parent.get(name)
    if value is not None and not isinstance(value, str):
        raise MalformedPayload(name)
    return value


def _require_text(parent: Mapping[str, Any], name: str, *, limit: int = _LONGEST_ID) -> str:
    """The text under this name, of at most `limit` characters: ids are far below 64. Raises MalformedPayload."""
    value = _get_text(parent, name)
    if not value or len(value) > limit:
        raise MalformedPayload(name)
    return clean(value)


def _get_timestamp(parent: Mapping[str, Any], name: str) -> str | None:
    """The timestamp under this name, or None. Raises MalformedPayload for other texts."""
    ts = _get_text(parent, name)
    if ts is not None and not _TIMESTAMP.fullmatch(ts):
        raise MalformedPayload(name)
    return ts
