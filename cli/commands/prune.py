"""`suggest prune`: forgets the texts of old requests, and keeps their numbers."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import typer

from bot.operations.retention import prune_texts
from cli import clock
from cli.database_location import Location, locate_database, open_existing
from cli.errors import SettingsError
from cli.options import DatabaseFile, Json, read_span
from cli.render.output import print_result
from cli.render.text import database as text
from cli.settings import Settings, load_settings
from cli.stop_signals import explain_interrupt
from storage.fields import to_iso
from storage.repositories.audit import Audit
from storage.repositories.erasures import Erasures

YOUNGEST: Final = timedelta(days=1)
"""Younger requests may still be open, and then their texts are needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruning:
    """The number of requests made before a time whose texts went, or would go.

    `wiped`: the bytes are off the disk; None if nothing was changed.
    """

    dry_run: bool
    created_before: datetime
    requests: int
    wiped: bool | None


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
    work = count_prunable if dry_run else prune
    with explain_interrupt(lambda: "texts that were deleted are gone; the same command goes on with the rest"):
        pruning = asyncio.run(work(locate_database(database), before))
    print_result(pruning, as_json=as_json, to_text=text.render_pruning)


async def prune(location: Location, before: datetime) -> Pruning:
    """Forget the texts of requests made before then, and note that in the audit table. Raises SettingsError, Failed."""
    async with open_existing(location) as database:
        erasures = Erasures(database)
        count = await prune_texts(erasures, created_before=before)
        wiped = await erasures.wipe()
        data: dict[str, Any] = {"created_before": to_iso(before), "requests": count}
        await Audit(database).record(at=clock.now(), actor="cli", action="prune", data=data)
    return Pruning(dry_run=False, created_before=before, requests=count, wiped=wiped)


async def count_prunable(location: Location, before: datetime) -> Pruning:
    """Count what `prune` would forget, and change nothing. Raises SettingsError, Failed."""
    async with open_existing(location) as database:
        count = await Erasures(database).count_prunable(created_before=before)
    return Pruning(dry_run=True, created_before=before, requests=count, wiped=None)


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
