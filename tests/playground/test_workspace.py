"""What people can and cannot do, and what the app is told of it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from playground import AppConfig, DispatchOutcome, Ephemeral, ImpossibleAction, Message, Workspace
from playground.slack.view_stack import open_view
from tests.playground.apps import serve_app
from tests.playground.blocks import Json, actions, button, modal, option, overflow, plain, section, select, text_input

MANIFEST: Json = {
    "display_information": {"name": "Narrow"},
    "features": {
        "app_home": {"home_tab_enabled": False, "messages_tab_enabled": True},
        "slash_commands": [{"command": "/narrow", "description": "Does little", "usage_hint": "[text]"}],
        "shortcuts": [{"name": "Do it", "type": "message", "callback_id": "do_it", "description": "Does it"}],
    },
    "oauth_config": {"scopes": {"bot": ["commands", "chat:write"]}},
    "settings": {"event_subscriptions": {"bot_events": ["app_mention"]}, "interactivity": {"is_enabled": False}},
}


@pytest.fixture(autouse=True)
async def app(slack: Workspace) -> AsyncIterator[None]:
    """An app that acknowledges everything and does nothing."""

    async def acknowledge(_: web.Request) -> web.Response:
        return web.Response()

    application = web.Application()
    application.router.add_post("/", acknowledge)
    async with serve_app(application) as url:
        slack.request_url = f"{url}/"
        yield


def ephemeral(slack: Workspace, *blocks: Json, thread_ts: str | None = None) -> Ephemeral:
    return slack.state.put_ephemeral(
        Ephemeral(
            ts=slack.clock.ts(),
            channel_id="C0SUPPORT",
            user_id="U0AGENT",
            text="x",
            blocks=tuple({"block_id": f"b{index}", **block} for index, block in enumerate(blocks)),
            thread_ts=thread_ts,
        )
    )


def read_payload(outcome: DispatchOutcome | None) -> Json:
    assert outcome is not None
    return outcome.dispatch.payload


# --- what the manifest allows ------------------------------------------------------------------


async def test_a_manifest_grants_what_it_says_and_nothing_more() -> None:
    config = AppConfig.from_manifest(MANIFEST)
    assert (config.name, config.bot_scopes) == ("Narrow", {"commands", "chat:write"})
    async with Workspace.start(config=config) as slack:
        agent, support = slack.people.agent, slack.channels.support
        with pytest.raises(ImpossibleAction, match="/suggest is not a command"):
            await slack.run_command(agent, support, "/suggest")
        assert (await slack.run_command(agent, support, "/narrow")).error == "connection_failed"
        with pytest.raises(ImpossibleAction, match="no message shortcut"):
            await slack.run_message_shortcut(agent, slack.write(agent, support, "x"), "suggest_replies")
        assert await slack.open_home(agent) is None
        with pytest.raises(ImpossibleAction, match="interactivity"):
            await slack.click(agent, ephemeral(slack, actions(button())), "use_candidate")


def test_an_empty_manifest_grants_nothing() -> None:
    config = AppConfig.from_manifest({"display_information": {"name": "Nothing"}})
    assert (config.commands, config.bot_scopes, config.home_tab) == ((), frozenset(), False)


# --- who may do what ---------------------------------------------------------------------------


async def test_people_of_other_teams_cannot_run_commands(slack: Workspace) -> None:
    with pytest.raises(ImpossibleAction, match="other teams"):
        await slack.run_command(slack.people.stranger, slack.channels.support, "/suggest")


async def test_nobody_acts_where_they_are_not(slack: Workspace) -> None:
    with pytest.raises(ImpossibleAction, match="is not in"):
        await slack.run_command(slack.people.guest, slack.channels.backstage, "/suggest")
    with pytest.raises(ImpossibleAction, match="archived"):
        slack.write(slack.people.agent, slack.channels.attic, "x")


async def test_a_channel_may_change_under_way(slack: Workspace) -> None:
    slack.change_channel(slack.channels.support, is_archived=True)
    with pytest.raises(ImpossibleAction, match="archived"):
        slack.write(slack.people.agent, slack.channels.support, "x")


async def test_an_ephemeral_is_clicked_by_its_reader_only(slack: Workspace) -> None:
    shown = ephemeral(slack, actions(button()))
    with pytest.raises(ImpossibleAction, match="does not see"):
        await slack.click(slack.people.colleague, shown, "use_candidate")
    forged = replace(shown, user_id=slack.people.colleague.id)
    assert (await slack.click(slack.people.colleague, forged, "use_candidate")).acknowledged


async def test_anybody_in_the_channel_clicks_a_message(slack: Workspace) -> None:
    message = slack.state.put_message(
        Message(
            ts="1.2",
            channel_id="C0SUPPORT",
            user_id="U0SUGGEST",
            text="x",
            blocks=({**actions(button()), "block_id": "b"},),
        )
    )
    payload = read_payload(await slack.click(slack.people.stranger, message, "use_candidate"))
    assert payload["user"]["team_id"] == "T0ELSEWHERE"
    assert payload["message"]["ts"] == "1.2"
    assert payload["container"]["is_ephemeral"] is False
    outsider = replace(slack.people.agent, id="U0OUTSIDER")
    with pytest.raises(ImpossibleAction, match="does not see"):
        await slack.click(outsider, message, "use_candidate")


# --- clicks and choices ------------------------------------------------------------------------


async def test_a_click_on_an_ephemeral_has_no_message(slack: Workspace) -> None:
    shown = ephemeral(slack, actions(button(value="c1"), button("edit", value="c2")), thread_ts="1.2")
    payload = read_payload(await slack.click(slack.people.agent, shown, "edit", value="c2"))
    assert "message" not in payload
    assert payload["container"] == {
        "type": "message",
        "message_ts": shown.ts,
        "channel_id": "C0SUPPORT",
        "is_ephemeral": True,
        "thread_ts": "1.2",
    }
    action = payload["actions"][0]
    assert (action["action_id"], action["value"], action["type"], action["block_id"]) == ("edit", "c2", "button", "b0")
    assert action["text"]["text"] == "Use"
    assert payload["channel"] == {"id": "C0SUPPORT", "name": "support-invented"}


async def test_buttons_are_found_by_value_and_by_block(slack: Workspace) -> None:
    shown = ephemeral(slack, actions(button(value="c1")), actions(button(value="c2")))
    by_value = read_payload(await slack.click(slack.people.agent, shown, "use_candidate", value="c2"))
    by_block = read_payload(await slack.click(slack.people.agent, shown, "use_candidate", block_id="b1"))
    assert by_value["actions"][0]["block_id"] == by_block["actions"][0]["block_id"] == "b1"
    with pytest.raises(ImpossibleAction, match="there is: use_candidate=c1, use_candidate=c2"):
        await slack.click(slack.people.agent, shown, "use_candidate", value="c3")


@pytest.mark.parametrize(
    ("element", "chosen", "slot", "expected"),
    [
        (select(), "v1", "selected_option", option("v1")),
        (overflow(3), "v2", "selected_option", option("v2")),
        (
            {"type": "checkboxes", "action_id": "more", "options": [option("v1")]},
            ["v1"],
            "selected_options",
            [option("v1")],
        ),
        ({"type": "users_select", "action_id": "more"}, "U0AGENT", "selected_user", "U0AGENT"),
        ({"type": "datepicker", "action_id": "more"}, "2026-11-22", "selected_date", "2026-11-22"),
        (
            {
                "type": "static_select",
                "action_id": "more",
                "option_groups": [{"label": plain(), "options": [option("g")]}],
            },
            "g",
            "selected_option",
            option("g"),
        ),
    ],
    ids=lambda value: value.get("type") if isinstance(value, dict) else None,
)
async def test_what_is_selected_is_told(slack: Workspace, element: Json, chosen: Any, slot: str, expected: Any) -> None:
    element = {**element, "action_id": "more"}
    shown = ephemeral(slack, actions(element, button()))
    payload = read_payload(await slack.select(slack.people.agent, shown, "more", chosen))
    assert payload["actions"][0][slot] == expected
    if element["type"] == "overflow":
        return
    assert payload["state"]["values"]["b0"]["more"][slot] == expected
    later = read_payload(await slack.click(slack.people.agent, shown, "use_candidate"))
    assert later["state"]["values"]["b0"]["more"][slot] == expected


async def test_only_what_is_there_can_be_chosen(slack: Workspace) -> None:
    shown = ephemeral(slack, actions(select(), button()))
    with pytest.raises(ImpossibleAction, match="no option nowhere"):
        await slack.select(slack.people.agent, shown, "pick", "nowhere")
    with pytest.raises(ImpossibleAction, match="select, not click"):
        await slack.click(slack.people.agent, shown, "pick")
    with pytest.raises(ImpossibleAction, match="holds no value"):
        await slack.select(slack.people.agent, shown, "use_candidate", "x")


async def test_in_an_org_install_the_team_is_null() -> None:
    async with Workspace.start(enterprise_id="E0INVENTED") as slack:
        shown = ephemeral(slack, actions(button()))
        payload = read_payload(await slack.click(slack.people.agent, shown, "use_candidate"))
        assert (payload["team"], payload["enterprise"]["id"]) == (None, "E0INVENTED")
        command = read_payload(await slack.run_command(slack.people.agent, slack.channels.support, "/suggest"))
        assert (command["is_enterprise_install"], command["enterprise_id"]) == ("true", "E0INVENTED")


async def test_a_message_shortcut_brings_the_message(slack: Workspace) -> None:
    first = slack.write(slack.people.stranger, slack.channels.support, "My parcel is lost")
    reply = slack.write(slack.people.agent, slack.channels.support, "Oh", thread_ts=first.ts)
    payload = read_payload(await slack.run_message_shortcut(slack.people.agent, reply, "suggest_replies"))
    assert payload["message"]["text"] == "Oh"
    assert payload["message"]["thread_ts"] == first.ts
    assert payload["message_ts"] == reply.ts
    assert payload["type"] == "message_action"
    assert payload["response_url"]


# --- modals ------------------------------------------------------------------------------------


async def test_a_submission_has_every_input(slack: Workspace) -> None:
    view = open_view(
        slack.state,
        "U0AGENT",
        modal(text_input(initial_value="as it was"), text_input("more"), private_metadata="m", notify_on_close=True),
    )
    payload = read_payload(await slack.submit(slack.people.agent, view, {"more": {"text": "and more"}}))
    assert payload["view"]["state"]["values"] == {
        "reply": {"text": {"type": "plain_text_input", "value": "as it was"}},
        "more": {"text": {"type": "plain_text_input", "value": "and more"}},
    }
    assert payload["view"]["hash"] == view.hash
    assert payload["view"]["private_metadata"] == "m"
    assert payload["response_urls"] == []
    assert slack.open_views(slack.people.agent) == []


async def test_a_click_in_a_modal_has_the_view_and_no_channel(slack: Workspace) -> None:
    view = open_view(slack.state, "U0AGENT", modal(text_input(), {**actions(button()), "block_id": "b"}))
    slack.enter(slack.people.agent, view, "text", "half a ")
    payload = read_payload(await slack.click(slack.people.agent, view, "use_candidate"))
    assert payload["container"] == {"type": "view", "view_id": view.id}
    assert payload["view"]["state"]["values"]["reply"]["text"]["value"] == "half a "
    assert "channel" not in payload
    assert "response_url" not in payload


async def test_what_slacks_client_does_not_let_people_submit(slack: Workspace) -> None:
    agent = slack.people.agent
    view = open_view(slack.state, "U0AGENT", modal(text_input(max_length=5), {**text_input("more"), "optional": True}))
    for text, reason in (("", "required"), ("x" * 6, "6 characters")):
        with pytest.raises(ImpossibleAction, match=reason):
            await slack.submit(agent, view, {"reply": {"text": text}})
    with pytest.raises(ImpossibleAction, match="on top"):
        await slack.submit(slack.people.colleague, view)
    assert (await slack.submit(agent, view, {"reply": {"text": "x" * 5}})).acknowledged


async def test_closing_is_told_on_request_only(slack: Workspace) -> None:
    agent = slack.people.agent
    quiet = open_view(slack.state, agent.id, modal())
    assert await slack.close_view(agent, quiet) is None
    loud = open_view(slack.state, agent.id, modal(notify_on_close=True))
    payload = read_payload(await slack.close_view(agent, loud))
    assert (payload["type"], payload["is_cleared"], payload["view"]["id"]) == ("view_closed", False, loud.id)


async def test_a_reload_closes_modals(slack: Workspace) -> None:
    open_view(slack.state, "U0AGENT", modal())
    slack.reload(slack.people.agent)
    assert slack.open_views(slack.people.agent) == []


# --- waiting -----------------------------------------------------------------------------------


async def test_waiting_returns_what_is_there_and_what_comes(slack: Workspace) -> None:
    agent, support = slack.people.agent, slack.channels.support
    coming = asyncio.create_task(slack.wait_for_message(support, lambda message: message.text == "two"))
    await asyncio.sleep(0)
    slack.write(agent, support, "one")
    slack.write(agent, support, "two")
    assert (await coming).text == (await slack.wait_for_message(support)).text == "two"
    await slack.wait_until_idle()


async def test_waiting_in_vain_says_what_was_there_and_what_was_refused(slack: Workspace) -> None:
    slack.write(slack.people.agent, slack.channels.support, "something else")
    async with aiohttp.ClientSession() as session:
        await (await session.post(f"{slack.api_url}chat.postMessage", json={"text": "x"})).read()
    with pytest.raises(TimeoutError, match=r"something else.*chat.postMessage: not_authed"):
        await slack.wait_for_message(slack.channels.support, lambda message: message.text == "x", within=0.01)
    await slack.wait_until_idle()


async def test_waiting_for_a_home_tab(slack: Workspace) -> None:
    home = {"type": "home", "blocks": [section()]}
    waiting = asyncio.create_task(slack.wait_for_home(slack.people.agent))
    await asyncio.sleep(0)
    slack.state.put_view(slack.state.build_view(user_id="U0AGENT", type_="home", content=home, previous=None))
    assert (await waiting).type == "home"
    assert (await slack.wait_for_home(slack.people.agent)).blocks


async def test_a_page_can_be_served_beside_the_api() -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="the page")

    async with (
        Workspace.start(routes=[web.get("/", page)]) as slack,
        aiohttp.ClientSession() as session,
        session.get(slack.url) as answer,
    ):
        assert await answer.text() == "the page"
