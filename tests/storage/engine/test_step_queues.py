"""Steps that wait at the same time are done together, and each of them as if it were alone."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from sqlalchemy import text

from storage.engine import sqlite as engine_of_sqlite
from storage.engine.database import Database
from storage.engine.step_queues import MOST_AT_ONCE
from storage.engine.transaction import Transaction, WriteTimes
from storage.errors import DatabaseUnavailable, DuplicateDelivery
from tests.storage.stores import (
    SqliteFiles,
    Store,
    a_request,
    after,
    build_store,
    make_draft_outcome,
    make_shown_event,
    open_store,
    record_request,
    record_shown,
)


@pytest.fixture
def engine(sqlite: SqliteFiles) -> SqliteFiles:
    return sqlite


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    """Patient: these tests decide on time themselves."""
    async with open_store(url, write_limit_s=120) as opened:
        yield opened


@pytest.fixture
def directly(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """BEGIN, SAVEPOINT, COMMIT and their like, as they are sent."""
    sent: list[str] = []
    execute = engine_of_sqlite.Lane.execute_directly

    def note(lane: engine_of_sqlite.Lane, sql: str) -> None:
        sent.append(sql)
        execute(lane, sql)

    monkeypatch.setattr(engine_of_sqlite.Lane, "execute_directly", note)
    return sent


def count_commits(sent: list[str]) -> int:
    return sent.count("COMMIT")


async def insert_key(connection: Transaction, key: str) -> str:
    await connection.execute(text("INSERT INTO seen_deliveries VALUES (:key, 'now')"), {"key": key})
    return key


async def ask_nonsense(connection: Transaction) -> None:
    await connection.execute(text("SELECT nothing of"))


async def list_keys(store: Store) -> set[str]:
    return {row["key"] for row in await store.rows("SELECT key FROM seen_deliveries")}


async def run_all(store: Store, *keys: str) -> list[Any]:
    steps = (store.database.run(lambda connection, key=key: insert_key(connection, key)) for key in keys)
    return await asyncio.gather(*steps, return_exceptions=True)


async def test_steps_that_wait_together_are_one_commit(store: Store, directly: list[str]) -> None:
    assert await run_all(store, "a", "b", "c") == ["a", "b", "c"]
    assert count_commits(directly) == 1
    assert directly.count("SAVEPOINT step") == 3
    assert await list_keys(store) == {"a", "b", "c"}


async def test_a_step_without_hurry_rides_with_the_next(
    store: Store, directly: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.engine.step_queues.RIDE_S", 600)
    riding = asyncio.create_task(store.database.ride(lambda connection: insert_key(connection, "a")))
    await asyncio.sleep(0)
    assert await run_all(store, "b") == ["b"]
    assert await riding == "a"
    assert count_commits(directly) == 1


async def test_a_step_without_hurry_and_without_company_is_committed_alone(store: Store) -> None:
    assert await store.database.ride(lambda connection: insert_key(connection, "a")) == "a"
    assert await list_keys(store) == {"a"}


async def test_closing_commits_what_still_waits_for_company(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.engine.step_queues.RIDE_S", 600)
    async with open_store(url) as store:
        riding = asyncio.create_task(store.database.ride(lambda connection: insert_key(connection, "a")))
        await asyncio.sleep(0)
        await store.database.aclose()
        assert await riding == "a"
        assert await list_keys(store) == {"a"}


async def test_a_click_that_overtakes_the_record_of_the_display_finds_its_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first of the two records stands, though the second is in a hurry."""
    monkeypatch.setattr("storage.engine.step_queues.RIDE_S", 600)
    await record_request(store)
    await store.requests.record_drafts(make_draft_outcome())
    riding = asyncio.create_task(store.requests.record_shown(make_shown_event(after(seconds=3))))
    await asyncio.sleep(0)
    assert not await store.requests.record_shown(make_shown_event(after(seconds=2)), only=["r1-c0"])
    assert await riding
    assert (await store.entry()).request.shown_at == after(seconds=3)


async def test_a_lone_step_has_no_savepoint(store: Store, directly: list[str]) -> None:
    await run_all(store, "a")
    assert directly == ["BEGIN IMMEDIATE", "COMMIT"]


async def test_a_group_has_a_limit(store: Store, directly: list[str]) -> None:
    keys = [f"k{n}" for n in range(2 * MOST_AT_ONCE)]
    assert await run_all(store, *keys) == keys
    assert count_commits(directly) == 2


async def test_what_one_step_refuses_touches_no_other(store: Store) -> None:
    await record_shown(store, "r1")
    results = await asyncio.gather(
        record_request(store, "r2"),
        store.requests.record(a_request("r3"), idempotency_key="command:r1"),
        record_request(store, "r4"),
        store.requests.record_drafts(make_draft_outcome("r4")),
        return_exceptions=True,
    )
    assert [type(result) for result in results if isinstance(result, Exception)] == [DuplicateDelivery]
    assert {entry.request.id for entry in await store.entries()} == {"r1", "r2", "r4"}
    assert len((await store.entry("r4")).candidates) == 3


