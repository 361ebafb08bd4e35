"""`suggest doctor --json`."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cli.commands.doctor import Finding


def render_findings(findings: "Sequence[Finding]") -> str:
    """Render each finding; `ok` where none is a problem."""
    ok = all(finding.status != "problem" for finding in findings)
    return json.dumps({"ok": ok, "checks": [asdict(each) for each in findings]}, ensure_ascii=False)
