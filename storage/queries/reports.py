"""The log counted, for reports: requests are read a slice of time at a time, and added up by the database.

What comes back are cells, one for each combination that occurs, so memory does not grow with the number of requests.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import (
    ColumnElement,
    Executable,
    Float,
    Integer,
    String,
    and_,
    case,
    distinct,
    false,
    func,
    literal_column,
    null,
    or_,
    select,
    true,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from storage.engine.database import Database
from storage.engine.transaction import Transaction
from storage.queries.log_entries import build_period_condition
from storage.records import ChoiceKind, DismissReason, DraftError, DroppedReason, Selection, Status
from storage.tables import candidates, choices, requests

UNATTENDED: Final = ("batch", "compare")
"""Surfaces where nobody waits for a reply to choose."""

Dimension = Literal["style", "model", "prompt", "agent", "channel", "surface"]
DRAFT_DIMENSIONS: Final[tuple[Dimension, ...]] = ("style", "model")
"""What drafts differ in, not requests."""
Sources = Literal["found", "none"]
Fate = Literal["failed", "near_duplicate", "not_selected", "unseen", "passed_over", "used", "edited"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeCell:
    """Number of requests of one agent, in one group, that ended alike; `group` is "" without a dimension.

    `sources` is None where no knowledge was searched.
    """

    agent_id: str
    group: str
    status: Status
    is_shown: bool
    kind: ChoiceKind | None
    reason: DismissReason | None
    sources: Sources | None
    requests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoCell:
    """Number of choices of one agent that were taken back."""

    agent_id: str
    choices: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftCell:
    """Number of drafts of one model that ended alike.

    `latency_ms` has three digits; `untold` counts those whose tokens are not known.
    """

    model: str
    error: DraftError | None
    dropped_reason: DroppedReason | None
    latency_ms: int | None
    drafts: int
    untold: int
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeCell:
    """Number of cases that took so many milliseconds, to three digits."""

    ms: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionCell:
    """Number of choices that took so many milliseconds, to three digits; `is_accepted`: a reply was used or edited."""

    ms: int
    is_accepted: bool
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DismissalCell:
    """Number of dismissed requests of one agent with one reason, in a channel and a language.

    With `style`, of those that showed a reply in it, wherever that was.
    """

    agent_id: str
    reason: DismissReason | None
    channel: str = ""
    language: str = ""
    style: str = ""
    requests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarityCell:
    """Number of edits of one similarity to their draft, in hundredths."""

    hundredths: int
    edits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PickCell:
    """Number of picks by one agent of the candidate in one position, of so many shown together, without gaps.

    `weight` makes up for orders that were not uniform, and is their sum; picks without a known order have none.
    """

    agent_id: str
    shown_together: int
    position: int
    picks: int
    weighted: int
    weight: float
    squares: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FateCell:
    """Number of drafts of one style or model for one agent with the same fate.

    `weight` sums 1 ÷ the probability that the draft's style was drawn, times what makes up for the order; `even` the
    same, divided by how many were shown together, where one of them was picked. Drafts without known probabilities are
    in `drafts` only. `styles_off` of the drafts are of requests for which some styles were switched off.
    """

    agent_id: str
    name: str
    fate: Fate
    drafts: int
    weighted: int
    weight: float
    even: float
    styles_off: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportCells:
    """All cells of one period."""

    outcomes: tuple[OutcomeCell, ...]
    undone: tuple[UndoCell, ...]
    drafts: tuple[DraftCell, ...]
    waits: tuple[TimeCell, ...]
    decisions: tuple[DecisionCell, ...]
    similarities: tuple[SimilarityCell, ...]
    picks: tuple[PickCell, ...]
    dismissals: tuple[DismissalCell, ...]
    groups: Mapping[Dimension, tuple[OutcomeCell, ...] | tuple[FateCell, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcludedCounts:
    """Numbers of requests that a report does not count."""

    simulated: int
    unattended: int


class Reports:
    """Counts for reports on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_span(self, selection: Selection) -> tuple[datetime, datetime] | None:
        """Find the times of the first and last request that count; None without any."""
        async with self._database.read() as connection:
            ends = select(func.min(requests.c.created_at), func.max(requests.c.created_at)).where(
                _build_condition(selection)
            )
            first, last = (await connection.execute(ends)).one()
            return None if first is None else (first, last)

    async def find_first_time(self, selection: Selection) -> datetime | None:
        """Find the time of the first request that counts, by the index, without reading the rest."""
        async with self._database.read() as connection:
            query = (
                select(requests.c.created_at)
                .where(_build_condition(selection))
                .order_by(requests.c.created_at)
                .limit(1)
            )
            found: datetime | None = await connection.scalar(query)
            return found

    async def count_excluded(self, selection: Selection) -> ExcludedCounts:
        """Count the requests of this period and team that do not count, by reason."""
        unattended = requests.c.surface.in_(UNATTENDED)
        simulated = false() if selection.include_simulated else requests.c.simulated == true()
        query = select(
            func.coalesce(func.sum(case((simulated, 1), else_=0)), 0),
            func.coalesce(func.sum(case((and_(unattended, ~simulated), 1), else_=0)), 0),
        ).where(build_period_condition(selection), or_(unattended, requests.c.simulated == true()))
        async with self._database.read() as connection:
            left = (await connection.execute(query)).one()
            return ExcludedCounts(simulated=int(left[0]), unattended=int(left[1]))

    async def read_outcomes(self, selection: Selection) -> tuple[OutcomeCell, ...]:
        """Read how the requests selected ended, and nothing else."""
        async with self._database.read() as connection:
            return await _read_cells(connection, _select_outcomes(_build_condition(selection), None), OutcomeCell)

    async def read_cells(self, selection: Selection, by: Collection[Dimension] = ()) -> ReportCells:
        """Read the cells of the requests selected, with groups by each of `by`, in one transaction."""
        counts = _build_condition(selection)
        async with self._database.read() as connection:
            return ReportCells(
                outcomes=await _read_cells(connection, _select_outcomes(counts, None), OutcomeCell),
                undone=await _read_cells(connection, _select_undone(counts), UndoCell),
                drafts=await _read_cells(connection, _select_drafts(counts), DraftCell),
                waits=await _read_cells(connection, _select_waits(counts), TimeCell),
                decisions=await _read_cells(connection, _select_decisions(counts), DecisionCell),
                similarities=await _read_cells(connection, _select_similarities(counts), SimilarityCell),
                picks=await _read_cells(connection, _select_picks(counts), PickCell),
                dismissals=await _read_dismissals(connection, counts),
                groups={dimension: await _read_groups(connection, counts, dimension) for dimension in by},
            )


