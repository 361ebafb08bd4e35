"""Other systems' logs, row by row, as lines of the choice log, by a mapping of columns to fields.

    zone = "+01:00"                 # for times that tell none
    [request]
    id = "ticket"
    agent_id = "agent.name"         # JSON Lines: a dot leads inwards
    created_at = "asked"
    message = "question"            # a conversation of one message; or conversation = a list as the log has it
    [candidates]
    text = ["reply_1", "reply_2"]   # a column for each; or list = "drafts", and the fields within each of them
    in_order = true                 # they were shown in this order; without it, positions are unknown
    [choice]
    picked = "picked"               # the number of the candidate, from 1; 0 dismissed; empty undecided
    chosen_at = "answered"
    [constants]
    "request.team_id" = "T0123ABCD"

A mapped row is a line like any other, and checked as one.
"""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, BinaryIO, Final, Literal, Self
from uuid import NAMESPACE_OID, uuid5

from pydantic import BeforeValidator, Field, StrictStr

from bot.choice_log.fields import CANDIDATE_FIELDS, CHOICE_FIELDS, REQUEST_FIELDS, SCHEMA
from bot.choice_log.formats.json_lines import dumps
from bot.choice_log.line_reader import LONGEST_LINE, iter_lines
from bot.choice_log.reader import TOO_DEEP, InvalidLine, read_line
from bot.toml_files import TomlFile, TomlTable
from storage.queries.export_rows import list_field_types
from storage.records import LogEntry

Layout = Literal["jsonl", "csv"]

_KNOWN_FIELDS: Final = {
    "request": {*REQUEST_FIELDS, "message"},
    "candidates": {*CANDIDATE_FIELDS, "list", "in_order"},
    "choice": {*CHOICE_FIELDS, "picked"},
}
_TABLES: Final = {"request": REQUEST_FIELDS, "candidate": CANDIDATE_FIELDS, "choice": CHOICE_FIELDS}
_FIELD_TYPES: Final = {
    (table, name): kind
    for table, names in _TABLES.items()
    for name, kind in zip(names, list_field_types(table, names), strict=True)
}
_TRUE: Final = {"true", "yes", "1"}
_FALSE: Final = {"false", "no", "0"}


def _check_column(value: object) -> object:
    if isinstance(value, str | bool) or (isinstance(value, list) and all(isinstance(each, str) for each in value)):
        return value
    raise ValueError("{key} of {title} must be a column in quotes, or a list of columns, not {kind}")


class _MappingTable(TomlTable):
    zone: StrictStr | None = None
    request: dict[str, StrictStr] = Field(default_factory=dict)
    candidates: dict[str, Annotated[Any, BeforeValidator(_check_column)]] = Field(default_factory=dict)
    choice: dict[str, StrictStr] = Field(default_factory=dict)
    constants: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMapping:
    """The column of each field of the choice log, and constants for others."""

    request: dict[str, str]
    candidates: dict[str, Any]
    choice: dict[str, str]
    constants: dict[str, dict[str, Any]] = field(default_factory=dict)
    zone: str | None = None

    @classmethod
    def from_toml(cls, text: str, *, source: str) -> Self:
        """Parse and check a mapping. Raises TomlError."""
        file = TomlFile(source, text, title="the map")
        table = file.read(_MappingTable)
        constants: dict[str, dict[str, Any]] = {}
        for path, value in table.constants.items():
            part, _, name = path.partition(".")
            if name not in _KNOWN_FIELDS.get(part, ()):
                raise file.build_error(("constants", path), f"{path} is no field: docs/choice-log.md has them all")
            constants.setdefault(part, {})[name] = value
        made = cls(**{**dict(table), "constants": constants})
        made._check(file)
        return made

    def _check(self, file: TomlFile) -> None:
        """Check the fields. Raises TomlError for unknown ones, and for missing ones."""
        parts: dict[str, dict[str, Any]] = {
            "request": self.request,
            "candidates": self.candidates,
            "choice": self.choice,
        }
        for part, fields in parts.items():
            for name in fields:
                if name not in _KNOWN_FIELDS[part]:
                    reason = f"{part}.{name} is no field: docs/choice-log.md has them all"
                    raise file.build_error((part, name), reason)
        for name in ("id", "agent_id", "created_at"):
            if name not in self.request and name not in self.constants.get("request", {}):
                raise file.build_error(("request",), f'no column is request.{name}: add {name} = "…" to [request]')
        if not {"message", "conversation"} & self.request.keys():
            raise file.build_error(("request",), 'no column is request.message: add message = "…" to [request]')
        if "list" not in self.candidates and not isinstance(self.candidates.get("text"), list):
            reason = 'it is not said where the candidates are: list = "…" or text = ["…", "…"] in [candidates]'
            raise file.build_error(("candidates",), reason)


