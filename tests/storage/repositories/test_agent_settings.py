"""Agents' own settings, on both engines."""

import asyncio

import pytest

from storage.engine.database import Database
from storage.errors import DuplicateDelivery
from storage.records import AgentSettings
from storage.repositories.agent_settings import AgentSettingsStore
from tests.storage.stores import AT, Store, after

SHORT = AgentSettings(candidates=5, language="zh-TW", on_use="copy", hint="short", styles_off=("warm", "brief"))


async def test_settings_are_kept_by_team_and_agent(store: Store) -> None:
    settings = AgentSettingsStore(store.database)
    assert await settings.get("T1", "U1") == AgentSettings()
    await settings.save("T1", "U1", SHORT, at=AT, idempotency_key="view:1")
    assert await settings.get("T1", "U1") == SHORT
    assert await settings.get("T2", "U1") == await settings.get("T1", "U2") == AgentSettings()


async def test_a_submission_delivered_late_once_more_does_not_replace_newer_settings(store: Store) -> None:
    settings = AgentSettingsStore(store.database)
    await settings.save("T1", "U1", SHORT, at=AT, idempotency_key="view:1")
    await settings.save("T1", "U1", AgentSettings(), at=after(seconds=1), idempotency_key="view:2")
    with pytest.raises(DuplicateDelivery):
        await settings.save("T1", "U1", SHORT, at=after(seconds=2), idempotency_key="view:1")
    assert await settings.get("T1", "U1") == AgentSettings()


async def test_settings_saved_at_once_on_two_replicas_stay_whole(store: Store, url: str) -> None:
    other = Database(url)
    try:
        saving = [
            AgentSettingsStore(database).save("T1", "U1", made, at=AT, idempotency_key=f"view:{number}:{made.hint}")
            for number in range(4)
            for database, made in ((store.database, SHORT), (other, AgentSettings(candidates=1, hint="long")))
        ]
        await asyncio.gather(*saving)
        assert await AgentSettingsStore(other).get("T1", "U1") in (SHORT, AgentSettings(candidates=1, hint="long"))
        assert await store.count("agent_settings") == 1
    finally:
        await other.aclose()
