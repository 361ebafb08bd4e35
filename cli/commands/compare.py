"""`suggest compare`: sets two versions side by side, blind, and records which text people prefer."""

import asyncio
import getpass
import io
import random
import sys
import threading
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from bot.batch.rows import InputError, InputRow, get_layout, iter_input
from bot.choice_log import open_log
from bot.comparing.drafts import (
    DraftingTools,
    PairDrafting,
    Versions,
    choose_template,
    compare_models,
    compare_playbooks,
)
from bot.comparing.pairs import Comparison, pair_outputs
from bot.comparing.review import ANSWERS, AnsweredElsewhere, Display, Review, ReviewTools
from bot.playbook import join_redaction, load_playbook, make_recogniser
from bot.privacy.import_redaction import redact_entry
from bot.templates import Template
from bot.text_limits import clean
from cli import __version__, clock, logs, wiring
from cli.choice_source import explain_unreadable, read_lines
from cli.database_location import locate_database, open_or_create
from cli.errors import Failed, SettingsError
from cli.options import DatabaseFile
from cli.render.printable import make_printable
from cli.render.text import compare as text
from cli.repositories import Records
from cli.settings import Settings, detect_locale, load_settings
from cli.stop_signals import call_at_stop_signals
from cli.terminal import Terminal
from storage.records import LogEntry

ELSEWHERE: Final = "This row was answered elsewhere under the same reviewer's name; that answer stands."
NOTE_NOT_KEPT: Final = "The note was not kept, since its row has no answer."
NOTHING_TO_UNDO: Final = "There is no answer to take back."

_LONGEST_NAME: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareOptions:
    """The options of the command line."""

    output: Annotated[
        list[Path] | None,
        typer.Option("--output", metavar="FILE", help="The output of a version, twice: of `suggest batch`."),
    ] = None
    playbook: Annotated[
        list[Path] | None, typer.Option("--playbook", metavar="FILE", help="Twice, to draft --messages by each.")
    ] = None
    model: Annotated[
        list[str] | None, typer.Option("--model", metavar="NAME", help="Twice, to draft --messages by each.")
    ] = None
    messages: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The rows to draft for: CSV if it is called .csv, else JSON Lines."),
    ] = None
    reviewer: Annotated[str | None, typer.Option(metavar="NAME", help="Who answers. [default: the login]")] = None
    terminal: Annotated[bool, typer.Option("--terminal", help="Ask here, one answer a line.")] = False
    port: Annotated[
        int,
        typer.Option(metavar="N", min=0, max=65535, help="The page's port. [default: a free one]", show_default=False),
    ] = 0
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the page's address.")] = False
    database: DatabaseFile = None


def run(options: CompareOptions) -> None:
    """Set two versions side by side, blind, and record picks.

    Which text comes first is drawn for each row and reviewer. Each answer is recorded at once; the same command goes on
    where it was. Nothing tells the versions apart before the last row.

    Example: suggest compare --output a.jsonl --output b.jsonl --terminal
    """
    settings = load_settings()
    logs.configure_for_command(settings)
    reviewer = choose_reviewer(options.reviewer)
    if options.output:
        source: Comparison | tuple[Versions, list[InputRow]] = read_outputs(options)
    else:
        versions = choose_versions(settings, options)
        source = versions, read_messages(options.messages, choose_template(versions))
    asyncio.run(review_all(settings, options, reviewer, source))


def choose_reviewer(given: str | None) -> str:
    """Choose the reviewer's name, which is the login's by default. Raises SettingsError."""
    try:
        name = clean(getpass.getuser() if given is None else given).strip()
    except (OSError, KeyError, ImportError):
        raise SettingsError("this login has no name: give --reviewer NAME") from None
    if not 1 <= len(name) <= _LONGEST_NAME:
        raise SettingsError(f"--reviewer must be a name of 1 to {_LONGEST_NAME} characters")
    return name


def read_outputs(options: CompareOptions) -> Comparison:
    """Read the outputs of two versions. Raises SettingsError, Failed."""
    files = options.output or []
    if options.playbook or options.model or options.messages:
        raise SettingsError("--output has the texts already: leave --playbook, --model and --messages out")
    if len(files) != 2:
        raise SettingsError("--output must be given twice: once for each version")
    if files[0].resolve() == files[1].resolve():
        raise SettingsError("--output names one file twice: name the outputs of two versions")
    a, b = ([line.entry for line in read_lines(file)] for file in files)
    return pair_outputs((a, b), (str(files[0]), str(files[1])))


