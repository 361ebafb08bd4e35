"""A ranker in the database orders what agents see, and the log says exactly how; a corrupt one orders nothing."""

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bot.ranking.model import fit_ranker
from storage.engine.database import Database
from storage.repositories.rankers import LEARNING
from storage.schema import migrate
from tests.bot.ranking.logs import make_choice_sets
from tests.conftest import Stage, StageMaker
from tests.storage.stores import AT, a_ranker, after, open_store
from tests.test_docs import fenced, read

RANKER = fit_ranker(make_choice_sets(400, taste=6.0), weights="picks")
LENGTHS = (4, 12, 30)


async def seed_ranker(url: str, model: str) -> None:
    database = Database(url)
    await migrate(database)
    await database.aclose()
    async with open_store(url) as store:
        assert await store.leases.take(LEARNING, at=AT, until=after(minutes=2))
        await store.rankers.record(a_ranker(RANKER.version, model=model))


def of_three_lengths(stage: Stage) -> None:
    """Each of the three drafts has another length, in whatever style."""
    rng = random.Random(4)
    words = [f"word{number}" for number in range(200)]
    lengths = iter(LENGTHS * 100)
    stage.model.script(lambda _call: " ".join(rng.sample(words, next(lengths))))


async def read_audit(url: str) -> list[dict[str, Any]]:
    async with open_store(url) as store:
        return await store.rows("SELECT * FROM audit ORDER BY seq")


async def test_a_ranker_orders_and_the_log_tells_how(
    stage_with: StageMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The short one comes first most often; every probability can be reckoned again, as docs/ranking.md shows."""
    async with stage_with(over="nothing") as stage:
        await seed_ranker(stage.database_url, RANKER.to_json())
        of_three_lengths(stage)
        async with stage.bot():
            for number in range(30):
                await stage.suggest(f"Where is my order {number}?")
                await stage.slack.wait_until_idle()
        lines = await stage.log()
    first: Counter[int] = Counter()
    for line in lines:
        request = line["request"]
        assert (request["policy"], request["ranker_version"]) == ("plackett_luce", RANKER.version)
        assert request["policy_params"] == {"epsilon": 0.1, "temperature": 0.25}
        assert len({candidate["score"] for candidate in line["candidates"]}) == 3
        [top] = [candidate for candidate in line["candidates"] if candidate["position"] == 1]
        first[len(top["text"].split())] += 1
        assert sum(candidate["first_propensity"] for candidate in line["candidates"]) == pytest.approx(1)
    assert first[LENGTHS[0]] > first[LENGTHS[1]] + first[LENGTHS[2]]
    (tmp_path / "choices.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    [example] = fenced(read("docs/ranking.md"), "python")
    exec(compile(example, "docs/ranking.md", "exec"), {})


async def test_a_corrupt_ranker_costs_the_order_and_nothing_else(stage_with: StageMaker) -> None:
    async with stage_with(over="nothing") as stage:
        await seed_ranker(stage.database_url, RANKER.to_json()[:-50])
        async with stage.bot():
            shown = await stage.suggested()
            await stage.slack.click(stage.agent, shown, "use_candidate")
            line = await stage.logged("shown", "used", "sent")
        rows = await read_audit(stage.database_url)
    request = line["request"]
    assert (request["policy"], request["policy_params"], request["ranker_version"]) == ("uniform", {}, None)
    assert {candidate["score"] for candidate in line["candidates"]} == {None}
    assert rows[-1]["action"] == "ranker_fell_back"
    assert RANKER.version in rows[-1]["data"]


async def test_switched_off_the_order_is_uniform(stage_with: StageMaker) -> None:
    async with stage_with(over="nothing", suggest_ranking="off") as stage:
        await seed_ranker(stage.database_url, RANKER.to_json())
        async with stage.bot():
            await stage.suggested()
        [line] = await stage.log()
    assert (line["request"]["policy"], line["request"]["ranker_version"]) == ("uniform", None)


async def test_a_redraft_is_ordered_too(stage_with: StageMaker) -> None:
    async with stage_with(over="nothing") as stage:
        await seed_ranker(stage.database_url, RANKER.to_json())
        async with stage.bot():
            shown = await stage.suggested()
            await stage.slack.click(stage.agent, shown, "redraft_request")
            await stage.slack.wait_until_idle()
        lines = await stage.log()
    assert [line["request"]["policy"] for line in lines] == ["plackett_luce"] * 2
