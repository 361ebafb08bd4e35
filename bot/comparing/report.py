"""Comparisons in numbers: wins of each side, their interval by reviewer, and the agreement of reviewers."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from bot.comparing.review import Outcome, judge
from bot.stats.cluster_intervals import MIN_CASES, MIN_CLUSTERS, estimate_share
from storage.queries.log_entries import ChoiceLog
from storage.records import LogEntry, Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class WinRate:
    """The share of picks that side `a` wins, ties and rows where both were bad being half a win."""

    value: float | None
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Krippendorff's alpha of the answers: 1 is full agreement, 0 what chance gives; None where nothing overlaps."""

    alpha: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonResult:
    """One comparison. `needed` is how many more picks an interval takes at least, 0 where there is one."""

    id: str
    rows: int
    reviewers: int
    picks: int
    a_wins: int
    b_wins: int
    ties: int
    both_bad: int
    skipped: int
    win_rate: WinRate
    enough: bool
    needed: int
    agreement: Agreement


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareReport:
    """All comparisons of a log, the oldest first."""

    comparisons: tuple[ComparisonResult, ...]


@dataclass(slots=True)
class _Answers:
    """The answers of one comparison, by row and reviewer: none is counted twice."""

    by_place: dict[tuple[Hashable, str], Outcome] = field(default_factory=dict)


async def read_report(log: ChoiceLog) -> CompareReport:
    """Build the report of a whole log; simulated rows too: a comparison is simulated as a whole or not at all."""
    return await build_report(log.iter_entries(Selection(include_simulated=True, is_compared=True)))


async def build_report(entries: AsyncIterable[LogEntry]) -> CompareReport:
    """Build the report of a log, in which entries of other surfaces are passed over."""
    found: dict[str, _Answers] = defaultdict(_Answers)
    async for entry in entries:
        request, outcome = entry.request, judge(entry)
        if request.surface == "compare" and request.comparison and outcome is not None:
            row = request.id if request.input_row is None else request.input_row
            found[request.comparison].by_place[row, request.agent_id] = outcome
    return CompareReport(comparisons=tuple(_summarise(id_, each.by_place) for id_, each in found.items()))


def _summarise(comparison: str, answers: dict[tuple[Hashable, str], Outcome]) -> ComparisonResult:
    counts = Counter(answers.values())
    picks = counts.total() - counts["skipped"]
    rate, missing = _estimate_win_rate(answers), _count_missing(answers)
    units: dict[Hashable, list[Outcome]] = defaultdict(list)
    for (row, _), outcome in answers.items():
        if outcome != "skipped":
            units[row].append(outcome)
    return ComparisonResult(
        id=comparison,
        rows=len({row for row, _ in answers}),
        reviewers=len({reviewer for _, reviewer in answers}),
        picks=picks,
        a_wins=counts["a"],
        b_wins=counts["b"],
        ties=counts["tie"],
        both_bad=counts["both_bad"],
        skipped=counts["skipped"],
        win_rate=rate,
        enough=rate.lower is not None,
        needed=missing if rate.lower is None else 0,
        agreement=Agreement(alpha=compute_alpha(units.values())),
    )


def _estimate_win_rate(answers: dict[tuple[Hashable, str], Outcome]) -> WinRate:
    """Estimate the share of wins, each reviewer a cluster."""
    points: dict[str, float] = defaultdict(float)
    picks: Counter[str] = Counter()
    for (_, reviewer), outcome in answers.items():
        if outcome != "skipped":
            picks[reviewer] += 1
            points[reviewer] += {"a": 1.0, "b": 0.0}.get(outcome, 0.5)
    won = np.array([points[reviewer] for reviewer in picks], dtype=np.float64)
    share = estimate_share(won, np.array(list(picks.values()), dtype=np.float64))
    return WinRate(value=share.value, lower=share.low, upper=share.high)


def _count_missing(answers: dict[tuple[Hashable, str], Outcome]) -> int:
    """Count the picks that an interval takes beyond these, with those of reviewers who have none yet."""
    picks = Counter(reviewer for (_, reviewer), outcome in answers.items() if outcome != "skipped")
    others = max(0, MIN_CLUSTERS - len(picks))
    return max(MIN_CASES - picks.total(), others * max(1, MIN_CASES // MIN_CLUSTERS))


def compute_alpha(units: Iterable[Sequence[Hashable]]) -> float | None:
    """Compute Krippendorff's alpha for nominal values, given those of each unit; missing ones are left out.

    1 - (n - 1)·D / (n² - Σ n_c²), where D sums the pairs that differ, each unit's over its values less one
    (Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011). None where no two values meet, or all are equal.
    """
    totals: Counter[Hashable] = Counter()
    disagreement = 0.0
    for values in units:
        if len(values) < 2:
            continue
        counts = Counter(values)
        totals.update(counts)
        differing = len(values) ** 2 - sum(count * count for count in counts.values())
        disagreement += differing / (len(values) - 1)
    n = totals.total()
    expected = n * n - sum(count * count for count in totals.values())
    return None if expected == 0 else 1 - (n - 1) * disagreement / expected
