"""The report counts each answer once, and claims no more than reviewers agree on."""

import itertools
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.comparing.report import ComparisonResult, build_report, compute_alpha
from storage.records import Candidate, Choice, LogEntry, Request, Turn
from tests.storage.stores import AT

ANSWERS = ("a", "b", "tie", "both_bad")
KRIPPENDORFF = [
    # Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), part C: 4 observers, 12 units, missing values.
    [1, 1, 1],
    [2, 2, 3, 2],
    [3, 3, 3, 3],
    [3, 3, 3, 3],
    [2, 2, 2, 2],
    [1, 2, 3, 4],
    [4, 4, 4, 4],
    [1, 1, 2, 1],
    [2, 2, 2, 2],
    [5, 5, 5],
    [1, 1],
    [3],
]


def make_answer(row: int, reviewer: str, answer: str, **changes: Any) -> LogEntry:
    request = Request(
        id=f"{reviewer}-{row}", team_id="cli", channel_id="cli", agent_id=reviewer, surface="compare", locale="en-US",
        created_at=AT, status="shown", k_requested=2, prompt_version="p", app_version="1", comparison="c",
        conversation=(Turn(role="customer", text="Hello"),), input_row=row,
    )  # fmt: skip
    sides = [
        Candidate(id=f"{request.id}-{side}", request_id=request.id, sample_index=n, style="s", model="m", side=side)
        for n, side in enumerate(("a", "b"))
    ]
    kind = {"tie": "tied", "both_bad": "dismissed"}.get(answer, "used")
    choice = Choice(
        id=f"{request.id}-choice", request_id=request.id, kind=kind, final_text=None, agent_id=reviewer, chosen_at=AT,
        candidate_id=f"{request.id}-{answer}" if kind == "used" else None, decision_ms=1, visible_candidate_ids=(),
    )  # fmt: skip
    return LogEntry(request=replace(request, **changes), candidates=tuple(sides), choice=choice)


async def summarise(entries: Sequence[LogEntry]) -> ComparisonResult:
    async def iterate() -> AsyncIterator[LogEntry]:
        for entry in entries:
            yield entry

    [result] = (await build_report(iterate())).comparisons
    return result


def test_alpha_is_the_one_of_krippendorffs_own_example() -> None:
    # 40 pairable values of 5, 13, 10, 5, 3 … : D_o and D_e by hand from the coincidence matrix of that paper.
    assert compute_alpha(KRIPPENDORFF) == pytest.approx(0.743, abs=5e-4)


@given(st.lists(st.lists(st.sampled_from(ANSWERS), max_size=5), max_size=12))
def test_alpha_is_one_less_the_disagreement_seen_over_that_by_chance(units: list[list[str]]) -> None:
    """By the definition: over pairs of values, each pair of a unit weighing one over its values less one."""
    paired = [unit for unit in units if len(unit) > 1]
    values = [value for unit in paired for value in unit]
    n = len(values)
    seen = sum(sum(x != y for x, y in itertools.permutations(unit, 2)) / (len(unit) - 1) for unit in paired)
    chance = sum(x != y for x, y in itertools.permutations(values, 2))
    alpha = compute_alpha(units)
    if not chance:
        assert alpha is None
    else:
        assert alpha == pytest.approx(1 - (seen / n) / (chance / (n * (n - 1))), abs=1e-9)


async def test_eight_reviewers_of_forty_rows_are_enough() -> None:
    answers = [
        make_answer(row, f"r{reviewer}", "a" if (row * 7 + reviewer) % 10 < 6 else "b")
        for row in range(40)
        for reviewer in range(8)
    ]
    result = await summarise(answers)
    assert (result.rows, result.reviewers, result.picks) == (40, 8, 320)
    assert result.enough
    assert result.needed == 0
    assert result.win_rate.lower is not None
    assert result.win_rate.upper is not None
    assert result.win_rate.lower <= 0.6 <= result.win_rate.upper
    assert result.win_rate.value == pytest.approx(result.a_wins / 320)


@pytest.mark.parametrize(("reviewers", "rows", "needed"), [(1, 4, 16), (4, 40, 4), (5, 3, 5)])
async def test_too_little_has_no_bounds_and_says_how_much_more_it_takes(reviewers: int, rows: int, needed: int) -> None:
    result = await summarise([make_answer(n, f"r{who}", "a") for n in range(rows) for who in range(reviewers)])
    assert (result.enough, result.win_rate.lower, result.win_rate.upper) == (False, None, None)
    assert result.needed == needed


async def test_ties_and_both_bad_are_half_a_win_and_no_answer_counts_twice() -> None:
    answers = [make_answer(row, "r", answer) for row, answer in enumerate(ANSWERS)]
    again = make_answer(0, "r", "a", id="another")
    result = await summarise([*answers, again, make_answer(9, "r", "a", surface="slash")])
    assert (result.picks, result.a_wins, result.b_wins, result.ties, result.both_bad) == (4, 1, 1, 1, 1)
    assert result.win_rate.value == 0.5
