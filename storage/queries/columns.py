"""Rows of a query as columns, and counted: for queries over more rows than Python can look at one by one.

The database gives each column as one text, and NumPy counts. SQLite groups by sorting: each `GROUP BY` would take
several times as long as the reading, which one query does here for all that is counted.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Float, Integer, Select, Text, func, literal_column, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from storage.engine.transaction import Transaction

T = TypeVar("T")

UNKNOWN: Final = -(10**15)
"""Stands for null in columns of numbers; none is as low."""

_DENSE: Final = 1 << 22
"""As many cells are counted in an array with a place for each, empty ones too."""

Numbers = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Coded:
    """A column as places in the list of its different values."""

    codes: NDArray[np.int64]
    values: Sequence[Any]


Columns = Mapping[str, Any]
"""By name: `Coded` for a column of texts, an array for one of numbers."""


class _JoinedTexts(FunctionElement[str]):
    """SQL aggregate: a column of texts as a JSON array."""

    type = Text()
    inherit_cache = True
    name = "joined_texts"


class _JoinedNumbers(FunctionElement[str]):
    """SQL aggregate: a column of numbers with commas between them."""

    type = Text()
    inherit_cache = True
    name = "joined_numbers"


@compiles(_JoinedTexts, "sqlite")
def _join_texts_in_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"json_group_array({compiler.process(element.clauses, **options)})"


@compiles(_JoinedTexts, "postgresql")
def _join_texts_in_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"CAST(json_agg({compiler.process(element.clauses, **options)}) AS TEXT)"


@compiles(_JoinedNumbers, "sqlite")
def _join_numbers_in_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"group_concat({compiler.process(element.clauses, **options)})"


@compiles(_JoinedNumbers, "postgresql")
def _join_numbers_in_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"string_agg(CAST({compiler.process(element.clauses, **options)} AS TEXT), ',')"


async def read_columns(connection: Transaction, rows: Select[Any]) -> Columns:
    """Read the columns of a query: integers and floats as numbers, anything else as texts."""
    source = rows.subquery("source")
    joined = select(*(_join(column).label(column.name) for column in source.c))
    [found] = (await connection.execute(joined)).all()
    return {
        column.name: _parse_numbers(text, column) if _is_number(column) else _parse_texts(text)
        for column, text in zip(source.c, found, strict=True)
    }


def _join(column: ColumnElement[Any]) -> ColumnElement[str]:
    return (
        _JoinedNumbers(func.coalesce(column, literal_column(str(UNKNOWN))))
        if _is_number(column)
        else _JoinedTexts(column)
    )


def _is_number(column: ColumnElement[Any]) -> bool:
    return isinstance(column.type, (Integer, Float))


def _parse_numbers(text: str | None, column: ColumnElement[Any]) -> Numbers:
    return np.fromstring(text or "", dtype=np.float64 if isinstance(column.type, Float) else np.int64, sep=",")


def _parse_texts(text: str | None) -> Coded:
    values = json.loads(text or "[]")
    places = {value: place for place, value in enumerate(dict.fromkeys(values))}
    return Coded(np.fromiter(map(places.__getitem__, values), np.int64, len(values)), tuple(places))


def translate(column: Coded, words: Mapping[Any, Any]) -> Coded:
    """Replace a column's values; several may become one."""
    told = [words.get(value, value) for value in column.values]
    places = {value: place for place, value in enumerate(dict.fromkeys(told))}
    return Coded(np.array([places[value] for value in told], dtype=np.int64)[column.codes], tuple(places))


def is_in(column: Coded, values: Collection[Any]) -> NDArray[np.bool_]:
    """Tell for each row of a column if its value is one of these."""
    return np.array([value in values for value in column.values], dtype=bool)[column.codes]


def count_rows(
    kind: type[T],
    keys: Mapping[str, Coded | Numbers],
    *,
    count: str,
    where: NDArray[np.bool_] | None = None,
    sums: Mapping[str, Numbers] | None = None,
) -> tuple[T, ...]:
    """Count the rows that have the same `keys`, as cells of this kind: `count` names their number, `sums` are sums."""
    coded = {name: _narrow(each, where) for name, each in keys.items()}
    shape = tuple(max(1, len(each.values)) for each in coded.values())
    cells = np.ravel_multi_index(tuple(each.codes for each in coded.values()), shape)
    present, cells = _find_different(cells)
    found = {
        name: [each.values[code] for code in codes]
        for (name, each), codes in zip(coded.items(), np.unravel_index(present, shape), strict=True)
    }
    found[count] = np.bincount(cells, minlength=len(present)).tolist()
    for name, numbers in (sums or {}).items():
        total = np.bincount(cells, weights=numbers if where is None else numbers[where], minlength=len(present))
        found[name] = (total if numbers.dtype.kind == "f" else total.astype(np.int64)).tolist()
    return tuple(kind(**dict(zip(found, row, strict=True))) for row in zip(*found.values(), strict=True))


def _narrow(column: Coded | Numbers, where: NDArray[np.bool_] | None) -> Coded:
    """Narrow a column to some rows, and give numbers, too, as places in the list of their different values."""
    if isinstance(column, Coded):
        return column if where is None else Coded(column.codes[where], column.values)
    numbers = column if where is None else column[where]
    values, codes = _find_different(np.where(numbers == UNKNOWN, -1, numbers))
    return Coded(codes, [None if value < 0 else value for value in values.tolist()])


def _find_different(numbers: Numbers) -> tuple[Numbers, NDArray[np.int64]]:
    """Find the different numbers, none below -1, and for each number its place among them."""
    size = int(numbers.max(initial=-1)) + 2
    if size > _DENSE:
        return np.unique(numbers, return_inverse=True)
    present = np.flatnonzero(np.bincount(numbers + 1))
    places = np.zeros(size, dtype=np.int64)
    places[present] = np.arange(len(present))
    return present - 1, places[numbers + 1]


def round_to_three_digits(ms: Numbers) -> Numbers:
    """Round down to three significant digits, so that there are few different values; days to a thousand seconds."""
    step = 10 ** np.searchsorted([1e3, 1e4, 1e5, 1e6, 1e7, 1e8], ms, side="right")
    return ms // step * step
