"""Characters that cannot be seen: they may turn words around, command a terminal or smuggle data.

Only the joiners and selectors that a script or an emoji needs stay. Takes time in proportion to the text.
"""

import re
from typing import Final

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_LINE_BREAK: Final = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
# Colours, cursor moves, titles and links of a terminal, whole: without its ESC, the rest would be left as litter.
_TERMINAL_COMMAND: Final = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*+[ -/]*+[@-~]|(?:\x1b\\]|\x9d)[^\x07\x1b\x9c]*+(?:\x07|\x1b\\\\|\x9c)"
)
INVISIBLE: Final = (
    "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"  # control characters
    "\u200b\u200e\u200f\u061c\u202a-\u202e\u2060-\u206f"  # zero width, and marks of direction
    "\u00ad\u034f\u180e\ufeff\ufff0-\ufffb\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff"
    "\u115f\u1160\u17b4\u17b5\u3164\uffa0"  # letters without a shape
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
)
_INVISIBLE: Final = re.compile(f"[{INVISIBLE}]")

JOINERS: Final = "\u200c\u200d"
SELECTORS: Final = "\ufe00-\ufe0f\U000e0100-\U000e01ef\u180b-\u180d\u180f"
# Arabic, Syriac, Indic and other scripts whose letters join, or are kept from it.
_JOINING: Final = (
    "\u0600-\u109f\u1780-\u18af\u1900-\u1c7f\ua840-\ua87f\ua8e0-\ua8ff\ua980-\uaadf\uabc0-\uabff"
    "\ufb50-\ufdff\ufe70-\ufefc\U00010a00-\U00011fff\U0001e900-\U0001e95f"
)
_EMOJI: Final = "\u203c\u2049\u2122\u2139\u2190-\u2bff\u3030\u303d\u3297\u3299\ufe0f\U0001f000-\U0001faff"
# The character itself first, and then what stands before it: three times as fast as the other way round.
_STRAY_SELECTOR: Final = re.compile(
    "[\ufe00-\ufe0f](?<![0-9#*\u00a9\u00ae\u1000-\u109f\u2010-\u2027\u2030-\u205e\u2070-\u2fff\u3001-\ud7ff"
    "\uf900-\ufdff\ufe20-\uffef\U00010000-\U000dffff].)"
    "|[\U000e0100-\U000e01ef](?<![\u2e80-\u2fff\u3005-\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff].)"
    "|[\u180b-\u180d\u180f](?<![\u1800-\u180a\u1810-\u18af].)"
)
_STRAY_JOINER: Final = re.compile(
    f"\u200c(?<![{_JOINING}].)|\u200d(?<![{_JOINING}].)(?:(?<![{_EMOJI}].)|(?![{_EMOJI}]))"
)


def strip_invisible(text: str) -> str:
    """Strip characters that cannot be seen; line breaks of all kinds become line feeds."""
    if text.isascii() and text.isprintable():
        return text
    if _SURROGATE.search(text):
        # Some servers cut an emoji in two halves, which belong together.
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    text = _TERMINAL_COMMAND.sub("", _LINE_BREAK.sub("\n", text))
    text = _INVISIBLE.sub("", text)
    return _STRAY_JOINER.sub("", _STRAY_SELECTOR.sub("", text))
