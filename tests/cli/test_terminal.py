"""`suggest try` with a person at a pseudo-terminal: everything that can be typed, and what it leaves in the log."""

import re
import sys
from pathlib import Path

import pytest

from cli.errors import Failed
from cli.terminal import Terminal, make_printable
from tests.cli.files import pause
from tests.cli.log import line_of, log_of
from tests.cli.person import Person, at_terminal

MESSAGE = "My parcel arrived broken and I need it by Friday"
QUESTION = "leaves it open: "
DEMO = "suggest-demo.db"

SHOUTS = f"{sys.executable} -c 'import sys; f = sys.argv[1]; t = open(f).read(); open(f, \"w\").write(t.upper())'"
EMPTIES = f"{sys.executable} -c 'import sys; open(sys.argv[1], \"w\").close()'"
KEEPS = f"{sys.executable} -c 'import sys; f = sys.argv[1]; t = open(f).read(); open(f, \"w\").write(t)'"


async def test_a_reply_is_used_by_its_number() -> None:
    with at_terminal("try", MESSAGE) as person:
        screen = person.sees(QUESTION)
        pause(0.3)
        person.types("2\n")
        person.sees("✓ Reply 2 used as it is.")
        assert person.leaves() == 0
    assert "No model is configured" in screen
    line = await line_of(DEMO)
    chosen = next(candidate for candidate in line["candidates"] if candidate["position"] == 2)
    assert line["choice"]["candidate_id"] == chosen["id"]
    assert line["choice"]["decision_ms"] >= 300
    assert line["request"]["simulated"] is True


async def test_a_reply_is_edited_in_the_line() -> None:
    with at_terminal("try", MESSAGE) as person:
        person.sees(QUESTION)
        person.types("e 1\n")
        person.sees("⏎ is a line break")
        person.types(" Yours,⏎Ada\n")
        person.sees("✓ Reply 1 used with your edit.")
        assert person.leaves() == 0
    line = await line_of(DEMO)
    edited = next(candidate for candidate in line["candidates"] if candidate["position"] == 1)
    assert line["choice"]["kind"] == "edited"
    assert line["choice"]["final_text"] == f"{edited['text']} Yours,\nAda"
    assert 0.5 < line["choice"]["edit_similarity"] < 1
    assert [event["type"] for event in line["events"]] == ["shown", "edit_opened", "edited"]


async def test_an_edit_may_be_cancelled_and_unchanged_it_is_used() -> None:
    with at_terminal("try", MESSAGE) as person:
        person.sees(QUESTION)
        person.types("e 1\n")
        person.sees("> ")
        person.waits_until_asked()
        person.presses_ctrl_c()
        person.sees("Not changed, so nothing was chosen.")
        person.sees(QUESTION)
        person.types("e 1\n")
        person.sees("> ")
        person.types("\n")
        person.sees("✓ Reply 1 used as it is.")
        assert person.leaves() == 0
    assert (await line_of(DEMO))["choice"]["kind"] == "used"


async def test_a_reply_is_edited_in_the_users_editor() -> None:
    with at_terminal("try", MESSAGE, env={"EDITOR": SHOUTS}) as person:
        person.sees(QUESTION)
        person.types("e 3\n")
        person.sees("✓ Reply 3 used with your edit.")
        assert person.leaves() == 0
    line = await line_of(DEMO)
    text = next(candidate["text"] for candidate in line["candidates"] if candidate["position"] == 3)
    assert line["choice"]["final_text"] == text.upper()


async def test_an_edit_that_came_to_nothing_is_told_and_asked_again() -> None:
    with at_terminal("try", MESSAGE, env={"EDITOR": EMPTIES}) as person:
        person.sees(QUESTION)
        person.types("e 1\n")
        person.sees("Please write a reply first: there is nothing to send.")
        person.sees(QUESTION)
        person.types("\n")
        assert person.leaves() == 0
    assert (await line_of(DEMO))["choice"] is None


@pytest.mark.parametrize(("editor", "expected"), [("true", None), (SHOUTS, "GRÜSSE\nADA\n"), (KEEPS, "Grüße\nAda\n")])
def test_what_an_editor_saved_is_the_edit(editor: str, expected: str | None) -> None:
    assert Terminal.for_people(editor=editor).edit("Grüße\nAda") == expected


