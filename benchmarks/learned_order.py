"""Measure learned order: true propensities, and the event loop's lag; `closed_loop` has what it is worth.

    python -m benchmarks.learned_order propensities           100,000 displays of each policy, by χ²
    python -m benchmarks.learned_order lag                    of the event loop, while 100,000 requests are learned from

`--json FILE` keeps the figures.
"""

import argparse
import asyncio
import json
import random
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

from scipy import stats

from benchmarks.synthetic_log import fill_database
from bot.ordering.policies import OrderPolicy, PlackettLuce, Uniform
from cli.workers.training import ProcessRefitRunner

Figures = dict[str, Any]

POLICIES: dict[str, OrderPolicy] = {
    "uniform": Uniform(),
    "plackett_luce, as shown": PlackettLuce(),
    "plackett_luce, T = 1": PlackettLuce(temperature=1.0),
}
SCORES = (0.31, -0.12, 0.05, 0.4, -0.3)


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
    parser.add_argument("what", choices=("propensities", "lag"))
    parser.add_argument("--displays", type=int, default=100_000)
    parser.add_argument("--lag-requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=20_261_122)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    run = {"propensities": propensities, "lag": lag}[asked.what]
    figures = run(asked)
    print("\n".join(_rows(figures)))
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
