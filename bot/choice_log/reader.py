"""One line of the choice log (`choice-log/1`) as records again, checked. Fields that are not known are passed over.

Required are the ids, who asked and when, and the conversation. What else is missing gets a documented value.
A refusal names the field, what is wrong with it and what would be right; it never quotes what people wrote.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import MISSING, fields
from typing import Any, Final, Literal, NotRequired, cast
from uuid import NAMESPACE_OID, uuid5

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config
from pydantic_core import ErrorDetails
from typing_extensions import TypedDict  # Pydantic wants this one before Python 3.12

from bot.choice_log.fields import SCHEMA
from bot.text_limits import clean
from storage.fields import list_logged
from storage.records import Candidate, Choice, Event, LogEntry, Request

UNKNOWN: Final = "unknown"
"""Stands for a style, a model, a version that an import does not tell."""

TOO_DEEP: Final = "is nested too deep: no request is"


class InvalidLine(ValueError):  # noqa: N818 - it is told, and the reading goes on
    """A line that is no request of the choice log.

    `field` is the place, as `candidates[0].text`; empty for the whole line.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


_DEFAULTS: Final[dict[type, dict[str, Any]]] = {
    Request: {
        "team_id": "import",
        "channel_id": "import",
        "surface": "import",
        "locale": "en-US",
        "k_requested": None,
        "prompt_version": UNKNOWN,
        "policy": "unlogged",
        "app_version": UNKNOWN,
    },
    Candidate: {"sample_index": None, "style": UNKNOWN, "model": UNKNOWN},
    Choice: dict.fromkeys(("id", "candidate_id", "final_text", "agent_id", "decision_ms", "visible_candidate_ids")),
    Event: {},
}
"""What stands for fields that a line lacks, although a record must have them; None also where the others tell it."""


def _build_part(record: type) -> Any:
    """Build the check of one part of a line: the fields of its record with their types, as declared there."""
    required = {each.name for each in fields(record) if each.default is MISSING and each.default_factory is MISSING}
    checks: dict[str, Any] = {}
    for field in list_logged(record):
        hint = None if field.logged and field.logged.is_blank else field.hint
        checks[field.name] = hint if field.name in required - _DEFAULTS[record].keys() else NotRequired[hint]
    return with_config(_CONFIG)(cast("Any", TypedDict)(record.__name__, checks))


_CONFIG: Final = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)
_PARTS: Final[Any] = {record: _build_part(record) for record in _DEFAULTS}

_LINE: Final[TypeAdapter[dict[str, Any]]] = TypeAdapter(
    with_config(_CONFIG)(
        cast("Any", TypedDict)(
            "Line",
            {
                "schema": Literal["choice-log/1"],
                "request": _PARTS[Request],
                "candidates": list[_PARTS[Candidate]],
                "choice": NotRequired[_PARTS[Choice] | None],
                "events": NotRequired[list[_PARTS[Event]]],
            },
        )
    )
)

# What the quick reader takes, or refuses in words of its own: such lines are read twice.
_NEEDS_CLEANING: Final = re.compile(rb"NaN|Infinity|\\u0000|\\u[dD][89a-fA-F]")


def read_line(line: bytes | str) -> LogEntry:
    """Parse and check one line. NULs and half characters are taken out of texts. Raises InvalidLine."""
    raw = line.encode("utf-8", "surrogatepass") if isinstance(line, str) else line
    if _NEEDS_CLEANING.search(raw):
        raw = _clean_line(raw)
    try:
        parts = _LINE.validate_json(raw)
    except ValidationError as error:
        raise _to_invalid_line(error.errors(include_url=False)[0], raw) from None
    entry = _build_entry(parts)
    _check(entry)
    return entry


def _clean_line(raw: bytes) -> bytes:
    try:
        value = json.loads(raw, parse_constant=_refuse_constant)
        return json.dumps(_clean_texts(value), ensure_ascii=False).encode()
    except InvalidLine:
        raise
    except RecursionError:
        raise InvalidLine("", TOO_DEEP) from None
    except ValueError:
        raise _to_json_error(raw) from None


def _refuse_constant(name: str) -> None:
    raise InvalidLine("", f"has {name} in it, which is no number in JSON: write null")


def _clean_texts(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_clean_texts(item) for item in value]
    if isinstance(value, dict):
        return {clean(name): _clean_texts(item) for name, item in value.items()}
    return value


def _build_entry(parts: dict[str, Any]) -> LogEntry:
    """Build the records of a line; what it leaves out is filled in."""
    drafted = [
        Candidate(**{**_DEFAULTS[Candidate], "sample_index": number, **part, "request_id": parts["request"]["id"]})
        for number, part in enumerate(parts["candidates"])
    ]
    status = "shown" if any(candidate.position for candidate in drafted) else "failed"
    request = Request(**{**_DEFAULTS[Request], "status": status, "k_requested": len(drafted), **parts["request"]})
    choice = parts.get("choice")
    return LogEntry(
        request=request,
        candidates=tuple(sorted(drafted, key=lambda candidate: candidate.sample_index)),
        choice=None if choice is None else _build_choice(request, drafted, choice),
        events=tuple(Event(request_id=request.id, **part) for part in parts.get("events", ())),
    )


