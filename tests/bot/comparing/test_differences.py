"""The differences of two texts: nothing is lost, and what both have is not marked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.comparing.differences import find_differences


@given(st.text("ab \n訂單。", max_size=60), st.text("ab \n訂單。", max_size=60))
def test_pieces_are_the_texts_and_the_unmarked_ones_are_in_both(first: str, second: str) -> None:
    a, b = find_differences(first, second)
    assert ("".join(text for text, _ in a), "".join(text for text, _ in b)) == (first, second)
    assert "".join(text for text, differs in a if not differs) == "".join(text for text, differs in b if not differs)
    assert (first == second) == (not any(differs for _, differs in (*a, *b)))


@pytest.mark.parametrize(
    ("first", "second", "marked"),
    [
        ("It leaves today.", "It left today.", ("leaves", "left")),
        ("您的訂單今天出貨。", "您的訂單明天出貨。", ("今", "明")),
        ("Same.", "Same.", ("", "")),
        ("", "All.", ("", "All.")),
    ],
)
def test_words_are_marked_and_in_chinese_characters(first: str, second: str, marked: tuple[str, str]) -> None:
    found = find_differences(first, second)
    assert tuple("".join(text for text, differs in side if differs) for side in found) == marked


def test_long_texts_are_compared_by_lines() -> None:
    lines = [f"line {number} of many words here\n" for number in range(2_000)]
    first, second = "".join(lines), "".join([*lines[:7], "another line\n", *lines[8:]])
    found = find_differences(first, second)
    assert [[text for text, differs in side if differs] for side in found] == [[lines[7]], ["another line\n"]]
