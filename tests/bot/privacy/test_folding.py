"""Texts as finders read them: folded, and every place known in the original."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.privacy.folding import MASK_CHARACTER, decode, fold, wrap_unfolded


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("plain 123", "plain 123"),
        ("４１１１ ＤＥ", "4111 DE"),
        ("۴۱ ४१ ৪১ ٤١ ๔๑ ④① 𝟒𝟏", "41 41 41 41 41 41 41"),
        ("j\u200ba\u2060n\u00ade", "jane"),
        ("4️⃣1️⃣", "41"),
        ("Zażółć mật khẩu contraseña", "Zazołc mat khau contrasena"),
        ("a–b—c−d\u00a0e", "a-b-c-d e"),
        ("\x1b[1m\x00", "[1m "),
    ],
)
def test_likes_are_folded_and_what_cannot_be_seen_is_left_out(text: str, folded: str) -> None:
    assert fold(text).text == folded


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        ("joe%40mail", "joe@mail"),
        ("joe%2540mail", "joe@mail"),
        ("4111&nbsp;1111&#160;2", "4111 1111 2"),
        ("%D9%A4%D9%A1", "41"),
        ("joe\\u0040mail", "joe@mail"),
        ("joe=40mail", "joe@mail"),
        ("1</td><td>2", "1  2"),
        ("<DE89370400440532013000> <joe@mail.example> <at>", "<DE89370400440532013000> <joe@mail.example> <at>"),
        ("100% of AT&T; 5 < 6", "100% of AT&T; 5 < 6"),
    ],
)
def test_what_is_encoded_is_read_as_what_it_stands_for(text: str, decoded: str) -> None:
    assert decode(fold(text)).text == decoded


def test_an_encoded_character_has_the_place_of_its_code() -> None:
    decoded = decode(fold("é%C3%A9x"))
    assert (decoded.text, decoded.locate(1, 2)) == ("eex", (1, 7))


def test_a_mark_belongs_to_the_letter_before_it() -> None:
    folded = fold("x\u200bე\u0301y")
    assert folded.locate(1, 2) == (2, 4)


@given(st.text(), st.integers(min_value=0, max_value=20), st.integers(min_value=1, max_value=20))
def test_every_place_lies_in_the_original(text: str, start: int, length: int) -> None:
    folded = fold(text)
    assert len(folded.text) == len(folded.starts) == len(folded.ends)
    if start + length <= len(folded.text):
        first, last = folded.locate(start, start + length)
        assert 0 <= first < last <= len(text)


@given(st.text(), st.lists(st.integers(min_value=0, max_value=30), max_size=6, unique=True))
def test_what_is_blanked_out_becomes_one_sign(text: str, places: list[int]) -> None:
    ordered = sorted(place for place in places if place <= len(text))
    spans = [(a, b) for a, b in zip(ordered[::2], ordered[1::2], strict=False)]
    for folded in (fold(text), wrap_unfolded(text)):
        blanked = folded.blank_out(spans)
        assert blanked.text.count(MASK_CHARACTER) == len(spans)
        assert len(blanked.text) == len(blanked.starts) == len(blanked.ends)
        assert [blanked.locate(at, at + 1) for at, each in enumerate(blanked.text) if each == MASK_CHARACTER] == spans
