"""Messages that an app posts without a token: by a response_url, or in the acknowledgement of a command."""

import json
from dataclasses import replace

from aiohttp import web

from playground.slack.errors import SlackError
from playground.slack.fault_injection import RESPONSE_URL, FaultInjector
from playground.slack.http.responses import ApiResponse, respond_with_fault, to_http
from playground.slack.journal import Journal
from playground.slack.methods.chat import join_thread
from playground.slack.objects import Ephemeral, IssuedResponseUrl, Json, Message
from playground.slack.people.directory import BOT_ID, BOT_USER_ID
from playground.slack.state import State
from playground.slack.validation.message_content import MessageContent, is_true, parse_content

USES_LIMIT = 5


class ResponseUrls:
    """Handles POST /actions/<key>. A refused post does not count as one of the five uses."""

    def __init__(self, *, state: State, journal: Journal, faults: FaultInjector) -> None:
        self._state = state
        self._journal = journal
        self._faults = faults

    async def handle(self, request: web.Request) -> web.Response:
        key = request.match_info["key"]
        raw = await request.text()
        try:
            body = json.loads(raw)
        except ValueError:
            body = raw
        url = self._state.response_urls.get(key)
        entry = self._journal.record_request(to="slack", via="response_url", name=RESPONSE_URL, body=body)
        fault = self._faults.take(RESPONSE_URL, url.channel_id if url else None)
        answer = await respond_with_fault(fault, lambda: self._apply(key, body), self._state.clock.sleep)
        self._journal.record_answer(entry, status=answer.status, body=answer.body, error=answer.error)
        return to_http(request, answer)

    def _apply(self, key: str, body: object) -> ApiResponse:
        try:
            url = self._find_usable(key)
        except SlackError as refusal:
            return ApiResponse(status=404, body=refusal.body, error=refusal.code)
        try:
            apply_post(self._state, url, body)
        except SlackError as refusal:
            return ApiResponse(status=_STATUS.get(refusal.code, 400), body=refusal.body, error=refusal.code)
        self._state.response_urls[key] = replace(url, uses=url.uses + 1)
        return ApiResponse(status=200, body="ok")

    def _find_usable(self, key: str) -> IssuedResponseUrl:
        url = self._state.response_urls.get(key)
        if url is None:
            raise SlackError("invalid_url")
        if self._state.clock.now() > url.expires_at:
            raise SlackError("expired_url")
        if url.uses >= USES_LIMIT:
            raise SlackError("used_url")
        return url


_STATUS = {"message_not_found": 404, "channel_not_found": 404, "channel_is_archived": 410}


def apply_post(state: State, url: IssuedResponseUrl, body: object) -> None:
    """Delete or replace the message that was clicked, or post a new one. Raises SlackError."""
    if not isinstance(body, dict):
        raise SlackError("invalid_payload")
    # A command or a shortcut has no message of the app's behind it: there is nothing to delete or replace.
    has_original = url.origin in {"ephemeral", "message"}
    if is_true(body.get("delete_original")):
        if has_original:
            _delete(state, url)
        return
    content = parse_content(body)
    if is_true(body.get("replace_original")) and has_original:
        _replace(state, url, content)
    else:
        post_message(state, channel_id=url.channel_id, user_id=url.user_id, content=content, body=body)


def post_message(state: State, *, channel_id: str, user_id: str, content: MessageContent, body: Json) -> None:
    """Post for `user_id` alone, or for everybody if the body says in_channel; membership does not matter."""
    channel = state.channels[channel_id]
    if channel.is_archived:
        raise SlackError("channel_is_archived")
    blocks = content.blocks or ()
    if body.get("response_type") != "in_channel":
        # thread_ts is honoured with in_channel only.
        state.put_ephemeral(
            Ephemeral(
                ts=state.clock.ts(),
                channel_id=channel_id,
                user_id=user_id,
                text=content.text,
                blocks=blocks,
                author_id=BOT_USER_ID,
            )
        )
        return
    state.put_message(
        Message(
            ts=state.clock.ts(),
            channel_id=channel_id,
            user_id=BOT_USER_ID,
            text=content.text,
            blocks=blocks,
            thread_ts=join_thread(state, channel, body.get("thread_ts")),
            bot_id=BOT_ID,
        )
    )


def _find_original(state: State, url: IssuedResponseUrl) -> Message | Ephemeral | None:
    assert url.message_ts is not None
    if url.origin == "ephemeral":
        return state.find_ephemeral(url.user_id, url.message_ts)
    return state.find_message(url.channel_id, url.message_ts)


def _delete(state: State, url: IssuedResponseUrl) -> None:
    original = _find_original(state, url)
    if isinstance(original, Ephemeral):
        state.delete_ephemeral(original)
    elif original is not None:
        state.delete_message(original)
    elif url.origin == "message":
        raise SlackError("message_not_found")


def _replace(state: State, url: IssuedResponseUrl, content: MessageContent) -> None:
    """Replace in place: the ts and the thread stay, and an ephemeral stays one whatever response_type says."""
    original = _find_original(state, url)
    if isinstance(original, Message):
        fresh = replace(original, text=content.text, blocks=content.blocks or (), edited_ts=state.clock.ts())
        state.put_message(fresh)
        return
    if url.origin == "message":
        raise SlackError("message_not_found")
    assert url.message_ts is not None
    # Slack keeps no ephemerals: one that vanished in a reload comes back with its new content.
    state.put_ephemeral(
        Ephemeral(
            ts=url.message_ts,
            channel_id=url.channel_id,
            user_id=url.user_id,
            text=content.text,
            blocks=content.blocks or (),
            thread_ts=original.thread_ts if original else None,
            author_id=BOT_USER_ID,
        )
    )
