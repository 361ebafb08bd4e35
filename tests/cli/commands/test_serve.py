"""`suggest serve` refuses to start without what it needs: one line, exit code 2."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cli import lifecycle
from cli.settings import Settings
from playground import ErrorResponse, MalformedResponse, RateLimited, ServerError, Workspace
from tests.cli.conftest import Process

TOKENS = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}
MODEL = {"OPENAI_API_KEY": "sk-1"}


@pytest.mark.parametrize(
    ("args", "env", "line"),
    [
        ((), {}, "SLACK_BOT_TOKEN is missing: set it to the token under OAuth & Permissions"),
        ((), {"SLACK_BOT_TOKEN": "xoxb-1"}, "SLACK_APP_TOKEN is missing: set it to an app-level token"),
        (("--http", "127.0.0.1:0"), TOKENS | MODEL, "SLACK_SIGNING_SECRET is missing: set it to the Signing Secret"),
        ((), TOKENS, "no model is configured: set OPENAI_API_KEY, or OPENAI_BASE_URL"),
        ((), TOKENS | {"OPENAI_BASE_URL": "localhost"}, "OPENAI_BASE_URL is wrong (it is no http(s) URL"),
        ((), TOKENS | MODEL | {"SUGGEST_PLAYBOOK": "broken.toml"}, "broken.toml:1: not valid TOML"),
    ],
)
def test_what_is_missing_or_malformed_is_named(
    args: tuple[str, ...], env: dict[str, str], line: str, process: Process
) -> None:
    Path("broken.toml").write_text("persona =", encoding="utf-8")
    result = process("serve", *args, **env)
    assert result.code == 2
    assert result.complaint.startswith(line)


def test_a_database_that_cannot_be_used_is_one_line(process: Process) -> None:
    env = TOKENS | MODEL | {"SUGGEST_DATABASE_URL": "sqlite:///no/such/folder/suggest.db"}
    result = process("serve", **env)
    assert result.code == 2
    assert result.complaint.startswith("SUGGEST_DATABASE_URL names a folder that is not there, no/such/folder: ")


async def test_tokens_that_slack_does_not_take_are_named(process: Process) -> None:
    async with Workspace.start() as slack:
        env = {"SLACK_API_URL": slack.api_url, **TOKENS, **MODEL}
        result = await asyncio.to_thread(process, "serve", **env)
        assert result.code == 2
        assert "suggest: SLACK_BOT_TOKEN is refused by Slack (invalid_auth): " in result.err
        result = await asyncio.to_thread(process, "serve", **(env | {"SLACK_BOT_TOKEN": slack.bot_token}))
        assert result.code == 2
        assert "suggest: SLACK_APP_TOKEN is refused by Slack (invalid_auth): " in result.err


@pytest.mark.parametrize("method", ["auth.test", "apps.connections.open"])
@pytest.mark.parametrize(
    "fault",
    [
        ServerError(),
        MalformedResponse(body="<html>Please log in</html>"),
        MalformedResponse(body="[]", content_type="application/json"),
        ErrorResponse(error="internal_error"),
        RateLimited(retry_after=0),
    ],
)
async def test_a_slack_in_trouble_is_waited_for(method: str, fault: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "RETRY_EVERY_S", 0.01)
    async with Workspace.start() as slack:
        slack.faults.plan(method, fault, times=4)
        settings = Settings(
            _env_file=None,
            slack_api_url=slack.api_url,
            slack_bot_token=slack.bot_token,
            slack_app_token=slack.app_token,
        )
        async with lifecycle.run_bot(settings, http=None, health=None):
            await slack.wait_for_app()


def test_settings_may_stand_in_a_file(process: Process) -> None:
    Path(".env").write_text("SLACK_BOT_TOKEN=xoxb-1\nSLACK_APP_TOKEN=xapp-1\n", encoding="utf-8")
    assert process("serve").complaint.startswith("no model is configured")
