"""`suggest batch`: drafts for every row of a file, written to another, from which a stopped run goes on."""

import asyncio
import shlex
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import typer

from bot.batch.files import check_files, get_journal_path, open_journal, refuse_same_files
from bot.batch.output import FileOutput, Output, StreamOutput, make_encoder
from bot.batch.plan import BatchPlan, InputOpener, Survey, choose_styles, iter_rows, survey_input
from bot.batch.rows import InputError, InputRow, RefusedRow, get_layout
from bot.batch.run import BatchRun, BatchTerms, Recorder, StopReason
from bot.batch.spending import Spending
from bot.choice_log import open_log
from bot.knowledge.library import Library
from bot.knowledge.retrieval import Retriever
from bot.knowledge.vectors import Embedder
from bot.playbook import Playbook, load_playbook, make_recogniser
from bot.privacy.import_redaction import redact_input
from bot.templates import Template, TemplateError
from cli import __version__, clock, logs, wiring
from cli.commands.report import load_prices
from cli.database_location import explain_unavailable, locate_for_try, mark_demonstration, open_existing, open_or_create
from cli.errors import Failed, SettingsError
from cli.options import ACTOR, Json
from cli.output_file import STDOUT, is_regular_target, open_output
from cli.render.html.batch import render_batch
from cli.render.json import list_batch
from cli.render.output import print_result, write_page
from cli.render.text import batch as text
from cli.repositories import Records
from cli.settings import Settings, detect_locale, load_settings, repeat_env_file
from cli.stop_signals import call_at_stop_signals
from storage.errors import DatabaseUnavailable
from storage.journal import BatchJournal, OutputPlace
from storage.records import LogEntry

MOST_CANDIDATES: Final = 50

NO_MODEL: Final = "No model is configured: the drafts are samples made by rules. Set OPENAI_API_KEY or OPENAI_BASE_URL."


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOptions:
    """The options of the command line."""

    source: Annotated[Path, typer.Argument(metavar="IN", help="CSV if it is called .csv, else JSON Lines; - is stdin.")]
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT", help="JSON Lines, or CSV. Without it: stdout, no resuming.")
    ] = STDOUT
    message: Annotated[
        str | None, typer.Option(metavar="TEMPLATE", help="The message, with {{key}} for a value of the row.")
    ] = None
    candidates: Annotated[
        int | None,
        typer.Option("-k", "--candidates", metavar="K", min=1, max=MOST_CANDIDATES, help="How many for each model."),
    ] = None
    styles: Annotated[str | None, typer.Option(metavar="A,B", help="These styles of the playbook, in turns.")] = None
    model: Annotated[list[str] | None, typer.Option(metavar="NAME", help="May be given again: K from each.")] = None
    playbook: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The playbook. [default: what SUGGEST_PLAYBOOK says]")
    ] = None
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="The first N rows only.")] = None
    sample: Annotated[int | None, typer.Option(metavar="N", min=1, help="N rows drawn at random.")] = None
    seed: Annotated[int | None, typer.Option(metavar="S", min=0, help="Which draw. [default: 0]")] = None
    max_concurrency: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Calls at once. [default: SUGGEST_MAX_CONCURRENCY]")
    ] = None
    all_at_once: Annotated[
        bool, typer.Option("--all-at-once", help="In chunks by .abatch(), each after the other.")
    ] = False
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and estimate; ask, write, record nothing.")] = False
    max_cost: Annotated[
        float | None, typer.Option(metavar="X", min=0, help="Begin no draft once X is spent; needs SUGGEST_PRICES.")
    ] = None
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Draft the failed ones in OUT again.")] = False
    force: Annotated[bool, typer.Option("--force", help="Start OUT again from the beginning, whatever is in it.")] = (
        False
    )
    no_record: Annotated[bool, typer.Option("--no-record", help="Leave the choice log alone.")] = False
    report: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Write a page of rows by versions, too.")] = (
        None
    )
    as_json: Json = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """The end of a run: the good rows of the input, the bad ones, the drafts of OUT, and what this run cost."""

    rows: int
    refused: Sequence[RefusedRow]
    drafts: int
    failed_drafts: int
    spending: Spending
    stopped: StopReason | None = None
    go_on: str | None = None
    is_rehearsal: bool = False
    output: Path = field(default=STDOUT)


