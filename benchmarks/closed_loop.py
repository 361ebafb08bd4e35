"""A closed loop: agents with known tastes, who choose among replies in an order that is learned from their choices.

    python -m benchmarks.closed_loop lives     regret to the oracle, picks until the gate opens; beside a bandit
    python -m benchmarks.closed_loop nothing   lives without taste: how many gates ever open

Each life is uniform at first; after half of it tastes are reversed, if `--drift`. The *oracle* puts the best
first. Regret is how much less often the first reply is picked than with the oracle, in percentage points. The
bandit is Vowpal Wabbit's epsilon-greedy one (`--cb_explore_adf --epsilon 0.1`), which learns after each request of what
stood first. `--json FILE` keeps the figures.
"""

import argparse
import json
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from math import exp
from pathlib import Path
from typing import Any, Final, Protocol

from benchmarks.simulated_agents import START
from bot.ordering.policies import PlackettLuce
from bot.ranking.choice_sets import ChoiceSet, ShownCandidate, TrainingSet
from bot.ranking.design import build_whole_design
from bot.ranking.forward import FIRST, STEP, ForwardPredictor, fit_recent
from bot.ranking.promotion import Evidence

Figures = dict[str, Any]

STYLES: Final = ("direct", "warm", "brief", "formal", "detailed")
TASTES: Final = dict(zip(STYLES, (0.3, 0.0, 0.0, 0.0, -0.3), strict=True))
SHOWN: Final = 3
FIRST_PLACE: Final = 0.7
MIXES: Final[dict[str, Callable[[int], list[float]]]] = {
    "equal": lambda agents: [1.0] * agents,
    "zipf": lambda agents: [1 / rank for rank in range(1, agents + 1)],
    "dominant": lambda agents: [0.7, *[0.3 / (agents - 1)] * (agents - 1)],
}


class Learner(Protocol):
    """Orders the styles of a request, and learns from choices. `is_open` while the order is learned."""

    is_open: bool

    def order(self, styles: Sequence[str]) -> tuple[list[str], tuple[float, ...]]:
        """Return an order, with the probabilities of it and of its cyclic shifts."""
        ...

    def learn(self, log: Sequence[ChoiceSet]) -> None:
        """Learn from a log, of which the last choice is new."""
        ...


class UniformLearner:
    """Orders by chance."""

    is_open = False

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def order(self, styles: Sequence[str]) -> tuple[list[str], tuple[float, ...]]:
        return self._rng.sample(styles, len(styles)), (1 / len(styles),) * len(styles)

    def learn(self, log: Sequence[ChoiceSet]) -> None:
        del log


class GatedLearner(UniformLearner):
    """Learns and orders as `serve` does: a refit every STEP choices, shown while the gate is open."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng)
        self._predictor, self._evidence = ForwardPredictor(), Evidence(TrainingSet(choice_sets=(), left_out={}))
        self._effects: dict[str, float] = {}

    def order(self, styles: Sequence[str]) -> tuple[list[str], tuple[float, ...]]:
        if not self.is_open:
            return super().order(styles)
        policy, scores = PlackettLuce(), [self._effects.get(style, 0.0) for style in styles]
        drawn = policy.draw(scores, self._rng)
        shifts = [policy.order_probability(scores, drawn[shift:] + drawn[:shift]) for shift in range(len(drawn))]
        return [styles[index] for index in drawn], tuple(each / sum(shifts) for each in shifts)

    def learn(self, log: Sequence[ChoiceSet]) -> None:
        if len(log) < FIRST or (len(log) - FIRST) % STEP:
            return
        design = build_whole_design(log, "picks")
        if len(log) > FIRST:
            start = len(log) - STEP
            for choice_set, gains in zip(
                log[start:], self._predictor.predict(design, log, start, len(log)), strict=True
            ):
                self._evidence.add(choice_set, gains.tolist())
        parameters = fit_recent(design, len(log), self._predictor.half_life)
        self._effects = dict(zip(design.names.styles, parameters.styles.tolist(), strict=True))
        self.is_open = self._evidence.judge().is_open


class BanditLearner:
    """Vowpal Wabbit's epsilon-greedy contextual bandit on what stands first; the others follow by its probabilities."""

    is_open = True

    def __init__(self, rng: random.Random) -> None:
        import vowpalwabbit

        self._rng = rng
        self._vw = vowpalwabbit.Workspace("--cb_explore_adf --epsilon 0.1 --quiet --random_seed 1")
        self._first = 0.0

    def order(self, styles: Sequence[str]) -> tuple[list[str], tuple[float, ...]]:
        odds = self._vw.predict(["shared |c x", *(f"|a {style}" for style in styles)])
        [first] = self._rng.choices(range(len(styles)), odds)
        self._first = odds[first]
        rest = sorted((index for index in range(len(styles)) if index != first), key=lambda index: -odds[index])
        return [styles[index] for index in (first, *rest)], ()

    def learn(self, log: Sequence[ChoiceSet]) -> None:
        shown = log[-1].shown
        label = f"0:{-float(log[-1].picked == 0)}:{self._first} "
        self._vw.learn([
            "shared |c x", *(f"{label if place == 0 else ''}|a {each.style}" for place, each in enumerate(shown))
        ])  # fmt: skip


