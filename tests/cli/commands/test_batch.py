"""`suggest batch` from outside: files in, files out, each draft paid once, whatever happens in between."""

import asyncio
import csv
import io
import json
import signal
from collections import Counter
from typing import Any

import pytest

from playground.model_server import Call, Hang, ModelDouble, Reply, bad_request
from tests.bot.drafting.briefs import answer_once_full
from tests.cli.conftest import Suggest
from tests.cli.files import delete, listed, read, write, write_bytes
from tests.cli.log import log_of
from tests.nursery import started

PRICES = '[models."gpt-4o-mini"]\nprompt = 0.0\ncompletion = 1000000.0\n'


@pytest.fixture
async def model(monkeypatch: pytest.MonkeyPatch) -> Any:
    async with ModelDouble.start(models=("gpt-4o-mini", "other")) as double:
        monkeypatch.setenv("OPENAI_BASE_URL", double.base_url)
        yield double


def write_rows(*messages: str, name: str = "in.jsonl") -> None:
    write(name, "".join(json.dumps({"message": each, "ticket": n}) + "\n" for n, each in enumerate(messages)))


def lines(name: str = "out.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in read(name).splitlines()]


def prompt_of(call: Call) -> str:
    return str(call.body["messages"][-1]["content"])


PLAIN_BOOK = 'persona = "You."\nknowledge = {use = false}\n[[styles]]\nname = "plain"\ninstruction = "Short."\n'

MANY = [f"Question number {n}?" for n in range(12)]


# --- what comes out ---------------------------------------------------------------------------------------


async def test_each_row_has_one_line_in_the_inputs_order(suggest: Suggest, model: ModelDouble) -> None:
    model.latency_s = (0.0, 0.05)
    write_rows(*MANY)
    result = await suggest("batch", "in.jsonl", "-o", "out.jsonl", "-k", "2", "--json")
    assert result.code == 0
    requests = [line["request"] for line in lines()]
    assert [request["input_row"] for request in requests] == list(range(1, 13))
    assert [request["input"] for request in requests] == [{"ticket": n} for n in range(12)]
    assert [request["conversation"][0]["text"] for request in requests] == MANY
    assert {request["surface"] for request in requests} == {"batch"}
    assert {request["status"] for request in requests} == {"drafted"}
    assert {request["policy"] for request in requests} == {"unlogged"}
    assert {request["order_propensity"] for request in requests} == {None}
    candidates = [candidate for line in lines() for candidate in line["candidates"]]
    blank = ("position", "shown_at", "first_propensity", "dropped_reason")
    assert {candidate[name] for candidate in candidates for name in blank} == {None}
    tally = result.json
    assert (tally["rows"], tally["drafts"], tally["failed_drafts"], tally["calls"]) == (12, 24, 0, 24)
    assert tally["refused"] == []
    assert tally["stopped"] is None
    assert tally["prompt_tokens"] == sum(candidate["prompt_tokens"] for candidate in candidates)


async def test_the_choice_log_has_what_the_file_has(suggest: Suggest, model: ModelDouble) -> None:
    write("in.jsonl", json.dumps({"message": "I am jane@example.com", "email": "jane@example.com"}))
    await suggest("batch", "in.jsonl", "-o", "out.jsonl")
    (line,), (recorded,) = lines(), await log_of("suggest.db")
    assert line["request"]["conversation"][0]["text"] == "I am [EMAIL_1]"
    assert line["request"]["input"] == {"email": "jane@example.com"}
    assert "jane@example.com" not in json.dumps(recorded)
    assert recorded["request"].pop("input") != line["request"].pop("input")
    assert recorded == line
    assert "jane@example.com" not in "".join(prompt_of(call) for call in model.calls)


@pytest.mark.parametrize("options", [(), ("--no-record",), ("--all-at-once",)])
async def test_rows_are_drafted_from_what_the_team_knows(
    suggest: Suggest, model: ModelDouble, options: tuple[str, ...]
) -> None:
    write("help.jsonl", json.dumps({"id": "returns", "title": "Returns", "text": "A lamp goes back in 30 days."}))
    assert (await suggest("knowledge", "add", "help.jsonl")).code == 0
    model.script("Within 30 days [1].")
    write_rows("May a lamp go back within 30 days?", "Quelle heure est-il ?")
    assert (await suggest("batch", "in.jsonl", "-o", "out.jsonl", "-k", "1", *options)).code == 0
    found, nothing = lines()
    assert [one["id"] for one in found["request"]["retrieved"]] == ["returns"]
    assert nothing["request"]["retrieved"] == []
    (candidate,) = found["candidates"]
    assert (candidate["text"], candidate["sources"][0]["cited"]) == ("Within 30 days.", True)
    assert sum("A lamp goes back in 30 days." in prompt_of(call) for call in model.calls) == 1
    assert [one["id"] for line in await log_of("suggest.db") for one in line["request"]["retrieved"]] == (
        [] if options == ("--no-record",) else ["returns"]
    )


async def test_a_playbook_may_draft_rows_without_knowledge(suggest: Suggest, model: ModelDouble) -> None:
    write("help.jsonl", json.dumps({"id": "returns", "title": "Returns", "text": "A lamp goes back in 30 days."}))
    await suggest("knowledge", "add", "help.jsonl")
    write("book.toml", PLAIN_BOOK)
    write_rows("May a lamp go back within 30 days?")
    await suggest("batch", "in.jsonl", "-o", "out.jsonl", "-k", "1", "--playbook", "book.toml")
    assert lines()[0]["request"]["retrieved"] is None
    assert "<knowledge>" not in prompt_of(model.calls[0])


async def test_a_row_that_is_gone_on_with_keeps_what_was_found_for_it(suggest: Suggest, model: ModelDouble) -> None:
    write("help.jsonl", json.dumps({"id": "returns", "title": "Returns", "text": "A lamp goes back in 30 days."}))
    await suggest("knowledge", "add", "help.jsonl")
    write_rows("May a lamp go back within 30 days?")
    await suggest("batch", "in.jsonl", "-o", "out.jsonl", "-k", "1")
    before = lines()
    await suggest("knowledge", "remove", "returns")
    delete("out.jsonl")
    assert (await suggest("batch", "in.jsonl", "-o", "out.jsonl", "-k", "1")).code == 0
    assert lines() == before
    assert len(model.calls) == 1


async def test_originals_stand_in_the_file_where_all_text_is_kept(
    suggest: Suggest, model: ModelDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUGGEST_STORE_TEXT", "full")
    model.script("We write to [EMAIL_1].")
    write_rows("I am jane@example.com, my password is hunter2hunter2")
    await suggest("batch", "in.jsonl", "-o", "out.jsonl", "-k", "1")
    (line,), (recorded,) = lines(), await log_of("suggest.db")
    assert line["candidates"][0]["text"] == "We write to jane@example.com."
    assert "jane@example.com" in line["request"]["conversation"][0]["text"]
    assert recorded == line
    assert "jane@example.com" not in prompt_of(model.calls[0])


async def test_without_texts_in_the_log_the_file_still_has_them(
    suggest: Suggest, model: ModelDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUGGEST_STORE_TEXT", "off")
    write_rows("I am jane@example.com")
    await suggest("batch", "in.jsonl", "-o", "out.jsonl", "-k", "1")
    (line,), (recorded,) = lines(), await log_of("suggest.db")
    assert line["request"]["conversation"][0]["text"] == "I am [EMAIL_1]"
    assert line["candidates"][0]["text"]
    assert recorded["candidates"][0]["text"] is None
    assert recorded["request"]["input"] is None


async def test_each_model_gets_the_same_styles_in_one_line_a_row(suggest: Suggest, model: ModelDouble) -> None:
    write_rows(*MANY[:4])
    command = ["batch", "in.jsonl", "-o", "out.jsonl", "-k", "2", "--model", "other", "--model", "gpt-4o-mini"]
    assert (await suggest(*command, "--no-record")).code == 0
    for line in lines():
        drafted = [(candidate["model"], candidate["style"]) for candidate in line["candidates"]]
        assert [name for name, _ in drafted] == ["other", "other", "gpt-4o-mini", "gpt-4o-mini"]
        assert [style for _, style in drafted[:2]] == [style for _, style in drafted[2:]]
    assert "suggest.db" not in listed()


async def test_named_styles_are_taken_in_their_order(suggest: Suggest, model: ModelDouble) -> None:
    write_rows("a", "b")
    await suggest("batch", "in.jsonl", "-o", "out.jsonl", "--styles", "warm,direct")
    assert [[each["style"] for each in line["candidates"]] for line in lines()] == [["warm", "direct"]] * 2


async def test_a_conversation_is_taken_as_it_is(suggest: Suggest, model: ModelDouble) -> None:
    turns = [{"role": "customer", "text": "Hi"}, {"role": "agent", "text": "Yes?"}, {"role": "customer", "text": "Why"}]
    write("in.jsonl", json.dumps({"conversation": turns, "id": 1}))
    assert (await suggest("batch", "in.jsonl", "-o", "out.jsonl")).code == 0
    assert lines()[0]["request"]["conversation"] == turns
    assert lines()[0]["request"]["input"] == {"id": 1}


async def test_a_template_shows_the_model_its_keys_and_no_others(suggest: Suggest, model: ModelDouble) -> None:
    rows = [{"product": "lamp {{secret}}", "price": 12.5, "secret": "xyzzy"}, {"product": "", "price": 3}]
    write("in.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    message = "Write about {{product}} for {{ price }}."
    assert (await suggest("batch", "in.jsonl", "-o", "out.jsonl", "--message", message, "-k", "1")).code == 0
    texts = [line["request"]["conversation"][0]["text"] for line in lines()]
    assert texts == ["Write about lamp {{secret}} for 12.5.", "Write about  for 3."]
    assert "xyzzy" not in "".join(prompt_of(call) for call in model.calls)
    assert lines()[0]["request"]["input"] == rows[0]


async def test_lines_go_to_stdout_without_a_file(suggest: Suggest, model: ModelDouble) -> None:
    write_rows(*MANY[:3])
    result = await suggest("batch", "in.jsonl", "-k", "1", "--json")
    *entries, tally = [json.loads(line) for line in result.out.splitlines()]
    assert [entry["request"]["input_row"] for entry in entries] == [1, 2, 3]
    assert tally["drafts"] == 3
    assert listed() == ["in.jsonl", "suggest.db"]


async def test_rows_come_from_stdin_too(suggest: Suggest, model: ModelDouble) -> None:
    with started(
        "batch", "-", "-o", "out.jsonl", "-k", "1", stdin=b'{"message": "Hi"}\n\n{"message": "Ho"}'
    ) as running:
        assert await asyncio.to_thread(running.wait, 120) == 0
    assert [line["request"]["input_row"] for line in lines()] == [1, 3]


async def test_csv_has_the_inputs_columns_before_those_of_the_log(suggest: Suggest, model: ModelDouble) -> None:
    write("in.csv", 'ticket,message\r\n7,"Where, please?"\r\n8,"Two\nlines"\r\n')
    assert (await suggest("batch", "in.csv", "-o", "out.csv", "-k", "2")).code == 0
    records = list(csv.DictReader(io.StringIO(read("out.csv"), newline="")))
    assert [(each["ticket"], each["message"]) for each in records] == [("7", "Where, please?")] * 2 + [
        ("8", "Two\nlines")
    ] * 2
    assert [each["request_input_row"] for each in records] == ["1", "1", "2", "2"]
    assert [each["candidate_sample_index"] for each in records] == ["0", "1", "0", "1"]
    assert all(each["candidate_text"] and each["candidate_model"] for each in records)
    assert not [name for name in records[0] if name.startswith("choice_")]
    exported = (await suggest("export", "--format", "csv")).out.splitlines()[0].split(",")
    assert list(records[0])[2:] == [name for name in exported if not name.startswith("choice_")]


async def test_import_takes_a_file_back(suggest: Suggest, model: ModelDouble) -> None:
    model.answer_when(lambda call: "Question number 1?" in prompt_of(call), bad_request())
    write_rows(*MANY[:3])
    await suggest("batch", "in.jsonl", "-o", "out.jsonl")
    assert "0 requests imported; 3 were there already" in (await suggest("import", "out.jsonl")).err
    fresh = await suggest("import", "out.jsonl", "--database", "fresh.db")
    assert "3 requests imported" in fresh.err
    assert await log_of("fresh.db") == await log_of("suggest.db")


async def test_a_sample_is_the_same_each_time_and_in_order(suggest: Suggest, model: ModelDouble) -> None:
    write_rows(*[f"Row {n}" for n in range(40)])
    drawn = []
    for seed in ("1", "1", "2"):
        result = await suggest("batch", "in.jsonl", "-k", "1", "--sample", "5", "--seed", seed, "--no-record")
        drawn.append([json.loads(line)["request"]["input_row"] for line in result.out.splitlines()])
    assert drawn[0] == drawn[1] == sorted(drawn[0])
    assert len(drawn[0]) == 5
    assert drawn[2] != drawn[0]


@pytest.mark.parametrize("mode", [[], ["--all-at-once"]], ids=["as completed", "all at once"])
async def test_no_more_calls_run_than_are_allowed(suggest: Suggest, model: ModelDouble, mode: list[str]) -> None:
    answer_once_full(model, 4)
    write_rows(*MANY)
    result = await suggest("batch", "in.jsonl", "-o", "out.jsonl", "-k", "3", "--max-concurrency", "4", *mode)
    assert result.code == 0
    assert model.peak_in_flight == 4
    assert model.total == 36
    assert [line["request"]["input_row"] for line in lines()] == list(range(1, 13))


# --- going on ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [[], ["--all-at-once"]], ids=["as completed", "all at once"])
@pytest.mark.parametrize("name", ["out.jsonl", "out.csv"])
async def test_a_killed_run_goes_on_and_pays_no_finished_draft_twice(
    suggest: Suggest, model: ModelDouble, mode: list[str], name: str
) -> None:
    model.latency_s = (0.01, 0.06)
    write_rows(*MANY)
    command = ["batch", "in.jsonl", "-o", name, "-k", "3", "--max-concurrency", "4", *mode]
    for calls in (9, 23):
        with started(*command) as running:
            await model.wait_calls(calls)
            running.send_signal(signal.SIGKILL)
            running.wait()
        await model.wait_idle()
    result = await suggest(*command)
    assert result.code == 0
    asked = Counter(prompt_of(call) for call in model.calls)
    assert len(asked) == 36
    assert model.total <= 36 + 2 * 4, "only what was in flight is asked for again"
    whole = await suggest("batch", "in.jsonl", "-k", "3", "--no-record")
    if name.endswith(".jsonl"):
        assert [line["request"]["input_row"] for line in lines()] == list(range(1, 13))
        texts = [[each["text"] for each in json.loads(line)["candidates"]] for line in whole.out.splitlines()]
        assert [[each["text"] for each in line["candidates"]] for line in lines()] == texts
    else:
        rows = [int(each["request_input_row"]) for each in csv.DictReader(io.StringIO(read(name), newline=""))]
        assert rows == [row for row in range(1, 13) for _ in range(3)]
    recorded = [entry["request"]["input_row"] for entry in await log_of("suggest.db")]
    assert sorted(recorded) == list(range(1, 13))


async def test_a_finished_run_asks_nothing_more(suggest: Suggest, model: ModelDouble) -> None:
    write_rows(*MANY[:3])
    await suggest("batch", "in.jsonl", "-o", "out.jsonl")
    before = read("out.jsonl")
    again = await suggest("batch", "in.jsonl", "-o", "out.jsonl", "--json")
    assert again.code == 0
    assert again.json["calls"] == 0
    assert again.json["drafts"] == 9
    assert read("out.jsonl") == before
    assert model.total == 9


async def test_a_lost_output_is_written_again_from_the_journal(suggest: Suggest, model: ModelDouble) -> None:
    write_rows(*MANY[:3])
    await suggest("batch", "in.jsonl", "-o", "out.jsonl")
    before = read("out.jsonl")
    delete("out.jsonl")
    assert (await suggest("batch", "in.jsonl", "-o", "out.jsonl")).code == 0
    assert read("out.jsonl") == before
    assert model.total == 9


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["-k", "2"], "--candidates"),
        (["--styles", "warm,direct,steps"], "--styles"),
        (["--model", "other"], "the model"),
        (["--message", "Say {{message}}"], "--message"),
        (["--limit", "2"], "--limit"),
        (["--sample", "2"], "--sample"),
        (["--playbook", "own.toml"], "the playbook"),
    ],
)
async def test_other_options_do_not_go_on_with_a_file(
    suggest: Suggest, model: ModelDouble, options: list[str], told: str
) -> None:
    write_rows(*MANY[:3])
    await suggest("playbook", "init", "own.toml")
    write("own.toml", read("own.toml") + "\n# changed\n")
    await suggest("batch", "in.jsonl", "-o", "out.jsonl")
    before, total = read("out.jsonl"), model.total
    refused = await suggest("batch", "in.jsonl", "-o", "out.jsonl", *options)
    assert refused.code == 2
    assert f"before {told} changed" in refused.complaint
    assert "--force" in refused.complaint
    assert (read("out.jsonl"), model.total) == (before, total)
    assert (await suggest("batch", "in.jsonl", "-o", "out.jsonl", *options, "--force")).code == 0
    assert read("out.jsonl") != before


async def test_a_changed_input_is_refused(suggest: Suggest, model: ModelDouble) -> None:
    write_rows(*MANY[:3])
    await suggest("batch", "in.jsonl", "-o", "out.jsonl")
    write_rows(*MANY[:4])
    refused = await suggest("batch", "in.jsonl", "-o", "out.jsonl")
    assert refused.code == 2
    assert "before the input changed" in refused.complaint


async def test_a_file_of_somebody_else_is_left_alone(suggest: Suggest, model: ModelDouble) -> None:
    write_rows("Hi")
    write("out.jsonl", "mine\n")
    refused = await suggest("batch", "in.jsonl", "-o", "out.jsonl")
    assert refused.code == 2
    assert "was not written by `suggest batch`" in refused.complaint
    assert read("out.jsonl") == "mine\n"
    assert model.total == 0


async def test_a_finished_file_that_was_edited_is_left_alone(suggest: Suggest, model: ModelDouble) -> None:
    write_rows("Hi")
    await suggest("batch", "in.jsonl", "-o", "out.jsonl")
    write("out.jsonl", read("out.jsonl") + "a note\n")
    refused = await suggest("batch", "in.jsonl", "-o", "out.jsonl")
    assert refused.code == 2
    assert "was changed by something else" in refused.complaint
    assert read("out.jsonl").endswith("a note\n")


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv"])
async def test_only_failed_drafts_are_asked_again(suggest: Suggest, model: ModelDouble, name: str) -> None:
    model.answer_when(lambda call: "number 1?" in prompt_of(call) or call.index == 0, bad_request())
    write_rows(*MANY[:4])
    first = await suggest("batch", "in.jsonl", "-o", name, "-k", "2", "--max-concurrency", "1", "--json")
    assert first.code == 1
    assert first.json["failed_drafts"] == 3
    good = [each["candidate_text"] for each in csv_rows(name)] if name.endswith("csv") else []
    model.reset()
    total = model.total
    again = await suggest("batch", "in.jsonl", "-o", name, "-k", "2", "--retry-failed", "--json")
    assert again.code == 0
    assert model.total - total == 3
    assert (again.json["drafts"], again.json["failed_drafts"], again.json["calls"]) == (8, 0, 3)
    assert {entry["request"]["status"] for entry in await log_of("suggest.db")} == {"drafted"}
    assert len(await log_of("suggest.db")) == 4
    if name.endswith("csv"):
        texts = [each["candidate_text"] for each in csv_rows(name)]
        assert all(texts)
        assert all(new == old for new, old in zip(texts, good, strict=True) if old)
    else:
        assert all(each["text"] for line in lines() for each in line["candidates"])


def csv_rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(read(name), newline="")))


