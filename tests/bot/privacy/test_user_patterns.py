"""A team's own patterns: what is refused, and that nothing that is taken holds up the bot or lets a value through."""

import logging

import pytest

from bot.privacy.detectors import Recogniser, RedactionRule
from bot.privacy.user_patterns import PatternError, compile_pattern, find_matches


@pytest.fixture(autouse=True)
def _time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.privacy.user_patterns.TIME_LIMIT_S", 0.05)


@pytest.mark.parametrize(
    "pattern",
    [
        r"\bNW-\d{6}\b",
        r"ORD[A-Z]{2,4}-\d{4,10}",
        r"(?i)(?:order|ticket) #\d{4,12}",
        r"(?<=no\. )\d{5,9}",
        r"单号[A-Z]\d{8}",
        r"\d{3,}",
        r"(\w)\1{2}x",
        r"(?P<a>x)(?(a)bcd|efg)",
        r"a{300}",
        r"(?:ab?){3,8}c",
    ],
)
def test_usual_patterns_are_taken(pattern: str) -> None:
    assert compile_pattern(pattern).pattern == pattern


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", "no regular expression"),
        (r"\d+", "texts of 1 characters"),
        (r".{1,9}", "texts of 1 characters"),
        (r"\w\d?", "texts of 1 characters"),
        (r"\d{0,6}", "empty text"),
        (r"x?", "empty text"),
        (r"\d\d", "texts of 2 characters"),
        (r"[\w-]{2,9}", "texts of 2 characters"),
        ("a" * 201, "longer than 200"),
    ],
)
def test_patterns_that_would_do_harm_are_refused(pattern: str, reason: str) -> None:
    with pytest.raises(PatternError, match=reason):
        compile_pattern(pattern)


SLOW = (r"(a|a){1,60}bcd", r"(?:\w+\s?)+!x", r"(a{1,20}){1,9}bcd", r"(?:a+a*)+[xyz]{3}")


@pytest.mark.parametrize(
    "pattern", [*SLOW, r"\d{1,60}\d{1,60}\d{1,60}x", r"(?:a{0,3}){0,40}xyz", r"[a-z]{1,12}-[a-z]+x"]
)
def test_whatever_pattern_is_taken_ends(pattern: str) -> None:
    """The longest message that there can be, made to fail as late as it can."""
    compiled = compile_pattern(pattern)
    for text in ("1" * 12_000, "a" * 12_000, "ab" * 6_000, "a-" * 6_000, "abc " * 3_000):
        for start, end in find_matches("order", compiled, text):
            assert (start, end) == (0, len(text))


@pytest.mark.parametrize("pattern", [SLOW[0], SLOW[2]])
def test_a_text_on_which_a_pattern_takes_too_long_is_masked_as_a_whole(
    pattern: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What was masked before stays what it is, and the rule is named in the log."""
    rules = [
        RedactionRule(name="first", pattern=compile_pattern("NW-[0-9]{6}")),
        RedactionRule(name="order", pattern=compile_pattern(pattern)),
    ]
    text = f"{'a' * 3_000} NW-123456 {'a' * 3_000}"
    with caplog.at_level(logging.WARNING):
        found = Recogniser(rules=rules)(text)
    assert [(each.kind, each.end - each.start) for each in found] == [("ORDER", 3_001), ("FIRST", 9), ("ORDER", 3_001)]
    assert "[[redact]] order took too long" in caplog.text
