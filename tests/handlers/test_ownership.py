"""Ids of users are unique in a team, or in an Enterprise Grid: whoever has the agent's id elsewhere is a stranger."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot.suggesting.deliver import DeliveryRefused
from handlers.slack.client import BotIdentity, Installation, Installations
from playground import Dispatch
from tests.conftest import Stage, StageMaker
from tests.handlers.test_main_path import list_button_values
from tests.handlers.test_surfaces import open_modal, wait_for_modal

ELSEWHERE = {"id": "T0ELSEWHERE", "domain": "elsewhere"}
OTHER_GRID = {"id": "E0OTHER", "name": "Other"}
GRID = "E0INVENTED"


def changed(delivery: Dispatch, **fields: Any) -> Dispatch:
    """What Slack delivers, with these fields; a mapping is laid over what stands there."""
    payload = dict(delivery.payload)
    for name, value in fields.items():
        over = isinstance(value, dict) and isinstance(payload.get(name), dict)
        payload[name] = {**payload[name], **value} if over else value
    return replace(delivery, payload=payload)


STRANGERS: list[dict[str, Any]] = [
    {"team": ELSEWHERE, "user": {"team_id": "T0ELSEWHERE"}},
    {"team": ELSEWHERE},
    {"user": {"team_id": "T0ELSEWHERE"}},
    {"team": None, "user": {"team_id": "T0ELSEWHERE"}},
    {"team": {**ELSEWHERE, "enterprise_id": "E0OTHER"}, "enterprise": OTHER_GRID},
    {"team": None, "user": {"team_id": "T0ELSEWHERE"}, "enterprise": OTHER_GRID, "is_enterprise_install": True},
    {"team": ELSEWHERE, "enterprise": {"id": "T0PLAYGROUND"}},
    {"team": ELSEWHERE, "enterprise": {"id": None}},
]


@pytest.mark.parametrize("stranger", STRANGERS)
@pytest.mark.parametrize("action", ["use_candidate", "edit_candidate", "redraft_request", "dismiss_request"])
async def test_clicks_of_the_same_id_elsewhere_are_refused(stage: Stage, action: str, stranger: dict[str, Any]) -> None:
    shown = await stage.suggested()
    await stage.slack.dispatch(changed(stage.slack.prepare_click(stage.agent, shown, action), **stranger))
    await stage.private("Only the person who asked")
    [line] = await stage.log()
    assert (line["choice"], stage.replies(), stage.slack.open_views(stage.agent)) == (None, [], [])


async def test_an_undo_of_the_same_id_elsewhere_is_refused(stage: Stage) -> None:
    shown = await stage.suggested()
    await stage.slack.click(stage.agent, shown, "use_candidate")
    posted = await stage.private("Sent in")
    undo = stage.slack.prepare_click(stage.agent, posted, "undo_choice")
    await stage.slack.dispatch(changed(undo, team=ELSEWHERE, user={"team_id": "T0ELSEWHERE"}))
    await stage.private("Only the person who asked")
    assert len(stage.replies()) == 1


@pytest.mark.parametrize("stranger", STRANGERS)
async def test_an_edit_submitted_by_the_same_id_elsewhere_is_refused(stage: Stage, stranger: dict[str, Any]) -> None:
    """The text stays in the editor."""
    shown = await stage.suggested()
    await stage.slack.click(stage.agent, shown, "edit_candidate")
    view = await stage.slack.wait_for_view(stage.agent)
    values = {"reply": {"text": {"type": "plain_text_input", "value": "Mine now"}}}
    payload = stage.slack.payloads.build_view_submission(stage.agent, view, values)
    submission = Dispatch(
        kind="interactive", name="view_submission:edit_reply", payload=payload, user_id=stage.agent.id, view_id=view.id
    )
    outcome = await stage.slack.dispatch(changed(submission, **stranger))
    assert "Only the person who asked" in json.dumps(outcome.body)
    assert stage.replies() == []


async def test_a_modal_is_not_the_same_ids_elsewhere(stage: Stage) -> None:
    view = await open_modal(stage)
    use = stage.slack.prepare_click(stage.agent, view, "use_candidate")
    await stage.slack.dispatch(changed(use, team=ELSEWHERE, user={"team_id": "T0ELSEWHERE"}))
    await wait_for_modal(stage, "Only the person who asked")
    assert stage.replies() == []


@pytest.mark.parametrize("elsewhere", [{}, {"enterprise_id": "E0OTHER"}])
async def test_the_last_request_is_not_the_same_ids_elsewhere(stage: Stage, elsewhere: dict[str, str]) -> None:
    await stage.suggested()
    last = stage.slack.prepare_command(stage.agent, stage.slack.channels.support, "/suggest", "last")
    outcome = await stage.slack.dispatch(changed(last, team_id="T0ELSEWHERE", **elsewhere))
    assert "no open request" in json.dumps(outcome.body)


@pytest.mark.parametrize("word", ["pause", "resume", "export"])
async def test_an_admins_id_elsewhere_is_no_admins(stage: Stage, word: str) -> None:
    command = stage.slack.prepare_command(stage.slack.people.admin, stage.slack.channels.support, "/suggest", word)
    outcome = await stage.slack.dispatch(changed(command, team_id="T0ELSEWHERE"))
    assert "Only admins" in json.dumps(outcome.body)


@pytest.fixture
async def grid(stage_with: StageMaker) -> AsyncIterator[Stage]:
    """A bot installed in a whole Enterprise Grid."""
    async with stage_with(enterprise_id=GRID) as stage:
        yield stage


@pytest.mark.parametrize(
    "told",
    [
        {"team": ELSEWHERE, "enterprise": {"id": GRID}},
        {"team": None, "user": {"team_id": "T0ELSEWHERE"}},
        {"team": {**ELSEWHERE, "enterprise_id": GRID}, "enterprise": None},
    ],
)
async def test_in_a_grid_an_id_is_the_same_person_in_every_team(grid: Stage, told: dict[str, Any]) -> None:
    shown = await grid.suggested()
    await grid.slack.dispatch(changed(grid.slack.prepare_click(grid.agent, shown, "use_candidate"), **told))
    await grid.private("Sent in")
    assert len(grid.replies()) == 1


async def test_in_a_grid_the_last_request_is_found_from_every_team(grid: Stage) -> None:
    shown = await grid.suggested()
    grid.slack.reload(grid.agent)
    last = grid.slack.prepare_command(grid.agent, grid.slack.channels.support, "/suggest", "last")
    await grid.slack.dispatch(changed(last, team_id="T0ELSEWHERE"))
    again = await grid.candidates()
    assert list_button_values(again.blocks, "use_candidate") == list_button_values(shown.blocks, "use_candidate")


async def test_from_another_grid_nobody_is_the_agent(grid: Stage) -> None:
    shown = await grid.suggested()
    use = grid.slack.prepare_click(grid.agent, shown, "use_candidate")
    await grid.slack.dispatch(changed(use, team=ELSEWHERE, enterprise=OTHER_GRID))
    await grid.private("Only the person who asked")


async def test_in_a_grid_requests_from_two_workspaces_stand_beside_each_other(grid: Stage) -> None:
    """Each is recorded with the team that it came from, and each can be used."""
    first = await grid.suggested("Where is my parcel?")
    again = grid.slack.prepare_command(grid.agent, grid.slack.channels.support, "/suggest", "And my refund?")
    await grid.slack.dispatch(changed(again, team_id="T0ELSEWHERE"))
    seen = {*list_button_values(first.blocks, "use_candidate")}
    second = await grid.slack.wait_for_ephemeral(
        grid.agent, lambda message: bool({*list_button_values(message.blocks, "use_candidate")} - seen)
    )
    assert {line["request"]["team_id"] for line in await grid.log()} == {"T0PLAYGROUND", "T0ELSEWHERE"}
    await grid.slack.click(grid.agent, first, "use_candidate")
    await grid.slack.dispatch(changed(grid.slack.prepare_click(grid.agent, second, "use_candidate"), team=ELSEWHERE))
    await grid.slack.wait_for_message(grid.slack.channels.support, lambda _: len(grid.replies()) == 2)


def test_among_several_installations_an_unknown_team_has_none() -> None:
    """One team's token does nothing for another; where there is one only, people of other teams reach it."""

    def install_in(team_id: str, enterprise_id: str | None = None) -> Installation:
        authorized = AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id)
        identity = BotIdentity(
            team_id=team_id, team="Invented", bot_user_id="U1", scopes=frozenset(), authorized=authorized
        )
        return Installation(identity=identity, client=AsyncWebClient(), patient_client=AsyncWebClient())

    one, of_grid = install_in("T1"), install_in("T2", "E1")
    several = Installations(one, of_grid)
    assert several.find("T1") is one
    assert several.find("T3", "E1") is several.find("T2") is of_grid
    unknown: Any
    for unknown in [("T3", None), (None, None), ("T3", "E2"), (["T1"], {"E1": 1})]:
        with pytest.raises(DeliveryRefused, match="team_not_installed"):
            several.find(*unknown)
    assert Installations(one).find("T3") is one
