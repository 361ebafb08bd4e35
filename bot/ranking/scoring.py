"""A choice log written again, with what a ranker predicts for each line."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any, Final

from bot.errors import OperationFailed
from bot.ranking.choice_sets import ChoiceSet, to_choice_set
from bot.ranking.habits import HabitTracker
from bot.ranking.model import CorruptModel, Ranker
from bot.ranking.prediction import Prediction, predict, predict_sequentially, to_undecided_choice_set
from bot.text_limits import clean
from storage.records import LogEntry
from storage.repositories.rankers import Rankers

_BATCH: Final = 500

Predictor = Callable[[Sequence[ChoiceSet]], list[Prediction]]


class ScoringFailed(OperationFailed):
    """The log cannot be scored; the message says why, in one line."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a log, as it is and as a record, with its file and number."""

    place: str
    raw: bytes
    entry: LogEntry


async def read_stored_ranker(rankers: Rankers) -> Ranker:
    """Read the ranker that is shown, else the newest. Raises OperationFailed without one."""
    change = await rankers.get_current()
    shown = await rankers.get(change.version) if change is not None and change.version is not None else None
    stored = shown or await rankers.get_newest()
    if stored is None:
        raise OperationFailed("no ranker has been learned in this database yet: give one with --model FILE")
    return parse_ranker(stored.model, f"the stored ranker {stored.version}")


def parse_ranker(text: str, name: str) -> Ranker:
    """Read a ranker from JSON. Raises OperationFailed."""
    try:
        return Ranker.from_json(text)
    except CorruptModel as error:
        raise OperationFailed(f"{name} cannot be used: {error}") from error


def score_lines(lines: Iterable[LogLine], predicted: Predictor) -> Iterator[bytes]:
    """Write each line again, with scores and probabilities. Raises ScoringFailed, and what `lines` does."""
    rest = iter(lines)
    while batch := list(islice(rest, _BATCH)):
        displays = [to_undecided_choice_set(line.entry) for line in batch]
        predictions = iter(predicted([display for display in displays if display is not None]))
        for line, display in zip(batch, displays, strict=True):
            yield _add_scores(line, display, None if display is None else next(predictions))


def build_predictor(ranker: Ranker, lines: Iterable[LogLine]) -> Predictor:  # noqa: ARG001 - others do not matter
    """Build a predictor that knows each agent by the ranker alone."""
    return partial(predict, ranker)


def track(ranker: Ranker, lines: Iterable[LogLine]) -> Predictor:
    """Build a predictor that knows of each line the earlier choices of its agent, for all lines in the log's order.

    Raises ScoringFailed.
    """
    habits = ranker.habits
    if habits is None:
        raise ScoringFailed("this ranker was learned by an earlier version, without habits: train it anew")
    tracker, rows, seen = HabitTracker(habits.states), {}, [line for line in map(_strip, lines) if line]
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


def _add_scores(line: LogLine, display: ChoiceSet | None, prediction: Prediction | None) -> bytes:
    """Write the line again, with what was predicted. Raises ScoringFailed if it holds a number like 1e999."""
    scores: dict[str, tuple[float, float]] = {}
    if display is not None and prediction is not None:
        values = zip(prediction.scores, prediction.probabilities, strict=True)
        scores = dict(zip((item.id for item in display.shown), values, strict=True))
    try:
        found = json.loads(line.raw)
        found["request"]["none_probability"] = None if prediction is None else prediction.none
        for candidate in found["candidates"]:
            candidate["score"], candidate["choice_probability"] = scores.get(clean(candidate["id"]), (None, 0.0))
        return _encode(found) + b"\n"
    except ValueError as error:
        raise ScoringFailed(f"{line.place}: has a number in it that is too large: write null") from error


def _encode(value: Any) -> bytes:
    """Encode as UTF-8; half a character, which JSON can write and UTF-8 cannot, stays escaped."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        return json.dumps(value, allow_nan=False).encode()
