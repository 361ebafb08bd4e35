"""`suggest export`: the choice log, streamed; a file is written whole or not at all."""

import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

from bot.choicelog import csv_header, to_csv_lines, to_json_line
from cli import wiring
from cli.databases import Location, opened_as_it_is
from cli.errors import Failed, SettingsError
from storage.audit import Audit
from storage.choicelog import ChoiceLog, Selection
from storage.database import Database
from storage.records import LogEntry
from storage.tables import to_iso

STDOUT: Final = Path("-")
BUFFER: Final = 1024 * 1024

Format = Literal["jsonl", "csv"]

_WRITERS: Final[dict[Format, tuple[Callable[[], str], Callable[[LogEntry], str]]]] = {
    "jsonl": (str, to_json_line),
    "csv": (csv_header, to_csv_lines),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What to export, how, and where to."""

    selection: Selection
    format: Format
    output: Path = STDOUT


async def export(location: Location, wanted: Export) -> None:
    """Write the log, and on stderr how much that was. Raises SettingsError, Failed."""
    async with opened_as_it_is(location) as database:
        selection = wanted.selection
        if await Audit(database).is_demonstration():
            selection = replace(selection, include_simulated=True)
        left_out = await _left_out(ChoiceLog(database), selection)
        with _destination(wanted.output) as file:
            await _note(database, replace(wanted, selection=selection))
            count = await _write(file, ChoiceLog(database), replace(wanted, selection=selection))
    print(_summary(count, left_out, wanted.output), file=sys.stderr)


def moment(option: str, text: str | None) -> datetime | None:
    """An ISO 8601 date (its midnight) or time, in UTC unless it says otherwise. Raises SettingsError."""
    if text is None:
        return None
    try:
        parsed = datetime.fromisoformat(text.strip())
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise SettingsError(
            f"{option} {text!r} is no date or time: write it like 2026-11-01 or 2026-11-01T09:30Z"
        ) from error


def selected(*, since: str | None, until: str | None, team: str | None, include_simulated: bool) -> Selection:
    """The selection that these options make. Raises SettingsError."""
    selection = Selection(
        since=moment("--since", since),
        until=moment("--until", until),
        team_id=team,
        include_simulated=include_simulated,
    )
    if selection.since and selection.until and selection.since >= selection.until:
        raise SettingsError(f"--since {since!r} is not before --until {until!r}")
    return selection


async def _write(file: BinaryIO, log: ChoiceLog, wanted: Export) -> int:
    header, lines = _WRITERS[wanted.format]
    count = 0
    file.write(header().encode())
    async for entry in log.entries(wanted.selection):
        file.write(lines(entry).encode())
        count += 1
    return count


async def _left_out(log: ChoiceLog, selection: Selection) -> int:
    """How many requests are not exported because they are simulated."""
    if selection.include_simulated:
        return 0
    return await log.count(replace(selection, include_simulated=True)) - await log.count(selection)


async def _note(database: Database, wanted: Export) -> None:
    """Who took what out of the log is noted before anything leaves it."""
    selection = wanted.selection
    data: dict[str, Any] = {
        "format": wanted.format,
        "since": selection.since and to_iso(selection.since),
        "until": selection.until and to_iso(selection.until),
        "team_id": selection.team_id,
        "include_simulated": selection.include_simulated,
        "requests": await ChoiceLog(database).count(selection),
    }
    await Audit(database).record(at=wiring.now(), actor="cli", action="export", data=data)


def _summary(count: int, left_out: int, output: Path) -> str:
    where = "" if output == STDOUT else f" to {output}"
    line = f"{count} request{'' if count == 1 else 's'} exported{where}"
    if left_out:
        line += f"; {left_out} simulated left out (--include-simulated exports them too)"
    return line


@contextmanager
def _destination(output: Path) -> Iterator[BinaryIO]:
    """Where the bytes go. Raises Failed where they cannot; a reader who leaves early is BrokenPipeError."""
    try:
        if output == STDOUT:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        elif output.exists() and not output.is_file():  # a pipe or a device is not to be replaced by a file
            with output.open("wb", buffering=BUFFER) as file:
                yield file
        else:
            with _written_whole(output.resolve()) as file:
                yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        name = "stdout" if output == STDOUT else str(output)
        raise Failed(f"{name} cannot be written: {error.strerror}") from error


@contextmanager
def _written_whole(path: Path) -> Iterator[BinaryIO]:
    """A file beside `path` that takes its place once everything is on the disk."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with beside.open("xb", buffering=BUFFER) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        sync_folder(path.parent)
    finally:
        beside.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """The new name is on the disk too, where folders can be opened."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