async def _read_cells(connection: Transaction, query: Executable, kind: type[Any]) -> tuple[Any, ...]:
    result = await connection.execute(query)
    names = tuple(result.keys())  # a mapping for each row would take longer than the query of some
    return tuple(kind(**dict(zip(names, row, strict=True))) for row in result)


async def _read_groups(
    connection: Transaction, counts: ColumnElement[bool], by: Dimension
) -> tuple[OutcomeCell, ...] | tuple[FateCell, ...]:
    """Read the fates of drafts for a dimension of drafts, the longest of the queries; else outcomes by group."""
    if by in DRAFT_DIMENSIONS:
        return await _read_cells(connection, _select_fates(counts, candidates.c[by]), FateCell)
    return await _read_cells(connection, _select_outcomes(counts, by), OutcomeCell)


async def _read_dismissals(connection: Transaction, counts: ColumnElement[bool]) -> tuple[DismissalCell, ...]:
    """Read the reasons of dismissals: by channel and language, then by style."""
    by_place = await _read_cells(connection, _select_dismissals(counts), DismissalCell)
    return (*by_place, *await _read_cells(connection, _select_dismissed_styles(counts), DismissalCell))


def _build_condition(selection: Selection) -> ColumnElement[bool]:
    """Build the condition for requests that count: selected, and made by somebody who waits for a reply."""
    counts = and_(build_period_condition(selection), requests.c.surface.not_in(UNATTENDED))
    return counts if selection.include_simulated else and_(counts, requests.c.simulated == false())


