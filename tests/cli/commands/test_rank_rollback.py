"""`suggest rank rollback`: a person decides what orders replies, and it stays so."""

from collections.abc import AsyncIterator

import pytest

from storage.repositories.rankers import LEARNING
from tests.cli.conftest import Suggest
from tests.storage.stores import AT, Store, a_ranker, after, open_store

UNTIL = "It stays so, whatever is learned, until: suggest rank rollback --to auto"


@pytest.fixture
async def store(suggest: Suggest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Store]:
    monkeypatch.setenv("SUGGEST_DATABASE_URL", "sqlite:///log.db")
    assert (await suggest("migrate")).code == 0
    async with open_store("sqlite:///log.db") as store:
        assert await store.leases.take(LEARNING, at=AT, until=after(minutes=2))
        yield store


async def test_back_and_back_and_on_again(suggest: Suggest, store: Store) -> None:
    for version in ("v1", "v2"):
        await store.rankers.record(a_ranker(version))
    back = await suggest("rank", "rollback")
    assert back.out == f"Until now the ranker v2; from now on the ranker v1. {UNTIL}\n"
    assert (await suggest("rank", "rollback")).out == f"Until now the ranker v1; from now on uniform order. {UNTIL}\n"
    on = await suggest("rank", "rollback", "--to", "auto")
    assert on.out.startswith("Until now uniform order; from now on the ranker v2. The gate decides again")
    rows = await store.rows("SELECT action, actor FROM audit ORDER BY seq")
    assert [(row["action"], row["actor"]) for row in rows[-3:]] == [
        ("ranker_rolled_back", "cli"),
        ("ranker_rolled_back", "cli"),
        ("ranker_automatic", "cli"),
    ]


async def test_to_a_version_and_to_uniform_order(suggest: Suggest, store: Store) -> None:
    await store.rankers.record(a_ranker("v1", gate_open=False))
    chosen = await suggest("rank", "rollback", "--to", "v1")
    assert chosen.out == f"Until now uniform order; from now on the ranker v1. {UNTIL}\n"
    again = await suggest("rank", "rollback", "--to", "v1")
    assert again.out == f"Still the ranker v1. {UNTIL}\n"
    assert (await suggest("rank", "rollback", "--to", "uniform")).code == 0
    change = await store.rankers.get_current()
    assert change is not None
    assert (change.version, change.is_pinned) == (None, True)


async def test_json(suggest: Suggest, store: Store) -> None:
    await store.rankers.record(a_ranker("v1"))
    found = (await suggest("rank", "rollback", "--json")).json
    assert (found["before"], found["version"], found["state"]) == ("v1", None, "rolled_back")
    found = (await suggest("rank", "rollback", "--to", "auto", "--json")).json
    assert (found["before"], found["version"], found["state"]) == (None, "v1", "automatic")
    assert found["at"].endswith("Z")


async def test_where_there_is_nothing_to_go_back_from_it_says_so(suggest: Suggest, store: Store) -> None:
    result = await suggest("rank", "rollback")
    assert result.code == 1
    assert "uniform already" in result.complaint
    assert "--to uniform" in result.complaint
    assert await store.rankers.get_current() is None


async def test_a_ranker_that_is_not_there_is_named_with_those_that_are(suggest: Suggest, store: Store) -> None:
    assert "none has been learned yet" in (await suggest("rank", "rollback", "--to", "v9")).complaint
    for number in range(7):
        await store.rankers.record(a_ranker(f"v{number}"))
    result = await suggest("rank", "rollback", "--to", "v9")
    assert result.code == 1
    assert result.complaint == "there is no ranker 'v9': say uniform, auto, or one of v6, v5, v4, v3, v2, …"


async def test_without_a_database_it_says_what_to_give(suggest: Suggest) -> None:
    result = await suggest("rank", "rollback", "--database", "none.db")
    assert result.code == 2
    assert "there is no database none.db" in result.complaint
