"""Slack's payloads, parsed once at the edge: frozen records go on, payloads do not.

Each parser raises MalformedPayload, which names the field, for anything that Slack would not send.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bot.choice_log.formats.registry import FORMATS
from bot.suggesting.redraft import CUSTOMERS_OWN, LANGUAGES
from bot.text_limits import clean
from handlers.slack.markup import unescape
from handlers.slack.messages import MessageText, read_message

EXPORT_FORMS: Final = tuple(FORMATS)
EVERYTHING: Final = "all"

_LATEST: Final = 10**11
"""Seconds since 1970 that are no time of Slack's any more."""

_TIMESTAMP: Final = re.compile(r"[0-9]{1,20}\.[0-9]{1,10}")
EXPORT_RANGES: Final = ("7", "30", "90", "365", EVERYTHING)


class MalformedPayload(Exception):  # noqa: N818 - named for what happened, as the callers read it
    """A payload without the field that it must have; the field's path is the message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The team and organisation that a person belongs to, as far as a payload tells: ids are unique in either only.

    `own_team_id` is the person's own team, which in a Grid or in a shared channel may be another than the payload's.
    """

    own_team_id: str | None = None
    enterprise_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandPayload:
    """A slash command."""

    team_id: str
    origin: Origin = Origin()
    channel_id: str
    user_id: str
    text: str
    trigger_id: str
    response_url: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionPayload:
    """A click on a button, or a choice in a select (`value` is the option's).

    In a modal, `view_id` is its id, `request_id` what its candidates belong to, and `seen` are the candidates whose
    buttons stand in it. One message may not be all that the agent sees: there `seen` is None.
    """

    team_id: str
    origin: Origin = Origin()
    view_id: str | None = None
    request_id: str | None = None
    seen: frozenset[str] | None = None
    channel_id: str | None
    user_id: str
    action_id: str
    block_id: str
    value: str
    action_ts: str
    trigger_id: str
    response_url: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EditSubmission:
    """A submitted edit: the text of input block `reply`, and the candidate that the view was opened for.

    `previous_view_id` is the view that it was opened over, if any.
    """

    team_id: str
    origin: Origin = Origin()
    user_id: str
    previous_view_id: str | None = None
    view_id: str
    view_hash: str
    candidate_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageShortcut:
    """The shortcut in a message's menu: the message as Slack has it, and the thread that it is in or begins."""

    team_id: str
    origin: Origin = Origin()
    channel_id: str
    user_id: str
    trigger_id: str
    ts: str
    thread_ts: str
    message: Mapping[str, Any] = field(repr=False)
    response_url: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalShortcut:
    """The shortcut beside the composer."""

    user_id: str
    trigger_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PasteSubmission:
    """The global shortcut's modal, submitted."""

    team_id: str
    origin: Origin = Origin()
    user_id: str
    view_id: str
    view_hash: str
    message: str
    hint: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventMessage:
    """A message to the bot: a direct one, or one that mentions it. `thread_ts`: if in a thread.

    `text` is in Slack's markup; `read` is what a person reads in the message.
    """

    event_id: str
    team_id: str
    origin: Origin = Origin()
    channel_id: str
    user_id: str
    thread_ts: str | None
    text: str
    read: MessageText
    sent_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageSubmission:
    """A submitted choice of a language, and the candidate that the view was opened for. None: the customer's own.

    `previous_view_id` is the view that it was opened over, if any.
    """

    team_id: str
    origin: Origin = Origin()
    user_id: str
    previous_view_id: str | None = None
    view_id: str
    view_hash: str
    candidate_id: str
    language: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSubmission:
    """A submitted order for an export: of the last so many days, or of everything."""

    team_id: str
    origin: Origin = Origin()
    user_id: str
    view_id: str
    form: str
    days: int | None
    pseudonyms: bool


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
        team_id=_require_text(body, "team_id"),
        origin=_parse_origin(body),
        channel_id=_require_text(body, "channel_id"),
        user_id=_require_text(body, "user_id"),
        text=clean(unescape(_get_text(body, "text") or "")).strip(),
        trigger_id=_require_text(body, "trigger_id", limit=200),
        response_url=_get_text(body, "response_url"),
    )


