"""Transactions: all or nothing, under cancellation and under load; and no query that grows with the log."""

import asyncio
import gc
import random
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import event, text

from storage.database import Database, database_file
from storage.errors import StorageError, Unavailable
from storage.records import WayBack
from tests.storage.stores import (
    Store,
    a_choice,
    a_request,
    after,
    asked,
    chosen,
    drafted,
    failed,
    open_store,
    redrafted,
    seen_at,
    shown,
    some_candidates,
    undone,
)


async def test_an_exception_takes_everything_back(store: Store) -> None:
    async def write_and_fail() -> None:
        async with store.database.write() as connection:
            await connection.execute(text("INSERT INTO seen_deliveries VALUES ('k', 'now')"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await write_and_fail()
    assert await store.count("seen_deliveries") == 0
    await asked(store)
    assert await store.rows("SELECT key FROM seen_deliveries") == [{"key": "command:r1"}]


async def test_a_read_is_of_one_moment(store: Store) -> None:
    counting = text("SELECT count(*) FROM requests")
    async with store.database.read() as connection:
        before = await connection.scalar(counting)
        await asked(store)
        assert await connection.scalar(counting) == before == 0
    assert await store.count("requests") == 1


async def test_readers_do_not_wait_for_the_writer(store: Store) -> None:
    async with store.database.write() as connection:
        await connection.execute(text("INSERT INTO seen_deliveries VALUES ('k', 'now')"))
        assert await store.count("seen_deliveries") == 0
    assert await store.count("seen_deliveries") == 1


async def test_a_write_that_waits_too_long_for_its_turn_is_refused(url: str) -> None:
    async with open_store(url, write_limit_s=0.1) as store:
        async with store.database.write():
            with pytest.raises(Unavailable):
                await asked(store)
        assert await store.count("requests") == 0
        await asked(store)


async def test_a_reader_that_waits_too_long_is_refused(url: str) -> None:
    """More readers at once than connections."""
    async with open_store(url, write_limit_s=0.1) as store:
        done = asyncio.Event()

        async def hold() -> None:
            async with store.database.read():
                await done.wait()

        holders = [asyncio.create_task(hold()) for _ in range(4)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await store.requests.get("r1")
        done.set()
        await asyncio.gather(*holders)
        assert await store.requests.get("r1") is None


async def test_two_programs_write_at_once_without_deadlock(url: str) -> None:
    """All writes are there: the later one waits."""
    async with open_store(url, write_limit_s=30) as one, open_store(url, write_limit_s=30) as other:

        async def write(store: Store, name: str) -> None:
            # Reads first, as a deferred transaction would before it could no longer become a writer.
            async with store.database.write() as connection:
                await connection.execute(text("SELECT count(*) FROM seen_deliveries"))
                await connection.execute(text("INSERT INTO seen_deliveries VALUES (:name, 'now')"), {"name": name})

        names = [f"{program}{n}" for n in range(60) for program in ("one", "other")]
        await asyncio.gather(*(write(one if name.startswith("one") else other, name) for name in names))
        assert {row["key"] for row in await one.rows("SELECT key FROM seen_deliveries")} == set(names)


async def test_cancelling_a_write_half_way_takes_it_back_and_lets_the_next_one_in(store: Store) -> None:
    written = asyncio.Event()

    async def half() -> None:
        async with store.database.write() as connection:
            await connection.execute(text("INSERT INTO seen_deliveries VALUES ('k', 'now')"))
            written.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(half())
    await written.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await store.count("seen_deliveries") == 0
    await asked(store)
    assert await store.rows("SELECT key FROM seen_deliveries") == [{"key": "command:r1"}]


async def test_cancelling_while_waiting_for_the_turn_leaves_the_turn_free(store: Store) -> None:
    async with store.database.write():
        task = asyncio.create_task(asked(store))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await asked(store, "r2")
    assert await store.count("requests") == 1


@pytest.mark.parametrize("seed", range(3))
async def test_writes_cancelled_anywhere_are_whole_or_not_there(store: Store, seed: int) -> None:
    """Wherever it strikes: in the queue, in a statement, in the commit, in the return of the connection."""
    chance = random.Random(seed)
    for n in range(60):
        await asked(store, f"r{n}")
        task = asyncio.create_task(store.requests.record_drafts(drafted(f"r{n}")))
        for _ in range(chance.randrange(60)):
            await asyncio.sleep(0)
        await _settle(chance)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    for entry in await store.entries():
        assert len(entry.candidates) == (0 if entry.request.handed_at is None else 3)
    await shown(store, "last")
    assert (await store.entry("last")).request.status == "shown"


async def _settle(chance: random.Random) -> None:
    """Let the worker's thread get so far, or further."""
    for _ in range(chance.randrange(4)):
        await asyncio.get_running_loop().run_in_executor(None, lambda: None)


async def test_thousands_of_operations_at_once_lose_nothing(url: str) -> None:
    """Cursors that stay open, or are freed on another thread, would disturb the connections sooner or later."""
    async with open_store(url, write_limit_s=60) as store:

        async def life(n: int) -> None:
            request_id = f"r{n}"
            await shown(store, request_id)
            await store.requests.last_open(team_id="T1", agent_id="U1", since=after())
            await chosen(store, a_choice(request_id), parts=1)
            if n % 3 == 0:
                await undone(store, request_id)
            assert await store.requests.get(request_id) is not None
            with pytest.raises(StorageError):
                await asked(store, request_id)

        async def read_on() -> None:
            while True:
                await store.requests.get("r1")
                gc.collect(0)

        readers = [asyncio.create_task(read_on()) for _ in range(2)]
        await asyncio.gather(*(life(n) for n in range(150)))
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        entries = await store.entries()
    assert len(entries) == 150
    assert sum(entry.choice is not None for entry in entries) == 100
    assert all(len(entry.candidates) == 3 for entry in entries)


@pytest.fixture
def statements(store: Store) -> list[tuple[str, Any]]:
    """Every statement that reaches the database, with its parameters."""
    seen: list[tuple[str, Any]] = []
    for engine in (store.database._writer, store.database._readers):

        @event.listens_for(engine.sync_engine, "before_cursor_execute")
        def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: Any) -> None:
            seen.append((statement, parameters[0] if many else parameters))

    return seen


async def test_no_query_of_the_way_of_a_suggestion_scans_a_table(store: Store, statements: list[Any]) -> None:
    """What a suggestion costs does not grow with the log."""
    await shown(store)
    await store.requests.of_candidate("r1-c0")
    await store.requests.last_open(team_id="T1", agent_id="U1", since=after())
    await store.requests.count_since(team_id="T1", agent_id="U1", since=after())
    await store.requests.tokens_since(since=after())
    await store.requests.record_event(
        seen_at(after()), way_back=WayBack(response_url="https://x", expires_at=after(minutes=30))
    )
    choice = await chosen(store, parts=1)
    await store.choices.get(choice.id)
    await store.deliveries.attempt(f"{choice.id}-d0")
    await store.deliveries.unknown(f"{choice.id}-d0")
    await store.deliveries.post_again("r1", delivery_key="k", at=after())
    await store.deliveries.put_back(f"{choice.id}-d0", address="channel")
    await store.deliveries.of_choice(choice.id)
    await undone(store)
    await store.choices.record(a_choice(kind="dismissed"), delivery_key="k2", event=seen_at(after(seconds=5)))
    await store.choices.give_reason("r1", "other", agent_id="U1", at=after(), delivery_key="k3")
    await failed(store, "r8")
    await redrafted(store, "r8", "r9")
    # These run once a minute, or at start-up.
    await store.requests.forget_expired_response_urls(after())
    await store.requests.forget_deliveries(seen_before=after())
    await store.deliveries.unknown_after_crash()
    await store.deliveries.unfinished(unknown_since=after())
    scans = []
    for statement, parameters in list(statements):
        if statement.split()[0] in {"SELECT", "UPDATE", "DELETE"}:
            async with store.database.read() as connection:
                plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                scans += [(row.detail, statement) for row in plan if _is_scan(row.detail)]
    assert scans == []


def _is_scan(step: str) -> bool:
    """Reading all of a partial index is none: it holds only what is not done."""
    return step.startswith("SCAN") and not step.endswith("deliveries_not_done")


async def test_an_error_tells_neither_statement_nor_texts(store: Store) -> None:
    """Exceptions end up in logs: the customer's words and Slack's secrets must not."""
    await asked(store)
    with pytest.raises(Exception, match="UNIQUE") as caught:
        await store.requests.record(
            a_request(response_url="https://hooks.slack.com/secret", hint="Dear customer"), delivery_key="k"
        )
    told: list[str] = []
    error: BaseException | None = caught.value
    while error is not None:
        told += [str(error), repr(error)]
        error = error.__cause__ or error.__context__
    assert "secret" not in " ".join(told)
    assert "Dear customer" not in " ".join(told)


def test_a_databases_file_is_known() -> None:
    assert str(database_file("sqlite:////var/lib/suggest.db")) == "/var/lib/suggest.db"
    assert str(database_file("sqlite:///suggest.db")) == "suggest.db"


@pytest.mark.parametrize("url", ["", "suggest.db", "sqlite://", "sqlite:///", "sqlite:///:memory:", "mysql://x/y"])
def test_what_is_no_database_of_ours_is_refused_with_what_to_write(url: str) -> None:
    with pytest.raises(ValueError, match="sqlite:///"):
        Database(url)


async def test_candidates_may_be_many(store: Store) -> None:
    await asked(store)
    await store.requests.record_drafts(drafted(candidates=some_candidates(how_many=10)))
    assert len((await store.entry()).visible) == 10
