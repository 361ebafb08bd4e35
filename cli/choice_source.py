"""Sources of choices for `suggest rank`: files of the choice log, or a database."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from bot.choice_log import InvalidLine, iter_lines, open_log, read_line
from bot.ranking import refit
from bot.ranking.choice_sets import TrainingSet, Weights, collect_training_set
from bot.ranking.scoring import LogLine
from cli.database_location import Location, include_simulated, open_existing, run_with
from cli.errors import Failed, SettingsError
from cli.render.progress import show_progress
from cli.repositories import Records
from storage.records import LogEntry, Selection

EVERYTHING: Final = Selection()

Logs = Annotated[
    list[Path] | None,
    typer.Option(
        "--log", metavar="FILE", help="A choice log, plain or packed; may be repeated. [default: the database]"
    ),
]
PickWeights = Annotated[
    Weights,
    typer.Option("--weights", help="Each pick counts 1, or as much as was kept of it in what was sent."),
]


def read_training_set(logs: Sequence[Path] | None, location: Location) -> TrainingSet:
    """Read the choices to learn from: those of the files, or, without any, of the database.

    Raises SettingsError, Failed.
    """
    with show_progress("Reading choices") as advance:
        if not logs:
            return run_with(open_existing(location), lambda records: collect_choices(records, advance))
        return collect_training_set(_count_entries(logs, advance))


def _count_entries(logs: Sequence[Path], advance: Callable[[int], None]) -> Iterator[LogEntry]:
    for log in logs:
        for line in read_lines(log):
            advance(1)
            yield line.entry


async def collect_choices(
    records: Records, advance: Callable[[int], None], selection: Selection = EVERYTHING
) -> TrainingSet:
    """Read the newest choices of a database; in a demonstration's own, the simulated ones too."""
    return await refit.read_training_set(records.log, await include_simulated(records, selection), advance)


def read_lines(log: Path) -> Iterator[LogLine]:
    """Read each line as it is and as a record.

    Raises SettingsError for a file that is not there, Failed at the first line that is no record:
    half a log is another log.
    """
    with explain_unreadable(log), open_log(log) as file:
        for number, line in iter_lines(file):
            if isinstance(line, InvalidLine):
                raise Failed(f"{log}, line {number}: {line}")
            try:
                yield LogLine(f"{log}, line {number}", line, read_line(line))
            except InvalidLine as error:
                raise Failed(f"{log}, line {number}: {error}") from error


@contextmanager
def explain_unreadable(file: Path) -> Iterator[None]:
    """Say in a line that a file is not there, or cannot be read. Raises SettingsError, Failed."""
    try:
        yield
    except FileNotFoundError as error:
        raise SettingsError(f"there is no file {file}") from error
    except OSError as error:
        raise Failed(f"{file} cannot be read: {error.strerror or error}") from error
