"""`suggest import`: requests from files, each line checked; good ones are recorded, bad ones told, none twice."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import typer

from bot.choice_log import InvalidLine, iter_lines, open_decompressed, open_log, read_line
from bot.choice_log.column_mapping import ColumnMapping, ColumnMappingError, Layout, iter_rows, map_row
from bot.choice_log.fields import FIELDS
from bot.playbook import load_playbook
from bot.privacy.detectors import Recogniser
from bot.privacy.import_redaction import redact_entry
from cli import wiring
from cli.database_location import Location, is_unset, locate_database, open_existing, open_or_create
from cli.errors import Failed, SettingsError
from cli.options import DatabaseFile, Json
from cli.output_file import STDOUT
from cli.settings import Settings, load_settings
from storage.records import LogEntry
from storage.repositories.audit import Audit
from storage.repositories.imports import AT_ONCE, ImportVerdict, LogImporter

_TOLD: Final = 100
"""Refused lines that are told for each file; the rest is counted."""

_TRIED: Final = 20
"""Lines that may be wrong from the start before the file is taken for something else."""

Found = Iterator[tuple[int, LogEntry | InvalidLine]]
Source = Callable[[BinaryIO, Path], Found]
"""How a file's lines become requests; the name tells which layout it has."""

Judge = Callable[[Sequence[LogEntry]], Awaitable[list[ImportVerdict]]]

Keep = Callable[[LogEntry], LogEntry]
"""What is kept of a request's texts."""

