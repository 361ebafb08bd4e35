"""Payloads of commands, interactions and events, with exactly the fields that Slack's have."""

from typing import Any

from playground.slack.objects import Channel, Ephemeral, Json, Message, User, View
from playground.slack.people.directory import APP_ID, BOT_USER_ID, TEAM_DOMAIN, TEAM_ID
from playground.slack.people.interactions import Surface, Values
from playground.slack.serializers import message_to_json, view_to_json
from playground.slack.state import State

VERIFICATION_TOKEN = "playground-verification"  # noqa: S105 - Slack's deprecated field; nothing trusts it
CHANNEL_NAMES = {"private": "privategroup", "im": "directmessage"}
CHANNEL_TYPES = {"public": "channel", "private": "group", "im": "im"}


class PayloadFactory:
    """Builds payloads, and issues their trigger ids and response URLs.

    With an `enterprise_id`, `team` is null, as in installations for a whole organisation.
    """

    def __init__(self, state: State, enterprise_id: str | None = None) -> None:
        self._state = state
        self._enterprise_id = enterprise_id

    def build_command(self, user: User, channel: Channel, command: str, text: str) -> Json:
        enterprise = {"enterprise_id": self._enterprise_id, "enterprise_name": "Invented Enterprise"}
        url = self._state.issue_response_url(channel_id=channel.id, user_id=user.id, origin="command")
        return {
            "token": VERIFICATION_TOKEN,
            "team_id": TEAM_ID,
            "team_domain": TEAM_DOMAIN,
            **(enterprise if self._enterprise_id else {}),
            "channel_id": channel.id,
            "channel_name": CHANNEL_NAMES.get(channel.kind, channel.name),
            "user_id": user.id,
            "user_name": user.name,
            "command": command,
            "text": text,
            "api_app_id": APP_ID,
            "is_enterprise_install": "true" if self._enterprise_id else "false",
            "response_url": url,
            "trigger_id": self._state.issue_trigger(user.id).id,
        }

    def build_block_actions(self, user: User, surface: Surface, action: Json, values: Values) -> Json:
        """Build a click's payload. An ephemeral has no `message`, and its thread stands in the container only."""
        payload = self._build_interaction("block_actions", user) | {
            "trigger_id": self._state.issue_trigger(user.id).id,
            "actions": [action],
        }
        if isinstance(surface, View):
            of_view = {"type": "view", "view_id": surface.id}
            return payload | {"container": of_view, "view": view_to_json(surface, values=values)}
        is_ephemeral = isinstance(surface, Ephemeral)
        container: Json = {
            "type": "message",
            "message_ts": surface.ts,
            "channel_id": surface.channel_id,
            "is_ephemeral": is_ephemeral,
            **({"thread_ts": surface.thread_ts} if surface.thread_ts else {}),
        }
        url = self._state.issue_response_url(
            channel_id=surface.channel_id,
            user_id=user.id,
            origin="ephemeral" if is_ephemeral else "message",
            message_ts=surface.ts,
        )
        payload |= {
            "container": container,
            "channel": self._channel_to_json(surface.channel_id),
            "state": {"values": values},
            "response_url": url,
        }
        return (
            payload if isinstance(surface, Ephemeral) else payload | {"message": message_to_json(self._state, surface)}
        )

    def build_message_shortcut(self, user: User, message: Message, callback_id: str) -> Json:
        url = self._state.issue_response_url(
            channel_id=message.channel_id, user_id=user.id, origin="shortcut", message_ts=message.ts
        )
        return self._build_interaction("message_action", user) | {
            "callback_id": callback_id,
            "trigger_id": self._state.issue_trigger(user.id).id,
            "response_url": url,
            "action_ts": self._state.clock.ts(),
            "message_ts": message.ts,
            "channel": self._channel_to_json(message.channel_id),
            "message": message_to_json(self._state, message),
        }

    def build_global_shortcut(self, user: User, callback_id: str) -> Json:
        return self._build_interaction("shortcut", user) | {
            "callback_id": callback_id,
            "trigger_id": self._state.issue_trigger(user.id).id,
            "action_ts": self._state.clock.ts(),
        }

    def build_view_submission(self, user: User, view: View, values: Values) -> Json:
        return self._build_interaction("view_submission", user) | {
            "trigger_id": self._state.issue_trigger(user.id).id,
            "view": view_to_json(view, values=values),
            "response_urls": [],
        }

    def build_view_closed(self, user: User, view: View, *, is_cleared: bool) -> Json:
        return self._build_interaction("view_closed", user) | {"view": view_to_json(view), "is_cleared": is_cleared}

    def build_event(self, event: Json) -> Json:
        authorization = {
            "enterprise_id": self._enterprise_id,
            "team_id": TEAM_ID,
            "user_id": BOT_USER_ID,
            "is_bot": True,
            "is_enterprise_install": self._enterprise_id is not None,
        }
        return {
            "token": VERIFICATION_TOKEN,
            "team_id": TEAM_ID,
            "context_team_id": TEAM_ID,
            "context_enterprise_id": self._enterprise_id,
            "api_app_id": APP_ID,
            "event": event,
            "type": "event_callback",
            "event_id": self._state.new_id("Ev"),
            "event_time": int(self._state.clock.now()),
            "authorizations": [authorization],
            "is_ext_shared_channel": False,
            "event_context": f"4-playground-{event['type']}",
        }

    def _build_interaction(self, type_: str, user: User) -> Json:
        enterprise = {"id": self._enterprise_id, "name": "Invented Enterprise"} if self._enterprise_id else None
        person: dict[str, Any] = {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team_id}
        return {
            "type": type_,
            "user": person,
            "api_app_id": APP_ID,
            "token": VERIFICATION_TOKEN,
            "team": None if self._enterprise_id else {"id": TEAM_ID, "domain": TEAM_DOMAIN},
            "enterprise": enterprise,
            "is_enterprise_install": self._enterprise_id is not None,
        }

    def _channel_to_json(self, channel_id: str) -> Json:
        channel = self._state.channels[channel_id]
        return {"id": channel.id, "name": CHANNEL_NAMES.get(channel.kind, channel.name)}
