"""Progressive drafting: each candidate is committed, and can be shown, as soon as it is done.

Positions are drawn from the request's id before anything is drafted, so that latency does not decide what is seen.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from bot.drafting import Draft, DraftFailed
from bot.operations.log_events import log_request
from bot.operations.metrics import Metrics
from bot.operations.write_buffer import WriteBuffer
from bot.ordering.shuffle import keep_drafting_order, seed_random
from bot.privacy.service import MaskedRequest, PrivacyService
from bot.suggesting.briefs import BatchDrafter, BriefBuilder, build_config
from bot.suggesting.limits import Limits
from bot.suggesting.placement import (
    add_candidates,
    drop_late,
    make_blank,
    make_failed_entry,
    place_as_drawn,
    to_candidate,
)
from storage.errors import OwnershipLost, RequestClosed
from storage.records import Candidate, LogEntry, Request
from storage.repositories.requests import ProgressiveOutcome, Requests


class ProgressiveDrafter:
    """Drafts candidates into positions drawn before. `queue_ms` is shared with `Suggester`, by request id."""

    def __init__(
        self,
        *,
        requests: Requests,
        privacy: PrivacyService,
        drafter: BatchDrafter,
        briefs: BriefBuilder,
        limits: Limits,
        metrics: Metrics,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        write_buffer: WriteBuffer,
        queue_ms: dict[str, int],
    ) -> None:
        self._requests = requests
        self._privacy = privacy
        self._drafter = drafter
        self._briefs = briefs
        self._limits = limits
        self._metrics = metrics
        self._now = now
        self._new_id = new_id
        self._write_buffer = write_buffer
        self._queue_ms = queue_ms

    async def draft(
        self, request: Request, *, started_at: datetime | None, stop: asyncio.Event | None
    ) -> AsyncGenerator[LogEntry, None]:
        """Yield the request each time that one more candidate is committed; see `Suggester.draft_progressively`."""
        with self._write_buffer.track_request(request.id):
            async with aclosing(self._draft(request, started_at, stop)) as entries:
                async for entry in entries:
                    yield entry

    async def _draft(
        self, request: Request, started_at: datetime | None, stop: asyncio.Event | None
    ) -> AsyncGenerator[LogEntry, None]:
        recorded = await self._requests.get(request.id) or LogEntry(request=request, candidates=(), choice=None)
        masked_request = await self._briefs.load_masked(recorded.request)
        entry = self._privacy.to_masked_entry(recorded, masked_request)
        briefs, inclusion = self._briefs.build(request, masked_request, started_at, seed_random(request.id, "styles"))
        done = {candidate.sample_index for candidate in entry.candidates}
        left = {brief.sample_index: brief for brief in briefs if brief.sample_index not in done}
        is_open = entry.choice is None and entry.request.status == "drafting"
        awaited, late = list(left.values()) if is_open else [], list[Candidate]()
        drafts = self._drafter.abatch_as_completed(awaited, build_config(request), return_exceptions=True)
        async with aclosing(drafts), aclosing(_iterate_until(stop, drafts)) as ended:
            async for index, result in ended:
                brief = left.pop(awaited[index].sample_index)
                self._note_queue_time(request, result)
                before = masked_request
                written = to_candidate(brief, result, self._new_id(), inclusion)
                masked_request, (masked,) = await self._privacy.mask_candidates(before, [written])
                candidate = place_as_drawn(entry, masked)
                try:
                    entry = await self._commit(entry, candidate, before, masked_request)
                except RequestClosed:
                    late.append(drop_late(candidate))
                    break
                yield await self._privacy.unmask_entry(entry, masked_request)
        blanks = (make_blank(brief, self._new_id(), inclusion) for brief in left.values())
        cancelled = (replace(blank, error="cancelled") for blank in blanks)
        yield await self._finish(entry, (*late, *cancelled), masked_request)

    async def _commit(
        self, entry: LogEntry, candidate: Candidate, before: MaskedRequest, masked_request: MaskedRequest
    ) -> LogEntry:
        """Record one more candidate, and return the entry with it. Raises RequestClosed if the agent has decided."""
        at = self._now()
        (recorded,) = await self._privacy.to_recorded_candidates(entry.request, [candidate], masked_request)
        sealed = self._privacy.seal_changes(before, masked_request, entry.request)
        record = partial(self._requests.record_candidate, recorded, at=at, sealed=sealed)
        await self._write_buffer.write_or_queue(record)
        if candidate.error is None and candidate.latency_ms is not None:
            self._limits.record_draft_time(candidate.latency_ms / 1000)
        if candidate.position is None or entry.request.sent_to_slack_at is not None:
            return add_candidates(entry, candidate)
        return add_candidates(replace(entry, request=replace(entry.request, sent_to_slack_at=at)), candidate)

    async def _finish(self, entry: LogEntry, rest: Sequence[Candidate], masked_request: MaskedRequest) -> LogEntry:
        """Record the rest, which have no position, and return the whole entry: with its choice, if there is one."""
        placed, whole = len(entry.visible), add_candidates(entry, *rest)
        ended = whole if placed else make_failed_entry(entry.request, whole.candidates, at=self._now())
        order = keep_drafting_order([candidate.id for candidate in entry.visible])
        finished = ProgressiveOutcome(
            request_id=entry.request.id,
            candidates=await self._privacy.to_recorded_candidates(entry.request, rest, masked_request),
            order_propensity=order.order_propensity,
            first_propensity=1 / placed if placed else None,
            events=ended.events,
        )
        await self._write_buffer.write_or_queue(partial(self._record_finished, finished))
        self._metrics.count_drafts(ended)
        if not placed:
            log_request(ended, "failed", queue_ms=self._queue_ms.pop(entry.request.id, None))
            return await self._privacy.unmask_entry(ended, masked_request)
        current = await self._requests.get(entry.request.id)
        return replace(await self._privacy.unmask_entry(current or ended, masked_request), events=())

    def _note_queue_time(self, request: Request, result: Draft | BaseException) -> None:
        if isinstance(result, Draft | DraftFailed):
            self._queue_ms[request.id] = max(result.queue_ms, self._queue_ms.get(request.id, 0))

    async def _record_finished(self, finished: ProgressiveOutcome) -> None:
        try:
            await self._requests.record_progressive_outcome(finished)
        except OwnershipLost:
            # After a commit whose answer was lost, it may be our own that was there before.
            entry = await self._requests.get(finished.request_id)
            ours = {candidate.id for candidate in finished.candidates}
            ended = entry is not None and (entry.request.status == "failed" or entry.request.order_propensity)
            if entry is None or not ended or not ours <= {candidate.id for candidate in entry.candidates}:
                raise


async def _iterate_until(
    stop: asyncio.Event | None, drafts: AsyncGenerator[tuple[int, Any], None]
) -> AsyncGenerator[tuple[int, Any], None]:
    """Yield the drafts as they end, until `stop` is set; then cancel what is being drafted."""
    stopped = asyncio.ensure_future((stop or asyncio.Event()).wait())
    following = asyncio.ensure_future(anext(drafts, None))
    try:
        while True:
            await asyncio.wait({following, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not following.done() or (ended := following.result()) is None:
                return
            yield ended
            following = asyncio.ensure_future(anext(drafts, None))
    finally:
        stopped.cancel()
        following.cancel()
        await asyncio.wait({following, stopped})
