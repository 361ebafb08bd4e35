"""Results of `suggest rank train`, `score`, `evaluate` and `rollback`, on a terminal."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.text import Text

from bot.ranking.choice_sets import ExclusionReason, TrainingSet
from bot.ranking.evaluation import HeldOutEvaluation
from bot.ranking.off_policy import PolicyValue, PolicyValueRefusal
from bot.ranking.promotion import Verdict, describe_verdict
from bot.ranking.rollback import Rollback
from bot.stats.cluster_intervals import Interval
from cli.output_file import STDOUT
from cli.render.printable import pluralise
from cli.render.text.tables import build_table

if TYPE_CHECKING:
    from cli.commands.rank_evaluate import Evaluations
    from cli.commands.rank_score import Scoring
    from cli.commands.rank_train import Training

_WORTH: Final = "first picked oftener (SNIPS)"
_REASONS: Final[dict[ExclusionReason, str]] = {
    "older": "older",
    "undecided": "undecided",
    "expired": "expired",
    "failed": "with nothing shown",
    "not_shown": "of batches, shown to nobody",
    "one_candidate": "with one candidate",
    "one_by_one": "shown one by one",
    "malformed": "that contradict themselves",
    "repeated": "that stand twice",
}


def render_scoring(scoring: "Scoring") -> str:
    """Render how many requests were scored."""
    where = "" if scoring.output == STDOUT else f" to {scoring.output}"
    return f"{pluralise(scoring.requests, 'request')} scored by the ranker {scoring.version}{where}"


def render_training(training: "Training") -> RenderableType:
    """Render what was learned."""
    return Group(*_list_effects(training))


def render_evaluations(evaluations: "Evaluations") -> RenderableType:
    """Render each way to hold some choices out."""
    parts = [part for one in evaluations.held_out for part in _render_held_out(one)]
    return Group(Text(describe_training_set(evaluations.data)), *parts)


def render_rollback(done: Rollback) -> str:
    """Render what ordered replies before, and what does now."""
    before, now = _name_order(done.before), _name_order(done.change.version)
    changed = f"Still {now}." if before == now else f"Until now {before}; from now on {now}."
    if not done.change.is_pinned:
        return f"{changed} The gate decides again, with each ranker that is learned."
    return f"{changed} It stays so, whatever is learned, until: suggest rank rollback --to auto"


def render_gate(verdict: Verdict) -> str:
    """Render the gate's verdict."""
    found = describe_verdict(verdict)
    return f"{found[0].upper()}{found[1:]}."


def render_look(verdict: Verdict) -> str:
    """Render the gate's verdict at one look."""
    return f"{verdict.state}, {describe_verdict(verdict)}"


def _name_order(version: str | None) -> str:
    return "uniform order" if version is None else f"the ranker {version}"


def describe_training_set(found: TrainingSet) -> str:
    """Say how many requests, picks and agents there are, and what is left out."""
    picks = sum(display.picked is not None for display in found.choice_sets)
    agents = len({display.agent for display in found.choice_sets})
    line = f"{len(found.choice_sets)} decided requests, {picks} with a pick, of {agents} agents"
    left_out = [f"{count} {_REASONS[reason]}" for reason, count in sorted(found.left_out.items())]
    line = f"{line}; left out: {', '.join(left_out)}" if left_out else line
    return f"{line}; {found.requests} requests in all"


def _list_effects(training: "Training") -> Iterator[RenderableType]:
    ranker = training.ranker
    yield Text(f"Learned the ranker {ranker.version} from {describe_training_set(training.data)}.")
    names = zip(ranker.names.features, ranker.parameters.features.tolist(), strict=True)
    features = dict(sorted(names, key=lambda item: -abs(item[1]))[:8])
    for title, effects in (
        ("Text, by how much one standard deviation moves the log-odds:", features),
        ("Style:", dict(sorted(ranker.style_effects.items(), key=lambda item: -item[1]))),
        ("Model:", dict(sorted(ranker.model_effects.items(), key=lambda item: -item[1]))),
    ):
        yield Text(title)
        if effects:
            yield build_table("wn", [(name, f"{value:+.3f}") for name, value in effects.items()])
    positions = " ".join(f"{value:+.2f}" for value in ranker.parameters.positions.tolist())
    yield Text(f"Position, from the first: {positions}")
    yield Text("Whether it is better than chance on new choices: suggest rank evaluate.")
    yield Text(f"Saved to {training.saved}." if training.saved is not None else "Not saved: --save FILE keeps it.")


def _render_held_out(one: HeldOutEvaluation) -> Iterator[RenderableType]:
    title = {"person": "Other persons (each held out once)", "time": "The same persons, later (last 30% of each)"}
    yield Text(f"\n{title[one.split]}: {one.picks} picks of {one.agents} agents")
    rows = [
        _list_cells("log-likelihood a pick", one.log_likelihood),
        _list_cells("  position only", one.position),
        _list_cells("  at random", one.uniform),
        _list_cells("  gain over position only", one.gain),
        _list_cells("log-likelihood, none included", one.whole),
        _list_cells("  position only", one.whole_position),
        _list_cells("best by quality was picked", one.top_1, f"at random {one.top_1_uniform:.3f}"),
        _list_cells("mean reciprocal rank", one.mrr),
    ]
    if one.below_first is not None and one.below_first_uniform is not None:
        beside = f"at random {one.below_first_uniform:.3f}"
        rows.append(_list_cells("  below the first slot", one.below_first, beside))
    rows.append(("calibration error", f"{one.calibration_error:.4f}", "", ""))
    worth = one.worth
    if isinstance(worth, PolicyValue):
        found = Interval(mean=worth.value, lower=worth.lower, upper=worth.upper)
        rows.append(_list_cells(_WORTH, found, f"effective sample {worth.effective:.0f}"))
    yield build_table("wnnw", rows)
    if isinstance(worth, PolicyValueRefusal):
        why = {
            "no_propensities": "no propensities are logged",
            "few_agents": f"{worth.agents} agents, of at least 10",
            "few_effective": f"effective sample size {worth.effective:.0f}, of at least 100",
        }
        yield Text(f"  {_WORTH} not told: {why[worth.reason]}")
    if one.exploratory:
        yield Text("  Exploratory: fewer than ten agents; it may not hold for others.")


def _list_cells(name: str, found: Interval, beside: str = "") -> tuple[str, str, str, str]:
    return (name, f"{found.mean:.4f}", f"[{found.lower:.4f}, {found.upper:.4f}]", beside)
