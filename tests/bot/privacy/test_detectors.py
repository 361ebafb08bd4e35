"""What is found in the published set, and that the documents tell it as it is."""

from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.privacy import (
    MarkedMessage,
    build_our_finder,
    find_false_alarms,
    format_table,
    read_messages,
    score_kinds,
)
from bot.privacy.detectors import Recogniser, RedactionRule
from bot.privacy.user_patterns import compile_pattern

DOCUMENT = Path(__file__).parents[3] / "docs" / "privacy.md"


def test_the_figures_in_the_document_are_those_of_the_set() -> None:
    assert format_table(build_our_finder(Recogniser())) in DOCUMENT.read_text(encoding="utf-8")


def test_the_set_has_many_of_each_kind_and_many_of_none() -> None:
    assert all(score.marked >= 30 for score in score_kinds(build_our_finder(Recogniser())).values())
    assert sum(bool(message.spans) for message in read_messages()) >= 400
    assert sum(not message.spans for message in read_messages()) >= 200


def test_nearly_all_of_the_set_is_hidden_and_nearly_no_look_alike() -> None:
    find = build_our_finder(Recogniser())
    assert all(score.recall >= 0.95 for score in score_kinds(find).values())
    alarms, alike = find_false_alarms(find)
    assert len(alarms) / alike <= 0.02


def test_what_is_found_never_overlaps() -> None:
    for message in read_messages():
        found = Recogniser()(message.text)
        assert all(one.end <= other.start for one, other in pairwise(found)), message


def test_a_teams_rule_goes_first() -> None:
    rule = RedactionRule(name="order", pattern=compile_pattern(r"\b\d{4} \d{4} \d{4} \d{4}\b"))
    [found] = Recogniser(rules=[rule])("4111 1111 1111 1111")
    assert found.kind == "ORDER"


def test_countries_are_those_of_the_playbook() -> None:
    said = "Rufen Sie 030 901820 an."
    assert [found.kind for found in Recogniser(regions=["DE"])(said)] == ["PHONE"]
    assert Recogniser(regions=[])(said) == ()
    assert [found.kind for found in Recogniser(regions=[])("+49 30 901820")] == ["PHONE"]


def test_what_the_playbook_says_is_the_teams_own() -> None:
    assert Recogniser(allowed_text="Write to HELP@shop.example")("help@shop.example") == ()


def test_a_long_text_is_searched_in_pieces_and_nothing_is_lost_between_them() -> None:
    text = "".join(f"{'x' * (index % 90)} joe{index}@mail.example " for index in range(1_200))
    assert len(Recogniser()(text)) == 1_200


@pytest.mark.parametrize(
    "text", ["", " ", "no digits here", "@", "+", "(((((((1", "1" * 12_000, "a@" * 6_000, ":" * 12_000]
)
def test_odd_texts_hold_nothing_up(text: str) -> None:
    assert Recogniser()(text) == ()


def test_the_set_is_read_with_its_marks() -> None:
    marked = next(message for message in read_messages() if message.spans)
    assert isinstance(marked, MarkedMessage)
    assert "{{" not in marked.text
    assert {marked.text[start:end] for _, start, end in marked.spans} == {"jane.doe@example.com"}
