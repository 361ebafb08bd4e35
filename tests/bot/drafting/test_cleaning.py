"""From what a model wrote to the reply in it: no thoughts, nothing that cannot be seen, and nothing else lost."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.drafting.cleaning import MAX_REPLY, MAX_WRITTEN, StreamCleaner, clean_reply

HARMONY = "<|channel|>analysis<|message|>Deny.<|end|><|start|>assistant<|channel|>final<|message|>Hi"


@pytest.mark.parametrize(
    ("written", "reply"),
    [
        ("Okay, they are angry, admit nothing.\n</think>\n\nSorry about your parcel.", "Sorry about your parcel."),
        ("<think>Deny.</think>Hi", "Hi"),
        ("<thinking>Deny.</thinking>Hi", "Hi"),
        ("<thought>Deny.</thought>\n\nHi", "Hi"),
        ("<reasoning>Deny.</reasoning>Hi", "Hi"),
        ("[THINK]Deny.[/THINK]Hi", "Hi"),
        ("Deny.[/THINK]Hi", "Hi"),
        ("<THINK>Deny.</Think>Hi", "Hi"),
        ('< think type="deep">\nDeny.\n</ think >\nHi', "Hi"),
        ("<seed:think>Deny.</seed:think>Hi", "Hi"),
        ("<antThinking>Deny.</antThinking>Hi", "Hi"),
        ("◁think▷Deny.◁/think▷Hi", "Hi"),
        ("<|begin_of_thought|>Deny.<|end_of_thought|><|begin_of_solution|>Hi<|end_of_solution|>", "Hi"),
        ("<|START_THINKING|>Deny.<|END_THINKING|><|START_RESPONSE|>Hi<|END_RESPONSE|>", "Hi"),
        ("Sure!\n<think>Deny.</think>Hi", "Sure!\nHi"),
        ("Sure!\n\n<think>Deny.</think>\n\nHi", "Sure!\n\nHi"),
        ("Sure! <think>Deny.</think> Hi", "Sure! Hi"),
        ("Sure!<think>Deny.", "Sure!"),
        ("<think>Deny.</think><think>Blame the courier.</think>Hi", "Hi"),
        ("<think>Deny.</think>\n\nHi\n<think>Deny again.</think>", "Hi"),
        ("<think>Deny <think>or</think> blame.</think>Hi", "Hi"),
        ("<thinking>Could <think> be meant?</thinking>Hi", "Hi"),
        ("<think>Deny.</thinking>Hi", "Hi"),
        ("<think>Deny.</think>Blame.</think>Hi", "Hi"),
        ('<think>I must close with "</think>", then answer.</think>Hi', "Hi"),
        ("<think>I must close with `</think>`, then answer.</think>Hi", "Hi"),
        ("A thought with ```\ncode\n</think>\nHi, press ```x```", "Hi, press ```x```"),
        ("```\n<think>Deny.</think>\nHi\n```", "```\n\nHi\n```"),
        ("<th\u200bink>Deny.</think>Hi", "Hi"),
        ("<think/>Hi", "Hi"),
        ("<think></think>Hi", "Hi"),
        (HARMONY, "Hi"),
        (f"<|start|>assistant{HARMONY}<|return|>", "Hi"),
        (HARMONY.removeprefix("<|channel|>"), "Hi"),
        (HARMONY.replace("final", "FINAL"), "Hi"),
        (f"Sure!{HARMONY}", "Sure! Hi"),
        ("<|channel|>commentary<|message|>Deny.<|end|><|channel|>final <|constrain|>text<|message|>Hi", "Hi"),
        ("analysisThey are angry. Deny.assistantfinalHi", "Hi"),
        ("Hi<|end|>", "Hi"),
        ("Hi<|end|><|start|>user<|message|>Thanks", "Hi"),
    ],
)
def test_a_thought_is_no_part_of_the_reply(written: str, reply: str) -> None:
    cleaned = clean_reply(written)
    assert cleaned.text == reply
    assert cleaned.had_thoughts


@pytest.mark.parametrize(
    "written",
    [
        "<think>They are angry.",
        "<think>They are angry.</think>\n\n",
        "They are angry.</think>",
        "<think",
        "<|channel|>analysis<|message|>They are angry.",
        "analysisThey are angry.",
        "\ufeff\u200b \n",
        "",
        "<<think></think>think>Deny.",
        "<think>" * 2_000 + "Deny." + "</think>" * 2_000 + "Hi",
    ],
)
def test_where_nothing_is_left_the_reply_is_empty(written: str) -> None:
    """Also where cutting would join what is left to another tag."""
    assert clean_reply(written).text == ""


@pytest.mark.parametrize(
    "written",
    [
        'To show thinking, write "<think>" in the template.',
        "To show thinking, write “<think>” in the template, and “</think>” behind it.",
        'The model writes "<think>like this</think>" first.',
        "Use `<think>` and `</think>`.",
        "Use ``<think>`` in the template.",
        "Put this into the template:\n```\n<think>\nlike this\n</think>\n```\nand save it.",
        'The format has "<|channel|>" and `<|message|>`.',
        "Analysis shows that 3 < 5 and 7 > 6.",
        "analysis of your log: all is well",
        "We have <thinkpad> laptops [thinking of you] and [Reasoning](https://example.com).",
        "Dear <name>,\n\n\tthe <b>bold</b> one.",
        "Press ` or ``, then ```.",
    ],
)
def test_a_text_that_speaks_of_thoughts_stays_as_it_is(written: str) -> None:
    cleaned = clean_reply(written)
    assert cleaned.text == written
    assert not cleaned.had_thoughts


@pytest.mark.parametrize(
    ("written", "reply"),
    [
        ("Hi\U000e0041\U000e0042\U000e007f", "Hi"),
        ("\u202eHi\u2066 there\u2069\u200f", "Hi there"),
        ("H\u200bi\u2060\ufeff\u00ad\u3164", "Hi"),
        ("\x1b[31mHi\x1b[0m \x1b]8;;http://evil.test\x1b\\link\x1b]8;;\x07", "Hi link"),
        ("\x9b1mHi\x1b\x00\x07\x08\x7f", "Hi"),
        ("Hi\ud800 \udc00there \ud83d\ude00", "Hi there \U0001f600"),
        ("one\r\ntwo\rthree\u2028four\tfive", "one\ntwo\nthree\nfour\tfive"),
        ("a\u200cb\u200dc\ufe0f", "abc"),
        ("\U0001f600\ufe0f\ufe0e\ufe01\ufe02\ufe03 smuggled", "\U0001f600\ufe0f smuggled"),
        ("\u0646\u200c\u200d\u200c\u200c smuggled", "\u0646\u200c smuggled"),
    ],
)
def test_what_cannot_be_seen_goes(written: str, reply: str) -> None:
    assert clean_reply(written).text == reply


@pytest.mark.parametrize(
    "written",
    [
        "\U0001f469\u200d\U0001f4bb and \U0001f469\U0001f3fd\u200d\U0001f52c and \u2764\ufe0f\u200d\U0001f525",
        "\U0001f3f3\ufe0f\u200d\U0001f308 1\ufe0f\u20e3 #\ufe0f\u20e3 \u00a9\ufe0f",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian: I want
        "\u0d28\u0d4d\u200d \u0995\u09cd\u200d\u09b7 \u0915\u094d\u200c\u0937 \u0d9a\u0dca\u200d\u0dbb",  # Indic
        "\u845b\U000e0100 \u1820\u180b",  # a variant of a Chinese character, and of a Mongolian letter
        "您好，很抱歉。\u3000請問訂單編號？",
        "Line\n\tand tab\n\n- item\n    indented",
    ],
)
def test_joiners_that_a_script_or_an_emoji_needs_stay(written: str) -> None:
    assert clean_reply(written).text == written


def test_what_is_too_long_is_cut() -> None:
    """A reply, at what one message in Slack may have. Of a text with tags beyond what is looked at, nothing is left."""
    assert len(clean_reply("Dear customer, " * 100_000).text) <= MAX_REPLY
    assert clean_reply(f"<think>{'Deny. ' * MAX_WRITTEN}</think>Hi").text == ""
    assert clean_reply(f"{'Deny. ' * MAX_WRITTEN}</think>Hi").text == ""


PIECES = [
    *(
        "<think>",
        "</think>",
        "<thinking x='y'>",
        "</Thinking>",
        "[THINK]",
        "[/THINK]",
        "<",
        "/",
        "think",
        ">",
        "<think",
    ),
    *("<|channel|>", "<|message|>", "<|end|>", "<|start|>", "assistant", "analysis", "final", "assistantfinal"),
    *("`", "```", '"', "\n", " ", "a", "Hi", "(", "\u3000", "<|begin_of_", "thought|>", "\u200b", "\u200d", "\u200c"),
    *("\ufe0f", "\U0001f469", "\u0645", "1", "\x1b", "[", "\r", "\ud83d", "\ude00", "\U000e0041", "\u202e"),
]
WRITTEN = st.one_of(st.lists(st.sampled_from(PIECES), max_size=14).map("".join), st.text())
BAD = re.compile("[\u200b\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f\x00-\x08\x0b-\x1f\x7f-\x9f]")


@given(WRITTEN)
def test_a_cleaned_reply_is_clean(written: str) -> None:
    """Cleaned again, it stays as it is; it can be written to any file; it begins and ends with what can be seen."""
    text = clean_reply(written).text
    assert clean_reply(text).text == text == text.strip()
    assert not BAD.search(text)
    assert not any(unicodedata.category(char) == "Cs" for char in text)


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"], exclude_characters="`<[◁\u115f\u1160\u3164\uffa0")))
def test_a_text_without_tags_is_only_trimmed(text: str) -> None:
    if not text.strip().startswith("analysis"):
        assert clean_reply(text).text == text.strip()


@given(
    before=st.text("ab \n", max_size=8),
    thought=st.text("xyz <>[]/`\"'\n", max_size=30),
    after=st.text("cd \n", max_size=8),
)
@pytest.mark.parametrize(
    "tags", [("<think>", "</think>"), ("[THINK]", "[/THINK]"), ("<|begin_of_thought|>", "<|end_of_thought|>")]
)
def test_whatever_a_thought_holds_none_of_it_is_left(
    tags: tuple[str, str], before: str, thought: str, after: str
) -> None:
    kept = clean_reply(f"{before}{tags[0]}w{thought}w{tags[1]}{after}").text
    assert set(kept) <= set("abcd \n")
    assert kept.split() == [*before.split(), *after.split()]


@given(WRITTEN)
def test_what_is_given_out_of_a_growing_text_is_its_beginning(written: str) -> None:
    """Of texts without tags, however they are cut into pieces; and before it is known to be safe, nothing is."""
    growing, careful = StreamCleaner(), StreamCleaner()
    given_out = "".join(growing.feed(char, is_safe=True) for char in written)
    assert not any(careful.feed(char, is_safe=False) for char in written)
    assert not BAD.search(given_out)
    if not re.search(r"[<\[◁]|analysis", written):
        assert clean_reply(written).text.startswith(given_out.rstrip())


@pytest.mark.parametrize(
    "unit",
    [
        *("<", "< ", "<think", "<think>", "</think>", "[ ", "[think]", "` `` ", "`a\n", '"<think>"', "analysis"),
        *("<|message|>", "<|start|>a", "```<think></think>```a"),
        *("\x1b[0", "\x1b]", "\u200d", "\u0645\u200c", "\U0001f469\u200d", "\ud83d"),
    ],
)
def test_a_text_made_to_take_long_is_done_at_once(unit: str) -> None:
    """Nothing looks at each character once for each other one: that would take hours."""
    assert len(clean_reply(unit * (1_000_000 // len(unit))).text) <= MAX_REPLY
