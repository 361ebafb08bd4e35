"""`suggest import --json`."""

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cli.commands.import_ import ImportTally


def render_tally(tally: "ImportTally") -> str:
    """Render the counts, and the refused lines with their reasons."""
    counts = tally.counts
    fields = {
        "imported": counts["new"],
        "known": counts["known"],
        "refused": [{"file": one.file, "line": one.line, "reason": one.reason} for one in tally.refused],
        "refused_count": counts["refused"],
    }
    return json.dumps(fields, ensure_ascii=False)
