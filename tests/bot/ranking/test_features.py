"""What is measured of texts: in any script, of any length, always a number or nothing."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ranking.design import MAX_DEVIATIONS, fit_scales, standardise
from bot.ranking.features import BUCKETS, FEATURES, READ_TEXT, compute_idf, featurise
from storage.records import Candidate, Turn
from tests.bot.ranking.logs import make_entry

RARE = (1.0,) * BUCKETS
QUESTION = "Where is my order?"


def measure_texts(*texts: str, conversation: str = QUESTION, logprob: float | None = None) -> list[dict[str, float]]:
    candidates = [replace(one, mean_logprob=logprob) for one in make_entry(*texts).candidates]
    rows = featurise((Turn(role="customer", text=conversation),), candidates, RARE)
    return [dict(zip(FEATURES, row, strict=True)) for row in rows.tolist()]


def test_words_are_counted() -> None:
    (found,) = measure_texts("Your order is on its way. It comes today!")
    assert found["log_words"] == pytest.approx(math.log(10))
    assert found["log_sentences"] == pytest.approx(math.log(3))
    assert found["exclamation"] == 1
    assert found["question"] == 0
    assert found["ends_whole"] == 1


def test_a_chinese_sentence_is_not_one_word() -> None:
    short, long = measure_texts("您的訂單已寄出。", "您的訂單今天早上已經寄出,明天下午應該就會送到您的府上了。")
    assert long["log_words"] > short["log_words"] > math.log(3)
    assert short["log_sentences"] == pytest.approx(math.log(2))


def test_arabic_and_hebrew_words_are_words() -> None:
    arabic, hebrew = measure_texts("تم شحن طلبك اليوم، هل تحتاج شيئا آخر؟", "ההזמנה שלך נשלחה היום.")
    assert arabic["log_words"] == pytest.approx(math.log(9))
    assert (arabic["question"], arabic["commas"] > 0) == (1, True)
    assert hebrew["log_words"] == pytest.approx(math.log(5))


def test_what_repeats_the_conversation_is_similar_and_not_new() -> None:
    same, other = measure_texts("Where is my order?", "Thanks for writing.")
    assert same["similarity"] == pytest.approx(1.0)
    assert (same["novelty"], same["repeats"]) == (0, 1)
    assert (other["similarity"], other["novelty"], other["repeats"]) == (0, 1, 0)


def test_candidates_that_say_the_same_are_central() -> None:
    one, same, other = measure_texts("It was sent today.", "It was sent today!", "Sorry")
    assert one["central"] == pytest.approx(same["central"])
    assert one["central"] > other["central"] == 0


def test_cited_sources_are_measured() -> None:
    shares = [
        ({"cited": True, "covered": 0.5}, {"cited": True, "covered": 0.75}, {"cited": False, "covered": 0.9}),
        ({"cited": False, "covered": 0.9},),
        ({"cited": True},),
        ({"cited": True, "covered": "all"}, "odd"),
    ]
    candidates = [
        replace(one, sources=sources) for one, sources in zip(make_entry(*"abcd").candidates, shares, strict=True)
    ]
    rows = featurise((Turn(role="customer", text=QUESTION),), candidates, RARE)
    names = list(FEATURES)
    found = [[row[names.index(name)] for name in ("cites", "log_cited", "source_fit")] for row in rows.tolist()]
    assert found[:2] == [[1, pytest.approx(math.log(3)), 0.75], [0, 0, 0]]
    assert [row[:2] for row in found[2:]] == [[1, pytest.approx(math.log(2))]] * 2
    assert all(math.isnan(row[2]) for row in found[2:])


def test_log_probabilities_count_where_they_are() -> None:
    (without,), (found,) = measure_texts("Two words"), measure_texts("Two words", logprob=-0.5)
    assert math.isnan(without["mean_logprob"])
    assert found["mean_logprob"] == -0.5
    assert found["total_logprob"] == -1.0


@pytest.mark.parametrize("text", ["", " ", "\x00", "👍🏽👍🏽", "\ud800", "a" * 100_000, "字" * 100_000, "é " * 50_000])
def test_any_text_is_measured(text: str) -> None:
    (found,) = measure_texts(text, conversation=text)
    assert all(math.isfinite(value) for name, value in found.items() if "log" not in name or "words" in name)


def test_what_nobody_reads_does_not_count() -> None:
    (start,), (whole,) = measure_texts("word " * (READ_TEXT // 5)), measure_texts("word " * READ_TEXT)
    assert start == pytest.approx(whole, nan_ok=True)


def test_what_is_rare_does_not_weigh_without_bound() -> None:
    """One list in a thousand texts is 32 deviations from the mean: a single pick would decide about all lists."""
    raw = np.zeros((1000, 1))
    raw[0] = 1.0
    scaled = standardise(raw, fit_scales(raw))
    assert scaled.max() == MAX_DEVIATIONS
    assert scaled.min() == pytest.approx(-(0.001**0.5), rel=0.01)


def test_without_candidates_or_conversation_there_is_nothing_to_measure() -> None:
    assert featurise((), (), RARE).shape == (0, len(FEATURES))
    found = featurise((), [Candidate(id="c", request_id="r", sample_index=0, style="s", model="m", text="Hi")], RARE)
    assert found.shape == (1, len(FEATURES))


def test_rare_words_weigh_more() -> None:
    turns = [(Turn(role="customer", text=f"order number {word}"),) for word in ("alpha", "beta", "gamma")]
    values = np.array(compute_idf(turns))
    assert values.min() == pytest.approx(1.0)
    assert values.max() > values.min()


@given(st.lists(st.text(max_size=80), min_size=1, max_size=4), st.text(max_size=80))
def test_features_are_numbers_whatever_is_written(texts: list[str], conversation: str) -> None:
    for found in measure_texts(*texts, conversation=conversation, logprob=-1.0):
        assert all(math.isfinite(value) for value in found.values())
