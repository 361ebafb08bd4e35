"""`suggest playbook`: the built-in playbook to start from, and whether one can be used."""

import json
import os
from pathlib import Path

from bot.playbook import Playbook, built_in_text, load_playbook
from cli.errors import Failed


def init(path: Path) -> None:
    """Write the built-in playbook, annotated, to a new file. Raises Failed."""
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(built_in_text())
    except FileExistsError as error:
        raise Failed(f"{path} exists already: --force replaces it") from error
    except OSError as error:
        raise Failed(f"{path} cannot be written: {error.strerror}") from error
    _tell(path)


def replace(path: Path) -> None:
    """As `init`, in the place of what is there; that stays should the writing fail. Raises Failed."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(built_in_text(), encoding="utf-8", newline="\n")
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise Failed(f"{path} cannot be written: {error.strerror}") from error
    _tell(path)


def check(path: Path | None) -> None:
    """Say what is in the playbook. Raises PlaybookError."""
    playbook = load_playbook(path)
    print(f"{_name(path)} can be used: {len(playbook.styles)} styles, prompt_version {playbook.prompt_version}")
    for style in playbook.styles:
        model = f", model {style.model}" if style.model else ""
        print(f"  {style.name:<12} {style.label}, temperature {style.temperature:g}{model}")
    for rule in playbook.redact:
        print(f"  [{rule.kind}_1]  in the place of {rule.pattern.pattern}")


def check_for_programs(path: Path | None) -> None:
    """As `check`, as JSON."""
    print(json.dumps(_described(load_playbook(path), _name(path)), ensure_ascii=False))


def _described(playbook: Playbook, name: str) -> dict[str, object]:
    styles = [
        {"name": style.name, "label": style.label, "temperature": style.temperature, "model": style.model}
        for style in playbook.styles
    ]
    redact = [{"name": rule.name, "pattern": rule.pattern.pattern} for rule in playbook.redact]
    return {"playbook": name, "prompt_version": playbook.prompt_version, "styles": styles, "redact": redact}


def _name(path: Path | None) -> str:
    return "the built-in playbook" if path is None else str(path)


def _tell(path: Path) -> None:
    print(f"Wrote {path}. Change it, run `suggest playbook check {path}`, and set SUGGEST_PLAYBOOK={path}")
