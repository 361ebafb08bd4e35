"""A run: rows go in, drafts are journaled as they end, entries come out in the input's order.

A feeder plans the rows, workers draft, a keeper journals, a writer records and writes. At most `WINDOW` rows are
between the two ends: a slow row holds up neither the others nor the memory.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal

from bot.batch.output import Output
from bot.batch.plan import BatchPlan, PlannedDraft
from bot.batch.rows import InputRow
from bot.batch.spending import Spending
from bot.drafting import Brief, Draft, Drafter
from bot.knowledge.retrieval import NOTHING_SEARCHED, Retrieval, Retriever
from bot.privacy.service import MaskedRequest, PrivacyService
from bot.suggesting.placement import to_candidate
from storage.journal import BatchJournal, JournaledDraft
from storage.records import Candidate, LogEntry, Request

WINDOW: Final = 2_000
WRITTEN_AT_ONCE: Final = 200
WRITTEN_EVERY_S: Final = 0.2
JOURNALED_AT_ONCE: Final = 8
"""Drafts in one transaction: those before the last one wait for it, and a killed run would pay for them again."""

StopReason = Literal["max_cost", "interrupted"]
Mode = Literal["as_completed", "all_at_once"]
Recorder = Callable[[Sequence[LogEntry]], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchTerms:
    """The terms of one run, none of which changes a draft. `deadline_s` counts from a draft's begin."""

    max_concurrency: int
    deadline_s: float
    app_version: str
    locale: str
    mode: Mode = "as_completed"
    max_cost: float | None = None
    retries_failed: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class _RowWork:
    """A row on its way: its request, masked and as written out, its finished drafts, the indexes of those awaited."""

    row: InputRow
    request: Request
    masked: MaskedRequest
    found: Retrieval = NOTHING_SEARCHED
    done: dict[int, Candidate] = field(default_factory=dict)
    awaited: set[int] = field(default_factory=set)

    @property
    def is_complete(self) -> bool:
        return not self.awaited

    def to_entry(self) -> LogEntry:
        candidates = tuple(self.done[index] for index in sorted(self.done))
        is_failed = all(candidate.error for candidate in candidates)
        request = replace(self.request, status="failed") if is_failed else self.request
        return LogEntry(request=request, candidates=candidates, choice=None)


@dataclass(frozen=True, slots=True)
class _Job:
    work: _RowWork
    planned: PlannedDraft


_Ended = tuple[_RowWork, Candidate]
"""A draft that has ended, good or failed, as the model wrote it, with its row."""