def parse_action(body: Mapping[str, Any]) -> ActionPayload:
    """Parse a click, or a choice in a select or menu."""
    _check_actions(body.get("actions"))
    action = body["actions"][0]
    view = body.get("view")
    return ActionPayload(
        view_id=_get_text(view, "id") if isinstance(view, Mapping) else None,
        request_id=_get_text(view, "private_metadata") if isinstance(view, Mapping) else None,
        seen=_parse_visible(view) if isinstance(view, Mapping) else None,
        team_id=_parse_team_id(body),
        origin=_parse_origin(body),
        channel_id=_parse_channel_id(body),
        user_id=_require_text(_require_object(body, "user"), "id"),
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
    ts = _require_timestamp(message)
    return MessageShortcut(
        team_id=_parse_team_id(body),
        origin=_parse_origin(body),
        channel_id=_require_text(_require_object(body, "channel"), "id"),
        user_id=_require_text(_require_object(body, "user"), "id"),
        trigger_id=_require_text(body, "trigger_id", limit=200),
        ts=ts,
        thread_ts=_get_timestamp(message, "thread_ts") or ts,
        message=message,
        response_url=_get_text(body, "response_url"),
    )


def parse_global_shortcut(body: Mapping[str, Any]) -> GlobalShortcut:
    """Parse the shortcut beside the composer."""
    return GlobalShortcut(
        user_id=_require_text(_require_object(body, "user"), "id"),
        trigger_id=_require_text(body, "trigger_id", limit=200),
    )


def parse_paste_submission(body: Mapping[str, Any]) -> PasteSubmission:
    """Parse the submitted modal with a pasted message."""
    view = _require_object(body, "view")
    values = _require_object(_require_object(view, "state"), "values")
    message = _require_object(_require_object(values, "message"), "text")
    hint = _require_object(_require_object(values, "hint"), "text")
    return PasteSubmission(
        team_id=_parse_team_id(body),
        origin=_parse_origin(body),
        user_id=_require_text(_require_object(body, "user"), "id"),
        view_id=_require_text(view, "id"),
        view_hash=_require_text(view, "hash"),
        message=clean(_get_text(message, "value") or "").strip(),
        hint=clean(_get_text(hint, "value") or "").strip() or None,
    )


def parse_event_message(body: Mapping[str, Any]) -> EventMessage:
    """Parse the event of a mention or a direct message."""
    event = _require_object(body, "event")
    return EventMessage(
        event_id=_require_text(body, "event_id"),
        team_id=_require_text(body, "team_id"),
        origin=_parse_origin(body),
        channel_id=_require_text(event, "channel"),
        user_id=_require_text(event, "user"),
        thread_ts=_get_timestamp(event, "thread_ts"),
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


def parse_edit_submission(body: Mapping[str, Any]) -> EditSubmission:
    """Parse the submitted editor."""
    view = _require_object(body, "view")
    typed = _require_object(_require_object(_require_object(_require_object(view, "state"), "values"), "reply"), "text")
    return EditSubmission(
        team_id=_parse_team_id(body),
        origin=_parse_origin(body),
        user_id=_require_text(_require_object(body, "user"), "id"),
        previous_view_id=_get_text(view, "previous_view_id"),
        view_id=_require_text(view, "id"),
        view_hash=_require_text(view, "hash"),
        candidate_id=_require_text(view, "private_metadata"),
        text=_get_text(typed, "value") or "",
    )


def parse_language_submission(body: Mapping[str, Any]) -> LanguageSubmission:
    """Parse the submitted choice of a language."""
    view = _require_object(body, "view")
    chosen = _require_object(
        _require_object(_require_object(_require_object(view, "state"), "values"), "language"), "language"
    )
    return LanguageSubmission(
        team_id=_parse_team_id(body),
        origin=_parse_origin(body),
        user_id=_require_text(_require_object(body, "user"), "id"),
        previous_view_id=_get_text(view, "previous_view_id"),
        view_id=_require_text(view, "id"),
        view_hash=_require_text(view, "hash"),
        candidate_id=_require_text(view, "private_metadata"),
        language=_parse_language(_require_text(_require_object(chosen, "selected_option"), "value")),
    )


def parse_export_submission(body: Mapping[str, Any]) -> ExportSubmission:
    """Parse the submitted order for an export."""
    view = _require_object(body, "view")
    values = _require_object(_require_object(view, "state"), "values")
    form, days, names = (_get_selected(values, name) for name in ("export_form", "export_range", "export_names"))
    if form not in EXPORT_FORMS:
        raise MalformedPayload("export_form")
    if days not in EXPORT_RANGES:
        raise MalformedPayload("export_range")
    return ExportSubmission(
        team_id=_parse_team_id(body),
        origin=_parse_origin(body),
        user_id=_require_text(_require_object(body, "user"), "id"),
        view_id=_require_text(view, "id"),
        form=form,
        days=None if days == EVERYTHING else int(days),
        pseudonyms=names == "pseudonyms",
    )


def _get_selected(values: Mapping[str, Any], name: str) -> str:
    """The value of a select whose block and action have the same name."""
    return _require_text(
        _require_object(_require_object(_require_object(values, name), name), "selected_option"), "value"
    )


def _parse_language(value: str) -> str | None:
    """The language's code; None for the customer's own."""
    if value not in {*LANGUAGES, CUSTOMERS_OWN}:
        raise MalformedPayload("language")
    return None if value == CUSTOMERS_OWN else value


def _parse_team_id(body: Mapping[str, Any]) -> str:
    """The payload's team. In organisation-wide installs `team` may be null: the user's own stands for it then."""
    team = body.get("team")
    return (
        _require_text(team, "id")
        if isinstance(team, Mapping)
        else _require_text(_require_object(body, "user"), "team_id")
    )


def _parse_origin(body: Mapping[str, Any]) -> Origin:
    """The origin, which commands, events and interactivity tell in different places; odd values tell nothing."""
    user, team, enterprise = (_get_object(body, name) for name in ("user", "team", "enterprise"))
    told = (
        enterprise.get("id"),
        team.get("enterprise_id"),
        body.get("enterprise_id"),
        body.get("context_enterprise_id"),
    )
    return Origin(
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


def _parse_channel_id(body: Mapping[str, Any]) -> str | None:
    """The channel that a click came from; None for a modal."""
    channel = body.get("channel")
    return _require_text(channel, "id") if isinstance(channel, Mapping) else None


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


def _require_text(parent: Mapping[str, Any], name: str, *, limit: int = 64) -> str:
    """The text under this name, of at most `limit` characters: ids are far below 64. Raises MalformedPayload."""
    value = _get_text(parent, name)
    if not value or len(value) > limit:
        raise MalformedPayload(name)
    return clean(value)


def _require_timestamp(message: Mapping[str, Any]) -> str:
    """A message's timestamp, which is its id in its channel. Raises MalformedPayload."""
    ts = _get_timestamp(message, "ts")
    if ts is None:
        raise MalformedPayload("ts")
    return ts


def _get_timestamp(parent: Mapping[str, Any], name: str) -> str | None:
    """The timestamp under this name, or None. Raises MalformedPayload for other texts."""
    ts = _get_text(parent, name)
    if ts is not None and not _TIMESTAMP.fullmatch(ts):
        raise MalformedPayload(name)
    return ts
