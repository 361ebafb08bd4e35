"""A thread as a conversation: the newest messages up to a budget, with customer and team told apart.

The author of the message that the agent pointed at is the customer, and so are guests, people of other organisations,
and other apps, such as a helpdesk's bridge, or those named in the settings alone. What the team forwards is the
customer's, too. Other members of the workspace are the team, and so is the bot: all that it posts in a thread are
replies that an agent has chosen.
"""

import asyncio
import logging
import re
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

from bot.suggesting.deliver import DeliveryRefused, DeliveryThrottled, DeliveryUncertain
from handlers.slack.client import Installation, Installations
from handlers.slack.errors import translate_errors
from handlers.slack.messages import WRITTEN, MessageText, find_author, get_subtype, read_message
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
LIMITED_PAGE: Final = 15
"""Slack gives no more at a time, and that once a minute, to apps distributed outside of its Marketplace."""

_MOST_WAITS: Final = 2

_KEPT: Final = 400
"""Messages remembered while paging: Slack gives the oldest first, and the budget takes the newest."""

_SAID: Final = WRITTEN | {"bot_message"}
"""Subtypes of messages that say something; joins, deleted messages, changed topics and the like do not."""

_TEAM: Final[frozenset[UserKind]] = frozenset({"member", "unknown"})

Problem = Literal["missing_scope", "no_member", "unreadable", "partial", "headings"]

