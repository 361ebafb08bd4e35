"""From one candidate to others: each a request of its own, linked to where it came from."""

import pytest

from bot.drafting import RequestedChange
from bot.errors import NotOwner, UnknownRequest
from bot.i18n.languages import LANGUAGES
from bot.suggesting.redraft import Steering
from storage.errors import RequestClosed
from storage.records import ResponseUrl
from tests.bot.desk import Desk
from tests.storage.stores import after


async def test_a_steered_request_is_linked_to_the_candidate(desk: Desk) -> None:
    """The parent is closed; the child and the event say which candidate, and what was wanted of it."""
    parent = await desk.show("one", "two", hint="short", thread_ts="1.2")
    [first, _] = parent.visible
    steering = Steering(candidate_id=first.id, steer="other_language", language="ja")
    child = await desk.make_suggester().steer(desk.make_click(), steering)
    recorded = {entry.request.id: entry for entry in await desk.store.entries()}
    assert recorded[child.id].request.parent_request_id == parent.request.id
    assert recorded[child.id].request.parent_candidate_id == first.id
    assert (child.steer, child.steer_language, child.hint, child.thread_ts) == ("other_language", "ja", "short", "1.2")
    event = recorded[parent.request.id].events[-1]
    assert recorded[parent.request.id].request.status == "redrafted"
    assert (event.type, event.candidate_id) == ("redrafted", first.id)
    assert event.data == {"child_request_id": child.id, "steer": "other_language", "steer_language": "ja"}


async def test_the_drafts_begin_with_the_candidates_text(desk: Desk) -> None:
    """And with nothing else that was shown: the agent does not want to get away from it."""
    parent = await desk.show("one", "two")
    base = parent.visible[1]
    child = await desk.make_suggester().steer(desk.make_click(), Steering(candidate_id=base.id, steer="shorter"))
    desk.drafter.results = ()
    await desk.make_suggester().draft(child)
    assert {brief.change for brief in desk.drafter.briefs} == {RequestedChange(base=str(base.text), steer="shorter")}
    assert {brief.previous for brief in desk.drafter.briefs} == {()}


async def test_a_redraft_carries_the_wish_on(desk: Desk) -> None:
    """Who asked for Japanese, and then for others, still wants Japanese: different from those just seen."""
    parent = await desk.show("one")
    steering = Steering(candidate_id=parent.visible[0].id, steer="other_language", language="ja")
    steered = await desk.make_suggester().steer(desk.make_click(), steering)
    desk.drafter.results = ("eins", "zwei", "drei")
    entry = await desk.make_suggester().draft(steered)
    child = await desk.make_suggester().redraft(desk.make_click(), steered.id)
    desk.drafter.results = ()
    await desk.make_suggester().draft(child)
    assert (child.parent_candidate_id, child.steer, child.steer_language) == (None, "other_language", "ja")
    [change] = {brief.change for brief in desk.drafter.briefs}
    assert change == RequestedChange(base=None, steer="other_language", language="Japanese")
    assert desk.drafter.briefs[0].previous == tuple(candidate.text for candidate in entry.visible)


async def test_what_was_erased_is_not_begun_with(desk: Desk) -> None:
    parent = await desk.show("one")
    steering = Steering(candidate_id=parent.visible[0].id, steer="warmer")
    child = await desk.make_suggester().steer(desk.make_click(), steering)
    await desk.store.change(f"DELETE FROM requests WHERE id = '{parent.request.id}'")
    desk.drafter.results = ()
    await desk.make_suggester().draft(child)
    assert {brief.change for brief in desk.drafter.briefs} == {RequestedChange(base=None, steer="warmer")}


async def test_only_the_one_who_asked_steers_and_once(desk: Desk) -> None:
    parent = await desk.show("one")
    steering = Steering(candidate_id=parent.visible[0].id, steer="shorter")
    with pytest.raises(NotOwner):
        await desk.make_suggester().steer(desk.make_click(agent_id="U2"), steering)
    with pytest.raises(UnknownRequest):
        await desk.make_suggester().steer(desk.make_click(), Steering(candidate_id="nothing", steer="shorter"))
    await desk.make_suggester().steer(desk.make_click(), steering)
    with pytest.raises(RequestClosed):
        await desk.make_suggester().steer(desk.make_click(), steering)
    assert len(await desk.store.entries()) == 2


async def test_the_way_back_is_kept_for_what_follows(desk: Desk) -> None:
    """A view that is submitted brings none: the click before it did."""
    parent = await desk.show("one")
    candidate = parent.visible[0]
    response_url = ResponseUrl(url="https://hooks.slack.com/y", expires_at=after(minutes=40))
    await desk.make_chooser().keep_response_url(desk.make_click(response_url=response_url), candidate.id)
    child = await desk.make_suggester().steer(
        desk.make_click(), Steering(candidate_id=candidate.id, steer="other_language")
    )
    assert (child.response_url, child.steer_language) == (response_url.url, None)
    with pytest.raises(RequestClosed):
        await desk.make_chooser().keep_response_url(desk.make_click(), candidate.id)


def test_languages_fit_into_a_select_of_slacks() -> None:
    assert len(LANGUAGES) < 100
    assert all(len(code) <= 16 and len(native) <= 75 for code, (_, native) in LANGUAGES.items())
