"""Translation: what a candidate says, in the language of its agent. One draft, for reading only, never posted."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final

from bot.drafting import Brief, TextToTranslate
from bot.errors import UnknownRequest
from bot.experiments.assigner import ArmAssigner
from bot.i18n.languages import LANGUAGES, find_language
from bot.operations.write_buffer import WriteBuffer
from bot.playbook import Style
from bot.privacy.service import MaskedRequest, PrivacyService
from bot.suggesting.admission import Admission
from bot.suggesting.briefs import BatchDrafter, DraftingTerms, build_config
from bot.suggesting.channels import AllowedChannels
from bot.suggesting.clicks import Click, check_open, check_shown
from bot.suggesting.placement import choose_reason, is_cut_off, to_candidate
from storage.records import Candidate, Event, Request
from storage.repositories.requests import Requests

_STYLE: Final = Style(name="translation", label="Translation", instruction="", temperature=0.0, knowledge=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslationTask:
    """A candidate to be translated for whoever clicked: `shown` as the agent sees it, `candidate` masked."""

    click: Click
    request: Request
    candidate: Candidate
    masked: MaskedRequest = field(repr=False)
    shown: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """A translation, perhaps cut off; without a text, the `reason` is why there is none."""

    text: str | None
    reason: str | None = None
    is_cut_off: bool = False


class Translator:
    """Translates candidates. Time comes from outside."""

    def __init__(
        self,
        *,
        requests: Requests,
        privacy: PrivacyService,
        drafter: BatchDrafter,
        assigner: ArmAssigner,
        admission: Admission,
        terms: DraftingTerms,
        allowed_channels: AllowedChannels,
        now: Callable[[], datetime],
        clock: Callable[[], float],
        write_buffer: WriteBuffer,
    ) -> None:
        self._requests = requests
        self._privacy = privacy
        self._drafter = drafter
        self._assigner = assigner
        self._admission = admission
        self._terms = terms
        self._allowed_channels = allowed_channels
        self._now = now
        self._clock = clock
        self._write_buffer = write_buffer

    async def find(self, click: Click, candidate_id: str) -> TranslationTask:
        """Find a candidate of an open request, to be translated.

        Raises UnknownRequest, also where its text is gone; NotOwner, AccessDenied, RequestClosed, DatabaseUnavailable.
        """
        entry, candidate = check_shown(await self._requests.get_by_candidate(candidate_id), click, candidate_id)
        self._allowed_channels.check(entry.request.channel_id, entry.request.surface)
        check_open(entry)
        masked = await self._privacy.load_masked(entry.request)
        known = replace(candidate, text=masked.texts.get(candidate.id, candidate.text))
        masked, (candidate,) = await self._privacy.mask_candidates(masked, [known])
        if candidate.text is None:
            raise UnknownRequest(candidate_id)
        shown = self._fill(candidate.text, masked)
        return TranslationTask(click=click, request=entry.request, candidate=candidate, masked=masked, shown=shown)

    async def translate(self, task: TranslationTask, *, locale: str) -> Translation:
        """Translate a candidate within the limits on asks, and record the event, also where that fails.

        Raises LimitReached, DraftingPaused, DatabaseUnavailable.
        """
        language = find_language(locale)
        request, reserved = task.request, f"translation:{task.click.idempotency_key}"
        async with self._admission.reserve(task.click, request, reserved) as budget:
            brief = replace(await self._build_brief(task, language), budget=budget)
            [result] = await self._drafter.abatch([brief], build_config(request), return_exceptions=True)
            drafted = to_candidate(brief, result, task.candidate.id, 1.0)
            event = self._make_event(task, drafted, language)
            await self._write_buffer.write_or_queue(partial(self._requests.record_event, event))
        if drafted.error is not None or drafted.text is None:
            return Translation(text=None, reason=choose_reason(drafted.error or "empty", drafted.finish_reason))
        return Translation(text=self._fill(drafted.text, task.masked), is_cut_off=is_cut_off(drafted))

    async def _build_brief(self, task: TranslationTask, language: str) -> Brief:
        """Build the brief, for the model that wrote the candidate: it can write its language."""
        request = task.request
        is_sample = self._terms.simulated or request.simulated
        return Brief(
            playbook=(await self._assigner.find_version(request)).playbook,
            style=_STYLE,
            model=self._terms.model if is_sample else task.candidate.model,
            conversation=(),
            to_translate=TextToTranslate(text=task.candidate.text or "", language=LANGUAGES[language][0]),
            request_id=request.id,
            agent_id=f"{request.team_id}:{request.agent_id}",
            deadline=self._clock() + self._terms.deadline_s,
        )

    def _make_event(self, task: TranslationTask, drafted: Candidate, language: str) -> Event:
        return Event(
            request_id=task.request.id,
            type="translated",
            at=self._now(),
            agent_id=task.click.agent_id,
            candidate_id=task.candidate.id,
            data={
                "language": language,
                "error": drafted.error,
                "prompt_tokens": drafted.prompt_tokens,
                "completion_tokens": drafted.completion_tokens,
            },
        )

    def _fill(self, text: str, masked: MaskedRequest) -> str:
        """Put the originals into a masked text, for the eyes of the agent."""
        (filled,) = self._privacy.unmask_previous(replace(masked, previous=(text,)))
        return filled
