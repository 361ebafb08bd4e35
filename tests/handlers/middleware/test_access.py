"""Who may use the bot, and where: one gate before every door, and a sentence that says who can help."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
import pytest

from handlers.background_tasks import BackgroundTasks
from handlers.http import Health, build_slack_app, listen
from handlers.middleware.access import AccessControl, parse_access_request
from handlers.slack.client import Connection, Installations
from handlers.slack.ephemeral import EphemeralMessages
from handlers.slack.live_message import LiveMessages
from handlers.slack.usergroups import AGAIN_AFTER_S, AT_MOST_S, REMEMBERED_S, Usergroups
from handlers.slack.users import Users
from playground import ErrorResponse, NoResponse, User, Workspace, find_mentions
from tests.bot.desk import Clock
from tests.conftest import Stage, StageMaker

LEADS = "S0LEADS"
INPUT = {
    "type": "modal",
    "callback_id": "any",
    "title": {"type": "plain_text", "text": "Any"},
    "submit": {"type": "plain_text", "text": "Go"},
    "blocks": [
        {
            "type": "input",
            "block_id": "words",
            "label": {"type": "plain_text", "text": "Words"},
            "element": {"type": "plain_text_input", "action_id": "text", "initial_value": "kept"},
        }
    ],
}
BUTTON = {"type": "button", "action_id": "any", "text": {"type": "plain_text", "text": "Any"}, "value": "1"}


@dataclass(slots=True, kw_only=True)
class AccessBench:
    """A workspace and a bot with every kind of door, of which nothing is known but that the gate is before it."""

    slack: Workspace
    clock: Clock = field(default_factory=Clock)
    entered: list[str] = field(default_factory=list)


@asynccontextmanager
async def start_bench(
    *, usergroups: frozenset[str] = frozenset(), admins: frozenset[str] = frozenset()
) -> AsyncIterator[AccessBench]:
    async with Workspace.start() as slack, aiohttp.ClientSession() as session:
        made = AccessBench(slack=slack)
        connection = Connection(slack.bot_token, api_url=slack.api_url, session=session)
        installations = Installations(await connection.install())
        tasks, clock = BackgroundTasks(), made.clock
        live_messages = LiveMessages(installations=installations, clock=clock.monotonic)
        ephemeral = EphemeralMessages(
            installations=installations, live_messages=live_messages, session=session, now=clock.now
        )
        gate = AccessControl(
            users=Users(clock=clock.monotonic),
            usergroups=Usergroups(usergroups, clock=clock.monotonic),
            admins=admins,
            installations=installations,
            ephemeral=ephemeral,
            tasks=tasks,
            now=clock.now,
            task="reply",
        )
        bolt = connection.build_app(installations, signing_secret=slack.signing_secret)
        bolt.middleware(gate.admit)

        def door(name: str) -> Callable[..., Any]:
            async def enter(ack: Any, body: dict) -> None:
                if body.get("event", {}).get("channel_type") != "channel":
                    made.entered.append(name)
                await ack()

            return enter

        bolt.command("/suggest")(door("command"))
        bolt.action("any")(door("click"))
        bolt.shortcut("suggest_replies")(door("message shortcut"))
        bolt.shortcut("suggest_anywhere")(door("global shortcut"))
        bolt.view("any")(door("submission"))
        bolt.event("app_mention")(door("mention"))
        bolt.event("message")(door("direct message"))

        async def ready() -> tuple[()]:
            return ()

        async def expose() -> tuple[bytes, str]:
            return b"", "text/plain"

        health = Health(ready=ready, metrics=expose)
        runner, port = await listen(
            build_slack_app(bolt, signing_secret=slack.signing_secret, health=health), host="127.0.0.1", port=0
        )
        slack.request_url = f"http://127.0.0.1:{port}/slack/events"
        try:
            yield made
        finally:
            await tasks.drain(1)
            await runner.cleanup()


async def _command(slack: Workspace, user: User) -> str:
    """Also of those whom Slack would not let type it: they may have been let go since."""
    delivery = slack.prepare_command(slack.people.agent, slack.channels.support, "/suggest", "hi")
    payload = slack.payloads.build_command(user, slack.channels.support, "/suggest", "hi")
    return str((await slack.dispatch(replace(delivery, payload=payload))).body)


async def _click(slack: Workspace, user: User) -> str:
    message = slack.write(slack.people.agent, slack.channels.support, "look")
    block = {"type": "actions", "block_id": "b", "elements": [BUTTON]}
    shown = slack.state.put_message(replace(message, blocks=(block,)))
    await slack.click(user, shown, "any")
    return (await slack.wait_for_ephemeral(user)).text


async def _submission(slack: Workspace, user: User) -> str:
    view = slack.state.put_view(slack.state.build_view(user_id=user.id, type_="modal", content=INPUT, previous=None))
    slack.state.stacks.setdefault(user.id, []).append(view.id)
    outcome = await slack.submit(user, view)
    assert outcome.body["response_action"] == "errors"
    return str(outcome.body["errors"]["words"])


async def _click_in_a_modal(slack: Workspace, user: User) -> str:
    """The refusal stands over the modal that was clicked in."""
    content = {**INPUT, "blocks": [{"type": "actions", "block_id": "b", "elements": [BUTTON]}]}
    view = slack.state.put_view(slack.state.build_view(user_id=user.id, type_="modal", content=content, previous=None))
    slack.state.stacks.setdefault(user.id, []).append(view.id)
    await slack.click(user, view, "any")
    told = await slack.wait_for_view(user, lambda shown: shown.id != view.id)
    assert told.previous_id == view.id
    return json.dumps(told.blocks)


async def _submission_of_nothing(slack: Workspace, user: User) -> str:
    """A modal without an input closes, and says why."""
    content = {**INPUT, "blocks": [{"type": "divider"}]}
    view = slack.state.put_view(slack.state.build_view(user_id=user.id, type_="modal", content=content, previous=None))
    slack.state.stacks.setdefault(user.id, []).append(view.id)
    await slack.submit(user, view)
    return json.dumps((await slack.wait_for_view(user, lambda shown: shown.id != view.id)).blocks)


async def _message_shortcut(slack: Workspace, user: User) -> str:
    message = slack.write(slack.people.agent, slack.channels.support, "look")
    await slack.run_message_shortcut(user, message, "suggest_replies")
    return (await slack.wait_for_ephemeral(user)).text


async def _global_shortcut(slack: Workspace, user: User) -> str:
    await slack.run_global_shortcut(user, "suggest_anywhere")
    return json.dumps((await slack.wait_for_view(user)).blocks)


async def _mention(slack: Workspace, user: User) -> str:
    slack.write(user, slack.channels.support, f"<@{slack.bot_user_id}> help")
    told = await slack.wait_for_ephemeral(user)
    await slack.wait_until_idle()
    return told.text


async def _direct_message(slack: Workspace, user: User) -> str:
    channel = slack.state.open_direct_channel(user.id)
    slack.write(user, channel, "Where is my order?")
    told = await slack.wait_for_message(channel, lambda message: message.user_id == slack.bot_user_id)
    await slack.wait_until_idle()
    return told.text


DOORS = (
    _command,
    _click,
    _click_in_a_modal,
    _submission,
    _submission_of_nothing,
    _message_shortcut,
    _global_shortcut,
    _mention,
    _direct_message,
)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"is_restricted": True}, "Guests cannot use"),
        ({"is_ultra_restricted": True}, "Guests cannot use"),
        ({"is_stranger": True, "team_id": "T0ELSEWHERE"}, "Only members of the workspace"),
        ({"deleted": True}, "deactivated"),
    ],
)
async def test_nobody_but_members_gets_through_any_door(door: Any, changes: dict, told: str) -> None:
    """Guests of one channel or several, people of other teams, deactivated ones: told so, and the door never opens."""
    async with start_bench() as made:
        user = made.slack.change_user(made.slack.people.colleague, **changes, locale="en-GB")
        assert told in await door(made.slack, user)
        assert made.entered == []


@pytest.mark.parametrize("door", DOORS)
async def test_members_of_other_user_groups_get_through_no_door(door: Any) -> None:
    """They are told whom to ask; under an input, where no link would be shown, in words alone."""
    async with start_bench(usergroups=frozenset({LEADS}), admins=frozenset({"U0ADMIN"})) as made:
        told = await door(made.slack, made.slack.people.agent)
        assert "you are in none of them" in told
        assert ("<@U0ADMIN>" in told) == (door is not _submission)
        assert "admin of this workspace" in told
        assert made.entered == []


async def test_members_of_an_allowed_user_group_get_in() -> None:
    """So do admins, of the workspace or of the settings, who are in no group."""
    async with start_bench(usergroups=frozenset({LEADS}), admins=frozenset({"U0AGENT"})) as made:
        slack = made.slack
        for user in (slack.people.colleague, slack.people.admin, slack.people.agent):
            await _command(slack, user)
        assert made.entered == ["command"] * 3
        slack.change_user(slack.people.admin, is_restricted=True)
        made.clock.tick(4000)
        assert "Guests" in await _command(slack, slack.people.admin), "rights do not make a member of a guest"


async def test_a_group_is_asked_for_once_and_remembered() -> None:
    """However many come at once; after five minutes anew."""
    async with start_bench(usergroups=frozenset({LEADS})) as made:
        slack = made.slack
        await asyncio.gather(*(_command(slack, slack.people.colleague) for _ in range(10)))
        assert len(slack.journal.calls("usergroups.users.list")) == 1
        slack.state.usergroups[LEADS] = frozenset({"U0AGENT"})
        await _command(slack, slack.people.colleague)
        assert len(made.entered) == 11
        made.clock.tick(REMEMBERED_S + 1)
        assert "none of them" in await _command(slack, slack.people.colleague)


@pytest.mark.parametrize(
    ("fault", "told"),
    [(ErrorResponse(error="missing_scope"), "the scope `usergroups:read`"), (NoResponse(), "Slack did not say")],
)
async def test_where_slack_does_not_say_who_is_in_a_group(
    fault: Any, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody gets in whom nobody vouches for, in time for Slack's three seconds; what was known holds for an hour."""
    monkeypatch.setattr("handlers.slack.usergroups.LOOKUP_LIMIT_S", 0.8)
    async with start_bench(usergroups=frozenset({LEADS})) as made:
        slack = made.slack
        slack.faults.plan("usergroups.users.list", fault)
        assert told in await _command(slack, slack.people.colleague)
        made.clock.tick(AGAIN_AFTER_S + 1)
        await _command(slack, slack.people.colleague)
        assert made.entered == ["command"]
        slack.faults.plan("usergroups.users.list", ErrorResponse(error="missing_scope"), times=2)
        made.clock.tick(REMEMBERED_S + 1)
        await _command(slack, slack.people.colleague)
        assert made.entered == ["command"] * 2, "Slack said so a while ago"
        made.clock.tick(AT_MOST_S)
        assert "the scope `usergroups:read`" in await _command(slack, slack.people.colleague)


