from collections.abc import AsyncIterator

import pytest

from bot.drafting import Drafter
from playground.model_server import ModelDouble
from tests.bot.drafting.briefs import build_drafter


@pytest.fixture
async def model() -> AsyncIterator[ModelDouble]:
    async with ModelDouble.start() as double:
        yield double


@pytest.fixture
async def drafter(model: ModelDouble, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Drafter]:
    """A drafter on the double; back-offs are a hundredth of the real ones."""
    monkeypatch.setattr("bot.drafting.retry.BACK_OFF_S", 0.005)
    async with build_drafter(model) as made:
        yield made
