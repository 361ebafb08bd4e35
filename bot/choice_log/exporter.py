"""An export of the choice log: who takes which requests in which form, noted before the first line leaves."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

from bot.choice_log.export_format import ExportFormat, ExportOptions
from bot.choice_log.formats.registry import FORMATS, open_writer
from bot.choice_log.pseudonyms import Pseudonyms
from bot.errors import UsageError
from storage.fields import to_iso
from storage.queries.export_rows import RawEntry
from storage.queries.log_entries import ChoiceLog
from storage.records import Selection
from storage.repositories.audit import Audit

_NAMED: Final = {"team_id": "--team", "channel_id": "--channel", "agent_id": "--agent", "style": "--style"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportJob:
    """A selection of requests, the format, the file, and who exports. Without `pseudonyms`, ids stay as they are."""

    selection: Selection
    options: ExportOptions = field(default_factory=ExportOptions)
    output: Path = Path("-")
    pseudonyms: Pseudonyms | None = None
    actor: str = "cli"

    @property
    def form(self) -> ExportFormat:
        return FORMATS[self.options.name]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSize:
    """The number of requests to export, and of the simulated ones that are left out."""

    requests: int
    simulated_left_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSummary:
    """The number of requests written; `left_out` counts those that the format has no place for, by reason."""

    requests: int
    simulated_left_out: int
    left_out: Mapping[str, int]


async def measure_export(log: ChoiceLog, selection: Selection) -> ExportSize:
    """Count the requests to export, and the simulated ones left out."""
    count = await log.count(selection)
    everything = count if selection.include_simulated else await log.count(replace(selection, include_simulated=True))
    return ExportSize(requests=count, simulated_left_out=everything - count)


async def find_unknown(log: ChoiceLog, selection: Selection) -> str | None:
    """Find an id that the log does not know, most likely a slip; None if it knows all. As its option gives it."""
    for name, option in _NAMED.items():
        value = getattr(selection, name)
        if value is not None and not await log.count(Selection(**{name: value}, include_simulated=True)):
            return f"{option} {value!r}"
    return None


async def note_export(audit: Audit, job: ExportJob, size: ExportSize, *, at: datetime) -> bool:
    """Note the export in the audit table. Return False if this user of the database may only read."""
    if not await audit.may_record():
        return False
    selected = {
        name: to_iso(value) if isinstance(value, datetime) else value for name, value in asdict(job.selection).items()
    }
    data = {
        "format": job.options.name,
        **selected,
        "pseudonymised": job.pseudonyms is not None,
        "requests": size.requests,
    }
    await audit.record(at=at, actor=job.actor, action="export", data=data)
    return True


def write_entries(
    job: ExportJob,
    size: ExportSize,
    entries: Iterable[RawEntry],
    file: BinaryIO,
    provenance_file: BinaryIO | None,
    *,
    on_written: Callable[[int], None],
) -> ExportSummary:
    """Write the requests, and how pairs were made of them; `on_written` is told how many more are written.

    Raises UsageError if the format's library is missing.
    """
    try:
        writer = open_writer(job.options, file)
    except ImportError as error:
        name = job.options.name
        raise UsageError(f"--format {name} needs a library: install suggest-replies[{name}]") from error
    written = 0
    for raw in entries:
        writer.write(raw if job.pseudonyms is None else job.pseudonyms.replace_ids(raw))
        written += 1
        on_written(1)
    writer.close()
    if provenance_file is not None:
        provenance: dict[str, Any] = {
            "file": job.output.name,
            "format": job.options.name,
            **(writer.provenance or {}),
        }
        provenance_file.write((json.dumps(provenance, ensure_ascii=False, indent=2) + "\n").encode())
    return ExportSummary(requests=written, simulated_left_out=size.simulated_left_out, left_out=writer.left_out)
