"""The export formats by name, each as a writer onto a file.

A writer gets each request by `write`, and the end by `close`. `left_out` then has the numbers of requests that are not
in the file, by reason, and `provenance` how preference pairs were made; other formats have none.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, Literal, Protocol

from bot.choice_log.fields import CSV_FIELDS, FIELDS
from bot.choice_log.formats.csv import CsvEncoder
from bot.choice_log.formats.json_lines import JsonLinesEncoder
from bot.choice_log.formats.preferences import KtoLabels, PairKind, Preferences, SftConversations, to_openai, to_trl
from bot.choice_log.formats.vowpal_wabbit import BanditExamples
from storage.queries.export_rows import EntryFields, EntryReader, RawEntry
from storage.records import LogEntry

FormatName = Literal["jsonl", "csv", "parquet", "trl", "kto", "openai", "sft", "vw"]
CsvCells = Literal["safe", "raw"]


class FormatWriter(Protocol):
    """Writes requests onto a file; `close` writes the end, without which it may be no file."""

    @property
    def left_out(self) -> Mapping[str, int]: ...

    @property
    def provenance(self) -> Mapping[str, Any] | None: ...

    def write(self, raw: RawEntry) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """A format with its options: the kinds of pairs, the seed of their draw, and the cells of CSV.

    `safe` cells are for spreadsheets, `raw` ones to the letter.
    """

    name: FormatName = "jsonl"
    pairs: tuple[PairKind, ...] = ("all_shown", "edited")
    seed: int = 0
    cells: CsvCells = "safe"

    @property
    def fields(self) -> EntryFields:
        """The fields that the format needs of each request."""
        return CSV_FIELDS if self.name == "csv" else FIELDS


def open_writer(options: ExportOptions, file: BinaryIO) -> FormatWriter:
    """Build the writer of a format, ready to write. Raises ImportError if its library is missing."""
    if options.name == "parquet":
        from bot.choice_log.formats.parquet import ParquetFormatWriter

        return ParquetFormatWriter(file)
    if options.name == "jsonl":
        return _TextWriter(file, JsonLinesEncoder().encode)
    if options.name == "csv":
        encoder = CsvEncoder.for_spreadsheets() if options.cells == "safe" else CsvEncoder.verbatim()
        file.write(encoder.encode_header().encode())
        return _TextWriter(file, encoder.encode)
    return _DerivedWriter(file, _LINE_BUILDERS[options.name](options))


class _LineBuilder(Protocol):
    left_out: Counter[str]

    def lines(self, entry: LogEntry) -> list[str]: ...


_LINE_BUILDERS: Final[dict[FormatName, Callable[[ExportOptions], _LineBuilder]]] = {
    "trl": lambda options: Preferences(options.pairs, to_trl, seed=options.seed),
    "openai": lambda options: Preferences(options.pairs, to_openai, seed=options.seed),
    "kto": lambda _: KtoLabels(),
    "sft": lambda _: SftConversations(),
    "vw": lambda _: BanditExamples(),
}


class _TextWriter:
    """Writes every request as text."""

    left_out: Mapping[str, int] = {}
    provenance: None = None

    def __init__(self, file: BinaryIO, encode: Callable[[RawEntry], str]) -> None:
        self._file = file
        self._encode = encode

    def write(self, raw: RawEntry) -> None:
        self._file.write(self._encode(raw).encode())

    def close(self) -> None:
        """There is nothing at the end."""


class _DerivedWriter:
    """Writes the lines that are derived from requests: some give several, some none."""

    def __init__(self, file: BinaryIO, maker: _LineBuilder) -> None:
        self._file = file
        self._builder = maker
        self._reader = EntryReader(FIELDS)

    @property
    def left_out(self) -> Mapping[str, int]:
        return self._builder.left_out

    @property
    def provenance(self) -> Mapping[str, Any] | None:
        return self._builder.provenance if isinstance(self._builder, Preferences) else None

    def write(self, raw: RawEntry) -> None:
        self._file.write("".join(self._builder.lines(self._reader.read(raw))).encode())

    def close(self) -> None:
        """There is nothing at the end."""
