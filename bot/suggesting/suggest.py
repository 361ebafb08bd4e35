"""The use case: an ask in, K candidates in a random order out, each step recorded before it is visible.

request = await suggester.accept(ask)               # committed: now acknowledge
entry = await suggester.draft(request)              # drafted, deduplicated, ordered, committed: now show
await suggester.record_shown(entry, at=now())       # visible

Where each candidate is shown as soon as it is done, in a position that was drawn before:

async for entry in suggester.draft_progressively(request):      # committed, one more: now show
    await suggester.record_visible(entry, at=now())             # visible
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from bot.drafting import Draft, DraftFailed
from bot.operations.log_events import RequestOutcome, log_request
from bot.operations.metrics import Metrics
from bot.operations.write_buffer import WriteBuffer
from bot.ordering.near_duplicates import find_near_duplicates
from bot.ordering.shuffle import Order, Orderer, UniformOrderer
from bot.playbook import Playbook
from bot.privacy.service import PrivacyService
from bot.suggesting.admission import Admission, Ask
from bot.suggesting.briefs import BatchDrafter, BriefBuilder, DraftingTerms, build_config
from bot.suggesting.channels import ALL_CHANNELS, AllowedChannels
from bot.suggesting.clicks import Click
from bot.suggesting.limits import Limits
from bot.suggesting.placement import make_failed_entry, place_in_order, to_candidate
from bot.suggesting.progressive import ProgressiveDrafter
from bot.suggesting.redraft import Steering
from storage.errors import OwnershipLost
from storage.records import Candidate, Event, LogEntry, Request, Surface, Turn
from storage.repositories.requests import OPEN, DraftOutcome, Requests

COLLISION_WINDOW: Final = timedelta(minutes=10)
"""An agent who asked longer ago, and has not decided, is no longer taken to be answering."""


class Suggester:
    """Makes suggestion requests and their candidates. Time, ids and chance come from outside."""

    def __init__(  # long: the one place where the parts of suggesting are put together
        self,
        *,
        requests: Requests,
        privacy: PrivacyService,
        drafter: BatchDrafter,
        playbook: Playbook,
        terms: DraftingTerms,
        limits: Limits,
        metrics: Metrics,
        now: Callable[[], datetime],
        clock: Callable[[], float],
        new_id: Callable[[], str],
        rng: random.Random,
        orderer: Orderer | None = None,
        allowed_channels: AllowedChannels = ALL_CHANNELS,
        write_buffer: WriteBuffer | None = None,
    ) -> None:
        self.terms = terms
        self.playbook = playbook
        self._requests = requests
        self._privacy = privacy
        self._drafter = drafter
        self._limits = limits
        self._metrics = metrics
        self._now = now
        self._new_id = new_id
        self._rng = rng
        self._orderer = orderer or UniformOrderer(rng)
        self._allowed_channels = allowed_channels
        self._write_buffer = write_buffer or WriteBuffer()
        self._queue_ms: dict[str, int] = {}
        self._admission = Admission(
            requests=requests,
            privacy=privacy,
            playbook=playbook,
            terms=terms,
            limits=limits,
            metrics=metrics,
            now=now,
            new_id=new_id,
            allowed_channels=allowed_channels,
            write_buffer=self._write_buffer,
        )
        self._briefs = BriefBuilder(
            requests=requests, privacy=privacy, playbook=playbook, terms=terms, now=now, clock=clock
        )
        self._progressive = ProgressiveDrafter(
            requests=requests,
            privacy=privacy,
            drafter=drafter,
            briefs=self._briefs,
            limits=limits,
            metrics=metrics,
            now=now,
            new_id=new_id,
            write_buffer=self._write_buffer,
            queue_ms=self._queue_ms,
        )

    # --- requests: see `Admission` --------------------------------------------------------------------

    def check_channel(self, channel_id: str, surface: Surface) -> None:
        """Raises AccessDenied if nothing may be asked for in this channel."""
        self._allowed_channels.check(channel_id, surface)

    async def accept(self, ask: Ask) -> Request:
        """Commit a request; see `Admission.accept`."""
        return await self._admission.accept(ask)

    async def record_conversation(
        self, request: Request, conversation: tuple[Turn, ...], *, seen_ts: str | None = None
    ) -> Request:
        """Record the conversation as it was read after the ask; see `Admission.record_conversation`."""
        return await self._admission.record_conversation(request, conversation, seen_ts=seen_ts)

    async def steer(self, click: Click, steering: Steering) -> Request:
        """Commit a request for what becomes of one candidate; see `Admission.steer`."""
        return await self._admission.steer(click, steering)

    async def redraft(self, click: Click, request_id: str) -> Request:
        """Commit a request for other candidates; see `Admission.redraft`."""
        return await self._admission.redraft(click, request_id)

    # --- drafting -------------------------------------------------------------------------------------

    async def draft(
        self,
        request: Request,
        *,
        started_at: datetime | None = None,
        arrange: Callable[[Sequence[str]], Order] | None = None,
    ) -> LogEntry:
        """Draft K candidates, drop near-duplicates, put the rest in order, and commit it all.

        Never raises for a draft that failed: the entry's status is `failed` where none is left. The deadline counts
        from the ask, or from `started_at` where the work was taken over. `arrange` puts ids, given in the order of
        drafting, in the order shown, for surfaces where that was drawn before; by default the orderer does.
        Raises OwnershipLost; and DatabaseUnavailable, where what is left goes on when the database is back.
        """
        with self._write_buffer.track_request(request.id):
            return await self._draft(request, started_at, arrange)

    async def _draft(
        self, request: Request, started_at: datetime | None, arrange: Callable[[Sequence[str]], Order] | None
    ) -> LogEntry:
        before = await self._briefs.load_masked(request)
        briefs, inclusion = self._briefs.build(request, before, started_at, self._rng)
        results: list[Draft | BaseException] = list(
            await self._drafter.abatch(briefs, config=build_config(request), return_exceptions=True)
        )
        written = [
            to_candidate(brief, result, self._new_id(), inclusion)
            for brief, result in zip(briefs, results, strict=True)
        ]
        masked_request, masked = await self._privacy.mask_candidates(before, written)
        entry = self._place(self._privacy.to_masked_request(request, masked_request), masked, arrange)
        drafted = DraftOutcome(
            request_id=request.id,
            candidates=await self._privacy.to_recorded_candidates(request, entry.candidates, masked_request),
            status=entry.request.status,
            policy=entry.request.policy,
            policy_params=entry.request.policy_params,
            ranker_version=entry.request.ranker_version,
            order_propensity=entry.request.order_propensity,
            sent_to_slack_at=entry.request.sent_to_slack_at,
            events=entry.events,
            sealed=self._privacy.seal_changes(before, masked_request, request),
        )
        await self._write_buffer.write_or_queue(partial(self._record_drafts, drafted))
        self._report_drafts(entry, results)
        return await self._privacy.unmask_entry(entry, masked_request)

    def _place(
        self, request: Request, candidates: Sequence[Candidate], arrange: Callable[[Sequence[str]], Order] | None
    ) -> LogEntry:
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

    async def _record_drafts(self, drafted: DraftOutcome) -> None:
        try:
            await self._requests.record_drafts(drafted)
        except OwnershipLost:
            # After a commit whose answer was lost, it may be our own that was there before.
            entry = await self._requests.get(drafted.request_id)
            ours = {candidate.id for candidate in drafted.candidates}
            if entry is None or {candidate.id for candidate in entry.candidates} != ours:
                raise

    def _report_drafts(self, entry: LogEntry, results: Sequence[Draft | BaseException]) -> None:
        """Count and log what was drafted; the queue time is logged when the request has ended."""
        self._metrics.count_drafts(entry)
        queue_ms = max((each.queue_ms for each in results if isinstance(each, Draft | DraftFailed)), default=0)
        if entry.request.status == "failed":
            log_request(entry, "failed", queue_ms=queue_ms)
        else:
            self._queue_ms[entry.request.id] = queue_ms
        for candidate in entry.candidates:
            if candidate.error is None and candidate.latency_ms is not None:
                self._limits.record_draft_time(candidate.latency_ms / 1000)

    def draft_progressively(
        self, request: Request, *, started_at: datetime | None = None, stop: asyncio.Event | None = None
    ) -> AsyncGenerator[LogEntry, None]:
        """Draft K candidates into positions drawn before, and commit each as soon as it is done.

        Yields the request with all that is done so far, each time that one more is; at last with all K, and with the
        order's probability, or as `failed`. A draft that fails, or nearly repeats one that was done before it, leaves
        its position empty. Once the agent has decided, which `stop` tells at once, the rest is cancelled, and the last
        entry has the choice. What a process before this one drafted is kept. Raises as `draft` does.
        """
        return self._progressive.draft(request, started_at=started_at, stop=stop)

    async def give_up(self, request: Request) -> None:
        """Record a request as failed before it is drafted, with nothing to reply to.

        Raises OwnershipLost, DatabaseUnavailable.
        """
        failed = make_failed_entry(request, (), at=self._now())
        await self._write_buffer.write_or_queue(
            partial(
                self._requests.record_drafts,
                DraftOutcome(
                    request_id=request.id,
                    candidates=(),
                    status="failed",
                    order_propensity=None,
                    sent_to_slack_at=None,
                    events=failed.events,
                ),
            )
        )
        log_request(failed, "failed")

    # --- what is visible ------------------------------------------------------------------------------

    async def record_shown(self, entry: LogEntry, *, at: datetime) -> None:
        """Record that all candidates are visible since `at`, and that the request has ended so."""
        request = entry.request
        self._metrics.observe_shown(request, at=at)
        log_request(entry, "shown", shown_at=at, queue_ms=self._queue_ms.pop(request.id, None))
        event = Event(request_id=request.id, type="shown", at=at, agent_id=request.agent_id)
        await self._write_buffer.write_or_queue(partial(self._requests.record_shown, event))

    async def record_visible(self, entry: LogEntry, *, at: datetime) -> None:
        """Record that the placed candidates of this entry are visible since `at`, unless they were before."""
        request = entry.request
        event = Event(request_id=request.id, type="shown", at=at, agent_id=request.agent_id)
        ids = [candidate.id for candidate in entry.visible]

        async def record() -> None:
            if ids and await self._requests.record_shown(event, only=ids):
                self._metrics.observe_shown(request, at=at)

        await self._write_buffer.write_or_queue(record)

    async def record_shown_again(self, request: Request) -> None:
        """Record that the same candidates are visible once more, in the same positions."""
        await self._requests.record_shown_again(
            Event(
                request_id=request.id,
                type="shown",
                at=self._now(),
                agent_id=request.agent_id,
                data={"again": True},
            )
        )

    def log_progressive_end(self, entry: LogEntry, *, shown_at: datetime | None) -> None:
        """Log that a progressive display has ended; its first candidate was visible at `shown_at`, if one was."""
        queue_ms = self._queue_ms.pop(entry.request.id, None)
        outcome: RequestOutcome = "not_shown" if shown_at is None else "shown"
        log_request(entry, outcome, shown_at=shown_at, queue_ms=queue_ms)

    def log_not_shown(self, entry: LogEntry) -> None:
        """Log that the candidates are recorded, but could not be shown to the agent."""
        log_request(entry, "not_shown", queue_ms=self._queue_ms.pop(entry.request.id, None))

    # --- looking up requests --------------------------------------------------------------------------

    async def is_decided(self, request_id: str) -> bool:
        """Return True if this request takes no further choice, or has one."""
        entry = await self._requests.get(request_id)
        return entry is None or entry.choice is not None or entry.request.status not in OPEN

    async def is_drafting(self, *, team_id: str | None, agent_id: str) -> bool:
        """Return True if something is being drafted for the agent of which nothing can be shown yet."""
        since = self._now() - timedelta(seconds=2 * self.terms.deadline_s)
        return await self._requests.is_drafting(team_id=team_id, agent_id=agent_id, since=since)

    async def find_last_open(self, *, team_id: str | None, agent_id: str) -> LogEntry | None:
        """Return the agent's newest open request of the last day; without a team, that of any team in the Grid."""
        since = self._now() - timedelta(days=1)
        entry = await self._requests.find_last_open(team_id=team_id, agent_id=agent_id, since=since)
        return None if entry is None else await self._privacy.unmask_recorded_entry(entry)

    async def restore_originals(self, request: Request) -> Request:
        """Return a recorded request with the originals in, for the eyes of its agent."""
        return await self._privacy.unmask_recorded_request(request)

    async def find_collisions(self, request: Request) -> tuple[Request, ...]:
        """Return what others are answering: the newest undecided request of each for the same thread or message."""
        since = request.created_at - COLLISION_WINDOW
        found = await self._requests.list_open_in_channel(
            team_id=request.team_id, channel_id=request.channel_id, except_agent_id=request.agent_id, since=since
        )
        if not found:
            return ()
        request, *others = [await self._privacy.unmask_recorded_request(each) for each in (request, *found)]
        return tuple({other.agent_id: other for other in others if _is_for_the_same(request, other)}.values())


def _is_for_the_same(one: Request, other: Request) -> bool:
    """Compare the threads; where there is none, the customer's last messages, word for word."""
    if one.thread_ts is not None or other.thread_ts is not None:
        return one.thread_ts == other.thread_ts
    said = [
        next((turn.text for turn in reversed(each.conversation) if turn.role == "customer"), "")
        for each in (one, other)
    ]
    return said[0] == said[1] != ""
