"""The similarity of a draft and the text that was sent."""

import unicodedata

from rapidfuzz.distance import Levenshtein


def to_nfc(text: str) -> str:
    """Return the text in Unicode's NFC, so that the same characters are the same text."""
    return unicodedata.normalize("NFC", text)


def measure_similarity(draft: str, sent: str) -> float:
    """Return 1 - Levenshtein distance ÷ the length of the longer text, both in NFC: 0 to 1."""
    return Levenshtein.normalized_similarity(to_nfc(draft), to_nfc(sent))
