"""Measure how much personal data is found, and at what cost: `python -m benchmarks.privacy`.

On the invented messages of `privacy.txt` and `privacy-pasted.txt`, beside Microsoft Presidio's recognisers by pattern,
in the same run. A value is hidden if no letter and no digit of it is left in the open, whatever it is taken for; it is
exact if its kind and its place are right. A look-alike with anything found in it is a false alarm.
"""

import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bot.privacy.detectors import REGIONS, Recogniser
from bot.privacy.placeholders import NO_PLACEHOLDERS, fill, mask_messages

SETS = tuple(Path(__file__).with_name(name) for name in ("privacy.txt", "privacy-pasted.txt"))
KINDS = ("EMAIL", "PHONE", "CARD", "IBAN", "IP", "SECRET")
PRESIDIO_KINDS = {
    "EMAIL_ADDRESS": "EMAIL",
    "PHONE_NUMBER": "PHONE",
    "CREDIT_CARD": "CARD",
    "IBAN_CODE": "IBAN",
    "IP_ADDRESS": "IP",
}

_MARKED_SPAN = re.compile(r"\{\{(\w+)\|([^}]*)\}\}")
_ESCAPED = re.compile(r"\\u([0-9a-f]{4})")

PLAIN = (
    "Hello, I ordered a blue lamp from you last week and it has not arrived yet. Could you tell me where it is? " * 3
)
MIXED = (
    "Hello, this is about order NW-483920 of 2026-11-20, for 129.00 EUR. Please write to jane.doe@example.com or ring "
    "+44 20 7946 0958. I paid by card 4111 1111 1111 1111, and the reference is 8812 4471 0093."
)
FLOODS = {
    "phone numbers": " ".join(f"call 020 {index % 10_000:04} {7 * index % 10_000:04}" for index in range(680)),
    "e-mail addresses": " ".join(f"a{index}@b{index}.example" for index in range(640)),
    "digits": "4417 1234 5678 9112 / " * 540,
    "single digits": "4 " * 6_000,
    "passwords": "password is hunter2 " * 600,
}

Span = tuple[str, int, int]
Finder = Callable[[str], Collection[Span]]
"""A detector: kind, start and end of all that it finds in a text."""


@dataclass(frozen=True, slots=True)
class MarkedMessage:
    """A message, and the spans in it that are personal, with their kinds."""

    text: str
    spans: frozenset[Span]


@dataclass(frozen=True, slots=True)
class Score:
    """The score of one kind: values in the set, those hidden, and those found with their kind and place."""

    marked: int
    hidden: int
    exact: int

    @property
    def recall(self) -> float:
        return self.hidden / self.marked


def read_messages() -> list[MarkedMessage]:
    """Read the sets: a message a line."""
    lines = [line for path in SETS for line in path.read_text(encoding="utf-8").splitlines()]
    return [_read(line) for line in lines if line and not line.startswith("# ")]


def build_our_finder(recogniser: Recogniser) -> Finder:
    """Build a finder from the product's recogniser."""
    return lambda text: {(each.kind, each.start, each.end) for each in recogniser(text)}


def build_presidio_finder() -> Finder:
    """Build a finder from Presidio's recognisers of the same kinds.

    The domains and countries of the set are known to them, too.
    """
    os.environ["TLDEXTRACT_SUFFIX_LIST_URLS"] = ""  # its list of domains is the one that it brings along
    import tldextract
    from presidio_analyzer.predefined_recognizers import (
        CreditCardRecognizer,
        EmailRecognizer,
        IbanRecognizer,
        IpRecognizer,
        PhoneRecognizer,
    )

    domains = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None, extra_suffixes=("example", "テスト"))

    class Emails(EmailRecognizer):  # type: ignore[misc]  # untyped
        def validate_result(self, pattern_text: str) -> bool:
            return bool(domains(pattern_text).fqdn)

    recognisers: list[Any] = [
        Emails(),
        PhoneRecognizer(supported_regions=REGIONS),
        CreditCardRecognizer(),
        IbanRecognizer(),
        IpRecognizer(),
    ]

    def find(text: str) -> set[Span]:
        found = [each for one in recognisers for each in one.analyze(text, one.supported_entities, None)]
        return {(PRESIDIO_KINDS[each.entity_type], each.start, each.end) for each in found}

    return find


