"""The journal of a batch: every finished draft beside the file that it is for, so that none is paid for twice.

A SQLite file of its own. Drafts are committed as they end, which a killed process cannot undo; the disk is waited for
at checkpoints only. One process at a time.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, Self

import orjson

from storage.errors import DatabaseUnavailable
from storage.fields import to_iso
from storage.records import Candidate

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS drafts (
    row INTEGER NOT NULL,
    sample_index INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    error TEXT,
    candidate TEXT NOT NULL,
    PRIMARY KEY (row, sample_index)
) WITHOUT ROWID;
"""
_FIELDS: Final = tuple(each.name for each in fields(Candidate))
_get_fields: Final = attrgetter(*_FIELDS)


class JournalBusy(DatabaseUnavailable):
    """Another process has the journal open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournaledDraft:
    """A finished draft, good or failed, its row, and that row's: when its request was made, what was found for it."""

    row: int
    created_at: datetime
    candidate: Candidate
    retrieved: tuple[Any, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputPlace:
    """The end of what is in the output: its last row, its size in bytes, and if it is whole."""

    row: int = 0
    size: int = 0
    is_whole: bool = False


class BatchJournal:
    """The drafts of one batch. Every method raises DatabaseUnavailable where the file cannot be read or written."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls, file: Path) -> Self:
        """Open a journal, made if it is not there. Raises JournalBusy, DatabaseUnavailable."""
        with _translate_errors():
            file.touch(mode=0o600)  # it holds what people wrote
            connection = sqlite3.connect(file, isolation_level=None, timeout=0.2, check_same_thread=False)
            try:
                connection.execute("PRAGMA locking_mode = EXCLUSIVE")
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.executescript(_SCHEMA)
            except sqlite3.Error:
                connection.close()
                raise
        return cls(connection)

    def close(self) -> None:
        self._connection.close()

    # --- facts of the whole batch ---------------------------------------------------------------------

    @property
    def identity(self) -> dict[str, Any] | None:
        """The input, the playbook and the options that the drafts were made with; None in a new journal."""
        found: dict[str, Any] | None = self._read_fact("identity")
        return found

    @property
    def output(self) -> OutputPlace:
        found = self._read_fact("output")
        return OutputPlace() if found is None else OutputPlace(**found)

    def begin(self, identity: Mapping[str, Any]) -> None:
        """Forget all drafts, and begin anew with this identity."""
        with _translate_errors():
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute("DELETE FROM drafts")
            self._connection.execute("DELETE FROM facts")
            self._write_fact("identity", dict(identity))
            self._connection.execute("COMMIT")

    def note_output(self, place: OutputPlace) -> None:
        """Note how far the output has got."""
        with _translate_errors():
            self._write_fact("output", {"row": place.row, "size": place.size, "is_whole": place.is_whole})

    def _read_fact(self, name: str) -> Any:
        with _translate_errors():
            found = self._connection.execute("SELECT value FROM facts WHERE name = ?", [name]).fetchone()
        return None if found is None else json.loads(found[0])

    def _write_fact(self, name: str, value: Mapping[str, Any]) -> None:
        self._connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", [name, json.dumps(value)])

    # --- drafts ---------------------------------------------------------------------------------------

    def add(self, drafts: Iterable[JournaledDraft]) -> None:
        """Commit drafts, all or none; they take the places of those that failed before."""
        values = [_to_values(draft) for draft in drafts]
        with _translate_errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany("INSERT OR REPLACE INTO drafts VALUES (?, ?, ?, ?, ?)", values)
                self._connection.execute("COMMIT")
            except sqlite3.Error:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @property
    def last_row(self) -> int:
        """The last row that has a draft; 0 without any."""
        with _translate_errors():
            (row,) = self._connection.execute("SELECT coalesce(max(row), 0) FROM drafts").fetchone()
        return int(row)

    def count_drafts(self) -> tuple[int, int]:
        """Count the drafts, and those that failed."""
        with _translate_errors():
            drafts, failed = self._connection.execute("SELECT count(*), count(error) FROM drafts").fetchone()
        return drafts, failed

    def list_drafts(self, row: int) -> list[JournaledDraft]:
        """List the drafts of a row by their `sample_index`."""
        query = "SELECT row, created_at, candidate FROM drafts WHERE row = ? ORDER BY sample_index"
        with _translate_errors():
            return [_to_draft(*found) for found in self._connection.execute(query, [row])]


def _to_values(draft: JournaledDraft) -> tuple[Any, ...]:
    one = draft.candidate
    values = dict(zip(_FIELDS, _get_fields(one), strict=True))
    text = orjson.dumps({**values, "retrieved": draft.retrieved})
    return draft.row, one.sample_index, to_iso(draft.created_at), one.error, text.decode()


def _to_draft(row: int, created_at: str, candidate: str) -> JournaledDraft:
    values = json.loads(candidate)
    values["sources"] = tuple(values["sources"])
    found = values.pop("retrieved", None)
    return JournaledDraft(
        row=row,
        created_at=datetime.fromisoformat(created_at),
        candidate=Candidate(**values),
        retrieved=None if found is None else tuple(found),
    )


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise JournalBusy(str(error)) from error
        raise DatabaseUnavailable(str(error)) from error
    except sqlite3.Error as error:
        raise DatabaseUnavailable(str(error)) from error