async def test_where_slack_does_not_say_who_somebody_is() -> None:
    """Open to all members: they are let in. For some groups only: those in a group are, others are not."""
    for usergroups, told in ((frozenset(), ""), (frozenset({LEADS}), "Slack did not say")):
        async with start_bench(usergroups=usergroups) as made:
            slack = made.slack
            slack.faults.plan("users.info", ErrorResponse(error="fatal_error"), times=2)
            assert told in await _command(slack, slack.people.agent)
            await _command(slack, slack.people.colleague)
            assert len(made.entered) == (1 if told else 2)


async def test_whom_slack_does_not_show_is_a_stranger() -> None:
    """As with people of other organisations who are in no channel of ours any more."""
    async with start_bench() as made:
        made.slack.faults.plan("users.info", ErrorResponse(error="user_not_visible"))
        assert "Only members of the workspace" in await _command(made.slack, made.slack.people.agent)
        assert made.entered == []


async def test_a_wrong_group_is_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with start_bench(usergroups=frozenset({"S0NOWHERE"})) as made:
        assert "Slack did not say" in await _command(made.slack, made.slack.people.colleague)
    assert "S0NOWHERE: no_such_subteam" in caplog.text


async def test_whoever_cannot_be_told_is_barred_all_the_same() -> None:
    async with start_bench() as made:
        slack = made.slack
        slack.faults.plan("views.open", ErrorResponse(error="expired_trigger_id"))
        await slack.run_global_shortcut(slack.people.guest, "suggest_anywhere")
        assert (made.entered, slack.open_views(slack.people.guest)) == ([], [])


