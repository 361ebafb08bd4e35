"""IP addresses, versions 4 and 6."""

import ipaddress
import re
from collections.abc import Iterator
from typing import Final

from bot.privacy.folding import Span, fold

_POINT: Final = r"(?:\.|\[\.\]|\(\.\)|\[dot\]|\(dot\)|\sdot\s)"
_IPV4: Final = re.compile(rf"(?<![\w.])(?<!\w-)\d{{1,3}}(?:{_POINT}\d{{1,3}}){{3}}(?![\w]|\.\d)", re.ASCII)
_IPV6: Final = re.compile(
    r"(?<![\w:.])(?=[0-9A-Fa-f:]{0,39}\d)[0-9A-Fa-f:]{3,39}(?:(?<=:)\d{1,3}(?:\.\d{1,3}){3})?(?![\w:]|\.\d)", re.ASCII
)
_VERSION: Final = re.compile(
    fold(
        r"(?:vers\w{0,6}|wersj\w{0,2}|verzi\w{0,2}|έκδοση|верси\w{0,2}|версі\w{0,2}|sürüm\w{0,2}|إصدار|نسخه|גרסה|संस्करण"
        r"|ভার্সন|সংস্করণ|ver\.?|firmware|release|build|update|patch|rev|driver|kernel|plugin|app|v"
        r"|chrome|firefox|safari|edge|opera|android|ios|macos|windows|linux|java|php|python|node|nginx|apache|openssl|office"
        r"|section|chapter|clause|article|kapitel|abschnitt|ziffer|chapitre|capitulo|capitolo|раздел|глава|пункт|版本|固件|韌體|バージョン|버전)\Z"
    ).text,
    re.IGNORECASE,
)


_LAST_WORD: Final = re.compile(r"[^\W\d_]{1,16}\.?(?=[\s:#-]{0,3}\Z)|[<>=~!]=(?=\s?\Z)")


_ADDRESS_WORD: Final = re.compile(
    r"(?<![^\W_])(?:ip\w{0,4}|addr\w{0,6}|adres\w{0,4}|dns|server|host|router|gateway|ping|login|from|von|aus|depuis|desde)(?![^\W_])"
    r"|://|地址|アドレス|주소|адрес",
    re.IGNORECASE,
)
_PRODUCT: Final = re.compile(r"\s\(?(?:macos|ios|android|windows|linux|firmware|version|release|build)", re.IGNORECASE)
_MIN_IPV6_DIGITS: Final = 5
"""Hexadecimal digits of an IPv6 address: with fewer, it is a time or an operator of a language."""
_SMALL: Final = 32
_PRIVATE: Final = 10


def find_ip_addresses(text: str) -> Iterator[Span]:
    """Yield the addresses. A version number of four parts looks like one: what stands before it tells."""
    for match in _IPV6.finditer(text) if text.count(":") >= 2 else ():
        digits = len(match[0].replace(":", ""))
        if match[0].count(":") >= 2 and digits >= _MIN_IPV6_DIGITS and _is_address(match[0]):
            yield match.span()
    for match in _IPV4.finditer(text):
        numbers = [int(each) for each in re.findall(r"\d+", match[0])]
        before, after = text[max(0, match.start() - 30) : match.start()], text[match.end() : match.end() + 12]
        if _may_be_hosts(numbers) and not _PRODUCT.match(after) and not _is_version(before, numbers):
            yield match.span()


def _may_be_hosts(numbers: list[int]) -> bool:
    """Tell whether these may be the numbers of a host: not of a mask, a net, or whatever machine this is."""
    return max(numbers) <= 255 and 0 < numbers[0] < 224 and numbers[0] != 127 and numbers[2:] != [0, 0]


def _is_version(before: str, numbers: list[int]) -> bool:
    """Tell whether it is a version: small numbers are one, unless a word says otherwise."""
    word = _LAST_WORD.search(before)
    if word is not None and (word[0].endswith("=") or _VERSION.search(word[0])):
        return True
    if _ADDRESS_WORD.search(before):
        return False
    return bool(re.search(r"[A-Za-z]/\Z|§\s?\Z", before)) or (max(numbers) < _SMALL and numbers[0] != _PRIVATE)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
