"""Threads, mentions, direct and pasted messages: from the ask to a recorded choice."""

import asyncio
import json
import re
from typing import Any

import pytest

from playground import Dispatch, Entry, Ephemeral, ErrorResponse, Message, ServerError, User, View
from playground.model_server import Call, ErrorStatus, build_default_text
from tests.conftest import Stage, StageMaker
from tests.handlers.test_main_path import list_button_values
from tests.shown import list_texts

CUSTOMERS_WORDS = "Where is my order 4711?"


def join_text(surface: View | Message | Ephemeral) -> str:
    return json.dumps(surface.blocks, ensure_ascii=False)


def write_thread(stage: Stage, *, author: User | None = None) -> Message:
    """A customer has written, an agent has asked back, and the customer has answered: the customer's last message."""
    slack = stage.slack
    customer = author or slack.people.stranger
    first = slack.write(customer, slack.channels.support, CUSTOMERS_WORDS)
    slack.write(stage.agent, slack.channels.support, "Which e-mail address was it?", thread_ts=first.ts)
    return slack.write(customer, slack.channels.support, "paula@example.com", thread_ts=first.ts)


async def wait_for_modal(stage: Stage, needle: str, *, user: User | None = None) -> View:
    return await stage.slack.wait_for_view(user or stage.agent, lambda view: needle in join_text(view))


async def wait_for_full_modal(stage: Stage, count: int = 3) -> View:
    """The modal once all candidates stand in it."""
    return await stage.slack.wait_for_view(
        stage.agent, lambda view: len(list_button_values(view.blocks, "use_candidate")) == count
    )


async def wait_until_all_shown(stage: Stage) -> dict[str, Any]:
    """The newest request, once all its candidates are recorded as visible, which follows the update by a moment."""
    async with asyncio.timeout(120):
        while True:
            line = (await stage.log())[-1]
            if line["request"]["status"] == "shown" and all(each["shown_at"] for each in line["candidates"]):
                return line
            await asyncio.sleep(0.02)


async def open_modal(stage: Stage, message: Message | None = None) -> View:
    await stage.slack.run_message_shortcut(stage.agent, message or write_thread(stage), "suggest_replies")
    return await wait_for_full_modal(stage)


def list_entries(stage: Stage, name: str) -> list[Entry]:
    return [entry for entry in stage.slack.journal.entries if (entry.kind, entry.name) == ("request", name)]


def view_thread(stage: Stage) -> str | None:
    return stage.slack.messages(stage.slack.channels.support)[-1].thread_ts


class Gates:
    """A model that writes each draft only when it is let."""

    def __init__(self, stage: Stage) -> None:
        self._gates = [asyncio.Event() for _ in range(3)]
        self._free = iter(self._gates)
        self._stage = stage
        stage.model.script(self._answer)

    async def _answer(self, call: Call) -> str:
        await next(self._free).wait()
        return build_default_text(call.texts)

    async def ready(self) -> None:
        await self._stage.model.wait_calls(3)

    def open(self, *indexes: int) -> None:
        for index in indexes:
            self._gates[index].set()


@pytest.mark.parametrize("over", ["http", "socket"])
async def test_a_thread_answered_from_a_messages_menu(stage_with: StageMaker, over: str) -> None:
    async with stage_with(over=over) as stage:
        last = write_thread(stage)
        outcome = await stage.slack.run_message_shortcut(stage.agent, last, "suggest_replies")
        assert outcome.acknowledged
        view = await wait_for_full_modal(stage)
        assert view.title == "Suggested replies"
        chosen = list_button_values(view.blocks, "use_candidate")[1]
        await stage.slack.click(stage.agent, view, "use_candidate", value=chosen)
        await wait_for_modal(stage, "Sent in")
        line = await stage.logged("shown", "used", "sent")
        assert line["request"]["surface"] == "shortcut"
        assert line["request"]["thread_ts"] == last.thread_ts
        assert line["request"]["conversation"] == [
            {"role": "customer", "text": CUSTOMERS_WORDS},
            {"role": "agent", "text": "Which e-mail address was it?"},
            {"role": "customer", "text": "[EMAIL_1]"},
        ]
        assert line["choice"]["candidate_id"] == chosen
        assert sorted(line["choice"]["visible_candidate_ids"]) == sorted(
            list_button_values(view.blocks, "use_candidate")
        )
        posted = stage.slack.messages(stage.slack.channels.support)[-1]
        assert (posted.text, posted.thread_ts) == (line["choice"]["final_text"], last.thread_ts)
        assert stage.slack.ephemerals(stage.agent) == []


