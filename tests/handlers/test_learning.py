"""The bot learns from its own log while it runs: from choices to an order that is shown, and audited."""

import asyncio
import re
from typing import Any

import pytest
from sqlalchemy import insert

from cli import lifecycle
from storage import tables
from storage.rows import to_row
from storage.schema import migrate
from tests.bot.ranking.logs import make_log
from tests.conftest import Stage, StageMaker
from tests.storage.stores import Store, open_store


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "CHECK_EVERY_S", 0.1)
    monkeypatch.setattr(lifecycle, "REFRESH_EVERY_S", 0.1)


async def filled(stage: Stage, *, taste: float) -> None:
    entries = make_log(400, taste=taste)
    async with open_store(stage.database_url) as store:
        await migrate(store.database)
        async with store.database.write() as connection:
            await connection.execute(insert(tables.requests), [to_row(entry.request) for entry in entries])
            drafted = [to_row(candidate) for entry in entries for candidate in entry.candidates]
            await connection.execute(insert(tables.candidates), drafted)
            picked = [to_row(entry.choice) for entry in entries if entry.choice]
            await connection.execute(insert(tables.choices), picked)


async def actions(store: Store) -> list[str]:
    return [row["action"] for row in await store.rows("SELECT action FROM audit ORDER BY seq")]


async def until_audited(store: Store, *wanted: str) -> None:
    async with asyncio.timeout(120):
        while True:
            if await actions(store) == list(wanted):
                return
            await asyncio.sleep(0.05)


async def until_ordered_by_a_ranker(stage: Stage, store: Store) -> dict[str, Any]:
    """Ask until the order of a request is learned: the bot has to load the ranker first."""
    query = "SELECT policy, ranker_version FROM requests WHERE policy = 'plackett_luce'"
    async with asyncio.timeout(120):
        while True:
            await stage.suggest("Where is my order?")
            await stage.slack.wait_until_idle()
            if found := await store.rows(query):
                return dict(found[-1])
            await asyncio.sleep(0.1)


async def test_what_agents_like_is_learned_and_shown_without_a_restart(stage_with: StageMaker) -> None:
    async with stage_with(over="nothing") as stage:
        await filled(stage, taste=4.0)
        async with stage.bot(), open_store(stage.database_url) as store:
            await until_audited(store, "ranker_trained", "ranker_shown")
            change = await store.rankers.get_current()
            assert change is not None
            newest = await until_ordered_by_a_ranker(stage, store)
            assert newest["ranker_version"] == change.version


async def test_noise_is_learned_and_not_shown(stage_with: StageMaker) -> None:
    async with stage_with(over="nothing") as stage:
        await filled(stage, taste=0.0)
        async with stage.bot(), open_store(stage.database_url) as store:
            await until_audited(store, "ranker_trained")
            assert await store.rankers.get_current() is None


async def test_the_bot_stops_while_it_learns_and_leaves_nothing_behind(
    stage_with: StageMaker, caplog: pytest.LogCaptureFixture
) -> None:
    async with stage_with(over="nothing") as stage:
        await filled(stage, taste=4.0)
        async with open_store(stage.database_url) as store:
            async with stage.bot():
                async with asyncio.timeout(120):
                    while True:
                        if await store.count("leases"):
                            break
                        await asyncio.sleep(0.005)
            assert await store.count("leases") == 0
            assert await store.count("rankers") in {0, 1}
    assert not re.search(r"failed|not finish", caplog.text)