@pytest.mark.parametrize(
    ("editor", "told"),
    [
        ("false", "the editor 'false' ended with code 1: nothing was changed"),
        ("no-such-editor", "cannot be started: set EDITOR to one that can"),
        ("'unclosed", "cannot be started: set EDITOR to one that can"),
    ],
)
def test_an_editor_that_does_not_work_is_named(editor: str, told: str) -> None:
    with pytest.raises(Failed, match=re.escape(told)):
        Terminal.for_people(editor=editor).edit("Hello")


async def test_more_like_these_is_a_new_request_that_closes_the_first() -> None:
    with at_terminal("try", MESSAGE, "--hint", "be brief") as person:
        person.sees(QUESTION)
        person.types("m\n")
        person.sees(QUESTION)
        person.types("1\n")
        assert person.leaves() == 0
    parent, child = await log_of(DEMO)
    assert parent["request"]["status"] == "redrafted"
    assert parent["choice"] is None
    assert [event["type"] for event in parent["events"]] == ["shown", "redrafted"]
    assert child["request"]["parent_request_id"] == parent["request"]["id"]
    assert child["request"]["hint"] == "be brief"
    assert child["choice"]["kind"] == "used"


@pytest.mark.parametrize(("answer", "reason"), [("3", "wrong_tone"), ("99", None)])
async def test_none_of_these_with_or_without_a_reason(answer: str, reason: str | None) -> None:
    with at_terminal("try", MESSAGE) as person:
        person.sees(QUESTION)
        person.types("d\n")
        person.sees("or Enter to say nothing: ")
        person.types(f"{answer}\n")
        assert person.leaves() == 0
    choice = (await line_of(DEMO))["choice"]
    assert (choice["kind"], choice["candidate_id"], choice["final_text"]) == ("dismissed", None, None)
    assert choice["reason"] == reason


@pytest.mark.parametrize("key", ["\n", "\x04", "\x03"])
async def test_a_request_may_be_left_open(key: str) -> None:
    with at_terminal("try", MESSAGE) as person:
        person.sees(QUESTION)
        person.types("what?\n")
        person.sees("Please type one of these.")
        person.sees(QUESTION)
        person.types(key)
        person.sees("Left open: nothing was chosen.")
        person.sees("Recorded in suggest-demo.db")
        assert person.leaves() == 0
    line = await line_of(DEMO)
    assert (line["request"]["status"], line["choice"]) == ("shown", None)


async def test_with_stream_the_drafts_grow_side_by_side() -> None:
    with at_terminal("try", MESSAGE, "--stream", width=120) as person:
        growing = person.sees(QUESTION)
        person.types("1\n")
        assert person.leaves() == 0
    frames = [line for line in growing.splitlines() if line.count("╭─") == 3]
    assert len(frames) > 5, "three panels in one row, painted again and again"
    assert "\x1b[?25l" in person.raw.decode(), "the cursor is hidden meanwhile"
    assert person.raw.decode().rstrip().rfind("\x1b[?25h") > person.raw.decode().rfind("\x1b[?25l")
    line = await line_of(DEMO)
    assert line["choice"]["kind"] == "used"
    assert all(candidate["latency_ms"] > 200 for candidate in line["candidates"]), "a word at a time"


async def test_ctrl_c_while_the_drafts_grow_leaves_the_terminal_as_it_was() -> None:
    with at_terminal("try", MESSAGE, "--stream") as person:
        wait_for_growth(person)
        person.presses_ctrl_c()
        assert person.leaves() == 130
    assert "Traceback" not in person.screen
    assert person.raw.decode().rfind("\x1b[?25h") > person.raw.decode().rfind("\x1b[?25l")
    assert (await line_of(DEMO))["request"]["status"] == "drafting"


def wait_for_growth(person: Person) -> None:
    person.sees("╭─")
    person.sees("╭─")


def test_only_words_reach_the_terminal() -> None:
    assert make_printable("a\r\nb\rc\td") == "a\nb\nc\td"
    assert make_printable("\x1b[31m\x07\x9b\u202e\u2066x") == "\ufffd[31m\ufffd\ufffd\ufffd\ufffdx"
    assert make_printable("Grüße, 你好, שלום 👋🏽") == "Grüße, 你好, שלום 👋🏽"


def test_what_is_edited_is_not_left_behind(tmp_path: Path) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    with at_terminal("try", MESSAGE, env={"EDITOR": SHOUTS, "TMPDIR": str(folder)}) as person:
        person.sees(QUESTION)
        person.types("e 1\n")
        person.sees("✓ Reply 1")
        assert person.leaves() == 0
    assert list(folder.iterdir()) == []
