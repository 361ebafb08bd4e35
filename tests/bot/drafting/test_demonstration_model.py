"""The demonstration model: without a key, something worth looking at, and nothing that is not true."""

import re
import tomllib
from importlib import resources
from itertools import combinations
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from bot.drafting import DemonstrationModel, Drafter, RequestedChange, SingleModelSource
from bot.drafting.demonstration_model import write_reply
from bot.drafting.prompts import PromptParts
from bot.knowledge.passages import SourcePassage, take_out_citations
from bot.ordering.near_duplicates import compute_token_f1
from bot.playbook import Style
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
        ("我想退款，謝謝", "zh", "refund"),
        ("我的包裹還沒到", "zh", "late"),
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
    """As far as rules can: shorter, warmer, in another language; formal it cannot, and never the same text again."""

    async def draft_changed(steer: Any, language: str | None = None) -> str:
        change = RequestedChange(base=whole, steer=steer, language=language)
        return await draft_reply(MESSAGE, style, sample_index=3, change=change)

    whole = await draft_reply(MESSAGE, style, sample_index=3)
    assert len(await draft_changed("shorter")) < len(whole)
    assert (await draft_changed("warmer")).startswith(tuple(list_texts("en", "greet")))
    assert await draft_changed("other_language", "German") != await draft_changed("other_language", "French") != whole
    assert await draft_changed("more_like_this") != whole
    assert len(await draft_changed("more_formal")) > len(whole) / 2


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

    assert set(PHRASES) == {"en", "de", "fr", "es", "zh", "ja"}
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
