"""A line of the choice log read back: the same records, or one line that says what is wrong with it."""

import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from bot.choice_log import InvalidLine, LineTooLong, iter_lines, open_log, read_line, to_json_line
from storage.records import LogEntry, Turn
from tests.bot.entries import entries
from tests.storage.stores import a_choice, a_request, some_candidates

ENTRY = LogEntry(
    request=a_request(),
    candidates=tuple(some_candidates("r1", 2)),
    choice=a_choice(visible_candidate_ids=tuple(one.id for one in some_candidates("r1", 2))),
)
A_TIME = "must be a time with its zone, like 2026-11-22T10:00:00.000Z"
LEAST = {
    "schema": "choice-log/1",
    "request": {
        "id": "r1",
        "agent_id": "U1",
        "created_at": "2026-11-22T10:00:00Z",
        "conversation": [{"role": "customer", "text": "Where is it?"}],
    },
    "candidates": [{"id": "a", "text": "Here.", "position": 2}, {"id": "b", "text": "There.", "position": 1}],
    "choice": {"kind": "used", "candidate_id": "a", "chosen_at": "2026-11-22T11:00:05.1239+01:00"},
}


def change_line(path: str, value: Any) -> str:
    """The line of `ENTRY` with another value at this place."""
    line = json.loads(to_json_line(ENTRY))
    *outer, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    place = line
    for step in outer:
        place = place[step]
    place[last] = value
    return json.dumps(line)


@given(entries())
def test_what_was_written_is_read_back_the_same(entry: LogEntry) -> None:
    line = to_json_line(entry)
    assert read_line(line) == entry
    assert to_json_line(read_line(line.encode())) == line


@given(st.binary() | st.text() | st.recursive(st.none() | st.text(), st.lists).map(json.dumps))
def test_whatever_else_a_line_holds_is_refused_in_one_line(line: bytes | str) -> None:
    with pytest.raises(InvalidLine) as refused:
        read_line(line)
    assert "\n" not in str(refused.value)


def test_the_least_that_a_line_must_have_gets_the_documented_rest() -> None:
    entry = read_line(json.dumps(LEAST))
    request, choice = entry.request, entry.choice
    assert (request.team_id, request.channel_id, request.surface) == ("import", "import", "import")
    assert (request.status, request.policy, request.k_requested) == ("shown", "unlogged", 2)
    assert (request.prompt_version, request.app_version, request.simulated) == ("unknown", "unknown", False)
    assert [(one.sample_index, one.style, one.model, one.attempts) for one in entry.candidates] == [
        (0, "unknown", "unknown", 0),
        (1, "unknown", "unknown", 0),
    ]
    assert choice is not None
    assert choice.visible_candidate_ids == ("b", "a")
    assert choice.chosen_at.isoformat() == "2026-11-22T10:00:05.123000+00:00"
    assert read_line(json.dumps(LEAST)) == entry, "the id that the choice gets must be the same each time"


def test_fields_that_are_added_later_are_passed_over() -> None:
    line = json.loads(to_json_line(ENTRY))
    for part in (line, line["request"], line["candidates"][0], line["choice"]):
        part["added_later"] = {"anything": [1]}
    assert read_line(json.dumps(line)) == ENTRY


