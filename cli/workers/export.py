"""The child process of one export for Slack: a job as JSON on stdin, its result as JSON on stdout."""

import json
import os
import secrets
import sys
from pathlib import Path
from typing import Any, Final

from bot.choice_log.pseudonyms import Pseudonyms
from cli.commands.export import ExportJob, NothingFound, build_options, write_export
from cli.database_location import Location
from cli.errors import to_ending
from cli.options import parse_moment
from storage.queries.log_entries import Selection

_POLITENESS: Final = 10
"""The bot comes first where both want the processor."""


def main() -> None:
    if hasattr(os, "nice"):
        os.nice(_POLITENESS)
    print(json.dumps(run_job(json.load(sys.stdin))))


def run_job(job: dict[str, Any]) -> dict[str, Any]:
    """Write the export. Return the number of `requests`, or, under `error`, one line why there are none."""
    key = job["key"]
    export = ExportJob(
        selection=Selection(since=parse_moment("since", job["since"]), team_id=job["team_id"]),
        options=build_options(job["form"], pairs=(), cells="safe"),
        output=Path(job["output"]),
        pseudonyms=Pseudonyms(key.encode() if key else secrets.token_bytes(32)) if job["pseudonyms"] else None,
        actor=job["actor"],
    )
    try:
        exported = write_export(Location(url=job["url"], origin=job["origin"]), export)
    except NothingFound:
        return {"requests": 0}
    except Exception as error:  # noqa: BLE001 - the process's own front door: whoever waits is told
        return {"error": to_ending(error).line}
    return {"requests": exported.requests}


if __name__ == "__main__":
    main()
