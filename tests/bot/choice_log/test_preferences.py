"""Preference pairs teach what agents meant, whatever the order that they were shown."""

import io
import json
import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.choice_log.chat import to_prompt
from bot.choice_log.export_format import ExportOptions, SystemRole
from bot.choice_log.fields import FIELDS
from bot.choice_log.formats.registry import open_writer
from bot.choice_log.preferences import (
    LEAST_KEPT,
    MAX_ORDER_WEIGHT,
    STEER_CERTAINTY,
    draw_copies,
    find_pairs,
    weigh_order,
)
from storage.queries.export_rows import to_raw_entry
from storage.records import Event, LogEntry, Turn
from tests.bot.choice_log.test_formats import make_candidate, make_chosen
from tests.bot.choosers import TASTES, learned_order, simulate, simulate_one_by_one, uniform_order
from tests.storage.stores import AT


def export(name: str, found: Iterable[LogEntry], **wish: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The rows, and what is told of how they were made."""
    file = io.BytesIO()
    form = open_writer(ExportOptions(name=name, **wish), file)
    for entry in found:
        form.write(to_raw_entry(entry, FIELDS))
    form.close()
    return [json.loads(line) for line in file.getvalue().splitlines()], dict(form.provenance or {})


def correlate_with_tastes(rows: Iterable[dict[str, Any]]) -> float:
    """The correlation of the true tastes with a Bradley-Terry model of the styles, in which each row counts one."""
    places = {style: place for place, style in enumerate(TASTES)}
    wins = np.zeros((len(places), len(places)))
    for row in rows:
        better, worse = ("chosen", "rejected") if "chosen" in row else ("preferred_output", "non_preferred_output")
        wins[tuple(places[row[side][0]["content"].split(":")[0]] for side in (better, worse))] += 1
    strength = np.ones(len(places))
    for _ in range(500):  # Hunter's MM algorithm
        sums = (wins + wins.T) / (strength[:, None] + strength)
        np.fill_diagonal(sums, 0.0)
        strength = (wins.sum(1) - wins.diagonal()) / sums.sum(1)
        strength /= strength.sum()
    return float(np.corrcoef(np.log(strength), list(TASTES.values()))[0, 1])


# --- what pairs teach -----------------------------------------------------------------------------------


@pytest.mark.parametrize("entries", [
    lambda: simulate(2_000, uniform_order),
    lambda: simulate(2_500, learned_order),
    lambda: simulate_one_by_one(1_500),
], ids=["uniform", "learned", "one by one"])  # fmt: skip
def test_a_model_of_the_pairs_finds_the_tastes(entries: Callable[[], Iterable[LogEntry]]) -> None:
    """Under uniform order, under a learned one, and where what is liked is drafted slowly."""
    found = list(entries())
    for name in ("trl", "openai"):
        rows, _ = export(name, found)
        assert correlate_with_tastes(rows) > 0.95


# --- the draw -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"policy": "uniform", "order_propensity": 1 / 6}, 1.0),
        ({"policy": "plackett_luce", "order_propensity": 1 / 6}, 1.0),
        ({"policy": "plackett_luce", "order_propensity": 1 / 2}, 1 / 3),
        ({"policy": "plackett_luce", "order_propensity": 0.1 / 6}, 10.0),
        ({"policy": "plackett_luce", "order_propensity": 1e-9}, MAX_ORDER_WEIGHT),
        ({"policy": "plackett_luce", "order_propensity": 0.0}, None),
        ({"policy": "plackett_luce", "order_propensity": None}, None),
        ({"policy": "unlogged", "order_propensity": 1 / 2}, None),
    ],
)
def test_an_order_weighs_what_it_would_be_in_place_of_uniform_order(
    changes: dict[str, Any], expected: float | None
) -> None:
    assert weigh_order(replace_order(make_chosen(1), **changes)) == pytest.approx(expected)


def replace_order(entry: LogEntry, **changes: Any) -> LogEntry:
    return replace(entry, request=replace(entry.request, **changes))


@given(st.lists(st.floats(0, MAX_ORDER_WEIGHT), max_size=8))
def test_rows_are_as_many_as_the_weights_in_expectation(weights: list[float]) -> None:
    """And never more than one row away from them, neither a pair's nor all together."""
    drawn = [draw_copies(weights, (step + 0.5) / 1_000) for step in range(1_000)]
    for at, weight in enumerate(weights):
        assert {row[at] for row in drawn} <= {math.floor(weight), math.floor(weight) + 1, math.ceil(weight)}
        assert sum(row[at] for row in drawn) / 1_000 == pytest.approx(weight, abs=0.002)
    assert all(abs(sum(row) - sum(weights)) < 1 + 1e-9 for row in drawn)


def test_a_rare_order_gives_rows_more_than_once_and_says_so() -> None:
    entry = replace_order(make_chosen(1), policy="plackett_luce", order_propensity=1 / 12)
    rows, told = export("trl", [entry])
    assert [(row["rejected"][0]["content"], row["provenance"]["draw"]) for row in rows] == [
        ("Reply 2", 1), ("Reply 2", 2), ("Reply 3", 1), ("Reply 3", 2)
    ]  # fmt: skip
    assert {row["provenance"]["draw_weight"] for row in rows} == {2.0}
    assert (told["pairs_considered"], told["pairs_written"], told["rows_written"]) == (2, 2, 4)


def test_where_no_propensity_was_logged_each_pair_is_written_once_and_says_so() -> None:
    rows, told = export("trl", [replace_order(make_chosen(3), policy="unlogged", order_propensity=None)])
    assert [(row["provenance"]["order_weight"], row["provenance"]["order_logged"]) for row in rows] == [
        (1.0, False)
    ] * 2
    assert told["choice_sets_without_propensity"] == told["choice_sets"] == 1


def test_the_draw_depends_on_the_seed_and_the_request_alone() -> None:
    """The same in each process and on each machine, however the log is cut, and in each form."""
    entries = list(simulate(30, learned_order))
    rows, told = export("trl", entries)
    assert rows == export("trl", entries[:11])[0] + export("trl", entries[11:])[0]
    assert [row["preferred_output"] for row in export("openai", entries)[0]] == [row["chosen"] for row in rows]
    assert export("trl", entries, seed=1)[0] != rows
    assert told["pairs_considered"] == told["pairs_written"] + told["pairs_left_out"]["not drawn"]
    assert told["requests"] == told["choice_sets"] + told["requests_left_out"]["without a pair"]
    third = [
        replace_order(make_chosen(2), id=f"r{n}", policy="plackett_luce", order_propensity=1 / 2) for n in range(8)
    ]
    drawn = [row["provenance"] for row in export("trl", third)[0]]
    assert [(one["request_id"], one["rejected_candidate_id"]) for one in drawn] == [
        ("r0", "c1"), ("r3", "c3"), ("r6", "c3"), ("r7", "c1")
    ]  # fmt: skip


# --- what is no preference ------------------------------------------------------------------------------


def test_a_draft_that_was_mostly_rewritten_was_preferred_to_nothing() -> None:
    """What the agent wrote instead was still preferred to it."""
    entry = make_chosen(2, final_text="Mine")
    assert entry.choice is not None
    rewritten = replace(entry, choice=replace(entry.choice, edit_similarity=LEAST_KEPT - 0.01))
    rows, told = export("trl", [rewritten])
    assert [(row["chosen"][0]["content"], row["rejected"][0]["content"]) for row in rows] == [("Mine", "Reply 2")]
    assert told["pairs_left_out"] == {"mostly rewritten": 2}


@pytest.mark.parametrize(("final_text", "kept"), [("Reply 2!", 7 / 8), (None, LEAST_KEPT), ("Now, 2", 2 / 7)])
def test_where_the_log_has_no_similarity_the_texts_tell(final_text: str | None, kept: float) -> None:
    entry = make_chosen(2, final_text="changed")
    assert entry.choice is not None
    entry = replace(entry, choice=replace(entry.choice, edit_similarity=None, final_text=final_text))
    assert [pair.kept for pair in find_pairs(entry, ["all_shown"])] == pytest.approx([kept] * 2)


def test_a_reply_that_was_shown_after_the_decision_makes_no_pair() -> None:
    """Nor one that never was, where others were; whatever an import says was visible."""
    entry = make_chosen(2)
    assert entry.choice is not None
    at = entry.choice.chosen_at
    drafts = (
        make_candidate(1, shown_at=at - timedelta(seconds=2)),
        make_candidate(2, shown_at=at - timedelta(seconds=1)),
        make_candidate(3, shown_at=at + timedelta(seconds=1)),
        make_candidate(4, shown_at=None),
    )
    choice = replace(entry.choice, visible_candidate_ids=("c1", "c2", "c3", "c4"))
    entry = replace(entry, candidates=drafts, choice=choice)
    assert [pair.rejected for pair in find_pairs(entry, ["all_shown"])] == ["Reply 1"]


# --- redrafts and steering ------------------------------------------------------------------------------


def make_redrafted(candidate_id: str | None) -> LogEntry:
    """A request whose candidates the agent passed by: for others, or for another version of one."""
    entry = make_chosen(None)
    asked = Event(request_id="r1", type="redrafted", at=AT, agent_id="U1", candidate_id=candidate_id)
    return replace(entry, request=replace(entry.request, status="redrafted"), choice=None, events=(asked,))


def make_child(entry: LogEntry) -> LogEntry:
    """The request that it was redrafted into, in which the agent chose the first of two."""
    drafts = tuple(make_candidate(n, f"Other {n}", id=f"d{n}", request_id="r2") for n in (1, 2))
    child = make_chosen(1)
    assert child.choice is not None
    choice = replace(child.choice, candidate_id="d1", visible_candidate_ids=("d1", "d2"), final_text="Other 1")
    request = replace(child.request, id="r2", parent_request_id=entry.request.id)
    return replace(child, request=request, candidates=drafts, choice=choice)


@pytest.mark.parametrize(("steered", "weak"), [(None, []), ("c2", ["Reply 1", "Reply 3"])], ids=["others", "steered"])
def test_what_was_chosen_after_a_redraft_was_preferred_to_what_was_seen_before(
    steered: str | None, weak: list[str]
) -> None:
    """And what was steered, a little, to the others beside it."""
    parent = make_redrafted(steered)
    pairs = find_pairs(parent, ["all_shown", "steered"])
    assert [(pair.preferred, pair.rejected, pair.certainty) for pair in pairs] == [
        ("Reply 2", text, STEER_CERTAINTY) for text in weak
    ]
    rows, _ = export("trl", [parent, make_child(parent)], pairs=("redrafted",))
    assert [(row["chosen"][0]["content"], row["rejected"][0]["content"]) for row in rows] == [
        ("Other 1", f"Reply {n}") for n in (1, 2, 3)
    ]
    assert {row["provenance"]["rejected_request_id"] for row in rows} == {"r1"}


def test_a_reply_that_came_after_the_redraft_was_not_passed_by() -> None:
    parent = make_redrafted("c1")
    timed = [
        replace(one, shown_at=AT + timedelta(seconds=n)) for n, one in zip((-2, -1, 1), parent.visible, strict=True)
    ]
    assert [pair.rejected for pair in find_pairs(replace(parent, candidates=tuple(timed)), ["steered"])] == ["Reply 2"]


# --- prompts ----------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.sampled_from(["customer", "agent"]), st.sampled_from(["", "a", "b"])), max_size=6))
def test_every_template_takes_a_prompt(said: list[tuple[Any, str]]) -> None:
    """Turns alternate, from the user to the user, and hold all that was said; a system role only where it is kept."""
    turns = tuple(Turn(role=role, text=text) for role, text in [*said, ("agent", "c")])
    entry = replace_order(make_chosen(1), conversation=turns, hint="short")
    for system in get_args(SystemRole):
        prompt = to_prompt(entry, system)
        if system == "keep":
            assert prompt.pop(0) == {"role": "system", "content": "short"}
        roles = [message["role"] for message in prompt]
        assert roles == [("user", "assistant")[n % 2] for n in range(len(roles))]
        assert roles[-1] == "user"
        words = " ".join(message["content"] for message in prompt).replace("Agent: ", "").split()
        assert words == [*(["short"] if system == "first-turn" else []), *(turn.text for turn in turns if turn.text)]