@pytest.mark.parametrize(
    ("path", "value", "refusal"),
    [
        ("schema", "choice-log/2", "schema: is not choice-log/1 but 'choice-log/2'; this program reads"),
        ("schema", None, "schema: is not choice-log/1 but something else; this program reads choice-log/1 only"),
        ("request", None, "request: must be an object"),
        ("request/id", "", "request.id: must not be empty"),
        ("request/id", "x" * 65, "request.id: must have at most 64 characters"),
        ("request/created_at", "2026-11-22T10:00:00", f"request.created_at: {A_TIME}"),
        ("request/created_at", 1, f"request.created_at: {A_TIME}"),
        ("request/created_at", "0001-01-01T00:00:00+14:00", f"request.created_at: {A_TIME}"),
        ("request/policy", "best", "request.policy: must be one of 'uniform', 'plackett_luce', 'unlogged'"),
        ("request/k_requested", "3", "request.k_requested: must be a whole number"),
        ("request/k_requested", 1.5, "request.k_requested: must be a whole number"),
        ("request/k_requested", 2**31, "request.k_requested: must be at most 2147483647"),
        ("request/simulated", 0, "request.simulated: must be true or false"),
        ("request/order_propensity", 1.5, "request.order_propensity: must be at most 1"),
        ("request/policy_params", [], "request.policy_params: must be an object"),
        ("request/conversation", "Hello", "request.conversation: must be a list"),
        ("request/conversation", [{"role": "bot", "text": ""}], "request.conversation[0].role: must be one of"),
        ("candidates/1/text", 5, "candidates[1].text: must be a text"),
        ("candidates/1/id", "r1-c0", "candidates: two have the same id: each needs its own"),
        ("candidates/1/sample_index", 0, "candidates: two have the same sample_index: each needs its own"),
        ("candidates/1/position", 0, "candidates[1].position: must be at least 1"),
        ("candidates/1/error", "empty", "candidates[1].position: must be null, since it failed or was dropped"),
        ("candidates/1/score", float("nan"), "has NaN in it, which is no number in JSON: write null"),
        ("choice/kind", "dismissed", "choice.candidate_id: must be null, since the choice is dismissed"),
        ("choice/candidate_id", None, "choice.candidate_id: must be the id of one of the candidates"),
        ("choice/reason", "other", "choice.reason: must be null, since the choice is not dismissed"),
        ("choice/visible_candidate_ids", ["else"], "choice.visible_candidate_ids: must be ids of the candidates"),
        ("choice/retracted_at", "2026-11-22T10:00:00Z", "choice.retracted_at: must be null: a choice that"),
        ("events", [{"type": "seen", "at": "2026-11-22T10:00:00Z"}], "events[0].type: must be one of"),
    ],
)  # fmt: skip
def test_a_refusal_names_the_field_and_what_would_be_right(path: str, value: Any, refusal: str) -> None:
    with pytest.raises(InvalidLine) as refused:
        read_line(change_line(path, value))
    assert str(refused.value).startswith(refusal)


def test_two_at_one_place_are_refused() -> None:
    line = json.loads(to_json_line(ENTRY))
    for candidate in line["candidates"]:
        candidate["position"] = 1
    with pytest.raises(InvalidLine, match="two have the same position"):
        read_line(json.dumps(line))


@pytest.mark.parametrize("value", ["1e999", "-1e999"])
def test_a_number_that_json_cannot_write_hides_nowhere(value: str) -> None:
    line = to_json_line(ENTRY).replace('"policy_params": {}', f'"policy_params": {{"a": [{value}]}}')
    with pytest.raises(InvalidLine, match=r"^request.policy_params: has a number in it that is too large"):
        read_line(line)


@pytest.mark.parametrize("line", [b"[" * 100_000, b'{"schema":' + b'{"a":' * 100_000, b'{"a":NaN' + b"[" * 100_000])
def test_a_line_that_is_nested_without_end_is_refused(line: bytes) -> None:
    with pytest.raises(InvalidLine):
        read_line(line)


def test_half_a_line_is_called_so() -> None:
    with pytest.raises(InvalidLine, match=r"^is cut off: it ends before its JSON object does$"):
        read_line(to_json_line(ENTRY)[:200])


def test_what_no_database_takes_is_cleaned_as_it_is_at_the_door() -> None:
    entry = read_line(change_line("request/conversation", [{"role": "customer", "text": "a\x00b\ud800c 😀"}]))
    assert entry.request.conversation == (Turn(role="customer", text="ab?c 😀"),)


def test_a_refusal_does_not_quote_what_people_wrote() -> None:
    secret = "my card is 4111"
    for path in ("request/surface", "candidates/0/error", "request/created_at", "candidates/0/position"):
        with pytest.raises(InvalidLine) as refused:
            read_line(change_line(path, secret))
        assert secret not in str(refused.value)


