"""Admission: an ask, or a click for other candidates, becomes a recorded request, unless a limit refuses it."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final

from bot.errors import DraftingPaused, LimitReached, MessageTooLong
from bot.experiments.assigner import ArmAssigner, DraftingVersion
from bot.operations.log_events import log_refusal
from bot.operations.metrics import Metrics
from bot.operations.write_buffer import WriteBuffer
from bot.privacy.service import PrivacyService
from bot.suggesting.briefs import DraftingTerms
from bot.suggesting.channels import AllowedChannels
from bot.suggesting.clicks import Click, check_owner, list_visible, replace_response_url
from bot.suggesting.day_budget import RequestBudget
from bot.suggesting.limits import Limits
from bot.suggesting.redraft import Steering, select_previous
from bot.text_limits import clean
from storage.errors import DuplicateDelivery
from storage.records import AgentSettings, Event, LogEntry, Request, ResponseUrl, Surface, Turn
from storage.repositories.requests import Requests

MESSAGE_LIMIT: Final = 12_000
"""Characters of a customer's message, of a whole conversation, or of a hint."""


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
    settings: AgentSettings = field(default_factory=AgentSettings)


class Admission:
    """Checks asks and records them as requests. Time and ids come from outside."""

    def __init__(
        self,
        *,
        requests: Requests,
        privacy: PrivacyService,
        assigner: ArmAssigner,
        terms: DraftingTerms,
        limits: Limits,
        metrics: Metrics,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        allowed_channels: AllowedChannels,
        write_buffer: WriteBuffer,
    ) -> None:
        self._requests = requests
        self._privacy = privacy
        self._assigner = assigner
        self._terms = terms
        self._limits = limits
        self._metrics = metrics
        self._now = now
        self._new_id = new_id
        self._allowed_channels = allowed_channels
        self._write_buffer = write_buffer

    async def accept(self, ask: Ask) -> Request:
        """Commit a request, and return it as it is recorded: without personal data, or without texts, by the settings.

        Raises MessageTooLong, AccessDenied, LimitReached, DraftingPaused, DuplicateDelivery, DatabaseUnavailable.
        """
        hint = ask.hint or ask.settings.hint
        length = max(sum(len(turn.text) for turn in ask.conversation), len(hint or ""))
        if length > MESSAGE_LIMIT:
            raise MessageTooLong(length=length, limit=MESSAGE_LIMIT)
        self._allowed_channels.check(ask.channel_id, ask.surface)
        now, request_id = self._now(), self._new_id()
        await self._check_limits(ask, ask, now, request_id)
        drawn = self._assigner.draw(ask.team_id, ask.agent_id)
        request = Request(
            id=request_id,
            team_id=ask.team_id,
            channel_id=ask.channel_id,
            thread_ts=ask.thread_ts,
            pointed_ts=ask.pointed_ts,
            agent_id=ask.agent_id,
            surface=ask.surface,
            locale=ask.locale,
            created_at=now,
            hint=None if hint is None else clean(hint),
            k_requested=ask.settings.candidates or self._terms.candidates,
            styles_off=ask.settings.styles_off or None,
            prompt_version=drawn.version.playbook.prompt_version,
            simulated=self._terms.simulated,
            app_version=self._terms.app_version,
            conversation=_clean_turns(ask.conversation),
            task=drawn.version.playbook.task,
            markdown=drawn.version.playbook.markdown,
            **drawn.to_fields(),
            response_url=ask.response_url.url if ask.response_url else None,
            response_url_expires_at=ask.response_url.expires_at if ask.response_url else None,
        )
        with self._settle_unless_recorded(request.id):
            recorded, sealed = await self._privacy.mask_request(request)
            await self._requests.record(recorded, idempotency_key=ask.idempotency_key, sealed=sealed)
        return recorded

    async def record_conversation(
        self, request: Request, conversation: tuple[Turn, ...], *, seen_ts: str | None = None
    ) -> Request:
        """Record the conversation as it was read after the ask, up to the message with the ts `seen_ts`.

        Takes and returns the request as it is recorded. Raises OwnershipLost, DatabaseUnavailable.
        """
        masked, sealed = await self._privacy.mask_conversation(request, _clean_turns(conversation))
        recorded = replace(masked, seen_ts=seen_ts)
        if recorded != request or sealed is not None:
            turns = recorded.conversation
            record = partial(self._requests.record_conversation, request.id, turns, seen_ts=seen_ts, sealed=sealed)
            await self._write_buffer.write_or_queue(record)
        return recorded

    async def steer(self, click: Click, steering: Steering) -> Request:
        """Commit a request for what becomes of one candidate, which closes its parent. Raises as `redraft` does."""
        parent = check_owner(await self._requests.get_by_candidate(steering.candidate_id), click)
        return await self.redraft(click, parent.request.id, steering=steering)

    async def redraft(self, click: Click, request_id: str, *, steering: Steering | None = None) -> Request:
        """Commit a request for other candidates, or for others made of one of them, which closes its parent.

        Raises UnknownRequest, NotOwner, AccessDenied, RequestClosed, LimitReached, DraftingPaused, DuplicateDelivery,
        DatabaseUnavailable.
        """
        parent = check_owner(await self._requests.get(request_id), click)
        self._allowed_channels.check(parent.request.channel_id, parent.request.surface)
        now = self._now()
        child_id = self._new_id()
        await self._check_limits(click, parent.request, now, child_id)
        with self._settle_unless_recorded(child_id):
            await self._record_shown(click, parent)
            asked_again = replace_response_url(parent.request, click.response_url)
            version = await self._assigner.find_version(parent.request)
            child = self._make_child(asked_again, version, click.settings, steering, child_id=child_id, at=now)
            return await self._record_child(click, parent, child, steering)

    async def _record_child(self, click: Click, parent: LogEntry, child: Request, steering: Steering | None) -> Request:
        """Commit a redraft, which closes its parent."""
        asked = {} if steering is None else {"steer": steering.steer, "steer_language": steering.language}
        event = Event(
            request_id=parent.request.id,
            type="redrafted",
            at=child.created_at,
            agent_id=click.agent_id,
            candidate_id=child.parent_candidate_id,
            data={"child_request_id": child.id, **asked},
        )
        recorded, sealed = await self._privacy.mask_redraft(parent.request, child, seen=select_previous(parent, child))
        await self._requests.record_redraft(recorded, idempotency_key=click.idempotency_key, event=event, sealed=sealed)
        return recorded

    @asynccontextmanager
    async def reserve(self, click: Click, request: Request, name: str) -> AsyncIterator[RequestBudget | None]:
        """Count a click that asks the model for more than candidates, and reserve tokens under this name meanwhile.

        Yields the budget of its calls; None without a limit on the day's tokens. Raises LimitReached, DraftingPaused,
        DatabaseUnavailable.
        """
        # The click's own key is used by now, which says nothing of a delivery before it.
        await self._check_limits(replace(click, idempotency_key=name), request, self._now(), name)
        try:
            yield self._limits.open_calls(name, self._now())
        finally:
            self._limits.settle(name)

    @contextmanager
    def _settle_unless_recorded(self, request_id: str) -> Iterator[None]:
        """Give back the tokens reserved for a request where it is not recorded."""
        with ExitStack() as undo:
            undo.callback(self._limits.settle, request_id)
            yield
            undo.pop_all()

    def _make_child(
        self,
        parent: Request,
        version: DraftingVersion,
        settings: AgentSettings,
        steering: Steering | None,
        *,
        child_id: str,
        at: datetime,
    ) -> Request:
        """Return the same ask anew, in its arm, steered as given; without a steering, as the parent was."""
        return replace(
            parent,
            id=child_id,
            created_at=at,
            sent_to_slack_at=None,
            shown_at=None,
            status="drafting",
            k_requested=settings.candidates or self._terms.candidates,
            styles_off=settings.styles_off or None,
            prompt_version=version.playbook.prompt_version,
            markdown=version.playbook.markdown,
            ranker_version=None,
            policy="uniform",
            policy_params={},
            order_propensity=None,
            parent_request_id=parent.id,
            parent_candidate_id=None if steering is None else steering.candidate_id,
            steer=parent.steer if steering is None else steering.steer,
            steer_language=parent.steer_language if steering is None else steering.language,
            simulated=self._terms.simulated,
            app_version=self._terms.app_version,
        )

    async def _check_limits(self, who: Ask | Click, where: Ask | Request, now: datetime, request_id: str) -> None:
        """Count the ask against its agent's limits, and reserve tokens for its request.

        Raises LimitReached, DraftingPaused; or DuplicateDelivery, if this delivery was taken before: its answer stands.
        """
        try:
            team_id = None if who.is_of_grid else who.team_id
            await self._limits.check(team_id=team_id, agent_id=who.agent_id, now=now, request_id=request_id)
        except (LimitReached, DraftingPaused) as refusal:
            if await self._requests.is_key_used(who.idempotency_key):
                raise DuplicateDelivery(who.idempotency_key) from refusal
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

    async def _record_shown(self, click: Click, entry: LogEntry) -> None:
        """Record that candidates are visible since they were sent to Slack, where the click overtook that record."""
        request = entry.request
        if request.shown_at is None and request.sent_to_slack_at is not None:
            shown = Event(request_id=request.id, type="shown", at=request.sent_to_slack_at, agent_id=request.agent_id)
            await self._requests.record_shown(shown, only=[candidate.id for candidate in list_visible(click, entry)])


def _clean_turns(conversation: tuple[Turn, ...]) -> tuple[Turn, ...]:
    return tuple(replace(turn, text=clean(turn.text)) for turn in conversation)
