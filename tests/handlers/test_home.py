"""Home: what it shows to whom, and the settings that are made there."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

import handlers.context
from playground import Dispatch, DispatchOutcome, ErrorResponse, User, View
from storage.errors import DatabaseUnavailable
from storage.queries.home import HomeQueries
from tests.conftest import Stage, StageMaker
from tests.handlers.test_main_path import list_button_values
from tests.storage.stores import open_store

STYLES = ("direct", "warm", "steps", "clarify", "options")


async def open_home(stage: Stage, needle: str, *, user: User | None = None) -> View:
    """Open Home, and wait until it has this text."""
    await stage.slack.open_home(user or stage.agent)
    return await wait_for_home(stage, needle, user=user)


async def wait_for_home(stage: Stage, needle: str, *, user: User | None = None) -> View:
    return await stage.slack.wait_for_home(
        user or stage.agent, lambda home: needle in json.dumps(home.blocks, ensure_ascii=False)
    )


async def open_settings(stage: Stage, *, user: User | None = None) -> View:
    who = user or stage.agent
    home = await open_home(stage, "open_settings", user=user)
    await stage.slack.click(who, home, "open_settings")
    return await stage.slack.wait_for_view(who, lambda view: view.content.get("callback_id") == "settings")


def values(**changes: Any) -> dict[str, dict[str, Any]]:
    """What the modal submits."""
    plain = {"candidates": "default", "language": "slack", "on_use": "default", "hint": None}
    return {name: {"text" if name == "hint" else name: value} for name, value in {**plain, **changes}.items()}


async def save(stage: Stage, *, user: User | None = None, **changes: Any) -> DispatchOutcome:
    return await stage.slack.submit(user or stage.agent, await open_settings(stage, user=user), values(**changes))


async def count_saved(stage: Stage) -> int:
    async with open_store(stage.database_url) as store:
        return await store.count("agent_settings")


async def test_somebody_who_never_used_the_bot_is_told_what_to_do(stage: Stage) -> None:
    home = await open_home(stage, "/suggest")
    shown = json.dumps(home.blocks)
    assert "No replies from the last 24 hours" in shown
    assert "No replies were shown in this time." in shown
    assert "The team" not in shown
    assert list_button_values(home.blocks, "open_settings")


async def test_an_open_request_is_taken_up_again_from_home(stage: Stage) -> None:
    await stage.suggested("Where is my order 4711?")
    home = await open_home(stage, "Where is my order 4711?")
    await stage.slack.click(stage.agent, home, "show_request")
    view = await stage.slack.wait_for_view(stage.agent, lambda view: view.title == "Suggested replies")
    await stage.slack.click(stage.agent, view, "use_candidate")
    line = await stage.logged("shown", "shown", "used", "sent")
    assert stage.replies() == [line["choice"]["final_text"]]
    used = await open_home(stage, "A reply was used 1 of the 1 times")
    assert not list_button_values(used.blocks, "show_request")


async def test_codes_of_emoji_in_what_people_wrote_are_emoji(stage: Stage) -> None:
    await stage.suggested("My lamp is broken :cry:")
    home = await open_home(stage, ":cry:")
    [said] = [block["text"] for block in home.blocks if ":cry:" in json.dumps(block)]
    assert said == {"type": "plain_text", "text": "My lamp is broken :cry:", "emoji": True}


async def test_what_people_wrote_keeps_its_lines(stage: Stage) -> None:
    await stage.suggested("Two things:\n\n1. The lamp  flickers.\n2. The shade is torn.")
    home = await open_home(stage, "flickers")
    [said] = [block["text"]["text"] for block in home.blocks if "flickers" in json.dumps(block)]
    assert said == "Two things:\n1. The lamp flickers.\n2. The shade is torn."


async def test_settings_have_the_punctuation_of_the_agents_language(stage: Stage) -> None:
    agent = stage.slack.change_user(stage.agent, locale="zh-TW")
    await save(stage, user=agent, styles=STYLES[2:])
    home = await wait_for_home(stage, "要用哪些風格草擬：已關閉：", user=agent)
    shown = json.dumps(home.blocks, ensure_ascii=False)
    assert "一次幾則回覆：預設（3）" in shown
    assert re.search("已關閉：[^,、]+、", shown)


async def test_a_request_that_is_decided_meanwhile_says_so(stage: Stage) -> None:
    shown = await stage.suggested()
    home = await open_home(stage, "show_request")
    await stage.slack.click(stage.agent, shown, "dismiss_request")
    await stage.logged("shown", "dismissed")
    await stage.slack.click(stage.agent, home, "show_request")
    await stage.slack.wait_for_view(stage.agent, lambda view: "closed already" in json.dumps(view.blocks))


async def test_where_no_modal_opens_the_replies_come_as_a_direct_message(stage: Stage) -> None:
    await stage.suggested()
    home = await open_home(stage, "show_request")
    stage.slack.faults.plan("views.open", ErrorResponse(error="expired_trigger_id"))
    await stage.slack.click(stage.agent, home, "show_request")
    direct = stage.slack.state.open_direct_channel(stage.agent.id)
    await stage.slack.wait_for_message(direct, lambda message: "use_candidate" in json.dumps(message.blocks))


@pytest.mark.parametrize("action_id", ["open_settings", "open_channel_defaults"])
async def test_settings_that_do_not_open_say_what_to_do(stage: Stage, action_id: str) -> None:
    admin = stage.slack.people.admin
    home = await open_home(stage, action_id, user=admin)
    stage.slack.faults.plan("views.open", ErrorResponse(error="expired_trigger_id"), times=2)
    await stage.slack.click(admin, home, action_id)
    direct = stage.slack.state.open_direct_channel(admin.id)
    await stage.slack.wait_for_message(direct, lambda message: "did not open the settings" in message.text)


async def test_settings_count_from_the_next_request_on_another_replica(stage: Stage) -> None:
    assert (await save(stage, candidates="2", on_use="copy", hint="Offer a refund.", styles=STYLES[:2])).acknowledged
    await wait_for_home(stage, "Replies per request: 2")
    async with stage.bot():
        shown = await stage.suggested()
        await stage.slack.click(stage.agent, shown, "use_candidate")
        line = await stage.logged("shown", "used")
    assert line["request"]["k_requested"] == len(line["candidates"]) == 2
    assert line["request"]["hint"] == "Offer a refund."
    assert {candidate["style"] for candidate in line["candidates"]} == set(STYLES[:2])
    assert {candidate["inclusion_propensity"] for candidate in line["candidates"]} == {1.0}
    assert stage.replies() == []


async def test_settings_that_are_late_count_as_they_were_read_last(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No reply is posted for somebody who chose copies, because the machine is busy."""
    assert (await save(stage, on_use="copy")).acknowledged
    shown = await stage.suggested()
    monkeypatch.setattr(handlers.context, "SETTINGS_LIMIT_S", 0.0)
    await stage.slack.click(stage.agent, shown, "use_candidate")
    await stage.logged("shown", "used")
    assert stage.replies() == []


