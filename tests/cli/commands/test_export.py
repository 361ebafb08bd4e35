"""`suggest export`: every field with its true value, streamed, whole or not at all; nothing is made or broken by it."""

import asyncio
import csv
import gzip
import io
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import zstandard

from bot.choice_log import CSV_HEADER
from cli.commands.export import ExportJob, export_log
from cli.database_location import Location
from cli.options import parse_moment
from cli.repositories import open_records
from storage.fields import to_iso
from storage.records import Candidate, Choice, Event, Request, Selection, Turn
from storage.repositories.requests import DraftOutcome
from storage.schema import get_head
from tests.cli.conftest import Suggest
from tests.cli.files import is_link, is_pipe, link, listed, read, read_bytes, size, write
from tests.cli.log import audited
from tests.nursery import started

START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
DESIGNED = {
    "request": {
        "id": "r1", "team_id": "T1", "channel_id": "C1", "thread_ts": None, "agent_id": "U1", "surface": "slash",
        "locale": "en-US", "created_at": "2026-11-22T10:00:00.000Z", "shown_at": "2026-11-22T10:00:01.250Z",
        "status": "shown", "hint": None, "k_requested": 3, "prompt_version": "abc", "ranker_version": None,
        "policy": "uniform", "policy_params": {}, "order_propensity": 0.5, "parent_request_id": None,
        "parent_candidate_id": None, "steer": None, "steer_language": None, "simulated": False, "app_version": "0.1.0",
        "conversation": [{"role": "customer", "text": "Where is my order? – Grüße 你好"}],
        "task": None, "input_row": None, "input": None, "comparison": None, "experiment": None, "arm": None,
        "arm_propensity": None, "retrieved": None,
    },
    "candidates": [
        {
            "id": "c0", "sample_index": 0, "position": 2, "style": "warm", "model": "gpt-4o-mini",
            "model_returned": "gpt-4o-mini-2026", "temperature": 0.7, "text": "=We look\ninto it,", "error": None,
            "dropped_reason": None, "duplicate_of": None, "shown_at": "2026-11-22T10:00:01.250Z", "latency_ms": 812,
            "attempts": 1, "finish_reason": "stop", "prompt_tokens": 210, "completion_tokens": 64,
            "mean_logprob": -0.25, "score": None, "first_propensity": 0.5, "inclusion_propensity": 0.6, "sources": [],
            "side": None,
            "style_version": None,
        },
        {
            "id": "c1", "sample_index": 1, "position": None, "style": "direct", "model": "gpt-4o-mini",
            "model_returned": None, "temperature": 0.4, "text": None, "error": "refused", "dropped_reason": None,
            "duplicate_of": None, "shown_at": None, "latency_ms": 30, "attempts": 1, "finish_reason": None,
            "prompt_tokens": None, "completion_tokens": None, "mean_logprob": None, "score": None,
            "first_propensity": None, "inclusion_propensity": 0.6, "sources": [],
            "side": None,
            "style_version": None,
        },
        {
            "id": "c2", "sample_index": 2, "position": 1, "style": "steps", "model": "gpt-4o-mini",
            "model_returned": "gpt-4o-mini-2026", "temperature": 0.4, "text": "1. Wait", "error": None,
            "dropped_reason": None, "duplicate_of": None, "shown_at": "2026-11-22T10:00:01.250Z", "latency_ms": 900,
            "attempts": 2, "finish_reason": "length", "prompt_tokens": 211, "completion_tokens": 4,
            "mean_logprob": None, "score": None, "first_propensity": 0.5, "inclusion_propensity": 0.6, "sources": [],
            "side": None,
            "style_version": None,
        },
    ],
    "choice": {
        "id": "h1", "kind": "edited", "candidate_id": "c0", "final_text": "We look into it.", "reason": None,
        "edit_similarity": 0.87, "agent_id": "U1", "chosen_at": "2026-11-22T10:00:06.650Z", "decision_ms": 5400,
        "visible_candidate_ids": ["c2", "c0"], "retracted_at": None, "note": None,
    },
    "events": [
        {"type": "shown", "at": "2026-11-22T10:00:01.250Z", "agent_id": "U1", "candidate_id": None, "data": {}},
        {"type": "edited", "at": "2026-11-22T10:00:06.650Z", "agent_id": "U1", "candidate_id": "c0", "data": {"n": 1}},
    ],
}  # fmt: skip


