"""Transactions: all or nothing, under cancellation and under load; and no query that grows with the log."""

import asyncio
import gc
import random
from contextlib import suppress

import pytest
from sqlalchemy import text

from storage.errors import StorageError
from tests.storage.stores import (
    Store,
    a_choice,
    a_request,
    after,
    make_draft_outcome,
    open_store,
    record_choice,
    record_request,
    record_shown,
    retract_choice,
    run_script,
    some_candidates,
)

BEHIND_PGBOUNCER = True


async def test_an_exception_takes_everything_back(store: Store) -> None:
    async def write_and_fail() -> None:
        async with store.database.write() as connection:
            await connection.execute(text("INSERT INTO seen_deliveries VALUES ('k', 'now')"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await write_and_fail()
    assert await store.count("seen_deliveries") == 0
    await record_request(store)
    assert await store.rows("SELECT key FROM seen_deliveries") == [{"key": "command:r1"}]


async def test_a_read_is_of_one_moment(store: Store) -> None:
    counting = text("SELECT count(*) FROM requests")
    async with store.database.read() as connection:
        before = await connection.scalar(counting)
        await record_request(store)
        assert await connection.scalar(counting) == before == 0
    assert await store.count("requests") == 1


async def test_readers_do_not_wait_for_the_writer(store: Store) -> None:
    async with store.database.write() as connection:
        await connection.execute(text("INSERT INTO seen_deliveries VALUES ('k', 'now')"))
        assert await store.count("seen_deliveries") == 0
    assert await store.count("seen_deliveries") == 1


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
    await record_request(store)
    assert await store.rows("SELECT key FROM seen_deliveries") == [{"key": "command:r1"}]


async def test_cancelling_while_waiting_for_the_turn_leaves_the_turn_free(store: Store) -> None:
    async with store.database.write():
        task = asyncio.create_task(record_request(store))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await record_request(store, "r2")
    assert await store.count("requests") == 1


async def test_what_was_acknowledged_survives_kill_9(url: str) -> None:
    """Ten processes, each killed while it writes; recorded means acknowledged, or cut off just in between."""
    lives = run_script("killed", url, "10")
    assert len(lives) == 10
    acknowledged: set[str] = set()
    for life in lives:
        assert isinstance(life, list)
        acknowledged |= set(life)
    assert acknowledged
    async with open_store(url) as store:
        if not store.database.is_shared:
            assert [row["integrity_check"] for row in await store.rows("PRAGMA integrity_check")] == ["ok"]
        entries = await store.entries()
        facts = set()
        for entry in entries:
            name = entry.request.id
            facts.add(f"asked {name}")
            if entry.request.sent_to_slack_at is not None:
                facts.add(f"drafted {name}")
            if entry.choice is not None:
                facts.add(f"chosen {name}")
                assert len(await store.deliveries.list_parts(entry.choice.id)) == 2
            assert len(entry.candidates) == (0 if entry.request.sent_to_slack_at is None else 3)
            assert [event.type for event in entry.events] == ([] if entry.choice is None else ["used"])
        assert acknowledged <= facts
        assert len(facts - acknowledged) <= len(lives)
        assert await store.count("seen_deliveries") == sum(not fact.startswith("drafted") for fact in facts)
        await record_shown(store, "afterwards")


@pytest.mark.parametrize("seed", range(3))
async def test_writes_cancelled_anywhere_are_whole_or_not_there(store: Store, seed: int) -> None:
    """Wherever it strikes: in the queue, in a statement, in the commit, in the return of the connection."""
    chance = random.Random(seed)
    for n in range(60):
        await record_request(store, f"r{n}")
        task = asyncio.create_task(store.requests.record_drafts(make_draft_outcome(f"r{n}")))
        for _ in range(chance.randrange(60)):
            await asyncio.sleep(0)
        await _settle(chance)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    for entry in await store.entries():
        assert len(entry.candidates) == (0 if entry.request.sent_to_slack_at is None else 3)
    await record_shown(store, "last")
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
            await record_shown(store, request_id)
            await store.requests.find_last_open(team_id="T1", agent_id="U1", since=after())
            await record_choice(store, a_choice(request_id), parts=1)
            if n % 3 == 0:
                await retract_choice(store, request_id)
            assert await store.requests.get(request_id) is not None
            with pytest.raises(StorageError):
                await record_request(store, request_id)

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


async def test_an_error_tells_neither_statement_nor_texts(store: Store) -> None:
    """Exceptions end up in logs: the customer's words and Slack's secrets must not."""
    await record_request(store)
    with pytest.raises(Exception, match=r"(?i)unique") as caught:
        await store.requests.record(
            a_request(response_url="https://hooks.slack.com/secret", hint="Dear customer"), idempotency_key="k"
        )
    told: list[str] = []
    error: BaseException | None = caught.value
    while error is not None:
        told += [str(error), repr(error)]
        error = error.__cause__ or error.__context__
    assert "secret" not in " ".join(told)
    assert "Dear customer" not in " ".join(told)


async def test_candidates_may_be_many(store: Store) -> None:
    await record_request(store)
    await store.requests.record_drafts(make_draft_outcome(candidates=some_candidates(how_many=10)))
    assert len((await store.entry()).visible) == 10
