"""Recovery: a living replica takes over the work of a dead one.

await recoverer.join()                      # alive from now on
await recoverer.beat()                      # every HEARTBEAT_S
left = await recoverer.take_over()          # what is ours now, to draft, to show, to post
await recoverer.leave()                     # at shutdown: what is left is free at once
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bot.operations.log_events import log_request
from bot.operations.metrics import Metrics
from bot.operations.write_buffer import WriteBuffer
from bot.privacy.service import PrivacyService
from bot.suggesting.choose import RecordedChoice
from bot.suggesting.deliver import Deliverer
from storage.records import Delivery, LogEntry, Request
from storage.repositories.replicas import Replicas
from storage.repositories.requests import Requests

HEARTBEAT_S: Final = 10.0
DEAD_AFTER: Final = timedelta(seconds=30)
"""Three heartbeats missed. With the next look of another replica, work is taken over within 45 s."""

ANSWERED_WITHIN: Final = timedelta(minutes=30)
"""Older requests expire undrafted: the conversation has moved on, and the `response_url` has expired."""

UNKNOWN_TOLD_FOR: Final = timedelta(days=1)
"""Deliveries of unknown outcome are taken over, so that their agents are told again, for this long."""

CONFIRMED_WITHIN: Final = timedelta(minutes=30)
"""Posted replies are confirmed to their agents within this time; older ones they have read in the conversation."""

DELETED_WITHIN: Final = timedelta(days=7)
"""Posted parts of a choice taken back longer ago are not deleted any more: everybody has read them."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveredWork:
    """Work taken over.

    Requests to draft, drafted ones to show, replies to post or to tell the agent about, and posted parts to delete,
    since their choice was taken back.
    """

    to_draft: tuple[Request, ...]
    to_show: tuple[LogEntry, ...]
    to_deliver: tuple[RecordedChoice, ...]
    to_delete: tuple[Delivery, ...] = ()

    @property
    def is_empty(self) -> bool:
        """True if nothing was taken over."""
        return not (self.to_draft or self.to_show or self.to_deliver or self.to_delete)


class Recoverer:
    """Keeps this replica alive in the database, and takes over the work of dead ones."""

    def __init__(
        self,
        *,
        replicas: Replicas,
        requests: Requests,
        privacy: PrivacyService,
        deliverer: Deliverer,
        now: Callable[[], datetime],
        metrics: Metrics | None = None,
        write_buffer: WriteBuffer | None = None,
    ) -> None:
        self._replicas = replicas
        self._requests = requests
        self._privacy = privacy
        self._deliverer = deliverer
        self._now = now
        self._metrics = metrics or Metrics()
        self._write_buffer = write_buffer or WriteBuffer()

    async def join(self) -> None:
        """Record this replica as alive."""
        await self._replicas.join(self._now())

    async def beat(self) -> None:
        """Record a heartbeat, and forget replicas that are dead."""
        now = self._now()
        await self._replicas.beat(now, dead_before=now - DEAD_AFTER)

    async def leave(self) -> None:
        """Release all work of this replica at once."""
        await self._replicas.leave()

    async def take_over(self) -> RecoveredWork:
        """Take over work that no living replica owns, or that this one broke off while the database was away.

        Requests older than ANSWERED_WITHIN expire. Raises DatabaseUnavailable.
        """
        await self._write_buffer.flush(self._replicas)
        now = self._now()
        entries = await self._replicas.take_requests()
        old = [entry.request.id for entry in entries if entry.request.created_at < now - ANSWERED_WITHIN]
        if old:
            await self._requests.close_expired(old, at=now)
        for entry in entries:
            if entry.request.id in old:
                log_request(entry, "expired")
        fresh = [entry for entry in entries if entry.request.id not in old]
        undone = await self._replicas.take_deletions(undone_since=now - DELETED_WITHIN)
        ids = await self._replicas.take_deliveries(
            unknown_since=now - UNKNOWN_TOLD_FOR, untold_since=now - CONFIRMED_WITHIN
        )
        loaded = [await self._deliverer.load(choice_id) for choice_id in ids]
        chosen = [each for each in loaded if each.parts]  # none where an undo came in between
        if entries or chosen:
            _log.warning("taken over: %s requests, %s too old, %s deliveries", len(fresh), len(old), len(chosen))
        left = RecoveredWork(
            to_draft=tuple(entry.request for entry in fresh if not _is_drafted(entry.request)),
            to_show=tuple(
                [await self._privacy.unmask_recorded_entry(each) for each in fresh if _is_drafted(each.request)]
            ),
            to_deliver=tuple(chosen),
            to_delete=tuple(undone),
        )
        self._metrics.count_takeovers(
            {
                "draft": len(left.to_draft),
                "show": len(left.to_show),
                "deliver": len(left.to_deliver),
                "expired": len(old),
            }
        )
        return left


def _is_drafted(request: Request) -> bool:
    """Return True if all candidates are done; some may have been sent to Slack before that."""
    return request.sent_to_slack_at is not None and request.order_propensity is not None
