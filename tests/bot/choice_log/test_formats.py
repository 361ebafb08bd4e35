"""Every form of export, read with the library that it is for."""

import csv
import io
import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, get_args, get_type_hints

import datasets
import duckdb
import jsonschema
import pyarrow.parquet as pq
import pytest
import vowpalwabbit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.choice_log import InvalidLine, read_line, to_json_line
from bot.choice_log.export_format import ExportOptions, PairKind
from bot.choice_log.fields import CANDIDATE_FIELDS, CHOICE_FIELDS, EVENT_FIELDS, FIELDS, REQUEST_FIELDS
from bot.choice_log.formats.csv import CsvEncoder
from bot.choice_log.formats.registry import open_writer
from bot.choice_log.preferences import find_pairs
from bot.choice_log.pseudonyms import Pseudonyms
from storage.fields import list_logged
from storage.queries.export_rows import EntryReader, to_raw_entry
from storage.records import Candidate, Choice, Event, LogEntry, Request, Turn
from tests.bot.entries import entries
from tests.storage.stores import a_choice, a_request, after

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/choice-log.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def make_candidate(position: int | None, text: str | None = None, **changes: Any) -> Candidate:
    values = {
        "id": f"c{position}",
        "request_id": "r1",
        "sample_index": position or 0,
        "position": position,
        "style": "warm",
        "model": "m",
        "text": text if text is not None else f"Reply {position}",
        "first_propensity": 0.25,
        "inclusion_propensity": 0.5,
    }
    return Candidate(**(values | changes))


def make_chosen(position: int | None, *, final_text: str | None = None, **changes: Any) -> LogEntry:
    """Three shown, and the one at this place chosen, changed if it was sent as another text; none if dismissed."""
    drafts = tuple(make_candidate(place) for place in (2, 3, 1))
    kind = "dismissed" if position is None else "edited" if final_text else "used"
    choice = a_choice(
        "r1",
        kind,
        candidate_id=position and f"c{position}",
        final_text=None if position is None else final_text or f"Reply {position}",
        visible_candidate_ids=("c1", "c2", "c3"),
    )
    request = a_request("r1", order_propensity=1 / 6, **changes)
    return LogEntry(request=request, candidates=drafts, choice=choice)


def make_undecided(status: Any = "shown") -> LogEntry:
    return LogEntry(
        request=a_request("r1", status=status), candidates=(make_candidate(1), make_candidate(2)), choice=None
    )


def write_format(name: str, *found: LogEntry, **wish: Any) -> tuple[bytes, dict[str, int]]:
    file = io.BytesIO()
    form = open_writer(ExportOptions(name=name, **wish), file)
    for entry in found:
        form.write(to_raw_entry(entry, FIELDS))
    form.close()
    return file.getvalue(), dict(form.left_out)


def write_lines(name: str, *found: LogEntry, **wish: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in write_format(name, *found, **wish)[0].splitlines()]


def load_dataset(content: bytes, tmp_path: Path) -> list[dict[str, Any]]:
    """By `datasets`, offline."""
    (tmp_path / "file.jsonl").write_bytes(content)
    found = datasets.load_dataset(
        "json", data_files=str(tmp_path / "file.jsonl"), split="train", cache_dir=str(tmp_path / "cache")
    )
    return list(found)


# --- the log --------------------------------------------------------------------------------------------


@given(entries())
def test_every_line_is_what_the_schema_says(entry: LogEntry) -> None:
    VALIDATOR.validate(json.loads(to_json_line(entry)))


@given(entries())
def test_rows_are_records_again(entry: LogEntry) -> None:
    assert EntryReader(FIELDS).read(to_raw_entry(entry, FIELDS)) == entry


def test_the_schema_has_every_field_and_every_word() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    parts = {"request": REQUEST_FIELDS, "candidate": CANDIDATE_FIELDS, "choice": CHOICE_FIELDS, "event": EVENT_FIELDS}
    records = {"request": Request, "candidate": Candidate, "choice": Choice, "event": Event}
    for part, names in parts.items():
        assert tuple(SCHEMA["$defs"][part]["properties"]) == names
        new = {each.name for each in list_logged(records[part]) if each.logged is not None and each.logged.is_new}
        assert SCHEMA["$defs"][part]["required"] == [name for name in names if name not in new]
        for name, rule in SCHEMA["$defs"][part]["properties"].items():
            if "enum" in rule:
                words = str(get_type_hints(records[part])[name])
                assert all(repr(word) in words for word in rule["enum"] if word), (part, name)


