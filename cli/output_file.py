"""Output to stdout, a pipe, or a file that is whole or not there at all; compressed if its name says so."""

import contextlib
import gzip
import os
import secrets
import signal
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, NoReturn, cast

from cli.errors import Failed

STDOUT: Final = Path("-")
BUFFER: Final = 1024 * 1024
PRIVATE: Final = 0o600
"""For its owner only: it may hold what people wrote."""
PUBLIC: Final = 0o644

_LEVEL: Final = 6
_SQLITE_ENDS: Final = ("-journal", "-wal", "-shm")
"""SQLite's own files beside a database that is being written."""


@contextmanager
def open_output(output: Path, *, mode: int = PRIVATE) -> Iterator[BinaryIO]:
    """Open stdout, a pipe or a file for writing; `mode` is that of a new file.

    Raises Failed if it cannot be written, BrokenPipeError if a reader leaves early.
    """
    try:
        if output == STDOUT:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        elif not is_regular_target(output):
            with output.open("wb", buffering=BUFFER) as file, open_compressed(file, output) as plain:
                yield plain
        else:
            with open_atomic(output.resolve(), mode=mode) as file, open_compressed(file, output) as plain:
                yield plain
    except BrokenPipeError:
        raise
    except OSError as error:
        name = "stdout" if output == STDOUT else str(output)
        raise Failed(f"{name} cannot be written: {error.strerror}") from error


def is_regular_target(output: Path) -> bool:
    """Return False for stdout, and for a pipe or a device, which is not to be replaced by a file."""
    if output == STDOUT:
        return False
    try:
        return stat.S_ISREG(output.stat().st_mode)
    except OSError:  # it is not there, or opening it will tell why not
        return True


def describe_unfinished(output: Path) -> str:
    """Say what there is of an output whose writing was stopped."""
    if not is_regular_target(output):
        return "what was written is a part only; the same command begins again"
    return f"{output} is as it was before; the same command begins again"


@contextmanager
def open_compressed(file: BinaryIO, name: Path) -> Iterator[BinaryIO]:
    """Compress by the name's ending: .gz is gzip, .zst is Zstandard, anything else stays plain."""
    if name.suffix == ".gz":
        with gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=_LEVEL, mtime=0) as plain:
            yield cast("BinaryIO", plain)
    elif name.suffix == ".zst":
        import zstandard

        with zstandard.ZstdCompressor().stream_writer(file, closefd=False) as plain:
            yield cast("BinaryIO", plain)
    else:
        yield file


@contextmanager
def open_atomic(path: Path, *, mode: int = PRIVATE) -> Iterator[BinaryIO]:
    """Open a file that takes its name once everything is on the disk; else nothing of it stays."""
    with replace_whole(path, mode=mode) as part_file, _open_nameless(part_file) as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
        if not part_file.exists():
            # src_dir_fd says nothing here, but makes Python follow the link to what has no name yet
            os.link(f"/proc/self/fd/{file.fileno()}", part_file, src_dir_fd=file.fileno(), follow_symlinks=True)


@contextmanager
def replace_whole(path: Path, *, mode: int = PRIVATE) -> Iterator[Path]:
    """Yield a name beside `path`; the file that is there at the end takes its place, else nothing of it stays.

    One that replaces another has that one's mode.
    """
    part_file = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with _exit_at_sigterm():
            yield part_file
        part_file.chmod(path.stat().st_mode & 0o777 if path.exists() else mode)  # whatever the umask left of it
        part_file.replace(path)
        _sync_folder(path.parent)
    finally:
        for end in ("", *_SQLITE_ENDS):
            part_file.with_name(part_file.name + end).unlink(missing_ok=True)


def _open_nameless(part_file: Path) -> BinaryIO:
    """Open a file without a name, of which a killed process leaves nothing; else one at `part_file`."""
    with contextlib.suppress(OSError, AttributeError):
        descriptor = os.open(part_file.parent, os.O_TMPFILE | os.O_WRONLY, PRIVATE)
        if Path(f"/proc/self/fd/{descriptor}").exists():
            return os.fdopen(descriptor, "wb", buffering=BUFFER)
        os.close(descriptor)
    return os.fdopen(os.open(part_file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE), "wb", buffering=BUFFER)


@contextmanager
def _exit_at_sigterm() -> Iterator[None]:
    """Exit at SIGTERM as an exception does, so that files are tidied up; in the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _exit)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _exit(number: int, _: object) -> NoReturn:
    raise SystemExit(128 + number)


def _sync_folder(folder: Path) -> None:
    """Sync a folder, so that a new name in it is on the disk too."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
