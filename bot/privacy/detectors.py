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

import regex

from bot.privacy.finders.cards_and_ibans import MIN_CARD_DIGITS, MIN_IBAN_DIGITS, find_cards, find_ibans
from bot.privacy.finders.emails import find_emails
from bot.privacy.finders.ip_addresses import find_ip_addresses
from bot.privacy.finders.keys import find_keys
from bot.privacy.finders.phones import find_phones
from bot.privacy.finders.secrets import find_secrets
from bot.privacy.folding import MASK_CHARACTER, FoldedText, Span, decode, fold, wrap_unfolded
from bot.privacy.user_patterns import find_matches

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
    pattern: regex.Pattern[str]

    @property
    def kind(self) -> str:
        return self.name.upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    kind: str
    start: int
    end: int


_RAW, _FOLDED, _DECODED = range(3)
"""The views of a text: as it is; folded; folded, with what is encoded in it decoded."""

_DIGIT: Final = re.compile(r"\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Finder:
    """A finder of one kind: the view that it reads, how many digits it needs in the decoded one, and its function."""

    kind: str
    view: int
    digits: int
    find_spans: Callable[[str], Iterable[Span]]

    def find(self, view: FoldedText) -> list[Detection]:
        """Find data of this kind, with its places in the original, in order; of what overlaps, the first."""
        found: list[Detection] = []
        for start, end in sorted(self.find_spans(view.text), key=lambda span: (span[0], -span[1])):
            if MASK_CHARACTER not in view.text[start:end]:
                first, last = view.locate(start, end)
                if not found or first >= found[-1].end:
                    found.append(Detection(kind=self.kind, start=first, end=last))
        return found


class Recogniser:
    """Finds personal data. What stands in `allowed_text`, the team's own playbook, is the team's own and no secret."""

    def __init__(
        self, *, rules: Sequence[RedactionRule] = (), regions: Sequence[str] = REGIONS, allowed_text: str = ""
    ) -> None:
        self.kinds = (*(rule.kind for rule in rules), *KINDS)
        self._rules = tuple(rules)
        self._allowed_text = allowed_text.casefold()
        self._finders = (
            *(_Finder(rule.kind, _RAW, 0, partial(find_matches, rule.name, rule.pattern)) for rule in rules),
            _Finder(UNRESTORABLE, _FOLDED, 0, find_keys),
            _Finder(UNRESTORABLE, _FOLDED, 0, find_secrets),
            _Finder("EMAIL", _DECODED, 0, find_emails),
            _Finder("IBAN", _DECODED, MIN_IBAN_DIGITS, find_ibans),
            _Finder("CARD", _DECODED, MIN_CARD_DIGITS, find_cards),
            _Finder("IP", _DECODED, 1, find_ip_addresses),
            _Finder("PHONE", _DECODED, 1, partial(find_phones, regions=tuple(regions))),
        )

    def __call__(self, text: str, *, excluded: Sequence[Span] = ()) -> tuple[Detection, ...]:
        """Find personal data outside of the `excluded` spans, in order, never overlapping.

        A long text is searched in pieces, each with its surroundings, so that no step takes long.
        """
        found: list[Detection] = []
        for start in range(0, len(text), _PIECE):
            first, last = max(0, start - _SURROUNDINGS), start + _PIECE + _SURROUNDINGS
            inside = [(max(begin - first, 0), end - first) for begin, end in excluded if first < end and begin < last]
            for each in self._search(text[first:last], inside):
                begin = each.start + first
                if start <= begin < start + _PIECE and (not found or begin >= found[-1].end):
                    found.append(Detection(kind=each.kind, start=begin, end=each.end + first))
        return tuple(each for each in found if not self._is_allowed(text[each.start : each.end]))

    def _search(self, text: str, excluded: Sequence[Span]) -> list[Detection]:
        folded = fold(text)
        views = [view.blank_out(excluded) for view in (wrap_unfolded(text), folded, decode(folded))]
        found: list[Detection] = []
        for _ in range(_MAX_ROUNDS):  # what is found may have stood in the way of something else
            before = len(found)
            digits = len(_DIGIT.findall(views[_DECODED].text))
            for finder in self._finders:
                if more := finder.find(views[finder.view]) if digits >= finder.digits else ():
                    views = [each.blank_out([(one.start, one.end) for one in more]) for each in views]
                    found += more
                    digits = len(_DIGIT.findall(views[_DECODED].text))
            if len(found) == before:
                break
        return sorted(found, key=lambda each: each.start)

    def _is_allowed(self, value: str) -> bool:
        return bool(self._allowed_text) and value.casefold() in self._allowed_text


_MAX_ROUNDS: Final = 4
_PIECE: Final = 12_000
_SURROUNDINGS: Final = 400
