"""Block Kit's catalogue: every block, element and composition object that the playground takes, with its limits.

What is not here is refused, as Slack refuses what it does not know.
"""

from typing import Any

from playground.slack.validation.json_shapes import (
    Check,
    Findings,
    Shape,
    array,
    boolean,
    integer,
    one_of,
    plain_text,
    string,
    tagged_union,
    text,
)

MODAL, HOME, MESSAGE = "modal", "home", "message"

ID = string(255)
URL = string(3000)
DATE = string(10, least=10)
CLOCK_TIME = string(5, least=5)
CONFIRM = Shape(
    required={"title": plain_text(100), "text": text(300), "confirm": plain_text(30), "deny": plain_text(30)},
    optional={"style": one_of("primary", "danger")},
)


# --- composition objects -----------------------------------------------------------------------


def _option(label: Check, **more: Check) -> Shape:
    return Shape(required={"text": label, "value": string(150)}, optional={"description": plain_text(75), **more})


PLAIN_OPTION = _option(plain_text(75))
OVERFLOW_OPTION = _option(plain_text(75), url=URL)
RICH_OPTION = Shape(required={"text": text(75), "value": string(150)}, optional={"description": text(75)})
OPTION_GROUP = Shape(required={"label": plain_text(75), "options": array(PLAIN_OPTION, most=100)})
CONVERSATION_FILTER = Shape(
    optional={
        "include": array(one_of("im", "mpim", "private", "public"), most=4),
        "exclude_external_shared_channels": boolean,
        "exclude_bot_users": boolean,
    },
    at_least_one_of=("include", "exclude_external_shared_channels", "exclude_bot_users"),
)
DISPATCH = Shape(
    required={"trigger_actions_on": array(one_of("on_enter_pressed", "on_character_entered"), most=2)},
)
SLACK_FILE = Shape(optional={"id": ID, "url": URL}, exactly_one_of=("id", "url"))


def _check_initial_option(found: Findings, element: Any, pointer: str) -> None:
    groups = element.get("option_groups", [])
    options = [*element.get("options", []), *(o for g in groups if isinstance(g, dict) for o in g.get("options", []))]
    chosen = element.get("initial_options", [element["initial_option"]] if "initial_option" in element else [])
    if any(option not in options for option in chosen):
        found.add("initial option must match an option exactly", pointer)


# --- elements ----------------------------------------------------------------------------------

_COMMON: dict[str, Check] = {"action_id": ID, "confirm": CONFIRM, "focus_on_load": boolean}
_SELECT: dict[str, Check] = {**_COMMON, "placeholder": plain_text(150)}
_MULTI: dict[str, Check] = {**_SELECT, "max_selected_items": integer(1, 100)}
_TYPED: dict[str, Check] = {
    "action_id": ID,
    "focus_on_load": boolean,
    "placeholder": plain_text(150),
    "dispatch_action_config": DISPATCH,
}
_OPTIONS: dict[str, Check] = {"options": array(PLAIN_OPTION, most=100), "option_groups": array(OPTION_GROUP, most=100)}