async def test_the_modal_opens_at_once_and_places_are_filled_as_drafts_are_done(stage: Stage) -> None:
    """Nothing that is visible moves or goes; each candidate is recorded before it is visible."""
    gates = Gates(stage)
    await stage.slack.run_message_shortcut(stage.agent, write_thread(stage), "suggest_replies")
    view = await wait_for_modal(stage, "Drafting…")
    assert join_text(view).count("Drafting…") == 3
    await gates.ready()
    gates.open(1)
    one = await wait_for_full_modal(stage, 1)
    [line] = await stage.log()
    [first] = [candidate for candidate in line["candidates"] if candidate["text"]]
    assert [first["id"]] == list_button_values(one.blocks, "use_candidate")
    assert join_text(one).count("Drafting…") == 2
    gates.open(0, 2)
    whole = await wait_for_full_modal(stage, 3)
    assert f"Reply {first['position']} ·" in join_text(whole)
    assert list_button_values(whole.blocks, "use_candidate")[first["position"] - 1] == first["id"]
    line = await wait_until_all_shown(stage)
    assert line["request"]["status"] == "shown"
    assert line["request"]["order_propensity"] == pytest.approx(1 / 6)
    shown = {candidate["shown_at"] for candidate in line["candidates"]}
    assert len(shown) >= 2, "each has its own moment"
    assert min(shown) == line["request"]["shown_at"]


async def test_a_reply_may_be_used_while_others_are_drafted(stage: Stage) -> None:
    """The rest is cancelled; the log says what the agent saw."""
    gates = Gates(stage)
    await stage.slack.run_message_shortcut(stage.agent, write_thread(stage), "suggest_replies")
    await gates.ready()
    gates.open(2)
    one = await wait_for_full_modal(stage, 1)
    await stage.slack.click(stage.agent, one, "use_candidate")
    await wait_for_modal(stage, "Sent in")
    await stage.model.wait_idle()
    line = await stage.logged("shown", "used", "sent")
    assert line["choice"]["visible_candidate_ids"] == list_button_values(one.blocks, "use_candidate")
    assert sorted(candidate["error"] or "" for candidate in line["candidates"]) == ["", "cancelled", "cancelled"]
    assert "Sent in" in join_text(stage.slack.open_views(stage.agent)[-1]), "nothing was painted over it"


async def test_a_question_on_the_modal_is_not_painted_over(stage: Stage) -> None:
    """Where the thread has moved on, the agent is asked, while the others are still drafted."""
    gates = Gates(stage)
    last = write_thread(stage)
    await stage.slack.run_message_shortcut(stage.agent, last, "suggest_replies")
    await gates.ready()
    gates.open(0)
    one = await wait_for_full_modal(stage, 1)
    stage.slack.write(
        stage.slack.people.stranger, stage.slack.channels.support, "Never mind!", thread_ts=last.thread_ts
    )
    await stage.slack.click(stage.agent, one, "use_candidate")
    asked = await wait_for_modal(stage, "use_anyway")
    gates.open(1, 2)
    async with asyncio.timeout(120):
        while len((await stage.log())[0]["candidates"]) < 3:  # noqa: ASYNC110 - a database tells nobody
            await asyncio.sleep(0.02)
    await stage.slack.wait_until_idle()
    assert stage.slack.open_views(stage.agent)[-1].hash == asked.hash
    await stage.slack.click(stage.agent, asked, "use_anyway")
    await wait_for_modal(stage, "Sent in")


