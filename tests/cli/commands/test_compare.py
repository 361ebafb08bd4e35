"""`suggest compare`: blind, each display and answer committed, gone on with, told apart at the end."""

import io
import re
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import httpx2
import pytest

from playground.model_server import ModelDouble, bad_request
from tests.cli.compared import make_line, write_lines, write_outputs
from tests.cli.conftest import Result, Suggest
from tests.cli.files import read, write
from tests.cli.log import log_of
from tests.nursery import started
from tests.storage.stores import PostgresDatabases

COMPARE = ("compare", "--output", "a.jsonl", "--output", "b.jsonl", "--terminal")


@pytest.fixture(autouse=True)
def _database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUGGEST_DATABASE_URL", "sqlite:///log.db")


class Reviewer:
    """Answers by a pipe, under one name."""

    def __init__(self, suggest: Suggest, monkeypatch: pytest.MonkeyPatch) -> None:
        self._suggest = suggest
        self._monkeypatch = monkeypatch

    async def answers(self, *lines: str, name: str = "anna") -> Result:
        self._monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        result = await self._suggest(*COMPARE, "--reviewer", name)
        assert result.code == 0, result.err
        return result


@pytest.fixture
def reviewer(suggest: Suggest, monkeypatch: pytest.MonkeyPatch) -> Reviewer:
    write_outputs()
    return Reviewer(suggest, monkeypatch)


async def read_displays() -> list[dict[str, Any]]:
    lines = [line for line in await log_of("log.db") if line["request"]["surface"] == "compare"]
    return sorted(lines, key=lambda line: (line["request"]["agent_id"], line["request"]["input_row"]))


async def test_each_display_is_a_request_with_its_sides_and_propensities(reviewer: Reviewer) -> None:
    """It is committed before it is shown: also the row at which the input ends."""
    result = await reviewer.answers("1")
    first, second = await read_displays()
    for row, line in enumerate((first, second), start=1):
        request = line["request"]
        assert (request["agent_id"], request["input_row"], request["input"]) == ("anna", row, {"key": row})
        assert (request["policy"], request["order_propensity"], request["status"]) == ("uniform", 0.5, "shown")
        assert {one["first_propensity"] for one in line["candidates"]} == {0.5}
        assert {one["side"]: one["text"][:6] for one in line["candidates"]} == {"a": "Text a", "b": "Text b"}
        assert {one["prompt_tokens"] for one in line["candidates"]} == {None}, "they were counted where it was drafted"
        texts = [one["text"] for one in sorted(line["candidates"], key=lambda one: one["position"])]
        assert 0 < result.out.index(f"Message {row}") < result.out.index(texts[0]) < result.out.index(texts[1])
    assert first["request"]["comparison"] == second["request"]["comparison"]
    assert first["choice"]["kind"] == "used"
    [chosen] = [one for one in first["candidates"] if one["id"] == first["choice"]["candidate_id"]]
    assert chosen["position"] == 1
    assert second["choice"] is None


async def test_each_answer_is_recorded_as_what_it_is(reviewer: Reviewer) -> None:
    await reviewer.answers("n both are kind", "t", "b", "s")
    tie, bad, skipped = await read_displays()
    assert (tie["choice"]["kind"], tie["choice"]["candidate_id"], tie["choice"]["final_text"]) == ("tied", None, None)
    assert tie["choice"]["note"] == "both are kind"
    assert bad["choice"]["kind"] == "dismissed"
    assert bad["choice"]["note"] is None
    assert skipped["choice"] is None
    assert [event["type"] for event in skipped["events"]] == ["shown", "skipped"]


@pytest.mark.parametrize("answer", ["1", "t", "s"])
async def test_undo_shows_the_row_again_in_its_order_and_counts_the_new_answer_only(
    reviewer: Reviewer, suggest: Suggest, answer: str
) -> None:
    result = await reviewer.answers("u", answer, "u", "2", "1", "1")
    assert "There is no answer to take back." in result.out
    assert result.out.count("Message 1") == 2
    line = (await read_displays())[0]
    assert "undone" in [event["type"] for event in line["events"]]
    [chosen] = [one for one in line["candidates"] if one["id"] == line["choice"]["candidate_id"]]
    assert chosen["position"] == 2
    [told] = (await suggest("compare", "report", "--json")).json["comparisons"]
    assert (told["picks"], told["skipped"]) == (3, 0)


async def test_the_same_command_goes_on_where_it_was_and_sides_stay(reviewer: Reviewer) -> None:
    await reviewer.answers("1")
    before = await read_displays()
    result = await reviewer.answers("what?", "u", "u", "1", "2", "1")
    assert "Please answer with one of these" in result.out
    assert "All rows are answered" in result.out
    after = await read_displays()
    for line, later in zip(before, after[:2], strict=True):
        assert line["request"]["id"] == later["request"]["id"]
        assert [one["position"] for one in line["candidates"]] == [one["position"] for one in later["candidates"]]
    again = await reviewer.answers()
    assert "All rows are answered" in again.out
    assert len(await read_displays()) == 3


