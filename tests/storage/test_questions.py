"""The ten questions of docs/choice-log.md, asked of a small log whose answers are known, on both engines."""

import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.reportlog import Asked, Drafted, dismissed, edited, failed, record, used
from tests.storage.stores import Store

DOCUMENT = (Path(__file__).parents[2] / "docs" / "choice-log.md").read_text(encoding="utf-8")
QUESTIONS = re.findall(r"^\*\*(\d+)\. .*?\*\*\n\n```sql\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)

THREE = (
    Drafted(style="warm", position=2),
    Drafted(style="direct", position=1, tokens=None),
    Drafted(style="steps", position=3, model="large"),
    Drafted(style="steps", model="large", dropped="near_duplicate"),
)
LOG = (
    used(1, decision_ms=1000),  # r00000: warm, of two
    used(2, decision_ms=2000),  # direct, of two
    used(1, decision_ms=3000, undone=1),
    edited(0.9, 1, decision_ms=9000),
    edited(0.3, 3, drafts=THREE, after=timedelta(days=30)),
    dismissed("incorrect"),
    dismissed("incorrect"),
    dismissed(undone=1),
    failed(),
    Asked(status="redrafted"),
    used(2, parent="r00009"),
    Asked(status="expired", undone=2),
    used(1, simulated=True, undone=1),
    used(1, policy="unlogged"),
)

ANSWERS: dict[str, list[tuple[Any, ...]]] = {
    "1": [(13, 12, 7, 58.3, 53.8)],
    "2": [("steps", 1, 1, 100.0, 33.3), ("warm", 12, 4, 33.3, 27.8), ("direct", 12, 2, 16.7, 27.8)],
    "3": [(2, 1, 3, 60.0, 50.0), (2, 2, 2, 40.0, 50.0), (3, 3, 1, 100.0, 33.3)],
    "4": [("incorrect", 2, 66.7), ("no reason given", 1, 33.3)],
    "5": [("steps", 1, 0.3, 1), ("warm", 1, 0.9, 0)],
    "6": [("2025-11", "small", 2200, 220, 0), ("2025-12", "large", 200, 20, 0), ("2025-12", "small", 100, 10, 1)],
    "7": [
        ("large", "came", 1, 50.0),
        ("large", "near_duplicate", 1, 50.0),
        ("small", "came", 24, 92.3),
        ("small", "timed_out", 2, 7.7),
    ],
    "8": [("2025-11", 9, 5000, 9000), ("2025-12", 1, 5000, 5000)],
    "9": [("dismissed", 1), ("expired", 1), ("used", 1)],
    "10": [("first ask", 11, 6, 1, 54.5), ("redraft", 1, 1, 0, 100.0)],
}


def test_there_are_ten() -> None:
    assert [number for number, _ in QUESTIONS] == [str(number) for number in range(1, 11)]


@pytest.mark.parametrize("number", ANSWERS)
async def test_a_question_has_its_answer(store: Store, number: str) -> None:
    await record(store.database, LOG)
    rows = await store.rows(dict(QUESTIONS)[number])
    told = [tuple(float(cell) if isinstance(cell, Decimal) else cell for cell in row.values()) for row in rows]
    assert told == ANSWERS[number]


@pytest.mark.parametrize("number", ANSWERS)
async def test_a_question_to_an_empty_log_is_answered(store: Store, number: str) -> None:
    rows = await store.rows(dict(QUESTIONS)[number])
    assert [tuple(row.values()) for row in rows] == ([(0, 0, 0, None, None)] if number == "1" else [])
