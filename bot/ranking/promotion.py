"""Promotion of a ranker: sequential evidence decides if it is shown (the users' word for it is the gate).

The log-likelihood gains of picks over an order that tells nothing (`forward`) add up. Where nobody cares what stands
where, e^sum is a test martingale: ever, at any look, it exceeds 1/p with a probability of at most p (Ville). So the
gate opens where the sum exceeds ln(1/p) also without the agent who contributes most: one loud agent, whoever it is,
does not speak for ten. It closes where the sum, capped at ln(1/p) + SLACK, has fallen to 0: tastes have
changed. Evidence then begins anew, as it does with each ERA of the log. Each beginning spends a part of LEVEL, so
that all of them together open falsely with a probability of at most LEVEL.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from bot.ranking.choice_sets import ChoiceSet, TrainingSet, Weights

MIN_AGENTS: Final = 10
"""Below so many, what is found is exploratory, and does not open the gate: it may not hold for others."""

MIN_PICKS: Final = 100
"""Below so many, the gate stays shut."""

LEVEL: Final = 0.05
"""The probability that the gate of a team without tastes ever opens is at most this."""

SLACK: Final = 2.0
"""Nats of evidence that are kept beyond what opens the gate: so much later does it close."""

FIRST_PART: Final = 0.9
"""The share of LEVEL that the first beginning spends; the n-th later one spends (1 - FIRST_PART) ÷ (n·(n - 1))."""

PromotionState = Literal["open", "not_better", "too_little"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The decision on a promotion, with its evidence; also stored and printed, so its fields keep their names.

    `gain` is in nats a pick, over the picks since the evidence began. `lower` is what is left of it for all looks, and
    without the loudest agent: it is above 0 if and only if the state is open. `upper` is clustered by agent.
    """

    state: PromotionState
    picks: int
    agents: int
    exploratory: bool = False
    clustered_by: str | None = None
    clusters: int = 0
    gain: float | None = None
    lower: float | None = None
    upper: float | None = None
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        return self.state == "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A verdict, and the half-life of choices that predicts best."""

    verdict: Verdict
    half_life: int


def judge(found: TrainingSet, *, weights: Weights) -> Judgement:
    """Judge by all choices so far if learning from them is proven better than an order that tells nothing."""
    from bot.ranking.forward import predict_forward  # NumPy and SciPy take a while to import

    forward = predict_forward(found.choice_sets, weights=weights)
    evidence = Evidence(found)
    for choice_set, gains in zip(found.choice_sets, forward.gains.tolist(), strict=True):
        evidence.add(choice_set, gains)
    return Judgement(verdict=evidence.judge(), half_life=forward.half_life)


def replay(found: TrainingSet, *, weights: Weights, every: int) -> Iterator[tuple[int, Verdict]]:
    """Yield the verdict after every so many choices, as each was at its time."""
    from bot.ranking.forward import predict_forward

    evidence = Evidence(found)
    gains = predict_forward(found.choice_sets, weights=weights).gains.tolist()
    for number, (choice_set, gain) in enumerate(zip(found.choice_sets, gains, strict=True), start=1):
        evidence.add(choice_set, gain)
        if number % every == 0:
            yield number, evidence.judge()


class Evidence:
    """The evidence as it grows, a choice at a time."""

    def __init__(self, found: TrainingSet) -> None:
        self._level = LEVEL * _spend(found.era)
        self._earlier = found.era_start
        self._left_out: Counter[str] = Counter({str(reason): count for reason, count in found.left_out.items()})
        self._picks: Counter[str] = Counter()
        self._run = _Run(level=self._level * _spend(1))
        self._begun = 1
        self._is_open = False

    def add(self, choice_set: ChoiceSet, gains: Sequence[float]) -> None:
        """Add a choice: its gain, for each share of what was learned that is bet on."""
        self._earlier -= 1
        if self._earlier >= 0 or choice_set.picked is None:
            return
        if choice_set.shifts is None:
            self._left_out["order_unknown"] += 1
            return
        self._picks[choice_set.agent] += 1
        self._run.add(choice_set.agent, gains)
        if self._is_open and self._run.capped <= 0:
            self._is_open = False
            self._begun += 1
            self._run = _Run(level=self._level * _spend(self._begun))
        self._is_open = self._is_open or self._run.proof > 0

    def judge(self) -> Verdict:
        picks, agents, run = self._picks.total(), len(self._picks), self._run
        is_little = picks < MIN_PICKS or agents < MIN_AGENTS
        state: PromotionState = "open" if self._is_open else "too_little" if is_little else "not_better"
        found = Verdict(
            state=state, picks=picks, agents=agents, exploratory=agents < MIN_AGENTS, left_out=dict(self._left_out)
        )
        if len(run.gains) < MIN_PICKS:
            return found
        gain = run.total / len(run.gains)
        found = replace(found, clustered_by="agent", clusters=len(run.by_agent), gain=gain)
        return found if is_little else replace(found, lower=run.compute_lower(), upper=max(gain, run.estimate_upper()))


