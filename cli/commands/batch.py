"""`suggest batch`: drafts for every row of a file, written to another, from which a stopped run goes on."""

import asyncio
import contextlib
import shlex
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final

import typer

from bot.batch.output import FileOutput, Output, StreamOutput, make_encoder
from bot.batch.plan import BatchPlan, InputOpener, Survey, iter_rows, list_changes, survey_input
from bot.batch.rows import InputError, InputRow, Layout, RefusedRow
from bot.batch.run import BatchRun, BatchTerms, Mode, Recorder, StopReason
from bot.batch.spending import Spending
from bot.choice_log import open_log
from bot.choice_log.fields import FIELDS
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
from cli.options import Json
from cli.output_file import STDOUT, is_regular_target, open_output
from cli.render.html.batch import render_batch
from cli.render.json import list_batch
from cli.render.output import print_result, write_page
from cli.render.text import batch as text
from cli.settings import Settings, detect_locale, load_settings, repeat_env_file
from cli.stop_signals import call_at_stop_signals
from storage.errors import DatabaseUnavailable
from storage.journal import BatchJournal, JournalBusy, OutputPlace
from storage.records import LogEntry
from storage.repositories.imports import LogImporter

MOST_CANDIDATES: Final = 50

NO_MODEL: Final = "No model is configured: the drafts are samples made by rules. Set OPENAI_API_KEY or OPENAI_BASE_URL."


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOptions:
    """The options of the command line; see `run`."""

    source: Path
    output: Path = STDOUT
    message: str | None = None
    candidates: int | None = None
    styles: str | None = None
    models: tuple[str, ...] = ()
    playbook: Path | None = None
    limit: int | None = None
    sample: int | None = None
    seed: int | None = None
    max_concurrency: int | None = None
    mode: Mode = "as_completed"
    is_rehearsal: bool = False
    max_cost: float | None = None
    retries_failed: bool = False
    starts_anew: bool = False
    records: bool = True
    report: Path | None = None
    as_json: bool = False


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


