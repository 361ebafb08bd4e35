"""Make the documents that follow from the code: `make docs`. With --check, say which are out of date.

docs/settings.md, `.env.example` and README's table of settings are made from `cli/settings.py`. In docs/settings.md the
beginning of each setting's section is; what follows its list is prose, and stays. The JSON Schemas follow from
records, and the table of action ids in docs/architecture.md from `handlers/blocks/action_ids.py`.
"""

import re
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cli.settings import ABOUT, FIXES, About, Settings
from docs.choice_log import render_choice_log, render_schema
from docs.report_schema import render_report_schema
from handlers.blocks.action_ids import ACTIONS

ROOT: Final = Path(__file__).parents[1]

_ENV_HEAD: Final = """\
# Copy this to .env, where the bot is started, and let only its user read it: chmod 600 .env
# Take away the # of what you set. An empty value counts as not set. The environment wins over this file.
# docs/settings.md tells more of each; `suggest doctor` checks them.
"""


def get_default(name: str) -> str:
    """Return a setting's default as it is written in an env file; empty for none."""
    default = Settings.model_fields[name.lower()].default
    if default is None or default == ():
        return ""
    return f"{default:g}" if isinstance(default, float) else str(default)


def describe_default(name: str, about: About) -> str:
    default = get_default(name)
    return f"`{default}`" if default else about.default


def render_env_example(_: str) -> str:
    """Make `.env.example`: every setting, with its default."""
    parts = [_ENV_HEAD]
    for name, about in ABOUT.items():
        if about.group:
            parts.append(f"# --- {about.group} ".ljust(100, "-") + "\n")
        told = f"{about.meaning}. {FIXES[name][:1].upper()}{FIXES[name][1:]}."
        filled = textwrap.fill(told, 116, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
        parts.append(f"{filled}\n#{name}={get_default(name)}\n")
    return "\n".join(parts)


def render_readme(current: str) -> str:
    """Put the table of settings into README.md."""
    rows = [f"| `{name}` | {about.meaning} | {describe_default(name, about)} |" for name, about in ABOUT.items()]
    return re.sub(
        r"(?<=\| name \| meaning \| default \|\n\|---\|---\|---\|\n)(\|.*\n)+", "\n".join(rows) + "\n", current
    )


def render_architecture(current: str) -> str:
    """Put the table of action ids into docs/architecture.md."""
    rows = [f"| `{action.id}` | {action.value} | {action.about} |\n" for action in ACTIONS]
    return re.sub(r"(?<=\| id \| value \| what it is \|\n\|---\|---\|---\|\n)(\|.*\n)+", "".join(rows), current)


def render_settings(current: str) -> str:
    """Make docs/settings.md, with the prose that stands in it."""
    preamble, *sections = re.split(r"^(?=##+ )", current, flags=re.MULTILINE)
    prose: dict[str, str] = {}
    owner = ""
    for section in sections:
        heading, _, rest = section.partition("\n")
        if heading.startswith("## "):
            owner = heading.removeprefix("## ")
            prose[owner] = rest.strip()
        elif found := re.fullmatch(r"### `(\w+)`", heading):
            owner = found[1]
            prose[owner] = _skip_generated(rest)
        else:  # a heading within a setting's prose
            prose[owner] += f"\n\n{section.strip()}"
    parts = [preamble.strip()]
    for name, about in ABOUT.items():
        if about.group:
            parts += [f"## {about.group}", prose.get(about.group, "")]
        parts += [f"### `{name}`", *_describe_setting(name, about), prose.get(name, "")]
    return "\n\n".join(filter(None, parts)) + "\n"


def _describe_setting(name: str, about: About) -> tuple[str, str]:
    lines = [
        f"- Default: {describe_default(name, about)}",
        f"- Example: `{name}={about.example}`" if about.example else "- Example: none",
        f"- If it is refused: {FIXES[name]}.",
    ]
    filled = [textwrap.fill(line, 120, subsequent_indent="  ", break_on_hyphens=False) for line in lines]
    return textwrap.fill(f"{about.meaning}.", 120, break_on_hyphens=False), "\n".join(filled)


def _skip_generated(section: str) -> str:
    """Return what follows the first list of a setting's section."""
    found = re.search(r"^- Default: .*?(?:\n\n|\Z)", section, re.MULTILINE | re.DOTALL)
    return section[found.end() :].strip() if found else section.strip()


DOCUMENTS: Final[dict[str, Callable[[str], str]]] = {
    ".env.example": render_env_example,
    "README.md": render_readme,
    "docs/architecture.md": render_architecture,
    "docs/choice-log.md": render_choice_log,
    "docs/choice-log.schema.json": render_schema,
    "docs/report.schema.json": render_report_schema,
    "docs/settings.md": render_settings,
}


def main() -> int:
    """Write what is out of date; with --check, only name it."""
    stale = []
    for name, render in DOCUMENTS.items():
        file = ROOT / name
        current = file.read_text(encoding="utf-8")
        if (made := render(current)) != current:
            stale.append(name)
            if "--check" not in sys.argv:
                file.write_text(made, encoding="utf-8")
    print(*stale, sep="\n", end="\n" if stale else "")
    return int(bool(stale) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
