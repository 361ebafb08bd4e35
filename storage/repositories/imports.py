"""Import of requests from elsewhere, as they are; what the log has already is never changed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Table, delete, select
from sqlalchemy.exc import IntegrityError

from storage.engine.database import Database
from storage.engine.transaction import Transaction
from storage.errors import DatabaseUnavailable
from storage.queries.export_rows import EntryFields, to_raw_entry, to_values
from storage.queries.log_entries import read_entries
from storage.records import Candidate, Choice, Event, LogEntry, Request
from storage.tables import candidates, choices, events, requests

AT_ONCE: Final = 500
"""Requests in one transaction: the bot, which may be writing too, waits for no more."""

ImportVerdict = Literal["new", "known", "differs", "candidate_taken", "choice_taken"]
"""`known`: the log has this request, the same in each field. `differs`: it has another one under this id. The rest: the
id of a candidate or of the choice belongs to another request.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _ExistingIds:
    """Entries and ids that the log has already under the ids of some requests."""

    entries: dict[str, LogEntry]
    candidates: set[str]
    choices: set[str]


class LogImporter:
    """Imports requests into one database. `fields` are those that two requests are compared by."""

    def __init__(self, database: Database, fields: EntryFields) -> None:
        self._database = database
        self._fields = fields

    async def import_new(self, entries: Sequence[LogEntry]) -> list[ImportVerdict]:
        """Insert the requests that are new, in one transaction, and return a verdict for each.

        Raises DatabaseUnavailable.
        """
        for _ in range(2):  # another writer may take one of the ids in between: then it is there when we look again
            try:
                async with self._database.write() as connection:
                    verdicts = self._compare_all(entries, await _find_existing(connection, entries))
                    new = [entry for entry, verdict in zip(entries, verdicts, strict=True) if verdict == "new"]
                    await _insert(connection, new)
            except IntegrityError:
                continue
            return verdicts
        raise DatabaseUnavailable("other writers took the same ids at the same time")

    async def replace_all(self, entries: Sequence[LogEntry]) -> None:
        """Insert requests of our own, in one transaction, in the place of those under their ids.

        Raises DatabaseUnavailable.
        """
        async with self._database.write() as connection:
            await connection.execute(delete(requests).where(requests.c.id.in_([entry.request.id for entry in entries])))
            await _insert(connection, entries)

    async def compare(self, entries: Sequence[LogEntry]) -> list[ImportVerdict]:
        """Return the verdicts, and insert nothing. Raises DatabaseUnavailable."""
        async with self._database.read() as connection:
            return self._compare_all(entries, await _find_existing(connection, entries))

    def _compare_all(self, entries: Sequence[LogEntry], found: _ExistingIds) -> list[ImportVerdict]:
        verdicts: list[ImportVerdict] = []
        for entry in entries:
            verdict = self._compare_one(entry, found)
            if verdict == "new":
                found.entries[entry.request.id] = entry
                found.candidates.update(candidate.id for candidate in entry.candidates)
                found.choices.update(_list_choice_ids(entry))
            verdicts.append(verdict)
        return verdicts

    def _compare_one(self, entry: LogEntry, found: _ExistingIds) -> ImportVerdict:
        there = found.entries.get(entry.request.id)
        if there is not None:
            same = to_raw_entry(there, self._fields) == to_raw_entry(entry, self._fields)
            return "known" if same else "differs"
        if any(candidate.id in found.candidates for candidate in entry.candidates):
            return "candidate_taken"
        return "choice_taken" if found.choices.intersection(_list_choice_ids(entry)) else "new"


def _list_choice_ids(entry: LogEntry) -> list[str]:
    return [] if entry.choice is None else [entry.choice.id]


async def _find_existing(connection: Transaction, entries: Sequence[LogEntry]) -> _ExistingIds:
    drafted = [candidate.id for entry in entries for candidate in entry.candidates]
    chosen = [choice_id for entry in entries for choice_id in _list_choice_ids(entry)]
    used = await _find_used_ids(connection, candidates, drafted), await _find_used_ids(connection, choices, chosen)
    # Requests last: what another writer commits in between is then known, not a request that took our ids.
    there = await read_entries(connection, [entry.request.id for entry in entries])
    return _ExistingIds(entries={entry.request.id: entry for entry in there}, candidates=used[0], choices=used[1])


async def _find_used_ids(connection: Transaction, table: Table, ids: Sequence[str]) -> set[str]:
    """Find those of the ids that the table has; in parts, since a statement takes so many values only."""
    used: set[str] = set()
    for start in range(0, len(ids), _MOST_VALUES):
        query = select(table.c.id).where(table.c.id.in_(ids[start : start + _MOST_VALUES]))
        used.update((await connection.scalars(query)).all())
    return used


_MOST_VALUES: Final = 5_000


async def _insert(connection: Transaction, entries: Sequence[LogEntry]) -> None:
    await _insert_into(connection, requests, [entry.request for entry in entries])
    await _insert_into(connection, candidates, [one for entry in entries for one in entry.candidates])
    await _insert_into(connection, choices, [entry.choice for entry in entries if entry.choice is not None])
    await _insert_into(connection, events, [event for entry in entries for event in entry.events])


async def _insert_into(
    connection: Transaction, table: Table, records: Iterable[Request | Candidate | Choice | Event]
) -> None:
    """Insert past SQLAlchemy's own handling of each value, which would take longer than all the rest."""
    columns = [column for column in table.columns if column.name != "seq"]
    keys = [column.key for column in columns]
    rows: list[tuple[Any, ...]] = [to_values(record, keys) for record in records]
    if rows:
        mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
        marks = ", ".join([mark] * len(columns))
        names = ", ".join(column.name for column in columns)
        statement = f"INSERT INTO {table.name} ({names}) VALUES ({marks})"  # noqa: S608 - our own names
        await connection.exec_driver_sql(statement, rows)
