"""A conversation that has moved on since its replies were drafted: the agent is asked before one is sent."""

from dataclasses import dataclass, field

import pytest

from bot.errors import EmptyReply, StaleConversation
from storage.errors import RequestClosed
from storage.records import LogEntry, Request, Turn
from tests.bot.desk import Desk


@dataclass(slots=True)
class Thread:
    """A conversation in which so many messages are newer; None where nobody can tell."""

    more: int | None = 0
    asked: list[str | None] = field(default_factory=list)

    async def count_newer(self, request: Request) -> int | None:
        self.asked.append(request.seen_ts)
        return self.more


async def show_in_thread(desk: Desk, *texts: str, seen_ts: str | None = "17.5") -> LogEntry:
    """Candidates for a thread that was read up to a message."""
    desk.drafter.results = texts
    suggester = desk.make_suggester(candidates=len(texts))
    request = await suggester.accept(desk.make_ask(thread_ts="17.1", surface="mention", conversation=()))
    read = await suggester.record_conversation(request, (Turn(role="customer", text="Well?"),), seen_ts=seen_ts)
    entry = await suggester.draft(read)
    await suggester.record_shown(entry, at=desk.clock.now())
    return entry


async def load_event_types(desk: Desk) -> list[str]:
    [entry] = await desk.store.entries()
    return [event.type for event in entry.events]


async def test_nothing_new_is_no_reason_to_ask(desk: Desk) -> None:
    entry, thread = await show_in_thread(desk, "one"), Thread()
    chosen = await desk.make_chooser(conversations=thread).use(desk.make_click(), entry.candidates[0].id)
    assert (chosen.freshness, thread.asked) == ("fresh", ["17.5"])
    assert await load_event_types(desk) == ["shown", "used"]


async def test_the_agent_is_warned_and_may_send_it_anyway(desk: Desk) -> None:
    """The warning is recorded with how many messages are newer; the choice comes after it, and is not asked about."""
    entry, thread = await show_in_thread(desk, "one"), Thread(more=2)
    chooser, candidate_id = desk.make_chooser(conversations=thread), entry.candidates[0].id
    with pytest.raises(StaleConversation) as stale:
        await chooser.use(desk.make_click(), candidate_id)
    assert (stale.value.newer, stale.value.candidate.id) == (2, candidate_id)
    [recorded] = await desk.store.entries()
    assert (recorded.choice, recorded.events[-1].data) == (None, {"newer": 2})
    assert (recorded.events[-1].agent_id, recorded.events[-1].candidate_id) == ("U1", candidate_id)
    chosen = await chooser.use_anyway(desk.make_click(), candidate_id)
    assert (chosen.choice.kind, len(thread.asked)) == ("used", 1)
    assert await load_event_types(desk) == ["shown", "stale_warned", "used"]


async def test_an_edit_is_asked_about_once_it_is_whole(desk: Desk) -> None:
    entry, thread = await show_in_thread(desk, "one"), Thread(more=1)
    chooser, candidate_id = desk.make_chooser(conversations=thread), entry.candidates[0].id
    with pytest.raises(EmptyReply):
        await chooser.edit(desk.make_click(), candidate_id, " ")
    with pytest.raises(StaleConversation):
        await chooser.edit(desk.make_click(), candidate_id, "Mine.")
    with pytest.raises(EmptyReply):
        await chooser.edit_anyway(desk.make_click(), candidate_id, " ")
    chosen = await chooser.edit_anyway(desk.make_click(), candidate_id, "Mine.")
    assert (chosen.choice.kind, chosen.choice.final_text, len(thread.asked)) == ("edited", "Mine.", 1)


async def test_a_click_that_comes_twice_is_warned_of_once(desk: Desk) -> None:
    """And answered alike."""
    entry = await show_in_thread(desk, "one")
    chooser, click = desk.make_chooser(conversations=Thread(more=1)), desk.make_click()
    for _ in range(2):
        with pytest.raises(StaleConversation):
            await chooser.use(click, entry.candidates[0].id)
    assert await load_event_types(desk) == ["shown", "stale_warned"]


async def test_what_cannot_be_told_holds_nothing_up(desk: Desk) -> None:
    entry = await show_in_thread(desk, "one")
    chosen = await desk.make_chooser(conversations=Thread(more=None)).use(desk.make_click(), entry.candidates[0].id)
    assert chosen.freshness == "unknown"
    assert await load_event_types(desk) == ["shown", "used"]


async def test_a_thread_that_could_not_be_read_is_not_asked_about(desk: Desk) -> None:
    """Nor what is in no thread, nor what is decided: our own reply stands in the thread then."""
    entry, thread = await show_in_thread(desk, "one", seen_ts=None), Thread(more=3)
    chooser = desk.make_chooser(conversations=thread)
    await chooser.use(desk.make_click(), entry.candidates[0].id)
    with pytest.raises(RequestClosed):
        await chooser.use(desk.make_click(), entry.candidates[0].id)
    plain = await desk.show("two")
    await chooser.use(desk.make_click(), plain.candidates[0].id)
    decided = await show_in_thread(desk, "three")
    await chooser.use_anyway(desk.make_click(), decided.candidates[0].id)
    with pytest.raises(RequestClosed):
        await chooser.use(desk.make_click(), decided.candidates[0].id)
    assert thread.asked == []


async def test_a_redraft_that_reads_the_thread_anew_is_fresh(desk: Desk) -> None:
    """What was seen is kept with the request, and goes on with what is read."""
    entry = await show_in_thread(desk, "one")
    child = await desk.make_suggester().redraft(desk.make_click(), entry.request.id)
    assert child.seen_ts == "17.5"
    read = await desk.make_suggester().record_conversation(child, child.conversation, seen_ts="17.9")
    stored = await desk.store.requests.get(child.id)
    assert stored is not None
    assert read.seen_ts == stored.request.seen_ts == "17.9"
