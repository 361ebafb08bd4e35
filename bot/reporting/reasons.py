"""Reasons of dismissals: the one given most, and those of each style, channel and language."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from bot.reporting.report import LeadingReason, Reason, ReasonDimension, ReasonGroup
from bot.stats.cluster_intervals import MIN_CLUSTERS, Values, estimate_mean, estimate_share
from storage.queries.reports import DismissalCell

LARGEST: Final = 12
"""As many groups of one kind are told, the largest first."""

_BY: Final[tuple[ReasonDimension, ...]] = ("style", "channel", "language")

Counts = Mapping[str | None, Counter[str]]


class ReasonTotals:
    """Adds up dismissals by reason, agent and group."""

    def __init__(self) -> None:
        self._all: defaultdict[str | None, Counter[str]] = defaultdict(Counter)
        self._groups: defaultdict[tuple[ReasonDimension, str], defaultdict[str | None, Counter[str]]] = defaultdict(
            lambda: defaultdict(Counter)
        )

    def add(self, cell: DismissalCell) -> None:
        if not cell.style:
            self._all[cell.reason][cell.agent_id] += cell.requests
        for by in _BY:
            if name := getattr(cell, by):
                self._groups[by, name][cell.reason][cell.agent_id] += cell.requests

    def reasons(self) -> tuple[Reason, ...]:
        """Estimate the share of each reason, the most frequent first."""
        return _estimate_reasons(self._all)

    def leading(self) -> LeadingReason | None:
        """Compare the reason given most with the next one; None if nobody gave any."""
        given = [reason for reason, _ in _sort_reasons(self._all) if reason is not None]
        if not given:
            return None
        agents = _list_agents(self._all)
        first, second = (_count_by_agent(self._all, reason, agents) for reason in (given[0], (given[1:] or [""])[0]))
        dismissed = sum((_count_by_agent(self._all, reason, agents) for reason in self._all), np.zeros(len(agents)))
        return LeadingReason(
            reason=given[0],
            next=given[1] if len(given) > 1 else None,
            difference=estimate_mean(first - second, dismissed),
        )

    def groups(self, *, individuals: bool) -> tuple[ReasonGroup, ...]:
        """Build the largest groups of each kind; those of few agents among many are withheld."""
        everybody = len(_list_agents(self._all))
        built = [
            _build_group(by, name, counts, fewest=0 if individuals else min(MIN_CLUSTERS, everybody))
            for (by, name), counts in self._groups.items()
        ]
        built.sort(key=lambda group: (-group.dismissed, group.name))
        return tuple(group for by in _BY for group in [each for each in built if each.by == by][:LARGEST])


def _build_group(by: ReasonDimension, name: str, counts: Counts, *, fewest: int) -> ReasonGroup:
    agents = len(_list_agents(counts))
    return ReasonGroup(
        by=by,
        name=name,
        dismissed=sum(each.total() for each in counts.values()),
        agents=agents,
        is_withheld=agents < fewest,
        reasons=() if agents < fewest else _estimate_reasons(counts),
    )


def _estimate_reasons(counts: Counts) -> tuple[Reason, ...]:
    agents = _list_agents(counts)
    of = sum((_count_by_agent(counts, reason, agents) for reason in counts), np.zeros(len(agents)))
    return tuple(
        Reason(reason=reason, estimate=estimate_share(_count_by_agent(counts, reason, agents), of))
        for reason, _ in _sort_reasons(counts)
    )


def _sort_reasons(counts: Counts) -> list[tuple[str | None, Counter[str]]]:
    return sorted(counts.items(), key=lambda item: (-item[1].total(), str(item[0])))


def _list_agents(counts: Counts) -> list[str]:
    return sorted(set().union(*counts.values()))


def _count_by_agent(counts: Counts, reason: str | None, agents: Sequence[str]) -> Values:
    known = counts.get(reason, Counter())
    return np.array([known[agent] for agent in agents], dtype=float)
