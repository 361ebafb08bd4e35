"""Requests: recorded once, drafted, shown, redrafted, expired; and what is forgotten."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError, IntegrityError

from storage.errors import DuplicateDelivery, RequestClosed
from storage.fields import to_iso
from storage.records import Event, ResponseUrl, Turn
from tests.storage.stores import (
    AT,
    Store,
    a_choice,
    a_request,
    after,
    make_draft_outcome,
    make_shown_event,
    record_choice,
    record_failed,
    record_redraft,
    record_request,
    record_shown,
    retract_choice,
    some_candidates,
)

BEHIND_PGBOUNCER = True

SECRET = "https://hooks.slack.com/commands/secret"

FULL_REQUEST: dict[str, Any] = {
    "thread_ts": "1700000000.000100",
    "sent_to_slack_at": after(seconds=1),
    "shown_at": after(seconds=2),
    "status": "shown",
    "hint": "kürzer",
    "ranker_version": "v7",
    "policy": "plackett_luce",
    "policy_params": {"epsilon": 0.1, "styles": ["warm", None]},
    "order_propensity": 1 / 6,
    "parent_request_id": "r0",
    "parent_candidate_id": "r0-c1",
    "steer": "other_language",
    "steer_language": "zh-Hant",
    "simulated": True,
    "conversation": (Turn(role="customer", text="Wo?"), Turn(role="agent", text="Hier.")),
    "response_url": SECRET,
    "response_url_expires_at": after(minutes=30),
}
FULL_CANDIDATE: dict[str, Any] = {
    "model_returned": "gpt-4o-mini-2024",
    "temperature": 0.7,
    "error": "refused",
    "dropped_reason": "near_duplicate",
    "duplicate_of": "r1-c0",
    "shown_at": after(seconds=2),
    "latency_ms": 812,
    "attempts": 2,
    "finish_reason": "stop",
    "prompt_tokens": 210,
    "completion_tokens": 64,
    "mean_logprob": -0.25,
    "score": 1.5,
    "first_propensity": 1 / 3,
    "inclusion_propensity": 0.6,
    "sources": ({"id": "s1"}, "s2"),
}


async def test_every_field_of_a_request_comes_back(store: Store) -> None:
    request = await record_request(store, **FULL_REQUEST)
    entry = await store.requests.get("r1")
    assert entry is not None
    assert entry.request == replace(request, owner="here")


async def test_every_field_of_a_candidate_comes_back(store: Store) -> None:
    await record_request(store)
    candidates = some_candidates(**FULL_CANDIDATE)
    await store.requests.record_drafts(make_draft_outcome(candidates=candidates))
    entry = await store.requests.get("r1")
    assert entry is not None
    assert entry.candidates == candidates


ANY_CHARACTER = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
ANY_TEXT = st.text(ANY_CHARACTER, max_size=60)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=ANY_TEXT, hint=ANY_TEXT, key=st.text(ANY_CHARACTER, max_size=30))
async def test_any_text_and_any_id_come_back(store: Store, text: str, hint: str, key: str) -> None:
    number = await store.count("requests")
    request_id = f"{number}-{key}"
    request = await record_request(store, request_id, hint=hint, conversation=(Turn(role="customer", text=text),))
    candidates = some_candidates(request_id, 1, text=text)
    await store.requests.record_drafts(make_draft_outcome(request_id, candidates))
    entry = await store.requests.get_by_candidate(candidates[0].id)
    assert entry is not None
    assert (entry.request.hint, entry.request.conversation) == (hint, request.conversation)
    assert entry.candidates[0].text == text


@pytest.mark.parametrize(
    "words",
    [
        "漢字かな",
        "👩‍👩‍👧‍👦 🇩🇪",
        "אבג \u202e rtl",
        "e\u0301 é",
        "a\u2028b\u2029c\r\n\t",
        "\ufeff\u200b\uffff\U0010ffff",
        "'; --",
        "{}%s:x",
    ],
)
async def test_unusual_texts_come_back_as_they_were(store: Store, words: str) -> None:
    """Not normalised, not trimmed, not escaped."""
    await record_shown(store, words, hint=words, conversation=(Turn(role="customer", text=words),))
    choice = a_choice(words, "edited", final_text=words)
    await record_choice(store, choice)
    entry = await store.entry(words)
    assert entry.request.hint == words
    assert entry.request.conversation[0].text == words
    assert entry.choice == choice


async def test_times_are_kept_in_utc_to_the_millisecond(store: Store) -> None:
    elsewhere = datetime(2026, 11, 22, 12, 0, 0, 123987, tzinfo=timezone(timedelta(hours=2)))
    await record_request(store, created_at=elsewhere)
    [row] = await store.rows("SELECT created_at FROM requests")
    assert row["created_at"] == to_iso(elsewhere) == "2026-11-22T10:00:00.123Z"
    assert (await store.entry()).request.created_at == after(milliseconds=123)


async def test_a_request_counts_once_however_often_it_is_delivered(store: Store) -> None:
    await record_request(store)
    with pytest.raises(DuplicateDelivery):
        await store.requests.record(a_request("r2"), idempotency_key="command:r1")
    assert [entry.request.id for entry in await store.entries()] == ["r1"]


async def test_many_deliveries_of_one_command_at_once_make_one_request(store: Store) -> None:
    results = await asyncio.gather(
        *(store.requests.record(a_request(f"r{n}"), idempotency_key="command:1") for n in range(10)),
        return_exceptions=True,
    )
    assert sorted(map(type, results), key=str) == sorted([type(None), *[DuplicateDelivery] * 9], key=str)
    assert await store.count("requests") == 1


async def test_a_delivery_whose_effect_failed_may_come_again(store: Store) -> None:
    """The key is taken in the same transaction as what it stands for."""
    await record_request(store)
    with pytest.raises(IntegrityError):
        await store.requests.record(a_request("r1"), idempotency_key="command:again")
    await store.requests.record(a_request("r2"), idempotency_key="command:again")


async def test_foreign_keys_hold(store: Store) -> None:
    with pytest.raises(IntegrityError):
        await store.requests.record_event(make_shown_event(AT, "nobody"))
    await record_request(store)
    with pytest.raises(IntegrityError):
        await store.requests.record_drafts(make_draft_outcome("r1", some_candidates("nobody")))
    assert await store.count("events") == await store.count("candidates") == 0


@pytest.mark.parametrize("twice", ["position", "sample_index"])
async def test_a_place_is_given_once(store: Store, twice: str) -> None:
    await record_request(store)
    one, other, _ = some_candidates()
    with pytest.raises(IntegrityError):
        await store.requests.record_drafts(
            make_draft_outcome(candidates=[one, replace(other, **{twice: getattr(one, twice)})])
        )
    assert await store.count("candidates") == 0


async def test_several_candidates_may_have_no_place(store: Store) -> None:
    await record_failed(store)
    entry = await store.entry()
    assert entry.request.status == "failed"
    assert [candidate.position for candidate in entry.candidates] == [None] * 3
    assert entry.visible == ()


async def test_a_request_that_came_to_nothing_has_its_fact(store: Store) -> None:
    await record_request(store)
    event = Event(request_id="r1", type="failed", at=after(seconds=2), data={"errors": []})
    await store.requests.record_drafts(
        make_draft_outcome(candidates=[], status="failed", sent_to_slack_at=None, events=(event,))
    )
    assert (await store.entry()).events == (event,)


async def test_candidates_are_given_by_sample_and_seen_by_position(store: Store) -> None:
    await record_shown(store)
    entry = await store.entry()
    assert [candidate.sample_index for candidate in entry.candidates] == [0, 1, 2]
    assert [candidate.position for candidate in entry.visible] == [1, 2, 3]


async def test_shown_is_recorded_the_first_time_only(store: Store) -> None:
    await record_request(store)
    one, other, hidden = some_candidates()
    hidden = replace(hidden, position=None, dropped_reason="near_duplicate")
    await store.requests.record_drafts(make_draft_outcome(candidates=[one, other, hidden]))
    assert await store.requests.record_shown(make_shown_event(after(seconds=3)))
    assert not await store.requests.record_shown(make_shown_event(after(seconds=4)))
    entry = await store.entry()
    assert (entry.request.status, entry.request.shown_at) == ("shown", after(seconds=3))
    assert [candidate.shown_at for candidate in entry.candidates] == [after(seconds=3), after(seconds=3), None]
    assert [event.type for event in entry.events] == ["shown"]


async def test_shown_at_once_by_two_is_recorded_once(store: Store) -> None:
    await record_request(store)
    await store.requests.record_drafts(make_draft_outcome())
    first = await asyncio.gather(
        *(store.requests.record_shown(make_shown_event(after(seconds=3 + n))) for n in range(5))
    )
    assert sorted(first) == [False] * 4 + [True]
    assert len((await store.entry()).events) == 1


@pytest.mark.parametrize("closed_by", ["redraft", "expire"])
async def test_a_late_record_of_shown_opens_nothing_again(store: Store, closed_by: str) -> None:
    """A click, or the night, may overtake it: the candidates were visible, and the request stays closed."""
    await record_request(store)
    await store.requests.record_drafts(make_draft_outcome())
    if closed_by == "redraft":
        await record_redraft(store)
    else:
        await store.requests.expire(created_before=after(days=1), at=after(days=1))
    assert await store.requests.record_shown(make_shown_event(after(seconds=3)))
    entry = await store.entry()
    assert entry.request.status == {"redraft": "redrafted", "expire": "expired"}[closed_by]
    assert entry.request.shown_at == after(seconds=3)
    with pytest.raises(RequestClosed):
        await record_choice(store)


async def test_events_are_facts_that_nobody_rewrites(store: Store) -> None:
    await record_shown(store)
    with pytest.raises(DBAPIError, match="append-only"):
        await store.change("UPDATE events SET agent_id = 'U2'")
    assert (await store.entry()).events[0].agent_id == "U1"


async def test_an_event_comes_back_whole_and_with_it_the_newest_way_back(store: Store) -> None:
    await record_shown(store)
    event = Event(
        request_id="r1", type="edit_opened", at=after(seconds=4), agent_id="U1", candidate_id="r1-c0", data={"n": [1]}
    )
    await store.requests.record_event(event, response_url=ResponseUrl(url=SECRET, expires_at=after(minutes=30)))
    entry = await store.entry()
    assert entry.events[-1] == event
    assert (entry.request.response_url, entry.request.response_url_expires_at) == (SECRET, after(minutes=30))


async def test_an_event_that_is_delivered_again_is_recorded_once(store: Store) -> None:
    await record_shown(store)
    opened = Event(request_id="r1", type="edit_opened", at=after(seconds=4))
    await store.requests.record_event(opened, idempotency_key="click:1")
    with pytest.raises(DuplicateDelivery):
        await store.requests.record_event(opened, idempotency_key="click:1")
    assert [event.type for event in (await store.entry()).events] == ["shown", "edit_opened"]


async def test_an_event_without_a_way_back_leaves_the_known_one(store: Store) -> None:
    await record_shown(store, response_url=SECRET, response_url_expires_at=after(minutes=30))
    await store.requests.record_event(make_shown_event(after(seconds=4)))
    assert await store.url_of("r1") == SECRET


async def test_erasing_a_request_erases_all_that_belongs_to_it(store: Store) -> None:
    await record_shown(store)
    await record_choice(store, parts=2)
    await store.change("DELETE FROM requests")
    for table in ("candidates", "choices", "deliveries", "events"):
        assert await store.count(table) == 0


# --- redraft ------------------------------------------------------------------------------------------


async def test_a_redraft_closes_its_parent(store: Store) -> None:
    await record_shown(store)
    await record_redraft(store)
    parent, child = await store.entries()
    assert (parent.request.status, parent.choice) == ("redrafted", None)
    assert parent.events[-1].data == {"child_request_id": "r2"}
    assert (child.request.status, child.request.parent_request_id) == ("drafting", "r1")
    with pytest.raises(RequestClosed):
        await record_choice(store)


async def test_a_parent_is_redrafted_once(store: Store) -> None:
    await record_shown(store)
    await record_redraft(store)
    with pytest.raises(RequestClosed):
        await record_redraft(store, child="r3")
    assert await store.count("requests") == 2


async def test_a_redelivered_redraft_is_told_apart(store: Store) -> None:
    await record_shown(store)
    await record_redraft(store, key="click:1")
    with pytest.raises(DuplicateDelivery):
        await record_redraft(store, child="r3", key="click:1")


@pytest.mark.parametrize("how", ["chosen", "drafting", "unknown", "expired"])
async def test_what_is_not_open_is_not_redrafted(store: Store, how: str) -> None:
    if how in {"chosen", "expired"}:
        await record_shown(store)
    if how == "chosen":
        await record_choice(store)
    if how == "expired":
        await store.requests.expire(created_before=after(days=1), at=after(days=1))
    if how == "drafting":
        await record_request(store)
    with pytest.raises(RequestClosed):
        await record_redraft(store, key="click:1")
    assert await store.count("requests") == (0 if how == "unknown" else 1)
    assert await store.count("seen_deliveries") == await store.count("requests") + (how == "chosen")


async def test_a_failed_request_is_asked_again_once_and_stays_failed(store: Store) -> None:
    await record_failed(store)
    await record_redraft(store)
    with pytest.raises(RequestClosed):
        await record_redraft(store, child="r3")
    entry = await store.entry()
    assert entry.request.status == "failed"
    assert [event.type for event in entry.events] == ["redrafted"]
    assert await store.count("requests") == 2


async def test_trying_again_many_times_at_once_makes_one_child(store: Store) -> None:
    await record_failed(store)
    results = await asyncio.gather(
        *(record_redraft(store, child=f"child{n}") for n in range(10)), return_exceptions=True
    )
    assert results.count(None) == 1
    assert {type(result) for result in results} == {type(None), RequestClosed}


@pytest.mark.parametrize("attempt", range(5))
async def test_a_redraft_and_a_choice_at_once_have_one_winner(store: Store, attempt: int) -> None:
    await record_shown(store)
    both = [record_redraft(store), record_choice(store)]
    results = await asyncio.gather(*(both if attempt % 2 else both[::-1]), return_exceptions=True)
    assert sum(isinstance(result, RequestClosed) for result in results) == 1
    entry = await store.entry()
    assert (entry.request.status == "redrafted") == (entry.choice is None)
    assert (await store.count("requests") == 2) == (entry.choice is None)


# --- what time does -----------------------------------------------------------------------------------


async def test_only_the_undecided_expire(store: Store) -> None:
    for request_id in ("undecided", "decided", "dismissed", "asked_again", "undone"):
        await record_shown(store, request_id)
    await record_request(store, "cut_off")
    await record_failed(store, "failed")
    await record_shown(store, "young", created_at=after(hours=2))
    await record_choice(store, a_choice("decided"))
    await record_choice(store, a_choice("dismissed", "dismissed"))
    await record_redraft(store, "asked_again", "child")
    await record_choice(store, a_choice("undone"))
    await retract_choice(store, "undone")
    assert await store.requests.expire(created_before=after(seconds=1), at=after(days=1)) == 3
    assert await store.requests.expire(created_before=after(seconds=1), at=after(days=1)) == 0
    expired = {entry.request.id: entry for entry in await store.entries() if entry.request.status == "expired"}
    assert set(expired) == {"undecided", "cut_off", "undone"}
    assert expired["undecided"].events[-1] == Event(request_id="undecided", type="expired", at=after(days=1))


async def test_a_request_chosen_on_while_others_expire_keeps_its_choice(store: Store) -> None:
    for n in range(20):
        await record_shown(store, f"r{n}")
    await asyncio.gather(
        store.requests.expire(created_before=after(days=1), at=after(days=1)),
        *(record_choice(store, a_choice(f"r{n}")) for n in range(20)),
        return_exceptions=True,
    )
    for entry in await store.entries():
        assert (entry.request.status == "expired") == (entry.choice is None)
        assert [event.type for event in entry.events].count("expired") == (entry.choice is None)


async def test_expired_response_urls_are_forgotten(store: Store) -> None:
    await record_request(store, "old", response_url=SECRET, response_url_expires_at=after(minutes=30))
    await record_request(store, "new", response_url=SECRET, response_url_expires_at=after(minutes=31))
    await record_request(store, "none")
    assert await store.requests.forget_expired_response_urls(after(minutes=30)) == 1
    assert await store.requests.forget_expired_response_urls(after(minutes=30)) == 0
    assert await store.url_of("old") is None
    assert await store.url_of("new") == SECRET


async def test_old_keys_are_forgotten_but_not_that_a_failed_request_was_asked_again(store: Store) -> None:
    await record_failed(store)
    await record_redraft(store)
    assert await store.requests.forget_keys(seen_before=after(days=3)) == 2
    with pytest.raises(RequestClosed):
        await record_redraft(store, child="r3")


async def test_keys_that_may_come_again_are_kept(store: Store) -> None:
    await record_request(store)
    assert await store.requests.forget_keys(seen_before=AT) == 0


# --- what is asked of the log ---------------------------------------------------------------------------


async def test_the_last_open_request_is_the_newest_that_waits_for_a_choice(store: Store) -> None:
    async def last() -> str | None:
        entry = await store.requests.find_last_open(team_id="T1", agent_id="U1", since=AT)
        return None if entry is None else entry.request.id

    assert await last() is None
    await record_shown(store, "too_old", created_at=AT - timedelta(milliseconds=1))
    await record_shown(store, "someone_elses", agent_id="U2")
    await record_shown(store, "other_team", team_id="T2")
    await record_failed(store, "failed")
    await record_request(store, "still_drafting", created_at=after(seconds=30))
    assert await last() is None
    await record_shown(store, "first")
    await record_shown(store, "second", created_at=after(seconds=1))
    await record_request(store, "not_yet_shown", created_at=after(seconds=2))
    await store.requests.record_drafts(make_draft_outcome("not_yet_shown"))
    assert await last() == "not_yet_shown"
    await record_redraft(store, "not_yet_shown", "child")
    assert await last() == "second"
    await record_choice(store, a_choice("second"))
    assert await last() == "first"
    await retract_choice(store, "second")
    assert await last() == "second"


async def test_what_an_agent_waits_for(store: Store) -> None:
    async def is_drafting(agent_id: str = "U1") -> bool:
        return await store.requests.is_drafting(team_id="T1", agent_id=agent_id, since=AT)

    await record_request(store, "too_old", created_at=AT - timedelta(milliseconds=1))
    await record_request(store, "other_team", team_id="T2")
    await record_request(store, "someone_elses", agent_id="U2")
    await record_shown(store, "shown")
    await record_failed(store, "failed")
    assert not await is_drafting()
    assert await is_drafting("U2")
    await record_request(store, "still_drafting")
    assert await is_drafting()
    await store.requests.record_drafts(make_draft_outcome("still_drafting"))
    assert not await is_drafting()


async def test_the_last_open_request_comes_with_its_candidates(store: Store) -> None:
    await record_shown(store)
    entry = await store.requests.find_last_open(team_id="T1", agent_id="U1", since=AT)
    assert entry is not None
    assert len(entry.candidates) == 3
    assert entry.events == ()


async def test_what_others_have_open_in_a_channel(store: Store) -> None:
    """Undecided, of other agents, since then; oldest first."""

    async def others() -> list[str]:
        found = await store.requests.list_open_in_channel(team_id="T1", channel_id="C1", except_agent_id="U1", since=AT)
        return [request.id for request in found]

    await record_request(store, "too_old", agent_id="U2", created_at=AT - timedelta(milliseconds=1))
    await record_request(store, "own")
    await record_request(store, "elsewhere", agent_id="U2", channel_id="C2")
    await record_request(store, "other_team", agent_id="U2", team_id="T2")
    await record_shown(store, "decided", agent_id="U2")
    await record_choice(store, a_choice("decided"))
    assert await others() == []
    await record_shown(store, "second", agent_id="U3", created_at=after(seconds=2))
    await record_request(store, "first", agent_id="U2", created_at=after(seconds=1))
    assert await others() == ["first", "second"]
    await retract_choice(store, "decided")
    assert await others() == ["decided", "first", "second"]


async def test_the_newest_way_back_is_kept(store: Store) -> None:
    await record_shown(store)
    await store.requests.keep_response_url("r1", ResponseUrl(url=SECRET, expires_at=after(minutes=40)))
    entry = await store.requests.get("r1")
    assert entry is not None
    assert (entry.request.response_url, entry.request.response_url_expires_at) == (SECRET, after(minutes=40))


async def test_tokens_are_summed_read_and_written(store: Store) -> None:
    """Those of translations too, on the day when they were made."""
    assert await store.requests.count_tokens_since(since=AT) == 0
    for request_id, created_at in (("before", AT - timedelta(seconds=1)), ("today", AT)):
        await record_request(store, request_id, created_at=created_at)
        counted = some_candidates(request_id, 3, prompt_tokens=100, completion_tokens=10)
        uncounted = replace(counted[2], prompt_tokens=None, completion_tokens=5)
        await store.requests.record_drafts(make_draft_outcome(request_id, [*counted[:2], uncounted]))
    assert await store.requests.count_tokens_since(since=AT) == 225
    told = ({"prompt_tokens": 40, "completion_tokens": 2}, {"prompt_tokens": None}, {"prompt_tokens": "many"}, {})
    for data in told:
        await store.requests.record_event(Event(request_id="before", type="translated", at=AT, data=data))
    early = Event(request_id="before", type="translated", at=AT - timedelta(seconds=1), data={"prompt_tokens": 9})
    await store.requests.record_event(early)
    assert await store.requests.count_tokens_since(since=AT) == 225 + 42


async def test_the_unknown_is_none(store: Store) -> None:
    assert await store.requests.get("nobody") is None
    assert await store.requests.get_by_candidate("nobody") is None


async def test_a_playbook_is_kept_once(store: Store) -> None:
    for text in ("first", "same version, so the same text"):
        await store.requests.keep_playbook(prompt_version="p1", text=text, at=AT)
    assert await store.rows("SELECT * FROM playbooks") == [
        {"prompt_version": "p1", "text": "first", "first_used_at": to_iso(AT)}
    ]


async def test_a_playbook_kept_by_many_at_once_is_kept_once(store: Store) -> None:
    await asyncio.gather(*(store.requests.keep_playbook(prompt_version="p1", text="t", at=AT) for _ in range(5)))
    assert await store.count("playbooks") == 1


async def test_a_demonstrations_database_says_so(store: Store) -> None:
    assert not await store.audit.is_demonstration()
    await store.audit.record(at=AT, actor="cli", action="exported", data={"requests": 3})
    assert not await store.audit.is_demonstration()
    await store.audit.record(at=AT, actor="cli", action="demonstration_database", data={})
    assert await store.audit.is_demonstration()
    assert (await store.rows("SELECT actor, action, data FROM audit ORDER BY seq"))[0] == {
        "actor": "cli",
        "action": "exported",
        "data": '{"requests":3}',
    }


def test_secrets_are_not_in_a_records_repr() -> None:
    """Records end up in tracebacks and debuggers."""
    request = a_request(response_url=SECRET, response_url_expires_at=AT)
    assert SECRET not in repr(request)
    assert SECRET not in repr(ResponseUrl(url=SECRET, expires_at=AT))
