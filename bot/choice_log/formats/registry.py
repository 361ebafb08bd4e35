"""The forms that the log is exported in, each as a writer onto a file.

A form is told each request with `write`, and the end with `close`; what it made of them is in `left_out`: how many
requests are not in the file, by the reason. `provenance` tells how preference pairs were made; other forms have none.
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
    """Writes requests; `close` writes the end, without which a file may be none."""

    @property
    def left_out(self) -> Mapping[str, int]: ...

    @property
    def provenance(self) -> Mapping[str, Any] | None: ...

    def write(self, raw: RawEntry) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """A form, and what it leaves open: which pairs, drawn from which seed, and whether CSV is for spreadsheets (`safe`)
    or to the letter.
    """

    name: FormatName = "jsonl"
    pairs: tuple[PairKind, ...] = ("all_shown", "edited")
    seed: int = 0
    cells: CsvCells = "safe"

    @property
    def fields(self) -> EntryFields:
        """What it needs of each request."""
        return CSV_FIELDS if self.name == "csv" else FIELDS


def open_writer(wish: ExportOptions, file: BinaryIO) -> FormatWriter:
    """The form, ready to write; raises ImportError where its library is missing."""
    if wish.name == "parquet":
        from bot.choice_log.formats.parquet import ParquetFormatWriter

        return ParquetFormatWriter(file)
    if wish.name == "jsonl":
        return _Text(file, JsonLinesEncoder().encode)
    if wish.name == "csv":
        made = CsvEncoder.for_spreadsheets() if wish.cells == "safe" else CsvEncoder.verbatim()
        file.write(made.encode_header().encode())
        return _Text(file, made.encode)
    return _Derived(file, _DERIVED[wish.name](wish))


class _Lines(Protocol):
    left_out: Counter[str]

    def lines(self, entry: LogEntry) -> list[str]: ...


_DERIVED: Final[dict[FormatName, Callable[[ExportOptions], _Lines]]] = {
    "trl": lambda wish: Preferences(wish.pairs, to_trl, seed=wish.seed),
    "openai": lambda wish: Preferences(wish.pairs, to_openai, seed=wish.seed),
    "kto": lambda _: KtoLabels(),
    "sft": lambda _: SftConversations(),
    "vw": lambda _: BanditExamples(),
}


class _Text:
    """Every request as text."""

    left_out: Mapping[str, int] = {}
    provenance: None = None

    def __init__(self, file: BinaryIO, text: Callable[[RawEntry], str]) -> None:
        self._file = file
        self._text = text

    def write(self, raw: RawEntry) -> None:
        self._file.write(self._text(raw).encode())

    def close(self) -> None:
        """There is nothing at the end."""


class _Derived:
    """What can be learned from requests, as text."""

    def __init__(self, file: BinaryIO, maker: _Lines) -> None:
        self._file = file
        self._maker = maker
        self._records = EntryReader(FIELDS)

    @property
    def left_out(self) -> Mapping[str, int]:
        return self._maker.left_out

    @property
    def provenance(self) -> Mapping[str, Any] | None:
        return self._maker.provenance if isinstance(self._maker, Preferences) else None

    def write(self, raw: RawEntry) -> None:
        self._file.write("".join(self._maker.lines(self._records.read(raw))).encode())

    def close(self) -> None:
        """There is nothing at the end."""
