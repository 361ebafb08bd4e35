"""The output of a batch: entries as JSON Lines or CSV, in the input's order."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from bot.batch.rows import InputRow, Layout
from bot.choice_log.fields import CANDIDATE_FIELDS, CSV_HEADER, FIELDS, REQUEST_FIELDS
from bot.choice_log.formats.csv import CsvEncoder, quote_defused
from bot.choice_log.formats.json_lines import JsonLinesEncoder
from storage.journal import BatchJournal, OutputPlace
from storage.queries.export_rows import RawEntry, to_raw_entry
from storage.records import LogEntry

WrittenRow = tuple[InputRow, LogEntry]


class RowEncoder(Protocol):
    """Encodes rows as text; `head` stands before the first."""

    head: str

    def encode(self, row: InputRow, entry: LogEntry) -> str: ...


class JsonLinesRows:
    """A line of the choice log a row."""

    head = ""

    def __init__(self) -> None:
        self._encoder = JsonLinesEncoder()

    def encode(self, _: InputRow, entry: LogEntry) -> str:
        return self._encoder.encode(to_raw_entry(entry, FIELDS))


class CsvRows:
    """A candidate a record: the input's columns, then those of the choice log without the choice's."""

    def __init__(self, columns: Sequence[str], *, has_bom: bool) -> None:
        self._columns = columns
        self._encoder = CsvEncoder.for_spreadsheets(choice_fields=())
        ours = CSV_HEADER[: len(REQUEST_FIELDS) + len(CANDIDATE_FIELDS)]
        mark = "\ufeff" if has_bom else ""
        self.head = mark + ",".join([*map(quote_defused, columns), *ours]) + "\r\n"

    def encode(self, row: InputRow, entry: LogEntry) -> str:
        before = "".join(f"{_to_cell(row.values.get(name))}," for name in self._columns)
        raw = to_raw_entry(entry, FIELDS)
        return "".join(
            before + self._encoder.encode(RawEntry(request=raw.request, candidates=[one], choice=None, events=[]))
            for one in raw.candidates
        )


def _to_cell(value: Any) -> str:
    if value is None:
        return ""
    return quote_defused(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def make_encoder(layout: Layout, columns: Sequence[str], *, has_bom: bool) -> RowEncoder:
    return CsvRows(columns, has_bom=has_bom) if layout == "csv" else JsonLinesRows()


class Output(Protocol):
    """Takes rows in the input's order. `last_row` is the last one that is there already."""

    @property
    def last_row(self) -> int: ...

    def write(self, rows: Sequence[WrittenRow]) -> None: ...


class StreamOutput:
    """Writes to stdout or a pipe, which nobody can go on with."""

    last_row = 0

    def __init__(self, file: BinaryIO, encoder: RowEncoder) -> None:
        self._file = file
        self._encoder = encoder
        self._file.write(encoder.head.encode())

    def write(self, rows: Sequence[WrittenRow]) -> None:
        self._file.write("".join([self._encoder.encode(row, entry) for row, entry in rows]).encode())
        self._file.flush()


class FileOutput:
    """Appends to a file. The journal knows how much of it is certain: what else is in it is cut off."""

    def __init__(self, path: Path, encoder: RowEncoder, journal: BatchJournal) -> None:
        self._encoder = encoder
        self._journal = journal
        self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0)
        place = journal.output
        if self._file.seek(0, os.SEEK_END) < place.size or not place.size:
            place = OutputPlace()
        self._file.truncate(place.size)
        self._file.seek(place.size)
        self._place = place

    @property
    def last_row(self) -> int:
        return self._place.row

    def write(self, rows: Sequence[WrittenRow]) -> None:
        """Append rows, wait for the disk, and note how far the file has got."""
        text = "".join([self._encoder.encode(row, entry) for row, entry in rows])
        self._append(text if self._place.size else self._encoder.head + text, rows[-1][0].number)

    def finish(self) -> None:
        """Note that the file is whole."""
        if not self._place.size:
            self._append(self._encoder.head, 0)
        self._place = OutputPlace(row=self._place.row, size=self._place.size, is_whole=True)
        self._journal.note_output(self._place)

    def close(self) -> None:
        self._file.close()

    def _append(self, text: str, row: int) -> None:
        rest = memoryview(text.encode())
        size = self._place.size + len(rest)
        while rest:
            rest = rest[self._file.write(rest) :]
        os.fsync(self._file.fileno())
        self._place = OutputPlace(row=row, size=size)
        self._journal.note_output(self._place)
