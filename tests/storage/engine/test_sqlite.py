"""What only SQLite has: pragmas, locks of other processes, files that are read-only, full, broken; kill -9."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from storage.engine.database import WRITE_LIMIT_S, Database, get_database_file
from storage.errors import DatabaseUnavailable
from storage.queries.home import HomeFilter, HomeQueries
from storage.records import ResponseUrl
from storage.repositories.agent_settings import AgentSettingsStore
from storage.schema import migrate
from tests.conftest import DURABLE
from tests.storage.stores import (
    AT,
    SqliteFiles,
    Store,
    a_choice,
    a_request,
    after,
    make_draft_outcome,
    make_parts,
    make_shown_event,
    open_store,
    record_choice,
    record_failed,
    record_redraft,
    record_request,
    record_shown,
    retract_choice,
    run_script,
)


@pytest.fixture(autouse=True)
def _durable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the disk is waited for, as in production."""
    monkeypatch.setattr("storage.engine.sqlite.PRAGMAS", DURABLE)


@pytest.fixture
def engine(sqlite: SqliteFiles) -> SqliteFiles:
    return sqlite


async def read_pragma(database: Database, name: str, *, write: bool) -> object:
    async with database.write() if write else database.read() as connection:
        return await connection.scalar(text(f"PRAGMA {name}"))


@pytest.mark.parametrize(
    ("name", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 1000)]
)
async def test_every_connection_is_prepared(url: str, name: str, value: object) -> None:
    async with open_store(url, write_limit_s=WRITE_LIMIT_S) as store:
        assert await read_pragma(store.database, name, write=True) == value
        found: list[object] = []
        everyone = asyncio.Barrier(4)

        async def ask() -> None:
            async with store.database.read() as connection:
                await everyone.wait()  # so that each has a connection of its own
                found.append(await connection.scalar(text(f"PRAGMA {name}")))

        await asyncio.gather(*(ask() for _ in range(4)))
        assert found == [value] * 4


async def test_a_connection_made_after_a_cancellation_is_prepared_too(store: Store) -> None:
    task = asyncio.create_task(record_request(store))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await read_pragma(store.database, "foreign_keys", write=True) == 1
    assert await read_pragma(store.database, "synchronous", write=True) == 2