async def test_differences_are_shown_on_request(reviewer: Reviewer) -> None:
    result = await reviewer.answers("d", "1")
    shown = result.out.partition("In ⟦brackets⟧")[2]
    assert sorted(re.findall(r"Text ⟦(.)⟧ of 1", shown)) == ["a", "b"]
    assert "⟦" not in (await reviewer.answers("2", "s")).out


async def test_a_comparison_goes_on_in_postgresql(
    reviewer: Reviewer, suggest: Suggest, postgresql: PostgresDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUGGEST_DATABASE_URL", postgresql.migrated())
    await reviewer.answers("1", "q")
    assert "Version a was" in (await reviewer.answers("t", "u", "n well", "b", "s")).out
    await reviewer.answers("2", "2", "2", name="ben")
    [told] = (await suggest("compare", "report", "--json")).json["comparisons"]
    assert (told["rows"], told["reviewers"], told["picks"]) == (3, 2, 5)
    assert (told["a_wins"] + told["b_wins"], told["both_bad"], told["skipped"], told["ties"]) == (4, 1, 1, 0)


async def test_reviewers_do_not_see_each_others_answers(reviewer: Reviewer, suggest: Suggest) -> None:
    await reviewer.answers("1", "1", "1")
    await reviewer.answers("t", "q", name="ben")
    [told] = (await suggest("compare", "report", "--json")).json["comparisons"]
    assert (told["rows"], told["reviewers"], told["picks"], told["ties"]) == (3, 2, 4, 1)
    assert (told["enough"], told["win_rate"]["lower"], told["needed"]) == (False, None, 16)
    assert "not enough data" in (await suggest("compare", "report")).out


async def test_nothing_tells_the_versions_apart_before_the_last_row(reviewer: Reviewer) -> None:
    result = await reviewer.answers("1", "1")
    for secret in ("a.jsonl", "b.jsonl", "model-", "style-", "prompt-"):
        assert secret not in result.out + result.err
    assert "Version a was a.jsonl, version b b.jsonl." in (await reviewer.answers("2")).out


async def test_an_imported_comparison_is_reported_and_gone_on_with(
    reviewer: Reviewer, suggest: Suggest, monkeypatch: pytest.MonkeyPatch
) -> None:
    await reviewer.answers("1", "s")
    assert (await suggest("export", "-o", "log.jsonl")).code == 0
    before = (await suggest("compare", "report", "--json")).json
    monkeypatch.setenv("SUGGEST_DATABASE_URL", "sqlite:///other.db")
    for _ in range(2):
        assert (await suggest("import", "log.jsonl")).code == 0
    assert (await suggest("compare", "report", "--json")).json == before
    assert "Row 3 of 3" in (await reviewer.answers("t")).out
    assert (await suggest("compare", "report", "--json")).json["comparisons"][0]["ties"] == 1


@pytest.mark.parametrize("pairs", ["all", "skip-above"])
@pytest.mark.parametrize("form", ["trl", "openai"])
async def test_each_preference_is_exactly_one_pair(reviewer: Reviewer, suggest: Suggest, form: str, pairs: str) -> None:
    await reviewer.answers("1", "2", "t")
    exported = await suggest("export", "--format", form, "--pairs", pairs, "-o", "pairs.jsonl")
    assert exported.code == 0, exported.err
    assert len(read("pairs.jsonl").splitlines()) == 2


async def test_preferences_count_whole_for_the_ranker(reviewer: Reviewer, suggest: Suggest) -> None:
    await reviewer.answers("1", "2", "b")
    report = (await suggest("rank", "report", "--json")).json
    assert (report["displays"], report["picks"], report["agents"]) == (3, 2, 1)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([make_line("b", 1, conversation=[{"role": "customer", "text": "Other"}])], "row 1 has another message"),
        ([make_line("b", 1), make_line("b", 1, id="twice")], "two lines of row 1"),
        ([make_line("b", 1, input_row=None)], "without input_row"),
        ([make_line("b", 7)], "no row with a text in both"),
        ([make_line("b", 1, texts=[None])], "no row with a text in both"),
    ],
)
async def test_outputs_that_do_not_fit_are_refused(suggest: Suggest, lines: list[dict[str, Any]], told: str) -> None:
    write_outputs()
    write_lines("b.jsonl", lines)
    result = await suggest(*COMPARE)
    assert (result.code, told in result.complaint) == (2, True), result.err


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("compare", "--output", "a.jsonl", "--terminal"), "--output must be given twice"),
        ((*COMPARE[:3], "--output", "missing.jsonl", "--terminal"), "there is no file missing.jsonl"),
        ((*COMPARE, "--reviewer", "x" * 65), "--reviewer must be a name of 1 to 64 characters"),
        (("compare", "--output", "a.jsonl", "--output", "./a.jsonl"), "--output names one file twice"),
        ((*COMPARE, "--reviewer", " "), "--reviewer must be a name of 1 to 64 characters"),
    ],
)
async def test_wrong_options_are_refused_in_one_line(suggest: Suggest, args: tuple[str, ...], told: str) -> None:
    write_outputs()
    result = await suggest(*args)
    assert (result.code, told in result.complaint) == (2, True), result.err


