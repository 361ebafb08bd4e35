"""`suggest migrate`: brings a database to this program's schema. `suggest serve` does so by itself."""

import asyncio
from dataclasses import dataclass

from cli.database_location import Location, explain_unavailable, locate_database, refuse_other_files
from cli.options import DatabaseFile, Json
from cli.render.output import print_result
from cli.render.text import database as text
from cli.stop_signals import explain_interrupt
from storage.schema import migrate_url


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """The schema before, None for a new database, and after."""

    database: str
    before: str | None
    after: str


def run(*, database: DatabaseFile = None, as_json: Json = False) -> None:
    """Bring a database to this version's schema.

    `suggest serve` and `suggest try` do so by themselves.

    Example: suggest migrate --database suggest.db
    """
    with explain_interrupt(lambda: "the schema changes whole or not at all; the same command goes on"):
        migration = migrate_database(locate_database(database))
    print_result(migration, as_json=as_json, to_text=text.render_migration)


def migrate_database(location: Location) -> Migration:
    """Bring a database to this program's schema. Raises SettingsError, Failed, SchemaTooNew."""
    refuse_other_files(location)
    with explain_unavailable(location):
        before, after = asyncio.run(migrate_url(location.url))
    return Migration(database=str(location), before=before, after=after)