def run(  # long: every option with its help
    *,
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="CSV if it is called .csv, else JSON Lines; - is stdin.")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT", help="JSON Lines, or CSV. Without it: stdout, no resuming.")
    ] = STDOUT,
    message: Annotated[
        str | None, typer.Option(metavar="TEMPLATE", help="The message, with {{key}} for a value of the row.")
    ] = None,
    candidates: Annotated[
        int | None,
        typer.Option("-k", "--candidates", metavar="K", min=1, max=MOST_CANDIDATES, help="How many for each model."),
    ] = None,
    styles: Annotated[str | None, typer.Option(metavar="A,B", help="These styles of the playbook, in turns.")] = None,
    model: Annotated[list[str] | None, typer.Option(metavar="NAME", help="May be given again: K from each.")] = None,
    playbook: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The playbook. [default: what SUGGEST_PLAYBOOK says]")
    ] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="The first N rows only.")] = None,
    sample: Annotated[int | None, typer.Option(metavar="N", min=1, help="N rows drawn at random.")] = None,
    seed: Annotated[int | None, typer.Option(metavar="S", min=0, help="Which draw. [default: 0]")] = None,
    max_concurrency: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Calls at once. [default: SUGGEST_MAX_CONCURRENCY]")
    ] = None,
    all_at_once: Annotated[
        bool, typer.Option("--all-at-once", help="In chunks by .abatch(), each after the other.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and estimate; ask, write, record nothing.")] = False,
    max_cost: Annotated[
        float | None, typer.Option(metavar="X", min=0, help="Begin no draft once X is spent; needs SUGGEST_PRICES.")
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Draft the failed ones in OUT again.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Start OUT again from the beginning, whatever is in it.")
    ] = False,
    no_record: Annotated[bool, typer.Option("--no-record", help="Leave the choice log alone.")] = False,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write a page of rows by versions, too.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Draft texts for every row of a file, into another.

    Killed or stopped, the same command goes on, and pays for no finished draft again.

    Example: suggest batch tickets.csv -o drafts.jsonl --limit 20
    """
    options = BatchOptions(
        source=source,
        output=output,
        message=message,
        candidates=candidates,
        styles=styles,
        models=tuple(model or ()),
        playbook=playbook,
        limit=limit,
        sample=sample,
        seed=seed,
        max_concurrency=max_concurrency,
        mode="all_at_once" if all_at_once else "as_completed",
        is_rehearsal=dry_run,
        max_cost=max_cost,
        retries_failed=retry_failed,
        starts_anew=force,
        records=not no_record,
        report=report,
        as_json=as_json,
    )
    settings = load_settings()
    logs.configure_for_command(settings)
    if not settings.has_model:
        print(NO_MODEL, file=sys.stderr)
    result = draft_batch(settings, options)
    print_result(result, as_json=as_json, to_text=text.summarise_batch, to_fields=list_batch, text_file=sys.stderr)
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
        if options.is_rehearsal:
            return BatchResult(
                rows=survey.rows,
                refused=survey.refused,
                drafts=estimate.drafts,
                failed_drafts=0,
                spending=estimate,
                is_rehearsal=True,
                output=options.output,
            )
        with _open_journal(options, plan.make_identity(survey.digest)) as journal, explain_disk(options.output):
            batch = Batch(settings, options, plan, survey, journal, Spending(prices=prices), open_input)
            try:
                with asyncio.Runner(loop_factory=wiring.find_loop_factory()) as runner:
                    result = runner.run(batch.run())
            except asyncio.CancelledError:  # by a second Ctrl-C
                where = "" if is_regular_target(options.output) else ", from the beginning"
                raise Failed(f"ended at once; to go on{where}: {describe_command(options)}") from None
            if options.report is not None:
                batch.write_report(options.report)
            return result


class Batch:
    """One run of the command, wired."""

    def __init__(
        self,
        settings: Settings,
        options: BatchOptions,
        plan: BatchPlan,
        survey: Survey,
        journal: BatchJournal,
        spending: Spending,
        open_input: InputOpener,
    ) -> None:
        limit = options.max_concurrency
        self._settings = settings if limit is None else settings.model_copy(update={"suggest_max_concurrency": limit})
        self._options = options
        self._plan = plan
        self._survey = survey
        self._journal = journal
        self._spending = spending
        self._open_input = open_input

    async def run(self) -> BatchResult:
        """Draft, record and write. Raises Failed, DatabaseUnavailable, OSError."""
        options, settings = self._options, self._settings
        async with (
            self._open_records() as (records, record),
            wiring.open_embedder(settings, limit_s=wiring.PATIENT_S) as embedder,
            self._open_library(records, embedder) as library,
            wiring.open_drafter(settings) as drafter,
        ):
            with self._open_output() as output, self._open_input() as file, self._show_progress() as progress:
                batch = BatchRun(
                    plan=self._plan,
                    terms=self._make_terms(settings),
                    drafter=drafter,
                    privacy=wiring.make_privacy_service(settings, records=records, playbook=self._plan.playbook),
                    journal=self._journal,
                    output=output,
                    spending=self._spending,
                    now=clock.now,
                    new_id=clock.new_id,
                    retriever=Retriever(library, self._plan.playbook.knowledge),
                    record=record,
                    on_rows=progress,
                )
                wiring.freeze_garbage()
                with _stop_at_signals(batch):
                    is_whole = await batch.run(self._iter_good_rows(file))
                if is_whole and isinstance(output, FileOutput):
                    output.finish()
        drafts, failed = self._journal.count_drafts()
        return BatchResult(
            rows=self._survey.rows,
            refused=self._survey.refused,
            drafts=drafts,
            failed_drafts=failed,
            spending=self._spending,
            stopped=batch.stopped if not is_whole else None,
            go_on=None if is_whole else describe_command(options),
            output=options.output,
        )

    def write_report(self, page: Path) -> None:
        """Write a page of what is drafted so far. Raises Failed."""
        with self._open_input() as file:
            drafted = (
                (row, [draft.candidate for draft in drafts])
                for row in self._iter_good_rows(file)
                if (drafts := self._journal.list_drafts(row.number))
            )
            write_page(render_batch(str(self._options.source), drafted), page)

    def _make_terms(self, settings: Settings) -> BatchTerms:
        return BatchTerms(
            max_concurrency=settings.suggest_max_concurrency,
            deadline_s=settings.suggest_deadline_s,
            app_version=__version__,
            locale=detect_locale(),
            mode=self._options.mode,
            max_cost=self._options.max_cost,
            retries_failed=self._options.retries_failed,
        )

    def _iter_good_rows(self, file: BinaryIO) -> Iterator[InputRow]:
        selected = self._survey.selected
        for row in iter_rows(file, get_layout(self._options.source), self._plan):
            if isinstance(row, InputRow) and (selected is None or row.number in selected):
                yield row

    @asynccontextmanager
    async def _open_records(self) -> AsyncIterator[tuple[wiring.Records | None, Recorder | None]]:
        """Open the choice log, unless nothing is to be recorded."""
        if not self._options.records:
            yield None, None
            return
        location, playbook = locate_for_try(self._settings, None), self._plan.playbook
        async with open_or_create(location) as records:
            if records.is_new and self._plan.simulated:
                await mark_demonstration(records, actor="cli")
            await records.requests.keep_playbook(
                prompt_version=playbook.prompt_version, text=playbook.text, at=clock.now()
            )
            recogniser, importer = make_recogniser(playbook), LogImporter(records.database, FIELDS)
            redact = partial(redact_input, store_text=self._settings.suggest_store_text, recogniser=recogniser)

            async def record(entries: Sequence[LogEntry]) -> None:
                with explain_unavailable(location):
                    await importer.replace_all([redact(entry) for entry in entries])

            yield records, record

    @asynccontextmanager
    async def _open_library(
        self, records: wiring.Records | None, embedder: Embedder | None
    ) -> AsyncIterator[Library | None]:
        """Open what the team knows; nothing, and a note, where no database of this program can be read."""
        location = locate_for_try(self._settings, None)
        if records is not None:
            yield wiring.make_library(records.database, embedder)
            return
        async with AsyncExitStack() as stack:
            library = None
            try:
                if not location.is_empty and self._plan.playbook.knowledge.use:
                    opened = await stack.enter_async_context(open_existing(location))
                    library = wiring.make_library(opened, embedder)
            except (Failed, SettingsError) as error:
                print(f"Drafted without knowledge: {error}", file=sys.stderr)
            yield library

    @contextmanager
    def _open_output(self) -> Iterator[Output]:
        path = self._options.output
        encoder = make_encoder(get_layout(path), list(self._survey.keys), has_bom=self._survey.has_bom)
        if not is_regular_target(path):
            with open_output(path) as file:
                yield StreamOutput(file, encoder)
            return
        if self._options.retries_failed and self._journal.count_drafts()[1]:
            self._journal.note_output(OutputPlace())  # it is written again, with what is drafted now
        output = FileOutput(path, encoder, self._journal)
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
        with text.BatchProgress(self._survey.rows, self._spending) as progress:
            yield progress.advance


# --- before anything is paid -----------------------------------------------------------------------------


def _make_plan(settings: Settings, options: BatchOptions, playbook: Playbook) -> BatchPlan:
    """Plan the drafts. Raises SettingsError."""
    known = [style.name for style in playbook.styles]
    styles = tuple(name.strip() for name in (options.styles or "").split(",") if name.strip())
    if options.styles is not None and not styles:
        raise SettingsError(f"--styles names no style: the playbook has {', '.join(known)}")
    if unknown := [name for name in styles if name not in known]:
        raise SettingsError(f"--styles: the playbook has no style {unknown[0]!r}, only {', '.join(known)}")
    if any(not name.strip() for name in options.models):
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
        models=tuple(dict.fromkeys(options.models)),
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
    if options.retries_failed and not is_regular_target(output):
        raise SettingsError("--retry-failed needs the file that has the failed drafts: give it by -o OUT")
    if options.retries_failed and options.starts_anew:
        raise SettingsError("--retry-failed goes on with OUT, and --force begins it anew: give one of them")
    if plan.simulated and options.models:
        raise SettingsError("--model needs a model's server: set OPENAI_API_KEY or OPENAI_BASE_URL")
    _check_files(source, {"-o": output, "--report": options.report})
    if is_regular_target(output):
        _refuse_same_files(source, output, options.report)


def _check_files(source: Path, targets: Mapping[str, Path | None]) -> None:
    """Refuse files that cannot be read or written. Raises SettingsError."""
    if source != STDOUT and not source.exists():
        raise SettingsError(f"there is no file {source}: name a file of JSON Lines or CSV, or - for stdin")
    if source.is_dir():
        raise SettingsError(f"{source} is a folder: name a file in it")
    for option, path in targets.items():
        if path is None or path == STDOUT:
            continue
        if path.is_dir():
            raise SettingsError(f"{option} {path} is a folder: name a file in it")
        if not path.absolute().parent.is_dir():
            raise SettingsError(f"{option} {path}: there is no folder {path.parent}: make it, or name another")
        if source != STDOUT and path.exists() and path.samefile(source):
            raise SettingsError(f"{option} {path} is the input: name another file")


def _refuse_same_files(source: Path, output: Path, report: Path | None) -> None:
    """Refuse to write two things into one file. Raises SettingsError."""
    journal = get_journal_path(output).resolve()
    if report is not None and report.resolve() in {output.resolve(), journal}:
        raise SettingsError(f"--report {report} would replace what is drafted: name another file")
    if source.resolve() == journal:
        raise SettingsError(f"-o {output} would write its journal into the input: name another file")


def get_layout(path: Path) -> Layout:
    return "csv" if path.suffix.lower() == ".csv" else "jsonl"


@contextmanager
def _open_source(path: Path) -> Iterator[InputOpener]:
    """Yield what opens the input from its beginning; stdin is kept in a file for that."""
    if path != STDOUT:
        yield partial(_open_input, path)
        return
    with tempfile.TemporaryDirectory(prefix="suggest-") as folder:
        copy = Path(folder) / "stdin"
        with copy.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield partial(_open_input, copy)


def _open_input(path: Path) -> AbstractContextManager[BinaryIO]:
    return open_log(path)


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


@contextmanager
def _open_journal(options: BatchOptions, identity: dict[str, Any]) -> Iterator[BatchJournal]:
    """Open the journal beside OUT, or one that is forgotten. Raises SettingsError, Failed."""
    with contextlib.ExitStack() as stack:
        output = options.output
        is_kept = is_regular_target(output)
        if is_kept:
            file = get_journal_path(output)
            if not options.starts_anew and not file.exists() and output.exists() and output.stat().st_size:
                raise SettingsError(
                    f"{output} was not written by `suggest batch`, or its {file.name} is gone: "
                    "name another file, or --force replaces it"
                )
        else:
            file = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="suggest-"))) / "journal"
        try:
            journal = stack.enter_context(contextlib.closing(BatchJournal.open(file)))
        except JournalBusy as error:
            raise Failed(f"another `suggest batch` is writing {output}: wait for it, or stop it") from error
        except DatabaseUnavailable as error:
            raise SettingsError(f"{file} cannot be used ({error}): name another OUT, or remove it") from error
        except OSError as error:
            raise Failed(f"{file} cannot be written: {error.strerror}") from error
        _compare_identity(options, journal, identity)
        yield journal


def get_journal_path(output: Path) -> Path:
    """Return the file beside OUT that has every finished draft."""
    return output.with_name(f"{output.name}.journal")


def _compare_identity(options: BatchOptions, journal: BatchJournal, identity: dict[str, Any]) -> None:
    """Refuse to go on with drafts that were made of something else. Raises SettingsError."""
    before, output = journal.identity, options.output
    if before is None or options.starts_anew:
        journal.begin(identity)
    elif changes := list_changes(before, identity):
        raise SettingsError(
            f"{output} was begun before {' and '.join(changes)} changed: "
            "name another file, or --force begins it anew and pays for all of it"
        )
    elif journal.output.is_whole and output.exists() and output.stat().st_size != journal.output.size:
        raise SettingsError(f"{output} was changed by something else: name another file, or --force begins it anew")


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
    resumed = replace(options, starts_anew=False)
    words = ["suggest", "batch", *repeat_env_file(), str(resumed.source)]
    if resumed.output != STDOUT:
        words += ["-o", str(resumed.output)]
    valued = {
        "--message": resumed.message,
        "--candidates": resumed.candidates,
        "--styles": resumed.styles,
        "--playbook": resumed.playbook,
        "--limit": resumed.limit,
        "--sample": resumed.sample,
        "--seed": resumed.seed,
        "--max-concurrency": resumed.max_concurrency,
        "--max-cost": resumed.max_cost,
        "--report": resumed.report,
    }
    for name, value in valued.items():
        words += [] if value is None else [name, f"{value:.12g}" if isinstance(value, float) else str(value)]
    for model in resumed.models:
        words += ["--model", model]
    flags = {
        "--all-at-once": resumed.mode == "all_at_once",
        "--no-record": not resumed.records,
        "--json": resumed.as_json,
    }
    return shlex.join([*words, *(name for name, is_given in flags.items() if is_given)])
