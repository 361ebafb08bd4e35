"""`suggest erase` and `suggest prune`: what goes, what stays, what is said; and that the bytes are off the disk."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from cli.commands.prune import parse_span
from storage.engine.database import Database
from storage.records import Turn
from storage.schema import migrate
from tests.cli.conftest import Suggest
from tests.cli.log import audited, log_of
from tests.storage.stores import (
    a_choice,
    build_store,
    make_draft_outcome,
    record_choice,
    record_redraft,
    record_request,
    record_shown,
    retract_choice,
    some_candidates,
)

FILE = "suggest.db"
NAME = "Jane Fictional"


async def filled(folder: Path) -> None:
    """Two agents, one of whom has a customer's name in every place where a text can stand."""
    database = Database(f"sqlite:///{folder / FILE}")
    await migrate(database)
    store = build_store(database)
    said = (Turn(role="customer", text=f'I am "{NAME.upper()}".'),)
    await record_shown(store, "r1", conversation=said, hint=f"for {NAME}", agent_id="U1", channel_id="C1")
    await record_choice(store, a_choice("r1", "edited", final_text=f"Dear {NAME}"), parts=1, key="click:U1:1.1")
    await retract_choice(store, "r1", key="click:U1:2.1")
    await record_redraft(store, "r1", "r2")
    await record_shown(store, "r3", agent_id="U2", channel_id="C2", thread_ts="1.5")
    await record_request(store, "r4", agent_id="U2", channel_id="C2")
    texts = some_candidates("r4", text=f"Dear {NAME}", position=None)
    await store.requests.record_drafts(
        make_draft_outcome("r4", texts, status="failed", sent_to_slack_at=None, order_propensity=None)
    )
    await database.aclose()


@pytest.fixture
async def database(tmp_path: Path) -> Path:
    await filled(tmp_path)
    return tmp_path / FILE


def on_disk(folder: Path, needle: str) -> list[str]:
    return [
        path.name for path in sorted(folder.glob(f"{FILE}*")) if needle.casefold().encode() in path.read_bytes().lower()
    ]


async def ids() -> list[str]:
    return sorted([line["request"]["id"] for line in await log_of(FILE)])


@pytest.mark.parametrize(
    ("option", "value", "left"),
    [
        ("--agent", "U1", ["r3", "r4"]),
        ("--channel", "C2", ["r1", "r2"]),
        ("--thread", "1.5", ["r1", "r2", "r4"]),
        ("--request", "r2", ["r3", "r4"]),
        ("--request", "r1", ["r3", "r4"]),
        ("--containing", "jane fictional", ["r3"]),
        ("--containing", "ＪＡＮＥ fictional", ["r3"]),
    ],
)  # fmt: skip
async def test_what_is_meant_goes_and_nothing_else(
    suggest: Suggest, database: Path, option: str, value: str, left: list[str]
) -> None:
    """With the requests of the same redrafts, which are about the same message."""
    looked = await suggest("erase", option, value, "--database", FILE, "--dry-run")
    assert (looked.code, len(await ids())) == (0, 4)
    assert looked.out.startswith("Would erase ")
    done = await suggest("erase", option, value, "--database", FILE, "--yes")
    assert (done.code, await ids()) == (0, left)
    assert "Erased at " in done.out
    assert "The bytes are off the disk." in done.out


async def test_the_bytes_are_gone_and_the_receipt_tells_the_rows(suggest: Suggest, database: Path) -> None:
    assert on_disk(database.parent, NAME)
    done = await suggest("erase", "--containing", NAME, "--database", FILE, "--yes", "--json")
    assert done.json["rows"]["requests"] == 3
    assert done.json["rows"]["events"] > 0
    assert done.json["wiped"]
    assert sorted(done.json["request_ids"]) == ["r1", "r2", "r4"]
    assert NAME not in done.out
    assert on_disk(database.parent, NAME) == []
    with closing(sqlite3.connect(FILE)) as opened:
        for table in ("candidates", "choices", "deliveries", "events", "vault"):
            rows = opened.execute(f"SELECT count(*) FROM {table} WHERE request_id IN ('r1', 'r2', 'r4')").fetchone()
            assert rows == (0,), table
    [(actor, action, data)] = await audited(FILE)
    assert (actor, action, data["by"]) == ("cli", "erase", "containing")
    assert data["rows"] == done.json["rows"]


async def test_while_the_bot_holds_the_file_the_bytes_go_too(suggest: Suggest, database: Path) -> None:
    """As far as nobody is in the middle of reading: then the receipt says so, and once more is enough."""
    with closing(sqlite3.connect(FILE, isolation_level=None)) as reader:
        reader.execute("SELECT count(*) FROM requests").fetchone()
        done = await suggest("erase", "--agent", "U1", "--database", FILE, "--yes", "--json")
        assert done.json["wiped"]
        assert on_disk(database.parent, "R1-C0") == []
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM requests").fetchone()
        held = await suggest("erase", "--agent", "U2", "--database", FILE, "--yes", "--json")
        assert not held.json["wiped"]
        reader.execute("COMMIT")
        again = await suggest("erase", "--agent", "U2", "--database", FILE, "--yes")
        assert "The bytes are off the disk." in again.out
        assert on_disk(database.parent, NAME) == []


