"""Commands as processes that start at once: forked off one that has everything imported already (see `launcher`).

An interpreter takes two seconds of CPU to import what most commands need. What is started here is a real process, with
its own signals, terminal, limits and exit code; only the import is shared. It ends without `atexit`. Tests of the very
start, and of the very end, use `subprocess`.
"""

import atexit
import functools
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parent.parent


class Nursery:
    """The process that others are forked off."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.launcher"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._turn = threading.Lock()
        atexit.register(self.close)

    def order(self, **order: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._turn:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
            answer: dict[str, Any] = json.loads(self._process.stdout.readline())
            return answer

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.communicate()


@functools.cache
def the_nursery() -> Nursery:
    """The one of this process, from the first time that it is needed."""
    return Nursery()


def close_the_nursery() -> None:
    """It ends, if it was needed. What it has measured is kept."""
    if the_nursery.cache_info().currsize:
        the_nursery().close()


class Command:
    """`suggest args…`, running. As far as it goes, like `subprocess.Popen` with text."""

    def __init__(
        self,
        *args: str,
        env: Mapping[str, str] | None = None,
        folder: Path | None = None,
        stdin: bytes = b"",
        terminal: int | None = None,
        file_limit: int | None = None,
    ) -> None:
        """`terminal` is what it reads from and writes to; without one these are pipes, the first with `stdin` (64 KB
        at most). No file of its may grow beyond `file_limit` bytes.
        """
        self.stdout: IO[str] | None = None
        self.stderr: IO[str] | None = None
        theirs = [terminal] * 3 if terminal is not None else self._pipes(stdin)
        names = (f"/proc/{os.getpid()}/fd/{descriptor}" for descriptor in theirs)
        order = {
            "args": args,
            "env": {**os.environ, **(env or {})},
            "folder": str(folder or Path.cwd()),
            **dict(zip(("stdin", "stdout", "stderr"), names, strict=True)),
            "has_terminal": terminal is not None,
            "file_limit": file_limit,
        }
        self.pid: int = the_nursery().order(**order)["pid"]
        self.returncode: int | None = None
        self._pidfd = os.pidfd_open(self.pid)
        if terminal is None:
            for descriptor in theirs:
                os.close(descriptor)

    def _pipes(self, content: bytes) -> list[int]:
        """The process's ends of new pipes: of one with this content, and of those that it writes to."""
        stdin, filled = os.pipe()
        os.write(filled, content)
        os.close(filled)
        (out, stdout), (err, stderr) = os.pipe(), os.pipe()
        self.stdout, self.stderr = os.fdopen(out, encoding="utf-8"), os.fdopen(err, encoding="utf-8")
        return [stdin, stdout, stderr]

    def send_signal(self, number: int) -> None:
        signal.pidfd_send_signal(self._pidfd, number)

    def poll(self) -> int | None:
        """The exit code once it has ended, negative where a signal ended it."""
        return self._wait(0)

    def wait(self, timeout: float = 120) -> int:
        """The exit code. Raises TimeoutError."""
        if (code := self._wait(timeout)) is None:
            raise TimeoutError
        return code

    def communicate(self, timeout: float = 120) -> tuple[str, str]:
        """All that it writes from now on, to stdout and to stderr, and its end."""
        assert self.stdout is not None
        assert self.stderr is not None
        with ThreadPoolExecutor() as threads:
            out, err = threads.map(lambda stream: stream.read(), (self.stdout, self.stderr))
        self.wait(timeout)
        return out, err

    def close(self) -> None:
        """It ends, if it has not ended."""
        if self.poll() is None:
            self.send_signal(signal.SIGKILL)
            self.wait()
        os.close(self._pidfd)
        for stream in (self.stdout, self.stderr):
            if stream is not None:
                stream.close()

    def _wait(self, timeout: float) -> int | None:
        if self.returncode is None and select.select([self._pidfd], [], [], timeout)[0]:
            self.returncode = the_nursery().order(reap=self.pid)["code"]
        return self.returncode


@contextmanager
def started(*args: str, **how: Any) -> Iterator[Command]:
    """`suggest args…`; it does not outlive the block."""
    command = Command(*args, **how)
    try:
        yield command
    finally:
        command.close()
