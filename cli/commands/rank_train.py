"""`suggest rank train`: learns a ranker from a choice log."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from bot.ranking.choice_sets import TrainingSet, Weights
from bot.ranking.model import NothingToLearn, Ranker, fit_ranker
from cli.choice_source import Logs, PickWeights, read_training_set
from cli.database_location import Location, locate_database
from cli.errors import Failed
from cli.options import DatabaseFile, Json
from cli.output_file import open_output
from cli.render.json import list_training
from cli.render.output import print_result
from cli.render.text import ranking as text
from cli.stop_signals import explain_interrupt


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """A ranker, the choices it was learned from, and the file that it was saved in."""

    data: TrainingSet
    ranker: Ranker
    saved: Path | None


def run(
    *,
    logs: Logs = None,
    weights: PickWeights = "kept",
    save: Annotated[Path | None, typer.Option(metavar="FILE", help="Keep the ranker here, as JSON.")] = None,
    database: DatabaseFile = None,
    as_json: Json = False,
) -> None:
    """Learn from choices which replies are picked, corrected for position and person.

    What is learned here is not shown to anybody: the bot learns by itself.

    Example: suggest rank train --log choices.jsonl --save ranker.json
    """
    location = locate_database(database)
    with explain_interrupt(lambda: "nothing was learned or saved; the same command begins again"):
        training = train(logs, location, weights, save)
    print_result(training, as_json=as_json, to_text=text.render_training, to_fields=list_training)


def train(logs: Sequence[Path] | None, location: Location, weights: Weights, save: Path | None) -> Training:
    """Learn a ranker, and save it if there is a file to save it in. Raises Failed, SettingsError."""
    found = read_training_set(logs, location)
    try:
        ranker = fit_ranker(found.choice_sets, weights=weights)
    except NothingToLearn as error:
        raise Failed(f"there is nothing to learn from: {text.describe_training_set(found)}") from error
    if save is not None:
        with open_output(save) as file:
            file.write(ranker.to_json().encode() + b"\n")
    return Training(data=found, ranker=ranker, saved=save)
