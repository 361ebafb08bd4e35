"""The report of an experiment: counts, verdicts, what is missing, and arms that changed."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.experiments.plan import make_plan
from bot.experiments.report import (
    LEVEL,
    ArmContrast,
    ArmCounts,
    ExperimentReport,
    build_report,
    find_design,
    find_needed_information,
    replay,
)
from bot.experiments.start import make_experiment
from bot.playbook import read_built_in
from storage.records import Arm
from tests.bot.experiments.outcomes import ARMS, DESIGN, an_experiment, an_outcome, some_outcomes
from tests.storage.stores import AT


def test_arms_are_counted_with_what_became_of_their_requests() -> None:
    outcomes = [
        an_outcome(kind="used"),
        an_outcome(kind="edited"),
        an_outcome(kind="dismissed"),
        an_outcome(status="redrafted"),
        an_outcome(status="failed", is_shown=False),
        an_outcome("b"),
        an_outcome("c", kind="used"),
    ]
    report = build_report(DESIGN, outcomes)
    a = ArmCounts(name="a", share=0.5, requests=5, shown=4, accepted=2, dismissed=1, failed=1)
    assert report.arms == (a, ArmCounts(name="b", share=0.5, requests=1, shown=1))
    assert report.contrasts == (ArmContrast(arms=("a", "b"), difference=0.5),)


@pytest.mark.parametrize(("accepted", "better"), [({"a": 60, "b": 40}, "a"), ({"a": 40, "b": 60}, "b")])
def test_the_verdict_is_the_better_arm_and_agrees_with_the_interval(accepted: dict[str, int], better: str) -> None:
    report = build_report(DESIGN, some_outcomes(accepted, agents=10))
    (contrast,) = report.contrasts
    assert contrast.verdict == better
    assert contrast.lower is not None
    assert contrast.upper is not None
    assert contrast.difference == pytest.approx((accepted["a"] - accepted["b"]) / 100)
    assert contrast.lower < contrast.difference < contrast.upper
    assert (contrast.lower > 0) == (better == "a")
    assert (contrast.upper < 0) == (better == "b")
    assert (report.enough, report.needed) == (True, 0)


def test_arms_that_are_alike_have_no_verdict_and_the_interval_narrows() -> None:
    widths, needed = [], []
    for _, report in replay(DESIGN, some_outcomes({"a": 50, "b": 50}, agents=10), every=500):
        (contrast,) = report.contrasts
        assert contrast.verdict is None
        assert report.enough
        assert contrast.lower is not None
        assert contrast.upper is not None
        widths.append(contrast.upper - contrast.lower)
        needed.append(report.needed)
    assert widths == sorted(widths, reverse=True)
    assert needed == sorted(needed, reverse=True)
    assert needed[0] > 0
    assert needed[-1] == 0


def test_looks_are_those_of_the_log_so_far() -> None:
    outcomes = list(some_outcomes({"a": 60, "b": 40}, agents=10))
    looks = list(replay(DESIGN, outcomes, every=700))
    assert [at for at, _ in looks] == [700, 1400]
    assert looks[1][1] == build_report(DESIGN, outcomes[:1400])


@pytest.mark.parametrize("agents", [0, 1, 4])
def test_few_agents_have_no_interval_whatever_they_did(agents: int) -> None:
    report = build_report(DESIGN, some_outcomes({"a": 90, "b": 10}, agents=agents))
    (contrast,) = report.contrasts
    assert (contrast.lower, contrast.upper, contrast.verdict) == (None, None, None)
    assert not report.enough
    assert report.needed > 0


def test_no_agent_in_one_arm_gives_no_interval() -> None:
    by_agent = replace(DESIGN, by="agent")
    report = build_report(by_agent, some_outcomes({"a": 90}, agents=12))
    assert [arm.requests for arm in report.arms] == [1200, 0]
    assert report.contrasts == (ArmContrast(arms=("a", "b"), difference=None),)
    assert (report.enough, report.needed > 0) == (False, True)


def test_by_agent_the_agents_are_what_counts() -> None:
    """A difference that requests would prove is none among agents who differ as much."""
    by_agent = replace(DESIGN, by="agent")
    outcomes = [
        replace(each, agent_id=f"{each.arm}{share}")
        for share in (20, 40, 60, 80)
        for each in some_outcomes({"a": share + 10, "b": share}, agents=1, of=400)
    ]
    assert build_report(by_agent, outcomes).contrasts[0].verdict is None
    distinct = [
        replace(each, agent_id=f"{each.arm}{each.agent_id}") for each in some_outcomes({"a": 60, "b": 30}, agents=8)
    ]
    assert build_report(by_agent, distinct).contrasts[0].verdict == "a"


def test_all_pairs_of_arms_hold_together() -> None:
    third = replace(DESIGN, arms=(*ARMS, Arm(name="c", share=0.5)))
    report = build_report(third, some_outcomes({"a": 60, "b": 45, "c": 45}, agents=10))
    assert [contrast.arms for contrast in report.contrasts] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert [contrast.verdict for contrast in report.contrasts] == ["a", "a", None]
    pair = build_report(DESIGN, some_outcomes({"a": 60, "b": 45}, agents=10)).contrasts[0]
    assert _measure_width(report.contrasts[0]) > _measure_width(pair)


def _measure_width(contrast: ArmContrast) -> float:
    assert contrast.lower is not None
    assert contrast.upper is not None
    return contrast.upper - contrast.lower


def test_what_is_needed_is_between_a_test_with_one_look_and_two_thirds_more() -> None:
    """In variances of a difference: a test with one look needs (1.96 + 0.84)² ÷ 0.08² of them."""
    assert 1 < find_needed_information(LEVEL) / (2.8016 / 0.08) ** 2 < 1.67


# --- the design -----------------------------------------------------------------------------------------


def report_of(experiment_arms: tuple[Arm, ...], versions: dict[str, tuple[str, ...]]) -> ExperimentReport:
    outcomes = [an_outcome(arm, prompt_version=version) for arm, found in versions.items() for version in found]
    design = find_design("greeting", an_experiment(arms=experiment_arms), outcomes)
    assert design is not None
    return build_report(design, outcomes)


@pytest.mark.parametrize("change", ["changed", "gone"])
def test_a_playbook_that_is_not_what_it_was_voids_the_verdict(tmp_path: Path, change: str) -> None:
    file = tmp_path / "b.toml"
    file.write_text(read_built_in(), encoding="utf-8")
    arms = (ARMS[0], replace(ARMS[1], playbook="b.toml", file=str(file), text=read_built_in()))
    assert report_of(arms, {}).state == "running"
    file.write_text(read_built_in() + "\n", encoding="utf-8") if change == "changed" else file.unlink()
    report = report_of(arms, {})
    assert (report.state, report.changed, report.contrasts) == ("changed", ("b",), ())
    told = {"changed": "b.toml is not what it was", "gone": "b.toml is gone, or can be read no more"}
    assert report.changes == (f"b: {told[change]}",)
    assert not report.enough


@pytest.mark.parametrize(("now", "changed"), [("small", ()), (None, ()), ("big", ("a", "c"))])
def test_another_model_of_the_settings_voids_the_verdict_of_arms_that_name_none(
    tmp_path: Path, now: str | None, changed: tuple[str, ...]
) -> None:
    """An arm that names its model, or whose styles all do, drafts as before."""
    every = read_built_in().replace("\n[[styles]]", '\n[[styles]]\nmodel = "own"')
    (tmp_path / "c.toml").write_text(read_built_in(), encoding="utf-8")
    (tmp_path / "d.toml").write_text(every, encoding="utf-8")
    arms = [Arm(name="a", share=0.25), Arm(name="b", share=0.25, model="own")]
    arms += [Arm(name=name, share=0.25, playbook=f"{name}.toml") for name in ("c", "d")]
    plan = make_plan("greeting", by="request", arms=arms, shares=None)
    started = make_experiment(plan, folder=tmp_path, default_model="small", actor="cli", at=AT, new_salt=lambda: "salt")
    design = find_design("greeting", started, [], default_model=now)
    assert design is not None
    report = build_report(design, [])
    assert (report.state, report.changed) == ("changed" if changed else "running", changed)
    assert report.changes == tuple(f"{name}: SUGGEST_MODEL was small and is big" for name in changed)


def test_settings_that_changed_meanwhile_void_the_verdict_of_arms_without_a_playbook() -> None:
    assert report_of(ARMS, {"a": ("p1", "p1"), "b": ("p2",)}).changed == ()
    assert report_of(ARMS, {"a": ("p1", "p2"), "b": ("p2",)}).changed == ("a",)


def test_an_experiment_known_by_its_requests_alone_is_reported_by_them() -> None:
    assert find_design("greeting", None, []) is None
    mixed = list(some_outcomes({"a": 60, "b": 40}, agents=10, of=10))
    design = find_design("greeting", None, mixed)
    assert design == replace(DESIGN, state="stopped")
    apart = [replace(each, agent_id=f"{each.arm}{each.agent_id}") for each in mixed]
    assert find_design("greeting", None, apart) == replace(DESIGN, state="stopped", by="agent")