async def test_what_failed_leaves_its_place(stage: Stage) -> None:
    stage.model.enqueue(ErrorStatus(status=400, message="no"))
    await stage.slack.run_message_shortcut(stage.agent, write_thread(stage), "suggest_replies")
    view = await wait_for_modal(stage, "not drafted: request refused")
    view = await stage.slack.wait_for_view(stage.agent, lambda each: "Drafting…" not in join_text(each))
    line = await stage.logged("shown")
    [failed] = [candidate for candidate in line["candidates"] if candidate["error"]]
    placed = sorted(candidate["position"] for candidate in line["candidates"] if candidate["position"])
    [gap] = {1, 2, 3} - set(placed)
    assert failed["position"] is None
    assert f"Reply {gap} · not drafted" in join_text(view)
    assert "1 of 3 drafts failed: request refused" in join_text(view)


async def test_edit_undo_redraft_and_dismiss_in_the_modal(stage: Stage) -> None:
    view = await open_modal(stage)
    await stage.slack.click(stage.agent, view, "edit_candidate")
    editor = await stage.slack.wait_for_view(stage.agent, lambda each: each.callback_id == "edit_reply")
    assert len(stage.slack.open_views(stage.agent)) == 2
    await stage.slack.submit(stage.agent, editor, {"reply": {"text": "My own words."}})
    confirmed = await wait_for_modal(stage, "Sent with your edit")
    assert [confirmed.id] == [each.id for each in stage.slack.open_views(stage.agent)]
    assert stage.slack.messages(stage.slack.channels.support)[-1].text == "My own words."
    await stage.slack.click(stage.agent, confirmed, "undo_choice")
    again = await wait_for_full_modal(stage)
    assert list_button_values(again.blocks, "use_candidate") == list_button_values(view.blocks, "use_candidate")
    assert stage.slack.messages(stage.slack.channels.support)[-1].text != "My own words."
    await stage.slack.click(stage.agent, again, "redraft_request")
    others = await stage.slack.wait_for_view(
        stage.agent,
        lambda each: (
            len(found := set(list_button_values(each.blocks, "use_candidate"))) == 3
            and not found & set(list_button_values(view.blocks, "use_candidate"))
        ),
    )
    await stage.slack.click(stage.agent, others, "dismiss_request")
    dismissed = await wait_for_modal(stage, "noted")
    await stage.slack.select(stage.agent, dismissed, "dismiss_reason", "wrong_tone")
    await wait_for_modal(stage, "Your reason is noted")
    parent, child = await stage.log()
    assert (parent["request"]["status"], child["choice"]["kind"]) == ("redrafted", "dismissed")
    assert child["request"]["parent_request_id"] == parent["request"]["id"]
    assert child["choice"]["reason"] == "wrong_tone"


async def test_what_slack_did_not_take_comes_privately(stage: Stage) -> None:
    """The last update is lost on the way: the replies are not."""
    stage.slack.faults.plan("views.update", ServerError(), times=20)
    await stage.slack.run_message_shortcut(stage.agent, write_thread(stage), "suggest_replies")
    shown = await stage.candidates()
    assert len(list_button_values(shown.blocks, "use_candidate")) == 3
    line = await stage.logged("shown")
    assert line["request"]["status"] == "shown"


async def test_where_the_modal_is_closed_at_the_click_the_agent_is_told_privately(stage: Stage) -> None:
    view = await open_modal(stage)
    click = stage.slack.prepare_click(stage.agent, view, "use_candidate")
    await stage.slack.close_view(stage.agent, view)
    await stage.slack.dispatch(click)
    told = await stage.private("Sent in")
    assert told.thread_ts == view_thread(stage)


async def test_where_the_trigger_has_expired_the_replies_come_privately(stage: Stage) -> None:
    """Nothing is lost: they stand in the thread, with a word on why they are there."""
    stage.slack.faults.plan("views.open", ErrorResponse(error="expired_trigger_id"))
    last = write_thread(stage)
    await stage.slack.run_message_shortcut(stage.agent, last, "suggest_replies")
    shown = await stage.candidates()
    assert shown.thread_ts == last.thread_ts
    assert "did not open the window in time" in join_text(shown)
    await stage.slack.click(stage.agent, shown, "use_candidate")
    await stage.private("Sent in")
    assert (await stage.logged("shown", "used", "sent"))["request"]["surface"] == "shortcut"


