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
from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
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

_FIELD_TYPES: Final = {
    part: dict(zip(names, list_field_types(table, names), strict=True))
    for part, table, names in (
        ("request", "request", REQUEST_FIELDS),
        ("candidates", "candidate", CANDIDATE_FIELDS),
        ("choice", "choice", CHOICE_FIELDS),
    )
}
_OTHERS: Final = {"request": {"message"}, "candidates": {"list", "in_order"}, "choice": {"picked"}}
"""What a part of a mapping may have besides the fields."""

_TRUE: Final = {"true", "yes", "1"}
_FALSE: Final = {"false", "no", "0"}


def _check_column(value: object) -> object:
    if isinstance(value, str | bool) or (isinstance(value, list) and all(isinstance(each, str) for each in value)):
        return value
    raise ValueError("{key} of {title} must be a column in quotes, or a list of columns, not {kind}")


class ColumnMapping(TomlTable):
    """The column of each field of the choice log, and constants for others."""

    zone: StrictStr | None = None
    request: dict[str, StrictStr] = Field(default_factory=dict)
    candidates: dict[str, Annotated[Any, BeforeValidator(_check_column)]] = Field(default_factory=dict)
    choice: dict[str, StrictStr] = Field(default_factory=dict)
    constants: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def from_toml(cls, text: str, *, source: str) -> Self:
        """Parse and check a mapping. Raises TomlError."""
        file = TomlFile(source, text, title="the map")
        mapping = file.read(cls)
        _check_fields(mapping, file)
        return mapping

    @cached_property
    def constants_by_part(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {part: {} for part in _FIELD_TYPES}
        for path, value in self.constants.items():
            part, _, name = path.partition(".")
            found[part][name] = value
        return found


def _check_fields(mapping: ColumnMapping, file: TomlFile) -> None:
    """Check the fields. Raises TomlError for unknown ones, and for missing ones."""
    paths = [("constants", path, path) for path in mapping.constants]
    paths += [(part, name, f"{part}.{name}") for part in _FIELD_TYPES for name in getattr(mapping, part)]
    for table, key, path in paths:
        part, _, name = path.partition(".")
        if part not in _FIELD_TYPES or name not in _FIELD_TYPES[part].keys() | _OTHERS[part]:
            raise file.build_error((table, key), f"{path} is no field: docs/choice-log.md has them all")
    for name in ("id", "agent_id", "created_at"):
        if name not in mapping.request.keys() | mapping.constants_by_part["request"].keys():
            raise file.build_error(("request",), f'no column is request.{name}: add {name} = "…" to [request]')
    if not {"message", "conversation"} & mapping.request.keys():
        raise file.build_error(("request",), 'no column is request.message: add message = "…" to [request]')
    if "list" not in mapping.candidates and not isinstance(mapping.candidates.get("text"), list):
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
    """Iterate over (number of the line, row without empty cells), up to the first broken one."""
    csv.field_size_limit(LONGEST_LINE)
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    reader = csv.DictReader(text, strict=True)
    try:
        for row in reader:
            yield reader.line_num, {name: value for name, value in row.items() if value not in {"", None}}
    except (csv.Error, UnicodeDecodeError) as error:
        yield reader.line_num, InvalidLine("", f"is no CSV in UTF-8 from here on ({type(error).__name__})")
    finally:
        text.detach()  # the file is the caller's to close


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
    columns = {name: path for name, path in mapping.candidates.items() if name not in {"list", "in_order"}}
    if "list" in mapping.candidates:
        found = _get_value(row, mapping.candidates["list"]) or []
        if not isinstance(found, list):
            raise InvalidLine("candidates", f"{mapping.candidates['list']!r} must be a list")
        drafted = [_map_listed_candidate(one, columns, mapping) for one in found]
    else:  # rows may have fewer candidates than there are columns
        drafted = [
            _map_fields(
                "candidates", {name: paths[n] for name, paths in columns.items() if n < len(paths)}, row, mapping
            )
            for n, column in enumerate(columns["text"])
            if _get_value(row, column) is not None
        ]
    for number, candidate in enumerate(drafted):
        candidate.setdefault("id", _build_id(request_id, number))
        if mapping.candidates.get("in_order"):
            candidate.setdefault("position", number + 1)
    return drafted


def _map_listed_candidate(one: Any, names: dict[str, str], mapping: ColumnMapping) -> dict[str, Any]:
    if isinstance(one, dict):
        return _map_fields("candidates", names, one, mapping)
    return {**mapping.constants_by_part["candidates"], "text": one}


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


def _map_fields(part: str, names: dict[str, str], row: dict[str, Any], mapping: ColumnMapping) -> dict[str, Any]:
    types = _FIELD_TYPES[part]
    values = {
        name: _convert(types[name], _get_value(row, path), mapping) for name, path in names.items() if name in types
    }
    told = {name: value for name, value in values.items() if value is not None}
    return {**mapping.constants_by_part[part], **told}


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
