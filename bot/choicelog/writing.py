"""The choice log as text: one request a line as JSON (`choice-log/1`), or one candidate a line as CSV."""

import csv
import io
import json
import math
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from storage.records import Candidate, Choice, Event, LogEntry, Request
from storage.tables import to_iso

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


def to_json_line(entry: LogEntry) -> str:
    """One line, with its newline, of the choice log."""
    line = {
        "schema": SCHEMA,
        "request": _picked(entry.request, REQUEST_FIELDS),
        "candidates": [_picked(candidate, CANDIDATE_FIELDS) for candidate in entry.candidates],
        "choice": None if entry.choice is None else _picked(entry.choice, CHOICE_FIELDS),
        "events": [_picked(event, EVENT_FIELDS) for event in entry.events],
    }
    return json.dumps(line, ensure_ascii=False) + "\n"


def csv_header() -> str:
    return _csv([CSV_HEADER])


def to_csv_lines(entry: LogEntry) -> str:
    """A row a candidate, with its request's and its choice's columns repeated; one row where there is no candidate.

    Texts that a spreadsheet would run as formulas (they begin with =, +, - or @, full-width ones too, with a tab or a
    line end) get a leading apostrophe. Events are in the JSON Lines form only.
    """
    request = _cells(_picked(entry.request, REQUEST_FIELDS))
    choice = _cells(_picked(entry.choice, CHOICE_FIELDS)) if entry.choice else [""] * len(CHOICE_FIELDS)
    rows = [_cells(_picked(candidate, CANDIDATE_FIELDS)) for candidate in entry.candidates]
    return _csv([*request, *row, *choice] for row in rows or [[""] * len(CANDIDATE_FIELDS)])


def _picked(record: Request | Candidate | Choice | Event, names: Iterable[str]) -> dict[str, Any]:
    return {name: _plain(getattr(record, name)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return to_iso(value)
    if isinstance(value, tuple):
        return [{"role": item.role, "text": item.text} if hasattr(item, "role") else item for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None  # JSON has no word for it
    return value


def _cells(values: dict[str, Any]) -> list[str]:
    return [_cell(value) for value in values.values()]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA_STARTS) else text


def _csv(rows: Iterable[Iterable[str]]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerows(rows)
    return written.getvalue()
