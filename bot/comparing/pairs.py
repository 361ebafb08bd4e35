"""Pairs: one row's message with the text of version `a` and that of version `b`."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.errors import UsageError
from storage.records import Candidate, LogEntry, Request

Side = Sequence[LogEntry]

ONE_SIDE_ONLY: Final = "stands in one of the two only"
NO_TEXT: Final = "has no text of one of the two: its drafts failed"


class ComparisonError(UsageError):
    """Two versions that cannot be compared; the message says why and what to do, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One row: the request as version `a` had it, and the candidate of each side.

    `retrieved` is what both were given of the knowledge; None where they differ: then it stands with the drafts only.
    """

    row: int
    request: Request
    a: Candidate
    b: Candidate
    prompt_version: str
    retrieved: tuple[Any, ...] | None = None

    @property
    def message(self) -> str:
        """The conversation as text; who said it, where there are several turns of people who talk."""
        turns = self.request.conversation
        if len(turns) == 1 or self.request.task == "write":
            return "\n".join(turn.text for turn in turns)
        return "\n".join(f"{turn.role}: {turn.text}" for turn in turns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All pairs in input order, the names of the versions, and the rows left out, with the reason.

    The id follows from the texts: whoever compares the same, goes on with the same comparison.
    """

    id: str
    names: tuple[str, str]
    pairs: tuple[Pair, ...]
    left_out: tuple[tuple[int, str], ...] = ()

    @property
    def equal_rows(self) -> int:
        """Rows whose two texts are the same."""
        return sum(pair.a.text == pair.b.text for pair in self.pairs)


def pair_outputs(sides: tuple[Side, Side], names: tuple[str, str], *, known_as: str | None = None) -> Comparison:
    """Pair the rows of two outputs. `known_as` is the comparison's id, where its texts do not give it.

    Raises ComparisonError.
    """
    a, b = (_index_rows(side, name) for side, name in zip(sides, names, strict=True))
    pairs, left_out = list[Pair](), list[tuple[int, str]]()
    for row in sorted(a.keys() | b.keys()):
        if row not in a or row not in b:
            left_out.append((row, ONE_SIDE_ONLY))
            continue
        if a[row].request.conversation != b[row].request.conversation:
            raise ComparisonError(
                f"row {row} has another message in {names[0]} than in {names[1]}: compare outputs of the same input"
            )
        found = _find_text(a[row]), _find_text(b[row])
        if found[0] is None or found[1] is None:
            left_out.append((row, NO_TEXT))
        else:
            pairs.append(_make_pair(row, (a[row], found[0]), (b[row], found[1])))
    if not pairs:
        raise ComparisonError(f"{names[0]} and {names[1]} have no row with a text in both: name outputs of one input")
    return Comparison(id=known_as or _make_id(pairs), names=names, pairs=tuple(pairs), left_out=tuple(left_out))


def _index_rows(side: Side, name: str) -> dict[int, LogEntry]:
    rows: dict[int, LogEntry] = {}
    for entry in side:
        row = entry.request.input_row
        if row is None:
            raise ComparisonError(f"{name} has a line without input_row: name outputs of `suggest batch`")
        if row in rows:
            raise ComparisonError(f"{name} has two lines of row {row}: name outputs that have each row once")
        rows[row] = entry
    return rows


def _find_text(entry: LogEntry) -> Candidate | None:
    """Find the first candidate that did not fail."""
    return next((one for one in entry.candidates if one.error is None and one.text and one.text.strip()), None)


def _make_pair(row: int, a: tuple[LogEntry, Candidate], b: tuple[LogEntry, Candidate]) -> Pair:
    found = a[0].request.retrieved
    versions = list(dict.fromkeys([a[0].request.prompt_version, b[0].request.prompt_version]))
    return Pair(
        row=row,
        request=a[0].request,
        a=a[1],
        b=b[1],
        prompt_version=versions[0] if len(versions) == 1 else "+".join(each[:31] for each in versions),
        retrieved=found if found == b[0].request.retrieved else None,
    )


def _make_id(pairs: Iterable[Pair]) -> str:
    told: list[Any] = [
        [pair.row, [[turn.role, turn.text] for turn in pair.request.conversation], pair.a.text, pair.b.text]
        for pair in pairs
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:24]
