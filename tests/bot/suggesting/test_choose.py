"""Use, edit, dismiss, undo: what is recorded about each, and who may."""

import asyncio
import unicodedata
from dataclasses import replace
from datetime import timedelta

import pytest
from rapidfuzz.distance import Levenshtein

from bot.errors import EmptyReply, NotOwner, UnknownRequest
from bot.suggesting.choose import PART_LIMIT
from bot.suggesting.clicks import Click
from bot.text_limits import count_utf16_units
from storage.errors import DuplicateDelivery, NothingToUndo, RequestClosed
from storage.records import LogEntry, ResponseUrl
from tests.bot.desk import Desk
from tests.storage.stores import after


async def show_first(desk: Desk, *texts: str) -> tuple[LogEntry, str]:
    """Candidates on the screen, and the id of the first drafted."""
    entry = await desk.show(*texts)
    desk.clock.tick(5.4)
    return entry, entry.candidates[0].id


async def test_a_candidate_is_used_as_it_is(desk: Desk) -> None:
    entry, candidate_id = await show_first(desk, "one", "two", "three")
    chosen = await desk.make_chooser().use(desk.make_click(), candidate_id)
    [recorded] = await desk.store.entries()
    choice = recorded.choice
    assert choice == chosen.choice
    assert choice is not None
    assert (choice.kind, choice.candidate_id, choice.final_text) == ("used", candidate_id, "one")
    assert (choice.edit_similarity, choice.decision_ms, choice.agent_id) == (1.0, 5400, "U1")
    assert choice.visible_candidate_ids == tuple(candidate.id for candidate in entry.visible)
    assert len(choice.visible_candidate_ids) == 3
    assert recorded.events[-1].type == "used"
    assert recorded.events[-1].data == {"choice_id": choice.id}
    assert [(part.part, part.text, part.address, part.state) for part in chosen.parts] == [
        (0, "one", "channel", "pending")
    ]


async def test_an_edited_candidate_is_recorded_with_its_likeness(desk: Desk) -> None:
    _, candidate_id = await show_first(desk, "Your parcel is late.")
    chosen = await desk.make_chooser().edit(desk.make_click(), candidate_id, "Your parcel is lost.")
    assert (chosen.choice.kind, chosen.choice.final_text) == ("edited", "Your parcel is lost.")
    assert chosen.choice.edit_similarity == pytest.approx(1 - 3 / 20)
    assert chosen.parts[0].text == "Your parcel is lost."


@pytest.mark.parametrize(
    ("candidate", "edited"),
    [
        ("kitten", "sitting"),
        ("abc", "xyz"),
        ("café", "cafe"),
        ("cafe\u0301 au lait", "café au thé"),
        ("😀a", "😀b"),
        ("a", "a" * 99),
    ],
)
async def test_likeness_is_levenshteins_on_composed_text(desk: Desk, candidate: str, edited: str) -> None:
    _, candidate_id = await show_first(desk, candidate)
    chosen = await desk.make_chooser().edit(desk.make_click(), candidate_id, edited)
    one, other = (unicodedata.normalize("NFC", text) for text in (candidate, edited))
    assert chosen.choice.edit_similarity == Levenshtein.normalized_similarity(one, other)
    assert chosen.choice.final_text == edited


@pytest.mark.parametrize(
    ("candidate", "submitted"),
    [
        ("one\ntwo", "one\ntwo"),
        ("one\ntwo", "  one\ntwo \n"),
        ("one\ntwo", "one\r\ntwo\r\n"),
        ("one\r\ntwo", "one\ntwo"),
        (" one ", "one"),
        ("cafe\u0301", "caf\u00e9"),
        ("one", "o\x00ne"),
    ],
)
async def test_an_edit_that_changes_nothing_is_a_use(desk: Desk, candidate: str, submitted: str) -> None:
    _, candidate_id = await show_first(desk, candidate)
    chosen = await desk.make_chooser().edit(desk.make_click(), candidate_id, submitted)
    assert (chosen.choice.kind, chosen.choice.final_text, chosen.choice.edit_similarity) == ("used", candidate, 1.0)


@pytest.mark.parametrize("submitted", ["one  two", "One two", "one two.", "one\ntwo"])
async def test_the_smallest_change_is_an_edit(desk: Desk, submitted: str) -> None:
    _, candidate_id = await show_first(desk, "one two")
    chosen = await desk.make_chooser().edit(desk.make_click(), candidate_id, submitted)
    assert (chosen.choice.kind, chosen.choice.final_text) == ("edited", submitted)
    assert chosen.choice.edit_similarity is not None
    assert chosen.choice.edit_similarity < 1.0


@pytest.mark.parametrize("nothing", ["", "  ", "\r\n\t", "\x00", "\u2003"])
async def test_an_empty_edit_is_refused(desk: Desk, nothing: str) -> None:
    _, candidate_id = await show_first(desk, "one")
    with pytest.raises(EmptyReply):
        await desk.make_chooser().edit(desk.make_click(), candidate_id, nothing)
    assert (await desk.store.entries())[0].choice is None


