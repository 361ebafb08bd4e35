"""Out and back again: the same originals, whatever a customer writes and a model alters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.privacy.detectors import Recogniser, RedactionRule
from bot.privacy.placeholders import NO_PLACEHOLDERS, Placeholders, fill, mask_messages, mask_replies
from bot.privacy.user_patterns import compile_pattern

RULES = (RedactionRule(name="order", pattern=compile_pattern(r"NW-\d{6}")),)
RECOGNISER = Recogniser(rules=RULES, allowed_text="Write to help@shop.example")


def mask(*texts: str, known: Placeholders = NO_PLACEHOLDERS) -> tuple[tuple[str, ...], Placeholders]:
    return mask_messages(texts, known, RECOGNISER)


def test_the_same_original_has_the_same_placeholder_throughout() -> None:
    texts, placeholders = mask("I am jane@example.com, NW-123456.", "Yes, jane@example.com and tom@example.com")
    assert texts == ("I am [EMAIL_1], [ORDER_1].", "Yes, [EMAIL_1] and [EMAIL_2]")
    assert dict(placeholders.originals) == {
        "[EMAIL_1]": "jane@example.com",
        "[ORDER_1]": "NW-123456",
        "[EMAIL_2]": "tom@example.com",
    }


def test_an_original_is_masked_where_it_would_not_be_recognised_alone() -> None:
    """Ten digits are a phone number behind "call", and an order number elsewhere: unless they were a phone before."""
    texts, _ = mask("Please call 4155552671.", "order 4155552671?")
    assert texts == ("Please call [PHONE_1].", "order [PHONE_1]?")


def test_what_is_known_is_used_again_and_what_is_new_is_added() -> None:
    _, known = mask("jane@example.com")
    texts, placeholders = mask("tom@example.com, jane@example.com", known=known)
    assert texts == ("[EMAIL_2], [EMAIL_1]",)
    assert len(placeholders.originals) == 2


def test_the_teams_own_addresses_stay() -> None:
    assert mask("I wrote to help@shop.example")[0] == ("I wrote to help@shop.example",)


@pytest.mark.parametrize(
    "words", ["[EMAIL_1]", "EMAIL_1", "[email 1]", "{EMAIL_2}", "[TEXT_1]", "[order_1]", "【PHONE_1】", "phone_7 = 1"]
)
def test_words_that_look_like_a_placeholder_come_back_as_they_were(words: str) -> None:
    """They must neither be filled with another's data nor take a placeholder away."""
    said = f"{words} is not jane@example.com"
    (text,), placeholders = mask(said)
    assert "jane@example.com" not in text
    assert fill(text, placeholders, RECOGNISER).text == said


@pytest.mark.parametrize(
    "written",
    [
        "[EMAIL_1]", "[email_1]", "[Email 1]", "[EMAIL-1]", "[EMAIL1]", "[ EMAIL_1 ]", "EMAIL_1", "[EMAIL_1",
        "EMAIL_1]", "[EMAIL\\_1]", "{{EMAIL_1}}", "<EMAIL_1>", "【EMAIL_1】", "[EMAIL_01]",
    ],
)  # fmt: skip
def test_an_altered_placeholder_is_understood(written: str) -> None:
    _, placeholders = mask("jane@example.com")
    filled = fill(f"We write to {written}.", placeholders, RECOGNISER)
    assert (filled.text, filled.unfilled) == ("We write to jane@example.com.", ())
    (settled,), _ = mask_replies([f"We write to {written}."], placeholders, RECOGNISER)
    assert settled == "We write to [EMAIL_1]."


@pytest.mark.parametrize("written", ["email 1", "my card 1", "EMAIL_12", "EMAIL_1x", "the email [1]"])
def test_plain_words_are_left_alone(written: str) -> None:
    _, placeholders = mask("jane@example.com")
    assert fill(written, placeholders, RECOGNISER).text == written


@pytest.mark.parametrize("written", ["[EMAIL_7]", "[PHONE_1]", "[NAME]", "[ORDER NUMBER]", "[correo_1]", "EMAIL_9"])
def test_what_the_model_made_up_is_left_and_told(written: str) -> None:
    """Never a silent wrong value."""
    _, placeholders = mask("jane@example.com")
    filled = fill(f"Dear {written}, we write to [EMAIL_1].", placeholders, RECOGNISER)
    assert filled.text == f"Dear {written}, we write to jane@example.com."
    assert filled.unfilled == (written,)


