"""The demonstration model: without a key, something worth looking at, and nothing that is not true."""

import re
import tomllib
from importlib import resources
from itertools import combinations, product
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from bot.drafting import DemonstrationModel, Drafter, RequestedChange, SingleModelSource, demonstration_model
from bot.drafting.demonstration_model import write_reply
from bot.drafting.prompts import PromptParts
from bot.knowledge.passages import SourcePassage, take_out_citations
from bot.ordering.near_duplicates import compute_token_f1
from bot.playbook import Style
from playground import Message, Workspace
from playground.slack.people.customers import CUSTOMERS, add_customers
from storage.records import Turn
from tests.bot.drafting.briefs import MESSAGE, PLAYBOOK, build_brief

PHRASES = tomllib.loads(resources.files("bot.drafting").joinpath("demonstration.toml").read_text(encoding="utf-8"))
SITUATIONS = ("broken", "login", "invoice", "refund", "late", "angry", "thanks", "other")


def build_drafter() -> Drafter:
    return Drafter(SingleModelSource(DemonstrationModel()))


async def draft_reply(message: str, style: str = "direct", **more: Any) -> str:
    wanted = build_brief(message=message, style=more.pop("written", None) or PLAYBOOK.get_style(style), **more)
    return (await build_drafter().ainvoke(wanted)).text


def list_texts(language: str, key: str) -> list[str]:
    value = PHRASES[language][key]
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize(
    "message",
    [
        MESSAGE,
        "Wo ist meine Bestellung? Ich warte seit zwei Wochen.",
        "我的包裹到的時候壞了，週五前需要用到",
        "ログインできません。",
        "Merci beaucoup, tout est parfait !",
        "Hello",
    ],
)
async def test_the_five_styles_differ_in_more_than_words(message: str) -> None:
    """No two would be taken for near-duplicates (token F1 above 0.8), whichever sample they are."""
    for shift in range(6):
        texts = [
            (await build_drafter().ainvoke(build_brief(index + shift, message=message, style=style))).text
            for index, style in enumerate(PLAYBOOK.styles)
        ]
        assert max(compute_token_f1(one, other) for one, other in combinations(texts, 2)) < 0.8


async def test_each_style_keeps_its_form() -> None:
    direct, warm, steps, clarify, options = [await draft_reply(MESSAGE, style.name) for style in PLAYBOOK.styles]
    assert "\n" not in direct
    assert warm.startswith("Hello")
    assert warm.endswith("Kind regards")
    assert re.findall(r"^\d\.", steps, re.MULTILINE) == ["1.", "2.", "3."]
    assert len(re.findall(r"^- .*\?", clarify, re.MULTILINE)) == 2
    assert re.findall(r"^[AB]\)", options, re.MULTILINE) == ["A)", "B)"]
    assert options.endswith("A or B?")


@pytest.mark.parametrize(
    ("message", "language", "situation"),
    [
        ("My parcel arrived broken", "en", "broken"),
        ("I can't log in to my account", "en", "login"),
        ("Why was I charged twice on my invoice?", "en", "invoice"),
        ("I want my money back", "en", "refund"),
        ("Where is my order? It has not arrived.", "en", "late"),
        ("This is the worst service ever", "en", "angry"),
        ("Thank you so much!", "en", "thanks"),
        ("Do you sell umbrellas?", "en", "other"),
        ("We translated the plates", "en", "other"),
        ("Mein Paket ist kaputt angekommen", "de", "broken"),
        ("Ich komme mit meinem Passwort nicht hinein", "de", "login"),
        ("Bonjour, ma commande n'est pas arrivée, où est mon colis ?", "fr", "late"),
        ("Hola, quiero un reembolso por favor", "es", "refund"),
        ("我想退款，謝謝", "zh-Hant", "refund"),
        ("我的包裹還沒到", "zh-Hant", "late"),
        ("我想退款，谢谢", "zh-Hans", "refund"),
        ("我的包裹还没到", "zh-Hans", "late"),
        ("発送状況確認", "ja", "other"),
        ("商品が壊れていました", "ja", "broken"),
        ("ありがとうございました", "ja", "thanks"),
        ("????", "en", "other"),
    ],
)
async def test_language_and_situation_are_found(message: str, language: str, situation: str) -> None:
    assert (await draft_reply(message)).startswith(PHRASES[language][situation]["direct"])


async def test_a_date_is_taken_notice_of() -> None:
    assert PHRASES["en"]["urgent"] in await draft_reply(MESSAGE)
    assert PHRASES["en"]["urgent"] not in await draft_reply("My parcel arrived broken")


