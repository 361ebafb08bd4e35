"""`suggest import`: good lines are recorded, bad ones told, and nothing happens twice."""

import gzip
import io
import json
import sqlite3
import subprocess
import sys
from typing import Any, get_args

import pytest

from storage.records import Surface
from tests.cli.commands.test_export import DESIGNED, record_some
from tests.cli.conftest import Suggest
from tests.cli.files import listed, read, write
from tests.cli.log import audited, log_of
from tests.nursery import started

LINE = json.dumps({"schema": "choice-log/1", **DESIGNED}, ensure_ascii=False) + "\n"


ANOTHER = "schema: is not choice-log/1 but 'choice-log/2'; this program reads choice-log/1 only"


def line(request_id: str, **changes: Any) -> str:
    least = {"id": request_id, "agent_id": "U1", "created_at": "2026-11-22T10:00:00Z", "conversation": []}
    return json.dumps({"schema": "choice-log/1", "request": {**least, **changes}, "candidates": []}) + "\n"


async def test_what_was_exported_is_imported_and_exported_the_same(suggest: Suggest) -> None:
    write("one.jsonl", LINE)
    result = await suggest("import", "one.jsonl")
    assert result.code == 0
    assert result.err == "1 requests imported; 0 were there already\n"
    assert (await suggest("export")).out == LINE
    again = await suggest("import", "one.jsonl", "one.jsonl")
    assert again.code == 0
    assert again.err == "0 requests imported; 2 were there already\n"
    assert (await suggest("export")).out == LINE
    assert await audited("suggest.db") == [
        ("cli", "import", {"imported": 1, "known": 0}),
        ("cli", "export", (await audited("suggest.db"))[1][2]),
        ("cli", "import", {"imported": 0, "known": 1}),
        ("cli", "import", {"imported": 0, "known": 1}),
        ("cli", "export", (await audited("suggest.db"))[4][2]),
    ]


async def test_good_lines_are_taken_and_bad_ones_told(suggest: Suggest) -> None:
    write(
        "some.jsonl", line("r1") + "{}\n" + line("r2", surface="carrier pigeon") + "\n" + line("r3") + line("r4")[:50]
    )
    result = await suggest("import", "some.jsonl")
    assert result.code == 1
    assert result.err.splitlines() == [
        'some.jsonl:2: schema: is missing: a line of a choice log begins with {"schema": "choice-log/1"',
        f"some.jsonl:3: request.surface: must be one of {', '.join(map(repr, get_args(Surface)))}",
        "some.jsonl:6: is cut off: it ends before its JSON object does",
        "suggest: 2 requests imported; 0 were there already; 3 lines refused, told above",
    ]
    assert [found["request"]["id"] for found in await log_of("suggest.db")] == ["r1", "r3"]


async def test_the_same_id_with_other_content_is_refused_and_left(suggest: Suggest) -> None:
    write("one.jsonl", line("r1", hint="one"))
    write("two.jsonl", line("r2") + line("r1", hint="two"))
    await suggest("import", "one.jsonl")
    result = await suggest("import", "two.jsonl", "--json")
    assert result.code == 1
    assert result.json == {
        "imported": 1,
        "known": 0,
        "refused": [
            {
                "file": "two.jsonl",
                "line": 2,
                "reason": "request.id: the log has another request under this id, which was left as it is",
            }
        ],
        "refused_count": 1,
    }
    assert (await log_of("suggest.db"))[0]["request"]["hint"] == "one"


async def test_a_dry_run_records_nothing(suggest: Suggest) -> None:
    write("some.jsonl", line("r1") + line("r2"))
    result = await suggest("import", "some.jsonl", "--dry-run")
    assert result.err == "2 requests would be imported; 0 were there already\n"
    assert listed() == ["some.jsonl"]
    write("one.jsonl", line("r1"))
    await suggest("import", "one.jsonl")
    result = await suggest("import", "some.jsonl", "--dry-run")
    assert result.err == "1 requests would be imported; 1 were there already\n"
    assert len(await log_of("suggest.db")) == 1


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"Dear all,\nthis is a letter.\n", "is no JSON: each line must be one whole JSON object, in UTF-8"),
        (b"SQLite format 3\x00" + bytes(5000), "is no JSON: each line must be one whole JSON object, in UTF-8"),
        (b'{"schema": "choice-log/2"}\n', ANOTHER),
        (b"[1, 2]", "must be an object"),
    ],
)  # fmt: skip
async def test_a_file_that_is_no_choice_log_is_one_line(content: bytes, complaint: str, suggest: Suggest) -> None:
    with open("file", "wb") as file:  # noqa: PTH123, ASYNC230 - a test's own small file
        file.write(content)
    result = await suggest("import", "file")
    assert result.code == 1
    assert result.complaint == f"file is no choice log: line 1 {complaint}"
    assert await log_of("suggest.db") == []


