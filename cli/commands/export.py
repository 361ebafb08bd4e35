"""`suggest export`: streams the choice log into a file, which is written whole or not at all."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Final, Literal

import typer

from bot.choice_log.export_format import ExportOptions, FormatOption, PairKind, SystemRole
from bot.choice_log.exporter import (
    ExportJob,
    ExportSize,
    ExportSummary,
    find_unknown,
    measure_export,
    note_export,
    write_entries,
)
from bot.choice_log.formats.registry import FORMATS
from bot.choice_log.pseudonyms import Pseudonyms
from cli import clock
from cli.database_location import (
    Location,
    explain_unavailable,
    include_simulated,
    locate_database,
    open_existing,
    run_with,
)
from cli.errors import Failed, SettingsError
from cli.options import DatabaseFile, IncludeSimulated, Since, Team, Until, parse_period
from cli.output_file import STDOUT, describe_unfinished, is_regular_target, open_output
from cli.render.printable import pluralise
from cli.render.progress import show_progress
from cli.repositories import Records, iter_raw_entries
from cli.settings import load_settings
from cli.stop_signals import explain_interrupt
from storage.records import ChoiceKind

_FORMATS_TOLD: Final = "; ".join(f"{each.name}: {each.meaning}" for each in FORMATS.values())


class PairOption(StrEnum):
    """Preferences that are taken from a choice, as the option names them."""

    SKIP_ABOVE = "skip-above"
    EDITED = "edited"
    ALL = "all"
    REDRAFT = "redraft"
    STEER = "steer"


_PAIRS: Final[dict[PairOption, PairKind]] = {
    PairOption.SKIP_ABOVE: "skip_above",
    PairOption.EDITED: "edited",
    PairOption.ALL: "all_shown",
    PairOption.REDRAFT: "redrafted",
    PairOption.STEER: "steered",
}


if TYPE_CHECKING:
    FormatName = str
else:
    FormatName = Literal[tuple(FORMATS)]


class NothingFound(Failed):
    """The log has no request of the team, channel, agent or style that was named."""


def run(  # long: every option with its help
    *,
    export_format: Annotated[FormatName, typer.Option("--format", help=_FORMATS_TOLD)] = "jsonl",
    since: Since = None,
    until: Until = None,
    team: Team = None,
    channel: Annotated[str | None, typer.Option(metavar="CHANNEL_ID", help="Requests in this channel only.")] = None,
    agent: Annotated[str | None, typer.Option(metavar="USER_ID", help="Requests of this agent only.")] = None,
    style: Annotated[
        str | None, typer.Option(metavar="NAME", help="Requests with a candidate of this style only.")
    ] = None,
    kind: Annotated[
        ChoiceKind | None, typer.Option(help="Requests whose standing choice is of this kind only.")
    ] = None,
    pairs: Annotated[
        list[PairOption] | None,
        typer.Option(help="For trl and openai; may be given again. [default: all but skip-above]"),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="For trl and openai: which draw of the pairs. [default: 0]")
    ] = None,
    system: Annotated[
        SystemRole | None,
        typer.Option(help="For training data: the agent's hint as a system message, in the first turn, or not at all."),
    ] = None,
    pseudonymise: Annotated[
        bool,
        typer.Option(
            "--pseudonymise", help="Pseudonyms for agents, channels, teams, threads; see SUGGEST_PSEUDONYM_KEY."
        ),
    ] = False,
    raw: Annotated[bool, typer.Option("--raw", help="CSV to the letter: formulas in it are not neutralised.")] = False,
    no_bom: Annotated[
        bool, typer.Option("--no-bom", help="CSV in a file without the mark that tells spreadsheets it is UTF-8.")
    ] = False,
    include_simulated: IncludeSimulated = False,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="A file, written whole or not at all; packed if it ends in .gz or .zst; - is stdout.",
        ),
    ] = Path("-"),
    database: DatabaseFile = None,
) -> None:
    """Export the choice log, or training data made from it.

    A long log with Hugging Face's datasets: load_dataset("parquet", data_files=FILE) of --format parquet, or of lines
    with features=; the types that it guesses from the first lines may not fit the later ones.

    Example: suggest export --format csv --since 2026-11-01 -o choices.csv
    """
    selection = replace(
        parse_period(since, until),
        team_id=team,
        channel_id=channel,
        agent_id=agent,
        style=style,
        kind=kind,
        include_simulated=include_simulated,
    )
    given: dict[FormatOption, Any] = {
        "--pairs": pairs, "--seed": seed, "--system": system, "--raw": raw or None, "--no-bom": no_bom or None
    }  # fmt: skip
    options = build_options(export_format, output, {name: value for name, value in given.items() if value is not None})
    job = ExportJob(selection=selection, options=options, output=output)
    if pseudonymise:
        key = load_settings().suggest_pseudonym_key
        job = replace(job, pseudonyms=Pseudonyms(None if key is None else key.get_secret_value().encode()))
    export_log(locate_database(database), job)


def export_log(location: Location, job: ExportJob) -> None:
    """Write the log, and on stderr how much that was. Raises SettingsError, Failed."""
    with explain_interrupt(lambda: describe_unfinished(job.output)):
        exported = write_export(location, job)
    print(_summarise(exported, job.output), file=sys.stderr)


def write_export(location: Location, job: ExportJob) -> ExportSummary:
    """Write the log; the audit table notes who took it before the first line leaves. Raises SettingsError, Failed."""
    if job.form.is_packed and job.output.suffix in {".gz", ".zst"}:
        raise SettingsError(f"{job.output}: {job.form.name} is packed within; name the file like {job.form.file_name}")
    job, size = run_with(open_existing(location), lambda records: _note_export(records, location, job))
    found = iter_raw_entries(location.url, job.selection, job.form.fields)
    with (
        explain_unavailable(location),
        closing(found) as entries,
        _open_provenance_file(job) as provenance_file,
        open_output(job.output) as file,
        show_progress("Exporting", size.requests) as advance,
    ):
        return write_entries(job, size, entries, file, provenance_file, on_written=advance)


async def _note_export(records: Records, location: Location, job: ExportJob) -> tuple[ExportJob, ExportSize]:
    """Measure the export, and note it. Return it with simulated requests in a demonstration's own database."""
    job = replace(job, selection=await include_simulated(records, job.selection))
    size = await measure_export(records.log, job.selection)
    is_empty = not size.requests and not size.simulated_left_out
    if is_empty and (unknown := await find_unknown(records.log, job.selection)):
        raise NothingFound(f"{unknown}: {location} has no request of it, so nothing was written")
    if not await note_export(records.audit, job, size, at=clock.now()):
        print("Not noted in the audit table: this user of the database may only read.", file=sys.stderr)
    return job, size


