"""CSV: one candidate a row, for spreadsheets or to the letter."""

import codecs
import math
from collections.abc import Sequence
from typing import BinaryIO, Final

from bot.choice_log.cells import CellWriter, build_cell_writers
from bot.choice_log.export_format import ExportFormat, ExportOptions, FormatWriter, TextWriter
from bot.choice_log.fields import CANDIDATE_FIELDS, CHOICE_FIELDS, CSV_FIELDS, CSV_HEADER, REQUEST_FIELDS
from bot.choice_log.formats.json_lines import encode_boolean
from storage.queries.export_rows import FieldType, RawEntry

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")  # noqa: RUF001

_NO_CANDIDATE: Final = "," * (len(CANDIDATE_FIELDS) - 1)


class CsvEncoder:
    """Encodes requests as rows of CSV, one for each candidate, with its request's and its choice's columns repeated.

    A request without candidates has one row. Events are in the other forms only.
    """

    def __init__(self, *, write_text: CellWriter, choice_fields: Sequence[str] = CHOICE_FIELDS) -> None:
        """`write_text` writes a text that is not null. Without `choice_fields`, there are no columns of a choice."""
        self._write_text = write_text
        self._request = build_cell_writers("request", REQUEST_FIELDS, self._build_cell_writer)
        self._candidate = build_cell_writers("candidate", CANDIDATE_FIELDS, self._build_cell_writer)
        self._choice = build_cell_writers("choice", choice_fields, self._build_cell_writer)
        self._no_choice = "," * len(choice_fields)

    @classmethod
    def for_spreadsheets(cls, *, choice_fields: Sequence[str] = CHOICE_FIELDS) -> "CsvEncoder":
        """Put an apostrophe before texts that a spreadsheet would run as formulas.

        They begin with =, +, - or @, full-width ones too, with a tab or a line end.
        """
        return cls(write_text=quote_defused, choice_fields=choice_fields)

    @classmethod
    def verbatim(cls) -> "CsvEncoder":
        """Write texts to the letter: not to be opened in a spreadsheet."""
        return cls(write_text=_quote)

    @staticmethod
    def encode_header() -> str:
        return ",".join(CSV_HEADER) + "\r\n"

    def encode(self, raw: RawEntry) -> str:
        before = ",".join([cell(value) for cell, value in zip(self._request, raw.request, strict=False)]) + ","
        after = self._no_choice
        if raw.choice is not None:
            after = "," + ",".join([cell(value) for cell, value in zip(self._choice, raw.choice, strict=False)])
        after += "\r\n"
        cells = self._candidate
        drafted = [",".join([cell(value) for cell, value in zip(cells, row, strict=False)]) for row in raw.candidates]
        return "".join([before + row + after for row in drafted or [_NO_CANDIDATE]])

    def _build_cell_writer(self, _: str, field_type: FieldType) -> CellWriter:
        write = self._write_text if field_type == "text" else _WRITERS[field_type]
        return lambda value: "" if value is None else write(value)


def _quote(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


def quote_defused(value: str) -> str:
    """Quote a cell, with an apostrophe before what a spreadsheet would run."""
    return _quote(f"'{value}" if value.startswith(_FORMULA_STARTS) else value)


_WRITERS: Final[dict[FieldType, CellWriter]] = {
    "time": str,
    "integer": str,
    "number": lambda value: repr(float(value)) if math.isfinite(value) else "",
    "boolean": encode_boolean,
    "json": _quote,
}


def _open(file: BinaryIO, options: ExportOptions) -> FormatWriter:
    """Write the mark and the header; requests follow."""
    encoder = CsvEncoder.for_spreadsheets() if options.cells == "safe" else CsvEncoder.verbatim()
    file.write((codecs.BOM_UTF8 if options.has_bom else b"") + encoder.encode_header().encode())
    return TextWriter(file, encoder.encode)


FORMAT: Final = ExportFormat(
    name="csv",
    meaning="a candidate a row",
    open=_open,
    file_name="choices.csv",
    takes=frozenset({"--raw", "--no-bom"}),
    fields=CSV_FIELDS,
)
