"""`/suggest export`: for admins, beside the bot, as a file in a direct message; each way to fail has its sentence."""

import asyncio
import csv
import io
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cli.database_location import Location
from cli.workers import export, export_process
from cli.workers.export_process import ProcessExporter
from handlers import export_jobs
from handlers.export_jobs import ExportFailed, ExportOrder
from playground import Dispatch, DispatchOutcome, ErrorResponse, ServerError, User, View
from playground.slack.fault_injection import Fault
from tests.cli.log import audited
from tests.conftest import Stage, StageMaker

NAMES = {"jsonl": "choices.jsonl", "parquet": "choices.parquet", "kto": "kto.jsonl", "vw": "choices.vw"}


@pytest.fixture
def _worker_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The work is done in this process: another takes two seconds to start. Tests without this hold that it does."""

    async def run(job: dict[str, Any]) -> dict[str, int]:
        return await asyncio.to_thread(export.run_job, json.loads(json.dumps(job)))

    monkeypatch.setattr(export_process, "_run_job", run)


def values(form: str = "csv", days: str = "30", names: str = "ids") -> dict[str, dict[str, str]]:
    found = {"export_form": form, "export_range": days, "export_names": names}
    return {name: {name: value} for name, value in found.items()}


async def open_export_modal(stage: Stage, user: User) -> View:
    await stage.suggest("export", user=user)
    return await stage.slack.wait_for_view(user, lambda view: view.content.get("callback_id") == "export_log")


async def wait_until_told(stage: Stage, needle: str) -> None:
    admin = stage.slack.people.admin
    await stage.slack.wait_for_ephemeral(admin, lambda message: needle in message.text)


def list_uploads(stage: Stage) -> list[tuple[str, bytes | None]]:
    return [(upload.filename, upload.content) for upload in stage.slack.state.uploads.values()]


async def use_one_reply(stage: Stage) -> None:
    shown = await stage.suggested("=Where is my order?")
    await stage.slack.click(stage.agent, shown, "use_candidate")
    await stage.logged("shown", "used", "sent")


async def test_an_admin_gets_the_log_as_a_file(stage: Stage, tmp_path: Path) -> None:
    await use_one_reply(stage)
    admin = stage.slack.people.admin
    await stage.slack.submit(admin, await open_export_modal(stage, admin), values())
    await wait_until_told(stage, "The file is being written.")
    await wait_until_told(stage, "The export is done: one request.")
    [(name, content)] = list_uploads(stage)
    assert name == "choices.csv"
    rows = list(csv.DictReader(io.StringIO((content or b"").decode(), newline="")))
    assert len(rows) == 3
    assert json.loads(rows[0]["request_conversation"]) == [{"role": "customer", "text": "=Where is my order?"}]
    direct = stage.slack.state.open_direct_channel(admin.id)
    message = await stage.slack.wait_for_message(direct, lambda message: bool(message.files))
    assert message.files[0]["title"] == "choices.csv"
    assert message.text == "The choice log you asked for: one request."
    noted = [row for row in await audited(str(tmp_path / "suggest.db")) if row[1] == "export"]
    assert [(actor, data["format"], data["requests"]) for actor, _, data in noted] == [(admin.id, "csv", 1)]


@pytest.mark.usefixtures("_worker_here")
@pytest.mark.parametrize("form", ["jsonl", "parquet", "kto", "vw"])
async def test_any_form_with_pseudonyms(form: str, stage: Stage) -> None:
    await use_one_reply(stage)
    admin = stage.slack.people.admin
    await stage.slack.submit(admin, await open_export_modal(stage, admin), values(form, "all", "pseudonyms"))
    await wait_until_told(stage, "The export is done")
    [(name, content)] = list_uploads(stage)
    assert content is not None
    if form == "jsonl":
        assert json.loads(content)["request"]["agent_id"].startswith("agent-")
    if form == "parquet":
        assert pq.read_table(io.BytesIO(content)).num_rows == 1
    assert (
        name == {"jsonl": "choices.jsonl", "parquet": "choices.parquet", "kto": "kto.jsonl", "vw": "choices.vw"}[form]
    )
    assert stage.agent.id.encode() not in content


@pytest.mark.usefixtures("_worker_here")
async def test_pairs_come_with_how_they_were_made(stage: Stage) -> None:
    await use_one_reply(stage)
    admin = stage.slack.people.admin
    await stage.slack.submit(admin, await open_export_modal(stage, admin), values("trl"))
    await wait_until_told(stage, "The export is done")
    (_, pairs), (name, provenance) = list_uploads(stage)
    assert name == "trl.jsonl.provenance.json"
    assert json.loads(provenance or b"")["rows_written"] == len((pairs or b"").splitlines())


def test_what_a_killed_export_left_is_removed_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing of one that still runs, or is about to begin."""
    monkeypatch.setattr(export_process.tempfile, "tempdir", str(tmp_path))
    folders = {name: tmp_path / f"suggest-export-{name}" for name in ("killed", "running", "young")}
    for folder in (*folders.values(), tmp_path / "another"):
        folder.mkdir()
    for name in ("killed", "running"):
        (folders[name] / "choices.jsonl").write_text("{}", encoding="utf-8")
    with export_process._lock_folder(folders["running"]) as is_mine:
        assert is_mine
        export_process.remove_abandoned_exports(folders["young"].stat().st_mtime)
    assert {path.name for path in tmp_path.iterdir()} == {"suggest-export-running", "suggest-export-young", "another"}


