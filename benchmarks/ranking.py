"""The ranking, measured: is what it learns true, how well it predicts real choices, how long it takes.

    python -m benchmarks.ranking recovery                  known parameters, and how often their intervals hold them
    python -m benchmarks.ranking confounded                a log whose longest replies always stood first
    python -m benchmarks.ranking choices --log FILE        held-out choices of a real log, by person and by time
    python -m benchmarks.ranking few --log FILE            learned from 50 choices, beside positions only
    python -m benchmarks.ranking speed                     100,000 requests × 5, beside scikit-learn and choix
    python -m benchmarks.ranking order                     CPU of ordering one request

`--json FILE` keeps the figures.
"""  # noqa: RUF002

import argparse
import json
import random
import resource
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.simulated_agents import World, simulate, sort_by_length
from bot.choice_log import InvalidLine, iter_lines, open_log, read_line
from bot.ordering.policies import PlackettLuce, draw_order
from bot.ranking.choice_sets import ChoiceSet, collect_training_set
from bot.ranking.clusters import cluster_choice_sets
from bot.ranking.design import Design, build_whole_design, drop_agents, keep_positions_only, measure_features
from bot.ranking.estimates import estimate_effects
from bot.ranking.evaluation import evaluate, split_design
from bot.ranking.features import FEATURES, compute_idf
from bot.ranking.logit import fit_logit, predict_at_mode, predict_marginal
from bot.ranking.model import Ranker, fit_ranker
from cli.settings import limit_algebra_threads

Figures = dict[str, Any]

DEVIATION = float(np.std(np.log1p(np.arange(World().words[0], World().words[1] + 1))))
"""Of log words: features are scaled by it."""


# --- is what it learns true ----------------------------------------------------------------------


def recovery(asked: argparse.Namespace) -> Figures:
    """Contrasts of styles and of positions: bias, and the share of 95% intervals that hold the truth."""
    world = World()
    truths = {f"style {one} - detailed": (world.styles[one], "styles", one, "detailed") for one in world.styles}
    truths.pop("style detailed - detailed")
    truths |= {f"position {n} - 5": (world.positions[n - 1] + 0.1, "positions", str(n), "5") for n in (1, 2, 3)}
    misses: dict[str, list[float]] = {name: [] for name in truths}
    held: dict[str, list[bool]] = {name: [] for name in truths}
    spreads = []
    for seed in range(asked.rounds):
        displays = list(simulate(world, requests=asked.requests, agents=asked.agents, seed=seed))
        found = estimate_effects(build_whole_design(displays, "picks"), cluster_choice_sets(displays))
        spreads.append(fit_ranker(displays, weights="picks").parameters.spread.diagonal() ** 0.5)
        for name, (truth, kind, one, other) in truths.items():
            contrast = found.estimate(found.build_contrast(kind, one, other))  # type: ignore[arg-type]
            misses[name].append(contrast.mean - truth)
            held[name].append(contrast.lower <= truth <= contrast.upper)
    rows = {
        name: {
            "truth": truths[name][0],
            "bias": statistics.fmean(misses[name]),
            "deviation": statistics.stdev(misses[name]),
            "coverage": statistics.fmean(held[name]),
        }
        for name in truths
    }
    mean = np.mean(spreads, axis=0)
    rows["deviation of the first slot's pull"] = {"truth": world.pull, "bias": float(mean[0]) - world.pull}
    rows["deviation of reluctance"] = {"truth": world.reluctance, "bias": float(mean[1]) - world.reluctance}
    coverage = statistics.fmean(flag for flags in held.values() for flag in flags)
    return {"rounds": asked.rounds, "requests": asked.requests, "agents": asked.agents, "rows": rows,
            "coverage": coverage}  # fmt: skip