async def test_a_file_of_something_else_is_not_read_to_its_end(suggest: Suggest) -> None:
    write("long.csv", "a,b\n" * 100_000)
    assert (await suggest("import", "long.csv")).complaint.startswith("long.csv is no choice log: line 1 is no JSON")


@pytest.mark.parametrize(
    ("file", "complaint"),
    [
        ("none.jsonl", "there is no file none.jsonl: name files that `suggest export` wrote, or - for stdin"),
        (".", ". is a folder: name the files in it"),
    ],
)
async def test_a_file_that_is_not_there_stops_everything_before_it_begins(
    file: str, complaint: str, suggest: Suggest
) -> None:
    write("one.jsonl", line("r1"))
    result = await suggest("import", "one.jsonl", file)
    assert result.code == 2
    assert result.complaint == complaint
    assert listed() == ["one.jsonl"]


def test_stdin_is_read_packed_too() -> None:
    for content, told in ((line("r1").encode(), "1 requests"), (gzip.compress(line("r2").encode()), "1 requests")):
        with started("import", "-", stdin=content) as process:
            _, err = process.communicate()
        assert (process.returncode, err[: len(told)]) == (0, told)


def test_memory_stays_flat_however_long_the_file_or_a_line_of_it_is() -> None:
    """A line of a gigabyte among good ones, read by a process that may have 1.5 GB of address space."""
    script = (
        "import sys; w = sys.stdout.buffer.write\n"
        f"w({line('r1').encode()!r})\n"
        "for _ in range(1024): w(b'x' * 2**20)\n"
        f"w(b'\\n'); w({line('r2').encode()!r})"
    )
    command = f'{sys.executable} -c "$0" | (ulimit -v 1500000; exec {sys.executable} -m cli import -)'
    ended = subprocess.run(["bash", "-c", command, script], capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [
        "stdin:2: is longer than 16 MiB: no request is",
        "suggest: 2 requests imported; 0 were there already; 1 lines refused, told above",
    ]


async def test_a_database_that_is_locked_is_told(suggest: Suggest) -> None:
    await record_some(1)
    write("one.jsonl", line("x1"))
    blocker = sqlite3.connect("suggest.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    try:
        result = await suggest("import", "one.jsonl")
    finally:
        blocker.close()
    assert result.code == 1
    assert "database is locked" in result.complaint
    assert (await suggest("import", "one.jsonl")).code == 0


DID = ("Mailed", "Called")


@pytest.mark.parametrize(
    ("keeps", "kept"),
    [
        ("redacted", ["Write to [EMAIL_1]", "I am [EMAIL_1]", "Mailed [EMAIL_1]", "Called [EMAIL_1]"]),
        ("full", ["Write to ann@example.com", "I am ann@example.com", *(f"{did} ann@example.com" for did in DID)]),
        ("off", ["", None, None, None]),
    ],
)  # fmt: skip
async def test_texts_are_kept_as_our_own_would_be(
    keeps: str, kept: list[str | None], suggest: Suggest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUGGEST_STORE_TEXT", keeps)
    found = json.loads(line("r1", hint="I am ann@example.com"))
    found["request"]["conversation"] = [{"role": "customer", "text": "Write to ann@example.com"}]
    sources = [{"title": "About ann@example.com", "pages": [7]}]
    found["candidates"] = [{"id": "c1", "text": "Mailed ann@example.com", "position": 1, "sources": sources}]
    taken_back = {"kind": "used", "final_text": "Called ann@example.com"}
    found["events"] = [{"type": "undone", "at": "2026-11-22T10:00:09Z", "data": {"choice": taken_back}}]
    write("one.jsonl", json.dumps(found))
    assert (await suggest("import", "one.jsonl")).code == 0
    [entry] = await log_of("suggest.db")
    undone = entry["events"][0]["data"]["choice"]["final_text"]
    assert [
        entry["request"]["conversation"][0]["text"], entry["request"]["hint"], entry["candidates"][0]["text"], undone
    ] == kept  # fmt: skip
    about = {"redacted": [{**sources[0], "title": "About [EMAIL_1]"}], "full": sources, "off": []}
    assert entry["candidates"][0]["sources"] == about[keeps]
    assert (await suggest("import", "one.jsonl")).err == "0 requests imported; 1 were there already\n"
    write("again.jsonl", (await suggest("export")).out)
    assert (await suggest("import", "again.jsonl")).err == "0 requests imported; 1 were there already\n"


@pytest.mark.parametrize("keeps", ["redacted", "full"])
async def test_secrets_are_never_taken_in(keeps: str, suggest: Suggest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even with all other originals: nothing that was read could give them back."""
    monkeypatch.setenv("SUGGEST_STORE_TEXT", keeps)
    write("one.jsonl", line("r1", conversation=[{"role": "customer", "text": "My password is hunter2"}]))
    assert (await suggest("import", "one.jsonl")).code == 0
    [entry] = await log_of("suggest.db")
    assert entry["request"]["conversation"][0]["text"] == "My password is [SECRET_1]"


async def test_what_has_no_texts_any_more_is_not_pruned_again(suggest: Suggest) -> None:
    old = {"created_at": "2025-01-01T10:00:00Z"}
    wordless = json.loads(line("r1", conversation=[{"role": "customer", "text": ""}], **old))
    wordless["candidates"] = [{"id": "c1", "text": None, "position": 1}]
    worded = line("r2", conversation=[{"role": "customer", "text": "Hello"}], **old)
    write("both.jsonl", json.dumps(wordless) + "\n" + worded)
    assert (await suggest("import", "both.jsonl")).code == 0
    pruned = await suggest("prune", "--older-than", "1d", "--dry-run")
    assert pruned.out.startswith("Would forget the texts of 1 request made before")


# --- other systems' logs --------------------------------------------------------------------------------

MAP = """
zone = "+01:00"
[request]
id = "ticket"
agent_id = "agent"
created_at = "asked"
message = "question"
[candidates]
text = ["reply_1", "reply_2", "reply_3"]
latency_ms = ["ms_1", "ms_2"]
in_order = true
[choice]
picked = "picked"
final_text = "sent"
chosen_at = "answered"
[constants]
"request.team_id" = "T7"
"candidates.model" = "old-model"
"""
COLUMNS = "ticket,agent,asked,question,reply_1,reply_2,reply_3,ms_1,ms_2,picked,sent,answered\r\n"


async def test_a_csv_of_another_system_is_mapped(suggest: Suggest) -> None:
    write("map.toml", MAP)
    rows = [
        "7,U1,2026-11-22 10:00:00,Where?,Here.,There.,,5,6,2,,2026-11-22T10:00:09Z",
        "8,U1,2026-11-22T10:00:01+00:00,Why?,So.,,,5,,1,Thus.,2026-11-22 11:00:09",
        "9,U2,2026-11-22 12:00:00,When?,Now.,Then.,Never.,,,0,,2026-11-22 12:00:09",
        "10,U2,2026-11-22 13:00:00,Who?,Me.,You.,,,,,,",
    ]
    write("old.csv", COLUMNS + "\r\n".join(rows) + "\r\n")
    assert (await suggest("import", "old.csv", "--map", "map.toml")).code == 0
    found = {entry["request"]["id"]: entry for entry in await log_of("suggest.db")}
    assert found["7"]["request"]["created_at"] == "2026-11-22T09:00:00.000Z"
    assert found["8"]["request"]["created_at"] == "2026-11-22T10:00:01.000Z"
    assert found["7"]["request"]["conversation"] == [{"role": "customer", "text": "Where?"}]
    assert found["7"]["request"]["team_id"] == "T7"
    names = ("id", "text", "position", "latency_ms", "model")
    assert [tuple(one[name] for name in names) for one in found["7"]["candidates"]] == [
        ("7.1", "Here.", 1, 5, "old-model"),
        ("7.2", "There.", 2, 6, "old-model"),
    ]
    names = ("kind", "candidate_id", "final_text")
    choices = {key: entry["choice"] and tuple(entry["choice"][name] for name in names) for key, entry in found.items()}
    assert choices == {
        "7": ("used", "7.2", "There."),
        "8": ("edited", "8.1", "Thus."),
        "9": ("dismissed", None, None),
        "10": None,
    }
    assert found["7"]["request"]["policy"] == "unlogged"
    assert (
        await suggest("import", "old.csv", "--map", "map.toml")
    ).err == "0 requests imported; 4 were there already\n"


async def test_json_lines_of_another_system_are_mapped(suggest: Suggest) -> None:
    write(
        "map.toml",
        """
        [request]
        id = "id"
        agent_id = "who.id"
        created_at = "at"
        conversation = "turns"
        [candidates]
        list = "drafts"
        text = "body"
        id = "key"
        position = "place"
        [choice]
        kind = "outcome.kind"
        candidate_id = "outcome.key"
        final_text = "outcome.text"
        chosen_at = "outcome.at"
        """,
    )
    row = {
        "id": "a",
        "who": {"id": 7},
        "at": "2026-11-22T10:00:00Z",
        "turns": [{"role": "customer", "text": "Hi"}],
        "drafts": [{"key": "k1", "body": "Hello", "place": 2}, {"key": "k2", "body": "Yo", "place": 1}],
        "outcome": {"kind": "edited", "key": "k1", "text": "Hello!", "at": "2026-11-22T10:00:05Z"},
    }
    write("old.jsonl", json.dumps(row) + "\n" + json.dumps(row | {"id": "b", "at": "yesterday"}) + "\n[]\n")
    result = await suggest("import", "old.jsonl", "--map", "map.toml")
    assert result.err.splitlines()[:2] == [
        "old.jsonl:2: request.created_at: must be a time with its zone, like 2026-11-22T10:00:00.000Z",
        "old.jsonl:3: must be an object",
    ]
    [entry] = await log_of("suggest.db")
    assert entry["request"]["agent_id"] == "7"
    assert entry["choice"]["visible_candidate_ids"] == ["k2", "k1"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[request", "the map map.toml:1: not valid TOML: "),
        ("zone = 'Z'\n[requests]", "the map map.toml:2: the map has an unknown key 'requests': did you mean request?"),
        ("[request]\nmood = 'x'", "the map map.toml:2: request.mood is no field"),
        ("[constants]\n'request.mood' = 'x'", "the map map.toml:2: request.mood is no field"),
        ("[request]\nid = 'x'", "the map map.toml:1: no column is request.agent_id"),
        ("[request]\nid = 5", "the map map.toml:2: id of [request] must be a text in quotes, not a number"),
        ("choice = 5", "the map map.toml:1: choice must be a table, not a number"),
        ("[candidates]\ntext = [5]", "the map map.toml:2: text of [candidates] must be a column in quotes"),
        ("zone = 5", "the map map.toml:1: zone of the map must be a text in quotes"),
        (MAP.replace("\ntext =", "\nstyle ="), "the map map.toml:8: it is not said where the candidates are"),
    ],
)  # fmt: skip
async def test_a_map_that_is_none_is_wrong_usage(text: str, complaint: str, suggest: Suggest) -> None:
    write("map.toml", text)
    write("old.csv", COLUMNS)
    result = await suggest("import", "old.csv", "--map", "map.toml")
    assert result.code == 2
    assert result.complaint.startswith(complaint)
    assert listed() == ["map.toml", "old.csv"]


async def test_the_documented_map_works(suggest: Suggest) -> None:
    from tests.test_docs import read as documented

    text = documented("docs/imports.md")
    write("map.toml", text.split("```toml\n")[1].split("```")[0])
    header = text.split("```csv\n")[1].split("```")[0]
    write("old.csv", header)
    result = await suggest("import", "old.csv", "--map", "map.toml")
    assert result.code == 0, result.err
    assert len(await log_of("suggest.db")) == len(list(io.StringIO(header))) - 1
    assert read("old.csv") == header
