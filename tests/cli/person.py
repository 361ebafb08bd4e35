"""A person at a terminal: types into a real pseudo-terminal, and reads what stands there."""

import errno
import fcntl
import os
import pty
import re
import select
import struct
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.nursery import Command, started

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\r")


class Person:
    """Watches one command; `screen` is all that was written so far, without colours."""

    def __init__(self, process: Command, terminal: int) -> None:
        self.raw = b""
        self._process = process
        self._terminal = terminal
        self._read = 0

    @property
    def screen(self) -> str:
        return _CONTROL.sub("", self.raw.decode(errors="replace"))

    def sees(self, text: str, *, within_s: float = 120.0) -> str:
        """Waits until `text` stands there, after what was seen last; all that is new up to it."""
        deadline = time.monotonic() + within_s
        while (found := self.screen.find(text, self._read)) < 0:
            if time.monotonic() > deadline or not self._more():
                raise AssertionError(f"{text!r} does not appear:\n{self.screen[self._read :]}")
        new = self.screen[self._read : found + len(text)]
        self._read = found + len(text)
        return new

    def types(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def presses_ctrl_c(self) -> None:
        self.types("\x03")

    def waits_until_asked(self, *, within_s: float = 120.0) -> None:
        """Waits until the command sleeps over its prompt: readline would keep a Ctrl-C before that for the next key."""
        deadline = time.monotonic() + within_s
        while Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(") ")[2][0] != "S":
            if time.monotonic() > deadline or not self._more():
                raise AssertionError(f"nothing is asked:\n{self.screen[self._read :]}")

    def leaves(self) -> int:
        """The exit code, once the command has ended."""
        while self._more():
            pass
        return self._process.wait(timeout=120)

    def _more(self) -> bool:
        """Reads what there is, for a while. False once the terminal is closed."""
        ready, _, _ = select.select([self._terminal], [], [], 0.2)
        if not ready:
            return True
        try:
            data = os.read(self._terminal, 65536)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return False
        self.raw += data
        return bool(data)


@contextmanager
def at_terminal(
    *args: str, env: dict[str, str] | None = None, cwd: Path | None = None, width: int = 100, height: int = 40
) -> Iterator[Person]:
    """`suggest args…`, as a person runs it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
    try:
        with started(*args, env={"TERM": "xterm-256color", **(env or {})}, folder=cwd, terminal=theirs) as process:
            os.close(theirs)
            yield Person(process, ours)
    finally:
        os.close(ours)
