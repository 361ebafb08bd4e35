"""Terms: what a question and a passage have in common, in any script."""

import pytest

from bot.knowledge.index import Index
from bot.knowledge.terms import extract_terms, pack_terms, unpack_terms, weigh_terms


@pytest.mark.parametrize(
    ("question", "passage"),
    [
        ("returned lamps", "Return of a lamp"),
        ("He was charged twice", "charging"),
        ("What's the customer’s policy?", "policies"),
        ("ＲＥＦＵＮＤ", "refund"),
        ("怎麼退款", "退款需要三天"),
        ("退", "退款需要三天"),
        ("返金できますか", "返金の手続き"),
        ("환불", "환불은 사흘 걸립니다"),
        ("คืนเงิน", "การคืนเงินใช้เวลาสามวัน"),
        ("धनवापसी कब", "धनवापसी में तीन दिन लगते हैं"),
        ("استرداد المبلغ", "استرداد"),
        ("Rückgabe", "RÜCKGABE"),
        ("error E-4021", "E-4021 means that the lamp is too hot"),
    ],
)
def test_a_question_finds_the_passage_that_has_its_words(question: str, passage: str) -> None:
    assert Index([pack_terms(extract_terms(passage))]).search(question, limit=1), extract_terms(passage)


@pytest.mark.parametrize("text", ["", "…", "🙂", "   "])
def test_a_text_without_words_has_no_terms(text: str) -> None:
    assert not extract_terms(text)
    assert Index([pack_terms(extract_terms("a lamp"))]).search(text, limit=1) == []


def test_terms_are_packed_and_unpacked_the_same() -> None:
    terms = extract_terms("lamp lamp 退款 " + "often " * 70_000)
    hashes, counts = unpack_terms(pack_terms(terms))
    unpacked = dict(zip(hashes.tolist(), counts.tolist(), strict=True))
    assert unpacked == {term: min(count, 65_535) for term, count in terms.items()}


def test_words_that_say_little_weigh_less() -> None:
    weights = weigh_terms("the lamp")
    assert sorted(weights.values()) == [0.2, 0.4, 1.0], "a pair, a stop word, a word"
