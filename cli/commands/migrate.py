"""`suggest migrate`: brings a database to this program's schema. `suggest serve` does so by itself."""

import json

from cli.database_location import Location, refuse_other_files, refusing
from storage.engine.database import Database
from storage.schema import migrate


async def migrate_(location: Location) -> None:
    """Say from which schema to which. Raises Failed, SchemaTooNew."""
    before, after = await _migrated(location)
    if before == after:
        print(f"{location} has the schema {after} already")
    else:
        print(f"{location}: {before or 'empty'} → {after}")


async def migrate_for_programs(location: Location) -> None:
    """As `migrate_`, as JSON: `before` is null for a new database."""
    before, after = await _migrated(location)
    print(json.dumps({"database": str(location), "before": before, "after": after}, ensure_ascii=False))


async def _migrated(location: Location) -> tuple[str | None, str]:
    refuse_other_files(location)
    database = Database(location.url)
    try:
        with refusing(location):
            return await migrate(database)
    finally:
        await database.aclose()