def request_of(number: int, **changes: Any) -> Request:
    values: dict[str, Any] = {
        "id": f"r{number}",
        "team_id": "T1",
        "channel_id": "C1",
        "agent_id": "U1",
        "surface": "slash",
        "locale": "en-US",
        "created_at": START + timedelta(days=number - 1),
        "k_requested": 3,
        "prompt_version": "abc",
        "app_version": "0.1.0",
        "conversation": (Turn(role="customer", text="Where is my order? – Grüße 你好"),),
    }
    return Request(**(values | changes))


async def record_designed(file: str = "suggest.db") -> None:
    """The request of the choice log's documentation."""
    shown_at, chosen_at = START + timedelta(seconds=1.25), START + timedelta(seconds=6.65)
    dates = {"shown_at", "sources"}
    candidates = tuple(
        Candidate(request_id="r1", **{name: value for name, value in row.items() if name not in dates})
        for row in DESIGNED["candidates"]
    )
    async with open_records(f"sqlite:///{file}") as records:
        await records.requests.record(request_of(1), idempotency_key="k1")
        drafted = DraftOutcome(
            request_id="r1", candidates=candidates, status="drafting", order_propensity=0.5, sent_to_slack_at=START
        )
        await records.requests.record_drafts(drafted)
        await records.requests.record_shown(Event(request_id="r1", type="shown", at=shown_at, agent_id="U1"))
        row = DESIGNED["choice"] | {"chosen_at": chosen_at, "visible_candidate_ids": ("c2", "c0")}
        event = Event(request_id="r1", type="edited", at=chosen_at, agent_id="U1", candidate_id="c0", data={"n": 1})
        await records.choices.record(Choice(request_id="r1", **row), idempotency_key="k2", event=event)


async def record_some(count: int, file: str = "suggest.db", **changes: Any) -> None:
    """Requests r1 to r<count>, a day apart."""
    async with open_records(f"sqlite:///{file}") as records:
        for number in range(1, count + 1):
            await records.requests.record(request_of(number, **changes), idempotency_key=f"k{number}")


def unpacked_zst(content: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj().decompress(content)


def ids(out: str) -> list[str]:
    return [json.loads(line)["request"]["id"] for line in out.splitlines()]


# --- contents -------------------------------------------------------------------------------------------


async def test_json_lines_hold_every_field_with_its_true_value(suggest: Suggest) -> None:
    await record_designed()
    result = await suggest("export", "--format", "jsonl")
    assert result.code == 0
    (line,) = result.out.splitlines()
    assert json.loads(line) == {"schema": "choice-log/1", **DESIGNED}
    assert list(json.loads(line)) == ["schema", "request", "candidates", "choice", "events"]
    for name in ("request", "choice"):
        assert list(json.loads(line)[name]) == list(DESIGNED[name])
    assert "Grüße 你好" in line
    assert result.err == "1 request exported\n"


async def test_csv_holds_a_candidate_a_row_and_no_formula(suggest: Suggest) -> None:
    await record_designed()
    result = await suggest("export", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(result.out, newline="")))
    assert list(rows[0]) == list(CSV_HEADER)
    assert [row["candidate_id"] for row in rows] == ["c0", "c1", "c2"]
    assert [row["candidate_position"] for row in rows] == ["2", "", "1"]
    assert rows[0]["candidate_text"] == "'=We look\ninto it,"
    assert rows[2]["choice_visible_candidate_ids"] == '["c2","c0"]'
    assert {row["request_simulated"] for row in rows} == {"false"}


async def test_an_empty_log_is_an_empty_export(suggest: Suggest) -> None:
    await record_some(0)
    result = await suggest("export", "--format", "csv")
    assert result.out == ",".join(CSV_HEADER) + "\r\n"
    assert result.err == "0 requests exported\n"