async def test_an_agents_clicks_are_forgotten(suggest: Suggest, database: Path) -> None:
    await suggest("erase", "--agent", "U1", "--database", FILE, "--yes")
    with closing(sqlite3.connect(FILE)) as opened:
        keys = [key for (key,) in opened.execute("SELECT key FROM seen_deliveries")]
    assert not [key for key in keys if key.startswith("click:U1:")]
    assert keys


async def test_nothing_found_is_no_failure(suggest: Suggest, database: Path) -> None:
    """What was wanted is so already; the audit table says that it was asked for."""
    done = await suggest("erase", "--request", "unknown", "--database", FILE, "--yes")
    assert done.code == 0
    assert "nothing to erase" in done.out
    assert [action for _, action, _ in await audited(FILE)] == ["erase"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "exactly one of --agent"),
        (("--agent", "U1", "--channel", "C1"), "exactly one of --agent"),
        (("--agent", " "), "is empty"),
        (("--containing", "ab"), "3 characters or more"),
        (("--agent", "U1"), "nobody is at a terminal"),
        (("--agent", "U1", "--json"), "nobody is at a terminal"),
    ],
)
async def test_wrong_usage_erases_nothing(
    suggest: Suggest, database: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    refused = await suggest("erase", *arguments, "--database", FILE)
    assert (refused.code, len(await ids())) == (2, 4)
    assert complaint in refused.complaint


@pytest.mark.parametrize(("answer", "left"), [("yes", 2), ("y", 4), ("", 4), (None, 4)])
async def test_a_person_is_asked(
    suggest: Suggest, database: Path, monkeypatch: pytest.MonkeyPatch, answer: str | None, left: int
) -> None:
    def typed(_: str) -> str:
        if answer is None:
            raise EOFError
        return answer

    monkeypatch.setattr("builtins.input", typed)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    done = await suggest("erase", "--agent", "U1", "--database", FILE)
    assert (done.code, len(await ids())) == (0, left)
    assert ("Nothing was erased" in done.out) == (left == 4)


async def test_a_locked_database_is_told(suggest: Suggest, database: Path) -> None:
    with closing(sqlite3.connect(FILE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        refused = await suggest("erase", "--agent", "U1", "--database", FILE, "--yes")
    assert (refused.code, len(await ids())) == (1, 4)
    assert "another program is writing to it" in refused.complaint


# --- prune --------------------------------------------------------------------------------------------


async def test_texts_go_and_numbers_stay(suggest: Suggest, database: Path) -> None:
    with closing(sqlite3.connect(FILE)) as opened, opened:
        opened.execute("UPDATE requests SET created_at = '2020-11-01T10:00:00.000Z'")
    before = await log_of(FILE)
    looked = await suggest("prune", "--older-than", "1d", "--database", FILE, "--dry-run", "--json")
    assert looked.json["requests"] == 4
    done = await suggest("prune", "--older-than", "1d", "--database", FILE, "--json")
    assert (done.json["requests"], done.json["wiped"]) == (4, True)
    assert on_disk(database.parent, NAME) == []
    after = await log_of(FILE)
    for line, was in zip(after, before, strict=True):
        assert line["request"]["conversation"] == [{"role": "customer", "text": ""}]
        assert line["request"]["hint"] is None
        assert {each["text"] for each in line["candidates"]} <= {None}
        numbers = ("id", "position", "first_propensity", "style", "shown_at")
        assert [[each[name] for name in numbers] for each in line["candidates"]] == [
            [each[name] for name in numbers] for each in was["candidates"]
        ]
        assert [event["type"] for event in line["events"]] == [event["type"] for event in was["events"]]
    [kept] = [event["data"]["choice"] for event in after[0]["events"] if event["type"] == "undone"]
    assert (kept["final_text"], kept["kind"], kept["edit_similarity"]) == (None, "edited", 1.0)
    again = await suggest("prune", "--older-than", "1d", "--database", FILE)
    assert "Forgot the texts of 0 requests" in again.out


async def test_young_requests_keep_their_texts(suggest: Suggest, database: Path) -> None:
    done = await suggest("prune", "--older-than", "520w", "--database", FILE)
    assert (done.code, done.out.startswith("Forgot the texts of 0 requests")) == (0, True)
    assert on_disk(database.parent, NAME)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "--older-than 90d, or set SUGGEST_RETENTION_DAYS"),
        (("--older-than", "90"), "write it with a unit, like 90d"),
        (("--older-than", "d"), "write it with a unit"),
        (("--older-than", "-3d"), "write it with a unit"),
        (("--older-than", "1.5d"), "write it with a unit"),
        (("--older-than", "23h"), "less than a day"),
    ],
)
async def test_a_wrong_span_is_told(
    suggest: Suggest, database: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    refused = await suggest("prune", *arguments, "--database", FILE)
    assert refused.code == 2
    assert complaint in refused.complaint


@pytest.mark.parametrize(
    ("text", "meant"), [("90d", timedelta(days=90)), (" 2W ", timedelta(weeks=2)), ("36h", timedelta(hours=36))]
)
def test_spans(text: str, meant: timedelta) -> None:
    assert parse_span("--older-than", text) == meant


async def test_the_setting_is_the_default(suggest: Suggest, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUGGEST_RETENTION_DAYS", "3650")
    assert (await suggest("prune", "--database", FILE)).code == 0