class BatchRun:
    """One run over the input. `stop` may be called at any time: what is being drafted is finished.

    `record` keeps entries in the choice log, None for none. `on_row` is called with each row that is written.
    """

    def __init__(
        self,
        *,
        plan: BatchPlan,
        terms: BatchTerms,
        drafter: Drafter,
        privacy: PrivacyService,
        journal: BatchJournal,
        output: Output,
        spending: Spending,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        retriever: Retriever | None = None,
        record: Recorder | None = None,
        clock: Callable[[], float] = time.monotonic,
        on_rows: Callable[[Sequence[LogEntry]], None] = lambda _: None,
    ) -> None:
        self.stopped: StopReason | None = None
        self._plan = plan
        self._terms = terms
        self._drafter = drafter
        self._privacy = privacy
        self._journal = journal
        self._output = output
        self._spending = spending
        self._now = now
        self._new_id = new_id
        self._retriever = retriever or Retriever()
        self._record = record
        self._clock = clock
        self._on_rows = on_rows
        self._jobs: asyncio.Queue[_Job | None] = asyncio.Queue(2 * terms.max_concurrency)
        self._ended: asyncio.Queue[_Ended | None] = asyncio.Queue()
        self._works: deque[_RowWork] = deque()
        self._window = asyncio.Semaphore(WINDOW)
        self._last_journaled = journal.last_row
        self._is_drafted = asyncio.Event()
        self._is_cut = False

    def stop(self, reason: StopReason) -> None:
        """Begin no more drafts."""
        self.stopped = self.stopped or reason

    async def run(self, rows: Iterator[InputRow]) -> bool:
        """Draft and write the rows. True if all are written, False if the run was stopped before.

        Raises DatabaseUnavailable, OSError.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._write())
                is_fed = await self._draft_all(rows)
                self._is_drafted.set()
        except BaseExceptionGroup as group:
            raise _find_cause(group) from None
        return is_fed and not self._works

    async def _draft_all(self, rows: Iterator[InputRow]) -> bool:
        async with asyncio.TaskGroup() as keeping:
            keeping.create_task(self._keep_all())
            async with asyncio.TaskGroup() as drafting:
                if self._terms.mode == "all_at_once":
                    drafting.create_task(self._work_in_chunks())
                else:
                    for _ in range(self._terms.max_concurrency):
                        drafting.create_task(self._work())
                is_fed = await self._feed(rows)
                await self._jobs.put(None)
            self._ended.put_nowait(None)
        return is_fed

    # --- from the input -------------------------------------------------------------------------------

    async def _feed(self, rows: Iterator[InputRow]) -> bool:
        """Plan rows and queue their drafts. False if stopped before the last one."""
        for row in rows:
            if row.number <= self._output.last_row:
                continue
            await self._window.acquire()
            work, missing = await self._begin(row)
            asks_no_more = self.stopped is not None or self._terms.retries_failed
            if self._is_cut or (asks_no_more and any(each.sample_index not in work.done for each in missing)):
                return False
            missing = [] if self.stopped else missing
            work.awaited = {planned.sample_index for planned in missing}
            self._works.append(work)
            for planned in missing:
                await self._jobs.put(_Job(work, planned))
        return True

    async def _begin(self, row: InputRow) -> tuple[_RowWork, list[PlannedDraft]]:
        """Begin a row with what the journal has of it; return it with the drafts that are missing."""
        journaled = self._journal.list_drafts(row.number) if row.number <= self._last_journaled else []
        candidates = [each.candidate for each in journaled]
        masked = await self._privacy.mask_turns(row.conversation)
        done = {candidate.sample_index: candidate for candidate in candidates}
        missing = [each for each in self._plan.plan_row(row.number) if self._is_missing(done.get(each.sample_index))]
        found = Retrieval(retrieved=journaled[0].retrieved) if journaled else NOTHING_SEARCHED
        if missing and self.stopped is None:
            found = await self._retriever.find(masked.conversation, team_id="cli", channel_id="cli")
        request = Request(
            id=candidates[0].request_id if candidates else self._new_id(),
            team_id="cli",
            channel_id="cli",
            agent_id="cli",
            surface="batch",
            locale=self._terms.locale,
            created_at=journaled[0].created_at if journaled else self._now(),
            status="drafted",
            k_requested=self._plan.drafts_a_row,
            prompt_version=self._plan.playbook.prompt_version,
            policy="unlogged",
            simulated=self._plan.simulated,
            app_version=self._terms.app_version,
            conversation=masked.conversation,
            task=self._plan.playbook.task,
            input_row=row.number,
            input=row.other_values,
            text_kept="full" if self._plan.keeps_originals else "redacted",
            retrieved=found.retrieved,
        )
        if self._plan.keeps_originals:
            request = self._privacy.to_recorded_request(request, masked)
        return _RowWork(row=row, request=request, masked=masked, found=found, done=done), missing

    def _is_missing(self, candidate: Candidate | None) -> bool:
        return candidate is None or (self._terms.retries_failed and candidate.error is not None)

    # --- drafting -------------------------------------------------------------------------------------

    async def _work(self) -> None:
        """Draft one job after the other."""
        while jobs := await self._take_jobs(1):
            [job] = jobs
            brief = self._make_brief(job)
            drafting = self._drafter.ainvoke(brief, _make_config(job))
            [result] = await asyncio.gather(drafting, return_exceptions=True)
            self._end(job, brief, result)

    async def _work_in_chunks(self) -> None:
        """Draft as many jobs as are allowed together, then the next ones."""
        while jobs := await self._take_jobs(self._terms.max_concurrency):
            briefs = [self._make_brief(job) for job in jobs]

            async def on_end(
                index: int, result: Draft | BaseException, jobs: list[_Job] = jobs, briefs: list[Brief] = briefs
            ) -> None:
                self._end(jobs[index], briefs[index], result)

            configs = [_make_config(job) for job in jobs]
            await self._drafter.abatch(briefs, configs, return_exceptions=True, on_end=on_end)

    async def _take_jobs(self, most: int) -> list[_Job]:
        """Take the next jobs, `most` of them while there are so many; none at the end. Those not allowed are left."""
        while True:
            jobs: list[_Job] = []
            while len(jobs) < most and (job := await self._jobs.get()) is not None:
                jobs.append(job)
            if len(jobs) < most:
                self._jobs.put_nowait(None)  # the end, also for who asks next
            if self._may_begin() or not jobs:
                return jobs
            for each in jobs:
                self._leave(each)

    def _may_begin(self) -> bool:
        cost, limit = self._spending.known_cost, self._terms.max_cost
        if limit is not None and cost >= limit:
            self.stop("max_cost")
        return self.stopped is None

    def _leave(self, job: _Job) -> None:
        """Leave a draft for another run; one that had failed before stays as it was."""
        if job.planned.sample_index in job.work.done:
            job.work.awaited.discard(job.planned.sample_index)
        else:
            self._is_cut = True
            self._window.release()  # the feeder may be waiting for a row that nobody finishes

    def _make_brief(self, job: _Job) -> Brief:
        return Brief(
            playbook=self._plan.playbook,
            style=job.planned.style,
            model=job.planned.model,
            conversation=job.work.masked.conversation,
            passages=job.work.found.select_for(job.planned.style),
            request_id=job.work.request.id,
            agent_id="cli:cli",
            sample_index=job.planned.sample_index,
            deadline=self._clock() + self._terms.deadline_s,
        )

    def _end(self, job: _Job, brief: Brief, result: Draft | BaseException) -> None:
        """Count a draft that has ended, before anything else is begun."""
        candidate = to_candidate(brief, result, self._new_id(), job.planned.inclusion)
        self._spending.add(brief, candidate)
        self._ended.put_nowait((job.work, candidate))

    # --- into the journal -----------------------------------------------------------------------------

    async def _keep_all(self) -> None:
        """Journal drafts as they end, since they are paid; those that ended together in one transaction."""
        is_last = False
        while not is_last:
            group = [await self._ended.get()]
            while len(group) < JOURNALED_AT_ONCE and not self._ended.empty():
                group.append(self._ended.get_nowait())
            is_last = group[-1] is None
            await self._keep([each for each in group if each is not None])

    async def _keep(self, group: list[_Ended]) -> None:
        """Mask drafts and commit them; a row is complete once its last draft is certain."""
        kept = [(work, await self._mask(work, candidate)) for work, candidate in group]
        self._journal.add(
            JournaledDraft(
                row=work.row.number,
                created_at=work.request.created_at,
                candidate=candidate,
                retrieved=work.request.retrieved,
            )
            for work, candidate in kept
        )
        for work, candidate in kept:
            work.done[candidate.sample_index] = candidate
            work.awaited.discard(candidate.sample_index)

    async def _mask(self, work: _RowWork, written: Candidate) -> Candidate:
        work.masked, candidates = await self._privacy.mask_candidates(work.masked, [written])
        if self._plan.keeps_originals:
            candidates = await self._privacy.to_recorded_candidates(work.request, candidates, work.masked)
        return candidates[0]

    # --- to the output --------------------------------------------------------------------------------

    async def _write(self) -> None:
        """Record and write rows in the input's order, now and then as many as are complete, and all at the end."""
        is_last = False
        while not is_last:
            is_last = self._is_drafted.is_set()
            while works := self._take_complete():
                await self._write_rows(works)
            with suppress(TimeoutError):
                async with asyncio.timeout(WRITTEN_EVERY_S):
                    await self._is_drafted.wait()

    async def _write_rows(self, works: Sequence[_RowWork]) -> None:
        entries = [work.to_entry() for work in works]
        if self._record is not None:
            await self._record(entries)
        rows = [(work.row, entry) for work, entry in zip(works, entries, strict=True)]
        await asyncio.to_thread(self._output.write, rows)
        self._on_rows(entries)
        for _ in works:
            self._window.release()

    def _take_complete(self) -> list[_RowWork]:
        taken: list[_RowWork] = []
        while self._works and self._works[0].is_complete and len(taken) < WRITTEN_AT_ONCE:
            taken.append(self._works.popleft())
        return taken


def _make_config(job: _Job) -> Any:
    return {"tags": ["suggest", "batch"], "metadata": {"input_row": job.work.row.number}}


def _find_cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Find the first error in a group of tasks: the others were cancelled for it."""
    first = group.exceptions[0]
    return _find_cause(first) if isinstance(first, BaseExceptionGroup) else first
