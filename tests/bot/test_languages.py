"""The languages of replies: found by a locale, told by letters and frequent words."""

import pytest

from bot.i18n.languages import LANGUAGES, find_language, is_surely_in

SAMPLES = {
    "en": ["Your parcel leaves tomorrow.", "Could you send us a photo?", "THE LAMP IS HERE"],
    "de": ["Vielen Dank für Ihre Nachricht.", "Das Paket ist unterwegs."],
    "fr": ["Bonjour, votre colis est en route."],
    "es": ["Hola, gracias por su mensaje."],
    "zh-Hant": ["您好，謝謝您的來信。", "您的訂單 LAMP-3000 已於今天寄出"],
    "zh-Hans": ["您好，谢谢您的来信。"],
    "ja": ["ご連絡ありがとうございます。"],
    "ko": ["문의해 주셔서 감사합니다."],
}
UNTOLD = [
    "",
    "OK!",
    "12345 :tada:",
    "你好",
    "We sturen u vandaag een nieuwe lamp; het spijt ons zeer.",
    "Vi sender dig en ny lampe i dag, og vi skriver til dig igen.",
    "Посылка уже в пути.",
    "ご" + "x" * 400,
    "王小明 " + "schrieb gestern " * 9,
]


@pytest.mark.parametrize(("code", "text"), [(code, text) for code, texts in SAMPLES.items() for text in texts])
def test_a_language_is_told_and_taken_for_no_other(code: str, text: str) -> None:
    assert [each for each in LANGUAGES if is_surely_in(text, each)] == [code]


@pytest.mark.parametrize("text", UNTOLD)
def test_what_letters_and_words_do_not_tell_is_no_language(text: str) -> None:
    """Short texts, languages whose words nobody listed, a few letters of one among many of another."""
    assert [each for each in LANGUAGES if is_surely_in(text, each)] == []


@pytest.mark.parametrize(
    ("locale", "code"),
    [
        ("en-GB", "en"), ("zh-TW", "zh-Hant"), ("zh_HK", "zh-Hant"), ("zh-CN", "zh-Hans"), ("pt-BR", "pt-BR"),
        ("pt-PT", "pt-PT"), ("de-AT", "de"), ("ja-JP", "ja"), ("es-LA", "es"), ("xx-YY", "en"), ("", "en"),
    ],
)  # fmt: skip
def test_the_language_of_an_agent_is_found_by_their_locale(locale: str, code: str) -> None:
    assert find_language(locale) == code
