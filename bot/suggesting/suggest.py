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
from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from bot.experiments.assigner import ArmAssigner, DraftingVersion
from bot.knowledge.earlier_replies import EarlierReplies
from bot.knowledge.library import Library
from bot.knowledge.passages import CitedPassage, find_passage, join_heading, list_cited
from bot.operations.log_events import RequestOutcome, log_request
from bot.operations.metrics import Metrics
from bot.operations.write_buffer import WriteBuffer
from bot.ordering.shuffle import Orderer, UniformOrderer
from bot.playbook import Playbook
from bot.privacy.service import PrivacyService
from bot.suggesting.admission import Admission, Ask
from bot.suggesting.briefs import BatchDrafter, BriefBuilder, DraftingTerms
from bot.suggesting.channels import ALL_CHANNELS, AllowedChannels
from bot.suggesting.clicks import Click, check_owner
from bot.suggesting.limits import Limits
from bot.suggesting.pipeline import Arrange, CandidatePipeline
from bot.suggesting.placement import make_failed_entry
from bot.suggesting.redraft import Steering
from bot.suggesting.translation import Translator
from storage.records import Event, LogEntry, Request, Surface, Turn
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
        library: Library | None = None,
        earlier: EarlierReplies | None = None,
        orderer: Orderer | None = None,
        allowed_channels: AllowedChannels = ALL_CHANNELS,
        write_buffer: WriteBuffer | None = None,
        assigner: ArmAssigner | None = None,
    ) -> None:
        self.terms = terms
        self.playbook = playbook
        self._requests = requests
        self._privacy = privacy
        self._limits = limits
        self._metrics = metrics
        self._now = now
        self._library = library
        self._earlier = earlier
        self._allowed_channels = allowed_channels
        self._write_buffer = write_buffer or WriteBuffer()
        self._assigner = assigner or ArmAssigner(default=DraftingVersion(playbook=playbook))
        self._admission = Admission(
            requests=requests,
            privacy=privacy,
            assigner=self._assigner,
            terms=terms,
            limits=limits,
            metrics=metrics,
            now=now,
            new_id=new_id,
            allowed_channels=allowed_channels,
            write_buffer=self._write_buffer,
        )
        self._briefs = BriefBuilder(
            requests=requests,
            privacy=privacy,
            assigner=self._assigner,
            terms=terms,
            library=library,
            earlier=earlier,
            now=now,
            clock=clock,
        )
        self._pipeline = CandidatePipeline(
            requests=requests,
            privacy=privacy,
            drafter=drafter,
            briefs=self._briefs,
            orderer=orderer or UniformOrderer(rng),
            limits=limits,
            metrics=metrics,
            now=now,
            new_id=new_id,
            rng=rng,
            write_buffer=self._write_buffer,
        )

        self.translator = Translator(
            requests=requests,
            privacy=privacy,
            drafter=drafter,
            assigner=self._assigner,
            admission=self._admission,
            terms=terms,
            allowed_channels=allowed_channels,
            now=now,
            clock=clock,
            write_buffer=self._write_buffer,
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
        arrange: Arrange | None = None,
    ) -> LogEntry:
        """Draft K candidates, drop near-duplicates, put the rest in order, and commit it all.

        Never raises for a draft that failed: the entry's status is `failed` where none is left. The deadline counts
        from the ask, or from `started_at` where the work was taken over. `arrange` puts ids, given in the order of
        drafting, in the order shown, for surfaces where that was drawn before; by default the orderer does.
        Raises OwnershipLost; and DatabaseUnavailable, where what is left goes on when the database is back.
        """
        return await self._pipeline.draft_together(request, started_at=started_at, arrange=arrange)

    def draft_progressively(
        self, request: Request, *, started_at: datetime | None = None, stop: asyncio.Event | None = None
    ) -> AsyncGenerator[LogEntry, None]:
        """Draft K candidates into positions drawn before, and commit each as soon as it is done.

        Yields the request with all that is done so far, each time that one more is; at last with all K, and with the
        order's probability, or as `failed`. A draft that fails, or nearly repeats one that was done before it, leaves
        its position empty. Once the agent has decided, which `stop` tells at once, the rest is cancelled, and the last
        entry has the choice. What a process before this one drafted is kept. Raises as `draft` does.
        """
        return self._pipeline.draft_in_places(request, started_at=started_at, stop=stop)

    async def give_up(self, request: Request) -> None:
        """Record a request as failed before it is drafted, with nothing to reply to.

        Raises OwnershipLost, DatabaseUnavailable.
        """
        self._limits.settle(request.id)
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
        log_request(entry, "shown", shown_at=at, queue_ms=self._pipeline.queue_ms.pop(request.id, None))
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
        queue_ms = self._pipeline.queue_ms.pop(entry.request.id, None)
        outcome: RequestOutcome = "not_shown" if shown_at is None else "shown"
        log_request(entry, outcome, shown_at=shown_at, queue_ms=queue_ms)

    def log_not_shown(self, entry: LogEntry) -> None:
        """Log that the candidates are recorded, but could not be shown to the agent."""
        log_request(entry, "not_shown", queue_ms=self._pipeline.queue_ms.pop(entry.request.id, None))

    # --- looking up requests --------------------------------------------------------------------------

    def label_styles(self, request: Request) -> Mapping[str, str]:
        """Label the styles that a request may be drafted in, by name."""
        return self._assigner.label_styles(request)

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

    async def read_sources(self, click: Click, candidate_id: str) -> list[CitedPassage]:
        """Read the passages that a candidate cites. Raises UnknownRequest, NotOwner, AccessDenied."""
        entry = check_owner(await self._requests.get_by_candidate(candidate_id), click)
        self.check_channel(entry.request.channel_id, entry.request.surface)
        cited = list_cited(next(each.sources for each in entry.candidates if each.id == candidate_id))
        pages = [source.id for source in cited if not source.earlier]
        documents = {} if self._library is None else await self._library.read(pages)
        texts = {key: [join_heading(one) for one in document.passages] for key, document in documents.items()}
        for source in cited:
            if source.earlier:
                texts[source.id] = await self._read_earlier(source.id, entry.request)
        return [find_passage(source, texts.get(source.id, ())) for source in cited]

    async def _read_earlier(self, request_id: str, asked: Request) -> list[str]:
        """Read an earlier reply for a request of the same team; nothing if it is gone."""
        if self._earlier is None:
            return []
        reply = await self._earlier.read(request_id, team_id=asked.team_id, task=asked.task or "reply")
        return [] if reply is None else [reply.text]

    async def restore_originals(self, request: Request) -> Request:
        """Return a recorded request with the originals in, for the eyes of its agent."""
        return await self._privacy.unmask_recorded_request(request)

    async def find_base(self, request: Request) -> str | None:
        """Return the reply that a request was made from, for the eyes of its agent; None if there is none any more."""
        if request.parent_candidate_id is None:
            return None
        previous = self._privacy.unmask_previous(await self._briefs.load_masked(request))
        return previous[0] if previous else None

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
