"""A thread as a conversation: the newest messages up to a budget, with customer and team told apart.

The author of the message that the agent pointed at is the customer, and so are guests, people of other organisations,
and other apps, such as a helpdesk's bridge. Other members of the workspace are the team, and so is the bot: all that it
posts in a thread are replies that an agent has chosen.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from slack_sdk.web.async_client import AsyncWebClient

from bot.suggesting.deliver import DeliveryRefused, DeliveryThrottled, DeliveryUncertain
from handlers.slack.client import BotIdentity
from handlers.slack.errors import translate_errors
from handlers.slack.messages import find_author, get_subtype, read_text
from handlers.slack.users import UserKind, Users
from storage.records import Request, Role, Turn

_log = logging.getLogger(__name__)

TOKEN_BUDGET: Final = 3_000
"""Of all turns together, by `estimate_tokens`: what came before is left out."""

READ_LIMIT_S: Final = 6.0
LOOK_LIMIT_S: Final = 0.7
"""For what is newer: an acknowledgement waits for it."""

PAGE: Final = 1_000
MOST_PAGES: Final = 20

_KEPT: Final = 400
"""Messages remembered while paging: Slack gives the oldest first, and the budget takes the newest."""

_SAID: Final = frozenset({None, "bot_message", "file_share", "me_message", "thread_broadcast"})
"""Subtypes of messages that say something; joins, deleted messages, changed topics and the like do not."""

_TEAM: Final[frozenset[UserKind]] = frozenset({"member", "unknown"})

Problem = Literal["missing_scope", "no_member", "unreadable"]

_PROBLEMS: Final[dict[str, Problem]] = {
    "missing_scope": "missing_scope",
    "not_in_channel": "no_member",
    "channel_not_found": "no_member",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetMessage:
    """The message that the agent pointed at, as Slack delivered it; for a mention, the thread's first."""

    channel_id: str
    thread_ts: str
    message: Mapping[str, Any]
    """Empty where Slack delivered none; its `ts` alone where the thread is read once more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """A thread as read. `problem`: why it is the message alone; `latest_ts`: the newest message's timestamp."""

    turns: tuple[Turn, ...]
    latest_ts: str | None = None
    problem: Problem | None = None


