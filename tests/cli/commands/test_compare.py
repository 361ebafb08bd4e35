"""`suggest compare`: blind, each display and answer committed, gone on with, told apart at the end."""

import io
from typing import Any

import pytest

from tests.cli.compared import make_line, write_lines, write_outputs
from tests.cli.conftest import Result, Suggest
from tests.cli.files import read
from tests.cli.log import log_of

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
        ([make_line("b", row, texts=[f"Text a of {row}"]) for row in (1, 2, 3)], "same texts in all rows"),
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
