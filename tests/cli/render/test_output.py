"""Results as text and JSON: columns are straight, nothing is cut where no terminal is, numbers are JSON's."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from rich.cells import cell_len

from cli.render.output import print_result
from cli.render.text.tables import build_table

NAMES = ("direct", "溫暖且詳細", "ﾊﾝｶｸ", "emoji 🙂", "<b>[bold]", "\x1b[31mred\u202e")


def print_table(rows: Sequence[Sequence[str]], capsys: pytest.CaptureFixture[str], columns: str = "wn") -> list[str]:
    print_result(rows, as_json=False, to_text=lambda found: build_table(columns, found))
    return capsys.readouterr().out.splitlines()


def test_columns_are_straight_whatever_the_letters_are(capsys: pytest.CaptureFixture[str]) -> None:
    lines = print_table([(name, "1,234") for name in NAMES], capsys)
    assert len(lines) == len(NAMES)
    assert len({cell_len(line) for line in lines}) == 1
    assert "\x1b" not in "".join(lines)
    assert "<b>[bold]" in lines[4]


def test_where_no_terminal_is_nothing_is_cut_or_broken(capsys: pytest.CaptureFixture[str]) -> None:
    long = "a name that goes on, " * 20
    [line] = print_table([(long, "1", "x" * 200)], capsys, "wnl")
    assert line.split() == [*long.split(), "1", "x" * 200]


@pytest.mark.parametrize("width", [20, 40, 80])
def test_a_narrow_terminal_breaks_words_and_keeps_numbers(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = print_table([("溫暖且詳細的回覆 " * 9, "1,234")], capsys)
    assert max(map(cell_len, lines)) <= width
    assert sum("1,234" in line for line in lines) == 1
    assert sum(line.count("溫") for line in lines) == 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    at: datetime
    day: date
    file: Path
    numbers: tuple[float, ...]
    nested: "dict[str, Found] | None" = None


def test_json_holds_the_fields_of_a_record(capsys: pytest.CaptureFixture[str]) -> None:
    moment = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)
    found = Found(at=moment, day=moment.date(), file=Path("log.db"), numbers=(1.5, math.inf, -math.inf, math.nan))
    print_result(
        Found(at=moment, day=moment.date(), file=Path("ü"), numbers=(), nested={"in": found}), as_json=True, to_text=str
    )
    out = capsys.readouterr().out
    assert json.loads(out) == {
        "at": "2026-11-01T09:30:00.000Z",
        "day": "2026-11-01",
        "file": "ü",
        "numbers": [],
        "nested": {
            "in": {
                "at": "2026-11-01T09:30:00.000Z",
                "day": "2026-11-01",
                "file": "log.db",
                "numbers": [1.5, None, None, None],
                "nested": None,
            }
        },
    }
    assert "ü" in out
    assert out.count("\n") == 1