async def test_a_modal_closed_while_drafting_leaves_the_request_open(stage: Stage) -> None:
    gates = Gates(stage)
    await stage.slack.run_message_shortcut(stage.agent, write_thread(stage), "suggest_replies")
    await gates.ready()
    gates.open(0)
    one = await wait_for_full_modal(stage, 1)
    await stage.slack.close_view(stage.agent, one)
    gates.open(1, 2)
    await stage.slack.wait_until(lambda: bool(stage.slack.journal.calls("views.update")))
    async with asyncio.timeout(120):
        while len((await stage.log())[0]["candidates"]) < 3:  # noqa: ASYNC110 - a database tells nobody
            await asyncio.sleep(0.02)
    await stage.suggest("last")
    again = await stage.candidates()
    assert again.thread_ts is None, "where the agent has typed it"
    assert len(list_button_values(again.blocks, "use_candidate")) == 3
    line = await stage.logged("shown", "shown")
    assert all(candidate["shown_at"] for candidate in line["candidates"])
    await stage.slack.click(stage.agent, again, "use_candidate")
    await stage.private("Sent in")
    assert len(stage.slack.ephemerals(stage.agent)) == 1, "in the place of the candidates"


async def test_what_is_still_drafted_is_not_there_to_be_seen_again_yet(stage: Stage) -> None:
    gates = Gates(stage)
    await stage.slack.run_message_shortcut(stage.agent, write_thread(stage), "suggest_replies")
    await stage.slack.close_view(stage.agent, await wait_for_modal(stage, "Drafting…"))
    outcome = await stage.suggest("last")
    assert "still being drafted" in json.dumps(outcome.body)
    await gates.ready()
    gates.open(0, 1, 2)
    async with asyncio.timeout(120):
        while len((await stage.log())[0]["candidates"]) < 3:  # noqa: ASYNC110 - a database tells nobody
            await asyncio.sleep(0.02)
    await stage.suggest("last")
    assert len(list_button_values((await stage.candidates()).blocks, "use_candidate")) == 3


async def test_a_modal_that_takes_no_replies_leaves_them_privately(stage: Stage) -> None:
    """Where Slack refuses an update for another reason than that the modal is closed."""
    stage.slack.faults.plan("views.update", ErrorResponse(error="view_too_large"), times=20)
    await stage.slack.run_message_shortcut(stage.agent, write_thread(stage), "suggest_replies")
    shown = await stage.candidates()
    stage.slack.faults.clear()
    await stage.slack.click(stage.agent, shown, "use_candidate")
    posted = await stage.private("Sent in")
    assert stage.slack.ephemerals(stage.agent) == [posted], "in the place of the candidates"


async def test_a_view_that_somebody_changed_meanwhile_is_looked_at_anew(stage: Stage) -> None:
    """An update whose hash is out of date is made again, once, unless the agent has decided."""
    stage.slack.faults.plan("views.update", ErrorResponse(error="hash_conflict"))
    await open_modal(stage)
    refused = [entry for entry in stage.slack.journal.refusals() if entry.error == "hash_conflict"]
    assert len(refused) == 1
    assert (await stage.logged("shown"))["request"]["status"] == "shown"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("missing_scope", "missing scopes"),
        ("not_in_channel", "`/invite` it"),
        ("channel_not_found", "`/invite` it"),
        ("fatal_error", "did not hand over the thread"),
    ],
)
async def test_a_thread_that_cannot_be_read_is_said_with_the_fix(stage: Stage, error: str, told: str) -> None:
    """The message itself came with the shortcut: it is answered all the same."""
    stage.slack.faults.plan("conversations.replies", ErrorResponse(error=error))
    view = await open_modal(stage)
    assert told in join_text(view)
    line = await stage.logged("shown")
    assert line["request"]["conversation"] == [{"role": "customer", "text": "[EMAIL_1]"}]


