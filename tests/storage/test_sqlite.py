"""What only SQLite has: pragmas, locks of other processes, files that are read-only, full, broken; kill -9."""

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from storage.database import Database, database_file
from storage.errors import Unavailable
from storage.schema import migrate
from tests.storage.stores import Store, a_request, asked, chosen, drafted, open_store, shown

TESTS = Path(__file__).parents[2]


async def pragma(database: Database, name: str, *, write: bool) -> object:
    async with database.write() if write else database.read() as connection:
        return await connection.scalar(text(f"PRAGMA {name}"))


@pytest.mark.parametrize(
    ("name", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 1000)]
)
async def test_every_connection_is_prepared(store: Store, name: str, value: object) -> None:
    assert await pragma(store.database, name, write=True) == value
    found: list[object] = []
    everyone = asyncio.Barrier(4)

    async def ask() -> None:
        async with store.database.read() as connection:
            await everyone.wait()  # so that each has a connection of its own
            found.append(await connection.scalar(text(f"PRAGMA {name}")))

    await asyncio.gather(*(ask() for _ in range(4)))
    assert found == [value] * 4


async def test_a_connection_made_after_a_cancellation_is_prepared_too(store: Store) -> None:
    task = asyncio.create_task(asked(store))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await pragma(store.database, "foreign_keys", write=True) == 1
    assert await pragma(store.database, "synchronous", write=True) == 2


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Another process is writing."""
    with closing(sqlite3.connect(database_file(url), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def test_a_lock_held_too_long_refuses_the_write_and_nothing_else(url: str) -> None:
    async with open_store(url, write_limit_s=0.1) as store:
        with locked(url):
            for _ in range(3):
                with pytest.raises(Unavailable, match="locked"):
                    await asked(store)
            assert await store.requests.get("r1") is None  # reading goes on
        assert await store.count("requests") == 0
        await asked(store)


async def test_writes_behind_a_lock_are_all_refused_in_time(url: str) -> None:
    """None waits for the sum of those before it."""
    async with open_store(url, write_limit_s=0.2) as store:
        with locked(url):
            async with asyncio.timeout(5):
                results = await asyncio.gather(*(asked(store, f"r{n}") for n in range(100)), return_exceptions=True)
        assert {type(result) for result in results} == {Unavailable}
        await asked(store)
        assert await store.count("requests") == 1


async def test_a_lock_let_go_in_time_is_waited_for(url: str) -> None:
    async with open_store(url, write_limit_s=30) as store:
        with locked(url):
            task = asyncio.create_task(asked(store))
            await asyncio.sleep(0)
            assert not task.done()
        await task


async def test_migrating_behind_a_lock_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/empty.db"
    async with open_store(url, write_limit_s=0.1) as store:
        assert await pragma(store.database, "journal_mode", write=True) == "wal"
        with locked(url), pytest.raises(Unavailable):
            await migrate(store.database)
        assert (await migrate(store.database))[0] is None


async def test_finding_nothing_to_migrate_waits_for_no_lock(url: str) -> None:
    async with open_store(url, write_limit_s=0.1) as store:
        with locked(url):
            before, head = await migrate(store.database)
        assert before == head


async def test_a_fresh_file_opened_by_many_at_once_is_opened_by_all(tmp_path: Path) -> None:
    """The first switch to WAL needs the file for itself, for a moment."""
    databases = [Database(f"sqlite:///{tmp_path}/fresh.db", write_limit_s=20) for _ in range(8)]
    await asyncio.gather(*(pragma(database, "journal_mode", write=False) for database in databases))
    for database in databases:
        await database.aclose()


def something_else(folder: Path, how: str, migrated_file: Path) -> Path:
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
    async with open_store(f"sqlite:///{something_else(tmp_path, how, migrated_file)}") as store:
        for _ in range(2):
            with pytest.raises(Unavailable):
                await asked(store)
            with pytest.raises(Unavailable):
                await store.requests.get("r1")


async def test_a_read_only_file_is_unavailable_for_writing(url: str) -> None:
    """As the kernel says it; root may write what others may not, so the connection is told instead."""
    async with open_store(url) as store:
        await shown(store)
        async with store.database.write() as connection:
            await connection.execute(text("PRAGMA query_only = ON"))
        with pytest.raises(Unavailable, match="readonly"):
            await chosen(store)
        assert (await store.entry()).choice is None


async def test_a_full_disk_refuses_the_whole_write(url: str) -> None:
    async with open_store(url) as store:
        await shown(store)
        async with store.database.write() as connection:
            pages = await connection.scalar(text("PRAGMA page_count"))
            await connection.execute(text(f"PRAGMA max_page_count = {pages}"))
        long = "x" * 100_000
        with pytest.raises(Unavailable, match="full"):
            await store.requests.record(a_request("r2", hint=long), delivery_key="command:r2")
        assert await store.count("requests") == 1
        assert await store.count("seen_deliveries") == 1
        async with store.database.write() as connection:
            await connection.execute(text("PRAGMA max_page_count = 1000000"))
        await store.requests.record(a_request("r2", hint=long), delivery_key="command:r2")


def run_script(name: str, *arguments: str) -> list[object]:
    """The JSON lines that a script of this folder writes."""
    ended = subprocess.run(
        [sys.executable, "-m", f"tests.storage.{name}", *arguments],
        cwd=TESTS, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


async def test_a_file_that_may_not_grow_refuses_whole_writes_and_loses_none(url: str) -> None:
    """A quota: the acknowledged are there, the refused are not."""
    told = run_script("quota", url)
    assert {"refused": "Unavailable"} in told
    recorded = {line["recorded"] for line in told if isinstance(line, dict) and "recorded" in line}
    assert recorded
    async with open_store(url) as store:
        assert {entry.request.id for entry in await store.entries()} == recorded
        assert [row["integrity_check"] for row in await store.rows("PRAGMA integrity_check")] == ["ok"]
        assert await store.count("seen_deliveries") == len(recorded)
        await asked(store, "afterwards")


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
        assert [row["integrity_check"] for row in await store.rows("PRAGMA integrity_check")] == ["ok"]
        entries = await store.entries()
        facts = set()
        for entry in entries:
            name = entry.request.id
            facts.add(f"asked {name}")
            if entry.request.handed_at is not None:
                facts.add(f"drafted {name}")
            if entry.choice is not None:
                facts.add(f"chosen {name}")
                assert len(await store.deliveries.of_choice(entry.choice.id)) == 2
            assert len(entry.candidates) == (0 if entry.request.handed_at is None else 3)
            assert [event.type for event in entry.events] == ([] if entry.choice is None else ["used"])
        assert acknowledged <= facts
        assert len(facts - acknowledged) <= len(lives)
        assert await store.count("seen_deliveries") == sum(not fact.startswith("drafted") for fact in facts)
        await shown(store, "afterwards")


async def test_drafts_of_a_closed_database_are_refused_cleanly(url: str) -> None:
    """SQLAlchemy opens a new connection after `aclose`: the database is usable, and can be closed again."""
    async with open_store(url) as store:
        await asked(store)
        await store.database.aclose()
        await store.requests.record_drafts(drafted())
        assert len((await store.entry()).candidates) == 3
