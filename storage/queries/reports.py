"""The log counted, for reports: requests are read a slice of time at a time, one query for all that is counted of them.

What comes back are cells, one for each combination that occurs, so memory does not grow with the number of requests.
"""

import math
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    String,
    and_,
    case,
    desc,
    false,
    func,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from storage.engine.database import Database
from storage.queries.columns import (
    UNKNOWN,
    Coded,
    Columns,
    Numbers,
    count_rows,
    is_in,
    read_columns,
    round_to_three_digits,
    translate,
)
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

SLICE: Final = 50_000
"""Requests that are read at once: their columns are in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeCell:
    """Number of requests of one agent, in one week and group, that ended alike; `group` is "" without a dimension.

    `week` is its Monday. `sources` is None where no knowledge was searched.
    """

    agent_id: str
    week: date
    group: str
    status: Status
    is_shown: bool
    kind: ChoiceKind | None
    reason: DismissReason | None
    sources: Sources | None
    requests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoCell:
    """Number of choices of one agent that were taken back, of requests of one week."""

    agent_id: str
    week: date
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
        """Find the times of the first and last request that count, by the index; None without any."""
        async with self._database.read() as connection:
            query, at = select(requests.c.created_at).where(_build_condition(selection)).limit(1), requests.c.created_at
            first, last = [await connection.scalar(query.order_by(order)) for order in (at, desc(at))]
            return None if first is None else (first, last)

    async def iter_slices(self, selection: Selection, *, cut: datetime | None) -> AsyncIterator[Selection]:
        """Iterate over parts of the selection, each of SLICE requests unless more have one time; one ends at `cut`.

        What lies before the first request that counts, and after the last one, is in none.
        """
        span = await self.find_span(selection)
        since = None if span is None else span[0]
        while since is not None:
            until = await self._find_slice_end(replace(selection, since=since))
            if cut is not None and since < cut and (until is None or cut < until):
                until = cut
            yield replace(selection, since=since, until=until or selection.until)
            since = until

    async def _find_slice_end(self, rest: Selection) -> datetime | None:
        """Find the time of the first request after the next SLICE ones; None if there is none."""
        at = requests.c.created_at
        query = select(at).where(build_period_condition(replace(rest, team_id=None))).order_by(at).limit(1)
        async with self._database.read() as connection:
            found: datetime | None = await connection.scalar(query.offset(SLICE))
            if found is not None and found == rest.since:
                found = await connection.scalar(query.where(at > found))
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

    async def count_undone(self, selection: Selection) -> tuple[UndoCell, ...]:
        """Count the choices of the requests selected that were taken back."""
        undone = (
            select(requests.c.agent_id, _DAY.label("day"))
            .select_from(choices.join(requests, requests.c.id == choices.c.request_id))
            .where(_build_condition(selection), choices.c.retracted_at.is_not(None))
        )
        async with self._database.read() as connection:
            found = await read_columns(connection, undone)
        return count_rows(UndoCell, {"agent_id": found["agent_id"], "week": _find_weeks(found["day"])}, count="choices")

    async def read_outcomes(self, selection: Selection) -> tuple[OutcomeCell, ...]:
        """Read how the requests selected ended, and nothing else."""
        async with self._database.read() as connection:
            return _count_outcomes(await read_columns(connection, _select_outcomes(_build_condition(selection))))

    async def read_cells(self, selection: Selection, by: Collection[Dimension] = ()) -> ReportCells:
        """Read the cells of the requests selected, with groups by each of `by`, in one transaction."""
        counts = _build_condition(selection)
        of_requests = {dimension: _GROUPS[dimension] for dimension in by if dimension not in DRAFT_DIMENSIONS}
        of_drafts = [dimension for dimension in by if dimension in DRAFT_DIMENSIONS]
        async with self._database.read() as connection:
            asked = await read_columns(connection, _select_requests(counts, of_requests))
            drafts = await read_columns(connection, _select_drafts(counts, of_drafts))
        found = _Displays(asked, drafts)
        return ReportCells(
            outcomes=_count_outcomes(asked),
            drafts=_count_drafts(drafts),
            waits=_count_waits(asked),
            decisions=_count_decisions(asked),
            similarities=_count_similarities(asked),
            picks=_count_picks(found),
            dismissals=(*_count_dismissals(asked), *_count_dismissed_styles(found)),
            groups={
                **{dimension: _count_outcomes(asked, group=dimension) for dimension in of_requests},
                **{dimension: _count_fates(found, dimension) for dimension in of_drafts},
            },
        )


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


class _Number(FunctionElement[int]):
    """SQL expression: a request's number, the same in each query of a transaction; far shorter than its id."""

    type = Integer()
    inherit_cache = True
    name = "number"