async def test_in_a_private_channel_without_the_bot(stage: Stage) -> None:
    """What is said is how to let it in; the reply goes through the shortcut's own way, which asks for no membership."""
    message = stage.slack.write(stage.slack.people.colleague, stage.slack.channels.vault, CUSTOMERS_WORDS)
    view = await open_modal(stage, message)
    assert "`/invite` it" in join_text(view)
    await stage.slack.click(stage.agent, view, "use_candidate")
    await wait_for_modal(stage, "Sent in")
    posted = stage.slack.messages(stage.slack.channels.vault)[-1]
    assert (posted.user_id, posted.thread_ts) == (stage.slack.bot_user_id, message.ts)


async def test_in_an_archived_channel_the_reply_is_to_copy(stage: Stage) -> None:
    last = write_thread(stage)
    stage.slack.change_channel(stage.slack.channels.support, is_archived=True)
    view = await open_modal(stage, last)
    await stage.slack.click(stage.agent, view, "use_candidate")
    confirmed = await wait_for_modal(stage, "archived")
    line = await stage.logged("shown", "used")
    assert line["choice"]["final_text"] in "".join(list_texts(confirmed.blocks))


async def test_others_see_that_it_is_not_theirs(stage: Stage) -> None:
    """A view belongs to one person; a refusal in it opens over it."""
    view = await open_modal(stage)
    await stage.slack.click(stage.agent, view, "use_candidate")
    await wait_for_modal(stage, "Sent in")
    stage.slack.faults.plan("views.update", ErrorResponse(error="not_found"))
    await stage.slack.click(stage.agent, view, "redraft_request")
    await wait_for_modal(stage, "closed already")
    assert len(stage.slack.open_views(stage.agent)) == 2


