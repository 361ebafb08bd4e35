"""A workspace for each test, and slack_sdk's own clients pointed at it."""

from collections.abc import AsyncIterator

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from playground import Timing, Workspace


@pytest.fixture
async def slack() -> AsyncIterator[Workspace]:
    async with Workspace.start(timing=Timing(acknowledge=1.0)) as workspace:
        yield workspace


@pytest.fixture
def client(slack: Workspace) -> AsyncWebClient:
    return AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
