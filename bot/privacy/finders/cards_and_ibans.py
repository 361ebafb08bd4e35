"""Cards and IBANs: told by their check digits, whatever stands beside them or between their digits."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from bot.privacy.finders.phones import is_reference_number
from bot.privacy.finders.words import LATIN_LIKES
from bot.privacy.folding import Span

_GAP: Final = r"(?:[^\w\0]{0,3}|\s{4,40})"

# --- IBANs --------------------------------------------------------------------------------------------

_IBAN: Final = re.compile(rf"(?=([A-Za-z]) ?([A-Za-z]){_GAP}\d{_GAP}\d{_GAP}[A-Za-z0-9])", re.ASCII)


def find_ibans(text: str) -> Iterator[Span]:
    """Yield the IBANs: each country has a length of its own, so what is glued to one is told from it."""
    from stdnum import iban

    text = text if text.isascii() else text.translate(LATIN_LIKES)
    end = 0
    for match in _IBAN.finditer(text):
        pattern = _compile_iban_pattern((match[1] + match[2]).upper()) if match.start() >= end else None
        account = pattern and pattern.match(text, match.start())
        number = account and re.sub(r"\W", "", account[0])
        if (
            account
            and number
            and sum(map(str.isdigit, number)) >= MIN_IBAN_DIGITS
            and iban.is_valid(number, check_country=False)
        ):
            end = account.end()
            yield match.start(), end


MIN_IBAN_DIGITS: Final = 10
"""Digits of any IBAN: with fewer, letters by chance make words."""


@lru_cache(maxsize=1_024)
def _compile_iban_pattern(country: str) -> re.Pattern[str] | None:
    """Compile the pattern of a country's IBANs; None where there are none."""
    from stdnum import numdb

    (_, facts), *_ = numdb.get("iban").info(country)
    length = sum(map(int, re.findall(r"\d+", facts.get("bban", ""))))
    return re.compile(rf"[A-Za-z] ?[A-Za-z](?:{_GAP}[A-Za-z0-9]){{{length + 2}}}", re.ASCII) if length else None


# --- cards --------------------------------------------------------------------------------------------

_DIGITS: Final = re.compile(r"\d+", re.ASCII)
_SEPARATOR: Final = r"(?:(?![,;]\s)(?:[^\w\0+]|_){1,5}|\s{4,40}|(?<=\d{4})\+(?=\d{4}))"  # ", " parts a list of numbers
_BETWEEN: Final = re.compile(_SEPARATOR)
_PRINTED: Final = re.compile(
    rf"(?=(\d{{4}}({_SEPARATOR})(?:\d{{4}}\2\d{{4}}\2\d{{4}}|\d{{6}}\2\d{{5}}(?!\d))))", re.ASCII
)
_LISTED: Final = re.compile(
    r"(?<!\d)(?<!\d[,;])(?<!\d[,;]\s)\d{4}([,;]\s)\d{4}\1\d{4}\1\d{4}(?!\d|[,;]\s?\d)", re.ASCII
)
_EXPIRY_AND_CODE: Final = re.compile(r"(?:(?:0[1-9]|1[0-2])\d{2}|\d{2}(?:0[1-9]|1[0-2]))(?:\d{3})?", re.ASCII)
_PARCEL: Final = re.compile(r"(?<![A-Za-z0-9])1Z(?: ?[A-Z0-9]){16}(?![A-Za-z0-9])", re.ASCII)  # UPS
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)

# Visa, Mastercard, American Express, Discover, JCB, Diners, UnionPay, Mir, Troy, RuPay: how their numbers begin.
_ISSUER: Final = re.compile(
    r"4\d{15}(?:\d{3})?|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|6(?:011|4[4-9]\d|5\d\d)\d{12,15}|35(?:2[89]|[3-8]\d)\d{12,15}|3(?:0[0-5]|09|[689]\d)\d{11}"
    r"|62\d{14,17}|220[0-4]\d{12,15}|9792\d{12}|(?:60|8[12])\d{14}|508\d{13}"
)
# Old Visa, long Diners, Maestro: so loose that the digits must stand alone, and nothing may call them otherwise.
_LOOSE_ISSUER: Final = re.compile(r"4\d{12}|3(?:0[0-5]|09|[689]\d)\d{12,16}|(?:50|5[6-9]|6[0-9])\d{10,17}")