def score_kinds(find: Finder) -> dict[str, Score]:
    """Score a finder on the set, kind by kind."""
    marked, hidden, exact = Counter[str](), Counter[str](), Counter[str]()
    for message in read_messages():
        found = find(message.text)
        marked.update(kind for kind, _, _ in message.spans)
        exact.update(kind for kind, _, _ in message.spans & set(found))
        hidden.update(kind for kind, start, end in message.spans if _is_hidden(message.text, start, end, found))
    return {kind: Score(marked[kind], hidden[kind], exact[kind]) for kind in KINDS}


def find_false_alarms(find: Finder) -> tuple[list[str], int]:
    """Return the look-alikes in which something was found, and how many look-alikes there are."""
    alike = [message.text for message in read_messages() if not message.spans]
    return [text for text in alike if find(text)], len(alike)


def list_mistakes(find: Finder) -> list[str]:
    """List what was missed, and what was falsely taken for personal, a line each."""
    lines = []
    for message in read_messages():
        found = find(message.text)
        lines += [
            f"missed {kind} {message.text[start:end]!r}"
            for kind, start, end in sorted(message.spans)
            if not _is_hidden(message.text, start, end, found)
        ]
    return lines + [f"false  {text!r}" for text in find_false_alarms(find)[0]]


def format_table(find: Finder) -> str:
    """Format the scores of a finder as a table in Markdown."""
    lines = ["| kind | in the set | hidden | recall | exact |", "|---|---|---|---|---|"]
    for kind, score in score_kinds(find).items():
        lines.append(f"| `{kind}` | {score.marked} | {score.hidden} | {score.recall:.3f} | {score.exact} |")
    alarms, alike = find_false_alarms(find)
    return "\n".join([*lines, f"| look-alikes | {alike} | {len(alarms)} | {len(alarms) / alike:.1%} false alarms | |"])


def measure_microseconds(work: Callable[[], object], *, times: int = 300) -> float:
    """Return the CPU time of one call, in the fastest of three rounds: other load of the machine only adds to it."""
    work()
    rounds = []
    for _ in range(3):
        began = time.process_time()
        for _ in range(times):
            work()
        rounds.append((time.process_time() - began) / times * 1e6)
    return min(rounds)


def main() -> None:
    recogniser = Recogniser()
    find = build_our_finder(recogniser)
    count = sum(bool(message.spans) for message in read_messages())
    print(f"{count} messages\n\nours\n\n{format_table(find)}\n")
    print("\n".join(list_mistakes(find)), end="\n\n")
    print(f"Presidio\n\n{format_table(build_presidio_finder())}\n")
    (masked,), placeholders = mask_messages([MIXED], NO_PLACEHOLDERS, recogniser)
    for name, work in {
        f"mask {len(PLAIN)} characters of words": lambda: mask_messages([PLAIN], NO_PLACEHOLDERS, recogniser),
        f"mask {len(MIXED)} characters with 4 of them": lambda: mask_messages([MIXED], NO_PLACEHOLDERS, recogniser),
        "fill a reply with 3 placeholders": lambda: fill(masked, placeholders, recogniser),
        f"mask {len(PLAIN * 36)} characters of words": lambda: mask_messages([PLAIN * 36], NO_PLACEHOLDERS, recogniser),
    }.items():
        print(f"{name}: {measure_microseconds(work):.0f} µs")
    for name, flood in FLOODS.items():
        took = measure_microseconds(partial(mask_messages, [flood], NO_PLACEHOLDERS, recogniser), times=1)
        print(f"mask {len(flood)} characters of {name}: {took / 1000:.0f} ms")


def _is_hidden(text: str, start: int, end: int, found: Collection[Span]) -> bool:
    covered: Sequence[range] = [range(first, last) for _, first, last in found]
    return all(any(place in each for each in covered) for place in range(start, end) if text[place].isalnum())


def _read(escaped: str) -> MarkedMessage:
    line = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), escaped).replace("\\n", "\n").replace("\\t", "\t")
    pieces, spans, length, end = [], set(), 0, 0
    for match in _MARKED_SPAN.finditer(line):
        before = line[end : match.start()]
        start = length + len(before)
        pieces += [before, match[2]]
        length = start + len(match[2])
        spans.add((match[1], start, length))
        end = match.end()
    return MarkedMessage("".join([*pieces, line[end:]]), frozenset(spans))


if __name__ == "__main__":
    sys.exit(main())