class _Elapsed(FunctionElement[int]):
    """SQL expression: whole milliseconds from the first of two times to the second; times are texts."""

    type = Integer()
    inherit_cache = True
    name = "elapsed"


@compiles(_Elapsed, "sqlite")
def _compile_elapsed_for_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    since, until = (compiler.process(each, **options) for each in element.clauses)
    return f"CAST(round((julianday({until}) - julianday({since})) * 86400000) AS INTEGER)"


@compiles(_Elapsed, "postgresql")
def _compile_elapsed_for_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    since, until = (compiler.process(each, **options) for each in element.clauses)
    return f"CAST(round(extract(epoch FROM ({until})::timestamptz - ({since})::timestamptz) * 1000) AS BIGINT)"


_UNKNOWN: Final = -1


def _round_to_three_digits(ms: str) -> ColumnElement[int]:
    """Round down to three significant digits, so that there are few different values; _UNKNOWN for null.

    Nothing is below 0: where clocks of imports differ, it took no time.
    """
    steps = (f"WHEN {ms} < {step * 1000} THEN {ms} / {step} * {step}" for step in (1, 10, 100, 1_000, 10_000, 100_000))
    odd = f"WHEN {ms} IS NULL THEN {_UNKNOWN} WHEN {ms} < 0 THEN 0"
    return literal_column(f"CASE {odd} {' '.join(steps)} ELSE {ms} / 1000000 * 1000000 END", Integer)


_STANDS: Final = and_(choices.c.request_id == requests.c.id, choices.c.retracted_at.is_(None))
_WITH_CHOICE: Final = requests.outerjoin(choices, _STANDS)

# A click can overtake the record that candidates were shown; a redraft can, too.
_IS_SHOWN: Final = case(
    (
        or_(requests.c.shown_at.is_not(None), choices.c.kind.is_not(None), requests.c.status == "redrafted"),
        literal_column("1"),
    ),
    else_=literal_column("0"),
)

_SOURCES: Final = literal_column(
    "CASE WHEN requests.retrieved IS NULL THEN NULL WHEN requests.retrieved = '[]' THEN 'none' ELSE 'found' END",
    String,
)

_PLACED: Final = candidates.alias("placed")
_SHOWN_TOGETHER: Final = (
    select(func.count(_PLACED.c.position)).where(_PLACED.c.request_id == requests.c.id).scalar_subquery()
)
# As an agent counts them: where replies are shown as they are done, one that failed leaves its place empty.
_PLACE: Final = (
    select(func.count(_PLACED.c.position))
    .where(_PLACED.c.request_id == requests.c.id, _PLACED.c.position <= candidates.c.position)
    .correlate(requests, candidates)
    .scalar_subquery()
)
_ONE: Final = literal_column("1.0", Float)

# 1 ÷ n!, how probable each order would be if all were alike, by how probable this one was.
_ORDER_WEIGHT: Final = case(
    (requests.c.policy == literal_column("'uniform'"), _ONE),
    (
        and_(requests.c.policy == literal_column("'plackett_luce'"), requests.c.order_propensity > 0),
        _ONE
        / case(
            {n: literal_column(f"{math.factorial(n)}.0", Float) for n in range(1, 11)},
            value=_SHOWN_TOGETHER,
            else_=null(),
        )
        / requests.c.order_propensity,
    ),
    else_=null(),
)


# "From the first on": SQLite then leaves a query within a query as it is, and sorts what it gives rather than all that
# it is made from. Otherwise a sort of drafts would carry ids and times along, and take twice as long.
_FIRST: Final = literal_column("0", Integer)


