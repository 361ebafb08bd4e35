"""What opens the gate, and what must not."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.ranking.choice_sets import ChoiceSet, drop_repeats
from bot.ranking.promotion import judge
from tests.bot.ranking.logs import AT, make_choice_sets

NOISE = make_choice_sets(180, 12, taste=0.0)
TASTE = make_choice_sets(600, 12, taste=3.0)


def copy_log(found: Sequence[ChoiceSet], times: int, *, agents: int) -> list[ChoiceSet]:
    """As logs are that were read in several times, with ids, times and persons of their own."""
    return [
        replace(
            choice_set,
            request_id=f"{choice_set.request_id}-{copy}",
            agent=f"U{copy * agents + number % agents}",
            at=AT + timedelta(days=30 * copy + number % 20),
        )
        for copy in range(times)
        for number, choice_set in enumerate(found)
    ]


def test_a_taste_opens_it() -> None:
    verdict = judge(TASTE, weights="kept")
    assert (verdict.state, verdict.exploratory, verdict.agents) == ("open", False, 12)


@pytest.mark.parametrize("agents", [1, 12])
def test_copies_of_what_tells_nothing_do_not(agents: int) -> None:
    """Learned from one copy, another is explained well: that is no evidence."""
    verdict = judge(copy_log(NOISE, 8, agents=agents), weights="kept")
    assert not verdict.is_open
    assert verdict.picks <= len(NOISE)


def test_what_stands_twice_is_evidence_once() -> None:
    one, two = TASTE[:2]
    again = replace(one, request_id="other", agent="someone", at=AT)
    chosen_otherwise = replace(one, picked=None if one.picked is not None else 0)
    assert drop_repeats([one, two, again, chosen_otherwise]) == [one, two, chosen_otherwise]


def test_one_agent_with_many_days_who_likes_nothing_does_not_open_it() -> None:
    noise = make_choice_sets(300, 1, taste=0.0)
    verdict = judge([replace(each, at=AT + timedelta(days=day)) for day, each in enumerate(noise)], weights="kept")
    assert (verdict.state, verdict.exploratory) == ("not_better", True)