async def test_events_that_ask_for_nothing_are_not_answered() -> None:
    """What apps write is nobody's; a guest's edited message is not an ask."""
    async with start_bench() as made:
        slack = made.slack
        for event in (
            {"type": "app_mention", "bot_id": "B1", "channel": "C0SUPPORT", "ts": "1.2"},
            {"type": "app_mention", "user": "U0SUGGEST", "bot_id": "B1", "channel": "C0SUPPORT", "ts": "1.2"},
            {"type": "app_mention", "user": "U0STRANGER", "bot_id": "B1", "channel": "C0SUPPORT", "ts": "1.2"},
            {"type": "app_mention", "user": "U0NOBODY", "bot_id": "B1", "channel": "C0SUPPORT", "ts": "1.2"},
            {
                "type": "app_mention",
                "username": "Helpdesk",
                "user": "U0AGENT",
                "bot_id": "B1",
                "channel": "C0SUPPORT",
                "ts": "1.2",
            },
            {
                "type": "message",
                "channel_type": "im",
                "subtype": "message_changed",
                "user": "U0GUEST",
                "channel": "D1",
            },
        ):
            delivery = slack._prepare_event(event)
            assert (await slack.dispatch(delivery)).acknowledged
        assert (made.entered, slack.ephemerals(slack.people.guest)) == ([], [])


