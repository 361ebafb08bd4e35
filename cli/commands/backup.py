"""`suggest backup`: a checked copy of the choice log, made while the bot runs; written whole or not at all."""

import asyncio
import json
import secrets
from pathlib import Path

from cli.database_location import Location, opened_as_it_is
from cli.errors import Failed, SettingsError
from cli.output_file import sync_folder
from storage import backup
from storage.errors import Unavailable
from storage.schema import revision


async def back_up(location: Location, target: Path) -> None:
    """Say what was copied. Raises SettingsError where the file is there already, Failed."""
    copied = await _backed_up(location, target)
    print(f"{location} → {target}: {copied['requests']} requests, {copied['choices']} choices; checked")


async def back_up_for_programs(location: Location, target: Path) -> None:
    """As `back_up`, as JSON: the rows of each table."""
    copied = await _backed_up(location, target)
    print(json.dumps({"database": str(location), "backup": str(target), "rows": copied}, ensure_ascii=False))


def refuse_existing(target: Path) -> None:
    """Raises SettingsError where there is something already."""
    if target.exists() or target.is_symlink():
        raise SettingsError(f"{target} is there already: name another file, or give --force to replace it")


async def _backed_up(location: Location, target: Path) -> dict[str, int]:
    if location.file is None:
        raise SettingsError(
            "PostgreSQL has a tool of its own for this: "
            f'pg_dump --format=custom --file={target} "$SUGGEST_DATABASE_URL"; '
            "docs/operations.md tells how to restore it"
        )
    _refuse_to_replace(target, location.file)
    async with opened_as_it_is(location) as database:
        schema, _ = await revision(database)
        assert schema is not None
    return await asyncio.to_thread(_copied, location.file, target, schema)


def _refuse_to_replace(target: Path, source: Path) -> None:
    """A folder, a device, or the database itself. Raises SettingsError."""
    if target.exists() and (not target.is_file() or (source.exists() and target.samefile(source))):
        raise SettingsError(f"{target} cannot be replaced by a backup: name another file")


def _copied(source: Path, target: Path, schema: str) -> dict[str, int]:
    """A checked copy beside `target`, which takes its place once it is on the disk. Raises Failed."""
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        copied = backup.copy(source, beside, schema=schema)
        beside.replace(target)
        sync_folder(target.absolute().parent)
    except backup.Damaged as error:
        raise Failed(f"the copy of {source} is not whole ({error}), and was thrown away") from error
    except Unavailable as error:
        raise Failed(f"{source} cannot be copied to {target} ({error}): is there room on the disk?") from error
    except OSError as error:
        raise Failed(f"{target} cannot be written: {error.strerror}") from error
    else:
        return copied
    finally:
        for end in ("", "-journal", "-wal", "-shm"):
            beside.with_name(beside.name + end).unlink(missing_ok=True)
