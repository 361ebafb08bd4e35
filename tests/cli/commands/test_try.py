"""`suggest try` without a terminal: drafted, shown, recorded with every field, whichever model writes."""

import json
from typing import Any

import pytest

from cli.commands.try_ import Answer, parse_answer
from playground.model_server import ErrorStatus, Hang, ModelDouble, Reply, bad_request, rate_limited, unauthorized
from storage.repositories.audit import DEMONSTRATION
from tests.cli.conftest import Result, Suggest
from tests.cli.files import listed, write
from tests.cli.log import audited, line_of, log_of

MESSAGE = "My parcel arrived broken and I need it by Friday"


@pytest.fixture
async def model(monkeypatch: pytest.MonkeyPatch) -> Any:
    async with ModelDouble.start(models=("gpt-4o-mini", "other")) as double:
        monkeypatch.setenv("OPENAI_BASE_URL", double.base_url)
        yield double


# --- the demonstration model ----------------------------------------------------------------------------


async def test_without_a_model_sample_replies_are_shown_as_such(suggest: Suggest) -> None:
    result = await suggest("try", MESSAGE)
    assert result.code == 0
    assert "No model is configured: these are sample replies." in result.out
    assert [f"Reply {n} · " in result.out for n in (1, 2, 3, 4)] == [True, True, True, False]
    assert "the request is left open" in result.out
    assert "Recorded in suggest-demo.db. To export it: suggest export --database suggest-demo.db\n" in result.out


async def test_the_demonstrations_own_database_is_marked_and_exports_its_simulated_rows(suggest: Suggest) -> None:
    await suggest("try", MESSAGE)
    await suggest("try", MESSAGE)
    assert [action for _, action, _ in await audited("suggest-demo.db")] == [DEMONSTRATION]
    exported = await suggest("export", "--database", "suggest-demo.db")
    assert len(exported.out.splitlines()) == 2
    assert exported.err == "2 requests exported\n"


