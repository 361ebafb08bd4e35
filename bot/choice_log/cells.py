"""Functions that write one column's values as text, made once for each column.

A million requests have a hundred million cells. What comes again and again, as styles and models do, is written once
and remembered.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from storage.queries.export_rows import FieldType, list_field_types

CellWriter = Callable[[Any], str]

# Hardly one is like another: to remember them would only cost.
_UNIQUE: Final = frozenset(
    {"id", "candidate_id", "parent_request_id", "duplicate_of", "hint", "conversation", "text", "final_text"}
    | {"input", "note", "created_at", "chosen_at", "visible_candidate_ids"}
)
_CACHE_SIZE: Final = 4096


class _CellCache(dict[Any, str]):
    """A column's values as they were written; emptied when it is full."""

    def __init__(self, write: CellWriter) -> None:
        self._write = write

    def __missing__(self, value: Any) -> str:
        if len(self) >= _CACHE_SIZE:
            self.clear()
        written = self._write(value)
        if value != 0:  # 0.0 and -0.0 are the same key, and are written differently
            self[value] = written
        return written


def build_cell_writers(
    table: str, names: Sequence[str], build: Callable[[str, FieldType], CellWriter]
) -> list[CellWriter]:
    """Build a writer for each column of a table by its name and type."""
    writers: list[CellWriter] = []
    for name, field_type in zip(names, list_field_types(table, names), strict=True):
        write = build(name, field_type)
        writers.append(write if name in _UNIQUE else _CellCache(write).__getitem__)
    return writers
