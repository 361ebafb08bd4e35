"""Finding personal data in a text: e-mail, phone, card, IBAN, IP, and what the team's own rules name.

    recogniser = Recogniser(rules=playbook.redact, regions=playbook.phone_regions, spared=playbook.text)
    recogniser("write to jane@example.com")        # (Found(kind="EMAIL", start=9, end=25),)

What it finds and what it misses is measured in `benchmarks/privacy.py`. Most messages hold no digit and no @, and
cost next to nothing; phonenumbers' parser is asked about runs of digits only.
"""

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

KINDS: Final = ("EMAIL", "PHONE", "CARD", "IBAN", "IP", "TEXT")
"""Kinds of our own. TEXT is no personal data: a customer's words that look like a placeholder."""

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
        self._regions = tuple(regions)
        self._spared = spared.casefold()

    def __call__(self, text: str) -> tuple[Found, ...]:
        """What was found, in order, never overlapping."""
        rest = _Rest(text)
        for rule in self._rules:
            rest.take(rule.kind, ((match.start(), match.end()) for match in rule.pattern.finditer(text)))
        if "@" in rest.plain:
            rest.take("EMAIL", _spans(_EMAIL, rest.plain))
        if _DIGIT.search(rest.plain):
            rest.take("IBAN", _ibans(rest.plain))
            rest.take("CARD", _cards(rest.plain))
            rest.take("IP", _addresses(rest.plain))
            rest.take("PHONE", _phones(rest.plain, self._regions))
        found = sorted(rest.found, key=lambda each: each.start)
        return tuple(each for each in found if not self._is_spared(text[each.start : each.end]))

    def _is_spared(self, value: str) -> bool:
        return bool(self._spared) and value.casefold() in self._spared


class _Rest:
    """A text of which parts are taken; what is taken is blank for those who look next."""

    def __init__(self, text: str) -> None:
        self.plain = text if text.isascii() else text.translate(_PLAIN)
        self.found: list[Found] = []

    def take(self, kind: str, spans: Iterator[tuple[int, int]]) -> None:
        for start, end in list(spans):
            if "\0" not in self.plain[start:end]:
                self.found.append(Found(kind=kind, start=start, end=end))
                self.plain = self.plain[:start] + "\0" * (end - start) + self.plain[end:]


# Full-width and other digits, and signs that stand for ours. One for one, so that places stay the same.
_PLAIN: Final = {
    **{0xFF10 + digit: str(digit) for digit in range(10)},
    **{0x0660 + digit: str(digit) for digit in range(10)},
    0xFF20: "@", 0xFF0E: ".", 0xFF0B: "+", 0xFF0D: "-", 0xFF1A: ":", 0xFF08: "(", 0xFF09: ")",
    0x00A0: " ", 0x2007: " ", 0x2009: " ", 0x202F: " ", 0x3000: " ",
    0x2010: "-", 0x2011: "-", 0x2012: "-", 0x2013: "-", 0x2212: "-",
}  # fmt: skip

_DIGIT: Final = re.compile(r"\d")

_LETTER: Final = "A-Za-z\u00c0-\u024f"
_EMAIL: Final = re.compile(
    rf"(?<![{_LETTER}0-9._%+'-])[{_LETTER}0-9][{_LETTER}0-9._%+'&#=~-]{{0,63}}@"
    rf"(?:[{_LETTER}0-9](?:[{_LETTER}0-9-]{{0,61}}[{_LETTER}0-9])?\.){{1,6}}[{_LETTER}]{{2,24}}(?![{_LETTER}0-9])"
)


def _spans(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, int]]:
    return ((match.start(), match.end()) for match in pattern.finditer(text))


# --- accounts and cards -------------------------------------------------------------------------------

_IBAN: Final = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}")
_CARD: Final = re.compile(r"(?<![\w.,+-])\d(?:[ -]?\d){11,18}(?![\d]|[.,-]\d)", re.ASCII)
# Visa, Mastercard, American Express, Discover, JCB, Diners, Maestro, UnionPay, Mir: how their numbers begin.
_ISSUER: Final = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|6(?:011|4[4-9]\d|5\d\d)\d{12,15}|35(?:2[89]|[3-8]\d)\d{12,15}|3(?:0[0-5]|09|[689]\d)\d{11,16}"
    r"|62\d{14,17}|(?:50|5[6-9]|6[0-9])\d{10,17}|220[0-4]\d{12,15}"
)


def _ibans(text: str) -> Iterator[tuple[int, int]]:
    """Each country has a length of its own, and spaces may stand anywhere: the longest beginning that is one."""
    from stdnum import iban

    for match in _IBAN.finditer(text):
        raw = match[0]
        for length in range(len(raw), 14, -1):
            follows = text[match.start() + length : match.start() + length + 1]
            if raw[length - 1].isalnum() and not _is_word(follows) and iban.is_valid(raw[:length], check_country=False):
                yield match.start(), match.start() + length
                break


def _is_word(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _cards(text: str) -> Iterator[tuple[int, int]]:
    from stdnum import luhn

    for match in _CARD.finditer(text):
        digits = re.sub("[ -]", "", match[0])
        if _ISSUER.fullmatch(digits) and len(set(digits)) > 1 and luhn.is_valid(digits):
            yield match.start(), match.end()


# --- addresses ----------------------------------------------------------------------------------------

_IPV4: Final = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)", re.ASCII)
_IPV6: Final = re.compile(
    r"(?<![\w:.])(?=[0-9A-Fa-f:]*\d)[0-9A-Fa-f:]{3,39}(?:(?<=:)\d{1,3}(?:\.\d{1,3}){3})?(?![\w:]|\.\d)", re.ASCII
)
_VERSION: Final = re.compile(
    r"(?:version|ver\.?|firmware|release|build|update|v|section|chapter|版本|固件|韌體)[\s:#]{0,3}$", re.IGNORECASE
)


