"""Requests of experiments, invented."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import count
from typing import Any

from bot.experiments.report import ExperimentDesign
from storage.queries.experiments import ArmOutcome
from storage.records import Arm, Experiment
from tests.storage.stores import AT

ARMS = (Arm(name="a", share=0.5), Arm(name="b", share=0.5))
DESIGN = ExperimentDesign(name="greeting", state="running", by="request", arms=ARMS)


def an_experiment(**changes: Any) -> Experiment:
    plain = {"name": "greeting", "by": "request", "arms": ARMS, "started_at": AT, "started_by": "cli", "salt": "salt"}
    return Experiment(**{**plain, **changes})


def an_outcome(arm: str = "a", agent: str = "U1", **changes: Any) -> ArmOutcome:
    plain = {
        "arm": arm,
        "arm_propensity": 0.5,
        "team_id": "T1",
        "agent_id": agent,
        "created_at": AT,
        "prompt_version": "p1",
        "status": "shown",
        "is_shown": True,
        "kind": None,
    }
    return ArmOutcome(**{**plain, **changes})


def some_outcomes(accepted: Mapping[str, int], *, agents: int, of: int = 100) -> Iterator[ArmOutcome]:
    """Of each agent, in turn, so many requests an arm, of which so many were accepted: spread evenly."""
    number = count()
    for turn in range(of):
        for agent in range(agents):
            for arm, used in accepted.items():
                is_used = (turn + 1) * used // of > turn * used // of
                yield an_outcome(
                    arm,
                    f"U{agent}",
                    created_at=AT + timedelta(minutes=next(number)),
                    kind="used" if is_used else "dismissed",
                )