@pytest.mark.parametrize("kind", ["app_mention", "message"])
async def test_what_a_member_posts_by_an_app_with_their_own_token_is_theirs(kind: str) -> None:
    event = {"type": kind, "user": "U0AGENT", "bot_id": "B1", "channel": "D0AGENT", "ts": "1.2", "channel_type": "im"}
    async with start_bench() as made:
        assert (await made.slack.dispatch(made.slack._prepare_event(event))).acknowledged
        assert len(made.entered) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"user_id": "U1"},
        {"command": "/suggest", "user_id": 5},
        {"type": "block_actions", "user": "U1"},
        {"type": "view_closed", "user": {"id": "U1"}},
        {"type": "event_callback", "event": {"type": "message", "channel_type": "im", "subtype": "message_changed"}},
        {"type": "event_callback", "event": 5},
    ],
)
def test_what_nobody_asks_for(body: dict) -> None:
    """Malformed, or nothing to refuse: its door decides."""
    assert parse_access_request(body) is None


async def test_allowed_channels(stage_with: StageMaker) -> None:
    """Elsewhere nothing is drafted, and the agent is told whom to ask; the subcommands work everywhere."""
    async with stage_with(suggest_allowed_channels=("G0BACKSTAGE",), suggest_admins=("U0ADMIN",)) as stage:
        outcome = await stage.suggest("Where is my order?")
        assert "cannot be used in this channel" in outcome.body
        assert "<@U0ADMIN>" in outcome.body
        assert "/suggest last" in json.dumps((await stage.suggest("help")).body)
        assert await stage.log() == []
        assert stage.model.total == 0
        await stage.slack.run_command(stage.agent, stage.slack.channels.backstage, "/suggest", "Where is it?")
        await stage.candidates()


async def test_allowed_channels_hold_for_threads_and_not_for_what_is_in_no_channel(stage_with: StageMaker) -> None:
    """A shortcut and a mention are refused where they are used; a direct message and a pasted one are not."""
    async with stage_with(suggest_allowed_channels=("G0BACKSTAGE",)) as stage:
        slack = stage.slack
        message = slack.write(slack.people.stranger, slack.channels.support, "Where is it?")
        await slack.run_message_shortcut(stage.agent, message, "suggest_replies")
        view = await slack.wait_for_view(stage.agent)
        assert "cannot be used in this channel" in json.dumps(view.blocks)
        slack.write(stage.agent, slack.channels.support, f"<@{slack.bot_user_id}>", thread_ts=message.ts)
        await stage.private("cannot be used in this channel")
        slack.write(stage.agent, slack.channels.support, f"<@{slack.bot_user_id}>")
        await slack.wait_until(lambda: len(slack.ephemerals(stage.agent)) == 2)
        assert "cannot be used in this channel" in slack.ephemerals(stage.agent)[-1].text, "not: mention me in a thread"
        assert await stage.log() == []
        slack.write(stage.agent, slack.channels.dm, "Where is it?")
        await slack.wait_for_message(slack.channels.dm, lambda shown: "use_candidate" in str(shown.blocks))
        assert len(await stage.log()) == 1


async def test_a_channel_that_is_no_longer_allowed(stage_with: StageMaker) -> None:
    """What is open from before cannot be sent there any more, redrafted neither; nothing is lost."""
    async with stage_with(over="nothing") as stage:
        async with stage.bot():
            shown = await stage.suggested()
            await stage.slack.click(stage.agent, shown, "edit_candidate")
            view = await stage.slack.wait_for_view(stage.agent)
        narrower = stage.settings.model_copy(
            update={"suggest_allowed_channels": ("G0BACKSTAGE",), "suggest_admins": ("U0ADMIN",)}
        )
        async with replace(stage, settings=narrower).bot():
            for action_id in ("use_candidate", "edit_candidate", "redraft_request"):
                await stage.slack.click(stage.agent, shown, action_id)
                told = await stage.private("cannot be used in this channel")
                assert find_mentions(told) == {"@U0ADMIN"}, "a name, which nobody but the agent sees"
                stage.slack.state.delete_ephemeral(told)
            outcome = await stage.slack.submit(stage.agent, view, {"reply": {"text": "Mine."}})
            assert "Ask U0ADMIN or" in outcome.body["errors"]["reply"]
            [line] = await stage.log()
            assert (line["choice"], line["request"]["status"]) == (None, "shown")
            await stage.slack.click(stage.agent, shown, "dismiss_request")
            await stage.private("None of these: noted")


async def test_the_whole_bot_refuses_a_guest(stage: Stage) -> None:
    """In their language; nothing is drafted or recorded."""
    guest = stage.slack.change_user(stage.slack.people.guest, locale="zh-TW")
    outcome = await stage.suggest("Where is my order?", user=guest)
    assert "訪客不能使用這個機器人" in outcome.body
    shown = await stage.suggested()
    await stage.slack.click(guest, replace(shown, user_id=guest.id), "use_candidate")
    await stage.private("訪客不能使用", user=guest)
    [line] = await stage.log()
    assert line["choice"] is None
