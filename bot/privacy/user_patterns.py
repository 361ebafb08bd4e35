"""A team's own patterns, checked before they run on what customers write.

Python's `re` tries every way to match, and cannot be stopped: one careless pattern, and one odd message, would hold up
the whole bot. So a pattern is taken apart, and refused unless the number of ways it can match from one place is small.
"""

import re
from re import _constants as sre  # type: ignore[attr-defined]  # private, and the only parser of patterns
from re import _parser  # type: ignore[attr-defined]
from typing import Any, Final

MAX_PATTERN_CHARACTERS: Final = 200
MAX_WAYS: Final = 2_000
MIN_MATCH_CHARACTERS: Final = 3
MAX_MATCH_CHARACTERS: Final = 200

_TOO_MANY_WAYS: Final = (
    "can match in too many ways, so one odd message could hold up the bot: use fewer repetitions, shorter ones, and "
    "none inside another"
)


class PatternError(ValueError):
    """A pattern cannot be used; the message says why, and is to be read after the pattern's name."""


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Compile a pattern. Raises PatternError if it matches too much, too little or in too many ways."""
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        raise PatternError(f"is longer than {MAX_PATTERN_CHARACTERS} characters")
    try:
        compiled = re.compile(pattern)
        parsed = _parser.parse(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise PatternError(f"is no regular expression: {error}") from error
    ways = _count_ways(parsed)  # first, since it tells what to write instead of + and *
    shortest, longest = (int(width) for width in parsed.getwidth())
    if shortest == 0:
        raise PatternError("matches the empty text: say what must be there")
    if shortest < MIN_MATCH_CHARACTERS:
        raise PatternError(
            f"matches texts of {shortest} characters, which stand everywhere: ask for {MIN_MATCH_CHARACTERS} or more"
        )
    if longest > MAX_MATCH_CHARACTERS:
        raise PatternError(f"matches more than {MAX_MATCH_CHARACTERS} characters")
    if ways > MAX_WAYS:
        raise PatternError(_TOO_MANY_WAYS)
    return compiled


def _count_ways(parsed: Any) -> int:
    """Count the ways to match from one place, at most MAX_WAYS + 1: what backtracking may have to try."""
    ways = 1
    for operation, argument in parsed:
        ways = min(ways * _count_operation_ways(operation, argument), MAX_WAYS + 1)
    return ways


def _count_operation_ways(operation: Any, argument: Any) -> int:
    if operation in {sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT}:
        return _count_repeat_ways(*argument)
    if operation is sre.BRANCH:
        return sum(_count_ways(branch) for branch in argument[1])
    if operation is sre.SUBPATTERN:
        return _count_ways(argument[-1])
    if operation in {sre.ASSERT, sre.ASSERT_NOT}:
        return _count_ways(argument[1])
    if operation is sre.ATOMIC_GROUP:
        return _count_ways(argument)
    if operation in {sre.GROUPREF, sre.GROUPREF_EXISTS}:
        raise PatternError("refers back to a group, which takes too long: spell it out")
    return 1


def _count_repeat_ways(least: int, most: Any, repeated: Any) -> int:
    if most is sre.MAXREPEAT:
        raise PatternError("repeats without an end (+ or *): say how often at most, as in \\d{1,20}")
    inner = _count_ways(repeated)
    if inner == 1:
        ways = int(most) - least + 1
    else:
        ways = sum(min(inner**times, MAX_WAYS + 1) for times in range(least, int(most) + 1))
    return min(ways, MAX_WAYS + 1)