async def test_all_are_dismissed(desk: Desk) -> None:
    entry, _ = await show_first(desk, "one", "two")
    chosen = await desk.make_chooser().dismiss(desk.make_click(), entry.request.id)
    choice = chosen.choice
    assert (choice.kind, choice.candidate_id, choice.final_text, choice.edit_similarity) == (
        "dismissed",
        None,
        None,
        None,
    )
    assert choice.decision_ms == 5400
    assert len(choice.visible_candidate_ids) == 2
    assert chosen.parts == ()


async def test_a_reason_may_follow(desk: Desk) -> None:
    entry, _ = await show_first(desk, "one")
    await desk.make_chooser().dismiss(desk.make_click(), entry.request.id)
    request = await desk.make_chooser().give_reason(desk.make_click(), entry.request.id, "wrong_tone")
    assert request.id == entry.request.id
    [recorded] = await desk.store.entries()
    assert recorded.choice is not None
    assert recorded.choice.reason == "wrong_tone"


# --- when -----------------------------------------------------------------------------------------------


async def test_a_click_may_overtake_the_record_of_shown(desk: Desk) -> None:
    """Shown at the moment in which Slack was handed the message; the late record changes nothing."""
    entry = await desk.draft("one", "two")
    sent_to_slack_at = desk.clock.now()
    desk.clock.tick(3)
    chosen = await desk.make_chooser().use(desk.make_click(), entry.candidates[0].id)
    desk.clock.tick(1)
    await desk.make_suggester().record_shown(entry, at=desk.clock.now())
    [recorded] = await desk.store.entries()
    assert recorded.request.shown_at == entry.request.sent_to_slack_at == sent_to_slack_at
    assert recorded.request.status == "shown"
    assert {candidate.shown_at for candidate in recorded.candidates} == {sent_to_slack_at}
    assert chosen.choice.decision_ms == 3000
    assert [event.type for event in recorded.events] == ["shown", "used"]


async def test_shown_is_read_again_where_it_was_recorded_while_the_click_was_looked_at(desk: Desk) -> None:
    entry = await desk.draft("one")
    chooser = desk.make_chooser()
    stale = await desk.store.requests.get(entry.request.id)
    assert stale is not None
    await desk.make_suggester().record_shown(entry, at=after(seconds=4))
    assert await chooser._resolve_shown_at(stale.request, stale.visible) == after(seconds=4)


@pytest.mark.parametrize("offset_s", [-3600, -1, 0])
async def test_a_decision_never_takes_less_than_no_time(desk: Desk, offset_s: float) -> None:
    """Clocks of two replicas may differ."""
    entry = await desk.show("one")
    desk.clock.moment += timedelta(seconds=offset_s)
    chosen = await desk.make_chooser().use(desk.make_click(), entry.candidates[0].id)
    assert chosen.choice.decision_ms == 0


async def test_nothing_can_be_chosen_before_it_was_handed_to_slack(desk: Desk) -> None:
    request = await desk.make_suggester().accept(desk.make_ask())
    with pytest.raises(RequestClosed):
        await desk.make_chooser().dismiss(desk.make_click(), request.id)


# --- what is posted --------------------------------------------------------------------------------------


async def test_a_long_reply_is_posted_in_parts_that_join_to_it(desk: Desk) -> None:
    text = "A sentence of some length. 😀 " * 900
    _, candidate_id = await show_first(desk, text.strip())
    chosen = await desk.make_chooser().use(desk.make_click(), candidate_id)
    assert len(chosen.parts) > 2
    assert [part.part for part in chosen.parts] == list(range(len(chosen.parts)))
    assert "".join(part.text or "" for part in chosen.parts) == text.strip()
    assert all(count_utf16_units(part.text or "") <= PART_LIMIT for part in chosen.parts)
    assert await desk.load_parts(chosen) == tuple(replace(part, owner="here") for part in chosen.parts)


async def test_a_reply_to_be_copied_is_not_posted(desk: Desk) -> None:
    _, candidate_id = await show_first(desk, "one")
    chooser = desk.make_chooser(on_use="copy")
    assert not chooser.is_posting
    assert (await chooser.use(desk.make_click(), candidate_id)).parts == ()


async def test_a_reply_chosen_in_a_terminal_is_not_posted(desk: Desk) -> None:
    entry = await desk.show("one", surface="cli")
    assert desk.make_chooser().is_posting
    assert (await desk.make_chooser().use(desk.make_click(), entry.candidates[0].id)).parts == ()


async def test_the_newest_way_back_is_kept_and_used(desk: Desk) -> None:
    _, candidate_id = await show_first(desk, "one")
    response_url = ResponseUrl(url="https://hooks.slack.com/new", expires_at=after(minutes=30))
    chosen = await desk.make_chooser().use(desk.make_click(response_url=response_url), candidate_id)
    assert chosen.request.response_url == response_url.url
    assert await desk.store.url_of(chosen.request.id) == response_url.url


# --- editing ----------------------------------------------------------------------------------------------


