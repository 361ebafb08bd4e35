"""Every limit, just kept and just broken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.slack.validation.validators import count_characters, find_block_errors, find_view_errors
from tests.playground.blocks import (
    Json,
    actions,
    button,
    confirm,
    modal,
    mrkdwn,
    option,
    options,
    overflow,
    plain,
    rich,
    section,
    select,
    text_input,
)


def radio(count: int, kind: str = "radio_buttons") -> Json:
    return {"type": kind, "action_id": "pick", "options": options(count)}


def context(count: int) -> Json:
    return {"type": "context", "elements": [mrkdwn()] * count}


def header(length: int) -> Json:
    return {"type": "header", "text": plain("x" * length)}


def markdown(length: int) -> Json:
    return {"type": "markdown", "text": "x" * length}


def context_actions(count: int) -> Json:
    icon = {"type": "icon_button", "icon": "trash", "text": plain("Delete")}
    return {"type": "context_actions", "elements": [icon] * count}


def buttons(count: int) -> Json:
    return actions(*(button(f"a{index}") for index in range(count)))


def group(label: int = 5, count: int = 1) -> Json:
    return {"label": plain("x" * label), "options": options(count)}


LIMITS = [
    ("blocks of a message", [section()] * 50, [section()] * 51),
    ("section text", [section("x" * 3000)], [section("x" * 3001)]),
    ("section text, empty", [section("x")], [section("")]),
    (
        "fields",
        [{"type": "section", "fields": [mrkdwn()] * 10}],
        [{"type": "section", "fields": [mrkdwn()] * 11}],
    ),
    (
        "text of a field",
        [{"type": "section", "fields": [mrkdwn("x" * 2000)]}],
        [{"type": "section", "fields": [mrkdwn("x" * 2001)]}],
    ),
    ("button text", [actions(button(text=plain("x" * 75)))], [actions(button(text=plain("x" * 76)))]),
    ("button value", [actions(button(value="x" * 2000))], [actions(button(value="x" * 2001))]),
    ("action_id", [actions(button("x" * 255))], [actions(button("x" * 256))]),
    ("block_id", [section(block_id="x" * 255)], [section(block_id="x" * 256)]),
    ("elements of actions", [buttons(25)], [buttons(26)]),
    ("elements of context", [context(10)], [context(11)]),
    ("elements of context_actions", [context_actions(5)], [context_actions(6)]),
    ("text of an option", [section(accessory=select(options=[option(text="x" * 75)]))],
     [section(accessory=select(options=[option(text="x" * 76)]))]),
    ("value of an option", [section(accessory=select(options=[option("x" * 150)]))],
     [section(accessory=select(options=[option("x" * 151)]))]),
    ("options of a select", [section(accessory=select(options=options(100)))],
     [section(accessory=select(options=options(101)))]),
    ("option groups of a select",
     [section(accessory={"type": "static_select", "option_groups": [group()] * 100})],
     [section(accessory={"type": "static_select", "option_groups": [group()] * 101})]),
    ("label of an option group",
     [section(accessory={"type": "static_select", "option_groups": [group(75)]})],
     [section(accessory={"type": "static_select", "option_groups": [group(76)]})]),
    ("placeholder", [section(accessory=select(placeholder=plain("x" * 150)))],
     [section(accessory=select(placeholder=plain("x" * 151)))]),
    ("options of an overflow, at most", [section(accessory=overflow(5))], [section(accessory=overflow(6))]),
    ("options of an overflow, at least", [section(accessory=overflow(2))], [section(accessory=overflow(1))]),
    ("radio buttons", [actions(radio(10))], [actions(radio(11))]),
    ("checkboxes", [actions(radio(10, "checkboxes"))], [actions(radio(11, "checkboxes"))]),
    ("header", [header(150)], [header(151)]),
    ("title of a confirm", [actions(button(confirm=confirm(title="x" * 100)))],
     [actions(button(confirm=confirm(title="x" * 101)))]),
    ("text of a confirm", [actions(button(confirm=confirm(text="x" * 300)))],
     [actions(button(confirm=confirm(text="x" * 301)))]),
    ("yes of a confirm", [actions(button(confirm=confirm(yes="x" * 30)))],
     [actions(button(confirm=confirm(yes="x" * 31)))]),
    ("no of a confirm", [actions(button(confirm=confirm(no="x" * 30)))],
     [actions(button(confirm=confirm(no="x" * 31)))]),
    ("markdown", [markdown(12_000)], [markdown(12_001)]),
    ("markdown of all blocks", [markdown(6_000)] * 2, [markdown(6_000), markdown(6_001)]),
]  # fmt: skip

VIEW_LIMITS = [
    ("blocks of a view", modal(*[section()] * 100), modal(*[section()] * 101)),
    ("title", modal(title=plain("x" * 24)), modal(title=plain("x" * 25))),
    ("submit", modal(submit=plain("x" * 24)), modal(submit=plain("x" * 25))),
    ("close", modal(close=plain("x" * 24)), modal(close=plain("x" * 25))),
    ("callback_id", modal(callback_id="x" * 255), modal(callback_id="x" * 256)),
    ("private_metadata", modal(private_metadata="x" * 3000), modal(private_metadata="x" * 3001)),
    ("initial_value", modal(text_input(initial_value="x" * 3000)), modal(text_input(initial_value="x" * 3001))),
    ("max_length", modal(text_input(max_length=3000)), modal(text_input(max_length=3001))),
    ("min_length", modal(text_input(min_length=5, max_length=5)), modal(text_input(min_length=6, max_length=5))),
]

REFUSED = {
    "an unknown block": ([{"type": "carousel"}], "unsupported type: carousel [json-pointer:/blocks/0/type]"),
    "a block without type": ([{"text": plain()}], "missing required field: type [json-pointer:/blocks/0]"),
    "a type that is no string": ([{"type": ["section"]}], "unsupported type"),
    "an unknown element": ([actions({"type": "slider"})], "unsupported type: slider"),
    "an input among actions": (
        [actions({"type": "plain_text_input", "action_id": "a"})],
        "unsupported type: plain_text_input [json-pointer:/blocks/0/elements/0/type]",
    ),
    "an unknown key": ([section(color="red")], "invalid additional property: color [json-pointer:/blocks/0]"),
    "mrkdwn in a button": (
        [actions(button(text=mrkdwn()))],
        "unsupported type: mrkdwn [json-pointer:/blocks/0/elements/0/text/type]",
    ),
    "mrkdwn in a header": ([{"type": "header", "text": mrkdwn()}], "unsupported type: mrkdwn"),
    "a section of nothing": ([{"type": "section"}], "must define either `fields` or `text`"),
    "a section with a bare string": ([{"type": "section", "text": "x"}], "must provide an object"),
    "too long a text": (
        [section("x" * 3001)],
        "[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]",
    ),
    "no actions": ([actions()], "no fewer than 1 items"),
    "elements that are no array": ([{"type": "actions", "elements": {}}], "must provide an array"),
    "an unknown style": ([actions(button(style="blue"))], "must be a valid enum value"),
    "a flag that is no boolean": ([section(expand="yes")], "must be a valid boolean"),
    "two action_ids alike": (
        [actions(button("a"), button("a"))],
        "`action_id` already exists [json-pointer:/blocks/0/elements/1/action_id]",
    ),
    "two block_ids alike": (
        [section(block_id="b"), section(block_id="b")],
        "`block_id` already exists [json-pointer:/blocks/1/block_id]",
    ),
    "an initial option that is none": (
        [section(accessory=select(initial_option=option("other")))],
        "initial option must match",
    ),
    "both options and groups": (
        [section(accessory=select(option_groups=[group()]))],
        "must define exactly one of",
    ),
    "an image of nothing": ([{"type": "image", "alt_text": "x"}], "must define exactly one of"),
    "an empty rich text": ([{"type": "rich_text", "elements": []}], "no fewer than 1 items"),
    "rich text with an unknown leaf": ([rich({"type": "blink", "text": "x"})], "unsupported type: blink"),
    "rich text with leaves outside a section": (
        [{"type": "rich_text", "elements": [{"type": "text", "text": "x"}]}],
        "unsupported type: text",
    ),
    "a rich text leaf without text": ([rich({"type": "text", "text": ""})], "must be more than 0 characters"),
    "blocks that are no array": ({"type": "section"}, "must provide an array"),
}

REFUSED_VIEWS = {
    "no title": ({"type": "modal", "blocks": []}, "missing required field: title [json-pointer:/view]"),
    "no object": (None, "must provide an object [json-pointer:/view]"),
    "markdown": (modal({"type": "markdown", "text": "x"}), "unsupported type: markdown"),
    "inputs without submit": (
        {"type": "modal", "title": plain(), "blocks": [text_input()]},
        "missing required field: submit",
    ),
    "what Slack added itself": (modal(hash="1.2"), "invalid additional property: hash"),
    "two inputs alike": (modal(text_input(), text_input()), "`block_id` already exists"),
    "a Home tab with a title": ({"type": "home", "title": plain(), "blocks": []}, "invalid additional property: title"),
    "a mrkdwn title": (modal(title=mrkdwn()), "unsupported type: mrkdwn [json-pointer:/view/title/type]"),
}


@pytest.mark.parametrize(("kept", "broken"), [row[1:] for row in LIMITS], ids=[row[0] for row in LIMITS])
def test_limit_of_a_message(kept: list[Json], broken: list[Json]) -> None:
    assert find_block_errors(kept) == []
    assert find_block_errors(broken) != []


@pytest.mark.parametrize(("kept", "broken"), [row[1:] for row in VIEW_LIMITS], ids=[row[0] for row in VIEW_LIMITS])
def test_limit_of_a_view(kept: Json, broken: Json) -> None:
    assert find_view_errors(kept) == []
    assert find_view_errors(broken) != []


@pytest.mark.parametrize(("blocks", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_in_a_message(blocks: object, reason: str) -> None:
    assert reason in " ".join(find_block_errors(blocks))


@pytest.mark.parametrize(("view", "reason"), REFUSED_VIEWS.values(), ids=REFUSED_VIEWS.keys())
def test_refused_in_a_view(view: object, reason: str) -> None:
    assert reason in " ".join(find_view_errors(view))


def test_ids_may_repeat_across_blocks() -> None:
    assert find_block_errors([actions(button("a")), actions(button("a"))]) == []


def test_every_element_is_taken_with_what_its_documentation_shows() -> None:
    rich_text = rich({"type": "text", "text": "x", "style": {"bold": True}}, {"type": "user", "user_id": "U1"})
    image = {"type": "image", "image_url": "https://invented.example/x.png", "alt_text": "x"}
    pickers = [
        {"type": "datepicker", "action_id": "d", "initial_date": "2026-11-22"},
        {"type": "timepicker", "action_id": "t", "initial_time": "10:30"},
        {"type": "users_select", "action_id": "u", "initial_user": "U1"},
        {"type": "conversations_select", "action_id": "c", "default_to_current_conversation": True},
        {"type": "multi_static_select", "action_id": "m", "options": options(2), "initial_options": options(2)},
    ]
    feedback = {"text": plain("Good"), "value": "good"}
    buttons_ = {"type": "feedback_buttons", "positive_button": feedback, "negative_button": feedback}
    blocks = [rich_text, image, actions(*pickers), {"type": "divider"}, section(accessory=image), text_input()]
    assert find_block_errors([*blocks, {"type": "context_actions", "elements": [buttons_]}]) == []


def test_characters_counts_all_that_is_shown() -> None:
    assert (
        count_characters([section("12345"), actions(button(text=plain("678"))), rich({"type": "text", "text": "90"})])
        == 10
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["type", "text", "elements", "accessory", "options", "element", "label", "initial_option"])
TYPES = st.sampled_from(["section", "actions", "input", "rich_text", "static_select", "plain_text", "context"])
blockish = st.recursive(
    TYPES | json_values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)


@given(blockish)
def test_no_payload_breaks_the_rules_themselves(payload: object) -> None:
    """Whatever JSON comes, the answer is a list of reasons, never an exception."""
    assert isinstance(find_block_errors([payload]), list)
    assert isinstance(find_view_errors({"type": "modal", "title": plain(), "blocks": [payload]}), list)