def _select_outcomes(counts: ColumnElement[bool], by: Dimension | None) -> Executable:
    """Select the numbers of requests by agent, group and outcome."""
    dimensions: dict[Dimension | None, ColumnElement[str]] = {
        "prompt": requests.c.prompt_version,
        "channel": requests.c.channel_id,
        "surface": requests.c.surface,
        "agent": requests.c.agent_id,
    }
    group = dimensions.get(by, literal_column("''"))
    keys = (requests.c.agent_id, requests.c.status, _IS_SHOWN, choices.c.kind, choices.c.reason, _SOURCES)
    return (
        select(
            requests.c.agent_id,
            group.label("group"),
            requests.c.status,
            (literal_column("1") == _IS_SHOWN).label("is_shown"),
            choices.c.kind,
            choices.c.reason,
            _SOURCES.label("sources"),
            func.count().label("requests"),
        )
        .select_from(_WITH_CHOICE)
        .where(counts)
        .group_by(*keys, *([group] if by in dimensions and by != "agent" else []))
    )


def _select_undone(counts: ColumnElement[bool]) -> Executable:
    return (
        select(requests.c.agent_id, func.count().label("choices"))
        .select_from(choices.join(requests, requests.c.id == choices.c.request_id))
        .where(counts, choices.c.retracted_at.is_not(None))
        .group_by(requests.c.agent_id)
    )


def _select_drafts(counts: ColumnElement[bool]) -> Executable:
    """Select the numbers of drafts by model, outcome and latency."""
    # The whole number stands first, and is never null: SQLite sorts by it, and far faster than by texts.
    latency = _round_to_three_digits("candidates.latency_ms")
    keys = (latency, candidates.c.model, candidates.c.error, candidates.c.dropped_reason)
    untold = or_(candidates.c.prompt_tokens.is_(None), candidates.c.completion_tokens.is_(None))
    return (
        select(
            *keys[1:],
            func.nullif(latency, literal_column(str(_UNKNOWN))).label("latency_ms"),
            func.count().label("drafts"),
            func.sum(case((untold, 1), else_=0)).label("untold"),
            func.coalesce(func.sum(candidates.c.prompt_tokens), 0).label("prompt_tokens"),
            func.coalesce(func.sum(candidates.c.completion_tokens), 0).label("completion_tokens"),
        )
        .select_from(requests.join(candidates, candidates.c.request_id == requests.c.id))
        .where(counts)
        .group_by(*keys)
    )


def _select_waits(counts: ColumnElement[bool]) -> Executable:
    """Select the times from the ask to the candidates being visible."""
    waited = (
        select(_Elapsed(requests.c.created_at, requests.c.shown_at).label("ms"))
        .where(counts, requests.c.shown_at.is_not(None))
        .subquery("waited")
    )
    ms = _round_to_three_digits("waited.ms")
    return select(ms.label("ms"), func.count().label("count")).select_from(waited).group_by(ms)


def _select_decisions(counts: ColumnElement[bool]) -> Executable:
    ms = _round_to_three_digits("choices.decision_ms")
    is_accepted = choices.c.kind.in_(("used", "edited"))
    return (
        select(ms.label("ms"), is_accepted.label("is_accepted"), func.count().label("count"))
        .select_from(requests.join(choices, _STANDS))
        .where(counts, choices.c.decision_ms.is_not(None))
        .group_by(ms, is_accepted)
    )


_IS_DISMISSED: Final = and_(_STANDS, choices.c.kind == "dismissed")


def _select_dismissals(counts: ColumnElement[bool]) -> Executable:
    keys = (requests.c.agent_id, choices.c.reason, requests.c.channel_id, requests.c.locale)
    return (
        select(
            *keys[:2], requests.c.channel_id.label("channel"), requests.c.locale.label("language"),
            func.count().label("requests"),
        )
        .select_from(requests.join(choices, _IS_DISMISSED))
        .where(counts)
        .group_by(*keys)
    )  # fmt: skip


def _select_dismissed_styles(counts: ColumnElement[bool]) -> Executable:
    """Select the reasons by the styles that were shown: each style counts once a request."""
    keys = (requests.c.agent_id, choices.c.reason, candidates.c.style)
    return (
        select(*keys, func.count(distinct(requests.c.id)).label("requests"))
        .select_from(requests.join(choices, _IS_DISMISSED).join(candidates, candidates.c.request_id == requests.c.id))
        .where(counts, candidates.c.position.is_not(None))
        .group_by(*keys)
    )


