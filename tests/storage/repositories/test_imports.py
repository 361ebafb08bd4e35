"""Requests taken from elsewhere: once, whole, never over what is there; and the way from one engine to the other."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.choice_log import read_line
from bot.choice_log.fields import FIELDS
from bot.choice_log.formats.json_lines import JsonLinesEncoder
from storage.engine.database import Database
from storage.queries.export_rows import RawChoiceLog
from storage.records import Event, LogEntry, Selection
from storage.repositories.imports import LogImporter
from tests.bot.entries import entries
from tests.storage.stores import (
    Databases,
    PostgresDatabases,
    SqliteFiles,
    Store,
    a_choice,
    a_request,
    after,
    open_store,
    record_choice,
    record_shown,
    retract_choice,
    some_candidates,
)

ALL = Selection(include_simulated=True)


def make_entry(request_id: str = "r1", **changes: object) -> LogEntry:
    drafts = some_candidates(request_id)
    return LogEntry(
        request=replace(a_request(request_id), **changes),  # type: ignore[arg-type]
        candidates=drafts,
        choice=a_choice(request_id, id=f"{request_id}-h"),
        events=(Event(request_id=request_id, type="used", at=after(seconds=5), agent_id="U1"),),
    )


def export_lines(url: str) -> list[str]:
    writer = JsonLinesEncoder()
    return [writer.encode(raw) for raw in RawChoiceLog(url).iter_entries(ALL, FIELDS)]


async def import_entries(url: str, found: Sequence[LogEntry]) -> list[str]:
    database = Database(url)
    try:
        return list(await LogImporter(database, FIELDS).import_new(found))
    finally:
        await database.aclose()


@given(st.lists(entries(), max_size=4, unique_by=lambda entry: entry.request.id[:60]))
@settings(max_examples=30, suppress_health_check=list(HealthCheck), deadline=None)
def test_exported_imported_and_exported_again_is_the_same_to_the_byte(engine: Databases, found: list[LogEntry]) -> None:
    first, second = engine.migrated(), engine.migrated()
    assert asyncio.run(import_entries(first, found)) == ["new"] * len(found)
    lines = export_lines(first)
    assert sorted(lines) == sorted(
        JsonLinesEncoder().encode(raw) for raw in RawChoiceLog(first).iter_entries(ALL, FIELDS)
    )
    assert [read_line(line) for line in lines] == sorted(
        found, key=lambda entry: (entry.request.created_at, entry.request.id)
    )
    assert asyncio.run(import_entries(second, [read_line(line) for line in lines])) == ["new"] * len(found)
    assert export_lines(second) == lines
    assert asyncio.run(import_entries(second, [read_line(line) for line in lines])) == ["known"] * len(found)
    assert export_lines(second) == lines


@pytest.mark.parametrize("way", ["to PostgreSQL", "to SQLite"])
async def test_a_log_moves_from_one_engine_to_the_other(
    way: str, sqlite: SqliteFiles, postgresql: PostgresDatabases
) -> None:
    from tests.storage.stores import open_store

    old, new = sqlite.migrated(), postgresql.migrated()
    if way == "to SQLite":
        old, new = new, old
    async with open_store(old) as store:
        await record_shown(store, "r1", hint="Grüße 你好 😀", policy_params={"seed": [1, 0.1]})
        await record_choice(store, a_choice("r1"))
        await retract_choice(store, "r1")
        await record_choice(store, a_choice("r1", "dismissed", reason="other"))
        await record_shown(store, "r2", simulated=True, created_at=after(seconds=1))
    lines = await asyncio.to_thread(export_lines, old)
    assert await import_entries(new, [read_line(line) for line in lines]) == ["new", "new"]
    assert await asyncio.to_thread(export_lines, new) == lines
    assert '"undone"' in lines[0]


async def test_what_is_there_is_never_changed(store: Store) -> None:
    imports = LogImporter(store.database, FIELDS)
    assert await imports.import_new([make_entry()]) == ["new"]
    before = await store.entries()
    other = replace(make_entry(), choice=None)
    assert await imports.import_new([other, make_entry(), make_entry("r2", hint="x"), make_entry("r2")]) == [
        "differs",
        "known",
        "new",
        "differs",
    ]
    assert (await store.entries())[:1] == before
    assert await store.count("candidates") == 6


async def test_ids_of_others_are_refused(store: Store) -> None:
    imports = LogImporter(store.database, FIELDS)
    await imports.import_new([make_entry()])
    stolen = replace(make_entry("r2"), candidates=some_candidates("r1"), choice=None)
    chosen_twice = replace(make_entry("r3"), choice=a_choice("r3", id="r1-h"))
    in_one_go = replace(make_entry("r5"), candidates=some_candidates("r4"), choice=None)
    assert await imports.import_new([stolen, chosen_twice, make_entry("r4"), in_one_go]) == [
        "candidate_taken",
        "choice_taken",
        "new",
        "candidate_taken",
    ]
    assert [entry.request.id for entry in await store.entries()] == ["r1", "r4"]


async def test_judging_records_nothing(store: Store) -> None:
    imports = LogImporter(store.database, FIELDS)
    await imports.import_new([make_entry()])
    assert await imports.compare([make_entry(), make_entry("r2")]) == ["known", "new"]
    assert await store.count("requests") == 1


async def test_many_at_once(store: Store) -> None:
    found = [make_entry(f"r{number:04}") for number in range(2_000)]
    assert set(await LogImporter(store.database, FIELDS).import_new(found)) == {"new"}
    assert set(await LogImporter(store.database, FIELDS).import_new(found)) == {"known"}


async def test_two_importers_at_once_take_each_request_once(url: str) -> None:
    async with open_store(url, write_limit_s=60) as store:
        found = [make_entry(f"r{number}") for number in range(50)]
        verdicts = await asyncio.gather(*(LogImporter(store.database, FIELDS).import_new(found) for _ in range(4)))
        assert (
            sorted(verdict for each in zip(*verdicts, strict=True) for verdict in each)
            == ["known"] * 150 + ["new"] * 50
        )
        assert await store.count("requests") == 50