PAGES = tuple(
    SourcePassage(id=text, title="A page", date="2026-11-01", text=text)
    for text in (
        "Cleaning\nWipe the lamp with a soft cloth. It is best to unplug it.",
        "On arrival\nIf it is damaged, tell us within 7 days. It costs 4.90 euros. Send the photo to us. Wait.",
        "密碼\n請點選「忘記密碼？」，我們會寄連結給您。連結 60 分鐘內有效。",
        "Rückgabe\nDie Rückgabe ist kostenlos und geht mit dem Etikett.",
    )
)


@pytest.mark.parametrize(
    ("message", "quotes"),
    [
        (MESSAGE, ["If it is damaged, tell us within 7 days. [2]", "It costs 4.90 euros. [2]"]),
        ("我忘了密碼", ["請點選「忘記密碼？」，我們會寄連結給您。[3]", "連結 60 分鐘內有效。[3]"]),
        ("Ich habe eine Frage zur Rückgabe", ["Die Rückgabe ist kostenlos und geht mit dem Etikett. [4]"]),
        ("Do you sell umbrellas?", ["Wipe the lamp with a soft cloth. [1]", "It is best to unplug it. [1]"]),
        ("Thank you so much!", []),
        ("Where is my order?", []),
        ("Hola, quiero un reembolso por favor", []),
    ],
)
async def test_it_quotes_the_page_that_fits_word_for_word(message: str, quotes: list[str]) -> None:
    shown: list[str] = []
    for style in PLAYBOOK.styles:
        for index in range(6):
            text = await draft_reply(message, style.name, sample_index=index, passages=PAGES)
            expected = quotes[index % len(quotes)] if quotes and index < 2 and style.name != "clarify" else ""
            assert expected in text
            assert bool(re.search(r"\[\d\]", text)) == bool(quotes and style.name != "clarify")
        for _ in range(3):
            again = await draft_reply(message, style.name, passages=PAGES, previous=tuple(shown))
            shown.append(take_out_citations(again, PAGES)[0])
    assert len(set(shown)) == len(shown)


@pytest.mark.parametrize("style", [style.name for style in PLAYBOOK.styles])
@pytest.mark.parametrize("hint", ["Shorter, please", "kürzer", "簡短一點"])
async def test_a_shorter_one_is_shorter(style: str, hint: str) -> None:
    index = 3
    assert len(await draft_reply(MESSAGE, style, hint=hint, sample_index=index)) < len(
        await draft_reply(MESSAGE, style, sample_index=index)
    )


async def test_another_language_can_be_asked_for() -> None:
    text = await draft_reply("My parcel arrived broken", hint="in German, please")
    assert text.startswith(PHRASES["de"]["broken"]["direct"])


@pytest.mark.parametrize("style", [style.name for style in PLAYBOOK.styles])
async def test_what_is_wanted_of_a_reply_is_heeded(style: str) -> None:
    """As far as rules can: shorter, warmer, more formal, in another language; and never the same text again."""

    async def draft_changed(steer: Any, language: str | None = None) -> str:
        change = RequestedChange(base=whole, steer=steer, language=language)
        return await draft_reply(MESSAGE, style, sample_index=3, change=change)

    whole = await draft_reply(MESSAGE, style, sample_index=3)
    assert len(await draft_changed("shorter")) < len(whole)
    assert (await draft_changed("warmer")).startswith(tuple(list_texts("en", "greet")))
    assert await draft_changed("other_language", "German") != await draft_changed("other_language", "French") != whole
    assert await draft_changed("more_like_this") != whole
    formal = await draft_changed("more_formal")
    assert formal.startswith(list_texts("en", "formal_greet")[0])
    assert formal.endswith(list_texts("en", "formal_sign")[0])
    assert not any(text in formal for text in (*list_texts("en", "greet"), *list_texts("en", "sign")))


async def test_it_is_deterministic_and_another_sample_is_worded_otherwise() -> None:
    for style in PLAYBOOK.styles:
        texts = [await draft_reply(MESSAGE, style.name, sample_index=index) for index in range(6)]
        assert len(set(texts)) == 6
        assert texts == [await draft_reply(MESSAGE, style.name, sample_index=index) for index in range(6)]
        assert compute_token_f1(texts[0], texts[1]) < 0.8


async def test_a_redraft_gives_other_texts_as_long_as_there_are_any() -> None:
    for style in PLAYBOOK.styles:
        shown: list[str] = []
        for _ in range(6):
            shown.append(await draft_reply(MESSAGE, style.name, previous=tuple(shown)))
        assert len(set(shown)) == 6
        assert await draft_reply(MESSAGE, style.name, previous=tuple(shown)) in shown


