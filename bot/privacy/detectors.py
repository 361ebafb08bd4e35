"""Detection of personal data: e-mail, phone, card, IBAN, IP, secrets, and what the team's own rules name.

    recogniser = Recogniser(rules=playbook.redact, regions=playbook.phone_regions, allowed_text=playbook.text)
    recogniser("write to jane@example.com")        # (Detection(kind="EMAIL", start=9, end=25),)

What it finds and what it misses is measured in `benchmarks/privacy.py`. Detectors read the text folded: digits, letters
and signs of every script as their ASCII likes. Most messages hold no digit and no @, and cost next to nothing.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from bot.privacy.finders.cards_and_ibans import find_cards, find_ibans
from bot.privacy.finders.emails import find_emails
from bot.privacy.finders.ip_addresses import find_ip_addresses
from bot.privacy.finders.phones import find_phones
from bot.privacy.finders.secrets import find_secrets
from bot.privacy.folding import MASK_CHARACTER, FoldedText, Span, fold, wrap_unfolded

KINDS: Final = ("EMAIL", "PHONE", "CARD", "IBAN", "IP", "SECRET", "TEXT")
"""Kinds of our own. TEXT is no personal data: a customer's words that look like a placeholder."""

UNRESTORABLE: Final = "SECRET"
"""The kind of what is never given back: passwords, codes, keys, tokens."""

REGIONS: Final = ("US", "GB", "DE", "FR", "ES", "IT", "NL", "IN", "CN", "TW", "HK", "JP", "AU", "BR")
"""Whose national phone numbers are known, unless the playbook says otherwise. Numbers with + are known everywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RedactionRule:
    """A rule of the playbook for personal data of the kind `name`, in capitals."""

    name: str
    pattern: re.Pattern[str]

    @property
    def kind(self) -> str:
        return self.name.upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """Personal data of one kind in a text, from `start` to `end`."""

    kind: str
    start: int
    end: int


class Recogniser:
    """Finds personal data. What stands in `allowed_text`, the team's own playbook, is the team's own and no secret."""

    def __init__(
        self, *, rules: Sequence[RedactionRule] = (), regions: Sequence[str] = REGIONS, allowed_text: str = ""
    ) -> None:
        self.kinds = (*(rule.kind for rule in rules), *KINDS)
        self._rules = tuple(rules)
        self._allowed_text = allowed_text.casefold()
        self._detectors: tuple[tuple[str, re.Pattern[str], Callable[[str], Iterable[Span]]], ...] = (
            (UNRESTORABLE, _ANYTHING, find_secrets),
            ("EMAIL", _ANYTHING, find_emails),
            ("IBAN", _DIGIT, find_ibans),
            ("CARD", _DIGIT, find_cards),
            ("IP", _DIGIT, find_ip_addresses),
            ("PHONE", _DIGIT, partial(find_phones, regions=tuple(regions))),
        )

    def __call__(self, text: str, *, excluded: Sequence[Span] = ()) -> tuple[Detection, ...]:
        """Find personal data outside of the `excluded` spans, in order, never overlapping."""
        raw, folded = wrap_unfolded(text).blank_out(excluded), fold(text).blank_out(excluded)
        found: list[Detection] = []
        for _ in range(_MAX_ROUNDS):  # what is found may have stood in the way of something else
            more, raw, folded = self._find(raw, folded)
            found += more
            if not more:
                break
        found.sort(key=lambda each: each.start)
        return tuple(each for each in found if not self._is_allowed(text[each.start : each.end]))

    def _find(self, raw: FoldedText, folded: FoldedText) -> tuple[list[Detection], FoldedText, FoldedText]:
        """Search once with each rule and finder; each sees as one NUL what those before it have found."""
        found: list[Detection] = []
        for rule in self._rules:
            more = _locate(rule.kind, raw, (match.span() for match in rule.pattern.finditer(raw.text)))
            raw, folded = _blank_out(more, raw), _blank_out(more, folded)
            found += more
        for kind, needed, detect in self._detectors:
            more = _locate(kind, folded, detect(folded.text)) if needed.search(folded.text) else []
            raw, folded = _blank_out(more, raw), _blank_out(more, folded)
            found += more
        return found, raw, folded

    def _is_allowed(self, value: str) -> bool:
        return bool(self._allowed_text) and value.casefold() in self._allowed_text


_MAX_ROUNDS: Final = 4

_ANYTHING: Final = re.compile("")
_DIGIT: Final = re.compile(r"\d", re.ASCII)


def _locate(kind: str, folded: FoldedText, spans: Iterable[Span]) -> list[Detection]:
    """Convert spans of the folded text to detections in the original, in order; of what overlaps, the first."""
    found: list[Detection] = []
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if MASK_CHARACTER not in folded.text[start:end]:
            first, last = folded.locate(start, end)
            if not found or first >= found[-1].end:
                found.append(Detection(kind=kind, start=first, end=last))
    return found


def _blank_out(found: Sequence[Detection], folded: FoldedText) -> FoldedText:
    return folded.blank_out([(each.start, each.end) for each in found])