# --- selection ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), ["r1", "r2", "r3"]),
        (("--since", "2026-11-23"), ["r2", "r3"]),
        (("--until", "2026-11-23"), ["r1"]),
        (("--since", "2026-11-22T10:00:00Z", "--until", "2026-11-23T10:00:00.001Z"), ["r1", "r2"]),
        (("--since", "2026-11-22T10:00:00.001"), ["r2", "r3"]),
        (("--since", "2026-11-22T11:00+01:00", "--until", "2026-11-23T11:00+01:00"), ["r1"]),
        (("--team", "T1", "--until", "2026-11-23"), ["r1"]),
        (("--team", "T1", "--until", "2026-11-01"), []),
    ],
)
async def test_requests_are_selected_by_time_and_team(
    options: tuple[str, ...], expected: list[str], suggest: Suggest
) -> None:
    await record_some(3)
    assert ids((await suggest("export", *options)).out) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-01", "2026-11-01T00:00:00.000Z"),
        ("2026-11-01T09:30", "2026-11-01T09:30:00.000Z"),
        ("2026-11-01 09:30:15Z", "2026-11-01T09:30:15.000Z"),
        ("2026-11-01T00:30+02:00", "2026-10-31T22:30:00.000Z"),
    ],
)
def test_times_without_a_zone_are_utc(text: str, expected: str) -> None:
    parsed = parse_moment("--since", text)
    assert parsed is not None
    assert to_iso(parsed) == expected


@pytest.mark.parametrize("text", ["", "now", "2026-13-01", "2026-02-30", "11/01/2026", "0001-01-01T00:00+10:00"])
async def test_what_is_no_time_is_wrong_usage(text: str, suggest: Suggest) -> None:
    result = await suggest("export", "--until", text)
    assert result.code == 2
    assert result.complaint.startswith(f"--until {text!r} is no date or time: write it like 2026-11-01")


async def test_simulated_requests_are_left_out_and_counted(suggest: Suggest) -> None:
    await record_some(2)
    async with open_records("sqlite:///suggest.db") as records:
        await records.requests.record(request_of(3, simulated=True), idempotency_key="k3")
    result = await suggest("export")
    assert ids(result.out) == ["r1", "r2"]
    assert result.err == "2 requests exported; 1 simulated left out (--include-simulated exports them too)\n"
    result = await suggest("export", "--include-simulated")
    assert ids(result.out) == ["r1", "r2", "r3"]
    assert result.err == "3 requests exported\n"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--channel", "C1"), ["r1", "r2", "r3"]),
        (("--channel", "C2"), ["r4"]),
        (("--agent", "U2"), ["r4"]),
        (("--agent", "U1", "--channel", "C2"), []),
        (("--style", "steps"), ["r1"]),
        (("--kind", "edited"), ["r1"]),
        (("--kind", "dismissed"), []),
        (("--kind", "edited", "--style", "warm", "--team", "T1"), ["r1"]),
    ],
)
async def test_requests_are_selected_by_what_was_drafted_and_chosen(
    options: tuple[str, ...], expected: list[str], suggest: Suggest
) -> None:
    await record_designed()
    async with open_records("sqlite:///suggest.db") as records:
        for number in (2, 3):
            await records.requests.record(request_of(number), idempotency_key=f"x{number}")
        await records.requests.record(request_of(4, channel_id="C2", agent_id="U2"), idempotency_key="x4")
    for export_format in ("jsonl", "parquet"):
        assert (await suggest("export", *options, "--format", export_format, "-o", "log")).code == 0
        if export_format == "jsonl":
            assert ids(read("log")) == expected
        else:
            assert pq.read_table("log")["id"].to_pylist() == expected
    assert len((await suggest("export", *options, "--format", "csv")).out.splitlines()) >= len(expected)