async def test_samples_in_a_real_database_are_left_out_of_its_export(
    suggest: Suggest, model: ModelDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    await suggest("try", "to a real model")
    monkeypatch.delenv("OPENAI_BASE_URL")
    tried = await suggest("try", MESSAGE, "--database", "suggest.db")
    assert "To export it: suggest export --database suggest.db --include-simulated" in tried.out
    exported = await suggest("export")
    assert [json.loads(line)["request"]["simulated"] for line in exported.out.splitlines()] == [False]
    assert "1 request exported; 1 simulated left out" in exported.err
    everything = await suggest("export", "--include-simulated")
    assert len(everything.out.splitlines()) == 2


async def test_a_database_that_is_named_is_used(suggest: Suggest, monkeypatch: pytest.MonkeyPatch) -> None:
    await suggest("try", MESSAGE, "--database", "named here?.db")
    assert "named here?.db" in listed()
    monkeypatch.setenv("SUGGEST_DATABASE_URL", "sqlite:///set.db")
    result = await suggest("try", MESSAGE)
    assert "set.db" in listed()
    assert result.out.endswith("Recorded in set.db. To export it: suggest export\n")
    monkeypatch.delenv("SUGGEST_DATABASE_URL")
    write("team.env", "SUGGEST_DATABASE_URL=sqlite:///set.db\n")
    result = await suggest("try", MESSAGE, "--env-file", "team.env")
    assert result.out.endswith("Recorded in set.db. To export it: suggest export --env-file team.env\n")
    assert "suggest-demo.db" not in listed()


# --- a real model ---------------------------------------------------------------------------------------


async def test_json_is_the_choice_log_line_as_export_gives_it(suggest: Suggest, model: ModelDouble) -> None:
    result = await suggest("try", MESSAGE, "--json", "--hint", "be brief", "--candidates", "5")
    assert result.code == 0
    assert "Recorded in suggest.db" in result.err
    assert "left open" in result.err
    exported = await suggest("export")
    assert exported.out == result.out
    request = result.json["request"]
    assert request["surface"] == "cli"
    assert {request[name] for name in ("team_id", "channel_id", "agent_id")} == {"cli"}
    assert request["hint"] == "be brief"
    assert request["k_requested"] == 5
    assert request["simulated"] is False
    assert request["locale"] == "en-US"
    assert request["status"] == "shown"
    assert request["shown_at"] is not None
    assert request["order_propensity"] == pytest.approx(1 / 120)
    assert result.json["choice"] is None
    assert [event["type"] for event in result.json["events"]] == ["shown"]
    assert sorted(candidate["position"] for candidate in result.json["candidates"]) == [1, 2, 3, 4, 5]


async def test_the_replies_are_shown_in_their_recorded_order(suggest: Suggest, model: ModelDouble) -> None:
    result = await suggest("try", MESSAGE)
    shown = result.out.replace("│", " ").split()
    line = await line_of("suggest.db")
    texts = [c["text"] for c in sorted(line["candidates"], key=lambda candidate: candidate["position"])]
    starts = [" ".join(shown).index(text[:40]) for text in texts]
    assert starts == sorted(starts)
    assert "No model is configured" not in result.out
    assert "Written by an AI model: read before you send." in result.out


async def test_pick_uses_a_reply_without_asking(suggest: Suggest, model: ModelDouble) -> None:
    result = await suggest("try", MESSAGE, "--pick", "2", "--json")
    chosen = next(candidate for candidate in result.json["candidates"] if candidate["position"] == 2)
    choice = result.json["choice"]
    assert choice["kind"] == "used"
    assert choice["candidate_id"] == chosen["id"]
    assert choice["final_text"] == chosen["text"]
    assert choice["edit_similarity"] == 1.0
    assert choice["decision_ms"] >= 0
    in_order = sorted(result.json["candidates"], key=lambda candidate: candidate["position"])
    assert choice["visible_candidate_ids"] == [candidate["id"] for candidate in in_order]
    assert [event["type"] for event in result.json["events"]] == ["shown", "used"]


async def test_a_picked_reply_is_printed_to_be_copied(suggest: Suggest, model: ModelDouble) -> None:
    model.script(lambda call: f"{call.index} {'word ' * 60}".strip())
    result = await suggest("try", MESSAGE, "--pick", "1")
    line = await line_of("suggest.db")
    assert "✓ Reply 1 used as it is." in result.out
    assert f"\n{line['choice']['final_text']}\n" in result.out, "without line breaks of our own"


async def test_a_pick_that_is_not_there_leaves_the_request_open(suggest: Suggest, model: ModelDouble) -> None:
    model.enqueue(bad_request())
    result = await suggest("try", MESSAGE, "--pick", "3", "--json")
    assert result.code == 1
    assert "there is no reply 3, only 2 of 3: the request is left open" in result.err
    assert result.json["choice"] is None


async def test_drafts_that_failed_are_told_and_the_others_shown(suggest: Suggest, model: ModelDouble) -> None:
    model.enqueue(bad_request())
    result = await suggest("try", MESSAGE)
    assert result.code == 0
    assert "1 of 3 drafts failed: request refused" in result.out
    assert "Reply 2 · " in result.out
    assert "Reply 3 · " not in result.out


async def test_near_identical_drafts_are_hidden_and_told(suggest: Suggest, model: ModelDouble) -> None:
    model.script("The very same text from every style.")
    result = await suggest("try", MESSAGE)
    assert "2 near-identical drafts hidden" in result.out
    line = await line_of("suggest.db")
    assert sorted(candidate["dropped_reason"] or "" for candidate in line["candidates"]) == [
        "", "near_duplicate", "near_duplicate",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            unauthorized("sk-1"),
            "the AI model gave no reply that could be used (request refused): `suggest doctor` checks the settings",
        ),
        (rate_limited(retry_after_s=900), "the AI model is not answering (rate limited): try again in a moment"),
    ],
)
async def test_when_all_drafts_fail_the_reason_and_what_to_do_are_told(
    answer: Any, told: str, suggest: Suggest, model: ModelDouble
) -> None:
    model.script(lambda _: answer)
    result = await suggest("try", MESSAGE, "--pick", "1")
    assert result.code == 1
    assert result.complaint == told
    line = await line_of("suggest.db")
    assert line["request"]["status"] == "failed"
    assert [event["type"] for event in line["events"]] == ["failed"]


async def test_a_failed_request_is_printed_as_json_too(suggest: Suggest, model: ModelDouble) -> None:
    model.script(lambda _: bad_request())
    result = await suggest("try", MESSAGE, "--json")
    assert result.code == 1
    assert result.json["request"]["status"] == "failed"


async def test_a_server_that_is_not_there(suggest: Suggest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("SUGGEST_DEADLINE_S", "5")
    result = await suggest("try", MESSAGE)
    assert result.code == 1
    assert result.complaint.startswith("the AI model is not answering (cannot be reached): `suggest doctor`")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            Reply(text=None, finish_reason="length"),
            "(it used up its budget thinking): give it more with SUGGEST_MAX",
        ),
        (bad_request("The maximum context length is 99 tokens."), "(too long for this model): shorten the message"),
    ],
)
async def test_what_the_models_limit_prevents_is_told(
    suggest: Suggest, model: ModelDouble, answer: Reply | ErrorStatus, told: str
) -> None:
    model.script(lambda _: answer)
    result = await suggest("try", MESSAGE)
    assert result.code == 1
    assert result.complaint.startswith(f"the AI model gave no reply that could be used {told}")


async def test_a_reply_that_was_cut_off_is_marked(suggest: Suggest, model: ModelDouble) -> None:
    model.enqueue(Reply(text="Your parcel is", finish_reason="length"))
    result = await suggest("try", MESSAGE, "--candidates", "1")
    assert "Cut off at the model's length limit" in result.out
    assert [each["finish_reason"] for each in (await line_of("suggest.db"))["candidates"]] == ["length"]


