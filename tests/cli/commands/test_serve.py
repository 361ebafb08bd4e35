"""`suggest serve` refuses to start without what it needs: one line, exit code 2."""

import asyncio
from pathlib import Path

import pytest

from playground import Workspace
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


def test_settings_may_stand_in_a_file(process: Process) -> None:
    Path(".env").write_text("SLACK_BOT_TOKEN=xoxb-1\nSLACK_APP_TOKEN=xapp-1\n", encoding="utf-8")
    assert process("serve").complaint.startswith("no model is configured")
