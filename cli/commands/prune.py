"""`suggest prune`: forgets the texts of old requests, and keeps their numbers."""

from datetime import timedelta
from typing import Annotated, Final

import typer

from bot.operations.retention import Pruning, prune_log, rehearse_pruning
from cli import clock
from cli.database_location import use_database
from cli.errors import SettingsError
from cli.options import ACTOR, DatabaseFile, Json, read_span
from cli.render.output import print_result
from cli.render.text import database as text
from cli.repositories import Records
from cli.settings import Settings, load_settings
from cli.stop_signals import explain_interrupt

YOUNGEST: Final = timedelta(days=1)
"""Younger requests may still be open, and then their texts are needed."""


def run(
    *,
    older_than: Annotated[
        str | None,
        typer.Option(metavar="SPAN", help="Such as 90d, 12w or 36h. [default: what SUGGEST_RETENTION_DAYS says]"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many it would be, and change nothing.")] = False,
    database: DatabaseFile = None,
    as_json: Json = False,
) -> None:
    """Delete the texts of old requests, and keep their numbers.

    `suggest serve` does so by itself where SUGGEST_RETENTION_DAYS is set.

    Example: suggest prune --older-than 90d --dry-run
    """
    before = clock.now() - choose_age(load_settings(), older_than)

    async def prune(records: Records) -> Pruning:
        if dry_run:
            return await rehearse_pruning(records.erasures, created_before=before)
        return await prune_log(records.erasures, records.audit, created_before=before, actor=ACTOR, at=clock.now())

    with explain_interrupt(lambda: "texts that were deleted are gone; the same command goes on with the rest"):
        pruning = use_database(database, prune)
    print_result(pruning, as_json=as_json, to_text=text.render_pruning)


def choose_age(settings: Settings, older_than: str | None) -> timedelta:
    """Take the age from the option, else from the settings. Raises SettingsError."""
    if older_than is not None:
        return parse_span("--older-than", older_than)
    if settings.suggest_retention_days is None:
        raise SettingsError("say how old with --older-than 90d, or set SUGGEST_RETENTION_DAYS")
    return timedelta(days=settings.suggest_retention_days)


def parse_span(option: str, text: str) -> timedelta:
    """Read a time span of a day or more. Raises SettingsError."""
    wanted = read_span(text)
    if wanted is None:
        raise SettingsError(f"{option} {text!r} is no time span: write it with a unit, like 90d, 12w or 36h")
    if wanted < YOUNGEST:
        raise SettingsError(f"{option} {text!r} is less than a day: requests as young may still be open")
    return wanted
