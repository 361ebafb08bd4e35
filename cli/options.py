"""Options that several commands have, with their help, and what their values mean."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import SettingsError
from storage.queries.log_entries import Selection

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Since = Annotated[
    str | None, typer.Option(metavar="TIME", help="Requests made at this ISO date or time (UTC) or later.")
]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Requests made before this ISO date or time (UTC).")]
Team = Annotated[str | None, typer.Option(metavar="TEAM_ID", help="Requests of this Slack workspace only.")]
DatabaseFile = Annotated[
    Path | None,
    typer.Option("--database", metavar="FILE", help="A SQLite file. [default: what SUGGEST_DATABASE_URL says]"),
]
IncludeSimulated = Annotated[
    bool, typer.Option("--include-simulated", help="Count requests that no real model answered, too.")
]


def parse_moment(option: str, text: str | None) -> datetime | None:
    """Read an ISO 8601 date (its midnight) or time, in UTC unless it says otherwise. Raises SettingsError."""
    if text is None:
        return None
    try:
        parsed = datetime.fromisoformat(text.strip())
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise SettingsError(
            f"{option} {text!r} is no date or time: write it like 2026-11-01 or 2026-11-01T09:30Z"
        ) from error


def parse_period(since: str | None, until: str | None) -> Selection:
    """Select the requests of --since to --until. Raises SettingsError."""
    selection = Selection(since=parse_moment("--since", since), until=parse_moment("--until", until))
    if selection.since and selection.until and selection.since >= selection.until:
        raise SettingsError(f"--since {since!r} is not before --until {until!r}")
    return selection
