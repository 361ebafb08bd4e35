"""The pipeline from a request to its candidates, for all surfaces: drafted, masked, placed, committed, reported.

    entry = await pipeline.draft_together(request)                  # all at once, in an order drawn at the end
    async for entry in pipeline.draft_in_places(request):           # one more each time, in places drawn before

Places are drawn from the request's id before anything is drafted, so that latency does not decide what is seen.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from bot.drafting import Brief, Draft, DraftFailed
from bot.operations.log_events import log_request
from bot.operations.metrics import Metrics
from bot.operations.write_buffer import WriteBuffer
from bot.ordering.near_duplicates import find_near_duplicates
from bot.ordering.shuffle import Order, Orderer, keep_drafting_order, seed_random
from bot.privacy.service import MaskedRequest, PrivacyService
from bot.suggesting.briefs import BatchDrafter, BriefBuilder, build_config
from bot.suggesting.limits import Limits
from bot.suggesting.placement import (
    add_candidates,
    drop_late,
    make_blank,
    make_failed_entry,
    place_as_drawn,
    place_in_order,
    to_candidate,
)
from storage.errors import OwnershipLost, RequestClosed
from storage.records import Candidate, LogEntry, Request
from storage.repositories.requests import DraftOutcome, ProgressiveOutcome, Requests

Arrange = Callable[[Sequence[str]], Order]


@dataclass(slots=True, kw_only=True)
class _Work:
    """A request that is being drafted: its masked entry so far, and the briefs left, by `sample_index`."""

    entry: LogEntry
    masked: MaskedRequest
    left: dict[int, Brief]
    inclusion: float

    @property
    def request(self) -> Request:
        return self.entry.request


class CandidatePipeline:
    """Makes the candidates of requests. `queue_ms` has the waiting times of requests that have not ended."""

    def __init__(
        self,
        *,
        requests: Requests,
        privacy: PrivacyService,
        drafter: BatchDrafter,
        briefs: BriefBuilder,
        orderer: Orderer,
        limits: Limits,
        metrics: Metrics,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        rng: random.Random,
        write_buffer: WriteBuffer,
    ) -> None:
        self.queue_ms: dict[str, int] = {}
        self._requests = requests
        self._privacy = privacy
        self._drafter = drafter
        self._briefs = briefs
        self._orderer = orderer
        self._limits = limits
        self._metrics = metrics
        self._now = now
        self._new_id = new_id
        self._rng = rng
        self._write_buffer = write_buffer

    async def draft_together(
        self, request: Request, *, started_at: datetime | None, arrange: Arrange | None
    ) -> LogEntry:
        """Draft all candidates, and commit them in one order; see `Suggester.draft`."""
        with self._track(request):
            work = await self._begin(LogEntry(request=request, candidates=(), choice=None), started_at, self._rng)
            before, briefs = work.masked, list(work.left.values())
            results: list[Any] = await self._drafter.abatch(briefs, build_config(request), return_exceptions=True)
            candidates = await self._read_results(work, list(zip(briefs, results, strict=True)))
            entry = self._order(work.request, candidates, arrange)
            placed = entry.request
            outcome = DraftOutcome(
                request_id=request.id,
                candidates=await self._privacy.to_recorded_candidates(request, entry.candidates, work.masked),
                status=placed.status,
                policy=placed.policy,
                policy_params=placed.policy_params,
                ranker_version=placed.ranker_version,
                order_propensity=placed.order_propensity,
                sent_to_slack_at=placed.sent_to_slack_at,
                retrieved=placed.retrieved,
                events=entry.events,
                sealed=self._privacy.seal_changes(before, work.masked, request),
            )
            await self._write_buffer.write_or_queue(partial(self._record, outcome))
            self._report(entry)
            return await self._privacy.unmask_entry(entry, work.masked)

    async def draft_in_places(
        self, request: Request, *, started_at: datetime | None, stop: asyncio.Event | None
    ) -> AsyncGenerator[LogEntry, None]:
        """Yield the request each time that one more candidate is committed; see `Suggester.draft_progressively`."""
        with self._track(request):
            recorded = await self._requests.get(request.id) or LogEntry(request=request, candidates=(), choice=None)
            work = await self._begin(recorded, started_at, seed_random(request.id, "styles"))
            is_open = recorded.choice is None and recorded.request.status == "drafting"
            awaited, late = list(work.left.values()) if is_open else [], list[Candidate]()
            drafts = self._drafter.abatch_as_completed(awaited, build_config(request), return_exceptions=True)
            async with aclosing(drafts), aclosing(_iterate_until(stop, drafts)) as ended:
                async for index, result in ended:
                    before = work.masked
                    (masked,) = await self._read_results(work, [(awaited[index], result)])
                    candidate = place_as_drawn(work.entry, masked)
                    try:
                        await self._commit(work, candidate, before)
                    except RequestClosed:
                        late.append(drop_late(candidate))
                        break
                    yield await self._privacy.unmask_entry(work.entry, work.masked)
            blanks = (make_blank(brief, self._new_id(), work.inclusion) for brief in work.left.values())
            yield await self._finish(work, (*late, *(replace(blank, error="cancelled") for blank in blanks)))

    # --- what both have in common ---------------------------------------------------------------------

    @contextmanager
    def _track(self, request: Request) -> Iterator[None]:
        """Track a request while it is drafted; its reservation of the day's tokens ends with it."""
        with self._write_buffer.track_request(request.id):
            try:
                yield
            finally:
                self._limits.settle(request.id)

    async def _begin(self, entry: LogEntry, started_at: datetime | None, rng: random.Random) -> _Work:
        """Begin with the masked form of what is recorded, and the briefs of what is not drafted yet."""
        masked = await self._briefs.load_masked(entry.request)
        version = await self._briefs.find_version(entry.request)
        found = await self._briefs.find_passages(entry.request, version, masked)
        entry = replace(entry, request=replace(entry.request, retrieved=found.retrieved))
        budget = self._limits.open_calls(entry.request.id, self._now())
        briefs, inclusion = self._briefs.build(entry.request, version, masked, found, started_at, rng, budget)
        done = {candidate.sample_index for candidate in entry.candidates}
        return _Work(
            entry=self._privacy.to_masked_entry(entry, masked),
            masked=masked,
            left={brief.sample_index: brief for brief in briefs if brief.sample_index not in done},
            inclusion=inclusion,
        )

    async def _read_results(self, work: _Work, results: Sequence[tuple[Brief, Any]]) -> tuple[Candidate, ...]:
        """Make masked candidates, without positions, of what was drafted; their briefs are no longer left."""
        written = []
        for brief, result in results:
            del work.left[brief.sample_index]
            written.append(to_candidate(brief, result, self._new_id(), work.inclusion))
            if isinstance(result, Draft | DraftFailed):
                longest = max(result.queue_ms, self.queue_ms.get(work.request.id, 0))
                self.queue_ms[work.request.id] = longest
            if isinstance(result, Draft):
                self._limits.record_draft_time(result.latency_ms / 1000)
        work.masked, masked = await self._privacy.mask_candidates(work.masked, written)
        return tuple(masked)

    async def _record(self, outcome: DraftOutcome | ProgressiveOutcome) -> None:
        try:
            if isinstance(outcome, DraftOutcome):
                await self._requests.record_drafts(outcome)
            else:
                await self._requests.record_progressive_outcome(outcome)
        except OwnershipLost:
            # After a commit whose answer was lost, it may be our own that was there before.
            entry = await self._requests.get(outcome.request_id)
            ours = {candidate.id for candidate in outcome.candidates}
            ended = entry is not None and (entry.request.status == "failed" or entry.request.order_propensity)
            if entry is None or not ended or not ours <= {candidate.id for candidate in entry.candidates}:
                raise

    def _report(self, entry: LogEntry) -> None:
        """Count what was drafted; a failed request has ended, and is logged."""
        self._metrics.count_drafts(entry)
        self._limits.record_tokens(
            sum((each.prompt_tokens or 0) + (each.completion_tokens or 0) for each in entry.candidates)
        )
        if entry.request.status == "failed":
            log_request(entry, "failed", queue_ms=self.queue_ms.pop(entry.request.id, None))

    # --- in one order ---------------------------------------------------------------------------------

    def _order(self, request: Request, candidates: Sequence[Candidate], arrange: Arrange | None) -> LogEntry:
        """Put candidates in their positions, with `sent_to_slack_at` now; the request is `failed` if none is left."""
        repeats = find_near_duplicates({each.id: each.text for each in candidates if each.text is not None})
        distinct = [each for each in candidates if each.text is not None and each.id not in repeats]
        if not distinct:
            return make_failed_entry(request, candidates, at=self._now())
        order = arrange([each.id for each in distinct]) if arrange else self._orderer.order(request, distinct)
        ordered = replace(
            request,
            policy=order.policy,
            policy_params=dict(order.policy_params),
            ranker_version=order.ranker_version,
            order_propensity=order.order_propensity,
            sent_to_slack_at=self._now(),
        )
        placed = tuple(place_in_order(candidate, order, repeats) for candidate in candidates)
        return LogEntry(request=ordered, candidates=placed, choice=None)

    # --- in places ------------------------------------------------------------------------------------

    async def _commit(self, work: _Work, candidate: Candidate, before: MaskedRequest) -> None:
        """Record one more candidate. Raises RequestClosed if the agent has decided."""
        at = self._now()
        (recorded,) = await self._privacy.to_recorded_candidates(work.request, [candidate], work.masked)
        sealed = self._privacy.seal_changes(before, work.masked, work.request)
        record = partial(self._requests.record_candidate, recorded, at=at, sealed=sealed)
        await self._write_buffer.write_or_queue(record)
        if candidate.position is not None and work.request.sent_to_slack_at is None:
            work.entry = replace(work.entry, request=replace(work.request, sent_to_slack_at=at))
        work.entry = add_candidates(work.entry, candidate)

    async def _finish(self, work: _Work, rest: Sequence[Candidate]) -> LogEntry:
        """Record the rest, which have no position, and return the whole entry: with its choice, if there is one."""
        visible, whole = work.entry.visible, add_candidates(work.entry, *rest)
        ended = whole if visible else make_failed_entry(work.request, whole.candidates, at=self._now())
        order = keep_drafting_order([candidate.id for candidate in visible])
        outcome = ProgressiveOutcome(
            request_id=work.request.id,
            candidates=await self._privacy.to_recorded_candidates(work.request, rest, work.masked),
            order_propensity=order.order_propensity,
            first_propensity=1 / len(visible) if visible else None,
            retrieved=work.request.retrieved,
            events=ended.events,
        )
        await self._write_buffer.write_or_queue(partial(self._record, outcome))
        self._report(ended)
        if not visible:
            return await self._privacy.unmask_entry(ended, work.masked)
        current = await self._requests.get(work.request.id)
        return replace(await self._privacy.unmask_entry(current or ended, work.masked), events=())


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
