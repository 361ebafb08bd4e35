"""Habits: the next pick from the agent's own earlier ones, as a running bot knows them, and no part of quality."""

import random
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from bot.ranking.choice_sets import ChoiceSet
from bot.ranking.habits import HabitModel, HabitState, HabitTracker, fit_habits
from bot.ranking.model import Ranker, fit_ranker
from tests.bot.ranking.logs import AT, make_choice_sets


def make_habits(agents: range, *, each: int = 60, seed: int = 4) -> list[ChoiceSet]:
    """Agents who keep to the first place for a thread of twelve, or read on; nothing of it is in the texts."""
    rng = random.Random(seed)
    pattern = make_choice_sets(1)[0]
    found = []
    for number in range(each * len(agents)):
        agent, thread = agents[number % len(agents)], number // len(agents) // 12
        keeps = random.Random(f"{agent} {thread}").random() < 0.5
        weights = [8.0, 1.0, 1.0, 0.5] if keeps else [1.0, 4.0, 4.0, 3.0]
        [picked] = rng.choices((0, 1, 2, None), weights)
        at = AT + timedelta(minutes=number)
        found.append(replace(pattern, agent=f"U{agent}", thread=f"{agent} {thread}", at=at, picked=picked))
    return found


def measure(model: HabitModel, log: list[ChoiceSet]) -> float:
    """The log-likelihood a pick, each choice set seeing those before it."""
    tracker, found = HabitTracker(model.states), []
    for choice_set in log:
        p, none = model.predict(tracker.describe(choice_set), np.zeros(3))
        assert p.sum() + none == pytest.approx(1)
        if choice_set.picked is not None:
            found.append(np.log(p[choice_set.picked] / (1 - none)))
        tracker.observe(choice_set)
    return float(np.mean(found))


def test_habits_predict_the_picks_of_agents_who_are_not_known() -> None:
    learned = make_habits(range(10))
    model = fit_habits(learned, [np.zeros(3)] * len(learned))
    others = make_habits(range(10, 20), seed=9)
    alike = [replace(each, agent=f"U{number}", thread="") for number, each in enumerate(others, start=100)]
    assert measure(model, others) > measure(model, alike) + 0.1


def test_a_state_holds_what_came_before_and_nothing_else() -> None:
    [choice_set] = make_choice_sets(1)
    picked = replace(choice_set, picked=0, thread="a")
    state = HabitState().observe(picked).observe(replace(picked, picked=2))
    assert (state.picks, state.firsts, state.thread_picks, state.none_just_now) == (2, 1, 2, 0)
    assert state.first == pytest.approx((1 + 4 * 0.45) / 6)
    elsewhere = state.observe(replace(picked, thread="b"))
    assert (elsewhere.picks, elsewhere.thread_picks, elsewhere.thread_firsts) == (3, 1, 1)
    dismissed = state.observe(replace(picked, picked=None))
    assert (dismissed.picks, dismissed.none_just_now) == (2, 1)
    assert dismissed.none > state.none
    assert (
        state.observe(replace(picked, picked=14)).below[-1] > state.below[-1]
    )  # the last place stands for all after it
    assert HabitState().describe_places("a", 12).shape == (12, 13)


def test_a_ranker_keeps_the_habits_of_its_agents_and_no_name_of_a_thread() -> None:
    ranker = fit_ranker(make_habits(range(10)), weights="picks")
    text = ranker.to_json()
    assert "3 4" not in text
    again = Ranker.from_json(text)
    assert again.habits is not None
    assert again.habits.states["U3"].picks == ranker.habits.states["U3"].picks  # type: ignore[union-attr]
    assert again.version == ranker.version


def test_habits_are_no_part_of_quality() -> None:
    log = make_habits(range(10))
    ranker = fit_ranker(log, weights="picks")
    without = replace(ranker, habits=None)
    assert ranker.score_candidates((), log[0].shown, "p1") == without.score_candidates((), log[0].shown, "p1")
    assert Ranker.from_json(without.to_json()).habits is None
