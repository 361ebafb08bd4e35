"""Printing of every command's result: as text for people, or as JSON for programs."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from cli.output_file import open_output

if TYPE_CHECKING:  # most commands do without Rich, and start sooner
    from rich.console import Console, RenderableType

Result = TypeVar("Result")


def print_result(
    result: Result,
    *,
    as_json: bool,
    to_text: "Callable[[Result], str | RenderableType]",
    to_json: Callable[[Result], str],
) -> None:
    """Print a result with the renderer that --json chooses."""
    if as_json:
        print(to_json(result))
        return
    text = to_text(result)
    if isinstance(text, str):
        print(text)
    else:
        make_console().print(text)


def make_console() -> "Console":
    """Make a console on stdout, as wide as the terminal, without Rich's own colours."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)


def write_page(page: str, file: Path) -> None:
    """Write a page of HTML to a file, whole or not at all, or to stdout. Raises Failed."""
    with open_output(file) as out:
        out.write(page.encode())
