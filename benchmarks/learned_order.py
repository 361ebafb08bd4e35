"""Measure learned order: true propensities, when the promotion gate opens, a closed loop, lag.

    python -m benchmarks.learned_order propensities           100,000 displays of each policy, by χ²
    python -m benchmarks.learned_order gate                   how often it opens: on noise, and on known tastes
    python -m benchmarks.learned_order loop                   uniform, learned, shown, learned again from the mixed log
    python -m benchmarks.learned_order lag                    of the event loop, while 100,000 requests are learned from

`--json FILE` keeps the figures.
"""

import argparse
import asyncio
import json
import math
import random
import resource
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

from scipy import stats

from benchmarks.simulated_agents import QUESTION, START, WORDS, World, compute_utility, simulate
from benchmarks.synthetic_log import fill_database
from bot.ordering.policies import OrderPolicy, PlackettLuce, Uniform
from bot.ranking.choice_sets import ChoiceSet, ShownCandidate
from bot.ranking.estimates import estimate_effects
from bot.ranking.model import Ranker, fit_ranker
from bot.ranking.promotion import judge
from cli.workers.training import ProcessRefitRunner

Figures = dict[str, Any]

POLICIES: dict[str, OrderPolicy] = {
    "uniform": Uniform(),
    "plackett_luce, as shown": PlackettLuce(),
    "plackett_luce, T = 1": PlackettLuce(temperature=1.0),
}
SCORES = (0.31, -0.12, 0.05, 0.4, -0.3)

NOTHING = World(styles=dict.fromkeys(("direct", "warm", "detailed"), 0.0), candidates=3, positions=(0.7, 0.0, -0.1))
TASTES = replace(NOTHING, styles={"direct": 0.3, "warm": 0.0, "detailed": -0.3})
STRONG = replace(NOTHING, styles={"direct": 0.6, "warm": 0.0, "detailed": -0.6})


# --- propensities ---------------------------------------------------------------------------------


def propensities(asked: argparse.Namespace) -> Figures:
    """The p-values of χ² for orders and for first places; small ones would be lies."""
    rng, found = random.Random(asked.seed), {}
    for name, policy in POLICIES.items():
        for count in (3, 5):
            scores = SCORES[:count]
            drawn = [tuple(policy.draw(scores, rng)) for _ in range(asked.displays)]
            orders = {order: policy.order_probability(scores, order) for order in permutations(range(count))}
            first = dict(enumerate(policy.first_probabilities(scores)))
            found[f"{name}, K = {count}"] = {
                "rarest_order": min(orders.values()),
                "p_orders": _p(Counter(drawn), orders, asked.displays),
                "p_first": _p(Counter(order[0] for order in drawn), first, asked.displays),
            }
    return {"displays": asked.displays, "rows": found}


def _p(counts: Counter[Any], probabilities: dict[Any, float], total: int) -> float:
    cells = list(probabilities)
    expected = [total * probabilities[cell] for cell in cells]
    return float(stats.chisquare([counts[cell] for cell in cells], expected).pvalue)


# --- the gate -------------------------------------------------------------------------------------

LOGS = (("nothing", NOTHING), ("tastes of 0.3", TASTES), ("tastes of 0.6", STRONG))
WORLDS = {0.0: NOTHING, 0.3: TASTES, 0.6: STRONG}


