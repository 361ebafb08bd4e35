"""The child process of one export for Slack, `python -m cli.workers.export`."""

from pathlib import Path
from typing import Any

from bot.choice_log.exporter import ExportJob
from bot.choice_log.pseudonyms import Pseudonyms
from cli.commands.export import NothingFound, build_options, write_export
from cli.database_location import Location
from cli.options import parse_moment
from cli.workers.child import do_job
from storage.records import Selection


def main() -> None:
    """Run the child process."""
    do_job(run_job)


def run_job(job: dict[str, Any]) -> dict[str, int]:
    """Write the export, and return the number of `requests`. Raises what `write_export` does."""
    key = job["key"]
    export = ExportJob(
        selection=Selection(since=parse_moment("since", job["since"]), team_id=job["team_id"]),
        options=build_options(job["form"], Path(job["output"]), {}),
        output=Path(job["output"]),
        pseudonyms=Pseudonyms(key and key.encode()) if job["pseudonyms"] else None,
        actor=job["actor"],
    )
    try:
        exported = write_export(Location(url=job["url"], origin=job["origin"]), export)
    except NothingFound:
        return {"requests": 0}
    return {"requests": exported.requests}


if __name__ == "__main__":
    main()
