"""Text of `suggest experiment`: a first sentence that a team lead can repeat, then the figures."""

import math
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from bot.experiments.report import WORTH_FINDING, ArmContrast, ArmCounts, ExperimentReport
from bot.experiments.start import find_changed
from bot.stats.anytime_intervals import MIN_AGENTS, MIN_AGENTS_AN_ARM, MIN_AGENTS_BETWEEN, MIN_CASES
from cli.render.printable import make_printable
from cli.render.text.tables import build_table
from storage.records import Arm, Experiment


def render_start(experiment: Experiment) -> str:
    """Render what begins."""
    drawn = "Each request is" if experiment.by == "request" else "Each agent is"
    arms = ", ".join(f"{arm.name} ({arm.share:.0%}, {_name_version(arm)})" for arm in experiment.arms)
    return make_printable(
        f"The experiment {experiment.name} runs. {drawn} drawn for one of {len(experiment.arms)} arms: {arms}.\n"
        f"What it finds: suggest experiment report {experiment.name}"
    )


def render_list(found: Sequence[Experiment], *, default_model: str) -> str:
    if not found:
        return "There has been no experiment yet: `suggest experiment start` begins one."
    return make_printable("\n".join(_describe_experiment(each, default_model) for each in found))


def _describe_experiment(experiment: Experiment, default_model: str) -> str:
    arms = ", ".join(f"{arm.name} ({arm.share:.0%}, {_name_version(arm)})" for arm in experiment.arms)
    state = _word_state(experiment, default_model)
    return f"{experiment.name}: {state}, by {experiment.by}, since {experiment.started_at:%Y-%m-%d}: {arms}"


def _word_state(experiment: Experiment, default_model: str) -> str:
    if changed := find_changed(experiment, default_model=default_model):
        return f"changed ({'; '.join(f'{arm}: {change}' for arm, change in changed.items())})"
    if experiment.stopped_at is None:
        return "running"
    at = f"{experiment.stopped_at:%Y-%m-%d}"
    if experiment.stopped_by == "guardrail":
        return f"stopped by its guardrail on {at}, for arm {experiment.arm}"
    return f"stopped on {at}"


def _name_version(arm: Arm) -> str:
    return arm.playbook or arm.model or "the settings"


def render_report(report: ExperimentReport) -> RenderableType:
    """Render the first sentence, then each arm in figures."""
    state = f"Experiment {report.name}, {report.state}, drawn by {report.by}; {report.agents} agents so far."
    others = [_describe_contrast(each) for each in report.contrasts] if len(report.contrasts) > 1 else []
    return Group(
        Text(make_printable(describe_report(report))),
        Text(),
        build_table("lnnnnnn", map(_list_cells, report.arms), headings=_HEADINGS),
        *(Text(make_printable(line)) for line in others),
        Text(),
        Text(make_printable(state)),
    )


_HEADINGS = ("arm", "share", "requests", "shown", "accepted", "dismissed", "failed")


def _list_cells(arm: ArmCounts) -> tuple[str, ...]:
    accepted = f"{arm.accepted} ({arm.accepted / arm.shown:.0%})" if arm.shown else "0"
    counts = (str(count) for count in (arm.requests, arm.shown, accepted, arm.dismissed, arm.failed))
    return (arm.name, f"{arm.share:.0%}", *counts)


def describe_report(report: ExperimentReport) -> str:
    """Describe what is known, in a sentence or two."""
    if report.changed:
        plural = "" if len(report.changed) == 1 else "s"
        return (
            f"No verdict: what arm{plural} {', '.join(report.changed)} drafted with has changed since the experiment "
            f"began ({'; '.join(report.changes)}). Put it back as it was, or stop this experiment and start another."
        )
    proven = [each for each in report.contrasts if each.verdict is not None]
    if proven:
        return " ".join(_describe_verdict(each) for each in proven)
    if not report.enough:
        return f"Not enough data: {'; '.join(_list_missing(report))}. {_word_needed(report)}"
    if len(report.contrasts) == 1:
        return f"No difference is proven: {_describe_contrast(report.contrasts[0])} {_word_needed(report)}"
    return f"No difference is proven. {_word_needed(report)}"


def _describe_verdict(contrast: ArmContrast) -> str:
    """Say which arm is better, by how much."""
    assert contrast.difference is not None
    assert contrast.lower is not None
    assert contrast.upper is not None
    better = contrast.verdict
    worse = next(arm for arm in contrast.arms if arm != better)
    low, high = sorted((abs(contrast.lower), abs(contrast.upper)))
    return (
        f"Arm {better} is better than {worse}: its replies are used {_points(abs(contrast.difference))} more often, "
        f"at least {_points(low)} and at most {_points(high)} (95% certain, however often one looks)."
    )


def _describe_contrast(contrast: ArmContrast) -> str:
    """Say how far apart two arms can be."""
    one, other = contrast.arms
    if contrast.lower is None or contrast.upper is None:
        return f"of {one} and {other} too little is known."
    if contrast.verdict is not None:
        return _describe_verdict(contrast)
    return (
        f"replies of {one} are used between {_points(-contrast.lower)} less and {_points(contrast.upper)} more often "
        f"than those of {other} (95%, however often one looks)."
    )


def _list_missing(report: ExperimentReport) -> Iterator[str]:
    """Say why there is no interval yet: too few requests, shown or agents."""
    empty = [arm.name for arm in report.arms if arm.requests == 0]
    if empty:
        what = "no agent has been drawn for" if report.by == "agent" else "no request has been drawn for"
        yield f"{what} {' and '.join(empty)} yet"
        return
    if few := [arm.name for arm in report.arms if arm.shown < MIN_CASES]:
        yield f"{' and '.join(few)} had replies shown fewer than {MIN_CASES} times"
    if report.by == "agent":
        yield f"it takes {MIN_AGENTS_BETWEEN} agents, {MIN_AGENTS_AN_ARM} in each arm, and there are {report.agents}"
    elif report.agents < MIN_AGENTS:
        yield f"it takes {MIN_AGENTS} agents, and there are {report.agents}"
    elif not few:
        yield f"it takes {MIN_AGENTS} agents with requests in both arms"


def _word_needed(report: ExperimentReport) -> str:
    """Say how many requests more, and how long, a difference worth finding takes."""
    if report.needed == 0:
        return f"A difference of {_points(WORTH_FINDING)} would most likely have been found by now."
    more = f"About {report.needed:,} more requests" if report.needed > 1 else "About 1 more request"
    total = sum(arm.requests for arm in report.arms)
    days = report.needed * report.days / total if total > 1 and report.days > 1 / 24 else None
    time = "" if days is None else f", some {_count_days(days)} as things go,"
    return f"{more}{time} would show a difference of {_points(WORTH_FINDING)}."


def _count_days(days: float) -> str:
    return "1 day" if days <= 1 else f"{math.ceil(days):,} days"


def _points(share: float) -> str:
    """Word a difference of shares in percentage points."""
    points = round(100 * share, 1)
    return f"{points:g} point" if points == 1 else f"{points:g} points"
