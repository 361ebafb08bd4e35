"""The choice log as text: one request a line as JSON (`choice-log/1`), or one candidate a line as CSV.

A million requests have a hundred million cells. So each column has its own way of writing a cell, made once, and what
comes again and again, as styles and models do, is written once and remembered.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from json.encoder import encode_basestring
from typing import Any, Final

from storage.queries.export_rows import Fields, Kind, RawEntry, Row, kinds, to_raw
from storage.records import LogEntry

SCHEMA: Final = "choice-log/1"

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")  # noqa: RUF001

REQUEST_FIELDS: Final = (
    "id", "team_id", "channel_id", "thread_ts", "agent_id", "surface", "locale", "created_at", "shown_at", "status",
    "hint", "k_requested", "prompt_version", "ranker_version", "policy", "policy_params", "order_propensity",
    "parent_request_id", "parent_candidate_id", "steer", "steer_language", "simulated", "app_version", "conversation",
)  # fmt: skip
CANDIDATE_FIELDS: Final = (
    "id", "sample_index", "position", "style", "model", "model_returned", "temperature", "text", "error",
    "dropped_reason", "duplicate_of", "shown_at", "latency_ms", "attempts", "finish_reason", "prompt_tokens",
    "completion_tokens", "mean_logprob", "score", "first_propensity", "inclusion_propensity", "sources",
)  # fmt: skip
CHOICE_FIELDS: Final = (
    "id", "kind", "candidate_id", "final_text", "reason", "edit_similarity", "agent_id", "chosen_at", "decision_ms",
    "visible_candidate_ids", "retracted_at",
)  # fmt: skip
EVENT_FIELDS: Final = ("type", "at", "agent_id", "candidate_id", "data")

CSV_HEADER: Final = (
    *(f"request_{name}" for name in REQUEST_FIELDS),
    *(f"candidate_{name}" for name in CANDIDATE_FIELDS),
    *(f"choice_{name}" for name in CHOICE_FIELDS),
)


FIELDS: Final = Fields(request=REQUEST_FIELDS, candidate=CANDIDATE_FIELDS, choice=CHOICE_FIELDS, event=EVENT_FIELDS)

CSV_FIELDS: Final = replace(FIELDS, event=())
"""Events are in the other forms only."""

# Hardly one is like another: to remember them would only cost.
_UNIQUE: Final = frozenset(
    {"id", "candidate_id", "parent_request_id", "duplicate_of", "hint", "conversation", "text", "final_text"}
    | {"created_at", "chosen_at", "visible_candidate_ids"}
)
_REMEMBERED: Final = 4096

Cell = Callable[[Any], str]


class _Remembered(dict[Any, str]):
    """What a cell was written as, for the values met last."""

    def __init__(self, write: Cell) -> None:
        self._write = write

    def __missing__(self, value: Any) -> str:
        if len(self) >= _REMEMBERED:
            self.clear()
        written = self._write(value)
        if value != 0:  # 0.0 and -0.0 are the same key, and are written differently
            self[value] = written
        return written


def _cells(table: str, names: Sequence[str], writer: Callable[[str, Kind], Cell]) -> list[Cell]:
    found: list[Cell] = []
    for name, kind in zip(names, kinds(table, names), strict=True):
        write = writer(name, kind)
        found.append(write if name in _UNIQUE else _Remembered(write).__getitem__)
    return found


dumps: Final = json.JSONEncoder(ensure_ascii=False).encode
"""JSON as it stands in exports: letters as they are."""


class JsonLines:
    """Requests as lines of JSON."""

    def __init__(self) -> None:
        self._request = _cells("request", REQUEST_FIELDS, _json_member)
        self._candidate = _cells("candidate", CANDIDATE_FIELDS, _json_member)
        self._choice = _cells("choice", CHOICE_FIELDS, _json_member)
        self._event = _cells("event", EVENT_FIELDS, _json_member)

    def line(self, raw: RawEntry) -> str:
        """One line, with its newline."""
        request = _object(self._request, raw.request)
        drafted = ", ".join([_object(self._candidate, row) for row in raw.candidates])
        choice = "null" if raw.choice is None else _object(self._choice, raw.choice)
        happened = ", ".join([_object(self._event, row) for row in raw.events])
        return (
            f'{{"schema": "{SCHEMA}", "request": {request}, "candidates": [{drafted}], "choice": {choice}, '
            f'"events": [{happened}]}}\n'
        )


def _object(cells: list[Cell], row: Row) -> str:
    # strict=False: rows end in their request's id
    return "{" + ", ".join([cell(value) for cell, value in zip(cells, row, strict=False)]) + "}"


def _json_member(name: str, kind: Kind) -> Cell:
    start = f'"{name}": '
    write = _JSON[kind]
    return lambda value: start + ("null" if value is None else write(value))


def _json_number(value: float) -> str:
    return repr(float(value)) if math.isfinite(value) else "null"  # JSON has no word for it


_JSON: Final[dict[Kind, Cell]] = {
    "text": encode_basestring,
    "time": encode_basestring,
    "integer": str,
    "number": _json_number,
    "boolean": lambda value: "true" if value else "false",
    "json": lambda value: dumps(json.loads(value)),
}


class Csv:
    """Requests as rows of CSV, one for each candidate, with its request's and its choice's columns repeated; one row
    where there is no candidate. Events are in the JSON Lines form only.
    """

    def __init__(self, *, text: Cell) -> None:
        """`text` writes a text that is not null."""
        self._text = text
        self._request = _cells("request", REQUEST_FIELDS, self._cell)
        self._candidate = _cells("candidate", CANDIDATE_FIELDS, self._cell)
        self._choice = _cells("choice", CHOICE_FIELDS, self._cell)

    @classmethod
    def for_spreadsheets(cls) -> "Csv":
        """Texts that a spreadsheet would run as formulas (they begin with =, +, - or @, full-width ones too, with a tab
        or a line end) get a leading apostrophe.
        """
        return cls(text=_harmless)

    @classmethod
    def as_it_is(cls) -> "Csv":
        """Texts to the letter: not to be opened in a spreadsheet."""
        return cls(text=_quoted)

    @staticmethod
    def header() -> str:
        return ",".join(CSV_HEADER) + "\r\n"

    def rows(self, raw: RawEntry) -> str:
        """The lines of one request, with their ends."""
        before = ",".join([cell(value) for cell, value in zip(self._request, raw.request, strict=False)]) + ","
        after = "," + _NO_CHOICE
        if raw.choice is not None:
            after = "," + ",".join([cell(value) for cell, value in zip(self._choice, raw.choice, strict=False)])
        after += "\r\n"
        cells = self._candidate
        drafted = [",".join([cell(value) for cell, value in zip(cells, row, strict=False)]) for row in raw.candidates]
        return "".join([before + row + after for row in drafted or [_NO_CANDIDATE]])

    def _cell(self, _: str, kind: Kind) -> Cell:
        write = self._text if kind == "text" else _CSV[kind]
        return lambda value: "" if value is None else write(value)


_NO_CANDIDATE: Final = "," * (len(CANDIDATE_FIELDS) - 1)
_NO_CHOICE: Final = "," * (len(CHOICE_FIELDS) - 1)


def _quoted(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


def _harmless(value: str) -> str:
    if value.startswith(_FORMULA_STARTS):
        value = f"'{value}"
    return '"' + value.replace('"', '""') + '"'


_CSV: Final[dict[Kind, Cell]] = {
    "time": str,
    "integer": str,
    "number": lambda value: repr(float(value)) if math.isfinite(value) else "",
    "boolean": _JSON["boolean"],
    "json": _quoted,
}


def to_json_line(entry: LogEntry) -> str:
    """One line, with its newline, of the choice log."""
    return JsonLines().line(to_raw(entry, FIELDS))


def csv_header() -> str:
    return Csv.header()


def to_csv_lines(entry: LogEntry) -> str:
    """The rows of one request, for spreadsheets."""
    return Csv.for_spreadsheets().rows(to_raw(entry, FIELDS))
