"""A refit in a process of its own: its result, its failures; workers never outlive whoever started them."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from subprocess import PIPE

import pytest
from sqlalchemy import insert

from bot.ranking import choice_sets, refit
from bot.ranking.choice_sets import collect_training_set
from bot.ranking.model import Ranker
from bot.ranking.promotion import judge
from bot.ranking.refit import read_training_set
from bot.ranking.training import RefitFailed
from cli.workers.child import ChildFailed, run_in_child
from cli.workers.training import ProcessRefitRunner
from storage import tables
from storage.records import LogEntry, Selection
from storage.rows import to_row
from storage.schema import migrate
from tests.bot.ranking.logs import make_entry, make_log
from tests.storage.stores import Store, open_store


@pytest.fixture
async def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/suggest.db"
    async with open_store(url) as store:
        await migrate(store.database)
    return url


async def filled(store: Store, entries: list[LogEntry]) -> None:
    async with store.database.write() as connection:
        await connection.execute(insert(tables.requests), [to_row(entry.request) for entry in entries])
        drafted = [to_row(candidate) for entry in entries for candidate in entry.candidates]
        await connection.execute(insert(tables.candidates), drafted)
        picked = [to_row(entry.choice) for entry in entries if entry.choice]
        await connection.execute(insert(tables.choices), picked)


def approx(value: object) -> object:
    return pytest.approx(value, rel=1e-6) if isinstance(value, float) else value


async def test_it_learns_what_is_in_the_database(url: str) -> None:
    async with open_store(url) as store:
        await filled(store, make_log(200))
    learned = await ProcessRefitRunner(url).train()
    assert learned.model is not None
    ranker = Ranker.from_json(learned.model)
    assert learned.version == ranker.version
    assert (learned.requests, learned.agents, learned.left_out) == (200, 12, {})
    assert learned.trained_until == ranker.trained_until
    # To the last digit only where as many threads add the numbers up.
    here = asdict(judge(collect_training_set(make_log(200)), weights="kept").verdict)
    assert asdict(learned.verdict) == {name: approx(value) for name, value in here.items()}


async def test_of_a_long_log_the_newest_count(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_store(url) as store:
        await filled(store, [*make_log(20), make_entry("one", "two", number=20)])
        everything = await read_training_set(store.log, Selection())
        monkeypatch.setattr(refit, "NEWEST", 5)
        monkeypatch.setattr(choice_sets, "ERA", 9)
        found = await read_training_set(store.log, Selection())
    assert [display.request_id for display in found.choice_sets] == ["r16", "r17", "r18", "r19"]
    assert (found.left_out, found.requests) == ({"older": 16, "undecided": 1}, 21)
    assert (found.era, found.era_start) == (3, 2)  # the third begins with the 18th request
    assert (len(everything.choice_sets), everything.era) == (20, 1)


async def test_a_log_with_nothing_to_learn_from_is_no_failure(url: str) -> None:
    async with open_store(url) as store:
        await filled(store, [entry for entry in make_log(200) if entry.choice and entry.choice.kind == "dismissed"])
    learned = await ProcessRefitRunner(url).train()
    assert (learned.version, learned.model, learned.verdict.state) == (None, None, "too_little")
    assert learned.requests > 0


async def test_what_goes_wrong_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(RefitFailed, match="the database cannot be used"):
        await ProcessRefitRunner(f"sqlite:///{tmp_path}/no/such.db").train()
    with pytest.raises(RefitFailed, match="the database cannot be used"):
        await ProcessRefitRunner(f"sqlite:///{tmp_path}/empty.db").train()


def test_the_database_and_its_password_are_not_shown() -> None:
    assert "secret" not in repr(ProcessRefitRunner("postgresql://user:secret@host/name"))


async def test_a_refit_that_is_not_wanted_any_more_is_ended(url: str) -> None:
    async with open_store(url) as store:
        await filled(store, make_log(2000))
    before = children()
    task = asyncio.create_task(ProcessRefitRunner(url).train())
    while True:
        await asyncio.sleep(0)
        if started := children() - before:
            break
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert not started & children()


async def test_a_process_that_is_killed_is_a_refit_that_failed(url: str) -> None:
    """As the kernel does where memory runs out."""
    async with open_store(url) as store:
        await filled(store, make_log(2000))
    before = children()
    task = asyncio.create_task(ProcessRefitRunner(url).train())
    while True:
        await asyncio.sleep(0)
        if started := children() - before:
            break
    os.kill(int(started.pop()), signal.SIGKILL)
    with pytest.raises(RefitFailed, match="ended with -9"):
        await task


def children() -> set[str]:
    """The processes that this one has started, as Linux tells them."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = stat.read_text().rpartition(")")[2].split()[1]
        except OSError:  # it has ended meanwhile
            continue
        if parent == str(os.getpid()):
            found.add(stat.parent.name)
    return found


# --- what both workers have of `cli/workers/child.py` -----------------------------------------------------


def start_worker(name: str, folder: Path | None = None) -> "subprocess.Popen[bytes]":
    arguments = [sys.executable, "-P", "-m", f"cli.workers.{name}"]
    return subprocess.Popen(arguments, cwd=folder, stdin=PIPE, stdout=PIPE, stderr=PIPE)


WORKERS = ("training", "export")


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_ends_with_whoever_started_it(name: str) -> None:
    """Also where that was killed: the kernel closes the pipe. Here while it waits for a server that never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"postgresql://user@127.0.0.1:{server.getsockname()[1]}/suggest"
        order = {"since": None, "team_id": "T1", "form": "csv", "pseudonyms": False, "key": None, "actor": "U1"}
        job = {"training": {"database_url": url}, "export": {**order, "url": url, "origin": "x", "output": "x.csv"}}
        with start_worker(name) as process:
            assert process.stdin is not None
            process.stdin.write(json.dumps(job[name]).encode() + b"\n")
            process.stdin.flush()
            connection, _ = server.accept()
            process.stdin.close()
            assert process.wait(timeout=120) == 1
            connection.close()


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_that_is_asked_for_nothing_says_so(name: str) -> None:
    with start_worker(name) as process:
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert errors.decode().strip() == "nothing was asked for"


@pytest.mark.parametrize("name", WORKERS)
async def test_a_worker_imports_nothing_from_the_folder_it_is_started_in(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('from the folder')")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ChildFailed, match=r"KeyError, in .*cli/workers"):
        await run_in_child(f"cli.workers.{name}", {})
