"""The output of a batch: entries as JSON Lines or CSV, in the input's order."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

from bot.batch.rows import InputRow, Layout
from bot.choice_log.fields import CANDIDATE_FIELDS, CSV_HEADER, FIELDS, REQUEST_FIELDS
from bot.choice_log.formats.csv import CsvEncoder, quote_defused
from bot.choice_log.formats.json_lines import JsonLinesEncoder
from storage.journal import BatchJournal, OutputPlace
from storage.queries.export_rows import RawEntry, to_raw_entry
from storage.records import LogEntry

WrittenRow = tuple[InputRow, LogEntry]
_BOM: Final = "\ufeff"


@dataclass(frozen=True, slots=True)
class RowEncoder:
    """Encodes rows as text; `head` stands before the first."""

    head: str
    encode: Callable[[InputRow, LogEntry], str]


def make_encoder(layout: Layout, columns: Sequence[str], *, has_bom: bool) -> RowEncoder:
    """Make the encoder of a layout.

    JSON Lines has a line of the choice log for each row; CSV a record for each candidate: the input's `columns`, then
    those of the choice log without the choice's.
    """
    if layout == "jsonl":
        lines = JsonLinesEncoder()
        return RowEncoder("", lambda _, entry: lines.encode(to_raw_entry(entry, FIELDS)))
    records = CsvEncoder.for_spreadsheets(choice_fields=())

    def encode(row: InputRow, entry: LogEntry) -> str:
        before = "".join([f"{_to_cell(row.values.get(name))}," for name in columns])
        raw = to_raw_entry(entry, FIELDS)
        alone = (RawEntry(request=raw.request, candidates=[one], choice=None, events=[]) for one in raw.candidates)
        return "".join([before + records.encode(each) for each in alone])

    head = ",".join([*map(quote_defused, columns), *CSV_HEADER[: len(REQUEST_FIELDS) + len(CANDIDATE_FIELDS)]])
    return RowEncoder(f"{_BOM if has_bom else ''}{head}\r\n", encode)


def _to_cell(value: Any) -> str:
    if value is None:
        return ""
    return quote_defused(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


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