@compiles(_Number, "sqlite")
def _compile_number_for_sqlite(_: Any, __: Any, **___: Any) -> str:
    return "requests.rowid"


@compiles(_Number, "postgresql")
def _compile_number_for_postgresql(_: Any, __: Any, **___: Any) -> str:
    return "row_number() OVER (ORDER BY requests.created_at, requests.id)"


_STANDS: Final = and_(choices.c.request_id == requests.c.id, choices.c.retracted_at.is_(None))
_WITH_CHOICE: Final = requests.outerjoin(choices, _STANDS)

# A click can overtake the record that candidates were shown; a redraft can, too.
_YES, _NO = (literal_column(number, Integer) for number in "10")
_IS_SHOWN: Final = case(
    (or_(requests.c.shown_at.is_not(None), choices.c.kind.is_not(None), requests.c.status == "redrafted"), _YES),
    else_=_NO,
)

_SOURCES: Final = literal_column(
    "CASE WHEN requests.retrieved IS NULL THEN NULL WHEN requests.retrieved = '[]' THEN 'none' ELSE 'found' END",
    String,
)
_DAY: Final = literal_column("substr(requests.created_at, 1, 10)", String)

_GROUPS: Final[dict[Dimension, ColumnElement[str]]] = {
    "prompt": requests.c.prompt_version,
    "channel": requests.c.channel_id,
    "surface": requests.c.surface,
    "agent": requests.c.agent_id,
}


# --- requests -----------------------------------------------------------------------------------------

_OUTCOME: Final = (
    requests.c.agent_id,
    _DAY.label("day"),
    requests.c.status,
    _IS_SHOWN.label("is_shown"),
    choices.c.kind,
    choices.c.reason,
    _SOURCES.label("sources"),
)


def _select_outcomes(counts: ColumnElement[bool]) -> Select[Any]:
    return select(*_OUTCOME).select_from(_WITH_CHOICE).where(counts)


def _select_requests(counts: ColumnElement[bool], groups: Mapping[Dimension, ColumnElement[str]]) -> Select[Any]:
    """Select all that is counted of requests."""
    is_dismissed = choices.c.kind == literal_column("'dismissed'")
    hundredths = literal_column("CAST(round(choices.edit_similarity * 100) AS INTEGER)", Integer)
    columns: dict[str, ColumnElement[Any]] = {
        "wait": _Elapsed(requests.c.created_at, requests.c.shown_at),
        "decision": choices.c.decision_ms,
        "hundredths": case((choices.c.kind == literal_column("'edited'"), hundredths)),
        "channel_of_dismissal": case((is_dismissed, requests.c.channel_id)),
        "language_of_dismissal": case((is_dismissed, requests.c.locale)),
        "styles_off": case((requests.c.styles_off.is_not(None), _YES), else_=_NO),
        **{str(dimension): column for dimension, column in groups.items()},
    }
    return (
        select(
            *(_Number().label("number"), requests.c.policy, requests.c.order_propensity),
            *_OUTCOME,
            *(column.label(name) for name, column in columns.items()),
        )
        .select_from(_WITH_CHOICE)
        .where(counts)
    )


def _find_weeks(days: Coded) -> Coded:
    """Find the Monday of each day."""
    return translate(days, {day: _find_monday(date.fromisoformat(day)) for day in days.values})


def _find_monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _count_outcomes(found: Columns, group: str = "") -> tuple[OutcomeCell, ...]:
    keys: dict[str, Coded] = {name: found[name] for name in ("agent_id", "status", "kind", "reason", "sources")}
    is_shown = Coded(found["is_shown"], (False, True))
    groups = found[group] if group else Coded(np.zeros_like(found["is_shown"]), ("",))
    keys |= {"week": _find_weeks(found["day"]), "is_shown": is_shown, "group": groups}
    return count_rows(OutcomeCell, keys, count="requests")


def _count_waits(found: Columns) -> tuple[TimeCell, ...]:
    ms = found["wait"]
    return count_rows(TimeCell, {"ms": _round_time(ms)}, where=ms != UNKNOWN, count="count")


def _count_decisions(found: Columns) -> tuple[DecisionCell, ...]:
    ms = found["decision"]
    is_accepted = is_in(found["kind"], {"used", "edited"}).astype(np.int64)
    keys: dict[str, Coded | Numbers] = {"ms": _round_time(ms), "is_accepted": Coded(is_accepted, (False, True))}
    return count_rows(DecisionCell, keys, where=ms != UNKNOWN, count="count")


