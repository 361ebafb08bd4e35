"""Statistics of drafts: latency, tokens and cost, failures, edits; and the effect of positions on picks."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping

import numpy as np

from bot.reporting.prices import Prices
from bot.reporting.report import (
    BINS,
    Cost,
    Drafts,
    Edits,
    Failure,
    Latency,
    ModelCost,
    PositionShare,
    PositionShares,
    SimilarityBin,
    TimeSaved,
)
from bot.stats.cluster_intervals import estimate_share
from storage.queries.reports import DecisionCell, DraftCell, PickCell, SimilarityCell, TimeCell


class DraftTotals:
    """Adds up the cells of drafts, slice by slice."""

    def __init__(self) -> None:
        self._latency: defaultdict[str, Counter[int]] = defaultdict(Counter)
        self._came: Counter[str] = Counter()
        self._untold: Counter[str] = Counter()
        self._prompt: Counter[str] = Counter()
        self._completion: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self.total = 0

    def add(self, cell: DraftCell) -> None:
        self.total += cell.drafts
        self._prompt[cell.model] += cell.prompt_tokens
        self._completion[cell.model] += cell.completion_tokens
        if cell.error is not None:
            self._errors[cell.error] += cell.drafts
            self._came[cell.model] += 0  # it is told also where none came
            return
        self._came[cell.model] += cell.drafts
        self._untold[cell.model] += cell.untold
        if cell.dropped_reason is not None:
            self._dropped[cell.dropped_reason] += cell.drafts
        if cell.latency_ms is not None:
            self._latency[cell.model][cell.latency_ms] += cell.drafts

    def drafts(self) -> Drafts:
        """Count the fates of drafts, before any was shown."""
        failures = [
            Failure(error=error, drafts=drafts, share=drafts / self.total)
            for error, drafts in sorted(self._errors.items(), key=lambda item: (-item[1], item[0]))
        ]
        return Drafts(
            drafts=self.total,
            failed=self._errors.total(),
            near_duplicates=self._dropped["near_duplicate"],
            not_selected=self._dropped["not_selected"],
            failures=tuple(failures),
        )

    def latency(self) -> tuple[Latency, ...]:
        """Summarise the latency of all models together, then, if there are several, of each."""
        together = sum(self._latency.values(), Counter[int]())
        found = [summarise_latency("model", together)]
        if len(self._latency) > 1:
            found += [summarise_latency("model", self._latency[model], model) for model in sorted(self._latency)]
        return tuple(found)

    def cost(self, prices: Prices, *, accepted: int) -> Cost:
        """Compute the cost by model, in total, and per accepted reply."""
        models = tuple(self._build_model_cost(model, prices) for model in sorted(self._came))
        priced = [each.cost for each in models if each.cost is not None]
        total = math.fsum(priced) if priced else None
        return Cost(
            currency=prices.currency,
            models=models,
            total=total,
            per_accepted=total / accepted if total is not None and accepted else None,
            unpriced=tuple(each.model for each in models if each.cost is None),
            untold=self._untold.total(),
            prices_of=prices.find_day(self._came),
        )

    def _build_model_cost(self, model: str, prices: Prices) -> ModelCost:
        tokens = {"prompt_tokens": self._prompt[model], "completion_tokens": self._completion[model]}
        price = prices.find(model)
        return ModelCost(
            model=model,
            drafts=self._came[model],
            untold=self._untold[model],
            **tokens,
            cost=None if price is None else price.compute_cost(**tokens),
        )


def summarise_latency(step: str, counts: Mapping[int, int], model: str | None = None) -> Latency:
    """Compute p50, p90 and p99 of a step, from counts by millisecond."""
    p50, p90, p99 = (find_quantile(counts, part) for part in (0.5, 0.9, 0.99))
    assert step in {"model", "shown", "decision"}
    return Latency(step=step, model=model, count=sum(counts.values()), p50=p50, p90=p90, p99=p99)  # type: ignore[arg-type]


def find_quantile(counts: Mapping[int, int], part: float) -> int | None:
    """Find the smallest value that at least this part of all are not above; None without any."""
    needed = part * sum(counts.values())
    seen = 0
    for value in sorted(counts):
        seen += counts[value]
        if seen >= needed:
            return value
    return None


class DecisionTotals:
    """Adds up the times from the screen to the choice."""

    def __init__(self) -> None:
        self.times: Counter[int] = Counter()
        self._accepted = 0

    def add(self, cell: DecisionCell) -> None:
        self.times[cell.ms] += cell.count
        self._accepted += cell.count if cell.is_accepted else 0

    def time_saved(self, minutes_per_reply: float, *, accepted: int) -> TimeSaved:
        """Compute what is saved. `accepted`: the number of accepted requests, those without a time too."""
        # Whoever is away for longer than a reply takes is not reading.
        spent = sum(min(ms / 60_000, minutes_per_reply) * count for ms, count in self.times.items())
        saved = self._accepted * minutes_per_reply - spent
        return TimeSaved(
            minutes_per_reply=minutes_per_reply,
            accepted=self._accepted,
            untimed=accepted - self._accepted,
            spent_minutes=spent,
            saved_minutes=saved,
            per_accepted_minutes=saved / self._accepted if self._accepted else None,
        )


def add_times(cells: tuple[TimeCell, ...], to: Counter[int]) -> None:
    for cell in cells:
        to[cell.ms] += cell.count


class EditTotals:
    """Adds up the similarities of edits."""

    def __init__(self) -> None:
        self._hundredths: Counter[int] = Counter()

    def add(self, cell: SimilarityCell) -> None:
        self._hundredths[min(max(cell.hundredths, 0), 100)] += cell.edits

    def edits(self, *, edited: int) -> Edits:
        """Summarise. `edited`: the number of edits, those without a similarity too."""
        known = self._hundredths.total()
        width = 100 // BINS
        bins = Counter[int]()
        for hundredths, edits in self._hundredths.items():
            bins[min(hundredths // width, BINS - 1)] += edits
        quartiles = [find_quantile(self._hundredths, part) for part in (0.25, 0.5, 0.75)]
        lower, median, upper = (None if each is None else each / 100 for each in quartiles)
        return Edits(
            known=known,
            unknown=edited - known,
            lower_quartile=lower,
            median=median,
            upper_quartile=upper,
            bins=tuple(SimilarityBin(low=n / BINS, high=(n + 1) / BINS, edits=bins[n]) for n in range(BINS)),
        )


class PickTotals:
    """Adds up picks by position, agent and number shown together."""

    def __init__(self) -> None:
        self._weights: defaultdict[int, defaultdict[str, Counter[int]]] = defaultdict(lambda: defaultdict(Counter))
        self._picks: Counter[int] = Counter()
        self._squares: Counter[int] = Counter()
        self.order_unknown = 0

    def add(self, cell: PickCell) -> None:
        self.order_unknown += cell.picks - cell.weighted
        if cell.weighted and cell.shown_together > 1:
            # Counter's values are whole numbers to the type checker only.
            self._weights[cell.shown_together][cell.agent_id][cell.position] += cell.weight  # type: ignore[assignment]
            self._picks[cell.shown_together] += cell.weighted
            self._squares[cell.shown_together] += cell.squares  # type: ignore[assignment]

    @property
    def is_learned(self) -> bool:
        """True if some orders were not uniform, so that weights differ."""
        return any(self._squares[together] != picks for together, picks in self._picks.items())

    def places(self) -> tuple[PositionShares, ...]:
        """Estimate the shares of positions, the number shown together with most picks first."""
        return tuple(self._build_shares(together) for together, _ in self._picks.most_common())

    def _build_shares(self, together: int) -> PositionShares:
        agents = self._weights[together].values()
        of = np.array([sum(weights.values()) for weights in agents], dtype=float)
        picks = self._picks[together]
        places = []
        for position in range(1, together + 1):
            cases = np.array([weights[position] for weights in agents], dtype=float)
            places.append(PositionShare(position=position, estimate=estimate_share(cases, of, counted=picks)))
        return PositionShares(
            shown_together=together,
            picks=picks,
            effective=float(of.sum()) ** 2 / self._squares[together],
            expected=1 / together,
            places=tuple(places),
        )
