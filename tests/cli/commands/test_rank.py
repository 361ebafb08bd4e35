"""`suggest rank train`, `score`, `evaluate`: from a log to a ranker and back to the log; what is bad is refused."""

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.choice_log import to_json_line
from bot.ranking.model import _hash_content as hash_content
from storage.repositories.rankers import LEARNING
from tests.bot.ranking.logs import make_entry, make_log, write_log
from tests.cli.conftest import Suggest
from tests.storage.stores import AT, a_ranker, after, open_store

LOG = Path("choices.jsonl")
MODEL = Path("ranker.json")


def lines() -> list[dict[str, Any]]:
    return [json.loads(line) for line in LOG.read_text(encoding="utf-8").splitlines()]


def put(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def is_there(path: Path) -> bool:
    return path.exists()


async def scored(suggest: Suggest, *args: object) -> list[dict[str, Any]]:
    result = await suggest("rank", "score", "--log", str(LOG), "--model", str(MODEL), *map(str, args))
    assert result.code == 0, result.err
    return [json.loads(line) for line in result.out.splitlines()]


@pytest.fixture
async def model(suggest: Suggest) -> Path:
    write_log(make_log(200), LOG)
    assert (await suggest("rank", "train", "--log", str(LOG), "--save", str(MODEL))).code == 0
    return MODEL


@pytest.mark.parametrize("name", ["log.jsonl", "log.jsonl.gz", "log.jsonl.zst"])
async def test_train_says_what_it_learned_from_and_what_not(suggest: Suggest, name: str) -> None:
    entries = [*make_log(100), make_entry("one", "two", number=900), make_entry("one", picked=0, number=901)]
    path = write_log(entries, Path(name))
    result = await suggest("rank", "train", "--log", str(path), "--json")
    assert result.code == 0, result.err
    assert result.json["requests"] == 100
    assert result.json["left_out"] == {"undecided": 1, "one_candidate": 1}
    assert result.json["weights"] == "kept"
    assert result.json["features"]["log_words"] < 0
    people = await suggest("rank", "train", "--log", str(path), "--weights", "picks")
    assert "left out: 1 with one candidate, 1 undecided" in people.out
    assert "Not saved" in people.out


async def test_several_logs_are_one_and_a_request_in_both_counts_once(suggest: Suggest) -> None:
    log = write_log(make_log(60), LOG)
    result = await suggest("rank", "train", "--log", str(log), "--log", str(log), "--json")
    assert (result.json["requests"], result.json["left_out"]) == (60, {"repeated": 60})


async def test_score_writes_each_line_back_with_what_is_probable(suggest: Suggest, model: Path) -> None:
    before = lines()
    after_ = await scored(suggest)
    assert len(after_) == len(before)
    for old, new in zip(before, after_, strict=True):
        total = new["request"].pop("none_probability")
        for candidate in new["candidates"]:
            total += candidate.pop("choice_probability")
            assert isinstance(candidate["score"], float)
            candidate["score"] = None
        assert total == pytest.approx(1.0)
        assert new == old
        assert list(new["request"]) == list(old["request"])


async def test_choices_need_not_be_there_and_change_nothing(suggest: Suggest, model: Path) -> None:
    whole = await scored(suggest)
    bare = lines()
    for line in bare:
        del line["choice"], line["events"]
        line["unknown_field"] = {"kept": [1, "ü"]}
    put(LOG, "".join(json.dumps(line) + "\n" for line in bare).encode())
    without = await scored(suggest)
    assert [line["candidates"] for line in without] == [line["candidates"] for line in whole]
    assert without[0]["unknown_field"] == {"kept": [1, "ü"]}
    assert "choice" not in without[0]


async def test_the_score_is_of_the_text_and_the_probability_of_position_and_person_too(
    suggest: Suggest, model: Path
) -> None:
    same = make_entry("It comes today.", "It comes today.", "It comes today.")
    same = replace(same, candidates=tuple(replace(one, style="direct") for one in same.candidates))
    stranger = replace(same, request=replace(same.request, agent_id="U99", id="r2"))
    write_log([same, stranger], LOG)
    known, unknown = await scored(suggest)
    assert len({one["score"] for one in known["candidates"]}) == 1
    assert known["candidates"][0]["choice_probability"] > known["candidates"][1]["choice_probability"]
    assert [one["score"] for one in unknown["candidates"]] == [one["score"] for one in known["candidates"]]
    assert unknown["request"]["none_probability"] != known["request"]["none_probability"]


async def test_what_was_not_shown_could_not_be_picked(suggest: Suggest, model: Path) -> None:
    entry = make_entry("one", "two", "three", picked=0)
    hidden = replace(entry.candidates[2], position=None, dropped_reason="near_duplicate")
    failed = replace(entry.candidates[2], id="f", sample_index=3, position=None, text=None, error="refused")
    nothing = make_entry(number=5, status="failed")
    write_log(
        [replace(entry, candidates=(*entry.candidates[:2], hidden, failed)), nothing, make_entry("x", number=6)], LOG
    )
    line, empty, single = await scored(suggest)
    assert [one["choice_probability"] for one in line["candidates"][2:]] == [0.0, 0.0]
    assert [one["score"] for one in line["candidates"][2:]] == [None, None]
    assert empty["request"]["none_probability"] is None
    assert 0 < single["candidates"][0]["choice_probability"] < 1


@pytest.mark.parametrize("text", ["字" * 100_000, "a " * 50_000, "مرحبا، كيف حالك؟", "👍", ""])
async def test_any_text_gets_a_score(suggest: Suggest, model: Path, text: str) -> None:
    write_log([make_entry(text, "It comes today.")], LOG)
    (line,) = await scored(suggest)
    assert all(isinstance(one["score"], float) for one in line["candidates"])


@pytest.mark.parametrize("text", ["half \ud83d", "nothing \0"])
async def test_what_json_can_write_is_written_back(suggest: Suggest, model: Path, text: str) -> None:
    """Half a character is no UTF-8: it stays escaped, as it came."""
    line = lines()[0]
    line["candidates"][0]["text"] = line["candidates"][0]["id"] = line["choice"]["candidate_id"] = text
    del line["choice"]["visible_candidate_ids"]
    put(LOG, json.dumps(line).encode())
    (found,) = await scored(suggest)
    assert found["candidates"][0]["text"] == text
    assert found["candidates"][0]["choice_probability"] > 0


async def test_what_json_cannot_write_is_refused(suggest: Suggest, model: Path) -> None:
    put(LOG, b"\n" + json.dumps({**lines()[0], "more": "?"}).replace('"?"', "1e999").encode())
    result = await suggest("rank", "score", "--log", str(LOG), "--model", str(MODEL), "-o", "scored.jsonl")
    assert result.code == 1
    assert result.complaint == "choices.jsonl, line 2: has a number in it that is too large: write null"
    assert not is_there(Path("scored.jsonl"))


async def test_without_places_candidates_stand_as_they_were_drafted(suggest: Suggest, model: Path) -> None:
    bare = lines()[0]
    for candidate in bare["candidates"]:
        del candidate["position"]
    put(LOG, "".join(json.dumps(line) + "\n" for line in (lines()[0], bare)).encode())
    told, untold = await scored(suggest)
    for one, other in zip(told["candidates"], untold["candidates"], strict=True):
        assert other["choice_probability"] == pytest.approx(one["choice_probability"])


async def test_evaluate_tells_both_splits_beside_the_baselines(suggest: Suggest) -> None:
    log = str(write_log(make_log(600, taste=3.0), LOG))
    found = (await suggest("rank", "evaluate", "--log", log, "--weights", "picks", "--json")).json
    for split in ("person", "time"):
        assert found[split]["log_likelihood"]["mean"] > found[split]["position"]["mean"]
        assert found[split]["top_1"]["mean"] > found[split]["top_1_uniform"]
        assert found[split]["clustered_by"] == "agent"
        assert found[split]["worth"]["refused"] == "no_propensities"
    told = await suggest("rank", "evaluate", "--log", log)
    assert "gain over position only" in told.out
    assert "not told: no propensities are logged" in told.out


async def test_with_few_agents_it_is_exploratory(suggest: Suggest) -> None:
    write_log(make_log(120, agents=1), LOG)
    told = await suggest("rank", "evaluate", "--log", str(LOG))
    assert "Exploratory" in told.out
    assert "Other persons" not in told.out


async def test_without_log_it_is_the_database(suggest: Suggest) -> None:
    assert (await suggest("migrate", "--database", "log.db")).code == 0
    for command in ("train", "evaluate"):
        result = await suggest("rank", command, "--database", "log.db")
        assert result.code == 1
        assert "0 decided requests" in result.complaint


async def test_without_a_model_it_is_the_databases(suggest: Suggest, model: Path) -> None:
    assert (await suggest("migrate", "--database", "log.db")).code == 0
    asked = ("rank", "score", "--log", str(LOG), "--database", "log.db")
    assert "no ranker has been learned" in (await suggest(*asked)).complaint
    text = read(MODEL)
    async with open_store("sqlite:///log.db") as store:
        assert await store.leases.take(LEARNING, at=AT, until=after(minutes=2))
        stored = replace(a_ranker(json.loads(text)["version"]), model=text)
        await store.rankers.record(stored)
        result = await suggest(*asked)
        assert result.code == 0, result.err
        await store.change("UPDATE rankers SET model = '{}'")
        assert "cannot be used: it is no ranker" in (await suggest(*asked)).complaint


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "0 decided requests"),
        (b"not json\n", "line 1: is no JSON"),
        (b'{"schema": "choice-log/2"}\n', "line 1: schema: is not choice-log/1"),
        (gzip.compress("".join(map(to_json_line, make_log(50))).encode())[:900], "ends in the middle"),
        (
            to_json_line(make_entry("a", "b", picked=0)).replace('"score": null', '"score": NaN').encode(),
            "has NaN in it",
        ),
        (to_json_line(make_entry("a", "b", kind="dismissed")).encode(), "1 decided requests, 0 with a pick"),
        (to_json_line(make_entry("a", "b")).encode(), "left out: 1 undecided"),
    ],
)
async def test_a_log_that_cannot_be_learned_from_is_refused(suggest: Suggest, content: bytes, complaint: str) -> None:
    put(LOG, content)
    result = await suggest("rank", "train", "--log", str(LOG), "--save", str(MODEL))
    assert result.code == 1
    assert complaint in result.complaint
    assert not is_there(MODEL)