def _count_similarities(found: Columns) -> tuple[SimilarityCell, ...]:
    hundredths = found["hundredths"]
    return count_rows(SimilarityCell, {"hundredths": hundredths}, where=hundredths != UNKNOWN, count="edits")


def _count_dismissals(found: Columns) -> tuple[DismissalCell, ...]:
    """Count the reasons of dismissals by channel and language."""
    keys: dict[str, Coded] = {
        "agent_id": found["agent_id"],
        "reason": found["reason"],
        "channel": found["channel_of_dismissal"],
        "language": found["language_of_dismissal"],
    }
    return count_rows(DismissalCell, keys, where=is_in(found["kind"], {"dismissed"}), count="requests")


def _round_time(ms: Numbers) -> Numbers:
    """Round a column of times. Nothing is below 0: where clocks of imports differ, it took no time."""
    return round_to_three_digits(np.maximum(ms, 0))


# --- drafts -------------------------------------------------------------------------------------------


def _select_drafts(counts: ColumnElement[bool], names: Collection[Dimension]) -> Select[Any]:
    """Select all that is counted of drafts; with what became of those that are told by name (style or model).

    One that failed was not dropped as well.
    """
    asked = (
        select(_Number().label("number"), requests.c.id, choices.c.kind, choices.c.candidate_id, choices.c.chosen_at)
        .select_from(_WITH_CHOICE)
        .where(counts)
        .offset(literal_column("0", Integer))  # SQLite then looks each choice up once a request, not once a draft
        .subquery("asked")
    )
    style = candidates.c.style if "style" in names else case((asked.c.kind == "dismissed", candidates.c.style))
    # Where replies are shown one by one, a decision ends those that are late: that is not their failure.
    is_late = or_(candidates.c.error == literal_column("'cancelled'"), candidates.c.shown_at > asked.c.chosen_at)
    of_fates = (
        case((is_late, _YES), else_=_NO).label("is_late"),
        candidates.c.inclusion_propensity,
        candidates.c.first_propensity,
    )
    return select(
        asked.c.number,
        candidates.c.model,
        style.label("style"),
        func.coalesce(candidates.c.error, candidates.c.dropped_reason).label("loss"),
        candidates.c.latency_ms,
        candidates.c.prompt_tokens,
        candidates.c.completion_tokens,
        candidates.c.position,
        case((asked.c.candidate_id == candidates.c.id, _YES), else_=_NO).label("is_picked"),
        *(of_fates if names else ()),
    ).select_from(asked.join(candidates, candidates.c.request_id == asked.c.id))


def _count_drafts(found: Columns) -> tuple[DraftCell, ...]:
    """Count drafts by model, outcome and latency."""
    loss, latency = found["loss"], found["latency_ms"]
    prompt, completion = found["prompt_tokens"], found["completion_tokens"]
    return count_rows(
        DraftCell,
        {
            "model": found["model"],
            "error": translate(loss, dict.fromkeys(get_args(DroppedReason))),
            "dropped_reason": translate(loss, dict.fromkeys(get_args(DraftError))),
            "latency_ms": np.where(latency == UNKNOWN, UNKNOWN, _round_time(latency)),
        },
        count="drafts",
        sums={
            "untold": ((prompt == UNKNOWN) | (completion == UNKNOWN)).astype(np.int64),
            "prompt_tokens": np.maximum(prompt, 0),
            "completion_tokens": np.maximum(completion, 0),
        },
    )


# --- displays -----------------------------------------------------------------------------------------

_FATES: Final[tuple[Fate, ...]] = get_args(Fate)


class _Displays:
    """Drafts beside their requests: what was shown together, and how probable that order was."""

    def __init__(self, asked: Columns, drafts: Columns) -> None:
        self.asked = asked
        self.drafts = drafts
        order = np.argsort(asked["number"])
        self.request = order[np.searchsorted(asked["number"], drafts["number"], sorter=order)]
        self.is_shown = drafts["position"] != UNKNOWN
        self.is_picked = drafts["is_picked"] == 1
        self.shown_together = self.count_by_request(self.is_shown)
        self.is_uniform = is_in(asked["policy"], {"uniform"})

    def count_by_request(self, drafts: NDArray[np.bool_]) -> Numbers:
        """Count some of the drafts of each request."""
        return np.bincount(self.request[drafts], minlength=len(self.asked["is_shown"]))

    def of_request(self, name: str) -> Coded:
        """Return a column of requests, for each draft."""
        column = self.asked[name]
        return Coded(column.codes[self.request], column.values)

    def weigh_orders(self) -> Numbers:
        """Weigh requests by 1 ÷ n!, how probable each order would be if all were alike, by how probable this one was.

        It is UNKNOWN where that is.
        """
        propensity, together = self.asked["order_propensity"], np.minimum(self.shown_together, _LONGEST_ORDER + 1)
        is_known = is_in(self.asked["policy"], {"plackett_luce"}) & (propensity > 0) & np.isin(together, _LENGTHS)
        learned = np.divide(_ORDERS[together], propensity, out=np.full(len(propensity), UNKNOWN, float), where=is_known)
        return np.where(self.is_uniform, 1.0, learned)


