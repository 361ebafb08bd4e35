"""From an ask to candidates in their places: what fails, what is dropped, what is recorded with which probability."""

import logging
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from math import factorial

import pytest

from bot.drafting import DraftFailed
from bot.errors import LimitReached, MessageTooLong
from bot.ordering.policies import PlackettLuce, draw_order
from bot.ordering.shuffle import Order, keep_drafting_order
from bot.suggesting.admission import MESSAGE_LIMIT
from storage.errors import DuplicateDelivery, OwnershipLost, RequestClosed
from storage.records import Candidate, Request, ResponseUrl, Turn
from tests.bot.desk import PLAYBOOK, WORDS, Desk, make_draft
from tests.storage.stores import AT, after


def make_failure(error: str = "refused") -> DraftFailed:
    return DraftFailed(error, attempts=2, latency_ms=90)  # type: ignore[arg-type]


async def test_an_ask_is_recorded_before_anything_is_drafted(desk: Desk) -> None:
    response_url = ResponseUrl(url="https://hooks.slack.com/x", expires_at=after(minutes=30))
    ask = desk.make_ask("Where?", thread_ts="1.2", hint="short", response_url=response_url)
    request = await desk.make_suggester(candidates=5).accept(ask)
    [entry] = await desk.store.entries()
    assert entry.request == replace(request, owner="here")
    assert (request.status, request.created_at, request.k_requested) == ("drafting", AT, 5)
    assert (request.hint, request.thread_ts, request.surface) == ("short", "1.2", "slash")
    assert (request.response_url, request.response_url_expires_at) == (response_url.url, response_url.expires_at)
    assert (request.prompt_version, request.app_version) == (PLAYBOOK.prompt_version, "0.1.0")
    assert (request.policy, request.ranker_version, request.simulated) == ("uniform", None, False)
    assert desk.drafter.briefs == []


async def test_an_ask_counts_once(desk: Desk) -> None:
    ask = desk.make_ask()
    await desk.make_suggester().accept(ask)
    with pytest.raises(DuplicateDelivery):
        await desk.make_suggester().accept(ask)


@pytest.mark.parametrize("over", [0, 1])
async def test_a_conversation_has_a_limit(desk: Desk, over: int) -> None:
    turns = (Turn(role="customer", text="x" * MESSAGE_LIMIT), Turn(role="agent", text="x" * over))
    if not over:
        await desk.make_suggester().accept(desk.make_ask(conversation=turns))
        return
    with pytest.raises(MessageTooLong) as caught:
        await desk.make_suggester().accept(desk.make_ask(conversation=turns))
    assert (caught.value.length, caught.value.limit) == (MESSAGE_LIMIT + 1, MESSAGE_LIMIT)
    assert await desk.store.entries() == []


async def test_an_agent_who_asks_too_often_is_told_and_nothing_is_recorded(desk: Desk) -> None:
    suggester = desk.make_suggester(limits=desk.make_limits(agent_per_minute=1))
    request = await suggester.accept(desk.make_ask())
    with pytest.raises(LimitReached):
        await suggester.accept(desk.make_ask())
    with pytest.raises(LimitReached):
        await suggester.redraft(desk.make_click(), request.id)
    assert await desk.store.count("requests") == 1
    told = desk.metrics.render_exposition(in_flight=0, waiting=0, tasks=0)[0].decode()
    assert 'suggest_refused_total{outcome="agent_per_minute",surface="slash"} 2.0' in told


async def test_what_was_answered_is_not_refused_when_slack_delivers_it_again(desk: Desk) -> None:
    """The first delivery reached the limit; its answer stands."""
    suggester, ask = desk.make_suggester(limits=desk.make_limits(agent_per_minute=1)), desk.make_ask()
    await suggester.accept(ask)
    with pytest.raises(DuplicateDelivery):
        await suggester.accept(ask)


async def test_what_cannot_be_stored_is_taken_out_of_the_ask(desk: Desk) -> None:
    """A terminal may give lone surrogates, a forged payload NULs."""
    request = await desk.make_suggester().accept(desk.make_ask("a\x00b\udcff", hint="c\x00d"))
    assert (request.conversation[0].text, request.hint) == ("ab?", "cd")
    assert (await desk.store.entries())[0].request == replace(request, owner="here")


