"""What Slack sends, parsed once at the door: frozen records go on, payloads do not.

Each parser raises MalformedPayload, which names the field, for anything that Slack would not send.
"""

import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.splitting import clean
from bot.steering import CUSTOMERS_OWN, LANGUAGES


class MalformedPayload(Exception):  # noqa: N818 - named for what happened, as the callers read it
    """A payload without the field that it must have; the field's path is the message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A slash command."""

    team_id: str
    channel_id: str
    user_id: str
    text: str
    trigger_id: str
    response_url: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A click on a button, or a choice in a select (`value` is the option's)."""

    team_id: str
    channel_id: str | None
    user_id: str
    action_id: str
    block_id: str
    value: str
    action_ts: str
    trigger_id: str
    response_url: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A submitted edit: the text of input block `reply`, and the candidate that the view was opened for."""

    team_id: str
    user_id: str
    view_id: str
    view_hash: str
    candidate_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageChosen:
    """A submitted choice of a language, and the candidate that the view was opened for. None: the customer's own."""

    team_id: str
    user_id: str
    view_id: str
    view_hash: str
    candidate_id: str
    language: str | None


def check_shape(payload: Mapping[str, Any]) -> None:
    """Raises MalformedPayload for a payload of interactivity that Bolt would stumble over before any handler runs."""
    kind = payload.get("type")
    if not isinstance(kind, str):
        raise MalformedPayload("type")
    if kind == "event_callback":
        _text(_object(payload, "event"), "type", limit=255)
    for name in ("team", "user", "enterprise", "channel", "container", "message", "view"):
        if not isinstance(payload.get(name), Mapping | None):
            raise MalformedPayload(name)
    if kind == "block_actions":
        _check_actions(payload.get("actions"))
    if kind in {"view_submission", "view_closed"}:
        view = _object(payload, "view")
        _text(view, "type")
        _text(view, "callback_id", limit=255)


def _check_actions(actions: Any) -> None:
    if not isinstance(actions, list) or not actions:
        raise MalformedPayload("actions")
    for action in actions:
        if not isinstance(action, Mapping):
            raise MalformedPayload("actions")
        _text(action, "action_id", limit=255)
        _text(action, "block_id", limit=255)


def parse_command(body: Mapping[str, Any]) -> Command:
    return Command(
        team_id=_text(body, "team_id"),
        channel_id=_text(body, "channel_id"),
        user_id=_text(body, "user_id"),
        text=clean(_optional(body, "text") or "").strip(),
        trigger_id=_text(body, "trigger_id", limit=200),
        response_url=_url(_text(body, "response_url", limit=2000)),
    )


def parse_action(body: Mapping[str, Any]) -> Action:
    _check_actions(body.get("actions"))
    action = body["actions"][0]
    response_url = _optional(body, "response_url")
    return Action(
        team_id=_team_id(body),
        channel_id=_channel_id(body),
        user_id=_text(_object(body, "user"), "id"),
        action_id=_text(action, "action_id", limit=255),
        block_id=_text(action, "block_id", limit=255),
        value=_value(action),
        action_ts=_text(action, "action_ts"),
        trigger_id=_text(body, "trigger_id", limit=200),
        response_url=None if response_url is None else _url(response_url),
    )


def parse_submission(body: Mapping[str, Any]) -> Submission:
    view = _object(body, "view")
    typed = _object(_object(_object(_object(view, "state"), "values"), "reply"), "text")
    return Submission(
        team_id=_team_id(body),
        user_id=_text(_object(body, "user"), "id"),
        view_id=_text(view, "id"),
        view_hash=_text(view, "hash"),
        candidate_id=_text(view, "private_metadata"),
        text=_optional(typed, "value") or "",
    )


def parse_language(body: Mapping[str, Any]) -> LanguageChosen:
    view = _object(body, "view")
    chosen = _object(_object(_object(_object(view, "state"), "values"), "language"), "language")
    return LanguageChosen(
        team_id=_team_id(body),
        user_id=_text(_object(body, "user"), "id"),
        view_id=_text(view, "id"),
        view_hash=_text(view, "hash"),
        candidate_id=_text(view, "private_metadata"),
        language=_language(_text(_object(chosen, "selected_option"), "value")),
    )


def _language(value: str) -> str | None:
    if value not in {*LANGUAGES, CUSTOMERS_OWN}:
        raise MalformedPayload("language")
    return None if value == CUSTOMERS_OWN else value


def _team_id(body: Mapping[str, Any]) -> str:
    """In organisation-wide installs `team` may be null: the user's own team then stands for it."""
    team = body.get("team")
    return _text(team, "id") if isinstance(team, Mapping) else _text(_object(body, "user"), "team_id")


def _channel_id(body: Mapping[str, Any]) -> str | None:
    channel = body.get("channel")
    return _text(channel, "id") if isinstance(channel, Mapping) else None


def _value(action: Mapping[str, Any]) -> str:
    option = action.get("selected_option")
    value = (option if isinstance(option, Mapping) else action).get("value")
    # A button without a value of ours stands for nothing that we know, which is what its agent is told.
    return clean(value)[:2000] if isinstance(value, str) else ""


def _object(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = parent.get(name)
    if not isinstance(value, Mapping):
        raise MalformedPayload(name)
    return value


def _optional(parent: Mapping[str, Any], name: str) -> str | None:
    value = parent.get(name)
    if value is not None and not isinstance(value, str):
        raise MalformedPayload(name)
    return value


def _text(parent: Mapping[str, Any], name: str, *, limit: int = 64) -> str:
    """A text that must be there, of at most `limit` characters: Slack's ids are far below 64."""
    value = _optional(parent, name)
    if not value or len(value) > limit:
        raise MalformedPayload(name)
    return clean(value)


def _url(text: str) -> str:
    if urllib.parse.urlsplit(text).scheme not in {"http", "https"}:
        raise MalformedPayload("response_url")
    return text
