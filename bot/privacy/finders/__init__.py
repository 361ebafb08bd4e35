"""Finders of personal data. Each takes a folded text (`bot/privacy/folding.py`) and yields spans of it.

emails        e-mail addresses, also encoded or spelled out
cards_and_ibans  cards and IBANs
ip_addresses  IP addresses
phones        phone numbers
keys          keys, tokens and passwords told by their form
secrets       passwords and codes told by the words around them
words         those words

Used by `bot/privacy/detectors.py` only. Every pattern is bounded, so that the work grows with the text's length.
"""

from typing import Final

SPACELESS: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u3130-\u318f"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Characters of scripts that put no spaces between words, or glue endings to foreign ones, for a set of a pattern."""
