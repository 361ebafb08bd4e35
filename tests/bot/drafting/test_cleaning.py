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
        ("Sure! <analysis> Deny.", "Sure!"),
        ("Sure\n<reflection>\nDeny.", "Sure"),
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
        ("Deny.<|end|><|start|>assistant<|channel|>final<|message|>Hi", "Hi"),
        ("Deny.<|start|>assistant<|channel|>final<|message|>Hi", "Hi"),
        ("Deny.\n\nNow.<|channel|>final<|message|>Hi", "Hi"),
        ("assistantanalysisDeny. assistantfinalHi", "Hi"),
        ("Deny. assistantfinalHi", "Hi"),
        ("commentaryDeny.assistantfinalHi", "Hi"),
        ("analysis Deny. assistant final Hi", "Hi"),
        ("assistant\nanalysis\nDeny.\nassistant\nfinal\nHi", "Hi"),
        ("analysis: Deny.\n\nassistantfinal: Hi", "Hi"),
        ("Sure! assistantanalysisDeny.assistantfinalHi", "Sure! Hi"),
        ("<|im_start|>assistant\nHi<|im_end|>\n<|im_start|>user\nThanks", "Hi"),
        ("<|start_header_id|>assistant<|end_header_id|>\n\nHi<|eot_id|>", "Hi"),
        ("<think>Deny.</think>Hi<|im_end|>", "Hi"),
        ("Hi</s>", "Hi"),
        ("<s>Hi</s>\n", "Hi"),
        ("Hi<\uff5cend\u2581of\u2581sentence\uff5c>", "Hi"),
        ("Hi<end_of_turn>\n<start_of_turn>user\nThanks", "Hi"),
        ("<answer>Hi</answer>", "Hi"),
        ("<think>Deny.</think>\n<answer>\nHi\n</answer>", "Hi"),
        ("<|begin_of_box|>Hi<|end_of_box|>", "Hi"),
        ("&lt;think&gt;Deny.&lt;/think&gt;Hi", "Hi"),
        ("Deny.&lt;/think&gt;\n\nHi", "Hi"),
        ("\\<think\\>Deny.\\</think\\>Hi", "Hi"),
        ("\uff1cthink\uff1eDeny.\uff1c/think\uff1eHi", "Hi"),
        ("\uff1c\uff54\uff48\uff49\uff4e\uff4b\uff1eDeny.\uff1c\uff0f\uff54\uff48\uff49\uff4e\uff4b\uff1eHi", "Hi"),
        ("\u3010think\u3011Deny.\u3010/think\u3011Hi", "Hi"),
        ("<\u601d\u8003>Deny.</\u601d\u8003>Hi", "Hi"),
        *(
            (f"<{name}>Deny.</{name}>Hi", "Hi")
            for name in ("thinks", "think1", "analysis", "reflection", "inner_thoughts")
        ),
        *(
            (f"<{name}>Deny.</{name}>Hi", "Hi")
            for name in (
                "chain_of_thought",
                "chain of thoughts",
                "thought_process",
                "cot",
                "internal_monologue",
                "plan",
            )
        ),
        ("<Think:>Deny.</Think:>Hi", "Hi"),
        ('<think note="<b>">Deny.</think>Hi', "Hi"),
        ("<think it's>Deny. It's bad.</think>Hi", "Hi"),
        ("<unused94>thought\nDeny.<unused95>Hi", "Hi"),
        ("<|channel>thought\nDeny.<channel|>Hi", "Hi"),
        ("Deny.</analysis>Hi", "Hi"),
        ("**<think>**Deny.**</think>**Hi", "Hi"),
        ("<think>Deny.<\\/think>Hi", "Hi"),
        ("commentary to=agent<|message|>Deny.<|end|><|channel|>final<|message|>Hi", "Hi"),
        ("[reasoning]Deny.[/reasoning]Hi", "Hi"),
        ("```think\nDeny.\n```\nHi", "Hi"),
        ("Sure!\n```thinking\nDeny.\n```\nHi", "Sure!\n\nHi"),
        ("```\n<think>Deny.</think>\n```\nHi", "Hi"),
        ("`<think>Deny.</think>`Hi", "Hi"),
        ("`<think>Deny.</think>` Hi", "Hi"),
        ("`<think>`Deny.`</think>`Hi", "Hi"),
        ('They wrote "Really?"</think>"Hello" is how we begin.', '"Hello" is how we begin.'),
        ('They wrote "Really?</think>"Hello" is how we begin.', '"Hello" is how we begin.'),
        ("Say `sorry`</think>`Hi` is too short.", "`Hi` is too short."),
        ("A plan:\n```\nDeny.\n</think>\nSorry.\n```\nx\n```", "Sorry.\n```\nx\n```"),
        ("<think>They ask about <think> tags. Deny.</think>Hi", "Hi"),
        ("<think>\nAs <think>, and (<think>) too.\n\n</think>\n\nHi", "Hi"),
        ("<think>\n<think>\nDeny.\n</think>\nHi", "Hi"),
        ("<think>\n- the <think>-tag is meant\n</think>\nHi", "Hi"),
        ("<think>他們問<think>標籤。</think>您好", "您好"),
        ("* <think>\n* Deny.\n* </think>\nHi", "Hi"),
        ("(<think>Deny.</think>) Hi", "Hi"),
        ("`<think>`\n`Deny.`\n`</think>`\nHi", "Hi"),
        ("> <think>\n> Deny.\n> </think>\nHi", "Hi"),
        ("```\n<think>\nDeny.\n```\nHi", "Hi"),
        ("[[think]]Deny.[[/think]]Hi", "Hi"),
        ("Sure!\n[Thinking] They are angry. Deny.", "Sure!"),
        ("<|inner_prefix|>Deny.<|inner_suffix|>Hi", "Hi"),
        ("Thinking...\nDeny.\n...done thinking.\n\nHi", "Hi"),
        ('<details type="reasoning">\n<summary>Thought for 5 seconds</summary>\n> Deny.\n</details>\nHi', "Hi"),
        *(
            (f"{thought} Deny.{close}Hi", "Hi")
            for thought, close in (
                ("They ask what <think> does.", "</think>"),
                ("What does <THINK> mean?\nThey ask.\n", "\n</Think>\n"),
                ("Do they mean: <think>?", "</think>"),
                ("Template: <think> is the token.", "</think>"),
                ("Okay. They are angry. <think> tags are asked about.", "</think>"),
                ("It has <think> and <thinking>.", "</think>"),
                ("They ask what <reasoning> does.", "</think>"),
                ("They ask about [THINK] tags.", "[/THINK]"),
                ("They want the (<think>) tag explained.", "</think>"),
                ("They ask about a <think>-tag, and if <think>s stay.", "</think>"),
                ("The tags:\n- <think>\n- <thinking>\n", "</think>"),
                ("They ask about <think>...</think> blocks, and <think>.", "</think>"),
                ("\u4ed6\u5011\u554f<think>\u662f\u4ec0\u9ebc\u3002", "</think>"),
                ("What is &lt;think&gt; for?", "&lt;/think&gt;"),
                ("The thought tag is <think>\n", "\n</think>\n"),
                ("They ask what <|begin_of_thought|> does.", "<|end_of_thought|>"),
                ("They ask what <plan> does.", "</plan>"),
                ("The user asks about <|channel|> tokens.", "<|end|><|start|>assistant<|channel|>final<|message|>"),
                ("Of <|message|> and <|end|>.", "<|end|><|start|>assistant<|channel|>final<|message|>"),
                ("<think_never_used_51bce0c785ca2f68081bfa7d91973934>", "</think>"),
                ("<|thinking_start|>", "<|thinking_end|>"),
                ("<think:start>", "<think:end>"),
                ("[BEGIN_THINK]", "[END_THINK]"),
                ("[begin of thought]", "[End of thought]"),
                ("<\u601d\u8003\u8fc7\u7a0b>", "</\u601d\u8003\u8fc7\u7a0b>"),
                ("<thinkingProcess>", "</thinkingProcess>"),
                ("<internal>", "</internal>"),
                ("<details><summary><b>Thinking</b></summary>", "</details>"),
                ("**Thinking:**", "\n\n**Reply:** "),
                ("Thought process:\n", "\n\nFinal answer:\n"),
            )
        ),
        ("Sure! <think> okay, Deny.</think> Hi", "Sure! Hi"),
        ("Hi<|end|>", "Hi"),
        ("Hi<|end|><|start|>user<|message|>Thanks", "Hi"),
    ],
)
def test_a_thought_is_no_part_of_the_reply(written: str, reply: str) -> None:
    assert clean_reply(written) == reply