def _addresses(text: str) -> Iterator[tuple[int, int]]:
    """A version number of four parts looks like an address: the word before it tells."""
    for match in _IPV6.finditer(text) if text.count(":") >= 2 else ():
        if match[0].count(":") >= 2 and _is_address(match[0]):
            yield match.start(), match.end()
    for match in _IPV4.finditer(text):
        if _is_address(match[0]) and not _VERSION.search(text[max(0, match.start() - 20) : match.start()]):
            yield match.start(), match.end()


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


# --- phones -------------------------------------------------------------------------------------------

_PHONE: Final = re.compile(r"(?<![A-Za-z0-9_.,#$€£¥+-])(?:\+ ?)?\(?\d[\d ()./-]{5,22}\d(?![A-Za-z0-9_])")
_NOT_A_PHONE: Final = re.compile(
    r"(?<!\d)(?:19|20)\d\d([-/.])(?:0?[1-9]|1[0-2])\1(?:[0-2]?\d|3[01])(?![\d]|[-/.]\d)"  # 2026-11-22
    r"|(?<![\d.+/-])(?:[0-2]?\d|3[01])([-/.])(?:[0-2]?\d|3[01])\2(?:(?:19|20)\d\d|\d\d)(?!\d|[-/.]\d)"  # 22.11.2026
    r"|(?<![\d.])\d{1,3}(?:[.,]\d{3})+(?:[.,]\d{1,2})?(?![\d.])"  # 1.234.567,89
    r"|(?<![\d.])\d+\.\d{1,2}(?![\d.])"  # 1299.00
    r"|(?<![\d.])(?!\d\d(?:\.\d\d){4}(?!\d))\d{1,5}(?:\.\d{1,6}){3,}(?!\d)"  # 10.0.19045.3570, not 01.23.45.67.89
    r"|[$€£¥]\s?\d[\d.,]*"
)
_CALLED: Final = re.compile(
    r"(?<![A-Za-z])(?:phone|tel|mob|cell|call|ring|text|sms|whatsapp|reach|fax|number is|rufnummer|"
    r"telefon|handy|mobil|anruf|portable|num[eé]ro|tél|teléfono|m[oó]vil|llam|celular|telefono|cellulare|"
    r"电话|手机|號碼|号码|電話|手機|致电|致電|联系|聯絡|携帯)[^\d]{0,24}$",
    re.IGNORECASE,
)
_COUNTED: Final = re.compile(
    r"(?<![A-Za-z])(?:order|po|invoice|ticket|tracking|parcel|shipment|reference|ref|case|customer|account|article|item|serial|sku|"
    r"isbn|ean|imei|id|no\.|nr\.|bestell\w*|rechnung\w*|kunden\w*|sendung\w*|artikel\w*|auftrag\w*|commande|facture|"
    r"pedido|factura|ordine|bestelling|订单|訂單|单号|單號|编号|編號|货号|序列号|發票|发票|注文|#)[^\d\n.]{0,14}$",
    re.IGNORECASE,
)
_CHINESE_MOBILE: Final = re.compile(r"1[3-9]\d{9}")


def _phones(text: str, regions: Sequence[str]) -> Iterator[tuple[int, int]]:
    if not _PHONE.search(text):
        return
    text = _NOT_A_PHONE.sub(lambda match: "\0" * len(match[0]), text)
    for match in _PHONE.finditer(text):
        raw = match[0]
        if raw.startswith("(") and ")" not in raw:
            continue
        if _is_phone(raw, before=text[max(0, match.start() - 40) : match.start()], regions=regions):
            yield match.start(), match.end()


def _is_phone(raw: str, *, before: str, regions: Sequence[str]) -> bool:
    digits = re.sub(r"\D", "", raw)
    if not 7 <= len(digits) <= 15:
        return False
    if raw.startswith("+"):
        return len(digits) >= 9 and _is_possible(raw)
    if digits.startswith("00") and _is_valid(f"+{digits[2:]}", None):
        return True
    called = bool(_CALLED.search(before))
    if not called and (_COUNTED.search(before) or not _looks_dialled(raw, digits)):
        return False
    return any(_is_valid(raw, region) and _is_grouped(raw, region) for region in regions)


def _looks_dialled(raw: str, digits: str) -> bool:
    """Digits without a sign between them are as often a number of something else; those with a 0 in front are not."""
    return raw != digits or digits.startswith("0") or bool(_CHINESE_MOBILE.fullmatch(digits))


def _is_possible(raw: str) -> bool:
    """Whether a number with its country's code has a length that there is: a + says the rest."""
    import phonenumbers

    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(raw, None))
    except phonenumbers.NumberParseException:
        return False


def _is_valid(raw: str, region: str | None) -> bool:
    import phonenumbers

    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(raw, region))
    except phonenumbers.NumberParseException:
        return False


def _is_grouped(raw: str, region: str) -> bool:
    """Whether spaces and dashes stand where that country puts them."""
    from phonenumbers import Leniency, PhoneNumberMatcher

    matches = PhoneNumberMatcher(raw, region, leniency=Leniency.STRICT_GROUPING, max_tries=2)
    return any(match.raw_string == raw.strip("()") or match.raw_string == raw for match in matches)
