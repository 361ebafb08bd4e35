"""JSON Lines: one request a line, as `choice-log/1`."""

import json
import math
from json.encoder import encode_basestring
from typing import Any, Final

from bot.choice_log.cells import CellWriter, build_cell_writers
from bot.choice_log.export_format import ExportFormat, TextWriter
from bot.choice_log.fields import CANDIDATE_FIELDS, CHOICE_FIELDS, EVENT_FIELDS, FIELDS, REQUEST_FIELDS, SCHEMA
from storage.queries.export_rows import FieldType, RawEntry, Row, to_raw_entry
from storage.records import LogEntry

dumps: Final = json.JSONEncoder(ensure_ascii=False).encode
"""JSON as it stands in exports: letters as they are."""


class JsonLinesEncoder:
    def __init__(self) -> None:
        self._request = build_cell_writers("request", REQUEST_FIELDS, _build_member_writer)
        self._candidate = build_cell_writers("candidate", CANDIDATE_FIELDS, _build_member_writer)
        self._choice = build_cell_writers("choice", CHOICE_FIELDS, _build_member_writer)
        self._event = build_cell_writers("event", EVENT_FIELDS, _build_member_writer)

    def encode(self, raw: RawEntry) -> str:
        request = _encode_object(self._request, raw.request)
        drafted = ", ".join([_encode_object(self._candidate, row) for row in raw.candidates])
        choice = "null" if raw.choice is None else _encode_object(self._choice, raw.choice)
        happened = ", ".join([_encode_object(self._event, row) for row in raw.events])
        return (
            f'{{"schema": "{SCHEMA}", "request": {request}, "candidates": [{drafted}], "choice": {choice}, '
            f'"events": [{happened}]}}\n'
        )


def to_json_line(entry: LogEntry) -> str:
    """Encode one request as a line of the choice log, with its newline."""
    return JsonLinesEncoder().encode(to_raw_entry(entry, FIELDS))


def _encode_object(cells: list[CellWriter], row: Row) -> str:
    # strict=False: rows end in their request's id
    return "{" + ", ".join([cell(value) for cell, value in zip(cells, row, strict=False)]) + "}"


def _build_member_writer(name: str, field_type: FieldType) -> CellWriter:
    start = f'"{name}": '
    write = _WRITERS[field_type]
    return lambda value: start + ("null" if value is None else write(value))


def _encode_number(value: float) -> str:
    return repr(float(value)) if math.isfinite(value) else "null"  # JSON has no word for it


def encode_boolean(value: Any) -> str:
    """Encode a truth value as JSON does; SQLite has 0 and 1 for them."""
    return "true" if value else "false"


_WRITERS: Final[dict[FieldType, CellWriter]] = {
    "text": encode_basestring,
    "time": encode_basestring,
    "integer": str,
    "number": _encode_number,
    "boolean": encode_boolean,
    "json": lambda value: dumps(json.loads(value)),
}

FORMAT: Final = ExportFormat(
    name="jsonl",
    meaning="a request a line, with its candidates, its choice and its events",
    open=lambda file, _: TextWriter(file, JsonLinesEncoder().encode),
    file_name="choices.jsonl",
)