BUTTON = Shape(
    required={"text": plain_text(75)},
    optional={
        "action_id": ID,
        "value": string(2000, least=0),
        "url": URL,
        "style": one_of("primary", "danger"),
        "confirm": CONFIRM,
        "accessibility_label": string(75),
    },
)
IMAGE_ELEMENT = Shape(
    required={"alt_text": string(2000)},
    optional={"image_url": URL, "slack_file": SLACK_FILE},
    exactly_one_of=("image_url", "slack_file"),
)
STATIC_SELECT = Shape(
    optional={**_SELECT, **_OPTIONS, "initial_option": PLAIN_OPTION},
    exactly_one_of=("options", "option_groups"),
    extra_check=_check_initial_option,
)
MULTI_STATIC_SELECT = Shape(
    optional={**_MULTI, **_OPTIONS, "initial_options": array(PLAIN_OPTION, most=100)},
    exactly_one_of=("options", "option_groups"),
    extra_check=_check_initial_option,
)
CONVERSATIONS: dict[str, Check] = {
    "default_to_current_conversation": boolean,
    "filter": CONVERSATION_FILTER,
    "response_url_enabled": boolean,
}
SELECTS: dict[str, Check] = {
    "static_select": STATIC_SELECT,
    "external_select": Shape(
        optional={**_SELECT, "initial_option": PLAIN_OPTION, "min_query_length": integer(0, 100)},
    ),
    "users_select": Shape(optional={**_SELECT, "initial_user": ID}),
    "conversations_select": Shape(optional={**_SELECT, **CONVERSATIONS, "initial_conversation": ID}),
    "channels_select": Shape(optional={**_SELECT, "initial_channel": ID, "response_url_enabled": boolean}),
}
MULTI_SELECTS: dict[str, Check] = {
    "multi_static_select": MULTI_STATIC_SELECT,
    "multi_external_select": Shape(
        optional={
            **_MULTI,
            "initial_options": array(PLAIN_OPTION, most=100),
            "min_query_length": integer(0, 100),
        },
    ),
    "multi_users_select": Shape(optional={**_MULTI, "initial_users": array(ID, most=100)}),
    "multi_conversations_select": Shape(
        optional={**_MULTI, **CONVERSATIONS, "initial_conversations": array(ID, most=100)},
    ),
    "multi_channels_select": Shape(optional={**_MULTI, "initial_channels": array(ID, most=100)}),
}
PICKERS: dict[str, Check] = {
    "datepicker": Shape(optional={**_SELECT, "initial_date": DATE}),
    "timepicker": Shape(optional={**_SELECT, "initial_time": CLOCK_TIME, "timezone": string(100)}),
    "checkboxes": Shape(
        required={"options": array(RICH_OPTION, most=10)},
        optional={**_COMMON, "initial_options": array(RICH_OPTION, most=10)},
        extra_check=_check_initial_option,
    ),
    "radio_buttons": Shape(
        required={"options": array(RICH_OPTION, most=10)},
        optional={**_COMMON, "initial_option": RICH_OPTION},
        extra_check=_check_initial_option,
    ),
}
OVERFLOW = Shape(
    required={"options": array(OVERFLOW_OPTION, least=2, most=5)},
    optional={"action_id": ID, "confirm": CONFIRM},
)
DATETIMEPICKER = Shape(optional={**_COMMON, "initial_date_time": integer(1_000_000_000, 9_999_999_999)})


def _check_lengths(found: Findings, element: Any, pointer: str) -> None:
    least, most = element.get("min_length", 0), element.get("max_length", 3000)
    if isinstance(least, int) and isinstance(most, int) and least > most:
        found.add("min_length must not exceed max_length", pointer)


PLAIN_TEXT_INPUT = Shape(
    optional={
        **_TYPED,
        "initial_value": string(3000, least=0),
        "multiline": boolean,
        "min_length": integer(0, 3000),
        "max_length": integer(1, 3000),
    },
    extra_check=_check_lengths,
)
INPUTS: dict[str, Check] = {
    "plain_text_input": PLAIN_TEXT_INPUT,
    "email_text_input": Shape(optional={**_TYPED, "initial_value": string(3000)}),
    "url_text_input": Shape(optional={**_TYPED, "initial_value": string(3000)}),
    "number_input": Shape(
        required={"is_decimal_allowed": boolean},
        optional={**_TYPED, "initial_value": string(100), "min_value": string(100), "max_value": string(100)},
    ),
    "datetimepicker": DATETIMEPICKER,
    **SELECTS,
    **MULTI_SELECTS,
    **PICKERS,
}
CLICKED: dict[str, Check] = {"button": BUTTON, "overflow": OVERFLOW}

# --- rich text ---------------------------------------------------------------------------------

_STYLE = Shape(
    optional=dict.fromkeys(
        ("bold", "italic", "strike", "code", "underline", "highlight", "client_highlight", "unlink"), boolean
    ),
)
_RICH_LEAF = tagged_union(
    {
        "text": Shape(required={"text": string(12_000)}, optional={"style": _STYLE}),
        "link": Shape(required={"url": URL}, optional={"text": string(3000), "unsafe": boolean, "style": _STYLE}),
        "emoji": Shape(required={"name": string(100)}, optional={"unicode": string(100), "skin_tone": integer(1, 6)}),
        "user": Shape(required={"user_id": ID}, optional={"style": _STYLE}),
        "usergroup": Shape(required={"usergroup_id": ID}, optional={"style": _STYLE}),
        "channel": Shape(required={"channel_id": ID}, optional={"style": _STYLE}),
        "broadcast": Shape(required={"range": one_of("here", "channel", "everyone")}),
        "date": Shape(
            required={"timestamp": integer(0, 9_999_999_999), "format": string(500)},
            optional={"url": URL, "fallback": string(500)},
        ),
        "color": Shape(required={"value": string(20)}),
    }
)
_RICH_SECTION = Shape(required={"elements": array(_RICH_LEAF, most=1000)})
_RICH_BOXED = Shape(required={"elements": array(_RICH_LEAF, most=1000)}, optional={"border": integer(0, 1)})
_RICH_LIST = Shape(
    required={
        "style": one_of("bullet", "ordered"),
        "elements": array(tagged_union({"rich_text_section": _RICH_SECTION}), most=1000),
    },
    optional={"indent": integer(0, 8), "offset": integer(0, 10_000), "border": integer(0, 1)},
)
RICH_TEXT = Shape(
    required={
        "elements": array(
            tagged_union(
                {
                    "rich_text_section": _RICH_SECTION,
                    "rich_text_preformatted": _RICH_BOXED,
                    "rich_text_quote": _RICH_BOXED,
                    "rich_text_list": _RICH_LIST,
                }
            ),
            most=1000,
        )
    },
    optional={"block_id": ID},
)

