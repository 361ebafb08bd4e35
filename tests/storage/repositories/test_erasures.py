"""Forgetting texts and erasing requests, on both engines; and what an event allows."""

from dataclasses import replace

import pytest
from sqlalchemy.exc import DBAPIError

from storage.records import AgentSettings, Event, Turn, VaultEntry
from storage.repositories.agent_settings import AgentSettingsStore
from storage.repositories.erasures import AT_ONCE, ErasureFilter, Erasures, RowCounts
from storage.repositories.vault import Vault
from tests.storage.stores import (
    AT,
    Store,
    a_choice,
    a_request,
    after,
    make_draft_outcome,
    record_choice,
    record_failed,
    record_redraft,
    record_request,
    record_shown,
    retract_choice,
)

SAID = (Turn(role="customer", text='A "quoted" word,\nand 你好'), Turn(role="agent", text="Yes."))


async def record_texts(store: Store, request_id: str = "r1") -> None:
    """A request with a text in every table that can hold one."""
    request = a_request(request_id, conversation=SAID, hint="hinted", input={"a": ["typed in"]}, text_kept="redacted")
    sealed = VaultEntry(request_id=request_id, sealed="plain:secret", expires_at=after(days=1))
    await store.requests.record(request, idempotency_key=f"command:{request_id}", sealed=sealed)
    await store.requests.record_drafts(make_draft_outcome(request_id))
    sealed = replace(sealed, sealed="once:secret")
    choice = a_choice(request_id, "edited", final_text="sent “so”", edit_similarity=0.1, note="noted")
    await record_choice(store, choice, parts=1)
    await retract_choice(store, request_id)
    await record_choice(store, replace(choice, id=f"{choice.id}-again"), parts=1)
    async with store.database.write() as connection:
        from storage.repositories import vault

        await vault.put(connection, sealed)


async def test_texts_are_forgotten_and_numbers_stay(store: Store) -> None:
    await record_texts(store)
    before = await store.entry()
    erasures = Erasures(store.database)
    assert await erasures.count_prunable(created_before=after(days=1)) == 1
    assert await erasures.prune(created_before=after(days=1)) == 1
    assert await erasures.prune(created_before=after(days=1)) == 0
    assert await erasures.count_prunable(created_before=after(days=1)) == 0
    entry = await store.entry()
    assert entry.request.conversation == (Turn(role="customer", text=""), Turn(role="agent", text=""))
    assert (entry.request.hint, entry.request.input, entry.request.text_kept) == (None, None, "none")
    assert {candidate.text for candidate in entry.candidates} == {None}
    assert entry.choice is not None
    assert before.choice is not None
    assert entry.choice == replace(before.choice, final_text=None, note=None)
    assert [event.type for event in entry.events] == [event.type for event in before.events]
    [told] = [event.data["choice"] for event in entry.events if event.type == "undone"]
    [was] = [event.data["choice"] for event in before.events if event.type == "undone"]
    assert told == {**was, "final_text": None}
    assert [row["text"] for row in await store.rows("SELECT text FROM deliveries")] == [None]
    assert await store.count("vault") == 0
    assert [
        text for each in [each async for each in erasures.iter_texts()] for text in each.texts if "quoted" in text
    ] == []


async def test_young_requests_keep_their_texts(store: Store) -> None:
    await record_texts(store)
    assert await Erasures(store.database).prune(created_before=after(seconds=0)) == 0
    assert (await store.entry()).request.conversation == SAID


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE events SET type = 'sent' WHERE type = 'undone'",
        "UPDATE events SET at = '2027-01-01T00:00:00.000Z'",
        "UPDATE events SET agent_id = NULL WHERE type = 'undone'",
        "UPDATE events SET data = '{}' WHERE type = 'undone'",
        "UPDATE events SET data = replace(data, 'edited', 'used') WHERE type = 'undone'",
        "UPDATE events SET data = replace(data, 'sent “so”', 'other') WHERE type = 'undone'",
        """UPDATE events SET data = '{"choice_id":null}' WHERE type = 'edited'""",
    ],
)
async def test_nothing_else_of_an_event_may_change(store: Store, change: str) -> None:
    await record_texts(store)
    with pytest.raises(DBAPIError, match="append-only"):
        await store.change(change)


