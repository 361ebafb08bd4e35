"""What a person reads in a message: every shape in which people, apps and bridges write."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.slack.markup import to_plain_text
from handlers.slack.messages import ForwardedMessage, read_message

WORDS = "Where is my order 4711?"
HEADING = "New ticket #77"


def write_rich_text(*elements: dict[str, Any], kind: str = "rich_text_section") -> dict[str, Any]:
    return {"type": "rich_text", "elements": [{"type": kind, "elements": list(elements)}]}


def write_text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def write_section(text: str, kind: str = "mrkdwn") -> dict[str, Any]:
    return {"type": "section", "text": {"type": kind, "text": text}}


def forward(text: str = WORDS, **fields: Any) -> dict[str, Any]:
    """A forwarded message as Slack attaches it: the words in `text`, in its blocks and in its fallback."""
    blocks = [{"team": "T1", "channel": "C1", "ts": "1.2", "message": {"blocks": [write_rich_text(write_text(text))]}}]
    return {
        "is_share": True,
        "is_msg_unfurl": True,
        "author_id": "U0PAULA",
        "author_name": "Paula",
        "from_url": "https://invented.slack.com/archives/C1/p12",
        "footer": "Posted in #support",
        "text": text,
        "message_blocks": blocks,
        "fallback": f"[November 3rd, 2026 1:38 PM] paula: {text}",
        **fields,
    }


@pytest.mark.parametrize(
    ("marked", "read"),
    [
        ("<@U1>", "@somebody"),
        ("<@U1|paula>", "@paula"),
        ("<#C1|support>", "#support"),
        ("<#C1>", "#channel"),
        ("<!channel>", "@channel"),
        ("<!subteam^S1|@leads>", "@leads"),
        ("<!date^1392734382^{date}|Feb 18, 2014>", "Feb 18, 2014"),
        ("<mailto:a@b.example|a@b.example>", "a@b.example"),
        ("<https://a.example>", "https://a.example"),
        ("1 &lt; 2 &amp;&amp; 3 &gt; 2", "1 < 2 && 3 > 2"),
        ("&amp;lt;", "&lt;"),
        ("a < b", "a < b"),
    ],
)
def test_markup_reads_as_a_person_reads_it(marked: str, read: str) -> None:
    assert to_plain_text(marked) == read


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"text": "", "attachments": [{"text": "<mailto:a@b.c|a@b.c>"}, {"fallback": "More"}]}, "a@b.c\nMore"),
        ({"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "Block"}}, {"type": "divider"}]}, "Block"),
        ({"text": None, "files": [{}]}, "[file: unnamed]"),
        ({"text": 5, "attachments": ["odd", {"text": 7}], "blocks": ["odd"], "files": "odd"}, ""),
        ({"attachments": 5, "blocks": 5, "files": 5}, ""),
        ({"text": "Hi", "attachments": {}, "blocks": {"a": 1}, "files": [5, {"name": 5}]}, "Hi\n[file: unnamed]"),
        ({"blocks": [{"text": 5}, {"text": {"text": 5}}, [[]], None], "attachments": [None, [], {"text": {}}]}, ""),
        ({}, ""),
    ],
)  # fmt: skip
def test_what_an_app_wrote_is_found_where_it_is(message: dict[str, Any], text: str) -> None:
    assert read_message(message).whole == text


@pytest.mark.parametrize(
    "message",
    [
        {"attachments": [{"text": WORDS}]},
        {"attachments": [{"pretext": WORDS, "color": "#ff0000"}]},
        {"attachments": [{"title": "Ticket 77", "title_link": "https://a.example", "text": WORDS}]},
        {"attachments": [{"fields": [{"title": "Message", "value": WORDS, "short": False}]}]},
        {"attachments": [{"blocks": [write_section(WORDS)]}]},
        {"attachments": [{"blocks": [write_rich_text(write_text(WORDS))]}]},
        {"attachments": [{"footer": WORDS}]},
        {"attachments": [{"title": "Ticket 77", "fallback": WORDS}]},
        {"attachments": [{"channel_id": "C1", "ts": "1.2", "from_url": "https://a.example", "text": WORDS}]},
        {"files": [{"filetype": "email", "name": "Ticket 77", "plain_text": WORDS, "preview": f"<p>{WORDS}</p>"}]},
        {"files": [{"filetype": "email", "name": "Ticket 77", "preview_plain_text": WORDS}]},
        {"files": [{"mode": "snippet", "filetype": "text", "name": "a.txt", "preview": WORDS}]},
        {"attachments": [{"title": "Ticket 77", "footer": WORDS, "footer_icon": "https://a.example/x.png"}]},
        {"attachments": [{"title": "Ticket 77", "attachments": [{"text": WORDS}]}]},
        {"attachments": [{"attachments": [{"color": "#ff0000", "attachments": [{"pretext": WORDS}]}]}]},
        {"attachments": [{"attachments": [{"fields": [{"title": "Message", "value": WORDS}]}]}]},
        {"attachments": [{"attachments": [{"blocks": [write_rich_text(write_text(WORDS))]}]}]},
        {"attachments": [{"attachments": [{"fallback": WORDS}]}]},
        {"attachments": [{"title": "Ticket 77", "attachments": [forward()]}]},
        {"attachments": [{"fallback": WORDS, "image_url": "https://a.example/x.png"}]},
        {"blocks": [write_rich_text(write_text(WORDS))]},
        {"blocks": [write_rich_text(write_text(WORDS), kind="rich_text_quote")]},
        {"blocks": [write_rich_text(write_text(WORDS), kind="rich_text_preformatted")]},
        {"blocks": [write_section(WORDS), {"type": "divider"}]},
        {"blocks": [write_section(WORDS, "plain_text")]},
        {
            "blocks": [
                {"type": "section", "fields": [{"type": "mrkdwn", "text": "*Message*"}, write_section(WORDS)["text"]]}
            ]
        },
        {"blocks": [{"type": "header", "text": {"type": "plain_text", "text": HEADING}}, write_section(WORDS)]},
        {"blocks": [{"type": "markdown", "text": WORDS}]},
        {"blocks": [{"type": "context", "elements": [{"type": "mrkdwn", "text": WORDS}]}]},
        {"blocks": [{"type": "image", "image_url": "https://a.example/x.png", "alt_text": WORDS}]},
        {"blocks": [{"type": "image", "alt_text": "x.png", "title": {"type": "plain_text", "text": WORDS}}]},
        {"blocks": [{"type": "table", "rows": [[{"type": "raw_text", "text": WORDS}]]}]},
        {"attachments": [forward()]},
        {"attachments": [{"is_msg_unfurl": True, "text": WORDS}]},
        {"attachments": [{"is_share": True, "fallback": f"[November 3rd, 2026 1:38 PM] paula: {WORDS}"}]},
        {"attachments": [forward(text="", message_blocks=[], fallback="", attachments=[{"text": WORDS}])]},
    ],
)
@pytest.mark.parametrize("text", [HEADING, "", "This content can't be displayed."])
def test_a_bridges_words_are_read_wherever_they_stand(message: dict[str, Any], text: str) -> None:
    """Once, and after the heading if there is one."""
    read = read_message({"bot_id": "B0BRIDGE", "subtype": "bot_message", "text": text, **message})
    assert read.is_readable
    assert read.whole.count(WORDS) == 1
    assert (HEADING in read.whole) >= (text == HEADING)
    assert "displayed" not in read.whole
    assert "November" not in read.whole


@pytest.mark.parametrize(
    "message",
    [
        {"text": HEADING, "attachments": [{"image_url": "https://a.example/x.png"}]},
        {"text": HEADING, "attachments": [{"title": "Ticket 77", "title_link": "https://a.example"}]},
        {"text": HEADING, "attachments": [{"title": "Ticket 77", "footer": "Zendesk | Today at 10:12"}]},
        {"text": HEADING, "attachments": [{"attachments": [{"title": "Ticket 77"}]}]},
        {"text": HEADING, "bot_id": "B0BRIDGE", "attachments": [{"from_url": "https://a.example", "text": WORDS}]},
        {"text": HEADING, "attachments": [{"fallback": "[no preview available]", "id": 1}]},
        {"text": HEADING, "attachments": [{"actions": [{"type": "button", "text": "Open"}], "callback_id": "x"}]},
        {
            "text": HEADING,
            "blocks": [{"type": "actions", "elements": [{"type": "button", "text": write_text("Open")}]}],
        },
        {"text": HEADING, "blocks": [{"type": "file", "external_id": "x", "source": "remote"}]},
        {"text": f"{HEADING}.", "blocks": [{"type": "invented"}]},
        {"text": "", "blocks": [{"type": "header", "text": {"type": "plain_text", "text": HEADING}}]},
        {"text": "工單 #77 已建立。", "attachments": [{"color": "#ff0000"}]},
        {"text": "see below", "attachments": [{"is_share": True, "channel_id": "C0SECRET"}]},
        {"text": "see below", "attachments": [forward("", fallback="[no preview available]")]},
        {"text": "", "attachments": [forward("", fallback="", files=[{"name": "photo.jpg"}])]},
        {"text": "", "files": [{"name": "photo.jpg"}]},
        {"text": ""},
    ],
)
def test_a_heading_alone_is_not_what_somebody_said(message: dict[str, Any]) -> None:
    assert not read_message(message).is_readable


@pytest.mark.parametrize(
    "message",
    [
        {"text": HEADING},
        {"text": f"{WORDS} It should be here.", "attachments": [{"image_url": "https://a.example/x.png"}]},
        {"text": "See my photo", "files": [{"name": "photo.jpg"}]},
        {
            "text": "See <https://a.example>",
            "attachments": [{"from_url": "https://a.example", "title": "A", "text": "B"}],
        },
    ],
)
def test_what_somebody_said_is_no_heading(message: dict[str, Any]) -> None:
    assert read_message(message).is_readable


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        (
            "Hi <@U1|paula> in <#C1|support>, *where* is _it_ &amp; `that`? :cry:",
            [
                write_rich_text(
                    write_text("Hi "),
                    {"type": "user", "user_id": "U1"},
                    write_text(" in "),
                    {"type": "channel", "channel_id": "C1"},
                    write_text(", where is it & that? "),
                    {"type": "emoji", "name": "cry"},
                )
            ],
        ),
        (
            "See <https://a.example|this> or <mailto:a@b.example|a@b.example>",
            [
                write_rich_text(
                    write_text("See "),
                    {"type": "link", "url": "https://a.example", "text": "this"},
                    write_text(" or "),
                    {"type": "link", "url": "mailto:a@b.example", "text": "a@b.example"},
                )
            ],
        ),
        ("Where is my or…", [write_section(WORDS)]),
        ("Where is my...", [write_section(f"*{WORDS}*")]),
        (
            f"{HEADING}: {WORDS}",
            [{"type": "header", "text": {"type": "plain_text", "text": HEADING}}, write_section(WORDS)],
        ),
        ("我的*訂單*在哪裡", [write_rich_text(write_text("我的訂單在哪裡"))]),
        ("👋🏽", [write_rich_text(write_text("👋🏽"))]),
        ("Yes", [write_section("Yes")]),
        (WORDS, [write_section(WORDS), {"type": "context", "elements": [{"type": "plain_text", "text": WORDS}]}]),
    ],
)
def test_what_stands_twice_is_read_once(text: str, blocks: list[dict[str, Any]]) -> None:
    """Blocks repeat the text, whole or in parts; a text may repeat them, also cut off."""
    read = read_message({"text": text, "blocks": blocks}).own
    alone = read_message({"text": "", "blocks": blocks}).own
    assert read in {to_plain_text(text), alone}


def test_short_words_within_others_are_kept() -> None:
    blocks = [write_section("5"), write_section("No")]
    assert read_message({"text": "15 of them. Nothing else.", "blocks": blocks}).own.split("\n")[1:] == ["5", "No"]


def test_rich_text_reads_as_a_person_reads_it() -> None:
    """Lists within lists, quotes, code, links, mentions and emoji."""

    def write_list(style: str, *items: str, **fields: Any) -> dict[str, Any]:
        return {
            "type": "rich_text_list",
            "style": style,
            **fields,
            "elements": [{"type": "rich_text_section", "elements": [write_text(item)]} for item in items],
        }

    elements = [
        {"type": "rich_text_section", "elements": [
            write_text("Dear "), {"type": "broadcast", "range": "here"}, write_text(", "),
            {"type": "usergroup", "usergroup_id": "S1"}, write_text(" "),
            {"type": "emoji", "name": "wave", "skin_tone": 2},
            {"type": "link", "url": "https://a.example"}, {"type": "date", "timestamp": 1, "fallback": " Feb 18"},
            {"type": "color", "value": "#ff0000"}, {"type": "invented"}, {"type": 5, "text": "!"}]},
        write_list("bullet", "one", "two"),
        write_list("ordered", "first", "second", indent=1, offset=2),
        {"type": "rich_text_quote", "elements": [write_text("said\nbefore")]},
        {"type": "rich_text_preformatted", "elements": [write_text("a < b &lt;b&gt;")]},
    ]  # fmt: skip
    assert read_message({"blocks": [{"type": "rich_text", "elements": elements}]}).own == (
        "Dear @here, @group :wave::skin-tone-2:https://a.example Feb 18#ff0000!\n"
        "• one\n• two\n  3. first\n  4. second\n> said\n> before\na < b &lt;b&gt;"
    )


def test_a_forwarded_message_is_told_from_the_note_on_it() -> None:
    read = read_message(
        {"text": "Please &lt;see&gt; below", "attachments": [forward("S&amp;M?"), forward(author_id=5)]}
    )
    assert read.own == "Please <see> below"
    assert read.forwarded == (
        ForwardedMessage(text="S&M?", author_id="U0PAULA"),
        ForwardedMessage(text=WORDS),
    )
    assert read.forwarded_text == f"S&M?\n\n{WORDS}"


def test_what_a_forwarded_message_forwards_is_read_too() -> None:
    """With the attachments of a bridge's message, and files by name."""
    inner = forward(f"{WORDS} It was broken.", attachments=[{"text": "A photo"}], files=[{"title": "x.png"}])
    [read] = read_message({"text": "", "attachments": [forward("I forward this:", attachments=[inner])]}).forwarded
    assert read.text == f"I forward this:\n\n{WORDS} It was broken.\nA photo\n[file: x.png]"


NAMES = """type text blocks elements attachments fields title is_share files message_blocks message name style
indent offset alt_text rows"""
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["rich_text", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES.split()), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["text", "blocks", "attachments", "files"]), ODD))
def test_nothing_odd_in_a_message_is_too_odd(message: dict[str, Any]) -> None:
    """Whatever is there is read or left out, and can be stored."""
    read_message(message).whole.encode()


@pytest.mark.parametrize("name", ["elements", "attachments", "text", "fields"])
def test_a_message_nested_without_end_is_read_to_a_depth(name: str) -> None:
    nested: dict[str, Any] = {"type": "rich_text_section", "text": "end", "is_share": True}
    for _ in range(150):
        nested = {"type": "rich_text_section", name: [nested], "is_share": True}
    message = json.loads(
        json.dumps({"text": WORDS, "blocks": [{"type": "rich_text", **nested}], "attachments": [nested]})
    )
    assert read_message(message).own == WORDS