@pytest.mark.parametrize("place", ["in a step", "in the commit"])
async def test_a_group_that_the_disk_fails_is_run_again_step_by_step(
    store: Store, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Only the step that the disk has no room for is refused."""
    await store.database.run(lambda connection: insert_key(connection, "first"))
    async with store.database.write() as connection:
        pages = await connection.scalar(text("PRAGMA page_count"))
        if place == "in a step":
            await connection.execute(text(f"PRAGMA max_page_count = {pages}"))
    if place == "in the commit":
        fail_first_commit(monkeypatch)
    long = store.requests.record(a_request("r1", hint="x" * 100_000), idempotency_key="long")
    results = await asyncio.gather(run_all(store, "a"), long, run_all(store, "b"), return_exceptions=True)
    assert (results[0], results[2]) == (["a"], ["b"])
    if place == "in a step":
        assert isinstance(results[1], DatabaseUnavailable)
        assert await list_keys(store) == {"first", "a", "b"}
    else:
        assert results[1] is None
        assert await list_keys(store) == {"first", "a", "b", "long"}


def fail_first_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    execute = engine_of_sqlite.Lane.execute_directly
    failures = iter([sqlite3.OperationalError("disk I/O error")])

    def commit_or_fail(lane: engine_of_sqlite.Lane, sql: str) -> None:
        if sql == "COMMIT" and (error := next(failures, None)) is not None:
            raise error
        execute(lane, sql)

    monkeypatch.setattr(engine_of_sqlite.Lane, "execute_directly", commit_or_fail)


async def test_a_step_given_up_is_left_out_of_its_group(store: Store) -> None:
    async with store.database.write():
        tasks = [asyncio.create_task(run_all(store, key)) for key in ("a", "b", "c")]
        await asyncio.sleep(0)
        tasks[1].cancel()
    assert await tasks[0] == ["a"]
    assert await tasks[2] == ["c"]
    assert await list_keys(store) == {"a", "c"}


async def test_a_step_given_up_while_it_runs_is_not_committed(store: Store) -> None:
    """Whoever waited for it may have said that nothing was recorded."""
    is_running, may_go_on = threading.Event(), threading.Event()

    async def wait_in_the_middle(connection: Transaction) -> str:
        done = await insert_key(connection, "b")
        is_running.set()
        may_go_on.wait(120)
        return done

    others = asyncio.create_task(run_all(store, "a"))
    task = asyncio.create_task(store.database.run(wait_in_the_middle))
    last = asyncio.create_task(run_all(store, "c"))
    await asyncio.to_thread(is_running.wait, 120)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    may_go_on.set()
    assert (await others, await last) == (["a"], ["c"])
    assert await list_keys(store) == {"a", "c"}


@pytest.mark.parametrize("commit", ["hangs", "has not begun"])
async def test_what_was_told_stays_true(url: str, monkeypatch: pytest.MonkeyPatch, commit: str) -> None:
    """A commit that has begun is waited for; before it, a step is refused in time, and then not committed later."""
    is_hanging, may_go_on = threading.Event(), threading.Event()
    execute = engine_of_sqlite.Lane.execute_directly

    def hang(lane: engine_of_sqlite.Lane, sql: str) -> None:
        if sql == {"hangs": "COMMIT", "has not begun": "BEGIN IMMEDIATE"}[commit]:
            is_hanging.set()
            may_go_on.wait(120)
        execute(lane, sql)

    monkeypatch.setattr(engine_of_sqlite.Lane, "execute_directly", hang)
    async with open_store(url, write_limit_s=0.2) as store:
        first = asyncio.create_task(run_all(store, "a"))
        await asyncio.to_thread(is_hanging.wait, 120)
        [second] = await run_all(store, "b")
        assert isinstance(second, DatabaseUnavailable)
        is_told = first.done()
        may_go_on.set()
        [result] = await first
        assert is_told == isinstance(result, DatabaseUnavailable) == (commit == "has not begun")
        assert await list_keys(store) == ({"a"} if commit == "hangs" else set())


async def test_a_step_that_awaits_something_else_is_refused(store: Store) -> None:
    async def sleep(connection: Transaction) -> None:
        await insert_key(connection, "a")
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="something else"):
        await store.database.run(sleep)
    assert await list_keys(store) == set()


async def test_the_times_of_writes_are_told(url: str) -> None:
    seen: list[WriteTimes] = []
    database = Database(url, observe=seen.append)
    await record_request(build_store(database))
    await database.aclose()
    [times] = seen
    assert times.waited_s >= 0
    assert times.flushed_s > 0


async def test_reads_that_find_all_connections_busy_are_done_together(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one change of threads; what one of them raises is its own."""
    await record_request(store)
    calls: list[str] = []
    call = engine_of_sqlite.Lane.call

    async def count(lane: engine_of_sqlite.Lane, work: Any, *arguments: Any) -> Any:
        calls.append(work.__name__)
        return await call(lane, work, *arguments)

    async with AsyncExitStack() as busy:
        for _ in range(engine_of_sqlite.READERS):
            await busy.enter_async_context(store.database.read())
        wrong = asyncio.create_task(
            store.database.look(lambda connection: connection.scalar(text("SELECT nothing of")))
        )
        reads = [asyncio.create_task(store.requests.get("r1")) for _ in range(10)]
        await asyncio.sleep(0)
        monkeypatch.setattr(engine_of_sqlite.Lane, "call", count)
    found = await asyncio.gather(*reads)
    assert {entry.request.id for entry in found if entry is not None} == {"r1"}
    with pytest.raises(DatabaseUnavailable, match="syntax error"):
        await wrong
    assert calls.count("_read_all") == 1