async def test_rows_without_a_text_on_both_sides_are_left_out_and_told(reviewer: Reviewer) -> None:
    lines = [make_line("b", 1), make_line("b", 2, texts=[None]), make_line("b", 3, texts=[None, "Good"])]
    write_lines("b.jsonl", [*lines, make_line("b", 4)])
    result = await reviewer.answers("1", "1")
    assert "row 2: has no text of one of the two" in result.err
    assert "row 4: stands in one of the two only" in result.err
    assert "Good" in result.out
    assert "All rows are answered" in result.out


async def test_without_texts_in_the_log_they_are_shown_all_the_same(
    reviewer: Reviewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUGGEST_STORE_TEXT", "off")
    assert "Text a of 1" in (await reviewer.answers("1")).out
    line = (await read_displays())[0]
    assert {one["text"] for one in line["candidates"]} == {None}
    assert (line["choice"]["kind"], line["choice"]["final_text"]) == ("used", None)


# --- drafting --------------------------------------------------------------------------------------------


def write_messages(rows: int = 2) -> None:
    write_lines("messages.jsonl", [{"message": f"Where is {row}? joe@mail.example", "key": row} for row in range(rows)])


@pytest.fixture
async def model(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ModelDouble]:
    async with ModelDouble.start() as double:
        monkeypatch.setenv("OPENAI_BASE_URL", double.base_url)
        yield double


async def answer(suggest: Suggest, monkeypatch: pytest.MonkeyPatch, args: Sequence[str], *lines: str) -> Result:
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
    return await suggest("compare", *args, "--messages", "messages.jsonl", "--terminal", "--reviewer", "anna")


async def test_two_models_draft_each_row_once_in_the_same_style(
    suggest: Suggest, monkeypatch: pytest.MonkeyPatch, model: ModelDouble
) -> None:
    """What was drafted is not paid for again, and hides what is personal."""
    write_messages()
    models = ("--model", "model-a", "--model", "model-b")
    first = await answer(suggest, monkeypatch, models, "1")
    assert first.code == 0, first.err
    assert "model-" not in first.out
    assert sorted(call.model for call in model.calls) == ["model-a", "model-a", "model-b", "model-b"]
    assert "joe@mail.example" not in str([call.body for call in model.calls])
    last = await answer(suggest, monkeypatch, models, "2")
    assert "Version a was model-a, version b model-b." in last.out
    assert model.total == 4
    for line in await read_displays():
        assert [(one["side"], one["model"]) for one in line["candidates"]] == [("a", "model-a"), ("b", "model-b")]
        assert len({one["style"] for one in line["candidates"]}) == 1


async def test_two_playbooks_are_kept_and_told_apart_at_the_end(
    suggest: Suggest, monkeypatch: pytest.MonkeyPatch, model: ModelDouble
) -> None:
    write_messages(1)
    assert (await suggest("playbook", "init", "one.toml")).code == 0
    write("two.toml", read("one.toml").replace("\n", "\n# another\n", 1))
    result = await answer(suggest, monkeypatch, ("--playbook", "one.toml", "--playbook", "two.toml"), "1")
    assert "Version a was one.toml, version b two.toml." in result.out, result.err
    assert model.total == 2


async def test_both_versions_are_drafted_from_what_the_team_knows(
    suggest: Suggest, monkeypatch: pytest.MonkeyPatch, model: ModelDouble
) -> None:
    write_lines("help.jsonl", [{"id": "returns", "title": "Returns", "text": "A lamp goes back in 30 days."}])
    write_lines("messages.jsonl", [{"message": "May a lamp go back within 30 days?"}])
    assert (await suggest("knowledge", "add", "help.jsonl")).code == 0
    model.script("Within 30 days [1].")
    result = await answer(suggest, monkeypatch, ("--model", "model-a", "--model", "model-b"), "1")
    assert result.out.count("Within 30 days.") == 2, result.err
    assert "Returns" not in result.out
    for line in await log_of("log.db"):
        assert [found["id"] for found in line["request"]["retrieved"]] == ["returns"]
        assert [one["sources"][0]["cited"] for one in line["candidates"]] == [True] * len(line["candidates"])
    gaps = await suggest("knowledge", "gaps", "--json")
    assert gaps.json == []


async def test_a_row_that_failed_is_left_out_and_drafted_by_the_next_run(
    suggest: Suggest, monkeypatch: pytest.MonkeyPatch, model: ModelDouble
) -> None:
    write_messages()
    models = ("--model", "model-a", "--model", "model-b")
    model.enqueue(bad_request())
    first = await answer(suggest, monkeypatch, models, "1")
    assert "has no text of one of the two: its drafts failed" in first.err
    second = await answer(suggest, monkeypatch, models, "1")
    assert "Row 2 of 2" in second.out or "Row 1 of 2" in second.out
    assert model.total == 5
    assert len(await read_displays()) == 2


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--model", "m"], "twice"),
        (["--model", "m", "--model", "m"], "are the same"),
        (["--model", "m", "--playbook", "one.toml"], "twice"),
        (["--playbook", "one.toml", "--playbook", "one.toml"], "are the same"),
        (["--playbook", "one.toml", "--playbook", "other.toml"], "no style of the same name"),
        (["--playbook", "one.toml", "--playbook", "asking.toml"], "differ in their key message"),
        (["--output", "a.jsonl", "--output", "./a.jsonl"], "--output has the texts already"),
        (["--output", "a.jsonl", "--model", "m"], "--output has the texts already"),
    ],
)
async def test_versions_that_cannot_be_compared_are_refused(
    suggest: Suggest, monkeypatch: pytest.MonkeyPatch, model: ModelDouble, args: list[str], told: str
) -> None:
    write_messages()
    assert (await suggest("playbook", "init", "one.toml")).code == 0
    write("other.toml", read("one.toml").replace('name = "', 'name = "other-'))
    write("asking.toml", 'message = "About {{key}}"\n' + read("one.toml"))
    result = await answer(suggest, monkeypatch, args)
    assert (result.code, told in result.err) == (2, True), result.err
    assert model.total == 0


