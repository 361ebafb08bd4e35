"""Records as rows of the tables, and rows as records.

A record's field has its column's name; only `Request.sent_to_slack_at` stands in the column `handed_at`.
"""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import RowMapping, Table
from sqlalchemy.dialects import postgresql, sqlite

from storage.records import Request


def to_row(record: Any) -> dict[str, Any]:
    """Map a record's fields by their columns' keys, as `insert(table)` takes them."""
    return {field.name: getattr(record, field.name) for field in fields(record)}


def to_request(row: RowMapping) -> Request:
    """Build a request from all columns of its row."""
    values: dict[str, Any] = {**row}
    return Request(sent_to_slack_at=values.pop("handed_at"), **values)


def build_upserts(table: Table, keys: Sequence[str]) -> dict[bool, sqlite.Insert | postgresql.Insert]:
    """Build the statement that inserts a row or replaces the one with its keys, by whether the database is shared."""

    def build(insert: Any) -> Any:
        changed = {column.name: insert.excluded[column.name] for column in table.c if column.name not in keys}
        return insert.on_conflict_do_update(index_elements=list(keys), set_=changed)

    return {True: build(postgresql.insert(table)), False: build(sqlite.insert(table))}