def confounded(asked: argparse.Namespace) -> Figures:
    """The slope of quality on log words, learned with and without knowing positions and persons."""
    rows = {}
    for truth in (-0.5, 0.0, 0.5):
        ours, naive = [], []
        for seed in range(asked.rounds):
            world = World(length=truth)
            log = simulate(world, requests=asked.requests, agents=asked.agents, seed=seed, order=sort_by_length)
            design = build_whole_design(list(log), "picks")
            ours.append(_slope(design))
            naive.append(_slope(_blind(design)))
        rows[f"{truth:+.1f}"] = {
            "corrected": statistics.fmean(ours), "corrected_deviation": statistics.stdev(ours),
            "naive": statistics.fmean(naive), "naive_deviation": statistics.stdev(naive),
        }  # fmt: skip
    return {"rounds": asked.rounds, "requests": asked.requests, "agents": asked.agents, "rows": rows}


def _blind(design: Design) -> Design:
    """As if nobody had kept in which place a reply stood, and who chose."""
    alike = replace(design, position=np.zeros_like(design.position))
    return drop_agents(replace(alike, names=replace(alike.names, positions=1)))


def _slope(design: Design) -> float:
    """Least squares of w·x on log words, within sets, for one unit of log words."""
    quality = design.x @ fit_logit(design).features
    column = design.x[:, list(FEATURES).index("log_words")]
    return float(column @ quality / (column @ column)) / DEVIATION


# --- real choices --------------------------------------------------------------------------------


def _read(path: Path) -> tuple[ChoiceSet, ...]:
    with open_log(path) as file:
        lines = [line for _, line in iter_lines(file)]
    return collect_training_set([read_line(line) for line in lines if not isinstance(line, InvalidLine)]).choice_sets


def choices(asked: argparse.Namespace) -> Figures:
    """Log-likelihood a pick, quality-only top-1, and below the first slot: three splits by person, one by time."""
    displays = _read(asked.log)
    rows = {}
    for split, seed in (("person", 1), ("person", 2), ("person", 3), ("time", 0)):
        found = evaluate(displays, split, weights="picks", seed=seed)  # type: ignore[arg-type]
        assert found is not None
        assert found.below_first is not None
        rows[f"{split}, seed {seed}" if split == "person" else split] = {
            "log_likelihood": found.log_likelihood.mean, "position": found.position.mean, "gain": found.gain.mean,
            "gain_lower": found.gain.lower, "gain_upper": found.gain.upper, "top_1": found.top_1.mean,
            "below_first": found.below_first.mean, "mrr": found.mrr.mean, "calibration_error": found.calibration_error,
        }  # fmt: skip
    return {"displays": len(displays), "rows": rows}


def few(asked: argparse.Namespace) -> Figures:
    """Learned from the choices of a few, judged on all others: log-likelihood a pick less position-only's."""
    displays = _read(asked.log)
    x = measure_features(displays, compute_idf([display.conversation for display in displays]))
    rng = random.Random(asked.seed)
    rows = {}
    for count in (50, 200, 1000):
        gains = [_gain(displays, _hold_out(displays, count, rng), x) for _ in range(asked.rounds)]
        rows[str(count)] = {"mean": statistics.fmean(gains), "worst": min(gains), "best": max(gains)}
    return {"rounds": asked.rounds, "rows": rows}


def _hold_out(displays: Sequence[ChoiceSet], count: int, rng: random.Random) -> Any:
    """All are held out but about `count` picks, of whole persons' first choices as a young log would have them."""
    agents = sorted({display.agent for display in displays})
    chosen = set(rng.sample(agents, 10))
    theirs = [index for index, display in enumerate(displays) if display.agent in chosen]
    rng.shuffle(theirs)
    held = np.ones(len(displays), dtype=bool)
    picks = 0
    for index in theirs:
        if picks == count:
            break
        held[index] = False
        picks += displays[index].picked is not None
    return held


def _gain(displays: Sequence[ChoiceSet], held: Any, x: Any) -> float:
    train, test = split_design(displays, held, x, "picks")
    is_picked = test.picked >= 0
    at = test.picked[is_picked]
    p, none = predict_marginal(test, fit_logit(train))
    known, judged = drop_agents(keep_positions_only(train)), drop_agents(keep_positions_only(test))
    position, position_none = predict_at_mode(judged, fit_logit(known))
    ours, theirs = p[at] / (1 - none[is_picked]), position[at] / (1 - position_none[is_picked])
    return float(np.mean(np.log(ours / theirs)))