@pytest.mark.parametrize(
    "line",
    [
        {"schema": "choice-log/2"},
        {"schema": "choice-log/1"},
        json.loads(to_json_line(make_chosen(1))) | {"choice": {}},
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(line: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(line)
    with pytest.raises(InvalidLine):
        read_line(json.dumps(line))


# --- csv ------------------------------------------------------------------------------------------------


@given(entries())
def test_csv_says_the_same_as_json(entry: LogEntry) -> None:
    content = CsvEncoder.encode_header() + CsvEncoder.verbatim().encode(to_raw_entry(entry, FIELDS))
    rows = list(csv.DictReader(io.StringIO(content, newline=""), strict=True))
    line = json.loads(to_json_line(entry))
    assert len(rows) == max(1, len(entry.candidates))
    for row, candidate in zip(rows, line["candidates"], strict=False):
        for prefix, part in (
            ("request_", line["request"]),
            ("candidate_", candidate),
            ("choice_", line["choice"] or {}),
        ):
            for name, value in part.items():
                assert is_same_cell(row[prefix + name], value), (prefix, name)


def is_same_cell(cell: str, value: Any) -> bool:
    if value is None or isinstance(value, str):
        return cell == (value or "")
    return bool(json.loads(cell) == value)


def test_raw_csv_keeps_formulas() -> None:
    entry = make_chosen(1, final_text="=1+1")
    assert b'"=1+1"' in write_format("csv", entry, cells="raw")[0]
    assert b'"\'=1+1"' in write_format("csv", entry)[0]


# --- parquet --------------------------------------------------------------------------------------------


@given(st.lists(entries(), max_size=3))
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=40, deadline=None)
def test_parquet_holds_the_same_values_typed(found: list[LogEntry]) -> None:
    content, _ = write_format("parquet", *found)
    rows = pq.read_table(io.BytesIO(content)).to_pylist()
    assert len(rows) == len(found)
    for row, entry in zip(rows, found, strict=True):
        line = json.loads(to_json_line(entry))
        expected = line["request"] | {name: line[name] for name in ("candidates", "choice", "events")}
        assert to_plain(row) == expected


FREE_FORM = {"policy_params", "sources", "data", "input", "retrieved"}


def to_plain(value: Any, name: str = "") -> Any:
    """As JSON has it."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
    if isinstance(value, dict):
        return {name: to_plain(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [to_plain(item) for item in value]
    return json.loads(value) if name in FREE_FORM and value is not None else value


def test_duckdb_reads_parquet_by_the_documented_query(tmp_path: Path) -> None:
    path = tmp_path / "choices.parquet"
    path.write_bytes(write_format("parquet", *(make_chosen(position) for position in (1, None, 3)))[0])
    document = (Path(__file__).parents[3] / "docs/exports.md").read_text(encoding="utf-8")
    query = document.split("```sql\n")[1].split("```")[0].replace("choices.parquet", str(path))
    found = duckdb.sql(query)
    assert {"request_id", "kind", "id", "position", "style"} <= set(found.columns)
    assert len(found.fetchall()) == 9
    types = dict(duckdb.sql(f"SELECT column_name, column_type FROM (DESCRIBE FROM '{path}')").fetchall())
    assert types["created_at"] == "TIMESTAMP WITH TIME ZONE"
    assert types["order_propensity"] == "DOUBLE"
    assert types["simulated"] == "BOOLEAN"
    assert types["candidates"].startswith("STRUCT(id VARCHAR, sample_index INTEGER")
    chosen_kinds = duckdb.sql(f"SELECT choice.kind, count(*) FROM '{path}' GROUP BY 1 ORDER BY 1").fetchall()
    assert chosen_kinds == [("dismissed", 1), ("used", 2)]


def test_an_empty_parquet_file_has_its_columns() -> None:
    table = pq.read_table(io.BytesIO(write_format("parquet")[0]))
    assert table.num_rows == 0
    assert table.column_names == [*REQUEST_FIELDS, "candidates", "choice", "events"]


# --- preferences ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kinds", "entry", "expected"),
    [
        (["skip_above"], make_chosen(1), []),
        (["skip_above"], make_chosen(3), [("Reply 3", "Reply 1", 1.0), ("Reply 3", "Reply 2", 1.0)]),
        (["skip_above"], make_chosen(2, final_text="Mine"), [("Reply 2", "Reply 1", 1.0)]),
        (["edited"], make_chosen(2), []),
        (["edited"], make_chosen(2, final_text="Mine"), [("Mine", "Reply 2", 1.0)]),
        (["all_shown"], make_chosen(1), [("Reply 1", "Reply 2", 0.5), ("Reply 1", "Reply 3", 0.5)]),
        (
            ["edited", "skip_above"],
            make_chosen(2, final_text="!"),
            [("!", "Reply 2", 1.0), ("Reply 2", "Reply 1", 1.0)],
        ),
        (["skip_above", "edited", "all_shown"], make_chosen(None), []),
        (["skip_above", "edited", "all_shown"], make_undecided(), []),
    ],
)  # fmt: skip
def test_pairs_follow_the_rules(kinds: list[PairKind], entry: LogEntry, expected: list[Any]) -> None:
    found = [(pair.preferred, pair.rejected, pair.weight) for pair in find_pairs(entry, kinds)]
    assert found == expected


def test_failed_hidden_and_equal_candidates_make_no_pair() -> None:
    entry = make_chosen(3)
    drafts = (
        make_candidate(1, "Reply 3"),
        make_candidate(None, id="failed", error="refused"),
        make_candidate(None, id="hidden", dropped_reason="near_duplicate"),
        make_candidate(3),
    )
    entry = LogEntry(request=entry.request, candidates=drafts, choice=entry.choice)
    assert find_pairs(entry, list(get_args(PairKind))) == []


def test_only_what_was_before_the_agents_eyes_counts() -> None:
    """A reply that had its place, but was not visible yet, was passed by by nobody."""
    entry = make_chosen(3)
    assert entry.choice is not None
    early = LogEntry(
        request=entry.request,
        candidates=entry.candidates,
        choice=replace(entry.choice, visible_candidate_ids=("c2", "c3")),
    )
    assert [pair.rejected for pair in find_pairs(early, ["skip_above"])] == ["Reply 2"]
    assert [pair.rejected for pair in find_pairs(early, ["all_shown"])] == ["Reply 2"]
    assert write_format("vw", early) == (b"", {"decided before all drafts were shown": 1})


def test_trl_pairs_load_with_their_provenance(tmp_path: Path) -> None:
    turns = (
        Turn(role="customer", text="Where?"),
        Turn(role="agent", text="Which one?"),
        Turn(role="customer", text="2"),
    )
    entry = make_chosen(2, conversation=turns, hint="be brief", prompt_version="p1", ranker_version=None)
    content, left_out = write_format("trl", entry, make_chosen(None))
    assert left_out == {"without a pair": 1}
    row, other = load_dataset(content, tmp_path)
    assert other["rejected"] == [{"role": "assistant", "content": "Reply 3"}]
    assert row["prompt"] == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "Where?"},
        {"role": "assistant", "content": "Which one?"},
        {"role": "user", "content": "2"},
    ]
    assert row["chosen"] == [{"role": "assistant", "content": "Reply 2"}]
    assert row["rejected"] == [{"role": "assistant", "content": "Reply 1"}]
    assert row["provenance"] == {
        "request_id": "r1",
        "rejected_request_id": "r1",
        "pair": "all_shown",
        "weight": 0.5,
        "draw_weight": 1.0,
        "order_weight": 1.0,
        "order_logged": True,
        "kept": 1.0,
        "seed": 0,
        "draw": 1,
        "chosen_candidate_id": "c2",
        "rejected_candidate_id": "c1",
        "chosen_position": 2,
        "rejected_position": 1,
        "chosen_first_propensity": 0.25,
        "rejected_first_propensity": 0.25,
        "chosen_inclusion_propensity": 0.5,
        "rejected_inclusion_propensity": 0.5,
        "order_propensity": 1 / 6,
        "policy": "uniform",
        "prompt_version": "p1",
        "ranker_version": "",
    }


def test_kto_labels_what_was_sent_and_what_was_refused(tmp_path: Path) -> None:
    content, left_out = write_format(
        "kto", make_chosen(2, final_text="Mine"), make_chosen(None), make_undecided(), make_undecided("redrafted")
    )
    rows = load_dataset(content, tmp_path)
    assert [(row["completion"][0]["content"], row["label"]) for row in rows] == [
        ("Mine", True),
        ("Reply 1", False),
        ("Reply 2", False),
        ("Reply 3", False),
    ]
    assert [row["provenance"]["position"] for row in rows] == [2, 1, 2, 3]
    assert left_out == {"undecided": 2}


def test_openai_lines_have_the_fields_that_are_taken_and_no_other(tmp_path: Path) -> None:
    line, other = write_lines("openai", make_chosen(2))
    assert line == {
        "input": {"messages": [{"role": "user", "content": "Where is my order?"}]},
        "preferred_output": [{"role": "assistant", "content": "Reply 2"}],
        "non_preferred_output": [{"role": "assistant", "content": "Reply 1"}],
    }
    assert load_dataset(write_format("openai", make_chosen(2))[0], tmp_path) == [line, other]


def test_sft_lines_end_in_what_was_sent(tmp_path: Path) -> None:
    content, left_out = write_format("sft", make_chosen(2, final_text="Mine"), make_chosen(None), make_undecided())
    [row] = load_dataset(content, tmp_path)
    assert row == {
        "messages": [{"role": "user", "content": "Where is my order?"}, {"role": "assistant", "content": "Mine"}]
    }
    assert left_out == {"without a chosen reply": 2}


@pytest.mark.parametrize("name", ["trl", "kto", "openai", "sft"])
def test_a_request_whose_texts_are_gone_is_counted(name: str) -> None:
    entry = make_chosen(2, conversation=())
    assert write_format(name, entry) == (b"", {"without their texts": 1})


# --- Vowpal Wabbit --------------------------------------------------------------------------------------


def test_vw_learns_from_every_example() -> None:
    found = [make_chosen(1), make_chosen(2), make_chosen(None), make_undecided("redrafted")]
    content, left_out = write_format("vw", *found, make_undecided(), make_chosen(None, id="x"))
    assert left_out == {"undecided": 1}
    workspace = vowpalwabbit.Workspace("--cb_adf --quiet")
    examples = [block.split("\n") for block in content.decode().split("\n\n") if block]
    assert [len(block) for block in examples] == [4, 4, 4, 3, 4]
    for block in examples:
        workspace.learn(workspace.parse(block, vowpalwabbit.LabelType.CONTEXTUAL_BANDIT))
    labels = [workspace.parse(block, vowpalwabbit.LabelType.CONTEXTUAL_BANDIT)[1].get_label(
        vowpalwabbit.LabelType.CONTEXTUAL_BANDIT).costs for block in examples]  # fmt: skip
    assert [(costs[0].cost, costs[0].probability) for costs in labels] == [
        (-1, 0.25), (0, 0.25), (0, 0.25), (0, 0.25), (0, 0.25)
    ]  # fmt: skip
    workspace.finish()


def test_requests_without_propensities_are_left_out_of_vw_and_counted() -> None:
    entry = make_chosen(1)
    drafts = tuple(make_candidate(place, first_propensity=None) for place in (1, 2, 3))
    bare = LogEntry(request=entry.request, candidates=drafts, choice=entry.choice)
    nothing = LogEntry(request=entry.request, candidates=(), choice=None)
    assert write_format("vw", bare, nothing) == (b"", {"without propensities": 1, "with nothing shown": 1})


@given(st.text())
def test_nothing_that_people_write_breaks_vw(text: str) -> None:
    entry = make_chosen(1, conversation=(Turn(role="customer", text=text),), surface="slash", locale="en-US")
    drafts = (make_candidate(1, text, style=text[:64], model=text), make_candidate(2, text))
    content, _ = write_format(
        "vw", LogEntry(request=entry.request, candidates=drafts, choice=None if not text else entry.choice)
    )
    if content:
        assert [line[:6] for line in content.decode().split("\n")][1:] == ["0:-1:0", "|s sty", "", ""]
        assert all(
            line.count("|") == count for line, count in zip(content.decode().split("\n"), (2, 4, 4), strict=False)
        )


# --- pseudonyms -----------------------------------------------------------------------------------------


@given(entries(), st.binary(min_size=16, max_size=32))
def test_pseudonyms_are_stable_and_change_nothing_else(entry: LogEntry, key: bytes) -> None:
    raw = to_raw_entry(entry, FIELDS)
    once, again = (EntryReader(FIELDS).read(Pseudonyms(key).replace_ids(raw)) for _ in range(2))
    assert once == again
    assert once.request.agent_id.startswith("agent-")
    assert once.request.team_id.startswith("team-")
    assert once.candidates == entry.candidates
    assert once.request.conversation == entry.request.conversation
    assert (once.request.thread_ts is None) == (entry.request.thread_ts is None)
    assert read_line(to_json_line(once)) == once


def test_pseudonyms_reach_into_the_facts_of_events() -> None:
    request = a_request("r1", agent_id="U7", channel_id="C7", thread_ts="17.1")
    data = {"choice": {"agent_id": "U7"}, "channel_id": "C7", "message_ts": ["17.1", None], "n": 1}
    happened = Event(request_id="r1", type="undone", at=after(seconds=1), agent_id="U7", data=data)
    raw = to_raw_entry(LogEntry(request=request, candidates=(), choice=None, events=(happened,)), FIELDS)
    made = EntryReader(FIELDS).read(Pseudonyms(b"a key of sixteen").replace_ids(raw))
    agent, channel, thread = made.request.agent_id, made.request.channel_id, made.request.thread_ts
    assert made.events[0].agent_id == agent
    assert made.events[0].data == {
        "choice": {"agent_id": agent},
        "channel_id": channel,
        "message_ts": [thread, None],
        "n": 1,
    }
    other = EntryReader(FIELDS).read(Pseudonyms(b"another key here").replace_ids(raw))
    assert other.request.agent_id != agent