@pytest.mark.parametrize(
    ("name", "instruction", "like"),
    [
        ("numbered", "Write numbered steps.", r"^1\."),
        ("choices", "Offer a choice of two.", r"^A\)"),
        ("curious", "Ask the customer two questions.", r"^- "),
        ("friendly", "Be kind.", r"Kind regards"),
        ("terse", "Very short.", r"\?"),
        ("pirate", "Arr.", r"."),
    ],
)
async def test_a_teams_own_style_gets_the_nearest_form(name: str, instruction: str, like: str) -> None:
    written = Style(name=name, label=name, instruction=instruction)
    text = await draft_reply(MESSAGE, written=written)
    assert re.search(like, text, re.MULTILINE)


def test_it_promises_nothing_and_claims_nothing() -> None:
    """No phrase says that something has been done, or will be given."""
    claims = re.compile(
        r"\b((i|we) have (asked|checked|sent|refunded)|guarantee|within \d|we will (refund|send|replace))\b",
        re.IGNORECASE,
    )
    for situation in SITUATIONS:
        for key, phrase in PHRASES["en"][situation].items():
            assert key == "words" or not claims.search(phrase), phrase


def test_every_language_has_every_phrase() -> None:
    def describe_shape(table: dict[str, Any]) -> dict[str, Any]:
        return {
            key: describe_shape(value) if isinstance(value, dict) else len(value) if "steps" in key else type(value)
            for key, value in table.items()
        }

    assert set(PHRASES) == {"en", "de", "fr", "es", "zh-Hant", "zh-Hans", "ja"}
    for language in PHRASES.values():
        assert describe_shape(language) == describe_shape(PHRASES["en"])
        assert tuple(key for key, value in language.items() if isinstance(value, dict)) == SITUATIONS


def test_a_conversation_without_a_customer_gets_a_reply_too() -> None:
    turns = (Turn(role="agent", text="Hello?"),)
    parts = PromptParts(style_name="direct", instruction="", conversation=turns, hint=None, previous=())
    assert write_reply(parts, sample_index=0)


async def test_it_streams_the_text_that_it_would_give() -> None:
    """Word by word, with the waits asked for, and the same text, tokens and model."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    made = Drafter(SingleModelSource(DemonstrationModel(latency_s=1.0, word_s=0.02, sleep=sleep)))
    *pieces, last = [chunk async for chunk in made.astream(build_brief(1))]
    whole = await made.ainvoke(build_brief(1))
    assert last.draft is not None
    assert last.draft.text == whole.text == "".join(piece.text for piece in pieces)
    assert (last.draft.prompt_tokens, last.draft.completion_tokens) == (whole.prompt_tokens, whole.completion_tokens)
    assert (whole.model_returned, whole.finish_reason, whole.temperature) == ("demonstration", "stop", None)
    assert waits[0] == waits[-1] == 1.75
    assert waits.count(0.02) == len(pieces) > 20


async def test_scripts_without_spaces_stream_in_pieces_too() -> None:
    chunks = [chunk async for chunk in build_drafter().astream(build_brief(message="我的包裹還沒到"))]
    assert len(chunks) > 10


def test_it_answers_any_message_of_langchains() -> None:
    model = DemonstrationModel()
    assert model.invoke("Where is my order?").content
    assert model.invoke([HumanMessage("Where is my order?")]).response_metadata["model_name"] == "demonstration"
    assert model._llm_type == "demonstration"


# --- replies written by hand ---------------------------------------------------------------------------

WRITTEN = tomllib.loads(
    resources.files("bot.drafting").joinpath("demonstration_replies.toml").read_text(encoding="utf-8")
)["replies"]
FORMS = [style.name for style in PLAYBOOK.styles]
HELP_CENTER = resources.files("playground") / "help_center"
FOLDERS = {"zh-Hans": "zh-CN", "zh-Hant": "zh-TW"}
by_message = pytest.mark.parametrize("written", WRITTEN, ids=lambda written: f"{written['language']} {written['page']}")


def find_page(written: dict[str, Any]) -> tuple[SourcePassage, ...]:
    """The page of the help centre, in the reply's language, that a reply rests on."""
    if not written["page"]:
        return ()
    folder = HELP_CENTER / FOLDERS.get(written["language"], written["language"])
    [text] = [page for file in folder.iterdir() if written["page"] in (page := file.read_text(encoding="utf-8"))]
    return (SourcePassage(id="page", title="A page", date="2026-11-01", text=text),)


