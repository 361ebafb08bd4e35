"""Texts of customers, models and agents as rich text: links, emoji, lists and quotes, whole, and nobody is pinged."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.suggesting.choose import PART_LIMIT
from bot.text_limits import count_json_units, split_text
from handlers.blocks.messages import BlockMessage, build_reply, halve
from handlers.blocks.rich_text import build_rich_texts
from handlers.slack.markup import read_block
from playground import Message
from playground.slack.mentions import find_mentions
from playground.slack.validation.validators import exceed_message_limits, find_block_errors
from tests.shown import list_texts, read

MARKUP = (
    *(
        "<!channel>",
        "<@U0ADMIN>",
        "<!subteam^S1|a>",
        "@here",
        "<https://a.example|click>",
        "&lt;",
        "*bold*",
        "_i_",
        "`c`",
    ),
    *("https://a.example/x_(y)", "www.a.example", "paula@a.example", ":tada:", ":wave::skin-tone-3:", "10:30:45", "**"),
    *(
        "\n",
        "\n\n",
        "\n- ",
        "\n1. ",
        "\n2. ",
        "\n  * ",
        "\n> ",
        "\n>",
        "\t",
        " ",
        "。",
        "台灣",
        "…",
        '"',
        "\\",
        "\x01",
        "🙂",
    ),
)
TEXTS = st.lists(st.sampled_from(MARKUP) | st.text(max_size=8), max_size=60).map("".join)
LONG = st.tuples(st.sampled_from(MARKUP), st.integers(1, 9_000)).map(lambda each: (each[0] * each[1])[:9_000])


def build_one(text: str) -> list[dict[str, Any]]:
    [block] = build_rich_texts(text)
    elements: list[dict[str, Any]] = block["elements"]
    return elements


def list_links(text: str) -> list[tuple[str, str]]:
    """The links of a text: what is shown, and where each leads."""
    found = re.findall(r'\{"type": "link".*?\}', json.dumps(build_one(text), ensure_ascii=False))
    return [(link["text"], link["url"]) for link in map(json.loads, found)]


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("See https://a.example/x?a=1&b=2#c.", ["https://a.example/x?a=1&b=2#c"]),
        ("(https://a.example/x_(y)), HTTP://A.example!", ["https://a.example/x_(y)", "HTTP://A.example"]),
        ("<https://a.example|click>", ["https://a.example"]),
        (
            "https://münchen.example/größe and http://localhost:8080/",
            ["https://münchen.example/größe", "http://localhost:8080/"],
        ),
        ("請看https://a.example/returns查看，謝謝", ["https://a.example/returns"]),
        ("https://zh.example/wiki/台灣。", ["https://zh.example/wiki/台灣"]),
        ("**https://a.example/x** _https://b.example/_", ["https://a.example/x", "https://b.example/"]),
        ("cut off: https://a.example/ret…", []),
        ("https://bank.example@evil.example/ https://u:p@host.example", []),
        ("https://" + "a" * 3_000 + ".example", []),
        ("https:// http://. javascript:alert(1) file:///etc/passwd", []),
    ],
)
def test_an_address_is_a_link_to_itself(text: str, links: list[str]) -> None:
    assert list_links(text) == [(link, link) for link in links]


def test_addresses_without_a_scheme_lead_where_they_say() -> None:
    """An e-mail address is text."""
    assert list_links("www.a.example/b, paula@www.a.example.") == [("www.a.example/b", "https://www.a.example/b")]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("So sad :cry:", ["cry"]),
        ("謝謝:pray::+1:您", ["pray", "+1"]),
        (":8ball_x: :100: :e-mail:", ["8ball_x", "100", "e-mail"]),
        ("10:30:45, std::vector::at, a:b, https://a.example/:x:", []),
    ],
)
def test_an_emoji_is_known_by_its_code(text: str, names: list[str]) -> None:
    assert re.findall(r'"type": "emoji", "name": "([^"]+)"', json.dumps(build_one(text))) == names


def test_the_tone_of_an_emoji_is_kept() -> None:
    assert build_one("Hi :wave::skin-tone-3:")[0]["elements"][1] == {"type": "emoji", "name": "wave", "skin_tone": 3}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("First:\n\n- one\n  more\n- two\n\nLast", "First:\n\n• one\nmore\n• two\n\nLast"),
        ("1. one\n\n2. two\n   * a\n   * b\n3. three", "1. one\n2. two\n  • a\n  • b\n3. three"),
        ("Am\n24. Dezember", "Am\n24. Dezember"),
        ("Best regards\n- Paula", "Best regards\n- Paula"),
        ("7. seven\n8. eight", "7. seven\n8. eight"),
        ("You wrote:\n> it is\n> late\n\nSorry", "You wrote:\n> it is\n> late\n\nSorry"),
        (">50 EUR\n->x\n-x\n-y", ">50 EUR\n->x\n-x\n-y"),
        ("> \n>", "> \n>"),
        ("a\n\n\n  b\n", "a\n\n\n  b\n"),
    ],
)
def test_lists_quotes_and_line_breaks_are_read_as_they_were_written(text: str, shown: str) -> None:
    [block] = build_rich_texts(text)
    assert "\n".join(read_block(block)) == shown


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("a\n- b\n- c\n1. d\n2. e", ["section", "list", "list"]),
        ("> a\n> b\nc", ["quote", "section"]),
        ("a\n- b\nc\n> \nd", ["section"]),
        ("a *b* `c`\nd\n\ne", ["section"]),
    ],
)
def test_what_is_no_list_and_no_quote_stays_in_one_text(text: str, kinds: list[str]) -> None:
    parts = build_one(text)
    assert [part["type"].removeprefix("rich_text_") for part in parts] == kinds
    if kinds == ["section"]:
        assert parts[0]["elements"] == [{"type": "text", "text": text}]


def test_a_list_goes_on_with_its_number_and_its_depth() -> None:
    first, inner, last = build_one("4. a\n  - b\n5. c")
    assert (first["offset"], inner["indent"], last["offset"]) == (3, 1, 4)


@given(TEXTS | LONG)
def test_any_text_is_whole_within_slacks_limits_and_pings_nobody(text: str) -> None:
    """Signs of lists and quotes, and white space, are what may go."""
    reply = build_reply(text, by="Arthur")
    assert find_block_errors(list(reply.blocks)) == []
    message = Message(channel_id="C1", ts="1.0", user_id="U1", text=reply.text, blocks=reply.blocks)
    assert not find_mentions(message)
    signs = re.compile(r"[\s>*•-]|(?<![\d.])\d+\.(?=\s)")
    assert signs.sub("", "".join(list_texts(reply.blocks))) == signs.sub("", text)


@given(TEXTS.map(lambda text: (text * 200)[:9_000]) | LONG)
def test_a_part_of_a_reply_is_within_what_slack_takes(text: str) -> None:
    for part in split_text(text, PART_LIMIT, count_json_units):
        assert not exceed_message_limits(build_reply(part, by="x" * 80).blocks)


@given(TEXTS)
def test_halves_are_the_whole(text: str) -> None:
    blocks = build_rich_texts(text + "\n1. one\n2. two\n3. three " + "word " * 90)
    halves = halve(BlockMessage(text="t", blocks=blocks))
    assert all(find_block_errors(list(half.blocks)) == [] for half in halves)
    assert "".join(text for half in halves for text in list_texts(half.blocks)) == "".join(map(read, blocks))