async def test_a_redraft_follows_the_settings_and_a_hint_of_its_own_counts(stage: Stage) -> None:
    shown = await stage.suggested("Where is my order? // be brief")
    await save(stage, candidates="1", hint="Offer a refund.", styles=STYLES[:1])
    await stage.slack.click(stage.agent, shown, "redraft_request")
    line = await stage.logged("shown")
    assert (line["request"]["k_requested"], line["request"]["hint"]) == (1, "be brief")
    assert [candidate["style"] for candidate in line["candidates"]] == [STYLES[0]]


async def test_home_and_answers_are_in_the_language_that_was_chosen(stage: Stage) -> None:
    await save(stage, language="zh-TW")
    await wait_for_home(stage, "你的設定")
    await stage.suggest("help")
    await stage.private("只有你看得到")
    await save(stage, language="slack")
    await wait_for_home(stage, "Your settings")


async def test_settings_of_one_agent_are_no_others(stage: Stage) -> None:
    await save(stage, candidates="7")
    await wait_for_home(stage, "Replies per request: 7")
    await open_home(stage, "Replies per request: Default (3)", user=stage.slack.people.colleague)


async def test_settings_open_as_they_were_saved(stage: Stage) -> None:
    await save(stage, candidates="10", language="en-US", on_use="post", hint="Short.", styles=STYLES[1:])
    await wait_for_home(stage, "Replies per request: 10")
    again = await open_settings(stage)
    assert (await stage.slack.submit(stage.agent, again)).acknowledged
    home = await open_home(stage, "Replies per request: 10")
    assert f"off: {STYLES[0].capitalize()}" in json.dumps(home.blocks)
    assert "Short." in json.dumps(home.blocks)


