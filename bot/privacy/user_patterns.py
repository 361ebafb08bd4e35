"""A team's own patterns, looked at before they are let loose on what customers write.

Python's `re` tries every way to match, and cannot be stopped: one careless pattern, and one odd message, would hold up
the whole bot. So a pattern is taken apart, and refused unless the number of ways it can match from one place is small.
"""

import re
from re import _constants as sre  # type: ignore[attr-defined]  # private, and the only parser of patterns
from re import _parser  # type: ignore[attr-defined]
from typing import Any, Final

MAX_PATTERN: Final = 200
MOST_WAYS: Final = 2_000
SHORTEST: Final = 3
LONGEST: Final = 200

_TOO_MANY_WAYS: Final = (
    "can match in too many ways, so one odd message could hold up the bot: use fewer repetitions, shorter ones, and "
    "none inside another"
)


class PatternError(ValueError):
    """Why a pattern cannot be used, to be read after its name."""


def checked(pattern: str) -> re.Pattern[str]:
    """The compiled pattern. Raises PatternError."""
    if len(pattern) > MAX_PATTERN:
        raise PatternError(f"is longer than {MAX_PATTERN} characters")
    try:
        compiled = re.compile(pattern)
        parsed = _parser.parse(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise PatternError(f"is no regular expression: {error}") from error
    ways = _ways(parsed)  # first, since it tells what to write instead of + and *
    shortest, longest = (int(width) for width in parsed.getwidth())
    if shortest == 0:
        raise PatternError("matches the empty text: say what must be there")
    if shortest < SHORTEST:
        raise PatternError(
            f"matches texts of {shortest} characters, which stand everywhere: ask for {SHORTEST} or more"
        )
    if longest > LONGEST:
        raise PatternError(f"matches more than {LONGEST} characters")
    if ways > MOST_WAYS:
        raise PatternError(_TOO_MANY_WAYS)
    return compiled


def _ways(parsed: Any) -> int:
    """How many ways to match there are from one place, at most: what backtracking may have to try."""
    ways = 1
    for operation, argument in parsed:
        ways = min(ways * _ways_of(operation, argument), MOST_WAYS + 1)
    return ways


def _ways_of(operation: Any, argument: Any) -> int:
    if operation in {sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT}:
        return _ways_of_repeat(*argument)
    if operation is sre.BRANCH:
        return sum(_ways(branch) for branch in argument[1])
    if operation is sre.SUBPATTERN:
        return _ways(argument[-1])
    if operation in {sre.ASSERT, sre.ASSERT_NOT}:
        return _ways(argument[1])
    if operation is sre.ATOMIC_GROUP:
        return _ways(argument)
    if operation in {sre.GROUPREF, sre.GROUPREF_EXISTS}:
        raise PatternError("refers back to a group, which takes too long: spell it out")
    return 1


def _ways_of_repeat(least: int, most: Any, repeated: Any) -> int:
    if most is sre.MAXREPEAT:
        raise PatternError("repeats without an end (+ or *): say how often at most, as in \\d{1,20}")
    inner = _ways(repeated)
    if inner == 1:
        ways = int(most) - least + 1
    else:
        ways = sum(min(inner**times, MOST_WAYS + 1) for times in range(least, int(most) + 1))
    return min(ways, MOST_WAYS + 1)
