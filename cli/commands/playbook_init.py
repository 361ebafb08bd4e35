"""`suggest playbook init`: a playbook to start from."""

from pathlib import Path
from typing import Annotated

import typer

from bot.playbook import PlaybookKind, read_built_in
from cli.errors import Failed
from cli.output_file import PUBLIC, open_output


def run(
    *,
    path: Annotated[Path, typer.Argument(metavar="[PATH]", help="The file to write.")] = Path("playbook.toml"),
    kind: Annotated[
        PlaybookKind, typer.Option(help="For replies to customers, for social posts, or for product copy.")
    ] = "support",
    force: Annotated[bool, typer.Option("--force", help="Replace the file that is there.")] = False,
) -> None:
    """Write an annotated playbook to a file of your own.

    The built-in one for support, or one that writes posts or copy by briefs.

    Example: suggest playbook init posts.toml --kind posts
    """
    if not force and (path.exists() or path.is_symlink()):
        raise Failed(f"{path} exists already: --force replaces it")
    with open_output(path, mode=PUBLIC) as file:
        file.write(read_built_in(kind).encode())
    print(f"Wrote {path}. Change it, run `suggest playbook check {path}`, and set SUGGEST_PLAYBOOK={path}")
