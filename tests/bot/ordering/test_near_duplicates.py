"""Near-duplicates are found in any script, and different replies are kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ordering.near_duplicates import NEAR_DUPLICATE_F1, compute_token_f1, find_near_duplicates, tokenize

SAME = {
    "English": (
        "I am sorry that it broke. We will send you another one today.",
        "I'm sorry that it broke. We will send you another one today!",
    ),
    "German": (
        "Es tut uns leid, wir schicken Ihnen HEUTE Ersatz.",
        "Es tut uns leid, wir schicken Ihnen heute Ersatz",
    ),
    "Chinese": (
        "非常抱歉您的包裹损坏了,我们今天就给您补发。",
        "非常抱歉您的包裹损坏了,我们今天就为您补发!",
    ),
    "Japanese": (
        "お荷物が破損していたとのこと、申し訳ございません。本日代わりをお送りします。",
        "お荷物が破損していたとのこと、申し訳ありません。本日代わりをお送りします。",
    ),
    "Thai": (
        "ขออภัยที่พัสดุเสียหาย เราจะส่งใหม่ภายในวันศุกร์ค่ะ กรุณาแจ้งหมายเลขคำสั่งซื้อ",
        "ขออภัยที่พัสดุเสียหาย เราจะส่งใหม่ภายในวันศุกร์ครับ กรุณาแจ้งหมายเลขคำสั่งซื้อ",
    ),
    "Hindi": (
        "हमें खेद है कि आपका पार्सल टूटा हुआ पहुँचा, हम आज नया भेजेंगे",
        "हमें खेद है कि आपका पार्सल टूटा हुआ पहुँचा, हम आज नया भेजेंगे।",
    ),
    "accents": (
        "Votre colis arrivera vendredi, c\u2019est promis, cher café",
        "Votre colis arrivera vendredi, c\u2019est promis, cher cafe\u0301",
    ),
    "full width": (
        "注文１２３は発送済みです",
        "注文123は発送済みです",
    ),
    "emoji": (
        "👍🎉🎉",
        "🎉 👍 🎉",
    ),
}
DIFFERENT = {
    "English": (
        ("I'm very sorry that your parcel arrived broken. We send a new one at once so that it is there by Friday."),
        ("Hello, thanks for reaching out. Would you prefer a refund or a replacement? Tell us your address, please."),
    ),
    "Chinese": (
        "非常抱歉您的包裹到达时已经损坏。我们会尽快为您安排补发,争取在周五之前送达。",
        "您好,感谢您联系我们。请告诉我们您希望退款还是换货,我们会立即为您处理。",
    ),
    "Japanese": (
        "お荷物が破損した状態で届いたとのこと、誠に申し訳ございません。金曜日までに代わりの商品をお届けします。",
        "ご連絡ありがとうございます。返金または交換のどちらをご希望か教えていただければ、すぐにご案内いたします。",
    ),
    "Thai": (
        ("ขออภัยเป็นอย่างยิ่งที่พัสดุของคุณมาถึงในสภาพเสียหาย เราจะส่งสินค้าใหม่ให้ทันทีเพื่อให้ถึงก่อนวันศุกร์"),
        ("สวัสดีค่ะ ขอบคุณที่ติดต่อเข้ามา รบกวนขอทราบที่อยู่จัดส่งเพื่อที่เราจะตรวจสอบตัวเลือกการคืนเงินให้ค่ะ"),
    ),
    "Burmese": (
        "သင့်ပါဆယ် ပျက်စီးနေသည့်အတွက် တောင်းပန်ပါသည်။ သောကြာနေ့မတိုင်မီ အသစ်ပို့ပေးပါမည်။",
        "ဆက်သွယ်ပေးသည့်အတွက် ကျေးဇူးတင်ပါသည်။ ငွေပြန်အမ်းလိုပါသလား လဲလှယ်လိုပါသလား ပြောပြပေးပါ။",
    ),
    "Hindi": (
        "हमें खेद है कि आपका पार्सल टूटा हुआ पहुँचा। हम शुक्रवार तक नया सामान भेजेंगे।",
        "नमस्ते, कृपया बताइए कि आप पैसे वापस चाहते हैं या दूसरा उत्पाद।",
    ),
    "Hindi vowels": (
        "किताब कल मिली",
        "कितबी कुल मोला",
    ),
    "emoji": (
        "👍",
        "👎",
    ),
}


@pytest.mark.parametrize("script", SAME)
def test_one_candidate_to_the_eye_is_one(script: str) -> None:
    one, other = SAME[script]
    assert find_near_duplicates({"a": one, "b": other}) == {"b": "a"}


@pytest.mark.parametrize("script", DIFFERENT)
def test_different_replies_are_both_kept(script: str) -> None:
    """Far from the threshold: in an alphabet, single letters would make any two long texts alike."""
    one, other = DIFFERENT[script]
    assert find_near_duplicates({"a": one, "b": other}) == {}
    assert compute_token_f1(one, other) < 0.5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't PANIC, 42!", ["don", "t", "panic", "42"]),
        ("Straße", ["strasse"]),
        ("订单123号", ["订单", "123", "号"]),
        ("नमस्ते दुनिया।", ["नमस्ते", "दुनिया"]),
        ("שָׁלוֹם עולם", ["שָׁלוֹם", "עולם"]),
        (" 👍 👎\n", ["👍", "👎"]),
        ("…!", [".", ".", ".", "!"]),
        ("", []),
        (" \n", []),
    ],
)
def test_tokens(text: str, expected: list[str]) -> None:
    assert tokenize(text) == expected


def test_token_f1_counts_repetition() -> None:
    assert compute_token_f1("a a b", "a b b") == pytest.approx(2 / 3)
    assert compute_token_f1("a b", "a b c d") == pytest.approx(2 / 3)


@pytest.mark.parametrize("script", ["English", "Chinese"])
def test_long_texts_are_compared_by_pieces_from_all_over_them(script: str) -> None:
    """Ten of the longest replies hold up nothing else: no more of them is counted than of a page."""
    words = {
        "English": [f"word{number} " for number in range(8_000)],
        "Chinese": [chr(0x4E00 + n) for n in range(20_000)],
    }
    text = "".join(words[script])
    turned = "".join(reversed(words[script]))
    texts = {"a": text, "b": text[:-40], "c": f"{text[:2_000]}{turned[2_000:]}", "d": text}
    assert find_near_duplicates(texts) == {"b": "a", "d": "a"}


def test_the_threshold_itself_is_no_duplicate() -> None:
    assert compute_token_f1("a b c d e", "a b c d x") == pytest.approx(NEAR_DUPLICATE_F1)
    assert find_near_duplicates({"1": "a b c d e", "2": "a b c d x"}) == {}


@pytest.mark.parametrize("empty", ["", " ", "\n\t"])
def test_nothing_resembles_nothing(empty: str) -> None:
    assert compute_token_f1(empty, empty) == 0.0
    assert find_near_duplicates({"a": empty, "b": empty}) == {}


def test_what_is_repeated_is_always_one_that_is_kept() -> None:
    texts = {
        "a": "one two three",
        "b": "four five six",
        "c": "three two one",
        "d": "six five four",
        "e": "one two three",
    }
    assert find_near_duplicates(texts) == {"c": "a", "d": "b", "e": "a"}


WORDY = st.text("ab cก ข漢字😀\u0301.", max_size=12)


@given(one=WORDY, other=WORDY)
def test_token_f1_is_symmetric_and_between_0_and_1(one: str, other: str) -> None:
    assert 0.0 <= compute_token_f1(one, other) <= 1.0
    assert compute_token_f1(one, other) == compute_token_f1(other, one)
    assert compute_token_f1(one, one) == (1.0 if tokenize(one) else 0.0)


@given(texts=st.lists(WORDY, max_size=8))
def test_of_each_group_the_first_is_kept(texts: list[str]) -> None:
    by_id = {str(n): text for n, text in enumerate(texts)}
    repeats = find_near_duplicates(by_id)
    kept = [key for key in by_id if key not in repeats]
    for key, original in repeats.items():
        assert original in kept
        assert int(original) < int(key)
        assert compute_token_f1(by_id[key], by_id[original]) > NEAR_DUPLICATE_F1
    for one in kept:
        for other in kept:
            assert one == other or compute_token_f1(by_id[one], by_id[other]) <= NEAR_DUPLICATE_F1


@given(st.text())
def test_any_text_has_tokens_without_white_space(text: str) -> None:
    assert all(token and not token.isspace() for token in tokenize(text))