def gate(asked: argparse.Namespace) -> Figures:
    """The share of logs on which it opens. On `nothing`, each opening is a false one."""
    rows = {}
    for agents in asked.agents:
        for name, world in LOGS:
            rounds = asked.rounds if world is NOTHING else max(20, asked.rounds // 5)
            for requests in asked.requests:
                logs = (simulate(world, requests=requests, agents=agents, seed=seed) for seed in range(rounds))
                opened = sum(judge(list(log), weights="picks").is_open for log in logs)
                low, high = stats.binomtest(opened, rounds).proportion_ci(method="wilson")
                rows[f"{name}, {agents} agents, {requests} requests"] = {
                    "logs": rounds, "opened": opened / rounds, "lower": float(low), "upper": float(high),
                }  # fmt: skip
    return {"rows": rows}


# --- a closed loop --------------------------------------------------------------------------------


def loop(asked: argparse.Namespace) -> Figures:
    """Batches of requests: in learned order where the last gate was open, in uniform order else; a refit after each.

    At the end, contrasts from the whole mixed log beside the truth, and how often the best reply came first.
    """
    opened, kept, best_before, best_after = [], [], [], []
    misses: list[float] = []
    held: list[bool] = []
    for seed in range(asked.rounds):
        run = _TeamLog(WORLDS[asked.tastes], agents=asked.loop_agents, seed=seed)
        states = [run.batch(asked.batch) for _ in range(asked.batches)]
        first = next((index for index, is_open in enumerate(states) if is_open), None)
        opened.append(first)
        if first is not None:
            kept += states[first:]
        shares = run.best_first()
        best_before += shares["uniform"]
        best_after += shares["plackett_luce"]
        found = estimate_effects(run.log, weights="picks")
        for one, other in (("direct", "warm"), ("direct", "detailed"), ("warm", "detailed")):
            contrast = found.contrast("styles", one, other)
            truth = run.world.styles[one] - run.world.styles[other]
            misses.append(contrast.mean - truth)
            held.append(contrast.lower <= truth <= contrast.upper)
    reached = [index for index in opened if index is not None]
    return {
        "rounds": asked.rounds, "tastes": asked.tastes, "agents": asked.loop_agents,
        "batch": asked.batch, "batches": asked.batches,
        "gate opened in": len(reached) / asked.rounds,
        "after requests, median": (statistics.median(reached) + 1) * asked.batch if reached else None,
        "open at refits after the first": statistics.fmean(kept) if kept else None,
        "best first, uniform": statistics.fmean(best_before),
        "best first, learned": statistics.fmean(best_after) if best_after else None,
        "bias of contrasts, mixed log": statistics.fmean(misses),
        "coverage of 95% intervals, mixed log": statistics.fmean(held),
    }  # fmt: skip


class _TeamLog:
    """One team's log as it grows."""

    def __init__(self, world: World, *, agents: int, seed: int) -> None:
        self.world = world
        self.log: list[ChoiceSet] = []
        self._rng = random.Random(seed)
        self._people = [(self._rng.gauss(0, world.pull), self._rng.gauss(0, world.reluctance)) for _ in range(agents)]
        self._ranker: Ranker | None = None
        self._policies: list[str] = []

    def batch(self, requests: int) -> bool:
        """So many requests, then a refit: whether the gate is open after it."""
        for _ in range(requests):
            self.log.append(self._display(len(self.log)))
        is_open = judge(self.log, weights="picks").is_open
        self._ranker = fit_ranker(self.log, weights="picks") if is_open else None
        return is_open

    def best_first(self) -> dict[str, list[bool]]:
        """By policy: whether what stood first was the best, by the truth."""
        found: dict[str, list[bool]] = {"uniform": [], "plackett_luce": []}
        for display, policy in zip(self.log, self._policies, strict=True):
            worth = [compute_utility(self.world, each.style, each.text) for each in display.shown]
            found[policy].append(worth[0] == max(worth))
        return found

    def _display(self, number: int) -> ChoiceSet:
        rng, world = self._rng, self.world
        drafted = [
            ShownCandidate(
                id=f"r{number}c{index}", position=1, style=style, model="m1",
                text=" ".join(rng.choices(WORDS, k=rng.randint(*world.words))),
            )
            for index, style in enumerate(rng.sample(list(world.styles), world.candidates))
        ]  # fmt: skip
        policy: OrderPolicy = Uniform() if self._ranker is None else PlackettLuce()
        scores = (
            [0.0] * len(drafted) if self._ranker is None else self._ranker.score_candidates(QUESTION, drafted, "p1")
        )
        order, first = policy.draw(scores, rng), policy.first_probabilities(scores)
        shown = tuple(
            replace(drafted[index], position=place, first_propensity=first[index])
            for place, index in enumerate(order, start=1)
        )
        self._policies.append(policy.name)
        person = number % len(self._people)
        return ChoiceSet(
            request_id=f"r{number}", agent=f"T1/U{person}", at=START + timedelta(minutes=20 * number),
            prompt_version="p1", conversation=QUESTION, shown=shown, picked=self._choose(shown, self._people[person]),
            order_propensity=policy.order_probability(scores, order),
        )  # fmt: skip

    def _choose(self, shown: Sequence[ShownCandidate], person: tuple[float, float]) -> int | None:
        pull, reluctance = person
        worth = [compute_utility(self.world, each.style, each.text) for each in shown]
        utilities = [each + here for each, here in zip(worth, self.world.positions, strict=True)]
        odds = [math.exp(each) for each in (utilities[0] + pull, *utilities[1:], self.world.none + reluctance)]
        drawn = self._rng.choices(range(len(odds)), odds)[0]
        return None if drawn == len(shown) else drawn


# --- the event loop ---------------------------------------------------------------------------------


def lag(asked: argparse.Namespace) -> Figures:
    """Measure how late the loop wakes from 5 ms of sleep: alone, and while another process learns."""
    with tempfile.TemporaryDirectory(prefix="suggest-lag-") as folder:
        path = Path(folder) / "log.db"
        fill_database(path, asked.lag_requests)
        return asyncio.run(_measure_lags(f"sqlite:///{path}", asked.lag_requests))


async def _measure_lags(url: str, requests: int) -> Figures:
    idle = await _measure_lag(asyncio.create_task(asyncio.sleep(5)))
    began = time.monotonic()
    learning = asyncio.create_task(ProcessRefitRunner(url).train())
    busy = await _measure_lag(learning)
    refit = learning.result()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "requests": requests, "learned from": refit.requests, "seconds": time.monotonic() - began,
        "CPU of the process (s)": children.ru_utime + children.ru_stime,
        "memory of the process (MB)": children.ru_maxrss / 1024,
        "lag alone, p50, p99, most (ms)": _quantiles(idle), "lag while learning, p50, p99, most (ms)": _quantiles(busy),
    }  # fmt: skip