async def test_settings_saved_at_once_on_two_replicas_are_one_or_the_other(stage: Stage) -> None:
    first, url = await open_settings(stage), stage.slack.request_url
    async with stage.bot():
        second = await open_settings(stage)
        one = asyncio.create_task(stage.slack.submit(stage.agent, second, values(candidates="2", hint="Hint of one.")))
        await asyncio.sleep(0)
        stage.slack.request_url, other_url = url, stage.slack.request_url
        other = await stage.slack.submit(stage.agent, first, values(candidates="9", hint="Hint of the other."))
        assert (await one).acknowledged
        assert other.acknowledged
        stage.slack.request_url = other_url
        async with open_store(stage.database_url) as store:
            [saved] = await store.rows("SELECT candidates, hint FROM agent_settings")
        assert (saved["candidates"], saved["hint"]) in {(2, "Hint of one."), (9, "Hint of the other.")}
        home = await open_home(stage, saved["hint"])
        assert f"per request: {saved['candidates']}" in json.dumps(home.blocks)


async def test_a_home_that_changed_meanwhile_is_read_once_more(stage: Stage) -> None:
    await open_home(stage, "open_settings")
    stage.slack.faults.plan("views.publish", ErrorResponse(error="hash_conflict"))
    await stage.suggested("Where is my order 4711?")
    await open_home(stage, "Where is my order 4711?")


@pytest.mark.parametrize(("who", "sentence"), [("guest", "Guests cannot use"), ("stranger", "Only members")])
async def test_those_who_are_barred_get_the_refusal_alone(stage: Stage, who: str, sentence: str) -> None:
    home = await open_home(stage, sentence, user=getattr(stage.slack.people, who))
    assert "action_id" not in json.dumps(home.blocks)
    assert await count_saved(stage) == 0


async def test_admins_see_the_team_and_pause_from_home(stage: Stage) -> None:
    admin = stage.slack.people.admin
    home = await open_home(stage, "The team", user=admin)
    assert "paused" not in json.dumps(home.blocks)
    await stage.slack.click(admin, home, "pause_drafting")
    home = await wait_for_home(stage, "paused", user=admin)
    await stage.suggest("Where is my order?")
    await stage.private("An admin has paused this bot")
    await stage.slack.click(admin, home, "resume_drafting")
    await wait_for_home(stage, "Drafting is on", user=admin)
    await stage.suggested()


async def open_channel(stage: Stage, value: str = "new") -> View:
    """The modal with a channel's defaults, as an admin opens it."""
    admin = stage.slack.people.admin
    home = await open_home(stage, "open_channel_defaults", user=admin)
    await stage.slack.click(admin, home, "open_channel_defaults", value=value)
    return await stage.slack.wait_for_view(admin, lambda view: view.content.get("callback_id") == "channel_defaults")


async def save_channel(stage: Stage, view: View, **changes: Any) -> DispatchOutcome:
    chosen = {name: {name: value} for name, value in changes.items()}
    return await stage.slack.submit(stage.slack.people.admin, view, chosen)


async def set_defaults(stage: Stage, **changes: Any) -> None:
    """Set defaults for the support channel."""
    assert (
        await save_channel(stage, await open_channel(stage), channel=stage.slack.channels.support.id, **changes)
    ).acknowledged
    await wait_for_home(stage, f"<#{stage.slack.channels.support.id}>", user=stage.slack.people.admin)


async def test_defaults_for_a_channel_count_there_on_another_replica(stage: Stage) -> None:
    """Where the agent has set nothing; also for a redraft from a modal, which names no channel."""
    await set_defaults(stage, candidates="2", styles=STYLES[:2])
    async with stage.bot():
        await stage.suggested()
        line = await stage.logged("shown")
        assert {candidate["style"] for candidate in line["candidates"]} == set(STYLES[:2])
        await stage.slack.click(stage.agent, await open_home(stage, "show_request"), "show_request")
        view = await stage.slack.wait_for_view(stage.agent, lambda view: view.title == "Suggested replies")
        await stage.slack.click(stage.agent, view, "redraft_request")
        assert (await stage.logged("shown"))["request"]["k_requested"] == 2
        await stage.slack.run_command(stage.agent, stage.slack.channels.lobby, "/suggest", "Where is my order?")
        assert (await stage.logged("shown"))["request"]["k_requested"] == 3
        await save(stage, candidates="1", styles=STYLES)
        await stage.suggest("Where is my lamp?")
        assert (await stage.logged("shown"))["request"]["k_requested"] == 1


async def test_defaults_for_a_channel_are_changed_and_taken_away(stage: Stage) -> None:
    admin, support = stage.slack.people.admin, stage.slack.channels.support.id
    await set_defaults(stage, candidates="2", language="zh-TW", styles=STYLES[1:])
    home = await wait_for_home(stage, "Replies per request: 2", user=admin)
    assert "繁體中文" in json.dumps(home.blocks, ensure_ascii=False)
    await stage.suggest("help")
    await stage.private("只有你看得到")
    view = await open_channel(stage, support)
    assert (await save_channel(stage, view, candidates="4")).acknowledged
    await wait_for_home(stage, "Replies per request: 4", user=admin)
    view = await open_channel(stage, support)
    assert (await save_channel(stage, view, candidates="default", language="slack", styles=STYLES)).acknowledged
    async with open_store(stage.database_url) as store:
        assert await store.count("channel_defaults") == 0
        saved = await store.rows("SELECT actor FROM audit WHERE action = 'channel_defaults_changed'")
        assert [row["actor"] for row in saved] == [admin.id] * 3