# --- drafting -----------------------------------------------------------------------------------------


async def test_every_draft_is_a_candidate_with_its_measurements(desk: Desk) -> None:
    entry = await desk.draft(
        make_draft("one", mean_logprob=-0.5, temperature=None), make_failure("rate_limited"), "two"
    )
    [recorded] = await desk.store.entries()
    assert recorded.candidates == entry.candidates
    assert recorded.request == replace(entry.request, owner="here")
    one, failed, two = entry.candidates
    assert [candidate.sample_index for candidate in entry.candidates] == [0, 1, 2]
    assert (one.text, one.error, one.latency_ms, one.attempts) == ("one", None, 812, 1)
    assert (one.model, one.model_returned, one.finish_reason) == ("gpt-4o-mini", "gpt-4o-mini-2024", "stop")
    assert (one.prompt_tokens, one.completion_tokens, one.mean_logprob) == (210, 64, -0.5)
    assert (one.temperature, two.temperature) == (None, 0.7)
    assert (failed.text, failed.error, failed.attempts, failed.latency_ms) == (None, "rate_limited", 2, 90)
    assert (failed.position, failed.first_propensity, failed.dropped_reason) == (None, None, None)
    assert {candidate.score for candidate in entry.candidates} == {None}


@pytest.mark.parametrize("shown", range(1, 6))
async def test_propensities_are_of_what_is_shown(desk: Desk, shown: int) -> None:
    results = [*WORDS[:shown], *(make_failure() for _ in range(5 - shown))]
    entry = await desk.draft(*results)
    assert entry.request.order_propensity == 1 / factorial(shown)
    assert {candidate.first_propensity for candidate in entry.visible} == {1 / shown}
    assert [candidate.position for candidate in entry.visible] == list(range(1, shown + 1))
    assert {candidate.inclusion_propensity for candidate in entry.candidates} == {1.0}
    assert entry.request.sent_to_slack_at == desk.clock.now()