class Threads:
    """Reads threads by `conversations.replies`."""

    def __init__(self, *, client: AsyncWebClient, users: Users, identity: BotIdentity) -> None:
        self._client = client
        self._users = users
        self._identity = identity

    async def read(self, target: TargetMessage) -> Thread:
        """Read the thread as turns; where it cannot be read, the message alone, and why."""
        problem: Problem | None = None
        try:
            async with asyncio.timeout(READ_LIMIT_S), translate_errors():
                messages = await self._fetch_messages(target)
        except DeliveryRefused as refusal:
            messages, problem = [], _PROBLEMS.get(refusal.reason, "unreadable")
        except (DeliveryUncertain, DeliveryThrottled, TimeoutError):
            messages, problem = [], "unreadable"
        heard = messages or [target.message]
        said = [message for message in heard if _is_at(message, target) or self._is_said(message)]
        kept = select_newest(said, at=target.message.get("ts"))
        team = await self._find_team(target, kept)
        turns = (Turn(role=self._find_role(message, team), text=read_text(message)) for message in kept)
        latest = heard[-1].get("ts")
        return Thread(
            turns=tuple(turn for turn in turns if turn.text),
            latest_ts=latest if isinstance(latest, str) else None,
            problem=problem,
        )

    async def count_newer(self, request: Request) -> int | None:
        """Count the messages in the request's thread that are newer than those read for it.

        None where Slack does not tell within LOOK_LIMIT_S.
        """
        try:
            async with asyncio.timeout(LOOK_LIMIT_S), translate_errors():
                answer = await self._client.conversations_replies(
                    channel=request.channel_id, ts=request.thread_ts or "", oldest=request.seen_ts, limit=PAGE
                )
                found = [message for message in answer["messages"] if isinstance(message, Mapping)]
                # Slack gives the thread's first message in any case.
                newer = [message for message in found if float(message["ts"]) > float(request.seen_ts or 0)]
        except (DeliveryRefused, DeliveryUncertain, DeliveryThrottled, TimeoutError) as error:
            _log.warning("whether the thread has moved on is not known: %s", error, extra={"request_id": request.id})
            return None
        return sum(self._is_said(message) for message in newer)

    async def _fetch_messages(self, target: TargetMessage) -> Sequence[Mapping[str, Any]]:
        """Fetch the newest messages, the first, and the one that the agent pointed at, oldest first."""
        last: deque[Mapping[str, Any]] = deque(maxlen=_KEPT)
        before: list[Mapping[str, Any]] = []
        cursor = ""
        for _ in range(MOST_PAGES):
            answer = await self._client.conversations_replies(
                channel=target.channel_id, ts=target.thread_ts, limit=PAGE, cursor=cursor or None
            )
            page = [message for message in answer.get("messages") or () if isinstance(message, Mapping)]
            for message in page:
                if before[:1] == [message]:  # Slack may give it with every page
                    continue
                if not before or _is_at(message, target):
                    before.append(message)
                last.append(message)
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                break
        return [*(message for message in before if message not in last), *last]

    async def _find_team(self, target: TargetMessage, messages: Sequence[Mapping[str, Any]]) -> frozenset[str]:
        """Find the members among the authors, but for the customer.

        The customer is whom the agent pointed at; else, where nobody from outside has written, who began the thread.
        """
        authors = sorted({author for message in messages if (author := find_author(message))})
        persons = await asyncio.gather(*(self._users.get(author) for author in authors))
        by_apps = {find_author(message) for message in messages if message.get("bot_id")}
        members = {
            author
            for author, person in zip(authors, persons, strict=True)
            if person.kind == "member" or (person.kind in _TEAM and author not in by_apps)
        }
        is_ours = all(self._is_ours(message) or find_author(message) in members for message in messages)
        at = target.message.get("ts")
        read = next((message for message in messages if at and message.get("ts") == at), target.message)
        customer = read or (messages[0] if messages and is_ours else {})
        return frozenset(members - {find_author(customer)})

    def _find_role(self, message: Mapping[str, Any], team: frozenset[str]) -> Role:
        """The role of a message's author: the bot and the team are the agent."""
        return "agent" if self._is_ours(message) or find_author(message) in team else "customer"

    def _is_ours(self, message: Mapping[str, Any]) -> bool:
        """Tell whether the bot wrote it."""
        by_bot = self._identity.bot_id is not None and message.get("bot_id") == self._identity.bot_id
        return by_bot or message.get("user") == self._identity.bot_user_id

    def _is_said(self, message: Mapping[str, Any]) -> bool:
        """Tell whether it is part of the conversation: a message that mentions the bot is a word to the bot."""
        if get_subtype(message) not in _SAID or message.get("hidden"):
            return False
        return self._is_ours(message) or f"<@{self._identity.bot_user_id}>" not in str(message.get("text"))


def select_newest(messages: Sequence[Mapping[str, Any]], *, at: Any) -> list[Mapping[str, Any]]:
    """Select as many of the newest messages as the budget takes, oldest first.

    The message with the ts `at`, or where there is none the newest that says something, is always among them.
    """
    if not any(message.get("ts") == at for message in messages):
        at = next((message.get("ts") for message in reversed(messages) if read_text(message)), at)
    kept: list[Mapping[str, Any]] = []
    left = TOKEN_BUDGET - sum(estimate_tokens(read_text(message)) for message in messages if message.get("ts") == at)
    is_full = False
    for message in reversed(messages):
        if message.get("ts") == at:
            kept.append(message)
            continue
        left -= estimate_tokens(read_text(message))
        is_full = is_full or left < 0
        if not is_full:
            kept.append(message)
    return kept[::-1]


def estimate_tokens(text: str) -> int:
    """Estimate a text's tokens, rather too many: three bytes each, which holds for most languages."""
    return len(text.encode("utf-8", "replace")) // 3 + 8


def _is_at(message: Mapping[str, Any], target: TargetMessage) -> bool:
    """Tell whether it is the message that the agent pointed at."""
    at = target.message.get("ts")
    return isinstance(at, str) and message.get("ts") == at