# --- time and memory -----------------------------------------------------------------------------


def speed(asked: argparse.Namespace) -> Figures:
    """Each in a process of its own, on the same features: seconds of the fit, and the most memory of the process."""
    limit_algebra_threads()  # for the processes below: this one has loaded NumPy
    rows = {}
    for name in ("ours", "scikit-learn", "choix"):
        with get_context("spawn").Pool(1) as pool:
            rows[name] = pool.apply(_measure_fit, (name, asked.requests))
    return {"requests": asked.requests, "candidates": 5, "rows": rows}


def _measure_fit(name: str, requests: int) -> Figures:
    began = time.process_time()
    displays = list(simulate(World(length=-0.3), requests=requests, agents=200, seed=1))
    made = time.process_time()
    design = build_whole_design(displays, "picks")
    measured = time.process_time()
    del displays
    before, cpu = time.perf_counter(), time.process_time()
    {"ours": _ours, "scikit-learn": _scikit, "choix": _choix}[name](design)
    return {
        "seconds": time.perf_counter() - before,
        "cpu_seconds": time.process_time() - cpu,
        "featurising_cpu_seconds": measured - made,
        "simulating_cpu_seconds": made - began,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _ours(design: Design) -> None:
    fit_logit(design)


def _scikit(design: Design) -> None:
    """Each candidate by itself, picked or not: no choice sets, no outside option, no persons."""
    from sklearn.linear_model import LogisticRegression

    picked = np.zeros(len(design.x))
    picked[design.picked[design.picked >= 0]] = 1
    columns = np.hstack([design.x, np.eye(6)[design.style], np.eye(5)[design.position]])
    LogisticRegression(max_iter=1000).fit(columns, picked)


def _choix(design: Design) -> None:
    """Luce's model of (style, position) as items: no features, no outside option, no persons."""
    import choix

    items = (design.style * 5 + design.position).reshape(-1, 5)
    data = [
        (int(row[at - start]), [int(item) for index, item in enumerate(row) if index != at - start])
        for row, at, start in zip(items, design.picked.tolist(), design.starts.tolist(), strict=True)
        if at >= 0
    ]
    choix.opt_top1(25, data, alpha=0.01)


def order(asked: argparse.Namespace) -> Figures:
    """Features, quality and policy of one request of five candidates, as `serve` does it."""
    words = ["order", "parcel", "refund", "today", "please", "account", "invoice", "address"]
    learned = list(simulate(World(words=(30, 90)), requests=400, agents=12, seed=2))
    ranker: Ranker = fit_ranker(learned, weights="picks")
    texts = [" ".join(random.Random(1).choices(words, k=200))]
    conversation = (replace(learned[0].conversation[0], text=texts[0]),) * 3
    policy, rng = PlackettLuce(), random.Random(3)
    ranker.score_candidates(conversation, learned[0].shown, "p1")  # what is made once is made now
    spent = []
    for display in learned[: asked.rounds]:
        began = time.process_time()
        scores = ranker.score_candidates(conversation, display.shown, "p1")
        draw_order([one.id for one in display.shown], scores, policy=policy, ranker_version=ranker.version, rng=rng)
        spent.append((time.process_time() - began) * 1000)
    spent.sort()
    return {"requests": len(spent), "cpu_ms_median": statistics.median(spent), "cpu_ms_p99": spent[-len(spent) // 100]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    studies = {"recovery": recovery, "confounded": confounded, "choices": choices, "few": few, "speed": speed,
               "order": order}  # fmt: skip
    parser.add_argument("study", choices=studies)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--requests", type=int)
    parser.add_argument("--agents", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    asked.rounds = asked.rounds or {"recovery": 200, "confounded": 20, "few": 20}.get(asked.study, 300)
    asked.requests = asked.requests or {"speed": 100_000, "confounded": 2_000}.get(asked.study, 600)
    if asked.study in {"choices", "few"} and asked.log is None:
        parser.error(f"{asked.study} needs --log FILE")
    figures = studies[asked.study](asked)
    text = json.dumps(figures, indent=1)
    print(text)
    if asked.json is not None:
        asked.json.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
