"""Results of `suggest rank train`, `score`, `evaluate` and `rollback`, on a terminal."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from bot.ranking.choice_sets import ExclusionReason, TrainingSet
from bot.ranking.evaluation import HeldOutEvaluation
from bot.ranking.off_policy import PolicyValueRefusal
from bot.stats.cluster_intervals import Interval
from cli.output_file import STDOUT

if TYPE_CHECKING:
    from cli.commands.rank_evaluate import Evaluations
    from cli.commands.rank_rollback import Rollback
    from cli.commands.rank_score import Scoring
    from cli.commands.rank_train import Training

_REASONS: Final[dict[ExclusionReason, str]] = {
    "undecided": "undecided",
    "expired": "expired",
    "failed": "with nothing shown",
    "one_candidate": "with one candidate",
    "malformed": "that contradict themselves",
    "repeated": "that stand twice",
}


def render_scoring(scoring: "Scoring") -> str:
    """Render how many requests were scored."""
    where = "" if scoring.output == STDOUT else f" to {scoring.output}"
    plural = "" if scoring.requests == 1 else "s"
    return f"{scoring.requests} request{plural} scored by the ranker {scoring.version}{where}"


def render_training(training: "Training") -> str:
    """Render what was learned."""
    return "\n".join(_list_effects(training))


def render_evaluations(evaluations: "Evaluations") -> str:
    """Render each way to hold some choices out."""
    parts = [describe_training_set(evaluations.data), *map(_render_held_out, evaluations.held_out)]
    return "\n\n".join(parts)


def render_rollback(done: "Rollback") -> str:
    """Render what ordered replies before, and what does now."""
    before, now = _name_order(done.before), _name_order(done.change.version)
    changed = f"Still {now}." if before == now else f"Until now {before}; from now on {now}."
    if not done.change.is_pinned:
        return f"{changed} The gate decides again, with each ranker that is learned."
    return f"{changed} It stays so, whatever is learned, until: suggest rank rollback --to auto"


def _name_order(version: str | None) -> str:
    return "uniform order" if version is None else f"the ranker {version}"


def describe_training_set(found: TrainingSet) -> str:
    """Say how many requests, picks and agents there are, and what is left out."""
    picks = sum(display.picked is not None for display in found.choice_sets)
    agents = len({display.agent for display in found.choice_sets})
    line = f"{len(found.choice_sets)} decided requests, {picks} with a pick, of {agents} agents"
    left_out = [f"{count} {_REASONS[reason]}" for reason, count in sorted(found.left_out.items())]
    return f"{line}; left out: {', '.join(left_out)}" if left_out else line


def _list_effects(training: "Training") -> Iterator[str]:
    ranker = training.ranker
    yield f"Learned the ranker {ranker.version} from {describe_training_set(training.data)}."
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
    yield f"Saved to {training.saved}." if training.saved is not None else "Not saved: --save FILE keeps it."


def _render_held_out(one: HeldOutEvaluation) -> str:
    title = {"person": "Other persons (each held out once)", "time": "The same persons, later (last 30% of each)"}
    rows = [
        f"{title[one.split]}: {one.picks} picks of {one.agents} agents",
        _render_row("log-likelihood a pick", one.log_likelihood),
        _render_row("  position only", one.position),
        _render_row("  at random", one.uniform),
        _render_row("  gain over position only", one.gain),
        _render_row("log-likelihood, none included", one.whole),
        _render_row("  position only", one.whole_position),
        _render_row("best by quality was picked", one.top_1, f"at random {one.top_1_uniform:.3f}"),
        _render_row("mean reciprocal rank", one.mrr),
    ]
    if one.below_first is not None and one.below_first_uniform is not None:
        rows.append(_render_row("  below the first slot", one.below_first, f"at random {one.below_first_uniform:.3f}"))
    rows.append(f"  {'calibration error':32}{one.calibration_error:8.4f}")
    rows.append(_render_worth(one))
    if one.exploratory:
        rows.append("  Exploratory: fewer than ten agents; it may not hold for others.")
    return "\n".join(rows)


def _render_row(name: str, found: Interval, beside: str = "") -> str:
    return f"  {name:32}{found.mean:8.4f}  [{found.lower:.4f}, {found.upper:.4f}]  {beside}".rstrip()


def _render_worth(one: HeldOutEvaluation) -> str:
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
