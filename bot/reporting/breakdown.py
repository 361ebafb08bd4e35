"""The report by one dimension: style, model, prompt, agent, channel or surface.

What is a property of requests (prompt, agent, channel, surface) has their rates.

Styles and models are properties of candidates, and a candidate can be picked only where it was there: they are counted
by draft and by display. Which styles are drafted and in which order they stand is drawn by chance, so what differs
between styles is due to them, unless agents or channels had some switched off. Drafts and displays are weighted by 1 ÷
their probabilities, so that this holds when the number of styles, or the way of ordering, changes on the way.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final, Literal

import numpy as np

from bot.reporting.rates import WEEKLY, estimate_rates
from bot.reporting.report import Breakdown, Group, Note, NoteCode, Rate, RateBase, RateCase
from bot.reporting.tally import OutcomeTally, classify_outcome
from bot.stats.cluster_intervals import MIN_CLUSTERS, Estimate, estimate_mean, estimate_share
from storage.queries.reports import Dimension, FateCell, OutcomeCell

MANY: Final = 20
"""With so many groups, one in twenty intervals misses the truth by chance alone: that is said."""

_SEEN: Final = ("passed_over", "used", "edited")
_PICKED: Final = ("used", "edited")

Sum = Literal["drafts", "weighted", "weight", "even"]


class RequestBreakdown:
    """Adds up the outcomes of requests by group.

    A group of one agent has weeks for clusters: nothing else varies.
    """

    def __init__(self, by: Dimension, *, individuals: bool) -> None:
        self._by = by
        self._individuals = individuals
        self._tallies: defaultdict[str, OutcomeTally] = defaultdict(OutcomeTally)
        self._agents: defaultdict[str, set[str]] = defaultdict(set)

    def add(self, cell: OutcomeCell) -> None:
        cluster = cell.week.isoformat() if self._by == "agent" else cell.agent_id
        self._tallies[cell.group].add(cluster, classify_outcome(cell), cell.requests)
        self._agents[cell.group].add(cell.agent_id)

    def breakdown(self) -> Breakdown:
        """Build the breakdown, the largest group first."""
        everybody = len(set().union(*self._agents.values())) if self._agents else 0
        groups = [self._build_group(name, everybody) for name in self._tallies]
        groups.sort(key=lambda group: (-group.count, group.name))
        notes = [Note(code="by_week")] if self._by == "agent" else []
        if withheld := sum(group.is_withheld for group in groups):
            notes.append(Note(code="withheld", count=withheld))
        return Breakdown(by=self._by, groups=tuple(groups), notes=(*notes, *_note_many_groups(groups)))

    def _build_group(self, name: str, everybody: int) -> Group:
        """Build a group, withheld if it is of few agents among many."""
        agents = len(self._agents[name])
        # A group of few among many would tell how those few do, without having been asked about them.
        withheld = not self._individuals and agents < min(MIN_CLUSTERS, everybody)
        tally = self._tallies[name]
        return Group(
            name=name,
            count=tally.total("eligible"),
            agents=agents,
            is_withheld=withheld,
            rates=() if withheld else estimate_rates(tally, WEEKLY),
        )


class DraftBreakdown:
    """Adds up the fates of drafts, by style or model and by agent."""

    def __init__(self, by: Dimension) -> None:
        self._by = by
        self._cells: defaultdict[str, defaultdict[str, list[FateCell]]] = defaultdict(lambda: defaultdict(list))
        self._weighted = 0
        self._unweighted = 0
        self._not_selected = 0
        self._styles_off = 0

    def add(self, cell: FateCell) -> None:
        self._cells[cell.name][cell.agent_id].append(cell)
        self._weighted += cell.weighted
        self._unweighted += cell.drafts - cell.weighted
        self._not_selected += cell.drafts if cell.fate == "not_selected" else 0
        self._styles_off += cell.styles_off if self._by == "style" else 0

    def breakdown(self, *, learned: bool, newest: int = 0) -> Breakdown:
        """Build the breakdown. `learned`: some orders were made by a ranker, and so are weighted.

        `newest`: the weeks that it is of, where it is not of all.
        """
        groups = [self._build_group(name) for name in self._cells]
        groups.sort(key=lambda group: (-(_value_or_below(group.rates[0].estimate)), group.name))
        counts: dict[NoteCode, int] = {
            "inclusion_unknown": self._unweighted,
            "not_selected": self._not_selected,
            "styles_off": self._styles_off,
            "order_learned": int(learned),
            "newest_weeks": newest,
        }
        notes = [Note(code=code, count=count) for code, count in counts.items() if count]
        # Where something was decided early, or the order is not known, speed or place may be what is liked; where
        # styles were switched off, not chance alone decided who saw which.
        if self._by == "style" and self._weighted and not self._not_selected and not self._styles_off:
            notes.insert(0, Note(code="randomised"))
        return Breakdown(by=self._by, groups=tuple(groups), notes=(*notes, *_note_many_groups(groups)))

    def _build_group(self, name: str) -> Group:
        """Build a style's or model's group."""
        agents = list(self._cells[name].values())
        drafts = sum(cell.drafts for cells in agents for cell in cells)

        def of(field: Sum, fates: Iterable[str] | None = None) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
            return np.array(
                [
                    sum(getattr(cell, field) for cell in cells if fates is None or cell.fate in fates)
                    for cells in agents
                ],
                dtype=float,
            )

        def rate(case: RateCase, base: RateBase, estimate: Estimate) -> Rate:
            return Rate(case=case, of=base, estimate=estimate)

        picked, seen = of("weight", _PICKED), of("weight", _SEEN)
        displays, all_drafts = of("weighted", _SEEN).sum(), of("weighted").sum()
        even = of("even", _SEEN)
        found = (
            rate("picked", "displays", estimate_share(picked, seen, counted=displays)),
            rate("picked", "drafts", estimate_share(picked, of("weight"), counted=all_drafts)),
            rate("used", "picks", estimate_share(of("drafts", ("used",)), of("drafts", _PICKED))),
            rate("failed", "drafts", estimate_share(of("drafts", ("failed",)), of("drafts"))),
            rate("near_duplicate", "drafts", estimate_share(of("drafts", ("near_duplicate",)), of("drafts"))),
        )
        return Group(
            name=name,
            count=drafts,
            agents=len(agents),
            is_withheld=False,
            rates=found,
            even=float(even.sum() / seen.sum()) if seen.sum() > 0 else None,
            against_even=estimate_mean(picked - even, seen, counted=displays),
        )


def _value_or_below(estimate: Estimate) -> float:
    return -1.0 if estimate.value is None else estimate.value


def _note_many_groups(groups: Iterable[Group]) -> tuple[Note, ...]:
    count = sum(not group.is_withheld for group in groups)
    return (Note(code="many_groups", count=count),) if count >= MANY else ()
