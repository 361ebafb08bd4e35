"""The demonstration's invented history: enough for the reports on it, and apart from what people do."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.experiments.guardrail import find_fault
from cli.commands.demo import fill_database
from cli.database_location import INVENTED, Location, mark_demonstration, open_or_create
from cli.demonstration_history import COMPARISON
from cli.repositories import open_records
from cli.settings import Settings
from storage.queries.experiments import ExperimentQueries
from tests.cli.conftest import Suggest


async def fill(folder: Path, **settings: Any) -> None:
    """Fill `demo.db` in the folder as `suggest demo` does."""
    async with open_or_create(Location.of_file(folder / "demo.db", origin="demonstration")) as records:
        await fill_database(Settings(_env_file=None, **settings), records)


async def export(suggest: Suggest, *options: str) -> list[dict[str, Any]]:
    exported = await suggest("export", "--database", "demo.db", *options)
    assert exported.code == 0, exported.err
    return [json.loads(line) for line in exported.out.splitlines()]


async def test_the_experiment_and_the_comparison_have_something_to_say(suggest: Suggest, tmp_path: Path) -> None:
    await fill(tmp_path)
    experiment = (await suggest("experiment", "report", "greeting", "--database", "demo.db", "--json")).json
    assert (experiment["state"], experiment["enough"]) == ("running", True)
    assert experiment["contrasts"][0]["verdict"] == "warmer"
    [comparison] = (await suggest("compare", "report", "--database", "demo.db", "--json")).json["comparisons"]
    assert (comparison["id"], comparison["rows"], comparison["reviewers"]) == (COMPARISON, 8, 5)
    assert comparison["enough"]
    assert comparison["win_rate"]["upper"] < 0.5
    assert 0 < comparison["agreement"]["alpha"] < 1


async def test_the_guardrail_leaves_the_invented_experiment_running(tmp_path: Path) -> None:
    await fill(tmp_path)
    async with open_records(f"sqlite:///{tmp_path}/demo.db") as records:
        running = await records.experiments.get("greeting")
        assert running is not None
        cells = await ExperimentQueries(records.database).count_troubles("greeting", by="arm")
        assert find_fault(running, cells) is None


async def test_the_history_is_left_out_of_exports_and_reports_unless_it_is_named(
    suggest: Suggest, tmp_path: Path
) -> None:
    await fill(tmp_path)
    assert await export(suggest) == []
    assert (await suggest("report", "--database", "demo.db", "--json")).json["totals"]["eligible"] == 0
    named = await export(suggest, "--team", INVENTED)
    assert await export(suggest, "--include-simulated") == []
    assert {line["request"]["team_id"] for line in named} == {INVENTED}
    assert all(line["request"]["simulated"] for line in named)
    assert Counter(line["request"]["surface"] for line in named) == {"slash": 240, "compare": 40}
    made = [datetime.fromisoformat(line["request"]["created_at"]) for line in named]
    assert max(made) < datetime.now(UTC) - timedelta(hours=23), "the page's log begins with what people do there"
    asked = (await suggest("report", "--database", "demo.db", "--team", INVENTED, "--json")).json
    assert asked["totals"]["eligible"] == 240


async def test_the_history_is_a_choice_log_that_import_takes(suggest: Suggest, tmp_path: Path) -> None:
    await fill(tmp_path)
    log = await suggest("export", "--database", "demo.db", "--team", INVENTED, "-o", "log.jsonl")
    assert log.code == 0, log.err
    taken = await suggest("import", "log.jsonl", "--database", "other.db", "--json")
    assert (taken.code, taken.json["imported"]) == (0, 280), taken.err


async def test_it_is_added_once_also_to_a_demonstration_of_suggest_try(suggest: Suggest, tmp_path: Path) -> None:
    async with open_or_create(Location.of_file(tmp_path / "demo.db", origin="demonstration")) as records:
        await mark_demonstration(records, actor="cli")
    for _ in range(2):
        await fill(tmp_path)
    assert len(await export(suggest, "--team", INVENTED)) == 280


@pytest.mark.parametrize("settings", [{}, {"openai_base_url": "http://127.0.0.1:9/v1"}], ids=["its own", "a model's"])
async def test_a_team_s_own_database_and_a_real_model_get_no_history(
    suggest: Suggest, tmp_path: Path, settings: dict[str, Any]
) -> None:
    if not settings:
        assert (await suggest("migrate", "--database", "demo.db")).code == 0
    await fill(tmp_path, **settings)
    assert await export(suggest, "--include-simulated") == []
    assert (await suggest("experiment", "list", "--database", "demo.db", "--json")).json == []