@dataclass
class Life:
    """One team's choices, request by request."""

    regrets: list[float] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    states: list[bool] = field(default_factory=list)
    picks_until_open: int | None = None


def live(learner: Learner, tastes: Sequence[dict[str, float]], asked: argparse.Namespace, seed: int) -> Life:
    """Live through so many requests; tastes follow each other in equal parts."""
    rng, life, log = random.Random(seed), Life(), list[ChoiceSet]()
    pulls = [rng.gauss(0, 0.8) for _ in range(asked.agents)]
    shares = MIXES[asked.mix](asked.agents)
    for number in range(asked.requests):
        liked = tastes[number * len(tastes) // asked.requests]
        [agent] = rng.choices(range(asked.agents), shares)
        styles = rng.sample(STYLES, SHOWN)
        order, shifts = learner.order(styles)
        life.states.append(learner.is_open)
        odds = _weigh(order, liked, pulls[agent])
        best = _weigh(sorted(styles, key=lambda style: -liked[style]), liked, pulls[agent])
        life.regrets.append(best[0] / sum(best) - odds[0] / sum(odds))
        [drawn] = rng.choices(range(SHOWN + 1), odds)
        log.append(_make_choice_set(number, agent, order, None if drawn == SHOWN else drawn, shifts))
        if drawn < SHOWN:
            life.places.append(drawn + 1)
        learner.learn(log)
        if life.picks_until_open is None and learner.is_open:
            life.picks_until_open = len(life.places)
    return life


def _weigh(order: Sequence[str], liked: dict[str, float], pull: float) -> list[float]:
    """Return the odds of each place, and of none."""
    return [*(exp(liked[style] + (FIRST_PLACE + pull) * (place == 0)) for place, style in enumerate(order)), 1.0]


def _make_choice_set(
    number: int, agent: int, order: Sequence[str], picked: int | None, shifts: tuple[float, ...]
) -> ChoiceSet:
    shown = tuple(
        ShownCandidate(id=f"r{number}c{place}", position=place, style=style, model="m1", text="")
        for place, style in enumerate(order, start=1)
    )
    return ChoiceSet(
        request_id=f"r{number}", agent=f"U{agent}", at=START + timedelta(minutes=number), prompt_version="p1",
        conversation=(), shown=shown, picked=picked, shifts=shifts or None,
    )  # fmt: skip


LEARNERS: Final[dict[str, Callable[[random.Random], Learner]]] = {
    "uniform": UniformLearner, "ours": GatedLearner, "epsilon-greedy (VW)": BanditLearner,
}  # fmt: skip


def lives(asked: argparse.Namespace) -> Figures:
    """Measure each learner on the same teams."""
    turned = {style: -liking for style, liking in TASTES.items()}
    tastes = [TASTES, turned] if asked.drift else [TASTES]
    rows = {}
    for name, make in LEARNERS.items():
        found = [live(make(random.Random(seed)), tastes, asked, seed) for seed in range(asked.rounds)]
        quarter = asked.requests // 4
        opened = [life.picks_until_open for life in found if life.picks_until_open is not None]
        rows[name] = {
            "regret by quarter, points": [
                100 * statistics.fmean(regret for life in found for regret in life.regrets[part * quarter :][:quarter])
                for part in range(4)
            ],
            "mean position picked": statistics.fmean(place for life in found for place in life.places),
            "opened in": len(opened) / asked.rounds if name == "ours" else None,
            "picks until open, median": statistics.median(opened) if opened and name == "ours" else None,
            "changes of state a life": statistics.fmean(
                sum(one != other for one, other in pairwise(life.states)) for life in found
            ),
        }
    return {"requests": asked.requests, "agents": asked.agents, "mix": asked.mix, "drift": asked.drift,
            "rounds": asked.rounds, "rows": rows}  # fmt: skip


def nothing(asked: argparse.Namespace) -> Figures:
    """Count the gates that ever open where nobody has a taste."""
    none = dict.fromkeys(STYLES, 0.0)
    rows = {}
    for mix in MIXES:
        part = argparse.Namespace(**{**vars(asked), "mix": mix})
        found = [live(GatedLearner(random.Random(seed)), [none], part, seed) for seed in range(asked.rounds)]
        rows[mix] = {"lives": asked.rounds, "ever open": sum(any(life.states) for life in found)}
    return {"requests": asked.requests, "agents": asked.agents, "rows": rows}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.closed_loop", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    studies = {"lives": lives, "nothing": nothing}
    parser.add_argument("study", choices=studies)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--requests", type=int, default=4_000)
    parser.add_argument("--agents", type=int, default=12)
    parser.add_argument("--mix", choices=MIXES, default="equal")
    parser.add_argument("--drift", action="store_true", help="reverse tastes after half of the requests")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    figures = studies[asked.study](asked)
    print(json.dumps(figures, indent=1))
    if asked.json is not None:
        asked.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
