"""The words in which two texts differ; in scripts without spaces, the characters."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Final

Piece = tuple[str, bool]
"""A piece of a text, and True where the other text does not have it there."""

_WORD: Final = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]|\w+|\s+|."
)
_LINE: Final = re.compile(r".*\n|.+")
_MOST_WORDS: Final = 4_000
"""Words of both texts that are compared; lines are, where there are more: the time grows with their square."""


def find_differences(first: str, second: str) -> tuple[list[Piece], list[Piece]]:
    """Split two texts into pieces that both have and pieces that only one of them has."""
    words = _WORD.findall(first), _WORD.findall(second)
    if sum(map(len, words)) > _MOST_WORDS:
        words = _LINE.findall(first), _LINE.findall(second)
    pieces: tuple[list[Piece], list[Piece]] = ([], [])
    for kind, a_start, a_end, b_start, b_end in SequenceMatcher(None, *words).get_opcodes():
        for side, run in zip(pieces, (words[0][a_start:a_end], words[1][b_start:b_end]), strict=True):
            _append(side, run, differs=kind != "equal")
    return pieces


def _append(side: list[Piece], run: Sequence[str], *, differs: bool) -> None:
    if run:
        side.append(("".join(run), differs))