_LONGEST_ORDER: Final = 10
_LENGTHS: Final = np.arange(1, _LONGEST_ORDER + 1)
_ORDERS: Final = np.array([1 / math.factorial(n) for n in range(_LONGEST_ORDER + 2)])


def _count_picks(found: _Displays) -> tuple[PickCell, ...]:
    """Count picks by agent, position and how many were shown together.

    It is as an agent counts: where replies are shown as they are done, one that failed leaves its place empty.
    """
    position, request = found.drafts["position"], found.request
    is_pick = found.is_shown & found.is_picked
    picked = np.full(len(found.shown_together), UNKNOWN)
    picked[request[is_pick]] = position[is_pick]
    place = found.count_by_request(found.is_shown & (position <= picked[request]))
    weight = found.weigh_orders()
    is_known, known_weight = weight != UNKNOWN, np.where(weight == UNKNOWN, 0.0, weight)
    return count_rows(
        PickCell,
        {"agent_id": found.asked["agent_id"], "shown_together": found.shown_together, "position": place},
        where=picked != UNKNOWN,
        count="picks",
        sums={"weighted": is_known.astype(np.int64), "weight": known_weight, "squares": known_weight**2},
    )


def _count_dismissed_styles(found: _Displays) -> tuple[DismissalCell, ...]:
    """Count the reasons of dismissals by the styles that were shown: each style counts once a request."""
    style = found.drafts["style"]
    is_counted = found.is_shown & is_in(found.of_request("kind"), {"dismissed"})
    request, code = np.divmod(
        np.unique(found.request[is_counted] * len(style.values) + style.codes[is_counted]), max(1, len(style.values))
    )
    keys = {name: Coded(found.asked[name].codes[request], found.asked[name].values) for name in ("agent_id", "reason")}
    return count_rows(DismissalCell, keys | {"style": Coded(code, style.values)}, count="requests")


def _count_fates(found: _Displays, name: Dimension) -> tuple[FateCell, ...]:
    """Count drafts by agent, name and fate."""
    drafts, request = found.drafts, found.request
    inclusion, first = drafts["inclusion_propensity"], drafts["first_propensity"]
    order = found.weigh_orders()[request]
    is_known = (order != UNKNOWN) & (inclusion > 0)
    weight = np.divide(order, inclusion, out=np.zeros(len(order)), where=is_known)
    together = np.maximum(found.shown_together, 1)[request]
    share = np.where(found.is_uniform[request] & (first != UNKNOWN), first, 1 / together)
    is_picked_from = found.is_shown & (found.count_by_request(found.is_picked) > 0)[request]
    return count_rows(
        FateCell,
        {"agent_id": found.of_request("agent_id"), "name": drafts[name], "fate": _classify_fates(found)},
        count="drafts",
        sums={
            "weighted": is_known.astype(np.int64),
            "weight": weight,
            "even": np.where(is_picked_from, weight * share, 0.0),
            "styles_off": found.asked["styles_off"][request],
        },
    )


def _classify_fates(found: _Displays) -> Coded:
    loss = found.drafts["loss"]
    fates: tuple[tuple[NDArray[np.bool_], Fate], ...] = (
        (found.drafts["is_late"] == 1, "not_selected"),
        (is_in(loss, get_args(DraftError)), "failed"),
        (is_in(loss, {"near_duplicate"}), "near_duplicate"),
        (is_in(loss, {"not_selected"}), "not_selected"),
        (~found.is_shown | (found.asked["is_shown"][found.request] == 0), "unseen"),
        (~found.is_picked, "passed_over"),
        (is_in(found.of_request("kind"), {"edited"}), "edited"),
    )
    codes = np.select([each for each, _ in fates], [_FATES.index(fate) for _, fate in fates], _FATES.index("used"))
    return Coded(codes, _FATES)