@pytest.mark.parametrize(
    ("option", "value"), [("--team", "T9"), ("--channel", "C9"), ("--agent", "U9"), ("--style", "rude")]
)
async def test_an_id_that_the_log_does_not_know_is_told(option: str, value: str, suggest: Suggest) -> None:
    await record_some(1)
    result = await suggest("export", option, value, "-o", "log.jsonl")
    assert result.code == 1
    assert result.complaint == f"{option} {value!r}: suggest.db has no request of it, so nothing was written"
    assert listed() == ["suggest.db"]
    assert await audited("suggest.db") == []


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--pairs", "all"), "--pairs goes with --format openai, trl, not with jsonl"),
        (("--format", "kto", "--seed", "1"), "--seed goes with --format openai, trl, not with kto"),
        (("--format", "trl", "--raw"), "--raw goes with --format csv, not with trl"),
        (
            ("--format", "parquet", "-o", "x.parquet.gz"),
            "x.parquet.gz: parquet is packed within; name the file like choices.parquet",
        ),
        (("--since", "2026-11-02", "--until", "2026-11-01"), "--since '2026-11-02' is not before --until '2026-11-01'"),
    ],
)
async def test_options_that_do_not_go_together_are_wrong_usage(
    options: tuple[str, ...], complaint: str, suggest: Suggest
) -> None:
    await record_some(1)
    result = await suggest("export", *options)
    assert result.code == 2
    assert result.complaint == complaint
    assert listed() == ["suggest.db"]


async def test_what_a_form_has_no_place_for_is_counted(suggest: Suggest) -> None:
    await record_designed()
    result = await suggest("export", "--format", "trl", "--pairs", "skip-above", "--pairs", "edited")
    assert [json.loads(line)["provenance"]["pair"] for line in result.out.splitlines()] == ["skip_above", "edited"]
    async with open_records("sqlite:///suggest.db") as records:
        for number in (2, 3):
            await records.requests.record(request_of(number), idempotency_key=f"x{number}")
    result = await suggest("export", "--format", "vw")
    assert result.err == "3 requests exported; 2 left out: with nothing shown\n"


async def test_beside_a_file_of_pairs_stands_how_they_were_made(suggest: Suggest) -> None:
    """The pairs' own provenance has no place in what OpenAI takes."""
    await record_designed()
    assert (await suggest("export", "--format", "openai", "--seed", "7", "-o", "pairs.jsonl")).code == 0
    assert listed() == ["pairs.jsonl", "pairs.jsonl.provenance.json", "suggest.db"]
    told = json.loads(read("pairs.jsonl.provenance.json"))
    assert (told["file"], told["format"], told["seed"], told["pairs"]) == (
        "pairs.jsonl", "openai", 7, ["all_shown", "edited", "redrafted", "steered"]
    )  # fmt: skip
    assert told["rows_written"] == len(read("pairs.jsonl").splitlines())
    assert told["requests"] == told["choice_sets"] == 1
    assert (await suggest("export", "-o", "log.jsonl")).code == 0
    assert "log.jsonl.provenance.json" not in listed()


@pytest.mark.parametrize(
    ("options", "start"),
    [
        (("-o", "log.csv"), b"\xef\xbb\xbfrequest_id,"),
        (("-o", "log.csv", "--no-bom"), b"request_id,"),
        (("-o", "log.txt"), b"request_id,"),
    ],
    ids=["csv", "csv without", "another name"],
)
async def test_a_csv_file_tells_spreadsheets_its_letters(
    options: tuple[str, ...], start: bytes, suggest: Suggest
) -> None:
    await record_designed()
    assert (await suggest("export", "--format", "csv", *options)).code == 0
    assert Path(options[1]).read_bytes().startswith(start)  # noqa: ASYNC240 - a small file


async def test_the_system_role_stands_where_it_is_wanted(suggest: Suggest) -> None:
    await record_some(1)
    result = await suggest("export", "--format", "csv", "--system", "drop")
    assert result.err == "suggest: --system goes with --format kto, openai, sft, trl, not with csv\n"