async def test_erased_is_gone_from_every_table(store: Store) -> None:
    await record_texts(store)
    await record_failed(store, "r2")
    await record_redraft(store, "r2", "r3")
    await record_shown(store, "r4")
    erasures = Erasures(store.database)
    assert await erasures.find_matching(ErasureFilter(request_id="r3")) == ("r3", "r2")
    assert await erasures.count_rows(["r1", "r2", "r3"]) == await erasures.erase(["r1", "r2", "r3"])
    assert await erasures.count_rows(["r1", "r2", "r3"]) == RowCounts()
    assert [entry.request.id for entry in await store.entries()] == ["r4"]
    keys = [row["key"] for row in await store.rows("SELECT key FROM seen_deliveries")]
    assert "redraft:r2" not in keys
    assert "command:r4" in keys


@pytest.mark.parametrize(
    ("erasure", "found"),
    [
        (ErasureFilter(agent_id="U1"), {"r1", "r2"}),
        (ErasureFilter(channel_id="C2"), {"r2", "r3"}),
        (ErasureFilter(thread_ts="1.5"), {"r3"}),
        (ErasureFilter(request_id="r1"), {"r1"}),
        (ErasureFilter(agent_id="U%"), set()),
    ],
)
async def test_what_is_meant(store: Store, erasure: ErasureFilter, found: set[str]) -> None:
    await record_request(store, "r1")
    await record_request(store, "r2", channel_id="C2")
    await record_request(store, "r3", channel_id="C2", agent_id="U2", thread_ts="1.5")
    assert set(await Erasures(store.database).find_matching(erasure)) == found


async def test_an_agents_choice_on_anothers_request_is_meant(store: Store) -> None:
    """As imports may have them, from systems where colleagues share what was drafted."""
    for request_id in ("r1", "r2", "r3"):
        await record_shown(store, request_id)
    await record_choice(store, a_choice("r1", agent_id="U9"))
    await store.requests.record_event(Event(request_id="r2", type="edit_opened", at=after(seconds=1), agent_id="U9"))
    assert set(await Erasures(store.database).find_matching(ErasureFilter(agent_id="U9"))) == {"r1", "r2"}


async def test_every_text_is_found_with_its_request(store: Store) -> None:
    await record_texts(store)
    texts: dict[str, list[str]] = {"open": [], "sealed": []}
    async for each in Erasures(store.database).iter_texts():
        assert each.request_id == "r1"
        texts["open"] += each.texts
        texts["sealed"] += [each.sealed] if each.sealed else []
    assert {SAID[0].text, "hinted", "typed in", "noted", "reply 0", "sent “so”"} <= set(texts["open"])
    assert sorted(texts["sealed"]) == ["once:secret", "part 0"]


async def test_many_are_found_page_by_page(store: Store) -> None:
    for number in range(AT_ONCE + 2):
        await record_request(store, f"r{number:04}", hint=f"hint {number}")
    hints = [
        text async for each in Erasures(store.database).iter_texts() for text in each.texts if text.startswith("hint")
    ]
    assert len(set(hints)) == len(hints) == AT_ONCE + 2
    assert len(await Erasures(store.database).find_matching(ErasureFilter(agent_id="U1"))) == AT_ONCE + 2


async def test_keys_of_an_agents_clicks_and_their_settings(store: Store) -> None:
    for key in ("click:U1:1.1", "stale:click:U1:1.1", "click:U11:1.1", "command:1"):
        await record_request(store, key)
        await store.change(f"UPDATE seen_deliveries SET key = '{key}' WHERE key = 'command:{key}'")
    for owner, agent in (("T1", "U1"), ("T2", "U1"), ("T1", "U11")):
        key = f"view:{owner}:{agent}"
        await AgentSettingsStore(store.database).save(owner, agent, AgentSettings(hint="x"), at=AT, idempotency_key=key)
    assert await Erasures(store.database).forget_agent("U1") == RowCounts(seen_deliveries=2, agent_settings=2)
    assert await store.rows("SELECT agent_id FROM agent_settings") == [{"agent_id": "U11"}]


async def test_the_vault_forgets_what_has_expired(store: Store) -> None:
    await record_texts(store)
    vault = Vault(store.database)
    assert await vault.get("r1") == "once:secret"
    assert await vault.list_newest(5) == (("r1", "once:secret"),)
    assert await vault.forget_expired(after(hours=23)) == 0
    assert await vault.forget_expired(after(days=1)) == 1
    assert await vault.get("r1") is None


async def test_replies_whose_delivery_ended_are_forgotten(store: Store) -> None:
    await record_texts(store)
    await store.change("UPDATE deliveries SET state = 'unknown'")
    erasures = Erasures(store.database)
    assert await erasures.forget_delivery_texts(chosen_before=after(seconds=5)) == 0
    assert await erasures.forget_delivery_texts(chosen_before=after(seconds=6)) == 1
    assert not await store.deliveries.post_again("r1", idempotency_key="click:x", at=after(days=2))
