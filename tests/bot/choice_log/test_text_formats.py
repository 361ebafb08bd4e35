"""The choice log as text: every field, in the documented order, with true values."""

import csv
import io
import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.choice_log import (
    CANDIDATE_FIELDS,
    CHOICE_FIELDS,
    CSV_HEADER,
    EVENT_FIELDS,
    REQUEST_FIELDS,
    to_json_line,
)
from bot.choice_log.fields import FIELDS
from bot.choice_log.formats.csv import CsvEncoder
from bot.drafting import DraftFailed
from storage.queries.export_rows import to_raw_entry
from storage.records import Choice, Event, LogEntry, ResponseUrl, Turn
from tests.bot.desk import PLAYBOOK, Desk, make_draft
from tests.storage.stores import AT, a_choice, a_request, after, some_candidates

SECRET = "https://hooks.slack.com/secret"

# The documented example, field by field: a change here is a change of the public contract.
DOCUMENTED = {
    "request": """id team_id channel_id thread_ts agent_id surface locale created_at shown_at status hint k_requested
        prompt_version ranker_version policy policy_params order_propensity parent_request_id
        parent_candidate_id steer steer_language simulated app_version conversation task input_row input
        comparison experiment arm arm_propensity retrieved""",
    "candidates": """id sample_index position style model model_returned temperature text error dropped_reason
        duplicate_of shown_at latency_ms attempts finish_reason prompt_tokens completion_tokens mean_logprob score
        first_propensity inclusion_propensity sources side style_version""",
    "choice": """id kind candidate_id final_text reason edit_similarity agent_id chosen_at decision_ms
        visible_candidate_ids retracted_at note""",
    "events": "type at agent_id candidate_id data",
}


async def record_decided(desk: Desk) -> LogEntry:
    """A request with a draft that failed, one that was hidden, two that were shown, and an edited choice."""
    response_url = ResponseUrl(url=SECRET, expires_at=after(minutes=30))
    entry = await desk.show(
        make_draft("We look into it.", mean_logprob=-0.25),
        DraftFailed("refused", attempts=1, latency_ms=40),
        "Something else entirely.",
        "we look into it",
        response_url=response_url,
        thread_ts="1700000000.000100",
        hint="short",
    )
    desk.clock.tick(5.4)
    await desk.make_chooser().edit(desk.make_click(), entry.candidates[0].id, "We looked into it.")
    return (await desk.store.entries())[0]


async def test_every_documented_field_is_there_in_its_place(desk: Desk) -> None:
    line = json.loads(to_json_line(await record_decided(desk)))
    assert list(line) == ["schema", "request", "candidates", "choice", "events"]
    assert line["schema"] == "choice-log/1"
    for part, names in DOCUMENTED.items():
        objects = line[part] if isinstance(line[part], list) else [line[part]]
        assert objects
        for found in objects:
            assert list(found) == names.split()


async def test_the_values_are_true(desk: Desk) -> None:
    entry = await record_decided(desk)
    line = json.loads(to_json_line(entry))
    used, failed, other, hidden = line["candidates"]
    assert line["request"] == {
        "id": entry.request.id,
        "team_id": "T1",
        "channel_id": "C1",
        "thread_ts": "1700000000.000100",
        "agent_id": "U1",
        "surface": "slash",
        "locale": "en-US",
        "created_at": "2026-11-22T10:00:00.000Z",
        "shown_at": "2026-11-22T10:00:02.000Z",
        "status": "shown",
        "hint": "short",
        "k_requested": 4,
        "prompt_version": PLAYBOOK.prompt_version,
        "ranker_version": None,
        "policy": "uniform",
        "policy_params": {},
        "order_propensity": 0.5,
        "parent_request_id": None,
        "parent_candidate_id": None,
        "steer": None,
        "steer_language": None,
        "simulated": False,
        "app_version": "0.1.0",
        "conversation": [{"role": "customer", "text": "Where is my order?"}],
        "task": "reply",
        "input_row": None,
        "input": None,
        "comparison": None,
        "experiment": None,
        "arm": None,
        "arm_propensity": None,
        "retrieved": None,
    }
    assert used == {
        "id": entry.candidates[0].id,
        "sample_index": 0,
        "position": entry.candidates[0].position,
        "style": entry.candidates[0].style,
        "model": "gpt-4o-mini",
        "model_returned": "gpt-4o-mini-2024",
        "temperature": 0.7,
        "text": "We look into it.",
        "error": None,
        "dropped_reason": None,
        "duplicate_of": None,
        "shown_at": "2026-11-22T10:00:02.000Z",
        "latency_ms": 812,
        "attempts": 1,
        "finish_reason": "stop",
        "prompt_tokens": 210,
        "completion_tokens": 64,
        "mean_logprob": -0.25,
        "score": None,
        "first_propensity": 0.5,
        "inclusion_propensity": 0.8,
        "sources": [],
        "side": None,
        "style_version": {style.name: style.version for style in PLAYBOOK.styles}[entry.candidates[0].style],
    }
    assert {used["position"], other["position"]} == {1, 2}
    assert (failed["error"], failed["text"], failed["position"], failed["shown_at"]) == ("refused", None, None, None)
    assert (hidden["dropped_reason"], hidden["duplicate_of"]) == ("near_duplicate", used["id"])
    assert line["choice"] == {
        "id": entry.choice.id if entry.choice else None,
        "kind": "edited",
        "candidate_id": used["id"],
        "final_text": "We looked into it.",
        "reason": None,
        "edit_similarity": 1 - 2 / 18,
        "agent_id": "U1",
        "chosen_at": "2026-11-22T10:00:07.400Z",
        "decision_ms": 5400,
        "visible_candidate_ids": [c["id"] for c in sorted((used, other), key=lambda c: c["position"])],
        "retracted_at": None,
        "note": None,
    }
    assert [event["type"] for event in line["events"]] == ["shown", "edited"]
    assert line["events"][0] == {
        "type": "shown",
        "at": "2026-11-22T10:00:02.000Z",
        "agent_id": "U1",
        "candidate_id": None,
        "data": {},
    }