def run(options: BatchOptions) -> None:
    """Draft texts for every row of a file, into another.

    Killed or stopped, the same command goes on, and pays for no finished draft again.

    Example: suggest batch tickets.csv -o drafts.jsonl --limit 20
    """
    settings = load_settings()
    if options.max_concurrency is not None:
        settings = settings.model_copy(update={"suggest_max_concurrency": options.max_concurrency})
    logs.configure_for_command(settings)
    if not settings.has_model:
        print(NO_MODEL, file=sys.stderr)
    result = draft_batch(settings, options)
    print_result(
        result, as_json=options.as_json, to_text=text.summarise_batch, to_fields=list_batch, text_file=sys.stderr
    )
    if options.as_json and result.go_on:
        print(text.describe_stop(result), file=sys.stderr)
    if result.refused or result.failed_drafts or result.go_on:
        raise typer.Exit(1)


def draft_batch(settings: Settings, options: BatchOptions) -> BatchResult:
    """Survey the input, then draft what is missing. Raises SettingsError, Failed, PlaybookError."""
    playbook = load_playbook(options.playbook or settings.suggest_playbook)
    plan = _make_plan(settings, options, playbook)
    prices = load_prices(settings.suggest_prices)
    _check_options(options, plan)
    estimate = Spending(prices=prices)
    if options.max_cost is not None and (
        unpriced := [name for name in plan.list_models() if prices.find(name) is None]
    ):
        raise SettingsError(f"--max-cost needs the price of {unpriced[0]}: set SUGGEST_PRICES to a table that has it")
    with _open_source(options.source) as open_input:
        survey = _survey(options, plan, open_input, estimate)
        for refused in survey.refused:
            print(f"row {refused.row}: {refused.error}", file=sys.stderr)
        if options.dry_run:
            return BatchResult(
                rows=survey.rows,
                refused=survey.refused,
                drafts=estimate.drafts,
                failed_drafts=0,
                spending=estimate,
                is_rehearsal=True,
                output=options.output,
            )
        kept = options.output if is_regular_target(options.output) else None
        with (
            open_journal(kept, plan.make_identity(survey.digest), starts_anew=options.force) as journal,
            explain_disk(options.output),
        ):
            batch = Batch(settings, options, plan, survey, journal, Spending(prices=prices), open_input)
            try:
                with asyncio.Runner(loop_factory=wiring.find_loop_factory()) as runner:
                    result = runner.run(batch.run())
            except asyncio.CancelledError:  # by a second Ctrl-C
                where = ", from the beginning" if kept is None else ""
                raise Failed(f"ended at once; to go on{where}: {describe_command(options)}") from None
            if options.report is not None:
                batch.write_report(options.report)
            return result