# --- blocks ------------------------------------------------------------------------------------

_BLOCK_ID: dict[str, Check] = {"block_id": ID}
_ACTION_ELEMENTS = tagged_union({**CLICKED, **SELECTS, **MULTI_SELECTS, **PICKERS, "datetimepicker": DATETIMEPICKER})
_ACCESSORIES = tagged_union({**CLICKED, **SELECTS, **MULTI_SELECTS, **PICKERS, "image": IMAGE_ELEMENT})
_CONTEXT_ELEMENTS = tagged_union(
    {
        "image": IMAGE_ELEMENT,
        "plain_text": Shape(required={"text": string(3000)}, optional={"emoji": boolean}),
        "mrkdwn": Shape(required={"text": string(3000)}, optional={"verbatim": boolean}),
    }
)
_FEEDBACK_BUTTON = Shape(
    required={"text": plain_text(75), "value": string(2000)},
    optional={"accessibility_label": string(75)},
)
_CONTEXT_ACTIONS = tagged_union(
    {
        "feedback_buttons": Shape(
            required={"positive_button": _FEEDBACK_BUTTON, "negative_button": _FEEDBACK_BUTTON},
            optional={"action_id": ID},
        ),
        "icon_button": Shape(
            required={"icon": one_of("trash"), "text": plain_text(75)},
            optional={
                "action_id": ID,
                "value": string(2000),
                "confirm": CONFIRM,
                "accessibility_label": string(75),
                "visible_to_user_ids": array(ID, most=100),
            },
        ),
    }
)

EVERYWHERE: dict[str, Check] = {
    "section": Shape(
        optional={
            **_BLOCK_ID,
            "text": text(3000),
            "fields": array(text(2000), most=10),
            "accessory": _ACCESSORIES,
            "expand": boolean,
        },
        at_least_one_of=("fields", "text"),
    ),
    "divider": Shape(optional=_BLOCK_ID),
    "header": Shape(required={"text": plain_text(150)}, optional=_BLOCK_ID),
    "context": Shape(required={"elements": array(_CONTEXT_ELEMENTS, most=10)}, optional=_BLOCK_ID),
    "actions": Shape(required={"elements": array(_ACTION_ELEMENTS, most=25)}, optional=_BLOCK_ID),
    "image": Shape(
        required={"alt_text": string(2000)},
        optional={**_BLOCK_ID, "image_url": URL, "slack_file": SLACK_FILE, "title": plain_text(2000)},
        exactly_one_of=("image_url", "slack_file"),
    ),
    "input": Shape(
        required={"label": plain_text(2000), "element": tagged_union(INPUTS)},
        optional={**_BLOCK_ID, "hint": plain_text(2000), "optional": boolean, "dispatch_action": boolean},
    ),
    "rich_text": RICH_TEXT,
}
MESSAGES_ONLY: dict[str, Check] = {
    "markdown": Shape(required={"text": string(12_000)}, optional=_BLOCK_ID),
    "context_actions": Shape(required={"elements": array(_CONTEXT_ACTIONS, most=5)}, optional=_BLOCK_ID),
}
MESSAGE_BLOCK = tagged_union({**EVERYWHERE, **MESSAGES_ONLY})
VIEW_BLOCK = tagged_union(EVERYWHERE)

VIEWS: dict[str, Check] = {
    MODAL: Shape(
        required={"title": plain_text(24), "blocks": array(VIEW_BLOCK, least=0, most=100)},
        optional={
            "submit": plain_text(24),
            "close": plain_text(24),
            "private_metadata": string(3000, least=0),
            "callback_id": string(255, least=0),
            "external_id": string(255, least=0),
            "clear_on_close": boolean,
            "notify_on_close": boolean,
            "submit_disabled": boolean,
        },
    ),
    HOME: Shape(
        required={"blocks": array(VIEW_BLOCK, least=0, most=100)},
        optional={
            "private_metadata": string(3000, least=0),
            "callback_id": string(255, least=0),
            "external_id": string(255, least=0),
        },
    ),
}
