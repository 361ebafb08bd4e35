"""Tables on a terminal, by Rich: letters of double width, as in Chinese, keep columns straight."""

from collections.abc import Iterable, Sequence
from typing import Final

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.render.printable import make_printable

Cell = str | Text

_COLUMNS: Final[dict[str, dict[str, object]]] = {
    "w": {"overflow": "fold"},
    "l": {"no_wrap": True, "min_width": 11},
    "n": {"no_wrap": True, "justify": "right"},
}


def build_table(
    columns: str, rows: Iterable[Sequence[Cell]], *, headings: Sequence[str] = (), indent: int = 2
) -> Padding:
    """Build a table without lines; `columns` has a letter for each: w words that may wrap, l left, n numbers."""
    table = Table.grid(padding=(0, 2))
    for letter in columns:
        table.add_column(**_COLUMNS[letter])  # type: ignore[arg-type]
    if headings:
        table.add_row(*(Text(heading, style="dim") for heading in headings))
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(make_printable(cell)) for cell in row))
    return Padding.indent(table, indent)
