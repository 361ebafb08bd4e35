"""The choice log as it stands in the tables, streamed: exports go by here, and memory stays flat.

One transaction, so everything is of the same moment; four cursors in step, one for each table, so that no row is read
twice. Rows are tuples of what the database holds: times and JSON as text, since that is how they leave. It blocks: call
it where nobody waits.
"""

import sqlite3
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import Boolean, Column, Float, Integer, Select, TypeDecorator, select
from sqlalchemy.dialects import postgresql as postgresql_dialect
from sqlalchemy.dialects import sqlite as sqlite_dialect

from storage.engine.database import get_database_file
from storage.errors import DatabaseUnavailable
from storage.queries.log_entries import Selection, apply_selection
from storage.records import Candidate, Choice, Event, LogEntry, Request
from storage.tables import Json, JsonTuple, Turns, UtcTime, candidates, choices, events, requests, to_iso, to_json

Row = tuple[Any, ...]
FieldType = Literal["text", "time", "integer", "number", "boolean", "json"]

_FETCHED: Final = 2000
"""Rows that a server sends at a time."""

_TABLES: Final = {"request": requests, "candidate": candidates, "choice": choices, "event": events}
_RECORDS: Final = {"request": Request, "candidate": Candidate, "choice": Choice, "event": Event}


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFields:
    """Which columns of each table, and in which order; a table without any is not read."""

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
    """What the columns hold; `table` is as in `EntryFields`."""
    return [_kind(_TABLES[table].c[name]) for name in names]


def _kind(column: Column[Any]) -> FieldType:
    if isinstance(column.type, Json | JsonTuple | Turns):
        return "json"
    for type_, kind in _KINDS:
        if isinstance(column.type, type_):
            return kind
    return "text"


_KINDS: Final[tuple[tuple[Any, FieldType], ...]] = (
    (UtcTime, "time"),
    (Boolean, "boolean"),
    (Float, "number"),
    (Integer, "integer"),
)


def to_raw_entry(entry: LogEntry, fields: EntryFields) -> RawEntry:
    """The record as its rows."""
    return RawEntry(
        request=to_values(entry.request, fields.request),
        candidates=[to_values(candidate, fields.candidate) for candidate in entry.candidates],
        choice=None if entry.choice is None else to_values(entry.choice, fields.choice),
        events=[to_values(event, fields.event) for event in entry.events],
    )


def to_values(record: Request | Candidate | Choice | Event, names: Iterable[str]) -> Row:
    """These fields of a record, as the tables hold them."""
    return tuple([_plain(getattr(record, name)) for name in names])


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return to_iso(value)
    if isinstance(value, tuple):
        return to_json([{"role": item.role, "text": item.text} if hasattr(item, "role") else item for item in value])
    return to_json(value) if isinstance(value, dict) else value


class EntryReader:
    """Rows as records again; what is not among the fields has its default."""

    def __init__(self, fields: EntryFields) -> None:
        self._request = _reader("request", fields.request)
        self._candidate = _reader("candidate", fields.candidate)
        self._choice = _reader("choice", fields.choice)
        self._event = _reader("event", fields.event)
        self._id = list(fields.request).index("id")

    def read(self, raw: RawEntry) -> LogEntry:
        request_id = raw.request[self._id]
        return LogEntry(
            request=self._request(raw.request),
            candidates=tuple([self._candidate(row, request_id=request_id) for row in raw.candidates]),
            choice=None if raw.choice is None else self._choice(raw.choice, request_id=request_id),
            events=tuple([self._event(row, request_id=request_id) for row in raw.events]),
        )


def _reader(table: str, names: Sequence[str]) -> Any:
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
    """The choice log of one database, by its URL."""

    def __init__(self, url: str) -> None:
        self._url = url

    def iter_entries(self, selection: Selection, fields: EntryFields) -> Generator[RawEntry, None, None]:
        """All requests selected, ordered by created_at and id, candidates by sample_index, events as they happened.

        Close it to end the transaction early. Raises DatabaseUnavailable.
        """
        names = [name for name in _TABLES if getattr(fields, name)]
        queries = [apply_selection(_query(name, getattr(fields, name)), selection) for name in names]
        opened = _sqlite_cursors if self._url.startswith("sqlite") else _postgresql_cursors
        with opened(self._url, queries) as cursors:
            found = dict(zip(names, cursors, strict=True))
            heads = found.pop("request")
            yield from _together(heads, {name: _Follower(rows).of for name, rows in found.items()})


def _together(heads: Iterator[Row], followers: dict[str, Callable[[str], list[Row]]]) -> Iterator[RawEntry]:
    drafted, chosen, happened = (followers.get(name, _none) for name in ("candidate", "choice", "event"))
    for request in heads:
        request_id = request[-1]
        choice = chosen(request_id)
        yield RawEntry(
            request=request,
            candidates=drafted(request_id),
            choice=choice[0] if choice else None,
            events=happened(request_id),
        )


def _none(_: str) -> list[Row]:
    return []


class _Follower:
    """The rows of one table, which end in their request's id, and come in the order of the requests."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self._next = next(rows, None)

    def of(self, request_id: str) -> list[Row]:
        """Those of this request; a request without any has one with nulls."""
        found = []
        row = self._next
        while row is not None and row[-1] == request_id:
            if row[0] is not None:
                found.append(row)
            row = next(self._rows, None)
        self._next = row
        return found


def _query(name: str, names: Iterable[str]) -> Select[Any]:
    """A table's rows in the order of the requests.

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


def _compiled(query: Select[Any], dialect: Any) -> tuple[str, dict[str, Any]]:
    compiled = query.compile(dialect=dialect)
    parameters = {
        name: to_iso(value) if isinstance(value, datetime) else value for name, value in compiled.params.items()
    }
    return str(compiled), parameters


@contextmanager
def _sqlite_cursors(url: str, queries: list[Select[Any]]) -> Iterator[list[Iterator[Row]]]:
    try:
        connection = sqlite3.connect(get_database_file(url), isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("BEGIN")
            yield [connection.execute(*_compiled(query, _DIALECT)) for query in queries]
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise DatabaseUnavailable(str(error)) from error


@contextmanager
def _postgresql_cursors(url: str, queries: list[Select[Any]]) -> Iterator[list[Iterator[Row]]]:
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
                    cursor.itersize = _FETCHED
                    cursor.execute(*_compiled(query, dialect))
                    cursors.append(iter(cursor))
                yield cursors
    except psycopg.Error as error:
        raise DatabaseUnavailable(error.diag.message_primary or type(error).__name__) from error
