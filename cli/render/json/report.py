"""A report as JSON: its fields as they are, times and dates as ISO texts."""

import json
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from bot.reporting import Report
from storage.tables import to_iso


def render_report(report: Report) -> str:
    """Render the report's fields as they are."""
    return json.dumps(asdict(report), ensure_ascii=False, indent=2, default=_to_iso_text, allow_nan=False)


def _to_iso_text(value: Any) -> str:
    if isinstance(value, datetime):
        return to_iso(value)
    assert isinstance(value, date)
    return value.isoformat()