async def _measure_lag(until: "asyncio.Task[Any]") -> list[float]:
    found = []
    while not until.done():
        slept = time.perf_counter()
        await asyncio.sleep(0.005)
        found.append(1000 * (time.perf_counter() - slept - 0.005))
    return found


def _quantiles(values: list[float]) -> list[float]:
    ordered = sorted(values)
    return [ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)], ordered[-1]]


def _rows(figures: Figures) -> Iterator[str]:
    for name, value in figures.items():
        if name == "rows":
            for row, cells in value.items():
                told = ", ".join(f"{key} {cell:.4g}" for key, cell in cells.items())
                yield f"  {row}: {told}"
        else:
            yield f"{name}: {value}"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.learned_order", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=("propensities", "gate", "loop", "lag"))
    parser.add_argument("--displays", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--requests", type=int, nargs="+", default=[300, 1_000])
    parser.add_argument("--agents", type=int, nargs="+", default=[4, 12, 30])
    parser.add_argument("--loop-agents", type=int, default=15)
    parser.add_argument("--batch", type=int, default=400)
    parser.add_argument("--batches", type=int, default=8)
    parser.add_argument("--tastes", type=float, choices=sorted(WORLDS), default=0.3, help="between styles, in the loop")
    parser.add_argument("--lag-requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=20_261_122)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    run = {"propensities": propensities, "gate": gate, "loop": loop, "lag": lag}[asked.what]
    figures = run(asked)
    print("\n".join(_rows(figures)))
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
