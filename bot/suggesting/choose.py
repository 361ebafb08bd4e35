"""Choosing: an agent uses, edits or dismisses candidates, or undoes that. One standing choice a request."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from bot.edits import measure_similarity, to_nfc
from bot.errors import EmptyReply
from bot.operations.log_events import log_choice, log_undo
from bot.operations.metrics import Metrics
from bot.privacy.service import MaskedRequest, PrivacyService, SealedChoice
from bot.suggesting.channels import ALL_CHANNELS, AllowedChannels
from bot.suggesting.clicks import Click, check_open, check_owner, check_shown, list_visible, replace_response_url
from bot.suggesting.staleness import STILL_CONVERSATIONS, Conversations, Freshness, Staleness
from bot.surfaces import SURFACES
from bot.text_limits import clean, count_json_units, split_text
from storage.records import (
    Candidate,
    Choice,
    ChoiceKind,
    Delivery,
    DismissReason,
    Event,
    EventType,
    LogEntry,
    OnUse,
    Request,
)
from storage.repositories.choices import Choices
from storage.repositories.requests import Requests

PART_LIMIT: Final = 9_000
"""UTF-16 units of one posted message as JSON: Slack takes 13,000 in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedChoice:
    """A choice, its request, and the parts of the reply to post: all with the originals in.

    `undo_key` is what an Undo must bring along to show the originals again. `unfilled` are placeholders in the reply
    whose originals are gone. `freshness` is `unknown` if Slack could not say in time whether the conversation moved on.
    """

    choice: Choice
    request: Request
    parts: tuple[Delivery, ...] = ()
    freshness: Freshness = "fresh"
    undo_key: str | None = field(default=None, repr=False)
    unfilled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _RequestForms:
    """A request as it is recorded, and as the agent sees it."""

    recorded: LogEntry
    masked_request: MaskedRequest
    shown: LogEntry

    def get_candidate(self, candidate_id: str) -> Candidate:
        """Return the candidate as the agent sees it."""
        return next(each for each in self.shown.candidates if each.id == candidate_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetractedChoice:
    """A choice taken back, its request as it is open again, and the parts that were or may have been posted."""

    choice: Choice
    entry: LogEntry
    parts: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EditorInput:
    """A candidate for the editor, the message that it answers, and if the edited reply will be posted or be copied."""

    candidate: Candidate
    asked: str
    is_posted: bool


class Chooser:
    """Records decisions, each once.

    Every method may raise UnknownRequest, NotOwner, RequestClosed, DuplicateDelivery, DatabaseUnavailable; those that
    lead to a reply raise AccessDenied if its channel is not allowed any more.
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
        """True if chosen replies are posted; False if they are shown to be copied."""
        return self._on_use == "post"

    async def open_edit(self, click: Click, candidate_id: str) -> EditorInput:
        """Record that the agent opened the editor, and return the candidate for it.

        Raises RequestClosed if one is chosen.
        """
        found = await self._find(click, candidate_id)
        candidate = found.get_candidate(candidate_id)
        check_open(found.recorded)
        await self._record_event(click, candidate, "edit_opened")
        request = found.shown.request
        return EditorInput(candidate=candidate, asked=request.asked, is_posted=self._is_posted(click, request))

    async def read(
        self, click: Click, candidate_id: str, purpose: Literal["expanded", "copied"]
    ) -> tuple[Request, Candidate]:
        """Record what the agent wanted the candidate's whole text for, and return it with its request."""
        found = await self._find(click, candidate_id)
        candidate = found.get_candidate(candidate_id)
        await self._record_event(click, candidate, purpose)
        return found.shown.request, candidate

    async def _record_event(self, click: Click, candidate: Candidate, kind: EventType) -> None:
        event = Event(
            request_id=candidate.request_id,
            type=kind,
            at=self._now(),
            agent_id=click.agent_id,
            candidate_id=candidate.id,
        )
        await self._requests.record_event(event, idempotency_key=click.idempotency_key, response_url=click.response_url)

    async def keep_response_url(self, click: Click, candidate_id: str) -> None:
        """Keep the click's `response_url` for a further step on this candidate.

        Raises RequestClosed if one is chosen.
        """
        entry = (await self._find(click, candidate_id)).recorded
        check_open(entry)
        if click.response_url is not None:
            await self._requests.keep_response_url(entry.request.id, click.response_url)

    async def use(self, click: Click, candidate_id: str) -> RecordedChoice:
        """Record that the candidate is sent as it is. Raises StaleConversation too."""
        found = await self._find(click, candidate_id)
        candidate = found.get_candidate(candidate_id)
        freshness = await self._check_staleness(click, found, candidate)
        return replace(await self._record_reply(click, found, candidate, candidate.text or ""), freshness=freshness)

    async def use_anyway(self, click: Click, candidate_id: str) -> RecordedChoice:
        """Record that the candidate is sent as it is, also if the conversation has moved on."""
        found = await self._find(click, candidate_id)
        candidate = found.get_candidate(candidate_id)
        return await self._record_reply(click, found, candidate, candidate.text or "")

    async def edit(self, click: Click, candidate_id: str, text: str) -> RecordedChoice:
        """Record that the candidate is sent as the agent rewrote it; unchanged, it counts as used.

        Raises EmptyReply, StaleConversation too.
        """
        found = await self._find(click, candidate_id)
        candidate = found.get_candidate(candidate_id)
        final_text = _normalize_edit(candidate, text)
        freshness = await self._check_staleness(click, found, candidate)
        return replace(await self._record_reply(click, found, candidate, final_text), freshness=freshness)

    async def edit_anyway(self, click: Click, candidate_id: str, text: str) -> RecordedChoice:
        """Do as `edit`, also if the conversation has moved on. Raises EmptyReply too."""
        found = await self._find(click, candidate_id)
        candidate = found.get_candidate(candidate_id)
        return await self._record_reply(click, found, candidate, _normalize_edit(candidate, text))

    async def dismiss(self, click: Click, request_id: str) -> RecordedChoice:
        """Record that the agent wants none of the candidates."""
        entry = check_owner(await self._requests.get(request_id), click)
        chosen = await self._record(
            click, await self._load_forms(entry), kind="dismissed", candidate=None, final_text=None
        )
        log_choice(chosen.choice, chosen.request, outcome="dismissed", parts=0, at=self._now())
        return chosen

    async def give_reason(
        self, click: Click, request_id: str, reason: DismissReason, *, note: str | None = None
    ) -> Request:
        """Record why none would do, in the agent's words too if there are some, and return the request."""
        entry = check_owner(await self._requests.get(request_id), click)
        await self._choices.give_reason(
            request_id,
            reason,
            agent_id=click.agent_id,
            at=self._now(),
            idempotency_key=click.idempotency_key,
            note=None if note is None else await self._privacy.to_recorded_note(entry, clean(note)),
        )
        return entry.request

    async def undo(self, click: Click, request_id: str, *, key: str | None = None) -> RetractedChoice:
        """Take the standing choice back. Raises NothingToUndo and DeliveryInProgress too.

        The `key` of its Undo brings the originals back; without it, placeholders stay what they are.
        """
        entry = check_owner(await self._requests.get(request_id), click)
        masked_request, sealed = await self._privacy.reopen_request(entry.request, key, at=self._now())
        choice, parts = await self._choices.retract(
            request_id, agent_id=click.agent_id, at=self._now(), idempotency_key=click.idempotency_key, sealed=sealed
        )
        self._metrics.count_undo()
        log_undo(choice, parts=len(parts), at=self._now())
        reopened = LogEntry(request=entry.request, candidates=entry.candidates, choice=None)
        return RetractedChoice(
            choice=choice, entry=await self._privacy.unmask_entry(reopened, masked_request), parts=parts
        )

    async def _find(self, click: Click, candidate_id: str) -> _RequestForms:
        """Load the request of a candidate that this agent may act on.

        Raises UnknownRequest, NotOwner, AccessDenied.
        """
        entry, _ = check_shown(await self._requests.get_by_candidate(candidate_id), click, candidate_id)
        self._allowed_channels.check(entry.request.channel_id, entry.request.surface)
        return await self._load_forms(entry)

    async def _check_staleness(self, click: Click, found: _RequestForms, candidate: Candidate) -> Freshness:
        """Raises StaleConversation if the conversation has moved on; see `Staleness.check`."""
        entry = found.shown
        return await self._staleness.check(
            entry, candidate, idempotency_key=click.idempotency_key, response_url=click.response_url
        )

    async def _load_forms(self, recorded: LogEntry) -> _RequestForms:
        masked_request = await self._privacy.load_masked(recorded.request)
        return _RequestForms(
            recorded=recorded,
            masked_request=masked_request,
            shown=await self._privacy.unmask_entry(recorded, masked_request),
        )

    async def _record_reply(
        self, click: Click, found: _RequestForms, candidate: Candidate, final_text: str
    ) -> RecordedChoice:
        """Record a choice of the candidate: `used` if the text is its own, else `edited`."""
        kind: ChoiceKind = "used" if final_text == candidate.text else "edited"
        return await self._record(click, found, kind=kind, candidate=candidate, final_text=final_text)

    async def _record(
        self,
        click: Click,
        found: _RequestForms,
        *,
        kind: ChoiceKind,
        candidate: Candidate | None,
        final_text: str | None,
    ) -> RecordedChoice:
        """Record a choice with its event and the parts of its reply, in one transaction."""
        request = found.shown.request
        choice = await self._make_choice(click, found.shown, kind, candidate, final_text)
        event = Event(
            request_id=request.id,
            type=kind,
            at=choice.chosen_at,
            agent_id=click.agent_id,
            candidate_id=choice.candidate_id,
            data={"choice_id": choice.id},
        )
        parts = self._split_parts(click, choice, request)
        sealed = await self._seal_choice(found, choice)
        await self._choices.record(
            replace(choice, final_text=sealed.final_text),
            idempotency_key=click.idempotency_key,
            event=event,
            parts=tuple(self._privacy.encrypt_delivery(part) for part in parts),
            response_url=click.response_url,
            sealed=sealed.sealed,
        )
        self._metrics.count_choice(choice)
        request = replace_response_url(request, click.response_url)
        return RecordedChoice(choice=choice, request=request, parts=parts, undo_key=sealed.undo_key)

    async def _make_choice(
        self, click: Click, entry: LogEntry, kind: ChoiceKind, candidate: Candidate | None, final_text: str | None
    ) -> Choice:
        chosen_at = self._now()
        visible = list_visible(click, entry)
        shown_at = await self._resolve_shown_at(entry.request, visible) or chosen_at
        return Choice(
            id=self._new_id(),
            request_id=entry.request.id,
            kind=kind,
            candidate_id=None if candidate is None else candidate.id,
            final_text=final_text,
            edit_similarity=_measure_edit(candidate, final_text),
            agent_id=click.agent_id,
            chosen_at=chosen_at,
            decision_ms=max(0, (chosen_at - shown_at) // timedelta(milliseconds=1)),
            visible_candidate_ids=tuple(each.id for each in entry.visible if each in visible or each is candidate),
        )

    async def _seal_choice(self, found: _RequestForms, choice: Choice) -> SealedChoice:
        recorded = next((each for each in found.recorded.candidates if each.id == choice.candidate_id), None)
        return await self._privacy.seal_choice(
            found.recorded.request,
            found.masked_request,
            candidate=recorded,
            text=choice.final_text,
            at=choice.chosen_at,
        )

    async def _resolve_shown_at(self, request: Request, visible: Sequence[Candidate]) -> datetime | None:
        """Return when the candidates became visible; record `sent_to_slack_at` if the click overtook that record."""
        if request.shown_at is not None or request.sent_to_slack_at is None:
            return request.shown_at
        shown = Event(request_id=request.id, type="shown", at=request.sent_to_slack_at, agent_id=request.agent_id)
        if await self._requests.record_shown(shown, only=[candidate.id for candidate in visible]):
            return request.sent_to_slack_at
        recorded = await self._requests.get(request.id)
        return None if recorded is None else recorded.request.shown_at

    def _is_posted(self, click: Click, request: Request) -> bool:
        """Return False if the reply is shown to be copied, by the settings or outside of conversations."""
        return (click.settings.on_use or self._on_use) == "post" and SURFACES[request.surface].is_in_channel

    def _split_parts(self, click: Click, choice: Choice, request: Request) -> tuple[Delivery, ...]:
        """Return the parts of the reply to post; none if it is dismissed or to be copied."""
        if choice.final_text is None or not self._is_posted(click, request):
            return ()
        return tuple(
            Delivery(
                id=self._new_id(), choice_id=choice.id, request_id=request.id, part=part, address="channel", text=text
            )
            for part, text in enumerate(split_text(choice.final_text, PART_LIMIT, count_json_units))
        )


def _measure_edit(candidate: Candidate | None, final_text: str | None) -> float | None:
    """Return how similar the sent text is to the candidate, 0 to 1; None if there is nothing to compare."""
    if candidate is None or candidate.text is None or final_text is None:
        return None
    return measure_similarity(candidate.text, final_text)


def _normalize_edit(candidate: Candidate, text: str) -> str:
    """Return the text to send: the candidate's own if the agent did not change it. Raises EmptyReply."""
    final_text = _normalize_text(text)
    if not final_text:
        raise EmptyReply(candidate.id)
    original = candidate.text or ""
    return original if to_nfc(final_text) == to_nfc(_normalize_text(original)) else final_text


def _normalize_text(text: str) -> str:
    """Return the text with line ends of one kind and nothing around it, as editors differ in that."""
    return clean(text).replace("\r\n", "\n").strip()
