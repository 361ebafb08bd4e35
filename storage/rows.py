"""Records as rows of the tables, and rows as records.

A record's field has its column's name; only `Request.sent_to_slack_at` stands in the column `handed_at`.
"""

from dataclasses import fields
from typing import Any

from sqlalchemy import RowMapping

from storage.records import Request


def to_row(record: Any) -> dict[str, Any]:
    """Map a record's fields by their columns' keys, as `insert(table)` takes them."""
    return {field.name: getattr(record, field.name) for field in fields(record)}


def to_request(row: RowMapping) -> Request:
    """Build a request from all columns of its row."""
    values: dict[str, Any] = {**row}
    return Request(sent_to_slack_at=values.pop("handed_at"), **values)
