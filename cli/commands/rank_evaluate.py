"""`suggest rank evaluate`: measures how well choices are predicted that were not learned from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from bot.ranking.choice_sets import TrainingSet, Weights
from bot.ranking.evaluation import HeldOutEvaluation, Split, evaluate
from cli.choice_source import Logs, PickWeights, read_training_set
from cli.database_location import Location, locate_database
from cli.errors import Failed
from cli.options import DatabaseFile, Json
from cli.render.json import list_evaluations
from cli.render.output import print_result
from cli.render.text import ranking as text
from cli.stop_signals import explain_interrupt


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluations:
    """The choices learned from, and an evaluation for each way to hold some of them out."""

    data: TrainingSet
    weights: Weights
    held_out: Sequence[HeldOutEvaluation]


def run(
    *,
    logs: Logs = None,
    weights: PickWeights = "kept",
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Which persons are held out together.")] = 0,
    database: DatabaseFile = None,
    as_json: Json = False,
) -> None:
    """Say how well choices can be predicted that were not learned from, beside knowing positions only.

    Example: suggest rank evaluate --log choices.jsonl
    """
    location = locate_database(database)
    with explain_interrupt(lambda: "nothing was measured or changed; the same command begins again"):
        evaluations = evaluate_held_out(logs, location, weights, seed)
    print_result(evaluations, as_json=as_json, to_text=text.render_evaluations, to_fields=list_evaluations)


def evaluate_held_out(logs: Sequence[Path] | None, location: Location, weights: Weights, seed: int) -> Evaluations:
    """Judge by choices held out, by person and by time. Raises Failed, SettingsError."""
    found = read_training_set(logs, location)
    splits: tuple[Split, ...] = ("person", "time")
    judged = [evaluate(found.choice_sets, split, weights=weights, seed=seed) for split in splits]
    if not any(judged):
        raise Failed(f"there is too little to hold some of it out: {text.describe_training_set(found)}")
    return Evaluations(data=found, weights=weights, held_out=[one for one in judged if one is not None])
