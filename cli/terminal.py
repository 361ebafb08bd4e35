"""Input and output of a person at a terminal. Texts of customers and models are shown, never obeyed."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Self

from rich.console import Console, RenderableType
from rich.text import Text

from cli.errors import Failed
from cli.render.printable import make_printable

LINE_BREAK: Final = "⏎"
"""Stands for a line break where a text is edited in one line."""

_LONG_AGO: Final = 1


class Terminal:
    """A terminal: shows on stdout, asks on stdin. If it is not `is_interactive`, nothing may be asked."""

    def __init__(self, *, console: Console, notes: Console, editor: str | None = None) -> None:
        self.console = console
        self._notes = notes
        self._editor = editor

    @classmethod
    def for_people(cls, *, editor: str | None) -> Self:
        """Make a terminal with everything on stdout."""
        console = Console(highlight=False, markup=False, emoji=False)
        return cls(console=console, notes=console, editor=editor)

    @classmethod
    def for_json(cls) -> Self:
        """Make a terminal whose stdout is for JSON: notes go to stderr, and nothing is shown or asked."""
        return cls(console=Console(quiet=True), notes=Console(stderr=True, highlight=False))

    @property
    def is_interactive(self) -> bool:
        """True if a person is at both stdin and stdout."""
        return not self.console.quiet and sys.stdin.isatty() and sys.stdout.isatty()

    def show(self, screen: RenderableType) -> None:
        self.console.print(screen)

    def say(self, text: str, *, style: str = "") -> None:
        """Print a text as it is, wrapped at words."""
        self.console.print(Text(make_printable(text), style=style))

    def hand_over(self, text: str) -> None:
        """Print a text to be copied: not a line break is added."""
        self.console.print(Text(make_printable(text)), soft_wrap=True)

    def note(self, text: str, *, style: str = "dim") -> None:
        """Print a fact beside what was asked for."""
        self._notes.print(Text(make_printable(text), style=style), soft_wrap=True)

    def ask(self, question: str, *, prefilled: str = "") -> str | None:
        """Ask for one line; None after Ctrl-C or Ctrl-D. `prefilled` stands in it, to be changed."""
        with _handle_interrupts(signal.default_int_handler), _prefill_line(prefilled):
            try:
                return input(question).strip()
            except (EOFError, KeyboardInterrupt):
                print()
                return None

    def edit(self, text: str) -> str | None:
        """Let the user rewrite a text, in their editor or, without one, in the line.

        Returns None if it was left as it is. Raises Failed if the editor did not work.
        """
        if self._editor is not None:
            return _run_editor(text, self._editor)
        self.say(f"Change the text and press Enter; {LINE_BREAK} is a line break, Ctrl-C cancels.")
        line = self.ask("> ", prefilled=text.replace("\n", LINE_BREAK))
        return None if line is None else line.replace(LINE_BREAK, "\n")


def confirm(question: str) -> bool:
    """Ask for a yes; anything else, and Ctrl-C, is none."""
    try:
        return input(question).strip().lower() == "yes"
    except (EOFError, KeyboardInterrupt):
        print()
        return False


def _run_editor(text: str, editor: str) -> str | None:
    """Run the user's editor on a file with the text; None if it was not saved. Raises Failed."""
    with tempfile.TemporaryDirectory(prefix="suggest-") as folder:
        file = Path(folder) / "draft.txt"
        file.write_text(text + "\n", encoding="utf-8")
        os.utime(file, (_LONG_AGO, _LONG_AGO))
        try:
            # Ctrl-C in the editor is the editor's; a handler of our own is not inherited, as SIG_IGN would be.
            with _handle_interrupts(lambda *_: None):
                code = subprocess.run([*shlex.split(editor), str(file)], check=False).returncode  # noqa: S603 - the user's own
        except (OSError, ValueError) as error:
            raise Failed(f"the editor {editor!r} cannot be started: set EDITOR to one that can") from error
        if code != 0:
            raise Failed(f"the editor {editor!r} ended with code {code}: nothing was changed")
        if file.stat().st_mtime == _LONG_AGO:
            return None
        return file.read_text(encoding="utf-8", errors="replace")


@contextlib.contextmanager
def _handle_interrupts(handler: Callable[..., Any]) -> Iterator[None]:
    """Replace the handler of Ctrl-C: asyncio's own would only note it while a question is asked."""
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _prefill_line(text: str) -> Iterator[None]:
    try:
        import readline
    except ImportError:  # not on every platform: the line begins empty
        yield
        return
    readline.set_startup_hook(lambda: readline.insert_text(text))
    try:
        yield
    finally:
        readline.set_startup_hook(None)
