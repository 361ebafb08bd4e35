"""The choice log as it stands in the tables, streamed for exports with flat memory.

One transaction, so everything is of the same moment; four cursors in step, one for each table, so that no row is read
twice. Rows are tuples of what the database holds: times and JSON as text, since that is how they leave. It blocks: call
it where nobody waits.
"""

import sqlite3
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, Literal

from sqlalchemy import Boolean, Column, Float, Integer, Select, TypeDecorator, select
from sqlalchemy.dialects import postgresql as postgresql_dialect
from sqlalchemy.dialects import sqlite as sqlite_dialect

from storage.engine.database import get_database_file
from storage.errors import DatabaseUnavailable
from storage.fields import to_iso
from storage.queries.log_entries import apply_selection
from storage.records import Candidate, Choice, Event, LogEntry, Request, Selection
from storage.tables import Json, JsonTuple, Turns, UtcTime, candidates, choices, events, requests, to_json

Row = tuple[Any, ...]
FieldType = Literal["text", "time", "integer", "number", "boolean", "json"]

_FETCH_SIZE: Final = 2000
"""Rows that a server sends at a time."""

_TABLES: Final = {"request": requests, "candidate": candidates, "choice": choices, "event": events}
_RECORDS: Final = {"request": Request, "candidate": Candidate, "choice": Choice, "event": Event}
_KINDS: Final[dict[type, str]] = {record: kind for kind, record in _RECORDS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFields:
    """The columns to read of each table, in order; a table without any is not read."""

    request: Sequence[str]
    candidate: Sequence[str]
    choice: Sequence[str]
    event: Sequence[str]


@dataclass(slots=True, kw_only=True)
class RawEntry:
    """One request with all that belongs to it, in the order of `EntryFields`; more may follow in each row."""

    request: Row
    candidates: list[Row]
    choice: Row | None
    events: list[Row]


def list_field_types(table: str, names: Iterable[str]) -> list[FieldType]:
    """List the types of these columns; `table` is as in `EntryFields`."""
    return [_get_field_type(_TABLES[table].c[name]) for name in names]


def _get_field_type(column: Column[Any]) -> FieldType:
    if isinstance(column.type, Json | JsonTuple | Turns):
        return "json"
    for type_, kind in _FIELD_TYPES:
        if isinstance(column.type, type_):
            return kind
    return "text"


_FIELD_TYPES: Final[tuple[tuple[Any, FieldType], ...]] = (
    (UtcTime, "time"),
    (Boolean, "boolean"),
    (Float, "number"),
    (Integer, "integer"),
)


def to_raw_entry(entry: LogEntry, fields: EntryFields) -> RawEntry:
    """Convert a log entry to its rows."""
    return RawEntry(
        request=to_values(entry.request, fields.request),
        candidates=[to_values(candidate, fields.candidate) for candidate in entry.candidates],
        choice=None if entry.choice is None else to_values(entry.choice, fields.choice),
        events=[to_values(event, fields.event) for event in entry.events],
    )


def to_values(record: Request | Candidate | Choice | Event, names: Sequence[str]) -> Row:
    """Convert these fields of a record to what the tables hold."""
    get, converted = _plan_values(_KINDS[type(record)], tuple(names))
    values = get(record)
    if all(values[place] is None for place in converted):
        return values
    row = list(values)
    for place in converted:
        row[place] = _to_plain_value(row[place])
    return tuple(row)


@lru_cache(maxsize=64)
def _plan_values(kind: str, names: tuple[str, ...]) -> tuple[Callable[[Any], Row], list[int]]:
    """Return what gets these fields of a record, and the places of those that the tables hold as text."""
    types = [_TABLES[kind].c[name].type for name in names]
    converted = [place for place, type_ in enumerate(types) if isinstance(type_, TypeDecorator)]
    if len(names) > 1:
        return attrgetter(*names), converted
    return lambda record: tuple(getattr(record, name) for name in names), converted


def _to_plain_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return to_iso(value)
    if isinstance(value, tuple):
        return to_json([{"role": item.role, "text": item.text} if hasattr(item, "role") else item for item in value])
    return None if value is None else to_json(value)


class EntryReader:
    """Converts rows to log entries; what is not among the fields has its default."""

    def __init__(self, fields: EntryFields) -> None:
        self._request = _build_record_reader("request", fields.request)
        self._candidate = _build_record_reader("candidate", fields.candidate)
        self._choice = _build_record_reader("choice", fields.choice)
        self._event = _build_record_reader("event", fields.event)
        self._id = list(fields.request).index("id")

    def read(self, raw: RawEntry) -> LogEntry:
        """Convert one request's rows to its log entry."""
        request_id = raw.request[self._id]
        return LogEntry(
            request=self._request(raw.request),
            candidates=tuple([self._candidate(row, request_id=request_id) for row in raw.candidates]),
            choice=None if raw.choice is None else self._choice(raw.choice, request_id=request_id),
            events=tuple([self._event(row, request_id=request_id) for row in raw.events]),
        )


def _build_record_reader(table: str, names: Sequence[str]) -> Any:
    """Build a function that converts a row of this table to its record."""
    record = _RECORDS[table]
    types = [(place, _TABLES[table].c[name].type) for place, name in enumerate(names)]
    read = [(place, type_.process_result_value) for place, type_ in types if isinstance(type_, TypeDecorator)]

    def to_record(row: Row, **given: str) -> Any:
        values = list(row)
        for place, process in read:
            values[place] = process(values[place], _DIALECT)
        return record(**dict(zip(names, values, strict=False)), **given)

    return to_record


_DIALECT: Final = sqlite_dialect.dialect(paramstyle="named")
"""Our types are texts on both engines: they read the same."""


class RawChoiceLog:
    """The choice log of one database, by its URL, as rows."""

    def __init__(self, url: str) -> None:
        self._url = url

    def iter_entries(self, selection: Selection, fields: EntryFields) -> Generator[RawEntry, None, None]:
        """Iterate over the requests selected, by created_at and id.

        Candidates are in the order of sample_index, events as they happened.
        Close it to end the transaction early. Raises DatabaseUnavailable.
        """
        names = [name for name in _TABLES if getattr(fields, name)]
        queries = [apply_selection(_build_query(name, getattr(fields, name)), selection) for name in names]
        open_cursors = _open_sqlite_cursors if self._url.startswith("sqlite") else _open_postgresql_cursors
        with open_cursors(self._url, queries) as cursors:
            found = dict(zip(names, cursors, strict=True))
            heads = found.pop("request")
            yield from _merge_rows(heads, {name: _RowFollower(rows).take for name, rows in found.items()})


def _merge_rows(heads: Iterator[Row], followers: dict[str, Callable[[str], list[Row]]]) -> Iterator[RawEntry]:
    """Join each request's row with those that follow it in the other tables."""
    drafted, chosen, happened = (followers.get(name, _find_nothing) for name in ("candidate", "choice", "event"))
    for request in heads:
        request_id = request[-1]
        choice = chosen(request_id)
        yield RawEntry(
            request=request,
            candidates=drafted(request_id),
            choice=choice[0] if choice else None,
            events=happened(request_id),
        )


def _find_nothing(_: str) -> list[Row]:
    return []


class _RowFollower:
    """The rows of one table, which end in their request's id, and come in the order of the requests."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self._next = next(rows, None)

    def take(self, request_id: str) -> list[Row]:
        """Take the rows of this request; one without any has a row of nulls."""
        found = []
        row = self._next
        while row is not None and row[-1] == request_id:
            if row[0] is not None:
                found.append(row)
            row = next(self._rows, None)
        self._next = row
        return found


def _build_query(name: str, names: Iterable[str]) -> Select[Any]:
    """Build the query for a table's rows in the order of the requests.

    The outer join keeps SQLite to the order of the requests' index, whatever its planner thinks of the rest.
    """
    table = _TABLES[name]
    query = select(*[table.c[column] for column in names], requests.c.id.label("request"))
    order = [requests.c.created_at, requests.c.id]
    if table is requests:
        return query.order_by(*order)
    belongs = table.c.request_id == requests.c.id
    if table is choices:
        belongs &= choices.c.retracted_at.is_(None)
    last = {"candidate": [candidates.c.sample_index], "event": [events.c.seq]}.get(name, [])
    return query.select_from(requests.outerjoin(table, belongs)).order_by(*order, *last)


def _compile(query: Select[Any], dialect: Any) -> tuple[str, dict[str, Any]]:
    compiled = query.compile(dialect=dialect)
    parameters = {
        name: to_iso(value) if isinstance(value, datetime) else value for name, value in compiled.params.items()
    }
    return str(compiled), parameters


@contextmanager
def _open_sqlite_cursors(url: str, queries: list[Select[Any]]) -> Iterator[list[Iterator[Row]]]:
    """Open a cursor for each query, in one read transaction of SQLite."""
    try:
        connection = sqlite3.connect(get_database_file(url), isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("BEGIN")
            yield [connection.execute(*_compile(query, _DIALECT)) for query in queries]
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise DatabaseUnavailable(str(error)) from error


@contextmanager
def _open_postgresql_cursors(url: str, queries: list[Select[Any]]) -> Iterator[list[Iterator[Row]]]:
    """Open a server-side cursor for each query, in one read transaction of PostgreSQL."""
    import psycopg

    from storage.engine.postgresql import PostgresTarget

    dialect = postgresql_dialect.psycopg.dialect()  # type: ignore[no-untyped-call]
    try:
        with psycopg.connect(**PostgresTarget.from_url(url).options, connect_timeout=10) as connection:
            connection.read_only = True
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            with ExitStack() as opened:
                cursors: list[Iterator[Row]] = []
                for number, query in enumerate(queries):
                    cursor = opened.enter_context(connection.cursor(f"export{number}"))
                    cursor.itersize = _FETCH_SIZE
                    cursor.execute(*_compile(query, dialect))
                    cursors.append(iter(cursor))
                yield cursors
    except psycopg.Error as error:
        raise DatabaseUnavailable(error.diag.message_primary or type(error).__name__) from error