@pytest.mark.parametrize(
    "written",
    [
        "<think>They are angry.",
        "<think>They are angry.</think>\n\n",
        "They are angry.</think>",
        "<think",
        "<|channel|>analysis<|message|>They are angry.",
        "analysisThey are angry.",
        "commentaryThey are angry.",
        "assistantanalysisThey are angry.",
        "`<think>`\nThey are angry.\n`</think>`\nThey are",
        "<analysis>They are angry.",
        "<reflection>They are angry",
        "<analysis> They are angry",
        "```thinking\nThey are angry.",
        "[Thinking] They are angry.\n\nDeny.",
        "[thinking]\nThey are angry.",
        "[Thinking...] They are angry.",
        "```\n<think>\nThey are angry.\n```",
        "<unused94>thought\nThey are angry.",
        "<|channel>thought\nThey are angry.",
        "&lt;think&gt;They are angry.",
        "\ufeff\u200b \n",
        "",
        "<<think></think>think>Deny.",
        "<think>" * 2_000 + "Deny." + "</think>" * 2_000 + "Hi",
    ],
)
def test_where_nothing_is_left_the_reply_is_empty(written: str) -> None:
    """Also where cutting would join what is left to another tag."""
    assert clean_reply(written) == ""


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
        "[Reasoning] Your parcel left on Monday. [Thoughts] It should arrive today.",
        "In \u00ab\u00a0<think>\u00a0\u00bb and \u00ab </think> \u00bb the model thinks.",
        "Zwischen \u00bb<think\u00ab und \u00bb</think>\u00ab, auch \u201e<think>\u201c, denkt das Modell.",
        "\u8acb\u5728\u6a21\u677f\u4e2d\u5beb\u300c<think>\u300d\u548c\u300e</think>\u300f\u3002",
        '\u8acb\u5beb"<think>"\u5728\u6a21\u677f\u4e2d\u3002',
        "```\n<think>\n```\nopens a thought.",
        "```jinja\n{{ bos }}<think>\n```\nis what the template needs.",
        "The customer is [thinking] of leaving.",
        "<details>\n<summary>Sizes</summary>\nS, M and L.\n</details>",
        "'<think>' opens it, and (\u2018</think>\u2019) closes it.",
        "`<think>` is where it begins.",
        "End it so:\n```\n</think>\n```\nand save it.",
        "```\n</think>\n```\nis how a thought ends.",
        '"<think>" is where it begins, and "</think>" where it ends.',
        "Our <think-tank> is <thoughtful>.",
        "The steps are <analysis>, <reflection> and <reason>.",
        "See <analysis> and \u300aReflection\u300b.",
        "Our assistant finally answered; the assistant analysis is below.",
        "Press &lt;Enter&gt; & wait, R&D.",
        "Old price <s>20</s>, new price 10.",
        "Reply with <answer> in the subject.",
        "```python\nthink = 1\n```\nruns.",
        "Reasoning: the lamp is broken. Your answer: please send a photo.",
        "A <critique> of the <hidden> plan, and an [internal] one.",
        "We read <|end|> tokens and stop.",
        'The token "<|im_end|>" ends a turn, and `</s>` a text.',
    ],
)
def test_a_text_that_speaks_of_thoughts_stays_as_it_is(written: str) -> None:
    assert clean_reply(written) == written


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
    assert clean_reply(written) == reply


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
    assert clean_reply(written) == written


