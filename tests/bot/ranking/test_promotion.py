"""What opens the gate, what must not, and what closes it."""

import json
import random
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from math import exp

import numpy as np
import pytest

from bot.ranking.choice_sets import ChoiceSet, TrainingSet
from bot.ranking.design import Design, build_design, collect_names
from bot.ranking.features import FEATURES
from bot.ranking.forward import HALF_LIVES, measure_gains, predict_forward
from bot.ranking.model import fit_ranker
from bot.ranking.promotion import Verdict, describe_verdict, judge, replay
from bot.ranking.promotion import _spend as spend
from tests.bot.ranking.logs import AT, make_choice_sets

STYLES = ("a", "b", "c", "d", "e")
TASTES = dict(zip(STYLES, (0.5, 0.0, 0.0, 0.0, -0.5), strict=True))
NONE = dict.fromkeys(STYLES, 0.0)


def make_life(
    count: int,
    tastes: Sequence[dict[str, float]],
    *,
    agents: int = 12,
    shares: Sequence[float] | None = None,
    seed: int = 1,
) -> tuple[ChoiceSet, ...]:
    """Choices without texts, three styles each in a drawn order; tastes follow each other in equal parts."""
    rng = random.Random(seed)
    pattern = make_choice_sets(1)[0]
    found = []
    for number in range(count):
        liked = tastes[number * len(tastes) // count]
        styles = rng.sample(STYLES, 3)
        odds = [exp(liked[style] + (0.8 if place == 0 else 0.0)) for place, style in enumerate(styles)]
        shown = [replace(item, style=style, text="") for item, style in zip(pattern.shown, styles, strict=True)]
        [agent] = rng.choices(range(agents), shares)
        found.append(
            replace(
                pattern,
                request_id=f"r{number}",
                agent=f"T1/U{agent}",
                at=AT + timedelta(minutes=number),
                conversation=(),
                shown=tuple(shown),
                picked=rng.choices((0, 1, 2, None), [*odds, 0.5])[0],
                shifts=(1 / 3,) * 3,
            )
        )
    return tuple(found)


def judge_life(choice_sets: Sequence[ChoiceSet]) -> Verdict:
    return judge(TrainingSet(choice_sets=tuple(choice_sets), left_out={}), weights="kept").verdict


def test_a_taste_opens_it_also_without_texts_and_with_few_choices_left_out() -> None:
    life = make_life(1500, [TASTES])
    unknown = [replace(each, shifts=None) if number < 100 else each for number, each in enumerate(life)]
    verdict = judge_life(unknown)
    assert (verdict.state, verdict.exploratory, verdict.agents, verdict.clustered_by) == ("open", False, 12, "agent")
    assert verdict.left_out["order_unknown"] == sum(each.picked is not None for each in life[:100])
    assert verdict.gain is not None
    assert verdict.lower is not None
    assert verdict.upper is not None
    assert 0 < verdict.lower <= verdict.gain <= verdict.upper
    assert "proven better" in describe_verdict(verdict)


@pytest.mark.parametrize("shares", [None, [1 / n for n in range(1, 13)], [0.8, *[0.2 / 11] * 11]])
def test_without_a_taste_it_stays_shut_at_every_look(shares: Sequence[float] | None) -> None:
    """Three lives for each mix of agents; by its arithmetic one in twenty would open. benchmarks/ has more."""
    for seed in range(3):
        life = make_life(1200, [NONE], shares=shares, seed=seed)
        looks = list(replay(TrainingSet(choice_sets=life, left_out={}), weights="kept", every=50))
        assert [at for at, _ in looks] == list(range(50, 1201, 50))
        assert not any(verdict.is_open for _, verdict in looks)
        assert all(verdict.lower is None or verdict.lower <= 0 for _, verdict in looks)


def test_gains_multiply_to_one_on_average_where_nobody_cares() -> None:
    """Whatever the model says: here it was learned from tastes that are gone, and the orders were learned, too."""
    life = make_life(1500, [TASTES])
    ranker = fit_ranker(life, weights="picks")
    bored = make_life(4000, [NONE], seed=5)
    design = replace(_design(bored), names=ranker.names)
    found = np.exp(measure_gains(design, ranker.parameters, bored)[[each.picked is not None for each in bored]])
    assert found.mean(axis=0) == pytest.approx(1.0, abs=0.02)


def _design(choice_sets: Sequence[ChoiceSet]) -> Design:
    return build_design(
        choice_sets, np.zeros((3 * len(choice_sets), len(FEATURES))), collect_names(choice_sets), "picks"
    )


def test_one_loud_agent_does_not_speak_for_ten() -> None:
    """Most picks are of one agent, who has a taste; the others have none."""
    loud = make_life(1500, [{**NONE, "a": 1.5}], agents=1)
    others = [replace(each, agent=f"T1/V{number % 11}") for number, each in enumerate(make_life(600, [NONE], seed=3))]
    life = sorted([*loud, *others], key=lambda each: each.at)
    verdict = judge_life(life)
    assert (verdict.state, verdict.agents) == ("not_better", 12)
    assert verdict.gain is not None
    assert verdict.gain > 0.02


@pytest.mark.parametrize("agents", [1, 3, 9])
def test_fewer_than_ten_agents_are_exploratory_and_never_open_it(agents: int) -> None:
    verdict = judge_life(make_life(1500, [TASTES], agents=agents))
    assert (verdict.state, verdict.exploratory, verdict.lower) == ("too_little", True, None)
    assert verdict.gain is not None
    assert verdict.gain > 0
    assert "exploratory" in describe_verdict(verdict)


def test_too_few_picks_are_told() -> None:
    verdict = judge_life(make_life(90, [TASTES]))
    assert (verdict.state, verdict.gain) == ("too_little", None)
    assert "100 are needed" in describe_verdict(verdict)


def test_it_closes_where_tastes_turn_and_what_is_learned_follows() -> None:
    turned = {style: -liking for style, liking in TASTES.items()}
    life = make_life(4000, [TASTES, turned])
    looks = dict(replay(TrainingSet(choice_sets=life, left_out={}), weights="kept", every=100))
    assert looks[2000].is_open
    assert not looks[2400].is_open
    assert "has changed" in describe_verdict(looks[2400]) or looks[2400].gain is not None
    assert predict_forward(life[:2000], weights="kept").half_life == HALF_LIVES[0]
    for count in (2800, 3400, 4000):
        effects = fit_ranker(life[:count], weights="kept").style_effects
        assert effects["e"] > effects["a"]


def test_later_eras_begin_anew_with_less_to_spend() -> None:
    life = make_life(1500, [TASTES])
    first = judge(TrainingSet(choice_sets=life, left_out={}), weights="kept").verdict
    later = judge(TrainingSet(choice_sets=life, left_out={"older": 900}, era=2, era_start=500), weights="kept").verdict
    assert later.picks < first.picks
    assert later.left_out == {"older": 900}
    assert sum(spend(number) for number in range(1, 3000)) == pytest.approx(1, abs=1e-3)
    assert [round(spend(number), 3) for number in (1, 2, 3)] == [0.9, 0.05, 0.017]


def test_a_stored_verdict_is_read_back() -> None:
    verdict = judge_life(make_life(300, [TASTES]))
    assert Verdict(**json.loads(json.dumps(asdict(verdict)))) == verdict
