"""IP addresses, versions 4 and 6."""

import ipaddress
import re
from collections.abc import Iterator
from typing import Final

from bot.privacy.folding import Span, fold

_IPV4: Final = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)", re.ASCII)
_IPV6: Final = re.compile(
    r"(?<![\w:.])(?=[0-9A-Fa-f:]{0,39}\d)[0-9A-Fa-f:]{3,39}(?:(?<=:)\d{1,3}(?:\.\d{1,3}){3})?(?![\w:]|\.\d)", re.ASCII
)
_VERSION: Final = re.compile(
    fold(
        r"(?:vers\w{0,6}|wersj\w{0,2}|verzi\w{0,2}|έκδοση|верси\w{0,2}|версі\w{0,2}|sürüm\w{0,2}|إصدار|نسخه|גרסה|संस्करण"
        r"|ভার্সন|সংস্করণ|ver\.?|firmware|release|build|update|v|section|chapter|版本|固件|韌體|バージョン|버전)\Z"
    ).text,
    re.IGNORECASE,
)


_LAST_WORD: Final = re.compile(r"[^\W\d_]{1,16}\.?(?=[\s:#-]{0,3}\Z)|[<>=~!]=(?=\s?\Z)")


def find_ip_addresses(text: str) -> Iterator[Span]:
    """Yield the addresses. A version number of four parts looks like one: the word before it tells."""
    for match in _IPV6.finditer(text) if text.count(":") >= 2 else ():
        if match[0].count(":") >= 2 and _is_address(match[0]):
            yield match.span()
    for match in _IPV4.finditer(text):
        if _is_address(match[0]) and not _is_version(text[max(0, match.start() - 20) : match.start()]):
            yield match.span()


def _is_version(before: str) -> bool:
    word = _LAST_WORD.search(before)
    return word is not None and bool(word[0].endswith("=") or _VERSION.search(word[0]))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
