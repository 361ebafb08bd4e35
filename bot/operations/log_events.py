"""Canonical log lines: one for each request, choice, undo and refused ask, with ids, counts, milliseconds, outcome.

Never a text, a token or a `response_url`. The fields are declared here; docs/operations.md describes each, and a test
holds the two together.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from storage.records import Candidate, Choice, LogEntry, Request, Surface

REQUEST_FIELDS: Final = (
    "request_id",
    "parent_request_id",
    "team_id",
    "channel_id",
    "agent_id",
    "surface",
    "outcome",
    "simulated",
    "prompt_version",
    "drafted",
    "placed",
    "failed",
    "hidden",
    "attempts",
    "prompt_tokens",
    "completion_tokens",
    "queue_ms",
    "model_ms",
    "shown_ms",
)
CHOICE_FIELDS: Final = (
    "choice_id",
    "request_id",
    "candidate_id",
    "team_id",
    "channel_id",
    "agent_id",
    "surface",
    "kind",
    "outcome",
    "parts",
    "edit_similarity",
    "decision_ms",
    "choice_ms",
)
UNDO_FIELDS: Final = ("choice_id", "request_id", "agent_id", "kind", "outcome", "parts", "undo_ms")
REFUSAL_FIELDS: Final = ("team_id", "channel_id", "agent_id", "surface", "outcome")
FIELDS: Final = frozenset({*REQUEST_FIELDS, *CHOICE_FIELDS, *UNDO_FIELDS, *REFUSAL_FIELDS})

RefusalOutcome = Literal["agent_per_minute", "tokens_per_day", "queue", "paused"]
RequestOutcome = Literal["shown", "not_shown", "failed", "expired"]

_log = logging.getLogger(__name__)


def log_request(
    entry: LogEntry, outcome: RequestOutcome, *, shown_at: datetime | None = None, queue_ms: int | None = None
) -> None:
    """Log the end of a request. `queue_ms` is known only to the process that drafted."""
    request, candidates = entry.request, entry.candidates
    latencies = [candidate.latency_ms for candidate in candidates if candidate.latency_ms is not None]
    facts: dict[str, Any] = {
        "request_id": request.id,
        "parent_request_id": request.parent_request_id,
        "team_id": request.team_id,
        "channel_id": request.channel_id,
        "agent_id": request.agent_id,
        "surface": request.surface,
        "outcome": outcome,
        "simulated": request.simulated,
        "prompt_version": request.prompt_version,
        "drafted": len(candidates),
        "placed": len(entry.visible),
        "failed": sum(candidate.error is not None for candidate in candidates),
        "hidden": sum(candidate.dropped_reason is not None for candidate in candidates),
        "attempts": sum(candidate.attempts for candidate in candidates),
        "prompt_tokens": _sum_tokens(candidates, "prompt_tokens"),
        "completion_tokens": _sum_tokens(candidates, "completion_tokens"),
        "queue_ms": queue_ms,
        "model_ms": max(latencies, default=None),
        "shown_ms": None if shown_at is None else _to_ms(shown_at - request.created_at),
    }
    _log.info("request", extra=facts)


def log_choice(choice: Choice, request: Request, *, outcome: str, parts: int, at: datetime) -> None:
    """Log the end of a choice: `outcome` is its delivery's state, or `dismissed`."""
    facts: dict[str, Any] = {
        "choice_id": choice.id,
        "request_id": request.id,
        "candidate_id": choice.candidate_id,
        "team_id": request.team_id,
        "channel_id": request.channel_id,
        "agent_id": choice.agent_id,
        "surface": request.surface,
        "kind": choice.kind,
        "outcome": outcome,
        "parts": parts,
        "edit_similarity": choice.edit_similarity,
        "decision_ms": choice.decision_ms,
        "choice_ms": _to_ms(at - choice.chosen_at),
    }
    _log.info("choice", extra=facts)


def log_undo(choice: Choice, *, parts: int, at: datetime) -> None:
    """Log a choice taken back; `parts` were or may have been posted."""
    facts: dict[str, Any] = {
        "choice_id": choice.id,
        "request_id": choice.request_id,
        "agent_id": choice.agent_id,
        "kind": choice.kind,
        "outcome": "undone",
        "parts": parts,
        "undo_ms": _to_ms(at - choice.chosen_at),
    }
    _log.info("undo", extra=facts)


def log_refusal(*, team_id: str, channel_id: str, agent_id: str, surface: Surface, outcome: RefusalOutcome) -> None:
    """Log an ask that was refused, so that there is no request; `outcome` is the limit, or `paused`."""
    facts: dict[str, Any] = {
        "team_id": team_id,
        "channel_id": channel_id,
        "agent_id": agent_id,
        "surface": surface,
        "outcome": outcome,
    }
    _log.info("refusal", extra=facts)


def _sum_tokens(candidates: Sequence[Candidate], name: str) -> int | None:
    """Return the sum of a field of token counts; None if the model's server reported none."""
    known = [tokens for candidate in candidates if (tokens := getattr(candidate, name)) is not None]
    return sum(known) if known else None


def _to_ms(span: timedelta) -> int:
    return max(0, span // timedelta(milliseconds=1))
