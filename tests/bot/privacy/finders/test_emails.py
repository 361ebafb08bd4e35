"""E-mail addresses of any script, encoded, and spelled out where nothing else can be meant."""

import pytest

from bot.privacy.detectors import Recogniser


def find_emails(text: str) -> list[str]:
    return [text[each.start : each.end] for each in Recogniser()(text) if each.kind == "EMAIL"]


@pytest.mark.parametrize(
    "address",
    [
        "jane@example.com", "ｊａｎｅ＠ｅｘａｍｐｌｅ．ｃｏｍ", "иван.петров@почта.рф", "γιώργος@παράδειγμα.ελ",
        "रवि@उदाहरण.भारत",
        "홍길동@예시.한국", "jané@exämple.com", "jane\u0301@example.com", "joe%40mail.example",
        "joe%2540mail.example",
        "jane&#64;example.com", "j\u200bane@exam\u200dple.com", '"jane doe"@example.com', "jane@[192.0.2.1]",
        "jane@xn--80ak6aa92e.com", "jane (at) example (dot) com", "jane[at]example.com", "jane@example[.]com",
        "jane.doe at example dot com", "jane dot doe at example dot com", "pepe arroba correo punto example",
        "oleg собака почта точка example",
    ],
)  # fmt: skip
def test_an_address_is_found_alone_and_among_words(address: str) -> None:
    assert find_emails(address) == [address]
    assert find_emails(f"Hallo ({address}), ja?") == [address]


@pytest.mark.parametrize(
    "text", ["name at host dot com", "My address: jane at example dot com.", "jane at example.com is my mail"]
)
def test_a_plain_spelling_counts_where_an_address_is_expected(text: str) -> None:
    assert len(find_emails(text)) == 1


@pytest.mark.parametrize(
    "text",
    ["look at example dot com", "We meet at noon. Then we go.", "I bought it at shop dot com", "2 pieces @ 5.00 EUR",
     "follow @example", "me@work", "We arrived at Main.Street"],
)  # fmt: skip
def test_sentences_and_handles_stay(text: str) -> None:
    assert find_emails(text) == []


def test_scripts_without_spaces_leave_an_ascii_address_alone() -> None:
    assert find_emails("我的邮箱是li@example.com请回复") == ["li@example.com"]
