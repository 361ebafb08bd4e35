"""`suggest rank train`, `score`, `evaluate`: learn from a choice log, apply what was learned, and judge it."""

import asyncio
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final

from bot.choice_log import NotALine, lines_of, opened, read_line
from bot.ranking.choice_sets import ChoiceSet, ExclusionReason, TrainingSet, Weights, collect_training_set
from bot.ranking.evaluation import HeldOutEvaluation, Split, evaluate
from bot.ranking.model import CorruptModel, NothingToLearn, Ranker, fit_ranker
from bot.ranking.off_policy import PolicyValueRefusal
from bot.ranking.prediction import Prediction, predict, to_undecided_choice_set
from bot.stats.cluster_intervals import Interval
from bot.text_limits import clean
from cli import wiring
from cli.database_location import Location, opened_as_it_is
from cli.errors import Failed, SettingsError
from cli.output_file import STDOUT, destination
from storage.queries.log_entries import ChoiceLog, Selection
from storage.records import LogEntry
from storage.repositories.audit import Audit
from storage.repositories.rankers import Rankers
from storage.tables import to_iso

_BATCH: Final = 500

_REASONS: Final[dict[ExclusionReason, str]] = {
    "undecided": "undecided",
    "expired": "expired",
    "failed": "with nothing shown",
    "one_candidate": "with one candidate",
    "malformed": "that contradict themselves",
    "repeated": "that stand twice",
}


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a log, as it is and as a record, and where it stands: the file and its number."""

    place: str
    raw: bytes
    entry: LogEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where choices are read from: these files, or, without any, this database."""

    logs: tuple[Path, ...]
    location: Location


def train(source: Source, weights: Weights, save: Path | None) -> None:
    """Learn a ranker and say what it learned. Raises Failed, SettingsError."""
    found, ranker = _trained(source, weights, save)
    print("\n".join(_of_training(found, ranker, save)))


def train_for_programs(source: Source, weights: Weights, save: Path | None) -> None:
    """As `train`, as JSON."""
    found, ranker = _trained(source, weights, save)
    names, parameters = ranker.names, ranker.parameters
    told = {
        "version": ranker.version,
        "saved": None if save is None else str(save),
        "trained_until": to_iso(ranker.trained_until),
        "weights": ranker.weights,
        "requests": ranker.n_requests,
        "choices": ranker.n_choices,
        "agents": ranker.n_agents,
        "left_out": found.left_out,
        "metrics": dict(ranker.metrics),
        "features": dict(zip(names.features, parameters.features.tolist(), strict=True)),
        "styles": ranker.style_effects,
        "models": ranker.model_effects,
        "prompts": ranker.prompt_effects,
        "positions": parameters.positions.tolist(),
        "none": {"constant": parameters.none[0], "log_k": parameters.none[1]},
        "habits": {"first_variance": parameters.spread[0, 0], "none_variance": parameters.spread[1, 1]},
    }
    print(json.dumps(told, allow_nan=False))


def score(log: Path, model: Path | None, output: Path, location: Location) -> None:
    """Write each line back with scores and probabilities; whole or not at all. Raises Failed, SettingsError."""
    count, version = _scored(log, model, output, location)
    where = "" if output == STDOUT else f" to {output}"
    print(f"{count} request{'' if count == 1 else 's'} scored by the ranker {version}{where}", file=sys.stderr)


def score_for_programs(log: Path, model: Path | None, output: Path, location: Location) -> None:
    """As `score`; what was done is told as JSON, where the lines themselves do not go to stdout."""
    count, version = _scored(log, model, output, location)
    if output != STDOUT:
        print(json.dumps({"requests": count, "version": version, "output": str(output)}))


def evaluate_(source: Source, weights: Weights, seed: int) -> None:
    """Judge by choices held out, and say how. Raises Failed, SettingsError."""
    found, judged = _evaluated(source, weights, seed)
    print("\n\n".join([_of_collected(found), *(_of_held_out(one) for one in judged)]))


def evaluate_for_programs(source: Source, weights: Weights, seed: int) -> None:
    """As `evaluate_`, as JSON."""
    found, judged = _evaluated(source, weights, seed)
    told: dict[str, Any] = {one.split: asdict(one) for one in judged}
    for one in judged:
        told[one.split]["worth"] = {"refused": None, **asdict(one.worth)}
        if isinstance(one.worth, PolicyValueRefusal):
            told[one.split]["worth"]["refused"] = told[one.split]["worth"].pop("reason")
    displays = len(found.choice_sets)
    print(json.dumps(_finite({"displays": displays, "left_out": found.left_out, "weights": weights, **told})))