class _Run:
    """Evidence since its last beginning, of which `level` is the probability that it is false."""

    def __init__(self, *, level: float) -> None:
        self._needed = -math.log(level)
        self._bets: list[float] = []
        self.total = 0.0
        self.capped = 0.0
        self.proof = -math.inf
        self.gains: list[float] = []
        self._agents: list[str] = []
        self.by_agent: dict[str, list[float]] = {}

    def add(self, agent: str, gains: Sequence[float]) -> None:
        """Add a pick. What is bet on is a mixture of shares, each of which weighs by what it has won."""
        bets = self._bets or [-math.log(len(gains))] * len(gains)
        self._bets = [bet + gain for bet, gain in zip(bets, gains, strict=True)]
        before, self.total = self.total, _add_logs(self._bets)
        gain = self.total - before
        self.gains.append(gain)
        self._agents.append(agent)
        theirs = self.by_agent.setdefault(agent, [0.0] * len(gains))
        self.by_agent[agent] = [their + each for their, each in zip(theirs, gains, strict=True)]
        self.capped = min(self.capped + gain, self._needed + SLACK)
        if len(self.gains) >= MIN_PICKS and len(self.by_agent) >= MIN_AGENTS:
            self.proof = max(self.proof, self._measure_proof())

    def compute_lower(self) -> float:
        """Compute the lower end of the gain's interval: the best proof at any look."""
        return min(self.total, max(self.proof, self._measure_proof())) / len(self.gains)

    def estimate_upper(self) -> float:
        """Estimate the upper end of the gain's interval, clustered by agent."""
        import numpy as np

        from bot.stats.cluster_intervals import estimate_case_mean

        _, agents = np.unique(np.array(self._agents, dtype=np.str_), return_inverse=True)
        return estimate_case_mean(np.array(self.gains), agents.astype(np.int64)).upper

    def _measure_proof(self) -> float:
        """Measure by how much the evidence exceeds what is needed, without the agent who contributes most."""
        if self.total <= self._needed:
            return self.total - self._needed
        others = (
            [bet - their for bet, their in zip(self._bets, theirs, strict=True)] for theirs in self.by_agent.values()
        )
        return min(self.total, *map(_add_logs, others)) - self._needed


def _spend(number: int) -> float:
    """Return the share of the level that the n-th beginning spends; all of them add up to 1."""
    return FIRST_PART if number == 1 else (1 - FIRST_PART) / (number * (number - 1))


def _add_logs(values: Sequence[float]) -> float:
    """Add numbers given by their logarithms."""
    top = max(values)
    return top + math.log(sum(math.exp(value - top) for value in values))


def describe_verdict(verdict: Verdict) -> str:
    """Describe the evidence for a team lead, in a sentence or two."""
    told = "" if verdict.gain is None else f"; so far it explains {verdict.gain:+.4f} nats a pick more than chance"
    if verdict.exploratory:
        agents = "1 agent" if verdict.agents == 1 else f"{verdict.agents} agents"
        return (
            f"exploratory: {agents} with {verdict.picks:,} picks, and at least {MIN_AGENTS} are needed, since what few "
            f"people like may not hold for others{told}. A person may show it all the same: "
            f"suggest rank rollback --to VERSION"
        )
    if verdict.state == "too_little":
        return f"too little to judge by: {verdict.picks:,} picks of orders drawn by chance, and {MIN_PICKS} are needed"
    if verdict.gain is None or verdict.lower is None:
        return "not proven better any more: what agents like has changed, and the evidence begins anew"
    what = "proven better" if verdict.is_open else "not proven better"
    return (
        f"{what}: predicting each pick from the choices before it explains {verdict.gain:+.4f} nats a pick more than "
        f"chance ({verdict.picks:,} picks of {verdict.agents} agents). However often one looks, and without the agent "
        f"who contributes most, {verdict.lower:+.4f} of that is sure; above 0 is needed"
    )