_MAX_CARD_DIGITS: Final = 19
MIN_CARD_DIGITS: Final = 12
_MAX_GLUED_DIGITS: Final = 80
_MAX_DIALLED: Final = 13
"""Digits of the longest phone number with a + before it that begins as a card does."""


def find_cards(text: str) -> Iterator[Span]:
    """Yield the cards: runs of groups of digits whose number is one, whatever other numbers stand beside them."""
    text = _PARCEL.sub(_blank, _UUID.sub(_blank, text))
    yield from (match.span() for match in _LISTED.finditer(text) if _is_card(match[0]))
    end = 0
    for groups in _group_digits(text):
        index = 0
        while index < len(groups):
            cards = list(_split_glued(text, groups[index]))
            count = 1 if cards else _count_card_groups(text, groups, index)
            if count:
                end = groups[index + count - 1][1]
                yield from cards or [(groups[index][0], end)]
            index += count or 1
    for match in _PRINTED.finditer(text):  # glued to other digits: 4111 1111 1111 111112/29
        start, stop = match.span(1)
        if start >= end and _is_card(match[1]):
            end = stop
            yield start, stop


def _blank(match: re.Match[str]) -> str:
    return "\0" * len(match[0])


def _split_glued(text: str, group: Span) -> Iterator[Span]:
    """Yield the cards of one long group: nothing but cards, or one with its expiry and its code."""
    start, end = group
    if not _MAX_CARD_DIGITS < end - start <= _MAX_GLUED_DIGITS:
        return
    cards: list[Span] = []
    while start < end:
        length = next((each for each in (16, 15, 14) if _is_card(text[start : min(start + each, end)])), 0)
        if not length:
            break
        cards.append((start, start + length))
        start += length
    if start == end or (cards and _EXPIRY_AND_CODE.fullmatch(text, start, end)):
        yield from cards


def _group_digits(text: str) -> Iterator[list[Span]]:
    """Yield runs of groups of digits with no more than a few signs between them."""
    groups: list[Span] = []
    for match in _DIGITS.finditer(text):
        if groups and not _BETWEEN.fullmatch(text, groups[-1][1], match.start()):
            yield groups
            groups = []
        groups.append(match.span())
    if groups:
        yield groups


def _count_card_groups(text: str, groups: Sequence[Span], first: int) -> int:
    """Count the groups of the longest card that begins with this one; 0 where there is none."""
    if text[groups[first][0] - 1 : groups[first][0]] == "+":  # a phone number, unless it is too long for one
        length = groups[first][1] - groups[first][0]
        return int(length > _MAX_DIALLED and _is_card(text[slice(*groups[first])]))
    if first == 0 and _is_card_alone(text, groups):
        return len(groups)
    digits, found = 0, 0
    for count, (start, end) in enumerate(groups[first : first + _MAX_CARD_DIGITS // 4 + 1], start=1):
        digits += end - start
        if digits > _MAX_CARD_DIGITS:
            break
        if digits >= MIN_CARD_DIGITS and _is_card(text[groups[first][0] : end]):
            found = count
        if end - start < 4:  # a row of small numbers
            break
    return found


def _is_card_alone(text: str, groups: Sequence[Span]) -> bool:
    """Tell whether a run is one card as a whole, its groups alike: then its issuer may be a loose one."""
    sizes = [end - start for start, end in groups[: _MAX_CARD_DIGITS + 1]]
    if not MIN_CARD_DIGITS <= sum(sizes) <= _MAX_CARD_DIGITS or (len(set(sizes)) > 1 and min(sizes[:-1]) < 4):
        return False
    start, end = groups[0][0], groups[-1][1]
    return _is_card(text[start:end], is_loose=_is_isolated(text, start, end))


def _is_isolated(text: str, start: int, end: int) -> bool:
    before, after = text[max(0, start - 1) : start], text[end : end + 1]
    if (before.isascii() and before.isalnum()) or before in {".", ",", "-"} or (after.isascii() and after.isalnum()):
        return False
    return not is_reference_number(text[max(0, start - 40) : start])


def _is_card(written: str, *, is_loose: bool = False) -> bool:
    from stdnum import luhn

    digits = re.sub(r"[\W_]", "", written)
    issued = _ISSUER.fullmatch(digits) or (is_loose and _LOOSE_ISSUER.fullmatch(digits))
    return bool(issued) and len(set(digits)) > 1 and luhn.checksum(digits) == 0
