"""What of a log can be learned from, and what each choice counts."""

import math
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.ranking.choice_sets import ChoiceSet, collect_training_set, to_choice_set
from storage.records import Event, LogEntry
from tests.bot.ranking.logs import AT, make_entry


def make_choice_set(entry: LogEntry) -> ChoiceSet:
    choice_set = to_choice_set(entry)
    assert isinstance(choice_set, ChoiceSet)
    return choice_set


def test_a_pick_is_an_index_into_what_was_shown_in_its_order() -> None:
    entry = make_entry("one", "two", "three", picked=2)
    swapped = replace(entry, candidates=(entry.candidates[2], entry.candidates[0], entry.candidates[1]))
    choice_set = make_choice_set(swapped)
    assert [item.text for item in choice_set.shown] == ["one", "two", "three"]
    assert choice_set.picked == 2


def test_hidden_and_failed_candidates_were_not_part_of_the_choice() -> None:
    entry = make_entry("one", "two", "three", picked=1)
    hidden = replace(entry.candidates[2], position=None, dropped_reason="near_duplicate")
    assert len(make_choice_set(replace(entry, candidates=(*entry.candidates[:2], hidden))).shown) == 2


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (make_entry("one", "two"), "undecided"),
        (make_entry("one", "two", status="drafting"), "undecided"),
        (make_entry("one", "two", status="expired"), "expired"),
        (make_entry(status="failed"), "failed"),
        (make_entry("one", "two", status="drafted"), "not_shown"),
        (make_entry("one", picked=0), "one_candidate"),
    ],
)
def test_what_cannot_be_learned_from_says_why(entry: LogEntry, reason: str) -> None:
    assert to_choice_set(entry) == reason


def test_dismissed_and_redrafted_are_the_outside_option() -> None:
    assert make_choice_set(make_entry("one", "two", kind="dismissed")).picked is None
    assert make_choice_set(make_entry("one", "two", status="redrafted")).picked is None


def test_a_choice_of_what_was_not_shown_is_malformed() -> None:
    entry = make_entry("one", "two", picked=0)
    assert entry.choice is not None
    assert to_choice_set(replace(entry, choice=replace(entry.choice, candidate_id="elsewhere"))) == "malformed"


def test_places_are_counted_without_gaps() -> None:
    """In a modal, a draft that fails leaves its place empty: what stands highest is what agents see first."""
    entry = make_entry("one", "two", picked=1)
    one, two = (replace(each, position=place) for each, place in zip(entry.candidates, (4, 2), strict=True))
    choice_set = make_choice_set(replace(entry, candidates=(one, two)))
    assert [(item.text, item.position) for item in choice_set.shown] == [("two", 1), ("one", 2)]
    assert choice_set.picked == 0


def test_two_in_one_place_are_malformed() -> None:
    entry = make_entry("one", "two", picked=0)
    moved = replace(entry.candidates[1], position=1)
    assert to_choice_set(replace(entry, candidates=(entry.candidates[0], moved))) == "malformed"


def test_a_request_that_stands_twice_counts_once() -> None:
    found = collect_training_set(
        [make_entry("one", "two", picked=0), make_entry("one", "two", picked=1), make_entry("x", "y", number=1)]
    )
    assert [choice_set.picked for choice_set in found.choice_sets] == [0]
    assert found.left_out == {"repeated": 1, "undecided": 1}


def test_a_log_that_was_read_in_twice_is_known_by_its_ids() -> None:
    """Another workspace's name makes other persons of the same: they would vouch for themselves."""
    entry = make_entry("one", "two", picked=0)
    copy = replace(entry, request=replace(entry.request, team_id="T2", created_at=AT + timedelta(days=1)))
    found = collect_training_set([entry, copy])
    assert [choice_set.agent for choice_set in found.choice_sets] == [make_choice_set(entry).agent]
    assert found.left_out == {"repeated": 1}


@pytest.mark.parametrize("text", ["The same reply.", ""])
def test_every_decision_on_the_same_words_counts(text: str) -> None:
    """A question that is asked again, or texts that are not kept, make decisions alike: each is one."""
    alike = [replace(make_entry(text, text, picked=1, number=number)) for number in range(9)]
    assert len(collect_training_set(alike).choice_sets) == 9