async def test_pairs_that_go_down_a_pipe_leave_nothing_beside_it(suggest: Suggest) -> None:
    await record_designed()
    os.mkfifo("pipe")
    reading = asyncio.create_task(asyncio.to_thread(read, "pipe"))
    assert (await suggest("export", "--format", "trl", "-o", "pipe")).code == 0
    assert json.loads((await reading).splitlines()[-1])["provenance"]["pair"] == "edited"
    assert listed() == ["pipe", "suggest.db"]


async def test_pseudonyms_match_under_the_same_key_only(suggest: Suggest, monkeypatch: pytest.MonkeyPatch) -> None:
    await record_designed()
    drawn = [(await suggest("export", "--pseudonymise")).out for _ in range(2)]
    assert drawn[0] != drawn[1]
    monkeypatch.setenv("SUGGEST_PSEUDONYM_KEY", "an invented key of some length")
    kept = [(await suggest("export", "--pseudonymise")).out for _ in range(2)]
    assert kept[0] == kept[1]
    line = json.loads(kept[0])
    assert line["request"]["agent_id"] == line["choice"]["agent_id"] == line["events"][0]["agent_id"]
    assert "U1" not in kept[0] + drawn[0]
    assert (await audited("suggest.db"))[0][2]["pseudonymised"] is True
    monkeypatch.setenv("SUGGEST_PSEUDONYM_KEY", "short")
    assert (await suggest("export", "--pseudonymise")).code == 2


# --- files ----------------------------------------------------------------------------------------------


async def test_a_file_is_written_whole(suggest: Suggest) -> None:
    await record_some(2)
    write("log.jsonl", "the export of last week")
    result = await suggest("export", "-o", "log.jsonl")
    assert result.code == 0
    assert result.out == ""
    assert result.err == "2 requests exported to log.jsonl\n"
    assert ids(read("log.jsonl")) == ["r1", "r2"]
    assert listed() == ["log.jsonl", "suggest.db"]


async def test_a_link_is_followed(suggest: Suggest) -> None:
    await record_some(1)
    write("here.jsonl")
    link("link.jsonl", "here.jsonl")
    assert (await suggest("export", "-o", "link.jsonl")).code == 0
    assert is_link("link.jsonl")
    assert ids(read("here.jsonl")) == ["r1"]


async def test_a_device_is_written_to_and_not_replaced(suggest: Suggest) -> None:
    await record_some(1)
    os.mkfifo("pipe")
    reading = asyncio.create_task(asyncio.to_thread(read, "pipe"))
    assert (await suggest("export", "-o", "pipe")).code == 0
    assert ids(await reading) == ["r1"]
    assert is_pipe("pipe")


async def test_an_export_that_fails_half_way_leaves_what_was_there(
    suggest: Suggest, monkeypatch: pytest.MonkeyPatch
) -> None:
    await record_some(2)
    write("log.jsonl", "the export of last week")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cli.output_file.os.fsync", full)
    result = await suggest("export", "-o", "log.jsonl")
    assert result.code == 1
    assert result.complaint == "log.jsonl cannot be written: No space left on device"
    assert read("log.jsonl") == "the export of last week"
    assert listed() == ["log.jsonl", "suggest.db"]


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("no/such/folder/x.jsonl", "No such file or directory"),
        ("/dev/full", "No space left on device"),
        (".", "Is a directory"),
    ],
)
async def test_a_file_that_cannot_be_written_is_one_line(output: str, reason: str, suggest: Suggest) -> None:
    await record_some(1)
    result = await suggest("export", "-o", output)
    assert result.code == 1
    assert result.complaint == f"{output} cannot be written: {reason}"


async def test_a_reader_who_leaves_early_hears_no_complaint() -> None:
    await fill(2_000)
    command = f"{sys.executable} -m cli export | head -n 1; echo ${{PIPESTATUS[0]}}"
    ended = await asyncio.to_thread(subprocess.run, ["bash", "-c", command], capture_output=True, text=True, check=True)
    first, code = ended.stdout.splitlines()
    assert ids(first) == ["r1"]
    assert code == "1"
    assert ended.stderr == ""


