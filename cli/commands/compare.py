"""`suggest compare`: sets two versions side by side, blind, and records which text people prefer."""

import asyncio
import getpass
import io
import random
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from bot.comparing.pairs import Comparison, ComparisonError, pair_outputs
from bot.comparing.review import Answer, AnsweredElsewhere, Display, Review, ReviewTools
from bot.playbook import load_playbook
from bot.privacy.detectors import Recogniser
from bot.privacy.import_redaction import redact_entry
from bot.text_limits import clean
from cli import __version__, logs, wiring
from cli.choice_source import read_lines
from cli.database_location import locate_database, open_or_create
from cli.errors import SettingsError
from cli.options import DatabaseFile
from cli.render.printable import make_printable
from cli.render.text import compare as text
from cli.settings import Settings, load_settings
from cli.terminal import Terminal
from storage.records import LogEntry

ANSWERS: Final[dict[str, Answer]] = {"1": "first", "2": "second", "t": "tie", "b": "both_bad", "s": "skip"}
ELSEWHERE: Final = "This row was answered elsewhere under the same reviewer's name; that answer stands."
NOTE_NOT_KEPT: Final = "The note was not kept, since its row has no answer."
NOTHING_TO_UNDO: Final = "There is no answer to take back."

_LONGEST_NAME: Final = 64


def run(
    *,
    output: Annotated[
        list[Path] | None,
        typer.Option("--output", metavar="FILE", help="The output of a version, twice: of `suggest batch`."),
    ] = None,
    reviewer: Annotated[str | None, typer.Option(metavar="NAME", help="Who answers. [default: the login]")] = None,
    terminal: Annotated[bool, typer.Option("--terminal", help="Ask here, one answer a line.")] = False,
    database: DatabaseFile = None,
) -> None:
    """Set two versions side by side, blind, and record picks.

    Which text comes first is drawn for each row and reviewer. Each answer is recorded at once; the same command goes on
    where it was. Nothing tells the versions apart before the last row.

    Example: suggest compare --output a.jsonl --output b.jsonl --terminal
    """
    settings = load_settings()
    logs.configure_for_command(settings)
    if not terminal:
        raise SettingsError("give --terminal")
    name = choose_reviewer(reviewer)
    comparison = read_outputs(output or [])
    asyncio.run(review_all(settings, comparison, name, database))


def choose_reviewer(given: str | None) -> str:
    """Choose the reviewer's name, which is the login's by default. Raises SettingsError."""
    try:
        name = clean(getpass.getuser() if given is None else given).strip()
    except (OSError, KeyError, ImportError):
        raise SettingsError("this login has no name: give --reviewer NAME") from None
    if not 1 <= len(name) <= _LONGEST_NAME:
        raise SettingsError(f"--reviewer must be a name of 1 to {_LONGEST_NAME} characters")
    return name


def read_outputs(files: list[Path]) -> Comparison:
    """Read the outputs of two versions. Raises SettingsError, Failed."""
    if len(files) != 2:
        raise SettingsError("--output must be given twice: once for each version")
    a, b = ([line.entry for line in read_lines(file)] for file in files)
    try:
        return pair_outputs((a, b), (str(files[0]), str(files[1])))
    except ComparisonError as error:
        raise SettingsError(str(error)) from error


async def review_all(settings: Settings, comparison: Comparison, reviewer: str, database: Path | None) -> None:
    """Ask for all rows in the terminal. Raises SettingsError, Failed."""
    for row, reason in comparison.left_out:
        print(f"row {row}: {reason}", file=sys.stderr)
    async with open_or_create(locate_database(database)) as records:
        review = Review(comparison, reviewer, make_tools(settings, records))
        await review.load()
        await TerminalReview(review).run()


def make_tools(settings: Settings, records: wiring.Records) -> ReviewTools:
    """Make the parts of a review. Raises PlaybookError."""
    playbook = load_playbook(settings.suggest_playbook)
    recogniser = Recogniser(rules=playbook.redact, regions=playbook.phone_regions, allowed_text=playbook.text)

    def redact(entry: LogEntry) -> LogEntry:
        return redact_entry(entry, settings.suggest_store_text, recogniser)

    return ReviewTools(
        database=records.database,
        requests=records.requests,
        choices=records.choices,
        redact=redact,
        rng=random.SystemRandom(),
        now=wiring.now,
        new_id=wiring.new_id,
        app_version=__version__,
    )


@dataclass(slots=True)
class TerminalReview:
    """A review by lines of stdin, a terminal's or a pipe's. A note goes with the answer to the row on show."""

    review: Review
    note: str | None = None

    async def run(self) -> None:
        """Ask until all rows are answered, or the reviewer leaves."""
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(errors="replace")
        while (display := await self.review.show_next()) is not None:
            print(text.render_display(display))
            if not await self._ask(display):
                return
        print(text.render_end(self.review.comparison.names, self.review.outcomes))

    async def _ask(self, display: Display) -> bool:
        """Ask until there is another row to show. False if the reviewer leaves."""
        while True:
            line = _read_line()
            if line is None or line.lower() == "q":
                self._leave()
                return False
            try:
                if await self._carry_out(display, line):
                    self.note = None
                    return True
            except AnsweredElsewhere:
                print(ELSEWHERE)
                return True

    async def _carry_out(self, display: Display, line: str) -> bool:
        """Do what a line asks for. True if another row is to be shown."""
        if answer := ANSWERS.get(line.lower()):
            await self.review.answer(display, answer, note=self.note)
            if answer == "skip" and self.note:
                print(NOTE_NOT_KEPT)
            return True
        if line.lower() == "u":
            if await self.review.undo():
                return True
            print(NOTHING_TO_UNDO)
        elif line[:2].lower() == "n " and line[2:].strip():
            self.note = clean(line[2:].strip())
            print("Noted: it is kept with the answer.")
        else:
            print(f"Please answer with one of these: {text.KEYS}")
        return False

    def _leave(self) -> None:
        print(make_printable(f"Left at this row: the same command goes on here, as reviewer {self.review.reviewer}."))
        if self.note:
            print(NOTE_NOT_KEPT)


def _read_line() -> str | None:
    """Read an answer; None at the end of input."""
    question = f"{text.KEYS}: "
    if sys.stdin.isatty():
        return Terminal.for_people(editor=None).ask(question)
    print(question)
    line = sys.stdin.readline()
    return line.strip() if line else None
