"""One line of the choice log (`choice-log/1`) as records again, checked. Fields that are not known are passed over.

Required are the ids, who asked and when, and the conversation. What else is missing gets a documented value.
A refusal names the field, what is wrong with it and what would be right; it never quotes what people wrote.
"""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, NotRequired, Required
from uuid import NAMESPACE_OID, uuid5

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, TypeAdapter, ValidationError, with_config
from pydantic_core import ErrorDetails
from typing_extensions import TypedDict  # Pydantic wants this one before Python 3.12

from bot.choice_log.fields import SCHEMA
from bot.text_limits import clean
from storage.records import (
    Candidate,
    Choice,
    ChoiceKind,
    DismissReason,
    DraftError,
    DroppedReason,
    Event,
    EventType,
    LogEntry,
    Policy,
    Request,
    Role,
    Status,
    Steer,
    Surface,
    Turn,
)

UNKNOWN: Final = "unknown"
"""Stands for a style, a model, a version that an import does not tell."""


class InvalidLine(ValueError):  # noqa: N818 - it is told, and the reading goes on
    """A line that is no request of the choice log.

    `field` is the place, as `candidates[0].text`; empty for the whole line.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


def _normalise_time(moment: datetime) -> datetime:
    """Convert to UTC, to the millisecond: as precise as it is kept."""
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise ValueError from None
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


_Id = Annotated[str, Field(min_length=1, max_length=64)]
_Name = Annotated[str, Field(max_length=64)]
_Short = Annotated[str, Field(max_length=32)]
_Time = Annotated[AwareDatetime, AfterValidator(_normalise_time)]
_Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
_Place = Annotated[int, Field(ge=1, le=2**31 - 1)]
_Number = Annotated[float, Field(allow_inf_nan=False)]
_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]

_CONFIG: Final = ConfigDict(strict=True, extra="ignore")


class _TurnDict(TypedDict):
    role: Role
    text: str


class _RequestDict(TypedDict, total=False):
    id: Required[_Id]
    team_id: _Id
    channel_id: _Id
    thread_ts: _Short | None
    agent_id: Required[_Id]
    surface: Surface
    locale: Annotated[str, Field(min_length=1, max_length=16)]
    created_at: Required[_Time]
    shown_at: _Time | None
    status: Status
    hint: str | None
    k_requested: _Count
    prompt_version: _Name
    ranker_version: _Name | None
    policy: Policy
    policy_params: dict[str, Any]
    order_propensity: _Share | None
    parent_request_id: _Id | None
    parent_candidate_id: _Id | None
    steer: Steer | None
    steer_language: Annotated[str, Field(min_length=1, max_length=16)] | None
    simulated: bool
    app_version: _Short
    conversation: Required[list[_TurnDict]]


class _CandidateDict(TypedDict, total=False):
    id: Required[_Id]
    sample_index: _Count
    position: _Place | None
    style: _Name
    model: str
    model_returned: str | None
    temperature: _Number | None
    text: str | None
    error: DraftError | None
    dropped_reason: DroppedReason | None
    duplicate_of: _Id | None
    shown_at: _Time | None
    latency_ms: _Count | None
    attempts: _Count
    finish_reason: str | None
    prompt_tokens: _Count | None
    completion_tokens: _Count | None
    mean_logprob: _Number | None
    score: _Number | None
    first_propensity: _Share | None
    inclusion_propensity: _Share | None
    sources: list[Any]


class _ChoiceDict(TypedDict, total=False):
    id: _Id
    kind: Required[ChoiceKind]
    candidate_id: _Id | None
    final_text: str | None
    reason: DismissReason | None
    edit_similarity: _Share | None
    agent_id: _Id
    chosen_at: Required[_Time]
    decision_ms: _Count | None
    visible_candidate_ids: list[_Id]
    retracted_at: None


class _EventDict(TypedDict, total=False):
    type: Required[EventType]
    at: Required[_Time]
    agent_id: _Id | None
    candidate_id: _Id | None
    data: dict[str, Any]


@with_config(_CONFIG)
class _LineDict(TypedDict):
    schema: Literal["choice-log/1"]
    request: _RequestDict
    candidates: list[_CandidateDict]
    choice: NotRequired[_ChoiceDict | None]
    events: NotRequired[list[_EventDict]]


for _part in (_TurnDict, _RequestDict, _CandidateDict, _ChoiceDict, _EventDict):
    with_config(_CONFIG)(_part)

_LINE: Final = TypeAdapter(_LineDict)

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
    except (ValueError, RecursionError) as error:
        if isinstance(error, InvalidLine):
            raise
        raise _to_json_error(raw) from None
    return json.dumps(_clean_texts(value), ensure_ascii=False).encode()


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


def _build_entry(parts: _LineDict) -> LogEntry:
    drafted = tuple(
        _build_candidate(parts["request"]["id"], number, part) for number, part in enumerate(parts["candidates"])
    )
    request = _complete_request(parts["request"], drafted)
    return LogEntry(
        request=request,
        candidates=tuple(sorted(drafted, key=lambda candidate: candidate.sample_index)),
        choice=_build_choice(request, drafted, parts.get("choice")),
        events=tuple(Event(request_id=request.id, **part) for part in parts.get("events", ())),
    )


def _complete_request(part: _RequestDict, drafted: Sequence[Candidate]) -> Request:
    """Build the request of a line; what it leaves out is filled in: status and K from its candidates, else defaults."""
    given: dict[str, Any] = {
        "team_id": "import",
        "channel_id": "import",
        "surface": "import",
        "locale": "en-US",
        "status": "shown" if any(candidate.position for candidate in drafted) else "failed",
        "k_requested": len(drafted),
        "prompt_version": UNKNOWN,
        "policy": "unlogged",
        "app_version": UNKNOWN,
        **part,
    }
    given["conversation"] = tuple([Turn(role=turn["role"], text=turn["text"]) for turn in part["conversation"]])
    return Request(**given)


def _build_candidate(request_id: str, number: int, part: _CandidateDict) -> Candidate:
    given: dict[str, Any] = {"sample_index": number, "style": UNKNOWN, "model": UNKNOWN, **part}
    given["sources"] = tuple(given.get("sources", ()))
    return Candidate(request_id=request_id, **given)


def _build_choice(request: Request, drafted: Sequence[Candidate], part: _ChoiceDict | None) -> Choice | None:
    if part is None:
        return None
    given: dict[str, Any] = {
        "candidate_id": None,
        "final_text": None,
        "agent_id": request.agent_id,
        "decision_ms": None,
        **part,
    }
    if "id" not in given:  # the same each time that the file is read
        given["id"] = str(uuid5(NAMESPACE_OID, f"choice-log/1 {request.id}"))
    if "visible_candidate_ids" in given:
        given["visible_candidate_ids"] = tuple(given["visible_candidate_ids"])
    else:
        placed = sorted((one.position, one.id) for one in drafted if one.position is not None)
        given["visible_candidate_ids"] = tuple([candidate_id for _, candidate_id in placed])
    return Choice(request_id=request.id, **given)


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
    if choice.kind == "dismissed" and choice.candidate_id is not None:
        raise InvalidLine("choice.candidate_id", "must be null, since the choice is dismissed")
    if choice.kind != "dismissed" and choice.candidate_id not in ids:
        raise InvalidLine("choice.candidate_id", f"must be the id of one of the candidates, since it was {choice.kind}")
    if choice.kind != "dismissed" and choice.reason is not None:
        raise InvalidLine("choice.reason", "must be null, since the choice is not dismissed")
    if not ids.issuperset(choice.visible_candidate_ids):
        raise InvalidLine("choice.visible_candidate_ids", "must be ids of the candidates")


def _check_numbers(entry: LogEntry) -> None:
    """Refuse numbers that JSON cannot write, such as 1e999, in free-form parts."""
    parts: list[tuple[str, object]] = [("request.policy_params", entry.request.policy_params)]
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
    "dict_type": "must be an object",
    "typed_dict_type": "must be an object",
    "none_required": "must be null: a choice that was taken back is in the event undone",
}  # fmt: skip


def _to_json_error(raw: bytes) -> InvalidLine:
    if raw.lstrip().startswith(b"{") and not raw.rstrip().endswith(b"}"):
        return InvalidLine("", "is cut off: it ends before its JSON object does")
    return InvalidLine("", "is no JSON: each line must be one whole JSON object, in UTF-8")


def _to_invalid_line(error: ErrorDetails, raw: bytes) -> InvalidLine:
    if error["type"] == "json_invalid":
        return _to_json_error(raw)
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
