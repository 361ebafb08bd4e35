"""`suggest import`: records requests from files; each line is checked, and none is recorded twice."""

import asyncio
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
from cli.render.json import list_import, to_json
from cli.render.text import imports as text
from cli.settings import Settings, load_settings
from storage.records import LogEntry
from storage.repositories.audit import Audit
from storage.repositories.imports import AT_ONCE, ImportVerdict, LogImporter

_MAX_LISTED: Final = 100
"""Refused lines that are told for each file; the rest is counted."""

_MAX_BAD_START: Final = 20
"""Lines that may be wrong from the start before the file is taken for something else."""

NumberedEntries = Iterator[tuple[int, LogEntry | InvalidLine]]
EntryReader = Callable[[BinaryIO, Path], NumberedEntries]
"""How a file's lines become requests; the name tells which layout it has."""

EntryJudge = Callable[[Sequence[LogEntry]], Awaitable[list[ImportVerdict]]]

Redaction = Callable[[LogEntry], LogEntry]
"""What is kept of a request's texts."""

_REASONS: Final[dict[ImportVerdict, str]] = {
    "differs": "request.id: the log has another request under this id, which was left as it is",
    "candidate_taken": "candidates: one has an id that belongs to another request",
    "choice_taken": "choice.id: belongs to another request",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedLine:
    """A line that was not taken, and why."""

    file: str
    line: int
    reason: str


@dataclass(slots=True, kw_only=True)
class ImportTally:
    """The numbers of `new`, `known` and `refused` lines, and the first of those refused in each file."""

    is_rehearsal: bool
    counts: Counter[str] = field(default_factory=Counter)
    refused: list[RefusedLine] = field(default_factory=list)


def run(
    *,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="JSON Lines, packed ones too; - is stdin.")],
    mapping: Annotated[
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
    reader = read_log if mapping is None else make_mapped_reader(mapping)
    work = rehearse_import if dry_run else import_files
    tally = asyncio.run(work(locate_database(database), files, reader, choose_redaction(load_settings())))
    if as_json:
        print(to_json(list_import(tally)))
    else:
        print(text.render_tally(tally), file=sys.stderr, end="")
    if refused := tally.counts["refused"]:
        raise Failed(f"{refused} lines were refused" if as_json else text.summarise_tally(tally))


async def import_files(
    location: Location, files: Sequence[Path], reader: EntryReader, redact: Redaction
) -> ImportTally:
    """Record the requests that are new. Raises SettingsError, Failed."""
    _check_files(files)
    tally = ImportTally(is_rehearsal=False)
    async with open_or_create(location) as records:
        for file in files:
            before = Counter(tally.counts)
            await _read_file(
                file, _redact_entries(reader, redact), LogImporter(records.database, FIELDS).import_new, tally
            )
            data = {"imported": tally.counts["new"] - before["new"], "known": tally.counts["known"] - before["known"]}
            await Audit(records.database).record(at=wiring.now(), actor="cli", action="import", data=data)
    return tally


async def rehearse_import(
    location: Location, files: Sequence[Path], reader: EntryReader, redact: Redaction
) -> ImportTally:
    """Judge each request as `import_files` would, and record none. Raises SettingsError, Failed."""
    _check_files(files)
    tally = ImportTally(is_rehearsal=True)
    async with _open_check(location) as judge:
        for file in files:
            await _read_file(file, _redact_entries(reader, redact), judge, tally)
    return tally


@asynccontextmanager
async def _open_check(location: Location) -> AsyncIterator[EntryJudge]:
    """Yield a judge that writes nothing; in a database without a log every request is new."""
    if await is_unset(location):
        yield _judge_as_new
        return
    async with open_existing(location) as database:
        yield LogImporter(database, FIELDS).compare


async def _judge_as_new(entries: Sequence[LogEntry]) -> list[ImportVerdict]:
    return ["new"] * len(entries)


def choose_redaction(settings: Settings) -> Redaction:
    """Choose what is kept of texts, by SUGGEST_STORE_TEXT and the playbook. Raises PlaybookError."""
    playbook = load_playbook(settings.suggest_playbook)
    recogniser = Recogniser(rules=playbook.redact, regions=playbook.phone_regions, allowed_text=playbook.text)
    return lambda entry: redact_entry(entry, settings.suggest_store_text, recogniser)


def _redact_entries(reader: EntryReader, redact: Redaction) -> EntryReader:
    """Make a reader whose entries are redacted."""

    def read_and_redact(file: BinaryIO, name: Path) -> NumberedEntries:
        for number, found in reader(file, name):
            yield number, found if isinstance(found, InvalidLine) else redact(found)

    return read_and_redact


def read_log(file: BinaryIO, _: Path) -> NumberedEntries:
    """Read lines of the choice log."""
    for number, line in iter_lines(file):
        yield number, _parse_line(line)


def _parse_line(line: bytes | InvalidLine) -> LogEntry | InvalidLine:
    if isinstance(line, InvalidLine):
        return line
    try:
        return read_line(line)
    except InvalidLine as error:
        return error


def make_mapped_reader(path: Path) -> EntryReader:
    """Make a reader for another system's lines, by a mapping of its columns. Raises SettingsError."""
    try:
        mapping = ColumnMapping.from_toml(path.read_text(encoding="utf-8"))
    except ColumnMappingError as error:
        raise SettingsError(f"the map {path} {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the map {path} cannot be read: name a TOML file in UTF-8") from error

    def reader(file: BinaryIO, name: Path) -> NumberedEntries:
        for number, row in iter_rows(file, _detect_layout(name)):
            yield number, _map_row(row, mapping)

    return reader


def _map_row(row: dict[str, object] | InvalidLine, mapping: ColumnMapping) -> LogEntry | InvalidLine:
    if isinstance(row, InvalidLine):
        return row
    try:
        return map_row(row, mapping)
    except InvalidLine as error:
        return error


def _detect_layout(name: Path) -> Layout:
    return "csv" if ".csv" in name.suffixes else "jsonl"


def _check_files(files: Sequence[Path]) -> None:
    """Check all files before the first is read. Raises SettingsError."""
    for file in files:
        if file != STDOUT and not file.exists():
            raise SettingsError(f"there is no file {file}: name files that `suggest export` wrote, or - for stdin")
        if file.is_dir():
            raise SettingsError(f"{file} is a folder: name the files in it")


@contextmanager
def _open_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file, compressed or not, or stdin. Raises Failed if it cannot be read."""
    try:
        if path == STDOUT:
            with open_decompressed(sys.stdin.buffer) as file:
                yield file
        else:
            with open_log(path) as file:
                yield file
    except OSError as error:
        raise Failed(f"{path} cannot be read: {error.strerror}") from error


async def _read_file(path: Path, reader: EntryReader, judge: EntryJudge, tally: ImportTally) -> None:
    """Read a file and judge its requests, in batches. Raises Failed for a file that is no choice log at all."""
    name = "stdin" if path == STDOUT else str(path)
    batch: list[tuple[int, LogEntry]] = []
    accepted, refused_before, first = 0, len(tally.refused), None
    with _open_file(path) as file:
        for number, found in reader(file, path):
            if isinstance(found, InvalidLine):
                _refuse(tally, name, number, str(found), refused_before=refused_before)
                first = first or f"line {number} {found}"
            else:
                accepted += 1
                batch.append((number, found))
            if first and not accepted and len(tally.refused) - refused_before >= _MAX_BAD_START:
                break
            if len(batch) >= AT_ONCE:
                await _judge_batch(batch, judge, tally, name, refused_before=refused_before)
                batch = []
    if first and not accepted:
        raise Failed(f"{name} is no choice log: {first}")
    await _judge_batch(batch, judge, tally, name, refused_before=refused_before)


async def _judge_batch(
    batch: list[tuple[int, LogEntry]], judge: EntryJudge, tally: ImportTally, name: str, *, refused_before: int
) -> None:
    """Judge a batch, and add the verdicts to the tally."""
    if not batch:
        return
    for (number, _), verdict in zip(batch, await judge([entry for _, entry in batch]), strict=True):
        if verdict in {"new", "known"}:
            tally.counts[verdict] += 1
        else:
            _refuse(tally, name, number, _REASONS[verdict], refused_before=refused_before)


def _refuse(tally: ImportTally, name: str, number: int, reason: str, *, refused_before: int) -> None:
    """Count a refused line, and keep it for the listing unless that is full."""
    tally.counts["refused"] += 1
    if len(tally.refused) - refused_before < _MAX_LISTED:
        tally.refused.append(RefusedLine(file=name, line=number, reason=reason))
