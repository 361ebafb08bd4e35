"""The database that a command works on, and opening it."""

import asyncio
import re
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, Self, TypeVar
from urllib.parse import quote

from cli import clock
from cli.errors import Failed, SettingsError
from cli.repositories import Records, open_records
from cli.settings import Settings, load_settings, repeat_env_file
from storage.engine.database import Database, get_database_file, parse_url
from storage.engine.transaction import WriteObserver, ignore_times
from storage.errors import DatabaseUnavailable, DatabaseUnsuitable, StorageError
from storage.records import Selection
from storage.repositories.audit import DEMONSTRATION
from storage.schema import find_obstacles_to_reading, get_head, read_revisions

DEMONSTRATION_FILE: Final = Path("suggest-demo.db")

INVENTED: Final = "invented"
"""The team of a demonstration's invented history."""

_SQLITE: Final = b"SQLite format 3\x00"

Opened = TypeVar("Opened")
Result = TypeVar("Result")

Origin = Literal["--database", "SUGGEST_DATABASE_URL", "demonstration"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A database's URL, and what named it."""

    url: str
    origin: Origin

    @classmethod
    def of_file(cls, file: Path, origin: Origin = "--database") -> Self:
        """Locate a file; names with spaces, question marks or percent signs are files too."""
        return cls(url=f"sqlite:///{quote(str(file.expanduser()))}", origin=origin)

    @classmethod
    def of_settings(cls, settings: Settings) -> Self:
        """Locate the database of SUGGEST_DATABASE_URL."""
        return cls(url=settings.suggest_database_url, origin="SUGGEST_DATABASE_URL")

    @property
    def file(self) -> Path | None:
        """The file; None for PostgreSQL."""
        return get_database_file(self.url) if self.url.startswith("sqlite") else None

    def name_command(self, *command: str, options: Iterable[str] = ()) -> str:
        """Name the command of `suggest` that works on this database, as one types it."""
        named = repeat_env_file() if self.origin == "SUGGEST_DATABASE_URL" else ["--database", str(self)]
        return shlex.join(["suggest", *command, *named, *options])

    @property
    def is_empty(self) -> bool:
        """True for a file that is not there yet, or has nothing in it."""
        return self.file is not None and (not self.file.exists() or self.file.stat().st_size == 0)

    def __str__(self) -> str:
        """Name the file, or the URL without its password, for people."""
        if self.file is not None:
            return str(self.file)
        return parse_url(self.url).set(drivername="postgresql").render_as_string(hide_password=True)


def locate_database(file: Path | None) -> Location:
    """Locate the database that --database names, else the one that the settings do. Raises SettingsError."""
    return Location.of_settings(load_settings()) if file is None else Location.of_file(file)


def locate_for_try(settings: Settings, option: Path | None) -> Location:
    """Locate where `suggest try` records: samples get a file of their own, unless a database was named."""
    if option is not None:
        return Location.of_file(option)
    if not settings.has_model and "suggest_database_url" not in settings.model_fields_set:
        return Location.of_file(DEMONSTRATION_FILE, origin="demonstration")
    return Location.of_settings(settings)


async def describe_recording(location: Location, records: Records, *, simulated: bool) -> str:
    """Say where requests are recorded, and how to export them, simulated ones also."""
    is_left_out = simulated and not await records.audit.is_demonstration()
    command = location.name_command("export", options=["--include-simulated"] if is_left_out else [])
    return f"Recorded in {location}. To export it: {command}"


@asynccontextmanager
async def open_or_create(location: Location, *, observe: WriteObserver = ignore_times) -> AsyncIterator[Records]:
    """Open a database, which is made or brought to this program's schema if need be. Raises Failed, SchemaTooNew."""
    refuse_other_files(location)
    with explain_unavailable(location):
        async with open_records(location.url, observe=observe) as records:
            yield records


@asynccontextmanager
async def open_existing(location: Location) -> AsyncIterator[Records]:
    """Open a database that is at this program's schema, for reading; no file is made, nothing written.

    Raises SettingsError, Failed.
    """
    if location.file is not None and not location.file.is_file():
        raise SettingsError(f"there is no database {location}: {_suggest_database(location)}")
    refuse_other_files(location)
    if location.is_empty:  # opened, it would be made a database
        raise SettingsError(f"{location} holds no choice log: {_suggest_database(location)}")
    async with aclosing(Database(location.url)) as database:
        with explain_unavailable(location):
            if obstacles := await find_obstacles_to_reading(database):
                raise DatabaseUnsuitable("; ".join(obstacles))
            found, wanted = await read_revisions(database)
            if found is None:
                raise SettingsError(f"{location} holds no choice log: {_suggest_database(location)}")
            if found != wanted:
                raise Failed(
                    f"{location} has the schema {found}, not {wanted}: run `{location.name_command('migrate')}`"
                )
            yield Records(database)


def use_database(file: Path | None, work: Callable[[Records], Awaitable[Result]]) -> Result:
    """Do the work on the database of --database, or else of the settings, as `open_existing` opens it."""
    return run_with(open_existing(locate_database(file)), work)


def run_with(opened: AbstractAsyncContextManager[Opened], work: Callable[[Opened], Awaitable[Result]]) -> Result:
    """Open something, do the work with it, and close it, on a loop of their own."""

    async def run() -> Result:
        async with opened as what:
            return await work(what)

    return asyncio.run(run())


async def is_unset(location: Location) -> bool:
    """Return True for a database that is no choice log yet: no file, or no tables. Raises SettingsError, Failed."""
    return (await _read_schemas(location))[0] is None


async def is_current(location: Location) -> bool:
    """Return True for a database of this program's schema. Raises SettingsError, Failed."""
    found, wanted = await _read_schemas(location)
    return found == wanted


async def _read_schemas(location: Location) -> tuple[str | None, str]:
    """Read the database's schema, None if it has none yet, and this program's. No file is made."""
    if location.is_empty:
        return None, get_head()
    refuse_other_files(location)
    async with aclosing(Database(location.url)) as database:
        with explain_unavailable(location):
            return await read_revisions(database)


def refuse_other_files(location: Location) -> None:
    """Refuse files of another kind, and folders that are not there. Raises SettingsError, Failed."""
    if location.file is None:
        return
    if not location.file.parent.is_dir():
        raise SettingsError(
            f"{location.origin} names a folder that is not there, {location.file.parent}: make it, or name another"
        )
    if not location.file.exists():
        return
    try:
        with location.file.open("rb") as file:
            start = file.read(len(_SQLITE))
    except OSError as error:
        raise Failed(f"the database {location} cannot be read: {error.strerror}") from error
    if start not in {b"", _SQLITE}:
        raise SettingsError(f"{location} is no SQLite database: name another file")


@contextmanager
def explain_unavailable(location: Location) -> Iterator[None]:
    """Turn Unavailable into Failed, which names the database and says what to do."""
    try:
        yield
    except DatabaseUnavailable as error:
        raise Failed(f"the database {location} {explain_unusable(location, error)}") from error


async def include_simulated(records: Records, selection: Selection) -> Selection:
    """Include simulated requests in a demonstration's own database: they are what it is for.

    Its invented history stays apart, unless its team is named.
    """
    if not await records.audit.is_demonstration():
        return selection
    return replace(selection, include_simulated=True, without_team=None if selection.team_id else INVENTED)


async def mark_demonstration(records: Records, *, actor: str) -> None:
    """Note that this database is a demonstration's own: its simulated rows are what it is for."""
    await records.audit.record(at=clock.now(), actor=actor, action=DEMONSTRATION, data={})


def explain_unusable(location: Location, error: StorageError) -> str:
    """Say in one line why a database cannot be used, and what to do."""
    why = " ".join(str(error).split())
    if isinstance(error, DatabaseUnsuitable):
        return (
            f"cannot be used: {why}; its owner or a superuser mends that, `suggest doctor` tells what else is missing"
        )
    return f"cannot be used ({why}): {_suggest_fix(location, error)}"


_FIXES: Final = (
    ("locked|lock timeout", "another program is writing to it; try again in a moment"),
    (
        "startup parameter",
        (
            "a pooler is before it, and takes no `options`: leave them out of the URL and of PGOPTIONS; "
            "ALTER ROLE … SET search_path does what they did"
        ),
    ),
    (
        "prepared statement",
        (
            "a pooler such as PgBouncer is before it, and changes sessions: leave `prepare_threshold` out of the URL, "
            "or let PgBouncer 1.21 or newer keep them, with max_prepared_statements"
        ),
    ),
    (
        "too many c|connection slots|no more connections|query_wait_timeout",
        (
            "all connections that it allows are taken, and two are needed at least: end others, set `connections` in "
            "the URL to half of what is free, or raise max_connections, or the CONNECTION LIMIT of the role or database"
        ),
    ),
    (
        "statement timeout|query_timeout|transaction.* timeout",
        (
            "a limit on the time of statements is too short for this: ALTER ROLE … SET statement_timeout = 0 lifts it "
            "for one role; PgBouncer has query_timeout"
        ),
    ),
)
"""Words of a database that cannot be used, and what to do; the first that fits."""


def _suggest_fix(location: Location, error: StorageError) -> str:
    for words, fix in _FIXES:
        if re.search(words, str(error)):
            return fix
    if location.file is None:
        return "its server must be reachable, and take this user, password and database"
    return "it and its folder must exist and be writable, with room on the disk"


def _suggest_database(location: Location) -> str:
    if location.file != DEMONSTRATION_FILE and DEMONSTRATION_FILE.is_file():
        return f"the demonstration's is --database {DEMONSTRATION_FILE}"
    return "give --database FILE, or set SUGGEST_DATABASE_URL; `suggest serve` and `suggest try` make one"
