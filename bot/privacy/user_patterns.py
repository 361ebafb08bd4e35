"""A team's own patterns, which run on what customers write: within a limit of CPU time that no message can exceed."""

import logging
from collections.abc import Iterator
from itertools import product
from typing import Final

import regex

from bot.privacy.folding import Span

MAX_PATTERN_CHARACTERS: Final = 200
MIN_MATCH_CHARACTERS: Final = 3
TIME_LIMIT_S: Final = 0.05
"""CPU time of one pattern on one piece of a text; usual ones take a thousandth of it."""

_USUAL_CHARACTERS: Final = "1aA -#_.\u4e2d"
_UNMASKED: Final = regex.compile(r"[^\0]*[^\s\0][^\0]*")

_log = logging.getLogger(__name__)


class PatternError(ValueError):
    """A pattern cannot be used; the message says why, and is to be read after the pattern's name."""


def compile_pattern(pattern: str) -> regex.Pattern[str]:
    """Compile a pattern. Raises PatternError if it is none, or matches what stands everywhere."""
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        raise PatternError(f"is longer than {MAX_PATTERN_CHARACTERS} characters")
    try:
        compiled = regex.compile(pattern)
    except (regex.error, OverflowError, RecursionError) as error:
        raise PatternError(f"is no regular expression: {error}") from error
    if compiled.fullmatch(""):
        raise PatternError("matches the empty text: say what must be there")
    for length in range(1, MIN_MATCH_CHARACTERS):
        if any(compiled.fullmatch("".join(text)) for text in product(_USUAL_CHARACTERS, repeat=length)):
            raise PatternError(
                f"matches texts of {length} characters, which stand everywhere: ask for {MIN_MATCH_CHARACTERS} or more"
            )
    return compiled


def find_matches(name: str, pattern: regex.Pattern[str], text: str) -> Iterator[Span]:
    """Yield the matches of a rule; where its pattern takes too long, all that is not masked yet."""
    try:
        matches = list(pattern.finditer(text, timeout=TIME_LIMIT_S))
    except TimeoutError:
        _log.warning("the pattern of [[redact]] %s took too long on a text, so all of it was masked", name)
        matches = list(_UNMASKED.finditer(text))
    yield from (match.span() for match in matches if match.end() - match.start() >= MIN_MATCH_CHARACTERS)
