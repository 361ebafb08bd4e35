"""`suggest knowledge`: what the team knows, from files to passages."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from playground.model_server import ModelDouble
from tests.cli.conftest import Suggest
from tests.cli.files import absolute, delete, listed, make_folder, write, write_bytes
from tests.cli.person import at_terminal

MACROS = """\
title,text,url,internal
Refund,We refund within three days.,https://shop.example/r,
Fraud,Ask a lead.,,yes
"""


@pytest.fixture
async def known(suggest: Suggest) -> None:
    write("macros.csv", MACROS)
    result = await suggest("knowledge", "add", "macros.csv", "--collection", "desk")
    assert (result.code, result.out) == (0, "Read 2 documents in 2 passages.\n")


@pytest.mark.usefixtures("known")
async def test_a_search_tells_documents_best_first(suggest: Suggest) -> None:
    (hit,) = (await suggest("knowledge", "search", "when is it refunded", "--json")).json
    assert {name: hit[name] for name in ("id", "title", "text", "internal", "url", "collection")} == {
        "id": "macros.csv#Refund",
        "title": "Refund",
        "text": "We refund within three days.",
        "internal": False,
        "url": "https://shop.example/r",
        "collection": "desk",
    }
    assert hit["source"] == absolute("macros.csv")
    assert hit["score"] > 0
    told = (await suggest("knowledge", "search", "fraud")).out
    assert told.endswith("Fraud (internal, desk)  [macros.csv#Fraud]\nAsk a lead.\n")
    assert (await suggest("knowledge", "search", "zebra")).out == "Nothing fits: no document has these words.\n"
    assert (await suggest("knowledge", "search", "zebra", "--json")).json == []


async def test_an_embedding_model_finds_by_meaning(suggest: Suggest, monkeypatch: pytest.MonkeyPatch) -> None:
    meanings = {"reimbursed": 0, "refund": 0, "lead": 1}
    write("macros.csv", MACROS)
    async with ModelDouble.start() as double:
        double.embed = lambda text: [
            *(float(n in {meanings.get(word.strip(".?,")) for word in text.casefold().split()}) for n in (0, 1)),
            0.1,
        ]
        monkeypatch.setenv("OPENAI_BASE_URL", double.base_url)
        monkeypatch.setenv("SUGGEST_EMBEDDING_MODEL", "small")
        added = await suggest("knowledge", "add", "macros.csv")
        assert added.out == "Read 2 documents in 2 passages.\nMade vectors of 2 passages.\n"
        (first, *_) = (await suggest("knowledge", "search", "Am I reimbursed?", "--json")).json
        assert first["id"] == "macros.csv#Refund"
        write("q.jsonl", '{"question": "Am I reimbursed?", "expected": ["macros.csv#Refund"]}')
        assert (await suggest("knowledge", "eval", "q.jsonl", "--json")).json["hit@1"] == 1
        assert {call["model"] for call in double.embedding_calls} == {"small"}
    write("new.txt", "Lamps.")
    added = await suggest("knowledge", "add", "new.txt")
    assert added.code == 0
    assert "1 passage without a vector (the server cannot be reached): found by words alone until" in added.out
    (found, *_) = (await suggest("knowledge", "search", "lead", "--json")).json
    assert found["id"] == "macros.csv#Fraud"


@pytest.mark.usefixtures("known")
async def test_documents_are_listed_and_shown(suggest: Suggest) -> None:
    listed = (await suggest("knowledge", "list", "--json")).json
    assert [(one["id"], one["passages"]) for one in listed] == [("macros.csv#Fraud", 1), ("macros.csv#Refund", 1)]
    assert "macros.csv#Refund  Refund" in (await suggest("knowledge", "list")).out
    shown = (await suggest("knowledge", "show", "macros.csv#Refund", "--json")).json
    assert shown["passages"] == [{"heading": "", "text": "We refund within three days."}]
    assert "We refund" in (await suggest("knowledge", "show", "macros.csv#Refund")).out
    missing = await suggest("knowledge", "show", "nope")
    assert missing.complaint == "there is no document nope: `suggest knowledge list` tells all ids"


@pytest.mark.usefixtures("known")
async def test_what_is_removed_or_gone_is_not_found(suggest: Suggest) -> None:
    assert (await suggest("knowledge", "remove", "macros.csv#Fraud")).out == "Removed 1 document.\n"
    assert (await suggest("knowledge", "search", "fraud", "--json")).json == []
    delete("macros.csv")
    assert (await suggest("knowledge", "refresh")).code == 1, "what was added is gone altogether"
    assert (await suggest("knowledge", "remove", "macros.csv")).out == "Removed 1 document.\n"
    again = await suggest("knowledge", "remove", "macros.csv")
    assert again.complaint == "nothing is known by macros.csv: `suggest knowledge list` tells ids and files"


@pytest.mark.usefixtures("known")
async def test_a_search_is_measured(suggest: Suggest) -> None:
    write(
        "q.jsonl",
        '{"question": "refund?", "expected": ["macros.csv#Refund"]}\n'
        '{"question": "zebras?", "expected": ["macros.csv"]}\n',
    )
    measured = (await suggest("knowledge", "eval", "q.jsonl", "--json")).json
    assert measured == {
        "hit@1": 0.5,
        "hit@3": 0.5,
        "mrr@10": 0.5,
        "questions": [
            {"question": "refund?", "found": ["macros.csv#Refund"]},
            {"question": "zebras?", "found": []},
        ],
    }
    assert "first for 50.0%" in (await suggest("knowledge", "eval", "q.jsonl")).out
    write("q.jsonl", '{"question": "refund?"}')
    wrong = await suggest("knowledge", "eval", "q.jsonl")
    assert (wrong.code, wrong.complaint.partition(" is not ")[0]) == (2, "q.jsonl: line 1")


async def test_what_cannot_be_read_is_told_and_the_rest_is_taken(suggest: Suggest) -> None:
    make_folder("help")
    write("help/good.md", "# Lamps\n\nThey shine.")
    write_bytes("help/bad.txt", b"\xff\x00\x01")
    result = await suggest("knowledge", "add", "help")
    assert result.code == 1
    assert result.out.splitlines()[0] == "Read 1 document in 1 passage."
    assert result.out.splitlines()[1].endswith("help/bad.txt: it is not UTF-8 text: save it as UTF-8")
    assert (await suggest("knowledge", "add", "missing")).complaint == "there is no file or folder missing"


async def test_without_a_database_nothing_is_made(suggest: Suggest) -> None:
    result = await suggest("knowledge", "search", "lamps")
    assert result.code == 2
    assert listed() == []


# --- gaps -----------------------------------------------------------------------------------------------

ASKED = ("Do you ship to Norway?", "Can you ship to Norway, please?", "Is there a vegan leather bag?")


@pytest.fixture
async def asked(suggest: Suggest, known: None, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ModelDouble]:
    """Three questions that nothing fits, of which the first two are alike, and one that something fits."""
    async with ModelDouble.start() as model:
        monkeypatch.setenv("OPENAI_BASE_URL", model.base_url)
        model.script(lambda call: "We ship to Norway for 9 EUR.")
        for question in ASKED:
            await suggest("try", question, "--pick", "1", "--candidates", "1")
        model.script(lambda call: "Within three days [1].")
        yield model


async def find_gaps(suggest: Suggest) -> list[dict[str, Any]]:
    result = await suggest("knowledge", "gaps", "--json")
    assert result.code == 0
    return list(result.json)


@pytest.mark.usefixtures("asked")
async def test_questions_without_a_source_are_grouped_with_their_answers(suggest: Suggest) -> None:
    await suggest("try", "When is it refunded?")
    norway, bag = await find_gaps(suggest)
    assert [norway["question"], norway["count"], len(norway["requests"])] == [ASKED[0], 2, 2]
    assert norway["id"] == norway["requests"][0]
    assert norway["answers"] == ["We ship to Norway for 9 EUR."]
    assert [bag["question"], bag["count"]] == [ASKED[2], 1]
    told = (await suggest("knowledge", "gaps")).out.splitlines()
    assert told[0] == f"2 times: {ASKED[0]}  [{norway['id']}]"
    assert told[1] == "We ship to Norway for 9 EUR."
    assert (await suggest("knowledge", "gaps", "--since", "2100-01-01")).out.startswith("No gap")


@pytest.mark.usefixtures("asked")
async def test_a_sent_reply_becomes_a_document(suggest: Suggest) -> None:
    gap, _ = await find_gaps(suggest)
    unasked = await suggest("knowledge", "gaps", "--promote", gap["id"])
    assert (unasked.code, "say --yes" in unasked.complaint) == (2, True)
    promoted = await suggest("knowledge", "gaps", "--promote", gap["id"], "--yes", "--json")
    assert (promoted.json["id"], promoted.json["title"]) == (f"gap:{gap['id']}", ASKED[0])
    (hit,) = (await suggest("knowledge", "search", "ship to Norway", "--json")).json
    assert hit["text"] == "We ship to Norway for 9 EUR."
    assert (await suggest("knowledge", "refresh")).code == 0
    assert (await suggest("knowledge", "remove", f"gap:{gap['id']}")).out == "Removed 1 document.\n"
    assert (await suggest("knowledge", "gaps", "--promote", "nope", "--yes")).code == 1


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(
    ("reply", "reason"), [(None, "no reply was sent"), ("Write to bob@example.com.", "personal data in it ([EMAIL_1])")]
)
async def test_what_cannot_be_promoted_is_refused(
    suggest: Suggest, monkeypatch: pytest.MonkeyPatch, reply: str | None, reason: str
) -> None:
    async with ModelDouble.start() as model:
        monkeypatch.setenv("OPENAI_BASE_URL", model.base_url)
        model.script(lambda call: reply or "Hello.")
        await suggest("try", ASKED[0], "--candidates", "1", *(["--pick", "1"] if reply else []))
    (gap,) = await find_gaps(suggest)
    refused = await suggest("knowledge", "gaps", "--promote", gap["id"], "--yes")
    assert (refused.code, reason in refused.complaint) == (1, True)


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(("typed", "found"), [("no", 0), ("yes", 1)])
async def test_a_person_reads_a_reply_before_drafts_know_it(suggest: Suggest, typed: str, found: int) -> None:
    gap, _ = await find_gaps(suggest)
    with at_terminal("knowledge", "gaps", "--promote", gap["id"]) as person:
        person.sees("We ship to Norway for 9 EUR.")
        person.sees("Type yes")
        person.types(f"{typed}\n")
        assert person.leaves() == 0
    assert len((await suggest("knowledge", "search", "ship to Norway", "--json")).json) == found


async def test_try_tells_the_sources_of_each_reply(suggest: Suggest, asked: ModelDouble) -> None:
    told = (await suggest("try", "When is it refunded?", "--candidates", "1")).out
    assert "Source: Refund · " in told
    assert "https://shop.example/r" in told
    asked.script(lambda call: "I do not know.")
    assert "No source" in (await suggest("try", "When is it refunded?", "--candidates", "1")).out
