"""The lines of a file, one at a time. A line that is too long is passed over in pieces, never held."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import zstandard

from bot.choice_log.reader import InvalidLine

LONGEST_LINE: Final = 16 * 1024 * 1024
"""Bytes. The longest request that can be made has K times 2,500 characters of drafts and 40,000 of conversation."""

_PIECE: Final = 1024 * 1024
_PACKED_PIECE: Final = 1024
"""A kilobyte of Zstandard holds 32 MB at most."""

_GZIP: Final = b"\x1f\x8b"
_ZSTANDARD: Final = b"\x28\xb5\x2f\xfd"


class LineTooLong(InvalidLine):
    def __init__(self, limit: int) -> None:
        super().__init__("", f"is longer than {limit // 2**20} MiB: no request is")


@contextmanager
def open_log(path: Path) -> Iterator[BinaryIO]:
    """Open a file, decompressed if it begins as gzip or Zstandard do, whatever its name. Raises OSError."""
    with path.open("rb", buffering=_PIECE) as file, open_decompressed(file) as plain:
        yield plain


@contextmanager
def open_decompressed(file: Any) -> Iterator[BinaryIO]:
    """Wrap a buffered stream, decompressed if it begins as gzip or Zstandard do."""
    start = file.peek(4)[:4]
    if start.startswith(_GZIP):
        with gzip.GzipFile(fileobj=file) as plain:
            yield cast("BinaryIO", plain)
    elif start == _ZSTANDARD:
        yield cast("BinaryIO", io.BufferedReader(_ZstandardStream(file), _PIECE))
    else:
        yield file


class _ZstandardStream(io.RawIOBase):
    """A decompressed Zstandard file. Raises EOFError if it ends in the middle: the library's reader does not."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._packed = b""
        self._plain = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._plain:
            packed = self._packed or self._file.read(_PACKED_PIECE)
            if not packed and self._frame is not None:
                raise EOFError
            if not packed:
                return 0
            self._unpack(packed)
        count = min(len(buffer), len(self._plain))
        buffer[:count] = self._plain[:count]
        self._plain = self._plain[count:]
        return count

    def _unpack(self, packed: bytes) -> None:
        frame = self._frame or zstandard.ZstdDecompressor().decompressobj()
        self._plain = memoryview(frame.decompress(packed))
        self._packed = frame.unused_data if frame.eof else b""
        self._frame = None if frame.eof else frame


def iter_lines(file: BinaryIO, *, limit: int = LONGEST_LINE) -> Iterator[tuple[int, bytes | InvalidLine]]:
    """Iterate over (number from 1, line without its end), past blank lines; InvalidLine for one that cannot be read.

    The last line needs no newline. Raises OSError where the file cannot be read on.
    """
    number = 0
    while True:
        try:
            line = file.readline(limit + 1)
            number += 1
            if len(line) > limit and not line.endswith(b"\n"):
                _skip_line(file)
                yield number, LineTooLong(limit)
                continue
        except (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError) as error:
            yield number + 1, InvalidLine("", _describe_failure(error))
            return
        if not line:
            return
        if line := line.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else line.strip():
            yield number, line


def _describe_failure(error: Exception) -> str:
    if isinstance(error, EOFError):
        return "the compressed file ends in the middle: copy it again"
    return "the compressed file is damaged from here on: copy it again"


def _skip_line(file: BinaryIO) -> None:
    while (piece := file.readline(_PIECE)) and not piece.endswith(b"\n"):
        pass