# --- the page --------------------------------------------------------------------------------------------


@pytest.fixture
def page() -> Iterator[str]:
    """The address of the page, served by a process of its own."""
    write_outputs()
    with started(
        *COMPARE[:5], "--no-browser", "--reviewer", "anna", env={"SUGGEST_DATABASE_URL": "sqlite:///log.db"}
    ) as running:
        assert running.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+/", running.stdout.readline())
        assert found
        yield found[0]
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=120) == 0


async def test_the_page_shows_one_row_blind_and_takes_the_same_keys(page: str) -> None:
    async with httpx2.AsyncClient(follow_redirects=True, timeout=120) as client:
        shown = (await client.get(page)).text
        for key in ("1", "u", "t", "b", "s"):
            assert not [secret for secret in ("jsonl", "model-", "style-", "prompt-", "side") if secret in shown]
            assert shown.index("Message ") < shown.index("Text 1</h2>") < shown.index("Text 2</h2>")
            display = re.findall(r'name="display" value="([^"]+)"', shown)
            for _ in range(2):  # a second click on the same row changes nothing
                form = {"answer": key, "display": display[0], "note": "well" if key == "t" else ""}
                shown = (await client.post(page, data=form)).text
        assert "Version a was a.jsonl, version b b.jsonl." in shown
        assert "a is better 0, b is better 0, tie 1, both bad 1, skipped 1" in shown
        assert "keydown" in shown, "its key q works, too"
        left = (await client.post(page, data={"answer": "q"})).text
        assert "You may close this page." in left
        assert "<button" not in left
    tie, bad, skipped = await read_displays()
    assert (tie["choice"]["kind"], tie["choice"]["note"], bad["choice"]["kind"]) == ("tied", "well", "dismissed")
    assert skipped["choice"] is None


async def test_the_page_marks_differences_on_request_and_keeps_the_note(page: str) -> None:
    async with httpx2.AsyncClient(follow_redirects=True, timeout=120) as client:
        shown = (await client.get(page)).text
        assert "<mark>" not in shown
        form = {"answer": "d", "display": re.findall(r'name="display" value="([^"]+)"', shown)[0], "note": "well"}
        marked = (await client.post(page, data=form)).text
        assert sorted(re.findall(r"Text <mark>(.)</mark> of 1", marked)) == ["a", "b"]
        assert 'value="well"' in marked
        assert "<mark>" not in (await client.post(page, data=form)).text
    assert [line["choice"] for line in await read_displays()] == [None]


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"}])
async def test_the_page_refuses_foreign_hosts_and_origins(page: str, headers: dict[str, str]) -> None:
    async with httpx2.AsyncClient(timeout=120) as client:
        for answered in (await client.get(page, headers=headers), await client.post(page, headers=headers)):
            assert answered.status_code == 403
            assert "Message" not in answered.text
