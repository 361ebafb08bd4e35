"""The use case: an ask in, K candidates in a random order out, each step recorded before it is visible.

request = await suggester.accept(ask)       # committed: now acknowledge
entry = await suggester.draft(request)      # drafted, deduplicated, ordered, committed: now show
await suggester.shown(entry, at=now())      # visible

Where each candidate is shown as soon as it is done, in a place that was drawn before:

async for entry in suggester.draft_in_places(request):      # committed, one more: now show
    await suggester.seen(entry, at=now())                   # visible
"""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Protocol

from bot.drafting import Brief, Draft, DraftFailed
from bot.errors import LimitReached, MessageTooLong, DraftingPaused
from bot.operations.log_events import RequestOutcome, log_refusal, log_request
from bot.operations.metrics import Metrics
from bot.operations.write_buffer import WriteBuffer
from bot.ordering.near_duplicates import find_near_duplicates
from bot.ordering.shuffle import (
    Order,
    Orderer,
    UniformOrderer,
    draw_places,
    draw_styles,
    keep_drafting_order,
    seed_random,
)
from bot.playbook import Playbook, Style
from bot.privacy.service import MaskedRequest, PrivacyService
from bot.suggesting.channels import ALL_CHANNELS, AllowedChannels
from bot.suggesting.choose import Click, check_owner, update_response_url, list_visible
from bot.suggesting.limits import Limits
from bot.suggesting.redraft import Steering, to_requested_change, select_previous
from bot.text_limits import clean
from storage.errors import NotOpen, Redelivered, TakenOver
from storage.records import Candidate, Event, LogEntry, Request, Surface, Turn, ResponseUrl
from storage.repositories.requests import OPEN, Drafted, Finished, Requests

MESSAGE_LIMIT: Final = 12_000
"""Characters of a customer's message, of a whole conversation, or of a hint."""

AT_IT_FOR: Final = timedelta(minutes=10)
"""Whoever asked longer ago and has not decided is no longer taken to be answering."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One ask for candidates. `idempotency_key` is unique to what Slack delivered, so that it counts once.

    `is_of_grid`: the agent is of our own Enterprise Grid, in which ids are unique whichever team the ask came through.
    """

    team_id: str
    is_of_grid: bool = False
    channel_id: str
    thread_ts: str | None = None
    pointed_ts: str | None = None
    agent_id: str
    surface: Surface
    locale: str
    conversation: tuple[Turn, ...]
    hint: str | None = None
    idempotency_key: str
    response_url: ResponseUrl | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftingTerms:
    """What a request is drafted with: K, the default model, seconds from the ask, and whether a real model writes."""

    candidates: int
    model: str
    deadline_s: float
    app_version: str
    simulated: bool = False


class BatchDrafter(Protocol):
    """What is needed of the drafter: a batch in which each failure stands in its own place."""

    async def abatch(
        self, inputs: list[Brief], config: Any = None, *, return_exceptions: bool = False
    ) -> list[Draft]: ...

    def abatch_as_completed(
        self, inputs: Sequence[Brief], config: Any = None, *, return_exceptions: bool = False
    ) -> AsyncGenerator[tuple[int, Any], None]: ...


