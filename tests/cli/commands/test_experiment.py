"""`suggest experiment`: start, stop, list, report; what is wrong is said in one line, before anything happens."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bot.playbook import read_built_in
from playground.model_server import ModelDouble, bad_request
from tests.bot.experiments.outcomes import some_outcomes
from tests.cli.conftest import Suggest
from tests.cli.files import write
from tests.cli.log import audited

START = ("experiment", "start", "greeting")
ARMS = ("--arm", "now", "--arm", "warm=warm.toml")


@pytest.fixture(autouse=True)
def _database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUGGEST_DATABASE_URL", "sqlite:///log.db")
    write("warm.toml", read_built_in())


@pytest.fixture
async def model(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ModelDouble]:
    async with ModelDouble.start() as double:
        monkeypatch.setenv("OPENAI_BASE_URL", double.base_url)
        yield double


def list_databases() -> list[Path]:
    return list(Path().glob("*.db"))


def make_log(**accepted: int) -> str:
    """The log of an experiment by ten agents, a hundred requests of each in each arm; a file that `import` takes."""
    lines = []
    for number, outcome in enumerate(some_outcomes(accepted, agents=10)):
        at = outcome.created_at.isoformat().replace("+00:00", "Z")
        request = {
            "id": f"r{number}",
            "agent_id": outcome.agent_id,
            "team_id": "T1",
            "created_at": at,
            "shown_at": at,
            "status": "shown",
            "experiment": "greeting",
            "arm": outcome.arm,
            "arm_propensity": 0.5,
            "conversation": [{"role": "customer", "text": f"Message {number}"}],
            "prompt_version": f"prompt-{outcome.arm}",
        }
        candidate = {"id": f"c{number}", "position": 1, "style": "warm", "model": "m", "text": f"Reply {number}"}
        choice = {
            "kind": outcome.kind,
            "candidate_id": f"c{number}" if outcome.kind == "used" else None,
            "final_text": f"Reply {number}" if outcome.kind == "used" else None,
            "agent_id": outcome.agent_id,
            "chosen_at": at,
            "visible_candidate_ids": [f"c{number}"],
        }
        line = {"schema": "choice-log/1", "request": request, "candidates": [candidate], "choice": choice}
        lines.append(json.dumps(line) + "\n")
    write("log.jsonl", "".join(lines))
    return "log.jsonl"


async def test_an_experiment_is_started_listed_stopped_and_never_started_again(suggest: Suggest) -> None:
    begun = await suggest(*START, *ARMS, "--shares", "0.25,0.75", "--by", "agent")
    assert begun.code == 0, begun.err
    assert "The experiment greeting runs. Each agent is drawn for one of 2 arms" in begun.out
    [listed] = (await suggest("experiment", "list", "--json")).json
    assert datetime.fromisoformat(listed.pop("started_at"))
    assert listed == {
        "name": "greeting",
        "state": "running",
        "by": "agent",
        "stopped_at": None,
        "stopped_by": None,
        "arm": None,
        "arms": [
            {"name": "now", "share": 0.25, "playbook": None, "model": None},
            {"name": "warm", "share": 0.75, "playbook": "warm.toml", "model": None},
        ],
    }
    other = await suggest("experiment", "start", "other", *ARMS)
    assert (other.code, "one runs at a time" in other.complaint) == (2, True)
    assert (await suggest("experiment", "stop", "greeting")).code == 0
    [listed] = (await suggest("experiment", "list", "--json")).json
    assert (listed["state"], listed["stopped_by"], listed["arm"]) == ("stopped", "admin", None)
    assert listed["stopped_at"] is not None
    assert "greeting: stopped on" in (await suggest("experiment", "list")).out
    again = await suggest(*START, *ARMS)
    assert (again.code, "choose another" in again.complaint) == (2, True)
    assert (await suggest("experiment", "start", "other", *ARMS)).code == 0
    actions = [action for _, action, _ in await audited("log.db")]
    assert actions == ["experiment_started", "experiment_stopped", "experiment_started"]


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["--arm", "now"], "two arms or more"),
        ([], "two arms or more"),
        ([*ARMS, "--arm", "now"], "there are two arms 'now'"),
        ([*ARMS, "--shares", "0.5,0.6"], "the shares add up to 1.1, not to 1"),
        ([*ARMS, "--shares", "0.5"], "there are 1 shares for 2 arms"),
        ([*ARMS, "--shares", "1,0"], "each share is a number between 0 and 1"),
        ([*ARMS, "--shares", "half,half"], "are no shares"),
        ([*ARMS, "--by", "team"], "drawn by request or by agent"),
        (["--arm", "now", "--arm", "warm="], "neither a playbook nor a model"),
        (["--arm", "now", "--arm", "a b"], "is no name for an arm"),
        (["--arm", "now", "--arm", "gone=gone.toml"], "gone.toml: no such file"),
        (["--arm", "now", "--arm", "bad=bad.toml"], "bad.toml:1: "),
        (["--arm", "now", "--arm", "big=model-big"], "no model is configured"),
    ],
)
async def test_what_is_wrong_is_said_in_one_line_before_anything(
    suggest: Suggest, args: list[str], complaint: str
) -> None:
    write("bad.toml", "persona = 1\n")
    result = await suggest(*START, *args)
    assert result.code == 2
    assert complaint in result.complaint
    assert not list_databases()


async def test_a_model_that_does_not_answer_is_refused(suggest: Suggest, model: ModelDouble) -> None:
    model.answer_when(lambda call: call.model == "broken", bad_request("no such model"))
    arms = ("--arm", "now", "--arm", "listed=gpt-4o-mini", "--arm", "unlisted=other")
    refused = await suggest(*START, *arms, "--arm", "bad=broken")
    assert (refused.code, "arm bad has no working model: broken does not answer" in refused.complaint) == (2, True)
    styled = read_built_in().replace('name = "warm"', 'name = "warm"\nmodel = "broken"')
    write("styled.toml", styled)
    in_style = await suggest(*START, *arms, "--arm", "styled=styled.toml")
    assert (in_style.code, "arm styled has no working model" in in_style.complaint) == (2, True)
    assert (await suggest(*START, *arms)).code == 0


async def test_a_server_that_cannot_be_reached_is_named(suggest: Suggest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    result = await suggest(*START, "--arm", "now", "--arm", "big=model-big")
    assert (result.code, "the model model-big of arm big cannot be asked" in result.complaint) == (2, True)


async def test_an_experiment_that_is_not_there_is_not_stopped_or_reported(suggest: Suggest) -> None:
    await suggest(*START, *ARMS)
    for command in ("stop", "report"):
        unknown = await suggest("experiment", command, "typo")
        assert (unknown.code, "'typo'" in unknown.complaint, "greeting" in unknown.complaint) == (2, True, True)
    await suggest("experiment", "stop", "greeting")
    again = await suggest("experiment", "stop", "greeting")
    assert (again.code, "stopped already" in again.complaint) == (2, True)


async def test_an_imported_log_is_reported_at_every_look(suggest: Suggest) -> None:
    imported = await suggest("import", make_log(a=60, b=40))
    assert imported.code == 0, imported.err
    report = (await suggest("experiment", "report", "greeting", "--database", "log.db", "--json")).json
    [contrast] = report.pop("contrasts")
    assert report == {
        "name": "greeting",
        "state": "stopped",
        "changed": [],
        "by": "request",
        "arms": [
            {
                "name": "a",
                "share": 0.5,
                "requests": 1000,
                "shown": 1000,
                "accepted": 600,
                "dismissed": 400,
                "failed": 0,
            },
            {
                "name": "b",
                "share": 0.5,
                "requests": 1000,
                "shown": 1000,
                "accepted": 400,
                "dismissed": 600,
                "failed": 0,
            },
        ],
        "enough": True,
        "needed": 0,
    }
    assert (contrast["arms"], contrast["verdict"]) == (["a", "b"], "a")
    assert contrast["difference"] == pytest.approx(0.2)
    assert 0 < contrast["lower"] < 0.2 < contrast["upper"]
    looks = await suggest("experiment", "report", "greeting", "--json", "--replay", "500")
    lines = [json.loads(line) for line in looks.out.splitlines()]
    assert [line["at"] for line in lines] == [500, 1000, 1500, 2000]
    assert lines[-1] == {"at": 2000, **report, "contrasts": [contrast]}
    told = await suggest("experiment", "report", "greeting")
    assert told.out.startswith("Arm a is better than b: its replies are used 20 points more often")
    assert (
        "2000 requests: Arm a is better" in (await suggest("experiment", "report", "greeting", "--replay", "2000")).out
    )


async def test_an_exported_experiment_is_reported_elsewhere(suggest: Suggest) -> None:
    await suggest("import", make_log(a=52, b=50))
    exported = await suggest("export", "--output", "out.jsonl")
    assert exported.code == 0, exported.err
    assert (await suggest("import", "out.jsonl", "--database", "other.db")).code == 0
    one, other = [
        await suggest("experiment", "report", "greeting", "--database", file, "--json")
        for file in ("log.db", "other.db")
    ]
    assert one.json == other.json
    assert one.json["contrasts"][0]["verdict"] is None
    assert "No difference is proven" in (await suggest("experiment", "report", "greeting")).out


async def test_before_any_request_the_report_says_what_is_missing(suggest: Suggest) -> None:
    await suggest(*START, *ARMS)
    report = (await suggest("experiment", "report", "greeting", "--json")).json
    assert (report["state"], report["enough"], report["needed"] > 1000) == ("running", False, True)
    told = (await suggest("experiment", "report", "greeting")).out
    assert told.startswith("Not enough data: no request has been drawn for now and warm yet.")


@pytest.mark.parametrize("change", [lambda file: file.write_text("#\n" + file.read_text()), Path.unlink])
async def test_an_arm_whose_file_changed_has_no_verdict(suggest: Suggest, change: Callable[[Path], Any]) -> None:
    await suggest(*START, *ARMS)
    change(Path("warm.toml"))
    result = await suggest("experiment", "report", "greeting", "--json")
    assert (result.code, result.json["state"], result.json["changed"]) == (1, "changed", ["warm"])
    assert result.json["contrasts"] == []
    told = await suggest("experiment", "report", "greeting")
    assert (told.code, told.out.startswith("No verdict: what arm warm drafted with has changed")) == (1, True)
    assert [each["state"] for each in (await suggest("experiment", "list", "--json")).json] == ["changed"]


async def test_an_arm_that_names_no_model_changes_with_the_settings(
    suggest: Suggest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUGGEST_MODEL", "small")
    await suggest(*START, *ARMS)
    assert (await suggest("experiment", "report", "greeting", "--json")).json["state"] == "running"
    monkeypatch.setenv("SUGGEST_MODEL", "big")
    result = await suggest("experiment", "report", "greeting", "--json")
    assert (result.code, result.json["state"], result.json["changed"]) == (1, "changed", ["now", "warm"])
    assert "now: SUGGEST_MODEL was small and is big" in (await suggest("experiment", "report", "greeting")).out
    assert "changed (now: SUGGEST_MODEL was small and is big" in (await suggest("experiment", "list")).out


@pytest.mark.parametrize(
    ("experiment", "complaint"),
    [
        ('{ name = "x", arms = [{ name = "a" }] }', "two arms or more"),
        ('{ name = "x", arms = [{ name = "a", share = 0.5 }, { name = "b", share = 0.6 }] }', "add up to 1.1"),
        ('{ name = "x", arms = [{ name = "a", share = 0.5 }, { name = "b" }] }', "1 shares for 2 arms"),
        ('{ name = "x", by = "team", arms = [{ name = "a" }, { name = "b" }] }', "by request or by agent"),
        ('{ name = "x", arms = [{ name = "a" }, { name = "b", playbook = "b.toml", model = "m" }] }', "not both"),
        ('{ name = "x", arms = [{ name = "a" }, { name = "b", modle = "m" }] }', "did you mean model?"),
        ('{ name = "x", arms = "a" }', "arms must be a list of tables"),
        ('{ arms = [{ name = "a" }, { name = "b" }] }', "has no name"),
        ('"greeting"', "must be a table"),
    ],
)
async def test_an_experiment_of_a_playbook_is_checked_with_it(
    suggest: Suggest, experiment: str, complaint: str
) -> None:
    write("own.toml", f"experiment = {experiment}\n{read_built_in()}")
    result = await suggest("playbook", "check", "own.toml")
    assert result.code == 2
    assert complaint in result.complaint
    assert result.complaint.startswith("own.toml:1: ")


async def test_days_are_told_by_the_pace_so_far(suggest: Suggest) -> None:
    await suggest("import", make_log(a=52, b=50))
    told = (await suggest("experiment", "report", "greeting", "--replay", "400")).out.splitlines()[0]
    assert "days as things go, would show a difference of 8 points." in told
