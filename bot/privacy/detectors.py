"""Finding personal data in a text: e-mail, phone, card, IBAN, IP, secrets, and what the team's own rules name.

    recogniser = Recogniser(rules=playbook.redact, regions=playbook.phone_regions, spared=playbook.text)
    recogniser("write to jane@example.com")        # (Found(kind="EMAIL", start=9, end=25),)

What it finds and what it misses is measured in `benchmarks/privacy.py`. Detectors read the text folded: digits, letters
and signs of every script as their ASCII likes. Most messages hold no digit and no @, and cost next to nothing.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from bot.privacy.finders.accounts import find_cards, find_ibans
from bot.privacy.finders.addresses import find_addresses
from bot.privacy.finders.emails import find_emails
from bot.privacy.finders.phones import find_phones
from bot.privacy.finders.secrets import find_secrets
from bot.privacy.folding import TAKEN, Folded, Span, fold, keep

KINDS: Final = ("EMAIL", "PHONE", "CARD", "IBAN", "IP", "SECRET", "TEXT")
"""Kinds of our own. TEXT is no personal data: a customer's words that look like a placeholder."""

UNRESTORABLE: Final = "SECRET"
"""The kind of what is never given back: passwords, codes, keys, tokens."""

REGIONS: Final = ("US", "GB", "DE", "FR", "ES", "IT", "NL", "IN", "CN", "TW", "HK", "JP", "AU", "BR")
"""Whose national phone numbers are known, unless the playbook says otherwise. Numbers with + are known everywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule of the playbook: what matches is of kind `name`, in capitals."""

    name: str
    pattern: re.Pattern[str]

    @property
    def kind(self) -> str:
        return self.name.upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Personal data in a text, from `start` to `end`."""

    kind: str
    start: int
    end: int


class Recogniser:
    """Finds personal data. What stands in `spared`, the team's own playbook, is the team's own and no secret."""

    def __init__(self, *, rules: Sequence[Rule] = (), regions: Sequence[str] = REGIONS, spared: str = "") -> None:
        self.kinds = (*(rule.kind for rule in rules), *KINDS)
        self._rules = tuple(rules)
        self._spared = spared.casefold()
        self._detectors: tuple[tuple[str, re.Pattern[str], Callable[[str], Iterable[Span]]], ...] = (
            (UNRESTORABLE, _ANYTHING, find_secrets),
            ("EMAIL", _ANYTHING, find_emails),
            ("IBAN", _DIGIT, find_ibans),
            ("CARD", _DIGIT, find_cards),
            ("IP", _DIGIT, find_addresses),
            ("PHONE", _DIGIT, partial(find_phones, regions=tuple(regions))),
        )

    def __call__(self, text: str, *, taken: Sequence[Span] = ()) -> tuple[Found, ...]:
        """Find what there is besides what is `taken`, in order, never overlapping."""
        raw, folded = keep(text).take(taken), fold(text).take(taken)
        found: list[Found] = []
        for _ in range(_MOST_ROUNDS):  # what is found may have stood in the way of something else
            more, raw, folded = self._find(raw, folded)
            found += more
            if not more:
                break
        found.sort(key=lambda each: each.start)
        return tuple(each for each in found if not self._is_spared(text[each.start : each.end]))

    def _find(self, raw: Folded, folded: Folded) -> tuple[list[Found], Folded, Folded]:
        """Find once with each rule and detector; each sees as one NUL what those before it have found."""
        found: list[Found] = []
        for rule in self._rules:
            more = _locate(rule.kind, raw, (match.span() for match in rule.pattern.finditer(raw.text)))
            raw, folded = _take(more, raw), _take(more, folded)
            found += more
        for kind, needed, detect in self._detectors:
            more = _locate(kind, folded, detect(folded.text)) if needed.search(folded.text) else []
            raw, folded = _take(more, raw), _take(more, folded)
            found += more
        return found, raw, folded

    def _is_spared(self, value: str) -> bool:
        return bool(self._spared) and value.casefold() in self._spared


_MOST_ROUNDS: Final = 4

_ANYTHING: Final = re.compile("")
_DIGIT: Final = re.compile(r"\d", re.ASCII)


def _locate(kind: str, folded: Folded, spans: Iterable[Span]) -> list[Found]:
    """Return what was found by its places in the original, in order; of what overlaps, the first."""
    found: list[Found] = []
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if TAKEN not in folded.text[start:end]:
            first, last = folded.locate(start, end)
            if not found or first >= found[-1].end:
                found.append(Found(kind=kind, start=first, end=last))
    return found


def _take(found: Sequence[Found], folded: Folded) -> Folded:
    return folded.take([(each.start, each.end) for each in found])
