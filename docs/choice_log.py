"""The parts of docs/choice-log.md and docs/choice-log.schema.json that follow from `storage/records.py`."""

import json
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, get_args, get_origin

from bot.choice_log.fields import SCHEMA
from storage.fields import INTEGER_MAX, RecordField, list_fields, list_logged
from storage.records import Candidate, Choice, Event, Request, Turn

PARTS: Final = {"request": Request, "candidates": Candidate, "choice": Choice, "events": Event}

TYPES: Final[dict[Any, tuple[str, dict[str, Any]]]] = {
    str: ("text", {"type": "string"}),
    int: ("integer", {"type": "integer"}),
    float: ("number", {"type": "number"}),
    bool: ("boolean", {"type": "boolean"}),
    datetime: ("time", {"$ref": "#/$defs/time"}),
    dict: ("object", {"type": "object"}),
    tuple: ("list", {"type": "array"}),
}
"""Each type's word in the tables, and its schema."""

ID: Final = {"type": "string", "minLength": 1, "maxLength": 64}
ID_LIMITS: Final = {"min_length": "minLength", "max_length": "maxLength"}
TIME: Final = {"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"}


def render_schema(_: str) -> str:
    """Make docs/choice-log.schema.json."""
    return json.dumps(build_schema(), indent=2, ensure_ascii=False) + "\n"


def build_schema() -> dict[str, Any]:
    """Build the JSON Schema of a line of the choice log."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA,
        "description": "One line of the choice log, as `suggest export --format jsonl` writes it. Fields may be added; "
        "docs/choice-log.md tells what each means.",
        "type": "object",
        "required": ["schema", *PARTS],
        "properties": {
            "schema": {"const": SCHEMA},
            "request": _refer("request"),
            "candidates": {"type": "array", "items": _refer("candidate")},
            "choice": {"anyOf": [_refer("choice"), {"type": "null"}]},
            "events": {"type": "array", "items": _refer("event")},
        },
        "$defs": {
            "id": ID,
            "time": TIME,
            "turn": _describe_object(list_fields(Turn)),
            **{record.__name__.lower(): _describe_object(list_logged(record)) for record in PARTS.values()},
        },
    }


def _refer(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


def _describe_object(found: list[RecordField]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": [field.name for field in found if not (field.logged and field.logged.is_new)],
        "properties": {field.name: _describe_field(field) for field in found},
    }


def _describe_field(field: RecordField) -> dict[str, Any]:
    if field.logged and field.logged.is_blank:
        return {"type": "null"}
    if field.words:
        return {"enum": [*([None] if field.is_nullable else []), *field.words]}
    described = dict(_describe_type(field.kind, is_id=_has_limits_of_id(field)))
    for limit, name in (("ge", "minimum"), ("le", "maximum")):
        if (value := field.get_limit(limit)) not in {None, INTEGER_MAX}:  # how large a column is, is no one's business
            described[name] = value
    if not field.is_nullable:
        return described
    if "$ref" in described:
        return {"anyOf": [described, {"type": "null"}]}
    return {**described, "type": [described["type"], "null"]}


def _has_limits_of_id(field: RecordField) -> bool:
    return all(field.get_limit(name) == ID[limit] for name, limit in ID_LIMITS.items())


def _describe_type(kind: Any, *, is_id: bool) -> dict[str, Any]:
    if kind is str and is_id:
        return _refer("id")
    if get_origin(kind) is tuple and (item := get_args(kind)[0]) is not Any:
        return {"type": "array", "items": _refer("turn" if item is Turn else "id")}
    return TYPES[get_origin(kind) or kind][1]


def build_field_table(record: type) -> list[str]:
    """Build the table of a part's fields."""
    rows = []
    for field in list_logged(record):
        assert field.logged is not None
        word = "text" if field.words else TYPES[get_origin(field.kind) or field.kind][0]
        rows.append(f"| `{field.name}` | {word} | {field.logged.null} | {field.logged.meaning} |")
    return ["| field | type | null | meaning |", "|---|---|---|---|", *rows]


def build_vocabulary_table() -> list[str]:
    """Build the table of the words that fields take; those of an event's type have a table of their own."""
    found = [field for record in (Request, Turn, Candidate, Choice) for field in list_fields(record)]
    rows = [
        f"| `{field.name}` | {', '.join(f'`{word}`' for word in field.words)} |"
        for field in found
        if field.words and (field.logged or field.name == "role")
    ]
    return ["| field | values |", "|---|---|", *rows]


def render_choice_log(text: str) -> str:
    """Put the tables into docs/choice-log.md, each as the first one under its heading."""
    for heading, record in PARTS.items():
        text = _replace_table(text, heading, build_field_table(record))
    return _replace_table(text, "Vocabularies", build_vocabulary_table())


def _replace_table(text: str, heading: str, table: Iterable[str]) -> str:
    start = text.index(f"\n## {heading}\n")
    before, after = text[:start], text[start:]
    return before + re.sub(r"(?:^\|.*\n)+", lambda _: "\n".join(table) + "\n", after, count=1, flags=re.MULTILINE)