_REASONS: Final[dict[ImportVerdict, str]] = {
    "differs": "request.id: the log has another request under this id, which was left as it is",
    "candidate_taken": "candidates: one has an id that belongs to another request",
    "choice_taken": "choice.id: belongs to another request",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A line that was not taken."""

    file: str
    line: int
    reason: str


@dataclass(slots=True, kw_only=True)
class Tally:
    """What became of the lines."""

    counts: Counter[str] = field(default_factory=Counter)
    refused: list[Refused] = field(default_factory=list)


def run(
    *,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="JSON Lines, packed ones too; - is stdin.")],
    by: Annotated[
        Path | None,
        typer.Option("--map", metavar="FILE.toml", help="The files are another system's, in JSON Lines or CSV."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, and record nothing.")] = False,
    database: DatabaseFile = None,
    as_json: Json = False,
) -> None:
    """Take requests from files into the choice log.

    Each line is checked. Good ones are recorded, bad ones told with their line and the reason. What is there already is
    never changed: the same file twice changes nothing.

    Example: suggest import choices.jsonl --dry-run
    """
    source = as_it_is if by is None else by_map(by)
    work = rehearse if dry_run else import_
    tally = asyncio.run(work(locate_database(database), files, source, keep_as_set(load_settings())))
    if as_json:
        tell_programs(tally)
    else:
        tell(tally, "would be imported" if dry_run else "imported")


async def import_(location: Location, files: Sequence[Path], source: Source, keep: Keep) -> Tally:
    """Record what is new. Raises SettingsError, Failed."""
    _look_at(files)
    tally = Tally()
    async with open_or_create(location) as records:
        for file in files:
            before = Counter(tally.counts)
            await _read(file, _keeping(source, keep), LogImporter(records.database, FIELDS).import_new, tally)
            data = {"imported": tally.counts["new"] - before["new"], "known": tally.counts["known"] - before["known"]}
            await Audit(records.database).record(at=wiring.now(), actor="cli", action="import", data=data)
    return tally


async def rehearse(location: Location, files: Sequence[Path], source: Source, keep: Keep) -> Tally:
    """Say what would be recorded. Nothing is, and no database is made. Raises SettingsError, Failed."""
    _look_at(files)
    tally = Tally()
    async with _judging(location) as judge:
        for file in files:
            await _read(file, _keeping(source, keep), judge, tally)
    return tally


@asynccontextmanager
async def _judging(location: Location) -> AsyncIterator[Judge]:
    """Nothing is written: a database that is not there, or holds no log yet, has none of the requests."""
    if await is_unset(location):
        yield _all_new
        return
    async with open_existing(location) as database:
        yield LogImporter(database, FIELDS).compare


async def _all_new(entries: Sequence[LogEntry]) -> list[ImportVerdict]:
    return ["new"] * len(entries)


def keep_as_set(settings: Settings) -> Keep:
    """What SUGGEST_STORE_TEXT and the playbook say. Raises PlaybookError."""
    playbook = load_playbook(settings.suggest_playbook)
    recogniser = Recogniser(rules=playbook.redact, regions=playbook.phone_regions, allowed_text=playbook.text)
    return lambda entry: redact_entry(entry, settings.suggest_store_text, recogniser)


def _keeping(source: Source, keep: Keep) -> Source:
    def kept_only(file: BinaryIO, name: Path) -> Found:
        for number, found in source(file, name):
            yield number, found if isinstance(found, InvalidLine) else keep(found)

    return kept_only


def as_it_is(file: BinaryIO, _: Path) -> Found:
    """Lines of the choice log."""
    for number, line in iter_lines(file):
        yield number, _entry(line)


def _entry(line: bytes | InvalidLine) -> LogEntry | InvalidLine:
    if isinstance(line, InvalidLine):
        return line
    try:
        return read_line(line)
    except InvalidLine as error:
        return error


def by_map(path: Path) -> Source:
    """Another system's lines, by a map. Raises SettingsError."""
    try:
        by = ColumnMapping.from_toml(path.read_text(encoding="utf-8"))
    except ColumnMappingError as error:
        raise SettingsError(f"the map {path} {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the map {path} cannot be read: name a TOML file in UTF-8") from error

    def source(file: BinaryIO, name: Path) -> Found:
        for number, row in iter_rows(file, _layout(name)):
            yield number, _mapped(row, by)

    return source


def _mapped(row: dict[str, object] | InvalidLine, by: ColumnMapping) -> LogEntry | InvalidLine:
    if isinstance(row, InvalidLine):
        return row
    try:
        return map_row(row, by)
    except InvalidLine as error:
        return error


def _layout(name: Path) -> Layout:
    return "csv" if ".csv" in name.suffixes else "jsonl"


def _look_at(files: Sequence[Path]) -> None:
    """All of them before the first is read. Raises SettingsError."""
    for file in files:
        if file != STDOUT and not file.exists():
            raise SettingsError(f"there is no file {file}: name files that `suggest export` wrote, or - for stdin")
        if file.is_dir():
            raise SettingsError(f"{file} is a folder: name the files in it")


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Raises Failed where it cannot be read."""
    try:
        if path == STDOUT:
            with open_decompressed(sys.stdin.buffer) as file:
                yield file
        else:
            with open_log(path) as file:
                yield file
    except OSError as error:
        raise Failed(f"{path} cannot be read: {error.strerror}") from error


async def _read(path: Path, source: Source, judge: Judge, tally: Tally) -> None:
    """Raises Failed for a file that is no choice log at all."""
    name = "stdin" if path == STDOUT else str(path)
    batch: list[tuple[int, LogEntry]] = []
    good, told, first = 0, len(tally.refused), None
    with _opened(path) as file:
        for number, found in source(file, path):
            if isinstance(found, InvalidLine):
                _refuse(tally, name, number, str(found), told=told)
                first = first or f"line {number} {found}"
            else:
                good += 1
                batch.append((number, found))
            if first and not good and len(tally.refused) - told >= _TRIED:
                break
            if len(batch) >= AT_ONCE:
                await _take(batch, judge, tally, name, told=told)
                batch = []
    if first and not good:
        raise Failed(f"{name} is no choice log: {first}")
    await _take(batch, judge, tally, name, told=told)


async def _take(batch: list[tuple[int, LogEntry]], judge: Judge, tally: Tally, name: str, *, told: int) -> None:
    if not batch:
        return
    for (number, _), verdict in zip(batch, await judge([entry for _, entry in batch]), strict=True):
        if verdict in {"new", "known"}:
            tally.counts[verdict] += 1
        else:
            _refuse(tally, name, number, _REASONS[verdict], told=told)


def _refuse(tally: Tally, name: str, number: int, reason: str, *, told: int) -> None:
    tally.counts["refused"] += 1
    if len(tally.refused) - told < _TOLD:
        tally.refused.append(Refused(file=name, line=number, reason=reason))


def tell(tally: Tally, words: str) -> None:
    """Each refused line on stderr, and the sum. Raises Failed where a line was refused."""
    for one in tally.refused:
        print(f"{one.file}:{one.line}: {one.reason}", file=sys.stderr)
    if (more := tally.counts["refused"] - len(tally.refused)) > 0:
        print(f"and {more} more lines", file=sys.stderr)
    summary = f"{tally.counts['new']} requests {words}; {tally.counts['known']} were there already"
    if tally.counts["refused"]:
        raise Failed(f"{summary}; {tally.counts['refused']} lines refused, told above")
    print(summary, file=sys.stderr)


def tell_programs(tally: Tally) -> None:
    """The same as JSON on stdout. Raises Failed where a line was refused."""
    refused = [{"file": one.file, "line": one.line, "reason": one.reason} for one in tally.refused]
    counts = tally.counts
    print(json.dumps({"imported": counts["new"], "known": counts["known"], "refused": refused,
                      "refused_count": counts["refused"]}, ensure_ascii=False))  # fmt: skip
    if counts["refused"]:
        raise Failed(f"{counts['refused']} lines were refused")
