"""A team's own patterns: what is refused, and why nothing that is taken can hold up the bot."""

import pytest

from bot.privacy.user_patterns import PatternError, compile_pattern


@pytest.mark.parametrize(
    "pattern",
    [
        r"\bNW-\d{6}\b",
        r"ORD[A-Z]{2,4}-\d{4,10}",
        r"(?i)(?:order|ticket) #\d{4,12}",
        r"(?<=no\. )\d{5,9}",
        r"单号[A-Z]\d{8}",
    ],
)
def test_usual_patterns_are_taken(pattern: str) -> None:
    assert compile_pattern(pattern).pattern == pattern


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", "no regular expression"),
        (r"\d+", "say how often at most"),
        (r"(a{1,20}){1,9}bcd", "too many ways"),
        (r"(a|a){1,30}bcd", "too many ways"),
        (r"\d{1,60}\d{1,60}\d{1,60}x", "too many ways"),
        (r"(?:a{0,3}){0,40}xyz", "too many ways"),
        (r"(\w)\1{2}x", "refers back"),
        (r"\d{0,6}", "empty text"),
        (r"x?", "empty text"),
        (r"\d\d", "texts of 2 characters"),
        (r"a{300}", "more than 200"),
        ("a" * 201, "longer than 200"),
        (r"(?P<a>x)(?(a)bcd|efg)", "refers back"),
    ],
)
def test_patterns_that_would_do_harm_are_refused(pattern: str, reason: str) -> None:
    with pytest.raises(PatternError, match=reason):
        compile_pattern(pattern)


@pytest.mark.parametrize("pattern", [r"\d{1,30}-?\d{1,30}x", r"[a-z]{1,12}-[a-z]{1,12}-[a-z]{1,12}x", r"(?:ab?){3,8}c"])
def test_the_worst_that_is_taken_ends(pattern: str) -> None:
    """The longest message that there can be, made to fail as late as it can: the count of ways bounds the work."""
    compiled = compile_pattern(pattern)
    for text in ("1" * 12_000, "a" * 12_000, "ab" * 6_000, "a-" * 6_000):
        assert compiled.search(text) is None
