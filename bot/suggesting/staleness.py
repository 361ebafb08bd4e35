"""Whether a conversation has moved on since its replies were drafted: then the agent is asked before one is sent."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Final, Literal, Protocol

from bot.errors import StaleConversation
from storage.errors import Redelivered
from storage.records import Candidate, Event, LogEntry, Request, ResponseUrl
from storage.repositories.requests import OPEN, Requests

Freshness = Literal["fresh", "unknown"]
"""`unknown`: whether the conversation has moved on could not be told. It holds no reply up."""


class Conversations(Protocol):
    """What is asked of the edge."""

    async def count_newer(self, request: Request) -> int | None:
        """How many messages its thread has that are newer than `seen_ts`; None where that cannot be told in time."""
        ...


class StillConversations:
    """Where there is no conversation that could move on: the command line."""

    async def count_newer(self, request: Request) -> int | None:  # noqa: ARG002 - the protocol's
        return 0


STILL_CONVERSATIONS: Final = StillConversations()


class Staleness:
    """Asks once for each click, and records that the agent was warned."""

    def __init__(self, *, requests: Requests, conversations: Conversations, now: Callable[[], datetime]) -> None:
        self._requests = requests
        self._conversations = conversations
        self._now = now

    async def check(
        self, entry: LogEntry, candidate: Candidate, *, idempotency_key: str, response_url: ResponseUrl | None
    ) -> Freshness:
        """Raises StaleConversation where the conversation has moved on, with the warning recorded, once a delivery; Unavailable."""
        request = entry.request
        is_open = entry.choice is None and request.status in OPEN
        if not is_open or request.thread_ts is None or request.seen_ts is None:
            return "fresh"  # what is closed is refused where it is recorded
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
        with suppress(Redelivered):  # warned of already: the same answer
            await self._requests.record_event(
                warned, idempotency_key=f"stale:{idempotency_key}", response_url=response_url
            )
        raise StaleConversation(request, candidate, newer=newer)