async def test_drafts_that_failed_are_told_by_kind(suggest: Suggest, model: ModelDouble) -> None:
    model.answer_when(lambda call: "number 1?" in prompt_of(call), bad_request())
    write_rows(*MANY[:3])
    result = await suggest("batch", "in.jsonl", "-o", "out.jsonl", "-k", "2")
    assert result.code == 1
    assert "row 2: 2 of 2 drafts failed: refused" in result.err
    assert "2 drafts failed (2 refused): --retry-failed" in result.err
    assert [line["request"]["status"] for line in lines()] == ["drafted", "failed", "drafted"]


async def test_nothing_begins_once_the_cost_is_reached(suggest: Suggest, model: ModelDouble) -> None:
    write("prices.toml", PRICES)
    write("team.env", "SUGGEST_PRICES=prices.toml\n")
    model.script(lambda _: Reply(text="A draft.", changes={"usage": {"prompt_tokens": 5, "completion_tokens": 1}}))
    write_rows(*MANY)
    command = ["batch", "in.jsonl", "-o", "out.jsonl", "-k", "1", "--max-concurrency", "1"]
    command += ["--max-cost", "4.9999999", "--env-file", "team.env"]
    stopped = await suggest(*command, "--json")
    assert stopped.code == 1
    assert (stopped.json["stopped"], stopped.json["calls"], stopped.json["cost"]) == ("max_cost", 5, 5.0)
    for told in (stopped.err, (await suggest(*command)).err):
        assert "to go on: suggest batch --env-file team.env in.jsonl -o out.jsonl" in told
        assert "--max-cost 4.9999999" in told
    assert model.total == 10
    assert (await suggest(*command)).code == 0
    assert model.total == 12
    assert len(lines()) == 12