async def test_no_secret_is_exported(desk: Desk) -> None:
    entry = await record_decided(desk)
    assert entry.request.response_url == SECRET
    assert "hooks.slack.com" not in to_json_line(entry) + to_csv_lines(entry)


async def test_an_undone_choice_is_in_the_events_only(desk: Desk) -> None:
    entry = await record_decided(desk)
    await desk.make_chooser().undo(desk.make_click(), entry.request.id)
    line = json.loads(to_json_line((await desk.store.entries())[0]))
    assert line["choice"] is None
    assert line["events"][-1]["data"]["choice"]["final_text"] == "We looked into it."
    assert [*line["events"][-1]["data"]["choice"], "note"] == DOCUMENTED["choice"].split()


def make_entry(text: str, *, choice: Choice | None = None, how_many: int = 1, **candidate: Any) -> LogEntry:
    return LogEntry(
        request=a_request(hint=text, conversation=(Turn(role="customer", text=text), Turn(role="agent", text="Yes?"))),
        candidates=some_candidates(how_many=how_many, text=text, **candidate),
        choice=choice,
        events=(Event(request_id="r1", type="stale_warned", at=AT, data={"text": text}),),
    )


ANY = st.text(st.characters(exclude_categories=["Cs"]))


@given(text=st.one_of(ANY, st.text("\n\r\t\u2028\u0085\"',;=x")))
def test_a_request_is_one_line_of_json_whatever_is_in_it(text: str) -> None:
    line = to_json_line(make_entry(text, choice=a_choice(final_text=text)))
    assert line.endswith("\n")
    assert "\n" not in line[:-1]
    assert "\r" not in line
    read = json.loads(line)
    assert read["request"]["hint"] == read["candidates"][0]["text"] == read["choice"]["final_text"] == text
    assert read["request"]["conversation"][0] == {"role": "customer", "text": text}
    assert read["events"][0]["data"] == {"text": text}


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_what_json_cannot_say_is_null(odd: float) -> None:
    """Some servers give a log-probability of minus infinity."""
    line = to_json_line(make_entry("x", mean_logprob=odd))
    read = json.loads(line, parse_constant=pytest.fail)
    assert read["candidates"][0]["mean_logprob"] is None


# --- CSV ------------------------------------------------------------------------------------------------


def to_csv_lines(entry: LogEntry) -> str:
    return CsvEncoder.for_spreadsheets().encode(to_raw_entry(entry, FIELDS))


def read_rows(entry: LogEntry) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(CsvEncoder.encode_header() + to_csv_lines(entry), newline=""), strict=True))


def test_the_header_names_every_field() -> None:
    assert next(csv.reader([CsvEncoder.encode_header()])) == list(CSV_HEADER)
    assert len(set(CSV_HEADER)) == len(REQUEST_FIELDS) + len(CANDIDATE_FIELDS) + len(CHOICE_FIELDS)
    assert tuple(DOCUMENTED["events"].split()) == EVENT_FIELDS


def test_a_row_a_candidate_with_its_request_and_its_choice() -> None:
    rows = read_rows(make_entry("hello", how_many=2, choice=a_choice("r1", "edited", decision_ms=0)))
    assert [row["candidate_sample_index"] for row in rows] == ["0", "1"]
    assert {row["choice_kind"] for row in rows} == {"edited"}
    assert {row["choice_decision_ms"] for row in rows} == {"0"}
    assert {row["request_created_at"] for row in rows} == {"2026-11-22T10:00:00.000Z"}
    assert {row["request_simulated"] for row in rows} == {"false"}
    assert {row["request_thread_ts"] for row in rows} == {""}
    assert json.loads(rows[0]["request_conversation"])[0] == {"role": "customer", "text": "hello"}
    assert json.loads(rows[0]["request_policy_params"]) == {}
    assert json.loads(rows[0]["choice_visible_candidate_ids"]) == ["r1-c2", "r1-c1", "r1-c0"]


def test_a_request_without_candidates_has_a_row_too() -> None:
    [row] = read_rows(replace(make_entry("hello"), candidates=()))
    assert row["request_id"] == "r1"
    assert row["candidate_id"] == row["choice_id"] == ""


@given(text=st.one_of(ANY, st.text("=+-@\t\r\n\"',;x＝")))
def test_any_text_survives_csv_and_none_runs_as_a_formula(text: str) -> None:
    [row] = read_rows(make_entry(text, choice=a_choice(final_text=text)))
    for name in ("request_hint", "candidate_text", "choice_final_text"):
        cell = row[name]
        assert cell in {text, f"'{text}"}
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))


def test_a_negative_number_stays_a_number() -> None:
    [row] = read_rows(make_entry("x", mean_logprob=-0.25))
    assert row["candidate_mean_logprob"] == "-0.25"
