"""Markdown as rich text: what it makes bold is bold, no word is lost, and nobody is pinged."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.suggesting.choose import PART_LIMIT
from bot.text_limits import count_json_units, split_text
from handlers.blocks.markdown import build_draft
from handlers.blocks.messages import build_reply
from handlers.blocks.rich_text import build_rich_texts
from playground import Message
from playground.slack.mentions import find_mentions
from playground.slack.validation.validators import exceed_message_limits, find_block_errors
from tests.handlers.blocks.test_rich_text import MARKUP, TEXTS
from tests.handlers.test_languages import _entry
from tests.shown import read

PLAIN = _entry("").request
WRITTEN = replace(PLAIN, markdown=True)
SIGNS = (
    *("**", "*", "_", "__", "~~", "`", "``", "[", "](", ")", "](https://a.example/x)", "](javascript:x)", "!["),
    *("\n# ", "\n> ", "\n> - ", "\n- ", "\n  - ", "\n1. ", "\n7. ", "\n```\n", "\n```py\n", "\n    ", "\n***\n"),
    *("[a](https://b.example 'title')", "<https://c.example>", "https://d.example", "&amp;", "\n[r]: /x", "\\"),
    *("<", ">", '"t"', " word ", "| a |"),
)  # fmt: skip
SOURCES = st.lists(st.sampled_from((*SIGNS, *MARKUP)) | st.text(max_size=6), max_size=60).map("".join)


def build(text: str) -> list[dict[str, Any]]:
    [block] = build_draft(text, WRITTEN)
    parts: list[dict[str, Any]] = block["elements"]
    return parts


def mark(element: dict[str, Any]) -> str:
    """An element with its style, as `bold(text)`; a link as `[text|address]`."""
    shown = f":{element['name']}:" if element["type"] == "emoji" else element["text"]
    shown = f"[{shown}|{element['url']}]" if element["type"] == "link" and element["url"] != shown else shown
    for style in element.get("style", {}):
        shown = f"{style}({shown})"
    return str(shown)


def mark_all(part: dict[str, Any]) -> str:
    kind, items = part["type"].removeprefix("rich_text_"), part["elements"]
    if kind == "list":
        number = part.get("offset", 0) + 1
        marks = [f"{number + n}. " if part["style"] == "ordered" else "• " for n in range(len(items))]
        return "\n".join(
            "  " * part.get("indent", 0) + m + mark_all(item) for m, item in zip(marks, items, strict=True)
        )
    shown = "".join(map(mark, items))
    return shown if kind == "section" else f"{kind}<{shown}>"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a **b** *c* ~~d~~ `e <!channel>`", "a bold(b) italic(c) strike(d) code(e <!channel>)"),
        ("**all *of* it**", "bold(all )italic(bold(of))bold( it)"),
        ("# Head\n\nOne\ntwo\n\nthree", "bold(Head)\n\nOne\ntwo\n\nthree"),
        ("[our page](https://a.example/x) **[b](mailto:a@b.example)**",
         "[our page|https://a.example/x] bold([b|mailto:a@b.example])"),
        ("[https://bank.example](https://evil.example)", "https://bank.example (https://evil.example)"),
        ("[x](javascript:alert(1)) [y](/z) ![z](https://a.example/i.png)",
         "x (javascript:alert(1)) y (/z) [z|https://a.example/i.png]"),
        ("[a](https://b.example 'tip'). <https://c.example> https://d.example :tada:",
         "[a|https://b.example] (tip). https://c.example https://d.example :tada:"),
        ("First:\n- a **b**\n  - c\n- d\n\nLast", "First:\n|• a bold(b)|  • c|• d|\nLast"),
        ("3. c\n4. d\n   - e\n5. f", "3. c\n4. d|  • e|5. f"),
        ("> it *is*\n> late\n>\n> - x\n> - y", "quote<it italic(is)\nlate\n• x\n• y>"),
        ("```py\nif a < b:\n```\nthen", "preformatted<if a < b:>|\nthen"),
        ("``` not closed\nand so on", "preformatted<not closed\nand so on>"),
        ("```", "preformatted<```>"),
        ("<b>x</b> &amp; \\*y\\*\n\n[r]: https://a.example", "<b>x</b> &amp; *y*\n\n[r]: https://a.example"),
        ("99999999. far\n", "99999999. far"),
        ("a\n\n---\n\nb", "a\n\n──────────\n\nb"),
        ("- \n- b", "•  \n• b"),
        ("2 * 3 * 4, snake_case_name, **not closed", "2 * 3 * 4, snake_case_name, **not closed"),
    ],
)  # fmt: skip
def test_markdown_is_shown_as_it_is_meant(text: str, shown: str) -> None:
    """And what no form of Slack's is for, as it is written."""
    assert "|".join(map(mark_all, build(text))) == shown


@given(TEXTS)
def test_without_markdown_nothing_changes(text: str) -> None:
    assert build_draft(text, PLAIN) == build_rich_texts(text)


def read_all(node: dict[str, Any]) -> Iterator[str]:
    """The texts, names of emoji and addresses of a node."""
    if "elements" in node:
        for element in node["elements"]:
            yield from read_all(element)
    else:
        yield read(node)
        yield node.get("url", "") if node.get("url") != node.get("text") else ""


def is_within(letters: str, text: str) -> bool:
    rest = iter(text)
    return all(letter in rest for letter in letters)


@given(SOURCES | st.tuples(st.sampled_from(SIGNS), st.integers(1, 3_000)).map(lambda each: each[0] * each[1]))
def test_no_letter_is_lost_nobody_is_pinged_and_slack_takes_it(text: str) -> None:
    """The name of a code's language is what may go."""
    text = split_text(text, PART_LIMIT, count_json_units)[0] if text else text
    reply = build_reply(text, by="Arthur", build=partial(build_draft, request=WRITTEN))
    assert find_block_errors(list(reply.blocks)) == []
    assert not exceed_message_limits(reply.blocks)
    assert not find_mentions(Message(channel_id="C1", ts="1.0", user_id="U1", text=reply.text, blocks=reply.blocks))
    source = re.sub(r"(`{3,}|~{3,})[ \t]*[A-Za-z0-9+#.-]{1,20}[ \t]*$", "", text, flags=re.MULTILINE)
    letters = re.sub(r"[\W\d_]", "", source)
    assert is_within(letters, "".join(shown for block in reply.blocks for shown in read_all(block)))


@pytest.mark.parametrize("sign", SIGNS)
def test_what_only_tries_the_parser_is_shown_as_it_was_written(monkeypatch: pytest.MonkeyPatch, sign: str) -> None:
    """Its time grows with each mark, and other agents wait for it."""
    parsed: list[str] = []
    parse = MarkdownIt.parse

    def note(parser: MarkdownIt, text: str) -> list[Any]:
        parsed.append(text)
        return parse(parser, text)

    monkeypatch.setattr(MarkdownIt, "parse", note)
    build_draft((("x" + sign) * 9_000)[:9_000], WRITTEN)
    assert all(len(re.findall(r"[*_~`\[\]<>\\]", text)) <= 1_000 for text in parsed)


def test_a_long_text_is_whole() -> None:
    text = "**word** and [link](https://a.example/x)\n\n" * 600
    blocks = build_draft(text, WRITTEN)
    assert len(blocks) > 1
    assert find_block_errors(list(blocks)) == []
    assert "word" in json.dumps(blocks)
