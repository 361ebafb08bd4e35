"""The tables, once for both engines. The migrations make them; a test holds the two against each other.

Times are ISO 8601 texts in UTC with milliseconds, JSON is text: what stands in the database is what is exported, and it
sorts and reads the same in SQLite and in PostgreSQL.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final, get_args, get_origin

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

from storage.fields import RecordField, list_fields, to_iso
from storage.records import AgentSettings, Arm, Candidate, ChannelDefaults, Choice, Event, Experiment, Request, Turn


class UtcTime(TypeDecorator[datetime]):
    """An aware datetime, kept as `to_iso` writes it."""

    impl = String(24)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        return None if value is None else to_iso(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


def to_json(value: Any) -> str:
    """Encode as compact JSON, letters as they are."""
    return _encode(value)


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Json(TypeDecorator[Any]):
    """A dict or list, kept as compact JSON text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else to_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


class JsonTuple(Json):
    """A tuple, kept as a JSON array."""

    cache_ok = True

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else tuple(json.loads(value))


class Turns(TypeDecorator[tuple[Turn, ...]]):
    """A conversation, kept as a JSON array of `{"role": …, "text": …}`."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[Turn, ...] | None, dialect: Dialect) -> str | None:
        return None if value is None else to_json([{"role": turn.role, "text": turn.text} for turn in value])

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[Turn, ...]:
        return () if value is None else tuple(Turn(**turn) for turn in json.loads(value))


class Arms(TypeDecorator[tuple[Arm, ...]]):
    """The arms of an experiment, kept as a JSON array."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[Arm, ...] | None, dialect: Dialect) -> str | None:
        return None if value is None else to_json([asdict(arm) for arm in value])

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[Arm, ...]:
        return () if value is None else tuple(Arm(**arm) for arm in json.loads(value))


metadata = MetaData()

PRIMARY_KEY: Final = {"primary_key": True}
OF_REQUEST: Final[dict[str, Any]] = {"column": "requests.id", "ondelete": "CASCADE"}


def build_columns(record: type, changes: Mapping[str, Mapping[str, Any]]) -> list[Column[Any]]:
    """Build a column for each field of a record, as it is declared there; `changes` are arguments of its own."""
    return [_build_column(field, changes.get(field.name, {})) for field in list_fields(record)]


def _build_column(field: RecordField, changes: Mapping[str, Any]) -> Column[Any]:
    given = {"name": field.name, "type_": _choose_type(field), "nullable": field.is_nullable, **changes}
    return Column(given.pop("name"), given.pop("type_"), **given)


def _choose_type(field: RecordField) -> Any:
    if field.words:
        return String(field.logged.width if field.logged else 16)
    if get_origin(field.kind) is tuple:
        return _TUPLES.get(get_args(field.kind)[0], JsonTuple)
    if get_origin(field.kind) is dict:
        return Json
    if field.kind is str:
        return String(length) if (length := field.get_limit("max_length")) else Text
    return _TYPES[field.kind]


_TUPLES: Final[dict[type, Any]] = {Turn: Turns, Arm: Arms}
_TYPES: Final[dict[type, Any]] = {datetime: UtcTime, bool: Boolean, int: Integer, float: Float}

requests = Table(
    "requests",
    metadata,
    *build_columns(Request, {"id": PRIMARY_KEY, "sent_to_slack_at": {"name": "handed_at", "key": "sent_to_slack_at"}}),
    Index(
        "requests_in_drafting",
        "created_at",
        sqlite_where=text("status = 'drafting'"),
        postgresql_where=text("status = 'drafting'"),
    ),
    Index("requests_in_order", "created_at", "id"),
    Index(
        "requests_with_text",
        "created_at",
        sqlite_where=text("text_kept <> 'none'"),
        postgresql_where=text("text_kept <> 'none'"),
    ),
    Index("requests_of_agent", "agent_id", "team_id", "created_at"),  # in a Grid, of any team
    Index(
        "requests_of_experiment",
        "experiment",
        "created_at",
        "id",
        sqlite_where=text("experiment IS NOT NULL"),
        postgresql_where=text("experiment IS NOT NULL"),
    ),
    Index(
        "requests_in_vain",
        "created_at",
        sqlite_where=text("retrieved = '[]'"),
        postgresql_where=text("retrieved = '[]'"),
    ),
    Index(
        "requests_redrafted",
        "parent_request_id",
        sqlite_where=text("parent_request_id IS NOT NULL"),
        postgresql_where=text("parent_request_id IS NOT NULL"),
    ),
    Index(
        "requests_with_secret",
        "response_url_expires_at",
        sqlite_where=text("response_url IS NOT NULL"),
        postgresql_where=text("response_url IS NOT NULL"),
    ),
)

candidates = Table(
    "candidates",
    metadata,
    *build_columns(Candidate, {"id": PRIMARY_KEY, "request_id": {"type_": ForeignKey(**OF_REQUEST)}}),
    UniqueConstraint("request_id", "sample_index", name="one_candidate_a_sample"),
    UniqueConstraint("request_id", "position", name="one_candidate_a_position"),
)