def test_words_in_brackets_that_the_customer_wrote_are_no_placeholders() -> None:
    said = "[URGENT] where is it?"
    assert fill("About your [URGENT] message", NO_PLACEHOLDERS, RECOGNISER, context=said).unfilled == ()
    assert fill("See [the page](https://shop.example) and [step 1]", NO_PLACEHOLDERS, RECOGNISER).unfilled == ()


def test_personal_data_that_a_model_wrote_by_itself_is_masked_too() -> None:
    """And its placeholder is not one that the model made up elsewhere."""
    _, placeholders = mask("jane@example.com")
    texts, after = mask_replies(["Ask [EMAIL_2].", "Ask bob@example.com or [email 1]."], placeholders, RECOGNISER)
    assert texts == ("Ask [EMAIL_2].", "Ask [EMAIL_3] or [EMAIL_1].")
    assert fill(texts[0], after, RECOGNISER).unfilled == ("[EMAIL_2]",)
    assert fill(texts[1], after, RECOGNISER).text == "Ask bob@example.com or jane@example.com."


@pytest.mark.parametrize("written", ["[SECRET_1]", "[secret 1]", "SECRET_1", "{{SECRET_1}}"])
def test_a_secret_never_comes_back(written: str) -> None:
    """Whoever writes its placeholder: nothing holds the original any more, and the agent is told."""
    (hidden, again), placeholders = mask("My password is hunter2!", "I typed hunter2!")
    assert (hidden, again) == ("My password is [SECRET_1]", "I typed [SECRET_1]")
    assert "hunter2" not in str(dict(placeholders.originals))
    filled = fill(f"Yours is {written}.", placeholders, RECOGNISER, context=hidden)
    assert "hunter2" not in filled.text
    assert filled.unfilled == (written,)


def test_a_later_secret_has_a_placeholder_of_its_own() -> None:
    _, known = mask("PIN 4821, jane@example.com")
    texts, after = mask("PIN 9077, jane@example.com", known=known)
    assert texts == ("PIN [SECRET_2], [EMAIL_1]",)
    assert set(after.originals) == {"[SECRET_1]", "[SECRET_2]", "[EMAIL_1]"}


def test_the_placeholder_of_a_secret_stays_where_it_was_recorded() -> None:
    """A log that keeps the originals has it in the place of secrets: read again, it is no customer's word."""
    texts, placeholders = mask("My PIN is [SECRET_1], jane@example.com")
    assert texts == ("My PIN is [SECRET_1], [EMAIL_1]",)
    assert fill(texts[0], placeholders, RECOGNISER).text == "My PIN is [SECRET_1], jane@example.com"


def test_a_password_that_is_a_word_is_hidden_in_its_own_place_only() -> None:
    assert mask("Password: parcel", "Where is my parcel?")[0] == ("Password: [SECRET_1]", "Where is my parcel?")


def test_what_stands_behind_a_placeholder_is_found() -> None:
    assert mask("4111 1111 1111 1111DE89 3704 0044 0532 0130 00")[0] == ("[CARD_1][IBAN_1]",)


PIECES = st.sampled_from(
    ["jane@example.com", "+44 20 7946 0958", "[EMAIL_1]", "EMAIL_2", "[TEXT_1]", "4111 1111 1111 1111", "NW-123456",
     "[", "]", "_1", "email ", "中文", " ", "\n", "192.168.0.1", "10.0", "card 2",
     "DE89 3704 0044 0532 0130 00", "{", "<", "12/29", "x", "4111111111111111", "joe%40mail.example", "۴۱۱۱ ", "1111 ",
     "иван@почта.рф", "\u200b", "+1.415.555.2671", "order 77 ", "[SECRET_1]", "tel", "."]
)  # fmt: skip


@given(st.lists(st.lists(PIECES | st.text(max_size=8), max_size=12).map("".join), min_size=1, max_size=3))
def test_masked_and_filled_every_text_is_what_it_was(texts: list[str]) -> None:
    hidden, placeholders = mask(*texts)
    for text, back in zip(hidden, texts, strict=True):
        assert fill(text, placeholders, RECOGNISER).text == back
    assert mask_replies(hidden, placeholders, RECOGNISER)[0] == hidden


def test_originals_are_not_in_a_repr() -> None:
    assert "jane" not in repr(mask("jane@example.com")[1])
