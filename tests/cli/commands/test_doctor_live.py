"""`suggest doctor --live`: what it asks of a workspace, what it makes of the answers, and what it leaves behind."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from handlers.slack.live_check import LIMIT_S, MARK, LiveCheck, Question
from playground import ErrorResponse, LostResponse, ServerError, Workspace
from playground.model_server import ModelDouble
from tests.cli.commands.test_doctor import examined
from tests.cli.conftest import Suggest

DOCS = Path(__file__).parents[3] / "docs" / "slack.md"


@pytest.fixture(autouse=True)
def _served(slack: Workspace, model: ModelDouble) -> None:
    """A workspace and a model."""


async def try_live(suggest: Suggest, slack: Workspace, *more: str) -> dict[str, tuple[str, str]]:
    """{question: (status, message)}."""
    result = await suggest("doctor", "--json", "--live", slack.channels.support.id, *more)
    assert result.code == 0, "what a workspace answers keeps serve from nothing"
    return {
        check["name"].removeprefix("live "): (check["status"], check["message"])
        for check in result.json["checks"]
        if check["name"].startswith("live ")
    }


def list_left(slack: Workspace) -> list[str]:
    """What the check has left in the workspace."""
    return [m.text for kept in slack.state.messages.values() for m in kept.values() if m.user_id == slack.bot_user_id]


async def test_each_question_is_answered_and_nothing_is_left(suggest: Suggest, slack: Workspace) -> None:
    found = await try_live(suggest, slack, "--user", slack.people.admin.id)
    assert list(found) == list(get_args(Question))
    assert {status for status, _ in found.values()} == {"ok"}
    assert "its text is escaped" in found["kept"][1]
    assert list_left(slack) == []
    assert slack.journal.refusals() == []
    home = slack.home(slack.people.admin)
    assert home is not None
    assert MARK in str(home.blocks)


async def test_without_a_person_only_the_channel_is_tried(suggest: Suggest, slack: Workspace) -> None:
    found = await try_live(suggest, slack)
    assert set(get_args(Question)) - found.keys() == {"private", "status", "prompts", "home"}
    assert list_left(slack) == []


@pytest.mark.parametrize(
    ("method", "question", "fault", "told"),
    [
        ("chat.postMessage", "post", ErrorResponse(error="not_in_channel"), "/invite the bot"),
        ("chat.postMessage", "post", ErrorResponse(error="is_archived"), "not archived"),
        ("chat.update", "update", ErrorResponse(error="cant_update_message"), "refused (cant_update_message)"),
        ("conversations.history", "kept", ErrorResponse(error="missing_scope"), "add the scope"),
        ("agents.sessions.setStatus", "status", ErrorResponse(error="feature_disabled"), "no agent view"),
        ("views.publish", "home", ErrorResponse(error="not_enabled"), "refused (not_enabled)"),
        ("views.publish", "home", ServerError(), "did not answer"),
    ],
)
async def test_a_refusal_is_told_and_nothing_is_left(
    method: str,
    question: str,
    fault: Any,
    told: str,
    suggest: Suggest,
    slack: Workspace,
) -> None:
    slack.faults.plan(method, fault)
    status, message = (await try_live(suggest, slack, "--user", slack.people.admin.id))[question]
    assert status == "warning"
    assert told in message
    assert list_left(slack) == []


async def test_what_cannot_be_deleted_is_named(suggest: Suggest, slack: Workspace) -> None:
    slack.faults.plan("chat.delete", ErrorResponse(error="cant_delete_message"))
    status, message = (await try_live(suggest, slack))["delete"]
    assert (status, len(list_left(slack))) == ("warning", 1)
    assert re.fullmatch(r"delete these yourself: [0-9.]+ in \w+ \(refused \(cant_delete_message\)\)", message)


async def test_what_may_have_been_posted_is_to_be_looked_for(suggest: Suggest, slack: Workspace) -> None:
    slack.faults.plan("chat.postMessage", LostResponse())
    found = await try_live(suggest, slack)
    assert "did not answer" in found["post"][1]
    assert f"look for a message of `{MARK}`" in found["delete"][1]


async def test_limited_histories_are_told(
    suggest: Suggest,
    slack: Workspace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With --live; and without it, of the first of the allowed channels."""
    for number in range(20):
        slack.write(slack.people.agent, slack.channels.support, f"Message {number}.")
    assert "not limited" in (await try_live(suggest, slack))["histories"][1]
    slack.state.config = replace(slack.config, limits_histories=True)
    status, message = (await try_live(suggest, slack))["histories"]
    assert status == "warning"
    assert "limited to 15 messages, once a minute" in message
    monkeypatch.setenv("SUGGEST_ALLOWED_CHANNELS", slack.channels.support.id)
    assert "limited to 15 messages" in (await examined(suggest))["histories"]["message"]


async def test_what_was_posted_is_deleted_where_the_check_is_stopped(
    slack: Workspace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def stop(*_: Any, **__: Any) -> None:
        assert list_left(slack)
        raise KeyboardInterrupt

    monkeypatch.setattr(AsyncWebClient, "chat_update", stop)
    client = AsyncWebClient(slack.bot_token, base_url=slack.api_url, timeout=int(LIMIT_S))
    check = LiveCheck(client, channel_id=slack.channels.support.id, user_id=None)
    with pytest.raises(KeyboardInterrupt):
        await check.run()
    assert list_left(slack) == []


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("--user", "U012"), "--user is for --live"),
        (("--live", "#support"), "no channel's id"),
        (("--live", "support"), "no channel's id"),
        (("--live", "C012AB", "--user", "@joe"), "no member's id"),
    ],
)
async def test_what_is_no_id_is_refused_before_anything(args: tuple[str, ...], told: str, suggest: Suggest) -> None:
    result = await suggest("doctor", *args)
    assert result.code == 2
    assert told in result.complaint


def test_each_question_stands_in_the_docs() -> None:
    assert set(re.findall(r"^\| `live (\w+)` \| .*\?", DOCS.read_text(encoding="utf-8"), re.MULTILINE)) == {
        *get_args(Question)
    }