def iter_rows(file: BinaryIO, layout: Layout) -> Iterator[tuple[int, dict[str, Any] | InvalidLine]]:
    """Iterate over (number of the line, row) of a file of JSON Lines, or of CSV with a header."""
    if layout == "csv":
        yield from _iter_csv_rows(file)
        return
    for number, line in iter_lines(file):
        yield number, line if isinstance(line, InvalidLine) else _parse_json_row(line)


def _parse_json_row(line: bytes) -> dict[str, Any] | InvalidLine:
    try:
        row = json.loads(line)
    except RecursionError:
        return InvalidLine("", TOO_DEEP)
    except ValueError:
        return InvalidLine("", "is no JSON: each line must be one whole JSON object, in UTF-8")
    return row if isinstance(row, dict) else InvalidLine("", "must be an object")


def _iter_csv_rows(file: BinaryIO) -> Iterator[tuple[int, dict[str, Any] | InvalidLine]]:
    csv.field_size_limit(LONGEST_LINE)
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    try:
        yield from _iter_rows_of_reader(csv.DictReader(text, strict=True))
    finally:
        text.detach()  # the file is the caller's to close


def _iter_rows_of_reader(reader: "csv.DictReader[str]") -> Iterator[tuple[int, dict[str, Any] | InvalidLine]]:
    """Iterate over (number of the line, row without empty cells), up to the first broken one."""
    while True:
        try:
            row = next(reader, None)
        except (csv.Error, UnicodeDecodeError) as error:
            yield reader.line_num, InvalidLine("", f"is no CSV in UTF-8 from here on ({type(error).__name__})")
            return
        if row is None:
            return
        yield reader.line_num, {name: value for name, value in row.items() if value not in {"", None}}


def map_row(row: dict[str, Any], mapping: ColumnMapping) -> LogEntry:
    """Convert one row to a request. Raises InvalidLine."""
    request = _map_fields("request", mapping.request, row, mapping)
    if "message" in mapping.request:
        request["conversation"] = [{"role": "customer", "text": _get_value(row, mapping.request["message"])}]
    drafted = _map_candidates(row, str(request.get("id")), mapping)
    line = {"schema": SCHEMA, "request": request, "candidates": drafted, "choice": _map_choice(row, drafted, mapping)}
    try:
        return read_line(dumps(line))
    except RecursionError:
        raise InvalidLine("", TOO_DEEP) from None


def _map_candidates(row: dict[str, Any], request_id: str, mapping: ColumnMapping) -> list[dict[str, Any]]:
    """Map the candidates of a row, from a list or from columns, and complete their ids and positions."""
    if "list" in mapping.candidates:
        found = _get_value(row, mapping.candidates["list"]) or []
        if not isinstance(found, list):
            raise InvalidLine("candidates", f"{mapping.candidates['list']!r} must be a list")
        names = {name: path for name, path in mapping.candidates.items() if name not in {"list", "in_order"}}
        drafted = [_map_listed_candidate(one, names, mapping) for one in found]
    else:
        drafted = _map_candidate_columns(row, mapping)
    for number, candidate in enumerate(drafted):
        candidate.setdefault("id", _build_id(request_id, number))
        if mapping.candidates.get("in_order"):
            candidate.setdefault("position", number + 1)
    return drafted


