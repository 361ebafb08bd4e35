"""Placement: drafts become candidates, and candidates get the positions in which they are shown. Pure functions."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from functools import partial
from typing import Any, Final

from bot.drafting import CUT_OFF, TOO_LONG, Brief, Draft, DraftFailed
from bot.knowledge.passages import take_out_citations
from bot.ordering.near_duplicates import find_near_duplicates
from bot.ordering.shuffle import Order, draw_places
from bot.playbook import Style
from bot.text_limits import clean
from storage.records import Candidate, Event, LogEntry, Request

_log = logging.getLogger(__name__)

_OF_STYLES: Final = {each.name for each in fields(Style)} & {each.name for each in fields(Candidate)} - {"model"}
"""The attributes of styles that the log has under the same name; the model is chosen where the style names none."""


def make_blank(brief: Brief, candidate_id: str, inclusion: float, **drafted: Any) -> Candidate:
    """Return the candidate of a brief before anything is `drafted`. `inclusion` is the propensity of its style."""
    return Candidate(
        id=candidate_id,
        request_id=brief.request_id,
        sample_index=brief.sample_index,
        style=brief.style.name,
        style_version=brief.style.version,
        model=brief.model,
        inclusion_propensity=inclusion,
        **{**{name: getattr(brief.style, name) for name in _OF_STYLES}, **drafted},
    )


def to_candidate(brief: Brief, result: Draft | BaseException, candidate_id: str, inclusion: float) -> Candidate:
    """Return the candidate that a draft became, without a position; with an `error` if the draft failed or is empty."""
    make = partial(make_blank, brief, candidate_id, inclusion)
    if isinstance(result, DraftFailed):
        _log.info("draft failed: %s", result.error, extra={"request_id": brief.request_id})
        return make(
            error=result.error,
            latency_ms=result.latency_ms,
            attempts=result.attempts,
            finish_reason=result.finish_reason,
            prompt_tokens=result.prompt_tokens,
            completion_tokens=result.completion_tokens,
        )
    if isinstance(result, BaseException):
        # A bug, ours or a library's: the good candidates are shown all the same, and the log has the traceback.
        _log.error("draft broke", exc_info=result, extra={"request_id": brief.request_id})
        return make(error="invalid_output", attempts=1)
    text, sources = take_out_citations(clean(result.text), brief.passages or ())
    is_empty = not text.strip()
    return make(
        text=None if is_empty else text,
        error="empty" if is_empty else None,
        sources=tuple(sources),
        temperature=result.temperature,
        model_returned=result.model_returned,
        latency_ms=result.latency_ms,
        attempts=result.attempts,
        finish_reason=result.finish_reason,
        prompt_tokens=result.prompt_tokens,
        completion_tokens=result.completion_tokens,
        mean_logprob=result.mean_logprob,
    )


MODEL_LIMITS: Final = {("empty", CUT_OFF): "spent", ("refused", TOO_LONG): "too_long"}
"""Failures that are told apart by their finish reason: the model spent its budget, or cannot hold the request."""

SILENT: Final = frozenset({"rate_limited", "timed_out", "server_error", "unreachable", "cancelled"})
"""Reasons for which a model gave no answer at all; with others it gave one that could not be used."""


def choose_reason(error: str, finish_reason: str | None) -> str:
    """Return the word for why a draft failed: its error, or which limit of the model it met."""
    return MODEL_LIMITS.get((error, finish_reason or ""), error)


def list_reasons(candidates: Iterable[Candidate]) -> list[str]:
    """List why drafts failed, each reason once."""
    return list(dict.fromkeys(choose_reason(each.error, each.finish_reason) for each in candidates if each.error))


def is_cut_off(candidate: Candidate) -> bool:
    """Return True if the text ends where the model's limit cut it off."""
    return candidate.text is not None and candidate.finish_reason == CUT_OFF


def place_in_order(candidate: Candidate, order: Order, repeats: Mapping[str, str]) -> Candidate:
    """Give a candidate its position in the order; none if it failed, or repeats another (`repeats`: id to original)."""
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


def place_as_drawn(entry: LogEntry, candidate: Candidate) -> Candidate:
    """Give a candidate the position drawn for it before drafting; none if it failed or repeats a visible one."""
    if candidate.text is None:
        return candidate
    texts = {each.id: each.text for each in entry.visible if each.text is not None}
    original = find_near_duplicates({**texts, candidate.id: candidate.text}).get(candidate.id)
    if original is not None:
        return replace(candidate, dropped_reason="near_duplicate", duplicate_of=original)
    drawn = draw_places(entry.request.id, entry.request.k_requested)
    return replace(candidate, position=drawn[candidate.sample_index])


def drop_late(candidate: Candidate) -> Candidate:
    """Take its position from a candidate that was drafted after the agent had decided."""
    if candidate.position is None:
        return candidate
    return replace(candidate, position=None, dropped_reason="not_selected")


def add_candidates(entry: LogEntry, *more: Candidate) -> LogEntry:
    """Return the entry with more candidates, all by `sample_index`."""
    together = sorted((*entry.candidates, *more), key=lambda candidate: candidate.sample_index)
    return replace(entry, candidates=tuple(together))


def make_failed_entry(request: Request, candidates: Sequence[Candidate], *, at: datetime) -> LogEntry:
    """Return the request as `failed`, with its event: none of its candidates can be shown."""
    event = Event(
        request_id=request.id,
        type="failed",
        at=at,
        agent_id=request.agent_id,
        data={"errors": [candidate.error for candidate in candidates]},
    )
    failed = replace(request, status="failed")
    return LogEntry(request=failed, candidates=tuple(candidates), choice=None, events=(event,))