def choose_versions(settings: Settings, options: CompareOptions) -> Versions:
    """Choose the two versions to draft by. Raises SettingsError, PlaybookError."""
    playbooks, models = options.playbook or [], options.model or []
    if len(playbooks) + len(models) != 2 or len(playbooks) == 1:
        raise SettingsError("give --output, --playbook or --model twice: once for each version")
    if settings.suggest_store_text == "off":
        raise SettingsError(
            "SUGGEST_STORE_TEXT=off keeps no drafts to compare: draft with `suggest batch`, and give --output twice"
        )
    if models and not settings.has_model:
        raise SettingsError("--model needs a model's server: set OPENAI_API_KEY or OPENAI_BASE_URL")
    if models:
        return compare_models(models, load_playbook(settings.suggest_playbook))
    return compare_playbooks(playbooks)


def read_messages(file: Path | None, template: Template | None) -> list[InputRow]:
    """Read the rows to draft for; bad ones are told on stderr. Raises SettingsError, Failed."""
    if file is None:
        raise SettingsError("--messages is missing: name a file of JSON Lines or CSV with the messages to draft for")
    rows: list[InputRow] = []
    try:
        with explain_unreadable(file), open_log(file) as opened:
            for row in iter_input(opened, get_layout(file), template):
                if isinstance(row, InputRow):
                    rows.append(row)
                else:
                    print(f"row {row.row}: {row.error}", file=sys.stderr)
    except InputError as error:
        raise SettingsError(f"{file} {error}") from error
    if not rows:
        raise SettingsError(f"{file} has no message to draft for")
    return rows


async def review_all(
    settings: Settings, options: CompareOptions, reviewer: str, source: Comparison | tuple[Versions, list[InputRow]]
) -> None:
    """Draft if need be, then ask for all rows. Raises SettingsError, Failed."""
    async with open_or_create(locate_database(options.database)) as records:
        tools = make_tools(settings, records)
        comparison = source if isinstance(source, Comparison) else await draft_pairs(settings, records, tools, *source)
        for row, reason in comparison.left_out:
            print(f"row {row}: {reason}", file=sys.stderr)
        if comparison.equal_rows:
            equal, of = comparison.equal_rows, len(comparison.pairs)
            print(f"{equal} of {of} rows have the same text twice: such rows tell nothing", file=sys.stderr)
        review = Review(comparison, reviewer, tools)
        await review.load()
        if options.terminal:
            await TerminalReview(review).run()
        else:
            await serve_page(review, options)


async def draft_pairs(
    settings: Settings, records: Records, tools: ReviewTools, versions: Versions, rows: list[InputRow]
) -> Comparison:
    """Draft both sides of all rows. Raises SettingsError, Failed."""
    for version in versions:
        book = version.playbook
        await records.requests.keep_playbook(prompt_version=book.prompt_version, text=book.text, at=clock.now())
    async with (
        wiring.open_drafter(settings) as drafter,
        wiring.open_embedder(settings, limit_s=wiring.PATIENT_S) as embedder,
    ):
        drafting_tools = DraftingTools(
            drafter=drafter,
            privacy=wiring.make_privacy_service(
                settings, records=records, playbook=join_redaction(*(each.playbook for each in versions))
            ),
            log=records.log,
            importer=records.importer,
            redact=tools.redact,
            terms=wiring.make_terms(settings),
            max_concurrency=settings.suggest_max_concurrency,
            locale=detect_locale(),
            now=clock.now,
            clock=clock.monotonic,
            new_id=clock.new_id,
            library=wiring.make_library(records, embedder),
        )
        drafting = PairDrafting(versions, rows, drafting_tools)
        print(f"Drafting {len(rows)} rows by both versions, as far as they are not drafted yet.", file=sys.stderr)
        sides = await drafting.draft()
    if not all(any(one.text for entry in side for one in entry.candidates) for side in sides):
        raise Failed("no row could be drafted by one of the versions: `suggest doctor` checks the settings")
    return pair_outputs(sides, (versions[0].name, versions[1].name), known_as=drafting.id)


async def serve_page(review: Review, options: CompareOptions) -> None:
    """Serve the page until the reviewer leaves, by q or Ctrl-C. Raises Failed."""
    from cli.compare_page import ComparePage

    page = ComparePage(review)
    runner = await page.start(options.port)
    try:
        with call_at_stop_signals(page.left.set):
            print(f"The page is at {page.url} (Ctrl-C ends it).", flush=True)
            if not options.no_browser:
                threading.Thread(target=webbrowser.open, args=[page.url], daemon=True).start()
            await page.left.wait()
    finally:
        await runner.cleanup()


def make_tools(settings: Settings, records: Records) -> ReviewTools:
    """Make the parts of a review. Raises PlaybookError."""
    recogniser = make_recogniser(load_playbook(settings.suggest_playbook))

    def redact(entry: LogEntry) -> LogEntry:
        return redact_entry(entry, settings.suggest_store_text, recogniser)

    return ReviewTools(
        database=records.database,
        requests=records.requests,
        choices=records.choices,
        redact=redact,
        rng=random.SystemRandom(),
        now=clock.now,
        new_id=clock.new_id,
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
        if line.lower() == "d":
            print(text.render_differences(display))
        elif line.lower() == "u":
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