@contextmanager
def hold_write_lock(url: str) -> Iterator[None]:
    """Another process is writing."""
    with closing(sqlite3.connect(get_database_file(url), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def test_a_lock_held_too_long_refuses_the_write_and_nothing_else(url: str) -> None:
    async with open_store(url, write_limit_s=0.1) as store:
        with hold_write_lock(url):
            for _ in range(3):
                with pytest.raises(DatabaseUnavailable, match="locked"):
                    await record_request(store)
            assert await store.requests.get("r1") is None  # reading goes on
        assert await store.count("requests") == 0
        await record_request(store)


async def test_writes_behind_a_lock_are_all_refused_in_time(url: str) -> None:
    """None waits for the sum of those before it."""
    async with open_store(url, write_limit_s=0.2) as store:
        with hold_write_lock(url):
            async with asyncio.timeout(120):
                results = await asyncio.gather(
                    *(record_request(store, f"r{n}") for n in range(100)), return_exceptions=True
                )
        assert {type(result) for result in results} == {DatabaseUnavailable}
    async with open_store(url) as store:
        await record_request(store)
        assert await store.count("requests") == 1


async def test_a_lock_let_go_in_time_is_waited_for(url: str) -> None:
    async with open_store(url, write_limit_s=30) as store:
        with hold_write_lock(url):
            task = asyncio.create_task(record_request(store))
            await asyncio.sleep(0)
            assert not task.done()
        await task


async def test_migrating_behind_a_lock_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/empty.db"
    async with open_store(url, write_limit_s=0.1) as store:
        assert await read_pragma(store.database, "journal_mode", write=True) == "wal"
        with hold_write_lock(url), pytest.raises(DatabaseUnavailable):
            await migrate(store.database)
        assert (await migrate(store.database))[0] is None


async def test_finding_nothing_to_migrate_waits_for_no_lock(url: str) -> None:
    async with open_store(url, write_limit_s=0.1) as store:
        with hold_write_lock(url):
            before, head = await migrate(store.database)
        assert before == head


async def test_a_fresh_file_opened_by_many_at_once_is_opened_by_all(tmp_path: Path) -> None:
    """The first switch to WAL needs the file for itself, for a moment."""
    databases = [Database(f"sqlite:///{tmp_path}/fresh.db", write_limit_s=20) for _ in range(8)]
    await asyncio.gather(*(read_pragma(database, "journal_mode", write=False) for database in databases))
    for database in databases:
        await database.aclose()


def write_foreign_file(folder: Path, how: str, migrated_file: Path) -> Path:
    """What is no database, in some way."""
    path = folder / "suggest.db"
    if how == "no such folder":
        return folder / "missing" / "suggest.db"
    if how == "a folder":
        path.mkdir()
    elif how == "no database":
        path.write_bytes(b"This is a letter to my aunt. " * 100)
    else:
        whole = migrated_file.read_bytes()
        path.write_bytes(whole[:4096] + b"\x55" * (len(whole) - 4096))
    return path


@pytest.mark.parametrize("how", ["no such folder", "a folder", "no database", "malformed"])
async def test_what_cannot_be_opened_is_unavailable(tmp_path: Path, migrated_file: Path, how: str) -> None:
    async with open_store(f"sqlite:///{write_foreign_file(tmp_path, how, migrated_file)}") as store:
        for _ in range(2):
            with pytest.raises(DatabaseUnavailable):
                await record_request(store)
            with pytest.raises(DatabaseUnavailable):
                await store.requests.get("r1")


async def test_a_read_only_file_is_unavailable_for_writing(url: str) -> None:
    """As the kernel says it; root may write what others may not, so the connection is told instead."""
    async with open_store(url) as store:
        await record_shown(store)
        async with store.database.write() as connection:
            await connection.execute(text("PRAGMA query_only = ON"))
        with pytest.raises(DatabaseUnavailable, match="readonly"):
            await record_choice(store)
        assert (await store.entry()).choice is None


async def test_a_full_disk_refuses_the_whole_write(url: str) -> None:
    async with open_store(url) as store:
        await record_shown(store)
        async with store.database.write() as connection:
            pages = await connection.scalar(text("PRAGMA page_count"))
            await connection.execute(text(f"PRAGMA max_page_count = {pages}"))
        long = "x" * 100_000
        with pytest.raises(DatabaseUnavailable, match="full"):
            await store.requests.record(a_request("r2", hint=long), idempotency_key="command:r2")
        assert await store.count("requests") == 1
        assert await store.count("seen_deliveries") == 1
        async with store.database.write() as connection:
            await connection.execute(text("PRAGMA max_page_count = 1000000"))
        await store.requests.record(a_request("r2", hint=long), idempotency_key="command:r2")


async def test_a_file_that_may_not_grow_refuses_whole_writes_and_loses_none(url: str) -> None:
    """A quota: the acknowledged are there, the refused are not."""
    told = run_script("quota", url)
    assert {"refused": "DatabaseUnavailable"} in told
    recorded = {line["recorded"] for line in told if isinstance(line, dict) and "recorded" in line}
    assert recorded
    async with open_store(url) as store:
        assert {entry.request.id for entry in await store.entries()} == recorded
        assert [row["integrity_check"] for row in await store.rows("PRAGMA integrity_check")] == ["ok"]
        assert await store.count("seen_deliveries") == len(recorded)
        await record_request(store, "afterwards")


async def test_drafts_of_a_closed_database_are_refused_cleanly(url: str) -> None:
    """SQLAlchemy opens a new connection after `aclose`: the database is usable, and can be closed again."""
    async with open_store(url) as store:
        await record_request(store)
        await store.database.aclose()
        await store.requests.record_drafts(make_draft_outcome())
        assert len((await store.entry()).candidates) == 3


async def test_a_write_that_waits_too_long_for_its_turn_is_refused(url: str) -> None:
    async with open_store(url, write_limit_s=0.1) as store:
        async with store.database.write():
            with pytest.raises(DatabaseUnavailable):
                await record_request(store)
        assert await store.count("requests") == 0
        await record_request(store)


async def test_a_reader_that_waits_too_long_is_refused(url: str) -> None:
    """More readers at once than connections."""
    async with open_store(url, write_limit_s=0.1) as store:
        done = asyncio.Event()

        async def hold() -> None:
            async with store.database.read():
                await done.wait()

        holders = [asyncio.create_task(hold()) for _ in range(4)]
        await asyncio.sleep(0)
        with pytest.raises(DatabaseUnavailable):
            await store.requests.get("r1")
        done.set()
        await asyncio.gather(*holders)
        assert await store.requests.get("r1") is None


@pytest.fixture
def statements() -> Iterator[list[tuple[str, Any]]]:
    """Every statement that reaches the database, with its parameters."""
    seen: list[tuple[str, Any]] = []

    @event.listens_for(Engine, "before_cursor_execute")
    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: Any) -> None:
        seen.append((statement, parameters[0] if many else parameters))

    yield seen
    event.remove(Engine, "before_cursor_execute", note)


SMALL = ("deliveries_not_done", "requests_in_drafting", "replicas", "sqlite_autoindex_replicas_1")
"""Replicas, and the partial indexes of what is not finished: they do not grow with the log."""


async def test_no_query_of_the_way_of_a_suggestion_scans_a_table(store: Store, statements: list[Any]) -> None:
    """What a suggestion costs does not grow with the log."""
    await record_shown(store)
    await store.requests.get_by_candidate("r1-c0")
    await store.requests.find_last_open(team_id="T1", agent_id="U1", since=after())
    await store.requests.count_tokens_since(since=after())
    await store.requests.record_event(
        make_shown_event(after()), response_url=ResponseUrl(url="https://x", expires_at=after(minutes=30))
    )
    choice = await record_choice(store, parts=1)
    await store.choices.get(choice.id)
    await store.deliveries.begin_attempt(f"{choice.id}-d0")
    await store.deliveries.mark_unknown(f"{choice.id}-d0")
    await store.deliveries.post_again("r1", idempotency_key="k", at=after())
    await store.deliveries.put_back(f"{choice.id}-d0", address="channel")
    await store.deliveries.list_parts(choice.id)
    await retract_choice(store)
    await store.choices.record(
        a_choice(kind="dismissed"), idempotency_key="k2", event=make_shown_event(after(seconds=5))
    )
    await store.choices.give_reason("r1", "other", agent_id="U1", at=after(), idempotency_key="k3")
    await record_failed(store, "r8")
    await record_redraft(store, "r8", "r9")
    # These run once a minute, or at start-up.
    await store.requests.forget_expired_response_urls(after())
    await store.requests.forget_keys(seen_before=after())
    await store.requests.expire(created_before=after(days=1), at=after(days=1))
    # These every few seconds, with something to take over.
    await record_request(store, "r10")
    await record_shown(store, "r11")
    await record_choice(store, a_choice("r11"), parts=1)
    await record_shown(store, "r12")
    posted = make_parts(await record_choice(store, a_choice("r12"), parts=1))[0]
    await store.deliveries.mark_done(replace(posted, channel_id="C1", message_ts="1.1"), sent=None)
    await retract_choice(store, "r12")
    await store.replicas.join(after())
    await store.replicas.beat(after(), dead_before=after())
    await store.change("UPDATE requests SET owner = NULL")
    await store.change("UPDATE deliveries SET owner = NULL")
    assert await store.replicas.take_requests()
    assert await store.replicas.take_deliveries(unknown_since=after(), untold_since=after())
    assert await store.replicas.take_deletions(undone_since=after())
    await store.switches.is_on("paused")
    # These at each payload, and whenever an agent opens Home.
    await AgentSettingsStore(store.database).get("T1", "U1")
    for team_id in ("T1", None):
        whose = HomeFilter(team_id=team_id, agent_id="U1", simulated=False)
        await HomeQueries(store.database).load(whose, open_since=AT, days_since=AT, team_since=AT)
    await store.replicas.leave()
    scans = []
    for statement, parameters in list(statements):
        if statement.split()[0] in {"SELECT", "UPDATE", "DELETE"} and " SET owner = NULL" not in statement:
            async with store.database.read() as connection:
                plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                scans += [(row.detail, statement) for row in plan if _is_scan(row.detail)]
    assert scans == []


def _is_scan(step: str) -> bool:
    return step.startswith("SCAN") and not step.endswith(SMALL)


def test_a_databases_file_is_known() -> None:
    assert str(get_database_file("sqlite:////var/lib/suggest.db")) == "/var/lib/suggest.db"
    assert str(get_database_file("sqlite:///suggest.db")) == "suggest.db"


@pytest.mark.parametrize("url", ["", "suggest.db", "sqlite://", "sqlite:///", "sqlite:///:memory:", "mysql://x/y"])
def test_what_is_no_database_of_ours_is_refused_with_what_to_write(url: str) -> None:
    with pytest.raises(ValueError, match="sqlite:///"):
        Database(url)