async def draft_written(written: dict[str, Any], style: str, **more: Any) -> str:
    return await draft_reply(written["message"], style, passages=find_page(written), **more)


async def test_each_message_of_the_demos_customers_has_its_replies() -> None:
    said = {message.text: message.user_id for message in await list_customers_messages()}
    known = {demonstration_model._keep_letters(written["message"]) for written in WRITTEN}
    assert {demonstration_model._keep_letters(text) for text in said} == known
    assert len(set(said.values())) == len(CUSTOMERS) + 1


async def list_customers_messages() -> list[Message]:
    async with Workspace.start() as slack:
        add_customers(slack)
        authors = {customer.id for customer in CUSTOMERS} | {slack.people.stranger.id}
        return [message for message in slack.messages(slack.channels.support) if message.user_id in authors]


@by_message
async def test_replies_by_hand_are_in_the_customers_language_and_script(written: dict[str, Any]) -> None:
    assert set(written["full"]) == set(written["short"]) == set(FORMS)
    for text in (*written["full"].values(), "\n".join(written["short"].values())):
        assert demonstration_model._detect_language(text.casefold()) == written["language"], text


@by_message
async def test_they_cite_the_page_that_they_rest_on(written: dict[str, Any]) -> None:
    for style in FORMS:
        text = await draft_written(written, style)
        assert text.replace(" [1]", "").replace("[1]", "") == written["full"][style].strip().replace("[page]", "")
        assert ("[1]" in text) == bool(written["page"])
        assert "{" not in text


@by_message
async def test_without_that_page_rules_write(written: dict[str, Any]) -> None:
    text = await draft_reply(written["message"], "direct")
    assert (text in written["full"].values()) == (not written["page"])


@by_message
async def test_no_two_of_them_are_nearly_the_same(written: dict[str, Any]) -> None:
    wanted = [{"change": change(written, steer)} for steer in ("shorter", "warmer", "more_formal")]
    for changes in ({}, {"hint": "shorter"}, *wanted):
        texts = [await draft_written(written, style, sample_index=n, **changes) for n, style in enumerate(FORMS)]
        assert max(compute_token_f1(one, other) for one, other in combinations(texts, 2)) < 0.8, changes


def change(written: dict[str, Any], steer: Any, form: str = "direct", language: str | None = None) -> RequestedChange:
    return RequestedChange(base=written["full"][form].strip().replace("[page]", ""), steer=steer, language=language)


@by_message
async def test_what_is_wanted_of_them_is_heeded(written: dict[str, Any]) -> None:
    phrases = PHRASES[written["language"]]
    for form, style in product(FORMS, FORMS):
        base = change(written, "shorter", form).base or ""
        assert len(await draft_written(written, style, change=change(written, "shorter", form))) < len(base)
        again = await draft_written(written, style, change=change(written, "more_like_this", form))
        assert again != base
    for style in FORMS:
        formal = await draft_written(written, style, change=change(written, "more_formal"))
        assert formal.startswith(phrases["formal_greet"])
        assert formal.endswith(phrases["formal_sign"])
        greeting, *_, sign = written["full"]["warm"].strip().split("\n\n")
        assert greeting not in formal
        assert sign not in formal
        warm = await draft_written(written, style, change=change(written, "warmer"))
        assert warm.startswith(greeting)
        assert warm.endswith(sign)
        other = await draft_written(written, style, change=change(written, "other_language", language="English"))
        assert demonstration_model._detect_language(other.casefold()) == "en"


@by_message
async def test_a_redraft_by_rules_follows_one_by_hand(written: dict[str, Any]) -> None:
    shown = [await draft_written(written, style) for style in FORMS]
    plain = tuple(take_out_citations(text, find_page(written))[0] for text in shown)
    for style in FORMS:
        text = await draft_written(written, style, previous=plain)
        assert take_out_citations(text, find_page(written))[0] not in plain


@pytest.mark.parametrize("language", PHRASES)
def test_no_reply_says_which_of_two_ways_fits_without_knowing(language: str) -> None:
    claims = ("closer", "asks less", "passt A", "semble mieux", "encajar", "比較合適", "比较合适", "合いそう")
    assert not any(claim in text for text in PHRASES[language]["options_pick"] for claim in claims)


@pytest.mark.parametrize("base", ["One sentence. And another one, which is longer.", "Only one sentence that stands."])
async def test_one_that_is_wanted_shorter_is_cut_where_rules_have_none(base: str) -> None:
    for style in FORMS:
        text = await draft_reply("Do you sell umbrellas?", style, change=RequestedChange(base=base, steer="shorter"))
        assert len(text) < len(await draft_reply("Do you sell umbrellas?", style))