@pytest.mark.parametrize("changes", [{"name": "renamed"}, {"is_archived": True}, {"kind": "private"}])
async def test_defaults_stay_with_a_channel_that_changes(stage: Stage, changes: dict[str, Any]) -> None:
    support = stage.slack.channels.support
    await set_defaults(stage, candidates="2")
    stage.slack.change_channel(support, **changes)
    view = await open_channel(stage, support.id)
    assert (await save_channel(stage, view, candidates="3")).acknowledged
    await wait_for_home(stage, "Replies per request: 3", user=stage.slack.people.admin)


async def test_only_admins_set_defaults_for_channels(stage: Stage) -> None:
    """Nor does one who was an admin when the modal was opened."""
    assert "open_channel_defaults" not in json.dumps((await open_home(stage, "open_settings")).blocks)
    view = await open_channel(stage)
    payload = stage.slack.payloads.build_view_submission(
        stage.agent,
        view,
        {
            "channel": {"channel": {"selected_conversation": stage.slack.channels.support.id}},
            "candidates": {"candidates": {"selected_option": {"value": "2"}}},
            "language": {"language": {"selected_option": {"value": "slack"}}},
            "styles": {"styles": {"selected_options": [{"value": "warm"}]}},
        },
    )
    name = "view_submission:channel_defaults"
    outcome = await stage.slack.dispatch(
        Dispatch(kind="interactive", name=name, payload=payload, user_id=stage.agent.id, view_id=view.id)
    )
    assert "admin" in json.dumps(outcome.body)
    async with open_store(stage.database_url) as store:
        assert await store.count("channel_defaults") == 0


async def test_admins_see_what_was_asked_most_and_not_found(stage: Stage) -> None:
    for question in ("Do you sell green umbrellas?", "Can my dog come along?", "Do you sell green umbrellas?"):
        await stage.suggest(question)
        await stage.logged("shown")
        async with open_store(stage.database_url) as store:
            await store.change("UPDATE requests SET retrieved = '[]'")
    home = await open_home(stage, "nothing found", user=stage.slack.people.admin)
    told = json.dumps(home.blocks, ensure_ascii=False)
    assert "“Do you sell green umbrellas?” — 2 times\\n“Can my dog come along?” — once" in told
    assert "umbrellas" not in json.dumps(
        (await open_home(stage, "open_settings", user=stage.slack.people.colleague)).blocks
    )


async def test_no_style_left_is_refused_and_nothing_saved(stage: Stage) -> None:
    """Slack's own client does not submit that; what does is refused all the same."""
    view = await open_settings(stage)
    held = {
        block["block_id"]: {block["element"]["action_id"]: {"selected_option": {"value": value}, "value": None}}
        for block, value in zip(view.blocks[:5], ("2", "slack", "copy", None, None), strict=True)
    }
    held["styles"] = {"styles": {"selected_options": []}}
    payload = stage.slack.payloads.build_view_submission(stage.agent, view, held)
    name = "view_submission:settings"
    outcome = await stage.slack.dispatch(
        Dispatch(kind="interactive", name=name, payload=payload, user_id=stage.agent.id, view_id=view.id)
    )
    assert "leave at least one style on" in json.dumps(outcome.body)
    assert await count_saved(stage) == 0


async def test_a_home_that_cannot_be_read_says_so(stage_with: StageMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise DatabaseUnavailable("away")

    async with stage_with() as stage:
        monkeypatch.setattr(HomeQueries, "load", fail)
        await open_home(stage, "database is not answering")


async def test_more_styles_than_slack_takes_checkboxes_are_a_list_to_choose_from(
    stage_with: StageMaker, tmp_path: Path
) -> None:
    styles = "".join(f'[[styles]]\nname = "s{number}"\ninstruction = "Be brief."\n' for number in range(12))
    (tmp_path / "many.toml").write_text(f'persona = "You help."\n{styles}', encoding="utf-8")
    async with stage_with(suggest_playbook=tmp_path / "many.toml") as stage:
        assert (await save(stage, candidates="1", styles=["s11"])).acknowledged
        await stage.suggested()
        assert [each["style"] for each in (await stage.logged("shown"))["candidates"]] == ["s11"]
