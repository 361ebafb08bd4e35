"""The rows of a file: JSON Lines, or CSV with a header. A row that cannot be used is told, and the rest goes on."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, get_args

from bot.choice_log import InvalidLine, iter_lines
from bot.suggesting.admission import MESSAGE_LIMIT
from bot.templates import Template, TemplateError
from bot.text_limits import clean
from storage.records import Role, Turn

Layout = Literal["jsonl", "csv"]

MESSAGE_KEYS: Final = ("message", "conversation")
_ROLES: Final = get_args(Role)
_CELL_LIMIT: Final = 1024 * 1024
_NO_UTF8: Final = "is not UTF-8: save the file with the encoding UTF-8"
_BOM: Final = b"\xef\xbb\xbf"


class InputError(ValueError):
    """An input that cannot be used at all; the message says why and what to do, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputRow:
    """A row of the input, from 1: its conversation, and its keys as they were."""

    number: int
    conversation: tuple[Turn, ...] = field(repr=False)
    values: Mapping[str, Any] = field(repr=False)

    @property
    def other_values(self) -> dict[str, Any]:
        """The values of the keys that are no message."""
        return {key: value for key, value in self.values.items() if key not in MESSAGE_KEYS}


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRow:
    """A row that cannot be used, and why. `values` has its keys, if it is a row at all."""

    row: int
    error: str
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)


def get_layout(path: Path) -> Layout:
    """Return the layout of a file, by its name."""
    return "csv" if path.suffix.lower() == ".csv" else "jsonl"


def iter_input(file: BinaryIO, layout: Layout, template: Template | None) -> Iterator[InputRow | RefusedRow]:
    """Iterate over the rows, good and bad. Raises InputError for a CSV file without a header that can be used."""
    values = _iter_csv_values(file, template) if layout == "csv" else _iter_json_values(file)
    for number, found in values:
        if isinstance(found, str):
            yield RefusedRow(row=number, error=found)
            continue
        try:
            conversation = _read_conversation(found, template)
        except (TemplateError, _RowError) as error:
            yield RefusedRow(row=number, error=str(error), values=found)
        else:
            yield InputRow(number=number, conversation=conversation, values=found)


class _RowError(ValueError):
    """A row without a conversation that can be used."""


def _read_conversation(values: Mapping[str, Any], template: Template | None) -> tuple[Turn, ...]:
    """Read the conversation of a row. Raises _RowError, TemplateError."""
    if template is not None:
        turns = [Turn(role="customer", text=template.fill(values))]
    elif "conversation" in values and "message" not in values:
        turns = _read_turns(values["conversation"])
    else:
        turns = [Turn(role="customer", text=_read_message(values))]
    cleaned = tuple(Turn(role=turn.role, text=clean(turn.text)) for turn in turns)
    if not any(turn.text.strip() for turn in cleaned):
        raise _RowError("message is empty")
    if (length := sum(len(turn.text) for turn in cleaned)) > MESSAGE_LIMIT:
        raise _RowError(f"message has {length} characters: at most {MESSAGE_LIMIT} are taken")
    return cleaned


def _read_message(values: Mapping[str, Any]) -> str:
    message = values.get("message")
    if message is None:
        raise _RowError("has no message")
    if not isinstance(message, str):
        raise _RowError("message must be a text")
    return message


def _read_turns(turns: Any) -> list[Turn]:
    if not isinstance(turns, list) or not turns:
        raise _RowError("conversation must be a list of messages")
    for number, turn in enumerate(turns):
        if not isinstance(turn, dict) or turn.get("role") not in _ROLES or not isinstance(turn.get("text"), str):
            raise _RowError(f'conversation[{number}] must be {{"role": "customer" or "agent", "text": "…"}}')
    return [Turn(role=turn["role"], text=turn["text"]) for turn in turns]


# --- JSON Lines ---------------------------------------------------------------------------------------


