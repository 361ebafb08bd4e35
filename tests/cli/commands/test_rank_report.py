"""`suggest rank report`: who wins, how sure that is, what orders now; nothing claimed that the log does not hold."""

import asyncio
import json
import random
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from storage import tables
from storage.records import LogEntry
from storage.repositories.rankers import LEARNING
from storage.rows import to_row
from tests.bot.ranking.logs import make_entry, make_log
from tests.cli.conftest import Suggest
from tests.storage.stores import AT, Store, a_ranker, after, open_store

VERDICT = {
    "state": "open", "picks": 300, "agents": 12, "exploratory": False, "clustered_by": "agent", "clusters": 12,
    "gain": 0.02, "lower": 0.01, "upper": 0.03,
}  # fmt: skip


@pytest.fixture(autouse=True)
async def _database(suggest: Suggest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUGGEST_DATABASE_URL", "sqlite:///log.db")
    assert (await suggest("migrate")).code == 0


async def filled(store: Store, entries: Sequence[LogEntry], *, propensity: float | None = 1 / 3) -> None:
    """Each candidate in a style drawn by chance."""
    rng = random.Random(6)
    drafted = [
        to_row(replace(each, style=rng.choice(("direct", "warm", "detailed")), first_propensity=propensity))
        for entry in entries
        for each in entry.candidates
    ]
    async with store.database.write() as connection:
        await connection.execute(insert(tables.requests), [to_row(entry.request) for entry in entries])
        await connection.execute(insert(tables.candidates), drafted)
        picked = [to_row(entry.choice) for entry in entries if entry.choice]
        if picked:
            await connection.execute(insert(tables.choices), picked)


def words(text: str) -> str:
    return " ".join(text.split())


async def test_an_empty_log_says_that_nothing_was_learned(suggest: Suggest) -> None:
    result = await suggest("rank", "report")
    assert result.code == 0
    assert "0 decided requests, 0 picks of 0 agents; 0 requests in all." in result.out
    assert "0 agents with 0 picks, and at least 10 are needed" in words(result.out)
    assert "no ranker has been learned yet, which a running bot does after 50 choices" in words(result.out)
    assert "have no pick to learn from" in result.out


async def test_too_little_is_told_with_how_much_is_missing(suggest: Suggest) -> None:
    async with open_store("sqlite:///log.db") as store:
        await filled(store, make_log(60))
    result = await suggest("rank", "report")
    assert re.search(r"not enough data: about \d+ more picks", result.out)
    assert "wins" not in result.out.replace("which wins", "")
    assert "Models: only m1, so there is nothing to compare." in result.out


async def test_a_long_log_is_told_with_what_it_is_worth(suggest: Suggest) -> None:
    async with open_store("sqlite:///log.db") as store:
        await filled(store, make_log(2400, agents=20, taste=4.0))
    result = await suggest("rank", "report")
    assert "2,400 decided requests" in result.out
    found = re.search(r"change by \+(\d+\.\d) percentage points .* \+\d+\.\d to \+\d+\.\d", words(result.out))
    assert found
    assert 5 < float(found[1]) < 60
    assert "Fewer than ten agents" not in result.out
    assert "Learning from these choices is proven better" in words(result.out)


async def test_a_small_team_is_told_that_it_is_exploratory(suggest: Suggest) -> None:
    async with open_store("sqlite:///log.db") as store:
        await filled(store, make_log(600, agents=4))
    result = await suggest("rank", "report")
    assert "Fewer than ten agents" in result.out
    assert "are of 4 agents, and at least 10 are needed" in words(result.out)


async def test_what_orders_now_is_told_and_why(suggest: Suggest) -> None:
    async with open_store("sqlite:///log.db") as store:
        assert await store.leases.take(LEARNING, at=AT, until=after(minutes=2))
        shut = {**VERDICT, "state": "not_better", "lower": -0.01}
        await store.rankers.record(a_ranker("v1", gate_open=False, gate=shut))
        told = words((await suggest("rank", "report")).out)
        assert "Learned order is not shown: not proven better" in told
        assert "-0.0100 of that is sure; above 0 is needed" in told
        await store.rankers.record(a_ranker("v2", gate=VERDICT))
        told = words((await suggest("rank", "report")).out)
        assert "Learned order is shown, by the ranker v2 since 2026-11-22. The newest ranker is proven better" in told
        assert (await suggest("rank", "rollback", "--to", "uniform")).code == 0
        told = words((await suggest("rank", "report")).out)
        assert "Learned order is not shown: a person decided so" in told


async def test_json_holds_the_same(suggest: Suggest) -> None:
    async with open_store("sqlite:///log.db") as store:
        await filled(store, make_log(300))
    found = (await suggest("rank", "report", "--json")).json
    assert (found["displays"], found["agents"], found["exploratory"]) == (300, 12, False)
    assert found["order"]["version"] is None
    assert found["worth"]["told"] is False
    assert {pair["found"] for pair in found["pairs"]} == {"not_enough"}
    [some, *_] = found["pairs"]
    assert some["missing"] == some["needed"] - found["picks"]
    assert some["in_words"].startswith("not enough data")


async def test_the_page_is_one_file_and_shows_names_as_text(suggest: Suggest) -> None:
    async with open_store("sqlite:///log.db") as store:
        await filled(store, make_log(300))
        await store.change("UPDATE candidates SET style = '<script>alert(1)</script>' WHERE style = 'warm'")
    result = await suggest("rank", "report", "--html", "ranking.html")
    assert result.err == "ranking.html is written\n"
    page = await asyncio.to_thread(Path("ranking.html").read_text, encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert page.count("<svg") == 1
    assert not re.search(r"https?://|src=|@import", page)
    assert "not enough data" in page


async def test_a_page_that_cannot_be_written_is_one_line(suggest: Suggest) -> None:
    result = await suggest("rank", "report", "--html", "no/such/page.html")
    assert result.code == 1
    assert result.complaint == "no/such/page.html cannot be written: No such file or directory"


async def test_a_part_of_the_log(suggest: Suggest) -> None:
    async with open_store("sqlite:///log.db") as store:
        await filled(store, make_log(60))
    until = (make_log(60)[29].request.created_at + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert "30 decided requests" in (await suggest("rank", "report", "--until", until)).out
    assert "0 decided requests" in (await suggest("rank", "report", "--team", "T9")).out
    result = await suggest("rank", "report", "--since", "2026-12-01", "--until", "2026-11-01")
    assert result.code == 2
    assert "is not before" in result.complaint


async def test_odd_logs_are_told_without_a_claim(suggest: Suggest) -> None:
    """All dismissed, one candidate only, nobody decided: what is left out is counted."""
    entries = [
        *(make_entry("one", "two", "three", kind="dismissed", number=number) for number in range(20)),
        make_entry("one", picked=0, number=20),
        make_entry("one", "two", number=21),
    ]
    async with open_store("sqlite:///log.db") as store:
        await filled(store, entries, propensity=None)
    result = await suggest("rank", "report")
    assert "20 decided requests, 0 picks of 1 agent" in result.out
    assert "left out: 1 one candidate, 1 undecided; 22 requests in all" in result.out
    assert "wins" not in result.out.replace("which wins", "")


async def test_the_gate_tells_what_would_be_decided_of_a_log_now_and_at_each_look(suggest: Suggest) -> None:
    async with open_store("sqlite:///log.db") as store:
        await filled(store, make_log(1000, taste=4.0))
    now = (await suggest("rank", "gate", "--json")).json
    assert (now["state"], now["agents"], now["clustered_by"], now["left_out"]) == ("open", 12, "agent", {})
    assert 0 < now["lower"] <= now["gain"] <= now["upper"]
    looks = [json.loads(line) for line in (await suggest("rank", "gate", "--replay", "250", "--json")).out.splitlines()]
    assert [look["at"] for look in looks] == [250, 500, 750, 1000]
    assert (looks[0]["state"], looks[-1]) == ("too_little", {"at": 1000, **now})
    told = await suggest("rank", "gate")
    assert told.out.startswith("Proven better: predicting each pick from the choices before it explains +")
    assert (await suggest("rank", "gate", "--replay", "500")).out.startswith("500 choices: ")
    report = (await suggest("rank", "report", "--json")).json
    assert report["gate"] == now
