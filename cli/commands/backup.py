"""`suggest backup`: a checked copy of the choice log, made while the bot runs; written whole or not at all."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from cli.database_location import Location, locate_database, open_existing, run_with
from cli.errors import Failed, SettingsError
from cli.options import DatabaseFile, Json
from cli.output_file import describe_unfinished, replace_whole
from cli.render.output import print_result
from cli.render.text import database as text
from cli.repositories import read_schema
from cli.stop_signals import explain_interrupt
from storage.engine import sqlite_backup
from storage.errors import DatabaseUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupReceipt:
    """The database, its copy, and the number of rows copied of each table."""

    database: str
    backup: Path
    rows: dict[str, int]


def run(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the file that is there.")] = False,
    database: DatabaseFile = None,
    as_json: Json = False,
) -> None:
    """Copy the choice log while the bot runs.

    The copy is read whole before it counts; the file is written whole or not at all. For PostgreSQL, use pg_dump.

    Example: suggest backup suggest-backup.db
    """
    if not force and (file.exists() or file.is_symlink()):
        raise SettingsError(f"{file} is there already: name another file, or give --force to replace it")
    with explain_interrupt(lambda: describe_unfinished(file)):
        receipt = back_up(locate_database(database), file)
    print_result(receipt, as_json=as_json, to_text=text.render_backup)


def back_up(location: Location, target: Path) -> BackupReceipt:
    """Copy a SQLite database to a file. Raises SettingsError for another database or target, Failed."""
    if location.file is None:
        raise SettingsError(
            "PostgreSQL has a tool of its own for this: "
            f'pg_dump --format=custom --file={target} "$SUGGEST_DATABASE_URL"; '
            "docs/operations.md tells how to restore it"
        )
    _refuse_to_replace(target, location.file)
    schema = run_with(open_existing(location), read_schema)
    return BackupReceipt(database=str(location), backup=target, rows=_copy(location.file, target, schema))


def _refuse_to_replace(target: Path, source: Path) -> None:
    """Refuse a folder, a device, or the database itself as target. Raises SettingsError."""
    if target.exists() and (not target.is_file() or (source.exists() and target.samefile(source))):
        raise SettingsError(f"{target} cannot be replaced by a backup: name another file")


def _copy(source: Path, target: Path, schema: str) -> dict[str, int]:
    """Copy to a file beside `target`, check it, and put it in `target`'s place. Raises Failed."""
    try:
        with replace_whole(target) as beside:
            return sqlite_backup.copy(source, beside, schema=schema)
    except sqlite_backup.DamagedCopy as error:
        raise Failed(f"the copy of {source} is not whole ({error}), and was thrown away") from error
    except DatabaseUnavailable as error:
        raise Failed(f"{source} cannot be copied to {target} ({error}): is there room on the disk?") from error
    except OSError as error:
        raise Failed(f"{target} cannot be written: {error.strerror}") from error