async def test_ctrl_c_finishes_what_runs_and_tells_how_to_go_on(suggest: Suggest, model: ModelDouble) -> None:
    model.latency_s = 0.1
    write_rows(*MANY)
    command = ["batch", "in.jsonl", "-o", "out.jsonl", "-k", "1", "--max-concurrency", "3"]
    with started(*command) as running:
        await model.wait_calls(4)
        running.send_signal(signal.SIGINT)
        _, err = await asyncio.to_thread(running.communicate, 120)
        assert running.wait() == 1
    assert "to go on: suggest batch in.jsonl -o out.jsonl --candidates 1 --max-concurrency 3" in err
    assert model.cancelled == 0
    assert len(lines()) == model.total < 12
    assert (await suggest(*command)).code == 0
    assert model.total == 12


async def test_a_second_ctrl_c_ends_at_once_and_tells_how_to_go_on(suggest: Suggest, model: ModelDouble) -> None:
    model.enqueue("A draft.", Hang(), Hang())
    write_rows(*MANY)
    command = ["batch", "in.jsonl", "-o", "out.jsonl", "-k", "1", "--max-concurrency", "2"]
    with started(*command) as running:
        await model.wait_calls(3)
        running.send_signal(signal.SIGINT)
        assert running.stderr is not None
        assert "once more ends at once" in await asyncio.to_thread(running.stderr.readline)
        running.send_signal(signal.SIGINT)
        _, err = await asyncio.to_thread(running.communicate, 120)
        assert running.wait() == 1
    assert "ended at once; to go on: suggest batch in.jsonl -o out.jsonl" in err
    assert "Traceback" not in err
    await model.wait_idle()
    assert (await suggest(*command)).code == 0
    assert model.total == 3 + 11