def _scored(log: Path, model: Path | None, output: Path, location: Location) -> tuple[int, str]:
    if output.exists() and log.exists() and output.samefile(log):
        raise SettingsError(f"-o {output} is the log itself: name another file")
    ranker = asyncio.run(_stored(location)) if model is None else _saved(model)
    count = 0
    with destination(output) as file:
        for batch in _batches(_lines(log)):
            _score(ranker, batch, file)
            count += len(batch)
    return count, ranker.version


def _trained(source: Source, weights: Weights, save: Path | None) -> tuple[TrainingSet, Ranker]:
    found = _collected(source)
    try:
        ranker = fit_ranker(found.choice_sets, weights=weights)
    except NothingToLearn as error:
        raise Failed(f"there is nothing to learn from: {_of_collected(found)}") from error
    if save is not None:
        with destination(save) as file:
            file.write(ranker.to_json().encode() + b"\n")
    return found, ranker


def _evaluated(source: Source, weights: Weights, seed: int) -> tuple[TrainingSet, list[HeldOutEvaluation]]:
    found = _collected(source)
    splits: tuple[Split, ...] = ("person", "time")
    judged = [evaluate(found.choice_sets, split, weights=weights, seed=seed) for split in splits]
    if not any(judged):
        raise Failed(f"there is too little to hold some of it out: {_of_collected(found)}")
    return found, [one for one in judged if one is not None]


def _collected(source: Source) -> TrainingSet:
    if not source.logs:
        return asyncio.run(_recorded(source.location))
    return collect_training_set(line.entry for log in source.logs for line in _lines(log))


async def _recorded(location: Location) -> TrainingSet:
    async with opened_as_it_is(location) as database:
        selection = Selection(include_simulated=await Audit(database).is_demonstration())
        return collect_training_set([entry async for entry in ChoiceLog(database).entries(selection)])


def _lines(log: Path) -> Iterator[_Line]:
    """Each line as it is and as a record. One that cannot be read ends it: half a log would be another log."""
    try:
        with opened(log) as file:
            for number, line in lines_of(file):
                if isinstance(line, NotALine):
                    raise Failed(f"{log}, line {number}: {line}")
                try:
                    yield _Line(f"{log}, line {number}", line, read_line(line))
                except NotALine as error:
                    raise Failed(f"{log}, line {number}: {error}") from error
    except FileNotFoundError as error:
        raise SettingsError(f"there is no file {log}") from error
    except OSError as error:
        raise Failed(f"{log} cannot be read: {error.strerror or error}") from error


def _batches(lines: Iterator[_Line]) -> Iterator[list[_Line]]:
    while batch := list(islice(lines, _BATCH)):
        yield batch


def _score(ranker: Ranker, batch: Sequence[_Line], file: BinaryIO) -> None:
    displays = [to_undecided_choice_set(line.entry) for line in batch]
    predictions = iter(predict(ranker, [display for display in displays if display is not None]))
    file.writelines(
        _with_scores(line, display, None if display is None else next(predictions))
        for line, display in zip(batch, displays, strict=True)
    )


def _with_scores(line: _Line, display: ChoiceSet | None, prediction: Prediction | None) -> bytes:
    """The line again, with what was predicted. Raises Failed where it holds what JSON cannot write, as 1e999."""
    scores: dict[str, tuple[float, float]] = {}
    if display is not None and prediction is not None:
        values = zip(prediction.scores, prediction.probabilities, strict=True)
        scores = dict(zip((item.id for item in display.shown), values, strict=True))
    try:
        found = json.loads(line.raw)
        found["request"]["none_probability"] = None if prediction is None else prediction.none
        for candidate in found["candidates"]:
            candidate["score"], candidate["choice_probability"] = scores.get(clean(candidate["id"]), (None, 0.0))
        return _encoded(found) + b"\n"
    except ValueError as error:
        raise Failed(f"{line.place}: has a number in it that is too large: write null") from error


