"""Earlier replies in drafts: what the model is given, what is recorded, and what agents see."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.drafting.prompts import build_messages
from bot.i18n.texts import get_texts
from bot.knowledge.gaps import find_gaps
from bot.knowledge.library import Library
from bot.knowledge.passages import list_cited
from bot.playbook import KnowledgeRules
from storage.queries.log_entries import ChoiceLog
from storage.records import LogEntry, Selection, Turn
from storage.repositories.knowledge import Knowledge
from tests.bot.desk import PLAYBOOK, Desk

QUESTION = "Can my lamp be sent to Norway?"
REPLY = "Lamps go to Norway within nine days."
RULES = KnowledgeRules(earlier_replies=True)


@pytest.fixture
async def library(desk: Desk, tmp_path: Path) -> Library:
    file = tmp_path / "help.jsonl"
    file.write_text(json.dumps({"id": "lamps", "title": "Lamps", "text": "A lamp is sent in a box."}), encoding="utf-8")
    library = Library(Knowledge(desk.store.database), now=desk.clock.now)
    await library.add([file], internal=False, collection="", actor="cli")
    return library


async def send(desk: Desk, text: str = REPLY) -> str:
    return (await desk.send_reply(text, conversation=(Turn(role="customer", text=QUESTION),))).request.id


async def ask_again(desk: Desk, text: str = QUESTION, *, rules: KnowledgeRules = RULES, **how: Any) -> LogEntry:
    playbook = replace(PLAYBOOK, knowledge=rules)
    suggester = desk.make_suggester(playbook=playbook, earlier=desk.make_earlier_replies(), **how)
    desk.drafter.results = ["As before [1].", "Something else [2].", "Another thing."]
    request = await suggester.accept(desk.make_ask(text))
    await suggester.draft(request)
    return next(entry for entry in await desk.store.entries() if entry.request.id == request.id)


def list_lines(desk: Desk) -> list[dict[str, Any]] | None:
    brief = desk.drafter.briefs[0]
    messages = build_messages(
        playbook=brief.playbook, style=brief.style, conversation=brief.conversation, passages=brief.passages
    )
    _, opened, rest = str(messages[1].content).partition("<knowledge>")
    return [json.loads(line) for line in rest.partition("</knowledge>")[0].strip().splitlines()] if opened else None


async def test_earlier_replies_follow_the_pages_and_are_recorded(desk: Desk, library: Library) -> None:
    earlier = await send(desk)
    entry = await ask_again(desk, library=library)
    lines = list_lines(desk)
    assert lines is not None
    assert [sorted(line) for line in lines] == [["date", "n", "text", "title"]] * 2
    assert lines[1].items() >= {"n": 2, "text": REPLY, "date": "2026-11-22"}.items()
    assert QUESTION in lines[1]["title"]
    assert entry.request.retrieved is not None
    page, reply = entry.request.retrieved
    assert (page["id"], reply["id"], reply["earlier"]) == ("lamps", earlier, True)
    assert page.keys() == {"id", "score"}
    (cited,) = [each.sources for each in entry.candidates if each.text == "Something else."]
    assert [(one["id"], one["cited"], one["earlier"]) for one in cited] == [
        ("lamps", False, False),
        (earlier, True, True),
    ]
    assert (cited[1]["title"], cited[1]["internal"], cited[1]["url"]) == ("Earlier reply", False, None)


async def test_agents_see_how_often_it_was_used_and_what_it_says(desk: Desk) -> None:
    for _ in range(2):
        await send(desk)
    entry = await ask_again(desk)
    (candidate,) = [each for each in entry.candidates if each.text == "As before."]
    (source,) = list_cited(candidate.sources)
    words = [[source.name(texts), *source.list_marks(texts)] for texts in map(get_texts, ("en-US", "zh-TW"))]
    assert words == [
        ["Earlier reply", "2026-11-22", "used 2 times before"],
        ["先前的回覆", "2026-11-22", "先前用過 2 次"],
    ]
    suggester = desk.make_suggester(earlier=desk.make_earlier_replies())
    (passage,) = await suggester.read_sources(desk.make_click(), candidate.id)
    assert (passage.text, passage.changed) == (REPLY, False)
    (passage,) = await desk.make_suggester().read_sources(desk.make_click(), candidate.id)
    assert passage.text is None


@pytest.mark.parametrize("rules", [KnowledgeRules(), KnowledgeRules(use=False, earlier_replies=True)])
async def test_they_are_given_only_where_the_playbook_says_so(desk: Desk, rules: KnowledgeRules) -> None:
    await send(desk)
    entry = await ask_again(desk, rules=rules)
    assert (entry.request.retrieved, list_lines(desk)) == (None, None)


async def test_without_pages_and_without_a_reply_that_fits_nothing_is_told(desk: Desk) -> None:
    await send(desk)
    entry = await ask_again(desk, "Quelle heure est-il chez vous ?")
    assert (entry.request.retrieved, list_lines(desk)) == (None, None)


async def test_a_question_without_a_page_stays_a_gap(desk: Desk, library: Library) -> None:
    await send(desk)
    first = await ask_again(desk, "Norway, please?", library=library)
    await ask_again(desk, library=library)
    assert first.request.retrieved is not None
    assert [each.get("earlier") for each in first.request.retrieved] == [True]
    gaps = await find_gaps(ChoiceLog(desk.store.database), Selection())
    assert [gap.question for gap in gaps] == ["Norway, please?"]


async def test_long_replies_stand_in_no_short_ones_way(desk: Desk) -> None:
    short = await send(desk)
    for number in (1, 2):
        await send(desk, f"{number}. " + "Lamps go to Norway by ship. " * 100)
    entry = await ask_again(desk)
    assert entry.request.retrieved is not None
    assert [each["id"] for each in entry.request.retrieved] == [short]
