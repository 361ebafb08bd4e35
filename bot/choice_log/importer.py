"""Requests from files: each line parsed and judged, in batches, and counted."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Final, TypeVar

from bot.choice_log.reader import InvalidLine
from bot.errors import OperationFailed
from storage.records import LogEntry
from storage.repositories.audit import Audit
from storage.repositories.imports import AT_ONCE, ImportVerdict

_MAX_LISTED: Final = 100
"""Refused lines that are told for each file; the rest is counted."""

NumberedEntries = Iterator[tuple[int, LogEntry | InvalidLine]]
EntryJudge = Callable[[Sequence[LogEntry]], Awaitable[list[ImportVerdict]]]

_REASONS: Final[dict[ImportVerdict, str]] = {
    "differs": "request.id: the log has another request under this id, which was left as it is",
    "candidate_taken": "candidates: one has an id that belongs to another request",
    "choice_taken": "choice.id: belongs to another request",
}

Row = TypeVar("Row")


class NoChoiceLog(OperationFailed):
    """A file begins with nothing that could be taken; the message has its first line's fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedLine:
    file: str
    line: int
    reason: str


@dataclass(slots=True, kw_only=True)
class ImportTally:
    """The numbers of `new`, `known` and `refused` lines, and the first of those refused in each file."""

    counts: Counter[str] = field(default_factory=Counter)
    refused: list[RefusedLine] = field(default_factory=list)

    def add(self, other: "ImportTally") -> None:
        self.counts.update(other.counts)
        self.refused.extend(other.refused)

    def refuse(self, file: str, line: int, reason: str) -> None:
        """Count a refused line, and keep it for the listing unless that is full."""
        self.counts["refused"] += 1
        if len(self.refused) < _MAX_LISTED:
            self.refused.append(RefusedLine(file=file, line=line, reason=reason))


async def judge_as_new(entries: Sequence[LogEntry]) -> list[ImportVerdict]:
    """Judge requests for a database without a log, in which each is new."""
    return ["new"] * len(entries)


def report_verdicts(judge: EntryJudge, on_judged: Callable[[Sequence[ImportVerdict]], object]) -> EntryJudge:
    """Make a judge that also passes each batch of verdicts on."""

    async def judge_and_report(entries: Sequence[LogEntry]) -> list[ImportVerdict]:
        verdicts = await judge(entries)
        on_judged(verdicts)
        return verdicts

    return judge_and_report


async def note_import(audit: Audit, found: ImportTally, *, actor: str, at: datetime) -> None:
    """Note in the audit table who imported how many requests."""
    data = {"imported": found.counts["new"], "known": found.counts["known"]}
    await audit.record(at=at, actor=actor, action="import", data=data)


def parse_rows(rows: Iterable[tuple[int, Row | InvalidLine]], parse: Callable[[Row], LogEntry]) -> NumberedEntries:
    """Parse each row; those that cannot be are what is wrong with them."""
    for number, row in rows:
        found: LogEntry | InvalidLine
        try:
            found = row if isinstance(row, InvalidLine) else parse(row)
        except InvalidLine as error:
            found = error
        yield number, found


async def judge_file(name: str, entries: NumberedEntries, judge: EntryJudge) -> ImportTally:
    """Have all requests of a file judged, in batches. Raises NoChoiceLog, and what `judge` does."""
    tally = ImportTally()
    while batch := list(islice(entries, AT_ONCE)):
        good = [(number, found) for number, found in batch if not isinstance(found, InvalidLine)]
        if not good and not tally.counts.total():
            number, fault = batch[0]
            raise NoChoiceLog(f"{name} is no choice log: line {number} {fault}")
        verdicts: dict[int, ImportVerdict] = {}
        if good:
            judged = await judge([entry for _, entry in good])
            verdicts = dict(zip((number for number, _ in good), judged, strict=True))
        for number, found in batch:
            if isinstance(found, InvalidLine):
                tally.refuse(name, number, str(found))
            elif (verdict := verdicts[number]) in _REASONS:
                tally.refuse(name, number, _REASONS[verdict])
            else:
                tally.counts[verdict] += 1
    return tally