def _select_similarities(counts: ColumnElement[bool]) -> Executable:
    hundredths = literal_column("CAST(round(choices.edit_similarity * 100) AS INTEGER)", Integer)
    return (
        select(hundredths.label("hundredths"), func.count().label("edits"))
        .select_from(requests.join(choices, _STANDS))
        .where(counts, choices.c.kind == "edited", choices.c.edit_similarity.is_not(None))
        .group_by(hundredths)
    )


def _select_picks(counts: ColumnElement[bool]) -> Executable:
    """Select the numbers of picks by agent, position and how many were shown together."""
    picks = (
        select(
            requests.c.agent_id,
            _SHOWN_TOGETHER.label("shown_together"),
            _PLACE.label("position"),
            _ORDER_WEIGHT.label("weight"),
        )
        .select_from(requests.join(choices, _STANDS).join(candidates, candidates.c.id == choices.c.candidate_id))
        .where(counts, candidates.c.position.is_not(None))
        .offset(_FIRST)
        .subquery("picks")
    )
    keys = (picks.c.shown_together, picks.c.position, picks.c.agent_id)
    return select(
        *keys,
        func.count().label("picks"),
        func.count(picks.c.weight).label("weighted"),
        func.coalesce(func.sum(picks.c.weight), 0.0).label("weight"),
        func.coalesce(func.sum(picks.c.weight * picks.c.weight), 0.0).label("squares"),
    ).group_by(*keys)


def _select_fates(counts: ColumnElement[bool], name: ColumnElement[str]) -> Executable:
    """Select the numbers of drafts by agent, name (style or model) and fate."""
    weight = _ORDER_WEIGHT / candidates.c.inclusion_propensity
    is_uniform = requests.c.policy == literal_column("'uniform'")
    even = case(
        (and_(is_uniform, candidates.c.first_propensity.is_not(None)), candidates.c.first_propensity),
        else_=_ONE / _SHOWN_TOGETHER,
    )
    is_picked_from = and_(candidates.c.position.is_not(None), choices.c.candidate_id.is_not(None))
    displays = (
        select(
            requests.c.agent_id,
            name.label("name"),
            _FATE.label("fate"),
            weight.label("weight"),
            case((is_picked_from, weight * even), else_=null()).label("even"),
            requests.c.styles_off,
        )
        .select_from(_WITH_CHOICE.join(candidates, candidates.c.request_id == requests.c.id))
        .where(counts)
        .offset(_FIRST)
        .subquery("displays")
    )
    keys = (displays.c.fate, displays.c.name, displays.c.agent_id)
    return select(
        *keys,
        func.count().label("drafts"),
        func.count(displays.c.weight).label("weighted"),
        func.coalesce(func.sum(displays.c.weight), 0.0).label("weight"),
        func.coalesce(func.sum(displays.c.even), 0.0).label("even"),
        func.count(displays.c.styles_off).label("styles_off"),
    ).group_by(*keys)


# Where replies are shown one by one, a decision ends those that are late: that is not their failure.
_IS_LATE: Final = or_(candidates.c.error == literal_column("'cancelled'"), candidates.c.shown_at > choices.c.chosen_at)

_FATE: Final = case(
    (_IS_LATE, literal_column("'not_selected'")),
    (candidates.c.error.is_not(None), literal_column("'failed'")),
    (candidates.c.dropped_reason == literal_column("'near_duplicate'"), literal_column("'near_duplicate'")),
    (candidates.c.dropped_reason.is_not(None), literal_column("'not_selected'")),
    (or_(candidates.c.position.is_(None), literal_column("0") == _IS_SHOWN), literal_column("'unseen'")),
    (choices.c.candidate_id == candidates.c.id, choices.c.kind),
    else_=literal_column("'passed_over'"),
)
