"""The page of `suggest batch --report`: a grid of rows by versions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.batch.rows import InputRow
from cli.render.html.pages import render_page
from storage.records import Candidate

_LENGTHS = (("up to 200 characters", 200), ("201 to 600", 600), ("over 600", None))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """A draft; the numbers are the places of its kinds in the filters, from 1."""

    text: str | None
    error: str | None
    caption: str
    style: int
    model: int
    length: int
    failure: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    number: int
    message: str
    cells: Sequence[_Cell]


def render_batch(source: str, drafted: Iterable[tuple[InputRow, Sequence[Candidate]]]) -> str:
    """Render the whole page. Filters by style, model, length and failure need no script."""
    styles, models, failures = _Numbers(), _Numbers(), _Numbers()
    rows = [
        _Row(
            number=row.number,
            message=row.conversation[-1].text,
            cells=[
                _Cell(
                    text=one.text,
                    error=one.error,
                    caption=f"{one.style}, {one.model}" + ("" if one.text is None else f", {len(one.text)} characters"),
                    style=styles.get(one.style),
                    model=models.get(one.model or ""),
                    length=0 if one.text is None else _measure_length(one.text),
                    failure=failures.get(one.error or "none"),
                )
                for one in candidates
            ],
        )
        for row, candidates in drafted
    ]
    cells = [cell for row in rows for cell in row.cells]
    return render_page(
        "batch.html",
        source=source,
        rows=rows,
        versions=[f"Version {n}" for n in range(1, max((len(row.cells) for row in rows), default=0) + 1)],
        drafts=len(cells),
        failed=sum(cell.text is None for cell in cells),
        styles=styles.values,
        models=models.values,
        failures=failures.values,
        lengths=[name for name, _ in _LENGTHS],
    )


class _Numbers:
    """Numbers of values, from 1, in the order in which they are first met."""

    def __init__(self) -> None:
        self.values: list[str] = []

    def get(self, value: str) -> int:
        if value not in self.values:
            self.values.append(value)
        return self.values.index(value) + 1


def _measure_length(text: str) -> int:
    return next(n for n, (_, limit) in enumerate(_LENGTHS, 1) if limit is None or len(text) <= limit)
