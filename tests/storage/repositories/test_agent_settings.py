"""Agents' own settings and the defaults of channels, on both engines."""

import asyncio
import json

import pytest

from storage.engine.database import Database
from storage.errors import DuplicateDelivery
from storage.records import AgentSettings, ChannelDefaults
from storage.repositories.agent_settings import AgentSettingsStore
from storage.repositories.channel_defaults import ChannelDefaultsStore
from tests.storage.stores import AT, Store, after, record_shown

SHORT = AgentSettings(candidates=5, language="zh-TW", on_use="copy", hint="short", styles_off=("warm", "brief"))


async def test_settings_are_kept_by_team_and_agent(store: Store) -> None:
    settings = AgentSettingsStore(store.database)
    assert await settings.get("T1", "U1") == AgentSettings()
    await settings.save("T1", "U1", SHORT, at=AT, idempotency_key="view:1")
    assert await settings.get("T1", "U1") == SHORT
    assert await settings.get("T2", "U1") == await settings.get("T1", "U2") == AgentSettings()


async def test_defaults_are_kept_by_owner_and_channel_and_found_by_what_was_asked_there(store: Store) -> None:
    channels, own = ChannelDefaultsStore(store.database), ChannelDefaults(candidates=2, styles_off=("warm",))
    await channels.save("T1", "C1", own, by="U0ADMIN", at=AT, idempotency_key="view:1")
    await record_shown(store)
    entry = await store.entry()
    found = [
        await channels.find("T1", channel_id=channel_id, about=about)
        for channel_id, about in (("C1", None), (None, entry.request.id), (None, entry.candidates[0].id))
    ]
    assert found == [own] * 3
    elsewhere = [("T2", "C1", None), ("T1", "C2", None), ("T1", None, "unknown"), ("T1", None, None)]
    for owner_id, channel_id, about in elsewhere:
        assert await channels.find(owner_id, channel_id=channel_id, about=about) == ChannelDefaults()
    assert await channels.list("T1") == {"C1": own}
    with pytest.raises(DuplicateDelivery):
        await channels.save("T1", "C1", ChannelDefaults(), by="U0OTHER", at=AT, idempotency_key="view:1")
    await channels.save("T1", "C1", ChannelDefaults(), by="U0OTHER", at=AT, idempotency_key="view:2")
    assert await channels.list("T1") == {}
    audit = await store.rows("SELECT actor, action, data FROM audit ORDER BY seq")
    assert [(row["actor"], row["action"]) for row in audit] == [
        ("U0ADMIN", "channel_defaults_changed"),
        ("U0OTHER", "channel_defaults_changed"),
    ]
    assert [json.loads(row["data"]) for row in audit] == [
        {"channel_id": "C1", "candidates": 2, "language": None, "styles_off": ["warm"]},
        {"channel_id": "C1", "candidates": None, "language": None, "styles_off": []},
    ]


def test_an_agents_own_settings_come_before_the_channels() -> None:
    defaults = ChannelDefaults(candidates=2, language="en-US", styles_off=("clarify",))
    assert SHORT.fall_back_to(defaults) == SHORT
    assert AgentSettings(hint="long").fall_back_to(defaults) == AgentSettings(
        candidates=2, language="en-US", hint="long", styles_off=("clarify",)
    )
    assert AgentSettings(candidates=1).fall_back_to(ChannelDefaults()) == AgentSettings(candidates=1)


async def test_a_submission_delivered_late_once_more_does_not_replace_newer_settings(store: Store) -> None:
    settings = AgentSettingsStore(store.database)
    await settings.save("T1", "U1", SHORT, at=AT, idempotency_key="view:1")
    await settings.save("T1", "U1", AgentSettings(), at=after(seconds=1), idempotency_key="view:2")
    with pytest.raises(DuplicateDelivery):
        await settings.save("T1", "U1", SHORT, at=after(seconds=2), idempotency_key="view:1")
    assert await settings.get("T1", "U1") == AgentSettings()


async def test_defaults_saved_at_once_on_two_replicas_stay_whole(store: Store, url: str) -> None:
    """Also where one of them takes the defaults away."""
    other = Database(url)
    made = [ChannelDefaults(candidates=2, language="en-US"), ChannelDefaults(candidates=9), ChannelDefaults()]
    try:
        saving = [
            ChannelDefaultsStore(database).save(
                "T1", "C1", each, by="U0ADMIN", at=AT, idempotency_key=f"view:{number}:{side}"
            )
            for number, each in enumerate(made)
            for side, database in enumerate((store.database, other))
        ]
        await asyncio.gather(*saving)
        assert await ChannelDefaultsStore(other).find("T1", channel_id="C1", about=None) in made
        assert await store.count("channel_defaults") <= 1
    finally:
        await other.aclose()


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
