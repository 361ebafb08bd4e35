"""Files that are made are for their owner only, whatever the umask: they hold what people wrote."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Suggest
from tests.storage.stores import open_store, record_shown


@pytest.fixture(params=[0o000, 0o022, 0o277])
def _umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def modes() -> dict[str, str]:
    return {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in Path().iterdir() if path.is_file()}


@pytest.mark.usefixtures("_umask")
async def test_a_database_its_log_and_all_that_is_made_of_it(suggest: Suggest) -> None:
    assert (await suggest("migrate", "--database", "log.db")).code == 0
    async with open_store("sqlite:///log.db") as store:
        await record_shown(store)
        assert modes() == dict.fromkeys(("log.db", "log.db-wal", "log.db-shm"), "0o600")
    for command in (
        ("export", "-o", "log.jsonl"),
        ("export", "-o", "log.jsonl.gz"),
        ("export", "--format", "parquet", "-o", "log.parquet"),
        ("report", "--html", "report.html"),
        ("backup", "copy.db"),
        ("import", "log.jsonl"),
    ):
        where = ("--database", "new.db" if command[0] == "import" else "log.db")
        assert (await suggest(*command, *where)).code == 0
    assert {*modes()} >= {"log.db", "new.db", "copy.db", "log.jsonl", "log.jsonl.gz", "log.parquet", "report.html"}
    assert set(modes().values()) == {"0o600"}


def make(name: str, mode: int) -> None:
    Path(name).touch()
    Path(name).chmod(mode)


def link(name: str, target: str) -> None:
    Path(name).symlink_to(target)


async def test_a_file_that_is_there_keeps_the_mode_that_somebody_gave_it(suggest: Suggest) -> None:
    make("log.db", 0o660)
    make("log.jsonl", 0o644)
    assert (await suggest("migrate", "--database", "log.db")).code == 0
    assert (await suggest("export", "--database", "log.db", "-o", "log.jsonl")).code == 0
    assert modes() == {"log.db": "0o660", "log.jsonl": "0o644"}


async def test_behind_a_link_too(suggest: Suggest) -> None:
    link("link.db", "log.db")
    assert (await suggest("migrate", "--database", "link.db")).code == 0
    assert modes()["log.db"] == "0o600"