# --- what is refused, before anything is paid ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("nonsense", "is no JSON"),
        ('{"message": "cut off', "is no JSON"),
        ("[1]", "must be a JSON object"),
        ("{}", "has no message"),
        ('{"message": ""}', "message is empty"),
        ('{"message": " \\n "}', "message is empty"),
        ('{"message": 7}', "message must be a text"),
        ('{"message": null}', "has no message"),
        ('{"message": "a", "n": NaN}', "has NaN in it"),
        ('{"message": "a", "n": 1e999}', "too large"),
        ('{"conversation": []}', "conversation must be a list"),
        ('{"conversation": [{"role": "boss", "text": "a"}]}', "conversation[0] must be"),
        (json.dumps({"message": "x" * 12_001}), "has 12001 characters"),
        ("[" * 100_000, "nested too deep"),
        ('{"message": "a", "n": ' + "9" * 5_000 + "}", "too many digits"),
        ('{"message": "caf\udce9"}', "is not UTF-8"),
    ],
    ids=lambda value: value[:24].encode("ascii", "replace").decode(),
)
async def test_a_bad_row_is_told_and_the_rest_goes_on(
    suggest: Suggest, model: ModelDouble, row: str, told: str
) -> None:
    content = f'{{"message": "first"}}\n{row}\n{{"message": "last"}}\n'
    write_bytes("in.jsonl", content.encode("utf-8", "surrogateescape"))
    result = await suggest("batch", "in.jsonl", "-o", "out.jsonl", "-k", "1", "--json")
    assert result.code == 1
    assert result.err.startswith("row 2: ")
    assert told in result.err
    assert [line["request"]["input_row"] for line in lines()] == [1, 3]
    assert [refused["row"] for refused in result.json["refused"]] == [2]
    assert told in result.json["refused"][0]["error"]


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (b'"a"b,c', "a quote inside a cell"),
        (b"one,two,three,four", "has 4 cells"),
        (b"caf\xe9,x", "is not UTF-8"),
        (b"," + b"x" * 1_100_000, "more than 1048576 characters"),
        (b"," + b"x" * 5_000_000, "more than 1048576 characters"),
        (b",x", "message is empty"),
    ],
    ids=["quote", "cells", "encoding", "huge", "huger", "empty"],
)
async def test_a_bad_record_of_csv_is_told_and_the_rest_goes_on(
    suggest: Suggest, model: ModelDouble, record: bytes, told: str
) -> None:
    write_bytes("in.csv", b"\xef\xbb\xbfmessage,tag\r\nfirst,1\r\n" + record + b"\r\nlast,3\r\n")
    result = await suggest("batch", "in.csv", "-o", "out.jsonl", "-k", "1")
    assert result.code == 1
    assert f"row 2: {result.err.splitlines()[0][7:]}" == result.err.splitlines()[0]
    assert told in result.err
    assert [line["request"]["input_row"] for line in lines()] == [1, 3]
    assert lines()[1]["request"]["input"] == {"tag": "3"}