def _encoded(value: Any) -> bytes:
    """Half a character, which JSON can write and UTF-8 cannot, stays escaped."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        return json.dumps(value, allow_nan=False).encode()


def _saved(model: Path) -> Ranker:
    try:
        text = model.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise SettingsError(f"there is no file {model}: suggest rank train --save {model} makes one") from error
    except OSError as error:
        raise Failed(f"{model} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Failed(f"{model} is no ranker that can be used: it is no text") from error
    return _ranker(text, str(model))


async def _stored(location: Location) -> Ranker:
    """The one that is shown, else the newest."""
    async with opened_as_it_is(location) as database:
        rankers = Rankers(database, me=wiring.new_id())
        change = await rankers.current()
        shown = await rankers.get(change.version) if change is not None and change.version is not None else None
        stored = shown or await rankers.newest()
    if stored is None:
        raise Failed("no ranker has been learned in this database yet: give one with --model FILE")
    return _ranker(stored.model, f"the stored ranker {stored.version}")


def _ranker(text: str, name: str) -> Ranker:
    try:
        return Ranker.from_json(text)
    except CorruptModel as error:
        raise Failed(f"{name} cannot be used: {error}") from error


def _of_collected(found: TrainingSet) -> str:
    picks = sum(display.picked is not None for display in found.choice_sets)
    agents = len({display.agent for display in found.choice_sets})
    line = f"{len(found.choice_sets)} decided requests, {picks} with a pick, of {agents} agents"
    left_out = [f"{count} {_REASONS[reason]}" for reason, count in sorted(found.left_out.items())]
    return f"{line}; left out: {', '.join(left_out)}" if left_out else line


def _of_training(found: TrainingSet, ranker: Ranker, save: Path | None) -> Iterable[str]:
    yield f"Learned the ranker {ranker.version} from {_of_collected(found)}."
    names = zip(ranker.names.features, ranker.parameters.features.tolist(), strict=True)
    yield "Text, by how much one standard deviation moves the log-odds:"
    for name, value in sorted(names, key=lambda item: -abs(item[1]))[:8]:
        yield f"  {name:24}{value:+.3f}"
    for title, effects in (("Style", ranker.style_effects), ("Model", ranker.model_effects)):
        yield f"{title}:"
        for name, value in sorted(effects.items(), key=lambda item: -item[1]):
            yield f"  {name:24}{value:+.3f}"
    positions = " ".join(f"{value:+.2f}" for value in ranker.parameters.positions.tolist())
    yield f"Position, from the first: {positions}"
    yield "Whether it is better than chance on new choices: suggest rank evaluate."
    yield f"Saved to {save}." if save is not None else "Not saved: --save FILE keeps it."


def _of_held_out(one: HeldOutEvaluation) -> str:
    title = {"person": "Other persons (each held out once)", "time": "The same persons, later (last 30% of each)"}
    rows = [
        f"{title[one.split]}: {one.picks} picks of {one.agents} agents",
        _row("log-likelihood a pick", one.log_likelihood),
        _row("  position only", one.position),
        _row("  at random", one.uniform),
        _row("  gain over position only", one.gain),
        _row("log-likelihood, none included", one.whole),
        _row("  position only", one.whole_position),
        _row("best by quality was picked", one.top_1, f"at random {one.top_1_uniform:.3f}"),
        _row("mean reciprocal rank", one.mrr),
    ]
    if one.below_first is not None and one.below_first_uniform is not None:
        rows.append(_row("  below the first slot", one.below_first, f"at random {one.below_first_uniform:.3f}"))
    rows.append(f"  {'calibration error':32}{one.calibration_error:8.4f}")
    rows.append(_of_worth(one))
    if one.exploratory:
        rows.append("  Exploratory: fewer than ten agents; intervals are by agent and day, and too narrow.")
    return "\n".join(rows)


def _row(name: str, found: Interval, beside: str = "") -> str:
    return f"  {name:32}{found.mean:8.4f}  [{found.lower:.4f}, {found.upper:.4f}]  {beside}".rstrip()


def _of_worth(one: HeldOutEvaluation) -> str:
    worth = one.worth
    name = f"  {'first picked oftener (SNIPS)':32}"
    if isinstance(worth, PolicyValueRefusal):
        why = {
            "no_propensities": "no propensities are logged",
            "few_agents": f"{worth.agents} agents, of at least 10",
            "few_effective": f"effective sample size {worth.effective:.0f}, of at least 100",
        }
        return f"{name}not told: {why[worth.reason]}"
    return f"{name}{worth.value:8.4f}  [{worth.lower:.4f}, {worth.upper:.4f}]  effective sample {worth.effective:.0f}"


def _finite(value: Any) -> Any:
    """JSON has no word for infinite: an interval that is unknown is null."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and value in {float("inf"), float("-inf")} else value
