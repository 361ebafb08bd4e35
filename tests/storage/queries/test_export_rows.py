"""The log streamed as rows: the same as the records, on both engines, of one moment."""

import asyncio
from contextlib import closing
from datetime import timedelta

import pytest

from bot.choice_log.fields import CSV_FIELDS, FIELDS
from storage.errors import DatabaseUnavailable
from storage.queries.export_rows import EntryReader, RawChoiceLog, RawEntry, to_raw_entry
from storage.records import LogEntry, Selection
from tests.storage.stores import (
    AT,
    Store,
    a_choice,
    after,
    record_choice,
    record_redraft,
    record_request,
    record_shown,
    retract_choice,
)

ALL = Selection(include_simulated=True)


def read_streamed(url: str, selection: Selection = ALL) -> list[LogEntry]:
    records = EntryReader(FIELDS)
    return [records.read(raw) for raw in RawChoiceLog(url).iter_entries(selection, FIELDS)]


async def record_some(store: Store) -> None:
    """Undecided, chosen, chosen anew, redrafted, without candidates."""
    await record_shown(store, "r1", created_at=after(seconds=9))
    await record_shown(store, "r2", channel_id="C2", agent_id="U2")
    await record_choice(store, a_choice("r2"))
    await record_shown(store, "r3", thread_ts="1.2", simulated=True)
    await record_choice(store, a_choice("r3"))
    await retract_choice(store, "r3")
    await record_choice(store, a_choice("r3", "dismissed"))
    await record_shown(store, "r4", team_id="T2")
    await record_redraft(store, "r4", "r5")
    await record_request(store, "r6", created_at=AT - timedelta(days=1))


@pytest.mark.parametrize(
    "selection",
    [
        ALL,
        Selection(),
        Selection(since=AT, until=after(seconds=9)),
        Selection(team_id="T2"),
        Selection(channel_id="C2", agent_id="U2"),
        Selection(style="warm", include_simulated=True),
        Selection(style="none"),
        Selection(kind="used"),
        Selection(kind="dismissed", include_simulated=True),
    ],
)
async def test_rows_tell_what_records_tell(selection: Selection, store: Store, url: str) -> None:
    await record_some(store)
    expected = await store.entries(selection)
    raw = [to_raw_entry(entry, FIELDS) for entry in expected]
    found = await asyncio.to_thread(lambda: list(RawChoiceLog(url).iter_entries(selection, FIELDS)))
    assert [cut_rows(one) for one in found] == raw
    assert len(expected) == await store.log.count(selection)


def cut_rows(raw: RawEntry) -> RawEntry:
    """Without what follows the fields."""
    return RawEntry(
        request=raw.request[: len(FIELDS.request)],
        candidates=[row[: len(FIELDS.candidate)] for row in raw.candidates],
        choice=raw.choice and raw.choice[: len(FIELDS.choice)],
        events=[row[: len(FIELDS.event)] for row in raw.events],
    )


async def test_a_table_without_fields_is_not_read(store: Store, url: str) -> None:
    await record_some(store)
    found = await asyncio.to_thread(lambda: list(RawChoiceLog(url).iter_entries(ALL, CSV_FIELDS)))
    assert len(found) == 6
    assert not any(raw.events for raw in found)
    assert any(raw.candidates for raw in found)


async def test_all_of_it_is_of_one_moment(store: Store, url: str) -> None:
    await record_some(store)
    with closing(RawChoiceLog(url).iter_entries(ALL, FIELDS)) as entries:
        first = next(entries)
        await record_shown(store, "r9", created_at=after(days=1))
        await store.change("UPDATE candidates SET text = 'later'")
        rest = [EntryReader(FIELDS).read(raw) for raw in entries]
    assert first.request[0] == "r6"
    assert "r9" not in {entry.request.id for entry in rest}
    assert not any(candidate.text == "later" for entry in rest for candidate in entry.candidates)
    assert len(await asyncio.to_thread(read_streamed, url)) == 7


async def test_a_database_that_cannot_be_read_is_unavailable(sqlite: object) -> None:
    with pytest.raises(DatabaseUnavailable):
        list(RawChoiceLog("sqlite:////nowhere/at/all.db").iter_entries(ALL, FIELDS))
    with pytest.raises(DatabaseUnavailable):
        list(RawChoiceLog("postgresql://127.0.0.1:1/nothing").iter_entries(ALL, FIELDS))
