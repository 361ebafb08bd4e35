"""Output of every command: its result as text for people or as JSON for programs, and pages of HTML."""

from collections.abc import Callable
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, Final, TextIO, TypeVar

from cli.output_file import open_output
from cli.render.json import to_json, to_plain

if TYPE_CHECKING:  # most commands do without Rich, and start sooner
    from rich.console import RenderableType

UNBOUNDED: Final = 1000
"""Characters of a line where there is no terminal: nothing is cut or broken there."""

Result = TypeVar("Result")


def print_result(
    result: Result,
    *,
    as_json: bool,
    to_text: "Callable[[Result], str | RenderableType]",
    to_fields: Callable[[Result], Any] = to_plain,
    text_file: TextIO | None = None,
) -> None:
    """Print a result: as text, or with --json its fields. `text_file` is where text goes instead of stdout."""
    if as_json:
        print(to_json(to_fields(result)))
        return
    text = to_text(result)
    if isinstance(text, str):
        print(text, file=text_file)
    else:
        _print_renderable(text)


def print_look(
    at: int,
    unit: str,
    result: Result,
    *,
    as_json: bool,
    to_text: Callable[[Result], str],
    to_fields: Callable[[Result], Any] = to_plain,
) -> None:
    """Print a result in a line, as it was after so many choices or requests: `at` counts them."""
    if as_json:
        print(to_json({"at": at, **to_fields(result)}))
    else:
        print(f"{at} {unit}: {to_text(result)}")


def _print_renderable(text: "RenderableType") -> None:
    """Print for a terminal as wide as it is; elsewhere plain, without blanks at the ends of lines."""
    from rich.console import Console

    console = Console(width=measure_width(), highlight=False, markup=False, emoji=False)
    if console.is_terminal:
        console.print(text)
        return
    with console.capture() as printed:
        console.print(text)
    print("\n".join(line.rstrip() for line in printed.get().splitlines()))


def measure_width() -> int:
    """Return the characters of a line: of the terminal, or what COLUMNS says."""
    return get_terminal_size((UNBOUNDED, 24)).columns


def write_page(page: str, file: Path) -> None:
    """Write a page of HTML to a file, whole or not at all, or to stdout. Raises Failed."""
    with open_output(file) as out:
        out.write(page.encode())
