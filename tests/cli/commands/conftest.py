"""A workspace and a model's server that the settings in the environment name."""

from collections.abc import AsyncIterator

import pytest

from playground import Workspace
from playground.model_server import ModelDouble


@pytest.fixture
async def slack(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Workspace]:
    async with Workspace.start() as workspace:
        monkeypatch.setenv("SLACK_API_URL", workspace.api_url)
        monkeypatch.setenv("SLACK_BOT_TOKEN", workspace.bot_token)
        monkeypatch.setenv("SLACK_APP_TOKEN", workspace.app_token)
        monkeypatch.setenv("SLACK_SIGNING_SECRET", workspace.signing_secret)
        yield workspace


@pytest.fixture
async def model(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ModelDouble]:
    async with ModelDouble.start(api_key="sk-right") as double:
        monkeypatch.setenv("OPENAI_BASE_URL", double.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-right")
        yield double