@dataclass(slots=True)
class Batch:
    """One run of the command, wired."""

    settings: Settings
    options: BatchOptions
    plan: BatchPlan
    survey: Survey
    journal: BatchJournal
    spending: Spending
    open_input: InputOpener

    async def run(self) -> BatchResult:
        """Draft, record and write. Raises Failed, DatabaseUnavailable, OSError."""
        options, settings = self.options, self.settings
        async with (
            self._open_records() as (records, record),
            wiring.open_embedder(settings, limit_s=wiring.PATIENT_S) as embedder,
            self._open_library(records, embedder) as library,
            wiring.open_drafter(settings) as drafter,
        ):
            with self._open_output() as output, self.open_input() as file, self._show_progress() as progress:
                batch = BatchRun(
                    plan=self.plan,
                    terms=self._make_terms(settings),
                    drafter=drafter,
                    privacy=wiring.make_privacy_service(settings, records=records, playbook=self.plan.playbook),
                    journal=self.journal,
                    output=output,
                    spending=self.spending,
                    now=clock.now,
                    new_id=clock.new_id,
                    retriever=Retriever(library, self.plan.playbook.knowledge),
                    record=record,
                    on_rows=progress,
                )
                wiring.freeze_garbage()
                with _stop_at_signals(batch):
                    is_whole = await batch.run(self._iter_good_rows(file))
                if is_whole and isinstance(output, FileOutput):
                    output.finish()
        drafts, failed = self.journal.count_drafts()
        return BatchResult(
            rows=self.survey.rows,
            refused=self.survey.refused,
            drafts=drafts,
            failed_drafts=failed,
            spending=self.spending,
            stopped=batch.stopped if not is_whole else None,
            go_on=None if is_whole else describe_command(options),
            output=options.output,
        )

    def write_report(self, page: Path) -> None:
        """Write a page of what is drafted so far. Raises Failed."""
        with self.open_input() as file:
            drafted = (
                (row, [draft.candidate for draft in drafts])
                for row in self._iter_good_rows(file)
                if (drafts := self.journal.list_drafts(row.number))
            )
            write_page(render_batch(str(self.options.source), drafted), page)

    def _make_terms(self, settings: Settings) -> BatchTerms:
        return BatchTerms(
            max_concurrency=settings.suggest_max_concurrency,
            deadline_s=settings.suggest_deadline_s,
            app_version=__version__,
            locale=detect_locale(),
            mode="all_at_once" if self.options.all_at_once else "as_completed",
            max_cost=self.options.max_cost,
            retries_failed=self.options.retry_failed,
        )

    def _iter_good_rows(self, file: BinaryIO) -> Iterator[InputRow]:
        selected = self.survey.selected
        for row in iter_rows(file, get_layout(self.options.source), self.plan):
            if isinstance(row, InputRow) and (selected is None or row.number in selected):
                yield row

    @asynccontextmanager
    async def _open_records(self) -> AsyncIterator[tuple[Records | None, Recorder | None]]:
        """Open the choice log, unless nothing is to be recorded."""
        if self.options.no_record:
            yield None, None
            return
        location, playbook = locate_for_try(self.settings, None), self.plan.playbook
        async with open_or_create(location) as records:
            if records.is_new and self.plan.simulated:
                await mark_demonstration(records, actor=ACTOR)
            await records.requests.keep_playbook(
                prompt_version=playbook.prompt_version, text=playbook.text, at=clock.now()
            )
            recogniser = make_recogniser(playbook)
            redact = partial(redact_input, store_text=self.settings.suggest_store_text, recogniser=recogniser)

            async def record(entries: Sequence[LogEntry]) -> None:
                with explain_unavailable(location):
                    await records.importer.replace_all([redact(entry) for entry in entries])

            yield records, record

    @asynccontextmanager
    async def _open_library(self, records: Records | None, embedder: Embedder | None) -> AsyncIterator[Library | None]:
        """Open what the team knows; nothing, and a note, where no database of this program can be read."""
        location = locate_for_try(self.settings, None)
        if records is not None:
            yield wiring.make_library(records, embedder)
            return
        async with AsyncExitStack() as stack:
            library = None
            try:
                if not location.is_empty and self.plan.playbook.knowledge.use:
                    opened = await stack.enter_async_context(open_existing(location))
                    library = wiring.make_library(opened, embedder)
            except (Failed, SettingsError) as error:
                print(f"Drafted without knowledge: {error}", file=sys.stderr)
            yield library

    @contextmanager
    def _open_output(self) -> Iterator[Output]:
        path = self.options.output
        encoder = make_encoder(get_layout(path), list(self.survey.keys), has_bom=self.survey.has_bom)
        if not is_regular_target(path):
            with open_output(path) as file:
                yield StreamOutput(file, encoder)
            return
        if self.options.retry_failed and self.journal.count_drafts()[1]:
            self.journal.note_output(OutputPlace())  # it is written again, with what is drafted now
        output = FileOutput(path, encoder, self.journal)
        try:
            yield output
        finally:
            output.close()

    @contextmanager
    def _show_progress(self) -> Iterator[Callable[[Sequence[LogEntry]], None]]:
        """Tell of failed drafts in lines; on a terminal, show a bar too."""
        if not sys.stderr.isatty():
            yield lambda entries: print(*text.list_failures(entries), sep="", end="", file=sys.stderr)
            return
        with text.show_drafting(self.survey.rows, self.spending) as advance:
            yield advance


# --- before anything is paid -----------------------------------------------------------------------------


def _make_plan(settings: Settings, options: BatchOptions, playbook: Playbook) -> BatchPlan:
    """Plan the drafts. Raises SettingsError."""
    styles = choose_styles(options.styles, playbook)
    if any(not name.strip() for name in options.model or ()):
        raise SettingsError("--model is empty: name a model that your server has")
    try:
        message = playbook.message if options.message is None else options.message
        template = None if message is None else Template.parse(message)
    except TemplateError as error:
        raise SettingsError(f"--message {error}") from error
    terms = wiring.make_terms(settings)
    return BatchPlan(
        playbook=playbook,
        candidates=options.candidates or len(styles) or terms.candidates,
        default_model=terms.model,
        styles=styles,
        models=tuple(dict.fromkeys(options.model or ())),
        template=template,
        limit=options.limit,
        sample=options.sample,
        seed=options.seed or 0,
        keeps_originals=settings.suggest_store_text == "full",
        simulated=terms.simulated,
    )


