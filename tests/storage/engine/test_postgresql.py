"""What only PostgreSQL has: URLs, passwords, other sessions' locks, connections that break, a server that restarts."""

import asyncio
import gc
import logging
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError

from storage.engine.database import WRITE_LIMIT_S, Database, parse_url
from storage.engine.postgresql import CONNECTIONS, PostgresTarget
from storage.errors import DatabaseUnavailable, DatabaseUnsuitable
from storage.schema import MIGRATION_LOCK, migrate
from tests.conftest import start_postgresql
from tests.storage.stores import (
    PostgresDatabases,
    Store,
    a_request,
    after,
    make_draft_outcome,
    make_parts,
    open_store,
    record_choice,
    record_request,
    record_shown,
)

PASSWORD = "s3cret/w@rd"
ESCAPED = "s3cret%2Fw%40rd"


@pytest.fixture
def engine(postgresql: PostgresDatabases) -> PostgresDatabases:
    return postgresql


# --- URLs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "host", "port", "database"),
    [
        ("postgresql://u@db.example/suggest", "db.example", None, "suggest"),
        (f"postgres://u:{ESCAPED}@db:5433/suggest", "db", 5433, "suggest"),
        ("postgresql://u@one:5432,two:5433/suggest?target_session_attrs=read-write", "one,two", None, "suggest"),
        ("postgresql://u@one,two/suggest", "one,two", None, "suggest"),
        ("postgresql:///suggest?host=/var/run/postgresql&port=5433", "/var/run/postgresql", 5433, "suggest"),
        ("postgresql://%2Fvar%2Frun/suggest", "/var/run", None, "suggest"),
        ("postgresql://u@[::1]:5432/suggest?sslmode=verify-full&sslrootcert=/ca.pem", "::1", 5432, "suggest"),
        ("postgresql://u@db/suggest?options=-c%20search_path%3Dsuggest&connect_timeout=3", "db", None, "suggest"),
        ("postgresql://", None, None, None),
        (f"postgresql://db/suggest?user=u&password={ESCAPED}", "db", None, "suggest"),
    ],
)
async def test_any_url_that_libpq_takes_is_taken(
    url: str, host: str | None, port: int | None, database: str | None
) -> None:
    parsed = parse_url(url)
    assert (parsed.host, parsed.port, parsed.database) == (host, port, database)
    opened = Database(url)
    assert opened.is_shared
    told = " ".join([str(opened.url), repr(opened.url), repr(opened), parsed.render_as_string(hide_password=False)])
    assert PASSWORD not in told
    assert ESCAPED not in told
    await opened.aclose()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:100%sure@db/suggest",
        "postgresql://u:pass/word@db/suggest",
        "postgresql://u:p@db/suggest?password=word&nonsense=1",
        "postgresql://db/suggest?password",
        "postgresql://db:pass,5432/suggest",
    ],
)
def test_a_wrong_url_is_refused_without_quoting_it(url: str) -> None:
    """What libpq does not understand is often the password."""
    with pytest.raises(ValueError, match="postgresql://user:password@host") as caught:
        Database(url)
    assert caught.value.__cause__ is None
    for word in ("sure", "word@", "word&", "db", "pass,"):
        assert word not in str(caught.value).replace("user:password@", "").replace("/database", "")


async def test_without_the_driver_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(ValueError, match=r"suggest-replies\[postgresql\]"):
        parse_url("postgresql://u@db/suggest")


async def test_the_password_is_in_no_error_and_in_no_log(
    postgresql: PostgresDatabases, caplog: pytest.LogCaptureFixture
) -> None:
    folder = postgresql.url.partition("host=")[2]
    urls = [
        f"postgresql://nobody:{ESCAPED}@/suggest?host={folder}",
        f"postgresql://nobody:{ESCAPED}@127.0.0.1:1/suggest",
        f"postgresql://postgres:{ESCAPED}@/no_such_database?host={folder}",
    ]
    told = []
    with caplog.at_level(logging.DEBUG):
        for url in urls:
            async with open_store(url) as store:
                for work in (store.requests.get("r1"), record_request(store)):
                    with pytest.raises(DatabaseUnavailable) as caught:
                        await work
                    told += _collect_logs(caught.value)
    everything = " ".join([*told, caplog.text])
    assert PASSWORD not in everything
    assert ESCAPED not in everything