choices = Table(
    "choices",
    metadata,
    *build_columns(
        Choice,
        {
            "id": PRIMARY_KEY,
            "request_id": {"type_": ForeignKey(**OF_REQUEST)},
            "candidate_id": {"type_": ForeignKey("candidates.id", ondelete="CASCADE")},
        },
    ),
    Index("choices_of_candidate", "candidate_id"),  # or each candidate erased would be looked for in all choices
    Index("choices_of_request", "request_id"),
    Index(
        "choices_taken_back",
        "retracted_at",
        sqlite_where=text("retracted_at IS NOT NULL"),
        postgresql_where=text("retracted_at IS NOT NULL"),
    ),
    Index(
        "one_standing_choice",
        "request_id",
        unique=True,
        sqlite_where=text("retracted_at IS NULL"),
        postgresql_where=text("retracted_at IS NULL"),
    ),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("choice_id", ForeignKey("choices.id", ondelete="CASCADE"), nullable=False),
    Column("request_id", ForeignKey("requests.id", ondelete="CASCADE"), nullable=False),
    Column("part", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("address", String(16), nullable=False),
    Column("channel_id", String(64)),
    Column("message_ts", String(32)),
    Column("attempts", Integer, nullable=False),
    Column("text", Text),
    Column("owner", String(64)),
    UniqueConstraint("choice_id", "part", name="one_delivery_a_part"),
    Index("deliveries_of_request", "request_id"),
    Index(
        "deliveries_not_done",
        "state",
        sqlite_where=text("state <> 'done'"),
        postgresql_where=text("state <> 'done'"),
    ),
    Index(
        "deliveries_untold",
        "owner",
        sqlite_where=text("state = 'done' AND owner IS NOT NULL"),
        postgresql_where=text("state = 'done' AND owner IS NOT NULL"),
    ),
)

events = Table(
    "events",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    *build_columns(Event, {"request_id": {"type_": ForeignKey(**OF_REQUEST)}}),
    Index("events_of_request", "request_id", "seq"),
    Index(
        "events_of_translations",
        "at",
        sqlite_where=text("type = 'translated'"),
        postgresql_where=text("type = 'translated'"),
    ),
)

vault = Table(
    "vault",
    metadata,
    Column("request_id", ForeignKey("requests.id", ondelete="CASCADE"), primary_key=True),
    Column("sealed", Text, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Index("vault_by_age", "expires_at"),
)

playbooks = Table(
    "playbooks",
    metadata,
    Column("prompt_version", String(64), primary_key=True),
    Column("text", Text, nullable=False),
    Column("first_used_at", UtcTime, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", UtcTime, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("data", Json, nullable=False),
)

seen_deliveries = Table(
    "seen_deliveries",
    metadata,
    Column("key", String(255), primary_key=True),
    Column("seen_at", UtcTime, nullable=False),
    Index("seen_deliveries_by_age", "seen_at"),
)

replicas = Table(
    "replicas",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("seen_at", UtcTime, nullable=False),
)

switches = Table(
    "switches",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("thrown_by", String(64), nullable=False),
    Column("thrown_at", UtcTime, nullable=False),
)

rankers = Table(
    "rankers",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("version", String(64), nullable=False, unique=True),
    Column("model", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", String(64), nullable=False),
    Column("trained_until", UtcTime),
    Column("requests", Integer, nullable=False),
    Column("choices", Integer, nullable=False),
    Column("agents", Integer, nullable=False),
    Column("metrics", Json, nullable=False),
    Column("gate_open", Boolean, nullable=False),
    Column("gate", Json, nullable=False),
)

ranker_changes = Table(
    "ranker_changes",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", UtcTime, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("version", String(64)),
    Column("reason", String(16), nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("until", UtcTime, nullable=False),
)

knowledge_sources = Table(
    "knowledge_sources",
    metadata,
    Column("path", Text, primary_key=True),
    Column("root", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("internal", Boolean, nullable=False),
    Column("collection", String(64), nullable=False),
)

knowledge_documents = Table(
    "knowledge_documents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("url", Text),
    Column("internal", Boolean, nullable=False),
    Column("collection", String(64), nullable=False),
    Column("modified_at", UtcTime, nullable=False),
    Index("knowledge_documents_by_source", "source"),
)

knowledge_passages = Table(
    "knowledge_passages",
    metadata,
    Column("document_id", ForeignKey("knowledge_documents.id"), primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("heading", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("terms", LargeBinary, nullable=False),
    Column("vector", LargeBinary),
    Column("vector_model", String(128)),
)

agent_settings = Table(
    "agent_settings",
    metadata,
    Column("owner_id", String(64), primary_key=True),
    Column("agent_id", String(64), primary_key=True),
    *build_columns(AgentSettings, {}),
    Column("saved_at", UtcTime, nullable=False),
    Index("agent_settings_of_agent", "agent_id"),
)

experiments = Table(
    "experiments",
    metadata,
    *build_columns(Experiment, {"name": PRIMARY_KEY, "is_running": {"unique": True}}),  # true once at most, else null
)

channel_defaults = Table(
    "channel_defaults",
    metadata,
    Column("owner_id", String(64), primary_key=True),
    Column("channel_id", String(64), primary_key=True),
    *build_columns(ChannelDefaults, {}),
    Column("saved_at", UtcTime, nullable=False),
)
