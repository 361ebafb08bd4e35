"""`suggest rank score`: writes a choice log again, with what a ranker predicts."""

import asyncio
import json as jsonlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final

import typer

from bot.ranking.choice_sets import ChoiceSet, to_choice_set
from bot.ranking.habits import HabitTracker
from bot.ranking.model import CorruptModel, Ranker
from bot.ranking.prediction import Prediction, predict, predict_sequentially, to_undecided_choice_set
from bot.text_limits import clean
from cli import wiring
from cli.choice_source import LogLine, read_lines
from cli.database_location import Location, locate_database, open_existing
from cli.errors import Failed, SettingsError
from cli.options import DatabaseFile, Json
from cli.output_file import STDOUT, open_output
from cli.render.output import print_result
from cli.render.text import ranking as text
from storage.repositories.rankers import Rankers

_BATCH: Final = 500

Predictor = Callable[[Sequence[ChoiceSet]], list[Prediction]]


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
    scoring = score(log, model, output, locate_database(database), predictor=track if sequential else build_predictor)
    if not as_json or output != STDOUT:  # else the lines themselves are there
        print_result(scoring, as_json=as_json, to_text=text.render_scoring, text_file=sys.stderr)


def build_predictor(ranker: Ranker, log: Path) -> Predictor:  # noqa: ARG001 - other rows do not matter
    """Build a predictor that knows each agent by the ranker alone."""
    return partial(predict, ranker)


def track(ranker: Ranker, log: Path) -> Predictor:
    """Build a predictor that knows of each row the earlier choices of its agent, for all rows in the log's order.

    Raises Failed, SettingsError.
    """
    habits = ranker.habits
    if habits is None:
        raise Failed("this ranker was learned by an earlier version, without habits: train it anew")
    tracker, rows, seen = HabitTracker(habits.states), {}, [line for line in map(_strip, read_lines(log)) if line]
    for number in sorted(range(len(seen)), key=lambda number: seen[number][0].at):
        display, decided = seen[number]
        rows[number] = tracker.describe(display)
        if decided is not None:
            tracker.observe(decided)
    described = (rows[number] for number in range(len(seen)))
    return lambda displays: predict_sequentially(ranker, habits, displays, list(islice(described, len(displays))))


def _strip(line: LogLine) -> tuple[ChoiceSet, ChoiceSet | None] | None:
    """Take what habits are told by, without texts: what was shown, and what was decided of it."""
    display, decided = to_undecided_choice_set(line.entry), to_choice_set(line.entry)
    if display is None:
        return None
    shown = tuple(replace(candidate, text="") for candidate in display.shown)
    stripped = replace(display, conversation=(), shown=shown)
    return stripped, replace(stripped, picked=decided.picked) if isinstance(decided, ChoiceSet) else None


def score(
    log: Path, model: Path | None, output: Path, location: Location, *, predictor: Callable[[Ranker, Path], Predictor]
) -> Scoring:
    """Write each line back with scores and probabilities; whole or not at all. Raises Failed, SettingsError."""
    if output.exists() and log.exists() and output.samefile(log):
        raise SettingsError(f"-o {output} is the log itself: name another file")
    ranker = asyncio.run(_read_stored_ranker(location)) if model is None else _read_saved_ranker(model)
    count, prediction = 0, predictor(ranker, log)
    with open_output(output) as file:
        for batch in _split_batches(read_lines(log)):
            _write_scores(prediction, batch, file)
            count += len(batch)
    return Scoring(requests=count, version=ranker.version, output=output)


def _split_batches(lines: Iterator[LogLine]) -> Iterator[list[LogLine]]:
    while batch := list(islice(lines, _BATCH)):
        yield batch


def _write_scores(predicted: Predictor, batch: Sequence[LogLine], file: BinaryIO) -> None:
    """Score a batch of lines, and write them."""
    displays = [to_undecided_choice_set(line.entry) for line in batch]
    predictions = iter(predicted([display for display in displays if display is not None]))
    file.writelines(
        _add_scores(line, display, None if display is None else next(predictions))
        for line, display in zip(batch, displays, strict=True)
    )


def _add_scores(line: LogLine, display: ChoiceSet | None, prediction: Prediction | None) -> bytes:
    """Write the line again, with what was predicted. Raises Failed if it holds a number like 1e999."""
    scores: dict[str, tuple[float, float]] = {}
    if display is not None and prediction is not None:
        values = zip(prediction.scores, prediction.probabilities, strict=True)
        scores = dict(zip((item.id for item in display.shown), values, strict=True))
    try:
        found = jsonlib.loads(line.raw)
        found["request"]["none_probability"] = None if prediction is None else prediction.none
        for candidate in found["candidates"]:
            candidate["score"], candidate["choice_probability"] = scores.get(clean(candidate["id"]), (None, 0.0))
        return _encode(found) + b"\n"
    except ValueError as error:
        raise Failed(f"{line.place}: has a number in it that is too large: write null") from error


def _encode(value: Any) -> bytes:
    """Encode as UTF-8; half a character, which JSON can write and UTF-8 cannot, stays escaped."""
    try:
        return jsonlib.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        return jsonlib.dumps(value, allow_nan=False).encode()


def _read_saved_ranker(model: Path) -> Ranker:
    """Read a ranker from a file. Raises SettingsError, Failed."""
    try:
        text = model.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise SettingsError(f"there is no file {model}: suggest rank train --save {model} makes one") from error
    except OSError as error:
        raise Failed(f"{model} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Failed(f"{model} is no ranker that can be used: it is no text") from error
    return _parse_ranker(text, str(model))


async def _read_stored_ranker(location: Location) -> Ranker:
    """Read the ranker that is shown, else the newest. Raises Failed without one."""
    async with open_existing(location) as database:
        rankers = Rankers(database, me=wiring.new_id())
        change = await rankers.get_current()
        shown = await rankers.get(change.version) if change is not None and change.version is not None else None
        stored = shown or await rankers.get_newest()
    if stored is None:
        raise Failed("no ranker has been learned in this database yet: give one with --model FILE")
    return _parse_ranker(stored.model, f"the stored ranker {stored.version}")


def _parse_ranker(text: str, name: str) -> Ranker:
    try:
        return Ranker.from_json(text)
    except CorruptModel as error:
        raise Failed(f"{name} cannot be used: {error}") from error