def _iter_json_values(file: BinaryIO) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Iterate over (line, its object or what is wrong with it)."""
    for number, line in iter_lines(file):
        yield number, str(line) if isinstance(line, InvalidLine) else _parse_line(line)


def _parse_line(line: bytes) -> dict[str, Any] | str:
    try:
        values = _DECODER.decode(line.decode())
    except UnicodeDecodeError:
        return _NO_UTF8
    except RecursionError:
        return "is nested too deep"
    except ValueError as error:
        return _word_json_error(error)
    if not isinstance(values, dict):
        return "must be a JSON object"
    return values if b"\\u" not in line else _clean_values(values)


def _word_json_error(error: ValueError) -> str:
    if isinstance(error, _NumberError):
        return str(error)
    if isinstance(error, json.JSONDecodeError):
        return "is no JSON: each line must be one whole JSON object"
    return "has a number of too many digits in it: write it as a text"  # Python reads no whole number of so many


class _NumberError(ValueError):
    """A number that JSON cannot write."""


def _refuse_constant(name: str) -> None:
    raise _NumberError(f"has {name} in it, which is no number in JSON: write null")


def _parse_float(text: str) -> float:
    number = float(text)
    if number in {float("inf"), float("-inf")}:
        raise _NumberError(f"has the number {text[:40]} in it, which is too large")
    return number


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_parse_float)


def _clean_values(value: Any) -> Any:
    """Take out what no file can hold: NULs and half characters."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_clean_values(each) for each in value]
    return {clean(key): _clean_values(each) for key, each in value.items()} if isinstance(value, dict) else value


# --- CSV ----------------------------------------------------------------------------------------------


def _iter_csv_values(file: BinaryIO, template: Template | None) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Iterate over (record below the header, its values or what is wrong with it). Raises InputError."""
    csv.field_size_limit(_CELL_LIMIT)
    lines = _CsvLines(_iter_csv_lines(file))
    header = _read_columns(csv.reader(lines, strict=True))
    if template is None and "message" not in header:
        mark = next((mark for mark in ";\t|" if mark in header[0] and len(header) == 1), None)
        how = f"separate its columns by commas, not by {mark!r}" if mark else "name one so, or give --message TEMPLATE"
        raise InputError(f"has no column message: {how}")
    reader, number, is_broken = csv.reader(lines, strict=True), 0, False
    while True:
        lines.begin_record()
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            number += 1
            yield number, f"is no CSV: {_word_csv_error(error)}"
            is_broken = True
            if "field larger" not in str(error):
                lines.give_back()
            continue
        if record:
            number += 1
            is_broken = is_broken and len(record) < len(header)
            yield (
                number,
                "may be the rest of the row before, which is no CSV" if is_broken else _to_values(header, record),
            )


def _read_columns(reader: Iterator[list[str]]) -> list[str]:
    """Read the header. Raises InputError."""
    names: list[str] = []
    try:
        names = next(reader, [])
    except csv.Error as error:
        raise InputError(f"has no header that can be read: {_word_csv_error(error)}") from error
    if not any(names):
        raise InputError("has no header: its first line must name the columns")
    if any(_has_foreign_bytes(name) for name in names):
        raise InputError(_NO_UTF8)
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InputError(f"has two columns named {twice!r}: rename one")
    return names


def _to_values(header: Sequence[str], record: list[str]) -> dict[str, Any] | str:
    if len(record) > len(header):
        return f"has {len(record)} cells, and the header {len(header)}: put cells with commas into quotes"
    if any(_has_foreign_bytes(cell) for cell in record):
        return _NO_UTF8
    return {name: clean(cell) for name, cell in zip(header, record, strict=False)}


class _CsvLines:
    """Lines, of which those of the current record can be given back: but for the first, which opened a quote."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._taken.append(line)
        return line

    def begin_record(self) -> None:
        self._taken = []

    def give_back(self) -> None:
        """Read the lines of the current record again, as records of their own."""
        self._lines = chain(self._taken[1:], self._lines)


def _iter_csv_lines(file: BinaryIO) -> Iterator[str]:
    """Iterate over lines with their ends, in bounded memory; bytes that are not UTF-8 are kept apart."""
    limit, is_first = 4 * _CELL_LIMIT, True
    while line := file.readline(limit):
        if len(line) == limit and not line.endswith(b"\n"):
            while (rest := file.readline(limit)) and not rest.endswith(b"\n"):
                pass
            yield "x" * (_CELL_LIMIT + 1) + "\n"  # refused as any cell of that length is
            continue
        text = (line.removeprefix(_BOM) if is_first else line).decode("utf-8", "surrogateescape")
        is_first = False
        yield text


def _has_foreign_bytes(text: str) -> bool:
    with suppress(UnicodeEncodeError):
        text.encode()
        return False
    return True


def _word_csv_error(error: csv.Error) -> str:
    text = str(error)
    if "field larger" in text:
        return f"a cell has more than {_CELL_LIMIT} characters"
    if "unexpected end" in text:
        return "a quote is opened and never closed"
    if "new-line character" in text:
        return "a line ends with CR alone: save the file with LF or CRLF"
    return "a quote inside a cell must be written twice"
