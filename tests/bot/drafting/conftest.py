"""Fixtures for the tests of drafting: a model double, and drafters on it."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest

from bot.drafting import Drafter
from playground.model_server import ModelDouble
from tests.bot.drafting.briefs import build_drafter, build_watchable_drafter


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


@pytest.fixture
async def watchable(model: ModelDouble, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Drafter]:
    """As `drafter`, on a server that keeps thoughts apart."""
    monkeypatch.setattr("bot.drafting.retry.BACK_OFF_S", 0.005)
    async with build_watchable_drafter(model) as made:
        yield made


@pytest.fixture
def deadlines(monkeypatch: pytest.MonkeyPatch) -> list[asyncio.Timeout]:
    """The deadlines of the drafts, in the order of their beginning; each passes at its `reschedule(0)`."""
    made: list[asyncio.Timeout] = []

    def timeout(_left: float | None) -> asyncio.Timeout:
        made.append(asyncio.timeout(None))
        return made[-1]

    monkeypatch.setattr("bot.drafting.draft_run.asyncio", SimpleNamespace(**{**vars(asyncio), "timeout": timeout}))
    return made