def read_lines(content: bytes, tmp_path: Path, **limits: int) -> list[tuple[int, bytes | InvalidLine]]:
    path = tmp_path / "log"
    path.write_bytes(content)
    with open_log(path) as file:
        return list(iter_lines(file, **limits))


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.ZstdCompressor().compress])
def test_lines_are_read_plain_or_compressed(pack: Any, tmp_path: Path) -> None:
    found = read_lines(pack(b"\xef\xbb\xbfone\r\n\n  \ntwo\nthree"), tmp_path)
    assert found == [(1, b"one"), (4, b"two"), (5, b"three")]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.ZstdCompressor().compress])
def test_a_line_that_is_too_long_is_passed_over(pack: Any, tmp_path: Path) -> None:
    first, second, third = read_lines(pack(b"one\n" + b"x" * 5_000_000 + b"\ntwo\n"), tmp_path, limit=1000)
    assert (first, third) == ((1, b"one"), (3, b"two"))
    assert second[0] == 2
    assert isinstance(second[1], LineTooLong)


def test_a_line_as_long_as_it_may_be_is_read(tmp_path: Path) -> None:
    assert read_lines(b"x" * 100 + b"\n" + b"y" * 100, tmp_path, limit=100) == [(1, b"x" * 100), (2, b"y" * 100)]


def test_a_line_of_a_gigabyte_is_never_held() -> None:
    class Endless(io.RawIOBase):
        """A gigabyte of one letter, made while it is read."""

        left = 2**30
        largest = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            size = min(len(buffer), self.left)
            self.largest = max(self.largest, size)
            self.left -= size
            buffer[:size] = b"x" * size
            return size

    source = Endless()
    found: Iterator[tuple[int, bytes | InvalidLine]] = iter_lines(io.BufferedReader(source, 2**20), limit=2**20)
    assert [(number, type(line)) for number, line in found] == [(1, LineTooLong)]
    assert source.left == 0
    assert source.largest <= 2**21


@pytest.mark.parametrize(
    "damage", [lambda packed: packed[:-12], lambda packed: packed[:20] + b"\xff" * 20 + packed[40:]]
)
def test_a_damaged_archive_is_told_with_the_line(damage: Any, tmp_path: Path) -> None:
    packed = gzip.compress(b"".join(b"line %d\n" % number for number in range(1000)))
    found = read_lines(damage(packed), tmp_path)
    assert isinstance(found[-1][1], InvalidLine)
    assert "the compressed file" in str(found[-1][1])


def test_a_zstandard_file_cut_off_after_a_whole_line_is_told(tmp_path: Path) -> None:
    packer = zstandard.ZstdCompressor().compressobj()
    whole = packer.compress(b"one\ntwo\n") + packer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    *read, (number, told) = read_lines(whole, tmp_path)
    assert read == [(1, b"one"), (2, b"two")]
    assert number == 3
    assert "ends in the middle" in str(told)
    assert read_lines(whole + packer.flush(), tmp_path) == read


def test_zstandard_frames_that_follow_each_other_are_read_as_one_file(tmp_path: Path) -> None:
    pack = zstandard.ZstdCompressor().compress
    assert read_lines(pack(b"one\ntw") + pack(b"") + pack(b"o\n"), tmp_path) == [(1, b"one"), (2, b"two")]
    assert "damaged" in str(read_lines(pack(b"one\n") + b"no frame", tmp_path)[-1][1])


@pytest.mark.parametrize("depth", [600, 100_000])
@pytest.mark.parametrize("text", ["hi", "\\u0000"], ids=["plain", "to be cleaned"])
def test_a_line_that_is_nested_too_deep_is_refused(depth: int, text: str) -> None:
    least = f'"id": "r1", "agent_id": "U1", "created_at": "2026-11-22T10:00:00Z", "hint": "{text}", "conversation": []'
    nested = '{"a": ' * depth + "1" + "}" * depth
    with pytest.raises(InvalidLine, match="nested too deep"):
        read_line(f'{{"schema": "choice-log/1", "request": {{{least}, "input": {nested}}}, "candidates": []}}')
