"""docs/report.schema.json, as it follows from the records of `bot/reporting/report.py`."""

import json
from dataclasses import is_dataclass
from datetime import date, datetime
from typing import Any, Final, get_args, get_origin

from bot.reporting.report import SCHEMA, Report
from storage.fields import INTEGER_MAX, RecordField, list_fields

TIME: Final = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"}
DAY: Final = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"}
TYPES: Final[dict[Any, dict[str, Any]]] = {
    str: {"type": "string"},
    int: {"type": "integer", "minimum": 0},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    datetime: TIME,
    date: DAY,
}
LIMITS: Final = {"ge": "minimum", "le": "maximum", "min_length": "minItems", "max_length": "maxItems"}


def render_report_schema(_: str) -> str:
    """Make docs/report.schema.json."""
    definitions: dict[str, Any] = {}
    report = _describe_record(Report, definitions)
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{SCHEMA}: what `suggest report --json` prints. Fields may be added, never renamed or removed.",
        "$defs": dict(sorted(definitions.items())),
        **report,
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _describe_record(record: type, definitions: dict[str, Any]) -> dict[str, Any]:
    """Describe a record; those in its fields become definitions."""
    found = list_fields(record)
    return {
        "description": " ".join((record.__doc__ or "").split()),
        "type": "object",
        "required": [field.name for field in found],
        "additionalProperties": False,
        "properties": {field.name: _describe_field(field, definitions) for field in found},
    }


def _describe_field(field: RecordField, definitions: dict[str, Any]) -> dict[str, Any]:
    described = {**_describe_kind(field.kind, definitions), **_list_limits(field)}
    if not field.is_nullable:
        return described
    if "type" in described:
        return {**described, "type": [described["type"], "null"]}
    return {"anyOf": [described, {"type": "null"}]}


def _describe_kind(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    if words := get_args(kind) if get_origin(kind) not in {tuple, None} else ():
        return {"enum": list(words)}
    if get_origin(kind) is tuple:
        return {"type": "array", "items": _describe_kind(get_args(kind)[0], definitions)}
    if is_dataclass(kind) and isinstance(kind, type):
        if kind.__name__ not in definitions:
            definitions[kind.__name__] = _describe_record(kind, definitions)
        return {"$ref": f"#/$defs/{kind.__name__}"}
    return TYPES[kind]


def _list_limits(field: RecordField) -> dict[str, Any]:
    limits = {name: field.get_limit(limit) for limit, name in LIMITS.items()}
    return {name: limit for name, limit in limits.items() if limit not in {None, INTEGER_MAX}}