@pytest.mark.parametrize(
    ("content", "good", "told"),
    [
        ('first,1\n"second,2\nthird,3\n', ["first", "third"], ["row 2: is no CSV: a quote is opened and never closed"]),
        (
            '"first,1\nsecond,2\n"third\nline",3\n"fourth,4\n',
            ["second", "third\nline"],
            [
                "row 1: is no CSV: a quote inside a cell must be written twice",
                "row 4: is no CSV: a quote is opened and never closed",
            ],
        ),
        (
            '"first\nsaid "hi"\nand left",1\nsecond,2\n',
            ['and left"', "second"],
            [
                "row 1: is no CSV: a quote inside a cell must be written twice",
                "row 2: may be the rest of the row before, which is no CSV",
            ],
        ),
    ],
    ids=["to the end", "to another", "a cell of lines"],
)
async def test_a_quote_that_is_not_closed_costs_its_own_row_only(
    suggest: Suggest, model: ModelDouble, content: str, good: list[str], told: list[str]
) -> None:
    write("in.csv", "message,tag\n" + content)
    result = await suggest("batch", "in.csv", "-o", "out.jsonl", "-k", "1")
    assert [line for line in result.err.splitlines() if line.startswith("row ")] == told
    assert [line["request"]["conversation"][0]["text"] for line in lines()] == good


