"""`suggest backup`: a copy of one moment, checked, while others write; all of it or nothing."""

import asyncio
import os
import re
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from storage.engine import sqlite_backup
from storage.schema import get_head
from tests.cli.conftest import Suggest
from tests.cli.files import link, listed, make_folder, read, size, write
from tests.cli.log import log_of
from tests.nursery import started
from tests.storage.stores import open_store, record_shown

ROOT = Path(__file__).parents[3]


@asynccontextmanager
async def busy_writer(file: str) -> AsyncIterator[list[str]]:
    """Requests and choices, recorded as quickly as it goes; the list of what is committed."""
    recorded: list[str] = []

    async def write_on() -> None:
        async with open_store(f"sqlite:///{file}") as store:
            for number in range(100_000):
                await record_shown(store, f"busy{number}")
                recorded.append(f"busy{number}")

    task = asyncio.create_task(write_on())
    try:
        while len(recorded) < 20:  # noqa: ASYNC110 - the writer goes on meanwhile
            await asyncio.sleep(0.01)
        yield recorded
    finally:
        task.cancel()
        await asyncio.wait([task])


def mode(name: str) -> int:
    return stat.S_IMODE(Path(name).stat().st_mode)


def overwrite_the_middle(name: str) -> None:
    data = bytearray(Path(name).read_bytes())
    data[len(data) // 2 : len(data) // 2 + 20_000] = b"\x07" * 20_000
    Path(name).write_bytes(data)


async def filled(suggest: Suggest, file: str = "log.db", *, requests: int = 3) -> None:
    assert (await suggest("migrate", "--database", file)).code == 0
    async with open_store(f"sqlite:///{file}") as store:
        for number in range(requests):
            await record_shown(store, f"r{number}", hint="x" * 500)


async def test_a_backup_is_the_log_as_it_was(suggest: Suggest) -> None:
    await filled(suggest)
    result = await suggest("backup", "copy.db", "--database", "log.db")
    assert (result.code, result.err) == (0, "")
    assert result.out == "log.db → copy.db: 3 requests, 0 choices; checked\n"
    assert await log_of("copy.db") == await log_of("log.db")
    assert mode("copy.db") == 0o600


async def test_json_has_the_rows_of_each_table(suggest: Suggest) -> None:
    await filled(suggest)
    told = (await suggest("backup", "copy.db", "--database", "log.db", "--json")).json
    assert (told["database"], told["backup"]) == ("log.db", "copy.db")
    assert told["rows"] | {"candidates": 0} == {
        "requests": 3, "candidates": 0, "choices": 0, "events": 3, "deliveries": 0, "playbooks": 0, "audit": 0,
        "knowledge_documents": 0, "knowledge_passages": 0,
    }  # fmt: skip


async def test_a_backup_made_while_others_write_is_of_one_moment_and_can_be_restored(suggest: Suggest) -> None:
    """All that was committed before is in it, nothing half; the writer is not held up."""
    await filled(suggest)
    async with busy_writer("log.db") as recorded:
        for number in range(5):
            before = list(recorded)
            result = await suggest("backup", f"copy{number}.db", "--database", "log.db")
            assert result.code == 0, result.err
            while len(recorded) < len(before) + 5:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
            exported = await suggest("export", "--database", f"copy{number}.db", "-o", f"copy{number}.jsonl")
            assert exported.code == 0, exported.err
            restored = await log_of(f"copy{number}.db")
            ids = {line["request"]["id"] for line in restored}
            assert {"r0", "r1", "r2", *before} <= ids
            assert len(read(f"copy{number}.jsonl").splitlines()) == len(restored)
            last = max(restored, key=lambda line: int(line["request"]["id"].removeprefix("busy").removeprefix("r")))
            assert len(last["candidates"]) in {0, 3}, "a transaction is in it whole or not at all"


async def test_what_is_there_is_not_replaced_unless_asked_for(suggest: Suggest) -> None:
    await filled(suggest)
    write("copy.db", "the only copy of something else")
    result = await suggest("backup", "copy.db", "--database", "log.db")
    assert result.code == 2
    assert result.complaint == "copy.db is there already: name another file, or give --force to replace it"
    assert read("copy.db") == "the only copy of something else"
    assert (await suggest("backup", "copy.db", "--database", "log.db", "--force")).code == 0
    assert len(await log_of("copy.db")) == 3


@pytest.mark.parametrize("target", ["log.db", ".", "same.db"])
async def test_the_log_itself_is_never_replaced(target: str, suggest: Suggest) -> None:
    await filled(suggest)
    link("same.db", "log.db")
    result = await suggest("backup", target, "--database", "log.db", "--force")
    assert result.code == 2
    assert result.complaint == f"{target} cannot be replaced by a backup: name another file"
    assert len(await log_of("log.db")) == 3


async def test_a_folder_that_is_not_there_is_one_line(suggest: Suggest) -> None:
    await filled(suggest)
    result = await suggest("backup", "no/such/copy.db", "--database", "log.db")
    assert result.code == 1
    assert result.complaint == "no/such/copy.db cannot be written: No such file or directory"


async def test_a_disk_that_is_full_leaves_nothing_behind(suggest: Suggest) -> None:
    await filled(suggest, requests=50)
    write("copy.db", "what was there before")
    limit = size("log.db") // 2
    with started("backup", "copy.db", "--force", "--database", "log.db", file_limit=limit) as process:
        _, told = await asyncio.to_thread(process.communicate)
    assert process.returncode == 1, told
    assert told.startswith("suggest: log.db cannot be copied to copy.db (")
    assert told.count("\n") == 1
    assert read("copy.db") == "what was there before"
    assert not [name for name in listed() if "part" in name]


async def test_there_must_be_a_log(suggest: Suggest) -> None:
    result = await suggest("backup", "copy.db")
    assert result.code == 2
    assert result.complaint.startswith("there is no database suggest.db: ")
    assert listed() == []


async def test_postgresql_has_a_tool_of_its_own(suggest: Suggest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUGGEST_DATABASE_URL", "postgresql://suggest:hush7391@db.example.com/suggest")
    result = await suggest("backup", "log.dump")
    assert result.code == 2
    assert 'pg_dump --format=custom --file=log.dump "$SUGGEST_DATABASE_URL"' in result.complaint
    assert "hush7391" not in result.complaint


async def test_a_copy_that_is_not_whole_is_thrown_away(suggest: Suggest, monkeypatch: pytest.MonkeyPatch) -> None:
    await filled(suggest)
    monkeypatch.setattr(
        sqlite_backup, "_copy_database", lambda source, target: {**dict.fromkeys(sqlite_backup.TABLES, 0)}
    )
    result = await suggest("backup", "copy.db", "--database", "log.db")
    assert result.code == 1
    assert "is not whole" in result.complaint
    assert listed() == ["log.db"]


async def test_damage_is_found(suggest: Suggest) -> None:
    await filled(suggest, requests=50)
    before = sqlite_backup.check(Path("log.db"), schema=get_head())
    assert before["requests"] == 50
    with pytest.raises(sqlite_backup.DamagedCopy, match=f"schema {get_head()}"):
        sqlite_backup.check(Path("log.db"), schema="9999")
    connection = sqlite3.connect("log.db")
    connection.execute("DELETE FROM requests WHERE id = 'r1'")
    connection.commit()
    connection.close()
    with pytest.raises(sqlite_backup.DamagedCopy, match="refers to nothing"):
        sqlite_backup.check(Path("log.db"), schema=get_head())
    overwrite_the_middle("log.db")
    with pytest.raises(sqlite_backup.DamagedCopy):
        sqlite_backup.check(Path("log.db"), schema=get_head())


# --- as docs/operations.md has it ---------------------------------------------------------------------------


def read_backup_command() -> str:
    """The shell's line of the unit, as systemd gives it."""
    unit = (ROOT / "deploy/suggest-backup.service").read_text(encoding="utf-8").replace("\\\n", "")
    [line] = re.findall(r"^ExecStart=/bin/sh -c '(.*)'$", unit, re.MULTILINE)
    return line.replace("$$", "$").replace("%%", "%").replace("/opt/suggest/bin/suggest", "./suggest")


async def test_the_backup_unit_copies_the_log_and_the_copy_can_be_gone_back_to(suggest: Suggest) -> None:
    """With the unit's own line: a copy a day, those older than two weeks deleted; then the copy in the log's place."""
    await filled(suggest, "suggest.db", requests=2)
    write("env", "SUGGEST_DATABASE_URL=sqlite:///suggest.db\n")
    write("suggest", f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m cli "$@"\n')
    Path("suggest").chmod(0o700)  # noqa: ASYNC240 - in a moment
    make_folder("backups")
    write("backups/suggest-2020-01-01.db", "old")
    os.utime("backups/suggest-2020-01-01.db", (0, 0))
    for _ in range(2):  # the second one of a day takes the first one's place
        command = ["sh", "-c", read_backup_command()]
        environment = {**os.environ, "CREDENTIALS_DIRECTORY": "."}
        done = await asyncio.to_thread(subprocess.run, command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    [copy] = Path("backups").iterdir()  # noqa: ASYNC240 - in a moment
    assert re.fullmatch(r"suggest-\d{4}-\d\d-\d\d\.db", copy.name)
    async with open_store("sqlite:///suggest.db") as store:
        await record_shown(store, "later")
    shell = f"rm -f suggest.db-wal suggest.db-shm; cp {copy} suggest.db"
    await asyncio.to_thread(subprocess.run, ["sh", "-c", shell], check=True)
    assert len(await log_of("suggest.db")) == 2