def _collect_logs(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield from (str(error), repr(error))
        error = error.__cause__ or error.__context__


async def test_an_error_quotes_no_row(store: Store) -> None:
    """PostgreSQL's own details hold the row that failed, with all its texts."""
    with pytest.raises(IntegrityError, match="null value") as caught:
        await store.requests.record(
            a_request(agent_id=None, hint="Dear customer", response_url="https://secret"), idempotency_key="k"
        )
    told = " ".join(_collect_logs(caught.value))
    assert "Dear customer" not in told
    assert "secret" not in told


# --- connections --------------------------------------------------------------------------------------------


async def test_writers_and_readers_are_prepared(url: str) -> None:
    async with open_store(url, write_limit_s=WRITE_LIMIT_S) as store:
        settings = ("transaction_isolation", "transaction_read_only", "lock_timeout")
        async with store.database.write() as connection:
            assert [await connection.scalar(text(f"SHOW {name}")) for name in settings] == [
                "read committed",
                "off",
                "1s",
            ]
        async with store.database.read() as connection:
            assert [await connection.scalar(text(f"SHOW {name}")) for name in settings] == [
                "repeatable read",
                "on",
                "1s",
            ]


async def test_a_reader_cannot_write(store: Store) -> None:
    async def write() -> None:
        async with store.database.read() as connection:
            await connection.execute(text("DELETE FROM requests"))

    await record_request(store)
    with pytest.raises(DatabaseUnavailable, match="read-only"):
        await write()
    assert await store.count("requests") == 1


async def test_what_is_wrong_with_the_question_is_not_the_databases_fault(store: Store) -> None:
    with pytest.raises(ProgrammingError):
        await store.rows("SELECT nonsense")
    with pytest.raises(DataError):
        await record_request(store, "x" * 65)
    with pytest.raises(DataError):
        await record_request(store, hint="a\x00b")
    await record_request(store)
    assert await store.count("requests") == 1


@contextmanager
def open_session(url: str) -> Iterator[psycopg.Connection[Any]]:
    """Another program's connection."""
    with psycopg.connect(url) as connection:
        yield connection
        connection.rollback()


async def test_a_row_held_too_long_refuses_the_write_and_nothing_else(url: str) -> None:
    async with open_store(url, write_limit_s=0.2) as store:
        await record_shown(store)
        await record_shown(store, "r2")
        with open_session(url) as other:
            other.execute("SELECT * FROM requests WHERE id = 'r1' FOR UPDATE")
            with pytest.raises(DatabaseUnavailable, match="lock timeout"):
                await record_choice(store)
            assert (await store.entry()).choice is None  # reading goes on
            await store.requests.close_expired(["r2"], at=after())  # and writing elsewhere
        await record_choice(store)


async def test_a_key_being_taken_by_another_is_waited_for_in_time(url: str) -> None:
    async with open_store(url, write_limit_s=0.2) as store:
        with open_session(url) as other:
            other.execute("INSERT INTO seen_deliveries VALUES ('command:r1', 'now')")
            with pytest.raises(DatabaseUnavailable):
                await record_request(store)
        await record_request(store)


async def test_more_writers_than_connections_wait_their_turn_or_are_refused(url: str) -> None:
    async with open_store(url, write_limit_s=0.2) as store:
        done = asyncio.Event()

        async def hold() -> None:
            async with store.database.write():
                await done.wait()

        holders = [asyncio.create_task(hold()) for _ in range(CONNECTIONS)]
        await asyncio.sleep(0)
        with pytest.raises(DatabaseUnavailable, match="in time"):
            await record_request(store)
        done.set()
        await asyncio.gather(*holders)
        await record_request(store)


async def test_more_readers_than_connections_wait_or_are_refused(url: str) -> None:
    async with open_store(url, write_limit_s=0.2) as store:
        done, everyone = asyncio.Event(), asyncio.Barrier(CONNECTIONS + 1)

        async def hold() -> None:
            async with store.database.read():
                await everyone.wait()
                await done.wait()

        holders = [asyncio.create_task(hold()) for _ in range(CONNECTIONS)]
        await everyone.wait()
        with pytest.raises(DatabaseUnavailable, match="busy"):
            await store.requests.get("r1")
        done.set()
        await asyncio.gather(*holders)
        assert await store.requests.get("r1") is None


async def wait_until(holds: Callable[[], bool]) -> None:
    """The server takes a moment to see what happened."""
    async with asyncio.timeout(120):
        while not holds():  # noqa: ASYNC110 - what happens there tells nobody
            await asyncio.sleep(0.01)


def list_sessions(databases: PostgresDatabases, url: str) -> list[Any]:
    name = parse_url(url).database
    return databases.run(f"SELECT state FROM pg_stat_activity WHERE datname = '{name}' ORDER BY state")


async def test_nothing_is_left_open(engine: PostgresDatabases, url: str) -> None:
    """Neither by work that is cancelled, nor at the end."""
    async with open_store(url, write_limit_s=5) as store:
        for n in range(12):
            task = asyncio.create_task(record_shown(store, f"r{n}"))
            for _ in range(n * 5):
                await asyncio.sleep(0)
            await asyncio.get_running_loop().run_in_executor(None, lambda: None)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await asyncio.gather(*(record_request(store, f"q{n}") for n in range(30)))
        states = [state for (state,) in list_sessions(engine, url)]
        assert set(states) == {"idle"}
        assert len(states) <= 2 * CONNECTIONS
    del task
    gc.collect()  # psycopg leaves a connection that was cancelled while it was made to the collector
    await wait_until(lambda: not list_sessions(engine, url))


async def test_a_cancellation_on_a_busy_loop_is_one(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """There psycopg yields in more places: wherever it strikes, nothing else comes out, and the next write is well."""
    left = 0

    async def strike_at_the_last(seconds: float) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            task.cancel()
        await asyncio.sleep(seconds)

    monkeypatch.setattr("psycopg.waiting.MAX_BUSY_TIME", 0)
    monkeypatch.setattr("psycopg.waiting.sleep", strike_at_the_last)
    async with open_store(url) as store:
        for n in count(1):
            await record_request(store, f"r{n}")
            task = asyncio.create_task(store.requests.record_drafts(make_draft_outcome(f"r{n}")))
            left = n
            (ended,) = await asyncio.gather(task, return_exceptions=True)
            assert ended is None or isinstance(ended, asyncio.CancelledError)
            if ended is None:
                break


async def test_a_transaction_that_cannot_begin_is_refused_and_the_next_one_begins(
    engine: PostgresDatabases, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(self: object, query: str, *_: object, **__: object) -> None:
        raise psycopg.OperationalError("gone")

    async with open_store(url) as store:
        await record_request(store, "r0")
        with monkeypatch.context() as patched:
            patched.setattr(psycopg.AsyncCursor, "execute", fails)
            with pytest.raises(DatabaseUnavailable, match="gone"):
                await record_request(store)
        await record_request(store)
        assert [state for (state,) in list_sessions(engine, url)] == ["idle"]


# --- what the URL says to this program ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "conninfo", "connections", "prepare_threshold"),
    [
        ("postgresql://u@db/suggest", "postgresql://u@db/suggest", CONNECTIONS, None),
        ("postgresql://u@db/suggest?prepare_threshold=5", "postgresql://u@db/suggest", CONNECTIONS, 5),
        ("postgresql://u@db/s?prepare_threshold=0&sslmode=require", "postgresql://u@db/s?sslmode=require", 10, 0),
        ("postgresql://u@db/s?host=/run&connections=3", "postgresql://u@db/s?host=/run", 3, None),
        ("postgresql:///s?prepare%5Fthreshold=%37&port=1", "postgresql:///s?port=1", CONNECTIONS, 7),
        ("postgresql://u:a?connections=0@db/s?connections=2", "postgresql://u:a?connections=0@db/s", 2, None),
        ("postgresql://?connections=1000", "postgresql://", 1000, None),
    ],
)
def test_our_own_parameters_are_taken_out_of_the_url(
    url: str, conninfo: str, connections: int, prepare_threshold: int | None
) -> None:
    expected = PostgresTarget(conninfo=conninfo, connections=connections, prepare_threshold=prepare_threshold)
    assert PostgresTarget.from_url(url) == expected
    parse_url(url)


@pytest.mark.parametrize("value", ["", "x", "-1", "1.5", "None", "99999", "%20", "1 ", "１"])
@pytest.mark.parametrize("name", ["prepare_threshold", "connections"])
def test_our_own_parameters_are_whole_numbers(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} in the URL is a whole number from [01] to 1000"):
        parse_url(f"postgresql://u@db/suggest?{name}={value}")


async def count_prepared(url: str) -> int:
    """How many statements the session keeps prepared after using one often."""
    async with open_store(url) as store:
        for _ in range(8):
            await store.requests.get("r1")
        async with store.database.read() as connection:
            return int(await connection.scalar(text("SELECT count(*) FROM pg_prepared_statements")) or 0)


async def test_statements_are_prepared_only_where_the_url_says_so(url: str) -> None:
    assert await count_prepared(url) == 0
    assert await count_prepared(f"{url}&prepare_threshold=1") > 0


async def test_the_url_says_how_many_connections(engine: PostgresDatabases, url: str) -> None:
    async with open_store(f"{url}&connections=2") as store:
        await asyncio.gather(*(record_request(store, f"r{n}") for n in range(20)))
        await asyncio.gather(*(store.requests.get(f"r{n}") for n in range(20)))
        assert len(list_sessions(engine, url)) == 4


async def test_a_role_that_only_reads_by_default_is_not_talked_out_of_it(engine: PostgresDatabases, url: str) -> None:
    engine.run(f"ALTER DATABASE {parse_url(url).database} SET default_transaction_read_only = on")
    async with open_store(url) as store:
        with pytest.raises(DatabaseUnsuitable, match="read-only"):
            await record_request(store)


async def test_connections_cut_by_the_server_are_replaced_before_they_are_used(
    engine: PostgresDatabases, url: str
) -> None:
    name = parse_url(url).database
    async with open_store(url) as store:
        await asyncio.gather(*(record_request(store, f"r{n}") for n in range(5)))
        engine.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        await record_request(store, "r9")
        assert await store.count("requests") == 6


async def test_a_connection_cut_in_the_middle_takes_the_write_back(engine: PostgresDatabases, url: str) -> None:
    async def cut_off(store: Store) -> None:
        async with store.database.write() as connection:
            await connection.execute(text("INSERT INTO seen_deliveries VALUES ('k', 'now')"))
            pid = await connection.scalar(text("SELECT pg_backend_pid()"))
            engine.run(f"SELECT pg_terminate_backend({pid}, 5000)")
            await connection.execute(text("INSERT INTO seen_deliveries VALUES ('l', 'now')"))

    async with open_store(url) as store:
        with pytest.raises(DatabaseUnavailable):
            await cut_off(store)
        assert await store.count("seen_deliveries") == 0


# --- migrations ---------------------------------------------------------------------------------------------


async def test_who_migrates_waits_for_the_one_who_does(engine: PostgresDatabases) -> None:
    url = engine.empty()
    database = Database(url, write_limit_s=0.2)
    with open_session(url) as other:
        other.execute(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
        task = asyncio.create_task(migrate(database))
        waiting = (
            f"SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = {_read_oid(other)}"
        )
        await wait_until(lambda: engine.run(waiting) != [])
        assert not task.done()
    assert (await task)[0] is None
    await database.aclose()


def _read_oid(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone()
    assert row is not None
    return int(row[0])


# --- a server that restarts -----------------------------------------------------------------------------------


async def test_a_server_that_is_down_is_unavailable_and_once_it_is_back_work_goes_on() -> None:
    """Nothing acknowledged is lost, even where the server is killed."""
    with TemporaryDirectory(prefix="suggest-", ignore_cleanup_errors=True) as folder:
        server = start_postgresql(folder)
        try:
            await _stop_and_go(server, folder)
        finally:
            server.cleanup()


async def _stop_and_go(server: Any, folder: str) -> None:
    database = Database(server.get_uri())
    await migrate(database)
    await database.aclose()
    async with open_store(server.get_uri()) as store:
        await record_shown(store)
        choice = await record_choice(store, parts=1)
        for how in (signal.SIGINT, signal.SIGQUIT):  # at once; and without a word, as in a crash
            _pg_ctl(server, folder, "stop", how)
            for _ in range(2):
                with pytest.raises(DatabaseUnavailable):
                    await record_request(store, f"refused {how}")
                with pytest.raises(DatabaseUnavailable):
                    await store.requests.get("r1")
            _pg_ctl(server, folder, "start", how)
            await record_request(store, f"after {how}")
            assert await store.requests.get("r1") is not None
        assert await store.deliveries.begin_attempt(make_parts(choice)[0].id)
        names = {entry.request.id for entry in await store.entries()}
        assert names == {"r1", f"after {signal.SIGINT}", f"after {signal.SIGQUIT}"}


def _pg_ctl(server: Any, folder: str, action: str, how: signal.Signals) -> None:
    mode = {signal.SIGINT: "fast", signal.SIGQUIT: "immediate"}[how]
    options = ["-m", mode] if action == "stop" else ["-l", f"{folder}/log"]
    if action == "start":
        options += ["-o", f'-h "" -k {folder}']
    command = [str(Path(server.bin_path) / "pg_ctl"), "-D", folder, "-w", *options, action]
    user = getattr(server, "system_user", None)
    if user:
        command = [shutil.which("setpriv") or "setpriv", f"--reuid={user}", "--clear-groups", *command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


async def test_drafts_are_recorded_by_a_pool_that_was_disposed(url: str) -> None:
    async with open_store(url) as store:
        await record_request(store)
        await store.database.aclose()
        await store.requests.record_drafts(make_draft_outcome())
        assert len((await store.entry()).candidates) == 3
