"""`suggest rank score`: writes a choice log again, with what a ranker predicts."""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from bot.ranking.model import Ranker
from bot.ranking.scoring import (
    LogLine,
    Predictor,
    build_predictor,
    parse_ranker,
    read_stored_ranker,
    score_lines,
    track,
)
from cli.choice_source import read_lines
from cli.database_location import Location, locate_database, open_existing, run_with
from cli.errors import Failed, SettingsError
from cli.options import DatabaseFile, Json
from cli.output_file import STDOUT, describe_unfinished, open_output
from cli.render.output import print_result
from cli.render.text import ranking as text
from cli.stop_signals import explain_interrupt

PredictorFactory = Callable[[Ranker, Iterable[LogLine]], Predictor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """The number of requests written, the ranker that scored them, and the file."""

    requests: int
    version: str
    output: Path


def run(
    *,
    log: Annotated[Path, typer.Option("--log", metavar="FILE", help="A choice log, plain or packed.")],
    model: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A ranker that `rank train` saved. [default: the database's]"),
    ] = None,
    sequential: Annotated[
        bool,
        typer.Option(
            "--sequential", help="Let each row see the earlier choices of its agent in this log, as a bot does."
        ),
    ] = False,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="A file, written whole or not at all; - is stdout.")
    ] = Path("-"),
    database: DatabaseFile = None,
    as_json: Json = False,
) -> None:
    """Write a choice log back with scores, and how probable each choice was.

    Candidates get `score` (quality alone) and `choice_probability`, requests `none_probability`.

    Example: suggest rank score --log choices.jsonl --model ranker.json
    """
    predictor = track if sequential else build_predictor
    with explain_interrupt(lambda: describe_unfinished(output)):
        scoring = score(log, model, output, locate_database(database), predictor=predictor)
    if not as_json or output != STDOUT:  # else the lines themselves are there
        print_result(scoring, as_json=as_json, to_text=text.render_scoring, text_file=sys.stderr)


def score(log: Path, model: Path | None, output: Path, location: Location, *, predictor: PredictorFactory) -> Scoring:
    """Write each line back with scores and probabilities; whole or not at all. Raises Failed, SettingsError."""
    if output.exists() and log.exists() and output.samefile(log):
        raise SettingsError(f"-o {output} is the log itself: name another file")
    if model is None:
        ranker = run_with(open_existing(location), lambda records: read_stored_ranker(records.rankers))
    else:
        ranker = _read_saved_ranker(model)
    count = 0
    predicted = predictor(ranker, read_lines(log))
    with open_output(output) as file:
        for line in score_lines(read_lines(log), predicted):
            file.write(line)
            count += 1
    return Scoring(requests=count, version=ranker.version, output=output)


def _read_saved_ranker(model: Path) -> Ranker:
    """Read a ranker from a file. Raises SettingsError, Failed, OperationFailed."""
    try:
        return parse_ranker(model.read_text(encoding="utf-8"), str(model))
    except FileNotFoundError as error:
        raise SettingsError(f"there is no file {model}: suggest rank train --save {model} makes one") from error
    except OSError as error:
        raise Failed(f"{model} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Failed(f"{model} is no ranker that can be used: it is no text") from error