def _check_options(options: BatchOptions, plan: BatchPlan) -> None:
    """Refuse options and files that do not go together. Raises SettingsError."""
    source, output = options.source, options.output
    if options.seed is not None and options.sample is None:
        raise SettingsError("--seed says which rows --sample draws: give --sample N too")
    if options.retry_failed and not is_regular_target(output):
        raise SettingsError("--retry-failed needs the file that has the failed drafts: give it by -o OUT")
    if options.retry_failed and options.force:
        raise SettingsError("--retry-failed goes on with OUT, and --force begins it anew: give one of them")
    if plan.simulated and options.model:
        raise SettingsError("--model needs a model's server: set OPENAI_API_KEY or OPENAI_BASE_URL")
    files = [None if path == STDOUT else path for path in (source, output, options.report)]
    check_files(files[0], {"-o": files[1], "--report": files[2]})
    if is_regular_target(output):
        refuse_same_files(source, output, options.report)


@contextmanager
def _open_source(path: Path) -> Iterator[InputOpener]:
    """Yield what opens the input from its beginning; stdin is kept in a file for that."""
    if path != STDOUT:
        yield lambda: open_log(path)
        return
    with tempfile.TemporaryDirectory(prefix="suggest-") as folder:
        copy = Path(folder) / "stdin"
        with copy.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield lambda: open_log(copy)


def _survey(options: BatchOptions, plan: BatchPlan, open_input: InputOpener, estimate: Spending) -> Survey:
    """Read the whole input once. Raises SettingsError, Failed."""
    name = "stdin" if options.source == STDOUT else str(options.source)
    try:
        survey = survey_input(open_input, get_layout(options.source), plan, estimate)
    except InputError as error:
        raise SettingsError(f"{name} {error}") from error
    except OSError as error:
        raise Failed(f"{name} cannot be read: {error.strerror or error}") from error
    if missing := survey.find_missing_keys(plan.template):
        raise SettingsError(f"{name}: no row has the key {missing[0]!r}, which {{{{{missing[0]}}}}} stands for")
    return survey


# --- while it runs, and after ----------------------------------------------------------------------------


@contextmanager
def explain_disk(output: Path) -> Iterator[None]:
    """Say what to do where a file cannot be written. Raises Failed."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Failed(f"{output} cannot be written: {error.strerror}; what is drafted is kept, {_GO_ON}") from error
    except DatabaseUnavailable as error:
        raise Failed(f"{get_journal_path(output)} cannot be written: {error}; {_GO_ON}") from error


_GO_ON: Final = "make room, and the same command goes on"


@contextmanager
def _stop_at_signals(batch: BatchRun) -> Iterator[None]:
    """Stop at Ctrl-C or SIGTERM once what runs is finished; a second Ctrl-C ends at once."""
    task = asyncio.current_task()
    assert task is not None

    def stop() -> None:
        if batch.stopped:
            task.cancel()
        else:
            print("stopping: what is being drafted is finished; once more ends at once", file=sys.stderr)
            batch.stop("interrupted")

    with call_at_stop_signals(stop):
        yield


def describe_command(options: BatchOptions) -> str:
    """Return the command line that goes on where this one stopped."""
    words = ["suggest", "batch", *repeat_env_file(), str(options.source)]
    if options.output != STDOUT:
        words += ["-o", str(options.output)]
    for name in _VALUED:
        if (value := getattr(options, name)) is not None:
            words += [_name_option(name), f"{value:.12g}" if isinstance(value, float) else str(value)]
    for model in options.model or ():
        words += ["--model", model]
    words += [_name_option(name) for name in ("all_at_once", "no_record") if getattr(options, name)]
    return shlex.join([*words, "--json"] if options.as_json else words)


_VALUED: Final = (
    "message", "candidates", "styles", "playbook", "limit", "sample", "seed", "max_concurrency", "max_cost", "report"
)  # fmt: skip


def _name_option(field_name: str) -> str:
    return f"--{field_name.replace('_', '-')}"