class Suggester:
    """Makes suggestion requests and their candidates. Time, ids and chance come from outside."""

    def __init__(
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
        self._clock = clock
        self._new_id = new_id
        self._rng = rng
        self._orderer = orderer or UniformOrderer(rng)
        self._allowed_channels = allowed_channels
        self._write_buffer = write_buffer or WriteBuffer()
        self._queue_ms: dict[str, int] = {}

    def check_channel(self, channel_id: str, surface: Surface) -> None:
        """Raises AccessDenied where nothing may be asked for in this channel."""
        self._allowed_channels.check(channel_id, surface)

    async def accept(self, ask: Ask) -> Request:
        """Commit the request, and give it as it is recorded: without personal data, or without texts, as the settings
        say. Raises MessageTooLong, AccessDenied, LimitReached, Redelivered, Unavailable.
        """
        length = max(sum(len(turn.text) for turn in ask.conversation), len(ask.hint or ""))
        if length > MESSAGE_LIMIT:
            raise MessageTooLong(length=length, limit=MESSAGE_LIMIT)
        self.check_channel(ask.channel_id, ask.surface)
        now = self._now()
        await self._admit(ask, ask, now)
        request = Request(
            id=self._new_id(),
            team_id=ask.team_id,
            channel_id=ask.channel_id,
            thread_ts=ask.thread_ts,
            pointed_ts=ask.pointed_ts,
            agent_id=ask.agent_id,
            surface=ask.surface,
            locale=ask.locale,
            created_at=now,
            hint=None if ask.hint is None else clean(ask.hint),
            k_requested=self.terms.candidates,
            prompt_version=self.playbook.prompt_version,
            simulated=self.terms.simulated,
            app_version=self.terms.app_version,
            conversation=tuple(replace(turn, text=clean(turn.text)) for turn in ask.conversation),
            response_url=ask.response_url.url if ask.response_url else None,
            response_url_expires_at=ask.response_url.expires_at if ask.response_url else None,
        )
        recorded, sealed = await self._privacy.mask_request(request)
        await self._requests.record(recorded, idempotency_key=ask.idempotency_key, sealed=sealed)
        return recorded

    async def record_conversation(
        self, request: Request, conversation: tuple[Turn, ...], *, seen_ts: str | None = None
    ) -> Request:
        """The request, as it is recorded, with the conversation as it was read after the ask, up to the message with
        the ts `seen_ts`. Raises TakenOver, Unavailable.
        """
        turns = tuple(replace(turn, text=clean(turn.text)) for turn in conversation)
        masked, sealed = await self._privacy.mask_conversation(request, turns)
        recorded = replace(masked, seen_ts=seen_ts)
        if recorded != request or sealed is not None:
            turns = recorded.conversation
            record = partial(self._requests.record_conversation, request.id, turns, seen_ts=seen_ts, sealed=sealed)
            await self._write_buffer.write_or_queue(record)
        return recorded

    async def steer(self, click: Click, steering: Steering) -> Request:
        """Commit a request for what becomes of one candidate, which closes its parent. Raises as `redraft` does."""
        parent = check_owner(await self._requests.of_candidate(steering.candidate_id), click)
        return await self.redraft(click, parent.request.id, steering=steering)

    async def redraft(self, click: Click, request_id: str, *, steering: Steering | None = None) -> Request:
        """Commit a request for other candidates, or for others made of one of them, which closes its parent.

        Raises UnknownRequest, NotOwner, AccessDenied, NotOpen, LimitReached, Redelivered, Unavailable.
        """
        parent = check_owner(await self._requests.get(request_id), click)
        self._allowed_channels.check(parent.request.channel_id, parent.request.surface)
        now = self._now()
        await self._admit(click, parent.request, now)
        await self._shown_before(click, parent)
        child = self._child(update_response_url(parent.request, click.response_url), steering, at=now)
        event = Event(
            request_id=request_id,
            type="redrafted",
            at=now,
            agent_id=click.agent_id,
            candidate_id=child.parent_candidate_id,
            data={"child_request_id": child.id, **_asked(steering)},
        )
        recorded, sealed = await self._privacy.mask_redraft(parent.request, child, seen=select_previous(parent, child))
        await self._requests.record_redraft(recorded, idempotency_key=click.idempotency_key, event=event, sealed=sealed)
        return recorded

    def _child(self, parent: Request, steering: Steering | None, *, at: datetime) -> Request:
        """The same ask anew, with what is wanted now; without that, with what was wanted before."""
        return replace(
            parent,
            id=self._new_id(),
            created_at=at,
            sent_to_slack_at=None,
            shown_at=None,
            status="drafting",
            k_requested=self.terms.candidates,
            prompt_version=self.playbook.prompt_version,
            ranker_version=None,
            policy="uniform",
            policy_params={},
            order_propensity=None,
            parent_request_id=parent.id,
            parent_candidate_id=None if steering is None else steering.candidate_id,
            steer=parent.steer if steering is None else steering.steer,
            steer_language=parent.steer_language if steering is None else steering.language,
            simulated=self.terms.simulated,
            app_version=self.terms.app_version,
        )

    async def _admit(self, who: Ask | Click, where: Ask | Request, now: datetime) -> None:
        """Count the ask against its agent's limits. Raises LimitReached, DraftingPaused; or Redelivered, where this very
        delivery was taken before: its answer stands.
        """
        try:
            team_id = None if who.is_of_grid else who.team_id
            await self._limits.check(team_id=team_id, agent_id=who.agent_id, now=now)
        except (LimitReached, DraftingPaused) as refusal:
            if await self._requests.was_delivered(who.idempotency_key):
                raise Redelivered(who.idempotency_key) from refusal
            reason = refusal.which if isinstance(refusal, LimitReached) else "paused"
            self._metrics.count_refusal(where.surface, reason)
            log_refusal(
                team_id=who.team_id,
                channel_id=where.channel_id,
                agent_id=who.agent_id,
                surface=where.surface,
                outcome=reason,
            )
            raise

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
        Raises TakenOver; and Unavailable, where what is left goes on when the database is back.
        """
        with self._write_buffer.track_request(request.id):
            return await self._draft(request, started_at, arrange)

    async def _draft(
        self, request: Request, started_at: datetime | None, arrange: Callable[[Sequence[str]], Order] | None
    ) -> LogEntry:
        before = await self._privacy.load_masked(request, seen=await self._seen_before(request))
        briefs, inclusion = self._briefs(request, before, started_at, self._rng)
        results: list[Draft | BaseException] = list(
            await self._drafter.abatch(briefs, config=self._config(request), return_exceptions=True)
        )
        candidates = [self._candidate(brief, result, inclusion) for brief, result in zip(briefs, results, strict=True)]
        view, settled = await self._privacy.mask_candidates(before, candidates)
        entry = self._ordered(self._privacy.to_masked_request(request, view), settled, arrange)
        drafted = Drafted(
            request_id=request.id,
            candidates=await self._privacy.to_recorded_candidates(request, entry.candidates, view),
            status=entry.request.status,
            policy=entry.request.policy,
            policy_params=entry.request.policy_params,
            ranker_version=entry.request.ranker_version,
            order_propensity=entry.request.order_propensity,
            sent_to_slack_at=entry.request.sent_to_slack_at,
            events=entry.events,
            sealed=self._privacy.seal_changes(before, view, request),
        )
        await self._write_buffer.write_or_queue(partial(self._record, drafted))
        self._metrics.count_drafts(entry)
        queue_ms = max((each.queue_ms for each in results if isinstance(each, Draft | DraftFailed)), default=0)
        if entry.request.status == "failed":
            log_request(entry, "failed", queue_ms=queue_ms)
        else:
            self._queue_ms[request.id] = queue_ms
        for candidate in entry.candidates:
            if candidate.error is None and candidate.latency_ms is not None:
                self._limits.record_draft_time(candidate.latency_ms / 1000)
        return await self._privacy.unmask_entry(entry, view)

    async def draft_progressively(
        self, request: Request, *, started_at: datetime | None = None, stop: asyncio.Event | None = None
    ) -> AsyncGenerator[LogEntry, None]:
        """Draft K candidates into places drawn before, and commit each as soon as it is done.

        Yields the request with all that is done so far, each time that one more is; at last with all K, and with the
        order's probability, or as `failed`. A draft that fails, or nearly repeats one that was done before it, leaves
        its place empty. Once the agent has decided, which `stop` tells at once, the rest is cancelled, and the last
        entry has the choice. What a process before this one drafted is kept. Raises as `draft` does.
        """
        with self._write_buffer.track_request(request.id):
            async with aclosing(self._fill(request, started_at, stop)) as entries:
                async for entry in entries:
                    yield entry

    async def _fill(
        self, request: Request, started_at: datetime | None, stop: asyncio.Event | None
    ) -> AsyncGenerator[LogEntry, None]:
        recorded = await self._requests.get(request.id) or LogEntry(request=request, candidates=(), choice=None)
        view = await self._privacy.load_masked(recorded.request, seen=await self._seen_before(request))
        entry = self._privacy.to_masked_entry(recorded, view)
        briefs, inclusion = self._briefs(request, view, started_at, seed_random(request.id, "styles"))
        done = {candidate.sample_index for candidate in entry.candidates}
        left = {brief.sample_index: brief for brief in briefs if brief.sample_index not in done}
        is_open = entry.choice is None and entry.request.status == "drafting"
        awaited, late = list(left.values()) if is_open else [], list[Candidate]()
        drafts = self._drafter.abatch_as_completed(awaited, self._config(request), return_exceptions=True)
        async with aclosing(drafts), aclosing(_until(stop, drafts)) as ended:
            async for index, result in ended:
                brief = left.pop(awaited[index].sample_index)
                self._queued(request, result)
                before = view
                written = self._candidate(brief, result, inclusion)
                view, (drafted,) = await self._privacy.mask_candidates(before, [written])
                candidate = _in_place(entry, drafted)
                try:
                    entry = await self._commit(entry, candidate, before, view)
                except NotOpen:
                    late.append(_late(candidate))
                    break
                yield await self._privacy.unmask_entry(entry, view)
        cancelled = (replace(self._blank(brief, inclusion), error="cancelled") for brief in left.values())
        yield await self._finish(entry, (*late, *cancelled), view)

    async def record_visible(self, entry: LogEntry, *, at: datetime) -> None:
        """What has a place in this entry is visible since `at`, or was before."""
        request = entry.request
        event = Event(request_id=request.id, type="shown", at=at, agent_id=request.agent_id)
        ids = [candidate.id for candidate in entry.visible]

        async def record() -> None:
            if ids and await self._requests.record_shown(event, only=ids):
                self._metrics.observe_shown(request, at=at)

        await self._write_buffer.write_or_queue(record)

    async def is_decided(self, request_id: str) -> bool:
        """Whether this request takes no further choice, or has one."""
        entry = await self._requests.get(request_id)
        return entry is None or entry.choice is not None or entry.request.status not in OPEN

    async def give_up(self, request: Request) -> None:
        """There is nothing to reply to: the request failed before it was drafted. Raises TakenOver, Unavailable."""
        failed = self._nothing_left(request, ())
        await self._write_buffer.write_or_queue(
            partial(
                self._requests.record_drafts,
                Drafted(
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

    def log_progressive_end(self, entry: LogEntry, *, shown_at: datetime | None) -> None:
        """Nothing more is drafted, or shown as it is done; some of it was first seen at `shown_at`."""
        queue_ms = self._queue_ms.pop(entry.request.id, None)
        outcome: RequestOutcome = "not_shown" if shown_at is None else "shown"
        log_request(entry, outcome, shown_at=shown_at, queue_ms=queue_ms)

    async def record_shown(self, entry: LogEntry, *, at: datetime) -> None:
        """The candidates are visible since `at`."""
        request = entry.request
        self._metrics.observe_shown(request, at=at)
        log_request(entry, "shown", shown_at=at, queue_ms=self._queue_ms.pop(request.id, None))
        event = Event(request_id=request.id, type="shown", at=at, agent_id=request.agent_id)
        await self._write_buffer.write_or_queue(partial(self._requests.record_shown, event))

    def log_not_shown(self, entry: LogEntry) -> None:
        """The candidates are recorded, but no way to the agent worked."""
        log_request(entry, "not_shown", queue_ms=self._queue_ms.pop(entry.request.id, None))

    async def record_shown_again(self, request: Request) -> None:
        """The same candidates in the same places are visible once more."""
        await self._requests.record_shown_again(
            Event(
                request_id=request.id,
                type="shown",
                at=self._now(),
                agent_id=request.agent_id,
                data={"again": True},
            )
        )

    async def find_last_open(self, *, team_id: str | None, agent_id: str) -> LogEntry | None:
        """The agent's newest request, of the last day, that waits for a choice; without a team, in any of the Grid."""
        since = self._now() - timedelta(days=1)
        entry = await self._requests.last_open(team_id=team_id, agent_id=agent_id, since=since)
        return None if entry is None else await self._privacy.unmask_recorded_entry(entry)

    async def is_drafting(self, *, team_id: str | None, agent_id: str) -> bool:
        """Whether something is being drafted for the agent of which nothing can be shown yet."""
        since = self._now() - timedelta(seconds=2 * self.terms.deadline_s)
        return await self._requests.is_drafting(team_id=team_id, agent_id=agent_id, since=since)

    async def restore_originals(self, request: Request) -> Request:
        """A request, as it is recorded, with the originals in: before the eyes of its agent."""
        return await self._privacy.unmask_recorded_request(request)

    async def find_collisions(self, request: Request) -> tuple[Request, ...]:
        """What other agents are at: the newest request of each, undecided, for the same thread or the same message."""
        since = request.created_at - AT_IT_FOR
        found = await self._requests.open_in_channel(
            team_id=request.team_id, channel_id=request.channel_id, other_than=request.agent_id, since=since
        )
        if not found:
            return ()
        request, *others = [await self._privacy.unmask_recorded_request(each) for each in (request, *found)]
        return tuple({other.agent_id: other for other in others if _is_for_the_same(request, other)}.values())

    async def _shown_before(self, click: Click, entry: LogEntry) -> None:
        """A click on candidates may overtake the record that they are visible: since they were handed to Slack."""
        request = entry.request
        if request.shown_at is None and request.sent_to_slack_at is not None:
            shown = Event(request_id=request.id, type="shown", at=request.sent_to_slack_at, agent_id=request.agent_id)
            await self._requests.record_shown(shown, only=[candidate.id for candidate in list_visible(click, entry)])

    async def _commit(self, entry: LogEntry, candidate: Candidate, before: MaskedRequest, view: MaskedRequest) -> LogEntry:
        """The entry with one more candidate, recorded. Raises NotOpen where the agent has decided."""
        at = self._now()
        (recorded,) = await self._privacy.to_recorded_candidates(entry.request, [candidate], view)
        sealed = self._privacy.seal_changes(before, view, entry.request)
        await self._write_buffer.write_or_queue(partial(self._requests.record_candidate, recorded, at=at, sealed=sealed))
        if candidate.error is None and candidate.latency_ms is not None:
            self._limits.record_draft_time(candidate.latency_ms / 1000)
        if candidate.position is None or entry.request.sent_to_slack_at is not None:
            return _with(entry, candidate)
        return _with(replace(entry, request=replace(entry.request, sent_to_slack_at=at)), candidate)

    async def _finish(self, entry: LogEntry, rest: Sequence[Candidate], view: MaskedRequest) -> LogEntry:
        """The entry with the rest, for which no place is left; recorded."""
        placed, whole = len(entry.visible), _with(entry, *rest)
        ended = whole if placed else self._nothing_left(entry.request, whole.candidates)
        order = keep_drafting_order([candidate.id for candidate in entry.visible])
        finished = Finished(
            request_id=entry.request.id,
            candidates=await self._privacy.to_recorded_candidates(entry.request, rest, view),
            order_propensity=order.order_propensity,
            first_propensity=1 / placed if placed else None,
            events=ended.events,
        )
        await self._write_buffer.write_or_queue(partial(self._end, finished))
        self._metrics.count_drafts(ended)
        if not placed:
            log_request(ended, "failed", queue_ms=self._queue_ms.pop(entry.request.id, None))
            return await self._privacy.unmask_entry(ended, view)
        now = await self._requests.get(entry.request.id)
        return replace(await self._privacy.unmask_entry(now or ended, view), events=())

    def _queued(self, request: Request, result: Draft | BaseException) -> None:
        if isinstance(result, Draft | DraftFailed):
            self._queue_ms[request.id] = max(result.queue_ms, self._queue_ms.get(request.id, 0))

    async def _end(self, finished: Finished) -> None:
        try:
            await self._requests.record_finished(finished)
        except TakenOver:
            # After a commit whose answer was lost, it may be our own that was there before.
            entry = await self._requests.get(finished.request_id)
            ours = {candidate.id for candidate in finished.candidates}
            ended = entry is not None and (entry.request.status == "failed" or entry.request.order_propensity)
            if entry is None or not ended or not ours <= {candidate.id for candidate in entry.candidates}:
                raise

    async def _record(self, drafted: Drafted) -> None:
        try:
            await self._requests.record_drafts(drafted)
        except TakenOver:
            # After a commit whose answer was lost, it may be our own that was there before.
            entry = await self._requests.get(drafted.request_id)
            ours = {candidate.id for candidate in drafted.candidates}
            if entry is None or {candidate.id for candidate in entry.candidates} != ours:
                raise

    async def _seen_before(self, request: Request) -> tuple[Candidate, ...]:
        """What the agent has seen and did not want, where this is a redraft."""
        if request.parent_request_id is None:
            return ()
        parent = await self._requests.get(request.parent_request_id)
        return () if parent is None else select_previous(parent, request)

    def _briefs(
        self, request: Request, view: MaskedRequest, started_at: datetime | None, rng: random.Random
    ) -> tuple[list[Brief], float]:
        styles, inclusion = draw_styles(self.playbook.styles, request.k_requested, rng)
        age_s = (self._now() - (started_at or request.created_at)).total_seconds()
        deadline = self._clock() + self.terms.deadline_s - age_s
        return [
            Brief(
                playbook=self.playbook,
                style=style,
                model=self._model(style),
                conversation=view.conversation,
                hint=view.hint,
                previous=view.previous if request.parent_candidate_id is None else (),
                change=to_requested_change(request, view.previous),
                request_id=request.id,
                agent_id=f"{request.team_id}:{request.agent_id}",
                sample_index=index,
                deadline=deadline,
            )
            for index, style in enumerate(styles)
        ], inclusion

    def _model(self, style: Style) -> str:
        return self.terms.model if style.model is None or self.terms.simulated else style.model

    def _config(self, request: Request) -> dict[str, Any]:
        return {
            # All of one request may be asked for at once; who waits for a call is decided between all agents.
            "max_concurrency": request.k_requested,
            "tags": ["suggest", request.surface],
            "metadata": {"request_id": request.id, "prompt_version": request.prompt_version},
        }

    def _blank(self, brief: Brief, inclusion: float) -> Candidate:
        return Candidate(
            id=self._new_id(),
            request_id=brief.request_id,
            sample_index=brief.sample_index,
            style=brief.style.name,
            model=brief.model,
            temperature=brief.style.temperature,
            inclusion_propensity=inclusion,
        )

    def _candidate(self, brief: Brief, result: Draft | BaseException, inclusion: float) -> Candidate:
        candidate = self._blank(brief, inclusion)
        if isinstance(result, DraftFailed):
            _log.info("draft failed: %s", result.error, extra={"request_id": brief.request_id})
            return replace(
                candidate,
                error=result.error,
                latency_ms=result.latency_ms,
                attempts=result.attempts,
                prompt_tokens=result.prompt_tokens,
                completion_tokens=result.completion_tokens,
            )
        if isinstance(result, BaseException):
            # A bug, ours or a library's: the good candidates are shown all the same, and the log has the traceback.
            _log.error("draft broke", exc_info=result, extra={"request_id": brief.request_id})
            return replace(candidate, error="invalid_output", attempts=1)
        text = clean(result.text)
        empty = not text.strip()
        return replace(
            candidate,
            text=None if empty else text,
            error="empty" if empty else None,
            temperature=result.temperature,
            model_returned=result.model_returned,
            latency_ms=result.latency_ms,
            attempts=result.attempts,
            finish_reason=result.finish_reason,
            prompt_tokens=result.prompt_tokens,
            completion_tokens=result.completion_tokens,
            mean_logprob=result.mean_logprob,
        )

    def _ordered(
        self, request: Request, candidates: Sequence[Candidate], arrange: Callable[[Sequence[str]], Order] | None
    ) -> LogEntry:
        """The request with its candidates in their places, `sent_to_slack_at` now, or `failed` where there is none."""
        repeats = find_near_duplicates({each.id: each.text for each in candidates if each.text is not None})
        distinct = [each for each in candidates if each.text is not None and each.id not in repeats]
        if not distinct:
            return self._nothing_left(request, candidates)
        order = arrange([each.id for each in distinct]) if arrange else self._orderer.order(request, distinct)
        ordered = replace(
            request,
            policy=order.policy,
            policy_params=dict(order.policy_params),
            ranker_version=order.ranker_version,
            order_propensity=order.order_propensity,
            sent_to_slack_at=self._now(),
        )
        placed = tuple(_placed(candidate, order, repeats) for candidate in candidates)
        return LogEntry(request=ordered, candidates=placed, choice=None)

    def _nothing_left(self, request: Request, candidates: Sequence[Candidate]) -> LogEntry:
        event = Event(
            request_id=request.id,
            type="failed",
            at=self._now(),
            agent_id=request.agent_id,
            data={"errors": [candidate.error for candidate in candidates]},
        )
        failed = replace(request, status="failed")
        return LogEntry(request=failed, candidates=tuple(candidates), choice=None, events=(event,))


def _is_for_the_same(one: Request, other: Request) -> bool:
    """Of one thread; where there is none, with the customer's last message word for word the same."""
    if one.thread_ts is not None or other.thread_ts is not None:
        return one.thread_ts == other.thread_ts
    said = [
        next((turn.text for turn in reversed(each.conversation) if turn.role == "customer"), "")
        for each in (one, other)
    ]
    return said[0] == said[1] != ""


def _asked(steering: Steering | None) -> dict[str, str | None]:
    """What was asked of a candidate, as the event tells."""
    return {} if steering is None else {"steer": steering.steer, "steer_language": steering.language}


def _placed(candidate: Candidate, order: Order, repeats: Mapping[str, str]) -> Candidate:
    """The candidate in its place; without one where it failed, or repeats another."""
    if candidate.id not in order.ids:
        original = repeats.get(candidate.id)
        return replace(candidate, dropped_reason="near_duplicate" if original else None, duplicate_of=original)
    index = order.ids.index(candidate.id)
    return replace(
        candidate,
        position=index + 1,
        first_propensity=order.first_propensities[index],
        score=None if order.scores is None else order.scores[index],
    )


def _in_place(entry: LogEntry, candidate: Candidate) -> Candidate:
    """The candidate in the place drawn for it, unless it failed, or nearly repeats one that is there."""
    if candidate.text is None:
        return candidate
    texts = {each.id: each.text for each in entry.visible if each.text is not None}
    original = find_near_duplicates({**texts, candidate.id: candidate.text}).get(candidate.id)
    if original is not None:
        return replace(candidate, dropped_reason="near_duplicate", duplicate_of=original)
    drawn = draw_places(entry.request.id, entry.request.k_requested)
    return replace(candidate, position=drawn[candidate.sample_index])


def _late(candidate: Candidate) -> Candidate:
    """Drafted, but the agent had decided before it could be shown."""
    if candidate.position is None:
        return candidate
    return replace(candidate, position=None, dropped_reason="not_selected")


def _with(entry: LogEntry, *more: Candidate) -> LogEntry:
    together = sorted((*entry.candidates, *more), key=lambda candidate: candidate.sample_index)
    return replace(entry, candidates=tuple(together))


async def _until(
    stop: asyncio.Event | None, drafts: AsyncGenerator[tuple[int, Any], None]
) -> AsyncGenerator[tuple[int, Any], None]:
    """The drafts as they end, until `stop` is set; then what is being drafted is cancelled."""
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
