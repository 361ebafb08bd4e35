"""The sources of candidates before the agent: under each one, before what is internal is used, and in a modal."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.errors import StaleConversation
from bot.i18n.texts import get_texts, load_languages
from bot.knowledge import embeddings
from bot.knowledge.library import Library
from bot.playbook import read_built_in
from cli import wiring
from handlers.blocks.candidates import build_candidates
from handlers.blocks.confirmations import build_stale_warning
from handlers.blocks.limits import BLOCKS_LIMIT, MESSAGE_LIMIT
from handlers.blocks.messages import measure
from playground import Ephemeral, Message, View
from playground.slack.validation.validators import find_block_errors
from storage.engine.database import Database
from storage.records import Candidate
from storage.repositories.knowledge import Knowledge
from tests.conftest import Stage, StageMaker
from tests.handlers.test_languages import LABELS, _entry
from tests.handlers.test_main_path import list_button_values
from tests.handlers.test_surfaces import join_text, open_modal, wait_for_modal
from tests.shown import is_own, read

AT = datetime(2026, 11, 3, tzinfo=UTC)
RETURNS: dict[str, Any] = {
    "id": "returns",
    "title": "Returns <!channel> & more",
    "text": "An order goes back within 30 days.",
    "url": "https://shop.example/r?a=1&b=2",
}
FRAUD: dict[str, Any] = {
    "id": "fraud",
    "title": "Fraud",
    "text": "Never tell why my order was stopped within 30 days.",
    "url": "x:y",
    "internal": True,
}
CITES = ["It goes back within 30 days [2].", "We have stopped it [1][2].", "May I ask for the number of your order?"]
ASKED = "Can my order go back within 30 days? Why was my order stopped?"

Shown = Ephemeral | Message | View


@asynccontextmanager
async def open_library(stage: Stage, *, embedding_model: str | None = None) -> AsyncIterator[Library]:
    database = Database(stage.database_url)
    settings = stage.settings.model_copy(update={"suggest_embedding_model": embedding_model})
    async with wiring.open_embedder(settings, limit_s=120.0) as embedder:
        yield Library(Knowledge(database), now=lambda: AT, embedder=embedder)
    await database.aclose()


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    return tmp_path / "pages.jsonl"


async def change(stage: Stage, pages: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Let the bot know these pages, and no others."""
    await asyncio.to_thread(pages.write_text, "\n".join(map(json.dumps, rows)), encoding="utf-8")
    async with open_library(stage) as library:
        await library.add([pages], internal=False, collection="", actor="cli")


@pytest.fixture
async def knowing(stage_with: StageMaker, pages: Path) -> AsyncIterator[Stage]:
    """A bot that knows two pages, whose model cites the first, both, and none."""
    async with stage_with(suggest_candidates=3, over="nothing") as stage:
        await change(stage, pages, [RETURNS, FRAUD])
        async with stage.bot():
            stage.model.enqueue(*CITES)
            yield stage


def split_candidates(shown: Shown) -> dict[str, list[dict[str, Any]]]:
    """The blocks of each candidate, from the text to the buttons, by the text."""
    found: dict[str, list[dict[str, Any]]] = {}
    pending: list[dict[str, Any]] = []
    for block in shown.blocks:
        pending.append(block)
        if list_button_values((block,), "use_candidate"):
            text = next(each for each in pending if is_own(each))
            found[read(text)] = pending[pending.index(text) :]
            pending = []
    return found


def list_sources(blocks: Sequence[dict[str, Any]]) -> list[str]:
    return [element["text"] for block in blocks if block["type"] == "context" for element in block["elements"]]


def list_buttons(blocks: Sequence[dict[str, Any]], action_id: str) -> list[dict[str, Any]]:
    return [e for block in blocks for e in block.get("elements", ()) if e.get("action_id") == action_id]


async def show_ephemeral(stage: Stage) -> Shown:
    return await stage.suggested(ASKED)


async def show_modal(stage: Stage) -> Shown:
    customer = stage.slack.people.stranger
    return await open_modal(stage, stage.slack.write(customer, stage.slack.channels.support, ASKED))


async def show_directly(stage: Stage) -> Shown:
    direct = stage.slack.channels.dm
    stage.slack.write(stage.agent, direct, ASKED)
    return await stage.slack.wait_for_message(
        direct, lambda message: len(list_button_values(message.blocks, "use_candidate")) == 3
    )


