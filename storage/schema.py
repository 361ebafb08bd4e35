"""Migration of a database to this program's schema: Alembic, forward only.

Alembic takes 11 MB, so it is imported where there is something to migrate, and only there.
"""

from collections.abc import Iterator
from contextlib import aclosing
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, inspect, select, text

from storage.engine import permissions
from storage.engine.database import Database, get_prepare_threshold
from storage.engine.permissions import Obstacle
from storage.errors import DatabaseUnsuitable, SchemaTooNew

if TYPE_CHECKING:
    from alembic.config import Config

# "suggest" in ASCII: who migrates this product's schema holds this lock.
MIGRATION_LOCK: Final = 0x73756767657374

MIGRATIONS: Final = Path(__file__).parent / "migrations"

_VERSIONS: Final = "alembic_version"


async def migrate(database: Database) -> tuple[str | None, str]:
    """Upgrade to the newest schema, in one transaction, and return the revisions before and after.

    Raises SchemaTooNew if a newer version of this program has been here, DatabaseUnsuitable if the role or the database
    is not fit for it, DatabaseUnavailable if the database cannot be written.
    """
    if obstacles := await find_obstacles_to_writing(database):
        raise DatabaseUnsuitable("; ".join(obstacles))
    before, head = await read_revisions(database)
    if before == head:  # then nothing has to wait for other writers
        return before, head
    async with database.write() as connection:
        return await connection.run_sync(_upgrade)


async def migrate_url(url: str) -> tuple[str | None, str]:
    """Upgrade the database at this URL as `migrate` does, on a connection of its own, however long that takes."""
    async with aclosing(Database(url)) as database:
        return await migrate(database)


async def read_revisions(database: Database) -> tuple[str | None, str]:
    """Read the database's revision (None if it is empty) and this program's."""
    async with database.read() as connection:
        return await connection.run_sync(lambda sync: (_read_revision(sync), get_head()))


async def find_obstacles_to_writing(database: Database) -> tuple[Obstacle, ...]:
    """Name what keeps this role from bringing the schema up to date, and from recording in it."""
    if not database.is_shared:
        return ()
    async with database.write() as connection:
        if found := await connection.run_sync(lambda sync: tuple(permissions.find_obstacles_to_writing(sync))):
            return found
        return await connection.run_sync(lambda sync: tuple(_find_obstacles_to_upgrading(sync)))


async def find_obstacles_to_reading(database: Database) -> tuple[Obstacle, ...]:
    """Name what keeps this role from reading what is recorded."""
    if not database.is_shared:
        return ()
    async with database.read() as connection:
        return await connection.run_sync(lambda sync: tuple(permissions.find_obstacles_to_reading(sync)))


async def check_prepared_statements(url: str) -> None:
    """Prepare the same statement in two sessions, if the URL asks for prepared ones.

    Raises DatabaseUnavailable behind a pooler that gives both the same session of the server.
    """
    threshold = get_prepare_threshold(url)
    if threshold is None:
        return
    first, second = Database(url), Database(url)
    try:
        for database in (first, second):
            for _ in range(threshold + 2):
                await read_revisions(database)
    finally:
        await first.aclose()
        await second.aclose()


def _find_obstacles_to_upgrading(connection: Any) -> Iterator[Obstacle]:
    before = _read_revision(connection)
    if before != get_head() and (before is None or before in _list_revisions()):
        yield from permissions.find_obstacles_to_migrating(connection)


def _upgrade(connection: Any) -> tuple[str | None, str]:
    """Upgrade the schema, one process at a time. Raises SchemaTooNew."""
    if connection.dialect.name == "postgresql":  # several replicas may start at once: one migrates, the others wait
        connection.execute(text("SET LOCAL lock_timeout = '60s'"))
        connection.execute(select(func.pg_advisory_xact_lock(MIGRATION_LOCK)))
    before, head = _read_revision(connection), get_head()
    if before is not None and before not in _list_revisions():
        raise SchemaTooNew(before)
    if before != head:
        from alembic import command

        command.upgrade(_build_config(connection), "head")
    return before, head


def _build_config(connection: Any) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))  # a sign of its own in there
    config.attributes["connection"] = connection
    return config


def _read_revision(connection: Any) -> str | None:
    if not inspect(connection).has_table(_VERSIONS):
        return None
    found: str | None = connection.scalar(text(f"SELECT version_num FROM {_VERSIONS}"))  # noqa: S608 - our own name
    return found


def get_head() -> str:
    """Return the newest revision that this program knows."""
    return max(_list_revisions())


@cache
def _list_revisions() -> frozenset[str]:
    """List this program's revisions, which the names of the migrations' files begin with."""
    return frozenset(file.name.partition("_")[0] for file in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))
