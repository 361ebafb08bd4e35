"""An export format: its name, the options that it takes, and the writer of requests onto a file.

A writer gets each request by `write`, and the end by `close`. `left_out` then has the numbers of requests that are not
in the file, by reason, and `provenance` how preference pairs were made; other formats have none.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal, Protocol

from bot.choice_log.fields import FIELDS
from storage.queries.export_rows import EntryFields, EntryReader, RawEntry
from storage.records import LogEntry

PairKind = Literal["edited", "skip_above", "all_shown", "redrafted", "steered"]
CsvCells = Literal["safe", "raw"]
SystemRole = Literal["keep", "first-turn", "drop"]
FormatOption = Literal["--pairs", "--seed", "--system", "--raw", "--no-bom"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """A format with its options: kinds of pairs, the seed of their draw, where the hint goes, the cells of CSV.

    `safe` cells are for spreadsheets, `raw` ones to the letter; `has_bom` marks the file as UTF-8 for spreadsheets.
    """

    name: str = "jsonl"
    pairs: tuple[PairKind, ...] = ("all_shown", "edited", "redrafted", "steered")
    seed: int = 0
    system: SystemRole = "keep"
    cells: CsvCells = "safe"
    has_bom: bool = False


class FormatWriter(Protocol):
    """Writes requests onto a file; `close` writes the end, without which it may be no file."""

    @property
    def left_out(self) -> Mapping[str, int]: ...

    @property
    def provenance(self) -> Mapping[str, Any] | None: ...

    def write(self, raw: RawEntry) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFormat:
    """An export format. Each module in `formats/` has one, as `FORMAT`; nothing else lists them.

    `open` builds its writer, and raises ImportError if its library, the extra of its name, is missing. `takes` are the
    options that it has besides the filters. Its label in Slack is the text `export-form-<name>`.
    """

    name: str
    meaning: str
    open: Callable[[BinaryIO, ExportOptions], FormatWriter]
    file_name: str
    is_training_data: bool = False
    is_packed: bool = False
    has_provenance: bool = False
    takes: frozenset[FormatOption] = frozenset()
    fields: EntryFields = FIELDS


class TextWriter:
    left_out: Mapping[str, int] = {}
    provenance: None = None

    def __init__(self, file: BinaryIO, encode: Callable[[RawEntry], str]) -> None:
        self._file = file
        self._encode = encode

    def write(self, raw: RawEntry) -> None:
        self._file.write(self._encode(raw).encode())

    def close(self) -> None:
        """There is nothing at the end."""


class DerivedWriter:
    """Writes the lines that are derived from requests; those that give none are counted by their reason."""

    def __init__(
        self,
        file: BinaryIO,
        build: Callable[[LogEntry], list[str] | str],
        describe: Callable[[Mapping[str, int]], Mapping[str, Any]] | None = None,
    ) -> None:
        """`build` returns the lines of a request, or the reason why it has none; `describe` the provenance."""
        self._file = file
        self._build = build
        self._describe = describe
        self._reader = EntryReader(FIELDS)
        self.left_out: Counter[str] = Counter()

    @property
    def provenance(self) -> Mapping[str, Any] | None:
        return None if self._describe is None else self._describe(self.left_out)

    def write(self, raw: RawEntry) -> None:
        lines = self._build(self._reader.read(raw))
        if isinstance(lines, str):
            self.left_out[lines] += 1
        else:
            self._file.write("".join(lines).encode())

    def close(self) -> None:
        """There is nothing at the end."""