def _map_listed_candidate(one: Any, names: dict[str, str], mapping: ColumnMapping) -> dict[str, Any]:
    if isinstance(one, dict):
        return _map_fields("candidate", names, one, mapping)
    return {**mapping.constants.get("candidates", {}), "text": one}


def _map_candidate_columns(row: dict[str, Any], mapping: ColumnMapping) -> list[dict[str, Any]]:
    """Map a column for each candidate; rows may have fewer than there are columns."""
    columns: dict[str, Sequence[str]] = {name: path for name, path in mapping.candidates.items() if name != "in_order"}
    found = []
    for number, column in enumerate(columns["text"]):
        if _get_value(row, column) is not None:
            names = {name: paths[number] for name, paths in columns.items() if number < len(paths)}
            found.append(_map_fields("candidate", names, row, mapping))
    return found


def _map_choice(row: dict[str, Any], drafted: list[dict[str, Any]], mapping: ColumnMapping) -> dict[str, Any] | None:
    """Map the choice of a row; None if it is undecided. Raises InvalidLine."""
    choice = _map_fields("choice", mapping.choice, row, mapping)
    if "picked" in mapping.choice:
        picked = _convert("integer", _get_value(row, mapping.choice["picked"]), mapping)
        if picked is None:
            return None
        if not isinstance(picked, int) or not 0 <= picked <= len(drafted):
            raise InvalidLine("choice.picked", f"must be a number from 0 to {len(drafted)}")
        choice["candidate_id"] = drafted[picked - 1]["id"] if picked else None
        text = drafted[picked - 1].get("text") if picked else None
        sent = choice.setdefault("final_text", text) if picked else None
        choice["final_text"] = sent
        choice.setdefault("kind", "dismissed" if not picked else "used" if sent == text else "edited")
    return choice if choice.get("kind") else None


def _map_fields(table: str, names: dict[str, str], row: dict[str, Any], mapping: ColumnMapping) -> dict[str, Any]:
    part = "candidates" if table == "candidate" else table
    found = dict(mapping.constants.get(part, {}))
    for name, path in names.items():
        if (table, name) in _FIELD_TYPES and (
            value := _convert(_FIELD_TYPES[table, name], _get_value(row, path), mapping)
        ) is not None:
            found[name] = value
    return found


def _get_value(row: dict[str, Any], path: str) -> Any:
    """Get the value of this column, or, with dots, of a member within objects."""
    if path in row:
        return row[path]
    value: Any = row
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _convert(kind: str, value: Any, mapping: ColumnMapping) -> Any:
    """Convert a cell to the field's type; one that is none is left for the reader to refuse."""
    if kind == "text" and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        return value
    try:
        return _CONVERTERS[kind](value.strip(), mapping) if kind in _CONVERTERS else value
    except ValueError:
        return value


def _complete_time(text: str, mapping: ColumnMapping) -> str:
    moment = datetime.fromisoformat(text)
    return text if moment.tzinfo or mapping.zone is None else f"{moment.isoformat()}{mapping.zone}"


def _parse_boolean(text: str, _: ColumnMapping) -> bool | str:
    return text.lower() in _TRUE if text.lower() in _TRUE | _FALSE else text


_CONVERTERS: Final[dict[str, Any]] = {
    "integer": lambda text, _: int(text),
    "number": lambda text, _: float(text),
    "boolean": _parse_boolean,
    "time": _complete_time,
    "json": lambda text, _: json.loads(text),
}


def _build_id(request_id: str, number: int) -> str:
    plain = f"{request_id}.{number + 1}"
    return plain if len(plain) <= 64 else str(uuid5(NAMESPACE_OID, plain))