@pytest.mark.usefixtures("_worker_here")
async def test_a_submission_delivered_again_to_another_replica_is_not_carried_out_twice(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await use_one_reply(stage)
    admin = stage.slack.people.admin
    delivered: list[Dispatch] = []
    deliver = stage.slack.dispatch

    async def noting(delivery: Dispatch) -> DispatchOutcome:
        delivered.append(delivery)
        return await deliver(delivery)

    monkeypatch.setattr(stage.slack, "dispatch", noting)
    await stage.slack.submit(admin, await open_export_modal(stage, admin), values())
    await wait_until_told(stage, "The export is done")
    [submission] = [delivery for delivery in delivered if delivery.name == "view_submission:export_log"]
    async with stage.bot():
        assert (await deliver(submission)).acknowledged
        await stage.slack.submit(admin, await open_export_modal(stage, admin), values("kto"))
        await stage.slack.wait_until(lambda: len(list_uploads(stage)) == 2)
    assert [name for name, _ in list_uploads(stage)] == ["choices.csv", "kto.jsonl"]


async def test_who_is_no_admin_is_told_who_may(stage: Stage) -> None:
    outcome = await stage.suggest("export")
    assert "Only admins may do that" in json.dumps(outcome.body)
    assert stage.slack.open_views(stage.agent) == []


async def test_who_is_named_in_the_settings_may(stage_with: StageMaker) -> None:
    async with stage_with(suggest_admins=("U0AGENT",)) as stage:
        await open_export_modal(stage, stage.agent)


@pytest.mark.usefixtures("_worker_here")
async def test_nothing_to_export_is_told(stage: Stage) -> None:
    admin = stage.slack.people.admin
    await stage.slack.submit(admin, await open_export_modal(stage, admin), values())
    await wait_until_told(stage, "There is nothing to export")
    assert list_uploads(stage) == []


@pytest.mark.usefixtures("_worker_here")
async def test_a_form_that_has_no_place_for_any_request_is_told(stage: Stage) -> None:
    await stage.suggested()
    admin = stage.slack.people.admin
    await stage.slack.submit(admin, await open_export_modal(stage, admin), values("sft"))
    await wait_until_told(stage, "The one request of this time has nothing to export in this format")
    assert list_uploads(stage) == []


@pytest.mark.usefixtures("_worker_here")
@pytest.mark.parametrize(
    ("method", "fault", "sentence"),
    [
        ("views.open", ErrorResponse(error="internal_error"), "Slack did not open the window"),
        ("conversations.open", ErrorResponse(error="cannot_dm_bot"), "does not let the bot write direct messages"),
        ("files.getUploadURLExternal", ErrorResponse(error="missing_scope"), "lacks the scope `files:write`"),
        ("files.getUploadURLExternal", ServerError(), "Slack did not take the file"),
        (
            "files.completeUploadExternal",
            ErrorResponse(error="channel_not_found"),
            "does not let the bot write direct messages",
        ),
        ("files.completeUploadExternal", ServerError(), "Slack did not take the file"),
    ],
)
async def test_each_way_to_fail_has_its_sentence(method: str, fault: Fault, sentence: str, stage: Stage) -> None:
    await use_one_reply(stage)
    admin = stage.slack.people.admin
    stage.slack.faults.plan(method, fault)
    if method == "views.open":
        await stage.suggest("export", user=admin)
    else:
        await stage.slack.submit(admin, await open_export_modal(stage, admin), values())
    await wait_until_told(stage, sentence)


@pytest.mark.usefixtures("_worker_here")
async def test_a_file_that_slack_would_not_take_is_not_sent(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await use_one_reply(stage)
    monkeypatch.setattr(export_jobs, "MAX_BYTES", 10)
    admin = stage.slack.people.admin
    await stage.slack.submit(admin, await open_export_modal(stage, admin), values())
    await wait_until_told(stage, "larger than the 1 GB")
    assert list_uploads(stage) == []


async def test_an_export_that_cannot_be_written_is_told(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await use_one_reply(stage)
    monkeypatch.setattr(export_process, "LIMIT_S", 0.001)
    admin = stage.slack.people.admin
    await stage.slack.submit(admin, await open_export_modal(stage, admin), values())
    await wait_until_told(stage, "The export could not be written")


def order(**changes: object) -> ExportOrder:
    plain = ExportOrder(team_id="T1", user_id="U1", form="jsonl", since=None, pseudonyms=False)
    return replace(plain, **changes)  # type: ignore[arg-type]


async def test_a_database_that_cannot_be_read_is_no_file(tmp_path: Path) -> None:
    beside = ProcessExporter(Location.of_file(tmp_path / "none.db"), None)
    with pytest.raises(ExportFailed, match="there is no database"):
        async with beside.export(order()):
            pass
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - pathlib blocks, says the linter
