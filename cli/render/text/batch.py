"""`suggest batch` on a terminal: its progress, and its end."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.output_file import STDOUT
from cli.render.numbers import format_money
from cli.render.printable import pluralise

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
    what = f"{pluralise(result.drafts, 'draft')} of {pluralise(result.rows, 'row')} {done}"
    run = "" if result.is_rehearsal else f" this run: {pluralise(spending.calls, 'call')},"
    lines = [f"{what}{';' if run else ':'}{run} {tokens}{cost}"]
    if result.failed_drafts:
        kinds = f" ({describe_failures(spending)})" if spending.failures else ""
        lines.append(f"{pluralise(result.failed_drafts, 'draft')} failed{kinds}: --retry-failed asks again")
    if spending.failures.keys() & {"refused", "unreachable", "invalid_output"}:
        lines.append("Is the model's name right? `suggest doctor` checks the settings")
    if result.refused:
        lines.append(f"{pluralise(len(result.refused), 'row')} could not be used, told above")
    if result.go_on:
        lines.append(describe_stop(result))
    return "\n".join(lines)


def describe_stop(result: "BatchResult") -> str:
    """Say why a run stopped early, and by which command it goes on."""
    why = {"max_cost": "--max-cost is reached", "interrupted": "stopped", None: "not all rows are drafted yet"}
    to_file = "" if result.output != STDOUT else ", from the beginning: with -o OUT it can be resumed"
    return f"{why[result.stopped]}; to go on{to_file}: {result.go_on}"


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


@contextmanager
def show_drafting(rows: int, spending: "Spending") -> "Iterator[Callable[[Sequence[LogEntry]], None]]":
    """Show a bar on stderr: rows, drafts a second, the cost so far, the time left, failures by kind."""
    columns = (
        TextColumn("Drafting"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[facts]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=rows, rate="", facts="")

        def advance(entries: "Sequence[LogEntry]") -> None:
            for line in list_failures(entries):
                bar.console.print(line, end="", markup=False, highlight=False)
            parts = [format_money(spending.cost, spending.prices.currency)] if spending.cost is not None else []
            parts += [f"failed: {describe_failures(spending)}"] if spending.failures else []
            speed = bar.tasks[0].speed
            rate = f"{speed:.1f} rows/s" if speed else ""
            bar.update(task, advance=len(entries), rate=rate, facts=" · ".join(parts))

        yield advance
