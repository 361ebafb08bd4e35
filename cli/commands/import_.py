"""`suggest import`: records requests from files; each line is checked, and none is recorded twice."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from bot.choice_log import iter_lines, open_decompressed, open_log, read_line
from bot.choice_log.column_mapping import ColumnMapping, iter_rows, map_row
from bot.choice_log.importer import (
    EntryJudge,
    ImportTally,
    NumberedEntries,
    judge_as_new,
    judge_file,
    note_import,
    parse_rows,
    report_verdicts,
)
from bot.playbook import load_playbook, make_recogniser
from bot.privacy.import_redaction import redact_entry
from cli import clock
from cli.database_location import Location, is_unset, locate_database, open_existing, open_or_create
from cli.errors import Failed, SettingsError
from cli.options import ACTOR, DatabaseFile, Json
from cli.output_file import STDOUT
from cli.render.json import list_import
from cli.render.output import print_result
from cli.render.progress import show_progress
from cli.render.text import imports as text
from cli.settings import Settings, load_settings
from cli.stop_signals import explain_interrupt
from storage.records import LogEntry

EntryReader = Callable[[BinaryIO, Path], NumberedEntries]
"""How a file's lines become requests; the name tells which layout it has."""
Note = Callable[[Sequence[str]], None]
"""Is told each batch of verdicts."""


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
    """Import requests from files into the choice log.

    Each line is checked. Good ones are recorded, bad ones told with their line and the reason. What is there already is
    never changed: the same file twice changes nothing.

    Example: suggest import choices.jsonl --dry-run
    """
    found = None if mapping is None else load_mapping(mapping)
    work = rehearse_import if dry_run else import_files
    judged, read = Counter[str](), make_reader(found, load_settings())
    with explain_interrupt(lambda: _describe_stop(judged, dry_run=dry_run)), show_progress("Importing") as advance:

        def note(verdicts: Sequence[str]) -> None:
            judged.update(verdicts)
            advance(len(verdicts))

        tally = asyncio.run(work(locate_database(database), files, read, note))
    summary = text.summarise_tally(tally, "would be imported" if dry_run else "imported")
    refused = tally.counts["refused"]
    if as_json or refused:
        print_result(tally, as_json=as_json, to_text=text.list_refused, to_fields=list_import, text_file=sys.stderr)
    if refused:
        raise Failed(f"{refused} lines were refused" if as_json else summary)
    if not as_json:
        print(summary, file=sys.stderr)


def _describe_stop(judged: Mapping[str, int], *, dry_run: bool) -> str:
    if dry_run:
        return "nothing was recorded, as --dry-run said"
    recorded = judged.get("new", 0)
    return f"{recorded:,} requests are recorded; the same command goes on, and skips those"


async def import_files(location: Location, files: Sequence[Path], read: EntryReader, note: Note) -> ImportTally:
    """Record the requests that are new. Raises SettingsError, Failed."""
    _check_files(files)
    tally = ImportTally()
    async with open_or_create(location) as records:
        for file in files:
            found = await _read_file(file, read, report_verdicts(records.importer.import_new, note))
            await note_import(records.audit, found, actor=ACTOR, at=clock.now())
            tally.add(found)
    return tally


async def rehearse_import(location: Location, files: Sequence[Path], read: EntryReader, note: Note) -> ImportTally:
    """Judge each request as `import_files` would, and record none. Raises SettingsError, Failed."""
    _check_files(files)
    tally = ImportTally()
    async with _open_check(location) as judge:
        for file in files:
            tally.add(await _read_file(file, read, report_verdicts(judge, note)))
    return tally


@asynccontextmanager
async def _open_check(location: Location) -> AsyncIterator[EntryJudge]:
    """Yield a judge that writes nothing; in a database without a log every request is new."""
    if await is_unset(location):
        yield judge_as_new
        return
    async with open_existing(location) as records:
        yield records.importer.compare


def make_reader(mapping: ColumnMapping | None, settings: Settings) -> EntryReader:
    """Make a reader of the choice log, or of another system's lines; texts are kept as SUGGEST_STORE_TEXT says.

    Raises PlaybookError.
    """
    playbook = load_playbook(settings.suggest_playbook)
    recogniser = make_recogniser(playbook)

    def redact(entry: LogEntry) -> LogEntry:
        return redact_entry(entry, settings.suggest_store_text, recogniser)

    def read(file: BinaryIO, name: Path) -> NumberedEntries:
        if mapping is None:
            return parse_rows(iter_lines(file), lambda line: redact(read_line(line)))
        rows = iter_rows(file, "csv" if ".csv" in name.suffixes else "jsonl")
        return parse_rows(rows, lambda row: redact(map_row(row, mapping)))

    return read


def load_mapping(path: Path) -> ColumnMapping:
    """Load a mapping of another system's columns. Raises SettingsError."""
    try:
        return ColumnMapping.from_toml(path.read_text(encoding="utf-8-sig"), source=f"the map {path}")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the map {path} cannot be read: name a TOML file in UTF-8") from error


def _check_files(files: Sequence[Path]) -> None:
    """Check all files before the first is read. Raises SettingsError."""
    for file in files:
        if file != STDOUT and not file.exists():
            raise SettingsError(f"there is no file {file}: name files that `suggest export` wrote, or - for stdin")
        if file.is_dir():
            raise SettingsError(f"{file} is a folder: name the files in it")


async def _read_file(path: Path, read: EntryReader, judge: EntryJudge) -> ImportTally:
    """Read a file and have its requests judged. Raises NoChoiceLog, Failed if it cannot be read."""
    with _open_file(path) as file:
        return await judge_file("stdin" if path == STDOUT else str(path), read(file, path), judge)


@contextmanager
def _open_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file, compressed or not, or stdin. Raises Failed if it cannot be read."""
    try:
        with open_decompressed(sys.stdin.buffer) if path == STDOUT else open_log(path) as file:
            yield file
    except OSError as error:
        raise Failed(f"{path} cannot be read: {error.strerror}") from error