async def test_the_deadline_holds(suggest: Suggest, model: ModelDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUGGEST_DEADLINE_S", "10")
    model.enqueue(Hang())
    for stream in ((), ("--stream",)):
        result = await suggest("try", MESSAGE, *stream)
        assert result.code == 0
        model.enqueue(Hang())
    assert "1 of 3 drafts failed: timed out" in result.out
    await model.wait_until(lambda: model.in_flight == 0)


async def test_streamed_drafts_are_recorded_as_any(suggest: Suggest, model: ModelDouble) -> None:
    model.enqueue(bad_request())
    result = await suggest("try", MESSAGE, "--stream", "--pick", "1")
    assert result.code == 0
    assert all(call.body["stream"] for call in model.calls)
    assert "1 of 3 drafts failed: request refused" in result.out
    line = await line_of("suggest.db")
    failed, *drafted = sorted(line["candidates"], key=lambda candidate: candidate["error"] is None)
    assert failed["error"] == "refused"
    for candidate in drafted:
        assert candidate["text"]
        assert candidate["finish_reason"] == "stop"
        assert candidate["completion_tokens"] > 0
        assert candidate["latency_ms"] >= 0
    assert line["choice"]["kind"] == "used"


async def test_the_daily_budget_holds(suggest: Suggest, model: ModelDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUGGEST_TOKENS_PER_DAY", "1")
    assert (await suggest("try", MESSAGE)).code == 0
    result = await suggest("try", MESSAGE)
    assert result.code == 1
    assert result.complaint.startswith("Today's budget for the AI model is used up.")


async def test_a_models_escape_sequences_do_not_reach_the_terminal(suggest: Suggest, model: ModelDouble) -> None:
    model.script(lambda call: f"[bold]{call.index}[/bold] \x1b[2J\x1b]0;owned\x07 \x9b31m {'word' * call.index}")
    result = await suggest("try", MESSAGE)
    assert "[bold]" in result.out
    assert not {"\x1b", "\x07", "\x9b"} & set(result.out)


async def test_a_message_that_is_no_text_is_mended(suggest: Suggest, model: ModelDouble) -> None:
    result = await suggest("try", "Grüße \udcff 👋", "--hint", "\udcff", "--json")
    assert result.json["request"]["conversation"][0]["text"] == "Grüße ? 👋"
    assert result.json["request"]["hint"] == "?"


async def test_a_request_nobody_decided_expires_with_the_next_one(suggest: Suggest, model: ModelDouble) -> None:
    import sqlite3

    await suggest("try", MESSAGE)
    database = sqlite3.connect("suggest.db")
    database.execute("UPDATE requests SET created_at = '2026-01-01T00:00:00.000Z'")
    database.commit()
    database.close()
    await suggest("try", MESSAGE)
    assert [line["request"]["status"] for line in await log_of("suggest.db")] == ["expired", "shown"]


# --- databases that do not take part --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "code", "complaint"),
    [
        ("no/such/folder/x.db", 2, "--database names a folder that is not there, no/such/folder: "),
        (".", 1, "the database . cannot be "),
    ],
)
async def test_a_database_that_cannot_be_used_is_named(path: str, code: int, complaint: str, suggest: Suggest) -> None:
    result = await suggest("try", MESSAGE, "--database", path)
    assert result.code == code
    assert result.complaint.startswith(complaint)


async def test_a_file_of_another_kind_is_left_alone(suggest: Suggest) -> None:
    write("notes.txt", "These are my notes, and there is no other copy.")
    commands = (("try", MESSAGE), ("export",), ("migrate",))
    results: list[Result] = [await suggest(*command, "--database", "notes.txt") for command in commands]
    assert {result.code for result in results} == {2}
    assert {result.complaint for result in results} == {"notes.txt is no SQLite database: name another file"}
    assert listed() == ["notes.txt"]


# --- what is typed --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "wish"),
    [
        ("1", Answer(kind="use", position=1)),
        ("3", Answer(kind="use", position=3)),
        ("4", Answer(kind="unclear", position=4)),
        ("0", Answer(kind="unclear", position=0)),
        ("e 2", Answer(kind="edit", position=2)),
        ("E2", Answer(kind="edit", position=2)),
        ("e", Answer(kind="unclear")),
        ("m", Answer(kind="redraft")),
        ("D", Answer(kind="dismiss")),
        ("q", Answer(kind="leave")),
        ("", Answer(kind="leave")),
        (None, Answer(kind="leave")),
        ("what?", Answer(kind="unclear")),
        ("²", Answer(kind="unclear")),
    ],
)
def test_what_is_typed_is_understood(answer: str | None, wish: Answer) -> None:
    assert parse_answer(answer, shown=3) == wish
