"""Staleness: the agent is asked before a reply is sent into a conversation that has moved on since drafting."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Final, Literal, Protocol

from bot.errors import StaleConversation
from storage.errors import DuplicateDelivery
from storage.records import Candidate, Event, LogEntry, Request, ResponseUrl
from storage.repositories.requests import OPEN, Requests

Freshness = Literal["fresh", "unknown"]
"""`unknown`: Slack did not say in time whether the conversation has moved on. That holds up no reply."""


class Conversations(Protocol):
    """Access to the conversations; `handlers/slack/threads.py` implements it."""

    async def count_newer(self, request: Request) -> int | None:
        """Count the messages of its thread that are newer than `seen_ts`; None if Slack does not answer in time."""
        ...


class StillConversations:
    """The conversations of the command line, which never move on."""

    async def count_newer(self, request: Request) -> int | None:  # noqa: ARG002 - the protocol's
        return 0


STILL_CONVERSATIONS: Final = StillConversations()


class Staleness:
    """Looks for newer messages once for each click, and records that the agent was warned."""

    def __init__(self, *, requests: Requests, conversations: Conversations, now: Callable[[], datetime]) -> None:
        self._requests = requests
        self._conversations = conversations
        self._now = now

    async def check(
        self, entry: LogEntry, candidate: Candidate, *, idempotency_key: str, response_url: ResponseUrl | None
    ) -> Freshness:
        """Look for messages that are newer than what the model saw.

        Raises StaleConversation if there are some, with the warning recorded once a click; DatabaseUnavailable.
        """
        request = entry.request
        is_open = entry.choice is None and request.status in OPEN
        if not is_open or request.thread_ts is None or request.seen_ts is None:
            return "fresh"  # a closed request is refused when the choice is recorded
        newer = await self._conversations.count_newer(request)
        if newer is None:
            return "unknown"
        if newer == 0:
            return "fresh"
        warned = Event(
            request_id=request.id,
            type="stale_warned",
            at=self._now(),
            agent_id=request.agent_id,
            candidate_id=candidate.id,
            data={"newer": newer},
        )
        with suppress(DuplicateDelivery):  # the warning is recorded already: the same answer
            await self._requests.record_event(
                warned, idempotency_key=f"stale:{idempotency_key}", response_url=response_url
            )
        raise StaleConversation(request, candidate, newer=newer)