@pytest.mark.parametrize("show", [show_ephemeral, show_modal, show_directly])
async def test_sources_stand_under_each_candidate_and_internal_ones_are_asked_about(knowing: Stage, show: Any) -> None:
    shown = await show(knowing)
    date = f"{datetime.now(UTC):%Y-%m-%d}"
    returns = f"<https://shop.example/r?a=1&amp;b=2|Returns &lt;!channel&gt; &amp; more> · {date}"
    parts = split_candidates(shown)
    assert {text: list_sources(blocks) for text, blocks in parts.items()} == {
        "It goes back within 30 days.": ["Source:", returns],
        "We have stopped it.": ["Sources:", f"Fraud · {date} · internal", returns],
        "May I ask for the number of your order?": ["No source"],
    }
    for text, blocks in parts.items():
        asks = [
            "confirm" in button
            for action in ("use_candidate", "edit_candidate")
            for button in list_buttons(blocks, action)
        ]
        assert asks == 2 * [text == "We have stopped it."]
        assert len(list_buttons(blocks, "show_source")) == (not text.startswith("May"))
    assert not knowing.slack.journal.refusals()


async def test_nothing_of_an_internal_page_is_posted(knowing: Stage) -> None:
    shown = await knowing.suggested(ASKED)
    (use,) = list_buttons(split_candidates(shown)["We have stopped it."], "use_candidate")
    await knowing.slack.click(knowing.agent, shown, "use_candidate", value=use["value"])
    await knowing.private("Sent in")
    posted = [
        m for m in knowing.slack.messages(knowing.slack.channels.support) if m.user_id == knowing.slack.bot_user_id
    ]
    assert [message.text for message in posted] == ["We have stopped it."]
    assert not {"Fraud", "Returns", "shop.example"} & set(json.dumps([m.blocks for m in posted]).split('"'))


async def test_where_nothing_was_searched_nothing_is_said(stage: Stage) -> None:
    shown = await stage.suggested()
    assert {tuple(list_sources(blocks)) for blocks in split_candidates(shown).values()} == {()}
    assert not list_buttons(shown.blocks, "show_source")


async def test_in_taiwan_sources_are_told_in_chinese(knowing: Stage) -> None:
    knowing.slack.change_user(knowing.agent, locale="zh-TW")
    parts = split_candidates(await show_ephemeral(knowing))
    assert list_sources(parts["May I ask for the number of your order?"]) == ["沒有來源"]
    assert list_sources(parts["We have stopped it."])[1].endswith("內部資料")


@pytest.mark.parametrize("show", [show_ephemeral, show_modal])
async def test_a_button_opens_the_passages_as_they_are_now(knowing: Stage, show: Any, pages: Path) -> None:
    shown = await show(knowing)
    (button,) = list_buttons(split_candidates(shown)["We have stopped it."], "show_source")

    async def read(needle: str) -> str:
        await knowing.slack.click(knowing.agent, shown, "show_source", value=button["value"])
        return join_text(await wait_for_modal(knowing, needle))

    told = await read(FRAUD["text"])
    assert "Returns &lt;!channel&gt;" in told
    assert RETURNS["text"] in told
    assert "internal" in told
    await change(knowing, pages, [{**FRAUD, "text": "Another rule."}])
    told = await read("Another rule.")
    assert "This source has changed since" in told
    assert "This source has been removed since" in told
    assert FRAUD["text"] not in told


async def test_only_the_agent_who_asked_sees_the_passages(knowing: Stage) -> None:
    shown = await knowing.suggested(ASKED)
    colleague = knowing.slack.people.colleague
    await knowing.slack.click(colleague, replace(shown, user_id=colleague.id), "show_source")
    await knowing.private("Only the person who asked", user=colleague)
    assert not [entry for entry in knowing.slack.journal.entries if entry.name == "views.open"]


async def wait_until_sent(stage: Stage) -> None:
    """Wait for the record that a reply is posted: it may come before or after the one that candidates are shown."""
    async with asyncio.timeout(120):
        while True:
            if any(event["type"] == "sent" for line in await stage.log() for event in line["events"]):
                return
            await asyncio.sleep(0.05)


async def test_a_reply_that_was_posted_is_a_source_of_the_next_one(stage_with: StageMaker, tmp_path: Path) -> None:
    book = tmp_path / "book.toml"
    rules = "\n[knowledge]\nearlier_replies = true\n"
    await asyncio.to_thread(book.write_text, f"{read_built_in()}{rules}", encoding="utf-8")
    sent = "Lamps go to Norway within nine days."
    async with stage_with(suggest_candidates=3, suggest_playbook=book) as stage:
        stage.model.enqueue(sent, "We will find out for you.", "Which lamp do you mean?")
        shown = await stage.suggested("Can my lamp be sent to Norway?")
        (use,) = list_buttons(split_candidates(shown)[sent], "use_candidate")
        await stage.slack.click(stage.agent, shown, "use_candidate", value=use["value"])
        await wait_until_sent(stage)
        stage.model.enqueue("Nine days, as a rule [1].", "Let me ask a colleague.", "Where to in Norway?")
        parts = split_candidates(await stage.suggested("Is a lamp sent to Norway, too?"))
        date = f"{datetime.now(UTC):%Y-%m-%d}"
        assert list_sources(parts["Nine days, as a rule."]) == [
            "Source:",
            f"Earlier reply · {date} · used once before",
        ]
        (button,) = list_buttons(parts["Nine days, as a rule."], "show_source")
        assert "confirm" not in list_buttons(parts["Nine days, as a rule."], "use_candidate")[0]
        await stage.slack.click(stage.agent, await stage.candidates(), "show_source", value=button["value"])
        assert sent in join_text(await wait_for_modal(stage, sent))
        first, second = await stage.log()
        assert [(one["id"], one["earlier"]) for one in second["request"]["retrieved"]] == [
            (first["request"]["id"], True)
        ]


