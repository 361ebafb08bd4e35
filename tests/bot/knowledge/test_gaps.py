"""Gaps: questions that nothing was found for, grouped by likeness."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.knowledge.gaps import group_gaps
from storage.records import Choice, LogEntry, Request, Turn

AT = datetime(2026, 11, 22, 10, tzinfo=UTC)


def make_entry(number: int, question: str, *, answer: str | None = None, parent: int | None = None) -> LogEntry:
    request = Request(
        id=f"r{number}", team_id="T1", channel_id="C1", agent_id="U1", surface="slash", locale="en-US",
        created_at=AT + timedelta(minutes=number), k_requested=3, prompt_version="p", app_version="0",
        conversation=(Turn(role="customer", text=question),), simulated=False, retrieved=(),
        parent_request_id=None if parent is None else f"r{parent}",
    )  # fmt: skip
    choice = Choice(
        id=f"c{number}", request_id=request.id, kind="edited", candidate_id="x", final_text=answer, agent_id="U1",
        chosen_at=request.created_at, decision_ms=1, visible_candidate_ids=("x",),
    )  # fmt: skip
    return LogEntry(request=request, candidates=(), choice=None if answer is None else choice)


@pytest.mark.parametrize(
    "groups",
    [
        [["Do you ship to Norway?", "Can you ship to Norway please"], ["Do you ship to Japan?"]],
        [["How long is the warranty of my lamp?", "Is there a warranty on lamps?"], ["Where is my parcel?"]],
        [["請問可以寄到日本嗎？", "可以寄到日本嗎"], ["發票要怎麼開？"]],
        [["Do you?", "do YOU?!"], ["Is it?"]],
    ],
)
def test_questions_with_mostly_the_same_words_are_one_gap(groups: list[list[str]]) -> None:
    questions = [question for group in groups for question in group]
    gaps = group_gaps([make_entry(number, each) for number, each in enumerate(questions)])
    assert [(gap.question, gap.count) for gap in gaps] == [(group[0], len(group)) for group in groups]


def test_answers_are_newest_first_each_once_and_redrafts_are_not_counted() -> None:
    entries = [
        make_entry(1, "Do you ship to Norway?", answer="Yes."),
        make_entry(2, "Do you ship to Norway?"),
        make_entry(3, "Do you ship to Norway?", answer="Yes, for 9 EUR.", parent=2),
        make_entry(4, "Do you ship to Norway?", answer="Yes."),
        make_entry(5, ""),
        make_entry(6, "Norway? Do you ship?", answer="Not now."),
    ]
    (gap,) = group_gaps(entries)
    assert (gap.id, gap.count, gap.requests) == ("r1", 4, ("r1", "r2", "r4", "r6"))
    assert gap.answers == ("Not now.", "Yes.", "Yes, for 9 EUR.")