async def test_what_was_scored_is_told(suggest: Suggest, model: Path) -> None:
    asked = ("rank", "score", "--log", str(LOG), "--model", str(model))
    people = await suggest(*asked, "-o", "scored.jsonl.gz")
    assert people.err.startswith("200 requests scored by the ranker ")
    found = (await suggest(*asked, "-o", "scored.jsonl.gz", "--json")).json
    assert (found["requests"], found["output"]) == (200, "scored.jsonl.gz")
    lines_ = (await suggest(*asked, "--json")).out.splitlines()
    assert len(lines_) == 200
    assert all("none_probability" in json.loads(line)["request"] for line in lines_)


async def test_half_a_log_is_not_scored_halfway(suggest: Suggest, model: Path) -> None:
    whole = gzip.compress("".join(map(to_json_line, make_log(900))).encode())
    put(Path("half.gz"), whole[: len(whole) // 2])
    result = await suggest("rank", "score", "--log", "half.gz", "--model", str(model), "-o", "scored.jsonl")
    assert (result.code, is_there(Path("scored.jsonl"))) == (1, False)
    assert "ends in the middle" in result.complaint


async def test_the_log_is_never_written_over(suggest: Suggest, model: Path) -> None:
    result = await suggest("rank", "score", "--log", str(LOG), "--model", str(model), "-o", str(LOG))
    assert result.code == 2
    assert "is the log itself" in result.complaint


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "it is no JSON"),
        (b"\xff\xfe", "it is no text"),
        (b'{"format": "suggest-ranker/9", "version": "x"}', "train it anew"),
    ],
)
async def test_a_model_that_cannot_be_used_is_refused(suggest: Suggest, content: bytes, complaint: str) -> None:
    write_log(make_log(5), LOG)
    put(MODEL, content)
    result = await suggest("rank", "score", "--log", str(LOG), "--model", str(MODEL))
    assert result.code == 1
    assert complaint in result.complaint
    assert result.out == ""