def test_replies_that_appeared_one_by_one_are_left_out() -> None:
    """Who drafts fast is seen first: that is no taste. Shown in full, they are of agents who passed the fast over."""
    entry = make_entry("one", "two", "three", picked=0)
    assert entry.choice is not None
    timed = tuple(replace(each, shown_at=AT + timedelta(seconds=n)) for n, each in enumerate(entry.candidates))
    together = tuple(replace(each, shown_at=AT) for each in entry.candidates)
    early = replace(entry, choice=replace(entry.choice, visible_candidate_ids=("r0c0", "r0c1")))
    ended = replace(entry.candidates[2], position=None, text=None, error="cancelled")
    assert to_choice_set(replace(entry, candidates=timed)) == "one_by_one"
    assert to_choice_set(early) == "one_by_one"
    assert to_choice_set(replace(entry, candidates=(*entry.candidates[:2], ended))) == "one_by_one"
    assert isinstance(to_choice_set(replace(entry, candidates=together)), ChoiceSet)


def test_the_probabilities_of_an_order_and_its_shifts_are_those_of_the_policy_logged() -> None:
    entry = make_entry("one", "two", picked=0)
    ranked = replace(
        entry,
        request=replace(
            entry.request,
            policy="plackett_luce",
            policy_params={"epsilon": 0.1, "temperature": 0.5},
            order_propensity=None,
        ),
        candidates=tuple(replace(each, score=score) for each, score in zip(entry.candidates, (0.5, 0.0), strict=True)),
    )
    likely = 0.05 + 0.9 * math.exp(1) / (1 + math.exp(1))
    assert make_choice_set(entry).shifts == (0.5, 0.5)
    assert make_choice_set(ranked).shifts == pytest.approx((likely, 1 - likely))
    for unknown in (
        replace(entry, request=replace(entry.request, policy="unlogged")),
        replace(entry, request=replace(entry.request, order_propensity=0.9)),
        replace(ranked, candidates=entry.candidates),
        replace(ranked, request=replace(ranked.request, policy_params={"epsilon": 0.0})),
    ):
        assert make_choice_set(unknown).shifts is None


def measure_kept(entry: LogEntry) -> float:
    return make_choice_set(entry).weight("kept")


def test_a_reply_sent_as_it_was_counts_whole() -> None:
    assert measure_kept(make_entry("one", "two", picked=0)) == 1.0


def test_an_edited_one_counts_by_its_similarity() -> None:
    entry = make_entry("one", "two", picked=0, kind="edited")
    assert entry.choice is not None
    assert measure_kept(replace(entry, choice=replace(entry.choice, edit_similarity=0.7))) == 0.7
    assert measure_kept(replace(entry, choice=replace(entry.choice, final_text="only"))) == pytest.approx(0.5)
    assert (
        measure_kept(replace(entry, choice=replace(entry.choice, edit_similarity=float("nan"), final_text=None))) == 0.3
    )


def test_one_that_was_clicked_but_not_sent_counts_little() -> None:
    entry = make_entry("one", "two", picked=0)
    used = Event(request_id="r0", type="used", at=AT)
    assert measure_kept(replace(entry, events=(used,))) == 0.3
    assert measure_kept(replace(entry, events=(used, replace(used, type="sent")))) == 1.0


def test_with_picks_every_choice_counts_one() -> None:
    entry = make_entry("one", "two", picked=0, kind="edited")
    assert make_choice_set(entry).weight("picks") == 1.0


def test_what_is_no_number_is_missing() -> None:
    entry = make_entry("one", "two", picked=0)
    odd = replace(entry.candidates[0], mean_logprob=float("nan"), first_propensity=0.0)
    found = make_choice_set(replace(entry, candidates=(odd, entry.candidates[1])))
    assert found.shown[0].mean_logprob is None
    assert found.shown[0].first_propensity is None
    assert found.order_propensity is None


def test_agents_of_two_workspaces_are_two_persons() -> None:
    entry = make_entry("one", "two", picked=0)
    elsewhere = replace(entry, request=replace(entry.request, team_id="T2"))
    assert make_choice_set(entry).agent != make_choice_set(elsewhere).agent
