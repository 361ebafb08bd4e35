"""`suggest migrate`: from which schema to which."""

import sqlite3

import pytest

from storage.schema import get_head
from tests.cli.conftest import Suggest
from tests.cli.files import listed


async def test_a_new_database_is_made_and_a_current_one_left_alone(suggest: Suggest) -> None:
    assert (await suggest("migrate", "--database", "log.db")).out == f"log.db: empty → {get_head()}\n"
    assert (await suggest("migrate", "--database", "log.db")).out == f"log.db has the schema {get_head()} already\n"
    assert (await suggest("export", "--database", "log.db")).code == 0


async def test_json(suggest: Suggest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUGGEST_DATABASE_URL", "sqlite:///log.db")
    first = await suggest("migrate", "--json")
    assert first.json == {"database": "log.db", "before": None, "after": get_head()}
    assert (await suggest("migrate", "--json")).json == {
        "database": "log.db",
        "before": get_head(),
        "after": get_head(),
    }


async def test_a_database_of_a_newer_version_is_left_alone(suggest: Suggest) -> None:
    await suggest("migrate", "--database", "log.db")
    connection = sqlite3.connect("log.db")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    result = await suggest("migrate", "--database", "log.db")
    assert result.code == 1
    assert result.complaint == (
        "the database was made by a newer version of this program (its schema is 9999): install that version"
    )


async def test_a_folder_that_is_not_there_is_one_line(suggest: Suggest) -> None:
    result = await suggest("migrate", "--database", "no/such/log.db")
    assert result.code == 2
    assert result.complaint.startswith("--database names a folder that is not there, no/such: ")
    assert "no" not in listed()