async def test_a_database_that_takes_nothing_is_said_in_a_modal(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    from storage.errors import DatabaseUnavailable
    from storage.repositories.requests import Requests

    async def full(*_: Any, **__: Any) -> None:
        raise DatabaseUnavailable("full")

    monkeypatch.setattr(Requests, "record", full)
    await stage.slack.run_message_shortcut(stage.agent, write_thread(stage), "suggest_replies")
    await wait_for_modal(stage, "Nothing was recorded")
    assert await stage.log() == []


# --- a pasted message -----------------------------------------------------------------------------------------


async def test_a_pasted_message(stage: Stage) -> None:
    """The same modal; what is used there is shown to copy, since there is no conversation."""
    await stage.slack.run_global_shortcut(stage.agent, "suggest_anywhere")
    form = await stage.slack.wait_for_view(stage.agent, lambda view: view.callback_id == "paste_message")
    values = {"message": {"text": CUSTOMERS_WORDS}, "hint": {"text": "be brief"}}
    await stage.slack.submit(stage.agent, form, values)
    view = await wait_for_full_modal(stage)
    assert view.id == form.id
    await stage.slack.click(stage.agent, view, "edit_candidate")
    editor = await stage.slack.wait_for_view(stage.agent, lambda each: each.callback_id == "edit_reply")
    assert editor.content["submit"]["text"] == "Done"
    await stage.slack.submit(stage.agent, editor, {"reply": {"text": "My own words."}})
    copied = await wait_for_modal(stage, "to copy")
    assert "My own words." in join_text(copied)
    line = await stage.logged("shown", "edit_opened", "edited")
    request = line["request"]
    assert (request["surface"], request["hint"], request["thread_ts"]) == ("global", "be brief", None)
    assert request["conversation"] == [{"role": "customer", "text": CUSTOMERS_WORDS}]


async def test_nothing_pasted_is_said_in_the_modal(stage: Stage) -> None:
    await stage.slack.run_global_shortcut(stage.agent, "suggest_anywhere")
    form = await stage.slack.wait_for_view(stage.agent)
    await stage.slack.submit(stage.agent, form, {"message": {"text": "   "}})
    refused = await stage.slack.wait_for_view(stage.agent, lambda view: bool(view.errors))
    assert "no text" in refused.errors[0][1]
    assert await stage.log() == []


async def test_a_shortcut_that_slack_delivers_twice_opens_one_window(stage: Stage) -> None:
    payload = stage.slack.payloads.build_global_shortcut(stage.agent, "suggest_anywhere")
    delivery = Dispatch(kind="interactive", name="suggest_anywhere", payload=payload, user_id=stage.agent.id)
    await stage.slack.dispatch_twice(delivery)
    async with asyncio.timeout(120):
        while True:  # the second one fails, and changes nothing that could be waited for
            if len(stage.slack.journal.calls("views.open")) == 2:
                break
            await asyncio.sleep(0.01)
    await stage.slack.wait_until_idle()
    assert len(stage.slack.open_views(stage.agent)) == 1
    assert stage.slack.journal.calls("chat.postMessage") == []


async def test_where_the_window_to_paste_in_does_not_open_the_agent_is_told(stage: Stage) -> None:
    stage.slack.faults.plan("views.open", ErrorResponse(error="expired_trigger_id"))
    await stage.slack.run_global_shortcut(stage.agent, "suggest_anywhere")
    direct = stage.slack.channels.dm
    await stage.slack.wait_for_message(direct, lambda message: "choose the shortcut again" in join_text(message))


# --- mentions -------------------------------------------------------------------------------------------------


def mention(stage: Stage, thread_ts: str | None, hint: str = "") -> Message:
    words_to_us = f"<@{stage.slack.bot_user_id}> {hint}".strip()
    return stage.slack.write(stage.agent, stage.slack.channels.support, words_to_us, thread_ts=thread_ts)


async def test_a_mention_in_a_thread(stage: Stage) -> None:
    last = write_thread(stage)
    mention(stage, last.thread_ts, "be brief")
    shown = await stage.candidates()
    assert shown.thread_ts == last.thread_ts
    await stage.slack.click(stage.agent, shown, "use_candidate")
    await stage.private("Sent in")
    line = await stage.logged("shown", "used", "sent")
    assert (line["request"]["surface"], line["request"]["hint"]) == ("mention", "be brief")
    assert [turn["role"] for turn in line["request"]["conversation"]] == ["customer", "agent", "customer"]
    assert stage.slack.messages(stage.slack.channels.support)[-1].thread_ts == last.thread_ts


@pytest.mark.parametrize("kept", ["redacted", "full", "off"])
async def test_a_thread_is_answered_whatever_is_kept_of_it(stage_with: StageMaker, kept: str) -> None:
    """In a mention and in a modal; the reply that is posted has the originals in."""
    async with stage_with(suggest_store_text=kept) as stage:
        stage.model.script(lambda call: " ".join([*(f"word{call.index}{n}" for n in range(9)), _address(call.prompt)]))
        last = write_thread(stage)
        mention(stage, last.thread_ts)
        await stage.candidates()
        view = await open_modal(stage, last)
        assert "paula@example.com" in join_text(view)
        await stage.slack.click(stage.agent, view, "use_candidate")
        confirmed = await wait_for_modal(stage, "Sent in")
        assert "paula@example.com" in stage.slack.messages(stage.slack.channels.support)[-1].text
        await stage.slack.click(stage.agent, confirmed, "undo_choice")
        await stage.slack.wait_for_view(stage.agent, lambda each: "Undone" in join_text(each))


async def test_where_nothing_can_be_shown_in_the_thread_a_direct_message_links_to_it(stage: Stage) -> None:
    stage.slack.faults.plan("chat.postEphemeral", ErrorResponse(error="user_not_in_channel"))
    last = write_thread(stage)
    mention(stage, last.thread_ts)
    message = await stage.slack.wait_for_message(stage.slack.channels.dm)
    assert f"/archives/{last.channel_id}/p" in join_text(message)
    assert len(list_button_values(message.blocks, "use_candidate")) == 3


async def test_a_mention_by_an_app_with_the_agents_own_token(stage: Stage) -> None:
    """Slack tells of the app, too: it is the agent's all the same. In a direct message no less."""
    first = stage.slack.write(stage.slack.people.stranger, stage.slack.channels.support, CUSTOMERS_WORDS)
    for place, text, thread_ts in (
        (stage.slack.channels.support, f"<@{stage.slack.bot_user_id}> be brief", first.ts),
        (stage.slack.channels.dm, "Where is it?", None),
    ):
        posted = Message(
            ts=stage.slack.clock.ts(),
            channel_id=place.id,
            user_id=stage.agent.id,
            text=text,
            thread_ts=thread_ts,
            bot_id="B0OTHER",
        )
        stage.slack.state.put_message(posted)
    assert list_button_values((await stage.candidates()).blocks, "use_candidate")
    await stage.slack.wait_for_message(stage.slack.channels.dm, lambda message: "use_candidate" in join_text(message))
    assert sorted(line["request"]["surface"] for line in await stage.log()) == ["dm", "mention"]


async def test_a_mention_outside_of_a_thread_is_told_where_to_go(stage: Stage) -> None:
    mention(stage, None, "help me")
    told = await stage.private("below the customer's message")
    assert told.thread_ts is None
    assert await stage.log() == []


async def test_a_mention_that_slack_delivers_again_counts_once(stage: Stage) -> None:
    last = write_thread(stage)
    mention(stage, last.thread_ts)
    await stage.candidates()
    [delivery] = list_entries(stage, "event:app_mention")
    again = Dispatch(kind="events_api", name=delivery.name, payload=delivery.body, user_id=stage.agent.id)
    assert (await stage.slack.dispatch(again)).acknowledged
    await stage.logged("shown")
    assert len(await stage.log()) == 1


async def test_an_event_that_the_database_does_not_take_comes_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not acknowledged, so Slack delivers it anew."""
    from storage.errors import DatabaseUnavailable
    from storage.repositories.requests import Requests

    record, failures = Requests.record, [DatabaseUnavailable("full")]

    async def once_full(self: Requests, *args: Any, **named: Any) -> None:
        if failures:
            raise failures.pop()
        await record(self, *args, **named)

    monkeypatch.setattr(Requests, "record", once_full)
    last = write_thread(stage)
    mention(stage, last.thread_ts)
    await stage.candidates()
    assert len(await stage.log()) == 1
    assert stage.slack.ephemerals(stage.agent)[0].thread_ts == last.thread_ts


@pytest.mark.parametrize(
    ("error", "told"),
    [("missing_scope", "channels:history"), ("not_in_channel", "`/invite` it"), ("fatal_error", "in a minute")],
)
async def test_a_mention_in_a_thread_that_cannot_be_read_says_why(stage: Stage, error: str, told: str) -> None:
    """There is no message that came with it: nothing is drafted, and that is said."""
    stage.slack.faults.plan("conversations.replies", ErrorResponse(error=error))
    mention(stage, write_thread(stage).thread_ts)
    shown = await stage.private("Nothing was drafted")
    assert told in shown.text
    assert [line["request"]["status"] for line in await stage.log()] == ["failed"]


# --- direct messages ------------------------------------------------------------------------------------------


async def test_a_direct_message_is_a_customers(stage: Stage) -> None:
    """The candidates are one message there, which fills; what is used is shown in its place, to copy."""
    gates = Gates(stage)
    direct = stage.slack.channels.dm
    stage.slack.write(stage.agent, direct, "Where is my order? &amp; when? // be brief")
    posted = await stage.slack.wait_for_message(direct, lambda message: "Drafting…" in join_text(message))
    await gates.ready()
    gates.open(0, 1, 2)
    whole = await stage.slack.wait_for_message(
        direct, lambda message: len(list_button_values(message.blocks, "use_candidate")) == 3
    )
    assert whole.ts == posted.ts
    await stage.slack.click(stage.agent, whole, "use_candidate")
    copied = await stage.slack.wait_for_message(direct, lambda message: "to copy" in join_text(message))
    assert copied.ts == posted.ts
    line = await stage.logged("shown", "used")
    assert (line["request"]["surface"], line["request"]["hint"]) == ("dm", "be brief")
    assert line["request"]["conversation"][0]["text"] == "Where is my order? & when?"
    assert len(stage.slack.messages(direct)) == 2


async def test_a_message_that_takes_no_replies_is_followed_by_one_that_has_them(stage: Stage) -> None:
    direct = stage.slack.channels.dm
    stage.slack.faults.plan("chat.update", ErrorResponse(error="message_not_found"), times=20)
    stage.slack.write(stage.agent, direct, "Where is my order?")
    whole = await stage.slack.wait_for_message(
        direct, lambda message: len(list_button_values(message.blocks, "use_candidate")) == 3
    )
    assert (await wait_until_all_shown(stage))["request"]["status"] == "shown"
    await stage.slack.click(stage.agent, whole, "use_candidate")
    await stage.slack.wait_for_message(direct, lambda message: "to copy" in join_text(message))


async def test_others_in_a_direct_message_take_the_same_place(stage: Stage) -> None:
    direct = stage.slack.channels.dm
    stage.slack.write(stage.agent, direct, "Where is my order?")
    whole = await stage.slack.wait_for_message(
        direct, lambda message: len(list_button_values(message.blocks, "use_candidate")) == 3
    )
    first = set(list_button_values(whole.blocks, "use_candidate"))
    await stage.slack.click(stage.agent, whole, "redraft_request")
    again = await stage.slack.wait_for_message(
        direct, lambda message: len(set(list_button_values(message.blocks, "use_candidate")) - first) == 3
    )
    assert again.ts == whole.ts


@pytest.mark.parametrize("subtype", ["me_message", "thread_broadcast"])
async def test_a_direct_message_is_drafted_for_however_it_was_written(stage: Stage, subtype: str) -> None:
    """With /me, or in a thread and sent to the conversation too."""
    direct = stage.slack.channels.dm
    written = Message(
        ts=stage.slack.clock.ts(),
        channel_id=direct.id,
        user_id=stage.agent.id,
        text="Where is my order?",
        subtype=subtype,
    )
    stage.slack.state.put_message(written)
    whole = await stage.slack.wait_for_message(
        direct, lambda message: len(list_button_values(message.blocks, "use_candidate")) == 3
    )
    assert whole.thread_ts == written.ts
    [line] = await stage.log()
    assert line["request"]["conversation"][0]["text"] == "Where is my order?"


@pytest.mark.parametrize("text", ["help", ""])
async def test_help_in_a_direct_message(stage: Stage, text: str) -> None:
    if not text:
        file = {"id": "F1", "name": "receipt.pdf"}
        written = Message(
            ts=stage.slack.clock.ts(),
            channel_id=stage.slack.channels.dm.id,
            user_id=stage.agent.id,
            text="",
            subtype="file_share",
            files=(file,),
        )
        stage.slack.state.put_message(written)
    else:
        stage.slack.write(stage.agent, stage.slack.channels.dm, text)
    await stage.slack.wait_for_message(
        stage.slack.channels.dm, lambda message: "Send me a customer" in join_text(message)
    )
    assert await stage.log() == []


async def test_our_own_messages_and_edits_are_no_asks(stage: Stage) -> None:
    direct = stage.slack.channels.dm
    stage.slack.write(stage.agent, direct, "Where is my order?")
    whole = await stage.slack.wait_for_message(
        direct, lambda message: len(list_button_values(message.blocks, "use_candidate")) == 3
    )
    asked = stage.slack.messages(direct)[0]
    stage.slack.state.delete_message(asked)
    await stage.slack.wait_until_idle()
    assert whole.ts != asked.ts
    assert len(await stage.log()) == 1


def _address(prompt: str) -> str:
    """What the model is shown in the place of the customer's address, between words that differ."""
    found = re.search(r"paula@example\.com|\[EMAIL_1\]", prompt)
    return found[0] if found else "nobody"