@pytest.mark.parametrize(("name", "unpack"), [("log.jsonl.gz", gzip.decompress), ("log.jsonl.zst", unpacked_zst)])
async def test_a_name_tells_how_it_is_packed(name: str, unpack: Callable[[bytes], bytes], suggest: Suggest) -> None:
    await record_some(300)
    plain = (await suggest("export")).out
    for _ in range(2):
        assert (await suggest("export", "-o", name)).code == 0
    assert unpack(read_bytes(name)).decode() == plain
    assert size(name) < len(plain) / 5


@pytest.fixture(scope="module")
def long_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database whose export takes seconds."""
    path = tmp_path_factory.mktemp("long") / "suggest.db"
    asyncio.run(fill(60_000, file=str(path)))
    return path


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_killed_export_leaves_nothing(number: signal.Signals, long_log: Path) -> None:
    shutil.copy(long_log, "suggest.db")
    write("log.jsonl", "the export of last week")
    with started("export", "-o", "log.jsonl") as process:
        while not any(is_open_for_writing(process.pid)):
            assert process.poll() is None
        process.send_signal(number)
        _, told = process.communicate()
    assert process.returncode in {-number, 128 + number}, told
    assert "Traceback" not in told
    assert read("log.jsonl") == "the export of last week"
    assert [name for name in listed() if not name.startswith("suggest.db")] == ["log.jsonl"]


def is_open_for_writing(pid: int) -> Iterator[bool]:
    """For each open file of the process, whether it is one of the export: in this folder, and without its name."""
    here = str(Path.cwd())
    for opened in Path(f"/proc/{pid}/fd").glob("*"):
        try:
            name = str(opened.readlink())
        except FileNotFoundError:
            continue
        yield name.startswith((f"{here}/#", f"{here}/.log"))


@pytest.mark.parametrize("export_format", ["jsonl", "csv"])
def test_a_full_disk_leaves_nothing(export_format: str) -> None:
    """The export may grow to the size that the database has, and wants more."""
    asyncio.run(fill(5_000, hint='"' * 2_000))
    limit = size("suggest.db") + 300 * 1024
    with started("export", "-o", "log", "--format", export_format, file_limit=limit) as process:
        _, told = process.communicate()
    assert told == "suggest: log cannot be written: File too large\n"
    assert process.returncode == 1
    assert [name for name in listed() if not name.startswith("suggest.db")] == []


@pytest.mark.parametrize("export_format", ["jsonl", "csv", "parquet"])
def test_a_full_device_is_one_line(export_format: str) -> None:
    asyncio.run(fill(5_000))
    with started("export", "-o", "/dev/full", "--format", export_format) as process:
        _, told = process.communicate()
    assert told == "suggest: /dev/full cannot be written: No space left on device\n"


def test_where_files_need_a_name_it_is_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not every file system has files without one."""
    monkeypatch.delattr("os.O_TMPFILE")
    asyncio.run(record_some(2))
    wanted = ExportJob(selection=Selection(), output=Path("log.jsonl"))
    export_log(Location.of_file(Path("suggest.db")), wanted)
    assert ids(read("log.jsonl")) == ["r1", "r2"]
    assert listed() == ["log.jsonl", "suggest.db"]


# --- databases ------------------------------------------------------------------------------------------


async def test_a_database_that_is_not_there_is_not_made(suggest: Suggest) -> None:
    result = await suggest("export", "-o", "log.jsonl")
    assert result.code == 2
    assert result.complaint.startswith("there is no database suggest.db: give --database FILE")
    await suggest("try", "Hello")
    assert (await suggest("export")).complaint.endswith("the demonstration's is --database suggest-demo.db")
    assert listed() == ["suggest-demo.db"]


async def test_an_empty_file_stays_empty(suggest: Suggest) -> None:
    write("suggest.db")
    result = await suggest("export")
    assert result.code == 2
    assert result.complaint.startswith("suggest.db holds no choice log")
    assert size("suggest.db") == 0


