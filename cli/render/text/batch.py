"""`suggest batch` on a terminal: its progress, and its end."""

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.output_file import STDOUT
from cli.render.numbers import format_money

if TYPE_CHECKING:
    from bot.batch.spending import Spending
    from cli.commands.batch import BatchResult
    from storage.records import LogEntry


def summarise_batch(result: "BatchResult") -> str:
    """Say what was drafted, what it cost, what is missing, and how to go on."""
    spending = result.spending
    about = "about " if result.is_rehearsal else ""
    tokens = f"{about}{spending.prompt_tokens} tokens read, {about}{spending.completion_tokens} written"
    cost = "" if spending.cost is None else f", {about}{format_money(spending.cost, spending.prices.currency)}"
    where = "" if result.output == STDOUT or result.is_rehearsal else f" in {result.output}"
    done = "would be asked for" if result.is_rehearsal else f"drafted{where}"
    what = f"{_count(result.drafts, 'draft')} of {_count(result.rows, 'row')} {done}"
    run = "" if result.is_rehearsal else f" this run: {_count(spending.calls, 'call')},"
    lines = [f"{what}{';' if run else ':'}{run} {tokens}{cost}"]
    if result.failed_drafts:
        kinds = f" ({describe_failures(spending)})" if spending.failures else ""
        lines.append(f"{_count(result.failed_drafts, 'draft')} failed{kinds}: --retry-failed asks again")
    if spending.failures.keys() & {"refused", "unreachable", "invalid_output"}:
        lines.append("Is the model's name right? `suggest doctor` checks the settings")
    if result.refused:
        lines.append(f"{_count(len(result.refused), 'row')} could not be used, told above")
    if result.go_on:
        why = {"max_cost": "--max-cost is reached", "interrupted": "stopped", None: "not all rows are drafted yet"}
        to_file = "" if result.output != STDOUT else ", from the beginning: with -o OUT it can be resumed"
        lines.append(f"{why[result.stopped]}; to go on{to_file}: {result.go_on}")
    return "\n".join(lines)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def list_failures(entries: "Sequence[LogEntry]") -> list[str]:
    """List the rows with failed drafts, a line each."""
    lines = []
    for entry in entries:
        if errors := [candidate.error for candidate in entry.candidates if candidate.error]:
            kinds = ", ".join(dict.fromkeys(errors))
            drafts = len(entry.candidates)
            lines.append(f"row {entry.request.input_row}: {len(errors)} of {drafts} drafts failed: {kinds}\n")
    return lines


def describe_failures(spending: "Spending") -> str:
    return ", ".join(f"{count} {kind}" for kind, count in spending.failures.most_common())


class BatchProgress:
    """A bar on stderr: rows, drafts a second, the cost so far, the time left, failures by kind."""

    def __init__(self, rows: int, spending: "Spending") -> None:
        self._spending = spending
        columns = (
            TextColumn("Drafting"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[facts]}"),
        )
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task("", total=rows, rate="", facts="")

    def advance(self, entries: "Sequence[LogEntry]") -> None:
        """Show that these rows are done."""
        spending, speed = self._spending, self._progress.tasks[0].speed
        for line in list_failures(entries):
            self._progress.console.print(line, end="", markup=False, highlight=False)
        parts = [format_money(spending.cost, spending.prices.currency)] if spending.cost is not None else []
        parts += [f"failed: {describe_failures(spending)}"] if spending.failures else []
        rate = f"{speed:.1f} rows/s" if speed else ""
        self._progress.update(self._task, advance=len(entries), rate=rate, facts=" · ".join(parts))

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()
