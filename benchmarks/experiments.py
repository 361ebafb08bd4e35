"""Experiments looked at again and again: how often a verdict is false, and how soon a true difference is found.

    python -m benchmarks.experiments                 # 500 experiments of each kind, a few minutes
    python -m benchmarks.experiments --lives 2000

Agents differ: their shares of accepted replies have a standard deviation of 0.6 on the logit scale, and with `suited`
the difference of the arms one of 5 points from agent to agent. Each experiment is looked at twenty times, by the
report's own `replay`, and ends at the first verdict. Those without a difference last twice as many requests as a test
with one look needs to find 8 points (two-sided 5 %, power 80 %), those with 8 points 1.6 times as many.
"""

import argparse
import json
import random
from collections.abc import Sequence
from datetime import timedelta
from math import exp, log
from pathlib import Path
from statistics import NormalDist
from typing import Any, Final

from benchmarks.simulated_agents import START
from bot.experiments.report import WORTH_FINDING, ExperimentDesign, replay
from storage.queries.experiments import ArmOutcome
from storage.records import Arm, Unit

LOOKS: Final = 20
USUAL: Final = 0.45
SPREAD: Final = 0.6
SUITED: Final = 0.05
ARMS: Final = (Arm(name="a", share=0.5), Arm(name="b", share=0.5))
MIXES: Final = {"equal": 0.0, "zipf": 1.0}
"""The power of an agent's rank that their requests fall with."""

Figures = dict[str, Any]


def count_one_look() -> int:
    """Count the requests by which a test with one look finds 8 points, with 80 %."""
    normal = NormalDist()
    reach = (normal.inv_cdf(0.975) + normal.inv_cdf(0.8)) / WORTH_FINDING
    return round(4 * USUAL * (1 - USUAL) * reach**2)


def draw_outcomes(
    rng: random.Random, *, requests: int, agents: int, mix: str, by: Unit, difference: float, suited: float
) -> list[ArmOutcome]:
    """Draw the requests of one experiment."""
    weights = [rank ** -MIXES[mix] for rank in range(1, agents + 1)]
    shares = [1 / (1 + exp(-(log(USUAL / (1 - USUAL)) + rng.gauss(0, SPREAD)))) for _ in range(agents)]
    effects = [rng.gauss(difference, suited) for _ in range(agents)]
    drawn = [rng.random() < 0.5 for _ in range(agents)]
    found = []
    for number, agent in enumerate(rng.choices(range(agents), weights, k=requests)):
        is_first = drawn[agent] if by == "agent" else rng.random() < 0.5
        share = shares[agent] + (effects[agent] / 2 if is_first else -effects[agent] / 2)
        found.append(
            ArmOutcome(
                arm="a" if is_first else "b",
                arm_propensity=0.5,
                team_id="T",
                agent_id=str(agent),
                created_at=START + timedelta(minutes=number),
                prompt_version="p",
                status="shown",
                is_shown=True,
                kind="used" if rng.random() < share else "dismissed",
            )
        )
    return found


def count_verdicts(
    *, lives: int, requests: int, agents: int, mix: str, by: Unit, difference: float, suited: float, seed: int
) -> Figures:
    """Count the experiments with a verdict at any look, and those in which it is right."""
    rng, verdicts = random.Random(seed), []
    design = ExperimentDesign(name="simulated", state="stopped", by=by, arms=ARMS)
    for _ in range(lives):
        outcomes = draw_outcomes(
            rng, requests=requests, agents=agents, mix=mix, by=by, difference=difference, suited=suited
        )
        looks = replay(design, outcomes, every=requests // LOOKS)
        verdicts.append(next((verdict for _, look in looks if (verdict := look.contrasts[0].verdict)), None))
    return {
        "agents": agents,
        "mix": mix,
        "by": by,
        "difference": difference,
        "suited": suited,
        "verdicts": sum(verdict is not None for verdict in verdicts) / lives,
        "right": sum(verdict == "a" for verdict in verdicts) / lives if difference else None,
    }


def main(args: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lives", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "results" / "experiments.json")
    options = parser.parse_args(args)
    one_look = count_one_look()
    kinds: list[tuple[Unit, float, float, int]] = [
        ("request", WORTH_FINDING, 0.0, round(1.6 * one_look)),
        ("request", 0.0, 0.0, 2 * one_look),
        ("request", 0.0, SUITED, 2 * one_look),
        ("agent", 0.0, 0.0, 2 * one_look),
    ]
    found = []
    for agents in (10, 20, 40):
        for mix in MIXES:
            for by, difference, suited, requests in kinds:
                figures = count_verdicts(
                    lives=options.lives,
                    requests=requests,
                    agents=agents,
                    mix=mix,
                    by=by,
                    difference=difference,
                    suited=suited,
                    seed=options.seed,
                )
                found.append({**figures, "requests": requests})
                print(json.dumps(found[-1]), flush=True)
    options.json.parent.mkdir(exist_ok=True)
    options.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
