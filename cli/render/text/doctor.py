"""`suggest doctor` on a terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.text import Text

from cli.render.printable import pluralise
from cli.render.text.tables import build_table

if TYPE_CHECKING:
    from cli.commands.doctor import Finding, Status

SIGNS: Final[dict["Status", str]] = {"ok": "✓", "problem": "✗", "note": "·", "warning": "!"}


def render_findings(findings: "Sequence[Finding]") -> RenderableType:
    """Render a line each, and the verdict."""
    problems = sum(finding.status == "problem" for finding in findings)
    verdict = (
        f"{pluralise(problems, 'problem')} to fix" if problems else "Everything is in order: `suggest serve` can start"
    )
    rows = [(f"{SIGNS[finding.status]} {finding.name}", finding.message) for finding in findings]
    return Group(build_table("lw", rows, indent=0), Text(f"\n{verdict}"))
