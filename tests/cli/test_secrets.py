"""Secrets stand in no output of any command, nor in a repr."""

import asyncio

import pytest

from cli.settings import load_settings
from playground import Workspace
from playground.model_server import ModelDouble
from tests.cli.conftest import Process, Suggest

SECRETS = {
    "SLACK_BOT_TOKEN": "xoxb-hush7391-bot",
    "SLACK_APP_TOKEN": "xapp-hush7391-app",
    "SLACK_SIGNING_SECRET": "hush7391-signing",
    "SLACK_CLIENT_SECRET": "hush7391-client",
    "OPENAI_API_KEY": "sk-hush7391-key",
}
COMMANDS = (
    ("doctor",),
    ("doctor", "--json"),
    ("try", "Where is my order?"),
    ("try", "Where is my order?", "--json"),
    ("export",),
    ("export", "--format", "csv"),
    ("backup", "copy.db", "--force"),
    ("migrate",),
    ("playbook", "check"),
    ("manifest",),
)


def check(text: str) -> None:
    assert "hush7391" not in text


@pytest.mark.parametrize("log_level", [None, "debug"])
async def test_no_command_shows_a_secret(
    log_level: str | None, suggest: Suggest, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Workspace.start() as slack, ModelDouble.start(api_key="another") as model:
        for name, value in SECRETS.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("SLACK_API_URL", slack.api_url)
        monkeypatch.setenv("OPENAI_BASE_URL", model.base_url)
        if log_level:
            monkeypatch.setenv("SUGGEST_LOG_LEVEL", log_level)
        refused = await asyncio.to_thread(process, "serve")
        assert refused.code == 2
        check(refused.out + refused.err)
        for command in COMMANDS:
            result = await suggest(*command)
            check(result.out)
            check(result.err)


def test_no_repr_shows_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    check(repr(settings))
    check(str(settings))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, "hush7391 value") for name in SECRETS),
        ("OPENAI_BASE_URL", "https://user:hush7391@127.0.0.1/v1"),
        ("OPENAI_BASE_URL", "https://127.0.0.1/v1?key=hush7391"),
        ("SUGGEST_DATABASE_URL", "mysql://user:hush7391@127.0.0.1/suggest"),
        ("SUGGEST_ADMINS", "hush7391"),
    ],
)
async def test_no_complaint_shows_a_secret(
    name: str, value: str, suggest: Suggest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    for command in (("doctor",), ("doctor", "--json"), ("try", "Hello"), ("export",)):
        result = await suggest(*command)
        assert result.code == 2
        assert name in result.out + result.err
        check(result.out)
        check(result.err)
