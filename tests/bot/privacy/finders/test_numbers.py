"""Cards, IBANs and phone numbers, whatever stands beside them, between their digits or in their place."""

import pytest

from bot.privacy.detectors import Recogniser
from bot.privacy.placeholders import NO_PLACEHOLDERS, fill, mask_messages, mask_replies

RECOGNISER = Recogniser()


def mask(text: str) -> str:
    """The masked text, which must come back, and must hold nothing more when it is looked at again."""
    (hidden,), placeholders = mask_messages([text], NO_PLACEHOLDERS, RECOGNISER)
    assert mask_replies([hidden], placeholders, RECOGNISER)[0] == (hidden,)
    assert "SECRET" in hidden or fill(hidden, placeholders, RECOGNISER).text == text
    return hidden


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("4111 1111 1111 1111 12/29", "[CARD_1] 12/29"),
        ("5555 5555 5555 4444 09/27 CVC 321", "[CARD_1] 09/27 CVC [SECRET_1]"),
        ("4111 1111 1111 1111 123", "[CARD_1] [SECRET_1]"),
        ("4111 1111 1111 1111 (123), thanks", "[CARD_1] ([SECRET_1]), thanks"),
        ("4111 1111 1111 1111 / 123\nJoe", "[CARD_1] / [SECRET_1]\nJoe"),
        ("4111 1111 1111 1111 12 29 123", "[CARD_1] 12 29 [SECRET_1]"),
        ("4111 1111 1111 1111 123 Main Street", "[CARD_1] 123 Main Street"),
        ("4111 1111 1111 1111 3.50", "[CARD_1] 3.50"),
        ("4111 1111 1111 1111 12 29", "[CARD_1] 12 29"),
        ("4111 1111 1111 111112/29", "[CARD_1]12/29"),
        ("4111111111111111|12|29|123", "[CARD_1]|12|29|[SECRET_1]"),
        ("3782 822463 10005 12/29", "[CARD_1] 12/29"),
        ("order 77 4111 1111 1111 1111", "order 77 [CARD_1]"),
        ("12/29 4111 1111 1111 1111", "12/29 [CARD_1]"),
        ("2 4111 1111 1111 1111 3", "2 [CARD_1] 3"),
        ("774111 1111 1111 1111", "77[CARD_1]"),
        ("4111 1111 1111 1111 4242 4242 4242 4242", "[CARD_1] [CARD_2]"),
        ("**4111** **1111** **1111** **1111**", "**[CARD_1]**"),
        ("_4111_ _1111_ _1111_ _1111_", "_[CARD_1]_"),
        ("4111 --- 1111 --- 1111 --- 1111", "[CARD_1]"),
        ("card no.4111111111111111", "card no.[CARD_1]"),
        ("x4111 1111 1111 1111", "x[CARD_1]"),
        ("4111111111111111exp12/29", "[CARD_1]exp12/29"),
    ],
)
def test_a_card_is_told_from_what_stands_beside_it(text: str, hidden: str) -> None:
    assert mask(text) == hidden


@pytest.mark.parametrize(
    "between", ["", " ", "  ", "-", " - ", ".", "/", "_", "·", "\t", "\n", "\u200b", "\u00a0", "–"]
)
@pytest.mark.parametrize("zero", [0x30, 0x660, 0x6F0, 0x966, 0x9E6, 0xE50, 0xFF10, 0x1D7CE])
def test_a_card_in_any_digits_with_anything_between(between: str, zero: int) -> None:
    groups = ["".join(chr(zero + int(digit)) for digit in group) for group in ("5555", "5555", "5555", "4444")]
    assert mask(f"({between.join(groups)})") == "([CARD_1])"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("4111 1111 1111 1111DE89 3704 0044 0532 0130 00", "[CARD_1][IBAN_1]"),
        ("DE893704004405320130004111111111111111", "[IBAN_1][CARD_1]"),
        ("IBANDE89370400440532013000", "IBAN[IBAN_1]"),
        ("DE89370400440532013000BIC", "[IBAN_1]BIC"),
        ("1DE89370400440532013000", "1[IBAN_1]"),
        ("DE 89 3704 0044 0532 0130 00", "[IBAN_1]"),
        ("de89.3704.0044.0532.0130.00", "[IBAN_1]"),
        ("ＤＥ８９ ３７０４ ００４４ ０５３２ ０１３０ ００", "[IBAN_1]"),
        ("GB29\u200bNWBK60161331926819", "[IBAN_1]"),
    ],
)
def test_an_iban_is_told_from_what_is_glued_to_it(text: str, hidden: str) -> None:
    assert mask(text) == hidden


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("+1.415.555.2671", "[PHONE_1]"),
        ("+1·415·555·2671", "[PHONE_1]"),
        ("tel+14155552671", "tel[PHONE_1]"),
        ("+44 7700 900123 12/29", "[PHONE_1] 12/29"),
        ("+447700900123x", "[PHONE_1]x"),
        ("+۱ ۴۱۵ ۵۵۵ ۲۶۷۱", "[PHONE_1]"),
        ("+1\u200b4155552671", "[PHONE_1]"),
    ],
)
def test_a_number_with_its_countrys_code_stands_anywhere(text: str, hidden: str) -> None:
    assert mask(text) == hidden


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112",
        "4177, 4185, 4187, 4189, 4111, 1111, 1111, 1111",
        "10 20 30 40 42 44 46 48 50 52 54",
        "uuid 4e1243bd-4716-4465-8446-655440000000",
        "1,234,567,890,123.45 EUR",
        "2026-11-22 10:30:00, 22.11.2026, 11/22/2026",
        "version 10.0.19045.3570, 0.982492, >=1.2.0.4",
        "build for amd64 are (minor version numbers)",
        "+1.234.567 points",
    ],
)
def test_lists_amounts_dates_and_versions_stay(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize(
    "flood",
    ["4 ", "4111 ", "4111 1111 1111 1111 ", "DE89", "DE89370400440532013000", "1.1.1.1 ", "a@", "@", " at a dot b",
     "eyJ",
     "sk-", "pin 1234 ", "密码", "-----BEGIN PRIVATE KEY-----", "1:a:", "[EMAIL_1", "call 020 7946 0958 ", "\u0301",
     "ﷺ"],
)  # fmt: skip
def test_floods_come_back_as_they_were(flood: str) -> None:
    """A message of nothing but these: none is lost, and none takes the time of many."""
    mask(flood * (12_000 // len(flood)))