async def test_files_that_are_not_there_are_wrong_usage(suggest: Suggest) -> None:
    assert (await suggest("rank", "train", "--log", "nowhere.jsonl")).code == 2
    write_log(make_log(5), LOG)
    result = await suggest("rank", "score", "--log", str(LOG), "--model", "nowhere.json")
    assert (result.code, "rank train --save nowhere.json" in result.complaint) == (2, True)


async def test_sequential_scores_see_the_earlier_choices_of_the_agent_whatever_the_order_of_lines(
    suggest: Suggest, model: Path
) -> None:
    keeps = [make_entry("one", "two", "three", picked=0, agent="new", number=number) for number in range(8)]
    write_log([*keeps[4:], *keeps[:4]], LOG)
    asked = ("rank", "score", "--log", str(LOG), "--model", str(model))
    plain = [json.loads(line) for line in (await suggest(*asked)).out.splitlines()]
    told = [json.loads(line) for line in (await suggest(*asked, "--sequential")).out.splitlines()]
    assert [line["request"]["id"] for line in told] == ["r4", "r5", "r6", "r7", "r0", "r1", "r2", "r3"]
    by_time = sorted(told, key=lambda line: line["request"]["created_at"])
    first = [
        line["candidates"][0]["choice_probability"] / (1 - line["request"]["none_probability"]) for line in by_time
    ]
    assert first == sorted(first)
    assert first[0] < first[-1]
    for one, other in zip(plain, told, strict=True):
        assert [each["score"] for each in one["candidates"]] == [each["score"] for each in other["candidates"]]
        whole = sum(each["choice_probability"] for each in other["candidates"]) + other["request"]["none_probability"]
        assert whole == pytest.approx(1)
    old = json.loads(read(MODEL))
    del old["sequential"], old["version"]
    put(MODEL, json.dumps({**old, "version": hash_content({k: v for k, v in old.items() if k != "format"})}).encode())
    assert (await suggest(*asked)).code == 0
    assert "train it anew" in (await suggest(*asked, "--sequential")).complaint
