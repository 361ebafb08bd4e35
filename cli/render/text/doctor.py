"""`suggest doctor` on a terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cli.commands.doctor import Finding, Status

SIGNS: Final[dict["Status", str]] = {"ok": "✓", "problem": "✗", "note": "·", "warning": "!"}


def render_findings(findings: "Sequence[Finding]") -> str:
    """Render a line each, and the verdict."""
    width = max(len(finding.name) for finding in findings)
    lines = [f"{SIGNS[finding.status]} {finding.name:<{width}}  {finding.message}" for finding in findings]
    problems = sum(finding.status == "problem" for finding in findings)
    verdict = f"{problems} to mend" if problems else "Everything is usable: `suggest serve` can start"
    return "\n".join([*lines, "", verdict])
