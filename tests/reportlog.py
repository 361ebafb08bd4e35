"""Invented requests for reports, put into a database as they end up there: told in a line each."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert

from storage.engine.database import Database
from storage.records import Candidate, Choice, ChoiceKind, Request, Turn
from storage.rows import to_row
from storage.tables import candidates, choices, requests

MONDAY = datetime(2025, 11, 3, 9, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """One draft: `position` None where it was not shown. Tokens are 100 read and 10 written, unless it failed."""

    style: str = "warm"
    position: int | None = None
    model: str = "small"
    error: Any = None
    dropped: Any = None
    latency_ms: int | None = 800
    tokens: tuple[int, int] | None = (100, 10)
    inclusion: float | None = 0.5
    first: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request, `after` the first Monday, and what became of it. `pick` is the place of the chosen candidate."""

    agent: str = "U1"
    after: timedelta = timedelta()
    drafts: tuple[Drafted, ...] = (Drafted(style="warm", position=1), Drafted(style="direct", position=2))
    kind: ChoiceKind | None = None
    pick: int | None = None
    similarity: float | None = 1.0
    reason: Any = None
    decision_ms: int | None = 5000
    undone: int = 0
    waited: timedelta | None = timedelta(seconds=1.5)
    status: Any = "shown"
    surface: Any = "slash"
    channel: str = "C1"
    team: str = "T1"
    prompt: str = "p1"
    policy: Any = "uniform"
    order: float | None = 0.5
    simulated: bool = False
    parent: str | None = None
    locale: str = "en-US"
    question: str = "Where is my order?"
    retrieved: tuple[Any, ...] | None = None
    styles_off: tuple[str, ...] | None = None


def used(pick: int = 1, **values: Any) -> Asked:
    return Asked(kind="used", pick=pick, **values)


def edited(similarity: float | None, pick: int = 1, **values: Any) -> Asked:
    return Asked(kind="edited", pick=pick, similarity=similarity, **values)


def dismissed(reason: str | None = None, **values: Any) -> Asked:
    return Asked(kind="dismissed", reason=reason, similarity=None, **values)


def failed(**values: Any) -> Asked:
    broken = Drafted(error="timed_out", latency_ms=25_000, tokens=None)
    return Asked(status="failed", waited=None, order=None, drafts=(broken, broken), **values)


async def record(database: Database, log: Iterable[Asked]) -> None:
    """All of them, in this order."""
    made, drafted, chosen = [], [], []
    for number, asked in enumerate(log):
        request = _request(f"r{number:05}", asked)
        drafts = [_candidate(request, n, draft) for n, draft in enumerate(asked.drafts)]
        made.append(request)
        drafted += drafts
        chosen += _choices(request, asked, drafts)
    async with database.write() as connection:
        for table, rows in ((requests, made), (candidates, drafted), (choices, chosen)):
            if rows:
                await connection.execute(insert(table), [to_row(row) for row in rows])


def _request(request_id: str, asked: Asked) -> Request:
    at = MONDAY + asked.after
    shown_at = None if asked.waited is None else at + asked.waited
    return Request(
        id=request_id,
        team_id=asked.team,
        channel_id=asked.channel,
        agent_id=asked.agent,
        surface=asked.surface,
        locale=asked.locale,
        created_at=at,
        sent_to_slack_at=shown_at,
        shown_at=shown_at,
        status=asked.status,
        k_requested=len(asked.drafts),
        prompt_version=asked.prompt,
        policy=asked.policy,
        order_propensity=asked.order,
        parent_request_id=asked.parent,
        simulated=asked.simulated,
        retrieved=asked.retrieved,
        styles_off=asked.styles_off,
        app_version="0",
        conversation=(Turn(role="customer", text=asked.question),),
    )


def _candidate(request: Request, number: int, draft: Drafted) -> Candidate:
    prompt, completion = draft.tokens or (None, None)
    return Candidate(
        id=f"{request.id}-c{number}",
        request_id=request.id,
        sample_index=number,
        position=draft.position,
        style=draft.style,
        model=draft.model,
        text=None if draft.error else "We look into it.",
        error=draft.error,
        dropped_reason=draft.dropped,
        shown_at=request.shown_at if draft.position else None,
        latency_ms=draft.latency_ms,
        attempts=1,
        prompt_tokens=prompt,
        completion_tokens=completion,
        first_propensity=draft.first,
        inclusion_propensity=draft.inclusion,
    )


def _choices(request: Request, asked: Asked, drafts: list[Candidate]) -> list[Choice]:
    def choice(choice_id: str, kind: ChoiceKind, pick: int | None, retracted_at: datetime | None) -> Choice:
        picked = next((draft for draft in drafts if pick is not None and draft.position == pick), None)
        return Choice(
            id=choice_id,
            request_id=request.id,
            kind=kind,
            candidate_id=picked.id if picked else None,
            final_text=None,
            reason=asked.reason,
            edit_similarity=asked.similarity,
            agent_id=request.agent_id,
            chosen_at=request.created_at + timedelta(seconds=9),
            decision_ms=asked.decision_ms,
            visible_candidate_ids=(),
            retracted_at=retracted_at,
        )

    taken_back = [choice(f"{request.id}-u{n}", "used", 1, request.created_at) for n in range(asked.undone)]
    if asked.kind is None:
        return taken_back
    return [*taken_back, choice(f"{request.id}-h", asked.kind, asked.pick, None)]