async def test_opening_the_editor_is_a_fact(desk: Desk) -> None:
    _, candidate_id = await show_first(desk, "one")
    click = desk.make_click()
    candidate = (await desk.make_chooser().open_edit(click, candidate_id)).candidate
    assert candidate.text == "one"
    event = (await desk.store.entries())[0].events[-1]
    assert (event.type, event.candidate_id, event.agent_id) == ("edit_opened", candidate_id, "U1")
    with pytest.raises(DuplicateDelivery):
        await desk.make_chooser().open_edit(click, candidate_id)


async def test_the_editor_is_not_opened_on_what_is_decided(desk: Desk) -> None:
    _, candidate_id = await show_first(desk, "one")
    await desk.make_chooser().use(desk.make_click(), candidate_id)
    with pytest.raises(RequestClosed):
        await desk.make_chooser().open_edit(desk.make_click(), candidate_id)


# --- undo -------------------------------------------------------------------------------------------------


async def test_undo_gives_the_candidates_back(desk: Desk) -> None:
    entry, candidate_id = await show_first(desk, "one", "two")
    chosen = await desk.make_chooser().use(desk.make_click(), candidate_id)
    undone = await desk.make_chooser().undo(desk.make_click(), entry.request.id)
    assert undone.choice.id == chosen.choice.id
    assert undone.choice.retracted_at == desk.clock.now()
    assert undone.entry.choice is None
    assert [candidate.position for candidate in undone.entry.visible] == [1, 2]
    assert undone.parts == ()
    again = await desk.make_chooser().use(desk.make_click(), undone.entry.visible[1].id)
    assert again.choice.decision_ms == chosen.choice.decision_ms


async def test_there_may_be_nothing_to_undo(desk: Desk) -> None:
    entry, _ = await show_first(desk, "one")
    with pytest.raises(NothingToUndo):
        await desk.make_chooser().undo(desk.make_click(), entry.request.id)


# --- who, and how often -------------------------------------------------------------------------------------


async def act(desk: Desk, what: str, click: Click, entry: LogEntry) -> object:
    chooser, candidate_id, request_id = desk.make_chooser(), entry.candidates[0].id, entry.request.id
    acts = {
        "use": lambda: chooser.use(click, candidate_id),
        "edit": lambda: chooser.edit(click, candidate_id, "other"),
        "open the editor": lambda: chooser.open_edit(click, candidate_id),
        "dismiss": lambda: chooser.dismiss(click, request_id),
        "give a reason": lambda: chooser.give_reason(click, request_id, "other"),
        "undo": lambda: chooser.undo(click, request_id),
        "redraft": lambda: desk.make_suggester().redraft(click, request_id),
        "post again": lambda: desk.make_deliverer().post_again(click, request_id),
    }
    return await acts[what]()


EVERYTHING = ["use", "edit", "open the editor", "dismiss", "give a reason", "undo", "redraft", "post again"]


@pytest.mark.parametrize("what", EVERYTHING)
async def test_only_the_agent_who_asked_may(desk: Desk, what: str) -> None:
    entry, _ = await show_first(desk, "one")
    before = await desk.store.entries()
    with pytest.raises(NotOwner):
        await act(desk, what, desk.make_click(agent_id="U2"), entry)
    assert await desk.store.entries() == before


@pytest.mark.parametrize("what", EVERYTHING)
async def test_what_is_not_recorded_is_unknown(desk: Desk, what: str) -> None:
    entry, _ = await show_first(desk, "one")
    nowhere = replace(
        entry, request=replace(entry.request, id="nobody"), candidates=(replace(entry.candidates[0], id="nobody"),)
    )
    with pytest.raises(UnknownRequest):
        await act(desk, what, desk.make_click(), nowhere)


@pytest.mark.parametrize("what", ["use", "edit", "open the editor"])
async def test_a_hidden_draft_has_no_button(desk: Desk, what: str) -> None:
    entry, _ = await show_first(desk, "one two three", "one two three")
    hidden = replace(entry, candidates=entry.candidates[1:])
    assert hidden.candidates[0].position is None
    with pytest.raises(UnknownRequest):
        await act(desk, what, desk.make_click(), hidden)


async def test_many_clicks_at_once_make_one_choice(desk: Desk) -> None:
    entry, _ = await show_first(desk, "one", "two", "three")
    chooser = desk.make_chooser()
    clicks = [chooser.use(desk.make_click(), candidate.id) for candidate in entry.candidates] * 1
    clicks += [
        chooser.dismiss(desk.make_click(), entry.request.id),
        chooser.edit(desk.make_click(), entry.candidates[0].id, "x"),
    ]
    results = await asyncio.gather(*clicks, return_exceptions=True)
    assert sum(isinstance(result, RequestClosed) for result in results) == 4
    assert await desk.store.count("choices") == 1


async def test_a_click_on_what_expired_is_refused_also_if_shown_was_never_recorded(desk: Desk) -> None:
    entry = await desk.draft("one")
    await desk.store.requests.expire(created_before=after(days=1), at=after(days=1))
    with pytest.raises(RequestClosed):
        await desk.make_chooser().use(desk.make_click(), entry.candidates[0].id)
    assert (await desk.store.entries())[0].request.status == "expired"
