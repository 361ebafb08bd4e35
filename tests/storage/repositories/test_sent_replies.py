"""Earlier replies: found by what they answered, on both engines, and gone as soon as they may not be shown."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from bot.knowledge import earlier_replies
from bot.knowledge.earlier_replies import EarlierReplies
from bot.knowledge.passages import SourcePassage
from bot.operations.erasure import Eraser, ErasureQuery
from bot.suggesting.choose import RecordedChoice
from storage.records import Turn
from storage.repositories.audit import Audit
from storage.repositories.erasures import Erasures
from tests.bot.desk import Desk
from tests.storage.stores import Store

QUESTION = "Can my lamp be sent to Norway?"
REPLY = "Lamps go to Norway within nine days."


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store=store)


async def find(
    earlier: EarlierReplies, question: str = QUESTION, *, team_id: str = "T1", limit: int = 2
) -> list[SourcePassage]:
    return [reply for reply, _ in await earlier.find(question, team_id=team_id, task="reply", limit=limit)]


def ask(text: str) -> tuple[Turn, ...]:
    return (Turn(role="customer", text=text),)


async def send(desk: Desk, text: str = REPLY, *, to: str = QUESTION, **how: Any) -> RecordedChoice:
    return await desk.send_reply(text, conversation=ask(to), **how)


async def test_a_sent_reply_is_found_for_a_similar_message(desk: Desk) -> None:
    earlier = desk.make_earlier_replies()
    assert await find(earlier) == []
    chosen = await send(desk)
    await send(desk, "The bulb is an E27.", to="Which bulb fits the desk light?")
    (found,) = await find(earlier, "Do you send a lamp to Norway, too?")
    assert (found.id, found.text, found.used, found.date) == (chosen.request.id, REPLY, 1, "2026-11-22")
    assert (found.earlier, found.internal, found.url, found.question) == (True, False, None, QUESTION)
    assert QUESTION not in found.title


async def test_one_reply_is_given_once_and_its_uses_are_counted(desk: Desk) -> None:
    for message in (QUESTION, "Is a lamp sent to Norway?", f"{QUESTION} Please!"):
        await send(desk, to=message)
    await send(desk, "We send lamps to Norway by ship.")
    found = await find(desk.make_earlier_replies())
    assert sorted((each.text, each.used) for each in found) == [(REPLY, 3), ("We send lamps to Norway by ship.", 1)]


async def test_what_was_only_chosen_is_not_found(desk: Desk) -> None:
    await desk.use_reply(REPLY, conversation=ask(QUESTION))
    await desk.show(REPLY, conversation=ask(QUESTION))
    assert await find(desk.make_earlier_replies()) == []


async def test_an_edited_reply_is_found_as_it_was_sent(desk: Desk) -> None:
    entry = await desk.show("A draft.", conversation=ask(QUESTION))
    chosen = await desk.make_chooser().edit(desk.make_click(), entry.candidates[0].id, REPLY)
    await desk.make_deliverer().deliver(chosen)
    assert [each.text for each in await find(desk.make_earlier_replies())] == [REPLY]


@pytest.mark.parametrize("store_text", ["redacted", "full"])
async def test_personal_data_is_left_out(desk: Desk, store_text: Any) -> None:
    desk.store_text = store_text
    await send(desk, "We wrote to jane@example.com.", to="Can the lamp go to Norway? I am jane@example.com")
    (found,) = await find(desk.make_earlier_replies())
    assert found.text == "We wrote to …."
    assert "example.com" not in found.question
    assert "[" not in f"{found.text}{found.question}"


async def test_replies_of_other_teams_texts_and_simulations_are_not_found(desk: Desk) -> None:
    await send(desk)
    assert await find(desk.make_earlier_replies(), team_id="T2") == []
    assert await desk.make_earlier_replies().find(QUESTION, team_id="T1", task="write", limit=2) == []
    desk.store_text = "off"
    await send(desk, "Kept nowhere.")
    assert [each.text for each in await find(desk.make_earlier_replies())] == [REPLY]


async def test_a_simulated_reply_is_not_found(desk: Desk) -> None:
    suggester = desk.make_suggester(simulated=True)
    entry = await suggester.draft(await suggester.accept(desk.make_ask(QUESTION)))
    await suggester.record_shown(entry, at=desk.clock.now())
    await desk.make_deliverer().deliver(await desk.make_chooser().use(desk.make_click(), entry.candidates[0].id))
    assert await find(desk.make_earlier_replies()) == []


async def undo(desk: Desk, chosen: RecordedChoice) -> None:
    await desk.make_chooser().undo(desk.make_click(), chosen.request.id)


async def erase(desk: Desk, chosen: RecordedChoice) -> None:
    database = desk.store.database
    eraser = Eraser(erasures=Erasures(database), audit=Audit(database), cipher=desk.cipher, now=desk.clock.now)
    await eraser.erase(await eraser.find(ErasureQuery(request_id=chosen.request.id)), actor="cli")


async def prune(desk: Desk, chosen: RecordedChoice) -> None:
    await Erasures(desk.store.database).prune(created_before=chosen.request.created_at + timedelta(seconds=1))


@pytest.mark.parametrize("forget", [undo, erase, prune])
async def test_what_is_gone_is_neither_found_nor_counted_nor_read(
    desk: Desk, forget: Callable[[Desk, RecordedChoice], Awaitable[None]]
) -> None:
    earlier = desk.make_earlier_replies()
    gone = await send(desk)
    desk.clock.tick(60)
    kept = await send(desk)
    assert [each.used for each in await find(earlier)] == [2]
    await forget(desk, gone)
    for searched in (earlier, earlier, desk.make_earlier_replies()):
        assert [(each.id, each.used) for each in await find(searched)] == [(kept.request.id, 1)]
    assert await earlier.read(gone.request.id, team_id="T1", task="reply") is None
    assert (await earlier.read(kept.request.id, team_id="T1", task="reply")) is not None
    await forget(desk, kept)
    assert await find(earlier) == []


async def test_another_choice_after_an_undo_counts_once_it_is_sent(desk: Desk) -> None:
    earlier = desk.make_earlier_replies()
    chosen = await send(desk)
    assert await find(earlier)
    await undo(desk, chosen)
    edited = await desk.make_chooser().edit(desk.make_click(), chosen.choice.candidate_id or "", "By ship to Norway.")
    assert await find(earlier) == []
    await desk.make_deliverer().deliver(edited)
    assert [each.text for each in await find(earlier)] == ["By ship to Norway."]


async def test_replies_past_their_time_are_not_found_before_they_are_swept(desk: Desk) -> None:
    await send(desk)
    earlier = desk.make_earlier_replies(texts_kept_for=timedelta(days=30))
    assert len(await find(earlier)) == 1
    desk.clock.tick(31 * 86_400)
    assert await find(earlier) == []


async def test_a_long_log_is_read_page_by_page_and_the_newest_are_kept(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(earlier_replies, "PAGE", 2)
    names = ["Oslo", "Bergen", "Tromso", "Stavanger", "Trondheim", "Narvik"]
    for name in names:
        await send(desk, f"Yes, to {name}.", to=f"Can my lamp be sent to {name}?")
    earlier = desk.make_earlier_replies(newest=5)
    seen = [await find(earlier, "lamp sent", limit=10) for _ in range(4)]
    assert [len(found) for found in seen] == [2, 4, 5, 5]
    assert "Yes, to Oslo." not in {each.text for each in seen[-1]}
    for name in ("Bodo", "Alta", "Hamar"):
        await send(desk, f"Yes, to {name}.", to=f"Can my lamp be sent to {name}?")
    texts: set[str] = set()
    for _ in range(3):
        texts = {each.text for each in await find(earlier, "lamp sent", limit=10)}
    assert texts == {f"Yes, to {name}." for name in ("Trondheim", "Narvik", "Bodo", "Alta", "Hamar")}


async def test_a_large_index_is_made_anew_now_and_then(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    earlier = desk.make_earlier_replies()
    for number in range(12):
        await send(desk, f"In {number} days.")
    assert len(await find(earlier, limit=99)) == 12
    monkeypatch.setattr(earlier_replies, "SMALL", 0)
    await send(desk, "By ship.")
    assert len(await find(earlier, limit=99)) == 12
    desk.clock.tick(60)
    assert len(await find(earlier, limit=99)) == 13
    await send(desk, "By train.")
    await send(desk, "By cart.")
    assert len(await find(earlier, limit=99)) == 15, "as many as that are a tenth"


async def test_searches_at_the_same_time_find_the_same(desk: Desk) -> None:
    await send(desk)
    earlier = desk.make_earlier_replies()
    found = await asyncio.gather(*(find(earlier) for _ in range(5)))
    assert [[each.text for each in one] for one in found] == [[REPLY]] * 5