@pytest.mark.parametrize("found", ["0000", "9999"])
async def test_a_database_of_another_version_is_not_read(found: str, suggest: Suggest) -> None:
    await record_some(1)
    connection = sqlite3.connect("suggest.db")
    connection.execute("UPDATE alembic_version SET version_num = ?", (found,))
    connection.commit()
    connection.close()
    result = await suggest("export")
    assert result.code == 1
    told = f"suggest.db has the schema {found}, not {get_head()}: run `suggest migrate"
    assert result.complaint == f"{told}`"
    named = await suggest("export", "--database", "suggest.db")
    assert named.complaint == f"{told} --database suggest.db`"


async def test_an_export_needs_no_other_setting_to_be_right(suggest: Suggest, monkeypatch: pytest.MonkeyPatch) -> None:
    await record_some(1)
    monkeypatch.setenv("SLACK_BOT_TOKEN", "wrong")
    assert (await suggest("export", "--database", "suggest.db")).code == 0


async def test_who_exported_what_is_noted(suggest: Suggest) -> None:
    await record_some(2)
    await suggest("export", "--since", "2026-11-23", "--team", "T1", "--format", "csv", "-o", "log.csv")
    assert await audited("suggest.db") == [
        (
            "cli",
            "export",
            {
                "format": "csv",
                "since": "2026-11-23T00:00:00.000Z",
                "until": None,
                "team_id": "T1",
                "without_team": None,
                "channel_id": None,
                "agent_id": None,
                "comparison": None,
                "style": None,
                "kind": None,
                "include_simulated": False,
                "is_compared": False,
                "found_nothing": False,
                "pseudonymised": False,
                "requests": 1,
            },
        )
    ]


async def test_where_an_export_cannot_be_noted_nothing_leaves(suggest: Suggest) -> None:
    await record_some(1)
    blocker = sqlite3.connect("suggest.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    try:
        result = await suggest("export")
    finally:
        blocker.close()
    assert result.code == 1
    assert result.out == ""
    assert result.complaint == (
        "the database suggest.db cannot be used (database is locked): "
        "another program is writing to it; try again in a moment"
    )


async def test_an_export_goes_on_while_others_write(suggest: Suggest) -> None:
    await record_some(600)
    stop = asyncio.Event()

    async def write() -> int:
        number = 10_000
        async with open_records("sqlite:///suggest.db") as records:
            while not stop.is_set():
                number += 1
                await records.requests.record(request_of(number, created_at=START), idempotency_key=f"k{number}")
        return number - 10_000

    writing = asyncio.create_task(write())
    results = [await suggest("export", "-o", "log.jsonl") for _ in range(3)]
    stop.set()
    assert await writing > 10
    assert [result.code for result in results] == [0, 0, 0], results
    exported = ids(read("log.jsonl"))
    assert len(exported) == len(set(exported))
    assert {f"r{number}" for number in range(1, 601)} <= set(exported)


def test_memory_stays_flat_however_long_the_log_is(tmp_path: Path) -> None:
    asyncio.run(fill(12_000))
    peaks = []
    for until in (START + timedelta(seconds=2_000), START + timedelta(seconds=12_000)):
        wanted = ExportJob(selection=Selection(until=until), output=tmp_path / "log.jsonl")
        tracemalloc.start()
        export_log(Location.of_file(Path("suggest.db")), wanted)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert (tmp_path / "log.jsonl").stat().st_size > 12_000_000
    assert peaks[1] < peaks[0] * 1.2 + 500_000


async def fill(count: int, file: str = "suggest.db", **changes: Any) -> None:
    """Many requests of 1 KB, a second apart, at once."""
    from sqlalchemy import insert

    from storage.rows import to_row
    from storage.tables import requests

    row = to_row(request_of(0, conversation=(Turn(role="customer", text="x" * 500),), **changes))
    rows = [row | {"id": f"r{n}", "created_at": START + timedelta(seconds=n)} for n in range(1, count + 1)]
    async with open_records(f"sqlite:///{file}") as records, records.database.write() as connection:
        await connection.execute(insert(requests), rows)
