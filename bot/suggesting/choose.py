"""What an agent does with the candidates: use, edit, dismiss, undo. One standing choice a request, recorded once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from bot.edits import measure_similarity, to_nfc
from bot.errors import EmptyReply, NotOwner, UnknownRequest
from bot.operations.log_events import log_choice, log_undo
from bot.operations.metrics import Metrics
from bot.privacy.service import MaskedRequest, PrivacyService, SealedChoice
from bot.suggesting.channels import ALL_CHANNELS, AllowedChannels
from bot.suggesting.staleness import STILL_CONVERSATIONS, Conversations, Freshness, Staleness
from bot.text_limits import clean, split_text
from storage.errors import NotOpen
from storage.records import (
    Candidate,
    Choice,
    ChoiceKind,
    Delivery,
    DismissReason,
    Event,
    LogEntry,
    Request,
    ResponseUrl,
)
from storage.repositories.choices import Choices
from storage.repositories.requests import OPEN, Requests

PART_LIMIT: Final = 9_000
"""UTF-16 units of one posted message: all blocks of one message may hold about 12,000."""

OnUse = Literal["post", "copy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """Who clicked, and what makes this click unlike any other.

    Ids of users are unique in a team alone: `own_team_id` is the clicker's, where Slack tells one. `is_of_grid`: they
    are of our own Enterprise Grid, in which ids are unique whichever team the click came through. `seen` are the
    candidates that stood before the agent's eyes at this click, where Slack tells.
    """

    team_id: str
    own_team_id: str | None = None
    is_of_grid: bool = False
    agent_id: str
    idempotency_key: str
    response_url: ResponseUrl | None = None
    seen: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedChoice:
    """A choice, the request that it is on, and the parts of the reply to post: all with the originals in.

    `undo_key` is what an Undo must bring along to show the originals again. `unfilled` are placeholders in a reply of
    which nobody has the originals any more. `freshness` is `unknown` where nobody could tell whether the conversation
    has moved on.
    """

    choice: Choice
    request: Request
    parts: tuple[Delivery, ...] = ()
    freshness: Freshness = "fresh"
    undo_key: str | None = field(default=None, repr=False)
    unfilled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A request as it is recorded, and as the agent sees it."""

    recorded: LogEntry
    view: MaskedRequest
    shown: LogEntry

    def candidate(self, candidate_id: str) -> Candidate:
        """As the agent sees it."""
        return next(each for each in self.shown.candidates if each.id == candidate_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetractedChoice:
    """A choice taken back, the request as it is open again, and the parts that were or may have been posted."""

    choice: Choice
    entry: LogEntry
    parts: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EditorInput:
    """A candidate that is being edited, and whether the edited reply will be posted, or shown to be copied."""

    candidate: Candidate
    is_posted: bool


class Chooser:
    """Records decisions. Every method may raise UnknownRequest, NotOwner, NotOpen, Redelivered, Unavailable; what
    leads to a reply may raise AccessDenied, where its channel is no allowed one any more.
    """

    def __init__(
        self,
        *,
        requests: Requests,
        choices: Choices,
        privacy: PrivacyService,
        metrics: Metrics,
        on_use: OnUse,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        allowed_channels: AllowedChannels = ALL_CHANNELS,
        conversations: Conversations = STILL_CONVERSATIONS,
    ) -> None:
        self._requests = requests
        self._choices = choices
        self._privacy = privacy
        self._metrics = metrics
        self._on_use = on_use
        self._now = now
        self._new_id = new_id
        self._allowed_channels = allowed_channels
        self._staleness = Staleness(requests=requests, conversations=conversations, now=now)

    @property
    def is_posting(self) -> bool:
        """Whether a chosen reply is posted, or shown to be copied."""
        return self._on_use == "post"

    async def open_edit(self, click: Click, candidate_id: str) -> EditorInput:
        """The agent pressed Edit: the candidate, still to be chosen, for the editor."""
        found = await self._find(click, candidate_id)
        candidate = found.candidate(candidate_id)
        if found.shown.choice is not None or found.shown.request.status not in OPEN:
            raise NotOpen(found.shown.request.id)
        event = Event(
            request_id=candidate.request_id,
            type="edit_opened",
            at=self._now(),
            agent_id=click.agent_id,
            candidate_id=candidate.id,
        )
        await self._requests.record_event(event, idempotency_key=click.idempotency_key, response_url=click.response_url)
        return EditorInput(candidate=candidate, is_posted=self._is_posted(found.shown.request))

    async def keep_response_url(self, click: Click, candidate_id: str) -> None:
        """The agent is about to say more of this candidate, still to be chosen: by this way they are reached then."""
        entry = (await self._find(click, candidate_id)).recorded
        if entry.choice is not None or entry.request.status not in OPEN:
            raise NotOpen(entry.request.id)
        if click.response_url is not None:
            await self._requests.keep_response_url(entry.request.id, click.response_url)

    async def use(self, click: Click, candidate_id: str) -> RecordedChoice:
        """The candidate as it is. Raises StaleConversation too."""
        found = await self._find(click, candidate_id)
        candidate = found.candidate(candidate_id)
        freshness = await self._freshness(click, found, candidate)
        return replace(await self._reply(click, found, candidate, candidate.text or ""), freshness=freshness)

    async def use_anyway(self, click: Click, candidate_id: str) -> RecordedChoice:
        """The candidate as it is, whatever else has been said meanwhile."""
        found = await self._find(click, candidate_id)
        candidate = found.candidate(candidate_id)
        return await self._reply(click, found, candidate, candidate.text or "")

    async def edit(self, click: Click, candidate_id: str, text: str) -> RecordedChoice:
        """The candidate as the agent rewrote it; unchanged, it is used as it is. Raises EmptyReply, StaleConversation too."""
        found = await self._find(click, candidate_id)
        candidate = found.candidate(candidate_id)
        final_text = _rewritten(candidate, text)
        freshness = await self._freshness(click, found, candidate)
        return replace(await self._reply(click, found, candidate, final_text), freshness=freshness)

    async def edit_anyway(self, click: Click, candidate_id: str, text: str) -> RecordedChoice:
        """The candidate as the agent rewrote it, whatever else has been said meanwhile. Raises EmptyReply too."""
        found = await self._find(click, candidate_id)
        candidate = found.candidate(candidate_id)
        return await self._reply(click, found, candidate, _rewritten(candidate, text))

    async def dismiss(self, click: Click, request_id: str) -> RecordedChoice:
        """None of the candidates."""
        entry = check_owner(await self._requests.get(request_id), click)
        chosen = await self._record(click, await self._opened(entry), kind="dismissed", candidate=None, final_text=None)
        log_choice(chosen.choice, chosen.request, outcome="dismissed", parts=0, at=self._now())
        return chosen

    async def give_reason(self, click: Click, request_id: str, reason: DismissReason) -> Request:
        """Why none would do; the request that the reason is for."""
        entry = check_owner(await self._requests.get(request_id), click)
        await self._choices.give_reason(
            request_id, reason, agent_id=click.agent_id, at=self._now(), idempotency_key=click.idempotency_key
        )
        return entry.request

    async def undo(self, click: Click, request_id: str, *, key: str | None = None) -> RetractedChoice:
        """Take the standing choice back. The `key` of its Undo brings the originals back; without it, placeholders stay
        what they are. Raises NothingToUndo and StillPosting too.
        """
        entry = check_owner(await self._requests.get(request_id), click)
        view, sealed = await self._privacy.reopen_request(entry.request, key, at=self._now())
        choice, parts = await self._choices.retract(
            request_id, agent_id=click.agent_id, at=self._now(), idempotency_key=click.idempotency_key, sealed=sealed
        )
        self._metrics.count_undo()
        log_undo(choice, parts=len(parts), at=self._now())
        reopened = LogEntry(request=entry.request, candidates=entry.candidates, choice=None)
        return RetractedChoice(choice=choice, entry=await self._privacy.unmask_entry(reopened, view), parts=parts)

    async def _find(self, click: Click, candidate_id: str) -> _Found:
        entry = check_owner(await self._requests.of_candidate(candidate_id), click)
        self._allowed_channels.check(entry.request.channel_id, entry.request.surface)
        candidate = next(candidate for candidate in entry.candidates if candidate.id == candidate_id)
        if candidate.position is None:  # a failed or hidden draft has no button
            raise UnknownRequest(candidate_id)
        return await self._opened(entry)

    async def _freshness(self, click: Click, found: _Found, candidate: Candidate) -> Freshness:
        entry = found.shown
        return await self._staleness.check(
            entry, candidate, idempotency_key=click.idempotency_key, response_url=click.response_url
        )

    async def _opened(self, recorded: LogEntry) -> _Found:
        view = await self._privacy.load_masked(recorded.request)
        return _Found(recorded=recorded, view=view, shown=await self._privacy.unmask_entry(recorded, view))

    async def _reply(self, click: Click, found: _Found, candidate: Candidate, final_text: str) -> RecordedChoice:
        kind: ChoiceKind = "used" if final_text == candidate.text else "edited"
        return await self._record(click, found, kind=kind, candidate=candidate, final_text=final_text)

    async def _record(
        self, click: Click, found: _Found, *, kind: ChoiceKind, candidate: Candidate | None, final_text: str | None
    ) -> RecordedChoice:
        entry = found.shown
        chosen_at = self._now()
        visible = list_visible(click, entry)
        shown_at = await self._shown_at(entry.request, visible) or chosen_at
        choice = Choice(
            id=self._new_id(),
            request_id=entry.request.id,
            kind=kind,
            candidate_id=None if candidate is None else candidate.id,
            final_text=final_text,
            edit_similarity=_similarity(candidate, final_text),
            agent_id=click.agent_id,
            chosen_at=chosen_at,
            decision_ms=max(0, (chosen_at - shown_at) // timedelta(milliseconds=1)),
            visible_candidate_ids=tuple(each.id for each in entry.visible if each in visible or each is candidate),
        )
        event = Event(
            request_id=entry.request.id,
            type=kind,
            at=chosen_at,
            agent_id=click.agent_id,
            candidate_id=choice.candidate_id,
            data={"choice_id": choice.id},
        )
        parts = self._parts(choice, entry.request)
        closing = await self._closing(found, choice)
        await self._choices.record(
            replace(choice, final_text=closing.final_text),
            idempotency_key=click.idempotency_key,
            event=event,
            parts=tuple(self._privacy.encrypt_delivery(part) for part in parts),
            response_url=click.response_url,
            sealed=closing.sealed,
        )
        self._metrics.count_choice(choice)
        request = update_response_url(entry.request, click.response_url)
        return RecordedChoice(choice=choice, request=request, parts=parts, undo_key=closing.undo_key)

    async def _closing(self, found: _Found, choice: Choice) -> SealedChoice:
        recorded = next((each for each in found.recorded.candidates if each.id == choice.candidate_id), None)
        return await self._privacy.seal_choice(
            found.recorded.request, found.view, candidate=recorded, text=choice.final_text, at=choice.chosen_at
        )

    async def _shown_at(self, request: Request, visible: Sequence[Candidate]) -> datetime | None:
        """When the candidates became visible; where the click overtook the record of it, when Slack was handed them."""
        if request.shown_at is not None or request.sent_to_slack_at is None:
            return request.shown_at
        shown = Event(request_id=request.id, type="shown", at=request.sent_to_slack_at, agent_id=request.agent_id)
        if await self._requests.record_shown(shown, only=[candidate.id for candidate in visible]):
            return request.sent_to_slack_at
        recorded = await self._requests.get(request.id)
        return None if recorded is None else recorded.request.shown_at

    def _is_posted(self, request: Request) -> bool:
        """Or shown to be copied: where there is no conversation to post into, always."""
        return self._on_use == "post" and request.surface not in {"cli", "dm", "global"}

    def _parts(self, choice: Choice, request: Request) -> tuple[Delivery, ...]:
        if choice.final_text is None or not self._is_posted(request):
            return ()
        return tuple(
            Delivery(
                id=self._new_id(), choice_id=choice.id, request_id=request.id, part=part, address="channel", text=text
            )
            for part, text in enumerate(split_text(choice.final_text, PART_LIMIT))
        )


def check_owner(entry: LogEntry | None, click: Click) -> LogEntry:
    """The entry, if the clicker is the agent who asked: the user of that id in its team, or in our Grid.

    Raises UnknownRequest, NotOwner.
    """
    if entry is None:
        raise UnknownRequest
    if not _is_by_asker(click, entry.request):
        raise NotOwner(entry.request.id)
    return entry


def _is_by_asker(click: Click, request: Request) -> bool:
    is_of_team = {click.team_id, click.own_team_id or click.team_id} == {request.team_id}
    return click.agent_id == request.agent_id and (click.is_of_grid or is_of_team)


def list_visible(click: Click, entry: LogEntry) -> tuple[Candidate, ...]:
    """The candidates that the agent saw at this click: those that are recorded as visible, and those that Slack tells
    of; where the click has overtaken that record, and Slack tells nothing, all that have a place.
    """
    told = click.seen or frozenset()
    known = tuple(each for each in entry.visible if each.shown_at is not None or each.id in told)
    return known or entry.visible


def update_response_url(request: Request, response_url: ResponseUrl | None) -> Request:
    """The request with the newest way back to its agent."""
    if response_url is None:
        return request
    return replace(request, response_url=response_url.url, response_url_expires_at=response_url.expires_at)


def _similarity(candidate: Candidate | None, final_text: str | None) -> float | None:
    """The similarity of what was sent to the candidate, 0 to 1."""
    if candidate is None or candidate.text is None or final_text is None:
        return None
    return measure_similarity(candidate.text, final_text)


def _rewritten(candidate: Candidate, text: str) -> str:
    """What is to be sent: the candidate's own text where it was not changed. Raises EmptyReply."""
    final_text = _as_typed(text)
    if not final_text:
        raise EmptyReply(candidate.id)
    original = candidate.text or ""
    return original if to_nfc(final_text) == to_nfc(_as_typed(original)) else final_text


def _as_typed(text: str) -> str:
    """As an editor gives it back: line ends of one kind, nothing around it."""
    return clean(text).replace("\r\n", "\n").strip()