_PROBLEMS: Final[dict[str, Problem]] = {
    "missing_scope": "missing_scope",
    "not_in_channel": "no_member",
    "channel_not_found": "no_member",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetMessage:
    """The message that the agent pointed at, as Slack delivered it; for a mention, the thread's first."""

    team_id: str
    channel_id: str
    thread_ts: str
    message: Mapping[str, Any]
    """Empty where Slack delivered none; its `ts` alone where the thread is read once more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """A thread as read.

    `problems`: why it is the message alone or a part of the thread, and that some of the customer's messages are
    headings of what cannot be read. `latest_ts`: the newest message's timestamp; None where not all was read.
    """

    turns: tuple[Turn, ...]
    latest_ts: str | None = None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadMessage:
    """A message of a thread, with what a person reads in it."""

    message: Mapping[str, Any]
    read: MessageText

    @property
    def ts(self) -> Any:
        return self.message.get("ts")


class Threads:
    """Reads threads by `conversations.replies`.

    `customer_apps` are ids of apps whose messages are the customer's, whosever token they post with; those of other
    apps are left out then. Where there are none, every app but this one is the customer's.
    """

    def __init__(
        self, *, installations: Installations, users: Users, customer_apps: frozenset[str] = frozenset()
    ) -> None:
        self._installations = installations
        self._users = users
        self._customer_apps = customer_apps

    async def read(self, target: TargetMessage) -> Thread:
        """Read the thread as turns, as far as Slack gives it; else the message alone, and why."""
        return await self._build_reader(target.team_id).read(target)

    async def count_newer(self, request: Request) -> int | None:
        """Count the messages in the request's thread that are newer than those read for it.

        None where Slack does not tell within LOOK_LIMIT_S.
        """
        return await self._build_reader(request.team_id).count_newer(request)

    def _build_reader(self, team_id: str) -> "_ThreadReader":
        return _ThreadReader(self._installations.find(team_id), self._users, self._customer_apps)


class _ThreadReader:
    """Reads one thread, as the bot of one installation."""

    def __init__(self, installation: Installation, users: Users, customer_apps: frozenset[str]) -> None:
        self._installation = installation
        self._client = installation.client
        self._identity = installation.identity
        self._users = users
        self._customer_apps = customer_apps

    async def read(self, target: TargetMessage) -> Thread:
        """Read the thread as turns, as far as Slack gives it; else the message alone, and why."""
        fetched, problem = await self._fetch_messages(target)
        if problem is not None and not any(_is_at(message, target) for message in fetched) and "ts" in target.message:
            fetched = [*fetched, target.message]
        heard = [ThreadMessage(message=message, read=read_message(message)) for message in fetched or [target.message]]
        said = [each for each in heard if _is_at(each.message, target) or self._is_heard(each)]
        kept = select_newest(said, at=target.message.get("ts"))
        team = await self._find_team(target, kept)
        turns = [turn for each in kept for turn in self._to_turns(each, team, target) if turn.text]
        customers = [each for each in kept if self._find_role(each.message, team) == "customer" or each.read.forwarded]
        is_readable = any(each.read.is_readable for each in customers)
        has_headings = any(each.read.own and not each.read.is_readable for each in customers)
        latest = heard[-1].ts if problem is None else None
        return Thread(
            turns=tuple(turns) if is_readable else (),
            latest_ts=latest if isinstance(latest, str) else None,
            problems=(*(() if problem is None else (problem,)), *(("headings",) if has_headings else ())),
        )

    async def count_newer(self, request: Request) -> int | None:
        """Count what is newer than what was read for the request; None where Slack does not tell in time."""
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

    async def _fetch_messages(self, target: TargetMessage) -> tuple[Sequence[Mapping[str, Any]], Problem | None]:
        """Fetch the newest messages, the first, and the one that the agent pointed at, oldest first.

        Where Slack does not give all of them, also returns why; what it gave until then is kept.
        """
        last: deque[Mapping[str, Any]] = deque(maxlen=_KEPT)
        before: list[Mapping[str, Any]] = []
        problem: Problem | None = None
        try:
            async with asyncio.timeout(READ_LIMIT_S), translate_errors():
                async for message in self._page(target):
                    if message is None:
                        problem = "partial"
                        break
                    if before[:1] == [message]:  # Slack may give it with every page
                        continue
                    if not before or _is_at(message, target):
                        before.append(message)
                    last.append(message)
        except DeliveryRefused as refusal:
            problem = _PROBLEMS.get(refusal.reason, "unreadable")
        except (DeliveryUncertain, DeliveryThrottled, TimeoutError):
            problem = "unreadable"
        if problem is not None and last:
            problem = "partial"
        return [*(message for message in before if message not in last), *last], problem

    async def _page(self, target: TargetMessage) -> AsyncIterator[Mapping[str, Any] | None]:
        """Yield the thread's messages, page after page; None where Slack limits histories, and so gives no more."""
        cursor = ""
        for _ in range(MOST_PAGES):
            answer = await self._read_page(target, cursor)
            messages = answer.get("messages") or ()
            for message in messages:
                if isinstance(message, Mapping):
                    yield message
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return
            if len(messages) <= LIMITED_PAGE:
                _log.warning("Slack limits histories: %d messages of a thread, once a minute", len(messages))
                yield None
                return

    async def _read_page(self, target: TargetMessage, cursor: str) -> Any:
        """Read one page; wait as Slack tells, unless that is longer than the thread may take."""
        read = partial(
            self._client.conversations_replies,
            channel=target.channel_id,
            ts=target.thread_ts,
            limit=PAGE,
            cursor=cursor or None,
        )
        for _ in range(_MOST_WAITS):
            try:
                async with translate_errors():
                    return await read()
            except DeliveryThrottled as throttled:
                if throttled.retry_after_s > READ_LIMIT_S:
                    raise
                await asyncio.sleep(throttled.retry_after_s)
        return await read()

    async def _find_team(self, target: TargetMessage, said: Sequence[ThreadMessage]) -> frozenset[str]:
        """Find the members among the authors, but for the customer.

        The customer is whom the agent pointed at, or who wrote what is forwarded there; else, where nobody from outside
        has written, who began the thread.
        """
        forwarded = [forwarded for each in said for forwarded in each.read.forwarded]
        authors = {find_author(each.message) for each in said} | {each.author_id for each in forwarded}
        known = sorted(filter(None, authors))
        persons = await asyncio.gather(*(self._users.get(author, self._installation) for author in known))
        by_apps = {find_author(each.message) for each in said if each.message.get("bot_id")}
        members = {
            author
            for author, person in zip(known, persons, strict=True)
            if person.kind == "member" or (person.kind in _TEAM and author not in by_apps)
        }
        if "ts" in target.message:
            pointed = next((each.message for each in said if _is_at(each.message, target)), target.message)
            is_forward = bool(read_message(pointed).forwarded) and find_author(pointed) in members
            # A bridge's message is the customer's, and not the member's with whose token it is posted.
            is_teams = is_forward or self._is_of_customer_app(pointed)
            return frozenset(members if is_teams else members - {find_author(pointed)})
        is_ours = all(self._find_role(each.message, frozenset(members)) == "agent" for each in said)
        return frozenset(members - {find_author(said[0].message)} if said and is_ours and not forwarded else members)

    def _to_turns(self, said: ThreadMessage, team: frozenset[str], target: TargetMessage) -> Iterator[Turn]:
        """Turn a message into turns: what the team forwards is a turn of the customer's, unless the team wrote it."""
        if self._find_role(said.message, team) == "customer":
            yield Turn(role="customer", text=said.read.whole)
            return
        is_at, is_mention = _is_at(said.message, target), self._is_mention(said.message)
        if is_at or not is_mention:
            yield Turn(role="agent", text=said.read.own)
        for forwarded in said.read.forwarded:
            is_teams = forwarded.author_id in team and not (is_at or is_mention)
            yield Turn(role="agent" if is_teams else "customer", text=forwarded.text)

    def _find_role(self, message: Mapping[str, Any], team: frozenset[str]) -> Role:
        """The role of a message's author: the bot and the team are the agent."""
        if self._is_ours(message):
            return "agent"
        return "agent" if find_author(message) in team and not self._is_of_customer_app(message) else "customer"

    def _is_of_customer_app(self, message: Mapping[str, Any]) -> bool:
        """Tell whether an app posted it that is named as the customer's."""
        return bool(self._customer_apps) and not self._customer_apps.isdisjoint(list_app_ids(message))

    def _is_ours(self, message: Mapping[str, Any]) -> bool:
        """Tell whether the bot wrote it."""
        by_bot = self._identity.bot_id is not None and message.get("bot_id") == self._identity.bot_id
        return by_bot or message.get("user") == self._identity.bot_user_id

    def _is_heard(self, each: ThreadMessage) -> bool:
        """Tell whether it is part of the conversation, or forwards something that is."""
        return self._is_said(each.message) or bool(each.read.forwarded and self._is_mention(each.message))

    def _is_said(self, message: Mapping[str, Any]) -> bool:
        """Tell whether it is part of the conversation: a message that mentions the bot is a word to the bot."""
        if get_subtype(message) not in _SAID or message.get("hidden"):
            return False
        if self._is_ours(message):
            return True
        is_other_app = self._customer_apps and find_author(message) is None and not self._is_of_customer_app(message)
        return not is_other_app and not self._is_mention(message)

    def _is_mention(self, message: Mapping[str, Any]) -> bool:
        """Tell whether it mentions the bot."""
        is_named = re.search(rf"<@{self._identity.bot_user_id}[|>]", str(message.get("text"))) is not None
        return is_named and not self._is_ours(message)


def list_app_ids(message: Mapping[str, Any]) -> frozenset[str]:
    """List the ids by which an app's message names it: of the app, and of its bot."""
    profile = message.get("bot_profile")
    ids = (
        message.get("app_id"),
        message.get("bot_id"),
        profile.get("app_id") if isinstance(profile, Mapping) else None,
    )
    return frozenset(each for each in ids if isinstance(each, str))


def select_newest(messages: Sequence[ThreadMessage], *, at: Any) -> list[ThreadMessage]:
    """Select as many of the newest messages as the budget takes, oldest first.

    The message with the ts `at`, or where there is none the newest that says something, is always among them.
    """
    if not any(each.ts == at for each in messages):
        at = next((each.ts for each in reversed(messages) if each.read.is_readable), at)
    kept: list[ThreadMessage] = []
    left = TOKEN_BUDGET - sum(estimate_tokens(each.read.whole) for each in messages if each.ts == at)
    is_full = False
    for each in reversed(messages):
        if each.ts == at:
            kept.append(each)
            continue
        left -= estimate_tokens(each.read.whole)
        is_full = is_full or left < 0
        if not is_full:
            kept.append(each)
    return kept[::-1]


def estimate_tokens(text: str) -> int:
    """Estimate a text's tokens, rather too many: three bytes each, which holds for most languages."""
    return len(text.encode("utf-8", "replace")) // 3 + 8


def _is_at(message: Mapping[str, Any], target: TargetMessage) -> bool:
    """Tell whether it is the message that the agent pointed at."""
    at = target.message.get("ts")
    return isinstance(at, str) and message.get("ts") == at
