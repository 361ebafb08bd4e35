"""Options that several commands have, with their help, and what their values mean."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from cli import clock
from cli.errors import SettingsError
from storage.records import Selection

ACTOR: Final = "cli"
"""As the audit table calls whoever runs a command."""

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Since = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Requests made at this time or later: 2026-11-01, 2026-11-01T09:30Z, or 7d ago."),
]
Until = Annotated[
    str | None, typer.Option(metavar="TIME", help="Requests made before this time, written like --since.")
]
Team = Annotated[str | None, typer.Option(metavar="TEAM_ID", help="Requests of this Slack workspace only.")]
DatabaseFile = Annotated[
    Path | None,
    typer.Option("--database", metavar="FILE", help="A SQLite file. [default: what SUGGEST_DATABASE_URL says]"),
]
IncludeSimulated = Annotated[
    bool, typer.Option("--include-simulated", help="Count requests that no real model answered, too.")
]


_UNITS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_SPAN: Final = re.compile(r"(\d{1,5})\s*([hdw])")


def read_span(text: str) -> timedelta | None:
    """Read a time span such as 90d, 12w or 36h; None if it is none."""
    found = _SPAN.fullmatch(text.strip().lower())
    return None if found is None else int(found[1]) * _UNITS[found[2]]


def parse_moment(option: str, text: str | None) -> datetime | None:
    """Read an ISO 8601 date (its midnight) or time, in UTC unless it says otherwise, or how long ago it was.

    Raises SettingsError.
    """
    if text is None:
        return None
    try:
        if (ago := read_span(text)) is not None:
            return clock.now() - ago
        parsed = datetime.fromisoformat(text.strip())
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise SettingsError(
            f"{option} {text!r} is no date or time: write it like 2026-11-01, 2026-11-01T09:30Z, or 7d (12w, 36h) ago"
        ) from error


def parse_period(since: str | None, until: str | None) -> Selection:
    """Select the requests of --since to --until. Raises SettingsError."""
    selection = Selection(since=parse_moment("--since", since), until=parse_moment("--until", until))
    if selection.since and selection.until and selection.since >= selection.until:
        raise SettingsError(f"--since {since!r} is not before --until {until!r}")
    return selection