async def test_an_embedding_model_finds_what_is_said_in_other_words(
    stage_with: StageMaker, pages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings, "QUESTION_LIMIT_S", 120.0)
    async with stage_with(suggest_candidates=3, suggest_embedding_model="small", over="nothing") as stage:
        stage.model.embed = lambda text: [float("reimbursed" in text or "back within" in text), 0.1]
        await change(stage, pages, [RETURNS, {**FRAUD, "text": "Never tell."}])
        async with open_library(stage, embedding_model="small") as library:
            await library.refresh(actor="cli")
        async with stage.bot():
            stage.model.enqueue("It goes back [1].", "We will find out.", "Which order is it?")
            parts = split_candidates(await stage.suggested("Am I reimbursed?"))
            assert list_sources(parts["It goes back."])[0] == "Source:"


# --- as blocks ------------------------------------------------------------------------------------------


def make_source(number: int, **changes: Any) -> dict[str, Any]:
    given = {"id": f"d{number}", "title": f"Page {number}", "date": "2026-11-03", "url": None}
    return {**given, "cited": True, "internal": False, "earlier": False, **changes}


def build(sources: Sequence[Any], *, text: str = "Tomorrow.", locale: str = "en-US") -> list[Any]:
    """The messages of ten candidates with these sources."""
    entry = _entry(text)
    request = replace(entry.request, retrieved=())
    candidates: tuple[Candidate, ...] = tuple(
        replace(each, sources=tuple(sources)) if each.position else each for each in entry.candidates
    )
    return list(build_candidates(replace(entry, request=request, candidates=candidates), get_texts(locale), LABELS))


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (make_source(1), "Page 1 · 2026-11-03"),
        (make_source(1, url="javascript:alert(1)"), "Page 1 · 2026-11-03"),
        (make_source(1, url="https://a.example/|<!here>"), "Page 1 · 2026-11-03"),
        (make_source(1, url="https://a.example/|b"), "<https://a.example/%7Cb|Page 1> · 2026-11-03"),
        (make_source(1, url="https://a.example/" + "b" * 500), "Page 1 · 2026-11-03"),
        (make_source(1, title="<@U1>\n\n x", date=None), "&lt;@U1&gt; x"),
        (make_source(1, earlier=True, used=1), "Page 1 · 2026-11-03 · used once before"),
        (make_source(1, earlier=True, used=4), "Page 1 · 2026-11-03 · used 4 times before"),
    ],
)
def test_a_source_is_told_as_data(source: dict[str, Any], line: str) -> None:
    blocks = next(iter(split_candidates(build([source])[0]).values()))
    assert list_sources(blocks) == ["Source:", line]


def test_of_many_sources_the_rest_is_counted_and_no_internal_one_is_left_out() -> None:
    sources = [*(make_source(number) for number in range(20)), make_source(20, internal=True)]
    blocks = next(iter(split_candidates(build(sources)[0]).values()))
    _, first, *_, more = list_sources(blocks)
    assert (first, more) == ("Page 20 · 2026-11-03 · internal", "and 16 more")


@pytest.mark.parametrize("locale", load_languages())
@pytest.mark.parametrize("text", ["Tomorrow.", "long " * 1_500])
def test_sources_keep_slacks_limits(locale: str, text: str) -> None:
    """The longest titles and addresses, under the longest replies."""
    sources = [make_source(n, title="t&" * 500, url=f"https://a.example/{'&' * 400}", internal=True) for n in range(9)]
    for message in build(sources, text=text, locale=locale):
        assert find_block_errors(list(message.blocks)) == []
        assert len(message.blocks) <= BLOCKS_LIMIT
        assert measure(message.blocks) <= MESSAGE_LIMIT


@pytest.mark.parametrize("internal", [False, True])
def test_the_editor_is_asked_about_in_a_warning_too(*, internal: bool) -> None:
    entry = _entry("Tomorrow.")
    candidate = replace(entry.visible[0], sources=(make_source(1, internal=internal),))
    (message,) = build_stale_warning(StaleConversation(entry.request, candidate, newer=1), get_texts("en-US"))
    assert find_block_errors(list(message.blocks)) == []
    assert ["confirm" in button for button in list_buttons(message.blocks, "edit_candidate")] == [internal]
