"""Access control: those who may not use the bot are told so, and no handler hears of them.

A middleware of Bolt's, so that commands, shortcuts, events, clicks and submissions all pass it, also those that are
added later. The allowed channels are in `bot/suggesting/channels.py`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import AccessDenied, AccessDeniedReason
from bot.i18n.texts import Texts, get_texts
from bot.suggesting.deliver import DeliveryRefused, DeliveryThrottled, DeliveryUncertain
from handlers.background_tasks import BackgroundTasks
from handlers.blocks.elements import Block
from handlers.blocks.home import build_home_notice
from handlers.blocks.messages import BlockMessage, build_notice
from handlers.blocks.modals import build_notice_view
from handlers.error_messages import describe_error
from handlers.middleware.trusted_origins import LONGEST
from handlers.slack.client import Installation, Installations
from handlers.slack.ephemeral import EphemeralMessages, NotShown, to_response_url
from handlers.slack.errors import translate_errors
from handlers.slack.home import publish_view
from handlers.slack.messages import WRITTEN, find_author, get_subtype
from handlers.slack.usergroups import Usergroups
from handlers.slack.users import SlackUser, UserKind, Users
from storage.records import Task

Ack = Callable[..., Awaitable[BoltResponse]]
Next = Callable[[], Awaitable[None]]

_DENIED: Final[dict[UserKind, AccessDeniedReason]] = {
    "guest": "guest",
    "external": "stranger",
    "deactivated": "deactivated",
}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRequest:
    """A payload by which a user asks for something, and how they can be told that they may not.

    `is_told`: they expect an answer.
    """

    user_id: str
    is_command: bool = False
    is_told: bool = True
    is_at_home: bool = False
    is_in_view: bool = False
    is_by_app: bool = False
    input_block: str | None = None
    response_url: str | None = None
    trigger_id: str | None = None
    channel_id: str | None = None
    thread_ts: str | None = None


class AccessControl:
    """Lets members in: those of the allowed user groups where there are any, and admins always.

    Where Slack does not say who somebody is, they are let in if the bot is open to every member, and not if it is for
    some groups only.
    """

    def __init__(
        self,
        *,
        users: Users,
        usergroups: Usergroups,
        admins: frozenset[str],
        installations: Installations,
        ephemeral: EphemeralMessages,
        tasks: BackgroundTasks,
        now: Callable[[], datetime],
        task: Task,
    ) -> None:
        self._users = users
        self._usergroups = usergroups
        self._admins = admins
        self._installations = installations
        self._ephemeral = ephemeral
        self._tasks = tasks
        self._now = now
        self._task = task

    async def admit(
        self, ack: Ack, body: dict[str, Any], context: AsyncBoltContext, next_: Next
    ) -> BoltResponse | None:
        """Let a payload on to its handler, or refuse it in the sender's language: Bolt's middleware."""
        if is_from_bot(body):
            return await ack()
        sender = parse_access_request(body)
        if sender is None:  # nobody asks for anything; what is malformed, its handler says
            await next_()
            return None
        installation = self._installations.find(context.team_id, context.enterprise_id)
        person, is_member = await self._look_up(sender.user_id, installation)
        reason = self._find_denial(sender.user_id, person, is_member=is_member)
        if person.kind == "bot" or (sender.is_by_app and person.kind not in {"member", "guest"}):
            return await ack()
        if reason is None:
            await next_()
            return None
        _log.info("barred: %s", reason, extra={"agent_id": sender.user_id})
        return await self._refuse(ack, sender, reason, get_texts(person.locale, self._task), installation.client)

    async def _look_up(self, user_id: str, installation: Installation) -> tuple[SlackUser, bool | None]:
        """Look up the user, and whether they are in an allowed group; together, since both have to answer in time."""
        if not self._usergroups.ids:
            return await self._users.get(user_id, installation), True
        person, is_member = await asyncio.gather(
            self._users.get(user_id, installation), self._usergroups.has_member(user_id, installation.client)
        )
        return person, is_member

    def _find_denial(self, user_id: str, person: SlackUser, *, is_member: bool | None) -> AccessDeniedReason | None:
        """The reason why this user may not use the bot; None if they may."""
        if person.kind in _DENIED:
            return _DENIED[person.kind]
        if is_member or person.is_admin or user_id in self._admins:
            return None
        if is_member is None and self._usergroups.lacks_scope:
            return "scope"
        return "unknown" if is_member is None or person.kind == "unknown" else "usergroup"

    async def _refuse(
        self, ack: Ack, sender: AccessRequest, reason: AccessDeniedReason, texts: Texts, client: AsyncWebClient
    ) -> BoltResponse:
        """Acknowledge with the reason, or tell it in the background where an acknowledgement shows nothing."""
        if sender.input_block is not None:
            # No mention is shown under an input; what was typed stays.
            return await ack(
                response_action="errors", errors={sender.input_block: describe_error(AccessDenied(reason), texts)}
            )
        sentence = describe_error(AccessDenied(reason, helpers=tuple(sorted(self._admins))), texts)
        if sender.is_command:
            return await ack(sentence)
        self._tasks.spawn(self._tell(sender, build_notice(sentence), texts, client), name="tell who is barred")
        return await ack()

    async def _tell(self, sender: AccessRequest, message: BlockMessage, texts: Texts, client: AsyncWebClient) -> None:
        """Tell the reason by the way that the payload brought; should it not work, it is left at that."""
        try:
            if sender.response_url is not None:
                await self._ephemeral.respond(to_response_url(sender.response_url, self._now()), message)
            elif sender.is_at_home:
                await publish_view(client, sender.user_id, build_home_notice(message))
            elif sender.trigger_id is not None:
                await _show(client, sender.trigger_id, sender, build_notice_view(message, texts))
            elif sender.channel_id is not None and sender.is_told:
                await _post(client, sender.channel_id, sender, message)
        except (NotShown, DeliveryRefused, DeliveryUncertain, DeliveryThrottled) as error:
            _log.warning("who is barred could not be told: %s", error)


async def _show(client: AsyncWebClient, trigger_id: str, sender: AccessRequest, view: Block) -> None:
    """Open a modal; over the one that the click came from, if it was one."""
    async with translate_errors():
        if sender.is_in_view:
            await client.views_push(trigger_id=trigger_id, view=view)
        else:
            await client.views_open(trigger_id=trigger_id, view=view)


async def _post(client: AsyncWebClient, channel_id: str, sender: AccessRequest, message: BlockMessage) -> None:
    """Post where the user wrote, for their eyes alone."""
    content: dict[str, Any] = {"text": message.text, "blocks": list(message.blocks)}
    async with translate_errors():
        if channel_id.startswith("D"):
            await client.chat_postMessage(channel=channel_id, thread_ts=sender.thread_ts, **content)
        else:
            await client.chat_postEphemeral(
                channel=channel_id, user=sender.user_id, thread_ts=sender.thread_ts, **content
            )


def is_from_bot(body: Mapping[str, Any]) -> bool:
    """Tell whether this is an event by an app that gives no user: none of them is an agent.

    One with a user may be a person's, by an app that posts with their own token.
    """
    event = _get_mapping(body, "event")
    return body.get("type") == "event_callback" and "bot_id" in event and find_author(event) is None


def parse_access_request(body: Mapping[str, Any]) -> AccessRequest | None:
    """Read who asks for something with this payload; None where nobody does, or where it is malformed."""
    kind = body.get("type")
    if kind == "event_callback":
        return _parse_event(_get_mapping(body, "event"))
    if kind is None:
        user_id = _get_id(body, "user_id")
        return None if user_id is None or "command" not in body else AccessRequest(user_id=user_id, is_command=True)
    user_id = _get_id(_get_mapping(body, "user"), "id")
    if user_id is None or kind == "view_closed":
        return None
    trigger_id = _get_id(body, "trigger_id", limit=200)
    if kind == "view_submission":
        return AccessRequest(
            user_id=user_id, input_block=_find_input_block(_get_mapping(body, "view")), trigger_id=trigger_id
        )
    return AccessRequest(
        user_id=user_id,
        response_url=_get_id(body, "response_url", limit=LONGEST),
        trigger_id=trigger_id,
        is_in_view=_get_mapping(body, "view").get("type") == "modal",
    )


def _parse_event(event: Mapping[str, Any]) -> AccessRequest | None:
    """Whatever a person did; those who mention the bot or write to it expect an answer."""
    user_id = _get_id(event, "user")
    if user_id is None:
        return None
    is_message = event.get("type") == "message" and event.get("channel_type") == "im"
    return AccessRequest(
        user_id=user_id,
        is_by_app="bot_id" in event,
        is_told=event.get("type") == "app_mention" or (is_message and get_subtype(event) in WRITTEN),
        is_at_home=event.get("type") == "app_home_opened" and event.get("tab") == "home",
        channel_id=_get_id(event, "channel"),
        thread_ts=_get_id(event, "thread_ts") or (_get_id(event, "ts") if is_message else None),
    )


def _find_input_block(view: Mapping[str, Any]) -> str | None:
    """The id of a view's first input, under which a refusal is shown."""
    found = view.get("blocks")
    inputs = [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []
    return next((_get_id(each, "block_id", limit=255) for each in inputs if each.get("type") == "input"), None)


def _get_mapping(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = parent.get(name)
    return value if isinstance(value, Mapping) else {}


def _get_id(parent: Mapping[str, Any], name: str, *, limit: int = 64) -> str | None:
    value = parent.get(name)
    return value if isinstance(value, str) and 0 < len(value) <= limit else None