def test_what_is_too_long_is_cut() -> None:
    """A reply, at what one message in Slack may have. Of a text with tags beyond what is looked at, nothing is left."""
    assert len(clean_reply("Dear customer, " * 100_000)) <= MAX_REPLY
    assert clean_reply(f"<think>{'Deny. ' * MAX_WRITTEN}</think>Hi") == ""
    assert clean_reply(f"{'Deny. ' * MAX_WRITTEN}</think>Hi") == ""


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
    text = clean_reply(written)
    assert clean_reply(text) == text == text.strip()
    assert not BAD.search(text)
    assert not any(unicodedata.category(char) == "Cs" for char in text)


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"], exclude_characters="`<[◁\u115f\u1160\u3164\uffa0")))
def test_a_text_without_tags_is_only_trimmed(text: str) -> None:
    if not text.strip().startswith("analysis"):
        assert clean_reply(text) == text.strip()


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
    kept = clean_reply(f"{before}{tags[0]}w{thought}w{tags[1]}{after}")
    assert set(kept) <= set("abcd \n")
    assert kept.split() == [*before.split(), *after.split()]


NAMES = [
    "think",
    "thinking",
    "Thought",
    "reasoning",
    "analysis",
    "reflection",
    "seed:think",
    "chain_of_thought",
    "think1",
]
BRACKETS = [("<", ">"), ("&lt;", "&gt;"), ("\uff1c", "\uff1e"), ("\\<", "\\>"), ("<|", "|>"), ("\u25c1", "\u25b7")]
ATTRIBUTES = ["", " a", ' note="<b>"', " a='1' b", "\n", ":"]


@st.composite
def build_tags(draw: st.DrawFn) -> tuple[str, str]:
    """An opening and a closing tag, in any capitals; only plain brackets have attributes."""
    less, greater = draw(st.sampled_from(BRACKETS))
    name, attributes = draw(st.sampled_from(NAMES)), draw(st.sampled_from(ATTRIBUTES)) if less == "<" else ""
    names = ["".join(draw(st.sampled_from([char.lower(), char.upper()])) for char in name) for _ in "12"]
    return f"{less}{names[0]}{attributes}{greater}", f"{less}/{names[1]}{greater}"


THOUGHTS = st.recursive(
    st.text("QZJ .\n", min_size=1, max_size=12),
    lambda inner: st.tuples(build_tags(), st.lists(inner, max_size=3)).map(
        lambda block: f"Q{block[0][0]}{'J'.join(block[1])}{block[0][1]}Z"
    ),
    max_leaves=6,
)


@given(tags=build_tags(), thoughts=THOUGHTS, preface=st.sampled_from(["", "Sure!\n", "Ok. "]), data=st.data())
def test_blocks_of_thoughts_are_cut_however_they_are_written_nested_and_cut_off(
    tags: tuple[str, str], thoughts: str, preface: str, data: st.DataObject
) -> None:
    """Thoughts are in Q, Z and J, which stand nowhere else; the preface and the reply stay."""
    written = f"{preface}{tags[0]}{thoughts}{tags[1]} Hi."
    assert clean_reply(written).split() == [*preface.split(), "Hi."]
    end = data.draw(st.integers(0, len(written) - len(tags[1] + " Hi.")))
    kept = clean_reply(written[:end])
    assert not set(kept) & set("QZJ")
    assert clean_reply(f"{thoughts}{tags[1]} Hi.") == "Hi."


@given(WRITTEN)
def test_what_is_given_out_of_a_growing_text_is_its_beginning(written: str) -> None:
    """Of texts without tags, however they are cut into pieces."""
    growing = StreamCleaner()
    given_out = "".join(growing.feed(char) for char in written)
    assert not BAD.search(given_out)
    if not re.search(r"[<\[◁]|analysis|assistant", written):
        assert clean_reply(written).startswith(given_out.rstrip())


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
    assert len(clean_reply(unit * (1_000_000 // len(unit)))) <= MAX_REPLY
