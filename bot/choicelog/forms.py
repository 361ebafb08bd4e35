"""The forms that the log is exported in, each as a writer onto a file.

A form is told each request with `write`, and the end with `close`; what it made of them is in `left_out`: how many
requests are not in the file, by the reason.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final, Literal, Protocol

from bot.choicelog.preferences import Conversations, Labels, PairKind, Preferences, to_openai, to_trl
from bot.choicelog.vowpal import Bandit
from bot.choicelog.writing import CSV_FIELDS, FIELDS, Csv, JsonLines
from storage.rawlog import Fields, RawEntry, Records
from storage.records import LogEntry

FormName = Literal["jsonl", "csv", "parquet", "trl", "kto", "openai", "sft", "vw"]
Cells = Literal["safe", "raw"]


class Form(Protocol):
    """Writes requests; `close` writes the end, without which a file may be none."""

    @property
    def left_out(self) -> Mapping[str, int]: ...

    def write(self, raw: RawEntry) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A form, and what it leaves open: which pairs, and whether CSV is for spreadsheets (`safe`) or to the letter."""

    name: FormName = "jsonl"
    pairs: tuple[PairKind, ...] = ("skip_above", "edited")
    cells: Cells = "safe"

    @property
    def fields(self) -> Fields:
        """What it needs of each request."""
        return CSV_FIELDS if self.name == "csv" else FIELDS


def opened_form(wish: Wish, file: BinaryIO) -> Form:
    """The form, ready to write; raises ImportError where its library is missing."""
    if wish.name == "parquet":
        from bot.choicelog.parquet import Parquet

        return Parquet(file)
    if wish.name == "jsonl":
        return _Text(file, JsonLines().line)
    if wish.name == "csv":
        made = Csv.for_spreadsheets() if wish.cells == "safe" else Csv.as_it_is()
        file.write(made.header().encode())
        return _Text(file, made.rows)
    return _Derived(file, _DERIVED[wish.name](wish.pairs))


class _Lines(Protocol):
    left_out: Counter[str]

    def lines(self, entry: LogEntry) -> list[str]: ...


_DERIVED: Final[dict[FormName, Callable[[Sequence[PairKind]], _Lines]]] = {
    "trl": lambda kinds: Preferences(kinds, to_trl),
    "openai": lambda kinds: Preferences(kinds, to_openai),
    "kto": lambda _: Labels(),
    "sft": lambda _: Conversations(),
    "vw": lambda _: Bandit(),
}


class _Text:
    """Every request as text."""

    left_out: Mapping[str, int] = {}

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
        self._records = Records(FIELDS)

    @property
    def left_out(self) -> Mapping[str, int]:
        return self._maker.left_out

    def write(self, raw: RawEntry) -> None:
        self._file.write("".join(self._maker.lines(self._records.entry(raw))).encode())

    def close(self) -> None:
        """There is nothing at the end."""