def _build_choice(request: Request, drafted: Sequence[Candidate], part: dict[str, Any]) -> Choice:
    placed = sorted((one.position, one.id) for one in drafted if one.position is not None)
    told = {
        "id": str(uuid5(NAMESPACE_OID, f"choice-log/1 {request.id}")),  # the same each time that the file is read
        "agent_id": request.agent_id,
        "visible_candidate_ids": tuple([candidate_id for _, candidate_id in placed]),
    }
    return Choice(**{**_DEFAULTS[Choice], **told, **part, "request_id": request.id})


def _check(entry: LogEntry) -> None:
    """Check what must hold between the fields. Raises InvalidLine."""
    ids = {candidate.id for candidate in entry.candidates}
    positions = [candidate.position for candidate in entry.candidates if candidate.position is not None]
    if len(ids) < len(entry.candidates):
        raise InvalidLine("candidates", "two have the same id: each needs its own")
    if len({candidate.sample_index for candidate in entry.candidates}) < len(ids):
        raise InvalidLine("candidates", "two have the same sample_index: each needs its own")
    if len(set(positions)) < len(positions):
        raise InvalidLine("candidates", "two have the same position: each place holds one")
    for number, candidate in enumerate(entry.candidates):
        if candidate.position is not None and (candidate.error or candidate.dropped_reason):
            raise InvalidLine(f"candidates[{number}].position", "must be null, since it failed or was dropped")
    if entry.choice is not None:
        _check_choice(entry.choice, ids)
    _check_numbers(entry)


def _check_choice(choice: Choice, ids: set[str]) -> None:
    if choice.kind in {"dismissed", "tied"}:
        if choice.candidate_id is not None:
            raise InvalidLine("choice.candidate_id", f"must be null, since the choice is {choice.kind}")
        if choice.kind == "tied" and choice.final_text is not None:
            raise InvalidLine("choice.final_text", "must be null, since the choice is tied")
    elif choice.candidate_id not in ids:
        raise InvalidLine("choice.candidate_id", f"must be the id of one of the candidates, since it was {choice.kind}")
    if choice.kind != "dismissed" and choice.reason is not None:
        raise InvalidLine("choice.reason", "must be null, since the choice is not dismissed")
    if not ids.issuperset(choice.visible_candidate_ids):
        raise InvalidLine("choice.visible_candidate_ids", "must be ids of the candidates")


def _check_numbers(entry: LogEntry) -> None:
    """Refuse numbers that JSON cannot write, such as 1e999, in free-form parts."""
    parts: list[tuple[str, object]] = [
        (f"request.{name}", getattr(entry.request, name)) for name in ("policy_params", "input", "retrieved")
    ]
    parts += [(f"candidates[{n}].sources", candidate.sources) for n, candidate in enumerate(entry.candidates)]
    parts += [(f"events[{n}].data", event.data) for n, event in enumerate(entry.events)]
    for field, value in parts:
        if value:
            try:
                json.dumps(value, allow_nan=False)
            except ValueError:
                raise InvalidLine(field, "has a number in it that is too large: write null") from None


_REASONS: Final = {
    "missing": "is missing",
    "string_type": "must be a text",
    "string_too_short": "must not be empty",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a number that JSON can write",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be an object",
    "typed_dict_type": "must be an object",
    "dataclass_type": "must be an object",
    "none_required": "must be null: a choice that was taken back is in the event undone",
}  # fmt: skip


def _to_json_error(raw: bytes) -> InvalidLine:
    if raw.lstrip().startswith(b"{") and not raw.rstrip().endswith(b"}"):
        return InvalidLine("", "is cut off: it ends before its JSON object does")
    return InvalidLine("", "is no JSON: each line must be one whole JSON object, in UTF-8")


def _to_invalid_line(error: ErrorDetails, raw: bytes) -> InvalidLine:
    if error["type"] == "json_invalid":
        is_too_deep = "recursion" in str(error.get("ctx"))
        return InvalidLine("", TOO_DEEP) if is_too_deep else _to_json_error(raw)
    field = ""
    for step in error["loc"]:
        field += f"[{step}]" if isinstance(step, int) else f".{step}" if field else str(step)
    if field == "schema":
        return InvalidLine(field, _describe_schema(error))
    return InvalidLine(field, _describe_error(error["type"], error.get("ctx", {})))


def _describe_schema(error: ErrorDetails) -> str:
    if error["type"] == "missing":
        return f'is missing: a line of a choice log begins with {{"schema": "{SCHEMA}"'
    found = error["input"]
    described = repr(found[:40]) if isinstance(found, str) else "something else"
    return f"is not {SCHEMA} but {described}; this program reads {SCHEMA} only"


def _describe_error(kind: str, context: dict[str, Any]) -> str:
    if kind == "literal_error":
        return f"must be one of {context['expected'].replace(' or ', ', ')}"
    if kind == "string_too_long":
        return f"must have at most {context['max_length']} characters"
    if kind in {"greater_than_equal", "less_than_equal"}:
        bound = "at least" if kind.startswith("greater") else "at most"
        return f"must be {bound} {context.get('ge', context.get('le'))}"
    if kind.startswith(("datetime", "timezone", "value_error")):
        return "must be a time with its zone, like 2026-11-22T10:00:00.000Z"
    return _REASONS.get(kind, "is not what the schema says")
