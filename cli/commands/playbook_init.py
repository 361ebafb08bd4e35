"""`suggest playbook init`: the built-in playbook, to start from."""

import os
from pathlib import Path
from typing import Annotated

import typer

from bot.playbook import read_built_in
from cli.errors import Failed


def run(
    *,
    path: Annotated[Path, typer.Argument(metavar="[PATH]", help="Where to.")] = Path("playbook.toml"),
    force: Annotated[bool, typer.Option("--force", help="Replace the file that is there.")] = False,
) -> None:
    """Write the built-in playbook, annotated, to a file of your own.

    Example: suggest playbook init playbook.toml
    """
    (replace_file if force else create_file)(path)
    print(f"Wrote {path}. Change it, run `suggest playbook check {path}`, and set SUGGEST_PLAYBOOK={path}")


def create_file(path: Path) -> None:
    """Write the built-in playbook to a new file. Raises Failed."""
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(read_built_in())
    except FileExistsError as error:
        raise Failed(f"{path} exists already: --force replaces it") from error
    except OSError as error:
        raise Failed(f"{path} cannot be written: {error.strerror}") from error


def replace_file(path: Path) -> None:
    """Write it in the place of what is there, which stays should the writing fail. Raises Failed."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(read_built_in(), encoding="utf-8", newline="\n")
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise Failed(f"{path} cannot be written: {error.strerror}") from error