def build_options(name: str, output: Path, given: Mapping[FormatOption, Any]) -> ExportOptions:
    """Build the options of a format. Raises SettingsError for options that it does not take."""
    for option in given:
        if option not in FORMATS[name].takes:
            takers = [each.name for each in FORMATS.values() if option in each.takes]
            raise SettingsError(f"{option} goes with --format {', '.join(takers)}, not with {name}")
    options = ExportOptions(
        name=name,
        seed=given.get("--seed", 0),
        system=given.get("--system", "keep"),
        cells="raw" if "--raw" in given else "safe",
        has_bom=".csv" in output.suffixes and "--no-bom" not in given,
    )
    pairs: Sequence[PairOption] = given.get("--pairs", ())
    return replace(options, pairs=tuple(dict.fromkeys(_PAIRS[one] for one in pairs))) if pairs else options


def get_provenance_path(output: Path) -> Path:
    """Return the name of the file that tells how the pairs of another were made."""
    return output.with_name(f"{output.name}.provenance.json")


@contextmanager
def _open_provenance_file(job: ExportJob) -> Iterator[BinaryIO | None]:
    """Open the file beside a file of pairs that tells how they were made; None for other formats."""
    if not job.form.has_provenance or not is_regular_target(job.output):
        yield None
        return
    with open_output(get_provenance_path(job.output)) as file:
        yield file


def _summarise(exported: ExportSummary, output: Path) -> str:
    where = "" if output == STDOUT else f" to {output}"
    parts = [f"{pluralise(exported.requests, 'request')} exported{where}"]
    if exported.simulated_left_out:
        parts.append(f"{exported.simulated_left_out} simulated left out (--include-simulated exports them too)")
    parts += [f"{count} left out: {reason}" for reason, count in exported.left_out.items()]
    return "; ".join(parts)
