"""The types of records' fields with their limits, and the mark of those that the choice log has.

A field is declared once, in `storage/records.py`. From there follow its column (`storage/tables.py`), the columns of
exports and the check of imports (`bot/choice_log/`), and, by `make docs`, the JSON Schema and the tables of fields in
docs/choice-log.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import AfterValidator, Field, StringConstraints

INTEGER_MAX: Final = 2**31 - 1
"""The largest number of a column."""


def _normalise_time(moment: datetime) -> datetime:
    """Convert to UTC, to the millisecond: as precise as it is kept. Raises ValueError for a time without a zone."""
    if moment.tzinfo is None:
        raise ValueError
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise ValueError from None
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def to_iso(moment: datetime) -> str:
    """Format an aware datetime, of whatever zone, as 2026-11-22T10:00:00.000Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Name = Annotated[str, StringConstraints(max_length=64)]
Short = Annotated[str, StringConstraints(max_length=32)]
Locale = Annotated[str, StringConstraints(min_length=1, max_length=16)]
Time = Annotated[datetime, AfterValidator(_normalise_time)]
Count = Annotated[int, Field(ge=0, le=INTEGER_MAX)]
Place = Annotated[int, Field(ge=1, le=INTEGER_MAX)]
Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, slots=True)
class Logged:
    """Marks a field of the choice log: its meaning, and when it is null (`never`, or in words).

    `width` is that of its column, for a word of a vocabulary. Lines of earlier versions lack a field that `is_new`.
    Nothing but null leaves in a field that `is_blank`.
    """

    meaning: str
    null: str = "never"
    width: int = 16
    is_new: bool = False
    is_blank: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordField:
    """One field of a record: its type without None, the limits of that, and its mark, if the log has it."""

    name: str
    hint: Any
    kind: Any
    limits: Sequence[Any]
    is_nullable: bool
    logged: Logged | None

    @property
    def words(self) -> tuple[str, ...]:
        """The vocabulary, where the field has one."""
        return get_args(self.kind) if get_origin(self.kind) is Literal else ()

    def get_limit(self, name: str) -> Any:
        """Return a limit, such as `max_length` or `ge`; None without it."""
        return next((found for each in self.limits if (found := getattr(each, name, None)) is not None), None)


def list_fields(record: type) -> list[RecordField]:
    """List the fields of a record, in order."""
    hints = get_type_hints(record, include_extras=True)
    return [_read_hint(name, hint) for name, hint in hints.items()]


def list_logged(record: type) -> list[RecordField]:
    """List the fields of a record that the choice log has, in order."""
    return [field for field in list_fields(record) if field.logged is not None]


def _read_hint(name: str, hint: Any) -> RecordField:
    kind, marks = _unwrap(hint)
    is_nullable = get_origin(kind) in {Union, UnionType} and NoneType in get_args(kind)
    if is_nullable:
        [kind] = [each for each in get_args(kind) if each is not NoneType]
        kind, more = _unwrap(kind)
        marks += more
    return RecordField(
        name=name,
        hint=hint,
        kind=kind,
        limits=[limit for mark in marks for limit in (mark, *getattr(mark, "metadata", ()))],
        is_nullable=is_nullable,
        logged=next((mark for mark in marks if isinstance(mark, Logged)), None),
    )


def _unwrap(hint: Any) -> tuple[Any, list[Any]]:
    return (hint.__origin__, list(hint.__metadata__)) if get_origin(hint) is Annotated else (hint, [])