async def test_a_template_needs_its_keys_in_each_row(suggest: Suggest, model: ModelDouble) -> None:
    write("in.csv", "product,tone\nlamp,warm\nshelf\n,\n")
    message = "Write about {{product}}, {{tone}}."
    result = await suggest("batch", "in.csv", "-o", "out.jsonl", "-k", "1", "--message", message)
    assert result.code == 1
    assert "row 2: lacks 'tone', which {{tone}} needs" in result.err
    assert [line["request"]["conversation"][0]["text"] for line in lines()] == [
        "Write about lamp, warm.",
        "Write about , .",
    ]


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["missing.jsonl"], "there is no file"),
        (["."], "is a folder"),
        (["in.jsonl", "-o", "in.jsonl"], "is the input"),
        (["in.jsonl", "-o", "out.jsonl", "--report", "./out.jsonl"], "would replace what is drafted"),
        (["in.jsonl", "-o", "out.jsonl", "--report", "out.jsonl.journal"], "would replace what is drafted"),
        (["in.jsonl.journal", "-o", "in.jsonl"], "into the input"),
        (["cr.csv"], "ends with CR alone"),
        (["semicolon.csv"], "by commas, not by ';'"),
        (["in.jsonl", "-o", "none/out.jsonl"], "there is no folder"),
        (["in.jsonl", "--styles", "warm,odd"], "no style 'odd'"),
        (["in.jsonl", "--message", "About {{nothing}}"], "no row has the key 'nothing'"),
        (["in.jsonl", "--message", "About {{}}"], "without a key"),
        (["in.jsonl", "--message", "About {{this"], "alone"),
        (["in.jsonl", "--max-cost", "1", "--model", "house"], "the price of house: set SUGGEST_PRICES"),
        (["in.jsonl", "--seed", "1"], "--sample"),
        (["in.jsonl", "--retry-failed"], "-o OUT"),
        (["in.jsonl", "-k", "0"], "-k"),
        (["bare.csv"], "has no column message"),
        (["twice.csv"], "two columns named 'message'"),
        (["void.csv"], "has no header"),
        (["utf16.csv"], "is not UTF-8"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
async def test_wrong_usage_is_told_before_anything_is_paid(
    suggest: Suggest, model: ModelDouble, args: list[str], told: str
) -> None:
    write_rows("Hi")
    write("bare.csv", "text\nHi\n")
    write("twice.csv", "message,message\nHi,Ho\n")
    write("void.csv")
    write("in.jsonl.journal")
    write("semicolon.csv", "message;tag\nHi;1\n")
    write_bytes("cr.csv", b"message,tag\rHi,1\rHo,2\r")
    write_bytes("utf16.csv", "message\nHi\n".encode("utf-16"))
    refused = await suggest("batch", *args)
    assert refused.code == 2
    assert told in refused.complaint
    assert model.total == 0
    assert "suggest.db" not in listed()


async def test_common_models_have_their_list_price(suggest: Suggest, model: ModelDouble) -> None:
    write_rows(*MANY)
    result = await suggest("batch", "in.jsonl", "-o", "out.jsonl", "--model", "gpt-4o-mini", "--dry-run", "--json")
    assert result.code == 0, result.err
    told = result.json
    assert told["cost"] == pytest.approx((0.15 * told["prompt_tokens"] + 0.6 * told["completion_tokens"]) / 1e6)
    assert model.total == 0


async def test_a_dry_run_estimates_and_leaves_no_trace(
    suggest: Suggest, model: ModelDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("prices.toml", PRICES)
    monkeypatch.setenv("SUGGEST_PRICES", "prices.toml")
    write_rows(*MANY)
    result = await suggest("batch", "in.jsonl", "-o", "out.jsonl", "-k", "2", "--dry-run", "--json")
    assert result.code == 0
    assert (result.json["rows"], result.json["drafts"], result.json["calls"]) == (12, 24, 24)
    assert result.json["prompt_tokens"] > 0
    assert result.json["cost"] > 0
    assert model.total == 0
    assert listed() == ["in.jsonl", "prices.toml"]


async def test_a_full_disk_is_told_and_the_drafts_are_kept(suggest: Suggest, model: ModelDouble) -> None:
    write_rows(*MANY)
    command = ["batch", "in.jsonl", "-o", "out.jsonl", "-k", "2", "--no-record"]
    with started(*command, file_limit=40_000) as running:
        _, err = await asyncio.to_thread(running.communicate, 120)
        assert running.wait() == 1
    assert "cannot be written" in err
    assert "the same command goes on" in err
    assert (await suggest(*command)).code == 0
    assert len(lines()) == 12


async def test_two_runs_do_not_write_one_file(suggest: Suggest, model: ModelDouble) -> None:
    model.script(lambda _: Hang())
    write_rows("Hi")
    with started("batch", "in.jsonl", "-o", "out.jsonl", "-k", "1"):
        await model.wait_calls(1)
        second = await suggest("batch", "in.jsonl", "-o", "out.jsonl", "-k", "1")
    assert second.code == 1
    assert "another `suggest batch` is writing out.jsonl" in second.complaint


@pytest.mark.parametrize("kind", ["posts", "copy"])
async def test_texts_are_written_by_the_playbooks_own_template(suggest: Suggest, model: ModelDouble, kind: str) -> None:
    await suggest("playbook", "init", "own.toml", "--kind", kind)
    write("in.csv", "product,audience,details\nlamp,readers,brass\n")
    assert (await suggest("batch", "in.csv", "-o", "out.jsonl", "-k", "4", "--playbook", "own.toml")).code == 0
    (line,) = lines()
    assert line["request"]["task"] == "write"
    assert "lamp" in line["request"]["conversation"][0]["text"]
    assert len({candidate["style"] for candidate in line["candidates"]}) == 4
    prompts = [str(message["content"]) for call in model.calls for message in call.body["messages"]]
    assert not [prompt for prompt in prompts if "customer" in prompt.lower()]


# --- the page ---------------------------------------------------------------------------------------------


async def test_a_page_has_rows_by_versions_and_filters(suggest: Suggest, model: ModelDouble) -> None:
    model.enqueue("Good <b>one</b>.", "x" * 300, bad_request("No."))
    write_rows("Where is <i>my</i> order?")
    run = ["batch", "in.jsonl", "-o", "out.jsonl", "-k", "3", "--no-record"]
    result = await suggest(*run, "--max-concurrency", "1", "--report", "page.html")
    assert result.code == 1, "a draft failed"
    page = read("page.html")
    assert "<p>1 row, 3 drafts, 1 failed.</p>" in page
    for shown in ("Where is &lt;i&gt;my&lt;/i&gt; order?", "Good &lt;b&gt;one&lt;/b&gt;.", "refused", "Hide style"):
        assert shown in page
    assert "<script" not in page
    assert "--report" in (await suggest(*run, "--report", "missing/page.html")).complaint
