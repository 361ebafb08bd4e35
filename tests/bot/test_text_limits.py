"""Nothing is lost in splitting, and no part is too long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text_limits import clean, count_utf16_units, split_text

ANY = st.text(st.characters(exclude_categories=["Cs"]))
BROKEN = st.text("a b.\n。😀é漢\u200d", max_size=80)


@given(text=st.one_of(ANY, BROKEN), limit=st.integers(1, 20))
def test_parts_join_to_the_text_and_each_is_within_the_limit(text: str, limit: int) -> None:
    parts = split_text(text, limit)
    assert "".join(parts) == text
    assert all(parts)
    assert all(count_utf16_units(part) <= max(limit, 2) for part in parts)
    assert all(count_utf16_units(part) <= limit or len(part) == 1 for part in parts)


@given(text=BROKEN, limit=st.integers(2, 40))
def test_a_part_ends_where_the_next_character_would_not_fit_or_at_a_pause_behind_its_middle(
    text: str, limit: int
) -> None:
    for part, following in zip(split_text(text, limit), split_text(text, limit)[1:], strict=False):
        full = count_utf16_units(part + following[0]) > limit
        pause = part.endswith(("\n", " ", "。")) and count_utf16_units(part) >= limit // 4
        assert full or pause


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("", 5, ()),
        ("short", 5, ("short",)),
        ("one two", 5, ("one ", "two")),
        ("aaaa bb. cc\n\nd", 14, ("aaaa bb. cc\n\nd",)),
        ("aaaa bb. cc\n\ndddd", 15, ("aaaa bb. cc\n\n", "dddd")),
        ("aaaa bb. cc\ndddd", 14, ("aaaa bb. cc\n", "dddd")),
        ("aaaa bb. cc dddd", 13, ("aaaa bb. ", "cc dddd")),
        ("一二三。四五六七", 6, ("一二三。", "四五六七")),
        ("a bcdefghij", 8, ("a bcdefg", "hij")),  # a pause too early is none
        ("abcdefghij", 4, ("abcd", "efgh", "ij")),
        ("😀😀😀", 4, ("😀😀", "😀")),
        ("a😀😀", 4, ("a😀", "😀")),
        ("😀😀", 3, ("😀", "😀")),
        ("😀a", 1, ("😀", "a")),
        ("abc", 1, ("a", "b", "c")),
    ],
)
def test_the_cut_is_where_a_reader_would_pause(text: str, limit: int, expected: tuple[str, ...]) -> None:
    assert split_text(text, limit) == expected


def test_a_long_text_of_emoji_is_cut_at_the_limit() -> None:
    assert [count_utf16_units(part) for part in split_text("😀" * 10_000, 9_001)] == [9_000, 9_000, 2_000]


@given(ANY)
def test_slack_counts_as_javascript_does(text: str) -> None:
    assert count_utf16_units(text) == len(text) + sum(ord(character) > 0xFFFF for character in text)


@given(st.text(st.characters()))
def test_clean_text_can_be_stored_anywhere(text: str) -> None:
    cleaned = clean(text)
    assert "\x00" not in cleaned
    assert cleaned.encode("utf-8").decode("utf-8") == cleaned
    assert clean(cleaned) == cleaned


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
def test_what_is_clean_stays_as_it_is(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(("dirty", "expected"), [("a\x00b", "ab"), ("a\ud800b", "a?b"), ("\udcff", "?"), ("😀", "😀")])
def test_what_cannot_be_stored_is_taken_out(dirty: str, expected: str) -> None:
    assert clean(dirty) == expected