@pytest.mark.parametrize(("k", "inclusion"), [(1, 0.2), (3, 0.6), (5, 1.0), (7, 1.0), (10, 1.0)])
async def test_styles_are_drawn_from_the_playbook(desk: Desk, k: int, inclusion: float) -> None:
    entry = await desk.draft(*WORDS[:k])
    styles = [candidate.style for candidate in entry.candidates]
    names = [style.name for style in PLAYBOOK.styles]
    assert set(styles) <= set(names)
    assert {candidate.inclusion_propensity for candidate in entry.candidates} == {inclusion}
    assert all(k // 5 <= styles.count(name) <= -(-k // 5) for name in names)
    assert [brief.style.name for brief in desk.drafter.briefs] == styles
    assert len(entry.visible) == k


async def test_near_duplicates_are_hidden_and_kept_in_the_log(desk: Desk) -> None:
    entry = await desk.draft("It will arrive on Friday.", "Something else", "it will arrive on friday")
    kept, other, hidden = entry.candidates
    assert (hidden.dropped_reason, hidden.duplicate_of, hidden.position) == ("near_duplicate", kept.id, None)
    assert (hidden.first_propensity, hidden.error) == (None, None)
    assert hidden.text == "it will arrive on friday"
    assert {kept.position, other.position} == {1, 2}
    assert entry.request.order_propensity == 1 / 2
    assert {kept.first_propensity, other.first_propensity} == {1 / 2}


class ByLength:
    """Longer replies first, more often than not."""

    def order(self, request: Request, candidates: Sequence[Candidate]) -> Order:
        scores = [len(candidate.text or "") / 10 for candidate in candidates]
        ids = [candidate.id for candidate in candidates]
        return draw_order(ids, scores, policy=PlackettLuce(), ranker_version="v1", rng=random.Random(1))


async def test_an_order_from_scores_is_recorded_with_all_that_made_it(desk: Desk) -> None:
    """The policy, its parameters, the ranker, each score, each probability; what is not shown has none."""
    suggester = desk.make_suggester(candidates=4, orderer=ByLength())
    desk.drafter.results = ["no", "a longer one", "a longer one", make_failure()]
    entry = await suggester.draft(await suggester.accept(desk.make_ask()))
    [recorded] = await desk.store.entries()
    assert recorded.candidates == entry.candidates
    assert recorded.request == replace(entry.request, owner="here")
    assert (entry.request.policy, entry.request.ranker_version) == ("plackett_luce", "v1")
    assert entry.request.policy_params == {"epsilon": 0.1, "temperature": 0.25}
    assert {candidate.text: candidate.score for candidate in entry.visible} == {"no": 0.2, "a longer one": 1.2}
    scores = [candidate.score or 0.0 for candidate in entry.visible]
    assert entry.request.order_propensity == PlackettLuce().order_probability(scores, [0, 1])
    first = [candidate.first_propensity for candidate in entry.visible]
    assert first == PlackettLuce().first_probabilities(scores)
    assert {(each.score, each.first_propensity) for each in entry.candidates if each.position is None} == {(None, None)}


async def test_a_redraft_begins_without_an_order(desk: Desk) -> None:
    """What drew the parent's order says nothing of the child's."""
    suggester = desk.make_suggester(orderer=ByLength())
    entry = await suggester.draft(await suggester.accept(desk.make_ask()))
    child = await suggester.redraft(desk.make_click(), entry.request.id)
    assert (child.policy, child.policy_params, child.ranker_version) == ("uniform", {}, None)


async def test_a_failed_draft_hides_no_other(desk: Desk) -> None:
    entry = await desk.draft(make_failure(), make_failure("empty"), "one")
    assert [candidate.dropped_reason for candidate in entry.candidates] == [None] * 3
    assert len(entry.visible) == 1


async def test_where_all_fail_the_request_failed(desk: Desk) -> None:
    entry = await desk.draft(make_failure("timed_out"), make_failure("refused"), make_failure("unreachable"))
    assert entry.request.status == "failed"
    assert (entry.request.order_propensity, entry.request.sent_to_slack_at, entry.visible) == (None, None, ())
    [recorded] = await desk.store.entries()
    assert (recorded.request.status, recorded.request.sent_to_slack_at) == ("failed", None)
    assert recorded.events == entry.events
    assert recorded.events[0].data == {"errors": ["timed_out", "refused", "unreachable"]}


async def test_a_bug_in_one_draft_spares_the_others_and_is_logged(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        entry = await desk.draft(KeyError("choices"), "one", "two")
    assert entry.candidates[0].error == "invalid_output"
    assert len(entry.visible) == 2
    assert caplog.records[0].exc_info is not None


async def test_a_failure_is_logged_without_anybodys_text(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="bot"):
        await desk.draft(make_failure(), "Dear customer", "two")
    assert "refused" in caplog.text
    assert "Dear customer" not in caplog.text
    assert "Where is my order" not in caplog.text


@pytest.mark.parametrize("nothing", ["\x00", " \x00 "])
async def test_a_draft_of_which_nothing_is_left_is_empty(desk: Desk, nothing: str) -> None:
    entry = await desk.draft(nothing, "one")
    assert (entry.candidates[0].text, entry.candidates[0].error) == (None, "empty")
    assert entry.candidates[0].completion_tokens == 64
    assert [candidate.text for candidate in entry.visible] == ["one"]


async def test_what_cannot_be_stored_is_taken_out_of_drafts(desk: Desk) -> None:
    entry = await desk.draft("a\x00b", "c\ud800d")
    assert [candidate.text for candidate in entry.candidates] == ["ab", "c?d"]


async def test_the_deadline_counts_from_the_ask(desk: Desk) -> None:
    """Ten seconds in a queue are ten seconds less for the model."""
    suggester = desk.make_suggester(deadline_s=25.0)
    request = await suggester.accept(desk.make_ask())
    asked_at = desk.clock.monotonic()
    desk.clock.tick(10)
    await suggester.draft(request)
    assert {brief.deadline for brief in desk.drafter.briefs} == {asked_at + 25.0}


async def test_the_deadline_of_what_was_taken_over_counts_from_then(desk: Desk) -> None:
    suggester = desk.make_suggester(deadline_s=25.0)
    request = await suggester.accept(desk.make_ask())
    desk.clock.tick(600)
    started_at = desk.clock.now()
    desk.clock.tick(5)
    await suggester.draft(request, started_at=started_at)
    assert {brief.deadline for brief in desk.drafter.briefs} == {desk.clock.monotonic() + 20.0}


async def test_where_places_are_visible_before_their_drafts_nothing_moves(desk: Desk) -> None:
    suggester = desk.make_suggester(candidates=5)
    entry = await suggester.draft(await suggester.accept(desk.make_ask()), arrange=keep_drafting_order)
    assert [candidate.position for candidate in entry.candidates] == [1, 2, 3, 4, 5]
    assert entry.request.order_propensity == pytest.approx(1 / 120)
    assert {candidate.first_propensity for candidate in entry.candidates} == {1 / 5}


async def test_what_another_replica_has_taken_over_is_not_recorded(desk: Desk) -> None:
    """One that was only slow loses its claim; the candidates of the other stand."""
    request = await desk.make_suggester().accept(desk.make_ask())
    slow = desk.make_suggester()
    [taken] = (await desk.restart()).to_draft
    entry = await desk.make_suggester().draft(taken)
    with pytest.raises(OwnershipLost):
        await slow.draft(request)
    [recorded] = await desk.store.entries()
    assert recorded.candidates == entry.candidates


async def test_the_briefs_say_all_that_a_draft_needs(desk: Desk) -> None:
    suggester = desk.make_suggester()
    request = await suggester.accept(desk.make_ask("Where?", hint="short"))
    await suggester.draft(request)
    brief = desk.drafter.briefs[1]
    assert (brief.conversation, brief.hint, brief.previous) == (request.conversation, "short", ())
    assert (brief.request_id, brief.agent_id, brief.sample_index) == (request.id, "T1:U1", 1)
    assert brief.playbook is suggester.playbook
    [config] = desk.drafter.configs
    assert config == {
        "max_concurrency": 3,
        "tags": ["suggest", "slash"],
        "metadata": {"request_id": request.id, "prompt_version": PLAYBOOK.prompt_version},
    }


async def test_a_style_may_have_a_model_of_its_own_unless_drafts_are_simulated(desk: Desk) -> None:
    style = replace(PLAYBOOK.styles[0], model="big")
    playbook = replace(PLAYBOOK, styles=(style,))
    for simulated, model in ((False, "big"), (True, "gpt-4o-mini")):
        suggester = desk.make_suggester(playbook=playbook, simulated=simulated)
        entry = await suggester.draft(await suggester.accept(desk.make_ask()))
        assert {candidate.model for candidate in entry.candidates} == {model}
        assert entry.request.simulated is simulated


# --- shown ----------------------------------------------------------------------------------------------


async def test_what_is_visible_is_recorded_as_shown(desk: Desk) -> None:
    entry = await desk.show("one", "two")
    [recorded] = await desk.store.entries()
    assert (recorded.request.status, recorded.request.shown_at) == ("shown", desk.clock.now())
    assert [event.type for event in recorded.events] == ["shown"]
    await desk.make_suggester().record_shown_again(entry.request)
    [recorded] = await desk.store.entries()
    assert [event.data for event in recorded.events] == [{}, {"again": True}]


async def test_the_last_open_request_is_of_the_last_day(desk: Desk) -> None:
    entry = await desk.show("one")
    last = await desk.make_suggester().find_last_open(team_id="T1", agent_id="U1")
    assert last is not None
    assert last.request.id == entry.request.id
    desk.clock.tick(timedelta(days=1).total_seconds())
    assert await desk.make_suggester().find_last_open(team_id="T1", agent_id="U1") is None


# --- redraft ----------------------------------------------------------------------------------------------


async def test_a_redraft_asks_the_same_anew(desk: Desk) -> None:
    parent = await desk.show("one", "two", hint="short", thread_ts="1.2")
    desk.clock.tick(9)
    response_url = ResponseUrl(url="https://hooks.slack.com/y", expires_at=after(minutes=40))
    child = await desk.make_suggester(candidates=4).redraft(
        desk.make_click(response_url=response_url), parent.request.id
    )
    recorded = {entry.request.id: entry for entry in await desk.store.entries()}
    assert recorded[child.id].request == replace(child, owner="here")
    assert (child.conversation, child.hint, child.thread_ts) == (parent.request.conversation, "short", "1.2")
    assert (child.created_at, child.status, child.k_requested) == (desk.clock.now(), "drafting", 4)
    assert (child.sent_to_slack_at, child.shown_at, child.order_propensity) == (None, None, None)
    assert (child.parent_request_id, child.response_url) == (parent.request.id, response_url.url)
    assert recorded[parent.request.id].request.status == "redrafted"
    assert recorded[parent.request.id].choice is None
    assert recorded[parent.request.id].events[-1].data == {"child_request_id": child.id}


async def test_a_redraft_knows_what_the_agent_did_not_want_in_the_order_shown(desk: Desk) -> None:
    """From the log, so that whoever takes it over knows too; what was hidden was not refused."""
    parent = await desk.show("one", "two three four", "two three four", make_failure())
    child = await desk.make_suggester().redraft(desk.make_click(), parent.request.id)
    desk.drafter.results = ()
    await desk.make_suggester().draft(child)
    expected = tuple(candidate.text for candidate in parent.visible)
    assert set(expected) == {"one", "two three four"}
    assert {brief.previous for brief in desk.drafter.briefs} == {expected}


async def test_a_redraft_of_what_was_erased_knows_nothing(desk: Desk) -> None:
    parent = await desk.show("one")
    child = await desk.make_suggester().redraft(desk.make_click(), parent.request.id)
    await desk.store.change(f"DELETE FROM requests WHERE id = '{parent.request.id}'")
    desk.drafter.results = ()
    await desk.make_suggester().draft(child)
    assert {brief.previous for brief in desk.drafter.briefs} == {()}


async def test_a_redraft_inherits_no_ranker(desk: Desk) -> None:
    """The child's candidates are ordered by today's policy, and logged as such."""
    parent = await desk.show("one")
    await desk.store.change(
        "UPDATE requests SET policy = 'plackett_luce', ranker_version = 'v1', policy_params = '{\"a\":1}'"
    )
    child = await desk.make_suggester().redraft(desk.make_click(), parent.request.id)
    assert (child.policy, child.ranker_version, child.policy_params) == ("uniform", None, {})


async def test_a_redraft_may_overtake_the_record_of_shown(desk: Desk) -> None:
    parent = await desk.draft("one", "two")
    sent_to_slack_at = desk.clock.now()
    desk.clock.tick(2)
    await desk.make_suggester().redraft(desk.make_click(), parent.request.id)
    await desk.make_suggester().record_shown(parent, at=desk.clock.now())
    recorded = (await desk.store.entries())[0]
    assert (recorded.request.status, recorded.request.shown_at) == ("redrafted", sent_to_slack_at)
    assert [event.type for event in recorded.events] == ["shown", "redrafted"]


async def test_a_failed_request_is_tried_again_once(desk: Desk) -> None:
    failed = await desk.draft(make_failure(), make_failure())
    child = await desk.make_suggester().redraft(desk.make_click(), failed.request.id)
    assert child.parent_request_id == failed.request.id
    with pytest.raises(RequestClosed):
        await desk.make_suggester().redraft(desk.make_click(), failed.request.id)
    recorded = await desk.store.requests.get(failed.request.id)
    assert recorded is not None
    assert (recorded.request.status, recorded.request.shown_at) == ("failed", None)


async def test_a_redelivered_redraft_is_one(desk: Desk) -> None:
    parent = await desk.show("one")
    click = desk.make_click()
    await desk.make_suggester().redraft(click, parent.request.id)
    with pytest.raises(DuplicateDelivery):
        await desk.make_suggester().redraft(click, parent.request.id)
    assert await desk.store.count("requests") == 2
