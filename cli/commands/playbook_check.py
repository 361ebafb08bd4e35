"""`suggest playbook check`: checks that a playbook can be used."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from bot.playbook import Playbook, load_playbook
from cli.options import Json
from cli.render.json import list_playbook
from cli.render.output import print_result
from cli.render.text import playbook as text
from cli.settings import load_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class UsablePlaybook:
    """A playbook without faults, and its name for people."""

    name: str
    playbook: Playbook


def run(
    *,
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="[PATH]", help="The playbook. [default: what SUGGEST_PLAYBOOK says, else the built-in one]"
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say whether a playbook can be used; if not, where and why.

    Example: suggest playbook check playbook.toml
    """
    file = path or load_settings().suggest_playbook
    name = "the built-in playbook" if file is None else str(file)
    checked = UsablePlaybook(name=name, playbook=load_playbook(file))
    print_result(checked, as_json=as_json, to_text=text.render_playbook, to_fields=list_playbook)
