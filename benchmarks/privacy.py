"""What of customers' personal data is found, and what it costs: `python -m benchmarks.privacy`.

Precision and recall for each kind, on the invented messages of `benchmarks/privacy.txt`. What is found counts if it is
of the right kind and covers exactly what is marked.
"""

import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bot.privacy.detectors import Recogniser
from bot.privacy.placeholders import NONE, fill, mask

SET = Path(__file__).with_name("privacy.txt")
KINDS = ("EMAIL", "PHONE", "CARD", "IBAN", "IP")

_MARKED = re.compile(r"\{\{(\w+)\|([^}]*)\}\}")
_ESCAPED = re.compile(r"\\u([0-9a-f]{4})")

PLAIN = (
    "Hello, I ordered a blue lamp from you last week and it has not arrived yet. Could you tell me where it is? " * 3
)
MIXED = (
    "Hello, this is about order NW-483920 of 2026-11-20, for 129.00 EUR. Please write to jane.doe@example.com or ring "
    "+44 20 7946 0958. I paid by card 4111 1111 1111 1111, and the reference is 8812 4471 0093."
)


@dataclass(frozen=True, slots=True)
class Marked:
    """A message, and the spans in it that are personal, with their kinds."""

    text: str
    spans: frozenset[tuple[str, int, int]]


@dataclass(frozen=True, slots=True)
class Score:
    """Of one kind: marked, found, and found rightly."""

    marked: int
    found: int
    right: int

    @property
    def precision(self) -> float:
        return self.right / self.found

    @property
    def recall(self) -> float:
        return self.right / self.marked


def messages() -> list[Marked]:
    lines = SET.read_text(encoding="utf-8").splitlines()
    return [_read(line) for line in lines if line and not line.startswith("# ")]


def scores(recogniser: Recogniser) -> dict[str, Score]:
    marked, found, right = Counter[str](), Counter[str](), Counter[str]()
    for message in messages():
        spans = {(each.kind, each.start, each.end) for each in recogniser(message.text)}
        marked.update(kind for kind, _, _ in message.spans)
        found.update(kind for kind, _, _ in spans)
        right.update(kind for kind, _, _ in spans & message.spans)
    return {kind: Score(marked[kind], found[kind], right[kind]) for kind in KINDS}


def mistakes(recogniser: Recogniser) -> list[str]:
    """What was missed and what was taken for something else, a line each."""
    told = []
    for message in messages():
        spans = {(each.kind, each.start, each.end) for each in recogniser(message.text)}
        told += [f"missed {kind} {message.text[a:b]!r}" for kind, a, b in sorted(message.spans - spans)]
        told += [f"wrong  {kind} {message.text[a:b]!r}" for kind, a, b in sorted(spans - message.spans)]
    return told


def microseconds(work: Callable[[], object], *, times: int = 300) -> float:
    """The fastest of three rounds: what else the machine does comes on top of it."""
    work()
    rounds = []
    for _ in range(3):
        began = time.perf_counter()
        for _ in range(times):
            work()
        rounds.append((time.perf_counter() - began) / times * 1e6)
    return min(rounds)


def table(recogniser: Recogniser) -> str:
    lines = ["| kind | in the set | found | right | precision | recall |", "|---|---|---|---|---|---|"]
    for kind, score in scores(recogniser).items():
        figures = f"{score.marked} | {score.found} | {score.right} | {score.precision:.3f} | {score.recall:.3f}"
        lines.append(f"| `{kind}` | {figures} |")
    return "\n".join(lines)


def main() -> None:
    recogniser = Recogniser()
    print(f"{len(messages())} messages\n\n{table(recogniser)}\n")
    print("\n".join(mistakes(recogniser)), end="\n\n")
    (masked,), placeholders = mask([MIXED], NONE, recogniser)
    digits = "4417 1234 5678 9112 / " * 540
    for name, work in {
        f"mask {len(PLAIN)} characters of words": lambda: mask([PLAIN], NONE, recogniser),
        f"mask {len(MIXED)} characters with 4 of them": lambda: mask([MIXED], NONE, recogniser),
        "fill a reply with 3 placeholders": lambda: fill(masked, placeholders, recogniser),
        f"mask {len(PLAIN * 36)} characters of words": lambda: mask([PLAIN * 36], NONE, recogniser),
    }.items():
        print(f"{name}: {microseconds(work):.0f} µs")
    worst = microseconds(lambda: mask([digits], NONE, recogniser), times=1)
    print(f"mask {len(digits)} characters of digits: {worst:.0f} µs")


def _read(escaped: str) -> Marked:
    line = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), escaped).replace("\\n", "\n")
    pieces, spans, length, end = [], set(), 0, 0
    for match in _MARKED.finditer(line):
        before = line[end : match.start()]
        start = length + len(before)
        pieces += [before, match[2]]
        length = start + len(match[2])
        spans.add((match[1], start, length))
        end = match.end()
    return Marked("".join([*pieces, line[end:]]), frozenset(spans))


if __name__ == "__main__":
    sys.exit(main())
